//! Jobs that are over.

use super::world::{World, owner};
use domain::service::Action;
use serde_json::{Value, json};

fn ids(page: &Value) -> Vec<u64> {
    page["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].as_u64().unwrap()).collect()
}

/// Seven jobs, one every ten seconds, ended with these codes.
async fn seven() -> World {
    let world = World::new().await;
    for at in 0..7_u8 {
        let job = world.submit(|submission| {
            if at % 2 == 1 {
                submission.spec.owner = owner("bob");
                submission.spec.name = "odd one".into();
            }
        });
        let job = job.await;
        world.advance(10);
        world.end(job, at / 5).await;
    }
    world
}

#[tokio::test]
async fn an_attempt_is_told_in_full() {
    let world = World::new().await;
    let job = world.submit(|_| {}).await;
    world.advance(90);
    world.end(job, 0).await;
    let page = world.get("bob", "history").await.json();
    let dir = world.dir.path().to_str().unwrap();
    let out = format!("{dir}/slurm-1.out");
    let wanted = json!({ "next": null, "jobs": [{
        "job_id": 1, "array_job_id": null, "array_task_id": null, "het_job_id": null, "het_job_offset": null, "attempt": 0,
        "name": "test", "user": "alice", "uid": 54_001, "account": page["jobs"][0]["account"],
        "partition": "debug", "qos": page["jobs"][0]["qos"], "state": "COMPLETED", "reason": "None",
        "exit_code": 0, "signal": null,
        "submitted": 1_800_000_000.0, "started": 1_800_000_000.0, "ended": 1_800_000_090.0, "elapsed": 90.0,
        "time_limit_minutes": 60, "nodes": "n1", "node_count": 1, "cpus": 0, "memory_mb": 10,
        "user_seconds": 0.0, "system_seconds": 0.0, "max_rss_kb": 0,
        "peak_memory_kb": null, "read_bytes": 0, "written_bytes": 0, "energy_joules": null, "remark": "",
        "comment": "", "work_dir": dir, "stdout": out, "stderr": out,
    }]});
    assert_eq!(page, wanted);
}

#[tokio::test]
async fn history_is_filtered() {
    let world = seven().await;
    let check = async |query: &str, wanted: &[u64]| {
        let page = world.get("alice", &format!("history?{query}")).await.json();
        assert_eq!((ids(&page), &page["next"]), (wanted.to_vec(), &Value::Null), "{query}");
    };
    check("", &[7, 6, 5, 4, 3, 2, 1]).await;
    check("user=bob", &[6, 4, 2]).await;
    check("user=54002&state=failed", &[6]).await;
    check("state=FAILED,timeout", &[7, 6]).await;
    check("name=odd+one", &[6, 4, 2]).await;
    check("name=odd%20one&since=1800000030", &[6, 4]).await;
    check("since=1800000020&until=2027-01-15T08:00:40Z", &[3, 2]).await;
    check("since=now-10seconds", &[7, 6]).await;
}

#[tokio::test]
async fn pages_follow_one_another() {
    let world = seven().await;
    let mut seen = Vec::new();
    let mut query = "history?limit=3".to_owned();
    let mut pages = 0;
    loop {
        let page = world.get("alice", &query).await.json();
        seen.extend(ids(&page));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => query = format!("history?limit=3&after={next}"),
            None => break,
        }
    }
    assert_eq!((seen, pages), (vec![7, 6, 5, 4, 3, 2, 1], 3));
    let exact = world.get("alice", "history?limit=7").await.json();
    assert_eq!(exact["next"], Value::Null);
}

#[tokio::test]
async fn bad_values_are_named() {
    let world = World::new().await;
    for (query, error) in [
        ("limit=0", "limit: expected a number from 1 to 10000"),
        ("limit=10001", "limit: expected a number from 1 to 10000"),
        ("after=x", "after: expected what the last page gave as next"),
        ("user=nobody%20I%20know", "user: nobody is called nobody I know"),
        ("since=soon-ish", "since: expected a time such as 2026-05-01T12:00:00, 1777636800 or now-2days"),
        ("until=", "until: has no value"),
        ("name", "name: has no value"),
        ("user=alice&user=bob", "user: given twice"),
        (
            "color=red",
            "color: no such parameter; known are user, account, name, partition, state, since, until, \
          limit, after, steps",
        ),
        (
            "state=RUNNING",
            "state: \"RUNNING\" is not how a job ends; known are COMPLETED, FAILED, CANCELLED, TIMEOUT, \
          NODE_FAIL, OUT_OF_MEMORY, DEADLINE, PREEMPTED, REQUEUED, RESIZING",
        ),
    ] {
        let refused = world.get("alice", &format!("history?{query}")).await;
        assert_eq!(refused.refusal(), (422, error.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn all_attempts_of_a_job_and_all_tasks_of_an_array_are_told() {
    let world = World::new().await;
    let job = world.submit(|_| {}).await;
    world.act(job, Action::Requeue { hold: false, special: false }).await;
    world.end(job, 0).await;
    let array = world.submit(|submission| submission.array = "0-1".into()).await;
    world.end(job, 0).await;
    let attempts = world.get("bob", "history/1").await.json();
    let attempts = attempts["jobs"].as_array().unwrap();
    assert_eq!(attempts.iter().map(|job| job["attempt"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1]);
    for task in 0..2 {
        world.end(world.task(array, task).id, 0).await;
    }
    let tasks = world.get("bob", &format!("history/{array}")).await.json();
    assert_eq!(tasks["jobs"].as_array().unwrap().len(), 2);
    let task = world.get("bob", &format!("history/{array}_1")).await.json();
    assert_eq!(task["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(task["jobs"][0]["array_task_id"], 1);
    assert_eq!(world.get("bob", "history/99").await.refusal(), (404, "no job 99".to_owned()));
    assert_eq!(world.get("bob", "history/x").await.status, 422);
}
