//! The promise of durability: whatever was answered with success survives `kill -9` at any moment, and every job
//! ends exactly once with its true result: arrays, jobs of components, jobs with steps, jobs that come back for their
//! exit code or make way for others, jobs that want too much memory or too many processes, jobs with a GPU, jobs that
//! recur, and jobs that are cancelled.

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
requeue_exit = "75"
max_batch_requeue = 1000

[preempt]
type = "partition_prio"
mode = "requeue"

[engine]
max_processes_per_job = 60

[[nodes]]
name = "n[1-2]"
cpus = 16
memory = 16000
gres = [{ name = "gpu", count = 2 }]

[[partitions]]
name = "main"
nodes = "n1"
default = true
default_time = "00:10:00"
default_memory_per_cpu = 10

# Small, so that there is always somebody who has to make way.
[[partitions]]
name = "low"
nodes = "n2"
default_time = "00:10:00"
max_cpus_per_node = 16
default_memory_per_cpu = 10

[[partitions]]
name = "high"
nodes = "n2"
default_time = "00:10:00"
default_memory_per_cpu = 10
priority_tier = 10
"#;

/// What kinds of jobs are submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One script.
    Plain,
    /// Three tasks of an array.
    Array,
    /// Two components that start together; the first one's script runs.
    Components,
    /// A script that starts two tasks with srun and ends as they do.
    Steps,
    /// Ends with an exit code that puts it back, until it has done so once.
    Comeback,
    /// Runs where others may take its place, and begins anew then.
    MakesWay,
    /// Takes the place of those.
    TakesPlace,
    /// Wants more memory than it has.
    Greedy,
    /// Has a GPU, which nobody else may have at the same time.
    Gpu,
    /// Starts far more processes than it may.
    Bomb,
    /// Is cancelled soon.
    Victim,
}

/// How often each kind comes, one among the others.
const MIX: [(Kind, u32); 11] = [
    (Kind::Plain, 7),
    (Kind::Array, 2),
    (Kind::Components, 2),
    (Kind::Steps, 2),
    (Kind::Comeback, 2),
    (Kind::MakesWay, 2),
    (Kind::TakesPlace, 1),
    (Kind::Greedy, 1),
    (Kind::Gpu, 2),
    (Kind::Bomb, 1),
    (Kind::Victim, 2),
];

/// What the client was promised about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// It exits with this code, all its tasks do.
    Exits { kind: Kind, code: u64 },
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
    let table = folder.path().join("table");
    fs::write(&table, format!("* * * * * date -Iminutes >> {}\n", runs.join("turns").display())).unwrap();
    crontab(&state, &[table.to_str().unwrap()]);
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

    let limits = natively(&server.url, &token, "/nodes").await["limits"].clone();
    let turns = eventually("a turn of the crontab", Duration::from_secs(100), async || {
        let text = fs::read_to_string(runs.join("turns")).unwrap_or_default();
        let turns: Vec<String> = text.lines().map(str::to_owned).collect();
        if turns.is_empty() { Err(text) } else { Ok(turns) }
    })
    .await;
    assert!(turns.windows(2).all(|pair| pair[0] < pair[1]), "each turn is taken once: {turns:?}");
    crontab(&state, &["-r"]);
    let jobs = settled(&server.url, &token, &state).await;
    let promises = shared.promises.lock().unwrap().clone();
    assert!(promises.len() > KILLS, "only {} jobs were acknowledged", promises.len());
    let broken: Vec<_> = promises
        .iter()
        .filter_map(|(job, promise)| Some((job, broken(*job, *promise, &jobs, &runs, &limits)?)))
        .collect();
    assert!(broken.is_empty(), "{} of {} promises broken: {broken:#?}", broken.len(), promises.len());
    let kinds: std::collections::BTreeSet<_> =
        promises.values().map(|promise| format!("{promise:?}")).collect();
    let wanted = MIX.map(|(kind, _)| format!("{kind:?}"));
    for kind in wanted.iter().filter(|kind| *kind != "Victim") {
        assert!(kinds.iter().any(|promise| promise.contains(kind)), "no job of kind {kind} was acknowledged");
    }
    let came_back = jobs.values().filter(|job| job["restart_cnt"].as_u64() > Some(0)).count();
    assert!(came_back > 0, "no job came back");
}

