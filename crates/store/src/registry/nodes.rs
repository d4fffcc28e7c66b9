//! The table of nodes that other schedulers tell of.

use crate::database::Unread;
use domain::Text;
use domain::monitoring::{NodeReport, NodeSeen};
use domain::ports::StoreError;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What a node has beside its columns. Keys are never used for anything else.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Body {
    #[serde(rename = "s")]
    states: Vec<Text>,
    #[serde(rename = "c")]
    cpus: u32,
    #[serde(rename = "m")]
    memory: i64,
    #[serde(rename = "g")]
    gpus: u32,
    #[serde(rename = "j")]
    jobs: u32,
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unreadable { what: "a node of another cluster".to_owned(), source: Box::new(error) }
}

/// Keeps what is told of nodes of a cluster; tells whether all of them have room among `most`. Otherwise nothing is kept.
pub(super) fn note(
    connection: &Connection,
    cluster: &str,
    at: i64,
    nodes: &[NodeReport],
    most: u64,
) -> Result<bool, Unread> {
    let count: i64 =
        connection.query_row("SELECT count(*) FROM node WHERE cluster = ?1", [cluster], |row| row.get(0))?;
    let mut known = connection.prepare_cached("SELECT 1 FROM node WHERE cluster = ?1 AND host = ?2")?;
    let mut new = HashSet::new();
    for node in nodes {
        if !known.exists([cluster, node.hostname.as_str()])? {
            new.insert(&node.hostname);
        }
    }
    if u64::try_from(count).unwrap_or(0).saturating_add(new.len() as u64) > most {
        return Ok(false);
    }
    let mut upsert = connection.prepare_cached(
        "INSERT INTO node (cluster, host, at, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (cluster, host) DO UPDATE SET at = ?3, body = ?4",
    )?;
    for node in nodes {
        let body = Body {
            states: node.states.clone(),
            cpus: node.cpus_allocated,
            memory: node.memory_allocated,
            gpus: node.gpus_allocated,
            jobs: node.jobs_running,
        };
        let body = rmp_serde::to_vec_named(&body).map_err(broken)?;
        upsert.execute(params![cluster, node.hostname.as_str(), at, body])?;
    }
    Ok(true)
}

/// Lists nodes by cluster and name; of one cluster if that is wanted.
pub(super) fn all(connection: &Connection, cluster: Option<&str>) -> Result<Vec<NodeSeen>, Unread> {
    let mut select = connection.prepare_cached(
        "SELECT cluster, host, at, body FROM node WHERE ?1 IS NULL OR cluster = ?1 ORDER BY cluster, host",
    )?;
    let mut rows = select.query([cluster])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
        let body: Body = rmp_serde::from_slice(bytes).map_err(broken)?;
        let report = NodeReport {
            hostname: row.get::<_, String>(1)?.into(),
            states: body.states,
            cpus_allocated: body.cpus,
            memory_allocated: body.memory,
            gpus_allocated: body.gpus,
            jobs_running: body.jobs,
        };
        found.push(NodeSeen { cluster: row.get::<_, String>(0)?.into(), at: row.get(2)?, report });
    }
    Ok(found)
}
