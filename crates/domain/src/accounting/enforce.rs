//! Whether a job may be taken in, and whether it may start, by what its line allows and what is in use already. Pure.

use super::line::{Line, Over, Rule};
use super::tally::Tally;
use super::tres::NODE;
use super::{Limit, Quantities, Usage, Wanted};
use crate::job::Reason;
use crate::{Text, Timestamp};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// What has been decided on and is not counted yet: starts that a pass proposes.
#[derive(Clone, Debug, Default)]
pub struct Planned(HashMap<Counted, Plan>);

/// Jobs that gain priority by waiting, as far as that is limited.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accruing(HashMap<Counted, u64>);

impl Accruing {
    fn of(&self, by: &Counted) -> u64 {
        self.0.get(by).copied().unwrap_or(0)
    }

    /// Takes in one more job of a line.
    pub(crate) fn add(&mut self, line: &Line) {
        let all: HashSet<Counted> = line.accrual.iter().filter_map(|rule| counted(line, rule)).collect();
        all.into_iter().for_each(|by| *self.0.entry(by).or_default() += 1);
    }
}

/// What is counted for a limit, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Counted {
    Association(u32),
    Qos(u32),
    UserOf(u32, Text),
    AccountOf(u32, Text),
}

/// Of one of them.
#[derive(Clone, Debug, Default)]
struct Plan {
    jobs: u32,
    used: Quantities,
    minutes: Quantities,
    /// The first moment at which any of it is needed.
    from: Timestamp,
}

impl Planned {
    /// Tells whether nothing has been decided on.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in that a job will have this from a moment on.
    pub fn add(&mut self, line: &Line, wanted: &Wanted, from: Timestamp) {
        let mut done: Vec<Counted> = Vec::new();
        for rule in &line.start {
            let Some(counted) = counted(line, rule).filter(|counted| !done.contains(counted)) else {
                continue;
            };
            let plan = self.0.entry(counted.clone()).or_insert_with(|| Plan { from, ..Plan::default() });
            plan.jobs = plan.jobs.saturating_add(1);
            plan.used.add(&wanted.quantities);
            plan.minutes.add(&wanted.quantities.times(wanted.minutes));
            plan.from = plan.from.min(from);
            done.push(counted);
        }
    }

    /// Takes back what was taken in of a job.
    pub fn take_off(&mut self, line: &Line, wanted: &Wanted) {
        let all: HashSet<Counted> = line.start.iter().filter_map(|rule| counted(line, rule)).collect();
        for by in all {
            let Some(plan) = self.0.get_mut(&by) else { continue };
            plan.jobs = plan.jobs.saturating_sub(1);
            plan.used.take(&wanted.quantities);
            plan.minutes.take(&wanted.quantities.times(wanted.minutes));
        }
    }

    /// Returns what of it is needed before a moment.
    fn before(&self, line: &Line, rule: &Rule, end: Timestamp) -> Option<&Plan> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&counted(line, rule)?).filter(|plan| plan.from < end)
    }
}

fn counted(line: &Line, rule: &Rule) -> Option<Counted> {
    Some(match rule.over {
        Over::Job => return None,
        Over::Association(id) => Counted::Association(id),
        Over::Qos(id) => Counted::Qos(id),
        Over::UserOf(id) => Counted::UserOf(id, line.user.clone()),
        Over::AccountOf(id) => Counted::AccountOf(id, line.account.clone()),
    })
}

/// A moment at which a job may start or not.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// When.
    pub now: Timestamp,
    /// Jobs start only if they can run to their end within limits on minutes.
    pub safe: bool,
    /// What has been decided on already.
    pub planned: &'a [&'a Planned],
}

impl Usage {
    fn tally(&self, line: &Line, over: Over) -> Option<&Tally> {
        match over {
            Over::Job => None,
            Over::Association(id) => self.association(id),
            Over::Qos(id) => self.qos(id),
            Over::UserOf(id) => self.user_of(id, &line.user),
            Over::AccountOf(id) => self.account_of(id, &line.account),
        }
    }

    /// Tells whether so many more jobs of a line may be taken in; `counted` is the line for which they are counted
    /// already, if any.
    ///
    /// # Errors
    /// The limit that would be exceeded.
    pub fn may_submit(&self, line: &Line, jobs: u32, counted: Option<&Line>) -> Result<(), Reason> {
        let exceeds = |rule: &&Rule| {
            if counted.is_some_and(|counted| counted.counts_for(line, rule)) {
                return false;
            }
            let known = self.tally(line, rule.over).map_or(0, |tally| tally.submitted);
            u64::from(known.saturating_add(jobs)) > rule.most
        };
        line.submit.iter().find(exceeds).map_or(Ok(()), |rule| Err(rule.reason))
    }

    /// Tells whether one more job of a line may gain priority by waiting, besides those that do.
    pub(crate) fn may_accrue(&self, line: &Line, accruing: &Accruing) -> bool {
        let has_room = |rule: &Rule| counted(line, rule).is_none_or(|by| accruing.of(&by) < rule.most);
        line.accrual.iter().all(has_room)
    }

    /// Tells whether a job asks for no more than its line could ever give it. Asked where a quality of service has what is
    /// over a limit refused.
    ///
    /// # Errors
    /// The limit that is exceeded.
    pub fn could_ever_start(&self, line: &Line, wanted: &Wanted) -> Result<(), Reason> {
        let nobody = Usage::default();
        let moment = Moment { now: Timestamp::EPOCH, safe: true, planned: &[] };
        let counts_jobs = |rule: &Rule| {
            use Limit::*;
            matches!(rule.limit, GrpJobs | MaxJobs | MaxJobsPerUser | MaxJobsPerAccount)
        };
        let of_request = line.start.iter().filter(|rule| !counts_jobs(rule));
        first_exceeded(&nobody, line, of_request, wanted, moment)
    }

