//! The 66 operations of the interface: method, path, parameters, what is sent and what comes back.
//! One line each; the routes of a server and the OpenAPI document are checked against it.

use crate::accounting;
use crate::schema::{Components, Property, Schema};
use crate::wire::Wire;
use crate::{
    diag, envelope, job_change, job_desc, job_info, job_resources, licenses, node, partition, ping, query,
    reservation, shares, submit,
};

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The method in capitals.
    pub method: &'static str,
    /// The path with parameters in braces.
    pub path: &'static str,
    /// Its name.
    pub id: &'static str,
    query: Option<Describe>,
    body: Option<Describe>,
    answer: Describe,
}

type Describe = fn(&mut Components) -> Schema;

impl Operation {
    /// Returns the group it belongs to, `slurm` or `slurmdb`.
    pub fn tag(&self) -> &'static str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    /// Returns the names of the parameters in its path.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Returns its documented query parameters.
    pub fn query_parameters(&self) -> Vec<Property> {
        // Queries are no components of the document; what describing one defines is thrown away.
        let mut aside = Components::default();
        self.query.map(|describe| describe(&mut aside));
        let mut queries = aside.into_objects();
        queries.pop().map(|query| query.properties).unwrap_or_default()
    }

    /// Returns the shape of its body.
    pub fn body(&self, components: &mut Components) -> Option<Schema> {
        self.body.map(|describe| describe(components))
    }

    /// Returns the shape of its answer, good or bad.
    pub fn answer(&self, components: &mut Components) -> Schema {
        (self.answer)(components)
    }
}

