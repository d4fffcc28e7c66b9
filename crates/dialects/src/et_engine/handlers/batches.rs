//! Batches: listed, shown, cancelled, deleted.

use super::super::batches::{self, Found};
use super::super::error::EtError;
use super::super::{EtDetail, Mount, reply, to_wire};
use super::World;
use crate::http::answer::Answer;
use domain::job::TaskSet;
use domain::service::{Action, Selection, Target};
use domain::{Error, Problem};
use hyper::body::Incoming;
use serde_json::{Value, json};

/// Lists the caller's batches, the oldest first.
pub(in super::super) async fn list(world: World, body: Incoming) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let listed = world.apart(|world| {
        let all = batches::all(world)?;
        Ok(all.iter().map(|found| to_wire::batch(world, found)).collect::<Value>())
    });
    Ok(reply::json(&listed.await?))
}

/// Says how a batch stands.
pub(in super::super) async fn show(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let shown = world.apart(move |world| {
        let found = batches::find(world, &id)?;
        let counts = found.counts(world)?;
        Ok(single(world, to_wire::batch_status(world, &found, &counts)))
    });
    Ok(reply::json(&shown.await?))
}

/// Shows one thing as the mount has it: in a list at the root, unless the site says otherwise.
pub(super) fn single(world: &World, shown: Value) -> Value {
    match (world.mount, world.et.settings.detail) {
        (Mount::Root, EtDetail::Array) => json!([shown]),
        (Mount::Root, EtDetail::Object) | (Mount::V1, _) => shown,
    }
}

/// Ends what is not over of a batch.
pub(in super::super) async fn cancel(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let found = world.apart(move |world| batches::find(world, &id)).await?;
    end(&world, &[found], None).await?;
    Ok(reply::done())
}

/// Deletes a batch; what is not over of it ends, unless that is not wanted.
pub(in super::super) async fn delete(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let found = world.apart(move |world| batches::find(world, &id)).await?;
    forget(world, vec![found]).await
}

/// Deletes all batches of the caller that were made here. Jobs of other dialects are none of this one's to clear away.
pub(in super::super) async fn delete_all(world: World, body: Incoming) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let all = world.apart(batches::all).await?;
    forget(world, all.into_iter().filter(|found| found.origin.is_some()).collect()).await
}

async fn forget(world: World, all: Vec<Found>) -> Result<Answer, EtError> {
    if world.says("cancel", true)? {
        end(&world, &all, None).await?;
    }
    world.apart(move |world| all.iter().try_for_each(|found| found.delete(world))).await?;
    Ok(reply::done())
}

/// Cancels batches, or some tasks of one. What is over already, or gone, needs no more.
pub(super) async fn end(world: &World, all: &[Found], tasks: Option<TaskSet>) -> Result<(), EtError> {
    let all = all.to_vec();
    let targets = world.apart(move |world| {
        // A number may have come again since; then it is another job's.
        let snapshot = world.site.jobs.snapshot();
        let target =
            |found: &Found| Target { job: found.job, tasks: tasks.clone(), component: None, step: None };
        Ok(all
            .iter()
            .filter(|found| found.living(world, &snapshot).is_some())
            .map(target)
            .collect::<Vec<_>>())
    });
    let targets = targets.await?;
    if targets.is_empty() {
        return Ok(());
    }
    let selection = Selection { targets, cron_jobs: true, ..Selection::default() };
    let handled = world.site.jobs.act(&world.by.principal, selection, Action::Cancel { kill: false }).await?;
    for one in handled {
        match one.result {
            Ok(()) | Err(Error::NotFound(_)) => {}
            Err(Error::Conflict(Problem::AlreadyEnded(_) | Problem::AlreadyEnding(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
