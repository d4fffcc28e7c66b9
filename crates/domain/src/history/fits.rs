//! Whether an attempt is one of those wanted: the same question for those that live and for those that have ended.

use super::{Kind, Moments, Wanted};
use crate::job::{ArrayPart, Exit, Job, Phase};
use crate::{Text, Timestamp};

impl Wanted {
    /// Tells whether a job fits in everything but [`Wanted::after`] and [`Wanted::altered`], which it does not know of
    /// itself; `nodes` are the names of its nodes.
    pub fn fits(&self, job: &Job, nodes: &[Text]) -> bool {
        let one_of = |wanted: &[Text], text: &str| wanted.is_empty() || wanted.iter().any(|one| one == text);
        let one_however_written = |wanted: &[Text], text: &str| {
            wanted.is_empty() || wanted.iter().any(|one| one.eq_ignore_ascii_case(text))
        };
        let spec = &job.spec;
        (self.jobs.is_empty() || self.names_job(job))
            && (!self.whole || job.array_id() == job.id)
            && (self.users.is_empty() || self.users.contains(&spec.owner.uid))
            && (self.groups.is_empty() || self.groups.contains(&spec.owner.gid))
            && one_however_written(&self.accounts, &spec.account)
            && one_of(&self.names, &spec.name)
            && one_however_written(&self.partitions, partition(job))
            && one_however_written(&self.qos, &spec.qos)
            && one_however_written(&self.wckeys, &spec.wckey)
            && one_however_written(&self.reservations, reservation(job))
            && self.is_constrained(constraint(job))
            && one_of(&self.reasons, reason(job))
            && self.is_charged(&spec.account, &spec.owner.name, partition(job))
            && (self.nodes.is_empty() || nodes.iter().any(|node| self.nodes.contains(node)))
            && self.exit.is_none_or(|wanted| wanted == exit(job))
            && (self.ways_in.is_empty() || job.run().is_some_and(|run| self.ways_in.contains(&run.way_in)))
            && (self.moments.is_empty() || self.moments.iter().any(|moments| moments.fit(job)))
    }

    /// Tells whether one of the associations wanted is this one.
    pub fn is_charged(&self, account: &str, user: &str, partition: &str) -> bool {
        self.associations.is_empty()
            || self.associations.iter().any(|(wanted, of, within)| {
                wanted == account && of == user && (within.is_empty() || within == partition)
            })
    }

    /// Tells whether all constraints wanted are part of what is written, in small letters or capitals.
    pub fn is_constrained(&self, written: &str) -> bool {
        let written = written.to_ascii_lowercase();
        self.constraints.iter().all(|one| written.contains(one.to_ascii_lowercase().as_str()))
    }

    fn names_job(&self, job: &Job) -> bool {
        self.jobs.iter().any(|(id, task)| match (task, &job.array) {
            (None, _) => *id == job.id || *id == job.array_id(),
            (Some(task), Some(ArrayPart::Task { of, index, .. })) => {
                (id == of || *id == job.id) && index == task
            }
            (Some(task), Some(ArrayPart::Pool { waiting, .. })) => *id == job.id && waiting.contains(*task),
            (Some(_), None) => false,
        })
    }
}

impl Moments {
    /// Tells whether a job stands so and did everything at these times.
    pub fn fit(&self, job: &Job) -> bool {
        let started = job.run().map(|run| run.started);
        // Who ran could run.
        let eligible = Some(job.eligible).filter(|at| *at != Timestamp::NEVER).or(started);
        let (stands, ended) = match (&self.kind, &job.phase) {
            (Kind::Any, Phase::Ended(ended)) => (true, Some(ended.ended)),
            (Kind::Ended(outcomes), Phase::Ended(ended)) => {
                (outcomes.contains(&ended.outcome), Some(ended.ended))
            }
            (Kind::Any, _) | (Kind::Pending, Phase::Pending(_)) => (true, None),
            (Kind::Running, Phase::Running(run)) => (!run.is_suspended(), None),
            (Kind::Running, Phase::Completing(_)) => (true, None),
            (Kind::Suspended, Phase::Running(run)) => (run.is_suspended(), None),
            _ => (false, None),
        };
        stands
            && self.submitted.has(Some(job.submitted))
            && self.eligible.has(eligible)
            && (self.started.has(started) || self.or_never_started && started.is_none())
            && self.ended.has(Some(ended.unwrap_or(Timestamp::NEVER)))
    }
}

/// Returns the partition a job runs or ran in, or the one it wants first.
pub(crate) fn partition(job: &Job) -> &Text {
    match job.run() {
        Some(run) => &run.allocation.partition,
        None => job.spec.partition(),
    }
}

/// Returns the reservation a job runs or ran in, or those it names.
pub(crate) fn reservation(job: &Job) -> &Text {
    match job.run() {
        Some(run) if !run.allocation.reservation.is_empty() => &run.allocation.reservation,
        _ => &job.spec.uncommon().reservation,
    }
}

