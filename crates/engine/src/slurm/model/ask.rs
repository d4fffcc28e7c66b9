//! What the job model needs of the way to slurmrestd.

use domain::Text;
use slurm_wire::json;
use slurm_wire::wire::{Wire, parse_reply};

/// A request, in the version of the interface that the cluster is asked in.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// As whom; `None` for the service itself.
    pub whom: Option<&'a str>,
    /// What is done.
    pub verb: Verb,
    /// Who is asked.
    pub part: Part,
    /// The path below the version, with its query.
    pub target: &'a str,
    /// The body as JSON; empty for none.
    pub body: Vec<u8>,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Nothing is changed.
    Get,
    /// Something is made or changed.
    Post,
    /// Something is ended.
    Delete,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The controller: `/slurm/`.
    Controller,
    /// Accounting: `/slurmdb/`.
    Accounting,
}

/// An answer; first as bytes, then as what was read from them.
#[derive(Clone, Debug)]
pub struct Answered<T> {
    /// Status.
    pub status: u16,
    /// Body.
    pub reply: T,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nothing was sent.
    Unreachable(Text),
    /// It was sent, and no whole answer came.
    Lost(Text),
}

impl Silence {
    /// Returns why.
    pub fn why(self) -> Text {
        match self {
            Silence::Unreachable(why) | Silence::Lost(why) => why,
        }
    }
}

/// The way to slurmrestd. May be asked from any thread that may block.
pub trait Ask: Send + Sync {
    /// Asks. An answer that refuses is an answer.
    ///
    /// # Errors
    /// If there is none.
    fn ask(&self, asked: &Asked<'_>) -> Result<Answered<Vec<u8>>, Silence>;
}

impl Answered<Vec<u8>> {
    /// Reads the body; what is none of the wire is like an empty one.
    pub(super) fn read<T: Wire + Default>(&self) -> Answered<T> {
        let text = json::text(&self.reply);
        let reply = json::parse(&text).map(|document| parse_reply::<T>(&document)).unwrap_or_default();
        Answered { status: self.status, reply }
    }
}