    /// Tells whether of some limit on minutes nothing is left, for a job that holds this and ran for that long.
    pub(super) fn has_used_up(&self, line: &Line, held: &Quantities, ran: Duration) -> bool {
        let now = self.now();
        line.start.iter().any(|rule| match rule.limit {
            Limit::MaxTresMinsPerJob => {
                let seconds = held.of(rule.resource).saturating_mul(ran.as_secs());
                seconds > rule.most.saturating_mul(60)
            }
            Limit::GrpTresMins if held.of(rule.resource) == 0 => false,
            Limit::GrpWall | Limit::GrpTresMins => self.minutes_used(line, rule, now) >= rule.most,
            _ => false,
        })
    }

    /// Returns the minutes that were used of what a limit counts.
    fn minutes_used(&self, line: &Line, rule: &Rule, now: Timestamp) -> u64 {
        let half_life = half_life(self, rule);
        let used = self.tally(line, rule.over).map_or(0.0, |tally| match rule.limit {
            Limit::GrpWall => tally.past.wall_at(now, half_life),
            _ => tally.past.of(rule.resource, now, half_life),
        });
        // A cast of a float keeps within the bounds of the integer.
        (used / 60.0) as u64
    }

    /// Tells whether a job may start.
    ///
    /// # Errors
    /// The limit that keeps it waiting.
    pub fn may_start(&self, line: &Line, wanted: &Wanted, moment: Moment<'_>) -> Result<(), Reason> {
        first_exceeded(self, line, line.start.iter(), wanted, moment)
    }
}

fn first_exceeded<'r>(
    usage: &Usage,
    line: &Line,
    mut rules: impl Iterator<Item = &'r Rule>,
    wanted: &Wanted,
    moment: Moment<'_>,
) -> Result<(), Reason> {
    let exceeded = rules.find(|rule| exceeds(usage, line, rule, wanted, moment));
    exceeded.map_or(Ok(()), |rule| Err(rule.reason))
}

fn exceeds(usage: &Usage, line: &Line, rule: &Rule, wanted: &Wanted, moment: Moment<'_>) -> bool {
    use Limit::*;
    let Moment { now, safe, planned } = moment;
    let (most, resource) = (rule.most, rule.resource);
    let amount = wanted.quantities.of(resource);
    let minutes = amount.saturating_mul(wanted.minutes);
    let tally = || usage.tally(line, rule.over);
    let end = now.after(Duration::from_secs(wanted.minutes.saturating_mul(60)));
    let sum = |part: &dyn Fn(&Plan) -> u64| {
        let plans = planned.iter().filter_map(|planned| planned.before(line, rule, end));
        plans.fold(0_u64, |sum, plan| sum.saturating_add(part(plan)))
    };
    match rule.limit {
        GrpJobs | MaxJobs | MaxJobsPerUser | MaxJobsPerAccount => {
            let running = tally().map_or(0, |tally| u64::from(tally.running));
            running.saturating_add(sum(&|plan| plan.jobs.into())) >= most
        }
        GrpWall => {
            let past = usage.minutes_used(line, rule, now);
            if safe { past.saturating_add(ahead(line, wanted.minutes)) > most } else { past >= most }
        }
        MaxWallPerJob => wanted.minutes > most,
        MaxTresPerJob => amount > most,
        MinTresPerJob => amount < most,
        MaxTresPerNode => {
            let per_node = if resource == NODE { 1 } else { amount.div_ceil(u64::from(wanted.nodes.max(1))) };
            per_node > most
        }
        MaxTresMinsPerJob => minutes > most,
        GrpTres | MaxTresPerUser | MaxTresPerAccount => {
            let used = tally().map_or(0, |tally| tally.in_use(resource));
            used.saturating_add(sum(&|plan| plan.used.of(resource))).saturating_add(amount) > most
        }
        GrpTresMins => {
            let past = usage.minutes_used(line, rule, now);
            if amount == 0 || !safe {
                return amount > 0 && past >= most;
            }
            let running = tally().map_or(0, |tally| tally.seconds_ahead(resource, now) / 60);
            let planned = sum(&|plan| plan.minutes.of(resource));
            let coming = ahead(line, running.saturating_add(planned).saturating_add(minutes));
            past.saturating_add(coming) > most
        }
        GrpTresRunMins | MaxTresRunMins | MaxTresRunMinsPerUser | MaxTresRunMinsPerAccount => {
            let running = tally().map_or(0, |tally| tally.seconds_ahead(resource, now) / 60);
            let planned = sum(&|plan| plan.minutes.of(resource));
            running.saturating_add(planned).saturating_add(minutes) > most
        }
        GrpJobsAccrue
        | MaxJobsAccrue
        | MaxJobsAccruePerUser
        | MaxJobsAccruePerAccount
        | MinPriorityThreshold
        | GrpSubmitJobs
        | MaxSubmitJobs
        | MaxSubmitJobsPerUser
        | MaxSubmitJobsPerAccount => false,
    }
}

/// Returns minutes as they will count, where they are weighed beforehand.
fn ahead(line: &Line, minutes: u64) -> u64 {
    if line.weighs_ahead { (minutes as f64 * line.usage_factor) as u64 } else { minutes }
}

fn half_life(usage: &Usage, rule: &Rule) -> Option<Duration> {
    match rule.over {
        Over::Qos(id) => usage.half_life_of(id),
        _ => usage.half_life(),
    }
}
