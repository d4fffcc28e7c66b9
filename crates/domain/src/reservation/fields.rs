//! Parts of a reservation: its switches, and who may use it.

use crate::Text;
use crate::job::flags::flag_set;

flag_set! {
    /// Slurm's switches of reservations.
    ReservationFlags(u64) {
        /// For maintenance: nodes are shown so, and it may overlap others.
        MAINT = 0;
        /// May be made where jobs run beyond its start.
        IGNORE_JOBS = 1;
        /// Comes back every day.
        DAILY = 2;
        /// Comes back every week.
        WEEKLY = 3;
        /// Comes back every hour.
        HOURLY = 4;
        /// Comes back from Monday to Friday.
        WEEKDAY = 5;
        /// Comes back on Saturday and Sunday.
        WEEKEND = 6;
        /// Its jobs may use other nodes than its own for what is reserved, such as licences.
        ANY_NODES = 7;
        /// Its nodes stay what they were when it was made.
        STATIC = 8;
        /// It has all nodes of its partition, whatever they are.
        PART_NODES = 9;
        /// May overlap others.
        OVERLAP = 10;
        /// Its nodes were named.
        SPEC_NODES = 11;
        /// It has all nodes of the cluster.
        ALL_NODES = 12;
        /// Begins always as long after now.
        TIME_FLOAT = 13;
        /// Nodes that are given to jobs, or out of service, are replaced by others.
        REPLACE = 14;
        /// Nodes that are out of service are replaced by others.
        REPLACE_DOWN = 15;
        /// Goes when it has been without jobs for some time.
        PURGE_COMP = 16;
        /// Its jobs may begin before it, run on after it, and use other nodes as well.
        FLEX = 17;
        /// Jobs wait no longer for it when it is gone; they are not held.
        NO_HOLD_JOBS_AFTER_END = 18;
        /// Takes in jobs that name no reservation and may use it.
        MAGNETIC = 19;
        /// Whoever may use it may delete it.
        USER_DELETE = 20;
        /// What was asked for is counted by node.
        TRES_PER_NODE = 21;
    }
}

impl ReservationFlags {
    /// Those by which it comes back.
    pub const RECURRING: ReservationFlags =
        Self::DAILY.with(Self::WEEKLY).with(Self::HOURLY).with(Self::WEEKDAY).with(Self::WEEKEND);

    /// Tells whether it comes back.
    pub fn recurs(self) -> bool {
        self.0 & Self::RECURRING.0 != 0
    }
}

/// Names, of which only these are meant or all but these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The names.
    pub names: Vec<Text>,
    /// All others are meant.
    pub excluded: bool,
}

impl Names {
    /// Tells whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Tells whether a name is meant; any is where nothing is said.
    pub fn means(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|known| known == name) != self.excluded
    }
}

/// Who may use a reservation: who is meant by users or groups, and by accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Users.
    pub users: Names,
    /// Groups.
    pub groups: Vec<Text>,
    /// Users of these groups, as they were when they were looked up.
    pub members: Vec<Text>,
    /// Accounts that jobs are charged to.
    pub accounts: Names,
}

impl Access {
    /// Tells whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.accounts.is_empty()
    }

    /// Tells whether jobs of a user that are charged to an account may use it.
    pub fn admits(&self, user: &str, account: &str) -> bool {
        let is_member = self.groups.is_empty() || self.members.iter().any(|member| member == user);
        !self.is_empty() && self.users.means(user) && is_member && self.accounts.means(account)
    }

    /// Tells whether a user may use it, whatever account is charged.
    pub fn admits_user(&self, user: &str) -> bool {
        let is_named = !self.users.is_empty() && self.users.means(user);
        is_named || self.members.iter().any(|member| member == user)
    }
}
