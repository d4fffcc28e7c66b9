//! What happens beside jobs and is remembered: nodes out of service, what the cluster had when, reservations, and who
//! changed what in the books. Reports of how well the cluster was used are made with it.

use crate::cluster::NodeFlags;
use crate::reservation::ReservationFlags;
use crate::{Text, Timestamp, Uid};

/// A time in which the cluster had the same resources, or a node was out of service for the same reason: what sacctmgr
/// calls an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Episode {
    /// The node; empty for the cluster.
    pub node: Text,
    /// Names of the cluster's nodes, folded; empty for a node.
    pub nodes: Text,
    /// When it began.
    pub start: Timestamp,
    /// When it ended; `None` while it goes on.
    pub end: Option<Timestamp>,
    /// The node's state.
    pub flags: NodeFlags,
    /// Why.
    pub reason: Text,
    /// Who said so.
    pub by: Option<(Text, Uid)>,
    /// How much there is of what is counted, by name.
    pub amounts: Vec<(Text, u64)>,
}

impl Episode {
    /// Tells whether another one goes on with the same.
    pub fn is_same(&self, other: &Episode) -> bool {
        let times = |one: &Episode| Episode { start: Timestamp::EPOCH, end: None, ..one.clone() };
        times(self) == times(other)
    }

    /// Returns how much there is of something.
    pub fn amount(&self, name: &str) -> u64 {
        amount_of(&self.amounts, name)
    }
}

/// A reservation over a time in which nothing of it changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Booking {
    /// Its number; turns of one that comes back share it.
    pub number: u32,
    /// Its name.
    pub name: Text,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends; [`Timestamp::NEVER`] if it does not.
    pub end: Timestamp,
    /// Its switches.
    pub flags: ReservationFlags,
    /// Names of its nodes, folded.
    pub nodes: Text,
    /// Who may use it: names of users and accounts, with a minus before those who may not.
    pub users: Text,
    /// The same of accounts.
    pub accounts: Text,
    /// How much is reserved of what is counted, by name.
    pub amounts: Vec<(Text, u64)>,
}

impl Booking {
    /// Tells whether another one differs in nothing but when it begins and ends.
    pub fn is_same(&self, other: &Booking) -> bool {
        let times = |one: &Booking| Booking { start: Timestamp::EPOCH, end: Timestamp::EPOCH, ..one.clone() };
        times(self) == times(other)
    }

    /// Returns how much of something is reserved.
    pub fn amount(&self, name: &str) -> u64 {
        amount_of(&self.amounts, name)
    }
}

fn amount_of(amounts: &[(Text, u64)], name: &str) -> u64 {
    amounts.iter().find(|(known, _)| known == name).map_or(0, |(_, amount)| *amount)
}

/// Something that somebody changed in the books: what sacctmgr calls a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Who; empty for the service itself.
    pub actor: Text,
    /// What, in sacctmgr's words: `Add Accounts`.
    pub action: Text,
    /// Of what: names.
    pub place: Text,
}

/// What happened beside jobs at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occurrence {
    /// When.
    pub at: Timestamp,
    /// The cluster as it is from now on; every node that is not among those that are out is in service then.
    pub cluster: Option<Episode>,
    /// Nodes that are out of service from now on, or for another reason.
    pub out: Vec<Episode>,
    /// Nodes that are back in service.
    pub back: Vec<Text>,
    /// Reservations that are new or have changed.
    pub bookings: Vec<Booking>,
    /// Numbers of reservations that are gone.
    pub gone: Vec<u32>,
    /// What was changed in the books.
    pub deeds: Vec<Deed>,
}

impl Occurrence {
    /// Tells whether nothing happened.
    pub fn is_nothing(&self) -> bool {
        let Occurrence { at: _, cluster, out, back, bookings, gone, deeds } = self;
        cluster.is_none()
            && out.is_empty()
            && back.is_empty()
            && bookings.is_empty()
            && gone.is_empty()
            && deeds.is_empty()
    }
}

/// A stretch of time that is asked about, and how much of what happened then is wanted at most, the latest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct During {
    /// From when on.
    pub from: Timestamp,
    /// Until when; that moment is not part of it.
    pub to: Timestamp,
    /// How much of it.
    pub limit: usize,
}

impl During {
    /// Asks about all of a stretch of time.
    pub fn all(from: Timestamp, to: Timestamp) -> Self {
        During { from, to, limit: usize::MAX }
    }
}
