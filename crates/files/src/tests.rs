use crate::Keep;
use domain::job::Owner;
use domain::ports::{Bounds, Entry, FileKind, FolderError, Folders, Place};
use domain::{Gid, Text, Uid};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

const BOUNDS: Bounds = Bounds { bytes: 10_000, entries: 20 };

struct World {
    keep: Keep,
    owner: Owner,
    root: PathBuf,
    around: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let around = tempfile::tempdir().unwrap();
        let keep = Keep::new(around.path().join("keep"));
        assert!(keep.names("area").unwrap().is_empty() && !around.path().join("keep").exists());
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        // Root gives away what it makes; anybody else has only what is their own.
        let (uid, gid) = if uid == 0 { (54_321, 54_322) } else { (uid, gid) };
        let owner = Owner { name: "alice".into(), uid: Uid(uid), gid: Gid(gid), group: "alice".into() };
        let path = keep.make("area/one", &owner).unwrap();
        World { keep, owner, root: path.as_str().into(), around }
    }

    fn at<'a>(&'a self, path: &'a str) -> Place<'a> {
        Place { folder: "area/one", path, owner: &self.owner }
    }

    fn write(&self, path: &str, content: &str) {
        self.keep.write(self.at(path), content.as_bytes(), FileKind::Plain).unwrap();
    }

    fn read(&self, path: &str) -> Result<String, FolderError> {
        let bytes = self.keep.read(self.at(path), 0, 1000)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    fn listed(&self, path: &str) -> Vec<(String, bool)> {
        let entries = self.keep.list(self.at(path), 100).unwrap();
        entries.into_iter().map(|Entry { name, is_folder }| (name.to_string(), is_folder)).collect()
    }
}

fn names(names: &[(&str, bool)]) -> Vec<(String, bool)> {
    names.iter().map(|(name, is_folder)| ((*name).to_owned(), *is_folder)).collect()
}

#[test]
fn files_and_folders_are_made_read_and_removed() {
    let world = World::new();
    let keep = &world.keep;
    keep.make_within(world.at("sub")).unwrap();
    assert!(matches!(keep.make_within(world.at("sub/")), Err(FolderError::Exists(_))));
    assert!(matches!(keep.make_within(world.at("no/sub")), Err(FolderError::Missing(_))));
    world.write("sub/a", "first");
    world.write("sub/a", "second");
    keep.write_at(world.at("b"), 4, b"tail").unwrap();
    keep.write_at(world.at("b"), 0, b"head").unwrap();
    assert_eq!(
        (world.read("sub/a").unwrap(), world.read("b").unwrap()),
        ("second".into(), "headtail".into())
    );
    assert_eq!(keep.read(world.at("b"), 6, 100).unwrap(), b"il");
    assert_eq!(keep.read(world.at("b"), 60, 100).unwrap(), b"");
    assert_eq!(
        (keep.size(world.at("b")).unwrap(), world.listed("")),
        (8, names(&[("b", false), ("sub", true)]))
    );
    assert!(matches!(keep.size(world.at("sub")), Err(FolderError::NoFile(_))));
    assert!(matches!(keep.list(world.at("b"), 9), Err(FolderError::NoFolder(_))));
    assert!(matches!(keep.write(world.at("sub"), b"", FileKind::Plain), Err(FolderError::NoFile(_))));
    keep.remove_within(world.at("sub")).unwrap();
    assert!(matches!(keep.remove_within(world.at("sub")), Err(FolderError::Missing(_))));
    assert_eq!(world.listed("."), names(&[("b", false)]));
    assert_eq!(keep.names("area").unwrap(), [Text::from("one")]);
    assert!(keep.remove("area/one").unwrap() && !keep.remove("area/one").unwrap());
    assert!(matches!(world.read("b"), Err(FolderError::Missing(_))));
    assert!(keep.names("nowhere").unwrap().is_empty());
}

