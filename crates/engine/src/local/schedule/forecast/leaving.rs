//! What the future is like without some of those who run: to try whom a job would need gone, and to take in that they go.

use super::{Forecast, Wish, YEAR, amounts_of, as_amounts, expected_end};
use crate::local::schedule::timeline::Timeline;
use domain::fit::{Amounts, Demand, Placement};
use domain::job::{Allocation, Job, Phase};
use domain::ports::PreemptHow;
use domain::{NodeIndex, Text, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// What a running job holds of a node until it ends.
type Hold = (NodeIndex, Amounts);

impl Forecast<'_> {
    /// Takes a running job out, as if it were gone, or halted. [`put_back`](Self::put_back) undoes it.
    pub(in crate::local::schedule) fn lift(&mut self, job: &Job, how: PreemptHow) {
        self.change(job, how, self.now, Timeline::give);
        self.mark_away(job, how, true);
    }

    /// Puts back a job that has been taken out.
    pub(in crate::local::schedule) fn put_back(&mut self, job: &Job, how: PreemptHow) {
        self.change(job, how, self.now, Timeline::take);
        self.mark_away(job, how, false);
    }

    /// Takes in that a job will be gone at a time, sooner than it would be.
    pub(in crate::local::schedule) fn leave(&mut self, job: &Job, at: Timestamp) {
        let at = self.layout.rounded(at);
        self.change(job, PreemptHow::Cancel, at, Timeline::give);
        for stay in self.stays.iter_mut().flatten().filter(|stay| stay.job == Some(job.id)) {
            stay.until = stay.until.min(at);
        }
        self.times.insert(at);
    }

    /// Takes in that a job is halted now and goes on at a time with what it has left.
    pub(in crate::local::schedule) fn halt(&mut self, job: &Job, until: Timestamp) {
        self.change(job, PreemptHow::Suspend, self.now, Timeline::give);
        let left = left(job, self.now);
        for (node, amounts) in self.holds(job, PreemptHow::Suspend) {
            if let Some(timeline) = self.nodes.get_mut(node.0 as usize).and_then(Option::as_mut) {
                timeline.take(until, until.after(left), &amounts);
            }
        }
        self.times.insert(until.after(left));
    }

    /// Tells whether the CPUs of all these halted jobs are free from a time on, for as long as each needs them.
    pub(in crate::local::schedule) fn have_return<'j>(
        &mut self,
        jobs: impl IntoIterator<Item = &'j Arc<Job>>,
        from: Timestamp,
    ) -> bool {
        let mut before: Vec<(usize, Timeline)> = Vec::new();
        let can_return = jobs.into_iter().all(|job| {
            let is_free = self.has_return(job, from);
            for (node, amounts) in self.holds(job, PreemptHow::Suspend) {
                let at = node.0 as usize;
                if let Some(timeline) = self.nodes.get_mut(at).and_then(Option::as_mut).filter(|_| is_free) {
                    before.push((at, timeline.clone()));
                    timeline.take(from, from.after(left(job, self.now)), &amounts);
                }
            }
            is_free
        });
        for (at, timeline) in before.into_iter().rev() {
            if let Some(node) = self.nodes.get_mut(at) {
                *node = Some(timeline);
            }
        }
        can_return
    }

    fn has_return(&self, job: &Job, from: Timestamp) -> bool {
        let until = from.after(left(job, self.now));
        let is_free = |(node, wanted): &Hold| {
            let timeline = self.nodes.get(node.0 as usize).and_then(Option::as_ref);
            timeline.is_some_and(|timeline| timeline.least(from, until).0.cpus >= wanted.cpus)
        };
        self.holds(job, PreemptHow::Suspend).iter().all(is_free)
    }

    /// Returns where a wish can be met from now until a time: in the place that was promised, if that has room.
    pub(in crate::local::schedule) fn best_until(
        &mut self,
        wish: Wish<'_>,
        until: Timestamp,
        promised: Option<&Placement>,
    ) -> Option<Placement> {
        let promised = promised.filter(|place| self.has_room_within(wish, (self.now, until), place));
        promised.cloned().or_else(|| self.within(wish, self.now, until))
    }

    /// Books a placement from now until a time, for a trial. Returns the licences taken.
    pub(in crate::local::schedule) fn try_on<'w>(
        &mut self,
        wish: Wish<'w>,
        until: Timestamp,
        placement: &Placement,
    ) -> &'w [(Text, u32)] {
        self.book_within(wish, (self.now, until), placement)
    }

    /// Undoes the last trial booking.
    pub(in crate::local::schedule) fn take_off(
        &mut self,
        demand: &Demand<'_>,
        (until, placement, licenses): (Timestamp, &Placement, &[(Text, u32)]),
    ) {
        for placed in &placement.nodes {
            let takes = self.taken_by(demand, placed).into_owned();
            let at = placed.node.0 as usize;
            if let Some(timeline) = self.nodes.get_mut(at).and_then(Option::as_mut) {
                timeline.give(self.now, until, &takes);
            }
            self.stays.get_mut(at).and_then(Vec::pop);
        }
        for (name, count) in licenses {
            if let Some(timeline) = self.licenses.get_mut(name) {
                timeline.give(self.now, until, &as_amounts(*count));
            }
        }
    }

    fn change(
        &mut self,
        job: &Job,
        how: PreemptHow,
        from: Timestamp,
        change: fn(&mut Timeline, Timestamp, Timestamp, &Amounts),
    ) {
        let until = self.layout.rounded(expected_end(job, self.now, self.layout.cluster().limits.kill_wait));
        if until <= from {
            return;
        }
        let holds = self.holds(job, how);
        self.work += holds.len();
        for (node, amounts) in holds {
            if let Some(timeline) = self.nodes.get_mut(node.0 as usize).and_then(Option::as_mut) {
                change(timeline, from, until, &amounts);
            }
        }
        let returns = how != PreemptHow::Suspend && self.layout.cluster().preempt.for_licenses;
        let allocation = job.held_resources().filter(|_| returns);
        for (name, count) in allocation.into_iter().flat_map(|allocation| &allocation.licenses) {
            if let Some(timeline) = self.licenses.get_mut(name) {
                change(timeline, from, until, &as_amounts(*count));
            }
        }
    }

    /// Returns what becomes free if a job goes. CPUs it shares are somebody else's still.
    fn holds(&self, job: &Job, how: PreemptHow) -> Vec<Hold> {
        let held: Option<&Allocation> = job.held_resources().map(|allocation| &**allocation);
        let Some(allocation) = held.filter(|_| !job.is_suspended()) else { return Vec::new() };
        let taken = self.layout.cluster().taken(job, allocation);
        taken
            .map(|taken| {
                let mut amounts = amounts_of(self.layout, taken);
                if taken.shares_cpus {
                    amounts.cpus = 0;
                    amounts.sockets.iter_mut().for_each(|cpus| *cpus = 0);
                }
                if how == PreemptHow::Suspend {
                    amounts.memory = 0;
                    amounts.gres.iter_mut().for_each(|units| *units = 0);
                }
                (taken.share.node, amounts)
            })
            .collect()
    }

    fn mark_away(&mut self, job: &Job, how: PreemptHow, away: bool) {
        let shares = job.held_resources().filter(|_| how != PreemptHow::Suspend).into_iter();
        for share in shares.flat_map(|allocation| &allocation.nodes) {
            let stays = self.stays.get_mut(share.node.0 as usize).into_iter().flatten();
            stays.filter(|stay| stay.job == Some(job.id)).for_each(|stay| stay.is_away = away);
        }
    }
}

/// Returns how much of its time a job has left.
fn left(job: &Job, now: Timestamp) -> Duration {
    match &job.phase {
        Phase::Running(run) => run.until.since(now).min(YEAR),
        Phase::Pending(_) | Phase::Completing(_) | Phase::Ended(_) => Duration::ZERO,
    }
}
