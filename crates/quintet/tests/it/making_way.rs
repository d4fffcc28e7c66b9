//! Jobs that make way, with real processes: one that checkpoints on SIGTERM and goes on after it was put back, and one
//! that is halted, survives the death of the service so, and goes on counting.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::server::{Server, ask, eventually, open_folder, tail, token};

const PATIENCE: Duration = Duration::from_secs(60);

const CONFIG: &str = r#"
[cluster]
kill_wait = 20

[preempt]
type = "partition_prio"
mode = "requeue"

[[nodes]]
name = "n1"
cpus = 2
memory = 2000

[[partitions]]
name = "low"
default_memory_per_cpu = 100

[[partitions]]
name = "high"
priority_tier = 10
default_memory_per_cpu = 100
"#;

struct World {
    folder: tempfile::TempDir,
    config: PathBuf,
    state: PathBuf,
    server: Server,
    token: String,
    client: Client,
}

impl World {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let state = open_folder(folder.path(), "state");
        let file = folder.path().join("quintet.toml");
        fs::write(&file, config).unwrap();
        let server = Server::start(&file, &state);
        let token = token(&state);
        let client = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        World { folder, config: file, state, server, token, client }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn submit(&self, partition: &str, script: &str) -> u64 {
        let job = self.wants(partition, json!({ "tasks": 2 }));
        self.submit_body(json!({ "script": format!("#!/bin/bash\n{script}"), "job": job })).await
    }

    /// A request in a partition, with more in it.
    fn wants(&self, partition: &str, more: Value) -> Value {
        let mut job = json!({
            "partition": partition,
            "requeue": true,
            "current_working_directory": self.folder.path(),
            "environment": ["PATH=/usr/bin:/bin"],
        });
        for (key, value) in more.as_object().unwrap() {
            job[key] = value.clone();
        }
        job
    }

    async fn submit_body(&self, body: Value) -> u64 {
        let asked =
            ask(&self.client, &self.server.url, &self.token, Method::POST, "/job/submit", Some(&body));
        let (status, answer) = asked.await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer["job_id"].as_u64().unwrap()
    }

    async fn job(&self, id: u64) -> Value {
        let path = format!("/job/{id}");
        let asked = ask(&self.client, &self.server.url, &self.token, Method::GET, &path, None).await;
        asked.unwrap().1["jobs"][0].clone()
    }

    async fn reaches(&self, id: u64, state: &str) -> Value {
        let what = format!("job {id} to be {state}; the log ends with\n{}", tail(&self.state));
        eventually(&what, PATIENCE, async || {
            let job = self.job(id).await;
            if job["job_state"][0] == state { Ok(job) } else { Err(job["job_state"].to_string()) }
        })
        .await
    }

