//! The promise of durability: whatever was answered with success survives `kill -9` at any moment, and every job
//! ends exactly once with its true result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::server::{Server, ask, eventually, open_folder, tail, token};

const KILLS: usize = 50;
const SUBMITTERS: u64 = 3;

const CONFIG: &str = r#"
[cluster]
name = "crash"
min_job_age = 3600
kill_wait = 1

[[nodes]]
name = "n1"
cpus = 16
memory = 16000

[[partitions]]
name = "main"
nodes = "ALL"
default = true
default_time = "00:10:00"
"#;

/// What the client was promised about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// It exits with this code; an array has so many tasks that all do.
    Exits { code: u64, tasks: u64 },
    /// A cancellation was answered with success.
    Cancelled,
    /// A cancellation was asked for, and the answer was lost with the server: both ends are true.
    PerhapsCancelled { code: u64 },
}

/// What the submitters share with the one who kills.
#[derive(Debug, Default)]
struct Shared {
    /// Where the service is at the moment; it changes with every life.
    url: Mutex<String>,
    promises: Mutex<BTreeMap<u64, Promise>>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_fifty_kills() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let state = open_folder(folder.path(), "state");
    let runs = open_folder(folder.path(), "runs");
    let config = folder.path().join("crash.toml");
    fs::write(&config, CONFIG).unwrap();

    let mut server = Server::start(&config, &state);
    let token = token(&state);
    let shared = Arc::new(Shared::default());
    server.url.clone_into(&mut shared.url.lock().unwrap());
    let submitters: Vec<_> = (0..SUBMITTERS)
        .map(|seed| tokio::spawn(submit_without_end(seed, shared.clone(), token.clone(), runs.clone())))
        .collect();

    let mut chance = StdRng::seed_from_u64(17);
    for _ in 0..KILLS {
        // The moment of the kill is the point of the test, so it is drawn and not waited for.
        tokio::time::sleep(Duration::from_millis(chance.random_range(20..400))).await;
        server.kill();
        server = Server::start(&config, &state);
        server.url.clone_into(&mut shared.url.lock().unwrap());
    }
    submitters.iter().for_each(tokio::task::JoinHandle::abort);
    for submitter in submitters {
        let ended = submitter.await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "a submitter gave up");
    }

    let jobs = settled(&server.url, &token, &state).await;
    let promises = shared.promises.lock().unwrap().clone();
    assert!(promises.len() > KILLS, "only {} jobs were acknowledged", promises.len());
    let broken: Vec<_> = promises
        .iter()
        .filter_map(|(job, promise)| Some((job, broken(*job, *promise, &jobs, &runs)?)))
        .collect();
    assert!(broken.is_empty(), "{} of {} promises broken: {broken:#?}", broken.len(), promises.len());
    let twice: Vec<_> = fs::read_dir(&runs)
        .unwrap()
        .filter_map(|file| {
            let path = file.unwrap().path();
            (fs::read_to_string(&path).unwrap().lines().count() != 1).then_some(path)
        })
        .collect();
    assert!(twice.is_empty(), "started more than once: {twice:?}");
}

/// Submits jobs of all kinds and cancels some of them, over all lives of the service.
async fn submit_without_end(seed: u64, shared: Arc<Shared>, token: String, runs: PathBuf) {
    let client = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let mut chance = StdRng::seed_from_u64(seed);
    loop {
        let code = chance.random_range(0..4);
        let tasks = if chance.random_range(0..8) == 0 { 3 } else { 1 };
        let is_victim = tasks == 1 && chance.random_range(0..8) == 0;
        let sleep = if is_victim { 30.0 } else { f64::from(chance.random_range(0..30)) / 100.0 };
        let body = request(code, tasks, sleep, &runs);
        let url = shared.url.lock().unwrap().clone();
        let Some((200, answer)) = ask(&client, &url, &token, Method::POST, "/job/submit", Some(&body)).await
        else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let job = answer["job_id"].as_u64().unwrap();
        if !is_victim {
            shared.promises.lock().unwrap().insert(job, Promise::Exits { code, tasks });
            // Leaves the processors some time for the jobs themselves.
            tokio::time::sleep(Duration::from_millis(30)).await;
            continue;
        }
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..100))).await;
        let url = shared.url.lock().unwrap().clone();
        let answered = ask(&client, &url, &token, Method::DELETE, &format!("/job/{job}"), None).await;
        let promise = match answered {
            Some((200, answer)) if answer["status"].as_array().is_some_and(Vec::is_empty) => {
                Promise::Cancelled
            }
            _ => Promise::PerhapsCancelled { code },
        };
        shared.promises.lock().unwrap().insert(job, promise);
    }
}

