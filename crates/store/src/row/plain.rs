//! Rows of what has no fields: numbers, texts, times, identifiers, and collections of other rows.

use super::{BadRow, Stored};
use domain::job::{Exit, JobFlags, MailTypes, Outcome, Reason};
use domain::reservation::ReservationFlags;
use domain::{ChangeId, Gid, JobId, NodeIndex, TaskIndex, Text, TimeLimit, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use smallvec::{Array, SmallVec};
use std::sync::Arc;
use std::time::Duration;

macro_rules! as_they_are {
    ($($type:ty)*) => {$(
        impl Stored for $type {
            type Row = $type;

            fn to_row(&self) -> $type {
                self.clone()
            }

            fn from_row(row: $type) -> Result<Self, BadRow> {
                Ok(row)
            }
        }
    )*};
}

as_they_are! { bool f64 u8 u16 u32 u64 i32 i64 Text [u32; 3] }

macro_rules! numbers {
    ($($type:ident($inner:ty))*) => {$(
        impl Stored for $type {
            type Row = $inner;

            fn to_row(&self) -> $inner {
                self.0
            }

            fn from_row(row: $inner) -> Result<Self, BadRow> {
                Ok($type(row))
            }
        }
    )*};
}

numbers! {
    JobId(u32) TaskIndex(u32) NodeIndex(u32) Uid(u32) Gid(u32) ChangeId(u64) JobFlags(u64) MailTypes(u16)
    ReservationFlags(u64)
}

impl Stored for usize {
    type Row = u64;

    fn to_row(&self) -> u64 {
        *self as u64
    }

    fn from_row(row: u64) -> Result<Self, BadRow> {
        usize::try_from(row).map_err(|_| BadRow::Nonsense("a place in a list"))
    }
}

impl Stored for Timestamp {
    type Row = i64;

    fn to_row(&self) -> i64 {
        self.micros()
    }

    fn from_row(row: i64) -> Result<Self, BadRow> {
        Ok(Timestamp::from_micros(row))
    }
}

impl Stored for Duration {
    /// Nanoseconds: enough for five hundred years.
    type Row = u64;

    fn to_row(&self) -> u64 {
        u64::try_from(self.as_nanos()).unwrap_or(u64::MAX)
    }

    fn from_row(row: u64) -> Result<Self, BadRow> {
        Ok(Duration::from_nanos(row))
    }
}

impl Stored for TimeLimit {
    type Row = Option<u32>;

    fn to_row(&self) -> Option<u32> {
        self.minutes()
    }

    fn from_row(row: Option<u32>) -> Result<Self, BadRow> {
        Ok(row.map_or(TimeLimit::Unlimited, TimeLimit::Minutes))
    }
}

impl Stored for Reason {
    /// Its name, nothing for `None`: names last, places in a list do not.
    type Row = Text;

    fn to_row(&self) -> Text {
        match self {
            Reason::None => Text::default(),
            // Shown like another one.
            Reason::Reserved => Text::const_new("Reserved"),
            reason => Text::const_new(reason.name()),
        }
    }

    fn from_row(row: Text) -> Result<Self, BadRow> {
        if row.is_empty() {
            return Ok(Reason::None);
        }
        if row == "Reserved" {
            return Ok(Reason::Reserved);
        }
        let named = Reason::ALL.iter().find(|reason| reason.name() == row);
        named.copied().ok_or_else(|| BadRow::UnknownWord { what: "reason", word: row.to_string() })
    }
}

codes! {
    Outcome, "outcome" {
        Completed = 0,
        Failed = 1,
        Cancelled = 2,
        Timeout = 3,
        NodeFail = 4,
        OutOfMemory = 5,
        Deadline = 6,
        Preempted = 7,
        Requeued = 8,
        Resized = 9,
    }
}

/// What a batch script left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum ExitRow {
    #[default]
    #[serde(rename = "n")]
    None,
    #[serde(rename = "c")]
    Code(u8),
    #[serde(rename = "s")]
    Signal(u8),
}

impl Stored for Exit {
    type Row = ExitRow;

    fn to_row(&self) -> ExitRow {
        match *self {
            Exit::None => ExitRow::None,
            Exit::Code(code) => ExitRow::Code(code),
            Exit::Signal(signal) => ExitRow::Signal(signal),
        }
    }

    fn from_row(row: ExitRow) -> Result<Self, BadRow> {
        Ok(match row {
            ExitRow::None => Exit::None,
            ExitRow::Code(code) => Exit::Code(code),
            ExitRow::Signal(signal) => Exit::Signal(signal),
        })
    }
}

impl<T: Stored> Stored for Option<T> {
    type Row = Option<T::Row>;

    fn to_row(&self) -> Self::Row {
        self.as_ref().map(T::to_row)
    }

    fn from_row(row: Self::Row) -> Result<Self, BadRow> {
        row.map(T::from_row).transpose()
    }
}

impl<T: Stored> Stored for Vec<T> {
    type Row = Vec<T::Row>;

    fn to_row(&self) -> Self::Row {
        self.iter().map(T::to_row).collect()
    }

    fn from_row(row: Self::Row) -> Result<Self, BadRow> {
        row.into_iter().map(T::from_row).collect()
    }
}

impl<A: Array> Stored for SmallVec<A>
where
    A::Item: Stored,
{
    type Row = Vec<<A::Item as Stored>::Row>;

    fn to_row(&self) -> Self::Row {
        self.iter().map(Stored::to_row).collect()
    }

    fn from_row(row: Self::Row) -> Result<Self, BadRow> {
        row.into_iter().map(Stored::from_row).collect()
    }
}

impl<T: Stored> Stored for Box<T> {
    type Row = T::Row;

    fn to_row(&self) -> T::Row {
        (**self).to_row()
    }

    fn from_row(row: T::Row) -> Result<Self, BadRow> {
        T::from_row(row).map(Box::new)
    }
}

impl<T: Stored> Stored for Arc<T> {
    type Row = T::Row;

    fn to_row(&self) -> T::Row {
        (**self).to_row()
    }

    fn from_row(row: T::Row) -> Result<Self, BadRow> {
        T::from_row(row).map(Arc::new)
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    type Row = (A::Row, B::Row);

    fn to_row(&self) -> Self::Row {
        (self.0.to_row(), self.1.to_row())
    }

    fn from_row(row: Self::Row) -> Result<Self, BadRow> {
        Ok((A::from_row(row.0)?, B::from_row(row.1)?))
    }
}
