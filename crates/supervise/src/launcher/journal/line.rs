//! The lines of the journal, there and back.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::report::{Ended, FoundState, StartFailure, Status, Step, Usage};
use crate::run::{RunId, UnixMicros};
use crate::steps::StepEnded;
use crate::wire::{Code, Reader};

/// One thing written down.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::launcher) enum Record {
    Started {
        run: RunId,
        start: Start,
    },
    Over {
        run: RunId,
        end: FoundState,
    },
    Forgotten {
        run: RunId,
    },
    /// A step was granted; its tasks may begin.
    StepBegan {
        run: RunId,
        ticket: u64,
        step: u32,
    },
    StepOver {
        run: RunId,
        ticket: u64,
        step: u32,
        ended: Box<StepEnded>,
    },
    StepForgotten {
        run: RunId,
        ticket: u64,
    },
}

/// What must be known of a run to find it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::launcher) struct Start {
    pub(in crate::launcher) pid: u32,
    /// Microseconds since the machine started, read while the process existed: no later holder of its number is as
    /// old as that.
    pub(in crate::launcher) booted_for: u64,
    pub(in crate::launcher) at: UnixMicros,
    /// The control groups it is in, as `RunFolder::trees`.
    pub(in crate::launcher) trees: u32,
    pub(in crate::launcher) script: Option<PathBuf>,
    /// Whether the script's folder was made for it.
    pub(in crate::launcher) made_folder: bool,
    /// The user's number.
    pub(in crate::launcher) owner: u32,
}

const PID_DIGITS: usize = 10;
const TIME_DIGITS: usize = 20;

/// The line of a start, ready but for what only the child knows.
#[derive(Clone, Debug)]
pub(in crate::launcher) struct StartLine {
    bytes: Vec<u8>,
    pid_at: usize,
    time_at: usize,
}

impl StartLine {
    /// Makes the line with room for process number and time.
    pub(in crate::launcher) fn new(run: RunId, start: &Start) -> Self {
        let mut bytes = format!("\nS {} {} ", run.key, run.attempt).into_bytes();
        let pid_at = bytes.len();
        let _ = write!(bytes, "{:0PID_DIGITS$} ", start.pid);
        let time_at = bytes.len();
        let _ = write!(bytes, "{:0TIME_DIGITS$} {} ", start.booted_for, start.at.0);
        let _ = write!(bytes, "{} {} ", start.trees, u8::from(start.made_folder));
        put_path(start.script.as_deref(), &mut bytes);
        let _ = write!(bytes, " {}", start.owner);
        bytes.extend_from_slice(b" .\n");
        Self { bytes, pid_at, time_at }
    }

    /// Fills in the calling process and the present. Async-signal-safe.
    pub(in crate::launcher) fn fill(&mut self) -> &[u8] {
        // SAFETY: getpid takes nothing and cannot fail.
        let pid = unsafe { libc::getpid() };
        put_digits(self.bytes.get_mut(self.pid_at..self.pid_at + PID_DIGITS), pid as u64);
        put_digits(self.bytes.get_mut(self.time_at..self.time_at + TIME_DIGITS), booted_for());
        &self.bytes
    }
}

/// Reads for how many microseconds the machine has been running. Async-signal-safe.
pub(in crate::launcher) fn booted_for() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime writes only to the timespec it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut now) };
    (now.tv_sec as u64).wrapping_mul(1_000_000).wrapping_add(now.tv_nsec as u64 / 1000)
}

/// Writes a number with leading zeros, without allocating.
fn put_digits(field: Option<&mut [u8]>, mut number: u64) {
    for digit in field.unwrap_or_default().iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl Record {
    /// Appends the line.
    pub(in crate::launcher) fn write(&self, out: &mut Vec<u8>) {
        let _ = match self {
            Self::Started { run, start } => {
                out.extend_from_slice(&StartLine::new(*run, start).bytes);
                return;
            }
            Self::Forgotten { run } => write!(out, "\nF {} {}", run.key, run.attempt),
            Self::Over { run, end } => put_end(*run, end, out),
            Self::StepBegan { run, ticket, step } => {
                write!(out, "\nT {} {} {ticket} {step}", run.key, run.attempt)
            }
            Self::StepOver { run, ticket, step, ended } => {
                write!(out, "\nU {} {} {ticket} {step} {}", run.key, run.attempt, hex(ended))
            }
            Self::StepForgotten { run, ticket } => {
                write!(out, "\nG {} {} {ticket}", run.key, run.attempt)
            }
        };
        out.extend_from_slice(b" .\n");
    }

    /// Reads a line; torn and unknown ones are `None`.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut words = Words(line.strip_suffix(" .")?.split(' '));
        let kind = words.word()?;
        let run = RunId { key: words.number()?, attempt: words.number()? };
        let record = match kind {
            "S" => Self::Started { run, start: read_start(&mut words)? },
            "X" => Self::Over {
                run,
                end: FoundState::FailedToStart {
                    failure: StartFailure {
                        step: Step::from_number(words.number()?)?,
                        errno: words.number()?,
                    },
                    at: words.time()?,
                    hook_failed: words.later_flag(),
                },
            },
            "V" => Self::Over { run, end: FoundState::Vanished { at: words.time()? } },
            "E" => Self::Over { run, end: FoundState::Ended(read_ended(&mut words)?) },
            "F" => Self::Forgotten { run },
            "T" => Self::StepBegan { run, ticket: words.number()?, step: words.number()? },
            "U" => Self::StepOver {
                run,
                ticket: words.number()?,
                step: words.number()?,
                ended: Box::new(unhex(words.word()?)?),
            },
            "G" => Self::StepForgotten { run, ticket: words.number()? },
            _ => return None,
        };
        words.word().is_none().then_some(record)
    }
}

