//! What gauges show, and the rates between two readings. Counters count up; what cannot be had is `None`.

use super::{Component, Measure, Scope};
use crate::{Text, Timestamp};
use std::time::Duration;

const GIGABYTE: f64 = (1_u64 << 30) as f64;
const MEGABYTE: f64 = (1_u64 << 20) as f64;

/// What an attempt of a job has taken up to a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobReading {
    /// When.
    pub at: Timestamp,
    /// CPU time in programs.
    pub user: Option<Duration>,
    /// CPU time in the kernel.
    pub system: Option<Duration>,
    /// Bytes of memory in use now.
    pub memory: Option<u64>,
    /// Bytes of page cache now.
    pub cached: Option<u64>,
    /// Bytes of memory that were in use at most, with the page cache.
    pub peak: Option<u64>,
    /// What it read and wrote.
    pub storage: Storage,
    /// Turns of its threads on CPUs.
    pub switches: Option<u64>,
    /// For how long it was stalled.
    pub stalled: Stalled,
    /// Processes now.
    pub processes: Option<u32>,
}

/// What was read from and written to storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    /// Bytes read.
    pub read: Option<u64>,
    /// Bytes written.
    pub written: Option<u64>,
    /// Requests.
    pub operations: Option<u64>,
}

/// For how long something waited for a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalled {
    /// For a CPU.
    pub cpu: Option<Duration>,
    /// For memory.
    pub memory: Option<Duration>,
    /// For storage.
    pub io: Option<Duration>,
}

/// What a machine has done up to a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineReading {
    /// When.
    pub at: Timestamp,
    /// Its load over a minute.
    pub load: Option<f64>,
    /// What its CPUs did, in ascending order of the operating system's numbers.
    pub threads: Vec<ThreadReading>,
    /// Bytes of memory in use now.
    pub memory: Option<u64>,
    /// Bytes of page cache now.
    pub cached: Option<u64>,
    /// What its disks read and wrote.
    pub storage: Storage,
    /// Bytes received and sent.
    pub network: Option<(u64, u64)>,
    /// Context switches.
    pub switches: Option<u64>,
    /// For how long somebody was stalled.
    pub stalled: Stalled,
    /// Megahertz of CPUs now.
    pub clocks: Vec<(u32, f64)>,
    /// Microjoules of processor packages.
    pub package_energy: Vec<(u32, u64)>,
    /// Microjoules of the memory of processor packages.
    pub memory_energy: Vec<(u32, u64)>,
    /// Its GPUs now.
    pub accelerators: Vec<AcceleratorReading>,
}

/// What a CPU has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadReading {
    /// Which.
    pub id: u32,
    /// Time in programs.
    pub user: Duration,
    /// Time in the kernel.
    pub system: Duration,
    /// Time in which it was idle and something waited for storage.
    pub waiting: Option<Duration>,
}

/// What a GPU does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AcceleratorReading {
    /// Its device file, by which nodes know it.
    pub file: Text,
    /// What names it on its node.
    pub id: Text,
    /// Percent of the time in which something ran on it.
    pub utilization: Option<f64>,
    /// Bytes of its memory in use.
    pub memory: Option<u64>,
    /// Watts.
    pub power: Option<f64>,
}

/// A value of a part of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub measure: Measure,
    /// Of which part.
    pub component: Component,
    /// How much.
    pub value: f64,
}

/// Values as they are found.
#[derive(Default)]
struct Found(Vec<Measured>);

impl Found {
    fn part(&mut self, measure: Measure, component: Component, value: f64) {
        if value.is_finite() {
            self.0.push(Measured { measure, component, value });
        }
    }

    fn node(&mut self, measure: Measure, value: Option<f64>) {
        if let Some(value) = value {
            self.part(measure, Component::NODE, value);
        }
    }

    /// Adds what is shared by job and machine.
    fn storage(&mut self, before: &Storage, now: &Storage, seconds: f64) {
        let rate = |before, now| rate(before, now, seconds);
        let bytes = |before, now| Some(rate(before, now)? / MEGABYTE);
        let (read, written) = (bytes(before.read, now.read), bytes(before.written, now.written));
        self.node(Measure::FileRead, read);
        self.node(Measure::FileWrite, written);
        self.node(Measure::FileBandwidth, read.zip(written).map(|(read, written)| read + written));
        self.node(Measure::FileOperations, rate(before.operations, now.operations));
    }

    fn stalled(&mut self, before: &Stalled, now: &Stalled, seconds: f64) {
        let part = |before, now| Some((100.0 * spent(before, now)? / seconds).min(100.0));
        self.node(Measure::CpuPressure, part(before.cpu, now.cpu));
        self.node(Measure::MemPressure, part(before.memory, now.memory));
        self.node(Measure::IoPressure, part(before.io, now.io));
    }
}

/// Returns how much a counter went up each second; `None` if it went down, and so is another one.
fn rate(before: Option<u64>, now: Option<u64>, seconds: f64) -> Option<f64> {
    Some(now?.checked_sub(before?)? as f64 / seconds)
}

