//! Our own cluster as monitoring sees it. Nobody writes a description: nodes are grouped by how they are built, and the
//! metrics are those that this machine can be asked for.

use super::clusters::AcceleratorNames;
use domain::Text;
use domain::cluster::{Cluster, Node};
use domain::monitoring::{
    Accelerator, Aggregation, EnergyKind, HostNames, Measure, Metric, MonitoredCluster, Quantity, Scope,
    Statistic, SubCluster, Thresholds, Topology, Unit,
};
use std::collections::BTreeMap;
use supervise::layout::Layout;

/// Seconds between two values, once a job has run for a minute.
const TIMESTEP: u32 = 10;

/// Describes a cluster whose nodes are on this machine, of which these things can be measured.
pub(super) fn own_cluster(
    cluster: &Cluster,
    machine: &Layout,
    cpus: usize,
    measures: &[Measure],
    names: &AcceleratorNames,
) -> MonitoredCluster {
    let mut alike: BTreeMap<Build, Vec<&Node>> = BTreeMap::new();
    for node in cluster.present_nodes() {
        let own = &node.topology;
        alike.entry((own.sockets, own.cores, own.threads, own.cpus, gpus(node))).or_default().push(node);
    }
    let is_only = alike.len() == 1;
    let largest = |of: fn(&Node) -> f64| cluster.present_nodes().map(of).fold(0.0, f64::max);
    let (most_cpus, most_memory) =
        (largest(|node| f64::from(node.topology.cpus)), largest(|node| node.memory as f64 / 1024.0));
    let sub_clusters = alike.into_iter().map(|(build, nodes)| {
        let name = if is_only { Text::const_new("main") } else { named(build) };
        sub_cluster(name, &nodes, machine, cpus, names)
    });
    MonitoredCluster {
        name: cluster.name.clone(),
        metrics: metrics(most_cpus, most_memory, measures),
        sub_clusters: sub_clusters.collect(),
    }
}

/// Sockets, cores of each, threads of each of these, CPUs and GPUs.
type Build = (u16, u16, u16, u32, u32);

/// Names nodes by how they are built: whatever others come and go, the name stays.
fn named((sockets, cores, threads, cpus, gpus): Build) -> Text {
    let is_whole = u32::from(sockets) * u32::from(cores) * u32::from(threads) == cpus;
    let cpus = if is_whole { String::new() } else { format!("-cpu{cpus}") };
    let gpus = if gpus == 0 { String::new() } else { format!("-gpu{gpus}") };
    Text::from(format!("{sockets}x{cores}x{threads}{cpus}{gpus}"))
}

fn gpus(node: &Node) -> u32 {
    node.gres.iter().filter(|gres| gres.name == "gpu").map(|gres| gres.count).sum()
}

fn sub_cluster(
    name: Text,
    nodes: &[&Node],
    machine: &Layout,
    cpus: usize,
    names: &AcceleratorNames,
) -> SubCluster {
    let mut hosts: Vec<Text> = nodes.iter().map(|node| node.name.clone()).collect();
    hosts.sort_unstable();
    let Some(node) = nodes.first() else { return SubCluster { name, ..SubCluster::default() } };
    let own = &node.topology;
    let is_machine = usize::try_from(own.cpus).is_ok_and(|own| own == cpus);
    SubCluster {
        name,
        nodes: HostNames::These(hosts),
        processor: machine.model.as_str().into(),
        sockets_per_node: u32::from(own.sockets),
        cores_per_socket: u32::from(own.cores),
        threads_per_core: u32::from(own.threads),
        flop_rate_scalar: Quantity::default(),
        flop_rate_simd: Quantity::default(),
        memory_bandwidth: Quantity::default(),
        topology: Topology {
            accelerators: accelerators(node, names),
            ..if is_machine { of_machine(machine) } else { counted(node) }
        },
    }
}

fn of_machine(machine: &Layout) -> Topology {
    let mut node: Vec<u32> = machine.packages.iter().flatten().copied().collect();
    node.sort_unstable();
    Topology {
        memory_domains: if machine.memory_domains.is_empty() {
            vec![node.clone()]
        } else {
            machine.memory_domains.clone()
        },
        node,
        sockets: machine.packages.clone(),
        dies: machine.dies.clone(),
        cores: machine.cores.clone(),
        accelerators: Vec::new(),
    }
}

/// A node that is only declared has its CPUs in the order the engine counts them.
fn counted(node: &Node) -> Topology {
    let own = &node.topology;
    let all: Vec<u32> = (0..own.cpus).collect();
    let threads = usize::from(own.threads.max(1));
    let sockets: Vec<Vec<u32>> =
        all.chunks((usize::from(own.cores) * threads).max(1)).map(<[u32]>::to_vec).collect();
    Topology {
        memory_domains: sockets.clone(),
        cores: all.chunks(threads).map(<[u32]>::to_vec).collect(),
        node: all,
        sockets,
        dies: Vec::new(),
        accelerators: Vec::new(),
    }
}

