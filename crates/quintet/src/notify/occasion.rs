//! What happens to jobs that somebody may want mail about, and how Slurm words it.

use domain::job::{Ended, Exit, Job, MailTypes, Outcome, Phase, Reason};
use domain::service::{StateChange, StateWord};
use std::fmt::Write;
use std::time::Duration;

/// Something that mail is sent about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Occasion {
    /// It got its resources.
    Began,
    /// It is over.
    Ended,
    /// It is over, and not as it should be.
    Failed,
    /// It went back into the queue.
    Requeued,
    /// So many hundredths of its time are over.
    Reached(u8),
    /// What it waits for can never be.
    InvalidDependency,
}

/// The shares of a time limit that mail can be about, hundredths, with the wish for each.
pub(super) const SHARES: [(u8, MailTypes); 3] =
    [(50, MailTypes::TIME_LIMIT_50), (80, MailTypes::TIME_LIMIT_80), (90, MailTypes::TIME_LIMIT_90)];

impl Occasion {
    /// Returns the words of subjects and of `SLURM_JOB_MAIL_TYPE`.
    pub(super) fn words(self) -> String {
        match self {
            Occasion::Began => "Began".to_owned(),
            Occasion::Ended => "Ended".to_owned(),
            Occasion::Failed => "Failed".to_owned(),
            Occasion::Requeued => "Requeued".to_owned(),
            Occasion::Reached(100) => "Reached time limit".to_owned(),
            Occasion::Reached(share) => format!("Reached {share}% of time limit"),
            Occasion::InvalidDependency => "Invalid dependency".to_owned(),
        }
    }

    /// Returns what a change means for one who wishes for these kinds of mail. A change can mean two things: a job can
    /// go back into the queue and start again at once.
    pub(super) fn of(change: &StateChange, wishes: MailTypes) -> Vec<Self> {
        use StateWord::{Completing, Pending, Running, Stopped, Suspended};
        let had_run = matches!(change.from, Some(Running | Stopped | Suspended | Completing));
        let timed_out = match change.to {
            Completing => change.reason == Reason::TimeLimit,
            StateWord::Ended(outcome) => outcome == Outcome::Timeout && change.from != Some(Completing),
            _ => false,
        };
        let mut found = Vec::new();
        let mut add = |wish, occasion| {
            if wishes.has(wish) {
                found.push(occasion);
            }
        };
        if timed_out {
            add(MailTypes::TIME_LIMIT, Occasion::Reached(100));
        }
        match (change.from, change.to) {
            (Some(Running), Running) => {
                add(MailTypes::REQUEUE, Occasion::Requeued);
                add(MailTypes::BEGIN, Occasion::Began);
            }
            (Some(Stopped | Suspended), Running) => {}
            (_, Running) => add(MailTypes::BEGIN, Occasion::Began),
            (_, Pending) if had_run => add(MailTypes::REQUEUE, Occasion::Requeued),
            (_, StateWord::Ended(outcome)) => found.extend(ending(failed(outcome), wishes)),
            _ => {}
        }
        found
    }
}

/// Returns what the end of a job or array is to one who wishes for these kinds of mail.
pub(super) fn ending(failed: bool, wishes: MailTypes) -> Option<Occasion> {
    match failed {
        true if wishes.has(MailTypes::FAIL) => Some(Occasion::Failed),
        _ => wishes.has(MailTypes::END).then_some(Occasion::Ended),
    }
}

/// Tells whether a job has failed as far as mail goes: Slurm does not count those that somebody cancelled.
pub(super) fn failed(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::Completed | Outcome::Cancelled | Outcome::Requeued)
}

/// Writes the subject about a job or an array task; `name` is what stands for it, `spent` how long it queued or ran.
pub(super) fn subject(occasion: Occasion, job: &Job, name: &str, spent: Duration) -> String {
    let mut text = format!("Slurm {name} Name={} {}", job.spec.name, occasion.words());
    // Writing to a string cannot fail.
    let _ = match occasion {
        Occasion::Began => write!(text, ", Queued time {}", clock(spent)),
        Occasion::InvalidDependency => Ok(()),
        _ => write!(text, ", Run time {}", clock(spent)),
    };
    if let (Occasion::Ended | Occasion::Failed, Phase::Ended(ended)) = (occasion, &job.phase) {
        let _ = write!(text, ", {}", ended.outcome.name());
        if let (code, 0) = exit_status(ended) {
            let _ = write!(text, ", ExitCode {code}");
        }
    }
    text
}

/// Writes the subject about an array as a whole; `ends` are those of its tasks.
pub(super) fn summary(occasion: Occasion, job: &Job, ends: &[Ended]) -> String {
    let id = job.array_id();
    let mut text =
        format!("Slurm Array Summary Job_id={id}_* ({id}) Name={} {}", job.spec.name, occasion.words());
    let (Occasion::Ended | Occasion::Failed, Some(first)) = (occasion, ends.first()) else { return text };
    let alike = ends.iter().all(|ended| ended.outcome == first.outcome);
    let state = if alike { first.outcome.name() } else { "Mixed" };
    let codes = || ends.iter().map(|ended| exit_status(ended).0);
    let (least, most) = (codes().min().unwrap_or(0), codes().max().unwrap_or(0));
    let signal = ends.iter().map(|ended| exit_status(ended).1).max().unwrap_or(0);
    let _ = match (most, signal) {
        (_, 0) => write!(text, ", {state}, ExitCode [{least}-{most}]"),
        (0, _) => write!(text, ", {state}, MaxSignal [{signal}]"),
        _ => write!(text, ", {state}, MaxExitCode [{most}]"),
    };
    text
}

/// Returns exit code and signal of a job. Slurm shows none of the signals with which it ended the job itself.
pub(super) fn exit_status(ended: &Ended) -> (u8, u8) {
    match (ended.exit, ended.outcome) {
        (Exit::Code(code), _) => (code, 0),
        (Exit::Signal(_), Outcome::Cancelled | Outcome::Timeout | Outcome::Preempted | Outcome::Requeued) => {
            (0, 0)
        }
        (Exit::Signal(signal), _) => (0, signal),
        (Exit::None, _) => (0, 0),
    }
}

/// Writes a time as Slurm does: `HH:MM:SS`, with days in front where there are any.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    let day = if days > 0 { format!("{days}-") } else { String::new() };
    format!("{day}{hours:02}:{minutes:02}:{:02}", seconds % 60)
}
