//! ET Engine's interface on the real program: tools that run and find their arguments and filesystems, files that are sent
//! in pieces over a restart, a hundred thousand jobs, and what becomes of batches that are deleted.

use crate::program::Program;
use crate::server::{ask, eventually, token};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);

struct World {
    quintet: Program,
    client: Client,
    key: String,
}

impl World {
    fn serving(config: &str) -> Self {
        let quintet = Program::serving(config);
        let user = Command::new("id").arg("-un").output().unwrap();
        let user = String::from_utf8(user.stdout).unwrap();
        let key = quintet.ok(&["token", user.trim(), "--for", "et-engine"]).trim().to_owned();
        // The service goes and comes again: connections are not kept.
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        World { quintet, client, key }
    }

    async fn send(&self, request: &str, range: Option<&str>, body: Vec<u8>) -> (u16, Vec<u8>) {
        let (method, path) = request.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("http://{}{path}", self.quintet.address());
        let mut request = self.client.request(method, url).header("Authorization", &self.key).body(body);
        if let Some(range) = range {
            request = request.header("Content-Range", range);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    }

    async fn ask(&self, request: &str, body: &Value) -> (u16, String) {
        let (status, body) = self.send(request, None, body.to_string().into_bytes()).await;
        (status, String::from_utf8(body).unwrap())
    }

    async fn fine(&self, request: &str, body: &Value) -> String {
        let (status, text) = self.ask(request, body).await;
        assert_eq!(status, 200, "{request}: {text}; {}", self.quintet.log());
        text
    }

    async fn json(&self, request: &str) -> Value {
        serde_json::from_str(&self.fine(request, &json!({})).await).unwrap()
    }

    async fn tool(&self, name: &str, script: &str) -> String {
        self.fine("POST /tools", &json!({"name": name, "description": "", "script": script})).await
    }

    async fn submit(&self, tool: &str, filesystems: &[&str], variable: Value, fixed: Value) -> String {
        let hardware = json!({"filesystems": filesystems, "cpu": 1, "memory": 32});
        let body = json!({"hardware": hardware, "variable_args": variable, "fixed_args": fixed});
        self.fine(&format!("POST /tools/{tool}"), &body).await
    }

    /// Returns the counts that are not zero.
    async fn counts(&self, batch: &str) -> Value {
        let shown = self.json(&format!("GET /batches/{batch}")).await;
        let counts = shown[0]["submitted_jobs"].as_object().unwrap().clone();
        let sum: u64 = counts.values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(Some(sum), shown[0]["n_jobs"].as_u64(), "{shown}");
        counts.into_iter().filter(|(_, count)| *count != 0).collect()
    }

    async fn until(&self, batch: &str, wanted: Value) {
        let look = async || match self.counts(batch).await {
            seen if seen == wanted => Ok(()),
            seen => Err(format!("{seen}; {}", self.quintet.log())),
        };
        eventually("the batch to get there", PATIENCE, look).await;
    }

    /// Returns the states of all live jobs in Slurm's words.
    async fn slurm(&self) -> Vec<String> {
        let url = format!("http://{}", self.quintet.address());
        let token = token(&self.quintet.state());
        let (status, jobs) = ask(&self.client, &url, &token, Method::GET, "/jobs/", None).await.unwrap();
        assert_eq!(status, 200);
        let state = |job: &Value| job["job_state"][0].as_str().unwrap().to_owned();
        jobs["jobs"].as_array().unwrap().iter().map(state).collect()
    }

    async fn log_of(&self, batch: &str, at: usize, query: &str) -> String {
        let jobs = self.json(&format!("GET /batches/{batch}/jobs")).await;
        self.fine(&format!("GET /logs/{}{query}", jobs[at]["log_id"].as_str().unwrap()), &json!({})).await
    }
}

#[tokio::test]
async fn a_tool_finds_its_arguments_its_filesystems_and_its_hardware() {
    let world = World::serving("");
    let filesystem = world.fine("POST /filesystems", &json!({"name": "data in"})).await;
    let script = "echo first; printf '%s|' \"$word\" \"$common\" \"$SLURM_NTASKS\" \"$SLURM_MEM_PER_NODE\"\n\
        printf %s \"$word\" >\"filesystems/data in/$SLURM_ARRAY_TASK_ID\"; exit ${code:-0}";
    let tool = world.tool("words", script).await;
    let nasty = "it's; $(touch gone) `x` \"\\\n end";
    let variable = json!([{"word": "a"}, {"word": nasty}, {"word": "c", "code": 7, "common": false}]);
    let batch = world.submit(&tool, &[&filesystem], variable, json!({"common": 1.5})).await;
    world.until(&batch, json!({"SUCCEEDED": 2, "FAILED": 1})).await;
    assert_eq!(world.log_of(&batch, 0, "").await, "first\na|1.5|1|32|");
    assert_eq!(world.log_of(&batch, 2, "?tail=1").await, "c|false|1|32|");
    let (status, content) =
        world.send(&format!("GET /filesystems/{filesystem}/files/1"), None, Vec::new()).await;
    assert_eq!((status, String::from_utf8(content).unwrap().as_str()), (200, nasty));
    let failed = world.json(&format!("GET /batches/{batch}/jobs?status=FAILED")).await;
    assert_eq!(failed.as_array().unwrap().len(), 1);
    let detail =
        world.json(&format!("GET /batches/{batch}/jobs/{}", failed[0]["job_id"].as_str().unwrap())).await;
    assert_eq!(detail[0]["reason"], "exit code 7");
    assert_eq!(detail[0]["args"], json!({"word": "c", "code": "7", "common": "false"}));
    // What there is of it is one array to everybody else.
    assert_eq!(world.slurm().await.len(), 3);
}

#[tokio::test]
async fn tools_come_as_archives_and_none_leads_out() {
    let world = World::serving("");
    let folder = world.quintet.work();
    let shell = |script: &str| {
        let done = Command::new("sh").args(["-ec", script]).current_dir(&folder).status().unwrap();
        assert!(done.success(), "{script}");
    };
    shell(
        "mkdir -p t/lib; printf '#!/bin/sh\\n. tool/lib/words; echo \"$greeting $1 $who\"' >t/run; \
         echo greeting=Hello >t/lib/words; tar -C t -czf good.tgz .; \
         ln -s /etc/passwd t/link; tar -C t -cf link.tar .; rm t/link; ln t/run t/other; tar -C t -cf hard.tar run other; \
         tar -P -C t -cf up.tar --transform 's,run,../../run,' run; tar -P -C t -cf abs.tar --transform 's,run,/tmp/x/run,' run",
    );
    let tool = world
        .fine("POST /tools", &json!({"name": "packed", "description": "", "arguments": {"who": "default"}}))
        .await;
    let submit = json!({"hardware": {"filesystems": [], "cpu": 1, "memory": 32}, "variable_args": [], "fixed_args": {}});
    assert_eq!(world.ask(&format!("POST /tools/{tool}"), &submit).await.0, 409, "it has no content yet");
    for bad in ["link.tar", "hard.tar", "up.tar", "abs.tar"] {
        let bytes = std::fs::read(folder.join(bad)).unwrap();
        let (status, text) = world.send(&format!("PUT /tools/{tool}"), None, bytes).await;
        assert_eq!(status, 400, "{bad}: {}", String::from_utf8_lossy(&text));
    }
    let good = std::fs::read(folder.join("good.tgz")).unwrap();
    let (status, _) = world.send(&format!("PUT /tools/{tool}?entry=run&entry=dear%20%24x"), None, good).await;
    assert_eq!(status, 200);
    let batch = world.submit(&tool, &[], json!([{}, {"who": "you"}]), json!({})).await;
    // What becomes of the tool later does not matter to what was submitted.
    world.fine(&format!("DELETE /tools/{tool}"), &json!({})).await;
    world.until(&batch, json!({"SUCCEEDED": 2})).await;
    assert_eq!(world.log_of(&batch, 0, "").await, "Hello dear $x default\n");
    assert_eq!(world.log_of(&batch, 1, "").await, "Hello dear $x you\n");
}

#[tokio::test]
async fn files_arrive_in_pieces_in_any_order_over_a_restart() {
    let mut world = World::serving("");
    let made = world.fine("POST /v1/filesystems", &json!({"filesystem_name": "data"})).await;
    let made: Value = serde_json::from_str(&made).unwrap();
    let files = format!("/v1/filesystems/{}/files/a/b.bin", made["filesystem_id"].as_str().unwrap());
    let content: Vec<u8> = (0..300_000_u32).map(|at| (at * 7 % 251) as u8).collect();
    let begun = world.fine(&format!("POST {files}"), &json!({"size": content.len()})).await;
    let begun: Value = serde_json::from_str(&begun).unwrap();
    let upload = begun["uploadId"].as_str().unwrap().to_owned();
    let end = json!({"uploadId": upload, "complete": true});
    let piece = async |world: &World, from: usize, to: usize| {
        let range = format!("[{upload}]:{from}-{to}");
        world.send(&format!("PUT {files}"), Some(&range), content[from..to].to_vec()).await
    };
    assert_eq!(piece(&world, 200_000, 300_000).await.0, 200);
    assert_eq!(piece(&world, 0, 100_000).await.0, 200);
    let (early, text) = world.ask(&format!("POST {files}"), &end).await;
    assert_eq!((early, text.as_str()), (409, "200000 of 300000 bytes have arrived"));
    assert_eq!(world.ask(&format!("GET {files}"), &json!({})).await.0, 404, "it is not in its place yet");
    world.quintet.restart_on_the_same_address();
    assert_eq!(piece(&world, 90_000, 210_000).await.0, 200);
    let short = world.send(&format!("PUT {files}"), Some(&format!("[{upload}]:0-9")), vec![1, 2]).await;
    assert_eq!(short.0, 400);
    world.fine(&format!("POST {files}"), &end).await;
    assert_eq!(world.ask(&format!("POST {files}"), &end).await.0, 404, "it is over");
    let announced = world.json(&format!("GET {files}?init=True")).await;
    assert_eq!(announced["size"], 300_000);
    assert!(announced["download_id"].is_string());
    let fetch = async |range: Option<&str>| world.send(&format!("GET {files}"), range, b"{}".to_vec()).await;
    assert_eq!(fetch(None).await, (200, content.clone()));
    assert_eq!(fetch(Some("10-20")).await, (200, content[10..20].to_vec()));
    assert_eq!(fetch(Some("299990-400000")).await, (200, content[299_990..].to_vec()));
    assert_eq!(fetch(Some("300000-400000")).await.0, 416);
    let leftover =
        std::fs::read_dir(world.quintet.state().parent().unwrap().join(place()).join("uploads")).unwrap();
    assert_eq!(leftover.count(), 0, "what was sent is where it belongs");
}

/// Where the service keeps files, beside or in its state directory.
fn place() -> &'static str {
    if Program::is_administrator() { "state-et-engine" } else { "state/et-engine" }
}

