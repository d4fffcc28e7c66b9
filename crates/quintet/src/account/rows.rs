//! What the service tells of accounting, as rows: associations with their limits by kind, accounts and users.

use super::limits::{Set, SetLimits};
use crate::client::{Client, ClientError};
use domain::accounting::Limit;
use slurm_wire::NoVal;
use slurm_wire::accounting::account::{Account, AccountsResp};
use slurm_wire::accounting::association::{Assoc, AssocMax, AssocsResp};
use slurm_wire::accounting::cluster::{ClusterRec, ClustersResp};
use slurm_wire::accounting::qos::{Qos, QosLimits, SlurmdbdQosResp};
use slurm_wire::accounting::tres::{Tres, TresList, TresResp};
use slurm_wire::accounting::user::{User, UsersResp};
use slurm_wire::accounting::wckey::{Wckey, WckeyResp};
use std::rc::Rc;

/// An association.
#[derive(Clone, Debug, Default)]
pub(super) struct Association {
    pub(super) wire: Assoc,
    pub(super) limits: SetLimits,
}

/// A line about an account, a user, an association, or an association and whose it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) account: Option<Rc<Account>>,
    pub(super) user: Option<Rc<User>>,
    pub(super) association: Option<Association>,
    /// How deep below the first of its tree.
    pub(super) depth: usize,
}

/// A quality of service.
#[derive(Clone, Debug, Default)]
pub(super) struct QosRow {
    pub(super) wire: Qos,
    pub(super) limits: SetLimits,
}

/// Which associations are asked for, and how much of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) accounts: Vec<String>,
    pub(super) users: Vec<String>,
    pub(super) clusters: Vec<String>,
    pub(super) partitions: Vec<String>,
    pub(super) parents: Vec<String>,
    pub(super) ids: Vec<String>,
    pub(super) qos: Vec<String>,
    pub(super) default_qos: Vec<String>,
    pub(super) with_deleted: bool,
    pub(super) sub_accounts: bool,
    pub(super) only_defaults: bool,
    /// Qualities of service of its own alone.
    pub(super) raw_qos: bool,
    /// Without the account above.
    pub(super) without_parent: bool,
    /// Limits of its own alone.
    pub(super) without_parent_limits: bool,
}

impl Wanted {
    fn query(&self) -> Vec<(&'static str, String)> {
        let lists = [
            ("account", &self.accounts),
            ("user", &self.users),
            ("cluster", &self.clusters),
            ("partition", &self.partitions),
            ("parent_account", &self.parents),
            ("id", &self.ids),
            ("qos", &self.qos),
            ("default_qos", &self.default_qos),
        ];
        let switches = [
            ("Include deleted associations", self.with_deleted),
            ("Include sub acct information", self.sub_accounts),
            ("Filter to only defaults", self.only_defaults),
            ("Include the raw QOS or delta_qos", self.raw_qos),
            ("Exclude parent id/name", self.without_parent),
            ("Exclude limits from parents", self.without_parent_limits),
        ];
        let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
        let switches = switches.into_iter().filter(|(_, is_on)| *is_on);
        lists
            .map(|(name, names)| (name, names.join(",")))
            .chain(switches.map(|(name, _)| (name, "true".to_owned())))
            .collect()
    }
}

/// Lists associations in the order of the tree, with the answer's text.
pub(super) async fn associations(
    client: &Client,
    wanted: &Wanted,
) -> Result<(Vec<Association>, String), ClientError> {
    let answer = client.accounting::<AssocsResp>("/associations/", &wanted.query()).await?;
    let rows = answer.value.associations.into_vec().into_iter().map(|wire| {
        let limits = limits_of(&wire.max, wire.min.priority_threshold);
        Association { wire, limits }
    });
    Ok((rows.collect(), answer.text))
}

/// Lists accounts.
pub(super) async fn accounts(
    client: &Client,
    with_deleted: bool,
) -> Result<(Vec<Account>, String), ClientError> {
    let query = [("WithCoordinators", "true".to_owned()), ("DELETED", with_deleted.to_string())];
    let answer = client.accounting::<AccountsResp>("/accounts/", &query).await?;
    Ok((answer.value.accounts.into_vec(), answer.text))
}

/// Lists users with what belongs to them.
pub(super) async fn users(client: &Client, with_deleted: bool) -> Result<(Vec<User>, String), ClientError> {
    let with = || "true".to_owned();
    let query = [
        ("with_assocs", with()),
        ("with_coords", with()),
        ("with_wckeys", with()),
        ("with_deleted", with_deleted.to_string()),
    ];
    let answer = client.accounting::<UsersResp>("/users/", &query).await?;
    Ok((answer.value.users.into_vec(), answer.text))
}

/// Lists qualities of service.
pub(super) async fn qos(client: &Client) -> Result<(Vec<QosRow>, String), ClientError> {
    let answer = client.accounting::<SlurmdbdQosResp>("/qos/", &[]).await?;
    let row = |wire: Qos| QosRow { limits: qos_limits(&wire.limits), wire };
    Ok((answer.value.qos.into_vec().into_iter().map(row).collect(), answer.text))
}

