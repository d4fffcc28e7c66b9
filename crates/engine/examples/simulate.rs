//! Plays trials of the whole service under a referee, as many as wanted: `simulate [SEEDS [NODES [JOBS [FIRST]]]] [plain]`.
//! The test suite plays a few small ones; this is for thousands, and for large ones.

#[allow(dead_code, clippy::unwrap_used, reason = "a room of the tests, which use more of it")]
#[path = "../tests/it/cluster.rs"]
mod cluster;
#[allow(dead_code, clippy::unwrap_used, reason = "a room of the tests, which use more of it")]
#[path = "../tests/it/trial/mod.rs"]
mod trial;

use std::time::Instant;
use trial::Trial;
use trial::play::Tally;
use trial::scene::Variety;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let variety = if words.iter().any(|word| word == "plain") { Variety::Plain } else { Variety::Full };
    let numbers: Vec<u64> =
        words.iter().filter(|word| *word != "plain").map(|word| word.parse().expect("a number")).collect();
    let number = |at: usize, default: u64| numbers.get(at).copied().unwrap_or(default);
    let (seeds, nodes, jobs, first) = (number(0, 100), number(1, 12), number(2, 300), number(3, 1));
    let (nodes, jobs) =
        (u32::try_from(nodes).expect("fewer nodes"), u32::try_from(jobs).expect("fewer jobs"));
    let (began, mut sum, mut failed) = (Instant::now(), Tally::default(), 0);
    for seed in first..first + seeds {
        match (Trial { seed, nodes, jobs, variety }).hold() {
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
    let spent = sum.1;
    println!(
        "{:.1} s in {} passes of the scheduler ({} of them planned ahead), {:.1} s in the referee",
        spent.scheduler.as_secs_f64(),
        spent.passes,
        spent.deep_passes,
        spent.referee.as_secs_f64()
    );
    println!(
        "{seeds} seeds of {jobs} jobs on {nodes} nodes in {:.1} s, {failed} failed",
        began.elapsed().as_secs_f64()
    );
    std::process::exit(i32::from(failed > 0));
}
