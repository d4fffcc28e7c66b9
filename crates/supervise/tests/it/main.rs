//! Real processes under real launchers. Nothing here sleeps: everything is waited for, with a deadline.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the right answer")]

mod ends;
mod hooks;
mod hostile;
mod limits;
mod starts;
mod steps;
mod survival;
mod trees;
mod world;

#[test]
fn no_file_is_forgotten() {
    let own = include_str!("main.rs");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(module == "main" || own.contains(&format!("mod {module};")), "{name} is not a module");
    }
}
