//! What happened beside jobs, and how well the cluster was used.

use super::super::accounting::chronicle::{self, LIST, TIME};
use super::super::call::Call;
use super::super::error::NativeError;
use super::super::reply;
use crate::http::answer::Answer;
use crate::site::Site;
use domain::history::During;
use domain::ports::StoreError;
use domain::{Error, Text};
use hyper::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Says how well the cluster was used.
pub(in super::super) async fn utilization(call: Call<'_>) -> Result<Answer, NativeError> {
    let read = |site: &Site, during: &During| {
        let lines = site.jobs.utilization(during.from, during.to)?;
        Ok(chronicle::utilizations(during, lines))
    };
    answered(call, TIME, read).await
}

/// Lists when nodes were out of service, and what the cluster had.
pub(in super::super) async fn events(call: Call<'_>) -> Result<Answer, NativeError> {
    answered(call, LIST, |site, during| site.jobs.history().episodes(during).map(chronicle::events)).await
}

/// Lists reservations, and what became of them.
pub(in super::super) async fn reservations(call: Call<'_>) -> Result<Answer, NativeError> {
    answered(call, LIST, |site, during| site.jobs.reservation_use(during).map(chronicle::reservations)).await
}

/// Lists what was changed in the books.
pub(in super::super) async fn transactions(call: Call<'_>) -> Result<Answer, NativeError> {
    answered(call, LIST, |site, during| site.jobs.history().deeds(during).map(chronicle::transactions)).await
}

async fn answered<T: Serialize + Send + 'static>(
    call: Call<'_>,
    known: &'static [&'static str],
    read: impl FnOnce(&Site, &During) -> Result<T, StoreError> + Send + 'static,
) -> Result<Answer, NativeError> {
    let parameters = call.parameters(known)?;
    let site = Arc::clone(call.site);
    let told = spawn_blocking(move || {
        let now = jiff::Timestamp::from_microsecond(site.jobs.clock().now().micros()).unwrap_or_default();
        let during = chronicle::during(&parameters, &now.to_zoned(site.zone.clone()))?;
        read(&site, &during).map_err(NativeError::History)
    });
    let told = told.await.map_err(|error| NativeError::from(Error::Bug(Text::from(error.to_string()))))??;
    Ok(reply::json(StatusCode::OK, &told))
}
