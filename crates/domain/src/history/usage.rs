//! What an attempt used, hour by hour: so many seconds of each of the things it held.

use super::almanac::{Almanac, Span};
use super::amounts::Amounts;
use super::fits::{partition, reservation};
use crate::job::{Job, Phase};
use crate::{Text, Timestamp};

/// No attempt is counted over a longer time, seconds: 20 years.
const LONGEST: i64 = 20 * 366 * 86_400;

/// Who is charged.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Charge {
    /// The account.
    pub account: Text,
    /// The user's name.
    pub user: Text,
    /// The partition it ran in.
    pub partition: Text,
    /// The quality of service.
    pub qos: Text,
    /// The workload key, without the star of one that was assumed.
    pub wckey: Text,
    /// The reservation it ran in; empty for none.
    pub reservation: Text,
}

impl Charge {
    /// Says who is charged for a job.
    pub fn of(job: &Job) -> Self {
        let spec = &job.spec;
        Charge {
            account: spec.account.clone(),
            user: spec.owner.name.clone(),
            partition: partition(job).clone(),
            qos: spec.qos.clone(),
            wckey: Text::from(spec.wckey.trim_start_matches('*')),
            reservation: reservation(job).clone(),
        }
    }
}

/// Amounts times the seconds they were held. Below zero only where something is to be taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// CPU seconds.
    pub cpu: i64,
    /// Megabyte seconds.
    pub memory: i64,
    /// Node seconds.
    pub node: i64,
    /// Seconds of what was charged.
    pub billing: i64,
    /// The rest by name, in the order of the names: seconds of `gres/gpu`; joules for `energy`.
    pub others: Vec<(Text, i64)>,
}

/// The name of energy among the rest.
const ENERGY: &str = "energy";

impl Sums {
    /// Adds others to these.
    pub fn add(&mut self, more: &Sums) {
        self.cpu = self.cpu.saturating_add(more.cpu);
        self.memory = self.memory.saturating_add(more.memory);
        self.node = self.node.saturating_add(more.node);
        self.billing = self.billing.saturating_add(more.billing);
        for (name, amount) in &more.others {
            match self.others.binary_search_by(|(other, _)| other.cmp(name)) {
                Ok(at) => {
                    if let Some((_, sum)) = self.others.get_mut(at) {
                        *sum = sum.saturating_add(*amount);
                    }
                }
                Err(at) => self.others.insert(at, (name.clone(), *amount)),
            }
        }
    }

    /// Returns what takes these back.
    #[must_use]
    pub fn negated(&self) -> Sums {
        Sums {
            cpu: -self.cpu,
            memory: -self.memory,
            node: -self.node,
            billing: -self.billing,
            others: self.others.iter().map(|(name, amount)| (name.clone(), -amount)).collect(),
        }
    }

    /// Tells whether it is nothing at all.
    pub fn is_nothing(&self) -> bool {
        let Sums { cpu, memory, node, billing, others } = self;
        [cpu, memory, node, billing].iter().all(|sum| **sum == 0) && others.iter().all(|(_, sum)| *sum == 0)
    }

    fn of(held: &Amounts, seconds: i64) -> Self {
        let times = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX).saturating_mul(seconds);
        Sums {
            cpu: times(held.cpus),
            memory: times(held.memory),
            node: times(held.nodes),
            billing: times(held.billing),
            others: held.others.iter().map(|(name, amount)| (name.clone(), times(*amount))).collect(),
        }
    }
}

/// What an attempt used within an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// When the hour began, seconds since 1970.
    pub hour: i64,
    /// What was used.
    pub sums: Sums,
    /// CPU seconds for which it could have run and waited.
    pub waited: i64,
}

