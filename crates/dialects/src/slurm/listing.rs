//! Long lists, made while they are sent: a hundred thousand jobs never stand in memory as text.

use super::call::{Call, Envelope, written};
use super::error;
use super::kept::Size;
use super::media::Format;
use crate::http::answer::{Answer, Body, answer};
use bytes::Bytes;
use futures_util::stream;
use slurm_wire::envelope::Frame;
use slurm_wire::out::Out;
use slurm_wire::{Version, versions, yaml};
use std::collections::BTreeSet;
use tokio::task::JoinHandle;

/// Size of the pieces.
const PIECE: usize = 64 << 10;
/// Size of pieces that are made on other threads: each costs a change of threads.
const LARGE_PIECE: usize = 192 << 10;
/// Room for the entry that makes a piece full.
const SPARE: usize = 8 << 10;

/// Appends the next entry as JSON, and says whether there was one.
pub(super) trait Entries: FnMut(&mut Out) -> bool + Send + 'static {}

impl<F: FnMut(&mut Out) -> bool + Send + 'static> Entries for F {}

impl Call<'_> {
    /// Answers with a list, the first field of `payload`, which is empty there. Short lists go out in one piece; long
    /// ones in pieces, with their length ahead where it is known: `size` measures the entries as JSON.
    pub(super) fn list<T: Envelope>(
        mut self,
        mut payload: T,
        entries: impl Entries,
        size: impl FnOnce() -> Size,
    ) -> Answer {
        let status = error::status(&self.report.errors);
        self.fill(&mut payload);
        // A payload without list has nothing that could be streamed into it.
        let Some(frame) = frame(&payload, self.version, self.format) else {
            return written(status, self.format, slurm_wire::to_json_in(self.version, &payload));
        };
        let is_partial = self.slice.is_partial();
        let mut writer = Writer {
            entries,
            fields: std::mem::take(&mut self.slice.fields),
            format: self.format,
            frame: Some(frame),
            started: false,
            size: PIECE,
            version: self.version,
            scratch: Out::new(self.version),
            only: Vec::new(),
        };
        let body = match writer.piece() {
            Piece::Last(piece) => Body::from(piece),
            Piece::More(piece) => {
                let length = if is_partial { None } else { writer.length(size) };
                let rest = stream::unfold(Some(writer), |writer| async move {
                    let mut writer = writer?;
                    Some(match writer.piece() {
                        Piece::More(piece) => (Bytes::from(piece), Some(writer)),
                        Piece::Last(piece) => (Bytes::from(piece), None),
                    })
                });
                let pieces = futures_util::StreamExt::chain(stream::iter([Bytes::from(piece)]), rest);
                Body::pieces_of(pieces, length)
            }
        };
        let mut answer = answer(status, self.format.content_type(), body);
        self.slice.mark(answer.headers_mut());
        answer
    }
}

impl Call<'_> {
    /// Answers with a list whose entries are read from disk while it is sent: each piece is made on a thread that may
    /// wait, while the one before it is sent. A client that is slow holds no thread, one that goes away ends it.
    pub(super) async fn list_read<T: Envelope>(mut self, mut payload: T, entries: impl Entries) -> Answer {
        let status = error::status(&self.report.errors);
        self.fill(&mut payload);
        let Some(frame) = frame(&payload, self.version, self.format) else {
            return written(status, self.format, slurm_wire::to_json_in(self.version, &payload));
        };
        let writer = Writer {
            entries,
            fields: std::mem::take(&mut self.slice.fields),
            format: self.format,
            frame: Some(frame),
            started: false,
            size: LARGE_PIECE,
            version: self.version,
            scratch: Out::new(self.version),
            only: Vec::new(),
        };
        let body = match made(making(writer)).await {
            Some((piece, None)) => Body::from(piece.to_vec()),
            Some((piece, next)) => {
                let rest = stream::unfold(next, |next| async move { made(next?).await });
                Body::pieces_of(futures_util::StreamExt::chain(stream::iter([piece]), rest), None)
            }
            None => Body::from(Vec::new()),
        };
        let mut answer = answer(status, self.format.content_type(), body);
        self.slice.mark(answer.headers_mut());
        answer
    }
}

/// A piece, and the writer of those behind it, if it is not the last one.
type Made<E> = (Bytes, Option<Writer<E>>);

/// Makes the next piece where waiting is allowed.
fn making<E: Entries>(mut writer: Writer<E>) -> JoinHandle<Made<E>> {
    tokio::task::spawn_blocking(move || match writer.piece() {
        Piece::More(piece) => (Bytes::from(piece), Some(writer)),
        Piece::Last(piece) => (Bytes::from(piece), None),
    })
}

