//! What jobs take and what the machine does, in the domain's words.

use super::report::{run_of, timestamp};
use domain::monitoring::{
    AcceleratorReading, JobReading, MachineReading, Measure, Stalled, Storage, ThreadReading,
};
use domain::ports::{Gauge, JobGauge};
use domain::{JobId, Text};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use supervise::{Gauges, Limit, MachineGauge, MachineSample, Pressure, RunGauge, Sample, Supervisor};

/// Looks at this machine and at the runs of a supervisor.
pub(super) struct LocalGauge {
    runs: Gauges,
    machine: Mutex<Option<MachineGauge>>,
    bound_to: Option<Vec<u32>>,
    counts_peaks: bool,
}

impl LocalGauge {
    /// Makes one that looks at the runs of this supervisor, which bound them to these CPUs if it did.
    pub(super) fn of(supervisor: &Supervisor, bound_to: Option<Vec<u32>>) -> Self {
        let capabilities = supervisor.capabilities();
        LocalGauge {
            runs: supervisor.gauges(),
            machine: Mutex::new(None),
            // What is only asked for need not hold.
            bound_to: bound_to.filter(|_| capabilities.cpus == Limit::Enforced),
            counts_peaks: capabilities.memory == Limit::Enforced,
        }
    }

    fn sample(&self) -> MachineSample {
        let mut gauge = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        // Made when it is needed: it may load a library.
        gauge.get_or_insert_with(MachineGauge::of_this_machine).read()
    }
}

impl Gauge for LocalGauge {
    fn measures(&self) -> Vec<Measure> {
        let machine = self.sample();
        let storage = machine.storage.unwrap_or_default();
        let has = |measure: &Measure| match measure {
            // Of jobs these are always known.
            Measure::CpuLoad
            | Measure::CpuUser
            | Measure::CpuSystem
            | Measure::MemUsed
            | Measure::FileBandwidth
            | Measure::FileRead
            | Measure::FileWrite
            | Measure::Processes => true,
            Measure::CpuIoWait => machine.threads.iter().any(|thread| thread.waiting.is_some()),
            Measure::MemCached => self.counts_peaks || machine.memory.is_some_and(|all| all.cached.is_some()),
            Measure::MemPeak => self.counts_peaks,
            Measure::FileOperations => storage.operations.is_some(),
            Measure::NetBandwidth | Measure::NetRead | Measure::NetWrite => machine.network.is_some(),
            Measure::CpuPressure => machine.pressure.cpu.is_some(),
            Measure::MemPressure => machine.pressure.memory.is_some(),
            Measure::IoPressure => machine.pressure.io.is_some(),
            Measure::ContextSwitches => machine.switches.is_some(),
            Measure::Clock => !machine.clocks.is_empty(),
            Measure::CpuPower => !machine.package_energy.is_empty(),
            Measure::MemPower => !machine.memory_energy.is_empty(),
            Measure::AccUtilization => machine.gpus.iter().any(|gpu| gpu.utilization.is_some()),
            Measure::AccMemUsed => machine.gpus.iter().any(|gpu| gpu.memory.is_some()),
            Measure::AccPower => machine.gpus.iter().any(|gpu| gpu.power.is_some()),
        };
        Measure::ALL.iter().copied().filter(has).collect()
    }

    fn job(&self, job: JobId, attempt: u32) -> Box<dyn JobGauge> {
        Box::new(OfRun(self.runs.run(run_of(job, attempt))))
    }

    fn machine(&self) -> MachineReading {
        of_machine(self.sample())
    }

    fn bound_to(&self) -> Option<Vec<u32>> {
        self.bound_to.clone()
    }

    fn cost(&self) -> Duration {
        supervise::own_cpu_time()
    }
}

struct OfRun(RunGauge);

impl JobGauge for OfRun {
    fn read(&mut self) -> Option<JobReading> {
        self.0.read().map(|sample| of_job(&sample))
    }
}

