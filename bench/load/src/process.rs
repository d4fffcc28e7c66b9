//! Memory and CPU time of a service's processes, from /proc. What several processes share counts once: each of them has
//! its part of it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Which processes belong together.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Family {
    /// A process, all it has started, and its launchers, which live on without it.
    Tree(u32),
    /// Everything in the PID namespace of this process.
    NamespaceOf(u32),
    /// Not to be found out.
    Unknown,
}

/// What one process or several hold and have used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) resident_kb: u64,
    pub(crate) cpu: Duration,
}

impl Family {
    /// Adds up the family; none if nobody can say. The processor time of launchers is not in it: they do what the jobs'
    /// shells would do elsewhere.
    pub(crate) fn usage(self) -> Option<Usage> {
        let members = self.members();
        let mut sum = Usage::default();
        for pid in &members {
            let Some(usage) = of_process(*pid) else { continue };
            sum.resident_kb += usage.resident_kb;
            sum.cpu += usage.cpu;
        }
        if let Self::Tree(root) = self {
            let launchers = launchers(root).into_iter().filter_map(of_process);
            sum.resident_kb += launchers.map(|usage| usage.resident_kb).sum::<u64>();
        }
        (!members.is_empty()).then_some(sum)
    }

    fn members(self) -> Vec<u32> {
        match self {
            Self::Tree(root) => {
                let parents: Vec<_> = all().into_iter().filter_map(|pid| Some((pid, parent(pid)?))).collect();
                let mut members = vec![root];
                let mut at = 0;
                while let Some(member) = members.get(at).copied() {
                    members
                        .extend(parents.iter().filter(|(_, parent)| *parent == member).map(|(pid, _)| *pid));
                    at += 1;
                }
                members
            }
            Self::NamespaceOf(init) => {
                let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
                let Some(wanted) = namespace(init) else { return Vec::new() };
                all().into_iter().filter(|pid| namespace(*pid).as_ref() == Some(&wanted)).collect()
            }
            Self::Unknown => Vec::new(),
        }
    }
}

/// The launchers of a server: its own program in another role. They are nobody's children.
fn launchers(server: u32) -> Vec<u32> {
    let program = |pid: u32| fs::read_link(format!("/proc/{pid}/exe")).ok();
    let is_launcher = |pid: u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).nth(1) == Some(b"launcher")
    };
    let Some(own) = program(server) else { return Vec::new() };
    all().into_iter().filter(|pid| is_launcher(*pid) && program(*pid).as_ref() == Some(&own)).collect()
}

/// The processor time that a process has used.
pub(crate) fn cpu(pid: u32) -> Option<Duration> {
    Some(of_process(pid)?.cpu)
}

/// The processor time of all processes of a name in the PID namespace of a process; none if there is none.
pub(crate) fn cpu_of_named(init: u32, name: &str) -> Option<Duration> {
    let is_it =
        |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name);
    let members: Vec<_> = Family::NamespaceOf(init).members().into_iter().filter(is_it).collect();
    (!members.is_empty()).then(|| members.into_iter().filter_map(cpu).sum())
}

/// The most that a process has held since `forget_peak`, in kB.
pub(crate) fn peak_kb(pid: u32) -> Option<u64> {
    status_kb(pid, "VmHWM:")
}

/// Starts a new count of the most that a process holds.
pub(crate) fn forget_peak(pid: u32) {
    // Without the permission the peak since the start is what there is to report.
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// The name of the user that runs this.
pub(crate) fn user_name() -> Result<String> {
    let id = std::process::Command::new("id").arg("-un").output().context("id -un")?;
    Ok(String::from_utf8_lossy(&id.stdout).trim().to_owned())
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

fn of_process(pid: u32) -> Option<Usage> {
    // User and system time are in ticks, of which Linux reports a hundred a second to every program.
    let stat = stat(pid)?;
    let ticks = stat.get(11)?.parse::<u64>().ok()? + stat.get(12)?.parse::<u64>().ok()?;
    let resident_kb = file_kb(pid, "smaps_rollup", "Pss:").or_else(|| status_kb(pid, "VmRSS:"))?;
    Some(Usage { resident_kb, cpu: Duration::from_millis(ticks * 10) })
}

/// The fields behind the name, which may hold blanks and brackets itself.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

fn status_kb(pid: u32, field: &str) -> Option<u64> {
    file_kb(pid, "status", field)
}

fn file_kb(pid: u32, file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_parent() {
        let usage = Family::Tree(std::process::id()).usage().unwrap();
        assert!(usage.resident_kb > 100);
        assert!(parent(std::process::id()).unwrap() > 0);
        assert!(peak_kb(std::process::id()).unwrap() >= 100);
        assert!(Family::Unknown.usage().is_none());
    }
}
