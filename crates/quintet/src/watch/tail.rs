//! What tasks write to files themselves: read from there, for those who look on. Nothing is done while nobody does.

use super::frame::{Frame, Place};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// How much is read in one go, and how often in a turn: a task that writes faster is caught up with later.
const PIECE: usize = 64 << 10;
const PIECES: usize = 16;

/// A file that tasks write to.
#[derive(Debug)]
pub(crate) struct Source {
    file: OwnedFd,
    /// The one task that writes there, if it is one.
    task: Option<u32>,
    place: Place,
    /// Where it ended when the step began.
    begin: u64,
    /// The file system it is in, and its number there.
    identity: (u64, u64),
}

impl Source {
    /// Takes note of a file and its present end; nothing of what cannot be read from a place in it.
    pub(crate) fn of(file: &impl AsFd, task: Option<u32>, place: Place) -> Option<Source> {
        let stat = rustix::fs::fstat(file.as_fd()).ok()?;
        let is_file = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
        let begin = u64::try_from(stat.st_size).ok()?;
        let file = file.as_fd().try_clone_to_owned().ok()?;
        let identity = (stat.st_dev, stat.st_ino);
        is_file.then_some(Source { file, task, place, begin, identity })
    }

    /// Tells whether two are of one file.
    pub(crate) fn is_of_same_file(&self, other: &Source) -> bool {
        self.identity == other.identity
    }

    /// Takes in who else writes there. Of two streams in one file it cannot be told which wrote what.
    pub(crate) fn join(&mut self, other: &Source) {
        self.task = self.task.filter(|task| other.task == Some(*task));
    }

    /// Opens it for reading.
    pub(super) fn tail(&self) -> io::Result<Tail> {
        // By this way a file is found whose name is gone.
        let file = File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))?;
        Ok(Tail { file, at: self.begin, task: self.task, place: self.place })
    }
}

/// A file that is read as it grows.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    at: u64,
    task: Option<u32>,
    place: Place,
}

impl Tail {
    /// Returns what has been written since the last look, or a part of it; nothing if nothing has.
    pub(super) fn more(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        // One that was cut is read from its new end on, as if the rest had never been.
        let end = self.file.metadata().map_or(0, |file| file.len());
        self.at = self.at.min(end);
        while frames.len() < PIECES {
            let mut bytes = vec![0; PIECE];
            let Ok(count @ 1..) = self.file.read_at(&mut bytes, self.at) else { break };
            bytes.truncate(count);
            self.at += count as u64;
            frames.push(Frame::Written { task: self.task, place: self.place, bytes });
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_comes_after_the_beginning_is_read() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before\n").unwrap();
        let source = Source::of(&file, Some(3), Place::Error).unwrap();
        let mut tail = source.tail().unwrap();
        assert_eq!(tail.more(), []);
        file.write_all(b"after\n").unwrap();
        let wanted = Frame::Written { task: Some(3), place: Place::Error, bytes: b"after\n".to_vec() };
        assert_eq!((tail.more(), tail.more()), (vec![wanted], vec![]));
        file.set_len(2).unwrap();
        assert_eq!(tail.more(), []);
        let (_reader, pipe) = io::pipe().unwrap();
        assert!(Source::of(&pipe, None, Place::Output).is_none());
    }
}
