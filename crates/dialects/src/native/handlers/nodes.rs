//! Nodes as their administrator sees them: in service or not and why, and how far jobs are held to what they were given.
//! What nodes have and what of it is in use, Slurm's dialect tells.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::{from_wire, reply, to_wire, wire};
use crate::http::answer::Answer;
use crate::http::body::NoBody;
use domain::{Error, Problem, Text};
use hyper::StatusCode;
use hyper::body::Incoming;

/// Largest body: a word and a reason.
const LARGEST_BODY: u64 = 64 << 10;

/// Lists nodes.
pub(in super::super) fn list(call: Call<'_>) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let snapshot = call.site.jobs.snapshot();
    let nodes = snapshot.cluster.present_nodes().map(to_wire::node).collect();
    let limits = call.site.jobs.enforcement().iter().map(|enforced| (enforced.what, enforced.how)).collect();
    Ok(reply::json(StatusCode::OK, &wire::Nodes { nodes, limits }))
}

/// Takes one out of service, or puts it back.
pub(in super::super) async fn mark(call: Call<'_>, body: Incoming) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let body = call.site.bodies.read(body, None, LARGEST_BODY).await.map_err(|error| match error {
        NoBody::TooLarge => NativeError::BodyTooLarge(LARGEST_BODY),
        NoBody::Broken => NativeError::BodyBroken,
    })?;
    let wanted = from_wire::availability(&body)?;
    let name = Text::from(call.parameter);
    call.site.jobs.mark_node(&call.by, name.clone(), wanted).await.map_err(|error| match error {
        Error::Invalid(Problem::UnknownNode(name)) => NativeError::NoSuchNode(name),
        error => error.into(),
    })?;
    let snapshot = call.site.jobs.snapshot();
    let node = snapshot.cluster.node_index(&name).and_then(|index| snapshot.cluster.node(index));
    match node {
        Some(node) => Ok(reply::json(StatusCode::OK, &to_wire::node(node))),
        None => Err(NativeError::NoSuchNode(name)),
    }
}