fn accelerators(node: &Node, names: &AcceleratorNames) -> Vec<Accelerator> {
    let of = |gres: &domain::cluster::Gres| {
        let (files, model) = (gres.files.clone(), gres.kind.clone());
        (0..gres.count).map(move |number| {
            let file = files.get(number as usize);
            let id = file.map_or_else(|| Text::from(number.to_string()), |file| names.of(file));
            Accelerator { id, kind: Text::const_new("GPU"), model: model.clone() }
        })
    };
    node.gres.iter().filter(|gres| gres.name == "gpu").flat_map(of).collect()
}

struct Known {
    measure: Measure,
    base: &'static str,
    prefix: &'static str,
    scope: Scope,
    aggregation: Aggregation,
    footprint: Option<Statistic>,
    energy: Option<EnergyKind>,
    /// Peak, normal, caution and alert; a load in CPUs and memory in GB are parts of what the largest node has.
    thresholds: [f64; 4],
    lower_is_better: bool,
}

const fn known(measure: Measure, prefix: &'static str, base: &'static str, thresholds: [f64; 4]) -> Known {
    Known {
        measure,
        base,
        prefix,
        scope: Scope::Node,
        aggregation: Aggregation::Sum,
        footprint: None,
        energy: None,
        thresholds,
        lower_is_better: false,
    }
}

/// What can be measured here, and from which values on it is worth a look.
fn metrics(cpus: f64, memory: f64, measures: &[Measure]) -> Vec<Metric> {
    let all = Measure::ALL.iter().filter(|measure| measures.contains(measure));
    all.map(|measure| metric(known_of(*measure, cpus, memory))).collect()
}

fn known_of(measure: Measure, cpus: f64, memory: f64) -> Known {
    let percent = [100.0, 50.0, 20.0, 5.0];
    let stalled = [100.0, 5.0, 20.0, 50.0];
    let filled = [memory, memory / 2.0, memory * 0.8, memory * 0.95];
    let carried = [1000.0, 100.0, 0.0, 0.0];
    let plain = |prefix, base, thresholds| known(measure, prefix, base, thresholds);
    let bad = |known: Known| Known { lower_is_better: true, ..known };
    let of_thread = |known: Known| Known { scope: Scope::HwThread, aggregation: Aggregation::Avg, ..known };
    let of_gpu = |known: Known| Known { scope: Scope::Accelerator, ..known };
    let power = |known: Known| Known { energy: Some(EnergyKind::Power), ..known };
    let mean = |known: Known| Known { footprint: Some(Statistic::Avg), ..known };
    let most = |known: Known| Known { footprint: Some(Statistic::Max), ..known };
    match measure {
        Measure::CpuLoad => mean(plain("", "", [cpus, cpus, cpus / 2.0, cpus / 4.0])),
        Measure::CpuUser => of_thread(plain("", "%", percent)),
        Measure::CpuSystem | Measure::CpuIoWait => bad(of_thread(plain("", "%", stalled))),
        Measure::MemUsed => most(bad(plain("G", "B", filled))),
        Measure::MemCached => plain("G", "B", filled),
        Measure::MemPeak => bad(plain("G", "B", filled)),
        Measure::FileBandwidth => mean(plain("M", "B/s", carried)),
        Measure::FileRead
        | Measure::FileWrite
        | Measure::NetBandwidth
        | Measure::NetRead
        | Measure::NetWrite => plain("M", "B/s", carried),
        Measure::FileOperations => plain("", "Hz", [10_000.0, 1000.0, 0.0, 0.0]),
        Measure::CpuPressure | Measure::MemPressure | Measure::IoPressure => bad(plain("", "%", stalled)),
        Measure::ContextSwitches => bad(plain("", "Hz", [1e6, 1e4, 1e5, 5e5])),
        Measure::Processes => plain("", "", [4096.0, cpus, 1024.0, 2048.0]),
        Measure::Clock => of_thread(plain("M", "Hz", [4000.0, 2500.0, 1500.0, 800.0])),
        Measure::CpuPower => {
            power(Known { scope: Scope::Socket, ..plain("", "W", [500.0, 250.0, 100.0, 50.0]) })
        }
        Measure::MemPower => {
            power(Known { scope: Scope::Socket, ..plain("", "W", [100.0, 40.0, 20.0, 10.0]) })
        }
        Measure::AccUtilization => {
            mean(of_gpu(Known { aggregation: Aggregation::Avg, ..plain("", "%", percent) }))
        }
        Measure::AccMemUsed => of_gpu(plain("G", "B", [80.0, 40.0, 64.0, 76.0])),
        Measure::AccPower => power(of_gpu(plain("", "W", [400.0, 200.0, 100.0, 50.0]))),
    }
}

fn metric(known: Known) -> Metric {
    let [peak, normal, caution, alert] = known.thresholds;
    Metric {
        name: Text::const_new(known.measure.name()),
        unit: Unit { base: Text::const_new(known.base), prefix: Text::const_new(known.prefix) },
        scope: known.scope,
        timestep: TIMESTEP,
        aggregation: known.aggregation,
        thresholds: Thresholds { peak, normal, caution, alert },
        footprint: known.footprint,
        energy: known.energy,
        lower_is_better: known.lower_is_better,
        restrict: false,
        sub_clusters: Vec::new(),
    }
}
