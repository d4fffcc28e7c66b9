//! What the file says of the inside of nodes and of what connects them: cores kept for the system, cores near devices,
//! switches.

use super::ConfigError;
use super::file::{NodeTable, SwitchTable};
use super::hostnames::expand;
use domain::cluster::{Cluster, Switch, Switches, SystemShare, Topology};
use domain::job::CpuSet;
use domain::{NodeIndex, Text};
use std::collections::{BTreeMap, BTreeSet};

/// Layers of switches; more than this is a circle.
const MOST_LEVELS: u32 = 16;

/// Reads a list of numbers such as `0-3,8`, each below `end`.
fn numbers(list: &str, end: u32) -> Result<BTreeSet<u32>, String> {
    let mut found = BTreeSet::new();
    for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let bad = || format!("\"{part}\" is not a number or a range");
        let first: u32 = first.parse().map_err(|_| bad())?;
        let last: u32 = last.parse().map_err(|_| bad())?;
        if first > last {
            return Err(bad());
        }
        if last >= end {
            return Err(format!("there is no number {last}, the last is {}", end.saturating_sub(1)));
        }
        found.extend(first..=last);
    }
    Ok(found)
}

/// Returns the CPUs of cores given by their numbers.
pub(super) fn cpus_of_cores(topology: Topology, list: &str) -> Result<CpuSet, String> {
    let granule = topology.granule();
    let cores = numbers(list, topology.cpus.div_ceil(granule))?;
    Ok(cores.into_iter().flat_map(|core| core * granule..((core + 1) * granule).min(topology.cpus)).collect())
}

/// Returns what a node keeps for the system.
pub(super) fn system_share(
    table: &NodeTable,
    topology: Topology,
    memory: u64,
) -> Result<SystemShare, String> {
    let cores = table.core_spec_count.filter(|count| *count > 0);
    let cpus = match (cores, table.cpu_spec_list.as_deref()) {
        (Some(_), Some(_)) => {
            return Err("core_spec_count and cpu_spec_list cannot both be given".to_owned());
        }
        (Some(count), None) => topology.last_cores(count.into()),
        (None, Some(list)) => {
            let granule = topology.granule();
            // A core of which one thread is kept is kept whole: jobs get whole cores.
            let cores = numbers(list, topology.cpus)?.into_iter().map(|cpu| cpu / granule);
            let whole = |core: u32| core * granule..((core + 1) * granule).min(topology.cpus);
            cores.flat_map(whole).collect()
        }
        (None, None) => CpuSet::default(),
    };
    let share = SystemShare { cpus, memory: table.mem_spec_limit.map_or(0, |size| size.0) };
    if share.cpus.len() >= topology.cpus {
        return Err("no CPU is left for jobs".to_owned());
    }
    if share.memory > 0 && share.memory >= memory {
        return Err("mem_spec_limit leaves no memory for jobs".to_owned());
    }
    Ok(share)
}

/// Makes the switches: each has nodes, or other switches.
pub(super) fn switches(tables: &[SwitchTable], cluster: &Cluster) -> Result<Switches, ConfigError> {
    let unfit = |why: String| ConfigError::unfit("[[switches]]", why);
    let mut by_name: BTreeMap<&str, &SwitchTable> = BTreeMap::new();
    for table in tables {
        if table.name.is_empty() {
            return Err(unfit("a switch needs a name".to_owned()));
        }
        if by_name.insert(&table.name, table).is_some() {
            return Err(unfit(format!("switch \"{}\" is given twice", table.name)));
        }
        if table.nodes.is_empty() == table.switches.is_empty() {
            return Err(unfit(format!("switch \"{}\" needs either nodes or switches", table.name)));
        }
    }
    let all = tables.iter().map(|table| {
        let (nodes, level) = below(table, &by_name, cluster, 0).map_err(unfit)?;
        Ok(Switch { name: Text::from(&table.name), nodes: nodes.into_iter().collect(), level })
    });
    Ok(Switches::new(all.collect::<Result<_, ConfigError>>()?))
}

/// Returns the nodes under a switch and how many layers of switches there are.
fn below(
    table: &SwitchTable,
    by_name: &BTreeMap<&str, &SwitchTable>,
    cluster: &Cluster,
    depth: u32,
) -> Result<(BTreeSet<NodeIndex>, u32), String> {
    let name = &table.name;
    if depth > MOST_LEVELS {
        return Err(format!("switch \"{name}\" hangs on itself, or there are too many layers"));
    }
    let names = |list: &str| {
        expand(list).ok_or_else(|| format!("switch \"{name}\": \"{list}\" is not a list of names"))
    };
    if !table.nodes.is_empty() {
        let index = |node: String| {
            cluster.node_index(&node).ok_or_else(|| format!("switch \"{name}\": there is no node \"{node}\""))
        };
        let nodes: Result<BTreeSet<_>, _> = names(&table.nodes)?.into_iter().map(index).collect();
        return Ok((nodes?, 0));
    }
    let mut all = BTreeSet::new();
    let mut level = 0;
    for child in names(&table.switches)? {
        let child = by_name
            .get(child.as_str())
            .ok_or_else(|| format!("switch \"{name}\": there is no switch \"{child}\""))?;
        let (nodes, deep) = below(child, by_name, cluster, depth + 1)?;
        all.extend(nodes);
        level = level.max(deep + 1);
    }
    Ok((all, level))
}
