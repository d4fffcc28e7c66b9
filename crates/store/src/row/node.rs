//! Rows of the administrative states of nodes.

use domain::cluster::{Gres, Made, MadeKind, NodeFlags, NodeMark, SystemShare, Topology, Upkeep};
use domain::job::CpuSet;
use domain::{NodeIndex, Text, Timestamp, Uid};
use std::sync::Arc;

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
        external = "e": bool,
        gone = "g": bool,
    }
    Upkeep => UpkeepRow {
        resume_at = "r": Option<Timestamp>,
        back_at = "k": Option<Timestamp>,
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
        made = "m": Option<Arc<Made>>,
    }
    Made => MadeRow {
        place = "p": NodeIndex,
        kind = "k": MadeKind,
        host = "h": Text,
        address = "a": Text,
        port = "o": u16,
        topology = "t": Topology,
        memory = "m": u64,
        system = "s": SystemShare,
        tmp_disk = "d": u64,
        weight = "w": u32,
        features = "f": Vec<Text>,
        gres = "g": Vec<Gres>,
    }
    Topology => TopologyRow {
        boards = "b": u16,
        sockets = "s": u16,
        cores = "c": u16,
        threads = "t": u16,
        cpus = "n": u32,
    }
    SystemShare => SystemShareRow {
        cpus = "c": CpuSet,
        memory = "m": u64,
    }
    Gres => GresRow {
        name = "n": Text,
        kind = "k": Text,
        count = "c": u32,
        files = "f": Vec<Text>,
        near = "r": CpuSet,
        taken_away = "t": u32,
    }
}

codes! {
    MadeKind, "kind of node" {
        Cloud = 0,
        External = 1,
        Future = 2,
    }
}
