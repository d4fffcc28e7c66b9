//! What the books hold: accounts, users, associations, workload keys and clusters. Names are told as they were given and
//! found whatever their case.

use super::Limits;
use crate::who::AdminLevel;
use crate::{Text, Timestamp};

/// When a record was made and changed, and whether it is only kept for what it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// When it was made.
    pub created: Timestamp,
    /// When it changed last.
    pub modified: Timestamp,
    /// It was deleted: shown only to who asks for such.
    pub deleted: bool,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Its name.
    pub name: Text,
    /// What it is for, in words.
    pub description: Text,
    /// Whose it is, in words.
    pub organization: Text,
    /// Users who manage it and what is below it.
    pub coordinators: Vec<Text>,
    /// Whether its users manage it as well; `None` where nothing is said.
    pub users_are_coordinators: Option<bool>,
    /// Its times.
    pub life: Life,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// The name.
    pub name: Text,
    /// What the user may do beyond their own jobs.
    pub level: AdminLevel,
    /// The account that is charged where none is named. It counts as soon as the user is in it.
    pub default_account: Text,
    /// The workload key of jobs that name none; empty for none.
    pub default_wckey: Text,
    /// Its times.
    pub life: Life,
}

/// What an association is about: a user, or nobody for the account itself, in an account on a cluster, perhaps in one
/// partition only. In lower case where it is looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The cluster.
    pub cluster: Text,
    /// The account.
    pub account: Text,
    /// The user; empty for the account itself.
    pub user: Text,
    /// The partition; empty for all.
    pub partition: Text,
}

impl Place {
    /// Returns it as it is looked up.
    #[must_use]
    pub fn folded(&self) -> Place {
        Place {
            cluster: folded(&self.cluster),
            account: folded(&self.account),
            user: folded(&self.user),
            partition: folded(&self.partition),
        }
    }

    /// Tells whether it stands for an account itself.
    pub fn is_account(&self) -> bool {
        self.user.is_empty()
    }
}

/// Returns a name as it is looked up.
pub fn folded(name: &str) -> Text {
    let is_folded = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if name.bytes().all(is_folded) { Text::from(name) } else { Text::from(name.to_lowercase()) }
}

/// Tells whether two names are looked up as one.
pub(in crate::accounting) fn is_same(one: &str, other: &str) -> bool {
    one == other || one.len() == other.len() && one.eq_ignore_ascii_case(other) || {
        let is_ascii = one.is_ascii() && other.is_ascii();
        !is_ascii && one.to_lowercase() == other.to_lowercase()
    }
}

/// An association: who may use what under which limits. What is used of them is counted by their numbers elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Association {
    /// Slurm's number.
    pub id: u32,
    /// What it is about.
    pub place: Place,
    /// The account above, of an account; empty of users and at the root.
    pub parent: Text,
    /// Shares of what the account above has; [`Association::PARENT`] to share with all of it.
    pub shares: u32,
    /// Words about it.
    pub comment: Text,
    /// A priority for its jobs.
    pub priority: Option<u32>,
    /// Numbers of the qualities of service its jobs may have; `None` for those of the account above.
    pub qos: Option<Vec<u32>>,
    /// Where it has those of the account above: which it has besides (`true`), and which it has not.
    pub qos_changes: Vec<(bool, u32)>,
    /// The quality of service of jobs that name none; `None` for that of the account above.
    pub default_qos: Option<u32>,
    /// Limits of its own.
    pub limits: Limits,
    /// Its times.
    pub life: Life,
}

impl Association {
    /// As many shares as the account above has (`fairshare=parent`).
    pub const PARENT: u32 = 0x7fff_ffff;
}

/// A workload key of a user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wckey {
    /// Slurm's number.
    pub id: u32,
    /// The cluster.
    pub cluster: Text,
    /// The user.
    pub user: Text,
    /// The key.
    pub name: Text,
    /// Its times.
    pub life: Life,
}

/// A cluster of which the books know. The one that is served describes itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterRecord {
    /// Its name.
    pub name: Text,
    /// It is managed by somebody else, and has no accounts.
    pub external: bool,
    /// Its times.
    pub life: Life,
}
