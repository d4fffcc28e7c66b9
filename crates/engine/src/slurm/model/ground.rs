//! Nodes, partitions, licences and accounts as a cluster tells them.

use super::ask::read;
use super::job::{names, time};
use super::{ClusterModel, Part, failed};
use domain::accounting::{Configured, Qos};
use domain::cluster::{
    Gres, Node, NodeFlags, Partition, PartitionSharing, PartitionState, SystemShare, Topology, Upkeep,
};
use domain::job::CpuSet;
use domain::ports::{Ground, RemoteError};
use domain::who::{AdminLevel, Membership};
use domain::{Text, TimeLimit, Timestamp};
use slurm_wire::accounting::account::AccountsResp;
use slurm_wire::accounting::qos::SlurmdbdQosResp;
use slurm_wire::accounting::user::{User, UsersResp};
use slurm_wire::licenses::LicensesResp;
use slurm_wire::node::{Node as TellNode, NodesResp};
use slurm_wire::partition::{PartitionInfo, PartitionResp};
use slurm_wire::words::{AdminLevel as Level, NodeState, OversubscribeFlag, PartitionState as StateWord};
use slurm_wire::{NoVal, hostlist};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often accounting is asked who there is.
const ACCOUNTS_EVERY: Duration = Duration::from_secs(60);
/// How often licences are counted, which have no condition.
const LICENSES_EVERY: Duration = Duration::from_secs(10);

/// What was told last, and when.
#[derive(Default)]
pub(super) struct Last {
    /// With the number of the state of what was told.
    nodes: Option<(u64, Vec<Node>)>,
    partitions: Option<(u64, Vec<TellPartition>)>,
    licenses: Option<(Instant, BTreeMap<Text, u32>)>,
    accounts: Option<(Instant, Option<Configured>)>,
    name: Text,
    ground: Option<Ground>,
}

/// A partition with the names of its nodes.
type TellPartition = (Partition, Vec<Text>);

