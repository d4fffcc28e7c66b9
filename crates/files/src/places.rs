//! Where users' folders are, and single files in them.

use crate::hands::{Crews, Identity};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use domain::Text;
use domain::ports::{Directory, HomeFile, Homes, NoFile};
use domain::who::Person;
use rustix::fs::OFlags;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Stands for a user's name in the pattern of folders.
const USER: &str = "{user}";
/// Who may look into a folder that is made here: its user.
const MODE: u32 = 0o700;

/// Users' folders. Copies are handles to the same ones.
#[derive(Clone)]
pub struct Places {
    pattern: Option<String>,
    directory: Arc<dyn Directory>,
    crews: Crews,
}

impl Places {
    /// Takes the pattern of folders, in which `{user}` stands for a user's name; without one they are the home directories.
    pub fn new(pattern: Option<String>, directory: Arc<dyn Directory>) -> Self {
        Places { pattern, directory, crews: Crews::default() }
    }

    /// Returns whose rights are used for a user's files.
    pub(crate) fn identity(&self, user: &Person) -> Option<Identity> {
        Identity::of(user, &*self.directory)
    }

    /// Returns a user by name.
    pub(crate) fn person(&self, name: &str) -> Option<Person> {
        self.directory.person(name)
    }

    /// Returns a user's folder. One that has a pattern is made if it is not there.
    pub(crate) fn ready(&self, user: &Person) -> io::Result<PathBuf> {
        let path = PathBuf::from(self.folder(user).as_str());
        if self.pattern.is_some() && !path.exists() {
            use std::os::unix::fs::{DirBuilderExt, chown};
            if let Some(above) = path.parent() {
                std::fs::create_dir_all(above)?;
            }
            match std::fs::DirBuilder::new().mode(MODE).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            if rustix::process::geteuid().is_root() {
                chown(&path, Some(user.uid.0), Some(user.gid.0))?;
            }
        }
        Ok(path)
    }
}

/// Returns a path relative to a user's folder, whether it is given so or as an absolute one.
pub(crate) fn within(root: &Path, path: &str) -> Option<PathBuf> {
    if path.is_empty() || path.contains('\0') {
        return None;
    }
    let path = Path::new(path);
    if path.is_relative() {
        return Some(path.to_owned());
    }
    let real = || root.canonicalize().ok().and_then(|root| path.strip_prefix(root).ok().map(Path::to_owned));
    path.strip_prefix(root).ok().map(Path::to_owned).or_else(real).filter(|path| !path.as_os_str().is_empty())
}

/// Returns a path of plain names, without dots; `None` for one that goes up, or nowhere.
pub(crate) fn plain(path: &Path) -> Option<String> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_str()?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!names.is_empty()).then(|| names.join("/"))
}

/// Opens a regular file without waiting for anybody: a pipe in its place would.
pub(crate) fn open_regular(dir: &Dir, path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).map_err(io::Error::other)?;
    options.read(true).custom_flags(flags);
    let file = dir.open_with(path, &options)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

impl Homes for Places {
    fn folder(&self, user: &Person) -> Text {
        match &self.pattern {
            Some(pattern) => Text::from(pattern.replace(USER, &user.name)),
            None => user.home.clone(),
        }
    }

    fn read(&self, user: &Person, path: &str, most: usize) -> Result<HomeFile, NoFile> {
        let root = self.ready(user).map_err(no_file)?;
        let path = within(&root, path).ok_or(NoFile::Missing)?;
        let hands = self.crews.with(self.identity(user)).map_err(no_file)?;
        let read = hands.wait(move || {
            let dir = Dir::open_ambient_dir(&root, ambient_authority())?;
            let path = dir.canonicalize(path)?;
            let mut content = Vec::new();
            let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
            open_regular(&dir, &path)?.take(limit).read_to_end(&mut content)?;
            Ok((root.join(path), content))
        });
        let (path, content) = read.map_err(no_file)?;
        if content.len() > most {
            return Err(NoFile::TooLarge);
        }
        let path = path.to_str().ok_or(NoFile::Missing)?.into();
        Ok(HomeFile { path, content })
    }

    fn write(&self, user: &Person, path: &str, content: &[u8]) -> Result<(), NoFile> {
        let root = self.ready(user).map_err(no_file)?;
        let path = within(&root, path).ok_or(NoFile::Missing)?;
        let hands = self.crews.with(self.identity(user)).map_err(no_file)?;
        let content = content.to_vec();
        let written = hands.wait(move || {
            let dir = Dir::open_ambient_dir(&root, ambient_authority())?;
            let mut options = OpenOptions::new();
            let flags =
                i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).map_err(io::Error::other)?;
            options.write(true).create(true).truncate(true).mode(0o644).custom_flags(flags);
            dir.open_with(path, &options)?.write_all(&content)
        });
        written.map_err(no_file)
    }
}

fn no_file(error: io::Error) -> NoFile {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput => {
            NoFile::Missing
        }
        _ => NoFile::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Gid, Uid};
    use std::os::unix::fs::symlink;

    struct Nobody;

    impl Directory for Nobody {
        fn person(&self, _name: &str) -> Option<Person> {
            None
        }

        fn person_by_uid(&self, _uid: Uid) -> Option<Person> {
            None
        }

        fn group(&self, _name: &str) -> Option<Gid> {
            None
        }

        fn group_name(&self, _gid: Gid) -> Option<Text> {
            None
        }

        fn groups_of(&self, _name: &str) -> Vec<Text> {
            Vec::new()
        }
    }

    fn me() -> Person {
        let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Person {
            name: "me".into(),
            uid: Uid(own.0),
            gid: Gid(own.1),
            group: "me".into(),
            home: "/nowhere".into(),
            shell: "/bin/sh".into(),
        }
    }

    #[test]
    fn files_are_read_and_written_within_the_folder_only() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let pattern = format!("{}/homes/{{user}}", root.display());
        let places = Places::new(Some(pattern), Arc::new(Nobody));
        let home = root.join("homes/me");
        assert_eq!(places.read(&me(), "absent", 9), Err(NoFile::Missing));
        assert!(home.is_dir(), "a folder is made");
        std::fs::create_dir(home.join("sub")).unwrap();
        std::fs::write(root.join("secret"), "secret").unwrap();
        std::fs::write(home.join("sub/file"), "12345").unwrap();
        symlink("sub/file", home.join("near")).unwrap();
        symlink("../../secret", home.join("out")).unwrap();
        symlink(root.join("secret"), home.join("far")).unwrap();
        let inner = home.join("sub/file");
        let path: Text = inner.to_str().unwrap().into();
        for name in ["sub/file", "./sub/../sub/file", "near", inner.to_str().unwrap()] {
            let wanted = HomeFile { path: path.clone(), content: b"12345".to_vec() };
            assert_eq!(places.read(&me(), name, 5), Ok(wanted), "{name}");
        }
        assert_eq!(places.read(&me(), "near", 4), Err(NoFile::TooLarge));
        for name in
            ["out", "far", "../../secret", "sub/../../../secret", "sub", "", ".", "/etc/passwd", "a\0b"]
        {
            assert!(places.read(&me(), name, 99).is_err(), "{name}");
            assert!(places.write(&me(), name, b"x").is_err(), "{name}");
        }
        assert_eq!(std::fs::read(root.join("secret")).unwrap(), b"secret");
        places.write(&me(), "sub/new", b"new").unwrap();
        assert_eq!(std::fs::read(home.join("sub/new")).unwrap(), b"new");
    }
}
