//! Folders that a run has for itself in place of those that everybody shares, `/tmp` for one: made before it, removed
//! after it with all that is in them. Laying them over the shared ones is done in the run's own process.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::launch::Private;

/// Makes the folders for a user. One that is there already stays as it is: a lasting one is shared by many runs.
pub(crate) fn make(private: &Private, owner: Option<(u32, u32)>) -> io::Result<()> {
    for (folder, _) in &private.folders {
        let above = folder.parent().ok_or(io::ErrorKind::InvalidInput)?;
        closed_folder(above)?;
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => {
                if let Some((uid, gid)) = owner {
                    std::os::unix::fs::lchown(folder, Some(uid), Some(gid))?;
                }
                // Like the shared one; nobody else gets here.
                fs::set_permissions(folder, fs::Permissions::from_mode(0o1777))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes a folder that only its owner can enter, and those above it. Somebody else's folder in its place is refused: it
/// may lie in one that everybody can write to.
fn closed_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
            return closed_folder(folder);
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let metadata = fs::symlink_metadata(folder)?;
    let is_ours = metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw();
    if is_ours && metadata.mode() & 0o077 == 0 { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// Removes folders in a process of its own, since that may take long. Returns its number.
pub(crate) fn remove_in_child(folders: &[PathBuf]) -> io::Result<u32> {
    // SAFETY: launchers have one thread, so the child may do whatever the parent may.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let removed = folders.iter().all(|folder| remove(folder).is_ok());
            // SAFETY: ends the process without running what belongs to the parent.
            unsafe { libc::_exit(i32::from(!removed)) }
        }
        pid => Ok(pid as u32),
    }
}

/// Removes a folder with all that is in it. Never follows a link, and needs the same few descriptors however deep the
/// folders are nested: what lies in inner ones is moved up first.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let top = match rustix::fs::openat(CWD, folder, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    let mut moved = 0;
    loop {
        let mut went_on = false;
        let mut is_empty = true;
        for entry in Dir::read_from(&top)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            is_empty = false;
            if entry.file_type() != FileType::Directory
                && rustix::fs::unlinkat(&top, name, AtFlags::empty()).is_ok()
            {
                went_on = true;
                continue;
            }
            let inner = match rustix::fs::openat(&top, name, flags, Mode::empty()) {
                Ok(inner) => inner,
                Err(_) => continue,
            };
            went_on |= empty_into(&top, &inner, &mut moved)?;
            went_on |= rustix::fs::unlinkat(&top, name, AtFlags::REMOVEDIR).is_ok();
        }
        if is_empty {
            return fs::remove_dir(folder);
        }
        if !went_on {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
    }
}

/// Removes files of a folder and moves its folders to the top. Says whether anything was done.
fn empty_into(
    top: &impl std::os::fd::AsFd,
    inner: &impl std::os::fd::AsFd,
    moved: &mut u64,
) -> io::Result<bool> {
    let mut went_on = false;
    for entry in Dir::read_from(inner)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if rustix::fs::unlinkat(inner, name, AtFlags::empty()).is_ok() {
            went_on = true;
            continue;
        }
        loop {
            *moved += 1;
            let up = format!(".moved-{moved}");
            match rustix::fs::renameat_with(inner, name, top, up.as_bytes(), RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => {}
                result => {
                    went_on |= result.is_ok();
                    break;
                }
            }
        }
    }
    Ok(went_on)
}

/// Names the folders a run has to itself, as the launcher removes them.
pub(crate) fn folders(private: &Private) -> Vec<PathBuf> {
    private.folders.iter().map(|(folder, _)| folder.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_and_hostile_tree_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "x").unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir(&tree).unwrap();
        std::os::unix::fs::symlink(&kept, tree.join("link")).unwrap();
        fs::create_dir(tree.join(".moved-1")).unwrap();
        fs::write(tree.join(".moved-1/x"), "").unwrap();
        // Deeper than a process can have files open, and than a path can be long.
        let mut at = rustix::fs::open(&tree, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&at, "deep", Mode::from_raw_mode(0o700)).unwrap();
            rustix::fs::symlinkat(&kept, &at, "out").ok();
            at = rustix::fs::openat(&at, "deep", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        }
        remove(&tree).unwrap();
        assert!(!tree.exists());
        assert_eq!(fs::read_to_string(kept.join("file")).unwrap(), "x");
        remove(&tree).unwrap();
    }

    #[test]
    fn a_folder_in_the_way_that_others_can_enter_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        let private =
            |inside: &Path| Private { folders: vec![(inside.join("tmp"), "/tmp".into())], lasting: false };
        assert!(make(&private(&open), None).is_err());
        std::os::unix::fs::symlink(&open, folder.path().join("link")).unwrap();
        assert!(make(&private(&folder.path().join("link")), None).is_err());
        let closed = private(&folder.path().join("a/b"));
        make(&closed, None).unwrap();
        make(&closed, None).unwrap();
        assert_eq!(folders(&closed).len(), 1);
    }
}