fn of_job(sample: &Sample) -> JobReading {
    JobReading {
        at: timestamp(sample.at),
        user: Some(sample.cpu_user),
        system: Some(sample.cpu_system),
        memory: Some(sample.memory.used),
        cached: sample.memory.cached,
        peak: sample.memory.peak,
        storage: storage(sample.storage),
        switches: sample.switches,
        stalled: stalled(&sample.pressure),
        processes: Some(sample.processes),
    }
}

fn of_machine(sample: MachineSample) -> MachineReading {
    let threads = sample.threads.iter().map(|thread| ThreadReading {
        id: thread.cpu,
        user: thread.user,
        system: thread.system,
        waiting: thread.waiting,
    });
    let accelerators = sample.gpus.into_iter().map(|gpu| AcceleratorReading {
        id: Text::from(gpu.address.unwrap_or_else(|| gpu.file.clone())),
        file: Text::from(gpu.file),
        utilization: gpu.utilization,
        memory: gpu.memory,
        power: gpu.power,
    });
    MachineReading {
        at: timestamp(sample.at),
        load: sample.load,
        threads: threads.collect(),
        memory: sample.memory.map(|memory| memory.used),
        cached: sample.memory.and_then(|memory| memory.cached),
        storage: storage(sample.storage),
        network: sample.network,
        switches: sample.switches,
        stalled: stalled(&sample.pressure),
        clocks: sample.clocks,
        package_energy: sample.package_energy,
        memory_energy: sample.memory_energy,
        accelerators: accelerators.collect(),
    }
}

fn storage(storage: Option<supervise::Storage>) -> Storage {
    Storage {
        read: storage.map(|storage| storage.read),
        written: storage.map(|storage| storage.written),
        operations: storage.and_then(|storage| storage.operations),
    }
}

fn stalled(pressure: &Pressure) -> Stalled {
    Stalled { cpu: pressure.cpu, memory: pressure.memory, io: pressure.io }
}

#[cfg(test)]
mod tests {
    use super::*;
    use supervise::{GpuSample, Memory, ThreadTimes, UnixMicros};

    #[test]
    fn what_is_absent_stays_absent() {
        let sample = Sample {
            at: UnixMicros(5),
            cpu_user: Duration::from_secs(1),
            cpu_system: Duration::ZERO,
            memory: Memory { used: 7, cached: None, peak: None },
            storage: None,
            switches: None,
            pressure: Pressure::default(),
            processes: 2,
        };
        let reading = of_job(&sample);
        assert_eq!((reading.at.micros(), reading.memory, reading.processes), (5, Some(7), Some(2)));
        assert_eq!((reading.cached, reading.peak, reading.switches), (None, None, None));
        assert_eq!((reading.storage, reading.stalled), (Storage::default(), Stalled::default()));
        let empty = of_machine(MachineSample::default());
        assert_eq!(empty, MachineReading::default());
    }

    #[test]
    fn parts_of_the_machine_keep_their_names() {
        let gpu = |file: &str, address: Option<&str>| GpuSample {
            file: file.into(),
            address: address.map(Into::into),
            utilization: Some(5.0),
            memory: None,
            power: None,
        };
        let gpus = vec![gpu("/dev/nvidia3", None), gpu("/dev/nvidia4", Some("00000000:3B:00.0"))];
        let second = Duration::from_secs(1);
        let thread = ThreadTimes { cpu: 9, user: second, system: second, waiting: None };
        let sample = MachineSample { gpus, threads: vec![thread], ..MachineSample::default() };
        let reading = of_machine(sample);
        let name = |at: usize| (reading.accelerators[at].id.as_str(), reading.accelerators[at].file.as_str());
        assert_eq!(name(0), ("/dev/nvidia3", "/dev/nvidia3"));
        assert_eq!(name(1), ("00000000:3B:00.0", "/dev/nvidia4"));
        assert_eq!((reading.threads[0].id, reading.threads[0].waiting), (9, None));
    }
}
