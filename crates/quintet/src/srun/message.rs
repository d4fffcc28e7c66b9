//! What srun says, in srun's words.

use slurm_wire::hostlist;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use supervise::Status;

/// Whether this process's terminal is raw, where a line feed does not return.
static IS_RAW: AtomicBool = AtomicBool::new(false);

/// Says whether the terminal is raw from now on.
pub(super) fn terminal_is_raw(is_raw: bool) {
    IS_RAW.store(is_raw, Ordering::Relaxed);
}

/// Says something on standard error.
pub(super) fn say(text: &str) {
    let end = if IS_RAW.load(Ordering::Relaxed) { "\r\n" } else { "\n" };
    // If nobody can be told, there is nobody to be told that.
    let _ = write!(std::io::stderr().lock(), "srun: {text}{end}");
}

/// Says what went wrong on standard error.
pub(super) fn complain(text: &str) {
    say(&format!("error: {text}"));
}

/// Says what Slurm's daemon on the node says of a step, among what its tasks write.
pub(super) fn stepd_complains(text: &str) {
    let end = if IS_RAW.load(Ordering::Relaxed) { "\r\n" } else { "\n" };
    // If nobody can be told, there is nobody to be told that.
    let _ = write!(std::io::stderr().lock(), "slurmstepd: error: {text}{end}");
}

/// Returns the exit code of a task's end as srun counts it.
pub(super) fn code(status: Status) -> u8 {
    match status {
        Status::Exited(code) => (code & 0xff) as u8,
        Status::Signalled { signal, .. } => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(127)),
    }
}

/// Returns how a task has ended; nothing where it ended well.
pub(super) fn ending(status: Status) -> Option<String> {
    match status {
        Status::Exited(0) => None,
        Status::Exited(code) => Some(format!("Exited with exit code {code}")),
        Status::Signalled { signal, core } => {
            let core = if core { " (core dumped)" } else { "" };
            Some(format!("{}{core}", description(signal)))
        }
    }
}

/// Returns a signal's description, as the C library gives it.
fn description(signal: i32) -> String {
    const DESCRIPTIONS: &[(i32, &str)] = &[
        (1, "Hangup"),
        (2, "Interrupt"),
        (3, "Quit"),
        (4, "Illegal instruction"),
        (5, "Trace/breakpoint trap"),
        (6, "Aborted"),
        (7, "Bus error"),
        (8, "Floating point exception"),
        (9, "Killed"),
        (10, "User defined signal 1"),
        (11, "Segmentation fault"),
        (12, "User defined signal 2"),
        (13, "Broken pipe"),
        (14, "Alarm clock"),
        (15, "Terminated"),
        (16, "Stack fault"),
        (24, "CPU time limit exceeded"),
        (25, "File size limit exceeded"),
        (26, "Virtual timer expired"),
        (27, "Profiling timer expired"),
        (29, "I/O possible"),
        (30, "Power failure"),
        (31, "Bad system call"),
    ];
    let known = DESCRIPTIONS.iter().find(|(number, _)| *number == signal);
    known.map_or_else(|| format!("Unknown signal {signal}"), |(_, text)| (*text).to_owned())
}

/// Names tasks: `task 3`, `tasks 0-1,4`.
pub(super) fn tasks(numbers: &[u32]) -> String {
    let plural = if numbers.len() == 1 { "task" } else { "tasks" };
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    for number in sorted {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let range = |(first, last): &(u32, u32)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    format!("{plural} {}", ranges.iter().map(range).collect::<Vec<_>>().join(","))
}

/// Names the nodes of tasks.
pub(super) fn nodes<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.dedup();
    hostlist::fold(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_told_as_srun_does() {
        let signalled = |signal, core| Status::Signalled { signal, core };
        let check = |status, told: Option<&str>, exit| {
            assert_eq!((ending(status).as_deref(), code(status)), (told, exit), "{status:?}");
        };
        check(Status::Exited(0), None, 0);
        check(Status::Exited(3), Some("Exited with exit code 3"), 3);
        check(signalled(9, false), Some("Killed"), 137);
        check(signalled(11, true), Some("Segmentation fault (core dumped)"), 139);
        check(signalled(40, false), Some("Unknown signal 40"), 168);
    }

    #[test]
    fn tasks_are_named_in_ranges() {
        assert_eq!(tasks(&[3]), "task 3");
        assert_eq!(tasks(&[1, 0, 4, 6, 5]), "tasks 0-1,4-6");
        assert_eq!(nodes(["n1", "n1", "n2"]), "n[1-2]");
    }
}
