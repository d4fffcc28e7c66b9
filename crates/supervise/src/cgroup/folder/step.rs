//! A step's control group: below that of its run, so that the run's limits hold for all its steps together.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Counted, RunFolder, TOGETHER, die_together, limit_memory, list};
use crate::cgroup::{Hierarchy, Tree, devices, inherit_cpuset};
use crate::launch::Limits;
use crate::run::RunId;

/// What the folders of steps are called, before their number.
const PREFIX: &str = "step_";
/// Where the processes of a run go that are in no step, once the kernel wants it so.
const REST: &str = "rest";

impl RunFolder {
    /// Makes the folders of a step and writes its limits. Nothing stays behind if that fails.
    pub(crate) fn step(
        run: Option<&Self>,
        hierarchy: &Hierarchy,
        id: RunId,
        number: u32,
        limits: &Limits,
    ) -> io::Result<Option<Self>> {
        let mut folder = Self::empty(hierarchy, limits);
        let made = folder.fill_step(run, hierarchy, id, number, limits);
        if let Err(error) = made {
            folder.remove();
            return Err(error);
        }
        Ok((!folder.folders.is_empty()).then_some(folder))
    }

    fn fill_step(
        &mut self,
        run: Option<&Self>,
        hierarchy: &Hierarchy,
        id: RunId,
        number: u32,
        limits: &Limits,
    ) -> io::Result<()> {
        for (tree, above) in run.iter().flat_map(|run| &run.folders) {
            // In the unified tree the limits can be set below only when nobody is left above.
            if *tree == Tree::Unified && !limits.is_empty() && hierarchy.limits_in(Tree::Unified) {
                hand_down(above)?;
            }
            self.enter_step(*tree, above.join(format!("{PREFIX}{number}")))?;
        }
        let beside = format!("{id}.{PREFIX}{number}");
        let mut place = |controller| -> io::Result<Option<(Tree, PathBuf)>> {
            let Some(tree) = hierarchy.tree_for(controller) else { return Ok(None) };
            if self.path(tree).is_none() {
                let Some(base) = hierarchy.folder(tree) else { return Ok(None) };
                self.enter_step(tree, base.join(&beside))?;
            }
            Ok(self.path(tree).map(|path| (tree, path.to_owned())))
        };
        if let Some(bytes) = limits.memory
            && let Some((tree, path)) = place(Tree::Memory)?
        {
            limit_memory(tree, &path, bytes)?;
        }
        if let Some(cpus) = &limits.cpus
            && let Some((_, path)) = place(Tree::Cpuset)?
        {
            fs::write(path.join("cpuset.cpus"), list(cpus))?;
        }
        if limits.die_together
            && let Some((tree, path)) = place(Tree::Memory)?
        {
            die_together(tree, &path)?;
        }
        if !limits.deny_devices.is_empty()
            && let Some((tree, path)) = place(Tree::Devices)?
        {
            devices::deny(tree, &path, &limits.deny_devices)?;
        }
        Ok(())
    }

    fn enter_step(&mut self, tree: Tree, path: PathBuf) -> io::Result<()> {
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => self.folders.push((tree, path.clone())),
        }
        if tree == Tree::Cpuset { inherit_cpuset(&path) } else { Ok(()) }
    }

    /// The folders with their trees' numbers, for a launcher that executes itself anew.
    pub(crate) fn places(&self) -> Vec<(u32, PathBuf)> {
        let together = if self.together { TOGETHER } else { 0 };
        self.folders.iter().map(|(tree, path)| (tree.bit() | together, path.clone())).collect()
    }

    /// Takes folders as `places` gave them.
    pub(crate) fn at_places(places: Vec<(u32, PathBuf)>) -> Option<Self> {
        let tree = |bit: u32| Tree::ALL.into_iter().find(|tree| tree.bit() == bit & !TOGETHER);
        let together = places.iter().any(|(bit, _)| bit & TOGETHER != 0);
        let folders: Vec<_> = places.into_iter().filter_map(|(bit, path)| Some((tree(bit)?, path))).collect();
        (!folders.is_empty()).then_some(Self { folders, together, counted: Counted::PERHAPS_ALL })
    }

    /// Finds the folders of the steps that a launcher before us has left below those of a run.
    pub(crate) fn steps_below(&self) -> Vec<Self> {
        let mut found: Vec<(String, Self)> = Vec::new();
        for (tree, folder) in &self.folders {
            for below in below(folder) {
                let name = below.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if !name.starts_with(PREFIX) {
                    continue;
                }
                match found.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, step)) => step.folders.push((*tree, below)),
                    None => {
                        let step =
                            Self { folders: vec![(*tree, below)], together: false, counted: self.counted };
                        found.push((name, step));
                    }
                }
            }
        }
        found.into_iter().map(|(_, step)| step).collect()
    }
}

/// Lists the folders in a folder.
pub(super) fn below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries.flatten().filter(is_folder).map(|entry| entry.path()).collect()
}

/// Moves everybody in a folder of the unified tree one floor down, and hands its controllers to the folders there.
fn hand_down(folder: &Path) -> io::Result<()> {
    let available = fs::read_to_string(folder.join("cgroup.controllers")).unwrap_or_default();
    let enabled = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
    let missing: Vec<&str> = available
        .split_ascii_whitespace()
        .filter(|name| !enabled.split_ascii_whitespace().any(|known| known == *name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let rest = folder.join(REST);
    match fs::create_dir(&rest) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Whoever is born meanwhile is born above and moved in the next round.
    for _ in 0..100 {
        let inside = fs::read_to_string(folder.join("cgroup.procs"))?;
        if inside.trim().is_empty() {
            break;
        }
        for pid in inside.lines() {
            let _ = fs::write(rest.join("cgroup.procs"), pid);
        }
    }
    for controller in missing {
        fs::write(folder.join("cgroup.subtree_control"), format!("+{controller}"))?;
    }
    // What was true of everybody is now true of those who were there.
    let together = fs::read_to_string(folder.join("memory.oom.group")).unwrap_or_default();
    if together.trim() == "1" {
        fs::write(rest.join("memory.oom.group"), "1")?;
        fs::write(folder.join("memory.oom.group"), "0")?;
    }
    Ok(())
}
