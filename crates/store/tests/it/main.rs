//! The store from outside, on real databases in temporary directories.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]
#![expect(clippy::disallowed_methods, reason = "a process is killed while it commits")]

mod chronicle;
mod commit;
mod durability;
mod files;
mod full;
mod history;
mod measured;
mod monitored;
mod payload;
mod retention;
mod samples;
mod schema;
mod shelf;
mod usage;

#[test]
fn no_test_file_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = include_str!("main.rs");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(name == "main" || main.contains(&format!("mod {name};")), "{name} is not in main.rs");
    }
}
