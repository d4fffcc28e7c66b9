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