#[tokio::test]
async fn a_hundred_thousand_jobs_are_one_batch_until_it_is_deleted() {
    let mut world = World::serving("[cluster]\nmin_job_age = 1\n");
    let tool = world.tool("first", "[ \"$at\" -lt 2 ] || exec sleep 1000; echo \"job $at\"").await;
    let all: Vec<Value> = (0..100_000).map(|at| json!({"at": at})).collect();
    let batch = world.submit(&tool, &[], json!(all), json!({})).await;
    let two_done = async |world: &World| {
        let look = async || match world.counts(&batch).await {
            seen if seen["SUCCEEDED"] == 2 && seen["RUNNING"].as_u64() > Some(0) => Ok(()),
            seen => Err(format!("{seen}; {}", world.quintet.log())),
        };
        eventually("two jobs to end", PATIENCE, look).await
    };
    two_done(&world).await;
    let log = world.log_of(&batch, 1, "").await;
    assert_eq!(log, "job 1\n");
    // Their records leave the live ones, and they stay counted, also by the next service.
    let left = async || match world.slurm().await.iter().filter(|state| *state == "COMPLETED").count() {
        0 => Ok(()),
        left => Err(format!("{left} records are here")),
    };
    eventually("what is over to leave", PATIENCE, left).await;
    let is_as_before = |seen: &Value| seen["SUCCEEDED"] == 2 && seen["FAILED"].is_null();
    assert!(is_as_before(&world.counts(&batch).await));
    world.quintet.stop("KILL");
    world.quintet.serve_again();
    two_done(&world).await;
    assert!(is_as_before(&world.counts(&batch).await));
    let failed = world.json(&format!("GET /batches/{batch}/jobs?status=SUCCEEDED")).await;
    assert_eq!(failed.as_array().unwrap().len(), 2);
    let part = world.json(&format!("GET /batches/{batch}/jobs?offset=99999")).await;
    assert_eq!(part[0]["args"], json!({"at": "99999"}));
    world.fine(&format!("DELETE /batches/{batch}"), &json!({})).await;
    assert_eq!(
        world.ask(&format!("GET /batches/{batch}"), &json!({})).await,
        (404, "Batch not found".to_owned())
    );
    assert_eq!(world.ask(&format!("DELETE /batches/{batch}"), &json!({})).await.0, 404);
    assert_eq!(world.json("GET /batches").await, json!([]));
    let over = async || match world
        .slurm()
        .await
        .iter()
        .filter(|state| ["PENDING", "RUNNING"].contains(&state.as_str()))
        .count()
    {
        0 => Ok(()),
        left => Err(format!("{left} are not over")),
    };
    eventually("its jobs to end", PATIENCE, over).await;
}

