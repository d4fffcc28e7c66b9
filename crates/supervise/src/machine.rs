//! What machine this is and how busy it is. A file that is missing gives a zero or an empty text, never a failure.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::proc;

/// What does not change while the machine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The host's name without its domain.
    pub hostname: String,
    /// The operating system's name and release, such as `Linux 6.1.0`.
    pub kernel: String,
    /// The distribution, such as `Debian GNU/Linux 12`.
    pub os: String,
    /// The processor's architecture, such as `x86_64`.
    pub architecture: String,
    /// When it started, in seconds since the Unix epoch.
    pub boot_time: i64,
    /// The CPUs that this process may use.
    pub cpus: Vec<u32>,
    /// Processor packages among them; at least one.
    pub sockets: u32,
    /// Cores of each package; at least one.
    pub cores_per_socket: u32,
    /// Hardware threads of each core; at least one.
    pub threads_per_core: u32,
    /// Bytes of memory.
    pub memory: u64,
}

/// How busy the machine is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Mean number of processes that run or wait, over a minute.
    pub one: f64,
    /// The same over five minutes.
    pub five: f64,
    /// The same over fifteen minutes.
    pub fifteen: f64,
    /// Bytes of memory that nothing uses.
    pub free_memory: u64,
    /// Bytes of memory that can be had without swapping.
    pub available_memory: u64,
}

/// The room in a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Bytes altogether.
    pub total: u64,
    /// Bytes that a plain user can still write.
    pub free: u64,
}

/// What this process takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnUsage {
    /// Bytes of resident memory.
    pub rss: u64,
    /// CPU time so far.
    pub cpu: Duration,
    /// Threads.
    pub threads: u32,
    /// Open descriptors.
    pub open_files: u64,
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// Says what machine this is.
pub fn describe() -> Machine {
    let names = rustix::system::uname();
    let text = |name: &std::ffi::CStr| name.to_string_lossy().into_owned();
    let hostname = text(names.nodename());
    let cpus = usable_cpus();
    let (sockets, cores, threads) = shape(&cpus);
    Machine {
        hostname: hostname.split('.').next().unwrap_or_default().to_owned(),
        kernel: format!("{} {}", text(names.sysname()), text(names.release())),
        os: distribution(),
        architecture: text(names.machine()),
        boot_time: read("/proc/stat")
            .lines()
            .find_map(|line| line.strip_prefix("btime ")?.parse().ok())
            .unwrap_or(0),
        cpus,
        sockets,
        cores_per_socket: cores,
        threads_per_core: threads,
        memory: memory("MemTotal:"),
    }
}

fn distribution() -> String {
    let release = read("/etc/os-release");
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or_default().trim_matches('"').to_owned()
}

fn usable_cpus() -> Vec<u32> {
    let Ok(set) = rustix::thread::sched_getaffinity(None) else { return vec![0] };
    let all = 0..rustix::thread::CpuSet::MAX_CPU;
    all.filter(|cpu| set.is_set(*cpu)).filter_map(|cpu| u32::try_from(cpu).ok()).collect()
}

/// Counts packages, cores of each and threads of each; whole numbers even where they are not equal.
fn shape(cpus: &[u32]) -> (u32, u32, u32) {
    let topology = |cpu: u32, file: &str| read(&format!("/sys/devices/system/cpu/cpu{cpu}/topology/{file}"));
    let packages: HashSet<String> = cpus.iter().map(|cpu| topology(*cpu, "physical_package_id")).collect();
    let cores: HashSet<(String, String)> = cpus
        .iter()
        .map(|cpu| match topology(*cpu, "core_id") {
            // Where nothing is said, every CPU is a core.
            core if core.is_empty() => (cpu.to_string(), String::new()),
            core => (topology(*cpu, "physical_package_id"), core),
        })
        .collect();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    let (packages, cores, cpus) = (count(packages.len()), count(cores.len()), count(cpus.len()));
    (packages, (cores / packages).max(1), (cpus / cores).max(1))
}

/// Reads one line of `/proc/meminfo` in bytes.
fn memory(key: &str) -> u64 {
    let text = read("/proc/meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0).saturating_mul(1024)
}

/// Says how busy the machine is.
pub fn load() -> Load {
    let text = read("/proc/loadavg");
    let mut numbers = text.split(' ').map(|word| word.parse().unwrap_or(0.0));
    let mut next = || numbers.next().unwrap_or(0.0);
    Load {
        one: next(),
        five: next(),
        fifteen: next(),
        free_memory: memory("MemFree:"),
        available_memory: memory("MemAvailable:"),
    }
}

/// Says how much room the file system of a path has.
pub fn disk(path: &Path) -> Option<Disk> {
    let facts = rustix::fs::statvfs(path).ok()?;
    Some(Disk {
        total: facts.f_blocks.saturating_mul(facts.f_frsize),
        free: facts.f_bavail.saturating_mul(facts.f_frsize),
    })
}

/// Says what this process takes.
pub fn own_usage() -> OwnUsage {
    let Some(stat) = proc::stat(std::process::id()) else { return OwnUsage::default() };
    let ticks = stat.user_ticks + stat.system_ticks;
    OwnUsage {
        rss: stat.rss_pages.saturating_mul(proc::page_size()),
        cpu: Duration::from_micros(ticks.saturating_mul(1_000_000) / proc::ticks_per_second()),
        threads: stat.threads,
        open_files: fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_makes_sense() {
        let machine = describe();
        assert!(!machine.hostname.is_empty() && machine.kernel.starts_with("Linux "));
        assert!(machine.boot_time > 1_000_000_000 && machine.memory > 0 && !machine.cpus.is_empty());
        let counted = machine.sockets * machine.cores_per_socket * machine.threads_per_core;
        assert!(counted as usize <= machine.cpus.len());
    }

    #[test]
    fn load_disk_and_own_usage_make_sense() {
        let load = load();
        assert!(load.one >= 0.0 && load.available_memory > 0);
        let disk = disk(Path::new("/")).unwrap();
        assert!(disk.free <= disk.total);
        assert_eq!(super::disk(Path::new("/no/such/place")), None);
        let own = own_usage();
        assert!(own.rss > 0 && own.threads > 0 && own.open_files > 2);
    }
}
