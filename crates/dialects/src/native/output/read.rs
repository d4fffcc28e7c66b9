//! Reads pieces of a file that somebody else writes to. All of this blocks.

use super::super::from_wire::{From, Range};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Largest piece.
const PIECE: u64 = 128 << 10;
/// How far back lines are looked for.
const FAR_BACK: u64 = 64 << 20;

/// A piece of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it begins.
    pub(super) at: u64,
    /// What it holds; empty where there is nothing more for now.
    pub(super) bytes: Vec<u8>,
}

/// Reads what stands at `at`. A file without end that has become shorter was written anew, and is read from its beginning.
pub(super) fn piece(file: &File, at: u64, until: Option<u64>) -> io::Result<Piece> {
    let length = file.metadata()?.len();
    let at = if length < at && until.is_none() { 0 } else { at };
    let end = until.map_or(length, |until| until.min(length));
    let mut bytes = vec![0; usize::try_from(end.saturating_sub(at).min(PIECE)).unwrap_or(0)];
    let read = read_some(file, &mut bytes, at)?;
    bytes.truncate(read);
    Ok(Piece { at, bytes })
}

/// Returns where output begins in a file that is `length` bytes long.
pub(super) fn start(file: &File, length: u64, from: From) -> io::Result<u64> {
    match from {
        From::Offset(offset) if offset <= length => Ok(offset),
        // The file was written anew since the caller read so far.
        From::Offset(_) => Ok(0),
        From::Tail(lines) => tail(file, length, lines),
    }
}

/// Returns where a part begins and ends in a file that is `length` bytes long; `None` if nothing of it is there.
pub(super) fn part(length: u64, range: Range) -> Option<(u64, u64)> {
    let (start, end) = match range {
        Range::Between(first, last) => {
            (first, last.map_or(length, |last| last.saturating_add(1).min(length)))
        }
        Range::Last(count) => (length.saturating_sub(count), length),
    };
    (start < end).then_some((start, end))
}

/// Returns where the last `lines` lines begin; a last line without an end counts as one. Looks no further back than
/// [`FAR_BACK`].
fn tail(file: &File, length: u64, lines: u64) -> io::Result<u64> {
    if lines == 0 {
        return Ok(length);
    }
    let floor = length.saturating_sub(FAR_BACK);
    let mut ends = 0;
    let mut upto = length;
    let mut bytes = vec![0; usize::try_from(PIECE.min(length)).unwrap_or(0)];
    while upto > floor {
        let from = upto.saturating_sub(PIECE).max(floor);
        let Some(bytes) = bytes.get_mut(..usize::try_from(upto - from).unwrap_or(0)) else { break };
        file.read_exact_at(bytes, from)?;
        for (place, _) in bytes.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = from + place as u64 + 1;
            // The end of the last line is not the end of one before it.
            if after < length {
                ends += 1;
                if ends == lines {
                    return Ok(after);
                }
            }
        }
        upto = from;
    }
    Ok(floor)
}

fn read_some(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(bytes, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn the_last_lines_are_found() {
        let check = |content: &str, lines: u64, wanted: &str| {
            let length = content.len() as u64;
            let start = start(&file(content.as_bytes()), length, From::Tail(lines)).unwrap();
            assert_eq!(&content[usize::try_from(start).unwrap()..], wanted, "{lines} of {content:?}");
        };
        check("", 3, "");
        check("a\nb\nc\n", 0, "");
        check("a\nb\nc\n", 1, "c\n");
        check("a\nb\nc\n", 2, "b\nc\n");
        check("a\nb\nc\n", 3, "a\nb\nc\n");
        check("a\nb\nc\n", 9, "a\nb\nc\n");
        check("a\nb\nc", 1, "c");
        check("a\n\n\n", 2, "\n\n");
        let long = format!("first\n{}\nlast\n", "x".repeat(300_000));
        check(&long, 1, "last\n");
        check(&long, 2, &long["first\n".len()..]);
        check(&long, 3, &long);
    }

    #[test]
    fn a_file_of_one_endless_line_is_not_read_in_full() {
        let sparse = tempfile::tempfile().unwrap();
        let length = FAR_BACK * 4;
        sparse.set_len(length).unwrap();
        assert_eq!(start(&sparse, length, From::Tail(1)).unwrap(), length - FAR_BACK);
    }

    #[test]
    fn parts_lie_within_the_file() {
        for (range, wanted) in [
            (Range::Between(0, Some(3)), Some((0, 4))),
            (Range::Between(8, Some(u64::MAX)), Some((8, 10))),
            (Range::Between(4, None), Some((4, 10))),
            (Range::Last(3), Some((7, 10))),
            (Range::Last(99), Some((0, 10))),
            (Range::Last(0), None),
            (Range::Between(10, None), None),
        ] {
            assert_eq!(part(10, range), wanted, "{range:?}");
        }
    }

    #[test]
    fn pieces_follow_one_another() {
        let content: Vec<u8> = (0..300_000u32).map(|at| at as u8).collect();
        let file = file(&content);
        let mut read = Vec::new();
        loop {
            let piece = piece(&file, read.len() as u64, None).unwrap();
            assert!(piece.bytes.len() as u64 <= PIECE);
            if piece.bytes.is_empty() {
                break;
            }
            read.extend(piece.bytes);
        }
        assert_eq!(read, content);
        assert_eq!(piece(&file, 10, Some(12)).unwrap().bytes, [10, 11]);
        assert_eq!(piece(&file, 12, Some(12)).unwrap().bytes.len(), 0);
    }

    #[test]
    fn a_file_written_anew_is_read_from_its_beginning() {
        let file = file(b"short");
        assert_eq!(piece(&file, 100, None).unwrap(), Piece { at: 0, bytes: b"short".to_vec() });
        assert_eq!(piece(&file, 100, Some(200)).unwrap(), Piece { at: 100, bytes: vec![] });
        assert_eq!(piece(&file, 5, None).unwrap(), Piece { at: 5, bytes: vec![] });
        assert_eq!(start(&file, 5, From::Offset(100)).unwrap(), 0);
        assert_eq!(start(&file, 5, From::Offset(5)).unwrap(), 5);
    }
}
