//! Small files of the kernel that are read again and again: into one piece of memory, with as few calls as will do.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The kernel gives such files out in pieces of a page; one that is shorter than this was the last. Three quarters
/// leave room for the longest line of any of them.
const LAST: usize = 3072;
/// No file of the kernel that is read here is longer.
const LONGEST: usize = 4 << 20;

/// Memory that a file is read into.
#[derive(Debug, Default)]
pub(crate) struct Page {
    bytes: Vec<u8>,
}

impl Page {
    /// Reads a file; `None` if it is not there, cannot be read or is no text.
    pub(crate) fn read(&mut self, path: impl AsRef<Path>) -> Option<&str> {
        std::str::from_utf8(self.bytes(path)?).ok()
    }

    /// Reads a file of any bytes.
    pub(crate) fn bytes(&mut self, path: impl AsRef<Path>) -> Option<&[u8]> {
        let mut file = File::open(path).ok()?;
        let mut filled = 0;
        loop {
            if self.bytes.len() < filled + 4096 {
                self.bytes.resize((filled + 4096).next_power_of_two(), 0);
            }
            let count = file.read(self.bytes.get_mut(filled..)?).ok()?;
            filled += count;
            if count < LAST {
                break;
            }
            if filled > LONGEST {
                return None;
            }
        }
        self.bytes.get(..filled)
    }

    /// Reads a file that is one number.
    pub(crate) fn number(&mut self, path: impl AsRef<Path>) -> Option<u64> {
        self.read(path)?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_any_length_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut page = Page::default();
        for length in [0, 1, 3071, 3072, 4096, 8192, 100_000] {
            std::fs::write(&path, "x".repeat(length)).unwrap();
            assert_eq!(page.read(&path).map(str::len), Some(length));
        }
        std::fs::write(&path, "17\n").unwrap();
        assert_eq!(page.number(&path), Some(17));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(page.read(&path), None);
        assert_eq!(page.number(folder.path().join("none")), None);
    }
}
