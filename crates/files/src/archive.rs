//! Unpacks archives into a folder: files and folders with names that stay inside, within bounds, and nothing else. What an
//! archive says of owners, times and most permissions does not count.

use crate::folder::{Folder, explained};
use crate::path::clean;
use domain::Text;
use domain::ports::{Bounds, FileKind, FolderError};
use flate2::read::MultiGzDecoder;
use std::io::{Cursor, Read, Write};
use tar::EntryType;

/// Permission to execute, for anybody.
const EXECUTABLE: u32 = 0o111;
/// How much is copied at once.
const PIECE: usize = 64 << 10;

fn bad(why: impl Into<String>) -> FolderError {
    FolderError::BadArchive(Text::from(why.into()))
}

/// Unpacks an archive below a folder that is there.
pub(crate) fn unpack(folder: &Folder, base: &str, archive: &[u8], bounds: Bounds) -> Result<(), FolderError> {
    let mut taker = Taker { folder, base, left: bounds };
    match archive {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => unpack_zip(&mut taker, archive),
        [0x1f, 0x8b, ..] => unpack_tar(&mut taker, MultiGzDecoder::new(archive), bounds),
        _ => unpack_tar(&mut taker, archive, bounds),
    }
}

fn unpack_tar(taker: &mut Taker<'_>, stream: impl Read, bounds: Bounds) -> Result<(), FolderError> {
    // Heads and padding count as well: what is read of a stream that never ends must have an end.
    let most = bounds.bytes.saturating_add(bounds.entries as u64 * 4096).saturating_add(1 << 20);
    let mut archive = tar::Archive::new(stream.take(most));
    let mut is_empty = true;
    for entry in archive.entries().map_err(|error| bad(error.to_string()))? {
        let mut entry = entry.map_err(|error| bad(error.to_string()))?;
        is_empty = false;
        let path = entry.path_bytes().into_owned();
        let name = String::from_utf8(path).map_err(|_| bad("a name in it is no UTF-8"))?;
        let mode = entry.header().mode().unwrap_or(0);
        match entry.header().entry_type() {
            EntryType::Directory => taker.take_folder(&name)?,
            EntryType::Regular | EntryType::Continuous => taker.take_file(&name, mode, &mut entry)?,
            EntryType::XGlobalHeader => {}
            _ => return Err(bad(format!("{name:?} is neither a file nor a folder"))),
        }
    }
    if is_empty { Err(bad("there is nothing in it")) } else { Ok(()) }
}

fn unpack_zip(taker: &mut Taker<'_>, archive: &[u8]) -> Result<(), FolderError> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).map_err(|error| bad(error.to_string()))?;
    if zip.is_empty() {
        return Err(bad("there is nothing in it"));
    }
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).map_err(|error| bad(error.to_string()))?;
        let name =
            std::str::from_utf8(entry.name_raw()).map_err(|_| bad("a name in it is no UTF-8"))?.to_owned();
        let mode = entry.unix_mode().unwrap_or(0);
        if name.contains('\\') {
            return Err(bad(format!("{name:?} is no name of a file")));
        }
        // What kind of thing it is stands above the permissions, if it was packed on a Unix: none, a file or a folder.
        if !matches!(mode >> 12, 0 | 0o10 | 0o4) {
            return Err(bad(format!("{name:?} is neither a file nor a folder")));
        }
        match name.ends_with('/') || mode >> 12 == 0o4 {
            true => taker.take_folder(&name)?,
            false => taker.take_file(&name, mode, &mut entry)?,
        }
    }
    Ok(())
}

/// Takes in what an archive holds, as long as it is within bounds.
struct Taker<'a> {
    folder: &'a Folder,
    base: &'a str,
    left: Bounds,
}

impl Taker<'_> {
    fn path(&mut self, name: &str) -> Result<String, FolderError> {
        let path = clean(name).map_err(|_| bad(format!("{:?} leads out of it", cut(name))))?;
        self.left.entries = self.left.entries.checked_sub(1).ok_or_else(|| bad("too many files"))?;
        Ok(path)
    }

    fn take_folder(&mut self, name: &str) -> Result<(), FolderError> {
        let path = self.path(name)?;
        if path == "." {
            return Ok(());
        }
        self.make_folders(&format!("{path}/"))
    }

    fn take_file(&mut self, name: &str, mode: u32, content: &mut impl Read) -> Result<(), FolderError> {
        let path = self.path(name)?;
        if path == "." {
            return Err(bad("a file in it has no name"));
        }
        self.make_folders(&path)?;
        let mut piece = vec![0; PIECE];
        let mut filled = read_some(content, &mut piece)?;
        // Many archives know no permissions; what begins like a program is one.
        let is_program = mode & EXECUTABLE != 0 || piece.starts_with(b"#!") || piece.starts_with(b"\x7fELF");
        let kind = if is_program { FileKind::Program } else { FileKind::Plain };
        let place = format!("{}/{path}", self.base);
        let mut file = match self.folder.fresh(&place, kind) {
            Err(FolderError::Exists(_)) => return Err(bad(format!("{path:?} is in it twice"))),
            Err(FolderError::NoFolder(_)) => return Err(bad(format!("{path:?} is below a file"))),
            file => file?,
        };
        while let Some(read) = piece.get(..filled).filter(|read| !read.is_empty()) {
            let left = self.left.bytes.checked_sub(read.len() as u64);
            self.left.bytes = left.ok_or_else(|| bad("it holds too much"))?;
            file.write_all(read).map_err(explained(&path, "write a file"))?;
            filled = read_some(content, &mut piece)?;
        }
        file.sync_all().map_err(explained(&path, "write a file"))
    }

    /// Makes the folders on the way to a path; each counts.
    fn make_folders(&mut self, path: &str) -> Result<(), FolderError> {
        for (at, _) in path.match_indices('/') {
            let place = format!("{}/{}", self.base, path.get(..at).unwrap_or_default());
            match self.folder.make(&place) {
                Ok(()) => {
                    self.left.entries =
                        self.left.entries.checked_sub(1).ok_or_else(|| bad("too many files"))?;
                }
                Err(FolderError::Exists(_)) => {}
                Err(FolderError::NoFolder(_)) => return Err(bad(format!("{path:?} is below a file"))),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Fills a piece as far as there is something; what is short ends the file.
fn read_some(content: &mut impl Read, piece: &mut [u8]) -> Result<usize, FolderError> {
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match content.read(rest).map_err(|error| bad(error.to_string()))? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn cut(name: &str) -> String {
    name.chars().take(200).collect()
}
