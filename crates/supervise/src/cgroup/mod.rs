//! Control groups: what this machine offers, and one folder for each run below one folder of this instance.
//! Plain files, and a program for the kernel where version 2 has no file (`fence`). Version 2 is preferred; a version 1
//! controller is used where a limit is wanted and only it has it.

mod devices;
mod fence;
mod folder;
mod mounts;

pub(crate) use folder::{Doors, RunFolder};

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use mounts::Mounts;

/// What can be limited, killed and measured here, said honestly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Memory of a run.
    pub memory: Limit,
    /// The CPUs that a run may use.
    pub cpus: Limit,
    /// CPU time per second.
    pub cpu_quota: Limit,
    /// Number of processes.
    pub pids: Limit,
    /// Device files.
    pub devices: Limit,
    /// Killing a run with all that it started.
    pub kill: Limit,
    /// Suspending a run without its notice.
    pub freeze: Limit,
    /// CPU time of everything in a run.
    pub accounting: Limit,
    /// Whether runs can have a user other than the server's.
    pub users: bool,
    /// Which kind of control groups was found usable.
    pub version: CgroupVersion,
}

/// How far something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The kernel enforces it; a run cannot escape.
    Enforced,
    /// It is done as well as can be without a control group; a run can escape.
    Advisory,
    /// It is not done.
    Absent,
}

/// Which control groups can be written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupVersion {
    /// None.
    None,
    /// Only version 1 controllers.
    V1,
    /// Only the unified tree.
    V2,
    /// The unified tree for killing and measuring, version 1 controllers for limits.
    Hybrid,
}

/// The trees a run's folder can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    Unified,
    Memory,
    Cpu,
    Cpuset,
    Pids,
    Devices,
    Freezer,
    Blkio,
}

impl Tree {
    pub(crate) const ALL: [Self; 8] = [
        Self::Unified,
        Self::Memory,
        Self::Cpu,
        Self::Cpuset,
        Self::Pids,
        Self::Devices,
        Self::Freezer,
        Self::Blkio,
    ];

    /// The controller's name; the unified tree has none.
    fn controller(self) -> &'static str {
        match self {
            Self::Unified => "",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Cpuset => "cpuset",
            Self::Pids => "pids",
            Self::Devices => "devices",
            Self::Freezer => "freezer",
            Self::Blkio => "blkio",
        }
    }

    /// The bit that stands for it in the journal.
    fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// The folders of this instance, one per tree that can be written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hierarchy {
    folders: Vec<(Tree, PathBuf)>,
    /// The controllers that run folders of the unified tree have.
    unified_controllers: Vec<String>,
    /// Devices can be fenced off in the unified tree.
    fences: bool,
    /// Where the launcher was before it moved; it moves back before the folders are removed.
    home: Option<PathBuf>,
}

impl Hierarchy {
    /// Uses no control groups at all.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Finds out what can be written and makes this instance's folders there.
    pub(crate) fn open(state: &Path) -> Self {
        let Ok(mounts) = Mounts::read() else { return Self::none() };
        let name = instance_name(state);
        let mut hierarchy = Self::default();
        if let Some(base) = mounts.unified_base(is_root()) {
            hierarchy.open_unified(base, &name);
        }
        for tree in Tree::ALL.into_iter().filter(|tree| *tree != Tree::Unified) {
            let taken = hierarchy.unified_controllers.iter().any(|name| name == tree.controller());
            // The freezer is only wanted as the tree that holds a run together.
            let wanted = match tree {
                Tree::Freezer => hierarchy.folder(Tree::Unified).is_none(),
                // The unified tree counts the same under another name.
                Tree::Blkio => !hierarchy.unified_controllers.iter().any(|name| name == "io"),
                _ => !taken,
            };
            if let Some(base) = mounts.v1_base(tree.controller()).filter(|_| wanted) {
                hierarchy.open_v1(tree, &base.join(&name));
            }
        }
        hierarchy
    }

    fn open_unified(&mut self, base: PathBuf, name: &str) {
        let folder = base.join(name);
        if make_folder(&folder).is_err() || !folder.join("cgroup.kill").exists() {
            let _ = fs::remove_dir(&folder);
            return;
        }
        // Refused where the base holds processes and is not the root; then there is killing but no limiting.
        for controller in ["memory", "cpu", "cpuset", "pids", "io"] {
            let _ = fs::write(base.join("cgroup.subtree_control"), format!("+{controller}"));
            let _ = fs::write(folder.join("cgroup.subtree_control"), format!("+{controller}"));
        }
        let enabled = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
        self.unified_controllers = enabled.split_ascii_whitespace().map(str::to_owned).collect();
        self.fences = fence::are_possible(&folder);
        self.home = Some(base);
        self.folders.push((Tree::Unified, folder));
    }

    fn open_v1(&mut self, tree: Tree, folder: &Path) {
        // Newer kernels have the file and count nothing; then a folder more for every run is for nothing.
        if tree == Tree::Blkio && !folder.parent().is_some_and(folder::counts_blocks) {
            return;
        }
        let usable = make_folder(folder).is_ok()
            && match tree {
                Tree::Cpuset => inherit_cpuset(folder).is_ok(),
                Tree::Cpu => folder.join("cpu.cfs_quota_us").exists(),
                _ => true,
            };
        if usable {
            self.folders.push((tree, folder.to_owned()));
        }
    }

    fn folder(&self, tree: Tree) -> Option<&Path> {
        self.folders.iter().find(|(known, _)| *known == tree).map(|(_, folder)| folder.as_path())
    }

