//! What is asked for when a reservation is made or changed.

use super::ReservationFlags;
use crate::{Text, Timestamp};

/// What is asked for when a reservation is made or changed; what is `None` or empty is not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReservationWish {
    /// Its name; one is made up for a new one where it is empty.
    pub name: Text,
    /// When it begins.
    pub start: Option<Timestamp>,
    /// When it ends.
    pub end: Option<Timestamp>,
    /// How long it is, or by how much longer or shorter than before.
    pub duration: Option<Span>,
    /// Nodes by name, `ALL`, or with a sign before each name: more or fewer than before.
    pub node_list: Vec<Text>,
    /// How many nodes.
    pub node_count: Option<u32>,
    /// How many cores.
    pub core_count: Option<u32>,
    /// How much of what is tracked.
    pub tres: Vec<TresWish>,
    /// The partition.
    pub partition: Text,
    /// Users, perhaps with signs; an empty name alone takes all away.
    pub users: Vec<Text>,
    /// Groups, likewise.
    pub groups: Vec<Text>,
    /// Accounts, likewise.
    pub accounts: Vec<Text>,
    /// Licences as `name:count`; an empty one alone takes all away.
    pub licenses: Vec<Text>,
    /// Features of nodes, as written.
    pub features: Text,
    /// Switches.
    pub flags: WishedFlags,
    /// How long others may delay its jobs, seconds.
    pub max_start_delay: Option<u32>,
    /// How long it may be without jobs, seconds.
    pub purge_after: Option<u32>,
    /// Remark.
    pub comment: Option<Text>,
    /// Burst buffer.
    pub burst_buffer: Option<Text>,
}

/// A length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// So many minutes.
    Minutes(u32),
    /// As long as can be.
    Unlimited,
}

/// How much of something tracked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TresWish {
    /// What: `cpu`, `node`, `gres`.
    pub kind: Text,
    /// Its name, such as `gpu`; may stand in the kind: `gres/gpu`.
    pub name: Text,
    /// How much.
    pub count: u64,
}

/// Switches that are put on and off, and what else is said by flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WishedFlags {
    /// Put on.
    pub on: ReservationFlags,
    /// Put off.
    pub off: ReservationFlags,
    /// The duration is added.
    pub longer: bool,
    /// The duration is taken off.
    pub shorter: bool,
    /// The present turn is left out.
    pub skip: bool,
    /// A start in the past of one that comes back is meant.
    pub force_start: bool,
    /// A switch that only the service itself sets (`REOCCURRING`).
    pub reserved: bool,
}

/// What a wish for a new reservation lacks: what clients of the original check before they ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A start.
    #[error("has no start")]
    NoStart,
    /// An end or a length.
    #[error("has no end")]
    NoEnd,
    /// An end after its start.
    #[error("ends before it begins")]
    EndBeforeStart,
    /// A partition and all nodes, where the nodes of the partition are wanted.
    #[error("has PART_NODES, but not a partition and ALL nodes")]
    NotAllOfPartition,
    /// A turn that comes back, where a start in the past is meant.
    #[error("has FORCE_START, but does not come back")]
    ForcedOnce,
    /// Nodes, cores or anything else to reserve.
    #[error("has nothing to reserve")]
    NothingToReserve,
    /// Users, groups or accounts.
    #[error("is for nobody")]
    Nobody,
    /// Users without groups, or groups without users.
    #[error("is for users and for groups, of which only one can be")]
    UsersAndGroups,
}

impl ReservationWish {
    /// Checks that a new reservation can be made of it.
    ///
    /// # Errors
    /// The first thing it lacks.
    pub fn check_complete(&self) -> Result<(), Fault> {
        let start = self.start.ok_or(Fault::NoStart)?;
        match (self.end, self.duration) {
            (None, None) => return Err(Fault::NoEnd),
            (Some(end), None) if end < start => return Err(Fault::EndBeforeStart),
            _ => {}
        }
        let names_all = self.names_all_nodes();
        if self.flags.on.has(ReservationFlags::PART_NODES) && (self.partition.is_empty() || !names_all) {
            return Err(Fault::NotAllOfPartition);
        }
        if self.flags.force_start && !self.flags.on.recurs() {
            return Err(Fault::ForcedOnce);
        }
        let has_count = |count: Option<u32>| count.is_some_and(|count| count > 0);
        let has_any = has_count(self.node_count)
            || has_count(self.core_count)
            || !self.node_list.is_empty()
            || !self.tres.is_empty()
            || !self.licenses.is_empty()
            || self.burst_buffer.as_ref().is_some_and(|buffer| !buffer.is_empty());
        let is_said = |names: &[Text]| names.iter().any(|name| !name.is_empty());
        match (is_said(&self.users), is_said(&self.groups)) {
            _ if !has_any => Err(Fault::NothingToReserve),
            (false, false) if !is_said(&self.accounts) => Err(Fault::Nobody),
            (true, true) => Err(Fault::UsersAndGroups),
            _ => Ok(()),
        }
    }

    /// Tells whether all nodes are asked for by one word.
    pub fn names_all_nodes(&self) -> bool {
        matches!(self.node_list.as_slice(), [all] if all.eq_ignore_ascii_case("ALL"))
    }
}
