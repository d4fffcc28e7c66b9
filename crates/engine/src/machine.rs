//! What this machine is: a node for the default configuration, and the name of its boot.

use domain::cluster::{Gres, Node, NodeFlags, Topology};
use domain::ports::{MachineLoad, Meter};
use domain::{Text, Timestamp};
use std::path::Path;

const MEGABYTE: u64 = 1 << 20;

/// Returns a node that stands for this machine, with all its CPUs, memory and GPUs. `tmp_disk` is that of `/tmp`.
pub fn this_machine() -> Node {
    let machine = supervise::machine::describe();
    let small = |count: u32| u16::try_from(count).unwrap_or(u16::MAX).max(1);
    let cpus = u32::try_from(machine.cpus.len()).unwrap_or(1).max(1);
    let mut topology = Topology {
        boards: 1,
        sockets: small(machine.sockets),
        cores: small(machine.cores_per_socket),
        threads: small(machine.threads_per_core),
        cpus,
    };
    let product = u32::from(topology.sockets) * u32::from(topology.cores) * u32::from(topology.threads);
    if product != cpus {
        // In a container that may use some of the CPUs the real topology would give out CPUs that are not there.
        topology = Topology { boards: 1, sockets: 1, cores: small(cpus), threads: 1, cpus };
    }
    let name = Text::from(machine.hostname.split('.').next().unwrap_or("localhost"));
    let disk = supervise::machine::disk(Path::new("/tmp")).map_or(0, |disk| disk.total / MEGABYTE);
    Node {
        host: Text::from(machine.hostname.as_str()),
        address: Text::from(machine.hostname.as_str()),
        name,
        port: 0,
        topology,
        memory: machine.memory / MEGABYTE,
        system: Default::default(),
        tmp_disk: disk,
        weight: 1,
        features: Vec::new(),
        active_features: Vec::new(),
        gres: gpus(Path::new("/dev")).into_iter().collect(),
        flags: NodeFlags::default(),
        upkeep: Default::default(),
        reason: Text::default(),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: Text::default(),
        extra: Text::default(),
        architecture: Text::from(machine.architecture),
        operating_system: Text::from(machine.os),
        booted: Timestamp::from_seconds(machine.boot_time),
    }
}

/// Finds GPUs by their device files, `nvidia0` and so on.
fn gpus(devices: &Path) -> Option<Gres> {
    let mut numbers: Vec<u32> = std::fs::read_dir(devices)
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("nvidia")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let file = |number: &u32| Text::from(devices.join(format!("nvidia{number}")).to_string_lossy());
    let files: Vec<Text> = numbers.iter().map(file).collect();
    let count = u32::try_from(files.len()).ok().filter(|count| *count > 0)?;
    Some(Gres { name: Text::const_new("gpu"), kind: Text::default(), count, files, ..Gres::default() })
}

/// Looks at this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl Meter for ThisMachine {
    fn machine(&self) -> MachineLoad {
        let now = supervise::machine::load();
        // Beyond what fits the cast stays at the largest number.
        MachineLoad { load: (now.one * 100.0) as u32, free_memory: now.free_memory / MEGABYTE }
    }
}

/// Returns the name of the machine's present boot; the time of the boot where the kernel gives it no name.
pub fn boot_id() -> Text {
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(id) if !id.trim().is_empty() => Text::from(id.trim()),
        _ => Text::from(supervise::machine::describe().boot_time.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_found_by_their_devices() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(gpus(folder.path()), None);
        for name in ["nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "null"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = gpus(folder.path()).unwrap();
        assert_eq!(found.count, 2);
        assert!(found.files[0].ends_with("/nvidia2") && found.files[1].ends_with("/nvidia10"));
    }

    #[test]
    fn this_machine_is_a_node_that_can_run_jobs() {
        let node = this_machine();
        let topology = node.topology;
        assert!(topology.cpus > 0 && node.memory > 0 && !node.name.is_empty());
        let product = u32::from(topology.sockets) * u32::from(topology.cores) * u32::from(topology.threads);
        assert_eq!(product, topology.cpus);
        assert!(!boot_id().is_empty());
    }
}
