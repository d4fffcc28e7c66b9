//! States, codes and reasons in this dialect's words (facts B3).

use domain::job::{Ended, Exit, Hold, Job, Outcome, Phase, Reason};

/// A state and the one before it.
pub(super) fn states(job: &Job) -> (&'static str, &'static str) {
    match &job.phase {
        Phase::Pending(pending) if pending.hold != Hold::None => ("HLD", "QUE"),
        Phase::Pending(_) => ("QUE", "ACC"),
        Phase::Running(run) if run.is_suspended() || run.stopped => ("SPD", "SPP"),
        Phase::Running(_) => ("RUN", "RNA"),
        // It is decided, and nobody can do more.
        Phase::Completing(completing)
            if completing.outcome == Outcome::Cancelled && completing.requeue.is_none() =>
        {
            ("CCL", "RUN")
        }
        Phase::Completing(_) => ("RNO", "RNE"),
        Phase::Ended(ended) => {
            let before = if ended.run.is_some() { "RNO" } else { "QUE" };
            match ended.outcome {
                Outcome::Completed | Outcome::Failed | Outcome::Timeout | Outcome::OutOfMemory => {
                    ("EXT", before)
                }
                Outcome::Cancelled | Outcome::Deadline | Outcome::Preempted => ("CCL", before),
                Outcome::NodeFail => ("ERR", before),
                // How attempts end, not jobs: it waits again, or runs on.
                Outcome::Requeued => ("QUE", before),
                Outcome::Resized => ("RUN", "RNA"),
            }
        }
    }
}

/// How a job ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Codes {
    /// Exit code of the script; where a signal ended it, as a shell shows it.
    pub(super) exit: u16,
    /// The code of the service.
    pub(super) service: u8,
    /// The signal.
    pub(super) signal: u8,
    /// The code of the service in words.
    pub(super) reason: Option<&'static str>,
}

/// The codes of a job that could not be started: its directory or files could not be had, or its program.
pub(in super::super) const NEVER_STARTED: [u8; 2] = [16, 21];
/// The codes that each way to end can have, beside those of what could not be started.
pub(in super::super) const SERVICE_CODES: [(Outcome, &[u8]); 8] = [
    (Outcome::Completed, &[0]),
    (Outcome::Failed, &[0]),
    (Outcome::Cancelled, &[1, 6]),
    (Outcome::Timeout, &[11]),
    (Outcome::NodeFail, &[20, 26]),
    (Outcome::OutOfMemory, &[12]),
    (Outcome::Deadline, &[7]),
    (Outcome::Preempted, &[18]),
];

/// Says how a job ended; nothing but zeros while it has not.
pub(super) fn codes(job: &Job) -> Codes {
    match &job.phase {
        Phase::Ended(ended) => of_ended(ended),
        Phase::Completing(completing) => {
            let (service, reason) = of_outcome(completing.outcome, completing.reason);
            Codes { service, reason, ..Codes::default() }
        }
        Phase::Pending(_) | Phase::Running(_) => Codes::default(),
    }
}

fn of_ended(ended: &Ended) -> Codes {
    let never_ran =
        ended.outcome == Outcome::Failed && ended.exit == Exit::Signal(53) && !ended.remark.is_empty();
    if never_ran {
        let (service, reason) = match is_about_program(&ended.remark) {
            true => (21, "SHELL START FAILED"),
            false => (16, "CANNOT ACCESS CURRENT DIRECTORY OR STDIO FILE"),
        };
        return Codes { service, reason: Some(reason), ..Codes::default() };
    }
    let (service, reason) = of_outcome(ended.outcome, ended.reason);
    let (exit, signal) = match ended.exit {
        Exit::None => (0, 0),
        Exit::Code(code) => (u16::from(code), 0),
        Exit::Signal(signal) => (128 + u16::from(signal), signal),
    };
    Codes { exit, service, signal, reason }
}

/// Tells by its words whether it was the program that could not be started, and no file or directory of it.
fn is_about_program(remark: &str) -> bool {
    remark.contains("execute") || remark.contains("interpreter")
}

fn of_outcome(outcome: Outcome, reason: Reason) -> (u8, Option<&'static str>) {
    match outcome {
        Outcome::Completed | Outcome::Failed | Outcome::Requeued | Outcome::Resized => (0, None),
        Outcome::Cancelled => match reason {
            Reason::DependencyNeverSatisfied => (6, Some("STEP DEPENDENCY")),
            _ => (1, Some("CANCELLED")),
        },
        Outcome::Deadline => (7, Some("DEADLINE EXCEEDED")),
        Outcome::Timeout => (11, Some("ELAPSE LIMIT EXCEEDED")),
        Outcome::OutOfMemory => (12, Some("MEMORY LIMIT EXCEEDED")),
        Outcome::Preempted => (18, Some("ANOTHER JOB STARTED")),
        Outcome::NodeFail => match reason {
            Reason::JobLaunchFailure => (26, Some("PROLOGUE FAILED")),
            _ => (20, Some("NODE DOWN")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_one_of_its_codes() {
        for outcome in Outcome::ALL {
            let is_end = !matches!(outcome, Outcome::Requeued | Outcome::Resized);
            let codes = SERVICE_CODES.iter().find(|(own, _)| own == outcome).map(|(_, codes)| *codes);
            assert_eq!(codes.is_some(), is_end, "{outcome:?}");
            let given: std::collections::BTreeSet<u8> =
                Reason::ALL.iter().map(|reason| of_outcome(*outcome, *reason).0).collect();
            if let Some(codes) = codes {
                assert!(given.into_iter().eq(codes.iter().copied()), "{outcome:?}");
            }
        }
    }
}
