//! Replays recorded conversations with a real Slurm REST service and says how alike our answers are.
//!
//! With `--server` it starts a fresh `quintet` for every run; with `--base` it speaks with one that is already there
//! (ours, or a real Slurm: then the table says how alike two real ones are). See `conformance/README.md`.

mod compare;
mod conversation;
mod differences;
mod exchange;
mod mask;
mod ratchet;
mod recording;
mod server;
mod table;
mod tokens;

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use compare::Level;
use conversation::{Outcome, Player};
use differences::Differences;
use ratchet::Expected;
use recording::Step;
use table::Score;
use tokens::Tokens;

/// Replays recorded Slurm REST conversations and compares the answers.
#[derive(Debug, Parser)]
struct Arguments {
    /// The recording.
    #[arg(long, default_value = "conformance/slurm/golden.jsonl.zst")]
    recording: PathBuf,
    /// The counts that must be reached.
    #[arg(long, default_value = "conformance/slurm/expected.toml")]
    expected: PathBuf,
    /// The cases that differ on purpose.
    #[arg(long, default_value = "conformance/slurm/differences.txt")]
    differences: PathBuf,
    /// The runs to play; each on a fresh server.
    #[arg(long = "run", default_values = ["main", "extra", "enforce"])]
    runs: Vec<String>,
    /// The program to start.
    #[arg(long, default_value = "target/debug/quintet", conflicts_with = "base")]
    server: PathBuf,
    /// Its configurations: the run `enforce` takes `testbed-enforce.toml` of this folder, all others `testbed.toml`.
    #[arg(long, default_value = "conformance/slurm")]
    configurations: PathBuf,
    /// A server that already runs, instead; `http://HOST:PORT`.
    #[arg(long, requires = "key")]
    base: Option<String>,
    /// The file with its HS256 key.
    #[arg(long)]
    key: Option<PathBuf>,
    /// Plays only these groups. What they count on from other groups is missing then.
    #[arg(long = "group")]
    groups: Vec<String>,
    /// Fails when fewer cases than this, in percent, agree in their errors; for `--base`.
    #[arg(long, default_value_t = 0)]
    least: usize,
    /// Shows so many cases that differ.
    #[arg(long, default_value_t = 10)]
    show: usize,
    /// Counts every operation, also those that no issue serves yet.
    #[arg(long)]
    all: bool,
    /// Writes tables, causes and every case that differs into a file.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Takes over what was reached as what is required.
    #[arg(long)]
    update: bool,
}

/// How many groups kept what they had reached.
#[derive(Debug, Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

