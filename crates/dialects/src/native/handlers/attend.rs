//! Allocations and the programs they were made for: a program is there as long as it reads this answer, and says with
//! another call how it ended.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::job_name::JobName;
use super::super::{from_wire, reply, wire};
use crate::http::answer::Answer;
use crate::http::body::NoBody;
use crate::site::Site;
use bytes::Bytes;
use domain::job::{Outcome, Phase};
use domain::service::Presence;
use domain::{ChangeId, JobId};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Largest body: one field.
const LARGEST_BODY: u64 = 4 << 10;
/// How long nothing may be sent, so that either side notices when the other is gone.
const SILENCE: Duration = Duration::from_secs(15);

/// Lets a program be there for its allocation until it goes away or the allocation is over, and says then how it ends.
pub(in super::super) async fn attend(call: Call<'_>, body: Incoming) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let name = JobName::read("id", call.parameter)?;
    let if_gone = from_wire::if_gone(&read(&call, body).await?)?;
    let presence = call.site.jobs.attend(&call.by, name.number, if_gone).await?;
    let visit = Visit::new(Arc::clone(call.site), name.number, presence);
    let pieces = futures_util::stream::unfold((true, visit), |(is_first, mut visit)| async move {
        let line = match is_first {
            true => b"{\"outcome\":null}\n".to_vec(),
            false => visit.next().await?,
        };
        Some((Bytes::from(line), (false, visit)))
    });
    Ok(reply::stream("application/x-ndjson", pieces, None))
}

/// Reads a small body.
pub(super) async fn read(call: &Call<'_>, body: Incoming) -> Result<Bytes, NativeError> {
    let body = call.site.bodies.read(body, None, LARGEST_BODY).await.map_err(|error| match error {
        NoBody::TooLarge => NativeError::BodyTooLarge(LARGEST_BODY),
        NoBody::Broken => NativeError::BodyBroken,
    })?;
    Ok(Bytes::copy_from_slice(&body))
}

/// A program that is there.
struct Visit {
    site: Arc<Site>,
    job: JobId,
    bell: watch::Receiver<ChangeId>,
    stop: watch::Receiver<bool>,
    is_told: bool,
    #[expect(dead_code, reason = "it is there to be dropped")]
    presence: Presence,
}

impl Visit {
    fn new(site: Arc<Site>, job: JobId, presence: Presence) -> Self {
        let (bell, stop) = (site.jobs.feed().bell(), site.stop.clone());
        Visit { site, job, bell, stop, is_told: false, presence }
    }

    /// Returns what is sent next; nothing when there is nothing more to say.
    async fn next(&mut self) -> Option<Vec<u8>> {
        if self.is_told {
            return None;
        }
        loop {
            self.bell.mark_unchanged();
            if let Some(outcome) = self.outcome() {
                self.is_told = true;
                let mut line = serde_json::to_vec(&wire::Attended { outcome }).ok()?;
                line.push(b'\n');
                return Some(line);
            }
            tokio::select! {
                changed = self.bell.changed() => changed.ok()?,
                () = sleep(SILENCE) => return Some(b"\n".to_vec()),
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
        }
    }

    /// How the allocation ends, if it does.
    fn outcome(&self) -> Option<&'static str> {
        let job = self.site.jobs.snapshot().jobs.job(self.job).cloned();
        match job.as_deref().map(|job| &job.phase) {
            Some(Phase::Running(_) | Phase::Pending(_)) => None,
            Some(Phase::Completing(completing)) => Some(completing.outcome.name()),
            Some(Phase::Ended(ended)) => Some(ended.outcome.name()),
            None => Some(Outcome::Completed.name()),
        }
    }
}