    async fn natively(&self, id: u64, verb: &str) -> (u16, String) {
        let url = format!("{}/quintet/v1/jobs/{id}/{verb}", self.server.url);
        let sent = self.client.post(url).header("X-SLURM-USER-TOKEN", &self.token).send().await.unwrap();
        (sent.status().as_u16(), sent.text().await.unwrap())
    }
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

async fn counts_beyond(path: &Path, least: u64) -> u64 {
    eventually("the counter to move", PATIENCE, async || match number(path) {
        Some(count) if count > least => Ok(count),
        seen => Err(format!("{seen:?}")),
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_made_way_goes_on_where_it_was() {
    let world = World::new(CONFIG);
    let (saved, live) = (world.file("saved"), world.file("live"));
    // Counts, saves on SIGTERM, and is done when told so; what a second life begins with is written down.
    let script = format!(
        "n=$(cat {saved} 2>/dev/null || echo 0)\necho \"${{SLURM_RESTART_COUNT:-0}} $n\" >> {starts}\n\
         trap 'echo $n > {saved}; exit 0' TERM\n\
         while [ ! -e {done} ]; do n=$((n + 1)); echo $n > {live}.new && mv {live}.new {live}; sleep 0.05; done\n",
        saved = saved.display(),
        starts = world.file("starts").display(),
        live = live.display(),
        done = world.file("done").display(),
    );
    let low = world.submit("low", &script).await;
    counts_beyond(&live, 5).await;
    let high = world
        .submit("high", &format!("while [ ! -e {} ]; do sleep 0.05; done", world.file("go").display()))
        .await;
    world.reaches(high, "RUNNING").await;
    let waiting = world.reaches(low, "PENDING").await;
    assert_eq!(waiting["restart_cnt"], 1);
    let reached = number(&saved).expect("it saved what it had");
    assert!(reached > 5);

    fs::write(world.file("go"), "").unwrap();
    world.reaches(high, "COMPLETED").await;
    world.reaches(low, "RUNNING").await;
    counts_beyond(&live, reached).await;
    fs::write(world.file("done"), "").unwrap();
    world.reaches(low, "COMPLETED").await;
    let starts = fs::read_to_string(world.file("starts")).unwrap();
    assert_eq!(starts.lines().collect::<Vec<_>>(), ["0 0".to_owned(), format!("1 {reached}")]);

    let history = format!("{}/quintet/v1/history/{low}", world.server.url);
    let told = world.client.get(history).header("X-SLURM-USER-TOKEN", &world.token).send().await.unwrap();
    let told: Value = serde_json::from_str(&told.text().await.unwrap()).unwrap();
    let states: Vec<_> = told["jobs"].as_array().unwrap().iter().map(|job| job["state"].clone()).collect();
    assert_eq!(states, ["PREEMPTED", "COMPLETED"], "one record for each attempt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_job_stands_still_over_the_death_of_the_service_and_goes_on() {
    let mut world = World::new(CONFIG);
    let live = world.file("live");
    let script = format!(
        "n=0\nwhile :; do n=$((n + 1)); echo $n > {live}.new && mv {live}.new {live}; sleep 0.02; done\n",
        live = live.display()
    );
    let job = world.submit("low", &script).await;
    counts_beyond(&live, 3).await;
    assert_eq!(world.natively(job, "suspend").await.0, 200);
    let shown = world.reaches(job, "SUSPENDED").await;
    assert_eq!((shown["hold"].clone(), shown["priority"]["number"].clone()), (json!(true), json!(0)));
    let (status, text) = world.natively(job, "suspend").await;
    assert!(status >= 400, "{text}");
    // Its CPUs are free: another job runs to its end on them, and meanwhile this one does not move.
    let stands_still = async |world: &World| {
        eventually("the counter to stand still", PATIENCE, async || {
            let before = number(&live);
            let other = world.submit("low", "sleep 0.3").await;
            world.reaches(other, "COMPLETED").await;
            let after = number(&live);
            if before == after { Ok(after) } else { Err(format!("{before:?} {after:?}")) }
        })
        .await
    };
    let still = stands_still(&world).await;

    world.server.kill();
    world.server = Server::start(&world.config, &world.state);
    world.reaches(job, "SUSPENDED").await;
    assert_eq!(stands_still(&world).await, still);

    assert_eq!(world.natively(job, "resume").await.0, 200);
    world.reaches(job, "RUNNING").await;
    counts_beyond(&live, still.unwrap()).await;
    let path = format!("/job/{job}");
    ask(&world.client, &world.server.url, &world.token, Method::DELETE, &path, None).await.unwrap();
    world.reaches(job, "CANCELLED").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_suspended_for_another_comes_back_when_that_is_done() {
    let world = World::new(&CONFIG.replace("mode = \"requeue\"", "mode = \"suspend\""));
    let live = world.file("live");
    let script = format!(
        "n=0\nwhile [ ! -e {done} ]; do n=$((n + 1)); echo $n > {live}.new && mv {live}.new {live}; sleep 0.02; done\n",
        live = live.display(),
        done = world.file("done").display()
    );
    let low = world.submit("low", &script).await;
    counts_beyond(&live, 3).await;
    let wait = format!("while [ ! -e {} ]; do sleep 0.05; done", world.file("go").display());
    let high = world.submit("high", &wait).await;
    world.reaches(high, "RUNNING").await;
    let shown = world.reaches(low, "SUSPENDED").await;
    assert!(shown["suspend_time"]["number"].as_u64().unwrap() > 0);
    fs::write(world.file("go"), "").unwrap();
    world.reaches(high, "COMPLETED").await;
    world.reaches(low, "RUNNING").await;
    let now = number(&live).unwrap();
    counts_beyond(&live, now).await;
    fs::write(world.file("done"), "").unwrap();
    world.reaches(low, "COMPLETED").await;
}

const SLEEPS: &str = "#!/bin/bash\nsleep 600\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_blocked_job_and_for_licences_and_as_one_of_several_components() {
    let config = CONFIG
        .replace("cpus = 2", "cpus = 4")
        .replace("mode = \"requeue\"", "mode = \"cancel\"\nexempt_time = \"1s\"\nreclaim_licenses = true");
    let world = World::new(&format!("{config}\n[licenses]\nmatlab = 4\n"));
    let send = async |partition: &str, more: Value| {
        let job = world.wants(partition, more);
        world.submit_body(json!({ "script": SLEEPS, "job": job })).await
    };
    let cancel = async |job: u64| {
        let path = format!("/job/{job}");
        ask(&world.client, &world.server.url, &world.token, Method::DELETE, &path, None).await.unwrap();
        world.reaches(job, "CANCELLED").await;
    };

    // The wide one waits for the first; the quick one behind it has the low one go.
    let first = send("high", json!({ "tasks": 2, "time_limit": 60 })).await;
    let low = send("low", json!({ "tasks": 2, "time_limit": 60 })).await;
    let shown = world.reaches(low, "RUNNING").await;
    let (start, preemptable) = (&shown["start_time"]["number"], &shown["preemptable_time"]["number"]);
    assert_eq!(preemptable.as_u64(), start.as_u64().map(|start| start + 1), "after its exempt time");
    let wide = send("high", json!({ "tasks": 4, "time_limit": 60 })).await;
    let quick = send("high", json!({ "tasks": 1, "time_limit": 5 })).await;
    assert!(world.reaches(low, "PREEMPTED").await["preempt_time"]["number"].as_u64() > Some(0));
    world.reaches(quick, "RUNNING").await;
    world.reaches(wide, "PENDING").await;
    for job in [wide, quick, first] {
        cancel(job).await;
    }

    let holder = send("low", json!({ "licenses": "matlab:4", "tasks": 1 })).await;
    let bystander = send("low", json!({ "tasks": 3 })).await;
    world.reaches(bystander, "RUNNING").await;
    world.reaches(holder, "RUNNING").await;
    cancel(bystander).await;
    let licensed = send("high", json!({ "licenses": "matlab:1", "tasks": 1 })).await;
    world.reaches(holder, "PREEMPTED").await;
    world.reaches(licensed, "RUNNING").await;
    cancel(licensed).await;

    // Two components push two jobs aside, and start together; then one of higher rank pushes both.
    let victims = [send("low", json!({ "tasks": 2 })).await, send("low", json!({ "tasks": 2 })).await];
    for victim in victims {
        world.reaches(victim, "RUNNING").await;
    }
    let both = [world.wants("high", json!({ "tasks": 2 })), world.wants("high", json!({ "tasks": 2 }))];
    let leader = world.submit_body(json!({ "script": SLEEPS, "jobs": both })).await;
    for victim in victims {
        world.reaches(victim, "PREEMPTED").await;
    }
    for component in [leader, leader + 1] {
        world.reaches(component, "RUNNING").await;
    }
    cancel(leader).await;

    let both = [world.wants("low", json!({ "tasks": 1 })), world.wants("low", json!({ "tasks": 3 }))];
    let leader = world.submit_body(json!({ "script": SLEEPS, "jobs": both })).await;
    world.reaches(leader + 1, "RUNNING").await;
    let high = send("high", json!({ "tasks": 2 })).await;
    for component in [leader, leader + 1] {
        world.reaches(component, "PREEMPTED").await;
    }
    world.reaches(high, "RUNNING").await;
    cancel(high).await;
}
