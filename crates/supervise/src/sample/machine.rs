//! The machine: its CPUs, memory, disks, network, energy and GPUs. What is counted up begins with the machine, energy
//! with the gauge.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::gpu::{GpuSample, Gpus};
use super::power::{Taker, Zones};
use super::{Memory, Page, Pressure, Storage, kernel};
use crate::proc;
use crate::run::UnixMicros;

/// What the machine does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineSample {
    /// When this was read.
    pub at: UnixMicros,
    /// Mean number of processes that run or wait, over a minute.
    pub load: Option<f64>,
    /// Times of each CPU so far, in ascending order of their numbers.
    pub threads: Vec<ThreadTimes>,
    /// Its memory.
    pub memory: Option<Memory>,
    /// Of all disks together so far.
    pub storage: Option<Storage>,
    /// Bytes received and sent so far by all network devices together, the loop left out.
    pub network: Option<(u64, u64)>,
    /// Context switches so far.
    pub switches: Option<u64>,
    /// For how long somebody had to wait.
    pub pressure: Pressure,
    /// Megahertz of each CPU at this moment.
    pub clocks: Vec<(u32, f64)>,
    /// Microjoules of each processor package so far.
    pub package_energy: Vec<(u32, u64)>,
    /// Microjoules of the memory of each processor package so far.
    pub memory_energy: Vec<(u32, u64)>,
    /// Its GPUs.
    pub gpus: Vec<GpuSample>,
}

/// Time of a CPU so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadTimes {
    /// The kernel's number of it.
    pub cpu: u32,
    /// In programs.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
    /// Idle while something waited for storage.
    pub waiting: Option<Duration>,
}

/// Looks at the machine again and again.
#[derive(Debug)]
pub struct MachineGauge {
    page: Page,
    disks: HashSet<String>,
    devices: HashSet<String>,
    clocks: Vec<(u32, PathBuf)>,
    zones: Zones,
    gpus: Gpus,
}

impl MachineGauge {
    /// Finds out what this machine can be asked.
    pub fn of_this_machine() -> Self {
        Self {
            page: Page::default(),
            disks: with_hardware(Path::new("/sys/block")),
            devices: network_devices(Path::new("/sys/class/net")),
            clocks: clocks(Path::new("/sys/devices/system/cpu")),
            zones: Zones::of_this_machine(),
            gpus: Gpus::of_this_machine(),
        }
    }

    /// Reads what it does now.
    pub fn read(&mut self) -> MachineSample {
        let page = &mut self.page;
        let at = UnixMicros::now();
        let (mut threads, switches) = page
            .read("/proc/stat")
            .map(|text| kernel::stat(text, proc::ticks_per_second()))
            .unwrap_or_default();
        threads.sort_unstable_by_key(|thread| thread.cpu);
        let (disks, devices) = (&self.disks, &self.devices);
        MachineSample {
            at,
            load: page.read("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()),
            threads,
            memory: page.read("/proc/meminfo").and_then(kernel::meminfo),
            storage: page
                .read("/proc/diskstats")
                .and_then(|text| kernel::diskstats(text, |name| disks.contains(name))),
            network: page
                .read("/proc/net/dev")
                .and_then(|text| kernel::net_dev(text, |name| devices.contains(name))),
            switches,
            pressure: Pressure {
                cpu: page.read("/proc/pressure/cpu").and_then(kernel::stalled),
                memory: page.read("/proc/pressure/memory").and_then(kernel::stalled),
                io: page.read("/proc/pressure/io").and_then(kernel::stalled),
            },
            clocks: self
                .clocks
                .iter()
                .filter_map(|(cpu, path)| Some((*cpu, page.number(path)? as f64 / 1000.0)))
                .collect(),
            package_energy: self.zones.read(Taker::Package),
            memory_energy: self.zones.read(Taker::Memory),
            gpus: self.gpus.read(),
        }
    }
}

/// Lists what is made of hardware: not what is made of others of its kind, or of memory.
fn with_hardware(folder: &Path) -> HashSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let real = entries.filter(|entry| entry.path().join("device").exists());
    real.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Lists network devices made of hardware. A container has none; then all but the loop.
fn network_devices(folder: &Path) -> HashSet<String> {
    let real = with_hardware(folder);
    if !real.is_empty() {
        return real;
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name != "lo").collect()
}

/// Finds the files with each CPU's frequency. Where the kernel has none it does not know it: `/proc/cpuinfo` then tells
/// what is written on the processor.
fn clocks(folder: &Path) -> Vec<(u32, PathBuf)> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let cpu = entry.file_name().to_str()?.strip_prefix("cpu")?.parse().ok()?;
            let path = entry.path().join("cpufreq/scaling_cur_freq");
            path.exists().then_some((cpu, path))
        })
        .collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_be_looked_at() {
        let sample = MachineGauge::of_this_machine().read();
        assert!(sample.load.is_some() && !sample.threads.is_empty() && sample.switches.is_some());
        let memory = sample.memory.unwrap();
        assert!(memory.used > 0 && memory.peak.is_none());
    }

    #[test]
    fn hardware_is_told_from_what_is_made_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let make = |path: &str| fs::create_dir_all(folder.path().join(path)).unwrap();
        make("lo");
        make("veth0");
        let names = |found: HashSet<String>| {
            let mut names: Vec<String> = found.into_iter().collect();
            names.sort();
            names
        };
        assert_eq!(names(network_devices(folder.path())), ["veth0"]);
        make("eth0/device");
        make("eth1/device");
        assert_eq!(names(network_devices(folder.path())), ["eth0", "eth1"]);
        assert_eq!(names(with_hardware(folder.path())), ["eth0", "eth1"]);
        assert!(network_devices(&folder.path().join("none")).is_empty());
    }

    #[test]
    fn clocks_are_found_where_the_kernel_knows_them() {
        let folder = tempfile::tempdir().unwrap();
        for cpu in ["cpu10", "cpu2"] {
            fs::create_dir_all(folder.path().join(cpu).join("cpufreq")).unwrap();
            fs::write(folder.path().join(cpu).join("cpufreq/scaling_cur_freq"), "2500000\n").unwrap();
        }
        for other in ["cpu3", "cpufreq", "cpuidle", "cpux/cpufreq"] {
            fs::create_dir_all(folder.path().join(other)).unwrap();
        }
        let found: Vec<u32> = clocks(folder.path()).into_iter().map(|(cpu, _)| cpu).collect();
        assert_eq!(found, [2, 10]);
    }
}
