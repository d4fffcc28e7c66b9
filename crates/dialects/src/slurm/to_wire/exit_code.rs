//! How a job's script ended.

use domain::job::{Exit, Job, JobKind, Outcome, Phase};
use slurm_wire::job_info::ProcessExitCodeVerbose;

/// `SIGTERM`, which ends jobs that are cancelled or out of time.
const SIGTERM: u16 = 15;

/// Returns the exit code to show: success until there is another. What an allocation's program left counts from the
/// moment it was told, while the allocation is still completing.
pub(super) fn exit_code(job: &Job) -> ProcessExitCodeVerbose {
    shown(&job.phase, job.spec.kind)
}

fn shown(phase: &Phase, kind: JobKind) -> ProcessExitCodeVerbose {
    let ended = match phase {
        Phase::Ended(ended) => ended,
        Phase::Completing(completing) => return in_words(completing.run.told),
        Phase::Pending(_) | Phase::Running(_) => return ProcessExitCodeVerbose::exited(0),
    };
    match (ended.exit, ended.outcome) {
        // The original shows the signal that was sent, whatever the script made of it.
        (_, Outcome::Cancelled | Outcome::Timeout | Outcome::Preempted)
            if ended.run.is_some() && kind == JobKind::Batch =>
        {
            match ended.exit {
                Exit::Signal(number) => ProcessExitCodeVerbose::signalled(number.into(), false),
                _ => ProcessExitCodeVerbose::signalled(SIGTERM, false),
            }
        }
        (exit, _) => in_words(exit),
    }
}

/// Returns the gravest end of a step so far; the batch script is none.
pub(super) fn derived_exit_code(job: &Job) -> ProcessExitCodeVerbose {
    in_words(job.run().map_or(Exit::None, |run| run.derived))
}

/// Writes what a process left.
pub(super) fn in_words(exit: Exit) -> ProcessExitCodeVerbose {
    match exit {
        Exit::Code(code) => ProcessExitCodeVerbose::exited(code),
        Exit::Signal(number) => ProcessExitCodeVerbose::signalled(number.into(), false),
        Exit::None => ProcessExitCodeVerbose::exited(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Timestamp;
    use domain::job::{Allocation, Completing, PutBack, Reason, Running};
    use std::sync::Arc;

    #[test]
    fn what_an_allocation_s_program_left_is_shown_while_the_allocation_completes() {
        let allocation = Allocation {
            partition: "debug".into(),
            nodes: [].into_iter().collect(),
            whole: false,
            licenses: Default::default(),
            reservation: Default::default(),
        };
        let run = Running::new(Timestamp::EPOCH, Arc::new(allocation), Timestamp::NEVER, "boot".into());
        let completing = |told| {
            Phase::Completing(Box::new(Completing {
                run: Running { told, ..run.clone() },
                since: Timestamp::EPOCH,
                outcome: Outcome::Failed,
                reason: Reason::NonZeroExitCode,
                killed: false,
                cancelled_by: None,
                requeue: None,
                put_back: PutBack::Plain,
            }))
        };
        for (told, wanted) in [
            (Exit::Code(5), ProcessExitCodeVerbose::exited(5)),
            (Exit::Signal(9), ProcessExitCodeVerbose::signalled(9, false)),
            (Exit::None, ProcessExitCodeVerbose::exited(0)),
        ] {
            assert_eq!(shown(&completing(told), JobKind::Allocation), wanted);
        }
    }
}
