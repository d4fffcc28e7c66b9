//! The other versions of Slurm's REST interface: what each of them says otherwise, and what none of them has.

use crate::harness::{Site, site};
use serde_json::{Value as Json, json};

async fn get(site: &Site, path: &str) -> Json {
    let reply = site.ask("alice", "GET", path, "").await;
    assert_eq!(reply.status, 200, "{path} {reply:?}");
    reply.json()
}

fn names(object: &Json) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// What the second object has and the first has not.
fn more<'a>(one: &Json, other: &'a Json) -> Vec<&'a str> {
    let known = names(one);
    let mut more: Vec<&str> = names(other).into_iter().filter(|name| !known.contains(name)).collect();
    more.sort_unstable();
    more
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_shows_the_same_job_in_its_own_fields() {
    let site = site().await;
    let id = site.job("alice", r#""standard_output":"out-%j","hold":true"#).await;
    let mut shown = Vec::new();
    for version in ["v0.0.42", "v0.0.43", "v0.0.44", "v0.0.45"] {
        let one = get(&site, &format!("/slurm/{version}/job/{id}")).await;
        assert_eq!(one["meta"]["plugin"]["data_parser"], format!("data_parser/{version}"));
        let all = get(&site, &format!("/slurm/{version}/jobs/")).await;
        assert_eq!(all["jobs"], one["jobs"], "{version}");
        shown.push(one["jobs"][0].clone());
    }
    let [v42, v43, v44, v45] = shown.as_slice() else { unreachable!() };
    assert_eq!(
        more(v42, v43),
        ["licenses_allocated", "segment_size", "stderr_expanded", "stdin_expanded", "stdout_expanded"]
    );
    assert_eq!((more(v43, v42), more(v44, v43)), (vec![], vec![]));
    assert_eq!(more(v43, v44), ["step_id", "submit_line"]);
    assert_eq!(more(v44, v45), ["container_type", "memory_update_delay", "memory_update_margin"]);
    assert_eq!(more(v45, v44), ["power"]);
    assert_eq!(v44["standard_output"], "out-%j");
    assert_eq!(v42["standard_output"], v44["stdout_expanded"]);
    let implicit = |job: &Json| job["flags"].as_array().unwrap().contains(&json!("JOB_IMPLICIT_MAX_NODES"));
    assert_eq!([v42, v43, v44, v45].map(implicit), [false, false, false, true]);
    for job in [v42, v43, v45] {
        assert_eq!((&job["job_id"], &job["name"]), (&v44["job_id"], &v44["name"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_and_json_of_a_version_have_the_same_fields() {
    let site = site().await;
    site.job("alice", r#""hold":true"#).await;
    let request = format!(
        "GET /slurm/v0.0.43/jobs/ HTTP/1.1\r\nConnection: close\r\nAccept: application/yaml\r\n\
         X-SLURM-USER-TOKEN: {}\r\n\r\n",
        Site::token("alice")
    );
    let yaml = site.raw(request.as_bytes()).await.body;
    assert!(yaml.contains("stdout_expanded") && !yaml.contains("submit_line"), "{yaml}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_partitions_and_pings_differ_as_documented() {
    let site = site().await;
    let first = async |version: &str, path: &str, list: &str| {
        get(&site, &format!("/slurm/{version}/{path}")).await[list][0].clone()
    };
    let (old, new) = (first("v0.0.44", "nodes/", "nodes").await, first("v0.0.45", "nodes/", "nodes").await);
    assert_eq!(more(&new, &old), ["external_sensors", "power", "tres_weighted"]);
    assert_eq!(more(&old, &new), ["suspend_time"]);
    assert_eq!(new["suspend_time"], json!({"set": false, "infinite": true, "number": 0}));
    let older = first("v0.0.42", "nodes/", "nodes").await;
    assert_eq!(more(&older, &old), ["cert_flags", "tls_cert_last_renewal", "topology"]);

    let (old, new) = (
        first("v0.0.44", "partitions/", "partitions").await,
        first("v0.0.45", "partitions/", "partitions").await,
    );
    assert_eq!(more(&old, &new), ["flags", "preempt_mode"]);
    assert_eq!(new["flags"], json!(["DEFAULT"]));
    assert_eq!(new["preempt_mode"], json!(["CLUSTER_GLOBAL"]));
    assert_eq!(new["select_type"], json!(["NONE"]));
    assert_eq!(new["cpus"]["task_binding"], json!([]));
    assert_eq!(new["partition"], json!({"exclusive": "NO", "oversubscribe": "NO", "state": ["UP"]}));
    assert_eq!((&old["maximums"]["shares"], &new["maximums"]["shares"]), (&json!(1), &json!(0)));

    let ping = first("v0.0.45", "ping/", "pings").await;
    assert_eq!((&ping["status"], &ping["pinged"]), (&json!("No error"), &Json::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_read_as_their_version_reads_them() {
    let site = site().await;
    let submit = async |version: &str, fields: &str| {
        let body = format!(
            r##"{{"script":"#!/bin/sh\n","job":{{"current_working_directory":"/","environment":["A=B"],"hold":true,{fields}}}}}"##
        );
        site.ask("alice", "POST", &format!("/slurm/{version}/job/submit"), &body).await
    };
    let ignored = |name: &str, kind: &str| {
        format!("Ignoring unknown field \"{name}\" of type {kind} in DATA_PARSER_JOB_DESC_MSG")
    };
    for (version, fields, warning) in [
        ("v0.0.43", r#""step_id":{"step_id":"1"}"#, ignored("step_id", "string")),
        ("v0.0.44", r#""cores_per_socket":1"#, ignored("cores_per_socket", "64 bit integer")),
        ("v0.0.45", r#""power_flags":[]"#, ignored("power_flags", "list")),
        ("v0.0.42", r#""memory_binding_type":["SORT"]"#, "Ignoring deprecated flag: SORT".to_owned()),
    ] {
        let reply = submit(version, fields).await;
        assert_eq!((reply.status, reply.warnings().first()), (200, Some(&warning)), "{version} {fields}");
    }
    for (version, fields, status) in [
        ("v0.0.43", r#""flags":["SPREAD_SEGMENTS"]"#, 500),
        ("v0.0.44", r#""flags":["SPREAD_SEGMENTS"]"#, 200),
        ("v0.0.44", r#""flags":["JOB_IMPLICIT_MAX_NODES"]"#, 500),
        ("v0.0.45", r#""flags":["JOB_IMPLICIT_MAX_NODES"]"#, 200),
        ("v0.0.44", r#""memory_binding_type":["SORT"]"#, 500),
        ("v0.0.45", r#""cores_per_socket":1"#, 200),
        ("v0.0.45", r#""container_type":"oci""#, 422),
        ("v0.0.45", r#""memory_update_delay":3"#, 422),
    ] {
        let reply = submit(version, fields).await;
        assert_eq!(reply.status, status, "{version} {fields} {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_version_does_not_have_is_an_unknown_path() {
    let site = site().await;
    let id = site.job("alice", r#""hold":true"#).await;
    for (method, path, status) in [
        ("GET", "/slurm/v0.0.41/ping/".to_owned(), 404),
        ("GET", "/slurm/v0.0.46/ping/".to_owned(), 404),
        ("GET", "/slurm/V0.0.44/ping/".to_owned(), 404),
        ("GET", "/slurm/ping/".to_owned(), 404),
        ("POST", "/util/v0.0.43/hostlist".to_owned(), 404),
        ("GET", format!("/slurm/v0.0.44/job/{id}/requeue"), 404),
        ("GET", format!("/slurm/v0.0.45/job/{id}/requeue"), 422),
    ] {
        let reply = site.ask("alice", method, &path, "").await;
        assert_eq!(reply.status, status, "{path} {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_version_is_described_by_itself() {
    let site = site().await;
    for version in ["v0.0.42", "v0.0.43", "v0.0.44", "v0.0.45"] {
        let described = get(&site, &format!("/openapi/{version}")).await;
        let paths = described["paths"].as_object().unwrap();
        assert!(paths.keys().all(|path| path.contains(version)), "{version}");
        assert!(paths[&format!("/slurm/{version}/job/submit")]["post"].is_object());
        let later = paths.contains_key(&format!("/slurm/{version}/jobs/requeue"));
        assert_eq!(later, version == "v0.0.45");
    }
    assert_eq!(get(&site, "/openapi/v3").await, get(&site, "/openapi/v0.0.44").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_put_back_into_the_queue() {
    let site = site().await;
    let id = site.job("alice", r#""hold":true"#).await;
    let ask = async |user: &str, method: &str, path: String, body: &str| {
        let reply = site.ask(user, method, &format!("/slurm/v0.0.45/{path}"), body).await;
        (reply.status, reply.errors().iter().map(|(number, _)| *number).collect::<Vec<_>>())
    };
    assert_eq!(ask("alice", "GET", format!("job/{id}/requeue"), "").await, (422, vec![2024]));
    assert_eq!(ask("bob", "GET", format!("job/{id}/requeue"), "").await, (422, vec![2002]));
    assert_eq!(ask("alice", "GET", "job/99999/requeue".to_owned(), "").await, (404, vec![2017]));
    assert_eq!(ask("alice", "GET", "job/abc/requeue".to_owned(), "").await, (422, vec![9000]));
    assert_eq!(
        ask("alice", "GET", format!("job/{id}/requeue?SpecialExit=true"), "").await,
        (400, vec![9009])
    );
    let many = format!(r#"{{"jobs":["{id}","99999"]}}"#);
    assert_eq!(ask("alice", "POST", "jobs/requeue".to_owned(), &many).await, (422, vec![2024, 2017]));
    assert_eq!(ask("alice", "POST", "jobs/requeue".to_owned(), "{}").await, (404, vec![2017]));
    assert_eq!(ask("alice", "POST", "jobs/requeue".to_owned(), r#"{"jobs":["x"]}"#).await, (422, vec![9000]));

    let array = site.job("alice", r#""hold":true,"array":"0-2""#).await;
    let reply = site.ask("alice", "GET", &format!("/slurm/v0.0.45/job/{array}/requeue"), "").await;
    assert_eq!(reply.status, 200);
    let entry = &reply.json()["status"][0];
    assert_eq!(entry["step_id"], format!("{array}_[0-2]"), "{entry}");
    assert_eq!(entry["error_code"], 2024);

    let runs = site.job("alice", r#""requeue":true"#).await;
    site.until(runs, "RUNNING").await;
    assert_eq!(ask("alice", "GET", format!("job/{runs}/requeue?Hold=true"), "").await, (200, vec![]));
}
