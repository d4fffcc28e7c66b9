//! What can be changed of a job, by whom and when: the answers of Slurm 26.05 to the same questions, field by field, for
//! jobs that are held, that run and that have ended.

use super::harness::{Site, site};
use serde_json::{Value as Json, json};

/// A change, and the numbers it is refused with where the job is held and where it runs, asked by its owner; empty if it
/// is taken.
const BY_OWNER: [(&str, &[i64], &[i64]); 65] = [
    // What is taken and changes nothing.
    (r#"{"flags":["KILL_INVALID_DEPENDENCY"]}"#, &[], &[]),
    (r#"{"profile":["ENERGY"],"distribution":"cyclic","cpu_frequency":"low"}"#, &[], &[]),
    (r#"{"x11":["BATCH_NODE"],"x11_target_host":"h"}"#, &[], &[]),
    (r#"{"rlimits":{"cpu":{"set":true,"number":9}},"container":"/c","batch_features":"fast"}"#, &[], &[]),
    (r#"{"kill_warning_signal":"USR1","kill_warning_delay":30}"#, &[], &[]),
    (r#"{"tasks_per_core":1,"tasks_per_board":2,"overcommit":true,"oom_kill_step":1}"#, &[], &[]),
    (r#"{"tasks":0,"environment":["A=1"],"script":"x","argv":["a"]}"#, &[], &[]),
    (r#"{"mcs_label":"m"}"#, &[], &[2073]),
    (r#"{"qos":"nope"}"#, &[], &[]),
    // What is taken at any time.
    (r#"{"name":"n","comment":"c","extra":"e","requeue":false}"#, &[], &[]),
    (r#"{"tres_bind":"gres/gpu:closest","tres_freq":"gpu:low","network":"ib"}"#, &[], &[]),
    (r#"{"open_mode":["APPEND"],"delay_boot":5}"#, &[], &[]),
    (r#"{"required_switches":1}"#, &[], &[]),
    (r#"{"wait_for_switch":60}"#, &[], &[]),
    (r#"{"mail_type":["END"],"mail_user":"a@b"}"#, &[], &[]),
    (r#"{"nice":50}"#, &[], &[]),
    (r#"{"reservation":""}"#, &[], &[]),
    (r#"{"licenses":""}"#, &[], &[]),
    (r#"{"time_limit":5}"#, &[], &[]),
    // What nobody can say here, or not like this.
    (r#"{"clusters":"tests"}"#, &[-1], &[-1]),
    (r#"{"cluster_constraint":"x"}"#, &[-1], &[-1]),
    (r##"{"burst_buffer":"#BB x"}"##, &[2036], &[2036]),
    (r#"{"array":"%2"}"#, &[], &[]),
    (r#"{"reservation":"nope"}"#, &[2053], &[2053]),
    (r#"{"licenses":"nope:1"}"#, &[2048], &[2048]),
    (r#"{"licenses":"matlab:11"}"#, &[2048], &[2048]),
    // What its owner cannot say.
    (r#"{"user_id":"alice"}"#, &[2010], &[2010]),
    (r#"{"admin_comment":"x"}"#, &[2002], &[2002]),
    (r#"{"reboot":true}"#, &[2002], &[2002]),
    (r#"{"nice":-50}"#, &[2002], &[2002]),
    (r#"{"time_limit":1000}"#, &[2002], &[2002]),
    (r#"{"deadline":"now+2days"}"#, &[2002], &[]),
    (r#"{"tasks_per_node":2}"#, &[2002], &[2073]),
    (r#"{"tasks_per_socket":2}"#, &[2002], &[2073]),
    (r#"{"shared":["none"]}"#, &[2002], &[2073]),
    (r#"{"contiguous":true}"#, &[2002], &[2073]),
    (r#"{"core_specification":1}"#, &[2002], &[2073]),
    (r#"{"thread_specification":1}"#, &[2002], &[2073]),
    (r#"{"priority":77}"#, &[2042], &[2095]),
    (r#"{"licenses":"matlab:1"}"#, &[], &[2002]),
    // What is said before it starts.
    (r#"{"sockets_per_node":1}"#, &[], &[2073]),
    (r#"{"threads_per_core":1}"#, &[], &[2073]),
    (r#"{"cpus_per_tres":"gres/gpu:2"}"#, &[2072], &[2073]),
    (r#"{"memory_per_tres":"gres/gpu:20"}"#, &[2072], &[2073]),
    (r#"{"tres_per_node":"gres/nope:1"}"#, &[2072], &[2073]),
    (r#"{"tres_per_node":"gres/gpu:1"}"#, &[], &[2073]),
    (r#"{"constraints":"nope"}"#, &[2029], &[2073]),
    (r#"{"prefer":"nope"}"#, &[2133], &[2073]),
    (r#"{"partition":""}"#, &[], &[2073]),
    (r#"{"partition":"nope"}"#, &[2000], &[2073]),
    (r#"{"dependency":"foo"}"#, &[2038], &[2073]),
    (r#"{"time_minimum":500}"#, &[2124], &[]),
    (r#"{"wckey":"w"}"#, &[], &[2073]),
    (r#"{"account":"physics"}"#, &[], &[2073]),
    (r#"{"required_nodes":["n1"]}"#, &[], &[]),
    (r#"{"required_nodes":["n1","n2"]}"#, &[2018], &[2018]),
    (r#"{"minimum_nodes":1,"maximum_nodes":2}"#, &[], &[2073]),
    (r#"{"minimum_nodes":0}"#, &[], &[2006]),
    (r#"{"nodes":"2"}"#, &[], &[2036]),
    (r#"{"tasks":2}"#, &[], &[2073]),
    (r#"{"tasks":1000}"#, &[2015], &[2073]),
    (r#"{"minimum_cpus_per_node":99}"#, &[2015], &[2073]),
    (r#"{"memory_per_node":500}"#, &[], &[2186]),
    // And after.
    (r#"{"end_time":"now+1hour"}"#, &[2085], &[2002]),
    (r#"{"end_time":"now-1hour"}"#, &[2085], &[2054]),
];

async fn check(site: &Site, user: &str, id: u32, body: &str, wanted: &[i64]) {
    let reply = site.slurm(user, "POST", &format!("job/{id}"), body).await;
    let numbers: Vec<i64> = reply.errors().into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, wanted, "{user} {body}: {reply:?}");
    let status = match wanted.first() {
        None => 200,
        Some(-1 | 2186) => 500,
        Some(_) => 422,
    };
    assert_eq!(reply.status, status, "{user} {body}");
    assert!(reply.json()["results"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_is_taken_or_refused_as_the_job_stands() {
    let site = site().await;
    let running = site.job("alice", r#""time_limit":10"#).await;
    site.until(running, "RUNNING").await;
    for (body, held, runs) in BY_OWNER {
        let job = site.job("alice", r#""hold":true,"time_limit":10"#).await;
        check(&site, "alice", job, body, held).await;
        check(&site, "alice", running, body, runs).await;
        // Nobody else may, whatever it is; but what cannot be is told first.
        let others = if held == [2036] { 2036 } else { 2010 };
        check(&site, "bob", job, body, &[others]).await;
        assert_eq!(site.slurm("alice", "DELETE", &format!("job/{job}"), "").await.status, 200);
    }
    site.end(running, 0);
    site.until(running, "COMPLETED").await;
    for (body, ..) in BY_OWNER.iter().filter(|(_, held, runs)| held.is_empty() && runs.is_empty()) {
        check(&site, "alice", running, body, &[2084]).await;
    }
    check(&site, "alice", running, "{}", &[2084]).await;
    check(&site, "bob", running, "{}", &[2010]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_is_shown() {
    let site = site().await;
    let held = site.job("alice", r#""hold":true,"time_limit":10,"tres_per_node":"gres/gpu:1""#).await;
    let set = |number: i64| json!({"set": true, "infinite": false, "number": number});
    for (user, body, field, wanted) in [
        ("alice", json!({"tres_bind": "gres/gpu:closest"}), "tres_bind", json!("gres/gpu:closest")),
        ("alice", json!({"tres_freq": "gpu:low"}), "tres_freq", json!("gpu:low")),
        ("alice", json!({"network": "ib"}), "network", json!("ib")),
        ("alice", json!({"sockets_per_node": 1}), "sockets_per_node", set(1)),
        ("alice", json!({"threads_per_core": 1}), "threads_per_core", set(1)),
        ("alice", json!({"cpus_per_tres": "gres/gpu:2"}), "cpus_per_tres", json!("gres/gpu:2")),
        ("alice", json!({"memory_per_tres": "gres/gpu:20"}), "memory_per_tres", json!("gres/gpu:20")),
        ("alice", json!({"wait_for_switch": 60}), "maximum_switch_wait_time", json!(60)),
        ("alice", json!({"delay_boot": 5}), "delay_boot", set(5)),
        ("alice", json!({"partition": "idle"}), "partition", json!("idle")),
        ("alice", json!({"partition": ""}), "partition", json!("debug")),
        ("alice", json!({"minimum_cpus_per_node": 2}), "cpus", set(2)),
        ("root", json!({"tasks_per_socket": 2}), "tasks_per_socket", set(2)),
        ("root", json!({"reboot": true}), "reboot", json!(true)),
        // An infinite priority releases.
        ("alice", json!({"priority": {"set": true, "infinite": true}}), "hold", json!(false)),
    ] {
        check(&site, user, held, &body.to_string(), &[]).await;
        assert_eq!(site.shown(held).await[field], wanted, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_runs_is_given_another_end_and_other_licences() {
    let site = site().await;
    let id = site.job("alice", r#""time_limit":10"#).await;
    site.until(id, "RUNNING").await;
    let started = site.shown(id).await["start_time"]["number"].as_i64().unwrap();
    check(&site, "alice", id, &json!({"end_time": started + 330}).to_string(), &[]).await;
    let job = site.shown(id).await;
    assert_eq!(
        (&job["end_time"]["number"], &job["time_limit"]["number"]),
        (&json!(started + 330), &json!(6))
    );
    check(&site, "alice", id, &json!({"end_time": started + 900}).to_string(), &[2002]).await;
    check(&site, "root", id, &json!({"end_time": started + 900}).to_string(), &[]).await;
    assert_eq!(site.shown(id).await["time_limit"]["number"], 15);
    check(&site, "root", id, r#"{"time_limit":{"set":true,"infinite":true}}"#, &[]).await;
    assert_eq!(site.shown(id).await["end_time"]["number"], started + 365 * 86_400);
    check(&site, "root", id, r#"{"licenses":"matlab:4"}"#, &[]).await;
    let shown = |job: Json| (job["licenses"].clone(), job["licenses_allocated"].clone());
    assert_eq!(shown(site.shown(id).await), (json!("matlab:4"), json!("matlab:4")));
    let other = site.job("bob", r#""licenses":"matlab:6""#).await;
    site.until(other, "RUNNING").await;
    // Nobody gets what somebody else has.
    check(&site, "root", id, r#"{"licenses":"matlab:11"}"#, &[2048]).await;
    check(&site, "root", id, r#"{"licenses":""}"#, &[]).await;
    assert_eq!(shown(site.shown(id).await), (json!(""), json!("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_held_while_it_runs() {
    let site = site().await;
    let id = site.job("alice", "").await;
    site.until(id, "RUNNING").await;
    check(&site, "alice", id, r#"{"hold":true}"#, &[]).await;
    let job = site.shown(id).await;
    let standing = (&job["hold"], &job["state_reason"], &job["priority"]["number"], &job["job_state"][0]);
    assert_eq!(standing, (&json!(true), &json!("JobHeldUser"), &json!(0), &json!("RUNNING")));
    check(&site, "alice", id, r#"{"hold":false}"#, &[]).await;
    let job = site.shown(id).await;
    assert_eq!((&job["hold"], &job["state_reason"]), (&json!(false), &json!("None")));
    assert!(job["priority"]["number"].as_i64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_job_waited_is_told_after_it_was_cancelled() {
    let site = site().await;
    let id = site.job("alice", r#""partition":"idle""#).await;
    assert_eq!(site.shown(id).await["state_reason"], "PartitionDown");
    assert_eq!(site.slurm("alice", "DELETE", &format!("job/{id}"), "").await.status, 200);
    let job = site.shown(id).await;
    assert_eq!((&job["job_state"], &job["state_reason"]), (&json!(["CANCELLED"]), &json!("PartitionDown")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_holds_while_it_runs_only_an_operator_releases() {
    let site = site().await;
    let id = site.job("alice", "").await;
    site.until(id, "RUNNING").await;
    let standing = async || {
        let job = site.shown(id).await;
        (job["state_reason"].as_str().unwrap().to_owned(), job["priority"]["number"].as_i64().unwrap() > 0)
    };
    let (by_admin, by_user) = (("JobHeldAdmin".to_owned(), false), ("JobHeldUser".to_owned(), false));
    check(&site, "alice", id, r#"{"hold":true}"#, &[]).await;
    assert_eq!(standing().await, by_user);
    check(&site, "root", id, r#"{"hold":true}"#, &[]).await;
    assert_eq!(standing().await, by_admin);
    check(&site, "alice", id, r#"{"hold":false}"#, &[2002]).await;
    check(&site, "alice", id, r#"{"hold":true}"#, &[]).await;
    check(&site, "root", id, r#"{"priority":77}"#, &[2042]).await;
    assert_eq!(standing().await, by_admin);
    // It stays when the job goes back into the queue.
    let requeued = site.ask("alice", "GET", &format!("/slurm/v0.0.45/job/{id}/requeue"), "").await;
    assert_eq!(requeued.status, 200, "{requeued:?}");
    site.end(id, 0);
    site.until(id, "PENDING").await;
    site.until_settled(id).await;
    assert_eq!(standing().await, by_admin);
    check(&site, "alice", id, r#"{"hold":false}"#, &[2002]).await;
    check(&site, "root", id, r#"{"hold":false}"#, &[]).await;
    site.until(id, "RUNNING").await;
    assert_eq!(standing().await, ("None".to_owned(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_follow_from_gpus_where_nobody_asked_for_a_number() {
    let site = site().await;
    for (fields, body, tasks) in [
        (r#""tres_per_job":"gres/gpu:2""#, r#"{"ntasks_per_tres":2}"#, 4),
        (r#""tres_per_node":"gres/gpu:1""#, r#"{"ntasks_per_tres":3}"#, 3),
        (r#""tres_per_job":"gres/gpu:1""#, r#"{"tres_per_job":"gres/gpu:2","ntasks_per_tres":2}"#, 4),
        (r#""tasks":2,"tres_per_job":"gres/gpu:2""#, r#"{"ntasks_per_tres":2}"#, 2),
        (r#""tasks":3"#, r#"{"ntasks_per_tres":2}"#, 3),
        ("\"name\":\"n\"", r#"{"ntasks_per_tres":0}"#, 1),
    ] {
        let id = site.job("alice", &format!("\"hold\":true,{fields}")).await;
        check(&site, "alice", id, body, &[]).await;
        assert_eq!(site.shown(id).await["tasks"]["number"], tasks, "{fields} {body}");
    }
    let runs = site.job("alice", r#""tres_per_job":"gres/gpu:1""#).await;
    site.until(runs, "RUNNING").await;
    check(&site, "alice", runs, r#"{"ntasks_per_tres":2}"#, &[2073]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_is_over_is_refused_as_a_whole() {
    let site = site().await;
    let array = site.job("alice", r#""array":"1-3","hold":true"#).await;
    check(&site, "alice", array, r#"{"time_limit":5000}"#, &[2002]).await;
    assert_eq!(site.slurm("alice", "DELETE", &format!("job/{array}_2"), "").await.status, 200);
    assert_eq!(site.slurm("alice", "DELETE", &format!("job/{array}"), "").await.status, 200);
    for body in [r#"{"comment":"x"}"#, "{}", r#"{"hold":true}"#] {
        check(&site, "alice", array, body, &[2084]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_wait_are_told_of_by_one_name() {
    let site = site().await;
    let array = site.job("alice", r#""array":"1-9","hold":true"#).await;
    let told = async |names: Json, more: Json| -> Vec<(Option<i64>, String, i64)> {
        let mut body = json!({"jobs": names});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = site.slurm("alice", "DELETE", "jobs/", &body.to_string()).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let entry = |entry: &Json| {
            let id = &entry["job_id"];
            let id = (id["set"] == true).then(|| id["number"].as_i64().unwrap());
            (id, entry["step_id"].as_str().unwrap().to_owned(), entry["error"]["code"].as_i64().unwrap())
        };
        reply.json()["status"].as_array().unwrap().iter().map(entry).collect()
    };
    let signal = || json!({"signal": "USR2"});
    let of = |tasks: &str| format!("{array}_{tasks}");
    let whose = Some(i64::from(array));
    for (name, wanted) in [
        (array.to_string(), vec![(whose, array.to_string(), 2020)]),
        (of("2"), vec![(whose, of("[2]"), 2020)]),
        (of("[2-4,7]"), vec![(whose, of("[2-4,7]"), 2020)]),
        (of("99"), vec![(None, of("99"), 2017)]),
        (of("[2,98-99]"), vec![(None, of("[98-99]"), 2017), (whose, of("[2]"), 2020)]),
    ] {
        assert_eq!(told(json!([name]), signal()).await, wanted, "{name}");
    }
    let verbose = || json!({"flags": ["VERBOSE"]});
    assert_eq!(told(json!([of("[2-4]")]), verbose()).await, [(whose, of("[2-4]"), 0)]);
    assert_eq!(site.shown(array).await["array_task_string"], "1,5-9");
    // The same among many names, each its own.
    let names = json!([of("1"), of("3"), of("[5-6]"), "4000000", of("1")]);
    let each = [
        (whose, of("[1]"), 0),
        (None, of("3"), 2017),
        (whose, of("[5-6]"), 0),
        (None, "4000000".into(), 2017),
    ];
    assert_eq!(told(names, verbose()).await, each);
    assert_eq!(site.shown(array).await["array_task_string"], "7-9");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_request_that_names_too_much() {
    let site = site().await;
    for _ in 0..20 {
        site.job("alice", r#""array":"1-3","hold":true"#).await;
    }
    let names =
        |count: u32| (0..count).map(|number| format!("\"{}\"", number + 1)).collect::<Vec<_>>().join(",");
    let begun = std::time::Instant::now();
    let many = site.slurm("bob", "DELETE", "jobs/", &format!("{{\"jobs\":[{}]}}", names(100_000))).await;
    assert_eq!((many.status, many.json()["status"].as_array().unwrap().len()), (200, 100_000));
    let refused = site.slurm("bob", "DELETE", "jobs/", &format!("{{\"jobs\":[{}]}}", names(100_001))).await;
    assert_eq!((refused.status, refused.errors()), (422, vec![(9000, "slurm_kill_jobs()".to_owned())]));
    let numbers = |count: usize| format!("{{\"jobs\":[{}1]}}", "1,".repeat(count));
    let values = site.slurm("bob", "DELETE", "jobs/", &numbers(2_000_000)).await;
    assert_eq!((values.status, values.body.as_str()), (413, "HTTP body has too many values to process"));
    // More of them may be in a document that is as long as what means something.
    let long = format!("{{\"jobs\":[{}\"10000000\"]}}", "\"10000000\",".repeat(2_000_000));
    assert_eq!(site.slurm("bob", "DELETE", "jobs/", &long).await.status, 200);
    let few = site.slurm("bob", "DELETE", "jobs/", &numbers(1_000_000)).await;
    assert_eq!(few.status, 200, "{}", &few.body[..200]);
    // Nothing of this is more than a walk along what was sent; how long that may take is nobody's business here.
    assert!(begun.elapsed() < std::time::Duration::from_secs(60));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_the_steps_alone_does_not_end_the_job() {
    let site = site().await;
    let id = site.job("alice", "").await;
    site.until(id, "RUNNING").await;
    for more in ["", r#","signal":"KILL""#, r#","signal":"USR1""#] {
        let body = format!(r#"{{"jobs":["{id}"],"flags":["FULL_STEPS_ONLY"]{more}}}"#);
        let reply = site.slurm("alice", "DELETE", "jobs/", &body).await;
        assert_eq!((reply.status, &reply.json()["status"]), (200, &json!([])), "{body}");
        assert_eq!(site.shown(id).await["job_state"], json!(["RUNNING"]), "{body}");
    }
    let waits = site.job("alice", r#""hold":true"#).await;
    let path = format!("job/{waits}?flags=FULL_STEPS_ONLY");
    assert_eq!(site.slurm("alice", "DELETE", &path, "").await.status, 200);
    assert_eq!(site.shown(waits).await["job_state"], json!(["CANCELLED"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_alone_is_killed_where_it_is_named() {
    let site = site().await;
    let of_many = |id: u32, more: &str| format!(r#"{{"jobs":["{id}"],"flags":["BATCH_JOB"]{more}}}"#);
    for more in ["", r#","signal":"KILL""#, r#","signal":"0""#] {
        let id = site.job("alice", "").await;
        site.until(id, "RUNNING").await;
        let reply = site.slurm("alice", "DELETE", "jobs/", &of_many(id, more)).await;
        assert_eq!((reply.status, &reply.json()["status"]), (200, &json!([])), "{more}");
        // It ends when its script has, as one that a signal killed; the engine here never says so.
        assert_eq!(site.shown(id).await["job_state"], json!(["RUNNING"]), "{more}");
    }
    let path = |id: u32, more: &str| format!("job/{id}?flags=BATCH_JOB{more}");
    let runs = site.job("alice", "").await;
    site.until(runs, "RUNNING").await;
    assert_eq!(site.slurm("alice", "DELETE", &path(runs, "&signal=9"), "").await.status, 200);
    assert_eq!(site.shown(runs).await["job_state"], json!(["RUNNING"]));
    let waits = site.job("alice", r#""hold":true"#).await;
    assert_eq!(site.slurm("alice", "DELETE", &path(waits, ""), "").await.status, 200);
    assert_eq!(site.shown(waits).await["job_state"], json!(["CANCELLED"]));
}
