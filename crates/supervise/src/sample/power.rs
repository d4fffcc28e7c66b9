//! Energy that processor packages and their memory have taken, where the kernel shows counters for it (RAPL).

use std::fs;
use std::path::Path;

use crate::energy::{Counter, POWERCAP};

/// What takes the energy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Taker {
    Package,
    Memory,
}

/// A counter of what one package or its memory takes.
#[derive(Debug)]
struct Zone {
    taker: Taker,
    package: u32,
    counter: Counter,
    total: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Zones(Vec<Zone>);

impl Zones {
    pub(crate) fn of_this_machine() -> Self {
        Self::over(Path::new(POWERCAP))
    }

    fn over(folder: &Path) -> Self {
        let mut zones = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some((_, numbers)) = name.to_str().and_then(|name| name.split_once("-rapl:")) else {
                continue;
            };
            let label = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
            let label = label.trim();
            let (first, is_part) = match numbers.split_once(':') {
                Some((first, _)) => (first, true),
                None => (numbers, false),
            };
            let taker = match (is_part, label) {
                (false, _) if label.starts_with("package") => Taker::Package,
                (true, "dram") => Taker::Memory,
                _ => continue,
            };
            let package = label.strip_prefix("package-").unwrap_or(first).parse().ok();
            if let (Some(package), Some(counter)) = (package, Counter::open(&entry.path())) {
                zones.push(Zone { taker, package, counter, total: 0 });
            }
        }
        zones.sort_by_key(|zone| (zone.taker, zone.package));
        Self(zones)
    }

    /// Returns package and microjoules since these counters were found.
    pub(crate) fn read(&mut self, taker: Taker) -> Vec<(u32, u64)> {
        let of_kind = self.0.iter_mut().filter(|zone| zone.taker == taker);
        of_kind
            .map(|zone| {
                zone.total = zone.total.saturating_add(zone.counter.advance());
                (zone.package, zone.total)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_memory_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let write = |zone: &str, name: &str, energy: &str| {
            let zone = folder.path().join(zone);
            fs::create_dir_all(&zone).unwrap();
            fs::write(zone.join("name"), format!("{name}\n")).unwrap();
            fs::write(zone.join("energy_uj"), energy).unwrap();
            fs::write(zone.join("max_energy_range_uj"), "1000\n").unwrap();
        };
        write("intel-rapl:0", "package-1", "900");
        write("intel-rapl:1", "package-0", "100");
        write("intel-rapl:0:0", "core", "100");
        write("intel-rapl:0:1", "dram", "10");
        write("intel-rapl:2", "psys", "10");
        write("intel-rapl:3", "package-2", "nonsense");
        write("intel-rapl:x:1", "dram", "10");
        let mut zones = Zones::over(folder.path());
        assert_eq!(zones.read(Taker::Package), [(0, 0), (1, 0)]);
        write("intel-rapl:0", "package-1", "50");
        write("intel-rapl:0:1", "dram", "17");
        assert_eq!(zones.read(Taker::Package), [(0, 0), (1, 150)]);
        assert_eq!(zones.read(Taker::Memory), [(0, 7)]);
        assert_eq!(Zones::over(&folder.path().join("none")).read(Taker::Package), []);
    }
}
