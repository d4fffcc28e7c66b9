//! Where batch scripts are put if the configuration does not say.

use engine::local::PrivateTmp;
use rustix::fs::{FsWord, StatVfsMountFlags, statfs, statvfs};
use std::fs::{DirBuilder, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What marks a file system in memory.
const IN_MEMORY: FsWord = 0x0102_1994;
/// A file system in memory is of use if it holds so many bytes: some hundred scripts of the largest size.
const ENOUGH: u64 = 256 << 20;

/// Returns where batch scripts are put. Each user must be able to reach their own; into root's private state directory
/// nobody else can, so root's service puts them elsewhere, under a name that belongs to the state directory.
pub(super) fn default_spool(state: &Path, private_tmp: PrivateTmp) -> PathBuf {
    if uzers::get_effective_uid() != 0 {
        return state.join("spool");
    }
    // A state directory that was made anew at the same place is another one: what the jobs of the old one leave behind
    // must not meet scripts of the new one that have the same numbers.
    let identity = std::fs::metadata(state).ok().map(|metadata| (metadata.ino(), metadata.created().ok()));
    let mut hash = DefaultHasher::new();
    (state, identity).hash(&mut hash);
    base(private_tmp).join(format!("{:016x}", hash.finish()))
}

/// `/run/quintet`; where `/run` lies on a disk, as in many containers, `/dev/shm/quintet` if that serves as well: to make
/// and remove a script on a disk takes longer than many a program that is started.
fn base(private_tmp: PrivateTmp) -> PathBuf {
    let shared = Path::new("/dev/shm/quintet");
    // Jobs that have a /dev/shm of their own would not find their scripts in the shared one.
    let is_seen = private_tmp == PrivateTmp::Never;
    if is_seen && !is_in_memory(Path::new("/run")) && serves(Path::new("/dev/shm")) && is_ours(shared) {
        return shared.to_owned();
    }
    PathBuf::from("/run/quintet")
}

fn is_in_memory(folder: &Path) -> bool {
    statfs(folder).is_ok_and(|system| system.f_type == IN_MEMORY)
}

/// Whether programs can be executed in a file system in memory, and there is room for them.
fn serves(folder: &Path) -> bool {
    is_in_memory(folder)
        && statvfs(folder).is_ok_and(|system| {
            let forbidden = StatVfsMountFlags::NOEXEC | StatVfsMountFlags::RDONLY;
            !system.f_flag.intersects(forbidden) && system.f_blocks.saturating_mul(system.f_frsize) >= ENOUGH
        })
}

/// Makes a folder, or looks whether nobody else has made it: everybody can write to the one above.
fn is_ours(folder: &Path) -> bool {
    if DirBuilder::new().mode(0o700).create(folder).is_ok() {
        // Everybody can pass to what they know the name of, whatever mask this process has.
        return std::fs::set_permissions(folder, Permissions::from_mode(0o711)).is_ok();
    }
    std::fs::symlink_metadata(folder)
        .is_ok_and(|found| found.is_dir() && found.uid() == 0 && found.mode() & 0o033 == 0o011)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn each_state_has_a_place_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, private| {
            let state = folder.path().join(name);
            fs::create_dir_all(&state).unwrap();
            default_spool(&state, private)
        };
        assert_eq!(place("one", PrivateTmp::Always), place("one", PrivateTmp::Always));
        assert_ne!(place("one", PrivateTmp::Always), place("two", PrivateTmp::Always));
        if uzers::get_effective_uid() == 0 {
            assert!(place("one", PrivateTmp::Always).starts_with("/run/quintet"), "jobs must see it");
        }
    }

    #[test]
    fn what_others_can_change_is_not_taken() {
        if uzers::get_effective_uid() != 0 {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("ours");
        assert!(is_ours(&ours) && is_ours(&ours));
        fs::set_permissions(&ours, Permissions::from_mode(0o777)).unwrap();
        assert!(!is_ours(&ours));
        let (linked, target) = (folder.path().join("linked"), folder.path().join("target"));
        fs::create_dir(&target).unwrap();
        symlink(&target, &linked).unwrap();
        assert!(!is_ours(&linked), "a link leads wherever its maker wants");
        fs::set_permissions(&target, Permissions::from_mode(0o711)).unwrap();
        assert!(is_ours(&target));
        std::os::unix::fs::chown(&target, Some(65534), None).unwrap();
        assert!(!is_ours(&target));
    }
}
