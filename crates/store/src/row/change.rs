//! Rows of the feed of changes.

use super::{BadRow, Stored};
use domain::job::{Exit, HetPart, Outcome, Reason};
use domain::service::{StateChange, StateWord};
use domain::{ChangeId, JobId, TaskIndex, Text, Timestamp};
use serde::{Deserialize, Serialize};

rows! {
    StateChange => StateChangeRow {
        id = "i": ChangeId,
        at = "a": Timestamp,
        job = "j": JobId,
        task = "t": Option<(JobId, TaskIndex)>,
        het = "h": Option<HetPart>,
        name = "n": Text,
        user = "u": Text,
        from = "f": Option<StateWord>,
        to = "s": StateWord,
        reason = "y": Reason,
        exit = "x": Exit,
    }
}

/// A state in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum StateWordRow {
    #[default]
    #[serde(rename = "p")]
    Pending,
    #[serde(rename = "r")]
    Running,
    #[serde(rename = "s")]
    Stopped,
    #[serde(rename = "c")]
    Completing,
    #[serde(rename = "e")]
    Ended(u8),
    #[serde(rename = "u")]
    Suspended,
}

impl Stored for StateWord {
    type Row = StateWordRow;

    fn to_row(&self) -> StateWordRow {
        match self {
            StateWord::Pending => StateWordRow::Pending,
            StateWord::Running => StateWordRow::Running,
            StateWord::Stopped => StateWordRow::Stopped,
            StateWord::Suspended => StateWordRow::Suspended,
            StateWord::Completing => StateWordRow::Completing,
            StateWord::Ended(outcome) => StateWordRow::Ended(outcome.to_row()),
        }
    }

    fn from_row(row: StateWordRow) -> Result<Self, BadRow> {
        Ok(match row {
            StateWordRow::Pending => StateWord::Pending,
            StateWordRow::Running => StateWord::Running,
            StateWordRow::Stopped => StateWord::Stopped,
            StateWordRow::Suspended => StateWord::Suspended,
            StateWordRow::Completing => StateWord::Completing,
            StateWordRow::Ended(outcome) => StateWord::Ended(Outcome::from_row(outcome)?),
        })
    }
}
