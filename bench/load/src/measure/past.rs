//! Millions of finished jobs: pages of them by every filter, one of them, a day, what was used; how fast more are
//! recorded, and whether submissions and starts notice.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use history::{A_DAY, ACCOUNTS, BEGAN, DAY, FIRST_USER, NODES, PARTITIONS, Room, USERS, chance, end_of};
use serde_json::{Value, json};

use super::reads::successful;
use super::{Setting, launches, ms, script_job};
use crate::drive::{Plan, drive};
use crate::sample::Sample;
use crate::table::{Goal, Row};
use crate::target::{Recipe, SLURM, SLURMDB, Service, Target};
use crate::wire::request;

/// A page.
const PAGE: usize = 1_000;
/// Jobs that end at once to see how fast they are recorded.
const MORE: usize = 100_000;
/// How they end in a day: all there is; one state in each `state`, as the original has it.
const STATES: &str =
    "COMPLETED&state=FAILED&state=CANCELLED&state=TIMEOUT&state=NODE_FAIL&state=OUT_OF_MEMORY";

/// Writes the configuration of the cluster whose jobs they are, with the nodes and partitions of `bench.toml` behind it
/// for jobs that run now and are shown for so many seconds after their end; returns where it is.
pub(crate) fn configuration(setting: Setting<'_>, min_job_age: u32) -> Result<PathBuf> {
    let last = NODES - 1;
    let mut text = format!(
        "[cluster]\nname = \"bench\"\nmax_job_count = 400000\nmin_job_age = {min_job_age}\n\n\
         [[nodes]]\nname = \"node[0-{last}]\"\ncpus = 64\nmemory = 256000\n\n\
         [[nodes]]\nname = \"two\"\ncpus = 2\nmemory = 16000\n\n\
         [[partitions]]\nname = \"main\"\nnodes = \"two\"\ndefault = true\nmax_time = \"unlimited\"\n\n\
         [[partitions]]\nname = \"down\"\nnodes = \"two\"\nstate = \"down\"\nmax_time = \"unlimited\"\n"
    );
    // Writing to a string cannot fail.
    for partition in PARTITIONS {
        let _ = write!(text, "\n[[partitions]]\nname = \"{partition}\"\nnodes = \"node[0-{last}]\"\n");
    }
    for account in 0..ACCOUNTS {
        let _ = write!(text, "\n[[accounts]]\nname = \"project{account}\"\n");
    }
    for user in 0..USERS {
        let (number, group, account) = (FIRST_USER + user, 100 + user % 10, user % ACCOUNTS);
        let _ = write!(
            text,
            "\n[[users]]\nname = \"user{user}\"\nuid = {number}\ngid = {group}\n\
             default_account = \"project{account}\"\naccounts = [\"project{account}\"]\n"
        );
    }
    let path = setting.folder.join("past.toml");
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// The room ten million jobs take, by what the store has, and how fast more are recorded in it.
pub(crate) fn store(directory: &Path, setting: Setting<'_>) -> Result<Vec<Row>> {
    let Room { bytes, attempts, spread } = Room::of(directory)?;
    let each = |bytes: u64| bytes as f64 / attempts.max(1) as f64;
    let largest: Vec<String> =
        spread.iter().take(4).map(|(name, bytes)| format!("{name} {:.0}", each(*bytes))).collect();
    let note = format!(
        "{:.2} GB for {attempts}: {:.0} bytes a job, of which {}",
        bytes as f64 / 1e9,
        each(bytes),
        largest.join(", ")
    );
    let first = history::next_number(directory)?;
    let more = u32::try_from(setting.size(MORE))?;
    let rate = history::record(directory, first, more)?;
    Ok(vec![
        Row::new("store of 10 million finished jobs", "GB", Goal::AtMost(4.0))
            .of(false, each(bytes) * 1e7 / 1e9)
            .note(note),
        Row::new("ended jobs recorded behind them", "/s", Goal::AtLeast(5_000.0))
            .of(false, rate)
            .note(format!("{more} jobs, two in five with a step; made, committed and recorded")),
    ])
}

/// Lets what an earlier run left in the queue leave it.
pub(crate) fn settle(recipe: &Recipe, setting: Setting<'_>, state: &Path) -> Result<()> {
    let service = Recipe { config: configuration(setting, 2)?, ..recipe.clone() }.start(state)?;
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, answer) = service.target.ask_at("GET", &format!("{SLURM}/jobs/?limit=1"), None)?;
        if answer.get("jobs").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            return Ok(());
        }
        ensure!(Instant::now() < patience, "jobs of an earlier run do not leave the queue");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The start of a service with such a store.
