//! How a job's script ended.

use domain::job::{Exit, Job, Outcome, Phase};
use slurm_wire::job_info::ProcessExitCodeVerbose;

/// `SIGTERM`, which ends jobs that are cancelled or out of time.
const SIGTERM: u16 = 15;

/// Returns the exit code to show: success until there is another.
pub(super) fn exit_code(job: &Job) -> ProcessExitCodeVerbose {
    let Phase::Ended(ended) = &job.phase else { return ProcessExitCodeVerbose::exited(0) };
    match (ended.exit, ended.outcome) {
        // The original shows the signal that was sent, whatever the script made of it.
        (_, Outcome::Cancelled | Outcome::Timeout | Outcome::Preempted)
            if ended.run.is_some() && job.spec.kind == domain::job::JobKind::Batch =>
        {
            match ended.exit {
                Exit::Signal(number) => ProcessExitCodeVerbose::signalled(number.into(), false),
                _ => ProcessExitCodeVerbose::signalled(SIGTERM, false),
            }
        }
        (Exit::Code(code), _) => ProcessExitCodeVerbose::exited(code),
        (Exit::Signal(number), _) => ProcessExitCodeVerbose::signalled(number.into(), false),
        (Exit::None, _) => ProcessExitCodeVerbose::exited(0),
    }
}
