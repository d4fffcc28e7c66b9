//! What can be changed of a job, by whom and when: the answers of Slurm 26.05 to the same questions, field by field, for
//! jobs that are held, that run and that have ended.

use super::harness::{Site, site};
use serde_json::{Value as Json, json};

/// A change, and the numbers it is refused with where the job is held and where it runs, asked by its owner; empty if it
/// is taken.
const BY_OWNER: [(&str, &[i64], &[i64]); 62] = [
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
    (r#"{"required_nodes":["n1"]}"#, &[], &[2018]),
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