/// Returns the seconds by which a time went up.
fn spent(before: Option<Duration>, now: Option<Duration>) -> Option<f64> {
    Some(now?.checked_sub(before?)?.as_secs_f64())
}

/// Returns the seconds between two readings; `None` if there is nothing between them.
fn between(before: Timestamp, now: Timestamp) -> Option<f64> {
    Some(now.since(before).as_secs_f64()).filter(|seconds| *seconds > 0.0)
}

fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / GIGABYTE
}

impl JobReading {
    /// Returns what a job has taken when it begins: nothing.
    pub fn beginning(at: Timestamp) -> Self {
        let none = Some(Duration::ZERO);
        JobReading {
            at,
            user: none,
            system: none,
            storage: Storage { read: Some(0), written: Some(0), operations: Some(0) },
            switches: Some(0),
            stalled: Stalled { cpu: none, memory: none, io: none },
            ..JobReading::default()
        }
    }

    /// Works out what a job with so many hardware threads did since an earlier reading, and what it has now.
    pub fn since(&self, before: Option<&JobReading>, threads: u32) -> Vec<Measured> {
        let mut found = Found::default();
        if let Some(before) = before
            && let Some(seconds) = between(before.at, self.at)
        {
            let (user, system) = (spent(before.user, self.user), spent(before.system, self.system));
            found.node(Measure::CpuLoad, user.zip(system).map(|(user, system)| (user + system) / seconds));
            let part = |time: f64| 100.0 * time / seconds / f64::from(threads.max(1));
            found.node(Measure::CpuUser, user.map(part));
            found.node(Measure::CpuSystem, system.map(part));
            found.storage(&before.storage, &self.storage, seconds);
            found.node(Measure::ContextSwitches, rate(before.switches, self.switches, seconds));
            found.stalled(&before.stalled, &self.stalled, seconds);
        }
        found.node(Measure::MemUsed, self.memory.map(gigabytes));
        found.node(Measure::MemCached, self.cached.map(gigabytes));
        found.node(Measure::MemPeak, self.peak.map(gigabytes));
        found.node(Measure::Processes, self.processes.map(f64::from));
        found.0
    }
}

impl MachineReading {
    /// Works out what the machine did since an earlier reading, and how it is now.
    pub fn since(&self, before: &MachineReading) -> Vec<Measured> {
        let mut found = Found::default();
        let Some(seconds) = between(before.at, self.at) else { return found.0 };
        found.node(Measure::CpuLoad, self.load);
        found.node(Measure::MemUsed, self.memory.map(gigabytes));
        found.node(Measure::MemCached, self.cached.map(gigabytes));
        found.storage(&before.storage, &self.storage, seconds);
        found.node(Measure::ContextSwitches, rate(before.switches, self.switches, seconds));
        found.stalled(&before.stalled, &self.stalled, seconds);
        if let Some((was, is)) = before.network.zip(self.network) {
            let bytes = |was, is| Some(rate(Some(was), Some(is), seconds)? / MEGABYTE);
            let (received, sent) = (bytes(was.0, is.0), bytes(was.1, is.1));
            found.node(Measure::NetRead, received);
            found.node(Measure::NetWrite, sent);
            found.node(Measure::NetBandwidth, received.zip(sent).map(|(received, sent)| received + sent));
        }
        for (measure, was, is) in [
            (Measure::CpuPower, &before.package_energy, &self.package_energy),
            (Measure::MemPower, &before.memory_energy, &self.memory_energy),
        ] {
            for (package, energy) in is {
                let earlier = was.iter().find(|(other, _)| other == package).map(|(_, energy)| *energy);
                if let Some(microwatts) = rate(earlier, Some(*energy), seconds) {
                    found.part(measure, part(Scope::Socket, *package), microwatts / 1e6);
                }
            }
        }
        for one in &self.accelerators {
            let component = || Component { scope: Scope::Accelerator, id: one.id.clone(), sub: None };
            let values = [
                (Measure::AccUtilization, one.utilization),
                (Measure::AccMemUsed, one.memory.map(gigabytes)),
                (Measure::AccPower, one.power),
            ];
            for (measure, value) in values {
                if let Some(value) = value {
                    found.part(measure, component(), value);
                }
            }
        }
        found.0
    }

    /// Works out what those of its CPUs that are wanted did since an earlier reading, each for itself.
    pub fn threads_since(&self, before: &MachineReading, is_wanted: impl Fn(u32) -> bool) -> Vec<Measured> {
        let mut found = Found::default();
        let Some(seconds) = between(before.at, self.at) else { return found.0 };
        let percent = |was, is| Some((100.0 * spent(was, is)? / seconds).min(100.0));
        for now in self.threads.iter().filter(|thread| is_wanted(thread.id)) {
            let place = before.threads.binary_search_by_key(&now.id, |thread| thread.id);
            let Some(was) = place.ok().and_then(|place| before.threads.get(place)) else { continue };
            let values = [
                (Measure::CpuUser, percent(Some(was.user), Some(now.user))),
                (Measure::CpuSystem, percent(Some(was.system), Some(now.system))),
                (Measure::CpuIoWait, percent(was.waiting, now.waiting)),
            ];
            for (measure, value) in values {
                if let Some(value) = value {
                    found.part(measure, part(Scope::HwThread, now.id), value);
                }
            }
        }
        for (id, clock) in self.clocks.iter().filter(|(id, _)| is_wanted(*id)) {
            found.part(Measure::Clock, part(Scope::HwThread, *id), *clock);
        }
        found.0
    }
}

