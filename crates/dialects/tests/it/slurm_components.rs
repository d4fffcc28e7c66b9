//! Heterogeneous jobs through the dialect of Slurm; every answer here was seen on the original (or says why not).

use crate::harness::{Reply, Site, site};
use serde_json::{Value, json};

const BASE: &str = r#""current_working_directory":"/tmp","environment":["A=B"]"#;

async fn submit(site: &Site, components: &[&str]) -> Reply {
    let components: Vec<String> = components.iter().map(|fields| format!("{{{BASE}{fields}}}")).collect();
    let body = format!(r##"{{"script":"#!/bin/sh","jobs":[{}]}}"##, components.join(","));
    site.slurm("alice", "POST", "job/submit", &body).await
}

async fn submitted(site: &Site, components: &[&str]) -> u32 {
    let reply = submit(site, components).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    u32::try_from(reply.json()["job_id"].as_u64().unwrap()).unwrap()
}

async fn shown(site: &Site, path: &str) -> Vec<(u64, u64, String, u64, String)> {
    let reply = site.slurm("alice", "GET", path, "").await.json();
    let number = |job: &Value, key: &str| job[key]["number"].as_u64().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let each = |job: &Value| {
        let (leader, offset) = (number(job, "het_job_id"), number(job, "het_job_offset"));
        (leader, offset, text(&job["het_job_id_set"]), job["job_id"].as_u64().unwrap(), text(&job["name"]))
    };
    reply["jobs"].as_array().unwrap().iter().map(each).collect()
}

const HELD: &str = r#","hold":true"#;

#[tokio::test(flavor = "multi_thread")]
async fn components_are_shown_by_their_leader_and_alone() {
    let site = site().await;
    let id = submitted(&site, &[r#","name":"a","hold":true"#, r#","name":"b","tasks":2"#]).await;
    let set = format!("{id}-{}", id + 1);
    let (leader, first) = (u64::from(id), (u64::from(id), 0, set.clone(), u64::from(id), "a".to_owned()));
    let second = (leader, 1, set, leader + 1, "b".to_owned());
    assert_eq!(shown(&site, &format!("job/{id}")).await, [first, second.clone()]);
    assert_eq!(shown(&site, &format!("job/{}", id + 1)).await, std::slice::from_ref(&second));
    assert_eq!(shown(&site, &format!("job/{id}%2B1")).await, [second]);
    let states = site.slurm("alice", "GET", &format!("jobs/state?job_id={id}"), "").await.json();
    let told: Vec<(u64, &serde_json::Value)> = states["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| (job["job_id"].as_u64().unwrap(), &job["job_state"]))
        .collect();
    let pending = json!(["PENDING"]);
    assert_eq!(told, [(u64::from(id), &pending), (u64::from(id) + 1, &pending)]);
    let one = submitted(&site, &[HELD]).await;
    let alone = (u64::from(one), 0, one.to_string(), u64::from(one), String::new());
    assert_eq!(shown(&site, &format!("job/{one}")).await, [alone]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_component_asks_in_vain_is_refused_for_all() {
    let site = site().await;
    let source = || "slurm_submit_batch_het_job()".to_owned();
    for (components, status, error) in [
        (["", r#","partition":"nope""#], 422, 2000),
        (["", r#","array":"0-3""#], 422, 2081),
        (["", r#","immediate":true"#], 422, 2078),
        (["", r#","user_id":"bob""#], 422, 2010),
        (["", r#","environment":[]"#], 422, 2127),
        ([r#","dependency":"afterok:9999""#, ""], 422, 2038),
    ] {
        let reply = submit(&site, &components).await;
        assert_eq!((reply.status, reply.errors()), (status, vec![(error, source())]), "{components:?}");
    }
    for (body, status, error) in [
        (format!(r#"{{"jobs":[{{{BASE}}}]}}"#), 422, (2009, "_job_post_het_submit")),
        (r##"{"script":"#!/bin/sh","jobs":[]}"##.to_owned(), 200, (0, "_job_post_het_submit")),
        (format!(r##"{{"script":"#!/bin/sh","jobs":[{{{BASE}}},"x"]}}"##), 500, (9209, "#/jobs[1]/")),
    ] {
        let reply = site.slurm("alice", "POST", "job/submit", &body).await;
        assert_eq!((reply.status, reply.errors()), (status, vec![(error.0, error.1.to_owned())]), "{body}");
    }
    let script = format!(r##"{{"jobs":[{{{BASE},"script":"#!/bin/sh"}},{{{BASE}}}]}}"##);
    let reply = site.slurm("alice", "POST", "job/submit", &script).await;
    assert_eq!(reply.json()["job_id"], 1, "no number was used up: {reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_component_decides_what_its_author_is_told() {
    let site = site().await;
    let told = submit(&site, &["", HELD]).await.warnings();
    let text = "Job is in held state, pending scheduler release";
    assert_eq!(
        told,
        [format!("HetJob submission resulted in non-zero return code: {text}"), text.to_owned()]
    );
    assert!(submit(&site, &[HELD, ""]).await.warnings().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_component_is_changed_by_its_own_number() {
    let site = site().await;
    let id = submitted(&site, &[HELD, HELD]).await;
    for (path, name) in [(format!("job/{id}"), "a"), (format!("job/{}", id + 1), "b")] {
        let body = format!(r#"{{"name":"{name}"}}"#);
        assert_eq!(site.slurm("alice", "POST", &path, &body).await.status, 200);
    }
    let names = shown(&site, &format!("job/{id}")).await.into_iter().map(|(.., name)| name);
    assert_eq!(names.collect::<Vec<_>>(), ["a", "b"]);
    // The original would change the leader here.
    let path = format!("job/{id}%2B1");
    assert_eq!(site.slurm("alice", "POST", &path, r#"{"name":"c"}"#).await.status, 200);
    let names = shown(&site, &format!("job/{id}")).await.into_iter().map(|(.., name)| name);
    assert_eq!(names.collect::<Vec<_>>(), ["a", "c"]);
    let path = format!("job/{id}%2B7");
    assert_eq!(site.slurm("alice", "POST", &path, r#"{"name":"d"}"#).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_one_that_waits_cancels_all() {
    let site = site().await;
    let id = submitted(&site, &[HELD, HELD]).await;
    let cancelled = site.slurm("alice", "DELETE", &format!("job/{id}%2B1"), "").await.json();
    assert_eq!(cancelled["status"], json!([]));
    let states = site.slurm("alice", "GET", &format!("jobs/state?job_id={id}"), "").await.json();
    assert!(states["jobs"].as_array().unwrap().iter().all(|job| job["state"] == json!(["CANCELLED"])));
    let again = site.slurm("alice", "DELETE", &format!("job/{id}"), "").await.json();
    let told: Vec<_> = again["status"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (&entry["step_id"], &entry["error"]["code"]))
        .collect();
    assert_eq!(
        told,
        [(&json!(format!("{id}+1")), &json!(2021)), (&json!(id.to_string()), &json!(2021))],
        "the leader comes last"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allocation_may_have_components() {
    let site = site().await;
    let body = r#"{"hetjob":[{"current_working_directory":"/tmp"},{"current_working_directory":"/tmp"}]}"#;
    let reply = site.slurm("alice", "POST", "job/allocate", body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let id = reply.json()["job_id"].as_u64().unwrap();
    assert_eq!(shown(&site, &format!("job/{id}")).await.len(), 2, "the number is the leader's");
    let refused = |body: &'static str| site.slurm("alice", "POST", "job/allocate", body);
    let source = || "slurm_allocate_het_job_blocking()".to_owned();
    let without = refused(r#"{"hetjob":[{"partition":"nope","current_working_directory":"/tmp"}]}"#).await;
    assert_eq!((without.status, without.errors()), (422, vec![(2000, source())]));
    assert_eq!(refused(r#"{"hetjob":[]}"#).await.errors(), [(9000, "_job_post_het_allocate".to_owned())]);
}
