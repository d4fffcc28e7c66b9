//! Wire → domain; may refuse, naming the field.

use super::super::error::NativeError;
use super::super::from_wire::level;
use super::limits::limits;
use super::wire;
use domain::Text;
use domain::accounting::{
    AccountWish, AccountsAddition, AssociationFilter, AssociationWish, ClusterWish, QosChoice, QosFlags,
    QosWish, Removal, Trackable, UserWish, UsersAddition, WckeyWish, Wish,
};
use domain::cluster::PreemptMode;
use std::time::Duration;

/// What is wished for.
pub(in super::super) struct Changes {
    /// Nothing shall change: only what would become of it is asked for.
    pub(in super::super) rehearse: bool,
    /// The wishes.
    pub(in super::super) wishes: Vec<Wish>,
}

/// Reads wishes. Names of resources are looked up among `resources`.
pub(in super::super) fn changes(body: &[u8], resources: &[Trackable]) -> Result<Changes, NativeError> {
    let read: wire::Changes =
        serde_json::from_slice(body).map_err(|error| NativeError::parameter("body", error.to_string()))?;
    let numbered = read.changes.into_iter().enumerate();
    let wishes = numbered.map(|(at, one)| wish(one, &format!("changes[{at}]"), resources));
    Ok(Changes { rehearse: read.rehearse, wishes: wishes.collect::<Result<_, _>>()? })
}

fn wish(change: wire::Change, at: &str, resources: &[Trackable]) -> Result<Wish, NativeError> {
    Ok(match change {
        wire::Change::Cluster(one) => {
            Wish::Clusters(vec![ClusterWish { name: one.name, ..ClusterWish::default() }])
        }
        wire::Change::Account(one) => Wish::Accounts(vec![AccountWish {
            name: one.name,
            description: one.description,
            organization: one.organization,
            coordinators: one.coordinators,
            users_are_coordinators: one.users_are_coordinators,
        }]),
        wire::Change::User(one) => Wish::Users(vec![UserWish {
            name: one.name,
            old_name: one.old_name,
            level: one.level.map(level),
            default_account: one.default_account,
            default_wckey: one.default_wckey,
            wckeys: Vec::new(),
        }]),
        wire::Change::Qos(one) => Wish::Qos(vec![qos(one, at, resources)?]),
        wire::Change::Wckey(one) => {
            Wish::Wckeys(vec![WckeyWish { cluster: one.cluster, user: one.user, name: one.name }])
        }
        wire::Change::Association(one) => {
            let place = AssociationWish {
                id: one.id,
                cluster: one.cluster,
                account: one.account,
                user: one.user,
                partition: one.partition,
                ..AssociationWish::default()
            };
            Wish::Associations(vec![association(one.settings, place, at, resources)?])
        }
        wire::Change::AddAccounts(new) => Wish::AddAccounts(Box::new(AccountsAddition {
            accounts: new.names,
            clusters: new.clusters,
            description: new.description,
            organization: new.organization,
            association: association(new.settings, AssociationWish::default(), at, resources)?,
        })),
        wire::Change::AddUsers(new) => Wish::AddUsers(Box::new(UsersAddition {
            users: new.names,
            accounts: new.accounts,
            clusters: new.clusters,
            partitions: new.partitions,
            wckeys: new.wckeys,
            level: new.level.map(level),
            default_account: new.default_account,
            default_wckey: new.default_wckey,
            association: association(new.settings, AssociationWish::default(), at, resources)?,
        })),
        wire::Change::RemoveCluster(name) => Wish::Remove(Removal::Cluster(name)),
        wire::Change::RemoveAccount(name) => Wish::Remove(Removal::Account(name)),
        wire::Change::RemoveUser(name) => Wish::Remove(Removal::User(name)),
        wire::Change::RemoveQos(name) => Wish::Remove(Removal::Qos(name)),
        wire::Change::RemoveAssociations(filter) => Wish::Remove(Removal::Associations(AssociationFilter {
            ids: filter.ids,
            accounts: filter.accounts,
            clusters: filter.clusters,
            users: filter.users,
            partitions: filter.partitions,
            ..AssociationFilter::default()
        })),
        wire::Change::RemoveWckeys(keys) => Wish::Remove(wckeys(keys, at)?),
    })
}