/// Has a user's crontab changed.
fn crontab(state: &Path, words: &[&str]) {
    let mut command = crate::program::quintet();
    let done = command.arg("crontab").arg("--state").arg(state).args(words).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Asks Quintet's own part of the interface.
async fn natively(url: &str, token: &str, path: &str) -> Value {
    let request = Client::new().get(format!("{url}/quintet/v1{path}")).header("X-SLURM-USER-TOKEN", token);
    serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
}

/// Submits jobs of all kinds and cancels some of them, over all lives of the service.
async fn submit_without_end(seed: u64, shared: Arc<Shared>, token: String, runs: PathBuf) {
    let client = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let mut chance = StdRng::seed_from_u64(seed);
    loop {
        let kind = draw(&mut chance);
        let code = chance.random_range(0..4);
        let sleep = match kind {
            Kind::Victim => 30.0,
            Kind::MakesWay => 1.0,
            _ => f64::from(chance.random_range(0..30)) / 100.0,
        };
        let body = request(kind, code, sleep, &runs);
        let url = shared.url.lock().unwrap().clone();
        let Some((200, answer)) = ask(&client, &url, &token, Method::POST, "/job/submit", Some(&body)).await
        else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let job = answer["job_id"].as_u64().unwrap();
        if kind != Kind::Victim {
            shared.promises.lock().unwrap().insert(job, Promise::Exits { kind, code });
            // Leaves the processors some time for the jobs themselves.
            tokio::time::sleep(Duration::from_millis(40)).await;
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

/// Draws a kind of job.
fn draw(chance: &mut StdRng) -> Kind {
    let mut left = chance.random_range(0..MIX.iter().map(|(_, often)| often).sum());
    for (kind, often) in MIX {
        if left < often {
            return kind;
        }
        left -= often;
    }
    Kind::Plain
}

/// A job that leaves a line for every time it is started, and then ends as it was told.
fn request(kind: Kind, code: u64, sleep: f64, runs: &Path) -> Value {
    let runs = runs.display();
    let name = format!("{runs}/${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}.${{SLURM_ARRAY_TASK_ID:-0}}");
    let work = match kind {
        // Each task leaves a line of its own; the step's exit code is the largest of theirs.
        Kind::Steps => {
            format!(
                "srun -n2 sh -c 'echo $SLURM_PROCID >> {name}.tasks; sleep {sleep}; exit {code}'\nexit $?"
            )
        }
        Kind::Comeback => format!("sleep {sleep}\n[ -z \"$SLURM_RESTART_COUNT\" ] && exit 75\nexit {code}"),
        Kind::Greedy => {
            format!("head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null\nexit {code}")
        }
        // Whoever had it at the same time would find the folder there.
        Kind::Gpu => format!(
            "[ -n \"$CUDA_VISIBLE_DEVICES\" ] && mkdir {runs}/gpu.$SLURM_JOB_GPUS || exit 99\n\
             sleep {sleep}\nrmdir {runs}/gpu.$SLURM_JOB_GPUS\nexit {code}"
        ),
        Kind::Bomb => format!(
            "bomb() {{ [ $1 -gt 0 ] || return; bomb $(($1 - 1)) & bomb $(($1 - 1)) & sleep 0.2; }}\n\
             (bomb 8) 2>/dev/null\nexit {code}"
        ),
        _ => format!("sleep {sleep}\nexit {code}"),
    };
    let script = format!("#!/bin/sh\necho started >> {name}\n{work}\n");
    let mut job = json!({
        "name": "crash",
        "current_working_directory": "/tmp",
        "environment": ["PATH=/usr/bin:/bin"],
        "standard_output": "/dev/null",
        "standard_error": "/dev/null",
        "requeue": matches!(kind, Kind::Comeback | Kind::MakesWay),
    });
    match kind {
        Kind::Array => job["array"] = json!("0-2"),
        Kind::Steps => job["tasks"] = json!(2),
        Kind::MakesWay => {
            job["partition"] = json!("low");
            job["tasks"] = json!(4);
        }
        Kind::TakesPlace => {
            job["partition"] = json!("high");
            job["tasks"] = json!(16);
        }
        Kind::Greedy => job["memory_per_node"] = json!({ "set": true, "number": 20 }),
        Kind::Bomb => job["memory_per_node"] = json!({ "set": true, "number": 400 }),
        Kind::Gpu => job["tres_per_job"] = json!("gres/gpu:1"),
        Kind::Components => {
            let second = job.clone();
            return json!({ "script": script, "jobs": [job, second] });
        }
        Kind::Plain | Kind::Comeback | Kind::Victim => {}
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
                hurry(&client, url, token, &jobs).await;
                Err(format!("job {} is {}, {}", job["job_id"], job["job_state"], job["state_reason"]))
            }
        }
    })
    .await
}

/// Has the jobs that were put back begin now, and not after two minutes as in Slurm.
async fn hurry(client: &Client, url: &str, token: &str, jobs: &[Value]) {
    for job in jobs.iter().filter(|job| job["state_reason"] == json!("BeginTime")) {
        let now = json!({ "begin_time": { "set": true, "number": 1 } });
        ask(client, url, token, Method::POST, &format!("/job/{}", job["job_id"]), Some(&now)).await;
    }
}

fn name(job: &Value) -> (u64, u64) {
    let number = |value: &Value| value["number"].as_u64().unwrap_or_default();
    match number(&job["array_job_id"]) {
        0 => (job["job_id"].as_u64().unwrap(), 0),
        array => (array, number(&job["array_task_id"])),
    }
}

/// Says how the promise about a job was broken; none if it was kept.
fn broken(
    job: u64,
    promise: Promise,
    jobs: &BTreeMap<(u64, u64), Value>,
    runs: &Path,
    limits: &Value,
) -> Option<String> {
    let records: Vec<(u64, u64)> = match promise {
        Promise::Exits { kind: Kind::Array, .. } => (0..3).map(|task| (job, task)).collect(),
        _ => vec![(job, 0)],
    };
    let one = |(job, task): (u64, u64)| {
        let Some(found) = jobs.get(&(job, task)) else { return Some(format!("task {task} is lost")) };
        let word = found["job_state"][0].as_str().unwrap_or_default();
        let code = found["exit_code"]["return_code"]["number"].as_u64();
        let restarts = found["restart_cnt"].as_u64().unwrap_or_default();
        let starts = lines(&runs.join(format!("{job}.{task}")));
        let exited = |wanted: u64| {
            let state = if wanted == 0 { "COMPLETED" } else { "FAILED" };
            word == state && code == Some(wanted)
        };
        let is_kept = match promise {
            Promise::Exits { kind: Kind::Steps, code } => {
                exited(code) && starts == 1 && lines(&runs.join(format!("{job}.{task}.tasks"))) == 2
            }
            Promise::Exits { kind: Kind::Greedy, .. } if limits["memory"] == "enforced" => {
                word == "OUT_OF_MEMORY" && starts == 1
            }
            Promise::Exits { kind: Kind::Comeback, code } => exited(code) && restarts == 1 && starts == 2,
            // Who makes way before the script's first line leaves none for that attempt.
            Promise::Exits { kind: Kind::MakesWay, code } => {
                exited(code) && (1..=restarts + 1).contains(&starts)
            }
            Promise::Exits { kind: Kind::Components, code } => {
                let second = jobs.get(&(job + 1, 0));
                let is_over = second.is_some_and(|second| second["het_job_id"]["number"] == json!(job));
                exited(code) && starts == 1 && is_over
            }
            Promise::Exits { code, .. } => exited(code) && starts == 1,
            Promise::Cancelled => word == "CANCELLED" && starts <= 1,
            Promise::PerhapsCancelled { code } => (word == "CANCELLED" || exited(code)) && starts <= 1,
        };
        (!is_kept).then(|| {
            format!(
                "promised {promise:?}, found {word}, code {code:?}, {restarts} restarts, {starts} starts: {}",
                found["state_reason"]
            )
        })
    };
    records.into_iter().find_map(one)
}

/// Returns how many lines a file has; none if it is not there.
fn lines(file: &Path) -> u64 {
    fs::read_to_string(file).map_or(0, |text| text.lines().count() as u64)
}