/// Takes apart what a job has used of what it `held`, and how long it has waited, by hours, in order. One that has
/// not ended is counted until `now`. Seconds of suspension are not used; they are spread over its time evenly, since
/// nobody remembers when they were.
pub fn pieces(job: &Job, held: &Amounts, now: Timestamp, almanac: &mut Almanac) -> Vec<Piece> {
    let until = match &job.phase {
        Phase::Ended(ended) => ended.ended,
        _ => now,
    };
    let mut found = Vec::new();
    let run = job.run();
    if job.eligible != Timestamp::NEVER {
        let cpus = i64::from(job.spec.resources.least_cpus());
        let started = run.map_or(until, |run| run.started);
        for (hour, seconds) in by_hour(job.eligible.seconds(), started.seconds(), almanac) {
            found.push(Piece { hour, sums: Sums::default(), waited: cpus.saturating_mul(seconds) });
        }
    }
    let Some(run) = run else { return found };
    let lasted = until.seconds().saturating_sub(run.started.seconds()).clamp(0, LONGEST);
    let paused = until.since(run.started).saturating_sub(run.elapsed(until)).as_secs();
    let used = lasted.saturating_sub(i64::try_from(paused).unwrap_or(i64::MAX)).max(0);
    let joules = match &job.phase {
        Phase::Ended(ended) => ended.usage.energy_mj.map(|millijoules| millijoules / 1000),
        _ => None,
    };
    // What belongs to the first so many of all its seconds: shares of the parts add up to the whole.
    let share = |whole: i64, seconds: i64| -> i64 {
        let share = i128::from(whole) * i128::from(seconds) / i128::from(lasted.max(1));
        i64::try_from(share).unwrap_or(i64::MAX)
    };
    let mut passed = 0;
    for (hour, seconds) in by_hour(until.seconds().saturating_sub(lasted), until.seconds(), almanac) {
        let (before, after) = (passed, passed + seconds);
        passed = after;
        let mut sums = Sums::of(held, share(used, after) - share(used, before));
        if let Some(joules) = joules.and_then(|joules| i64::try_from(joules).ok()) {
            let part = share(joules, after) - share(joules, before);
            sums.add(&Sums { others: vec![(Text::const_new(ENERGY), part)], ..Sums::default() });
        }
        match found.last_mut().filter(|last| last.hour == hour) {
            Some(last) => last.sums = sums,
            None => found.push(Piece { hour, sums, waited: 0 }),
        }
    }
    found
}

/// Cuts a stretch of time at the hours: when each began, and how many seconds of it belong to the stretch.
fn by_hour(from: i64, to: i64, almanac: &mut Almanac) -> Vec<(i64, i64)> {
    let mut from = from.max(to.saturating_sub(LONGEST));
    let mut found = Vec::new();
    while from < to {
        let (start, end) = almanac.bounds(Span::Hour, from);
        let end = end.min(to);
        found.push((start, end - from));
        from = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Allocation, CpuSet, NodeShare, Outcome, Running};
    use crate::ports::Greenwich;
    use crate::{NodeIndex, job};
    use std::sync::Arc;

    const BASE: i64 = 1_700_000_000 / 3600 * 3600;

    fn job(from: i64, to: i64) -> Job {
        let share = NodeShare {
            node: NodeIndex(0),
            cpus: (0..4).collect::<CpuSet>(),
            memory: 100,
            tasks: 1,
            gres: Default::default(),
        };
        let allocation = Allocation {
            partition: Text::const_new("batch"),
            nodes: [share].into_iter().collect(),
            whole: false,
            licenses: Default::default(),
            reservation: Text::default(),
        };
        let at = |seconds: i64| Timestamp::from_seconds(BASE + seconds);
        let run = Running::new(at(from), Arc::new(allocation), Timestamp::NEVER, Text::default());
        let ended = job::Ended {
            outcome: Outcome::Completed,
            reason: job::Reason::None,
            ended: at(to),
            exit: job::Exit::Code(0),
            usage: job::Usage { energy_mj: Some(7_000_000), ..job::Usage::default() },
            cancelled_by: None,
            run: Some(run),
            remark: Text::default(),
        };
        Job { eligible: at(from - 60), phase: Phase::Ended(Box::new(ended)), ..crate::job::tests::job(7) }
    }

    #[test]
    fn an_attempt_is_spread_over_the_hours_it_touched() {
        let mut almanac = Almanac::of(Arc::new(Greenwich));
        let also = [(Text::const_new("gres/gpu"), 2)];
        let job = job(3_590, 7_201);
        let held = Amounts::of_job(&job, &also);
        let found = pieces(&job, &held, Timestamp::EPOCH, &mut almanac);
        let parts: Vec<_> =
            found.iter().map(|piece| (piece.hour - BASE, piece.sums.cpu, piece.waited)).collect();
        assert_eq!(parts, [(0, 40, 60), (3600, 14_400, 0), (7200, 4, 0)]);
        let mut all = Sums::default();
        found.iter().for_each(|piece| all.add(&piece.sums));
        let others = vec![(Text::const_new("energy"), 7000), (Text::const_new("gres/gpu"), 2 * 3611)];
        assert_eq!(all, Sums { cpu: 14_444, memory: 361_100, node: 3611, billing: 14_444, others });
        all.add(&all.negated());
        assert!(all.is_nothing());
    }

    #[test]
    fn suspensions_are_not_used() {
        let mut almanac = Almanac::of(Arc::new(Greenwich));
        let mut suspended = job(0, 7_200);
        if let Phase::Ended(ended) = &mut suspended.phase
            && let Some(run) = &mut ended.run
        {
            run.pause = Some(job::Pause {
                changed: ended.ended,
                ran: std::time::Duration::from_secs(1800),
                by: None,
            });
        }
        let held = Amounts::of_job(&suspended, &[]);
        let found = pieces(&suspended, &held, Timestamp::EPOCH, &mut almanac);
        let node: Vec<i64> = found.iter().map(|piece| piece.sums.node).collect();
        assert_eq!(node, [0, 900, 900], "the first hour is that in which it waited");
    }
}
