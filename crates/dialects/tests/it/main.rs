//! The dialects over real sockets, before a service whose store is in memory and whose engine obeys the tests.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected shall fail")]

mod et_engine;
mod harness;
mod hostile;
mod http;
mod native;
mod nifcloud;
mod shelf;
mod slurm_accounting;
mod slurm_accounting_jobs;
mod slurm_components;
mod slurm_forward;
mod slurm_jobs;
mod slurm_nodes;
mod slurm_once;
mod slurm_reads;
mod slurm_reservations;
mod slurm_slices;
mod slurm_updates;
mod slurm_util;
mod slurm_versions;
mod waldur;

/// A file of tests that nobody declared would never run.
#[test]
fn no_test_file_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let main = std::fs::read_to_string(format!("{folder}/main.rs")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(name == "main.rs" || main.contains(&format!("mod {module};")), "{name} is not declared");
    }
}
