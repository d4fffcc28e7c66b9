//! The few facts that are read from `/proc` about processes. Missing files mean that the process is gone.

use std::collections::HashSet;
use std::fs;

/// What `/proc/PID/stat` says, as far as it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessStat {
    pub(crate) state: u8,
    pub(crate) parent: u32,
    pub(crate) session: u32,
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
    /// Of children that it has waited for, and of those they had waited for.
    pub(crate) waited_user_ticks: u64,
    pub(crate) waited_system_ticks: u64,
    pub(crate) threads: u32,
    /// Clock ticks since the machine started.
    pub(crate) start_ticks: u64,
    pub(crate) rss_pages: u64,
    /// As `wait` would give it; filled in once the process is a zombie.
    pub(crate) wait_status: Option<i32>,
}

impl ProcessStat {
    /// Whether the process has ended and only waits for its parent to look.
    pub(crate) fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// Reads what the kernel says about a process; `None` if there is none.
pub(crate) fn stat(pid: u32) -> Option<ProcessStat> {
    parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads the text of `/proc/PID/stat`.
pub(crate) fn parse_stat(text: &[u8]) -> Option<ProcessStat> {
    // The name in brackets may itself hold brackets and blanks, so count from the last one.
    let after_name = text.iter().rposition(|byte| *byte == b')')? + 1;
    let text = std::str::from_utf8(text.get(after_name..)?).ok()?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    // Numbers are those of proc(5), where the state is field 3.
    let field = |number: usize| fields.get(number - 3).copied();
    let number = |index: usize| field(index)?.parse::<u64>().ok();
    Some(ProcessStat {
        state: field(3)?.bytes().next()?,
        parent: u32::try_from(number(4)?).ok()?,
        session: u32::try_from(number(6)?).unwrap_or(0),
        user_ticks: number(14)?,
        system_ticks: number(15)?,
        // Signed in the manual, and never negative.
        waited_user_ticks: number(16).unwrap_or(0),
        waited_system_ticks: number(17).unwrap_or(0),
        threads: u32::try_from(number(20)?).unwrap_or(0),
        start_ticks: number(22)?,
        rss_pages: number(24)?,
        wait_status: field(52).and_then(|text| text.parse().ok()),
    })
}

/// Returns the children of a process, of all its threads.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return found };
    for thread in threads.flatten() {
        if let Ok(text) = fs::read_to_string(thread.path().join("children")) {
            found.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<u32>().ok()));
        }
    }
    found
}

/// Adds to these processes all that descend from them; the dead are left out.
pub(crate) fn with_descendants(roots: impl Iterator<Item = u32>) -> Vec<u32> {
    let all = family(roots).into_iter();
    all.filter(|pid| stat(*pid).is_some_and(|stat| !stat.is_zombie())).collect()
}

/// Adds to these processes all that descend from them, the dead that nobody has waited for among them.
pub(crate) fn family(roots: impl Iterator<Item = u32>) -> Vec<u32> {
    let own = std::process::id();
    let mut seen = HashSet::new();
    let mut open: Vec<u32> = roots.filter(|pid| *pid > 1 && *pid != own).collect();
    while let Some(pid) = open.pop() {
        if seen.insert(pid) {
            open.extend(children(pid));
        }
    }
    seen.into_iter().collect()
}

/// Whether the environment a process was started with holds this `NAME=value`.
pub(crate) fn has_variable(pid: u32, assignment: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == assignment)
}

/// Lists all processes that this process can see.
pub(crate) fn all() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Identifies this start of the machine; empty where the kernel does not say.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// How many clock ticks of `/proc` make a second.
pub(crate) fn ticks_per_second() -> u64 {
    // SAFETY: sysconf only reads a constant.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).ok().filter(|ticks| *ticks > 0).unwrap_or(100)
}

/// The size of a page in bytes.
pub(crate) fn page_size() -> u64 {
    // SAFETY: sysconf only reads a constant.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok().filter(|size| *size > 0).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_confuse() {
        let text = b"12 (a) R 9 (b)) S 7 12 12 0 -1 4194560 1 0 0 0 3 4 5 6 20 0 2 0 99 1000 25 1 \
                     0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 256\n";
        let stat = parse_stat(text).unwrap();
        assert_eq!((stat.state, stat.parent, stat.session), (b'S', 7, 12));
        assert_eq!((stat.user_ticks, stat.system_ticks, stat.threads), (3, 4, 2));
        assert_eq!((stat.waited_user_ticks, stat.waited_system_ticks), (5, 6));
        assert_eq!((stat.start_ticks, stat.rss_pages, stat.wait_status), (99, 25, Some(256)));
    }

    #[test]
    fn nonsense_is_nothing() {
        for text in [&b""[..], b"12", b"12 (a)", b"12 (a) S", b")"] {
            assert_eq!(parse_stat(text), None);
        }
    }

    #[test]
    fn this_process_is_there() {
        let own = stat(std::process::id()).unwrap();
        assert!(!own.is_zombie());
        assert!(all().contains(&std::process::id()));
    }
}
