//! Device files that a run must not open: which those are, and how either version of control groups is told.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::{Tree, fence};

/// A device as the kernel knows it, whatever its file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) kind: Kind,
    pub(super) major: u32,
    pub(super) minor: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Block,
    Character,
}

impl Device {
    /// The device behind a file; none where there is no such file: what this machine does not have cannot be opened
    /// either.
    fn behind(file: &Path) -> Option<Self> {
        let metadata = fs::metadata(file).ok()?;
        let kind = match metadata.file_type() {
            kind if kind.is_block_device() => Kind::Block,
            kind if kind.is_char_device() => Kind::Character,
            _ => return None,
        };
        let number = metadata.rdev();
        Some(Self { kind, major: libc::major(number), minor: libc::minor(number) })
    }

    /// Whether no program gets along without it: null, zero, full, random, urandom, terminals. Some name such a device
    /// where they have no other.
    fn is_for_everybody(self) -> bool {
        self.kind == Kind::Character
            && matches!((self.major, self.minor), (1, 3 | 5 | 7 | 8 | 9) | (5, 0..=2) | (136..=143, _))
    }
}

/// Refuses these devices to whoever is in a folder and below it.
pub(super) fn deny(tree: Tree, folder: &Path, files: &[PathBuf]) -> io::Result<()> {
    let mut devices: Vec<Device> = Vec::with_capacity(files.len());
    for device in files.iter().filter_map(|file| Device::behind(file)) {
        if !device.is_for_everybody() && !devices.contains(&device) {
            devices.push(device);
        }
    }
    if tree == Tree::Unified {
        return fence::around(folder, &devices);
    }
    devices.into_iter().try_for_each(|Device { kind, major, minor }| {
        let letter = if kind == Kind::Block { 'b' } else { 'c' };
        fs::write(folder.join("devices.deny"), format!("{letter} {major}:{minor} rwm"))
    })
}
