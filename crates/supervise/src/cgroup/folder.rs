//! One run's control group: made with its limits, entered by the child, killed and removed at the end.

mod gauge;
mod step;

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Hierarchy, Tree, devices, inherit_cpuset};
use crate::launch::Limits;
use crate::run::RunId;
use crate::sample::kernel;

/// The period of CPU quotas in microseconds; the kernel's own default.
const PERIOD: u64 = 100_000;

/// Where the old tree counts what programs read and write, and below it those of their steps.
const BLKIO_BYTES: &str = "blkio.throttle.io_service_bytes_recursive";

/// The folders of one run.
#[derive(Clone, Debug)]
pub(crate) struct RunFolder {
    folders: Vec<(Tree, PathBuf)>,
    /// All in it die if one is killed for want of memory.
    together: bool,
    /// What the unified tree counts.
    counted: Counted,
}

/// What the unified tree counts here: of the rest it has no files, and to look for them at every end takes time.
#[derive(Clone, Copy, Debug)]
struct Counted {
    memory: bool,
    io: bool,
}

impl Counted {
    /// Where it is not known one has to look.
    const PERHAPS_ALL: Self = Self { memory: true, io: true };

    fn by(hierarchy: &Hierarchy) -> Self {
        let has = |name: &str| hierarchy.unified_controllers.iter().any(|known| known == name);
        Self { memory: has("memory"), io: has("io") }
    }
}

/// Stands for `together` beside the bits of trees.
const TOGETHER: u32 = 1 << 31;

/// How a process gets into the folders of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doors {
    /// The folder of the unified tree: newer kernels can let a process begin in it. To move there later costs far more,
    /// as the kernel then waits for all CPUs.
    pub(crate) birthplace: Option<CString>,
    /// The file of the same folder by which one enters where that cannot be.
    pub(crate) unified: Option<CString>,
    /// The files of the other trees' folders: whoever writes `0` enters.
    pub(crate) files: Vec<CString>,
}

impl RunFolder {
    /// Makes the folders and writes the limits. Nothing stays behind if that fails.
    ///
    /// Returns `None` where this machine offers nothing that the run needs.
    pub(crate) fn create(hierarchy: &Hierarchy, run: RunId, limits: &Limits) -> io::Result<Option<Self>> {
        let mut folder = Self::empty(hierarchy, limits);
        match folder.fill(hierarchy, run, limits) {
            Ok(()) if folder.folders.is_empty() => Ok(None),
            Ok(()) => Ok(Some(folder)),
            Err(error) => {
                folder.remove();
                Err(error)
            }
        }
    }

    fn empty(hierarchy: &Hierarchy, limits: &Limits) -> Self {
        Self { folders: Vec::new(), together: limits.die_together, counted: Counted::by(hierarchy) }
    }

    fn fill(&mut self, hierarchy: &Hierarchy, run: RunId, limits: &Limits) -> io::Result<()> {
        if let Some(tree) = hierarchy.tracking() {
            self.enter(hierarchy, tree, run)?;
        }
        if limits.is_empty() {
            return Ok(());
        }
        if let Some(bytes) = limits.memory {
            self.limit(hierarchy, Tree::Memory, run, |tree, path| limit_memory(tree, path, bytes))?;
        }
        if let Some(cpus) = &limits.cpus {
            self.limit(hierarchy, Tree::Cpuset, run, |_, path| {
                fs::write(path.join("cpuset.cpus"), list(cpus))
            })?;
        }
        if let Some(cpus) = limits.cpu_quota {
            self.limit(hierarchy, Tree::Cpu, run, |tree, path| limit_cpu(tree, path, cpus))?;
        }
        if let Some(count) = limits.pids {
            self.limit(hierarchy, Tree::Pids, run, |_, path| {
                fs::write(path.join("pids.max"), count.to_string())
            })?;
        }
        if !limits.deny_devices.is_empty() {
            self.limit(hierarchy, Tree::Devices, run, |tree, path| {
                devices::deny(tree, path, &limits.deny_devices)
            })?;
        }
        if limits.die_together {
            self.limit(hierarchy, Tree::Memory, run, die_together)?;
        }
        if hierarchy.folder(Tree::Blkio).is_some() {
            self.enter(hierarchy, Tree::Blkio, run)?;
        }
        Ok(())
    }

