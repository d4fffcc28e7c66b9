//! Values that are not in the database yet, as they came: a file that is written every second, so that a crash forgets
//! that second at most. Each piece of it has a checksum; what was cut off in the middle is not read.

use domain::monitoring::SeriesKey;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::table::KeyRow;

/// Of a piece: its length and its checksum.
const HEAD: usize = 8;
/// What claims to be longer is broken.
const LONGEST: usize = 1 << 30;

/// Values on their way into a log.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Series that this log has not named before, under their numbers.
    named: Vec<(u32, KeyRow)>,
    /// Values: number of the series, time as difference from the one before, value.
    bytes: Vec<u8>,
    time: i64,
}

#[derive(Serialize, Deserialize)]
struct Names(Vec<(u32, KeyRow)>);

impl Piece {
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.bytes.is_empty()
    }

    /// Says what the number of a series means from now on.
    pub(super) fn name(&mut self, number: u32, key: &SeriesKey) {
        self.named.push((number, KeyRow::of(key)));
    }

    /// Adds a value.
    pub(super) fn add(&mut self, number: u32, time: i64, value: f64) {
        put_number(&mut self.bytes, u64::from(number));
        let apart = time.wrapping_sub(self.time);
        put_number(&mut self.bytes, ((apart << 1) ^ (apart >> 63)) as u64);
        self.bytes.extend(value.to_le_bytes());
        self.time = time;
    }
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// FNV-1a: finds what was not written to its end.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// A log that is being written.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    path: PathBuf,
    written: usize,
}

impl Log {
    /// Makes the log of this number.
    pub(super) fn make(directory: &Path, number: u64) -> io::Result<Self> {
        let path = directory.join(format!("metrics-{number:08}.log"));
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        Ok(Log { file, path, written: 0 })
    }

    /// Writes a piece.
    pub(super) fn write(&mut self, piece: &Piece) -> io::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let names = rmp_serde::to_vec(&Names(piece.named.clone())).map_err(io::Error::other)?;
        let mut body = Vec::with_capacity(names.len() + piece.bytes.len() + HEAD + 4);
        body.extend([0; HEAD]);
        body.extend(u32::try_from(names.len()).map_err(io::Error::other)?.to_le_bytes());
        body.extend(names);
        body.extend(&piece.bytes);
        let (head, rest) = body.split_at_mut(HEAD);
        let length = u32::try_from(rest.len()).map_err(io::Error::other)?;
        let head: &mut [u8] = head;
        head.copy_from_slice(&(u64::from(length) | u64::from(checksum(rest)) << 32).to_le_bytes());
        self.file.write_all(&body)?;
        self.written += body.len();
        Ok(())
    }

    /// Makes what was written safe from power cuts.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Bytes written.
    pub(super) fn len(&self) -> usize {
        self.written
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Finds logs, the oldest first.
pub(super) fn found(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix("metrics-").and_then(|name| name.strip_suffix(".log"));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            logs.push((number, path));
        }
    }
    logs.sort();
    Ok(logs)
}

/// Reads a log: gives each value to `take`. Ends where something was not written to its end.
pub(super) fn replay(path: &Path, mut take: impl FnMut(&SeriesKey, i64, f64)) -> io::Result<()> {
    let mut file = io::BufReader::new(File::open(path)?);
    let mut names: Vec<Option<SeriesKey>> = Vec::new();
    let mut head = [0; HEAD];
    let mut body = Vec::new();
    while file.read_exact(&mut head).is_ok() {
        let head = u64::from_le_bytes(head);
        let (length, sum) = ((head & 0xffff_ffff) as usize, (head >> 32) as u32);
        body.resize(length.min(LONGEST), 0);
        if file.read_exact(&mut body).is_err()
            || checksum(&body) != sum
            || piece(&body, &mut names, &mut take).is_none()
        {
            tracing::warn!(path = %path.display(), "the end of a log of measured values was not written");
            break;
        }
    }
    Ok(())
}

fn piece(
    body: &[u8],
    names: &mut Vec<Option<SeriesKey>>,
    take: &mut impl FnMut(&SeriesKey, i64, f64),
) -> Option<()> {
    let (length, rest) = body.split_first_chunk::<4>()?;
    let (named, mut values) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let Names(named) = rmp_serde::from_slice(named).ok()?;
    for (number, key) in named {
        let at = number as usize;
        if names.len() <= at {
            names.resize(at + 1, None);
        }
        *names.get_mut(at)? = Some(key.key()?);
    }
    let mut time = 0_i64;
    while !values.is_empty() {
        let number = usize::try_from(take_number(&mut values)?).ok()?;
        let apart = take_number(&mut values)?;
        time = time.wrapping_add((apart >> 1) as i64 ^ -((apart & 1) as i64));
        let (value, rest) = values.split_first_chunk::<8>()?;
        values = rest;
        take(names.get(number)?.as_ref()?, time, f64::from_le_bytes(*value));
    }
    Some(())
}
