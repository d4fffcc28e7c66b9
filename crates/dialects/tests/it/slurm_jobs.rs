//! Submitting, changing and cancelling through the dialect of Slurm.

use crate::harness::site;
use serde_json::json;

const HELD: [&str; 2] = [
    "Job submission resulted in non-zero return code: Job is in held state, pending scheduler release",
    "Job is in held state, pending scheduler release",
];

#[tokio::test(flavor = "multi_thread")]
async fn submissions_are_taken_or_refused_with_the_originals_numbers() {
    let site = site().await;
    let base = r#""current_working_directory":"/tmp","environment":["A=B"]"#;
    for (body, status, errors) in [
        (r##"{"script":"#!/bin/sh"}"##.to_owned(), 422, vec![9000]),
        (r##"{"script":"#!/bin/sh","job":{}}"##.to_owned(), 422, vec![2063]),
        (r##"{"script":"#!/bin/sh","job":{"current_working_directory":"/"}}"##.to_owned(), 422, vec![2127]),
        (format!(r##"{{"job":{{{base}}}}}"##), 422, vec![9000]),
        (format!(r##"{{"job":{{"script":"#!/bin/sh",{base}}}}}"##), 200, vec![]),
        (r##"{"script":"#!/bin/sh","job":null}"##.to_owned(), 500, vec![9209]),
        (r##"{"script":"#!/bin/sh","jobs":[]}"##.to_owned(), 200, vec![0]),
        (format!(r##"{{"script":"#!/bin/sh","jobs":[{{{base}}}]}}"##), 200, vec![]),
        (format!(r##"{{"script":"x","job":{{{base}}},"jobs":[{{{base}}}]}}"##), 422, vec![9000]),
    ] {
        let reply = site.slurm("alice", "POST", "job/submit", &body).await;
        let numbers: Vec<i64> = reply.errors().into_iter().map(|(number, _)| number).collect();
        assert_eq!((reply.status, numbers), (status, errors), "{body}\n{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_checked() {
    let site = site().await;
    for (fields, status, error) in [
        (r#""partition":"nope""#, 422, Some(2000)),
        (r#""dependency":"bogus""#, 422, Some(2038)),
        (r#""dependency":"expand:1""#, 422, Some(2036)),
        (r#""array":"0-2000000""#, 422, Some(2081)),
        (r#""constraints":"bogus""#, 422, Some(2029)),
        (r#""licenses":"matlab:99""#, 422, Some(2048)),
        (r#""licenses":"matlab:x""#, 422, Some(2048)),
        (r#""tres_per_node":"gres/bogus:1""#, 422, Some(2072)),
        (r#""tres_per_node":"gpu:1""#, 422, Some(2115)),
        (r#""tres_per_task":"gres/gpu:1""#, 422, Some(2072)),
        (r#""memory_per_tres":"gres/gpu:100""#, 422, Some(2072)),
        (r#""required_nodes":["zz"]"#, 422, Some(2018)),
        (r#""user_id":"bob""#, 422, Some(2010)),
        (r#""user_id":"stranger""#, 422, Some(2166)),
        (r#""group_id":"root""#, 422, Some(2113)),
        (r#""group_id":"strangers""#, 422, Some(2164)),
        (r#""job_id":500"#, 404, Some(2017)),
        (r#""step_id":{"job_id":5}"#, 404, Some(2017)),
        (r#""admin_comment":"x""#, 422, Some(2002)),
        (r#""nice":-5"#, 422, Some(2123)),
        (r#""wckey":"*x""#, 422, Some(2057)),
        (r#""deadline":1"#, 422, Some(2051)),
        (r#""x11":["BATCH_NODE"]"#, 422, Some(2112)),
        (r#""batch_features":"fast""#, 422, Some(2114)),
        (r#""flags":["EXTERNAL_JOB"]"#, 422, Some(2189)),
        (r#""account_gather_frequency":"task=10""#, 500, Some(4003)),
        (r#""tres_bind":"x""#, 422, Some(2115)),
        (r#""tasks":"x""#, 200, None),
        (r#""time_limit":"00:10:00""#, 500, Some(9202)),
    ] {
        let reply = site.submit("alice", fields).await;
        assert_eq!(reply.status, status, "{fields}\n{reply:?}");
        assert_eq!(reply.errors().first().map(|(number, _)| *number), error, "{fields}");
        assert!(reply.json()["job_id"].is_null(), "{fields}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_flag_is_an_error_and_no_obstacle() {
    let site = site().await;
    let reply = site.submit("alice", r#""flags":["BOGUS","SPREAD_JOB"],"hold":true"#).await;
    assert_eq!((reply.status, reply.errors()), (500, vec![(9207, "#/job/flags[0]/".to_owned())]));
    let id = u32::try_from(reply.json()["job_id"].as_u64().unwrap()).unwrap();
    assert_eq!(site.shown(id).await["flags"][0], "SPREAD_JOB");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_is_shown_again() {
    let site = site().await;
    // The rival that the singleton waits for.
    site.job("alice", r#""hold":true,"name":"n""#).await;
    let fields = r#""hold":true,"name":"n","comment":"c","tasks":2,"cpus_per_task":2,"memory_per_node":1000,
        "time_limit":{"set":true,"number":30},"time_minimum":5,"nice":10,"constraints":"fast","licenses":"matlab:2",
        "tres_per_node":"gres:gpu:1","mail_type":["END"],"mail_user":"a@b","extra":"{}","required_switches":2,
        "cpu_frequency":"performance","profile":["TASK"],"shared":["oversubscribe"],"begin_time":4000000000,
        "standard_output":"o-%j.txt","dependency":"singleton","core_specification":1,"container":"/c","network":"n",
        "wckey":"w","segment_size":3,"delay_boot":7,"tasks_per_node":2,"excluded_nodes":[],"contiguous":true"#;
    let reply = site.submit("alice", fields).await;
    assert_eq!(reply.warnings(), HELD, "{reply:?}");
    let job = site.shown(u32::try_from(reply.json()["job_id"].as_u64().unwrap()).unwrap()).await;
    let set = |number: u64| json!({"set": true, "infinite": false, "number": number});
    for (field, wanted) in [
        ("name", json!("n")),
        ("comment", json!("c")),
        ("account", json!("physics")),
        ("partition", json!("debug")),
        ("tasks", set(2)),
        ("cpus", set(4)),
        ("cpus_per_task", set(2)),
        ("memory_per_node", set(1000)),
        ("time_limit", set(30)),
        ("time_minimum", set(5)),
        ("nice", json!(10)),
        ("features", json!("fast")),
        ("licenses", json!("matlab:2")),
        ("tres_per_node", json!("gres/gpu:1")),
        ("tres_req_str", json!("cpu=4,mem=1000M,node=1,billing=4,gres/gpu=1")),
        ("mail_type", json!(["END"])),
        ("mail_user", json!("a@b")),
        ("extra", json!("{}")),
        ("required_switches", json!(2)),
        ("maximum_switch_wait_time", json!(300)),
        ("cpu_frequency_governor", set(0x8200_0000)),
        ("profile", json!(["TASK"])),
        ("shared", json!(["oversubscribe"])),
        ("start_time", set(4_000_000_000)),
        ("end_time", set(4_000_001_800)),
        ("standard_output", json!("o-%j.txt")),
        ("stdout_expanded", json!("/tmp/o-2.txt")),
        ("dependency", json!("singleton(unfulfilled)")),
        ("core_spec", json!(1)),
        ("container", json!("/c")),
        ("network", json!("n")),
        ("wckey", json!("w")),
        ("segment_size", json!(3)),
        ("delay_boot", set(7)),
        ("tasks_per_node", set(2)),
        ("contiguous", json!(true)),
        ("hold", json!(true)),
        ("priority", set(0)),
        ("state_reason", json!("JobHeldUser")),
        ("job_resources", json!(null)),
    ] {
        assert_eq!(job[field], wanted, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_and_ends() {
    let site = site().await;
    let id = site.job("alice", "").await;
    site.until(id, "RUNNING").await;
    let job = site.shown(id).await;
    assert_eq!(job["nodes"], "n1");
    assert_eq!(
        job["job_resources"]["nodes"]["allocation"][0]["sockets"][0]["cores"].as_array().unwrap().len(),
        8
    );
    assert_eq!(job["tres_alloc_str"], "cpu=1,mem=100M,node=1,billing=1");
    let refused = site.slurm("alice", "POST", &format!("job/{id}"), r#"{"tasks":4}"#).await;
    assert_eq!((refused.status, refused.errors()[0].0), (422, 2073));
    site.end(id, 3);
    site.until(id, "FAILED").await;
    let job = site.shown(id).await;
    assert_eq!(job["exit_code"]["status"], json!(["ERROR"]));
    assert_eq!(job["exit_code"]["return_code"]["number"], 3);
    assert_eq!(job["state_reason"], "NonZeroExitCode");
    let late = site.slurm("alice", "POST", &format!("job/{id}"), r#"{"name":"late"}"#).await;
    assert_eq!((late.status, late.errors()[0].0), (422, 2084));
    let again = site.slurm("alice", "DELETE", &format!("job/{id}"), "").await;
    assert_eq!((again.status, again.json()["status"][0]["error"]["code"].clone()), (200, json!(2021)));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_changed_held_and_released() {
    let site = site().await;
    let id = site.job("alice", r#""hold":true,"time_limit":10"#).await;
    let path = format!("job/{id}");
    for (user, body, status, errors) in [
        ("alice", r#"{"name":"renamed","nodes":"1","requeue":false}"#, 200, vec![]),
        ("alice", r#"{"time_limit":20}"#, 200, vec![]),
        ("alice", r#"{"time_limit":601}"#, 422, vec![2002]),
        ("alice", r#"{"time_limit":{"infinite":true}}"#, 422, vec![2002]),
        ("alice", r#"{"time_limit":"00:30:00"}"#, 500, vec![9202, 9000]),
        ("alice", r#"{"partition":"nope"}"#, 422, vec![2000]),
        ("alice", r#"{"admin_comment":"x"}"#, 422, vec![2002]),
        ("alice", r#"{"user_id":"bob"}"#, 422, vec![2010]),
        ("bob", r#"{"name":"stolen"}"#, 422, vec![2010]),
        ("alice", r#"{"network":"x"}"#, 200, vec![]),
        ("alice", r#"{"script":"x","environment":["A=C"],"job_id":5}"#, 200, vec![]),
        ("alice", r#"{"dependency":"afterok:999"}"#, 422, vec![2038]),
        ("alice", "{}", 200, vec![]),
    ] {
        let reply = site.slurm(user, "POST", &path, body).await;
        let numbers: Vec<i64> = reply.errors().into_iter().map(|(number, _)| number).collect();
        assert_eq!((reply.status, numbers), (status, errors), "{body}\n{reply:?}");
        assert!(reply.json()["results"].is_null());
    }
    let job = site.shown(id).await;
    assert_eq!(
        (&job["name"], &job["requeue"], &job["time_limit"]["number"]),
        (&json!("renamed"), &json!(false), &json!(20))
    );
    assert_eq!(site.slurm("alice", "POST", &path, r#"{"hold":false}"#).await.status, 200);
    site.until(id, "RUNNING").await;
    let task = site.slurm("alice", "POST", "job/1_2", r#"{"name":"x"}"#).await;
    assert_eq!((task.status, task.errors()[0].0), (422, 9000));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_cancelled_one_by_one_and_by_filter() {
    let site = site().await;
    for name in ["a", "a", "b"] {
        site.job("alice", &format!(r#""hold":true,"name":"{name}""#)).await;
    }
    let bobs = site.job("bob", r#""hold":true,"name":"a""#).await;
    let codes = async |user: &str, method: &str, path: &str, body: &str| {
        let reply = site.slurm(user, method, path, body).await;
        let status = reply.json()["status"].as_array().cloned().unwrap_or_default();
        (reply.status, status.iter().map(|one| one["error"]["code"].as_u64().unwrap()).collect::<Vec<_>>())
    };
    assert_eq!(codes("alice", "DELETE", "jobs", "").await, (422, vec![]));
    assert_eq!(codes("alice", "DELETE", "jobs", r#"{"user_id":"alice"}"#).await, (422, vec![]));
    assert_eq!(codes("alice", "DELETE", "jobs", r#"{"jobs":["abc"]}"#).await, (422, vec![]));
    assert_eq!(codes("alice", "DELETE", "jobs", r#"{"user_name":"stranger"}"#).await, (500, vec![]));
    // An unknown state cancels nothing; the original would cancel everything.
    assert_eq!(codes("alice", "DELETE", "jobs", r#"{"job_state":["BOGUS"]}"#).await, (500, vec![]));
    // Nor does an empty word, which no job has; a list of no states is none.
    for words in [r#"{"account":""}"#, r#"{"partition":""}"#, r#"{"reservation":""}"#, r#"{"nodes":[]}"#] {
        assert_eq!(codes("alice", "DELETE", "jobs", words).await, (200, vec![]), "{words}");
    }
    assert_eq!(codes("alice", "DELETE", "jobs", r#"{"wckey":""}"#).await, (422, vec![]));
    assert_eq!(codes("alice", "DELETE", "jobs", r#"{"job_state":[]}"#).await, (422, vec![]));
    assert_eq!(codes("alice", "DELETE", "jobs", r#"{"user_name":""}"#).await, (500, vec![]));
    assert_eq!(codes("alice", "DELETE", "jobs", r#"{"job_name":"a"}"#).await, (200, vec![2002]));
    assert_eq!(
        codes("alice", "DELETE", "jobs", &format!(r#"{{"jobs":["3","99999","{bobs}"]}}"#)).await,
        (200, vec![2017, 2002])
    );
    assert_eq!(codes("alice", "DELETE", "job/3", "").await, (200, vec![2021]));
    assert_eq!(codes("bob", "DELETE", &format!("job/{bobs}?signal=USR1"), "").await, (200, vec![2020]));
    assert_eq!(codes("bob", "DELETE", &format!("job/{bobs}?signal=0"), "").await, (200, vec![]));
    assert_eq!(site.shown(bobs).await["job_state"], json!(["CANCELLED"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_nobody_asked_for_are_gone_with_a_job_that_never_ran() {
    let site = site().await;
    for (fields, tasks) in [
        (r#""hold":true"#, None),
        (r#""hold":true,"cpus_per_task":2"#, None),
        (r#""hold":true,"tasks":1"#, Some(1)),
        (r#""hold":true,"tasks":3"#, Some(3)),
        (r#""hold":true,"tasks_per_node":2"#, Some(2)),
    ] {
        let id = site.job("alice", fields).await;
        let waiting = site.shown(id).await;
        assert!(waiting.get("job_resources").is_none(), "it has none, and its description knows no null");
        assert_eq!(waiting["tasks"]["number"], tasks.unwrap_or(1), "{fields}");
        site.slurm("alice", "DELETE", &format!("job/{id}"), "").await;
        let shown = site.shown(id).await;
        let number = tasks.unwrap_or(0);
        assert_eq!(
            shown["tasks"],
            json!({"set": tasks.is_some(), "infinite": false, "number": number}),
            "{fields}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_a_filter_are_lists() {
    let site = site().await;
    let id = site.job("alice", r#""name":"there""#).await;
    site.until(id, "RUNNING").await;
    for (nodes, meant) in [
        (json!(["n1"]), true),
        (json!(["n[1-3]"]), true),
        (json!(["zz", "n[0-9]"]), true),
        (json!("n[1-2]"), true),
        (json!(["n[2-3]"]), false),
        (json!(["ALL"]), false),
    ] {
        let reply = site.slurm("bob", "DELETE", "jobs", &json!({"nodes": nodes}).to_string()).await.json();
        assert_eq!(reply["status"][0]["error"]["code"] == 2002, meant, "{nodes} {reply}");
    }
    let many = json!({"nodes": vec!["n[0-65535]"; 10_000]}).to_string();
    let reply = site.slurm("bob", "DELETE", "jobs", &many).await;
    assert_eq!((reply.status, reply.errors()[0].0), (422, 2018));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_name_of_a_job_has_a_number() {
    let site = site().await;
    for (name, number) in
        [("", 2136), ("-1", 2138), ("1,2", 2140), ("1_*", 2144), ("1+x", 2149), ("1.x", 2153)]
    {
        let reply = site.slurm("alice", "DELETE", "jobs", &json!({"jobs": [name]}).to_string()).await;
        assert_eq!((reply.status, reply.errors()[0].0), (422, number), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_job_that_does_not_pass_the_filter_is_told_of() {
    let site = site().await;
    let id = site.job("alice", r#""hold":true,"name":"zz","wckey":"w1""#).await;
    for (filter, why) in [
        (json!({"account": "x", "job_name": "y"}), "account physics != filter account x"),
        (json!({"job_name": "y"}), "name zz != filter name y"),
        (json!({"partition": "long"}), "partition debug does not include filter partition long"),
        (json!({"qos": "x"}), "qos normal != filter qos x"),
        (json!({"reservation": "x"}), "reservation (null) does not include filter reservation x"),
        (json!({"job_state": ["RUNNING"]}), "state PENDING != filter state RUNNING"),
        (json!({"user_name": "bob"}), "user id 2001 != filter user id 2002"),
        (json!({"wckey": "x"}), "wckey w1 != filter wckey x"),
        (json!({"nodes": ["n4"]}), "does not have nodes but filter has nodes n4"),
    ] {
        let mut body = filter;
        body["jobs"] = json!([id.to_string()]);
        let reply = site.slurm("alice", "DELETE", "jobs", &body.to_string()).await.json();
        let error = &reply["status"][0]["error"];
        assert_eq!((&error["code"], &error["string"]), (&json!(2172), &json!("Cannot signal job")), "{body}");
        assert_eq!(error["message"], format!("Job {why}: Cannot signal job"));
    }
    let told = site.slurm("alice", "DELETE", &format!("job/{id}?flags=VERBOSE"), "").await.json();
    assert_eq!(
        told["status"][0]["error"],
        json!({"string": "No error", "code": 0, "message": ""}),
        "whoever asks for it hears of success, too"
    );
    assert_eq!(told["status"][0]["step_id"], id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn arrays_are_one_record_until_their_tasks_start() {
    let site = site().await;
    let id = site.job("alice", r#""array":"0-6:2%3","hold":true"#).await;
    let job = site.shown(id).await;
    assert_eq!(job["array_task_string"], "0,2,4,6%3");
    assert_eq!(job["array_max_tasks"]["number"], 3);
    let states = site.slurm("alice", "GET", &format!("jobs/state?job_id={id}_4"), "").await.json();
    assert_eq!(states["jobs"].as_array().unwrap().len(), 1);
    let task = &states["jobs"][0];
    assert_eq!(
        (task["array_job_id"]["number"].as_u64(), &task["array_task_id"]["number"]),
        (Some(id.into()), &json!(4))
    );
    assert_eq!((&task["state"], &task["job_state"]), (&json!(["PENDING"]), &json!(["PENDING"])));
    assert_eq!(site.slurm("alice", "DELETE", &format!("job/{id}_4"), "").await.json()["status"], json!([]));
    assert_eq!(site.shown(id).await["array_task_string"], "0,2,6%3");
    assert_eq!(site.slurm("alice", "POST", &format!("job/{id}"), r#"{"array":"%1"}"#).await.status, 200);
    assert_eq!(site.shown(id).await["array_task_string"], "0,2,6%1");
    assert_eq!(site.slurm("alice", "POST", &format!("job/{id}"), r#"{"array":"2"}"#).await.status, 200);
    assert_eq!(site.shown(id).await["array_task_string"], "0,2,6%2");
    let gone = site.slurm("alice", "DELETE", &format!("job/{id}_4"), "").await.json();
    assert_eq!(gone["status"][0]["step_id"], format!("{id}_4"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allocation_is_answered_when_it_has_started_and_given_up_with_its_caller() {
    let site = site().await;
    let reply =
        site.slurm("alice", "POST", "job/allocate", r#"{"job":{"current_working_directory":"/tmp"}}"#).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let id = u32::try_from(reply.json()["job_id"].as_u64().unwrap()).unwrap();
    assert_eq!(site.shown(id).await["batch_flag"], false);
    assert_eq!(site.slurm("alice", "POST", "job/allocate", "{}").await.errors()[0].0, 9000);
    let body = r#"{"job":{"current_working_directory":"/tmp","hold":true}}"#;
    let waiting = site.slurm("alice", "POST", "job/allocate", body);
    // Nobody waits that long: the caller goes away, and the allocation with it.
    assert!(tokio::time::timeout(std::time::Duration::from_millis(300), waiting).await.is_err());
    site.until(id + 1, "CANCELLED").await;
}