pub(crate) fn start(service: &Service, jobs: u32) -> Row {
    Row::new(format!("start with {jobs} finished jobs"), "ms", Goal::AtMost(200.0))
        .of(false, ms(service.started_in))
}

/// Makes sure that the service has that history: pages of nothing are fast.
pub(crate) fn is_there(target: &Target) -> Result<()> {
    let (_, answer) = target.ask_at("GET", &format!("{SLURMDB}/jobs/?limit={PAGE}&start_time=1"), None)?;
    let shown = answer.get("jobs").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(shown == PAGE, "a page of {PAGE} has {shown} jobs");
    Ok(())
}

/// What a filter says, for the question of a number.
type Filter = fn(u32, u32) -> String;

/// Each with a name, whether its pages go on from anywhere, and what it says. Since nothing said of times means today,
/// all of them say that any time will do.
const FILTERS: &[(&str, bool, Filter)] = &[
    ("nothing", true, |_, _| String::new()),
    ("account", true, |_, _| "&account=project7".into()),
    ("association", true, |_, _| "&association={association}".into()),
    ("cluster", true, |_, _| "&cluster=bench".into()),
    ("constraints that nobody had", true, |_, _| "&constraints=gpu".into()),
    ("disable_truncate_usage_time", true, |_, _| "&disable_truncate_usage_time=true".into()),
    ("disable_wait_for_result", true, |_, _| "&disable_wait_for_result=true".into()),
    ("disable_whole_hetjob", true, |_, _| "&disable_whole_hetjob=true".into()),
    ("end_time", true, |at, jobs| format!("&end_time={}", second(at, jobs))),
    ("exit_code", true, |_, _| "&exit_code=3".into()),
    ("groups", true, |_, _| "&groups=104".into()),
    ("job_altered", true, |_, _| "&job_altered=true".into()),
    ("job_name", false, |at, _| format!("&job_name=simulation-{}", at * 997 % 50_000)),
    ("job_started", true, |_, _| "&job_started=true".into()),
    ("node", true, |_, _| "&node=node77".into()),
    ("node, four of them", true, |_, _| "&node=node[1-4]".into()),
    ("partition", true, |_, _| "&partition=fat".into()),
    ("qos", true, |_, _| "&qos=1".into()),
    ("reason", true, |_, _| "&reason=NodeDown".into()),
    ("reservation that nobody had", true, |_, _| "&reservation=none".into()),
    ("scheduled_by_backfill", true, |_, _| "&scheduled_by_backfill=true".into()),
    ("scheduled_by_main", true, |_, _| "&scheduled_by_main=true".into()),
    ("scheduled_on_submit", true, |_, _| "&scheduled_on_submit=true".into()),
    ("scheduler_unset", true, |_, _| "&scheduler_unset=true".into()),
    ("show_duplicates", true, |_, _| "&show_duplicates=true".into()),
    ("show_job_environment", true, |_, _| "&show_job_environment=true".into()),
    ("skip_steps", true, |_, _| "&skip_steps=true".into()),
    ("start_time", false, |at, jobs| format!("&start_time={}", second(at, jobs))),
    ("state", true, |_, _| format!("&state=FAILED&end_time={}", BEGAN / 1_000_000 * 2)),
    ("state, a rare one", true, |_, _| format!("&state=NODE_FAIL&end_time={}", BEGAN / 1_000_000 * 2)),
    ("step", false, |at, jobs| format!("&step={}", 1 + at * 7_919 % jobs)),
    ("usage_time_as_submit_time", false, |at, jobs| {
        let from = second(at, jobs);
        format!("&usage_time_as_submit_time=true&start_time={from}&end_time={}", from + 86_400)
    }),
    ("users", true, |_, _| "&users=2030".into()),
    ("users, a rare one", true, |_, _| "&users=2290".into()),
    ("whole_hetjob", true, |_, _| "&whole_hetjob=true".into()),
    ("wckey that nobody had", true, |_, _| "&wckey=none".into()),
    ("users in a day", false, |at, jobs| {
        let from = second(at, jobs);
        format!("&users=2030&start_time={from}&end_time={}", from + 86_400)
    }),
    ("users and exit_code", true, |_, _| "&users=2290&exit_code=3".into()),
    ("account and node", true, |_, _| "&account=project59&node=node77".into()),
    ("users and state", true, |_, _| {
        format!("&users=2030&state=NODE_FAIL&end_time={}", BEGAN / 1_000_000 * 2)
    }),
];

