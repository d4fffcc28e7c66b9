//! What can be asked of the books. What is `None` stays as it is, or gets its default where something is made.

use super::LimitChanges;
use crate::Text;
use crate::cluster::PreemptMode;
use crate::who::AdminLevel;

use super::QosFlags;
use std::time::Duration;

/// A request: done as a whole or not at all.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Makes clusters known.
    Clusters(Vec<ClusterWish>),
    /// Makes or changes accounts, without associations.
    Accounts(Vec<AccountWish>),
    /// Makes or changes users, without associations.
    Users(Vec<UserWish>),
    /// Makes or changes qualities of service.
    Qos(Vec<QosWish>),
    /// Makes workload keys.
    Wckeys(Vec<WckeyWish>),
    /// Makes or changes associations.
    Associations(Vec<AssociationWish>),
    /// Makes accounts with their associations.
    AddAccounts(Box<AccountsAddition>),
    /// Makes users with their associations.
    AddUsers(Box<UsersAddition>),
    /// Takes something away.
    Remove(Removal),
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterWish {
    /// Its name.
    pub name: Text,
    /// It is managed by somebody else.
    pub external: bool,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountWish {
    /// Its name.
    pub name: Text,
    /// What it is for.
    pub description: Text,
    /// Whose it is.
    pub organization: Text,
    /// Who manages it.
    pub coordinators: Option<Vec<Text>>,
    /// Whether its users manage it.
    pub users_are_coordinators: Option<bool>,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserWish {
    /// The name.
    pub name: Text,
    /// The name so far, of one that is renamed; empty for none.
    pub old_name: Text,
    /// What the user may do.
    pub level: Option<AdminLevel>,
    /// The account charged where none is named.
    pub default_account: Option<Text>,
    /// The key of jobs that name none.
    pub default_wckey: Option<Text>,
    /// Keys: cluster (empty for the one that is served) and name.
    pub wckeys: Vec<(Text, Text)>,
}

/// A quality of service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QosWish {
    /// Its name; with a number alone it must be there already.
    pub name: Option<Text>,
    /// Its number; zero for none.
    pub id: u32,
    /// What it is for.
    pub description: Option<Text>,
    /// Its priority.
    pub priority: Option<u32>,
    /// Its switches: what is not named is switched off.
    pub flags: QosFlags,
    /// Whose jobs may have to make way.
    pub preempt: Option<Vec<Text>>,
    /// How its own make way; `None` for the cluster's way.
    pub preempt_mode: Option<PreemptMode>,
    /// How long its own run before they may have to; the inner `None` for as long as the cluster says.
    pub preempt_exempt_time: Option<Option<Duration>>,
    /// How long they have for it.
    pub grace_time: Option<Duration>,
    /// How much use weighs.
    pub usage_factor: Option<f64>,
    /// The usage beyond which jobs wait; the inner `None` for none.
    pub usage_threshold: Option<Option<f64>>,
    /// By how much limits of associations are multiplied; the inner `None` for not at all.
    pub limit_factor: Option<Option<f64>>,
    /// Limits.
    pub limits: LimitChanges,
}

/// A workload key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WckeyWish {
    /// The cluster; empty for the one that is served.
    pub cluster: Text,
    /// The user.
    pub user: Text,
    /// The key.
    pub name: Text,
}

/// Which qualities of service an association shall have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QosChoice {
    /// Just these, by name or number; none for those of the account above.
    These(Vec<Text>),
    /// These (`true`: more, `false`: no more) beside those there are.
    Changed(Vec<(bool, Text)>),
}

/// An association.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssociationWish {
    /// Its number, of one that is changed; zero for none.
    pub id: u32,
    /// The cluster; empty for the one that is served.
    pub cluster: Text,
    /// The account.
    pub account: Text,
    /// The user; empty for the account itself.
    pub user: Text,
    /// The partition.
    pub partition: Text,
    /// The account above.
    pub parent: Option<Text>,
    /// Shares.
    pub shares: Option<u32>,
    /// Words about it.
    pub comment: Option<Text>,
    /// A priority; the inner `None` for none.
    pub priority: Option<Option<u32>>,
    /// Qualities of service.
    pub qos: Option<QosChoice>,
    /// That of jobs that name none; the inner `None` for that of the account above.
    pub default_qos: Option<Option<Text>>,
    /// It becomes its user's default.
    pub is_default: bool,
    /// Limits.
    pub limits: LimitChanges,
}

/// Accounts that are made with their associations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountsAddition {
    /// Their names.
    pub accounts: Vec<Text>,
    /// On which clusters; empty for all.
    pub clusters: Vec<Text>,
    /// What they are for; `None` for their name.
    pub description: Option<Text>,
    /// Whose they are; `None` for the parent's name.
    pub organization: Option<Text>,
    /// What their associations have; what it says of the place does not matter.
    pub association: AssociationWish,
}

/// Users that are made with their associations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsersAddition {
    /// Their names.
    pub users: Vec<Text>,
    /// In which accounts.
    pub accounts: Vec<Text>,
    /// On which clusters; empty for all.
    pub clusters: Vec<Text>,
    /// In which partitions; empty for all together.
    pub partitions: Vec<Text>,
    /// Workload keys they get.
    pub wckeys: Vec<Text>,
    /// What they may do.
    pub level: Option<AdminLevel>,
    /// The account charged where none is named.
    pub default_account: Option<Text>,
    /// The key of jobs that name none.
    pub default_wckey: Option<Text>,
    /// What their associations have; what it says of the place does not matter.
    pub association: AssociationWish,
}

/// What is taken away.
#[derive(Clone, Debug, PartialEq)]
pub enum Removal {
    /// An account with its associations, those of its users and those below.
    Account(Text),
    /// A user with all associations and workload keys.
    User(Text),
    /// A quality of service, by name or number.
    Qos(Text),
    /// Every association that passes.
    Associations(AssociationFilter),
    /// The association that passes; it is refused if several do.
    Association(AssociationFilter),
    /// The workload keys of that name.
    Wckey(Text),
    /// A user's workload keys of these names.
    WckeysOf {
        /// Whose they are.
        user: Text,
        /// Their names.
        names: Vec<Text>,
    },
    /// A cluster, with its associations.
    Cluster(Text),
}

/// Which associations are meant; an empty list lets all pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssociationFilter {
    /// In these accounts.
    pub accounts: Vec<Text>,
    /// On these clusters.
    pub clusters: Vec<Text>,
    /// Of these users; an empty name is the account itself.
    pub users: Vec<Text>,
    /// In these partitions.
    pub partitions: Vec<Text>,
    /// Below these accounts.
    pub parents: Vec<Text>,
    /// With these numbers.
    pub ids: Vec<u32>,
    /// That may have one of these qualities of service.
    pub qos: Vec<u32>,
    /// Whose default quality of service is one of these.
    pub default_qos: Vec<u32>,
    /// Only those that are their user's default.
    pub only_defaults: bool,
    /// Accounts below those named, too.
    pub sub_accounts: bool,
    /// Deleted ones, too.
    pub with_deleted: bool,
}

impl AssociationFilter {
    /// Tells whether nothing is asked for in particular.
    pub fn is_open(&self) -> bool {
        let AssociationFilter {
            accounts, clusters, users, partitions, parents, ids, qos, default_qos, ..
        } = self;
        let names = [accounts, clusters, users, partitions, parents];
        names.iter().all(|names| names.is_empty()) && [ids, qos, default_qos].iter().all(|ids| ids.is_empty())
    }
}
