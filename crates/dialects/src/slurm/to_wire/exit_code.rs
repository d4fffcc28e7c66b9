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
        // Nobody saw what the script made of the signal that was sent.
        (Exit::None, Outcome::Cancelled | Outcome::Timeout | Outcome::Preempted)
            if ended.run.is_some() && kind == JobKind::Batch =>
        {
            ProcessExitCodeVerbose::signalled(SIGTERM, false)
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
    use domain::job::{Allocation, Completing, Ended, PutBack, Reason, Running, Usage};
    use domain::{Text, Timestamp};
    use std::sync::Arc;

    fn run() -> Running {
        let allocation = Allocation {
            partition: "debug".into(),
            nodes: [].into_iter().collect(),
            whole: false,
            licenses: Default::default(),
            reservation: Default::default(),
        };
        Running::new(Timestamp::EPOCH, Arc::new(allocation), Timestamp::NEVER, "boot".into())
    }

    #[test]
    fn what_a_script_made_of_the_signal_that_ended_it_is_shown() {
        let ended = |exit| {
            Phase::Ended(Box::new(Ended {
                outcome: Outcome::Cancelled,
                reason: Reason::None,
                ended: Timestamp::EPOCH,
                exit,
                usage: Usage::default(),
                cancelled_by: None,
                run: Some(run()),
                remark: Text::default(),
            }))
        };
        for (exit, wanted) in [
            (Exit::Code(3), ProcessExitCodeVerbose::exited(3)),
            (Exit::Code(0), ProcessExitCodeVerbose::exited(0)),
            (Exit::Signal(9), ProcessExitCodeVerbose::signalled(9, false)),
            (Exit::None, ProcessExitCodeVerbose::signalled(SIGTERM, false)),
        ] {
            assert_eq!(shown(&ended(exit), JobKind::Batch), wanted);
        }
    }

    #[test]
    fn what_an_allocation_s_program_left_is_shown_while_the_allocation_completes() {
        let run = run();
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
