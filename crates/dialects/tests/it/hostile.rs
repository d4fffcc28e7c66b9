//! Bodies that nobody should send: each gets an answer, and none breaks anything.

use crate::harness::site;

const FIELDS: [&str; 60] = [
    "account",
    "account_gather_frequency",
    "argv",
    "array",
    "batch_features",
    "begin_time",
    "constraints",
    "container",
    "core_specification",
    "cpu_binding_flags",
    "cpu_frequency",
    "cpus_per_task",
    "cpus_per_tres",
    "crontab",
    "deadline",
    "delay_boot",
    "dependency",
    "distribution",
    "environment",
    "excluded_nodes",
    "flags",
    "group_id",
    "hold",
    "kill_warning_delay",
    "kill_warning_flags",
    "kill_warning_signal",
    "licenses",
    "mail_type",
    "maximum_cpus",
    "maximum_nodes",
    "memory_per_cpu",
    "memory_per_node",
    "memory_per_tres",
    "minimum_boards_per_node",
    "minimum_cpus",
    "minimum_nodes",
    "minimum_sockets_per_board",
    "name",
    "nice",
    "nodes",
    "ntasks_per_tres",
    "partition",
    "prefer",
    "priority",
    "profile",
    "required_nodes",
    "required_switches",
    "rlimits",
    "script",
    "shared",
    "sockets_per_node",
    "standard_output",
    "step_id",
    "tasks",
    "tasks_per_node",
    "temporary_disk_per_node",
    "time_limit",
    "tres_per_node",
    "tres_per_task",
    "user_id",
];