macro_rules! operations {
    ($($method:ident $path:literal $id:ident $(, query $query:ty)? $(, body $body:ty)? => $answer:ty;)*) => {
        /// All operations.
        pub const ALL: &[Operation] = &[$(Operation {
            method: stringify!($method),
            path: $path,
            id: stringify!($id),
            query: maybe!($($query)?),
            body: maybe!($($body)?),
            answer: <$answer as Wire>::schema,
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
    // The controller.
    GET "/slurm/v0.0.44/shares" slurm_v0044_get_shares, query query::SharesQuery => shares::SharesResp;
    GET "/slurm/v0.0.44/reconfigure/" slurm_v0044_get_reconfigure => envelope::Resp;
    GET "/slurm/v0.0.44/diag/" slurm_v0044_get_diag => diag::DiagResp;
    GET "/slurm/v0.0.44/ping/" slurm_v0044_get_ping => ping::PingArrayResp;
    GET "/slurm/v0.0.44/licenses/" slurm_v0044_get_licenses => licenses::LicensesResp;
    POST "/slurm/v0.0.44/job/submit" slurm_v0044_post_job_submit, body submit::JobSubmitReq => submit::JobSubmitResponse;
    POST "/slurm/v0.0.44/job/allocate" slurm_v0044_post_job_allocate, body submit::JobAllocReq => submit::JobAllocResp;
    GET "/slurm/v0.0.44/jobs/" slurm_v0044_get_jobs, query query::JobInfoQuery => job_info::JobInfoResp;
    DELETE "/slurm/v0.0.44/jobs/" slurm_v0044_delete_jobs, body job_change::KillJobsMsg => job_change::KillJobsResp;
    GET "/slurm/v0.0.44/jobs/state/" slurm_v0044_get_jobs_state, query query::JobStateQuery => job_info::JobInfoResp;
    GET "/slurm/v0.0.44/job/{job_id}" slurm_v0044_get_job, query query::JobInfoQuery => job_info::JobInfoResp;
    POST "/slurm/v0.0.44/job/{job_id}" slurm_v0044_post_job, body job_desc::JobDescMsg => job_change::JobPostResponse;
    DELETE "/slurm/v0.0.44/job/{job_id}" slurm_v0044_delete_job, query query::JobInfoDeleteQuery => job_change::KillJobResp;
    GET "/slurm/v0.0.44/nodes/" slurm_v0044_get_nodes, query query::NodesQuery => node::NodesResp;
    POST "/slurm/v0.0.44/nodes/" slurm_v0044_post_nodes, body node::UpdateNodeMsg => envelope::Resp;
    GET "/slurm/v0.0.44/node/{node_name}" slurm_v0044_get_node, query query::NodesQuery => node::NodesResp;
    POST "/slurm/v0.0.44/node/{node_name}" slurm_v0044_post_node, body node::UpdateNodeMsg => envelope::Resp;
    DELETE "/slurm/v0.0.44/node/{node_name}" slurm_v0044_delete_node => envelope::Resp;
    GET "/slurm/v0.0.44/partitions/" slurm_v0044_get_partitions, query query::PartitionsQuery => partition::PartitionResp;
    GET "/slurm/v0.0.44/partition/{partition_name}" slurm_v0044_get_partition, query query::PartitionsQuery => partition::PartitionResp;
    GET "/slurm/v0.0.44/reservations/" slurm_v0044_get_reservations, query query::ReservationQuery => reservation::ReservationResp;
    POST "/slurm/v0.0.44/reservations/" slurm_v0044_post_reservations, body reservation::ReservationModReq => reservation::ReservationModResp;
    GET "/slurm/v0.0.44/reservation/{reservation_name}" slurm_v0044_get_reservation, query query::ReservationQuery => reservation::ReservationResp;
    DELETE "/slurm/v0.0.44/reservation/{reservation_name}" slurm_v0044_delete_reservation => envelope::Resp;
    POST "/slurm/v0.0.44/reservation" slurm_v0044_post_reservation, body reservation::ReservationDescMsgInput => reservation::ReservationModResp;
    POST "/slurm/v0.0.44/new/node/" slurm_v0044_post_new_node, body node::CreateNodeReq => envelope::Resp;
    GET "/slurm/v0.0.44/resources/{job_id}" slurm_v0044_get_resources => job_resources::ResourceLayoutResp;

    // Accounting.
    GET "/slurmdb/v0.0.44/job/{job_id}" slurmdb_v0044_get_job => accounting::job::SlurmdbdJobsResp;
    POST "/slurmdb/v0.0.44/job/{job_id}" slurmdb_v0044_post_job, body accounting::job::JobModify => accounting::job::JobModifyResp;
    GET "/slurmdb/v0.0.44/config" slurmdb_v0044_get_config => accounting::config::SlurmdbdConfigResp;
    POST "/slurmdb/v0.0.44/config" slurmdb_v0044_post_config, body accounting::config::SlurmdbdConfigRespInput => envelope::Resp;
    POST "/slurmdb/v0.0.44/tres/" slurmdb_v0044_post_tres, body accounting::tres::TresRespInput => envelope::Resp;
    GET "/slurmdb/v0.0.44/tres/" slurmdb_v0044_get_tres => accounting::tres::TresResp;
    GET "/slurmdb/v0.0.44/qos/{qos}" slurmdb_v0044_get_single_qos, query accounting::query::QosQuery => accounting::qos::SlurmdbdQosResp;
    DELETE "/slurmdb/v0.0.44/qos/{qos}" slurmdb_v0044_delete_single_qos => accounting::qos::SlurmdbdQosRemovedResp;
    GET "/slurmdb/v0.0.44/qos/" slurmdb_v0044_get_qos, query accounting::query::QosCondition => accounting::qos::SlurmdbdQosResp;
    POST "/slurmdb/v0.0.44/qos/" slurmdb_v0044_post_qos, query accounting::query::QosCondition, body accounting::qos::SlurmdbdQosRespInput => envelope::Resp;
    POST "/slurmdb/v0.0.44/associations/" slurmdb_v0044_post_associations, body accounting::association::AssocsRespInput => envelope::Resp;
    GET "/slurmdb/v0.0.44/associations/" slurmdb_v0044_get_associations, query accounting::query::AssocCondition => accounting::association::AssocsResp;
    DELETE "/slurmdb/v0.0.44/associations/" slurmdb_v0044_delete_associations, query accounting::query::AssocCondition => accounting::association::AssocsRemovedResp;
    GET "/slurmdb/v0.0.44/association/" slurmdb_v0044_get_association, query accounting::query::AssocCondition => accounting::association::AssocsResp;
    DELETE "/slurmdb/v0.0.44/association/" slurmdb_v0044_delete_association, query accounting::query::AssocCondition => accounting::association::AssocsRemovedResp;
    GET "/slurmdb/v0.0.44/instances/" slurmdb_v0044_get_instances, query accounting::query::InstanceCondition => accounting::instance::InstancesResp;
    GET "/slurmdb/v0.0.44/instance/" slurmdb_v0044_get_instance, query accounting::query::InstanceCondition => accounting::instance::InstancesResp;
    DELETE "/slurmdb/v0.0.44/user/{name}" slurmdb_v0044_delete_user => envelope::Resp;
    GET "/slurmdb/v0.0.44/user/{name}" slurmdb_v0044_get_user, query accounting::query::UserQuery => accounting::user::UsersResp;
    POST "/slurmdb/v0.0.44/users_association/" slurmdb_v0044_post_users_association, query query::NodesQuery, body accounting::user::UsersAddCondResp => accounting::user::UsersAddCondRespStr;
    POST "/slurmdb/v0.0.44/users/" slurmdb_v0044_post_users, body accounting::user::UsersRespInput => envelope::Resp;
    GET "/slurmdb/v0.0.44/users/" slurmdb_v0044_get_users, query accounting::query::UserCondition => accounting::user::UsersResp;
    DELETE "/slurmdb/v0.0.44/cluster/{cluster_name}" slurmdb_v0044_delete_cluster, query accounting::query::ClusterCondition => accounting::cluster::ClustersRemovedResp;
    GET "/slurmdb/v0.0.44/cluster/{cluster_name}" slurmdb_v0044_get_cluster, query accounting::query::ClusterCondition => accounting::cluster::ClustersResp;
    GET "/slurmdb/v0.0.44/clusters/" slurmdb_v0044_get_clusters, query query::ReservationQuery => accounting::cluster::ClustersResp;
    POST "/slurmdb/v0.0.44/clusters/" slurmdb_v0044_post_clusters, query query::ReservationQuery, body accounting::cluster::ClustersRespInput => envelope::Resp;
    DELETE "/slurmdb/v0.0.44/wckey/{id}" slurmdb_v0044_delete_wckey => accounting::wckey::WckeyRemovedResp;
    GET "/slurmdb/v0.0.44/wckey/{id}" slurmdb_v0044_get_wckey => accounting::wckey::WckeyResp;
    GET "/slurmdb/v0.0.44/wckeys/" slurmdb_v0044_get_wckeys, query accounting::query::WckeyCondition => accounting::wckey::WckeyResp;
    POST "/slurmdb/v0.0.44/wckeys/" slurmdb_v0044_post_wckeys, query accounting::query::WckeyCondition, body accounting::wckey::WckeyRespInput => envelope::Resp;
    DELETE "/slurmdb/v0.0.44/account/{account_name}" slurmdb_v0044_delete_account => accounting::account::AccountsRemovedResp;
    GET "/slurmdb/v0.0.44/account/{account_name}" slurmdb_v0044_get_account, query accounting::query::AccountQuery => accounting::account::AccountsResp;
    POST "/slurmdb/v0.0.44/accounts_association/" slurmdb_v0044_post_accounts_association, body accounting::account::AccountsAddCondResp => accounting::account::AccountsAddCondRespStr;
    GET "/slurmdb/v0.0.44/accounts/" slurmdb_v0044_get_accounts, query accounting::query::AccountCondition => accounting::account::AccountsResp;
    POST "/slurmdb/v0.0.44/accounts/" slurmdb_v0044_post_accounts, body accounting::account::AccountsRespInput => envelope::Resp;
    GET "/slurmdb/v0.0.44/jobs/" slurmdb_v0044_get_jobs, query accounting::query::JobCondition => accounting::job::SlurmdbdJobsResp;
    POST "/slurmdb/v0.0.44/jobs/" slurmdb_v0044_post_jobs, body accounting::job::JobModifyReq => accounting::job::JobModifyResp;
    GET "/slurmdb/v0.0.44/diag/" slurmdb_v0044_get_diag => accounting::stats::SlurmdbdStatsResp;
    GET "/slurmdb/v0.0.44/ping/" slurmdb_v0044_get_ping => ping::SlurmdbdPingResp;
}
