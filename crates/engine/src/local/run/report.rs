//! The supervisor's words in the domain's.

use domain::job::{End, Exit, Usage};
use domain::ports::Report;
use domain::{JobId, Text, Timestamp};
use supervise::{RunId, StartFailure, Status, Step, UnixMicros};

/// What the supervisor says of a run that was killed before its program was there.
const ECANCELED: i32 = 125;

/// Names an attempt of a job.
pub(super) fn run_of(job: JobId, attempt: u32) -> RunId {
    RunId { key: u64::from(job.0), attempt }
}

/// Returns what a report means to the domain: the end of an attempt, or nothing.
pub(super) fn to_domain(report: &supervise::Report) -> Option<Report> {
    let (at, end, usage) = match report {
        supervise::Report::Ended { ended, .. } => {
            let exit = exit(ended.status);
            let end = if ended.over_memory { End::OverMemory(exit) } else { End::Process(exit) };
            (ended.at, end, usage(&ended.usage))
        }
        supervise::Report::FailedToStart { failure, at, .. } => {
            let why = Text::from(failure.to_string());
            let end = match failure.step {
                _ if is_prolog_error(failure) => End::LaunchFailed(why),
                Step::Program | Step::Interpreter => {
                    End::NotExecuted(u8::try_from(failure.code()).unwrap_or(u8::MAX), why)
                }
                _ => End::NotStarted(why),
            };
            (*at, end, Usage::default())
        }
        supervise::Report::Vanished { at, .. } => (*at, End::Vanished, Usage::default()),
        supervise::Report::NotSignalled { run, signal, errno } => {
            tracing::warn!(run = %run, signal, errno, "signal refused by the kernel");
            return None;
        }
        supervise::Report::Started { .. }
        | supervise::Report::StepAsked { .. }
        | supervise::Report::StepGone { .. }
        | supervise::Report::StepEnded { .. }
        | supervise::Report::Steps { .. } => return None,
    };
    let run = report.run();
    let job = JobId(u32::try_from(run.key).ok()?);
    Some(Report { job, attempt: run.attempt, at: timestamp(at), end, usage, fault: fault(report) })
}

/// Returns what a report says against the node, in Slurm's words.
fn fault(report: &supervise::Report) -> Option<Text> {
    let why = match report {
        supervise::Report::FailedToStart { failure, .. } if is_prolog_error(failure) => "Prolog error",
        supervise::Report::FailedToStart { hook_failed: true, .. } => "Epilog error",
        supervise::Report::Ended { ended, .. } if ended.hook_failed => "Epilog error",
        supervise::Report::Ended { ended, .. } if ended.left_behind => "Kill task failed",
        _ => return None,
    };
    Some(Text::const_new(why))
}

/// Whether the prolog failed, and not because its job was cancelled.
fn is_prolog_error(failure: &StartFailure) -> bool {
    failure.step == Step::Prolog && failure.errno != ECANCELED
}

pub(super) fn timestamp(at: UnixMicros) -> Timestamp {
    Timestamp::from_micros(at.0)
}

pub(super) fn exit(status: Status) -> Exit {
    match status {
        Status::Exited(code) => Exit::Code((code & 0xff) as u8),
        Status::Signalled { signal, .. } => Exit::Signal((signal & 0x7f) as u8),
    }
}

fn usage(usage: &supervise::Usage) -> Usage {
    Usage {
        user: usage.user,
        system: usage.system,
        max_rss_kb: usage.max_rss / 1024,
        peak_kb: usage.memory_peak.unwrap_or(0) / 1024,
        read_bytes: usage.read_bytes,
        written_bytes: usage.written_bytes,
        energy_mj: usage.energy.map(|microjoules| microjoules / 1000),
    }
}
