//! What the kernel counts of a run while it lives, read often: each only where its controller is there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::{BLKIO_BYTES, RunFolder, step};
use crate::cgroup::Tree;
use crate::sample::kernel::{self, OLD, UNIFIED};
use crate::sample::{Memory, Page, Pressure, Storage};

const BLKIO_REQUESTS: &str = "blkio.throttle.io_serviced_recursive";

impl RunFolder {
    /// All processes of the run, the dead that nobody has waited for among them.
    pub(crate) fn members(&self, page: &mut Page) -> Vec<u32> {
        let mut found = Vec::new();
        if let Some(path) = self.tracking() {
            add_members(path, page, &mut found);
        }
        found
    }

    /// CPU time of all that ever was in it, in programs and in the kernel.
    pub(crate) fn times(&self, page: &mut Page) -> Option<(Duration, Duration)> {
        if let Some(path) = self.path(Tree::Unified) {
            return page.read(path.join("cpu.stat")).and_then(kernel::cpu_stat);
        }
        // Where the old tree has both controllers in one place.
        let path = self.path(Tree::Cpu)?;
        let nanos = |page: &mut Page, file| page.number(path.join(file)).map(Duration::from_nanos);
        Some((nanos(page, "cpuacct.usage_user")?, nanos(page, "cpuacct.usage_sys")?))
    }

    /// Its memory, if that is controlled.
    pub(crate) fn memory(&self, page: &mut Page) -> Option<Memory> {
        let (path, in_use, peak, names) = match (self.path(Tree::Memory), self.path(Tree::Unified)) {
            (Some(path), _) => (path, "memory.usage_in_bytes", "memory.max_usage_in_bytes", OLD),
            (None, Some(path)) if self.counted.memory => (path, "memory.current", "memory.peak", UNIFIED),
            _ => return None,
        };
        let (in_use, peak) = (page.number(path.join(in_use))?, page.number(path.join(peak)));
        Some(kernel::memory(in_use, peak, page.read(path.join("memory.stat")).unwrap_or_default(), names))
    }

    /// What was read from and written to all devices, if that is controlled.
    pub(crate) fn stored(&self, page: &mut Page) -> Option<Storage> {
        if let Some(path) = self.path(Tree::Blkio) {
            let (read, written) = kernel::blkio(page.read(path.join(BLKIO_BYTES))?)?;
            let requests = page.read(path.join(BLKIO_REQUESTS)).and_then(kernel::blkio);
            let operations = requests.map(|(reads, writes)| reads.saturating_add(writes));
            return Some(Storage { read, written, operations });
        }
        let unified = self.path(Tree::Unified).filter(|_| self.counted.io)?;
        page.read(unified.join("io.stat")).map(kernel::io_stat)
    }

    /// For how long it was stalled. The old tree does not count that.
    pub(crate) fn pressure(&self, page: &mut Page) -> Pressure {
        let Some(path) = self.path(Tree::Unified) else { return Pressure::default() };
        let mut stalled = |file: &str| page.read(path.join(file)).and_then(kernel::stalled);
        Pressure {
            cpu: stalled("cpu.pressure"),
            memory: stalled("memory.pressure"),
            io: stalled("io.pressure"),
        }
    }
}