/// Returns a piece when it is made, and begins to make the one behind it; `None` if that failed, which ends the answer.
async fn made<E: Entries>(piece: JoinHandle<Made<E>>) -> Option<(Bytes, Option<JoinHandle<Made<E>>>)> {
    match piece.await {
        Ok((piece, writer)) => Some((piece, writer.map(making))),
        Err(error) => {
            tracing::error!(%error, "a list could not be made to its end");
            None
        }
    }
}

/// Measures entries by writing them once more.
pub(super) fn measured(version: &'static Version, mut entries: impl Entries) -> Size {
    let (mut size, mut scratch) = (Size::default(), Out::new(version));
    while entries(&mut scratch) {
        size.add(scratch.len());
        scratch.clear();
    }
    size
}

enum Piece {
    More(Vec<u8>),
    Last(Vec<u8>),
}

/// What goes around the entries.
struct Around {
    head: Vec<u8>,
    head_of_nothing: Vec<u8>,
    tail: Vec<u8>,
}

fn frame<T: Envelope>(payload: &T, version: &'static Version, format: Format) -> Option<Around> {
    let frame = Frame::of(version, payload)?;
    Some(match format {
        Format::Json => Around { head_of_nothing: frame.head.clone(), head: frame.head, tail: frame.tail },
        Format::Yaml(_) => {
            let yaml::Frame { head, head_of_nothing, tail } = yaml::Frame::of(&frame).ok()?;
            Around { head, head_of_nothing, tail }
        }
    })
}

struct Writer<E> {
    entries: E,
    /// The fields of entries that are written; empty for all.
    fields: BTreeSet<Vec<u8>>,
    format: Format,
    /// Taken with the last piece.
    frame: Option<Around>,
    started: bool,
    /// Bytes that make a piece full.
    size: usize,
    version: &'static Version,
    /// An entry that does not go out as it is.
    scratch: Out,
    /// An entry with some of its fields.
    only: Vec<u8>,
}

impl<E: Entries> Writer<E> {
    /// Returns the length of the whole body, if it is one of JSON.
    fn length(&self, size: impl FnOnce() -> Size) -> Option<u64> {
        let frame = self.frame.as_ref().filter(|_| self.format == Format::Json)?;
        let Size { entries, bytes } = size();
        let around =
            frame.tail.len() + if entries == 0 { frame.head_of_nothing.len() } else { frame.head.len() };
        Some(bytes + entries.saturating_sub(1) + around as u64)
    }

    fn piece(&mut self) -> Piece {
        let mut piece = Out::after(Vec::with_capacity(self.size + SPARE), self.version);
        while piece.len() < self.size {
            if !self.entry(&mut piece) {
                if let Some(frame) = self.frame.take() {
                    if !self.started {
                        piece.extend_from_slice(&frame.head_of_nothing);
                    }
                    piece.extend_from_slice(&frame.tail);
                }
                return Piece::Last(piece.into_bytes());
            }
        }
        Piece::More(piece.into_bytes())
    }

    /// Adds the next entry, if there is one.
    fn entry(&mut self, piece: &mut Out) -> bool {
        let before = piece.len();
        match (&self.frame, self.started) {
            (Some(frame), false) => piece.extend_from_slice(&frame.head),
            _ if self.format == Format::Json => piece.push(b','),
            _ => {}
        }
        let is_written = match (self.format, self.fields.is_empty()) {
            (Format::Json, true) => (self.entries)(piece),
            _ => {
                self.scratch.clear();
                (self.entries)(&mut self.scratch) && {
                    self.changed_entry(piece);
                    true
                }
            }
        };
        if !is_written {
            piece.truncate(before);
        }
        self.started |= is_written;
        is_written
    }

    /// Adds what was written aside with some of its fields, or in another format.
    fn changed_entry(&mut self, piece: &mut Out) {
        let entry: &[u8] = if self.fields.is_empty() {
            &self.scratch
        } else {
            self.only.clear();
            versions::write_only(&self.scratch, |name| self.fields.contains(name), &mut self.only);
            &self.only
        };
        match self.format {
            Format::Json => piece.extend_from_slice(entry),
            Format::Yaml(_) => {
                // What was written as JSON a moment ago is JSON.
                if let Err(error) = yaml::Frame::write_entry(entry, piece) {
                    tracing::error!(%error, "an entry of a list could not be written as YAML");
                }
            }
        }
    }
}