/// Returns what a job wants of its nodes, as written.
pub(crate) fn constraint(job: &Job) -> &str {
    job.spec.resources.constraint.as_ref().map_or("", |constraint| constraint.written.as_str())
}

fn reason(job: &Job) -> &'static str {
    match &job.phase {
        Phase::Pending(pending) => pending.reason.name(),
        Phase::Running(_) => "None",
        Phase::Completing(completing) => completing.reason.name(),
        Phase::Ended(ended) => ended.reason.name(),
    }
}

fn exit(job: &Job) -> Exit {
    match &job.phase {
        Phase::Ended(ended) => ended.exit,
        _ => Exit::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Between;
    use crate::job::{Ended, Outcome, Pending, Usage};
    use crate::{JobId, Uid};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn job(phase: Phase) -> Job {
        Job { submitted: at(10), eligible: at(20), phase, ..crate::job::tests::job(7) }
    }

    fn ended(outcome: Outcome) -> Job {
        let reason = crate::job::Reason::None;
        let (exit, usage) = (Exit::Code(3), Usage::default());
        let (cancelled_by, run, remark) = (None, None, Text::default());
        job(Phase::Ended(Box::new(Ended {
            outcome,
            reason,
            ended: at(50),
            exit,
            usage,
            cancelled_by,
            run,
            remark,
        })))
    }

    #[test]
    fn moments_are_compared_with_what_is_known() {
        let waits = job(Phase::Pending(Pending::default()));
        let over = ended(Outcome::Failed);
        let check = |moments: &Moments, waiting: bool, ended: bool| {
            assert_eq!((moments.fit(&waits), moments.fit(&over)), (waiting, ended), "{moments:?}");
        };
        let any = Moments::default();
        check(&any, true, true);
        check(&Moments { ended: Between::from(at(50)), ..any.clone() }, true, true);
        check(&Moments { ended: Between::from(at(51)), ..any.clone() }, true, false);
        check(&Moments { ended: Between::to(at(50)), ..any.clone() }, false, true);
        check(&Moments { eligible: Between::to(at(19)), ..any.clone() }, false, false);
        check(&Moments { started: Between::from(at(1)), ..any.clone() }, false, false);
        let unstarted = Moments { started: Between::from(at(1)), or_never_started: true, ..any.clone() };
        check(&unstarted, true, true);
        check(&Moments { kind: Kind::Pending, ..any.clone() }, true, false);
        check(&Moments { kind: Kind::Ended(vec![Outcome::Failed]), ..any.clone() }, false, true);
        check(&Moments { kind: Kind::Ended(vec![Outcome::Timeout]), ..any }, false, false);
    }

    #[test]
    fn constraints_are_parts_of_what_is_written() {
        let wanted = |constraints: &[&'static str]| {
            let constraints = constraints.iter().map(|name| Text::const_new(name)).collect();
            Wanted { constraints, ..Wanted::default() }
        };
        assert!(wanted(&["intel", "FAST"]).is_constrained("fast&intel"));
        assert!(wanted(&["fas"]).is_constrained("fast"));
        assert!(!wanted(&["intel", "fast"]).is_constrained("intel"));
        assert!(wanted(&[]).is_constrained(""));
    }

    #[test]
    fn every_wish_can_leave_a_job_out() {
        let over = ended(Outcome::Failed);
        let nodes = [Text::from("n1")];
        assert!(Wanted::default().fits(&over, &nodes));
        let other = || vec![Text::from("none of these")];
        let all = Wanted::default;
        for wanted in [
            Wanted { jobs: vec![(JobId(8), None)], ..all() },
            Wanted { jobs: vec![(JobId(7), Some(crate::TaskIndex(0)))], ..all() },
            Wanted { users: vec![Uid(1)], ..all() },
            Wanted { groups: vec![crate::Gid(1)], ..all() },
            Wanted { accounts: other(), ..all() },
            Wanted { associations: vec![("a".into(), "b".into(), Text::default())], ..all() },
            Wanted { names: other(), ..all() },
            Wanted { partitions: other(), ..all() },
            Wanted { qos: other(), ..all() },
            Wanted { wckeys: other(), ..all() },
            Wanted { reservations: other(), ..all() },
            Wanted { constraints: other(), ..all() },
            Wanted { nodes: other(), ..all() },
            Wanted { reasons: other(), ..all() },
            Wanted { exit: Some(Exit::Code(0)), ..all() },
            Wanted { ways_in: vec![crate::job::WayIn::InOrder], ..all() },
        ] {
            assert!(!wanted.fits(&over, &nodes), "{wanted:?}");
        }
        let nodes_and_exit = Wanted {
            nodes: nodes.to_vec(),
            exit: Some(Exit::Code(3)),
            jobs: vec![(JobId(7), None)],
            ..all()
        };
        assert!(nodes_and_exit.fits(&over, &nodes));
    }
}
