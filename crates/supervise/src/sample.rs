//! What a run takes at this moment, read from its control group and from `/proc` in the caller's thread.

use std::fs;
use std::time::Duration;

use crate::cgroup::RunFolder;
use crate::proc;
use crate::run::UnixMicros;

/// What a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When this was read.
    pub at: UnixMicros,
    /// CPU time in programs so far; without a control group that of the living processes only.
    pub cpu_user: Duration,
    /// CPU time in the kernel so far, with the same restriction.
    pub cpu_system: Duration,
    /// Bytes of memory, page cache included where memory is controlled; otherwise the same as `rss`.
    pub memory: u64,
    /// Bytes of resident memory of all living processes together.
    pub rss: u64,
    /// Living processes.
    pub processes: u32,
    /// Their threads.
    pub threads: u32,
    /// Bytes that living processes had read from storage.
    pub read_bytes: u64,
    /// Bytes that living processes had written to storage.
    pub written_bytes: u64,
    /// For how long something had to wait.
    pub pressure: Option<Pressure>,
}

/// For how long altogether some of a run was stalled for want of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressure {
    /// For want of a CPU.
    pub cpu: Duration,
    /// For want of memory.
    pub memory: Duration,
    /// For want of input and output.
    pub io: Duration,
}

/// Samples a run by its control group if it has one, else by its first process and the descendants of that.
pub(crate) fn sample(folder: Option<&RunFolder>, leader: u32) -> Option<Sample> {
    let processes = match folder.filter(|folder| folder.tracks()) {
        Some(folder) => folder.processes(),
        None => proc::with_descendants(std::iter::once(leader)),
    };
    let mut sample = sum(&processes);
    if sample.processes == 0 {
        return None;
    }
    if let Some((user, system)) = folder.and_then(RunFolder::cpu_time) {
        (sample.cpu_user, sample.cpu_system) = (user, system);
    }
    sample.memory = folder.and_then(RunFolder::memory).unwrap_or(sample.rss);
    sample.pressure = folder.and_then(pressure);
    Some(sample)
}

fn pressure(folder: &RunFolder) -> Option<Pressure> {
    Some(Pressure {
        cpu: folder.stalled("cpu")?,
        memory: folder.stalled("memory")?,
        io: folder.stalled("io")?,
    })
}

fn sum(processes: &[u32]) -> Sample {
    let ticks =
        |count: u64| Duration::from_micros(count.saturating_mul(1_000_000) / proc::ticks_per_second());
    let mut sample = Sample {
        at: UnixMicros::now(),
        cpu_user: Duration::ZERO,
        cpu_system: Duration::ZERO,
        memory: 0,
        rss: 0,
        processes: 0,
        threads: 0,
        read_bytes: 0,
        written_bytes: 0,
        pressure: None,
    };
    for pid in processes {
        let Some(stat) = proc::stat(*pid) else { continue };
        sample.processes += 1;
        sample.threads += stat.threads;
        sample.rss += stat.rss_pages.saturating_mul(proc::page_size());
        sample.cpu_user += ticks(stat.user_ticks);
        sample.cpu_system += ticks(stat.system_ticks);
        let (read, written) = storage(*pid);
        sample.read_bytes += read;
        sample.written_bytes += written;
    }
    sample
}

/// Bytes that a process had read from and written to storage; zeros where that is not for us to see.
fn storage(pid: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let value = |key| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok()).unwrap_or(0);
    (value("read_bytes:"), value("write_bytes:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_gone_has_no_sample() {
        assert_eq!(sample(None, u32::MAX), None);
    }

    #[test]
    fn a_living_process_has_threads_and_memory() {
        let sample = sum(&[std::process::id()]);
        assert_eq!(sample.processes, 1);
        assert!(sample.threads >= 1 && sample.rss > 0);
    }
}
