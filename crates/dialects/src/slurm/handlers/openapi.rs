//! The API's own description: only what is served is in it.

use crate::http::answer::Answer;
use crate::slurm::call::{Call, written};
use crate::slurm::routes;
use crate::slurm::served::Served;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value as Json, json};
use slurm_wire::versions::{self, Version};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::OnceLock;

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
    ("post", "/slurm/v0.0.44/nodes/", "Changes nodes."),
    ("post", "/slurm/v0.0.44/node/{node_name}", "Changes a node."),
    ("delete", "/slurm/v0.0.44/node/{node_name}", "Takes a node away that was made at run time."),
    ("post", "/slurm/v0.0.44/new/node/", "Makes nodes."),
    ("get", "/slurm/v0.0.44/licenses/", "Lists licences."),
    ("get", "/slurm/v0.0.44/resources/{job_id}", "Shows what a running job holds of its nodes."),
    ("get", "/slurm/v0.0.44/shares", "Lists the fair shares of accounts and users."),
    ("get", "/slurm/v0.0.44/reconfigure/", "Reads the configuration anew."),
    ("get", "/slurm/v0.0.44/node/{node_name}", "Shows a node."),
    ("get", "/slurm/v0.0.44/partitions/", "Lists all partitions."),
    ("get", "/slurm/v0.0.44/partition/{partition_name}", "Shows a partition."),
    ("get", "/slurm/v0.0.44/reservations/", "Lists all reservations."),
    ("post", "/slurm/v0.0.44/reservations/", "Makes or changes reservations, one after the other."),
    ("get", "/slurm/v0.0.44/reservation/{reservation_name}", "Shows a reservation."),
    ("post", "/slurm/v0.0.44/reservation", "Makes a reservation, or changes the one of that name."),
    ("delete", "/slurm/v0.0.44/reservation/{reservation_name}", "Deletes a reservation that no job uses."),
    ("get", "/slurm/v0.0.44/ping/", "Says whether the controller answers."),
    ("get", "/slurm/v0.0.44/diag/", "Shows counters of controller and scheduler."),
    // Of later versions.
    ("get", "/slurm/v0.0.44/job/{job_id}/requeue", "Puts a job back into the queue."),
    ("post", "/slurm/v0.0.44/jobs/requeue", "Puts jobs back into the queue."),
    // Accounting.
    ("get", "/slurmdb/v0.0.44/ping/", "Says whether accounting answers."),
    ("get", "/slurmdb/v0.0.44/diag/", "Shows what was asked of accounting."),
    ("get", "/slurmdb/v0.0.44/jobs/", "Lists jobs, those that are over among those that live."),
    ("post", "/slurmdb/v0.0.44/jobs/", "Notes something about jobs."),
    ("get", "/slurmdb/v0.0.44/job/{job_id}", "Shows all attempts of a job or of an array's tasks."),
    ("post", "/slurmdb/v0.0.44/job/{job_id}", "Notes something about a job."),
    ("get", "/slurmdb/v0.0.44/tres/", "Lists what is counted."),
    ("post", "/slurmdb/v0.0.44/tres/", "Refused: what is counted follows from the configuration."),
    ("get", "/slurmdb/v0.0.44/clusters/", "Lists the clusters that accounting knows."),
    ("get", "/slurmdb/v0.0.44/cluster/{cluster_name}", "Shows a cluster."),
    ("get", "/slurmdb/v0.0.44/instances/", "Lists instances of clouds."),
    ("get", "/slurmdb/v0.0.44/instance/", "Lists instances of clouds."),
    ("post", "/slurmdb/v0.0.44/clusters/", "Makes clusters known to accounting."),
    ("delete", "/slurmdb/v0.0.44/cluster/{cluster_name}", "Forgets a cluster."),
    ("get", "/slurmdb/v0.0.44/accounts/", "Lists accounts."),
    ("post", "/slurmdb/v0.0.44/accounts/", "Makes or changes accounts, without associations."),
    ("get", "/slurmdb/v0.0.44/account/{account_name}", "Shows an account."),
    ("delete", "/slurmdb/v0.0.44/account/{account_name}", "Removes an account with its associations."),
    ("post", "/slurmdb/v0.0.44/accounts_association/", "Makes accounts with their associations."),
    ("get", "/slurmdb/v0.0.44/users/", "Lists users."),
    ("post", "/slurmdb/v0.0.44/users/", "Makes or changes users, without associations."),
    ("get", "/slurmdb/v0.0.44/user/{name}", "Shows a user."),
    ("delete", "/slurmdb/v0.0.44/user/{name}", "Removes a user with all associations."),
    ("post", "/slurmdb/v0.0.44/users_association/", "Makes users with their associations."),
    ("get", "/slurmdb/v0.0.44/associations/", "Lists associations in the order of the tree."),
    ("post", "/slurmdb/v0.0.44/associations/", "Makes or changes associations."),
    ("delete", "/slurmdb/v0.0.44/associations/", "Removes associations."),
    ("get", "/slurmdb/v0.0.44/association/", "Shows the one association that is meant."),
    ("delete", "/slurmdb/v0.0.44/association/", "Removes the one association that is meant."),
    ("get", "/slurmdb/v0.0.44/qos/", "Lists qualities of service."),
    ("post", "/slurmdb/v0.0.44/qos/", "Makes or changes qualities of service."),
    ("get", "/slurmdb/v0.0.44/qos/{qos}", "Shows a quality of service, by name or number."),
    ("delete", "/slurmdb/v0.0.44/qos/{qos}", "Removes a quality of service, by name or number."),
    ("get", "/slurmdb/v0.0.44/wckeys/", "Lists workload keys."),
    ("post", "/slurmdb/v0.0.44/wckeys/", "Makes workload keys."),
    ("get", "/slurmdb/v0.0.44/wckey/{id}", "Shows the workload keys of a name."),
    ("delete", "/slurmdb/v0.0.44/wckey/{id}", "Removes the workload keys of a name."),
    ("get", "/slurmdb/v0.0.44/config", "Writes all of accounting into one document."),
    ("post", "/slurmdb/v0.0.44/config", "Takes such a document in."),
    // Answered without asking anybody.
    ("post", "/util/v0.0.44/hostlist", "Gathers names of hosts into a host list."),
    ("post", "/util/v0.0.44/hostnames", "Expands a host list into names of hosts."),
];