#[test]
fn what_is_made_belongs_to_its_user_alone() {
    let world = World::new();
    world.write("a", "x");
    world.keep.write(world.at("run"), b"#!/bin/sh\n", FileKind::Program).unwrap();
    world.keep.link(world.at("link"), "area/one").unwrap();
    for (name, mode) in [("", 0o700), ("a", 0o600), ("run", 0o700)] {
        let found = std::fs::metadata(world.root.join(name)).unwrap();
        assert_eq!(
            (found.uid(), found.gid(), found.mode() & 0o777),
            (world.owner.uid.0, world.owner.gid.0, mode)
        );
    }
    assert_eq!(std::fs::symlink_metadata(world.root.join("link")).unwrap().uid(), world.owner.uid.0);
    assert_eq!(std::fs::read_link(world.root.join("link")).unwrap(), world.root);
    let above = std::fs::metadata(world.root.parent().unwrap()).unwrap();
    assert_eq!(above.permissions().mode() & 0o777, 0o711);
}

#[test]
fn nothing_leads_out() {
    let world = World::new();
    let outside = world.around.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    symlink(&outside, world.root.join("far")).unwrap();
    symlink("../../../outside", world.root.join("up")).unwrap();
    symlink(outside.join("secret"), world.root.join("file")).unwrap();
    symlink("ring", world.root.join("ring")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, world.root.join("pipe"), rustix::fs::Mode::from_raw_mode(0o666))
        .unwrap();
    let keep = &world.keep;
    for path in ["far/secret", "up/secret", "file", "ring", "../one/x", "/etc/passwd", "far/../../x", "pipe"]
    {
        assert!(world.read(path).is_err(), "{path}");
        assert!(keep.write_at(world.at(path), 0, b"y").is_err(), "{path}");
        assert!(keep.list(world.at(path), 9).is_err(), "{path}");
    }
    for path in ["far/new", "up/new", "../new", "ring/new"] {
        assert!(keep.write(world.at(path), b"y", FileKind::Plain).is_err(), "{path}");
        assert!(keep.make_within(world.at(path)).is_err(), "{path}");
        assert!(keep.link(world.at(path), "area/one").is_err(), "{path}");
        assert!(keep.move_file(world.at("file"), world.at(path), 0).is_err(), "{path}");
    }
    for path in ["far/secret", "up/secret", "../one"] {
        assert!(keep.remove_within(world.at(path)).is_err(), "{path}");
    }
    // A link itself is the user's; what it leads to is not touched.
    world.write("file", "mine");
    keep.remove_within(world.at("far")).unwrap();
    assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), "secret");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    assert!(keep.remove("area/one").unwrap());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    for folder in ["", "..", "area/..", "area", "/area/one", "area/one/../two"] {
        assert!(keep.make(folder, &world.owner).is_err() || folder == "area", "{folder}");
    }
}

#[test]
fn files_of_others_are_not_touched() {
    // Only root could.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = World::new();
    std::fs::write(world.root.join("theirs"), "secret").unwrap();
    assert!(matches!(world.read("theirs"), Err(FolderError::Refused(_))));
    assert!(matches!(world.keep.write_at(world.at("theirs"), 0, b"x"), Err(FolderError::Refused(_))));
}

#[test]
fn a_file_moves_into_its_place() {
    let world = World::new();
    world.keep.make("area/two", &world.owner).unwrap();
    let to = |path| Place { folder: "area/two", path, owner: &world.owner };
    world.write("part", "0123456789");
    world.keep.move_file(world.at("part"), to("a/b/c"), 12).unwrap();
    assert_eq!(world.keep.read(to("a/b/c"), 0, 99).unwrap(), b"0123456789\0\0");
    assert!(matches!(world.read("part"), Err(FolderError::Missing(_))));
    world.keep.move_file(world.at("nothing"), to("empty"), 0).unwrap();
    assert_eq!(world.keep.size(to("empty")).unwrap(), 0);
    assert!(matches!(world.keep.move_file(world.at("gone"), to("x"), 5), Err(FolderError::Missing(_))));
    world.write("part", "x");
    assert!(matches!(world.keep.move_file(world.at("part"), to("a/b"), 1), Err(FolderError::NoFile(_))));
    let owner = std::fs::metadata(world.root.parent().unwrap().join("two/a/b")).unwrap().uid();
    assert_eq!(owner, world.owner.uid.0);
}

fn packed(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(if kind.is_file() { content.len() as u64 } else { 0 });
        if !kind.is_file() && !kind.is_dir() {
            header.set_link_name_literal(content).unwrap();
        }
        // The builder refuses what must be refused by us.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        archive.append(&header, if kind.is_file() { content.as_bytes() } else { &[] }).unwrap();
    }
    archive.into_inner().unwrap()
}

