//! How a request is written down.

use super::Done;
use domain::ports::{Direction, Progress, Transfer};
use serde::{Deserialize, Serialize};

/// A request, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) user: String,
    path: String,
    to_online: bool,
    delete: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum End {
    /// So many things could not be done.
    Complete(u64),
    Unfit,
}

impl Record {
    /// Makes the record of a request that waits.
    pub(super) fn of(transfer: &Transfer) -> Self {
        Record {
            user: transfer.user.to_string(),
            path: transfer.path.to_string(),
            to_online: transfer.direction == Direction::ToOnline,
            delete: transfer.delete,
            end: None,
        }
    }

    /// Reads a record.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        serde_json::from_slice(document).ok()
    }

    /// Writes it.
    pub(super) fn written(&self) -> Vec<u8> {
        // Texts and numbers can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Notes how it ended.
    pub(super) fn ended(self, done: Done) -> Self {
        let end = match done {
            Done::Complete(failures) => End::Complete(failures),
            Done::Unfit => End::Unfit,
        };
        Record { end: Some(end), ..self }
    }

    /// Returns what is asked for.
    pub(super) fn transfer(&self) -> Transfer {
        Transfer {
            user: self.user.as_str().into(),
            path: self.path.as_str().into(),
            direction: if self.to_online { Direction::ToOnline } else { Direction::FromOnline },
            delete: self.delete,
        }
    }

    /// Says how far it is.
    pub(super) fn progress(&self) -> Progress {
        match self.end {
            None => Progress::Waiting,
            Some(End::Complete(failures)) => Progress::Complete { failures },
            Some(End::Unfit) => Progress::Unfit,
        }
    }
}
