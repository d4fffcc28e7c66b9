//! Whether an attempt that has ended goes back into the queue by itself: for its exit code, or because its node failed or
//! could not start it;
//! and when that has happened too often.

use crate::cluster::Limits;
use crate::job::{End, Exit, Hold, Job, JobKind, PutBack, Requeue};

/// Returns how a job goes back into the queue after this end; `None` if nothing in the configuration wants that.
///
/// A job that nobody may put back is not put back for its exit code either (`--no-requeue`).
pub(super) fn after(job: &Job, end: &End, limits: &Limits) -> Option<Requeue> {
    if job.spec.kind != JobKind::Batch {
        return None;
    }
    let too_often = job.restarts >= limits.max_requeue;
    let automatic = match too_often {
        true => Requeue { hold: Hold::Admin, put_back: PutBack::TooOften },
        false => Requeue::default(),
    };
    match end {
        End::Process(Exit::Code(code)) if job.spec.requeue && limits.requeue_exit_hold.contains(*code) => {
            Some(Requeue { hold: Hold::User, put_back: PutBack::SpecialExit })
        }
        End::Process(Exit::Code(code)) if job.spec.requeue && limits.requeue_exit.contains(*code) => {
            Some(automatic)
        }
        End::Vanished => Some(automatic),
        End::LaunchFailed(_) if limits.retry_after_prolog => Some(automatic),
        _ => None,
    }
}