/// A second at which jobs ended.
fn second(at: u32, jobs: u32) -> i64 {
    end_of((chance(at, 31) * f64::from(jobs)) as u32) / 1_000_000
}

/// The first page and some that begin anywhere, by each filter.
pub(crate) fn pages(target: &Target, setting: Setting<'_>, jobs: u32) -> Result<Vec<Row>> {
    let association = association(target)?.to_string();
    let mut rows = Vec::new();
    for (name, goes_on, filter) in FILTERS {
        let path = |at: u32| {
            let said = filter(at, jobs).replace("{association}", &association);
            let any = if said.contains("start_time=") { "" } else { "&start_time=1" };
            // Every other page is the first one.
            let cursor = match *goes_on && at % 2 == 1 {
                true => format!("&cursor={}", 1 + (chance(at, 32) * f64::from(jobs)) as u32),
                false => String::new(),
            };
            format!("{SLURMDB}/jobs/?limit={PAGE}{any}{said}{cursor}")
        };
        let sample = ask(target, setting.size(4_000).min(40), path)?;
        let what = format!("jobs/, a page of {PAGE} by {name}, p95");
        let each = sample.bytes as f64 / sample.count() as f64 / 1e6;
        let note = format!("p50 {:.1} ms, {each:.2} MB each", ms(sample.within(0.5)));
        rows.push(Row::new(what, "ms", Goal::AtMost(25.0)).of(false, ms(sample.within(0.95))).note(note));
    }
    Ok(rows)
}

/// The number of one of the users' associations.
fn association(target: &Target) -> Result<u64> {
    let (_, answer) = target.ask_at("GET", &format!("{SLURMDB}/associations/?user=user30"), None)?;
    let first = answer.get("associations").and_then(|all| all.get(0)).and_then(|one| one.get("id"));
    let id = first.and_then(|id| id.as_u64().or_else(|| id.get("id").and_then(Value::as_u64)));
    id.context("user30 has no association")
}

/// Asks for one path after another.
fn ask(target: &Target, times: usize, path: impl Fn(u32) -> String) -> Result<Sample> {
    let write = |at: usize, into: &mut Vec<u8>| {
        into.extend_from_slice(&request(target, "GET", &path(u32::try_from(at).unwrap_or(0)), None));
    };
    successful(drive(target.address, Plan::closed(1, times), write, |_| {})?)
}

/// One job, one day, and sums of usage.
pub(crate) fn reads(target: &Target, setting: Setting<'_>, jobs: u32) -> Result<Vec<Row>> {
    let any = |at: u32| 1 + (chance(at, 33) * f64::from(jobs - 1)) as u32;
    let one = ask(target, setting.size(2_000), |at| format!("{SLURMDB}/job/{}", any(at)))?;
    let used = ask(target, setting.size(2_000), |at| {
        let (one, other) = (second(2 * at, jobs), second(2 * at + 1, jobs));
        format!("/quintet/v1/usage?by=account&since={}&until={}", one.min(other), one.max(other) + 3_600)
    })?;
    let mut rows = vec![
        Row::new("accounting job/{id}, p95", "ms", Goal::AtMost(1.0))
            .of(false, ms(one.within(0.95)))
            .note(format!("p50 {:.3} ms", ms(one.within(0.5)))),
        Row::new("usage per account over any range, p95", "ms", Goal::AtMost(10.0))
            .of(false, ms(used.within(0.95)))
            .note(format!("p50 {:.2} ms, {} accounts", ms(used.within(0.5)), ACCOUNTS)),
    ];
    for (what, more) in [("", ""), (", without steps", "&skip_steps=true")] {
        let day = ask(target, 5, |at| {
            let from = (BEGAN + DAY * i64::from(at * (jobs / A_DAY) / 6)) / 1_000_000;
            let until = from + DAY / 1_000_000 - 1;
            format!("{SLURMDB}/jobs/?state={STATES}&start_time={from}&end_time={until}{more}")
        })?;
        let note = format!("{:.0} MB each, of five days", day.bytes as f64 / 5e6);
        let what = format!("a day of {A_DAY} jobs streamed{what}");
        rows.push(Row::new(what, "ms", Goal::AtMost(200.0)).of(false, ms(day.within(0.5))).note(note));
    }
    Ok(rows)
}

