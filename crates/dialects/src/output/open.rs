//! Opens a job's output file so that nothing else can be had by it: no device, no pipe, no symbolic link at its end,
//! no file that the job's user could not read. The path is walked one directory at a time, and what was
//! checked is what is opened.

use super::reader::{Reader, Rights};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, fstatfs, open, openat, readlinkat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// Symbolic links passed on the way before it is called a circle, as many as in the kernel.
const MOST_LINKS: usize = 40;
/// Names on the way, links included; longer than any path.
const MOST_NAMES: usize = 4096;

/// Why a file is not opened.
#[derive(Debug)]
pub(crate) enum Closed {
    /// It is not there.
    Missing,
    /// It must not be shown.
    Refused(&'static str),
    /// The system says no.
    Failed(io::Error),
}

impl From<Errno> for Closed {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR => Closed::Missing,
            Errno::ACCESS | Errno::PERM => Closed::Refused("the service may not read it"),
            error => Closed::Failed(error.into()),
        }
    }
}

/// Opens a regular file that the reader may read. Blocks.
pub(crate) fn open_output(path: &str, reader: &Reader) -> Result<File, Closed> {
    let found = find(Path::new(path), reader)?;
    // Through the descriptor: whatever has happened to the path since, this is the file that was checked.
    let itself = format!("/proc/self/fd/{}", found.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(open(itself, flags, Mode::empty())?))
}

/// Walks to the file and checks it; the descriptor names it and cannot be read from.
fn find(path: &Path, reader: &Reader) -> Result<OwnedFd, Closed> {
    let root = || open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let mut here = root()?;
    let mut reachable = may_search(&here, reader)?;
    let mut way = names(path);
    let mut links = 0;
    let mut steps = 0;
    while let Some(name) = way.pop() {
        steps += 1;
        if steps > MOST_NAMES {
            return Err(Closed::Refused("its path is too long"));
        }
        let next = openat(
            &here,
            OsStr::from_bytes(&name),
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let stat = fstat(&next)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink if way.is_empty() => return Err(Closed::Refused("it is a symbolic link")),
            FileType::Symlink => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(Closed::Refused("its path goes in circles"));
                }
                let target = PathBuf::from(std::ffi::OsString::from_vec(
                    readlinkat(&next, "", Vec::new())?.into_bytes(),
                ));
                if target.is_absolute() {
                    here = root()?;
                }
                way.extend(names(&target));
            }
            _ if way.is_empty() => {
                check(&next, &stat, reader, reachable)?;
                return Ok(next);
            }
            FileType::Directory => {
                here = next;
                reachable &= may_search(&here, reader)?;
            }
            _ => return Err(Closed::Missing),
        }
    }
    Err(Closed::Refused("it is not a regular file"))
}

/// Returns the names a path is made of, the last one first.
fn names(path: &Path) -> Vec<Vec<u8>> {
    let names = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.as_bytes().to_vec()),
        Component::ParentDir => Some(b"..".to_vec()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    names.collect()
}

fn may_search(directory: &OwnedFd, reader: &Reader) -> Result<bool, Closed> {
    Ok(reader.may_search(rights(directory, &fstat(directory)?)))
}

fn check(file: &OwnedFd, stat: &Stat, reader: &Reader, reachable: bool) -> Result<(), Closed> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Closed::Refused("it is not a regular file"));
    }
    // The modes of files there say less than what the kernel checks, and they speak of this very process.
    if fstatfs(file)?.f_type == rustix::fs::PROC_SUPER_MAGIC {
        return Err(Closed::Refused("it is not a regular file"));
    }
    match reader.may_read(rights(file, stat), reachable) {
        true => Ok(()),
        false => Err(Closed::Refused("the job's user may not read it")),
    }
}

fn rights(file: &OwnedFd, stat: &Stat) -> Rights {
    Rights { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode, has_list: has_list(file) }
}

/// Tells whether the file has an access control list; if that cannot be found out, it may have one.
fn has_list(file: impl AsFd) -> bool {
    let itself = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let mut list = [0_u8; 256];
    match rustix::fs::getxattr(itself, "system.posix_acl_access", &mut list[..]) {
        Err(Errno::NODATA | Errno::OPNOTSUPP) => false,
        Ok(_) | Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Gid, Uid};
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    const STRANGER: u32 = 54_321;

    fn stranger() -> Reader {
        Reader::User { uid: Uid(STRANGER), groups: vec![Gid(STRANGER)] }
    }

    fn opened(path: &Path, reader: &Reader) -> Result<(), String> {
        match open_output(path.to_str().unwrap(), reader) {
            Ok(_) => Ok(()),
            Err(Closed::Missing) => Err("missing".to_owned()),
            Err(Closed::Refused(why)) => Err(why.to_owned()),
            Err(Closed::Failed(error)) => Err(error.to_string()),
        }
    }

    fn refused(why: &str) -> Result<(), String> {
        Err(why.to_owned())
    }

    #[test]
    fn only_regular_files_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        write(at("file"), "x").unwrap();
        symlink(at("file"), at("link")).unwrap();
        create_dir(at("folder")).unwrap();
        write(at("folder/inner"), "x").unwrap();
        symlink("folder", at("near")).unwrap();
        symlink(at("folder"), at("far")).unwrap();
        symlink("ring", at("ring")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::from_raw_mode(0o600)).unwrap();
        let reader = Reader::Server;
        for name in ["file", "./file", "folder/inner", "near/inner", "far/inner", "far/../file"] {
            assert_eq!(opened(&at(name), &reader), Ok(()), "{name}");
        }
        assert_eq!(opened(&at("link"), &reader), refused("it is a symbolic link"));
        assert_eq!(opened(&at("ring/file"), &reader), refused("its path goes in circles"));
        for path in [at("folder"), at("pipe"), "/dev/null".into(), "/proc/self/maps".into(), "/".into()] {
            assert_eq!(opened(&path, &reader), refused("it is not a regular file"), "{path:?}");
        }
        for name in ["absent", "absent/file", "file/file"] {
            assert_eq!(opened(&at(name), &reader), refused("missing"), "{name}");
        }
    }

    #[test]
    fn rights_are_those_of_the_jobs_user() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let mode = |name: &str, mode: u32| set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
        mode("", 0o755);
        create_dir(at("closed")).unwrap();
        for name in ["open", "secret", "closed/open", "closed/theirs"] {
            write(at(name), "x").unwrap();
            mode(name, 0o644);
        }
        mode("secret", 0o600);
        mode("closed", 0o700);
        symlink(at("closed"), at("door")).unwrap();
        let no = || refused("the job's user may not read it");
        assert_eq!(opened(&at("open"), &stranger()), Ok(()));
        assert_eq!(opened(&at("secret"), &stranger()), no());
        assert_eq!(opened(&at("closed/open"), &stranger()), no());
        assert_eq!(opened(&at("door/open"), &stranger()), no());
        assert_eq!(opened(&at("secret"), &Reader::Server), Ok(()));
        // Only root can give files away.
        if rustix::process::geteuid().is_root() {
            chown(at("closed/theirs"), Some(STRANGER), None).unwrap();
            assert_eq!(opened(&at("closed/theirs"), &stranger()), Ok(()));
        }
    }
}