const VALUES: [&str; 24] = [
    "null",
    "true",
    "-1",
    "0",
    "1.5",
    "1e308",
    "99999999999999999999",
    "4294967295",
    "\"\"",
    "\"x\"",
    "\"\\u0000\"",
    "\"%%%999999999j\"",
    "\"n[0-99999999]\"",
    "\"n[1-\"",
    "\"0-4294967295\"",
    "\"gres/gpu:99999999999999999999\"",
    "\"((((((((((((((((((((((((((((((a\"",
    "\"afterok:1:1:1,singleton\"",
    "[]",
    "[null,[],{}]",
    "[\"BOGUS\",5]",
    "{}",
    "{\"set\":true,\"number\":-9223372036854775808}",
    "{\"number\":{\"number\":{}}}",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_field_breaks_the_service() {
    let site = site().await;
    let id = site.job("alice", r#""hold":true"#).await;
    for field in FIELDS {
        for value in VALUES {
            let fields = format!(r#""hold":true,"{field}":{value}"#);
            let reply = site.submit("alice", &fields).await;
            // 5xx are the original's own: what cannot be converted, flags that are none, no sensible number.
            let allowed = match reply.status {
                200 | 404 | 422 => true,
                500 => {
                    reply.errors().iter().any(|(number, _)| *number >= 9200 || matches!(number, -1 | 4003))
                }
                _ => false,
            };
            assert!(allowed, "{fields}\n{reply:?}");
            let changed =
                site.slurm("alice", "POST", &format!("job/{id}"), &format!("{{\"{field}\":{value}}}")).await;
            assert!(matches!(changed.status, 200 | 404 | 422 | 500), "{field} {value}\n{changed:?}");
        }
    }
    assert_eq!(site.slurm("alice", "GET", "ping", "").await.status, 200);
    assert_eq!(site.slurm("alice", "GET", "jobs", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_document_breaks_the_service() {
    let site = site().await;
    let deep = "[".repeat(100_000);
    for body in [
        &deep,
        "{",
        "[]",
        "\"x\"",
        "{\"jobs\":[[[]]]}",
        "{\"job\":{\"job\":{}}}",
        "{\"script\":{\"a\":[1,{}]}}",
    ] {
        for (method, path) in [
            ("POST", "job/submit"),
            ("POST", "job/allocate"),
            ("POST", "job/1"),
            ("DELETE", "jobs"),
            ("DELETE", "job/1"),
            ("GET", "jobs"),
            ("GET", "jobs/state"),
            ("GET", "nodes"),
        ] {
            let reply = site.slurm("alice", method, path, body).await;
            assert!(matches!(reply.status, 200 | 400 | 404 | 422 | 500), "{path} {body:.40} {reply:?}");
        }
    }
    assert_eq!(site.slurm("alice", "GET", "ping", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_without_end_is_refused_or_counts_once() {
    let site = site().await;
    let id = site.job("alice", r#""hold":true,"array":"0-9""#).await;
    let kill = async |jobs: &[String]| {
        let body = serde_json::json!({"jobs": jobs, "signal": "USR1"}).to_string();
        site.slurm("alice", "DELETE", "jobs", &body).await
    };
    // A set of tasks ends where arrays end, as in the original.
    let endless = kill(&[format!("{id}_[0-4000000]")]).await;
    assert_eq!((endless.status, endless.errors()[0].0), (422, 2144), "{endless:?}");
    assert_eq!(kill(&[format!("{id}_4000000")]).await.json()["status"][0]["error"]["code"], 2017);
    let many: Vec<String> = (0..200).map(|last| format!("{id}_[0-{}]", 800 + last)).collect();
    let many = kill(&many).await;
    assert_eq!((many.status, many.errors()[0].0), (422, 9000), "{many:?}");
    let same = kill(&vec![format!("{id}_3"); 100_000]).await;
    assert_eq!((same.status, same.json()["status"].as_array().unwrap().len()), (200, 1));
    let nobody: Vec<String> = (900_000..1_000_000).map(|job: u32| job.to_string()).collect();
    assert_eq!(kill(&nobody).await.json()["status"].as_array().unwrap().len(), 100_000);
    let twice = site.slurm("alice", "GET", &format!("jobs/state/?job_id={id}&job_id={id}"), "").await;
    assert_eq!(twice.json()["jobs"].as_array().unwrap().len(), 10, "one for each task");
    let names: String = (0..3000).map(|name| format!("a{name},")).collect();
    let fields = site.slurm("alice", "GET", &format!("jobs/?fields={names}job_id"), "").await;
    assert_eq!(fields.json()["jobs"], serde_json::json!([{"job_id": id}]));
}

/// Every list is read item by item: one without end would keep a thread of the service busy for minutes.
#[tokio::test(flavor = "multi_thread")]
async fn no_list_is_long_enough_to_keep_the_service_busy() {
    let site = site().await;
    let id = site.job("alice", r#""hold":true"#).await;
    let kinds: Vec<String> = (0..100_000).map(|kind| format!("gres/gpu:t{kind}:1")).collect();
    let many = |item: &str, between: &str| vec![item; 200_000].join(between);
    for (field, list) in [
        ("partition", many("debug", ",")),
        ("licenses", many("matlab:1", "|")),
        ("licenses", many("matlab:1", ",")),
        ("reservation", many("maintenance", ",")),
        ("constraints", many("fast", "|")),
        ("prefer", many("fast", "&")),
        ("tres_per_node", kinds.join(",")),
        ("tres_per_job", many("gres/gpu:1", ",")),
        ("tres_bind", many("gres/gpu:closest", "+")),
        ("cpus_per_tres", many("gres/gpu:1", ",")),
        ("memory_per_tres", many("gres/gpu:1", ",")),
        ("standard_output", many("x", "/")),
        ("container", many("x", "/")),
        ("extra", many("x", " ")),
    ] {
        let fields = format!(r#""{field}":"{list}""#);
        let begun = std::time::Instant::now();
        let reply = site.submit("alice", &format!(r#""hold":true,{fields}"#)).await;
        assert_eq!((reply.status, reply.errors()[0].0), (422, 2012), "{field}");
        let changed = site.slurm("alice", "POST", &format!("job/{id}"), &format!("{{{fields}}}")).await;
        assert_eq!((changed.status, changed.errors()[0].0), (422, 2012), "{field}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{field}");
    }
    // What is as long as it may be is taken.
    let partitions = vec!["debug"; 170].join(",");
    assert_eq!(site.submit("alice", &format!(r#""hold":true,"partition":"{partitions}""#)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heterogeneous_job_has_no_more_components_than_can_be_planned_together() {
    let site = site().await;
    let component = r#"{"current_working_directory":"/tmp","environment":["A=B"],"hold":true}"#;
    for (path, field) in [("job/submit", "jobs"), ("job/allocate", "hetjob")] {
        let body =
            |count| format!(r##"{{"script":"#!/bin/sh","{field}":[{}]}}"##, vec![component; count].join(","));
        let many = site.slurm("alice", "POST", path, &body(129)).await;
        assert_eq!((many.status, many.errors()[0].0), (422, 9000), "{path} {many:?}");
    }
    let body = format!(r##"{{"script":"#!/bin/sh","jobs":[{}]}}"##, vec![component; 128].join(","));
    assert_eq!(site.slurm("alice", "POST", "job/submit", &body).await.status, 200);
}