fn add_members(path: &Path, page: &mut Page, found: &mut Vec<u32>) {
    let text = page.read(path.join("cgroup.procs")).unwrap_or_default();
    // Zero stands for a process that this namespace cannot see.
    found.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()).filter(|pid| *pid > 0));
    // Each folder below has a link to this one; to list them costs more than all the rest.
    if fs::metadata(path).is_ok_and(|facts| facts.nlink() > 2) {
        for below in step::below(path) {
            add_members(&below, page, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::Hierarchy;
    use crate::launch::Limits;
    use crate::run::RunId;

    fn made(place: &Path, trees: &[Tree], controllers: &[&str]) -> RunFolder {
        let hierarchy = Hierarchy {
            folders: trees
                .iter()
                .map(|tree| {
                    let folder = place.join(format!("{tree:?}"));
                    fs::create_dir_all(&folder).unwrap();
                    (*tree, folder)
                })
                .collect(),
            fences: false,
            unified_controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
            home: None,
        };
        let limits = Limits { memory: Some(1 << 20), cpu_quota: Some(1.0), ..Limits::default() };
        RunFolder::create(&hierarchy, RunId { key: 1, attempt: 0 }, &limits).unwrap().unwrap()
    }

    #[test]
    fn the_unified_tree_has_all_of_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = made(place.path(), &[Tree::Unified], &["memory", "cpu", "io"]);
        let mut page = Page::default();
        assert_eq!(
            (folder.times(&mut page), folder.memory(&mut page), folder.stored(&mut page)),
            (None, None, None)
        );
        let write = |file: &str, text: &str| {
            let path = place.path().join("Unified/1.0").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("cpu.stat", "usage_usec 30\nuser_usec 10\nsystem_usec 20\n");
        write("memory.current", "4096\n");
        write("memory.peak", "8192\n");
        write("memory.stat", "anon 1000\nfile 2048\ninactive_file 1024\n");
        write("io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2\n");
        write("cpu.pressure", "some avg10=0.00 total=77\nfull avg10=0.00 total=0\n");
        write("cgroup.procs", "12\n0\n13\n");
        write("step_0/cgroup.procs", "14\n");
        write("step_0/task_1/cgroup.procs", "15\nx\n");
        let micros = Duration::from_micros;
        assert_eq!(folder.times(&mut page), Some((micros(10), micros(20))));
        let memory = Memory { used: 3072, cached: Some(2048), peak: Some(8192) };
        assert_eq!(folder.memory(&mut page), Some(memory));
        assert_eq!(folder.stored(&mut page), Some(Storage { read: 10, written: 20, operations: Some(3) }));
        assert_eq!(folder.pressure(&mut page), Pressure { cpu: Some(micros(77)), memory: None, io: None });
        assert_eq!(folder.members(&mut page), [12, 13, 14, 15]);
    }

    #[test]
    fn the_old_tree_has_it_in_several_places() {
        let place = tempfile::tempdir().unwrap();
        let folder = made(place.path(), &[Tree::Freezer, Tree::Memory, Tree::Cpu, Tree::Blkio], &[]);
        let write = |file: &str, text: &str| fs::write(place.path().join(file), text).unwrap();
        write("Cpu/1.0/cpuacct.usage_user", "3000\n");
        write("Cpu/1.0/cpuacct.usage_sys", "2000\n");
        write("Memory/1.0/memory.usage_in_bytes", "4096\n");
        write("Memory/1.0/memory.stat", "cache 1\ntotal_cache 100\ntotal_inactive_file 96\n");
        write("Blkio/1.0/blkio.throttle.io_service_bytes_recursive", "8:0 Read 5\n8:0 Write 6\nTotal 11\n");
        write("Freezer/1.0/cgroup.procs", "7\n");
        let mut page = Page::default();
        let micros = Duration::from_micros;
        assert_eq!(folder.times(&mut page), Some((micros(3), micros(2))));
        assert_eq!(folder.memory(&mut page), Some(Memory { used: 4000, cached: Some(100), peak: None }));
        assert_eq!(folder.stored(&mut page), Some(Storage { read: 5, written: 6, operations: None }));
        assert_eq!((folder.pressure(&mut page), folder.members(&mut page)), (Pressure::default(), vec![7]));
    }

    #[test]
    fn a_tree_without_controllers_knows_times_and_waits_only() {
        let place = tempfile::tempdir().unwrap();
        let folder = made(place.path(), &[Tree::Unified], &[]);
        fs::write(place.path().join("Unified/1.0/memory.current"), "4096\n").unwrap();
        let mut page = Page::default();
        assert_eq!((folder.memory(&mut page), folder.stored(&mut page)), (None, None));
    }
}
