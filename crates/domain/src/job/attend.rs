//! An allocation and the program it was made for: who tells that it is complete, and what becomes of it when that program
//! has gone without a word. The part of [`apply`](Job::apply) that is about allocations alone.

use super::apply::{Applied, verdict};
use super::{Completing, End, Exit, Job, JobKind, Outcome, Phase, Reason, Running};
use crate::Timestamp;

/// The program an allocation was made for, as it was seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attendant {
    /// Which visit of it this is: it may have been away, and whoever sees the old one leave means the old one.
    pub visit: u32,
    /// What becomes of the allocation without it.
    pub if_gone: IfGone,
    /// It is away, and has until then to come back; `None` while it is there, or where it may stay away.
    pub back_until: Option<Timestamp>,
}

/// What becomes of an allocation when the program it was made for has gone without a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfGone {
    /// It is cancelled: it was made for that program's step.
    #[default]
    Cancel,
    /// It is out of time (`InactiveLimit`), where the configuration says so.
    Expire,
}

impl Exit {
    /// Returns the later of two ends as Slurm ranks them: exit codes before signals, and high before low.
    #[must_use]
    pub fn graver(self, other: Exit) -> Exit {
        let rank = |exit| match exit {
            Exit::None => 0_u32,
            Exit::Signal(number) => u32::from(number),
            Exit::Code(code) => u32::from(code) << 8,
        };
        if rank(other) > rank(self) || self == Exit::None { other } else { self }
    }
}

impl Job {
    /// Its program is there.
    pub(super) fn attended(&self, run: &Running, visit: u32, if_gone: IfGone) -> Applied {
        let attendant = Some(Attendant { visit, if_gone, back_until: None });
        self.turned(Phase::Running(Box::new(Running { attendant, ..run.clone() })))
    }

    /// Its program has gone, or is there no longer after a restart.
    pub(super) fn left(&self, run: &Running, back_until: Option<Timestamp>) -> Applied {
        let attendant = run.attendant.map(|attendant| Attendant { back_until, ..attendant });
        self.turned(Phase::Running(Box::new(Running { attendant, ..run.clone() })))
    }

    /// Its program has not come back.
    pub(super) fn abandoned(&self, run: &Running, at: Timestamp, if_gone: IfGone) -> Applied {
        let by = self.spec.owner.uid;
        match if_gone {
            IfGone::Cancel => self.ending(run, at, Outcome::Cancelled, Reason::None, Some(by), None),
            IfGone::Expire => self.ending(run, at, Outcome::Timeout, Reason::InactiveLimit, None, None),
        }
    }

    /// Its owner says that it is complete. What still runs in it is ended.
    pub(super) fn finished(&self, run: &Running, at: Timestamp, exit: Exit) -> Applied {
        let (outcome, reason, exit) = verdict(&End::Process(exit));
        self.ending(&Running { told: exit, ..run.clone() }, at, outcome, reason, None, None)
    }

    /// Its owner says so while it is ending anyway: how it ends stays, what its program left counts.
    pub(super) fn finished_while_ending(&self, completing: &Completing, exit: Exit) -> Applied {
        let mut completing = completing.clone();
        completing.run.told = exit;
        self.turned(Phase::Completing(Box::new(completing)))
    }

    /// Returns what a run left: of a script its own end, of an allocation what its owner told of it.
    pub(super) fn exit_of(&self, run: &Running, end: &End) -> Exit {
        let was_step = run.attendant.is_some_and(|attendant| attendant.if_gone == IfGone::Cancel);
        match (self.spec.kind, run.told, run.derived) {
            (JobKind::Batch, ..) => verdict(end).2,
            // Its program, which runs one step, would have told how that ended.
            (JobKind::Allocation, Exit::None, derived) if was_step && derived != Exit::None => derived,
            (JobKind::Allocation, Exit::None, _) => Exit::Code(0),
            (JobKind::Allocation, told, _) => told,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_graver_than_signals() {
        let check = |one: Exit, other: Exit, told: Exit| assert_eq!(one.graver(other), told);
        check(Exit::None, Exit::Code(0), Exit::Code(0));
        check(Exit::Code(0), Exit::Signal(9), Exit::Signal(9));
        check(Exit::Signal(9), Exit::Code(1), Exit::Code(1));
        check(Exit::Code(3), Exit::Code(1), Exit::Code(3));
        check(Exit::Code(3), Exit::None, Exit::Code(3));
    }
}
