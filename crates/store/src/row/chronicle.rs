//! Rows of what happens beside jobs.

use domain::cluster::NodeFlags;
use domain::history::{Booking, Deed, Episode, Occurrence};
use domain::reservation::ReservationFlags;
use domain::{Text, Timestamp, Uid};

rows! {
    Occurrence => OccurrenceRow {
        at = "t": Timestamp,
        cluster = "c": Option<Episode>,
        out = "o": Vec<Episode>,
        back = "b": Vec<Text>,
        bookings = "r": Vec<Booking>,
        gone = "g": Vec<u32>,
        deeds = "d": Vec<Deed>,
    }
    Episode => EpisodeRow {
        node = "n": Text,
        nodes = "l": Text,
        start = "s": Timestamp,
        end = "e": Option<Timestamp>,
        flags = "f": NodeFlags,
        reason = "r": Text,
        by = "b": Option<(Text, Uid)>,
        amounts = "a": Vec<(Text, u64)>,
    }
    Booking => BookingRow {
        number = "i": u32,
        name = "n": Text,
        start = "s": Timestamp,
        end = "e": Timestamp,
        flags = "f": ReservationFlags,
        nodes = "l": Text,
        users = "u": Text,
        accounts = "c": Text,
        amounts = "a": Vec<(Text, u64)>,
    }
    Deed => DeedRow {
        at = "t": Timestamp,
        actor = "w": Text,
        action = "a": Text,
        place = "p": Text,
    }
}
