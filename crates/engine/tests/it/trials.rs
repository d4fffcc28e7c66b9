//! A few small trials in every run of the tests; `cargo run --release -p engine --example simulate` plays more.

use crate::trial::try_seeds;

/// Plays seeds and checks that they were worth it: that everything which can go differently did.
fn check(seeds: std::ops::Range<u64>, nodes: u32, jobs: u32, must: &[&str]) {
    let tally = try_seeds(seeds, nodes, jobs).unwrap_or_else(|objection| panic!("{objection}"));
    for what in must {
        assert!(tally.of(what) > 0, "nothing was {what}: {tally:#?}");
    }
}

#[test]
fn small_clusters_keep_all_rules() {
    let ends = ["COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "put back after its end"];
    check(1..11, 4, 150, &[&ends[..], &["backfilled", "promises checked", "promises kept"]].concat());
}

#[test]
fn a_larger_cluster_keeps_all_rules() {
    check(100..101, 20, 250, &["COMPLETED", "FAILED", "CANCELLED"]);
}
