//! The clusters that are watched, and what others tell of their nodes.

use super::super::error::CockpitError;
use super::super::{from_wire, to_wire};
use super::{Call, LARGEST, json};
use crate::http::answer::Answer;
use domain::monitoring::NodeSeen;
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::json;

/// Lists clusters, or shows the one that `cluster` names.
pub(crate) fn list(call: Call<'_>) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let mut wanted = None;
    for (name, value) in &call.query {
        match name.as_ref() {
            "cluster" => wanted = value.as_deref(),
            _ => return Err(CockpitError::bad(format!("invalid query parameter: {name}"))),
        }
    }
    let clusters = call.cockpit.monitoring.clusters();
    if let Some(name) = wanted.filter(|name| !clusters.iter().any(|cluster| cluster.name == *name)) {
        return Err(CockpitError::bad(format!("unknown cluster: {name}")));
    }
    let meant = clusters.iter().filter(|cluster| wanted.is_none_or(|name| cluster.name == name));
    let described: Vec<_> = meant.map(to_wire::cluster).collect();
    Ok(json(StatusCode::OK, &json!({ "clusters": described })))
}

/// A node as it was told of last; the original only takes these in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'a> {
    cluster: &'a str,
    hostname: &'a str,
    states: &'a [domain::Text],
    cpus_allocated: u32,
    memory_allocated: i64,
    gpus_allocated: u32,
    jobs_running: u32,
    time: i64,
}

fn node(seen: &NodeSeen) -> Node<'_> {
    let NodeSeen { cluster, at, report } = seen;
    Node {
        cluster,
        hostname: &report.hostname,
        states: &report.states,
        cpus_allocated: report.cpus_allocated,
        memory_allocated: report.memory_allocated,
        gpus_allocated: report.gpus_allocated,
        jobs_running: report.jobs_running,
        time: *at,
    }
}

/// Lists the nodes that others have told of, those of one cluster if `cluster` names it.
pub(crate) async fn nodes(call: Call<'_>) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let mut wanted = None;
    for (name, value) in &call.query {
        match name.as_ref() {
            "cluster" => wanted = value.as_deref().map(str::to_owned),
            _ => return Err(CockpitError::bad(format!("invalid query parameter: {name}"))),
        }
    }
    let seen = call.apart(move |monitoring| Ok(monitoring.registry().nodes(wanted.as_deref())?)).await?;
    Ok(json(StatusCode::OK, &json!({ "nodes": seen.iter().map(node).collect::<Vec<_>>() })))
}

/// Keeps what an adapter tells of the nodes of its cluster. What is told of our own is passed over: the engine knows.
pub(crate) async fn note_nodes(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let told = from_wire::nodes(&call.read(body, LARGEST).await?)?;
    if told.cluster != call.site.jobs.snapshot().cluster.name {
        call.apart(move |monitoring| Ok(monitoring.note_nodes(&told.cluster, told.nodes)?)).await?;
    }
    Ok(json(StatusCode::OK, &json!({ "msg": "success" })))
}