fn main() -> ExitCode {
    match replay(&Arguments::parse()) {
        Ok(Tally { passed, failed, skipped }) => {
            println!("{passed} groups passed, {failed} failed, {skipped} skipped");
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            eprintln!("replay: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn replay(arguments: &Arguments) -> Result<Tally> {
    let mut expected = Expected::read(&arguments.expected)?;
    let differences = Differences::read(&arguments.differences)?;
    let mut tally = Tally::default();
    let mut report = String::new();
    for run in &arguments.runs {
        let (outcomes, died) = play(arguments, run)?;
        let judged = |outcome: &&Outcome| {
            let is_served = expected.is_served(run, &outcome.group) && !expected.is_later(outcome);
            (arguments.all || is_served) && !differences.contains(run, outcome.seq)
        };
        let counted: Vec<_> = outcomes.iter().filter(judged).collect();
        let scores = table::scores(counted.iter().copied());
        // Against a foreign server the counts are for the reader.
        let is_ours = arguments.base.is_none() && !arguments.all;
        let losses = |group: &str, score: &Score| match is_ours && !arguments.update {
            true => expected.losses(run, group, score),
            false => Vec::new(),
        };
        let drawn = table::draw(run, &scores, |group, score| losses(group, score).join(", "));
        println!("{drawn}");
        let apart = outcomes.len() - counted.len();
        println!("{apart} more cases are of later issues or differ on purpose");
        counted
            .iter()
            .filter(|outcome| outcome.verdict.level != Level::Values)
            .take(arguments.show)
            .for_each(|outcome| println!("- {}", table::line(outcome, 3)));
        report.push_str(&written(run, &drawn, &counted));
        if let Some(died) = died {
            println!("the server died: {died}");
            report.push_str(&format!("The server died: {died}\n"));
            tally.failed += 1;
        }
        let agreeing: usize = scores.values().map(|score| score.agreeing[1]).sum();
        if agreeing * 100 < counted.len() * arguments.least {
            println!("only {agreeing} of {} agree in their errors", counted.len());
            tally.failed += 1;
        }
        if is_ours && arguments.groups.is_empty() {
            let agrees = outcomes.iter().map(|outcome| (outcome.seq, outcome.verdict.level == Level::Values));
            // Some agree by chance, so that a person has to look.
            for line in differences.stale(run, &agrees.collect()) {
                println!("{}: {line}", arguments.differences.display());
            }
        }
        count(&mut tally, &outcomes, &scores, losses);
        if arguments.update && is_ours {
            expected.learn(run, &scores);
        }
    }
    if arguments.update {
        expected.write(&arguments.expected)?;
    }
    if let Some(file) = &arguments.report {
        std::fs::write(file, report).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(tally)
}

/// Plays a run; also says whether and how the server died of it.
fn play(arguments: &Arguments, run: &str) -> Result<(Vec<Outcome>, Option<String>)> {
    let mut steps = recording::read_run(&arguments.recording, run)?;
    if !arguments.groups.is_empty() {
        steps.retain(|placed| match &placed.step {
            Step::Ask(case) => arguments.groups.contains(&case.group),
            Step::Pause(_) | Step::Wait(_) => false,
        });
    }
    if let (Some(base), Some(key)) = (&arguments.base, &arguments.key) {
        let tokens = tokens_from(key)?;
        return Ok((Player::against(address_of(base)?, &tokens).play(&steps), None));
    }
    let name = if run == "enforce" { "testbed-enforce.toml" } else { "testbed.toml" };
    let mut server = server::Server::start(&arguments.server, &arguments.configurations.join(name))?;
    let tokens = tokens_from(&server.key())?;
    let outcomes = Player::against(server.address, &tokens).play(&steps);
    Ok((outcomes, server.epitaph()))
}

fn tokens_from(file: &Path) -> Result<Tokens> {
    let key = std::fs::read(file).with_context(|| format!("read the key {}", file.display()))?;
    Tokens::mint(&key)
}

fn address_of(base: &str) -> Result<SocketAddr> {
    let place = base.trim_start_matches("http://").trim_end_matches('/');
    let mut found = place.to_socket_addrs().with_context(|| format!("{base} is not http://HOST:PORT"))?;
    found.next().with_context(|| format!("{base} has no address"))
}

fn count(
    tally: &mut Tally,
    outcomes: &[Outcome],
    scores: &BTreeMap<String, Score>,
    losses: impl Fn(&str, &Score) -> Vec<String>,
) {
    for (group, score) in scores {
        match losses(group, score).is_empty() {
            true => tally.passed += 1,
            false => tally.failed += 1,
        }
    }
    let all = table::scores(outcomes.iter());
    tally.skipped += all.keys().filter(|group| !scores.contains_key(*group)).count();
}

/// The part of the report about one run.
fn written(run: &str, drawn: &str, counted: &[&Outcome]) -> String {
    let mut text = format!("## Run {run}\n\n```\n{drawn}```\n\nMost frequent causes:\n\n");
    for (times, why, cases) in table::causes(counted.iter().copied()).into_iter().take(120) {
        let cases: Vec<_> = cases.iter().take(8).map(u64::to_string).collect();
        text.push_str(&format!("- {times} x {why} (cases {})\n", cases.join(" ")));
    }
    text.push_str("\nCases that differ:\n\n");
    for outcome in counted.iter().filter(|outcome| outcome.verdict.level != Level::Values) {
        text.push_str(&format!("- {}\n", table::line(outcome, 12)));
    }
    text.push('\n');
    text
}