/// Times that a service without history and one with it work in turn: the machine's own moods, which come and go within
/// seconds, are greater than what the two differ by.
const ROUNDS: usize = 11;

/// Starts and submissions of two services, one with no history and one behind `jobs` finished jobs, which is to be no
/// slower. Rates are medians of the rounds, and so is what the one with history does of the other's in the same round.
pub(crate) fn work(empty: &Target, full: &Target, setting: Setting<'_>, jobs: u32) -> Result<Vec<Row>> {
    // Of each row what it is of, and the rates of both in every round.
    let mut works: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    for at in 0..ROUNDS {
        // Who comes first has now and then the better half of a round: they take turns at that, too.
        let (without, with) = if at % 2 == 0 {
            let without = round(empty, setting)?;
            (without, round(full, setting)?)
        } else {
            let with = round(full, setting)?;
            (round(empty, setting)?, with)
        };
        for (at, (without, with)) in without.into_iter().zip(with).enumerate() {
            if works.len() <= at {
                works.push((without.what, Vec::new()));
            }
            works[at].1.push((without.ours.unwrap_or_default(), with.ours.unwrap_or_default()));
        }
    }
    let mut rows = Vec::new();
    for (what, rates) in works {
        let row = |of: String, unit: &'static str, goal: Goal, figure: fn(&(f64, f64)) -> f64| {
            let [low, middle, high] = quartiles(rates.iter().map(figure));
            Row::new(format!("{what}, {of}"), unit, goal)
                .of(false, middle)
                .note(format!("half of {ROUNDS} rounds {low:.0} to {high:.0}"))
        };
        rows.push(row("no history".into(), "/s", Goal::None, |(without, _)| *without));
        rows.push(row(format!("{jobs} finished jobs"), "/s", Goal::None, |(_, with)| *with));
        // Medians of two runs of the same differ by the twentieth part that is let pass.
        let share = |(without, with): &(f64, f64)| with / without * 100.0;
        rows.push(row("share with a history".into(), "%", Goal::AtLeast(95.0), share));
    }
    Ok(rows)
}

fn round(target: &Target, setting: Setting<'_>) -> Result<Vec<Row>> {
    let body = super::typical_job(super::down(false));
    let mut rows = launches::throughput(target, setting)?;
    let sample = target.submit_many(&body, 16, setting.size(20_000))?;
    rows.push(Row::new("submissions, 16 connections", "/s", Goal::None).of(false, sample.rate()));
    target.purge()?;
    Ok(rows)
}

/// A quarter, half and three quarters of the figures are at most these.
fn quartiles(figures: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| figures.get(figures.len() * quarter / 4).copied().unwrap_or_default())
}

/// The same of a peer, with jobs that it runs first: it would take a week with a million.
pub(crate) fn of_peer(peer: &Target, setting: Setting<'_>) -> Result<Vec<Row>> {
    let jobs = setting.size(1_000);
    let (_, before) = peer.ask_at("GET", &format!("{SLURMDB}/ping/"), None)?;
    ensure!(
        before.get("errors").is_none_or(|errors| errors.as_array().is_none_or(Vec::is_empty)),
        "{before}"
    );
    let began = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    peer.submit_many(&script_job("#!/bin/true\n", None, json!({})), 4, jobs)?;
    peer.drain(std::time::Duration::from_secs(600), std::time::Duration::from_millis(100))?;
    let list = |more: String| -> Result<f64> {
        let path = format!("{SLURMDB}/jobs/?start_time={began}{more}");
        Ok(ms(ask(peer, 3, |_| path.clone())?.within(0.5)))
    };
    let page = |name: &str, figure: f64| {
        Row::new(format!("jobs/, a page of {PAGE} by {name}, p95"), "ms", Goal::AtMost(25.0)).of(true, figure)
    };
    let job = peer.submit(&script_job("#!/bin/true\n", None, json!({})))?;
    peer.drain(std::time::Duration::from_secs(60), std::time::Duration::from_millis(100))?;
    let one = ask(peer, 100, |_| format!("{SLURMDB}/job/{job}"))?;
    Ok(vec![
        page("nothing", list(String::new())?),
        page("skip_steps", list("&skip_steps=true".to_owned())?),
        page("constraints that nobody had", list("&constraints=gpu".to_owned())?),
        Row::new("accounting job/{id}, p95", "ms", Goal::AtMost(1.0)).of(true, ms(one.within(0.95))),
    ])
}