/// The descriptions of what is served, made when they are first asked for.
#[derive(Default)]
pub(crate) struct Descriptions(OnceLock<Vec<(&'static str, Vec<u8>)>>);

impl Descriptions {
    fn of(&self, version: &Version, served: &Served) -> Vec<u8> {
        let all = self.0.get_or_init(|| {
            let versions = served.versions.iter();
            versions
                .map(|version| (version.name, document(version, served).to_string().into_bytes()))
                .collect()
        });
        let described = all.iter().find(|(name, _)| *name == version.name);
        described.map(|(_, document)| document.clone()).unwrap_or_default()
    }
}

/// Answers with the description of a version; any token will do, as with the original.
pub(super) fn description(call: Call<'_>) -> Answer {
    let site = call.site;
    written(StatusCode::OK, call.format, site.descriptions.of(call.version, &site.slurm))
}

fn document(version: &'static Version, served: &Served) -> Json {
    // A version that generators of clients can read; the original's is not.
    let release = version.name.trim_start_matches('v');
    let mut document = slurm_wire::openapi::document("Slurm REST API, served by Quintet", release, version);
    let all = document.get_mut("paths").and_then(Json::as_object_mut).map(std::mem::take).unwrap_or_default();
    let kept = all.into_iter().filter_map(|(path, operations)| {
        let operations = served_operations(&path, operations, version, served);
        (!operations.is_empty()).then_some((path, Json::Object(operations)))
    });
    let kept: Map<String, Json> = kept.collect();
    let needed = needed_schemas(&document, &kept);
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Json::as_object_mut) {
        schemas.retain(|name, _| needed.contains(name));
    }
    document["paths"] = Json::Object(kept);
    let plugins: Vec<String> = served.parts.iter().map(|part| format!("openapi/{}", part.plugin())).collect();
    document["info"]["x-slurm"] = json!({
        "data_parsers": [{"plugin": version.name, "flags": ["NONE"]}],
        "openapi": plugins,
    });
    document
}

fn served_operations(
    path: &str,
    operations: Json,
    version: &'static Version,
    served: &Served,
) -> Map<String, Json> {
    let Json::Object(mut operations) = operations else { return Map::new() };
    operations.retain(|method, operation| {
        let segments: Vec<Cow<'_, str>> =
            path.split('/').filter(|part| !part.is_empty()).map(Cow::Borrowed).collect();
        let method_served = Method::from_bytes(method.to_ascii_uppercase().as_bytes());
        let is_served = method_served.is_ok_and(|method| routes::find(served, &method, &segments).is_some());
        let path = path.replacen(version.name, versions::CURRENT.name, 1);
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
        let served = Served::default();
        for version in &served.versions {
            let document = document(version, &served);
            let paths = document["paths"].as_object().unwrap();
            let described: Vec<&Json> =
                paths.values().flat_map(|operations| operations.as_object().unwrap().values()).collect();
            let routes = served.parts.iter().map(|part| routes::count(*part, version)).sum::<usize>();
            assert_eq!(described.len(), routes, "{}", version.name);
            for operation in described {
                assert!(operation["summary"].is_string(), "{operation}");
            }
            let schemas = document["components"]["schemas"].as_object().unwrap();
            assert!(schemas.contains_key(&format!("{}_job_info", version.name)));
            assert!(schemas.len() < 200);
        }
    }
}