fn wckeys(keys: wire::Wckeys, at: &str) -> Result<Removal, NativeError> {
    match (keys.user, keys.names) {
        (Some(user), names) => Ok(Removal::WckeysOf { user, names }),
        (None, names) => match <[Text; 1]>::try_from(names) {
            Ok([name]) => Ok(Removal::Wckey(name)),
            Err(_) => {
                let why = "expected one name where no user is given";
                Err(NativeError::parameter(format!("{at}.remove_wckeys.names"), why))
            }
        },
    }
}

fn association(
    settings: wire::Settings,
    place: AssociationWish,
    at: &str,
    resources: &[Trackable],
) -> Result<AssociationWish, NativeError> {
    let changed = |names: Vec<Text>, more: bool| names.into_iter().map(move |name| (more, name));
    let has_changes = !settings.more_qos.is_empty() || !settings.less_qos.is_empty();
    let qos = match settings.qos {
        Some(_) if has_changes => {
            return Err(NativeError::parameter(format!("{at}.qos"), "given beside what changes it"));
        }
        Some(these) => Some(QosChoice::These(these)),
        None if has_changes => {
            let less = changed(settings.less_qos, false);
            Some(QosChoice::Changed(changed(settings.more_qos, true).chain(less).collect()))
        }
        None => None,
    };
    Ok(AssociationWish {
        parent: settings.parent,
        shares: settings.shares,
        comment: settings.comment,
        priority: settings.priority,
        qos,
        default_qos: settings.default_qos,
        is_default: settings.is_default,
        limits: limits(settings.limits, at, resources)?,
        ..place
    })
}

fn qos(one: wire::Qos, at: &str, resources: &[Trackable]) -> Result<QosWish, NativeError> {
    Ok(QosWish {
        name: Some(one.name),
        id: 0,
        description: one.description,
        priority: one.priority,
        flags: flags(&one.flags),
        preempt: one.preempt,
        preempt_mode: one.preempt_mode.map(|mode| match mode {
            wire::PreemptMode::Cancel => PreemptMode::Cancel,
            wire::PreemptMode::Requeue => PreemptMode::Requeue,
            wire::PreemptMode::Suspend => PreemptMode::Suspend,
        }),
        preempt_exempt_time: one.preempt_exempt_time.map(|seconds| seconds.map(Duration::from_secs)),
        grace_time: one.grace_time.map(Duration::from_secs),
        usage_factor: one.usage_factor,
        usage_threshold: one.usage_threshold,
        limit_factor: one.limit_factor,
        limits: limits(one.limits, at, resources)?,
    })
}

fn flags(given: &[wire::QosFlag]) -> QosFlags {
    let has = |flag| given.contains(&flag);
    QosFlags {
        no_reserve: has(wire::QosFlag::NoReserve),
        partition_time_limit: has(wire::QosFlag::PartitionTimeLimit),
        partition_max_nodes: has(wire::QosFlag::PartitionMaxNodes),
        partition_min_nodes: has(wire::QosFlag::PartitionMinNodes),
        enforce_usage_threshold: has(wire::QosFlag::EnforceUsageThreshold),
        required_reservation: has(wire::QosFlag::RequiresReservation),
        deny_limit: has(wire::QosFlag::DenyOnLimit),
        override_partition_qos: has(wire::QosFlag::OverPartQos),
        no_decay: has(wire::QosFlag::NoDecay),
        usage_factor_safe: has(wire::QosFlag::UsageFactorSafe),
        relative: has(wire::QosFlag::Relative),
    }
}
