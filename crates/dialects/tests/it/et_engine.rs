//! ET Engine's API on the wire: who may what, shapes, counts, and what is refused.

use crate::harness::{KEY, Reply, Site, site};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn key(user: &str, lifespan: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = domain::Timestamp::from_seconds(i64::try_from(now.as_secs()).unwrap());
    dialects::EtKeys::new(KEY).mint(user, now, Duration::from_secs(lifespan))
}

async fn send(site: &Site, head: &str, body: &[u8]) -> Reply {
    let length = body.len();
    let head = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    site.raw(&[head.as_bytes(), body].concat()).await
}

/// Asks as the SDK does: the key alone, a body always, and no type of it.
async fn ask(site: &Site, user: &str, request: &str, body: &str) -> Reply {
    let (method, path) = request.split_once(' ').unwrap();
    let body = if body.is_empty() { "{}" } else { body };
    send(site, &format!("{method} {path} HTTP/1.1\r\nAuthorization: {}", key(user, 600)), body.as_bytes())
        .await
}

async fn fine(site: &Site, user: &str, request: &str, body: &str) -> Reply {
    let reply = ask(site, user, request, body).await;
    assert_eq!(reply.status, 200, "{request}: {reply:?}");
    reply
}

/// Makes a tool; returns its name.
async fn tool(site: &Site, name: &str) -> String {
    let body = json!({"name": name, "description": "says hello", "script": "echo hello"}).to_string();
    fine(site, "alice", "POST /tools", &body).await.body
}

fn hardware() -> Value {
    json!({"filesystems": [], "cpu": 1, "memory": 100})
}

async fn submit(site: &Site, tool: &str, variable: Value) -> String {
    let body = json!({"hardware": hardware(), "variable_args": variable, "fixed_args": {"all": true}});
    fine(site, "alice", &format!("POST /tools/{tool}"), &body.to_string()).await.body
}

async fn counts(site: &Site, batch: &str) -> Value {
    let shown = fine(site, "alice", &format!("GET /batches/{batch}"), "").await.json();
    let counts = shown[0]["submitted_jobs"].clone();
    let sum: u64 = counts.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(
        (Some(sum), counts.as_object().unwrap().len()),
        (shown[0]["n_submitted"].as_u64(), 7),
        "{shown}"
    );
    counts
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, count)| **count != 0)
        .map(|(state, n)| (state.clone(), n.clone()))
        .collect()
}

