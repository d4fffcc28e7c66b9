//! Server-sent events.

use super::world::{World, owner};
use domain::cluster::Limits;
use domain::job::{Exit, Reason};
use domain::service::{StateChange, StateWord};
use domain::{ChangeId, JobId, Timestamp};
use serde_json::json;

#[tokio::test]
async fn a_jobs_life_is_told() {
    let world = World::new().await;
    let mut open = world.begin("bob", "events").await;
    assert_eq!(open.header("Content-Type"), Some("text/event-stream"));
    assert_eq!((open.line().await, open.line().await), (": connected\n".into(), "retry: 1000\n".into()));
    let job = world.submit(|_| {}).await;
    world.end(job, 3).await;
    let (first, name, data) = open.event().await;
    assert_eq!(name, "job");
    let wanted = json!({
        "job_id": 1, "name": "test", "user": "alice", "to": "PENDING", "reason": "None", "at": 1_800_000_000.0,
    });
    assert_eq!(data, wanted);
    let (second, _, data) = open.event().await;
    assert_eq!((data["from"].clone(), data["to"].clone()), (json!("PENDING"), json!("RUNNING")));
    let (third, _, data) = open.event().await;
    assert_eq!((data["from"].clone(), data["to"].clone()), (json!("RUNNING"), json!("FAILED")));
    assert_eq!((data["exit_code"].clone(), data["reason"].clone()), (json!(3), json!("NonZeroExitCode")));
    assert_eq!((second, third), (first + 1, first + 2));
}

#[tokio::test]
async fn a_reader_resumes_where_it_left_off() {
    let world = World::new().await;
    let job = world.submit(|_| {}).await;
    world.end(job, 0).await;
    let mut open = world.begin("alice", "events?after=1").await;
    assert_eq!(open.event().await.0, 2);
    // What a client that reconnects by itself has seen counts for more than its first request.
    let token = world.token("alice", 0);
    let headers = [("X-SLURM-USER-TOKEN", token.as_str()), ("Last-Event-ID", "2")];
    let mut open = world.send("GET", "events?after=0", &headers, "").await;
    let (id, _, data) = open.event().await;
    assert_eq!((id, data["to"].clone()), (3, json!("COMPLETED")));
    // Without either, from now on.
    let mut open = world.begin("alice", "events").await;
    world.submit(|_| {}).await;
    assert_eq!(open.event().await.0, 4);
}

#[tokio::test]
async fn a_gap_is_told_and_reading_goes_on() {
    let remembered = (7..=9).map(|id| StateChange {
        id: ChangeId(id),
        at: Timestamp::EPOCH,
        job: JobId(1),
        task: None,
        het: None,
        name: "old".into(),
        user: owner("alice").name,
        from: None,
        to: StateWord::Pending,
        reason: Reason::None,
        exit: Exit::None,
    });
    let world = World::with(Limits::default(), remembered.collect()).await;
    let mut open = world.begin("alice", "events?after=2").await;
    assert_eq!(open.event().await, (6, "gap".to_owned(), json!({ "oldest": 7 })));
    for id in 7..=9 {
        assert_eq!(open.event().await.0, id);
    }
    let mut open = world.begin("alice", "events?after=6").await;
    assert_eq!(open.event().await.0, 7);
    // A number that was never given.
    let mut open = world.begin("alice", "events?after=1000").await;
    assert_eq!(open.event().await, (9, "gap".to_owned(), json!({ "oldest": 10 })));
    world.submit(|_| {}).await;
    assert_eq!(open.event().await.0, 10);
}

#[tokio::test]
async fn events_are_filtered() {
    let world = World::new().await;
    world.submit(|_| {}).await;
    world.submit(|submission| submission.spec.owner = owner("bob")).await;
    let array = world.submit(|submission| submission.array = "0-1".into()).await;
    let last = world.service.snapshot().change.0;
    let check = async |query: &str, matches: &dyn Fn(&serde_json::Value) -> bool| {
        let mut open = world.begin("alice", &format!("events?after=0&{query}")).await;
        let mut everything = world.begin("alice", "events?after=0").await;
        let mut wanted = Vec::new();
        loop {
            let (id, _, data) = everything.event().await;
            if matches(&data) {
                wanted.push(id);
            }
            if id >= last {
                break;
            }
        }
        assert!(!wanted.is_empty(), "{query}");
        for id in wanted {
            assert_eq!(open.event().await.0, id, "{query}");
        }
    };
    check("user=bob", &|data| data["user"] == "bob").await;
    check("job_id=1", &|data| data["job_id"] == 1).await;
    check("job_id=3", &|data| data["job_id"] == 3 || data["array_job_id"] == array.0).await;
    check("job_id=3_1", &|data| data["array_task_id"] == 1).await;
}

#[tokio::test]
async fn bad_wishes_are_named() {
    let world = World::new().await;
    for (query, error) in [
        ("after=x", "after: expected a number from 0 to 18446744073709551615"),
        ("job_id=x", "job_id: expected the number of a job, such as 12, 12_3 or 12+1"),
        ("user=", "user: has no value"),
        ("state=x", "state: no such parameter; known are after, job_id, user"),
    ] {
        let refused = world.get("alice", &format!("events?{query}")).await;
        assert_eq!(refused.refusal(), (422, error.to_owned()));
    }
    let token = world.token("alice", 0);
    let headers = [("X-SLURM-USER-TOKEN", token.as_str()), ("Last-Event-ID", "x")];
    let refused = world.send("GET", "events", &headers, "").await.finish().await;
    assert_eq!(refused.refusal(), (422, "Last-Event-ID: expected the id of an event".to_owned()));
}
