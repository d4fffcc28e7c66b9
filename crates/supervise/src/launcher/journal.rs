//! What a launcher writes down so that its successor knows: which runs were started, how they ended, which of them
//! are no longer of interest. Lines of text, appended; they survive the launcher and the server, not a power cut.
//!
//! Every line is written with a line break before and after it and a dot at its end, so that one that was torn by a
//! full disk spoils no other. The child itself writes the line of its start before it executes anything: no program
//! ever runs that is not written down.

mod line;

pub(super) use line::{Record, Start, StartLine, booted_for};

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::proc;
use crate::report::FoundState;
use crate::run::RunId;
use crate::steps::StepEnded;

/// The size from which it is looked whether rewriting would pay.
const WORTH_REWRITING: u64 = 256 << 10;
/// About the bytes that a run of interest takes.
const BYTES_PER_RUN: u64 = 200;

/// A launcher's own journal.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    size: u64,
    unsaved: Vec<u8>,
}

/// What the journal says about one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remembered {
    pub(super) start: Option<Start>,
    /// One of the final states, or nothing if it was running when the journal stopped.
    pub(super) end: Option<FoundState>,
}

/// What the journal says about one step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RememberedStep {
    pub(super) run: RunId,
    pub(super) ticket: u64,
    pub(super) step: u32,
    /// Nothing if it lived when the journal stopped.
    pub(super) ended: Option<Box<StepEnded>>,
}

impl RememberedStep {
    /// The records that say the same.
    pub(super) fn records(&self) -> Vec<Record> {
        let Self { run, ticket, step, ended } = self.clone();
        vec![match ended {
            Some(ended) => Record::StepOver { run, ticket, step, ended },
            None => Record::StepBegan { run, ticket, step },
        }]
    }
}

/// What was read from an earlier launcher's journal.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Memory {
    pub(super) runs: HashMap<RunId, Remembered>,
    pub(super) steps: Vec<RememberedStep>,
    /// Whether the machine has been restarted since, so that process numbers mean nothing.
    pub(super) other_boot: bool,
}

impl Journal {
    /// Reads the journal in this folder, if there is one, and goes on with a tidied copy.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Memory)> {
        let path = folder.join("journal");
        let boot = proc::boot_id();
        let memory = match fs::read(&path) {
            Ok(bytes) => recall(&bytes, &boot),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Memory::default(),
            Err(error) => return Err(error),
        };
        let runs = memory.runs.iter().flat_map(|(run, known)| records(*run, known));
        let records: Vec<Record> =
            runs.chain(memory.steps.iter().flat_map(RememberedStep::records)).collect();
        let file = rewrite(&path, &boot, &records).or_else(|error| {
            // On a full disk the old file serves as well: the runs in it must be watched.
            let is_good = !memory.other_boot && !memory.runs.is_empty();
            if is_good { OpenOptions::new().append(true).open(&path) } else { Err(error) }
        })?;
        let size = file.metadata()?.len();
        Ok((Self { path, file, size, unsaved: Vec::new() }, memory))
    }

    /// Adds a record to those that the next `save` writes.
    pub(super) fn add(&mut self, record: &Record) {
        record.write(&mut self.unsaved);
    }

    /// Writes what was added. On failure it is kept for the next time; a line of which only a part was written is
    /// written again as a whole, as children may write theirs after that part.
    pub(super) fn save(&mut self) -> io::Result<()> {
        while !self.unsaved.is_empty() {
            let count = self.file.write(&self.unsaved)?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.size += count as u64;
            self.unsaved.drain(..whole_lines(&self.unsaved, count));
        }
        Ok(())
    }

    /// Whether everything that was added has been written.
    pub(super) fn is_saved(&self) -> bool {
        self.unsaved.is_empty()
    }

    /// Counts a line that a child has written.
    pub(super) fn grew(&mut self) {
        self.size += BYTES_PER_RUN / 2;
    }

    /// Removes the file of a launcher that has nothing to hand down.
    pub(super) fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }

    /// Where children write their line.
    pub(super) fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Whether most of the file is about runs that nobody asks for.
    pub(super) fn is_worth_rewriting(&self, runs: usize) -> bool {
        self.size > WORTH_REWRITING && self.size / 4 > runs as u64 * BYTES_PER_RUN
    }

    /// Replaces the file by one with these records only. They must hold the starts of children that may not have
    /// written their own line yet, as it would go to the old file.
    pub(super) fn rewrite(&mut self, records: &[Record]) -> io::Result<()> {
        self.file = rewrite(&self.path, &proc::boot_id(), records)?;
        self.size = self.file.metadata()?.len();
        self.unsaved.clear();
        Ok(())
    }
}

/// The records that say the same as this memory.
pub(super) fn records(run: RunId, known: &Remembered) -> Vec<Record> {
    let start = known.start.clone().map(|start| Record::Started { run, start });
    let end = known.end.clone().map(|end| Record::Over { run, end });
    start.into_iter().chain(end).collect()
}

fn rewrite(path: &Path, boot: &str, records: &[Record]) -> io::Result<File> {
    let mut text = format!("quintet-journal 1 {boot}\n").into_bytes();
    records.iter().for_each(|record| record.write(&mut text));
    let fresh = path.with_extension("new");
    let replaced = write_fresh(&fresh, &text).and_then(|file| fs::rename(&fresh, path).map(|()| file));
    if replaced.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    replaced
}

fn write_fresh(fresh: &Path, text: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(fresh)?;
    file.write_all(text)?;
    // Reopened, as a file cannot both be emptied and only be appended to.
    OpenOptions::new().append(true).open(fresh)
}

/// Returns how much of these lines, of which so many bytes were written, need not be written again: all before the
/// line break that the first unfinished line begins with.
fn whole_lines(lines: &[u8], written: usize) -> usize {
    let written = lines.get(..written).unwrap_or(lines);
    match written.len() == lines.len() {
        true => lines.len(),
        false => written.iter().rposition(|byte| *byte == b'\n').unwrap_or(0),
    }
}

/// Sums up a journal. Lines that cannot be read are those that were torn; they say nothing.
fn recall(bytes: &[u8], boot: &str) -> Memory {
    let mut memory = Memory::default();
    let mut steps = BTreeMap::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        if number == 0 {
            memory.other_boot = line.split(' ').nth(2).is_none_or(|known| known != boot);
        }
        match Record::read(line) {
            Some(Record::Started { run, start }) => memory.runs.entry(run).or_default().start = Some(start),
            Some(Record::Over { run, end }) => memory.runs.entry(run).or_default().end = Some(end),
            Some(Record::Forgotten { run }) => drop(memory.runs.remove(&run)),
            Some(Record::StepBegan { run, ticket, step }) => {
                steps.insert(ticket, RememberedStep { run, ticket, step, ended: None });
            }
            Some(Record::StepOver { run, ticket, step, ended }) => {
                steps.insert(ticket, RememberedStep { run, ticket, step, ended: Some(ended) });
            }
            Some(Record::StepForgotten { ticket, .. }) => drop(steps.remove(&ticket)),
            None => {}
        }
    }
    steps.retain(|_, step: &mut RememberedStep| memory.runs.contains_key(&step.run));
    memory.steps = steps.into_values().collect();
    memory
}

#[cfg(test)]
mod tests;
