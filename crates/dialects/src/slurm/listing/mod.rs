//! Long lists, made while they are sent: a hundred thousand jobs never stand in memory as text.

mod parts;
mod writer;

use super::call::{Call, Envelope, written};
use super::error;
use super::kept::Size;
use super::media::Format;
use crate::http::answer::{Answer, Body, answer};
use bytes::Bytes;
use futures_util::stream;
use slurm_wire::envelope::Frame;
use slurm_wire::out::Out;
use slurm_wire::{Version, yaml};
use std::collections::BTreeSet;
use std::sync::Arc;
use writer::Writer;

/// Size of the pieces.
const PIECE: usize = 64 << 10;
/// Room for the entry that makes a piece full.
const SPARE: usize = 8 << 10;

/// Entries of a list, one after the other.
pub(super) trait Entries: Send + 'static {
    /// Appends the next entry as JSON, and says whether there was one.
    fn write(&mut self, out: &mut Out) -> bool;
}

impl<F: FnMut(&mut Out) -> bool + Send + 'static> Entries for F {
    fn write(&mut self, out: &mut Out) -> bool {
        self(out)
    }
}

/// What entries look like.
#[derive(Clone)]
struct Style {
    /// The fields of entries that are written; empty for all.
    fields: Arc<BTreeSet<Vec<u8>>>,
    format: Format,
    version: &'static Version,
}

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
        let Some(around) = Around::of(&payload, self.version, self.format) else {
            return written(status, self.format, slurm_wire::to_json_in(self.version, &payload));
        };
        let is_partial = self.slice.is_partial();
        let mut writer = Writer::of(entries, self.style());
        let mut first = around.begin(PIECE + SPARE, self.version);
        let body = if writer.fill(&mut first, true, PIECE) {
            let length = if is_partial { None } else { around.length(self.format, size) };
            let version = self.version;
            let rest = stream::unfold(Some((writer, around)), move |going_on| async move {
                let (mut writer, around) = going_on?;
                let mut piece = Out::after(Vec::with_capacity(PIECE + SPARE), version);
                let goes_on = writer.fill(&mut piece, false, PIECE);
                if !goes_on {
                    piece.extend_from_slice(&around.tail);
                }
                Some((Bytes::from(piece.into_bytes()), goes_on.then_some((writer, around))))
            });
            let first = stream::iter([Bytes::from(first.into_bytes())]);
            Body::pieces_of(futures_util::StreamExt::chain(first, rest), length)
        } else {
            around.end(&mut first);
            Body::from(first.into_bytes())
        };
        let mut answer = answer(status, self.format.content_type(), body);
        self.slice.mark(answer.headers_mut());
        answer
    }

    fn style(&mut self) -> Style {
        let fields = Arc::new(std::mem::take(&mut self.slice.fields));
        Style { fields, format: self.format, version: self.version }
    }
}

/// Measures entries by writing them once more.
pub(super) fn measured(version: &'static Version, mut entries: impl Entries) -> Size {
    let (mut size, mut scratch) = (Size::default(), Out::new(version));
    while entries.write(&mut scratch) {
        size.add(scratch.len());
        scratch.clear();
    }
    size
}

/// What goes around the entries.
struct Around {
    head: Vec<u8>,
    head_of_nothing: Vec<u8>,
    tail: Vec<u8>,
}

impl Around {
    /// Takes apart what an empty list is in; `None` if there is none.
    fn of<T: Envelope>(payload: &T, version: &'static Version, format: Format) -> Option<Self> {
        let frame = Frame::of(version, payload)?;
        Some(match format {
            Format::Json => {
                Around { head_of_nothing: frame.head.clone(), head: frame.head, tail: frame.tail }
            }
            Format::Yaml(_) => {
                let yaml::Frame { head, head_of_nothing, tail } = yaml::Frame::of(&frame).ok()?;
                Around { head, head_of_nothing, tail }
            }
        })
    }

    /// Returns a piece that begins with the list.
    fn begin(&self, room: usize, version: &'static Version) -> Out {
        let mut piece = Out::after(Vec::with_capacity(room), version);
        piece.extend_from_slice(&self.head);
        piece
    }

    /// Tells whether such a piece has no entries.
    fn is_all(&self, piece: &[u8]) -> bool {
        piece.len() <= self.head.len()
    }

    /// Ends a piece that is the whole list.
    fn end(&self, piece: &mut Vec<u8>) {
        if self.is_all(piece) {
            piece.clear();
            piece.extend_from_slice(&self.head_of_nothing);
        }
        piece.extend_from_slice(&self.tail);
    }

    /// Returns the length of the whole body of a list that has entries, if it is one of JSON.
    fn length(&self, format: Format, size: impl FnOnce() -> Size) -> Option<u64> {
        (format == Format::Json).then(|| {
            let Size { entries, bytes } = size();
            bytes + entries.saturating_sub(1) + (self.head.len() + self.tail.len()) as u64
        })
    }
}
