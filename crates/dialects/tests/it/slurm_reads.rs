//! Reading through the dialect of Slurm.

use crate::harness::{Site, site};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_hold_is_refused_by_each_operation_in_its_own_way() {
    let site = site().await;
    for (method, path, status, error) in [
        ("GET", "ping", 200, None),
        ("GET", "jobs", 511, Some("slurm_load_jobs()")),
        ("GET", "job/1", 511, Some("_handle_job_get")),
        ("GET", "jobs/state", 511, Some("slurm_load_job_state()")),
        ("GET", "nodes", 511, Some("_dump_nodes")),
        ("GET", "partitions", 511, None),
        ("GET", "partition/debug", 511, Some("_partition_get")),
        ("GET", "reservations", 511, Some("slurm_load_reservations()")),
        ("GET", "reservation/r", 511, Some("slurm_load_reservations()")),
        ("DELETE", "reservation/r", 511, Some("slurm_delete_reservation")),
        ("GET", "diag", 511, Some("op_handler_diag")),
        ("DELETE", "job/1", 511, Some("slurm_kill_jobs()")),
        ("GET", "job/abc", 422, Some("op_handler_job")),
    ] {
        let request = format!(
            "{method} /slurm/v0.0.44/{path} HTTP/1.1\r\nConnection: close\r\nX-SLURM-USER-TOKEN: garbage\r\n\r\n"
        );
        let reply = site.raw(request.as_bytes()).await;
        assert_eq!(reply.status, status, "{path} {reply:?}");
        let sources: Vec<_> = reply.errors().into_iter().map(|(_, source)| source).collect();
        assert_eq!(sources.first().map(String::as_str), error, "{path}");
    }
    let down = "GET /slurm/v0.0.44/ping HTTP/1.1\r\nConnection: close\r\nX-SLURM-USER-TOKEN: x\r\n\r\n";
    assert_eq!(site.raw(down.as_bytes()).await.json()["pings"][0]["pinged"], "DOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn root_acts_for_others_and_nobody_else_does() {
    let site = site().await;
    let ask = async |token: &str, name: &str| {
        let body = r##"{"script":"#!/bin/sh\n","job":{"current_working_directory":"/","environment":["A=B"],"hold":true}}"##;
        let request = format!(
            "POST /slurm/v0.0.44/job/submit HTTP/1.1\r\nConnection: close\r\nX-SLURM-USER-NAME: {name}\r\n\
             X-SLURM-USER-TOKEN: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            Site::token(token),
            body.len()
        );
        site.raw(request.as_bytes()).await
    };
    let reply = ask("root", "alice").await;
    let id = u32::try_from(reply.json()["job_id"].as_u64().unwrap()).unwrap();
    assert_eq!(site.shown(id).await["user_name"], "alice");
    assert_eq!(ask("alice", "bob").await.status, 511);
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_lists_are_not_sent_again() {
    let site = site().await;
    let first = site.slurm("alice", "GET", "jobs", "").await;
    assert_eq!(first.warnings(), ["Zero jobs to dump"]);
    site.job("alice", r#""hold":true"#).await;
    assert_eq!(
        site.slurm("alice", "GET", "jobs?update_time=1", "").await.json()["jobs"].as_array().unwrap().len(),
        1
    );
    let unchanged = site.slurm("alice", "GET", "jobs?update_time=4000000000", "").await;
    assert_eq!((unchanged.status, unchanged.json()["jobs"].clone()), (200, json!([])));
    assert!(unchanged.warnings()[0].starts_with("No job changes since update_time[4000000000]="));
    for path in ["nodes", "partitions", "partition/debug", "reservations", "reservation/r"] {
        assert_eq!(
            site.slurm("alice", "GET", &format!("{path}?update_time=4000000000"), "").await.status,
            304
        );
    }
    assert_eq!(site.slurm("alice", "GET", "node/n1?update_time=4000000000", "").await.status, 200);
    let bad = site.slurm("alice", "GET", "jobs?update_time=abc", "").await;
    assert_eq!((bad.status, bad.errors().len()), (422, 2));
    assert_eq!(site.slurm("alice", "GET", "nodes?update_time=abc", "").await.status, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_as_the_original_does() {
    let site = site().await;
    for (path, status, error) in [
        ("job/999", 404, Some(2017)),
        ("job/99999999", 404, Some(2017)),
        ("job/0", 422, Some(9000)),
        ("job/1_", 422, Some(9000)),
        ("job/submit", 422, Some(9000)),
        ("node/nope", 200, Some(0)),
        ("partition/nope", 200, None),
        ("jobs/state?job_id=999", 200, None),
        ("jobs/state?job_id=1-5", 422, Some(9000)),
    ] {
        let reply = site.slurm("alice", "GET", path, "").await;
        assert_eq!(reply.status, status, "{path} {reply:?}");
        assert_eq!(reply.errors().first().map(|(number, _)| *number), error, "{path}");
    }
    let partition = site.slurm("alice", "GET", "partition/nope", "").await;
    assert_eq!(partition.warnings(), ["Unable to find partition nope"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_are_streamed_and_complete() {
    let site = site().await;
    let body = r##"{"script":"#!/bin/sh\n","job":{"current_working_directory":"/","environment":["A=B"],"hold":true}}"##;
    for _ in 0..300 {
        assert_eq!(site.slurm("alice", "POST", "job/submit", body).await.status, 200);
    }
    let jobs = site.slurm("bob", "GET", "jobs", "").await;
    assert!(jobs.head.contains(&format!("Content-Length: {}", jobs.body.len())), "{}", jobs.head);
    let json = jobs.json();
    let ids: Vec<u64> =
        json["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=300).collect::<Vec<u64>>());
    let states = site.slurm("bob", "GET", "jobs/state", "").await.json();
    assert_eq!(states["jobs"].as_array().unwrap().len(), 300);
    let no_task = json!({"set": false, "infinite": false, "number": 0});
    let no_array = json!({"set": true, "infinite": false, "number": 0});
    let state = json!(["PENDING"]);
    assert_eq!(
        states["jobs"][0],
        json!({
            "job_id": 1, "array_job_id": no_array, "array_task_id": no_task, "job_state": state, "state": state
        })
    );
    assert!(states["last_update"]["number"].as_u64().unwrap() > 1_600_000_000);
    let request = format!(
        "GET /slurm/v0.0.44/jobs HTTP/1.1\r\nConnection: close\r\nAccept: application/yaml\r\nX-SLURM-USER-TOKEN: {}\r\n\r\n",
        Site::token("alice")
    );
    let yaml = site.raw(request.as_bytes()).await.body;
    assert_eq!(yaml.matches("\n- !!map\n  !!str account: !!str physics\n").count(), 300);
    assert!(yaml.ends_with("...\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn machine_and_service_describe_themselves() {
    let site = site().await;
    let nodes = site.slurm("alice", "GET", "nodes", "").await.json();
    assert_eq!(nodes["nodes"][0]["state"], json!(["IDLE"]));
    assert_eq!(nodes["nodes"][0]["tres"], "cpu=8,mem=16000M,billing=8,gres/gpu=2");
    let partitions = site.slurm("alice", "GET", "partitions", "").await.json();
    assert_eq!(partitions["partitions"][1]["partition"]["state"], json!(["DOWN"]));
    assert_eq!(
        partitions["partitions"][0]["defaults"]["memory_per_cpu"],
        json!(-9_223_372_036_854_775_708_i64)
    );
    let diag = site.slurm("alice", "GET", "diag", "").await.json();
    let kinds = diag["statistics"]["rpcs_by_message_type"].as_array().unwrap();
    assert!(kinds.iter().any(|kind| kind["message_type"] == "REQUEST_NODE_INFO" && kind["count"] == 1));
    assert_eq!(diag["statistics"]["rpcs_by_user"][0]["user"], "alice");
    let openapi = site.ask("alice", "GET", "/openapi/v3", "").await.json();
    assert!(openapi["paths"]["/slurm/v0.0.44/job/submit"]["post"].is_object());
    assert_eq!(openapi, site.ask("alice", "GET", "/openapi.yaml", "").await.json());
}