fn part(scope: Scope, id: u32) -> Component {
    Component { scope, id: Text::from(id.to_string()), sub: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn value(found: &[Measured], measure: Measure, id: &str) -> Option<f64> {
        found.iter().find(|one| one.measure == measure && one.component.id == id).map(|one| one.value)
    }

    #[test]
    fn a_job_takes_so_much_a_second() {
        let before = JobReading::beginning(at(100));
        let seconds = |count| Some(Duration::from_secs(count));
        let now = JobReading {
            at: at(110),
            user: seconds(15),
            system: seconds(5),
            memory: Some(3 << 30),
            cached: None,
            peak: Some(1 << 29),
            storage: Storage { read: Some(0), written: Some(500 << 20), operations: None },
            switches: Some(70),
            stalled: Stalled { cpu: seconds(1), ..Stalled::default() },
            processes: Some(3),
        };
        let found = now.since(Some(&before), 4);
        let of = |measure| value(&found, measure, "");
        assert_eq!(
            (of(Measure::CpuLoad), of(Measure::CpuUser), of(Measure::CpuSystem)),
            (Some(2.0), Some(37.5), Some(12.5))
        );
        assert_eq!(
            (of(Measure::MemUsed), of(Measure::MemCached), of(Measure::MemPeak)),
            (Some(3.0), None, Some(0.5))
        );
        assert_eq!(
            (of(Measure::FileWrite), of(Measure::FileRead), of(Measure::FileBandwidth)),
            (Some(50.0), Some(0.0), Some(50.0))
        );
        assert_eq!((of(Measure::FileOperations), of(Measure::ContextSwitches)), (None, Some(7.0)));
        assert_eq!((of(Measure::CpuPressure), of(Measure::MemPressure)), (Some(10.0), None));
        assert_eq!(of(Measure::Processes), Some(3.0));
        // What it has now is known without an earlier reading, and what it did between is not.
        let alone = now.since(None, 4);
        assert_eq!(
            (value(&alone, Measure::MemUsed, ""), value(&alone, Measure::CpuLoad, "")),
            (Some(3.0), None)
        );
        assert_eq!(value(&now.since(Some(&now), 4), Measure::CpuLoad, ""), None);
        // A counter that has gone down is another one.
        assert_eq!(
            value(&before.since(Some(&JobReading { at: at(90), ..now }), 4), Measure::FileWrite, ""),
            None
        );
    }

    #[test]
    fn a_machine_has_parts() {
        let millis = Duration::from_millis;
        let thread = |id, user, waiting| ThreadReading { id, user: millis(user), system: millis(0), waiting };
        let before = MachineReading {
            at: at(10),
            threads: vec![thread(0, 0, None), thread(2, 0, Some(millis(0)))],
            network: Some((0, 1 << 20)),
            package_energy: vec![(0, 5)],
            ..MachineReading::default()
        };
        let now = MachineReading {
            at: at(12),
            load: Some(1.5),
            threads: vec![thread(0, 1000, None), thread(1, 9, None), thread(2, 2500, Some(millis(200)))],
            network: Some((4 << 20, 0)),
            package_energy: vec![(0, 100_000_005), (1, 7)],
            clocks: vec![(0, 2400.0), (1, 1200.0)],
            accelerators: vec![AcceleratorReading {
                file: Text::const_new("/dev/nvidia0"),
                id: "/dev/nvidia0".into(),
                power: Some(70.0),
                ..Default::default()
            }],
            ..MachineReading::default()
        };
        let found = now.since(&before);
        assert_eq!(
            (value(&found, Measure::CpuLoad, ""), value(&found, Measure::MemUsed, "")),
            (Some(1.5), None)
        );
        assert_eq!(
            (value(&found, Measure::NetRead, ""), value(&found, Measure::NetBandwidth, "")),
            (Some(2.0), None)
        );
        assert_eq!(
            (value(&found, Measure::CpuPower, "0"), value(&found, Measure::CpuPower, "1")),
            (Some(50.0), None)
        );
        assert_eq!(value(&found, Measure::AccPower, "/dev/nvidia0"), Some(70.0));
        assert_eq!(value(&found, Measure::AccUtilization, "/dev/nvidia0"), None);
        let threads = now.threads_since(&before, |id| id != 0);
        assert_eq!(
            (value(&threads, Measure::CpuUser, "0"), value(&threads, Measure::CpuUser, "1")),
            (None, None)
        );
        // The kernel's clocks are not read in one moment.
        assert_eq!(
            (value(&threads, Measure::CpuUser, "2"), value(&threads, Measure::CpuIoWait, "2")),
            (Some(100.0), Some(10.0))
        );
        assert_eq!(
            (value(&threads, Measure::Clock, "1"), value(&threads, Measure::Clock, "0")),
            (Some(1200.0), None)
        );
    }
}
