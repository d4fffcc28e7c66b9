//! Entries of a list on their way into pieces: as they are, with some of their fields, or in another format.

use super::{Entries, Style};
use crate::slurm::media::Format;
use slurm_wire::out::Out;
use slurm_wire::{versions, yaml};

/// Writes entries.
pub(super) struct Writer<E> {
    entries: E,
    style: Style,
    /// An entry that does not go out as it is.
    scratch: Out,
    /// An entry with some of its fields.
    only: Vec<u8>,
}

impl<E: Entries> Writer<E> {
    /// Makes one that has written nothing yet.
    pub(super) fn of(entries: E, style: Style) -> Self {
        let scratch = Out::new(style.version);
        Writer { entries, style, scratch, only: Vec::new() }
    }

    /// Adds entries until there are no more, or until the piece has `size` bytes, and says whether there may be more.
    /// Before the `first` one goes no comma.
    pub(super) fn fill(&mut self, piece: &mut Out, mut first: bool, size: usize) -> bool {
        while piece.len() < size {
            if !self.entry(piece, first) {
                return false;
            }
            first = false;
        }
        true
    }

    /// Adds the next entry, if there is one.
    fn entry(&mut self, piece: &mut Out, first: bool) -> bool {
        let before = piece.len();
        if self.style.format == Format::Json && !first {
            piece.push(b',');
        }
        let is_written = match (self.style.format, self.style.fields.is_empty()) {
            (Format::Json, true) => self.entries.write(piece),
            _ => {
                self.scratch.clear();
                self.entries.write(&mut self.scratch) && {
                    self.changed_entry(piece);
                    true
                }
            }
        };
        if !is_written {
            piece.truncate(before);
        }
        is_written
    }

    /// Adds what was written aside with some of its fields, or in another format.
    fn changed_entry(&mut self, piece: &mut Out) {
        let entry: &[u8] = if self.style.fields.is_empty() {
            &self.scratch
        } else {
            self.only.clear();
            versions::write_only(&self.scratch, |name| self.style.fields.contains(name), &mut self.only);
            &self.only
        };
        match self.style.format {
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
