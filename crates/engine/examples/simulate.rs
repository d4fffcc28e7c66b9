//! Plays trials of the whole service under a referee, as many as wanted: `simulate [SEEDS [NODES [JOBS [FIRST]]]]`.
//! The test suite plays a few small ones; this is for thousands, and for large ones.

#[allow(dead_code, clippy::unwrap_used, reason = "a room of the tests, which use more of it")]
#[path = "../tests/it/cluster.rs"]
mod cluster;
#[allow(dead_code, clippy::unwrap_used, reason = "a room of the tests, which use more of it")]
#[path = "../tests/it/trial/mod.rs"]
mod trial;

use std::time::Instant;
use trial::play::Tally;

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).map(|word| word.parse().expect("a number")).collect();
    let number = |at: usize, default: u64| numbers.get(at).copied().unwrap_or(default);
    let (seeds, nodes, jobs, first) = (number(0, 100), number(1, 12), number(2, 300), number(3, 1));
    let (nodes, jobs) =
        (u32::try_from(nodes).expect("fewer nodes"), u32::try_from(jobs).expect("fewer jobs"));
    let (began, mut sum, mut failed) = (Instant::now(), Tally::default(), 0);
    for seed in first..first + seeds {
        match trial::try_seeds([seed], nodes, jobs) {
            Ok(tally) => sum.add(&tally),
            Err(objection) => {
                failed += 1;
                println!("{objection}\n");
            }
        }
    }
    for (what, count) in &sum.0 {
        println!("{count:>10}  {what}");
    }
    println!(
        "{seeds} seeds of {jobs} jobs on {nodes} nodes in {:.1} s, {failed} failed",
        began.elapsed().as_secs_f64()
    );
    std::process::exit(i32::from(failed > 0));
}
