//! Rows of a job's part in an array or in a heterogeneous job.

use super::{BadRow, Stored};
use domain::job::{ArrayPart, HetPart, Progression, TaskSet};
use domain::{JobId, TaskIndex};
use serde::{Deserialize, Serialize};

rows! {
    HetPart => HetPartRow {
        leader = "l": JobId,
        offset = "o": u32,
        size = "s": u32,
    }
}

/// A job's part in an array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ArrayPartRow {
    #[serde(rename = "p")]
    Pool(PoolRow),
    #[serde(rename = "t")]
    Task(TaskRow),
}

/// Tasks that wait together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PoolRow {
    #[serde(rename = "w")]
    waiting: Vec<(u32, u32, u32)>,
    #[serde(rename = "l", skip_serializing_if = "super::is_zero")]
    throttle: u32,
    #[serde(rename = "s")]
    size: u32,
}

/// A task with a record of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TaskRow {
    #[serde(rename = "a")]
    of: u32,
    #[serde(rename = "i")]
    index: u32,
    #[serde(rename = "l", skip_serializing_if = "super::is_zero")]
    throttle: u32,
    #[serde(rename = "s")]
    size: u32,
}

impl Default for ArrayPartRow {
    fn default() -> Self {
        ArrayPartRow::Task(TaskRow::default())
    }
}

impl Stored for ArrayPart {
    type Row = ArrayPartRow;

    fn to_row(&self) -> ArrayPartRow {
        match self {
            ArrayPart::Pool { waiting, throttle, size } => {
                ArrayPartRow::Pool(PoolRow { waiting: waiting.to_row(), throttle: *throttle, size: *size })
            }
            ArrayPart::Task { of, index, throttle, size } => ArrayPartRow::Task(TaskRow {
                of: of.to_row(),
                index: index.to_row(),
                throttle: *throttle,
                size: *size,
            }),
        }
    }

    fn from_row(row: ArrayPartRow) -> Result<Self, BadRow> {
        Ok(match row {
            ArrayPartRow::Pool(PoolRow { waiting, throttle, size }) => {
                ArrayPart::Pool { waiting: TaskSet::from_row(waiting)?, throttle, size }
            }
            ArrayPartRow::Task(TaskRow { of, index, throttle, size }) => {
                ArrayPart::Task { of: JobId(of), index: TaskIndex(index), throttle, size }
            }
        })
    }
}

impl Stored for TaskSet {
    /// Progressions: first, last, step.
    type Row = Vec<(u32, u32, u32)>;

    fn to_row(&self) -> Self::Row {
        self.progressions().map(|run| (run.first, run.last, run.step)).collect()
    }

    fn from_row(row: Self::Row) -> Result<Self, BadRow> {
        let runs = row.into_iter().map(|(first, last, step)| Progression { first, last, step });
        TaskSet::from_progressions(runs).ok_or(BadRow::Nonsense("a set of array tasks"))
    }
}
