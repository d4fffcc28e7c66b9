//! Recorded replies survive the way through the types: what the original wrote is what we write.

use serde::Deserialize;
use serde_json::Value as Json;
use slurm_wire::{
    Value, Wire, accounting, diag, envelope, job_change, job_info, job_resources, licenses, node, partition,
};
use slurm_wire::{ping, reservation, shares, submit};

use crate::fixtures::{lines, operation};

#[derive(Deserialize)]
struct Recorded {
    method: String,
    path: String,
    json: Box<serde_json::value::RawValue>,
}

type Again = fn(&Value<'_>) -> (Vec<u8>, String);

/// Reads a reply and writes it twice: by the fast writer and by serde.
fn again<T: Wire + Default>(reply: &Value<'_>) -> (Vec<u8>, String) {
    let read: T = slurm_wire::parse_reply(reply);
    (slurm_wire::to_json(&read), serde_json::to_string(&read).unwrap())
}

fn type_of(method: &str, path: &str) -> Option<Again> {
    let operation = operation(method, path)?;
    if operation.path.ends_with("/jobs/state/") {
        // Documented as jobs, and ours are: the original's are not.
        return None;
    }
    if operation.method == "DELETE" && operation.path.contains("/user/") {
        return Some(again::<accounting::user::UsersRemovedResp>);
    }
    let mut components = slurm_wire::schema::Components::default();
    let slurm_wire::schema::Schema::Component(name) = operation.answer(&mut components) else { return None };
    Some(match name {
        "openapi_resp" => again::<envelope::Resp>,
        "openapi_shares_resp" => again::<shares::SharesResp>,
        "openapi_diag_resp" => again::<diag::DiagResp>,
        "openapi_ping_array_resp" => again::<ping::PingArrayResp>,
        "openapi_slurmdbd_ping_resp" => again::<ping::SlurmdbdPingResp>,
        "openapi_licenses_resp" => again::<licenses::LicensesResp>,
        "openapi_job_submit_response" => again::<submit::JobSubmitResponse>,
        "openapi_job_alloc_resp" => again::<submit::JobAllocResp>,
        "openapi_job_info_resp" => again::<job_info::JobInfoResp>,
        "openapi_job_post_response" => again::<job_change::JobPostResponse>,
        "openapi_kill_jobs_resp" => again::<job_change::KillJobsResp>,
        "openapi_kill_job_resp" => again::<job_change::KillJobResp>,
        "openapi_nodes_resp" => again::<node::NodesResp>,
        "openapi_partition_resp" => again::<partition::PartitionResp>,
        "openapi_reservation_resp" => again::<reservation::ReservationResp>,
        "openapi_reservation_mod_resp" => again::<reservation::ReservationModResp>,
        "openapi_resource_layout_resp" => again::<job_resources::ResourceLayoutResp>,
        "openapi_slurmdbd_jobs_resp" => again::<accounting::job::SlurmdbdJobsResp>,
        "openapi_job_modify_resp" => again::<accounting::job::JobModifyResp>,
        "openapi_slurmdbd_config_resp" => again::<accounting::config::SlurmdbdConfigResp>,
        "openapi_tres_resp" => again::<accounting::tres::TresResp>,
        "openapi_slurmdbd_qos_resp" => again::<accounting::qos::SlurmdbdQosResp>,
        "openapi_slurmdbd_qos_removed_resp" => again::<accounting::qos::SlurmdbdQosRemovedResp>,
        "openapi_assocs_resp" => again::<accounting::association::AssocsResp>,
        "openapi_assocs_removed_resp" => again::<accounting::association::AssocsRemovedResp>,
        "openapi_instances_resp" => again::<accounting::instance::InstancesResp>,
        "openapi_users_resp" => again::<accounting::user::UsersResp>,
        "openapi_users_add_cond_resp_str" => again::<accounting::user::UsersAddCondRespStr>,
        "openapi_clusters_resp" => again::<accounting::cluster::ClustersResp>,
        "openapi_clusters_removed_resp" => again::<accounting::cluster::ClustersRemovedResp>,
        "openapi_wckey_resp" => again::<accounting::wckey::WckeyResp>,
        "openapi_wckey_removed_resp" => again::<accounting::wckey::WckeyRemovedResp>,
        "openapi_accounts_resp" => again::<accounting::account::AccountsResp>,
        "openapi_accounts_removed_resp" => again::<accounting::account::AccountsRemovedResp>,
        "openapi_accounts_add_cond_resp_str" => again::<accounting::account::AccountsAddCondRespStr>,
        "openapi_slurmdbd_stats_resp" => again::<accounting::stats::SlurmdbdStatsResp>,
        other => panic!("no type for {other}"),
    })
}

/// Everything in `theirs` is in `ours`, with equal values and keys in the same order; where it differs is collected.
fn compare(place: &str, theirs: &Value<'_>, ours: &Value<'_>, differences: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Dict(theirs), Value::Dict(mine)) => {
            let mut last = 0;
            for (key, value) in theirs {
                let place = format!("{place}/{key}");
                match mine.iter().position(|(known, _)| known == key) {
                    // Of what is not there the original says null, which its description does not know.
                    None if key == "job_resources" && *value == Value::Null => {}
                    None => differences.push(format!("{place} is missing")),
                    // Failures of the original put the envelope in another order; only payloads are compared.
                    Some(index) if index < last && place.matches('/').count() > 1 => {
                        differences.push(format!("{place} is too early"));
                    }
                    Some(index) => {
                        last = index;
                        compare(&place, value, &mine[index].1, differences);
                    }
                }
            }
        }
        (Value::List(theirs), Value::List(mine)) if theirs.len() == mine.len() => {
            for (index, (theirs, ours)) in theirs.iter().zip(mine).enumerate() {
                compare(&format!("{place}[{index}]"), theirs, ours, differences);
            }
        }
        (Value::Float(theirs), Value::Float(mine)) if (theirs - mine).abs() <= theirs.abs() * 1e-15 => {}
        (theirs, ours) if theirs == ours => {}
        (theirs, ours) => differences.push(format!("{place}: {ours} instead of {theirs}")),
    }
}

#[test]
fn recorded_replies_are_written_again() {
    let mut differences = Vec::new();
    let mut compared = std::collections::BTreeSet::new();
    for line in lines("replies.jsonl.zst") {
        let recorded: Recorded = serde_json::from_str(&line).unwrap();
        let Some(again) = type_of(&recorded.method, &recorded.path) else { continue };
        let theirs = slurm_wire::json::parse(recorded.json.get()).unwrap();
        let (fast, by_serde) = again(&theirs);
        let fast = String::from_utf8(fast).unwrap();
        assert_eq!(fast, by_serde, "the two writers differ on {}", recorded.path);
        let place = format!("{} {}", recorded.method, recorded.path.replace('/', ":"));
        compare(&place, &theirs, &slurm_wire::json::parse(&fast).unwrap(), &mut differences);
        assert!(serde_json::from_str::<Json>(&fast).is_ok());
        compared.insert(operation(&recorded.method, &recorded.path).map(|operation| operation.id));
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(compared.len() > 50, "only {} operations were compared", compared.len());
}