impl ClusterModel {
    fn last(&self) -> MutexGuard<'_, Last> {
        // Only whoever looks holds it, and nobody else looks meanwhile.
        lock(&self.told)
    }

    /// Returns what there is, if it is not as it was told last.
    pub(super) fn look_at_ground(&self) -> Result<Option<Ground>, RemoteError> {
        let document = self.ask.document("nodes").map_err(failed)?;
        if self.last().nodes.as_ref().is_none_or(|(known, _)| *known != document.revision) {
            let all = read::<NodesResp>(&document.answer.body).nodes.iter().map(node).collect();
            self.last().nodes = Some((document.revision, all));
        }
        let document = self.ask.document("partitions").map_err(failed)?;
        if self.last().partitions.as_ref().is_none_or(|(known, _)| *known != document.revision) {
            let reply = read::<PartitionResp>(&document.answer.body);
            let mut all: Vec<TellPartition> = reply.partitions.iter().map(partition).collect();
            let has_default = all.iter().any(|(partition, _)| partition.is_default);
            if let (false, Some((first, _))) = (has_default, all.first_mut()) {
                // Versions before 0.0.45 do not tell which one it is.
                first.is_default = true;
            }
            let mut last = self.last();
            last.partitions = Some((document.revision, all));
            if !reply.meta.slurm.cluster.is_empty() {
                last.name.clone_from(&reply.meta.slurm.cluster);
            }
        }
        self.look_at_licenses();
        self.look_at_accounts();
        let mut last = self.last();
        let ground = Ground {
            name: last.name.clone(),
            nodes: last.nodes.as_ref().map(|(_, nodes)| nodes.clone()).unwrap_or_default(),
            partitions: last.partitions.as_ref().map(|(_, all)| all.clone()).unwrap_or_default(),
            licenses: last.licenses.as_ref().map(|(_, all)| all.clone()).unwrap_or_default(),
            accounting: last.accounts.as_ref().and_then(|(_, accounts)| accounts.clone()),
        };
        if last.ground.as_ref() == Some(&ground) {
            return Ok(None);
        }
        last.ground = Some(ground.clone());
        Ok(Some(ground))
    }

    /// Licences are no reason to fail: where they cannot be told, those that were told last count.
    fn look_at_licenses(&self) {
        let is_fresh = self.last().licenses.as_ref().is_some_and(|(at, _)| at.elapsed() < LICENSES_EVERY);
        if is_fresh {
            return;
        }
        if let Ok(document) = self.ask.document("licenses") {
            let reply = read::<LicensesResp>(&document.answer.body);
            let all = reply.licenses.iter().map(|one| (one.license_name.clone(), one.total)).collect();
            self.last().licenses = Some((Instant::now(), all));
        }
    }

    /// Nor are accounts: accounting may be down, or there may be none.
    fn look_at_accounts(&self) {
        let is_fresh = self.last().accounts.as_ref().is_some_and(|(at, _)| at.elapsed() < ACCOUNTS_EVERY);
        if is_fresh {
            return;
        }
        let asked = Instant::now();
        match self.accounts() {
            Ok(accounts) => self.last().accounts = Some((asked, Some(accounts))),
            Err(error) => {
                tracing::debug!(%error, "accounting does not tell accounts and users");
                let before = self.last().accounts.take().and_then(|(_, accounts)| accounts);
                self.last().accounts = Some((asked, before));
            }
        }
    }

    fn accounts(&self) -> Result<Configured, RemoteError> {
        let accounts = self.get::<AccountsResp>(Part::Accounting, "accounts/")?.reply;
        let users = self.get::<UsersResp>(Part::Accounting, "users/?with_assocs=true")?.reply;
        let qos = self.get::<SlurmdbdQosResp>(Part::Accounting, "qos/")?.reply;
        Ok(Configured {
            accounts: accounts
                .accounts
                .iter()
                .filter(|account| account.name != "root")
                .map(|account| {
                    (account.name.clone(), account.description.clone(), account.organization.clone())
                })
                .collect(),
            users: users.users.iter().filter(|user| user.name != "root").map(member).collect(),
            qos: qos
                .qos
                .iter()
                .map(|qos| Qos { description: qos.description.clone(), ..Qos::named(qos.name.clone()) })
                .collect(),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn member(user: &User) -> Membership {
    let level = if user.administrator_level.contains(Level::Administrator) {
        AdminLevel::Administrator
    } else if user.administrator_level.contains(Level::Operator) {
        AdminLevel::Operator
    } else {
        AdminLevel::None
    };
    let mut accounts: Vec<Text> = Vec::new();
    for association in user.associations.iter() {
        let account = association.account.clone();
        if !account.is_empty() && account != user.default.account && !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    Membership { name: user.name.clone(), level, default_account: user.default.account.clone(), accounts }
}

fn node(told: &TellNode) -> Node {
    let small = |count: u32| u16::try_from(count).unwrap_or(u16::MAX);
    let megabytes = |count: i64| u64::try_from(count).unwrap_or(0);
    let topology = Topology {
        boards: small(told.boards),
        sockets: small(told.sockets),
        cores: small(told.cores),
        threads: small(told.threads),
        cpus: told.cpus,
    };
    let core_cpus = told.specialized_cores.saturating_mul(told.threads.max(1));
    let reason_by =
        (!told.reason_set_by_user.is_empty()).then(|| (told.reason_set_by_user.clone(), domain::Uid(0)));
    Node {
        name: told.name.clone(),
        host: told.hostname.clone(),
        address: told.address.clone(),
        port: u16::try_from(told.port).unwrap_or(0),
        topology,
        memory: megabytes(told.real_memory),
        system: SystemShare {
            cpus: topology.last_cores(core_cpus / topology.granule().max(1)),
            memory: megabytes(told.specialized_memory),
        },
        tmp_disk: told.temporary_disk.into(),
        weight: told.weight,
        features: told.features.to_vec(),
        active_features: told.active_features.to_vec(),
        gres: gres(&told.gres),
        flags: flags(told),
        reason: told.reason.clone(),
        reason_at: time(told.reason_changed_at).unwrap_or(Timestamp::EPOCH),
        reason_by,
        comment: told.comment.clone(),
        extra: told.extra.clone(),
        architecture: told.architecture.clone(),
        operating_system: told.operating_system.clone(),
        booted: time(told.boot_time).unwrap_or(Timestamp::EPOCH),
        upkeep: Upkeep::default(),
    }
}

fn flags(told: &TellNode) -> NodeFlags {
    let has = |word| told.state.contains(word);
    NodeFlags {
        down: [NodeState::Down, NodeState::Error, NodeState::NotResponding, NodeState::InvalidReg]
            .into_iter()
            .any(has),
        drain: has(NodeState::Drain) || has(NodeState::PowerDrain),
        fail: has(NodeState::Fail),
        future: has(NodeState::Future),
        external: has(NodeState::External),
        gone: false,
    }
}

/// Reads what a node has: `gpu:2`, `gpu:a100:2(S:0-1)`; commas in brackets belong to sockets.
fn gres(written: &str) -> Vec<Gres> {
    let all = super::resources::held(written);
    all.into_iter()
        .map(|held| Gres {
            name: held.name,
            kind: held.kind,
            count: held.count,
            files: Vec::new(),
            near: CpuSet::default(),
            taken_away: 0,
        })
        .collect()
}

fn partition(told: &PartitionInfo) -> TellPartition {
    let state = if told.partition.state.contains(StateWord::Up) {
        PartitionState::Up
    } else if told.partition.state.contains(StateWord::Drain) {
        PartitionState::Drain
    } else if told.partition.state.contains(StateWord::Inactive) {
        PartitionState::Inactive
    } else {
        PartitionState::Down
    };
    let limits = &told.maximums;
    let megabytes = |amount: NoVal<u64>| amount.number().filter(|amount| *amount > 0);
    let partition = Partition {
        name: told.name.clone(),
        nodes_written: told.nodes.configured.clone(),
        is_default: told.flags.contains(slurm_wire::words::PartitionFlag::Default),
        state,
        max_time: match limits.time {
            NoVal::Set(minutes) => TimeLimit::Minutes(minutes),
            NoVal::Infinite | NoVal::Unset => TimeLimit::Unlimited,
        },
        default_time: match told.defaults.time {
            NoVal::Set(minutes) => Some(TimeLimit::Minutes(minutes)),
            NoVal::Infinite => Some(TimeLimit::Unlimited),
            NoVal::Unset => None,
        },
        max_nodes: limits.nodes.number(),
        min_nodes: told.minimums.nodes,
        max_cpus_per_node: limits.cpus_per_node.number(),
        default_memory_per_cpu: megabytes(told.defaults.partition_memory_per_cpu),
        default_memory_per_node: megabytes(told.defaults.partition_memory_per_node),
        max_memory_per_cpu: megabytes(limits.partition_memory_per_cpu),
        max_memory_per_node: megabytes(limits.partition_memory_per_node),
        tier: u16::try_from(told.priority.tier).unwrap_or(u16::MAX),
        job_factor: u16::try_from(told.priority.job_factor).unwrap_or(u16::MAX),
        oversubscribe: u16::try_from(limits.oversubscribe.jobs).unwrap_or(1).max(1),
        sharing: PartitionSharing {
            forced: limits.oversubscribe.flags.contains(OversubscribeFlag::Force),
            max_cpus_per_socket: limits.cpus_per_socket.number(),
            ..PartitionSharing::default()
        },
        allow_groups: names(&told.groups.allowed),
        allow_accounts: names(&told.accounts.allowed),
        deny_accounts: names(&told.accounts.deny),
        allow_qos: names(&told.qos.allowed),
        deny_qos: names(&told.qos.deny),
        qos: told.qos.assigned.clone(),
        grace_time: told.grace_time,
        ..Partition::default()
    };
    (partition, hostlist::expand(&told.nodes.configured).unwrap_or_default())
}
