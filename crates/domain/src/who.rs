//! Who asks: the authenticated caller and what a caller may do. How somebody proves who they are
//! is the dialects' matter.

use crate::job::Job;
use crate::{Gid, Text, Uid};

/// How much a user may do beyond their own jobs (sacctmgr's AdminLevel).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AdminLevel {
    /// Their own jobs only.
    #[default]
    None,
    /// Everybody's jobs, reservations and accounts.
    Operator,
    /// Everything.
    Administrator,
}

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user's name.
    pub name: Text,
    /// The user's number; `None` for a user the system does not know, who may only read.
    pub uid: Option<Uid>,
    /// The primary group.
    pub gid: Option<Gid>,
    /// What the user may do beyond their own jobs.
    pub level: AdminLevel,
}

impl Principal {
    /// Tells whether the caller may change this job: it is theirs, or they are an operator.
    pub fn may_change(&self, job: &Job) -> bool {
        self.level >= AdminLevel::Operator || self.uid == Some(job.spec.owner.uid)
    }

    /// Tells whether the caller may do what only operators may (raise limits, submit for others).
    pub fn is_operator(&self) -> bool {
        self.level >= AdminLevel::Operator
    }

    /// Tells whether the caller may do everything.
    pub fn is_administrator(&self) -> bool {
        self.level >= AdminLevel::Administrator
    }
}

/// A user as the operating system or the configuration knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Log-in name.
    pub name: Text,
    /// Number.
    pub uid: Uid,
    /// Primary group.
    pub gid: Gid,
    /// Name of the primary group.
    pub group: Text,
    /// Home directory.
    pub home: Text,
    /// Log-in shell.
    pub shell: Text,
}

/// What Quintet itself remembers of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The user's name.
    pub name: Text,
    /// What the user may do beyond their own jobs.
    pub level: AdminLevel,
    /// The account charged when a submission names none; empty for none.
    pub default_account: Text,
    /// Further accounts the user may charge.
    pub accounts: Vec<Text>,
}
