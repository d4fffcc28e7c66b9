//! What instances leave on the machine that were killed and whose state was removed: control groups that nobody is in,
//! and folders outside the state. Each instance of root's says in a common folder what it makes; the next one to start,
//! whichever it is, looks after those whose state is gone, to which nobody can come back.

use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::cgroup::{instance_folders, instance_name};
use crate::private;

/// Where root's instances say what they make; gone with the machine's boot, as is what it speaks of.
const REGISTRY: &str = "/run/quintet/instances";

/// Where root's instances have folders of their own: only there anything is removed.
const PLACES: [&str; 2] = ["/run/quintet", "/dev/shm/quintet"];

/// Looks after dead instances, and says what this one makes outside its folder. Does nothing unless run by root.
pub(crate) fn tidy(dir: &Path, traces: &[PathBuf]) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let registry = Path::new(REGISTRY);
    // Whatever goes wrong here is about what is dead, and no reason not to live.
    if let Err(error) = sweep(registry, dir).and_then(|()| register(registry, dir, traces)) {
        tracing::warn!(%error, "what dead instances left could not be looked after");
    }
}

fn register(registry: &Path, dir: &Path, traces: &[PathBuf]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(registry)?;
    let mut text = Vec::new();
    for path in std::iter::once(dir).chain(traces.iter().map(PathBuf::as_path)) {
        text.extend_from_slice(path.as_os_str().as_bytes());
        text.push(0);
    }
    fs::write(registry.join(instance_name(dir)), text)
}

fn sweep(registry: &Path, own: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(registry) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    // What others could have written there would have us remove anything.
    if fs::symlink_metadata(registry)?.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    for entry in entries.flatten() {
        let text = fs::read(entry.path()).unwrap_or_default();
        let mut paths = text
            .split(|byte| *byte == 0)
            .filter(|path| !path.is_empty())
            .map(|path| PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())));
        // As long as its folder is there, it can come back and looks after itself.
        if paths.next().is_none_or(|dir| dir == own || dir.exists()) {
            continue;
        }
        for folder in instance_folders(&entry.file_name().to_string_lossy()) {
            remove_empty(&folder);
        }
        let is_ours =
            |path: &PathBuf| PLACES.iter().any(|place| path.starts_with(place) && path != Path::new(place));
        paths.filter(is_ours).for_each(|path| drop(private::remove(&path)));
        let _ = fs::remove_file(entry.path());
    }
    Ok(())
}

/// Removes a folder of control groups and those in it, as far as nobody is in them.
fn remove_empty(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_are_looked_after_and_the_living_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let registry = folder.path().join("registry");
        let (gone, alive, own) =
            (folder.path().join("gone"), folder.path().join("alive"), folder.path().join("own"));
        let trace = folder.path().join("trace");
        fs::create_dir(&trace).unwrap();
        register(&registry, &gone, std::slice::from_ref(&trace)).unwrap();
        fs::create_dir(&alive).unwrap();
        register(&registry, &alive, &[]).unwrap();
        register(&registry, &own, &[]).unwrap();
        sweep(&registry, &own).unwrap();
        let left = |dir: &Path| registry.join(instance_name(dir)).exists();
        assert_eq!((left(&gone), left(&alive), left(&own)), (false, true, true));
        assert!(trace.exists(), "nothing outside our own folder is ever removed");
    }

    #[test]
    fn folders_in_folders_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir_all(top.join("1.0/step")).unwrap();
        remove_empty(&top);
        assert!(!top.exists());
    }
}
