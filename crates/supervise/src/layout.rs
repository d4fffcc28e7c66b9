//! How the CPUs of this machine hang together, by the kernel's numbers. What the kernel does not say is left empty.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const CPUS: &str = "/sys/devices/system/cpu";
const NODES: &str = "/sys/devices/system/node";

/// CPUs by what they share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Those of each processor package.
    pub packages: Vec<Vec<u32>>,
    /// Those of each die, where a package has several.
    pub dies: Vec<Vec<u32>>,
    /// Those of each NUMA node.
    pub memory_domains: Vec<Vec<u32>>,
    /// Those of each core.
    pub cores: Vec<Vec<u32>>,
    /// The processor's model; empty where the kernel names none.
    pub model: String,
}

/// Says how these CPUs hang together.
pub fn layout(cpus: &[u32]) -> Layout {
    over(Path::new(CPUS), Path::new(NODES), cpus)
}

fn over(folder: &Path, nodes: &Path, cpus: &[u32]) -> Layout {
    let number = |cpu: u32, file: &str| -> Option<i64> {
        let text = fs::read_to_string(folder.join(format!("cpu{cpu}/topology/{file}"))).ok()?;
        text.trim().parse().ok()
    };
    let mut packages: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    let mut dies: BTreeMap<(i64, i64), Vec<u32>> = BTreeMap::new();
    let mut cores: BTreeMap<(i64, i64, i64), Vec<u32>> = BTreeMap::new();
    for cpu in cpus {
        let package = number(*cpu, "physical_package_id").unwrap_or(0);
        let die = number(*cpu, "die_id").unwrap_or(0);
        // Where nothing is said, every CPU is a core.
        let core = number(*cpu, "core_id").unwrap_or(i64::from(*cpu));
        packages.entry(package).or_default().push(*cpu);
        dies.entry((package, die)).or_default().push(*cpu);
        cores.entry((package, die, core)).or_default().push(*cpu);
    }
    let dies: Vec<Vec<u32>> = dies.into_values().collect();
    Layout {
        dies: if dies.len() > packages.len() { dies } else { Vec::new() },
        packages: packages.into_values().collect(),
        memory_domains: memory_domains(nodes, cpus),
        cores: cores.into_values().collect(),
        model: model(),
    }
}

fn memory_domains(folder: &Path, cpus: &[u32]) -> Vec<Vec<u32>> {
    let mut found: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("node")?.parse::<u32>().ok());
        let list = fs::read_to_string(entry.path().join("cpulist")).unwrap_or_default();
        let own: Vec<u32> = listed(&list).into_iter().filter(|cpu| cpus.contains(cpu)).collect();
        if let Some(number) = number.filter(|_| !own.is_empty()) {
            found.insert(number, own);
        }
    }
    found.into_values().collect()
}

/// Reads the kernel's lists, such as `0-3,8`.
fn listed(text: &str) -> Vec<u32> {
    let part = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let bounds = (first.trim().parse::<u32>(), last.trim().parse::<u32>());
        if let (Ok(first), Ok(last)) = bounds { first..last.saturating_add(1) } else { 0..0 }
    };
    text.trim().split(',').flat_map(part).collect()
}

fn model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name"));
    line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_the_kernel_are_read() {
        assert_eq!(listed("0-3,8\n"), [0, 1, 2, 3, 8]);
        assert_eq!(listed(""), []);
        assert_eq!(listed("x,2"), [2]);
    }

    #[test]
    fn cpus_are_grouped_by_what_they_share() {
        let place = tempfile::tempdir().unwrap();
        for (cpu, package, die, core) in [(0, 0, 0, 0), (1, 0, 1, 0), (2, 1, 0, 0), (3, 0, 0, 0)] {
            let folder = place.path().join(format!("cpu{cpu}/topology"));
            fs::create_dir_all(&folder).unwrap();
            for (file, number) in [("physical_package_id", package), ("die_id", die), ("core_id", core)] {
                fs::write(folder.join(file), format!("{number}\n")).unwrap();
            }
        }
        let nodes = place.path().join("nodes");
        fs::create_dir_all(nodes.join("node0")).unwrap();
        fs::write(nodes.join("node0/cpulist"), "0-3\n").unwrap();
        let found = over(place.path(), &nodes, &[0, 1, 2, 3]);
        assert_eq!(found.packages, [vec![0, 1, 3], vec![2]]);
        assert_eq!(found.dies, [vec![0, 3], vec![1], vec![2]]);
        assert_eq!(found.cores, [vec![0, 3], vec![1], vec![2]]);
        assert_eq!(found.memory_domains, [vec![0, 1, 2, 3]]);
        // A machine that says nothing still has its CPUs.
        let silent = over(&place.path().join("none"), &place.path().join("none"), &[5, 6]);
        assert_eq!((silent.packages, silent.cores), (vec![vec![5, 6]], vec![vec![5], vec![6]]));
        assert!(silent.memory_domains.is_empty() && silent.dies.is_empty());
    }
}