/// Lists workload keys.
pub(super) async fn wckeys(client: &Client, with_deleted: bool) -> Result<(Vec<Wckey>, String), ClientError> {
    let query = [("with_deleted", with_deleted.to_string())];
    let answer = client.accounting::<WckeyResp>("/wckeys/", &query).await?;
    Ok((answer.value.wckeys.into_vec(), answer.text))
}

/// Lists what is counted.
pub(super) async fn tres(client: &Client) -> Result<(Vec<Tres>, String), ClientError> {
    let answer = client.accounting::<TresResp>("/tres/", &[]).await?;
    Ok((answer.value.tres.into_vec(), answer.text))
}

/// Lists clusters.
pub(super) async fn clusters(client: &Client) -> Result<(Vec<ClusterRec>, String), ClientError> {
    let answer = client.accounting::<ClustersResp>("/clusters/", &[]).await?;
    Ok((answer.value.clusters.into_vec(), answer.text))
}

/// Returns a resource's name: `cpu`, `gres/gpu`.
pub(super) fn resource(one: &Tres) -> String {
    if one.name.is_empty() { one.kind.to_string() } else { format!("{}/{}", one.kind, one.name) }
}

struct Reading(SetLimits);

impl Reading {
    fn count(&mut self, limit: Limit, value: NoVal<u32>) {
        if let Some(number) = value.number() {
            self.0.insert(limit, Set::Count(u64::from(number)));
        }
    }

    fn amounts(&mut self, limit: Limit, list: &TresList) {
        if list.is_empty() {
            return;
        }
        let amount = |one: &Tres| (resource(one), u64::try_from(one.count.0).unwrap_or(0));
        self.0.insert(limit, Set::Amounts(list.iter().map(amount).collect()));
    }
}

fn limits_of(max: &AssocMax, priority_threshold: NoVal<u32>) -> SetLimits {
    let mut read = Reading(SetLimits::new());
    read.count(Limit::GrpJobs, max.jobs.per.count);
    read.count(Limit::GrpJobsAccrue, max.jobs.per.accruing);
    read.count(Limit::GrpSubmitJobs, max.jobs.per.submitted);
    read.count(Limit::MaxWallPerJob, max.jobs.per.wall_clock);
    read.count(Limit::MaxJobs, max.jobs.active);
    read.count(Limit::MaxJobsAccrue, max.jobs.accruing);
    read.count(Limit::MaxSubmitJobs, max.jobs.total);
    read.count(Limit::GrpWall, max.per.account.wall_clock);
    read.count(Limit::MinPriorityThreshold, priority_threshold);
    read.amounts(Limit::GrpTres, &max.tres.total);
    read.amounts(Limit::GrpTresMins, &max.tres.group.minutes);
    read.amounts(Limit::GrpTresRunMins, &max.tres.group.active);
    read.amounts(Limit::MaxTresRunMins, &max.tres.minutes.total);
    read.amounts(Limit::MaxTresMinsPerJob, &max.tres.minutes.per.job);
    read.amounts(Limit::MaxTresPerJob, &max.tres.per.job);
    read.amounts(Limit::MaxTresPerNode, &max.tres.per.node);
    read.0
}

fn qos_limits(limits: &QosLimits) -> SetLimits {
    let (min, max) = (&limits.min, &limits.max);
    let mut read = Reading(SetLimits::new());
    read.count(Limit::MinPriorityThreshold, min.priority_threshold);
    read.amounts(Limit::MinTresPerJob, &min.tres.per.job);
    read.count(Limit::GrpJobsAccrue, max.active_jobs.accruing);
    read.count(Limit::GrpJobs, max.active_jobs.count);
    read.count(Limit::GrpSubmitJobs, max.jobs.count);
    read.count(Limit::MaxJobsPerAccount, max.jobs.active_jobs.per.account);
    read.count(Limit::MaxJobsPerUser, max.jobs.active_jobs.per.user);
    read.count(Limit::MaxSubmitJobsPerAccount, max.jobs.per.account);
    read.count(Limit::MaxSubmitJobsPerUser, max.jobs.per.user);
    read.count(Limit::GrpWall, max.wall_clock.per.qos);
    read.count(Limit::MaxWallPerJob, max.wall_clock.per.job);
    read.count(Limit::MaxJobsAccruePerAccount, max.accruing.per.account);
    read.count(Limit::MaxJobsAccruePerUser, max.accruing.per.user);
    read.amounts(Limit::GrpTres, &max.tres.total);
    read.amounts(Limit::GrpTresMins, &max.tres.minutes.total);
    read.amounts(Limit::GrpTresRunMins, &max.tres.minutes.per.qos);
    read.amounts(Limit::MaxTresMinsPerJob, &max.tres.minutes.per.job);
    read.amounts(Limit::MaxTresRunMinsPerAccount, &max.tres.minutes.per.account);
    read.amounts(Limit::MaxTresRunMinsPerUser, &max.tres.minutes.per.user);
    read.amounts(Limit::MaxTresPerAccount, &max.tres.per.account);
    read.amounts(Limit::MaxTresPerJob, &max.tres.per.job);
    read.amounts(Limit::MaxTresPerNode, &max.tres.per.node);
    read.amounts(Limit::MaxTresPerUser, &max.tres.per.user);
    read.0
}