    /// Holds what is in it to other limits. Memory comes last: the old tree takes no limit below what is in use.
    pub(crate) fn narrow(&mut self, hierarchy: &Hierarchy, run: RunId, limits: &Limits) -> io::Result<()> {
        self.fill(hierarchy, run, &Limits { memory: None, ..limits.clone() })?;
        let Some(bytes) = limits.memory else { return Ok(()) };
        self.limit(hierarchy, Tree::Memory, run, |tree, path| limit_memory(tree, path, bytes))
    }

    /// Makes the folder for one limit, if the machine has such a controller, and writes the limit.
    fn limit(
        &mut self,
        hierarchy: &Hierarchy,
        controller: Tree,
        run: RunId,
        write: impl FnOnce(Tree, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(tree) = hierarchy.tree_for(controller) else { return Ok(()) };
        let path = self.enter(hierarchy, tree, run)?;
        write(tree, &path)
    }

    /// Makes the run's folder in a tree, unless it is there.
    fn enter(&mut self, hierarchy: &Hierarchy, tree: Tree, run: RunId) -> io::Result<PathBuf> {
        if let Some((_, path)) = self.folders.iter().find(|(known, _)| *known == tree) {
            return Ok(path.clone());
        }
        let parent = hierarchy.folder(tree).ok_or(io::ErrorKind::NotFound)?;
        let path = parent.join(run.to_string());
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                hierarchy.restore();
                fs::create_dir(&path)?;
            }
            // Left over from an attempt that died before it could be written down.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        self.folders.push((tree, path.clone()));
        if tree == Tree::Cpuset {
            inherit_cpuset(&path)?;
        }
        Ok(path)
    }

    /// Finds the folders again that an earlier launcher wrote down as `trees`.
    pub(crate) fn found(hierarchy: &Hierarchy, run: RunId, trees: u32) -> Option<Self> {
        let folders: Vec<_> = Tree::ALL
            .into_iter()
            .filter(|tree| trees & tree.bit() != 0)
            .filter_map(|tree| Some((tree, hierarchy.folder(tree)?.join(run.to_string()))))
            .collect();
        let (together, counted) = (trees & TOGETHER != 0, Counted::by(hierarchy));
        (!folders.is_empty()).then_some(Self { folders, together, counted })
    }

    /// Finds whatever folders the run has now.
    pub(crate) fn existing(hierarchy: &Hierarchy, run: RunId) -> Option<Self> {
        let mut found = Self::found(hierarchy, run, u32::MAX)?;
        found.folders.retain(|(_, path)| path.exists());
        (!found.folders.is_empty()).then_some(found)
    }

    /// The number that `found` takes.
    pub(crate) fn trees(&self) -> u32 {
        let together = if self.together { TOGETHER } else { 0 };
        self.folders.iter().fold(together, |bits, (tree, _)| bits | tree.bit())
    }

    /// The ways in.
    pub(crate) fn doors(&self) -> Doors {
        let file = |path: &Path| CString::new(path.join("cgroup.procs").as_os_str().as_bytes()).ok();
        let old = self.folders.iter().filter(|(tree, _)| *tree != Tree::Unified);
        let unified = self.path(Tree::Unified);
        Doors {
            birthplace: unified.and_then(|path| CString::new(path.as_os_str().as_bytes()).ok()),
            unified: unified.and_then(file),
            files: old.filter_map(|(_, path)| file(path)).collect(),
        }
    }

    fn path(&self, tree: Tree) -> Option<&Path> {
        self.folders.iter().find(|(known, _)| *known == tree).map(|(_, path)| path.as_path())
    }

    /// The folder that holds the run together.
    fn tracking(&self) -> Option<&Path> {
        self.path(Tree::Unified).or_else(|| self.path(Tree::Freezer))
    }

    /// Whether the folder knows all processes of the run.
    pub(crate) fn tracks(&self) -> bool {
        self.tracking().is_some()
    }