    /// The tree that a controller's limits are written to.
    fn tree_for(&self, tree: Tree) -> Option<Tree> {
        let is_unified = match tree {
            // No controller there, yet possible.
            Tree::Devices => self.fences,
            _ => self.unified_controllers.iter().any(|name| name == tree.controller()),
        };
        if is_unified {
            return Some(Tree::Unified);
        }
        self.folder(tree).map(|_| tree)
    }

    /// Whether limits of runs are written to this tree.
    fn limits_in(&self, tree: Tree) -> bool {
        tree != Tree::Unified || !self.unified_controllers.is_empty()
    }

    /// The tree that every run gets a folder in.
    fn tracking(&self) -> Option<Tree> {
        [Tree::Unified, Tree::Freezer].into_iter().find(|tree| self.folder(*tree).is_some())
    }

    /// Whether every run is held together by a folder.
    pub(crate) fn tracks(&self) -> bool {
        self.tracking().is_some()
    }

    /// Makes the folders again if the last launcher to leave has removed them.
    pub(crate) fn restore(&self) {
        for (tree, folder) in &self.folders {
            if !folder.exists() && make_folder(folder).is_ok() {
                match tree {
                    Tree::Unified => self.unified_controllers.iter().for_each(|controller| {
                        let _ = fs::write(folder.join("cgroup.subtree_control"), format!("+{controller}"));
                    }),
                    Tree::Cpuset => drop(inherit_cpuset(folder)),
                    _ => {}
                }
            }
        }
    }

    /// Moves this process out of its service's group, so that stopping the service does not end the launcher.
    pub(crate) fn shelter_launcher(&self) {
        if let Some(folder) = self.folder(Tree::Unified).filter(|_| is_root()) {
            let own = folder.join("launcher");
            let _ = make_folder(&own).and_then(|()| fs::write(own.join("cgroup.procs"), "0"));
        }
    }

    /// Removes the folders if nobody is in them any more.
    pub(crate) fn leave(&self) {
        if let (Some(home), Some(folder)) = (&self.home, self.folder(Tree::Unified)) {
            let _ = fs::write(home.join("cgroup.procs"), "0");
            if fs::remove_dir(folder.join("launcher")).is_ok() {
                // The last to leave takes along what launchers left that were killed in the middle of a start.
                self.folders.iter().for_each(|(_, folder)| remove_empty_folders(folder));
            }
        }
        for (_, folder) in &self.folders {
            let _ = fs::remove_dir(folder);
        }
    }

    /// Says what this allows.
    pub(crate) fn capabilities(&self) -> Capabilities {
        let enforced = |tree| if self.tree_for(tree).is_some() { Limit::Enforced } else { Limit::Absent };
        let at_least = |limit| if limit == Limit::Absent { Limit::Advisory } else { limit };
        let unified = self.folder(Tree::Unified).is_some();
        let old = self.folders.iter().any(|(tree, _)| *tree != Tree::Unified);
        let tracked = if self.tracks() { Limit::Enforced } else { Limit::Absent };
        Capabilities {
            memory: enforced(Tree::Memory),
            cpus: at_least(enforced(Tree::Cpuset)),
            cpu_quota: enforced(Tree::Cpu),
            pids: enforced(Tree::Pids),
            devices: enforced(Tree::Devices),
            kill: at_least(tracked),
            freeze: at_least(tracked),
            accounting: if unified { Limit::Enforced } else { Limit::Advisory },
            users: may_change_user(),
            version: match (unified, old) {
                (false, false) => CgroupVersion::None,
                (false, true) => CgroupVersion::V1,
                (true, false) => CgroupVersion::V2,
                (true, true) => CgroupVersion::Hybrid,
            },
        }
    }
}

/// Names this instance's folder after its state folder, so that several can live on one machine.
pub(crate) fn instance_name(state: &Path) -> String {
    let state = state.canonicalize().unwrap_or_else(|_| state.to_owned());
    // FNV-1a: unlike the standard library's hash it is the same in every build, and builds share the folder.
    let hash = state.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("quintet-{hash:016x}")
}

/// Lists the folders that an instance of this name has in any tree.
pub(crate) fn instance_folders(name: &str) -> Vec<PathBuf> {
    let Ok(mounts) = Mounts::read() else { return Vec::new() };
    let unified = mounts.unified_base(is_root());
    let old = Tree::ALL.iter().filter_map(|tree| mounts.v1_base(tree.controller()));
    // No name of ours has a slash, and none leads up.
    let is_ours = name.starts_with("quintet-") && !name.contains('/');
    let folders = unified.into_iter().chain(old).map(|base| base.join(name));
    folders.filter(|folder| is_ours && folder.is_dir()).collect()
}

/// Removes the folders in a folder that nobody is in.
fn remove_empty_folders(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let _ = fs::remove_dir(entry.path());
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Version 1 gives a new cpuset no CPU at all; it must be copied from above before anything can enter.
fn inherit_cpuset(folder: &Path) -> io::Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let own = fs::read_to_string(folder.join(file))?;
        if own.trim().is_empty() {
            let above = folder.parent().map(|parent| parent.join(file)).unwrap_or_default();
            fs::write(folder.join(file), fs::read(above)?)?;
        }
    }
    Ok(())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether this process has the capabilities CAP_SETGID (6) and CAP_SETUID (7).
fn may_change_user() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    match effective.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()) {
        Some(bits) => bits & 0b1100_0000 == 0b1100_0000,
        None => is_root(),
    }
}
