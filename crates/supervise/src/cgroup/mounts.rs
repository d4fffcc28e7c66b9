//! Where control groups are mounted and where in them this process is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The mounts and the own place in each tree.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    unified: Option<Mount>,
    controllers: Vec<(String, Mount)>,
    own_unified: String,
    own: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    /// Which folder of the tree is visible at the mount point.
    root: String,
    point: PathBuf,
}

impl Mounts {
    /// Reads them from `/proc/self`.
    pub(super) fn read() -> io::Result<Self> {
        Ok(Self::parse(
            &fs::read_to_string("/proc/self/mountinfo")?,
            &fs::read_to_string("/proc/self/cgroup")?,
        ))
    }

    fn parse(mountinfo: &str, membership: &str) -> Self {
        let mut mounts = Self::default();
        for line in mountinfo.lines() {
            mounts.add_mount(line);
        }
        for line in membership.lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(_), Some(names), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            if names.is_empty() {
                path.clone_into(&mut mounts.own_unified);
            } else {
                mounts.own.extend(names.split(',').map(|name| (name.to_owned(), path.to_owned())));
            }
        }
        mounts
    }

    /// Reads one line of mountinfo: fields, a dash, the type, the source, the options of the tree.
    fn add_mount(&mut self, line: &str) {
        let Some((place, kind)) = line.split_once(" - ") else { return };
        let place: Vec<&str> = place.split(' ').collect();
        let kind: Vec<&str> = kind.split(' ').collect();
        let (Some(root), Some(point), Some(name)) = (place.get(3), place.get(4), kind.first()) else {
            return;
        };
        let mount = Mount { root: unescape(root), point: PathBuf::from(unescape(point)) };
        match *name {
            "cgroup2" if self.unified.is_none() => self.unified = Some(mount),
            "cgroup" => {
                for option in kind.get(2).unwrap_or(&"").split(',') {
                    self.controllers.push((option.to_owned(), mount.clone()));
                }
            }
            _ => {}
        }
    }

    /// The folder of the unified tree that ours shall be in: its root for root, else the own one, if it was
    /// given to this user.
    pub(super) fn unified_base(&self, is_root: bool) -> Option<PathBuf> {
        let mount = self.unified.as_ref()?;
        if is_root { Some(mount.point.clone()) } else { mount.inside(&self.own_unified) }
    }

    /// The folder of a version 1 controller that ours shall be in: the own one, so that limits from above hold.
    pub(super) fn v1_base(&self, controller: &str) -> Option<PathBuf> {
        let (_, mount) = self.controllers.iter().find(|(name, _)| name == controller)?;
        let (_, own) = self.own.iter().find(|(name, _)| name == controller)?;
        mount.inside(own)
    }
}

impl Mount {
    /// Where a folder of the tree is seen in the file system.
    fn inside(&self, path: &str) -> Option<PathBuf> {
        let relative = Path::new(path).strip_prefix(&self.root).ok()?;
        Some(self.point.join(relative))
    }
}

/// Undoes the octal escapes of mountinfo.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
32 30 0:28 /docker/ab /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
33 30 0:29 / /sys/fs/cgroup/memory\\040x rw - cgroup cgroup rw,memory";

    #[test]
    fn a_hybrid_machine_is_understood() {
        let own = "9:memory:/a/b\n2:cpu,cpuacct:/docker/ab/c\n1:name=systemd:/\n0::/user.slice/x";
        let mounts = Mounts::parse(HYBRID, own);
        assert_eq!(mounts.unified_base(true), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(mounts.unified_base(false), Some("/sys/fs/cgroup/unified/user.slice/x".into()));
        assert_eq!(mounts.v1_base("memory"), Some("/sys/fs/cgroup/memory x/a/b".into()));
        assert_eq!(mounts.v1_base("cpu"), Some("/sys/fs/cgroup/cpu,cpuacct/c".into()));
        assert_eq!(mounts.v1_base("pids"), None);
    }

    #[test]
    fn a_place_outside_the_mount_is_no_place() {
        let mounts = Mounts::parse(HYBRID, "2:cpu:/elsewhere\n");
        assert_eq!(mounts.v1_base("cpu"), None);
    }

    #[test]
    fn nothing_mounted_is_nothing_found() {
        let mounts = Mounts::parse("broken line\n1 2 - \n", "x\n");
        assert_eq!(mounts.unified_base(true), None);
        assert_eq!(mounts.v1_base("memory"), None);
    }
}
