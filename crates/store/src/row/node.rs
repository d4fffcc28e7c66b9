//! Rows of the administrative states of nodes.

use domain::cluster::{NodeFlags, NodeMark, Upkeep};
use domain::{Text, Timestamp, Uid};

rows! {
    NodeMark => NodeMarkRow {
        node = "n": Text,
        flags = "f": NodeFlags,
        reason = "r": Text,
        at = "t": Timestamp,
        by = "b": Option<(Text, Uid)>,
        upkeep = "u": Upkeep,
    }
    NodeFlags => NodeFlagsRow {
        down = "d": bool,
        drain = "r": bool,
        fail = "f": bool,
        future = "u": bool,
    }
    Upkeep => UpkeepRow {
        resume_at = "r": Option<Timestamp>,
        comment = "c": Option<Text>,
        extra = "e": Option<Text>,
        weight = "w": Option<u32>,
        features = "f": Option<Vec<Text>>,
        active_features = "a": Option<Vec<Text>>,
        gres = "g": Option<Text>,
        address = "n": Option<Text>,
        host = "h": Option<Text>,
        cpu_binding = "b": Option<u32>,
        topology = "t": Option<Text>,
    }
}
