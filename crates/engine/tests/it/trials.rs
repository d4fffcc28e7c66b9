//! A handful of trials in every run of the tests; `cargo run --release -p engine --example simulate` plays more, see
//! [`trial`](crate::trial).

use crate::trial::Trial;
use crate::trial::play::Tally;
use crate::trial::scene::Variety;

/// Plays seeds and checks that they were worth it: that everything which can go differently did.
fn check(variety: Variety, seeds: std::ops::Range<u64>, (nodes, jobs): (u32, u32), must: &[&str]) {
    let mut tally = Tally::default();
    for seed in seeds {
        let trial = Trial { seed, nodes, jobs, variety };
        tally.add(&trial.hold().unwrap_or_else(|objection| panic!("{objection}")));
    }
    for what in must {
        assert!(tally.of(what) > 0, "nothing was {what}: {tally:#?}");
    }
}

#[test]
fn small_clusters_keep_all_rules() {
    let ends = ["COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"];
    let must = [&ends[..], &["backfilled", "promises checked", "promises kept"]].concat();
    check(Variety::Plain, 1..7, (4, 150), &must);
}

#[test]
fn a_larger_cluster_keeps_all_rules() {
    check(Variety::Plain, 100..101, (20, 250), &["COMPLETED", "FAILED", "CANCELLED"]);
}

#[test]
fn who_makes_way_comes_back_or_fails_keeps_all_rules() {
    let must = [
        "PREEMPTED",
        "NODE_FAIL",
        "DEADLINE",
        "suspended by the scheduler",
        "suspended by an operator",
        "goes on",
        "started where others made way",
        "components started",
        "allocations given back",
        "attempts lost with a node",
        "update",
    ];
    check(Variety::Full, 1..9, (4, 120), &must);
}

#[test]
fn turns_of_jobs_that_recur_keep_all_rules() {
    check(Variety::Full, 24..25, (4, 120), &["crontabs", "turns of jobs that recur"]);
}

#[test]
fn all_of_it_on_a_larger_cluster_keeps_all_rules() {
    check(Variety::Full, 200..202, (20, 200), &["COMPLETED", "components started"]);
}

#[test]
fn limits_of_accounting_are_kept() {
    for seed in [404, 409] {
        let must = ["started within a limit", "held by a limit", "held by a limit and judged"];
        check(Variety::Full, seed..seed + 1, (4, 120), &must);
    }
}
