//! Jobs that others have registered, among those of history: whether one is wanted there, as far as it is known what it
//! was. A question about something that nobody has told of it leaves it out.

use super::{JobState, Record, RecordsWanted};
use crate::history::{Between, Kind, Moments, Wanted};
use crate::job::Outcome;
use crate::{JobId, TaskIndex, Text, Timestamp, Uid};

impl JobState {
    /// Returns how a job in this state has ended, in the engine's words; `None` if it has not.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            JobState::Running | JobState::Pending | JobState::Suspended => None,
            JobState::Completed => Some(Outcome::Completed),
            JobState::Failed => Some(Outcome::Failed),
            JobState::Cancelled | JobState::Stopped => Some(Outcome::Cancelled),
            JobState::Timeout => Some(Outcome::Timeout),
            JobState::Preempted => Some(Outcome::Preempted),
            JobState::OutOfMemory => Some(Outcome::OutOfMemory),
            JobState::NodeFail | JobState::BootFail => Some(Outcome::NodeFail),
            JobState::Deadline => Some(Outcome::Deadline),
        }
    }
}

impl Record {
    /// Tells whether it is one of the attempts wanted, in everything but order and page; `uid` is its user's number, if
    /// that is known here.
    pub fn is_among(&self, wanted: &Wanted, uid: Option<Uid>) -> bool {
        let one_however_written = |wanted: &[Text], text: &str| {
            wanted.is_empty() || wanted.iter().any(|one| one.eq_ignore_ascii_case(text))
        };
        let name = self.meta.get("jobName").map(String::as_str).unwrap_or_default();
        let is_unknown = !wanted.groups.is_empty()
            || !wanted.qos.is_empty()
            || !wanted.wckeys.is_empty()
            || !wanted.reservations.is_empty()
            || !wanted.constraints.is_empty()
            || !wanted.reasons.is_empty()
            || wanted.exit.is_some()
            || !wanted.ways_in.is_empty()
            || wanted.altered;
        !is_unknown
            && (wanted.jobs.is_empty() || wanted.jobs.iter().any(|named| self.is_named(*named)))
            && (wanted.users.is_empty() || uid.is_some_and(|uid| wanted.users.contains(&uid)))
            && one_however_written(&wanted.accounts, &self.project)
            && wanted.is_charged(&self.project, &self.user, &self.partition)
            && (wanted.names.is_empty() || wanted.names.iter().any(|one| one == name))
            && one_however_written(&wanted.partitions, &self.partition)
            && (wanted.nodes.is_empty()
                || self.resources.iter().any(|one| wanted.nodes.contains(&one.hostname)))
            && (wanted.moments.is_empty() || wanted.moments.iter().any(|moments| self.fits(moments)))
    }

    fn is_named(&self, (id, task): (JobId, Option<TaskIndex>)) -> bool {
        let id = i64::from(id.0);
        // Which task of its array a job is has nobody told.
        task.is_none() && (self.job == id || self.array_job == id && id != 0)
    }

    fn fits(&self, moments: &Moments) -> bool {
        let stands = match &moments.kind {
            Kind::Any => true,
            Kind::Ended(outcomes) => self.state.outcome().is_some_and(|own| outcomes.contains(&own)),
            Kind::Pending => self.state == JobState::Pending,
            Kind::Running => self.state == JobState::Running,
            Kind::Suspended => self.state == JobState::Suspended,
        };
        let has_started = self.state != JobState::Pending;
        let start = Timestamp::from_seconds(self.start_time);
        let submitted = if self.submit_time > 0 { Timestamp::from_seconds(self.submit_time) } else { start };
        let ended = self.end().map_or(Timestamp::NEVER, Timestamp::from_seconds);
        stands
            && moments.submitted.has(Some(submitted))
            && moments.eligible.has(Some(submitted))
            && (moments.started.has(has_started.then_some(start)) || moments.or_never_started && !has_started)
            && moments.ended.has(Some(ended))
    }
}

impl RecordsWanted {
    /// Returns what narrows records down to those that [`Record::is_among`] could want: it need not be exact. One question
    /// for each job that is named.
    pub fn around(wanted: &Wanted) -> Vec<RecordsWanted> {
        let all = |of: fn(&Moments) -> &Between| {
            let bounds = wanted.moments.iter().map(|moments| of(moments).from);
            bounds.min().flatten().map(Timestamp::seconds)
        };
        let plain =
            RecordsWanted { ended_from: all(|moments| &moments.ended), with_meta: true, ..Self::default() };
        if wanted.jobs.is_empty() {
            return vec![plain];
        }
        let named = wanted.jobs.iter().map(|(id, _)| i64::from(id.0));
        named.map(|job| RecordsWanted { job: Some(job), ..plain.clone() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_decides() {
        let record = Record {
            job: 7,
            user: "u".into(),
            project: "P".into(),
            start_time: 100,
            duration: 50,
            state: JobState::Failed,
            meta: [(Text::from("jobName"), "x".to_owned())].into(),
            ..Record::default()
        };
        let at = Timestamp::from_seconds;
        let moments = |kind, ended| vec![Moments { kind, ended, ..Moments::default() }];
        let check = |wanted: Wanted, found: bool| {
            assert_eq!(record.is_among(&wanted, Some(Uid(5))), found, "{wanted:?}");
            // What narrows down leaves none out.
            assert!(
                !found || RecordsWanted::around(&wanted).iter().any(|one| one.mean(&record)),
                "{wanted:?}"
            );
        };
        check(Wanted::default(), true);
        check(Wanted { jobs: vec![(JobId(7), None)], ..Wanted::default() }, true);
        check(Wanted { jobs: vec![(JobId(8), None)], ..Wanted::default() }, false);
        check(Wanted { users: vec![Uid(5)], accounts: vec!["p".into()], ..Wanted::default() }, true);
        check(Wanted { users: vec![Uid(6)], ..Wanted::default() }, false);
        check(Wanted { names: vec!["x".into()], ..Wanted::default() }, true);
        check(Wanted { qos: vec!["normal".into()], ..Wanted::default() }, false);
        check(Wanted { moments: moments(Kind::Any, Between::from(at(150))), ..Wanted::default() }, true);
        check(Wanted { moments: moments(Kind::Any, Between::from(at(151))), ..Wanted::default() }, false);
        let failed = Kind::Ended(vec![Outcome::Failed]);
        check(Wanted { moments: moments(failed, Between::default()), ..Wanted::default() }, true);
        check(Wanted { moments: moments(Kind::Running, Between::default()), ..Wanted::default() }, false);
        assert!(!record.is_among(&Wanted { users: vec![Uid(5)], ..Wanted::default() }, None));
    }
}
