//! Rows of reservations.

use domain::job::{CpuSet, GresShare};
use domain::reservation::{Access, Names, Reservation, ReservationFlags, ReservedNode};
use domain::{NodeIndex, Text, Timestamp};
use smallvec::SmallVec;
use std::time::Duration;

rows! {
    Reservation => ReservationRow {
        name = "n": Text,
        number = "i": u32,
        start = "s": Timestamp,
        end = "e": Timestamp,
        float = "t": Option<Duration>,
        flags = "f": ReservationFlags,
        nodes = "o": Vec<ReservedNode>,
        wanted_nodes = "w": u32,
        partition = "p": Text,
        access = "a": Access,
        licenses = "l": Vec<(Text, u32)>,
        features = "y": Text,
        max_start_delay = "d": u32,
        purge_after = "g": u32,
        idle_since = "u": Option<Timestamp>,
        comment = "c": Text,
        burst_buffer = "b": Text,
    }
    ReservedNode => ReservedNodeRow {
        node = "n": NodeIndex,
        cpus = "c": Option<CpuSet>,
        gres = "g": SmallVec<[GresShare; 1]>,
    }
    Access => AccessRow {
        users = "u": Names,
        groups = "g": Vec<Text>,
        members = "m": Vec<Text>,
        accounts = "a": Names,
    }
    Names => NamesRow {
        names = "n": Vec<Text>,
        excluded = "x": bool,
    }
}