    /// All living processes of the run.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let Some(path) = self.tracking() else { return Vec::new() };
        let mut found = Vec::new();
        let mut open = vec![path.to_owned()];
        while let Some(path) = open.pop() {
            let text = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
            // Zero stands for a process that this namespace cannot see.
            found.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()).filter(|pid| *pid > 0));
            open.extend(step::below(&path));
        }
        found
    }

    /// Kills everything in it.
    pub(crate) fn kill(&self) {
        if let Some(path) = self.path(Tree::Unified) {
            let _ = fs::write(path.join("cgroup.kill"), "1");
        } else if let Some(path) = self.path(Tree::Freezer) {
            for pid in self.processes() {
                // SAFETY: kill takes no pointers.
                unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
            }
            // The dead stay where they are while they are frozen.
            let _ = fs::write(path.join("freezer.state"), "THAWED");
        }
    }

    /// Suspends everything in it, or lets it go on.
    pub(crate) fn set_frozen(&self, frozen: bool) -> io::Result<()> {
        if let Some(path) = self.path(Tree::Unified) {
            fs::write(path.join("cgroup.freeze"), if frozen { "1" } else { "0" })
        } else if let Some(path) = self.path(Tree::Freezer) {
            fs::write(path.join("freezer.state"), if frozen { "FROZEN" } else { "THAWED" })
        } else {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Whether it is suspended, or about to be.
    pub(crate) fn is_frozen(&self) -> bool {
        let read = |path: &Path, file| fs::read_to_string(path.join(file)).unwrap_or_default();
        match (self.path(Tree::Unified), self.path(Tree::Freezer)) {
            (Some(path), _) => read(path, "cgroup.freeze").trim() == "1",
            (None, Some(path)) => read(path, "freezer.state").trim() != "THAWED",
            (None, None) => false,
        }
    }

    /// CPU time of all that ever was in it: in programs and in the kernel.
    pub(crate) fn cpu_time(&self) -> Option<(Duration, Duration)> {
        // At every end, so in one reading: it is a dozen short lines.
        let mut bytes = [0; 4096];
        let count = File::open(self.path(Tree::Unified)?.join("cpu.stat")).ok()?.read(&mut bytes).ok()?;
        kernel::cpu_stat(std::str::from_utf8(bytes.get(..count)?).ok()?)
    }

    /// The most bytes of memory that were ever in use, page cache included, if memory is controlled.
    pub(crate) fn memory_peak(&self) -> Option<u64> {
        let read = |path: &Path, file| fs::read_to_string(path.join(file)).ok()?.trim().parse().ok();
        match self.path(Tree::Memory) {
            Some(path) => read(path, "memory.max_usage_in_bytes"),
            None => self
                .path(Tree::Unified)
                .filter(|_| self.counted.memory)
                .and_then(|path| read(path, "memory.peak")),
        }
    }

    /// Bytes read from and written to all devices, if input and output is controlled.
    pub(crate) fn storage(&self) -> Option<(u64, u64)> {
        if let Some(path) = self.path(Tree::Blkio) {
            return kernel::blkio(&fs::read_to_string(path.join(BLKIO_BYTES)).ok()?);
        }
        let unified = self.path(Tree::Unified).filter(|_| self.counted.io)?;
        let all = kernel::io_stat(&fs::read_to_string(unified.join("io.stat")).ok()?);
        Some((all.read, all.written))
    }

    /// Whether the kernel killed something in it for want of memory.
    pub(crate) fn was_over_memory(&self) -> bool {
        let killed = |path: &Path, file| {
            let text = fs::read_to_string(path.join(file)).unwrap_or_default();
            kernel::keyed(&text, "oom_kill").is_some_and(|count| count > 0)
        };
        // Only one of the two trees has the controller, and this is done at every end.
        match self.path(Tree::Memory) {
            Some(path) => killed(path, "memory.oom_control"),
            None if !self.counted.memory => false,
            None => self.path(Tree::Unified).is_some_and(|path| killed(path, "memory.events")),
        }
    }

    /// Whether somebody must look now and then if all have to die because one did. The unified tree does that by itself.
    pub(crate) fn wants_a_look(&self) -> bool {
        self.together && self.path(Tree::Memory).is_some()
    }

    /// Removes the folders; says whether all are gone. They stay while a process lives in them.
    pub(crate) fn remove(&self) -> bool {
        self.folders.iter().fold(true, |gone, (_, path)| {
            let removed = remove_with_below(path);
            gone && removed
        })
    }
}

/// Removes a folder of a control group, and those of its steps if they are in the way.
fn remove_with_below(path: &Path) -> bool {
    let removed = || match fs::remove_dir(path) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(()) => true,
    };
    if removed() {
        return true;
    }
    let below = step::below(path);
    !below.is_empty() && below.iter().all(|path| remove_with_below(path)) && removed()
}

/// Whether what programs read and write is counted in this folder of the old tree.
pub(super) fn counts_blocks(folder: &Path) -> bool {
    fs::read_to_string(folder.join(BLKIO_BYTES)).is_ok_and(|text| kernel::blkio(&text).is_some())
}

