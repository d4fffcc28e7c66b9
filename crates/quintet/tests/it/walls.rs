//! Holds the walls: which crate may use which is read from ARCHITECTURE.md and compared with the manifests, and what
//! neither a crate nor clippy can hold is looked for in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the workspace is two folders up")
        .to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The table under "## Arrows": crate, then the crates it uses.
fn promised() -> BTreeMap<String, BTreeSet<String>> {
    let map = read("ARCHITECTURE.md");
    let section = map
        .split("## Arrows")
        .nth(1)
        .expect("there is a section")
        .split("\n## ")
        .next()
        .expect("it has text");
    let names =
        |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        (names(cells[1]).pop_first().expect("a row names its crate"), names(cells[2]))
    })
    .collect()
}

/// The `[dependencies]` on our own crates, from the manifests.
fn actual() -> BTreeMap<String, BTreeSet<String>> {
    let crates = root().join("crates");
    let folders =
        std::fs::read_dir(&crates).expect("there are crates").map(|entry| entry.expect("readable").path());
    let ours: BTreeSet<String> = folders
        .map(|folder| folder.file_name().expect("it has a name").to_string_lossy().into_owned())
        .collect();
    let dependencies = |name: &String| {
        let manifest = read(format!("crates/{name}/Cargo.toml"));
        let section = manifest.split("[dependencies]").nth(1).unwrap_or("").split("\n[").next().unwrap_or("");
        let keys = section.lines().filter_map(|line| line.split(['.', '=', ' ']).next());
        keys.filter(|key| ours.contains(*key)).map(str::to_owned).collect()
    };
    ours.iter().map(|name| (name.clone(), dependencies(name))).collect()
}

#[test]
fn crates_use_only_whom_the_map_allows() {
    assert_eq!(actual(), promised());
}

/// Every Rust source below a folder, tests left out.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("readable").path())
        {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.extension().is_some_and(|ending| ending == "rs") && !entry.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&entry).expect("a text");
                found.push((entry, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

fn nobody_mentions(folder: &str, words: &[&str]) {
    for (path, text) in sources(folder) {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for word in words {
                assert!(!line.contains(word), "{}: {word} in: {line}", path.display());
            }
        }
    }
}

#[test]
fn the_domain_knows_nobody() {
    nobody_mentions(
        "crates/domain/src",
        &["serde", "rusqlite", "axum", "hyper", "SystemTime", "Instant::now"],
    );
}

#[test]
fn dialects_do_not_import_one_another() {
    const DIALECTS: [&str; 4] = ["slurm", "native", "clustercockpit", "waldur"];
    for dialect in DIALECTS {
        let others: Vec<String> = DIALECTS
            .into_iter()
            .filter(|other| *other != dialect)
            .flat_map(|other| [format!("crate::{other}::"), format!("super::{other}::")])
            .collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        nobody_mentions(&format!("crates/dialects/src/{dialect}"), &others);
    }
}

#[test]
fn sql_stays_in_the_store() {
    for folder in ["domain", "dialects", "engine", "supervise", "slurm-wire", "quintet"] {
        nobody_mentions(&format!("crates/{folder}/src"), &["rusqlite::", "SELECT ", "INSERT INTO"]);
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for folder in std::fs::read_dir(root().join("crates")).expect("crates") {
        let name = folder.expect("readable").file_name();
        for (path, text) in sources(&format!("crates/{}/src", name.to_string_lossy())) {
            assert!(text.starts_with("//!"), "{} has no header", path.display());
        }
    }
}
