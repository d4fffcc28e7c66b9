//! The shapes on the wire and nothing else. What is absent stays as it is, what is `null` is taken away.

use domain::Text;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// What is wished for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    /// Only say what would become of it.
    #[serde(default)]
    pub(super) rehearse: bool,
    pub(super) changes: Vec<Change>,
}

/// One wish.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Change {
    Cluster(Cluster),
    Account(Account),
    User(User),
    Qos(Qos),
    Wckey(Wckey),
    Association(Association),
    AddAccounts(NewAccounts),
    AddUsers(NewUsers),
    RemoveCluster(Text),
    RemoveAccount(Text),
    RemoveUser(Text),
    RemoveQos(Text),
    RemoveAssociations(Filter),
    RemoveWckeys(Wckeys),
}

/// A cluster that is made known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cluster {
    pub(super) name: Text,
}

/// An account, without associations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub(super) name: Text,
    pub(super) description: Text,
    pub(super) organization: Text,
    #[serde(default)]
    pub(super) coordinators: Option<Vec<Text>>,
    #[serde(default)]
    pub(super) users_are_coordinators: Option<bool>,
}

/// A user, without associations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: Text,
    #[serde(default)]
    pub(super) old_name: Text,
    #[serde(default)]
    pub(super) level: Option<super::super::wire::Level>,
    #[serde(default)]
    pub(super) default_account: Option<Text>,
    #[serde(default)]
    pub(super) default_wckey: Option<Text>,
}

/// A quality of service. Its flags and its way of making way are taken as a whole.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Qos {
    pub(super) name: Text,
    #[serde(default)]
    pub(super) description: Option<Text>,
    #[serde(default)]
    pub(super) priority: Option<u32>,
    #[serde(default)]
    pub(super) flags: Vec<QosFlag>,
    #[serde(default)]
    pub(super) preempt: Option<Vec<Text>>,
    #[serde(default)]
    pub(super) preempt_mode: Option<PreemptMode>,
    /// Seconds.
    #[serde(default, deserialize_with = "given")]
    pub(super) preempt_exempt_time: Option<Option<u64>>,
    /// Seconds.
    #[serde(default)]
    pub(super) grace_time: Option<u64>,
    #[serde(default)]
    pub(super) usage_factor: Option<f64>,
    #[serde(default, deserialize_with = "given")]
    pub(super) usage_threshold: Option<Option<f64>>,
    #[serde(default, deserialize_with = "given")]
    pub(super) limit_factor: Option<Option<f64>>,
    #[serde(default)]
    pub(super) limits: Limits,
}

/// A switch of a quality of service, as sacctmgr writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum QosFlag {
    DenyOnLimit,
    EnforceUsageThreshold,
    PartitionMinNodes,
    PartitionMaxNodes,
    PartitionTimeLimit,
    RequiresReservation,
    #[serde(rename = "OverPartQOS")]
    OverPartQos,
    NoReserve,
    NoDecay,
    Relative,
    UsageFactorSafe,
}

/// How jobs make way; absent for the cluster's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PreemptMode {
    Cancel,
    Requeue,
    Suspend,
}

/// A workload key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wckey {
    #[serde(default)]
    pub(super) cluster: Text,
    pub(super) user: Text,
    pub(super) name: Text,
}

/// An association, by number or by what it is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Association {
    #[serde(default)]
    pub(super) id: u32,
    #[serde(default)]
    pub(super) cluster: Text,
    #[serde(default)]
    pub(super) account: Text,
    #[serde(default)]
    pub(super) user: Text,
    #[serde(default)]
    pub(super) partition: Text,
    #[serde(default)]
    pub(super) settings: Settings,
}

/// What an association has.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    #[serde(default)]
    pub(super) parent: Option<Text>,
    #[serde(default)]
    pub(super) shares: Option<u32>,
    #[serde(default)]
    pub(super) comment: Option<Text>,
    #[serde(default, deserialize_with = "given")]
    pub(super) priority: Option<Option<u32>>,
    /// Just these, by name; none for those of the account above.
    #[serde(default)]
    pub(super) qos: Option<Vec<Text>>,
    #[serde(default)]
    pub(super) more_qos: Vec<Text>,
    #[serde(default)]
    pub(super) less_qos: Vec<Text>,
    #[serde(default, deserialize_with = "given")]
    pub(super) default_qos: Option<Option<Text>>,
    #[serde(default)]
    pub(super) is_default: bool,
    #[serde(default)]
    pub(super) limits: Limits,
}

/// Accounts that are made where they are missing, with their associations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccounts {
    pub(super) names: Vec<Text>,
    #[serde(default)]
    pub(super) clusters: Vec<Text>,
    #[serde(default)]
    pub(super) description: Option<Text>,
    #[serde(default)]
    pub(super) organization: Option<Text>,
    #[serde(default)]
    pub(super) settings: Settings,
}

/// Users that are made where they are missing, with their associations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUsers {
    pub(super) names: Vec<Text>,
    #[serde(default)]
    pub(super) accounts: Vec<Text>,
    #[serde(default)]
    pub(super) clusters: Vec<Text>,
    #[serde(default)]
    pub(super) partitions: Vec<Text>,
    #[serde(default)]
    pub(super) wckeys: Vec<Text>,
    #[serde(default)]
    pub(super) level: Option<super::super::wire::Level>,
    #[serde(default)]
    pub(super) default_account: Option<Text>,
    #[serde(default)]
    pub(super) default_wckey: Option<Text>,
    #[serde(default)]
    pub(super) settings: Settings,
}

/// Which associations are meant.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Filter {
    pub(super) ids: Vec<u32>,
    pub(super) accounts: Vec<Text>,
    pub(super) clusters: Vec<Text>,
    pub(super) users: Vec<Text>,
    pub(super) partitions: Vec<Text>,
}

/// A user's workload keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wckeys {
    /// Absent for those of everybody.
    #[serde(default)]
    pub(super) user: Option<Text>,
    pub(super) names: Vec<Text>,
}

/// Limits by Slurm's names.
pub(super) type Limits = BTreeMap<String, Amount>;

/// A new limit.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Amount {
    /// Of no resource; `null` for none.
    Count(Option<u64>),
    /// Of resources by their names.
    Of(BTreeMap<String, Option<u64>>),
}

/// Tells what is given as `null` from what is not given.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// What became of the wishes, in their order.
#[derive(Serialize)]
pub(in super::super) struct Done {
    pub(super) done: Vec<DoneOne>,
}

/// What became of one. What there is not is left out.
#[derive(Default, Serialize)]
pub(super) struct DoneOne {
    /// Whether there was anything to do.
    pub(super) changed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) accounts: Vec<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) users: Vec<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) associations: Vec<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) wckeys: Vec<WckeyDone>,
    /// Accounts that are not on a cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) skipped: Vec<Place>,
    /// Names of what was taken away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) removed: Vec<Text>,
}

/// What an association is about. What is empty is left out.
#[derive(Default, Serialize)]
pub(super) struct Place {
    pub(super) cluster: Text,
    pub(super) account: Text,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) user: Text,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) partition: Text,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) parent: Text,
}

/// A workload key that was made or taken away.
#[derive(Serialize)]
pub(super) struct WckeyDone {
    pub(super) cluster: Text,
    pub(super) name: Text,
    pub(super) user: Text,
}
