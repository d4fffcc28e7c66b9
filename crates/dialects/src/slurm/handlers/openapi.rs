//! The API's own description: only what is served is in it.

use crate::http::answer::Answer;
use crate::slurm::call::{Call, written};
use crate::slurm::routes;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value as Json, json};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// One sentence for each operation.
const SUMMARIES: &[(&str, &str, &str)] = &[
    ("post", "/slurm/v0.0.44/job/submit", "Submits a batch job."),
    ("post", "/slurm/v0.0.44/job/allocate", "Allocates resources, and answers when they are there."),
    ("get", "/slurm/v0.0.44/job/{job_id}", "Shows a job, or every record of an array."),
    ("post", "/slurm/v0.0.44/job/{job_id}", "Changes, holds or releases a job."),
    ("delete", "/slurm/v0.0.44/job/{job_id}", "Cancels a job, or sends it a signal."),
    ("get", "/slurm/v0.0.44/jobs/", "Lists all live jobs."),
    ("delete", "/slurm/v0.0.44/jobs/", "Cancels or signals jobs by number or by what they have in common."),
    ("get", "/slurm/v0.0.44/jobs/state/", "Lists the states of jobs: small and fast."),
    ("get", "/slurm/v0.0.44/nodes/", "Lists all nodes."),
    ("get", "/slurm/v0.0.44/node/{node_name}", "Shows a node."),
    ("get", "/slurm/v0.0.44/partitions/", "Lists all partitions."),
    ("get", "/slurm/v0.0.44/partition/{partition_name}", "Shows a partition."),
    ("get", "/slurm/v0.0.44/ping/", "Says whether the controller answers."),
    ("get", "/slurm/v0.0.44/diag/", "Shows counters of controller and scheduler."),
];

static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| document().to_string().into_bytes());

/// Answers with the description; any token will do, as with the original.
pub(super) fn description(call: Call<'_>) -> Answer {
    written(StatusCode::OK, call.format, DOCUMENT.clone())
}

fn document() -> Json {
    // A version that generators of clients can read; the original's is not.
    let mut document = slurm_wire::openapi::document("Slurm REST API, served by Quintet", "0.0.44");
    let served =
        document.get_mut("paths").and_then(Json::as_object_mut).map(std::mem::take).unwrap_or_default();
    let served = served.into_iter().filter_map(|(path, operations)| {
        let operations = served_operations(&path, operations);
        (!operations.is_empty()).then_some((path, Json::Object(operations)))
    });
    let served: Map<String, Json> = served.collect();
    let needed = needed_schemas(&document, &served);
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Json::as_object_mut) {
        schemas.retain(|name, _| needed.contains(name));
    }
    document["paths"] = Json::Object(served);
    document["tags"] = json!([{"name": "slurm"}]);
    document["info"]["x-slurm"] = json!({
        "data_parsers": [{"plugin": routes::VERSION, "flags": ["NONE"]}],
        "openapi": ["openapi/slurmctld"],
    });
    document
}

fn served_operations(path: &str, operations: Json) -> Map<String, Json> {
    let Json::Object(mut operations) = operations else { return Map::new() };
    operations.retain(|method, operation| {
        let segments: Vec<Cow<'_, str>> =
            path.split('/').filter(|part| !part.is_empty()).map(Cow::Borrowed).collect();
        let method_served = Method::from_bytes(method.to_ascii_uppercase().as_bytes());
        let is_served = method_served.is_ok_and(|method| routes::find(&method, &segments).is_some());
        let summary = SUMMARIES.iter().find(|(known, of, _)| known == method && *of == path);
        if let (Some((_, _, summary)), Some(operation)) = (summary, operation.as_object_mut()) {
            operation.insert("summary".into(), json!(summary));
        }
        is_served
    });
    operations
}

/// Returns the schemas that the operations need, and those that these need.
fn needed_schemas(document: &Json, paths: &Map<String, Json>) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let mut open: Vec<Json> = paths.values().cloned().collect();
    while let Some(value) = open.pop() {
        match value {
            Json::Object(fields) => {
                let name = fields.get("$ref").and_then(Json::as_str).and_then(|name| name.rsplit('/').next());
                if let Some(name) = name.filter(|name| needed.insert((*name).to_owned())) {
                    open.extend(document.pointer(&format!("/components/schemas/{name}")).cloned());
                }
                open.extend(fields.into_iter().map(|(_, value)| value));
            }
            Json::Array(values) => open.extend(values),
            _ => {}
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_served_is_described_with_a_sentence() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let described: usize = paths.values().map(|operations| operations.as_object().unwrap().len()).sum();
        assert_eq!(described, routes::ROUTES.len());
        for operations in paths.values() {
            for (_, operation) in operations.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{operation}");
            }
        }
        assert!(document["components"]["schemas"].as_object().unwrap().contains_key("v0.0.44_job_info"));
        assert!(document["components"]["schemas"].as_object().unwrap().len() < 100);
    }
}
