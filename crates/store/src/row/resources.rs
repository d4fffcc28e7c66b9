//! Rows of resources: asked for and given.

use super::{BadRow, Stored};
use domain::NodeIndex;
use domain::Text;
use domain::job::{
    Allocation, Constraint, CpuSet, Expression, GresRequest, GresShare, Memory, NodeShare, Per, Resources,
    Sharing,
};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

rows! {
    Resources => ResourcesRow {
        min_nodes = "n": u32,
        max_nodes = "N": u32,
        node_sizes = "ns": Vec<(u32, u32)>,
        tasks = "t": Option<u32>,
        cpus_per_task = "c": u16,
        min_cpus = "m": u32,
        max_cpus = "M": u32,
        min_cpus_per_node = "cn": u16,
        tasks_per_node = "tn": u16,
        tasks_per_socket = "ts": u16,
        tasks_per_core = "tc": u16,
        tasks_per_board = "tb": u16,
        sockets_per_node = "sn": u16,
        cores_per_socket = "cs": u16,
        threads_per_core = "tt": u16,
        memory = "mem": Memory,
        tmp_disk = "tmp": u32,
        constraint = "con": Option<Constraint>,
        required_nodes = "req": Vec<Text>,
        excluded_nodes = "exc": Vec<Text>,
        sharing = "sh": Sharing,
        contiguous = "cont": bool,
        overcommit = "oc": bool,
        gres = "g": SmallVec<[GresRequest; 1]>,
        cpus_per_gres = "cg": Vec<(Text, u32)>,
        memory_per_gres = "mg": Vec<(Text, u64)>,
        tasks_per_gpu = "tg": u16,
        licenses = "l": SmallVec<[(Text, u32); 1]>,
        any_license = "la": bool,
    }
    GresRequest => GresRequestRow {
        name = "n": Text,
        kind = "k": Text,
        count = "c": u64,
        per = "p": Per,
    }
    Allocation => AllocationRow {
        partition = "p": Text,
        nodes = "n": SmallVec<[NodeShare; 1]>,
        whole = "w": bool,
        licenses = "l": SmallVec<[(Text, u32); 1]>,
        reservation = "r": Text,
    }
    NodeShare => NodeShareRow {
        node = "n": NodeIndex,
        cpus = "c": CpuSet,
        memory = "m": u64,
        tasks = "t": u32,
        gres = "g": SmallVec<[GresShare; 1]>,
    }
    GresShare => GresShareRow {
        at = "a": usize,
        units = "u": CpuSet,
    }
    Constraint => ConstraintRow {
        written = "w": Text,
        meaning = "m": Expression,
        same = "s": Vec<Expression>,
        counts = "c": Vec<(Expression, u32)>,
    }
}

codes! {
    Sharing, "sharing" {
        Default = 0,
        Exclusive = 1,
        Oversubscribe = 2,
        SameUser = 3,
        SameLabel = 4,
        Topology = 5,
    }
    Per, "unit of a generic resource" {
        Job = 0,
        Node = 1,
        Socket = 2,
        Task = 3,
    }
}

/// Memory asked for, megabytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum MemoryRow {
    #[default]
    #[serde(rename = "d")]
    Default,
    #[serde(rename = "n")]
    PerNode(u64),
    #[serde(rename = "c")]
    PerCpu(u64),
}

impl Stored for Memory {
    type Row = MemoryRow;

    fn to_row(&self) -> MemoryRow {
        match *self {
            Memory::Default => MemoryRow::Default,
            Memory::PerNode(megabytes) => MemoryRow::PerNode(megabytes),
            Memory::PerCpu(megabytes) => MemoryRow::PerCpu(megabytes),
        }
    }

    fn from_row(row: MemoryRow) -> Result<Self, BadRow> {
        Ok(match row {
            MemoryRow::Default => Memory::Default,
            MemoryRow::PerNode(megabytes) => Memory::PerNode(megabytes),
            MemoryRow::PerCpu(megabytes) => Memory::PerCpu(megabytes),
        })
    }
}

impl Stored for CpuSet {
    /// The words of the bit set.
    type Row = Vec<u64>;

    fn to_row(&self) -> Vec<u64> {
        self.words().to_vec()
    }

    fn from_row(row: Vec<u64>) -> Result<Self, BadRow> {
        Ok(CpuSet::from_words(&row))
    }
}

/// The meaning of a constraint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ExpressionRow {
    #[serde(rename = "f")]
    Feature(Text),
    #[serde(rename = "&")]
    All(Vec<ExpressionRow>),
    #[serde(rename = "|")]
    Any(Vec<ExpressionRow>),
}

impl Default for ExpressionRow {
    fn default() -> Self {
        ExpressionRow::All(Vec::new())
    }
}

impl Stored for Expression {
    type Row = ExpressionRow;

    fn to_row(&self) -> ExpressionRow {
        match self {
            Expression::Feature(name) => ExpressionRow::Feature(name.clone()),
            Expression::All(parts) => ExpressionRow::All(parts.to_row()),
            Expression::Any(parts) => ExpressionRow::Any(parts.to_row()),
        }
    }

    fn from_row(row: ExpressionRow) -> Result<Self, BadRow> {
        Ok(match row {
            ExpressionRow::Feature(name) => Expression::Feature(name),
            ExpressionRow::All(parts) => Expression::All(Vec::from_row(parts)?),
            ExpressionRow::Any(parts) => Expression::Any(Vec::from_row(parts)?),
        })
    }
}