#[tokio::test]
async fn what_is_deleted_goes_on_only_if_that_is_wanted() {
    let world = World::serving("");
    let tool =
        world.tool("waits", "until [ -f \"$go\" ]; do sleep 0.05; done; echo done >\"$go.done\"").await;
    let go = world.quintet.work().join("go");
    let fixed = json!({"go": go.to_str().unwrap()});
    let kept = world.submit(&tool, &[], json!([]), fixed.clone()).await;
    let ended = world.submit(&tool, &[], json!([]), json!({"go": "/nowhere"})).await;
    let other = world.submit(&tool, &[], json!([]), json!({"go": "/nowhere"})).await;
    let runs = async || match world.slurm().await.iter().all(|state| state == "RUNNING" || state == "PENDING")
    {
        true => Ok(()),
        false => Err("not all are here".to_owned()),
    };
    eventually("all to be there", PATIENCE, runs).await;
    world.fine(&format!("DELETE /batches/{kept}?cancel=false"), &json!({})).await;
    world.fine(&format!("DELETE /batches/{ended}"), &json!({})).await;
    let listed = world.json("GET /batches").await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["batch_id"], json!(other));
    world.fine("DELETE /batches", &json!({})).await;
    assert_eq!(world.json("GET /batches").await, json!([]));
    let alone = async || {
        let states = world.slurm().await;
        match states.iter().filter(|state| *state == "CANCELLED").count() {
            2 => Ok(states),
            _ => Err(format!("{states:?}")),
        }
    };
    let states = eventually("the others to end", PATIENCE, alone).await;
    assert!(states.iter().any(|state| state == "RUNNING" || state == "PENDING"), "{states:?}");
    std::fs::write(&go, "").unwrap();
    world.quintet.until("the one that was kept has ended", || go.with_extension("done").exists());
}

#[tokio::test]
async fn a_key_is_taken_back_on_the_command_line() {
    let world = World::serving("");
    let made = world.fine("POST /keys", &json!({"name": "laptop"})).await;
    let list = async || world.json("GET /keys").await.as_array().unwrap().len();
    assert_eq!(list().await, 2, "its own, since it has been used");
    world.quintet.ok(&["token", "--for", "et-engine", "--revoke", &made]);
    assert_eq!(list().await, 1);
    let mut other = World { key: made, ..world };
    assert_eq!(other.ask("GET /batches", &json!({})).await, (401, "Invalid API key".to_owned()));
    other.quintet.restart_on_the_same_address();
    assert_eq!(other.ask("GET /batches", &json!({})).await, (401, "Invalid API key".to_owned()));
}
