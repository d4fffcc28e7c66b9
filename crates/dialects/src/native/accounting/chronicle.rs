//! What happened beside jobs, and how well the cluster was used: which time is asked about, and how it is told.

use super::super::error::NativeError;
use super::super::from_wire::time;
use super::super::parameters::Parameters;
use domain::cluster::NodeFlags;
use domain::history::{Deed, During, Episode};
use domain::reservation::ReservationFlags;
use domain::service::{ReservationUse, Utilization};
use domain::{Text, Timestamp, Uid};
use jiff::Zoned;
use serde::Serialize;
use std::collections::BTreeMap;

/// Parameters of a stretch of time.
pub(in super::super) const TIME: &[&str] = &["since", "until"];
/// Parameters of lists.
pub(in super::super) const LIST: &[&str] = &["since", "until", "limit"];
/// Entries of a list if nothing is said, and at most.
const USUAL: usize = 1_000;
const MOST: usize = 100_000;

/// Reads which time is asked about; without words all of it until now.
pub(in super::super) fn during(parameters: &Parameters, now: &Zoned) -> Result<During, NativeError> {
    let point = |name: &'static str| -> Result<Option<Timestamp>, NativeError> {
        parameters.text(name)?.map(|text| time(name, text, now)).transpose()
    };
    // What happens at this very moment is part of it.
    let until_now = Timestamp::from_seconds(now.timestamp().as_second().saturating_add(1));
    let (from, to) = (point("since")?.unwrap_or(Timestamp::EPOCH), point("until")?.unwrap_or(until_now));
    if from >= to {
        return Err(NativeError::parameter("until", "the time ends before it begins"));
    }
    let limit = parameters.number("limit", 1..=MOST)?.unwrap_or(USUAL);
    Ok(During { from, to, limit })
}

/// How well the cluster was used.
#[derive(Serialize)]
pub(in super::super) struct Utilizations {
    start: i64,
    end: i64,
    /// Resource seconds of each thing that is counted.
    utilization: Vec<UtilizationLine>,
}

#[derive(Serialize)]
struct UtilizationLine {
    name: Text,
    allocated: i64,
    down: i64,
    planned_down: i64,
    idle: i64,
    planned: i64,
    reported: i64,
}

/// Tells how well the cluster was used.
pub(in super::super) fn utilizations(during: &During, lines: Vec<Utilization>) -> Utilizations {
    let line = |one: Utilization| {
        let Utilization { name, allocated, down, planned_down, idle, planned, reported } = one;
        UtilizationLine { name, allocated, down, planned_down, idle, planned, reported }
    };
    let utilization = lines.into_iter().map(line).collect();
    Utilizations { start: during.from.seconds(), end: during.to.seconds(), utilization }
}

/// Times in which nodes were out of service, and in which the cluster was as it was.
#[derive(Serialize)]
pub(in super::super) struct Events {
    events: Vec<Event>,
}

#[derive(Serialize)]
struct Event {
    /// The node; null for the cluster.
    node: Option<Text>,
    nodes: Text,
    start: i64,
    end: Option<i64>,
    state: Vec<&'static str>,
    reason: Text,
    user: Text,
    uid: Option<u32>,
    tres: BTreeMap<Text, u64>,
}

/// Tells of nodes and the cluster.
pub(in super::super) fn events(all: Vec<Episode>) -> Events {
    Events { events: all.into_iter().map(event).collect() }
}

fn event(one: Episode) -> Event {
    let (user, uid) = one.by.map_or((Text::default(), None), |(name, Uid(uid))| (name, Some(uid)));
    Event {
        node: Some(one.node).filter(|node| !node.is_empty()),
        nodes: one.nodes,
        start: one.start.seconds(),
        end: one.end.map(Timestamp::seconds),
        state: states(one.flags),
        reason: one.reason,
        user,
        uid,
        tres: one.amounts.into_iter().collect(),
    }
}

fn states(flags: NodeFlags) -> Vec<&'static str> {
    let words = [(flags.down, "DOWN"), (flags.drain, "DRAIN"), (flags.fail, "FAIL")];
    words.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word).collect()
}

