//! What Ctrl-C means: the first asks, a second within a second ends the step, a third does not wait for it.

use std::time::{Duration, Instant};

/// Within this time a second Ctrl-C means it.
const TWICE: Duration = Duration::from_secs(1);

/// What follows from a Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Say how the tasks stand.
    Tell,
    /// Pass it on to the tasks, and leave it at that.
    PassOn,
    /// Pass it on to the tasks, and end the step.
    End,
    /// Do not wait for it.
    Leave,
}

/// How one Ctrl-C is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It asks at first.
    Ask,
    /// One is enough (`--quit-on-interrupt`).
    Quit,
    /// It is the tasks' (`--disable-status`).
    PassOn,
}

/// Counts them.
#[derive(Debug)]
pub(super) struct Interrupts {
    manner: Manner,
    last: Option<Instant>,
    has_ended: bool,
}

impl Interrupts {
    /// Begins to count.
    pub(super) fn new(manner: Manner) -> Self {
        Interrupts { manner, last: None, has_ended: false }
    }

    /// Takes one in.
    pub(super) fn another(&mut self, now: Instant) -> Answer {
        let last = self.last.replace(now);
        if self.has_ended {
            return Answer::Leave;
        }
        let twice = last.is_some_and(|last| now.duration_since(last) < TWICE);
        match self.manner {
            Manner::PassOn if !twice => Answer::PassOn,
            Manner::Ask if !twice => Answer::Tell,
            _ => {
                self.has_ended = true;
                Answer::End
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(manner: Manner, at_millis: &[u64], told: &[Answer]) {
        let begin = Instant::now();
        let mut interrupts = Interrupts::new(manner);
        let answers: Vec<Answer> =
            at_millis.iter().map(|at| interrupts.another(begin + Duration::from_millis(*at))).collect();
        assert_eq!(answers, told, "{manner:?} {at_millis:?}");
    }

    #[test]
    fn twice_within_a_second_means_it() {
        use Answer::{End, Leave, PassOn, Tell};
        check(Manner::Ask, &[0, 900, 5000], &[Tell, End, Leave]);
        check(Manner::Ask, &[0, 1000, 2500, 2600], &[Tell, Tell, Tell, End]);
        check(Manner::Quit, &[0, 100], &[End, Leave]);
        check(Manner::PassOn, &[0, 2000, 2500, 2600], &[PassOn, PassOn, End, Leave]);
    }
}