fn zipped(entries: &[(&str, u32, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, mode, content) in entries {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(*mode);
        archive.start_file(*name, options).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn archives_are_unpacked_and_copied() {
    use tar::EntryType::{Directory, Regular};
    let world = World::new();
    let plain = packed(&[
        ("sub", Directory, ""),
        ("sub/x", Regular, "one"),
        ("./deep/er/run", Regular, "#!/bin/sh\n"),
    ]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let zip = zipped(&[("sub/x", 0o600, "one"), ("deep/er/run", 0o600, "#!/bin/sh\n")]);
    for (name, archive) in [("tar", plain), ("gzip", gzip.finish().unwrap()), ("zip", zip)] {
        world.keep.unpack(world.at(name), &archive, BOUNDS).unwrap();
        assert_eq!(world.listed(name), names(&[("deep", true), ("sub", true)]), "{name}");
        let copy = format!("{name}-copy");
        world.keep.copy(world.at(name), world.at(&copy), BOUNDS).unwrap();
        for folder in [name, &copy] {
            assert_eq!(world.read(&format!("{folder}/sub/x")).unwrap(), "one");
            let program = world.root.join(folder).join("deep/er/run");
            assert_eq!(std::fs::metadata(program).unwrap().mode() & 0o777, 0o700, "{folder}");
        }
    }
    let few = Bounds { entries: 3, ..BOUNDS };
    assert!(matches!(world.keep.copy(world.at("tar"), world.at("c"), few), Err(FolderError::Refused(_))));
    let small = Bounds { bytes: 5, ..BOUNDS };
    assert!(matches!(world.keep.copy(world.at("tar"), world.at("d"), small), Err(FolderError::Refused(_))));
}

#[test]
fn archives_that_lead_out_or_hold_too_much_leave_nothing() {
    use tar::EntryType::{Char, Directory, Fifo, Link, Regular, Symlink};
    let world = World::new();
    let bomb = "0".repeat(20_000);
    let many: Vec<(String, tar::EntryType, &str)> =
        (0..30).map(|at| (format!("f{at}"), Regular, "")).collect();
    let many: Vec<_> = many.iter().map(|(name, kind, content)| (name.as_str(), *kind, *content)).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&vec![0; 64 << 20]).unwrap();
    let cut = packed(&[("a", Regular, &bomb[..600])]);
    for (what, archive) in [
        ("up", packed(&[("../x", Regular, "x")])),
        ("up within", packed(&[("a/../../x", Regular, "x")])),
        ("absolute", packed(&[("/tmp/x", Regular, "x")])),
        ("symlink", packed(&[("x", Symlink, "/etc")])),
        ("link", packed(&[("x", Link, "/etc/passwd")])),
        ("pipe", packed(&[("x", Fifo, "")])),
        ("device", packed(&[("x", Char, "")])),
        ("twice", packed(&[("x", Regular, "a"), ("x", Regular, "b")])),
        ("below a file", packed(&[("x", Regular, "a"), ("x/y", Regular, "b")])),
        ("file over folder", packed(&[("x", Directory, ""), ("x", Regular, "b")])),
        ("large", packed(&[("x", Regular, &bomb)])),
        ("many", packed(&many)),
        ("zeros", gzip.finish().unwrap()),
        ("cut", cut[..700].to_vec()),
        ("no archive", b"what is this".to_vec()),
        ("empty", Vec::new()),
        ("zip up", zipped(&[("../x", 0o644, "x")])),
        ("zip absolute", zipped(&[("/x", 0o644, "x")])),
        ("zip backslash", zipped(&[("..\\x", 0o644, "x")])),
        ("zip large", zipped(&[("x", 0o644, &bomb)])),
        ("zip cut", zipped(&[("x", 0o644, "x")])[..20].to_vec()),
    ] {
        let found = world.keep.unpack(world.at("tool"), &archive, BOUNDS);
        assert!(matches!(found, Err(FolderError::BadArchive(_))), "{what}: {found:?}");
        assert!(world.listed("").is_empty(), "{what}");
    }
    let mut link = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    link.add_symlink("x", "/etc/passwd", zip::write::SimpleFileOptions::default()).unwrap();
    let link = link.finish().unwrap().into_inner();
    assert!(matches!(world.keep.unpack(world.at("tool"), &link, BOUNDS), Err(FolderError::BadArchive(_))));
    assert!(!world.around.path().join("x").exists() && world.listed("").is_empty());
}
