//! The commands that jobs find on their `PATH`: a folder beside their scripts with links to this program, which goes by
//! the name it is called by. It comes first, since another Slurm's commands would know nothing of the job.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

/// What jobs can call.
const COMMANDS: &[&str] = &["srun"];

/// Where programs are looked for in a job that was submitted without a `PATH`. A shell would look there by itself, but
/// then it would not find ours.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the folder and its links, and returns the folder. Links to another program are replaced.
///
/// # Errors
/// If they cannot be made.
pub(super) fn link(spool: &Path, exe: &Path) -> io::Result<PathBuf> {
    let folder = spool.join("bin");
    match std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for command in COMMANDS {
        let link = folder.join(command);
        if std::fs::read_link(&link).is_ok_and(|linked| linked == exe) {
            continue;
        }
        // Jobs that run may call it at any moment, so there is always one.
        let new = folder.join(format!(".{command}.{}", std::process::id()));
        symlink(exe, &new)?;
        std::fs::rename(&new, &link)?;
    }
    Ok(folder)
}

/// Puts a folder before everything on a job's `PATH`.
pub(super) fn put_first(folder: &Path, environment: &mut Vec<(OsString, OsString)>) {
    let joined = |rest: &OsStr| {
        let mut path = folder.as_os_str().to_owned();
        path.push(":");
        path.push(rest);
        path
    };
    match environment.iter_mut().find(|(name, _)| name == "PATH") {
        Some((_, path)) => {
            let present = std::mem::take(path);
            *path = if present.is_empty() { folder.as_os_str().to_owned() } else { joined(&present) };
        }
        None => environment.push(("PATH".into(), joined(OsStr::new(USUAL_PATH)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_comes_first() {
        let check = |given: &[(&str, &str)], told: &[(&str, &str)]| {
            let owned = |list: &[(&str, &str)]| -> Vec<(OsString, OsString)> {
                list.iter().map(|(name, value)| (OsString::from(*name), OsString::from(*value))).collect()
            };
            let mut environment = owned(given);
            put_first(Path::new("/s/bin"), &mut environment);
            assert_eq!(environment, owned(told));
        };
        check(&[("A", "1"), ("PATH", "/bin:/usr/bin/")], &[("A", "1"), ("PATH", "/s/bin:/bin:/usr/bin/")]);
        check(&[("PATH", "")], &[("PATH", "/s/bin")]);
        let usual = format!("/s/bin:{USUAL_PATH}");
        check(&[], &[("PATH", usual.as_str())]);
    }

    #[test]
    fn links_follow_the_program() {
        let spool = tempfile::tempdir().unwrap();
        for exe in ["/old/quintet", "/old/quintet", "/new/quintet"] {
            let folder = link(&spool.path().join("spool"), Path::new(exe)).unwrap();
            assert_eq!(std::fs::read_link(folder.join("srun")).unwrap(), Path::new(exe));
        }
    }
}
