//! What the published schema demands of every answer of an operation, also of one that has nothing to say. The original
//! leaves it out where it fails early, which clients that were generated from the schema take for a broken answer.

use super::routes::{Accounting, Operation};
use slurm_wire::{Version, Wire, versions};
use slurm_wire::{
    accounting, diag, hostlist_reply, job_change, job_info, job_resources, licenses, node, partition, ping,
    requeue, reservation, shares, states,
};

/// Adds to an answer without payload, as JSON, the fields that it must have all the same, empty.
pub(super) fn completed(operation: Operation, version: &'static Version, answer: Vec<u8>) -> Vec<u8> {
    let mut whole = nothing(operation, version);
    // Both are objects, and that of the answer is never empty.
    let Some(b'}') = whole.pop() else { return answer };
    if whole.len() > 1 {
        whole.push(b',');
    }
    whole.extend_from_slice(answer.get(1..).unwrap_or_default());
    whole
}

/// Returns the fields, empty, as an object.
fn nothing(operation: Operation, version: &'static Version) -> Vec<u8> {
    match operation {
        Operation::JobGet | Operation::JobsGet => {
            empty::<job_info::JobInfoResp>(version, &["jobs", "last_backfill", "last_update"])
        }
        Operation::JobStates => {
            empty::<states::JobStatesResp>(version, &["jobs", "last_backfill", "last_update"])
        }
        Operation::JobKill | Operation::JobsKill => empty::<job_change::KillJobResp>(version, &["status"]),
        Operation::Nodes | Operation::Node => empty::<node::NodesResp>(version, &["nodes", "last_update"]),
        Operation::Partitions | Operation::Partition => {
            empty::<partition::PartitionResp>(version, &["partitions", "last_update"])
        }
        Operation::Reservations | Operation::Reservation => {
            empty::<reservation::ReservationResp>(version, &["reservations", "last_update"])
        }
        Operation::ReservationPut | Operation::ReservationsPut => {
            empty::<reservation::ReservationModResp>(version, &["reservations"])
        }
        Operation::Licenses => empty::<licenses::LicensesResp>(version, &["licenses", "last_update"]),
        Operation::Resources => empty::<job_resources::ResourceLayoutResp>(version, &["nodes"]),
        Operation::Shares => empty::<shares::SharesResp>(version, &["shares"]),
        Operation::Ping => empty::<ping::PingArrayResp>(version, &["pings"]),
        Operation::Diag => empty::<diag::DiagResp>(version, &["statistics"]),
        Operation::JobRequeue => empty::<requeue::JobRequeueResp>(version, &["status"]),
        Operation::JobsRequeue => empty::<requeue::JobsRequeueResp>(version, &["status"]),
        Operation::Hostlist => empty::<hostlist_reply::HostlistReqResp>(version, &["hostlist"]),
        Operation::Hostnames => empty::<hostlist_reply::HostnamesReqResp>(version, &["hostnames"]),
        Operation::Accounting(operation) => nothing_of_accounting(operation, version),
        Operation::Submit
        | Operation::Allocate
        | Operation::JobUpdate
        | Operation::NodesUpdate
        | Operation::NodeUpdate
        | Operation::NodeCreate
        | Operation::NodeDelete
        | Operation::Reconfigure
        | Operation::ReservationDelete
        | Operation::OpenApi => b"{}".to_vec(),
    }
}

