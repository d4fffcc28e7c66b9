//! What the job model needs of the way to slurmrestd.

use crate::slurm::document::Document;
use crate::slurm::jobs::Failed;
use crate::slurm::picture::{Entry, Picture};
use domain::Text;
use slurm_wire::json;
use slurm_wire::wire::{Wire, parse_reply};
use std::sync::Arc;

/// A request, in the version of the interface that the cluster is asked in.
#[derive(Clone, Debug)]
pub(super) struct Asked<'a> {
    /// As whom; `None` for the service itself.
    pub(super) whom: Option<&'a str>,
    /// What is done.
    pub(super) verb: Verb,
    /// Who is asked.
    pub(super) part: Part,
    /// The path below the version, with its query.
    pub(super) target: &'a str,
    /// The body as JSON; empty for none.
    pub(super) body: Vec<u8>,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// Nothing is changed.
    Get,
    /// Something is made or changed.
    Post,
    /// Something is ended.
    Delete,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The controller: `/slurm/`.
    Controller,
    /// Accounting: `/slurmdb/`.
    Accounting,
}

/// An answer; first as bytes, then as what was read from them.
#[derive(Clone, Debug)]
pub(super) struct Answered<T> {
    /// Status.
    pub(super) status: u16,
    /// Body.
    pub(super) reply: T,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing was sent.
    Unreachable(Text),
    /// It was sent, and no whole answer came.
    Lost(Text),
}

impl Silence {
    /// Returns why.
    pub(super) fn why(self) -> Text {
        match self {
            Silence::Unreachable(why) | Silence::Lost(why) => why,
        }
    }
}

/// How old what is told may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// As old as what others are told.
    Shared,
    /// Asked for from now on.
    Fresh,
}

/// The way to slurmrestd. May be asked from any thread that may block.
pub(super) trait Ask: Send + Sync {
    /// Asks for something that nobody else is told, or to be done. An answer that refuses is an answer.
    ///
    /// # Errors
    /// If there is none.
    fn ask(&self, asked: &Asked<'_>) -> Result<Answered<Vec<u8>>, Silence>;

    /// Returns the list of all jobs, which others are told as well.
    ///
    /// # Errors
    /// If there is none that is new enough.
    fn jobs(&self, wanted: Wanted) -> Result<Arc<Picture>, Failed>;

    /// Returns the jobs of a number as they are now, none if there are none.
    ///
    /// # Errors
    /// If it is not told.
    fn job(&self, id: u32) -> Result<Vec<Arc<Entry>>, Failed>;

    /// Returns another list of the controller that others are told as well, by its name: `nodes`, for example.
    ///
    /// # Errors
    /// If there is none.
    fn document(&self, name: &'static str) -> Result<Arc<Document>, Failed>;
}

impl Answered<Vec<u8>> {
    /// Reads the body.
    pub(super) fn read<T: Wire + Default>(&self) -> Answered<T> {
        Answered { status: self.status, reply: read(&self.reply) }
    }
}

/// Reads a document; what is none of the wire is like an empty one.
pub(super) fn read<T: Wire + Default>(document: &[u8]) -> T {
    let text = json::text(document);
    json::parse(&text).map(|document| parse_reply::<T>(&document)).unwrap_or_default()
}
