//! How much energy the machine has taken: the sum of its processor packages' counters, where the kernel shows them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::run::RunId;

/// Where the kernel shows them.
pub(crate) const POWERCAP: &str = "/sys/class/powercap";
/// The counters begin anew after a while; at the most power a package can take, not before this time.
const OFTEN_ENOUGH: Duration = Duration::from_secs(60);

/// Adds up what the counters say.
#[derive(Debug)]
pub(crate) struct EnergyMeter {
    packages: Vec<Counter>,
    total: u64,
    read: Instant,
    /// What had been counted when runs began.
    begun: HashMap<RunId, u64>,
}

/// A counter that begins anew after a while.
#[derive(Debug)]
pub(crate) struct Counter {
    path: PathBuf,
    /// The number after which the counter begins anew.
    range: u64,
    last: u64,
}

impl EnergyMeter {
    /// Finds the counters of this machine; `None` where it shows none.
    pub(crate) fn of_this_machine() -> Option<Self> {
        Self::over(Path::new(POWERCAP))
    }

    fn over(folder: &Path) -> Option<Self> {
        let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
        // Packages are `intel-rapl:0` and so on; what has a second colon is a part of one.
        let is_package = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.split_once("-rapl:").is_some_and(|(_, number)| number.parse::<u32>().is_ok())
        };
        let packages: Vec<Counter> =
            entries.filter(is_package).filter_map(|path| Counter::open(&path)).collect();
        (!packages.is_empty()).then_some(Self {
            packages,
            total: 0,
            read: Instant::now(),
            begun: HashMap::new(),
        })
    }

    /// Notes that a run begins.
    pub(crate) fn begin(&mut self, run: RunId) {
        let now = self.read();
        self.begun.insert(run, now);
    }

    /// Returns microjoules since a run began; `None` if that was before this meter was made.
    pub(crate) fn end(&mut self, run: RunId) -> Option<u64> {
        let begun = self.begun.remove(&run)?;
        Some(self.read() - begun)
    }

    /// Returns microjoules since this meter was made.
    pub(crate) fn read(&mut self) -> u64 {
        for package in &mut self.packages {
            self.total += package.advance();
        }
        self.read = Instant::now();
        self.total
    }

    /// How long until it must be read again, so that no counter begins anew twice in between.
    pub(crate) fn patience(&self) -> Duration {
        OFTEN_ENOUGH.saturating_sub(self.read.elapsed())
    }
}

impl Counter {
    /// Opens the one in this folder; `None` if it cannot be read.
    pub(crate) fn open(folder: &Path) -> Option<Self> {
        let path = folder.join("energy_uj");
        let last = number(&path)?;
        let range = number(&folder.join("max_energy_range_uj")).unwrap_or(u64::MAX);
        Some(Self { path, range, last })
    }

    /// Returns microjoules since the last time.
    pub(crate) fn advance(&mut self) -> u64 {
        // What cannot be read now is added the next time.
        let Some(now) = number(&self.path) else { return 0 };
        let last = std::mem::replace(&mut self.last, now);
        if now >= last { now - last } else { self.range.saturating_sub(last).saturating_add(now) }
    }
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_added_up_and_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        assert!(EnergyMeter::over(folder.path()).is_none());
        let write = |package: &str, file: &str, number: u64| {
            fs::create_dir_all(folder.path().join(package)).unwrap();
            fs::write(folder.path().join(package).join(file), format!("{number}\n")).unwrap();
        };
        for package in ["intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0", "intel-rapl", "dtpm"] {
            write(package, "energy_uj", 900);
            write(package, "max_energy_range_uj", 1000);
        }
        let mut meter = EnergyMeter::over(folder.path()).unwrap();
        assert_eq!(meter.read(), 0);
        let run = RunId { key: 1, attempt: 0 };
        meter.begin(run);
        write("intel-rapl:0", "energy_uj", 950);
        write("intel-rapl:1", "energy_uj", 20);
        write("intel-rapl:0:0", "energy_uj", 999);
        assert_eq!(meter.read(), 50 + 120);
        fs::remove_file(folder.path().join("intel-rapl:1/energy_uj")).unwrap();
        assert_eq!(meter.read(), 170);
        assert_eq!((meter.end(run), meter.end(run)), (Some(170), None));
        assert!(meter.patience() <= OFTEN_ENOUGH);
    }
}