fn nothing_of_accounting(operation: Accounting, version: &'static Version) -> Vec<u8> {
    match operation {
        Accounting::Ping => empty::<ping::SlurmdbdPingResp>(version, &["pings"]),
        // The original sends just this to whom it refuses.
        Accounting::Diag => br#"{"statistics":{}}"#.to_vec(),
        Accounting::Tres => empty::<accounting::tres::TresResp>(version, &["TRES"]),
        Accounting::Clusters | Accounting::Cluster => {
            empty::<accounting::cluster::ClustersResp>(version, &["clusters"])
        }
        Accounting::Instances | Accounting::Instance => {
            empty::<accounting::instance::InstancesResp>(version, &["instances"])
        }
        Accounting::Jobs | Accounting::Job => empty::<accounting::job::SlurmdbdJobsResp>(version, &["jobs"]),
        Accounting::JobAmend | Accounting::JobsAmend => {
            empty::<accounting::job::JobModifyResp>(version, &["results"])
        }
        Accounting::Accounts | Accounting::Account => {
            empty::<accounting::account::AccountsResp>(version, &["accounts"])
        }
        Accounting::AccountsAdd => {
            empty::<accounting::account::AccountsAddCondRespStr>(version, &["added_accounts"])
        }
        Accounting::AccountDelete => {
            empty::<accounting::account::AccountsRemovedResp>(version, &["removed_accounts"])
        }
        Accounting::Users | Accounting::User => empty::<accounting::user::UsersResp>(version, &["users"]),
        Accounting::UsersAdd => empty::<accounting::user::UsersAddCondRespStr>(version, &["added_users"]),
        Accounting::Associations | Accounting::Association => {
            empty::<accounting::association::AssocsResp>(version, &["associations"])
        }
        Accounting::AssociationsDelete | Accounting::AssociationDelete => {
            empty::<accounting::association::AssocsRemovedResp>(version, &["removed_associations"])
        }
        Accounting::QosAll | Accounting::Qos => empty::<accounting::qos::SlurmdbdQosResp>(version, &["qos"]),
        Accounting::QosDelete => empty::<accounting::qos::SlurmdbdQosRemovedResp>(version, &["removed_qos"]),
        Accounting::Wckeys | Accounting::Wckey => empty::<accounting::wckey::WckeyResp>(version, &["wckeys"]),
        Accounting::WckeyDelete => empty::<accounting::wckey::WckeyRemovedResp>(version, &["deleted_wckeys"]),
        Accounting::ClusterDelete => {
            empty::<accounting::cluster::ClustersRemovedResp>(version, &["deleted_clusters"])
        }
        Accounting::TresAdd
        | Accounting::ClustersPut
        | Accounting::AccountsPut
        | Accounting::UsersPut
        | Accounting::UserDelete
        | Accounting::AssociationsPut
        | Accounting::QosPut
        | Accounting::WckeysPut
        | Accounting::Config
        | Accounting::ConfigLoad => b"{}".to_vec(),
    }
}

fn empty<T: Wire + Default>(version: &'static Version, names: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    let is_required = |name: &[u8]| names.iter().any(|required| required.as_bytes() == name);
    versions::write_only(&slurm_wire::to_json_in(version, &T::default()), is_required, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::routes;
    use crate::slurm::served::Served;
    use hyper::Method;
    use serde_json::Value as Json;
    use std::borrow::Cow;

    #[test]
    fn every_field_that_is_demanded_is_there() {
        let served = Served::default();
        for version in versions::ALL.iter().copied() {
            let document = slurm_wire::openapi::document("x", "x", version);
            for (path, methods) in document["paths"].as_object().unwrap() {
                for (method, described) in methods.as_object().unwrap() {
                    let segments: Vec<Cow<'_, str>> =
                        path.split('/').filter(|part| !part.is_empty()).map(Cow::Borrowed).collect();
                    let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
                    let Some(found) = routes::find(&served, &method, &segments) else { continue };
                    let schema = &described["responses"]["200"]["content"]["application/json"]["schema"];
                    let name = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
                    let schema = &document["components"]["schemas"][name];
                    let demanded = schema["required"].as_array().cloned().unwrap_or_default();
                    let nothing: Json = serde_json::from_slice(&nothing(found.operation, version)).unwrap();
                    let there: Vec<&String> = nothing.as_object().unwrap().keys().collect();
                    let missing: Vec<&Json> = demanded
                        .iter()
                        .filter(|name| nothing.get(name.as_str().unwrap()).is_none())
                        .collect();
                    assert!(missing.is_empty(), "{method} {path}: {missing:?}");
                    assert_eq!(there.len(), demanded.len(), "{method} {path}: {there:?}");
                }
            }
        }
    }

    #[test]
    fn they_stand_before_the_rest() {
        let whole = completed(Operation::Ping, versions::CURRENT, br#"{"errors":[]}"#.to_vec());
        assert_eq!(whole, br#"{"pings":[],"errors":[]}"#);
        let whole = completed(Operation::Submit, versions::CURRENT, br#"{"errors":[]}"#.to_vec());
        assert_eq!(whole, br#"{"errors":[]}"#);
    }
}
