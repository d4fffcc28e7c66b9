//! Rows of the administrative states of nodes.

use domain::cluster::{NodeFlags, NodeMark};
use domain::{Text, Timestamp, Uid};

rows! {
    NodeMark => NodeMarkRow {
        node = "n": Text,
        flags = "f": NodeFlags,
        reason = "r": Text,
        at = "t": Timestamp,
        by = "b": Option<(Text, Uid)>,
    }
    NodeFlags => NodeFlagsRow {
        down = "d": bool,
        drain = "r": bool,
    }
}
