//! The operations of the interface: method, path, parameters, what is sent and what comes back.
//! One line each; the routes of a server and the OpenAPI document are checked against it.

use crate::accounting;
use crate::report::Report;
use crate::schema::{Components, Property, Schema};
use crate::value::Value;
use crate::versions::Version;
use crate::wire::{self, Wire};
use crate::{
    diag, envelope, hostlist_reply, job_change, job_desc, job_info, job_resources, licenses, node, partition,
    ping, query, requeue, reservation, shares, submit,
};

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The method in capitals.
    pub method: &'static str,
    /// The path with parameters in braces, the version among them.
    pub path: &'static str,
    /// Its name, without version.
    pub id: &'static str,
    query: Option<Describe>,
    body: Option<Describe>,
    answer: Describe,
    rewrite: Rewrite,
}

/// Where the version stands in a path.
const VERSION: &str = "{version}";

type Describe = fn(&mut Components) -> Schema;
type Rewrite = fn(&Value<'_>, &'static Version, &'static Version) -> Vec<u8>;

impl Operation {
    /// Goes through the operations of a version.
    pub fn all(version: &'static Version) -> impl Iterator<Item = &'static Operation> {
        let later = if version.is_later { LATER } else { &[] };
        ALL.iter().filter(|operation| !version.lacks_operation(operation.id)).chain(later)
    }

    /// Returns the path in a version.
    pub fn path_in(&self, version: &Version) -> String {
        self.path.replacen(VERSION, version.name, 1)
    }

    /// Returns the name in a version.
    pub fn id_in(&self, version: &Version) -> String {
        let number = version.name.replace('.', "");
        self.id.replacen('_', &format!("_{number}_"), 1)
    }

    /// Returns the group it belongs to: `slurm`, `slurmdb` or `util`.
    pub fn tag(&self) -> &'static str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    /// Returns the names of the parameters in its path.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.path.split('/').filter(|part| *part != VERSION);
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Returns its documented query parameters.
    pub fn query_parameters(&self, version: &'static Version) -> Vec<Property> {
        // Queries are no components of the document; what describing one defines is thrown away.
        let mut aside = Components::of(version);
        self.query.map(|describe| describe(&mut aside));
        let mut queries = aside.into_objects();
        queries.pop().map(|query| query.properties).unwrap_or_default()
    }

    /// Returns the shape of its body.
    pub fn body(&self, components: &mut Components) -> Option<Schema> {
        self.body.map(|describe| describe(components))
    }

    /// Finds an operation by its method and its path: the part (`slurm`, `slurmdb`, `util`) and what is below the version,
    /// with a `*` for each parameter.
    pub fn find(
        version: &'static Version,
        method: &str,
        part: &str,
        pattern: &str,
    ) -> Option<&'static Operation> {
        Operation::all(version).find(|operation| {
            let mut known = operation.path.split('/').filter(|segment| !segment.is_empty());
            operation.method == method
                && known.next() == Some(part)
                && known.next().is_some()
                && known
                    .map(|segment| if segment.starts_with('{') { "*" } else { segment })
                    .eq(pattern.split('/').filter(|segment| !segment.is_empty()))
        })
    }

    /// Writes an answer of one version as the other version has it, compactly. What the other does not have is left out;
    /// what the first does not have is empty.
    pub fn rewritten(&self, answer: &Value<'_>, from: &'static Version, to: &'static Version) -> Vec<u8> {
        (self.rewrite)(answer, from, to)
    }

    /// Returns the shape of its answer, good or bad.
    pub fn answer(&self, components: &mut Components) -> Schema {
        (self.answer)(components)
    }
}

fn rewrite<T: Wire + Default>(answer: &Value<'_>, from: &'static Version, to: &'static Version) -> Vec<u8> {
    let read: T = wire::parse(answer, &mut Report::lenient().in_version(from)).unwrap_or_default();
    wire::to_json_in(to, &read)
}

macro_rules! operations {
    ($about:literal $list:ident $($method:ident $path:literal $id:ident $(, query $query:ty)? $(, body $body:ty)? => $answer:ty;)*) => {
        #[doc = $about]
        pub const $list: &[Operation] = &[$(Operation {
            method: stringify!($method),
            path: $path,
            id: stringify!($id),
            query: maybe!($($query)?),
            body: maybe!($($body)?),
            answer: <$answer as Wire>::schema,
            rewrite: rewrite::<$answer>,
        },)*];
    };
}

macro_rules! maybe {
    () => {
        None
    };
    ($type:ty) => {
        Some(<$type as Wire>::schema)
    };
}

operations! {
    "All operations of the current version."
    ALL
    // The controller.
    GET "/slurm/{version}/shares" slurm_get_shares, query query::SharesQuery => shares::SharesResp;
    GET "/slurm/{version}/reconfigure/" slurm_get_reconfigure => envelope::Resp;
    GET "/slurm/{version}/diag/" slurm_get_diag => diag::DiagResp;
    GET "/slurm/{version}/ping/" slurm_get_ping => ping::PingArrayResp;
    GET "/slurm/{version}/licenses/" slurm_get_licenses => licenses::LicensesResp;
    POST "/slurm/{version}/job/submit" slurm_post_job_submit, body submit::JobSubmitReq => submit::JobSubmitResponse;
    POST "/slurm/{version}/job/allocate" slurm_post_job_allocate, body submit::JobAllocReq => submit::JobAllocResp;
    GET "/slurm/{version}/jobs/" slurm_get_jobs, query query::JobInfoQuery => job_info::JobInfoResp;
    DELETE "/slurm/{version}/jobs/" slurm_delete_jobs, body job_change::KillJobsMsg => job_change::KillJobsResp;
    GET "/slurm/{version}/jobs/state/" slurm_get_jobs_state, query query::JobStateQuery => job_info::JobInfoResp;
    GET "/slurm/{version}/job/{job_id}" slurm_get_job, query query::JobInfoQuery => job_info::JobInfoResp;
    POST "/slurm/{version}/job/{job_id}" slurm_post_job, body job_desc::JobDescMsg => job_change::JobPostResponse;
    DELETE "/slurm/{version}/job/{job_id}" slurm_delete_job, query query::JobInfoDeleteQuery => job_change::KillJobResp;
    GET "/slurm/{version}/nodes/" slurm_get_nodes, query query::NodesQuery => node::NodesResp;
    POST "/slurm/{version}/nodes/" slurm_post_nodes, body node::UpdateNodeMsg => envelope::Resp;
    GET "/slurm/{version}/node/{node_name}" slurm_get_node, query query::NodesQuery => node::NodesResp;
    POST "/slurm/{version}/node/{node_name}" slurm_post_node, body node::UpdateNodeMsg => envelope::Resp;
    DELETE "/slurm/{version}/node/{node_name}" slurm_delete_node => envelope::Resp;
    GET "/slurm/{version}/partitions/" slurm_get_partitions, query query::PartitionsQuery => partition::PartitionResp;
    GET "/slurm/{version}/partition/{partition_name}" slurm_get_partition, query query::PartitionsQuery => partition::PartitionResp;
    GET "/slurm/{version}/reservations/" slurm_get_reservations, query query::ReservationQuery => reservation::ReservationResp;
    POST "/slurm/{version}/reservations/" slurm_post_reservations, body reservation::ReservationModReq => reservation::ReservationModResp;
    GET "/slurm/{version}/reservation/{reservation_name}" slurm_get_reservation, query query::ReservationQuery => reservation::ReservationResp;
    DELETE "/slurm/{version}/reservation/{reservation_name}" slurm_delete_reservation => envelope::Resp;
    POST "/slurm/{version}/reservation" slurm_post_reservation, body reservation::ReservationDescMsgInput => reservation::ReservationModResp;
    POST "/slurm/{version}/new/node/" slurm_post_new_node, body node::CreateNodeReq => envelope::Resp;
    GET "/slurm/{version}/resources/{job_id}" slurm_get_resources => job_resources::ResourceLayoutResp;

    // Accounting.
    GET "/slurmdb/{version}/job/{job_id}" slurmdb_get_job => accounting::job::SlurmdbdJobsResp;
    POST "/slurmdb/{version}/job/{job_id}" slurmdb_post_job, body accounting::job::JobModify => accounting::job::JobModifyResp;
    GET "/slurmdb/{version}/config" slurmdb_get_config => accounting::config::SlurmdbdConfigResp;
    POST "/slurmdb/{version}/config" slurmdb_post_config, body accounting::config::SlurmdbdConfigRespInput => envelope::Resp;
    POST "/slurmdb/{version}/tres/" slurmdb_post_tres, body accounting::tres::TresRespInput => envelope::Resp;
    GET "/slurmdb/{version}/tres/" slurmdb_get_tres => accounting::tres::TresResp;
    GET "/slurmdb/{version}/qos/{qos}" slurmdb_get_single_qos, query accounting::query::QosQuery => accounting::qos::SlurmdbdQosResp;
    DELETE "/slurmdb/{version}/qos/{qos}" slurmdb_delete_single_qos => accounting::qos::SlurmdbdQosRemovedResp;
    GET "/slurmdb/{version}/qos/" slurmdb_get_qos, query accounting::query::QosCondition => accounting::qos::SlurmdbdQosResp;
    POST "/slurmdb/{version}/qos/" slurmdb_post_qos, query accounting::query::QosCondition, body accounting::qos::SlurmdbdQosRespInput => envelope::Resp;
    POST "/slurmdb/{version}/associations/" slurmdb_post_associations, body accounting::association::AssocsRespInput => envelope::Resp;
    GET "/slurmdb/{version}/associations/" slurmdb_get_associations, query accounting::query::AssocCondition => accounting::association::AssocsResp;
    DELETE "/slurmdb/{version}/associations/" slurmdb_delete_associations, query accounting::query::AssocCondition => accounting::association::AssocsRemovedResp;
    GET "/slurmdb/{version}/association/" slurmdb_get_association, query accounting::query::AssocCondition => accounting::association::AssocsResp;
    DELETE "/slurmdb/{version}/association/" slurmdb_delete_association, query accounting::query::AssocCondition => accounting::association::AssocsRemovedResp;
    GET "/slurmdb/{version}/instances/" slurmdb_get_instances, query accounting::query::InstanceCondition => accounting::instance::InstancesResp;
    GET "/slurmdb/{version}/instance/" slurmdb_get_instance, query accounting::query::InstanceCondition => accounting::instance::InstancesResp;
    DELETE "/slurmdb/{version}/user/{name}" slurmdb_delete_user => envelope::Resp;
    GET "/slurmdb/{version}/user/{name}" slurmdb_get_user, query accounting::query::UserQuery => accounting::user::UsersResp;
    POST "/slurmdb/{version}/users_association/" slurmdb_post_users_association, query query::NodesQuery, body accounting::user::UsersAddCondResp => accounting::user::UsersAddCondRespStr;
    POST "/slurmdb/{version}/users/" slurmdb_post_users, body accounting::user::UsersRespInput => envelope::Resp;
    GET "/slurmdb/{version}/users/" slurmdb_get_users, query accounting::query::UserCondition => accounting::user::UsersResp;
    DELETE "/slurmdb/{version}/cluster/{cluster_name}" slurmdb_delete_cluster, query accounting::query::ClusterCondition => accounting::cluster::ClustersRemovedResp;
    GET "/slurmdb/{version}/cluster/{cluster_name}" slurmdb_get_cluster, query accounting::query::ClusterCondition => accounting::cluster::ClustersResp;
    GET "/slurmdb/{version}/clusters/" slurmdb_get_clusters, query query::ReservationQuery => accounting::cluster::ClustersResp;
    POST "/slurmdb/{version}/clusters/" slurmdb_post_clusters, query query::ReservationQuery, body accounting::cluster::ClustersRespInput => envelope::Resp;
    DELETE "/slurmdb/{version}/wckey/{id}" slurmdb_delete_wckey => accounting::wckey::WckeyRemovedResp;
    GET "/slurmdb/{version}/wckey/{id}" slurmdb_get_wckey => accounting::wckey::WckeyResp;
    GET "/slurmdb/{version}/wckeys/" slurmdb_get_wckeys, query accounting::query::WckeyCondition => accounting::wckey::WckeyResp;
    POST "/slurmdb/{version}/wckeys/" slurmdb_post_wckeys, query accounting::query::WckeyCondition, body accounting::wckey::WckeyRespInput => envelope::Resp;
    DELETE "/slurmdb/{version}/account/{account_name}" slurmdb_delete_account => accounting::account::AccountsRemovedResp;
    GET "/slurmdb/{version}/account/{account_name}" slurmdb_get_account, query accounting::query::AccountQuery => accounting::account::AccountsResp;
    POST "/slurmdb/{version}/accounts_association/" slurmdb_post_accounts_association, body accounting::account::AccountsAddCondResp => accounting::account::AccountsAddCondRespStr;
    GET "/slurmdb/{version}/accounts/" slurmdb_get_accounts, query accounting::query::AccountCondition => accounting::account::AccountsResp;
    POST "/slurmdb/{version}/accounts/" slurmdb_post_accounts, body accounting::account::AccountsRespInput => envelope::Resp;
    GET "/slurmdb/{version}/jobs/" slurmdb_get_jobs, query accounting::query::JobCondition => accounting::job::SlurmdbdJobsResp;
    POST "/slurmdb/{version}/jobs/" slurmdb_post_jobs, body accounting::job::JobModifyReq => accounting::job::JobModifyResp;
    GET "/slurmdb/{version}/diag/" slurmdb_get_diag => accounting::stats::SlurmdbdStatsResp;
    GET "/slurmdb/{version}/ping/" slurmdb_get_ping => ping::SlurmdbdPingResp;

    // Answered without asking anybody.
    POST "/util/{version}/hostlist" util_post_hostlist, body hostlist_reply::HostnamesReqRespInput => hostlist_reply::HostlistReqResp;
    POST "/util/{version}/hostnames" util_post_hostnames, body hostlist_reply::HostlistReqRespInput => hostlist_reply::HostnamesReqResp;
}

operations! {
    "Operations that later versions have beside these."
    LATER
    GET "/slurm/{version}/job/{job_id}/requeue" slurm_get_job_requeue, query requeue::JobRequeueQuery => requeue::JobRequeueResp;
    POST "/slurm/{version}/jobs/requeue" slurm_post_jobs_requeue, body requeue::JobsRequeueQuery => requeue::JobsRequeueResp;
}
