//! Forgets what is kept about jobs that nobody knows any more: history has a limit, and what was deleted or noted here shall
//! not outlive it.

use super::error::WaldurError;
use super::{Waldur, apart};
use crate::ids::Kind;
use crate::site::Site;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked for.
const PAUSE: Duration = Duration::from_secs(6 * 3600);

/// Forgets until the service stops. What is done is done again without harm.
pub(crate) async fn sweep(site: Arc<Site>, waldur: Arc<Waldur>) {
    let mut stop = site.stop.clone();
    loop {
        let (again, own) = (Arc::clone(&site), Arc::clone(&waldur));
        if let Err(error) = apart(move || forget(&again, &own)).await {
            tracing::warn!(%error, "what Waldur's interface keeps of forgotten jobs could not be cleared away");
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn forget(site: &Site, waldur: &Waldur) -> Result<(), WaldurError> {
    for id in waldur.records.about_jobs() {
        // A name that is none of ours any more, since the key is another one, leads nowhere either.
        let is_known = match waldur.names.read_job(Kind::WaldurJob, id) {
            Some((job, _)) => site.remembers(job)?,
            None => false,
        };
        if !is_known && !*site.stop.borrow() {
            waldur.records.drop_about(id)?;
        }
    }
    Ok(())
}