async fn until(site: &Site, batch: &str, wanted: Value) {
    let end = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let seen = counts(site, batch).await;
        if seen == wanted {
            return;
        }
        assert!(std::time::Instant::now() < end, "{seen} never became {wanted}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Returns number, index and array of every job.
async fn tasks(site: &Site) -> Vec<(u32, Option<u64>)> {
    let jobs = site.slurm("alice", "GET", "jobs/", "").await.json();
    let job = |job: &Value| {
        (u32::try_from(job["job_id"].as_u64().unwrap()).unwrap(), job["array_task_id"]["number"].as_u64())
    };
    jobs["jobs"].as_array().unwrap().iter().map(job).collect()
}

#[tokio::test]
async fn a_key_opens_what_is_its_users_and_nothing_else() {
    let site = site().await;
    let text = |reply: &Reply| (reply.status, reply.body.clone());
    let missing = send(&site, "GET /batches HTTP/1.1", b"").await;
    assert_eq!(text(&missing), (401, "Missing authorization header".into()));
    for wrong in ["x", "Bearer x", "Basic Zm9v", &key("nobody", 600), &key("alice", 0), ""] {
        let reply = send(&site, &format!("GET /v1/batches HTTP/1.1\r\nAuthorization: {wrong}"), b"").await;
        assert_eq!(reply.status, 401, "{wrong}: {reply:?}");
    }
    for right in [key("alice", 600), format!("Bearer {}", key("alice", 600))] {
        let reply = send(&site, &format!("GET /batches HTTP/1.1\r\nAuthorization: {right}"), b"{}").await;
        assert_eq!(text(&reply), (200, "[]".into()));
        assert!(reply.head.to_lowercase().contains("access-control-allow-origin: *"));
    }
    let open = send(&site, "OPTIONS /batches HTTP/1.1", b"").await;
    assert_eq!((open.status, open.body.as_str()), (200, ""));
    let tool = tool(&site, "hello").await;
    let batch = submit(&site, &tool, json!([{}])).await;
    let theirs = ask(&site, "bob", &format!("GET /batches/{batch}"), "").await;
    let nobodys = ask(&site, "bob", "GET /batches/01234567-89ab-cdef-0123-456789abcdef", "").await;
    assert_eq!(text(&theirs), (404, "Batch not found".into()));
    assert_eq!(text(&theirs), text(&nobodys));
    for request in [
        format!("DELETE /batches/{batch}"),
        format!("POST /batches/{batch}/cancel"),
        format!("GET /tools/{tool}"),
        format!("GET /batches/{batch}/jobs"),
        format!("POST /tools/{tool}"),
        format!("DELETE /tools/{tool}"),
        format!("PUT /tools/{tool}"),
    ] {
        let body = json!({"hardware": hardware(), "variable_args": [], "fixed_args": {}}).to_string();
        assert_eq!(ask(&site, "bob", &request, &body).await.status, 404, "{request}");
    }
    fine(&site, "bob", "DELETE /batches", "").await;
    assert_eq!(fine(&site, "alice", "GET /batches", "").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn keys_are_made_listed_and_taken_back() {
    let site = site().await;
    let made = fine(&site, "alice", "POST /keys", r#"{"name": "laptop", "description": "mine"}"#).await.body;
    assert_eq!(ask(&site, "alice", "POST /keys", r#"{"name": "laptop"}"#).await.status, 409);
    let listed = fine(&site, "alice", "GET /keys", "").await.json();
    let laptop = listed.as_array().unwrap().iter().find(|key| key["name"] == "laptop").unwrap();
    assert_eq!(laptop["description"], "mine");
    for name in ["dateCreated", "dateExpired"] {
        assert_eq!(laptop[name].as_str().unwrap().len(), "2026-11-22 14:00:00".len());
    }
    assert!(!listed.to_string().contains(&made));
    assert!(laptop["dateCreated"].as_str() < laptop["dateExpired"].as_str());
    let id = laptop["key_id"].as_str().unwrap();
    let with = |key: &str| format!("GET /batches HTTP/1.1\r\nAuthorization: {key}");
    assert_eq!(send(&site, &with(&made), b"").await.status, 200);
    assert_eq!(ask(&site, "bob", &format!("DELETE /keys/{id}"), "").await.status, 404);
    fine(&site, "alice", &format!("DELETE /keys/{id}"), "").await;
    assert_eq!(send(&site, &with(&made), b"").await.status, 401);
    assert_eq!(ask(&site, "alice", &format!("DELETE /keys/{id}"), "").await.status, 404);
    assert!(!fine(&site, "alice", "GET /keys", "").await.body.contains(id));
}

#[tokio::test]
async fn a_batch_is_counted_and_shown_on_both_mounts() {
    let site = site().await;
    let tool = tool(&site, "hello").await;
    let batch = submit(
        &site,
        &tool,
        json!([{"who": "a"}, {"who": "b", "all": 1.5}, {"who": {"value": "c'", "type": "str"}}]),
    )
    .await;
    until(&site, &batch, json!({"RUNNING": 3})).await;
    let listed = fine(&site, "alice", "GET /batches", "").await.json();
    assert_eq!(listed, json!([{"batch_id": batch, "tool_id": tool, "n_jobs": 3, "hardware": hardware()}]));
    let jobs = fine(&site, "alice", &format!("GET /batches/{batch}/jobs"), "").await.json();
    let arguments: Vec<&Value> = jobs.as_array().unwrap().iter().map(|job| &job["args"]).collect();
    assert_eq!(
        json!(arguments),
        json!([{"who": "a", "all": "true"}, {"who": "b", "all": "1.5"}, {"who": "c'", "all": "true"}])
    );
    let id = |at: usize| jobs[at]["job_id"].as_str().unwrap();
    let detail = async |at: usize| {
        fine(&site, "alice", &format!("GET /batches/{batch}/jobs/{}", id(at)), "").await.json()[0].clone()
    };
    let first = detail(0).await;
    let names: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    let mut documented = [
        "job_id",
        "log_id",
        "tool_id",
        "hardware",
        "args",
        "status",
        "reason",
        "create_time",
        "start_time",
        "stop_time",
    ];
    documented.sort_unstable();
    assert_eq!(names, documented);
    assert_eq!(
        (&first["status"], &first["stop_time"], &first["hardware"]),
        (&json!("RUNNING"), &json!(""), &hardware())
    );
    // One of three fails.
    for (number, task) in tasks(&site).await {
        site.end(number, if task == Some(1) { 7 } else { 0 });
    }
    until(&site, &batch, json!({"SUCCEEDED": 2, "FAILED": 1})).await;
    let failed = detail(1).await;
    assert_eq!((&failed["status"], &failed["reason"]), (&json!("FAILED"), &json!("exit code 7")));
    let times: Vec<&str> = ["create_time", "start_time", "stop_time"]
        .iter()
        .map(|name| failed[name].as_str().unwrap())
        .collect();
    assert!(times.is_sorted() && times[0].len() == "2026-11-22 14:00:00".len(), "{times:?}");
    assert_eq!(detail(2).await["reason"], "");
    let only = fine(&site, "alice", &format!("GET /batches/{batch}/jobs?status=failed"), "").await.json();
    assert_eq!(only, json!([jobs[1]]));
    let part = fine(&site, "alice", &format!("GET /batches/{batch}/jobs?offset=1&limit=1"), "").await.json();
    assert_eq!(part, json!([jobs[1]]));
    // The SDK's shapes have these keys and no other.
    let status = fine(&site, "alice", &format!("GET /v1/batches/{batch}"), "").await.json();
    assert_eq!(
        status,
        json!({"submitted": 0, "pending": 0, "runnable": 0, "starting": 0, "running": 0, "succeeded": 2, "failed": 1})
    );
    let shown_tool = json!({"tool_id": tool, "tool_name": "hello", "tool_description": "says hello"});
    let listed = fine(&site, "alice", "GET /v1/batches", "").await.json();
    let hardware = json!({"filesystem_list": [], "cpu": 1, "memory": 100});
    assert_eq!(
        listed,
        json!([{"batch_id": batch, "batch_tool": shown_tool, "n_jobs": 3, "batch_hardware": hardware}])
    );
    assert_eq!(fine(&site, "alice", "GET /v1/tools", "").await.json(), json!([shown_tool]));
    assert_eq!(fine(&site, "alice", "GET /tools", "").await.json(), json!([["hello", tool]]));
    let job = fine(&site, "alice", &format!("GET /v1/batches/{batch}/jobs"), "").await.json()[0].clone();
    assert_eq!(job["job_tool"], shown_tool);
    assert_eq!(job["job_argument_list"][1], json!({"argument_key": "who", "argument_value": "a"}));
}

#[tokio::test]
async fn what_is_cancelled_says_by_whom() {
    let site = site().await;
    let tool = tool(&site, "hello").await;
    let nothing: Vec<Value> = (0..10).map(|_| json!({})).collect();
    let batch = submit(&site, &tool, json!(nothing)).await;
    until(&site, &batch, json!({"RUNNING": 8, "SUBMITTED": 2})).await;
    let jobs = fine(&site, "alice", &format!("GET /batches/{batch}/jobs"), "").await.json();
    let path = |at: usize| format!("/batches/{batch}/jobs/{}", jobs[at]["job_id"].as_str().unwrap());
    let waiting = fine(&site, "alice", &format!("GET {}", path(9)), "").await.json();
    assert_eq!(waiting[0]["status"], "SUBMITTED");
    assert_eq!(waiting[0]["reason"], "", "nobody looks here at what waits");
    for at in [0, 9, 9] {
        fine(&site, "alice", &format!("POST {}/cancel", path(at)), "").await;
    }
    until(&site, &batch, json!({"RUNNING": 8, "SUBMITTED": 1, "FAILED": 1})).await;
    let gone = fine(&site, "alice", &format!("GET {}", path(9)), "").await.json();
    assert_eq!(
        (&gone[0]["status"], &gone[0]["reason"]),
        (&json!("FAILED"), &json!("cancelled before it started"))
    );
    for (number, task) in tasks(&site).await {
        if task == Some(0) {
            site.end(number, 15);
        }
    }
    until(&site, &batch, json!({"RUNNING": 8, "FAILED": 2})).await;
    let ended = fine(&site, "alice", &format!("GET {}", path(0)), "").await.json();
    assert_eq!(ended[0]["reason"], "cancelled by alice");
    // The whole batch, and again.
    for _ in 0..2 {
        fine(&site, "alice", &format!("POST /batches/{batch}/cancel"), "").await;
    }
    for (number, _) in tasks(&site).await {
        site.end(number, 15);
    }
    until(&site, &batch, json!({"FAILED": 10})).await;
}

#[tokio::test]
async fn jobs_of_other_dialects_are_batches_too() {
    let site = site().await;
    let single = site.job("alice", r#""name": "single""#).await;
    let array = site.job("alice", r#""name": "array", "array": "3-7:2""#).await;
    site.job("bob", r#""name": "theirs""#).await;
    let listed = fine(&site, "alice", "GET /v1/batches", "").await.json();
    let names: Vec<(&str, u64)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|batch| (batch["batch_tool"]["tool_name"].as_str().unwrap(), batch["n_jobs"].as_u64().unwrap()))
        .collect();
    assert_eq!(names, [("single", 1), ("array", 3)]);
    let id = |at: usize| listed[at]["batch_id"].as_str().unwrap().to_owned();
    until(&site, &id(0), json!({"RUNNING": 1})).await;
    until(&site, &id(1), json!({"RUNNING": 3})).await;
    let jobs = fine(&site, "alice", &format!("GET /batches/{}/jobs", id(1)), "").await.json();
    assert_eq!((jobs.as_array().unwrap().len(), &jobs[0]["args"]), (3, &json!({})));
    let job = jobs[2]["job_id"].as_str().unwrap();
    let detail = fine(&site, "alice", &format!("GET /batches/{}/jobs/{job}", id(1)), "").await.json();
    assert_eq!(detail[0]["status"], "RUNNING");
    // A job is found under its own batch only.
    assert_eq!(ask(&site, "alice", &format!("GET /batches/{}/jobs/{job}", id(0)), "").await.status, 404);
    // They are not cleared away with the others, but each can be cancelled and taken out of sight.
    fine(&site, "alice", "DELETE /batches", "").await;
    assert_eq!(fine(&site, "alice", "GET /batches", "").await.json().as_array().unwrap().len(), 2);
    fine(&site, "alice", &format!("POST /batches/{}/cancel", id(0)), "").await;
    site.end(single, 0);
    until(&site, &id(0), json!({"FAILED": 1})).await;
    fine(&site, "alice", &format!("DELETE /batches/{}?cancel=false", id(1)), "").await;
    assert_eq!(ask(&site, "alice", &format!("GET /batches/{}", id(1)), "").await.status, 404);
    assert_eq!(site.shown(array).await["job_state"], json!(["RUNNING"]));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_harms_nobody() {
    let site = site().await;
    let tool = tool(&site, "hello").await;
    let most: Vec<Value> = (0..1001).map(|_| json!({})).collect();
    let batch = |hardware: Value, variable: Value, fixed: Value| {
        json!({"hardware": hardware, "variable_args": variable, "fixed_args": fixed}).to_string()
    };
    let submit = format!("POST /tools/{tool}");
    let two = json!({"filesystems": [], "filesystem_list": [], "cpu": 1, "memory": 1});
    for (request, body, status, text) in [
        (submit.as_str(), "{".to_owned(), 400, "Invalid JSON in request body"),
        (&submit, "[]".to_owned(), 400, "Invalid request body"),
        (&submit, "{}".to_owned(), 400, "Invalid request body"),
        (
            &submit,
            batch(json!({"filesystems": [], "memory": 1}), json!([]), json!({})),
            400,
            "Invalid request body",
        ),
        (&submit, batch(two, json!([]), json!({})), 400, "filesystems are named twice"),
        (
            &submit,
            batch(json!({"filesystems": ["x"], "cpu": 1, "memory": 1}), json!([]), json!({})),
            400,
            "no filesystem x",
        ),
        (&submit, batch(hardware(), json!([{"a": [1]}]), json!({})), 400, "no simple value"),
        (&submit, batch(hardware(), json!([]), json!({"a=b": 1})), 400, "name of an argument"),
        (&submit, batch(hardware(), json!(most), json!({})), 413, "at most 1000 jobs"),
        ("POST /tools/no-such", batch(hardware(), json!([]), json!({})), 404, "Tool not found"),
        ("POST /tools", "{}".to_owned(), 400, "Invalid request body"),
        ("POST /tools", json!({"name": "hello"}).to_string(), 409, "already"),
        ("POST /tools", json!({"name": "x", "entry": "-x"}).to_string(), 400, "entry"),
        ("PUT /tools/no-such", "x".to_owned(), 404, "Tool not found"),
        ("POST /filesystems", json!({"name": ".."}).to_string(), 400, "name of a filesystem"),
        ("POST /filesystems", json!({"name": "a/b"}).to_string(), 400, "name of a filesystem"),
        ("POST /keys", "{}".to_owned(), 400, "Invalid request body"),
        ("GET /logs/x", String::new(), 404, "Log not found"),
        ("GET /batches/x", String::new(), 404, "Batch not found"),
        ("GET /batches/x/y", String::new(), 404, "Resource not found"),
        ("PATCH /batches", String::new(), 405, "Method not allowed"),
        ("POST /batches", String::new(), 405, "Method not allowed"),
        ("DELETE /batches?cancel=perhaps", String::new(), 400, "true or false"),
    ] {
        let reply = ask(&site, "alice", request, &body).await;
        assert!(reply.status == status && reply.body.contains(text), "{request} {body:.80}: {reply:?}");
    }
    let large = "x".repeat(100_001);
    let reply = ask(&site, "alice", &format!("PUT /tools/{tool}"), &large).await;
    assert_eq!(reply.status, 413);
    fine(&site, "alice", &submit, &batch(hardware(), json!([]), json!({}))).await;
}

#[tokio::test]
async fn files_stay_in_their_filesystem() {
    let site = site().await;
    let made = fine(&site, "alice", "POST /v1/filesystems", r#"{"filesystem_name": "data"}"#).await.json();
    let id = made["filesystem_id"].as_str().unwrap();
    assert_eq!(fine(&site, "alice", "GET /vfs", "").await.json(), json!([["data", id]]));
    assert_eq!(ask(&site, "alice", "POST /vfs", r#"{"name": "data"}"#).await.status, 409);
    let path = |rest: &str| format!("/v1/filesystems/{id}/{rest}");
    for bad in ["files/..%2f..%2fx", "files/%2e%2e/x", "files/a/../../x", "files/", "files/a%00b"] {
        let reply = ask(&site, "alice", &format!("POST {}", path(bad)), r#"{"size": 3}"#).await;
        let begun = reply.status == 200;
        if begun {
            // What cannot be a file is found out when it shall become one.
            let upload = reply.json()["uploadId"].as_str().unwrap().to_owned();
            let head = format!(
                "PUT {} HTTP/1.1\r\nAuthorization: {}\r\nContent-Range: [{upload}]:0-3",
                path(bad),
                key("alice", 60)
            );
            assert_eq!(send(&site, &head, b"abc").await.status, 200);
            let end = json!({"uploadId": upload, "complete": true}).to_string();
            assert_eq!(ask(&site, "alice", &format!("POST {}", path(bad)), &end).await.status, 400, "{bad}");
        } else {
            assert_eq!(reply.status, 400, "{bad}: {reply:?}");
        }
    }
    for request in ["GET", "DELETE"] {
        assert_eq!(ask(&site, "alice", &format!("{request} {}", path("files/..%2fx")), "").await.status, 400);
    }
    for bad in ["mkdir/..%2fx", "mkdir/a/b"] {
        assert!(ask(&site, "alice", &format!("POST {}", path(bad)), "").await.status >= 400, "{bad}");
    }
    assert_eq!(
        fine(&site, "alice", &format!("GET {}", path("list/")), "").await.json(),
        json!({"directories": [], "files": []})
    );
    let large = ask(&site, "alice", &format!("POST {}", path("files/x")), r#"{"size": 99999999}"#).await;
    assert_eq!(large.status, 413);
    assert_eq!(ask(&site, "bob", &format!("GET {}", path("list")), "").await.status, 404);
    fine(&site, "alice", &format!("DELETE /filesystems/{id}"), "").await;
    assert_eq!(ask(&site, "alice", &format!("GET {}", path("list")), "").await.status, 404);
}
