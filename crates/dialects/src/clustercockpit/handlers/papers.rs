//! What others keep here and fetch again: how a user wants the pages of a browser, and how a machine says it is built or set
//! up. Nothing in it means anything to us (facts 3.8).

use super::super::error::CockpitError;
use super::form::Form;
use super::{Call, json, text};
use crate::http::answer::{Answer, answer, empty};
use domain::ports::Shelf;
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where settings of users are.
const SETTINGS: &str = "clustercockpit.settings";
/// Where states of machines are.
const MACHINES: &str = "clustercockpit.machines";
/// Bytes of all settings of a user, and of the state of a machine.
const LARGEST: usize = 64 << 10;

/// Does with the shelf what may wait for a disk.
async fn on_shelf<T: Send + 'static>(
    call: &Call<'_>,
    work: impl FnOnce(&dyn Shelf) -> Result<T, CockpitError> + Send + 'static,
) -> Result<T, CockpitError> {
    let shelf = Arc::clone(&call.cockpit.shelf);
    call.apart(move |_| work(shelf.as_ref())).await.map_err(CockpitError::plain)
}

/// The settings of a user, by their keys.
type Settings = BTreeMap<String, String>;

fn settings(document: Option<&[u8]>) -> Settings {
    document.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
}

/// `configuration`: keeps a setting of whoever asks.
pub(crate) async fn set(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    let user = call.by.name.clone();
    let form = Form::read(&call, body).await?;
    let (key, value) = (form.field("key").to_owned(), form.field("value").to_owned());
    if user.is_empty() || key.is_empty() {
        return Err(CockpitError::unprocessable("a user and a key are wanted").plain());
    }
    on_shelf(&call, move |shelf| {
        loop {
            let was = shelf.get(SETTINGS, &user)?;
            let mut all = settings(was.as_deref());
            all.insert(key.clone(), value.clone());
            let document = serde_json::to_vec(&all).map_err(|error| CockpitError::bad(error.to_string()))?;
            if document.len() > LARGEST {
                return Err(CockpitError::unprocessable(format!("settings are larger than {LARGEST} bytes")));
            }
            if shelf.put_if(SETTINGS, &user, was.as_deref(), &document)? {
                return Ok(());
            }
        }
    })
    .await?;
    Ok(text("success\n"))
}

/// `configuration`, which is ours: shows the settings of whoever asks.
pub(crate) async fn settings_of(call: Call<'_>) -> Result<Answer, CockpitError> {
    let user = call.by.name.clone();
    let all = on_shelf(&call, move |shelf| Ok(settings(shelf.get(SETTINGS, &user)?.as_deref()))).await?;
    Ok(json(StatusCode::OK, &all))
}

/// Returns the place of a machine's state: its cluster is watched, and it is of that cluster.
fn machine(call: &Call<'_>) -> Result<String, CockpitError> {
    call.by.needs("api")?;
    let (cluster, host) = (&call.parameter, &call.second);
    let clusters = call.cockpit.monitoring.clusters();
    let known = clusters.iter().find(|known| known.name == *cluster);
    match known.and_then(|known| known.sub_cluster_of(host)) {
        Some(_) => Ok(format!("{cluster}/{host}")),
        None => Err(CockpitError::new(StatusCode::NOT_FOUND, format!("there is no {host} of {cluster}"))),
    }
}

/// `machine_state`: keeps what a machine says of itself, a document of its own.
pub(crate) async fn keep_machine(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    let place = machine(&call)?;
    let body = call.read(body, LARGEST as u64).await?;
    let checked = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(&body);
    checked.map_err(|error| CockpitError::bad(error.to_string()))?;
    on_shelf(&call, move |shelf| Ok(shelf.put(MACHINES, &place, &body)?)).await?;
    Ok(empty(StatusCode::CREATED))
}

/// `machine_state`: shows it again.
pub(crate) async fn machine_kept(call: Call<'_>) -> Result<Answer, CockpitError> {
    let place = machine(&call)?;
    let kept = on_shelf(&call, move |shelf| Ok(shelf.get(MACHINES, &place)?)).await?;
    let none = || CockpitError::new(StatusCode::NOT_FOUND, "nothing is known of its state");
    Ok(answer(StatusCode::OK, "application/json", kept.ok_or_else(none)?))
}
