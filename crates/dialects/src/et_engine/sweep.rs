//! Clears away what nobody needs any more: folders of deleted batches whose jobs are over, files that were never sent to
//! their end, folders of submissions that never became a batch, marks of deleted jobs that nobody knows any more.

use super::EtEngine;
use super::batches::origin_of;
use super::error::EtError;
use super::handlers::blocking;
use super::record::{Batch, Deleted, Filesystem, Tool, Upload};
use super::shelves::Kept;
use super::uuid;
use crate::site::Site;
use domain::JobId;
use domain::job::Job;
use domain::state::Snapshot;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is done.
const PAUSE: Duration = Duration::from_secs(30);
/// How often it is looked for what history has forgotten.
const FORGETTING: Duration = Duration::from_secs(6 * 3600);
/// A file that has not been sent to its end for so long never will be.
const GIVEN_UP: Duration = Duration::from_secs(7 * 24 * 3600);

/// Clears away folders that nothing refers to. Only before the first request: later something may be on its way to become
/// known.
pub(crate) async fn clear_orphans(site: &Arc<Site>, et: &EtEngine) {
    let (site, et) = (Arc::clone(site), et.clone());
    report(blocking(move || orphans(&site, &et)).await);
}

/// Clears away until the service stops. What is done is done again without harm.
pub(crate) async fn sweep(site: Arc<Site>, et: EtEngine) {
    let mut stop = site.stop.clone();
    let mut forgot: Option<Instant> = None;
    loop {
        let (again, own) = (Arc::clone(&site), et.clone());
        report(blocking(move || deleted(&again, &own)).await);
        if forgot.is_none_or(|forgot| forgot.elapsed() > FORGETTING) {
            forgot = Some(Instant::now());
            let (again, own) = (Arc::clone(&site), et.clone());
            report(blocking(move || forgotten(&again, &own)).await);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn report(done: Result<(), EtError>) {
    if let Err(error) = done {
        tracing::warn!(%error, "what ET Engine's dialect no longer needs could not all be cleared away");
    }
}

/// Returns the number of a batch's jobs by its name on the shelf.
fn number(name: &str) -> Option<JobId> {
    name.split_once('-').and_then(|(_, job)| job.parse().ok()).map(JobId)
}

/// Tells whether no job of a batch lives.
fn is_gone(snapshot: &Snapshot, name: &str) -> bool {
    number(name).is_none_or(|id| snapshot.jobs.job(id).is_none() && snapshot.tallies.of(id).is_none())
}

/// Forgets that jobs of other dialects were deleted here, once nobody knows them.
fn forgotten(site: &Site, et: &EtEngine) -> Result<(), EtError> {
    for (user, name, batch) in et.shelves.all::<Deleted>()? {
        let is_known = || number(&name).map_or(Ok(false), |id| site.remembers(id));
        if batch.folder.is_none() && !*site.stop.borrow() && !is_known()? {
            et.shelves.remove::<Deleted>(&user, &name)?;
        }
    }
    Ok(())
}

/// Clears away deleted batches, and uploads that were given up.
fn deleted(site: &Site, et: &EtEngine) -> Result<(), EtError> {
    let snapshot = site.jobs.snapshot();
    for (user, name, batch) in et.shelves.all::<Deleted>()? {
        // Of one that was made elsewhere history would tell again, so that this stays as long as that.
        let Some(folder) = batch.folder else { continue };
        if is_gone(&snapshot, &name) {
            et.folders.remove(&format!("batches/{folder}"))?;
            et.shelves.remove::<Batch>(&user, &name)?;
            et.shelves.remove::<Deleted>(&user, &name)?;
        }
    }
    let now = site.jobs.clock().now();
    for (user, name, upload) in et.shelves.all::<Upload>()? {
        if upload.is_forgotten(now, GIVEN_UP) {
            et.folders.remove(&format!("uploads/{name}"))?;
            et.shelves.remove::<Upload>(&user, &name)?;
        }
    }
    Ok(())
}

/// Clears away folders that nothing refers to.
fn orphans(site: &Site, et: &EtEngine) -> Result<(), EtError> {
    let mut batches: BTreeSet<String> =
        et.shelves.all::<Batch>()?.into_iter().map(|(.., batch)| batch.origin.folder).collect();
    batches.extend(et.shelves.all::<Deleted>()?.into_iter().filter_map(|(.., batch)| batch.folder));
    let snapshot = site.jobs.snapshot();
    let of_job = |job: &Arc<Job>| origin_of(job).map(|origin| origin.folder);
    batches.extend(snapshot.jobs.iter().filter_map(of_job));
    remove_others(et, "batches", &batches)?;
    remove_others(et, "tools", &names::<Tool>(et)?)?;
    remove_others(et, "filesystems", &names::<Filesystem>(et)?)?;
    remove_others(et, "uploads", &names::<Upload>(et)?)
}

fn names<T: Kept>(et: &EtEngine) -> Result<BTreeSet<String>, EtError> {
    Ok(et.shelves.all::<T>()?.into_iter().map(|(_, name, _)| name).collect())
}

fn remove_others(et: &EtEngine, area: &str, known: &BTreeSet<String>) -> Result<(), EtError> {
    for name in et.folders.names(area)? {
        // What has another kind of name was not made by us.
        if !known.contains(name.as_str()) && uuid::read(&name).is_some() {
            et.folders.remove(&format!("{area}/{name}"))?;
        }
    }
    Ok(())
}