fn put_end(run: RunId, end: &FoundState, out: &mut Vec<u8>) -> std::io::Result<()> {
    let RunId { key, attempt } = run;
    match end {
        FoundState::FailedToStart { failure, hook_failed, at } => {
            let (step, errno, failed) = (failure.step as u8, failure.errno, u8::from(*hook_failed));
            write!(out, "\nX {key} {attempt} {step} {errno} {} {failed}", at.0)
        }
        FoundState::Vanished { at } => write!(out, "\nV {key} {attempt} {}", at.0),
        FoundState::Ended(ended) => {
            let (kind, code) = match ended.status {
                Status::Exited(code) => ("exited", code),
                Status::Signalled { signal, core: false } => ("signal", signal),
                Status::Signalled { signal, core: true } => ("core", signal),
            };
            let optional = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
            write!(
                out,
                "\nE {key} {attempt} {} {} {} {kind} {code} {} {} {} {} {} {} {} {} {} {}",
                ended.pid,
                ended.started_at.0,
                ended.at.0,
                ended.usage.user.as_micros(),
                ended.usage.system.as_micros(),
                ended.usage.max_rss,
                u8::from(ended.over_memory),
                u8::from(ended.left_behind),
                u8::from(ended.hook_failed),
                optional(ended.usage.memory_peak),
                ended.usage.read_bytes,
                ended.usage.written_bytes,
                optional(ended.usage.energy),
            )
        }
        // Not ends: there is nothing to remember beyond the start.
        FoundState::Starting | FoundState::Running { .. } => Ok(()),
    }
}

fn read_start(words: &mut Words<'_>) -> Option<Start> {
    Some(Start {
        pid: words.number()?,
        booted_for: words.number()?,
        at: words.time()?,
        trees: words.number()?,
        made_folder: words.flag()?,
        script: read_path(words.word()?)?,
        // Launchers that knew no steps did not write it.
        owner: words.number().unwrap_or(0),
    })
}

/// Writes a step's end as one word.
fn hex(ended: &StepEnded) -> String {
    let mut bytes = Vec::new();
    ended.put(&mut bytes);
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
        text
    })
}

fn unhex(word: &str) -> Option<StepEnded> {
    let digits = word.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes = digits.map(byte).collect::<Option<Vec<u8>>>()?;
    Reader::whole(&bytes)
}

fn read_ended(words: &mut Words<'_>) -> Option<Ended> {
    let mut ended = Ended {
        pid: words.number()?,
        started_at: words.time()?,
        at: words.time()?,
        status: match (words.word()?, words.number()?) {
            ("exited", code) => Status::Exited(code),
            ("signal", signal) => Status::Signalled { signal, core: false },
            ("core", signal) => Status::Signalled { signal, core: true },
            _ => return None,
        },
        usage: Usage {
            user: Duration::from_micros(words.number()?),
            system: Duration::from_micros(words.number()?),
            max_rss: words.number()?,
            ..Usage::default()
        },
        over_memory: words.flag()?,
        left_behind: words.flag()?,
        hook_failed: words.later_flag(),
    };
    // Lines of earlier versions end here, or before.
    ended.usage.memory_peak = words.number();
    ended.usage.read_bytes = words.number().unwrap_or(0);
    ended.usage.written_bytes = words.number().unwrap_or(0);
    ended.usage.energy = words.number();
    Some(ended)
}

/// The words of a line, one after the other.
struct Words<'a>(std::str::Split<'a, char>);

impl<'a> Words<'a> {
    fn word(&mut self) -> Option<&'a str> {
        self.0.next()
    }
    fn number<T: FromStr>(&mut self) -> Option<T> {
        self.word()?.parse().ok()
    }
    fn time(&mut self) -> Option<UnixMicros> {
        self.number().map(UnixMicros)
    }
    fn flag(&mut self) -> Option<bool> {
        self.number::<u8>().map(|number| number != 0)
    }
    /// A flag that earlier versions did not write.
    fn later_flag(&mut self) -> bool {
        self.flag().unwrap_or(false)
    }
}

/// Writes a path as one word: `-` for none, `%41` for whatever is not a plain character.
fn put_path(path: Option<&Path>, out: &mut Vec<u8>) {
    let Some(path) = path else { return out.push(b'-') };
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_graphic() && *byte != b'%' {
            out.push(*byte);
        } else {
            let _ = write!(out, "%{byte:02x}");
        }
    }
}

fn read_path(word: &str) -> Option<Option<PathBuf>> {
    if word == "-" {
        return Some(None);
    }
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = rest.get(2..)?;
        } else {
            bytes.push(*byte);
        }
    }
    Some(Some(PathBuf::from(OsString::from_vec(bytes))))
}