/// A job that leaves a line for every time it is started, and then ends as it was told.
fn request(code: u64, tasks: u64, sleep: f64, runs: &Path) -> Value {
    let runs = runs.display();
    let script = format!(
        "#!/bin/sh\necho started >> {runs}/${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}.${{SLURM_ARRAY_TASK_ID:-0}}\n\
         sleep {sleep}\nexit {code}\n"
    );
    let mut job = json!({
        "name": "crash",
        "current_working_directory": "/tmp",
        "environment": ["PATH=/usr/bin:/bin"],
        "standard_output": "/dev/null",
        "standard_error": "/dev/null",
        "requeue": false,
    });
    if tasks > 1 {
        job["array"] = json!(format!("0-{}", tasks - 1));
    }
    json!({ "script": script, "job": job })
}

/// Waits until every job has ended and returns them all, by the number that the client knows and the task.
async fn settled(url: &str, token: &str, state: &Path) -> BTreeMap<(u64, u64), Value> {
    let client = Client::new();
    eventually("every job's end", Duration::from_secs(120), async || {
        let answered = ask(&client, url, token, Method::GET, "/jobs/", None).await;
        let (200, answer) =
            answered.ok_or_else(|| format!("no answer; the log ends with\n{}", tail(state)))?
        else {
            return Err("the list was refused".to_owned());
        };
        let jobs = answer["jobs"].as_array().cloned().unwrap_or_default();
        let unfinished = |job: &&Value| {
            let words: Vec<_> =
                job["job_state"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            words.iter().any(|word| matches!(*word, "PENDING" | "RUNNING" | "COMPLETING" | "CONFIGURING"))
        };
        match jobs.iter().find(unfinished) {
            None => Ok(jobs.into_iter().map(|job| (name(&job), job)).collect()),
            Some(job) => {
                Err(format!("job {} is {}, {}", job["job_id"], job["job_state"], job["state_reason"]))
            }
        }
    })
    .await
}

fn name(job: &Value) -> (u64, u64) {
    let number = |value: &Value| value["number"].as_u64().unwrap_or_default();
    match number(&job["array_job_id"]) {
        0 => (job["job_id"].as_u64().unwrap(), 0),
        array => (array, number(&job["array_task_id"])),
    }
}

/// Says how the promise about a job was broken; none if it was kept.
fn broken(job: u64, promise: Promise, jobs: &BTreeMap<(u64, u64), Value>, runs: &Path) -> Option<String> {
    let tasks = if let Promise::Exits { tasks, .. } = promise { tasks } else { 1 };
    (0..tasks).find_map(|task| {
        let Some(found) = jobs.get(&(job, task)) else { return Some(format!("task {task} is lost")) };
        let word = found["job_state"][0].as_str().unwrap_or_default();
        let code = found["exit_code"]["return_code"]["number"].as_u64();
        let has_run = runs.join(format!("{job}.{task}")).exists();
        let exited = |wanted: u64| {
            let state = if wanted == 0 { "COMPLETED" } else { "FAILED" };
            word == state && code == Some(wanted) && has_run
        };
        let is_kept = match promise {
            Promise::Exits { code, .. } => exited(code),
            Promise::Cancelled => word == "CANCELLED",
            Promise::PerhapsCancelled { code } => word == "CANCELLED" || exited(code),
        };
        (!is_kept)
            .then(|| format!("promised {promise:?}, found {word} with code {code:?}, has run: {has_run}"))
    })
}