fn list(cpus: &[u32]) -> String {
    cpus.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn limit_memory(tree: Tree, path: &Path, bytes: u64) -> io::Result<()> {
    let bytes = bytes.to_string();
    if tree == Tree::Unified {
        fs::write(path.join("memory.max"), &bytes)?;
        // Without swap accounting this file does not exist, and then swap cannot be limited.
        return unless_missing(fs::write(path.join("memory.swap.max"), "0"));
    }
    fs::write(path.join("memory.limit_in_bytes"), &bytes)?;
    unless_missing(fs::write(path.join("memory.memsw.limit_in_bytes"), &bytes))
}

/// The old tree cannot do this by itself; see [`RunFolder::wants_a_look`].
fn die_together(tree: Tree, path: &Path) -> io::Result<()> {
    if tree == Tree::Unified {
        return unless_missing(fs::write(path.join("memory.oom.group"), "1"));
    }
    Ok(())
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        // Control group file systems refuse to create files: permission denied instead of not found.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            Ok(())
        }
        other => other,
    }
}

fn limit_cpu(tree: Tree, path: &Path, cpus: f64) -> io::Result<()> {
    // The kernel refuses less than a millisecond a period.
    let quota = ((cpus * PERIOD as f64) as u64).max(1000);
    if tree == Tree::Unified {
        return fs::write(path.join("cpu.max"), format!("{quota} {PERIOD}"));
    }
    fs::write(path.join("cpu.cfs_period_us"), PERIOD.to_string())?;
    fs::write(path.join("cpu.cfs_quota_us"), quota.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The unified tree as a machine has it that mounts nothing else, in a plain folder.
    fn unified(folder: &Path) -> Hierarchy {
        Hierarchy {
            folders: vec![(Tree::Unified, folder.to_owned())],
            fences: false,
            unified_controllers: ["memory", "cpu", "cpuset", "pids", "io"].map(str::to_owned).to_vec(),
            home: None,
        }
    }

    #[test]
    fn limits_of_the_unified_tree_are_written_where_it_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits {
            memory: Some(1 << 20),
            cpus: Some(vec![1, 3]),
            cpu_quota: Some(1.5),
            pids: Some(7),
            deny_devices: vec!["/dev/null".into()],
            die_together: true,
        };
        let run = RunId { key: 5, attempt: 2 };
        let hierarchy = unified(folder.path());
        let made = RunFolder::create(&hierarchy, run, &limits).unwrap().unwrap();
        let read = |file: &str| fs::read_to_string(folder.path().join("5.2").join(file)).unwrap();
        assert_eq!((read("memory.max").as_str(), read("memory.swap.max").as_str()), ("1048576", "0"));
        assert_eq!((read("cpuset.cpus").as_str(), read("cpu.max").as_str()), ("1,3", "150000 100000"));
        assert_eq!((read("pids.max").as_str(), read("memory.oom.group").as_str()), ("7", "1"));
        assert!(!made.wants_a_look() && made.trees() & TOGETHER != 0);
        let doors = made.doors();
        assert!(made.tracks() && doors.files.is_empty());
        assert!(doors.birthplace.is_some_and(|path| path.to_bytes().ends_with(b"/5.2")));
        assert!(doors.unified.is_some_and(|path| path.to_bytes().ends_with(b"/5.2/cgroup.procs")));
        made.kill();
        made.set_frozen(true).unwrap();
        assert_eq!((read("cgroup.kill").as_str(), made.is_frozen()), ("1", true));
        assert_eq!(hierarchy.capabilities().devices, crate::cgroup::Limit::Absent);
    }

    #[test]
    fn usage_of_the_unified_tree_is_read_where_it_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunId { key: 1, attempt: 0 };
        let made = RunFolder::create(&unified(folder.path()), run, &Limits::default()).unwrap().unwrap();
        let write = |file: &str, text: &str| fs::write(folder.path().join("1.0").join(file), text).unwrap();
        assert_eq!((made.cpu_time(), made.memory_peak(), made.storage()), (None, None, None));
        assert!(!made.was_over_memory());
        write("cpu.stat", "usage_usec 30\nuser_usec 10\nsystem_usec 20\n");
        write("memory.peak", "4096\n");
        write("io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:16 rbytes=1 wbytes=2 rios=1 wios=1\n");
        write("memory.events", "low 0\noom 1\noom_kill 2\n");
        let micros = Duration::from_micros;
        assert_eq!(made.cpu_time(), Some((micros(10), micros(20))));
        assert_eq!((made.memory_peak(), made.storage()), (Some(4096), Some((11, 22))));
        assert!(made.was_over_memory());
    }
}