/// Reservations as they were, and what became of them.
#[derive(Serialize)]
pub(in super::super) struct Reservations {
    reservations: Vec<Reservation>,
}

#[derive(Serialize)]
struct Reservation {
    id: u32,
    name: Text,
    start: i64,
    /// Null if it has no end.
    end: Option<i64>,
    flags: Vec<&'static str>,
    nodes: Text,
    users: Text,
    accounts: Text,
    /// How much was reserved.
    tres: BTreeMap<Text, u64>,
    /// Resource seconds within the time that is asked about: reserved, and of these what jobs had and what they had not.
    seconds: BTreeMap<Text, Seconds>,
}

#[derive(Serialize)]
struct Seconds {
    reserved: i64,
    allocated: i64,
    idle: i64,
}

/// Tells of reservations.
pub(in super::super) fn reservations(all: Vec<ReservationUse>) -> Reservations {
    Reservations { reservations: all.into_iter().map(reservation).collect() }
}

fn reservation(one: ReservationUse) -> Reservation {
    let seconds = |name: &Text| {
        let (reserved, allocated) = one.of(name);
        (name.clone(), Seconds { reserved, allocated, idle: reserved - allocated })
    };
    let seconds = one.booking.amounts.iter().map(|(name, _)| seconds(name)).collect();
    let booking = one.booking;
    let has = |flag: &&(ReservationFlags, &'static str)| booking.flags.has(flag.0);
    Reservation {
        id: booking.number,
        name: booking.name,
        start: booking.start.seconds(),
        end: Some(booking.end).filter(|end| *end != Timestamp::NEVER).map(Timestamp::seconds),
        flags: FLAGS.iter().filter(has).map(|(_, word)| *word).collect(),
        nodes: booking.nodes,
        users: booking.users,
        accounts: booking.accounts,
        tres: booking.amounts.into_iter().collect(),
        seconds,
    }
}

/// Switches of reservations by name.
const FLAGS: &[(ReservationFlags, &str)] = &[
    (ReservationFlags::MAINT, "MAINT"),
    (ReservationFlags::IGNORE_JOBS, "IGNORE_JOBS"),
    (ReservationFlags::DAILY, "DAILY"),
    (ReservationFlags::WEEKLY, "WEEKLY"),
    (ReservationFlags::HOURLY, "HOURLY"),
    (ReservationFlags::WEEKDAY, "WEEKDAY"),
    (ReservationFlags::WEEKEND, "WEEKEND"),
    (ReservationFlags::ANY_NODES, "ANY_NODES"),
    (ReservationFlags::STATIC, "STATIC"),
    (ReservationFlags::PART_NODES, "PART_NODES"),
    (ReservationFlags::OVERLAP, "OVERLAP"),
    (ReservationFlags::SPEC_NODES, "SPEC_NODES"),
    (ReservationFlags::ALL_NODES, "ALL_NODES"),
    (ReservationFlags::REPLACE, "REPLACE"),
    (ReservationFlags::REPLACE_DOWN, "REPLACE_DOWN"),
    (ReservationFlags::PURGE_COMP, "PURGE_COMP"),
    (ReservationFlags::FLEX, "FLEX"),
    (ReservationFlags::NO_HOLD_JOBS_AFTER_END, "NO_HOLD_JOBS_AFTER_END"),
    (ReservationFlags::MAGNETIC, "MAGNETIC"),
    (ReservationFlags::USER_DELETE, "USER_DELETE"),
    (ReservationFlags::TRES_PER_NODE, "TRES_PER_NODE"),
];

/// What was changed in the books.
#[derive(Serialize)]
pub(in super::super) struct Transactions {
    transactions: Vec<Transaction>,
}

#[derive(Serialize)]
struct Transaction {
    time: i64,
    actor: Text,
    action: Text,
    #[serde(rename = "where")]
    place: Text,
}

/// Tells what was changed in the books.
pub(in super::super) fn transactions(all: Vec<Deed>) -> Transactions {
    let one = |deed: Deed| Transaction {
        time: deed.at.seconds(),
        actor: deed.actor,
        action: deed.action,
        place: deed.place,
    };
    Transactions { transactions: all.into_iter().map(one).collect() }
}
