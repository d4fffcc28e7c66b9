//! A job's output.

use super::world::World;
use domain::cluster::Limits;
use domain::service::Action;
use std::fs::{OpenOptions, write};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

fn append(path: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[tokio::test]
async fn output_is_shown_as_far_as_it_is_written() {
    let world = World::new().await;
    let job = world.submit(|submission| submission.spec.streams.error = "%x-%N.err".into()).await;
    write(world.path("slurm-1.out"), "one\ntwo\nthree\n").unwrap();
    write(world.path("test-n1.err"), "oops\n").unwrap();
    let check = async |path: &str, begins: &str, body: &str| {
        let open = world.begin("alice", path).await;
        assert_eq!((open.status(), open.header("X-Quintet-Offset")), (200, Some(begins)), "{path}");
        assert_eq!(open.header("Content-Type"), Some("text/plain; charset=utf-8"));
        let length = (!path.contains("follow")).then(|| body.len().to_string());
        assert_eq!(open.header("Content-Length"), length.as_deref(), "{path}");
        assert_eq!(open.finish().await.body, body, "{path}");
    };
    let all = "one\ntwo\nthree\n";
    check("jobs/1/stdout", "0", all).await;
    check("jobs/1/stdout/", "0", all).await;
    check("jobs/1/stdout?tail=1", "8", "three\n").await;
    check("jobs/1/stdout?tail=0", "14", "").await;
    check("jobs/1/stdout?offset=4", "4", "two\nthree\n").await;
    check("jobs/1/stdout?offset=14", "14", "").await;
    check("jobs/1/stdout?offset=15", "0", all).await;
    check("jobs/1/stderr", "0", "oops\n").await;
    world.end(job, 0).await;
    check("jobs/1/stdout?follow=1", "0", all).await;
}

#[tokio::test]
async fn a_part_of_output_is_shown() {
    let world = World::new().await;
    world.submit(|_| {}).await;
    write(world.path("slurm-1.out"), "one\ntwo\nthree\n").unwrap();
    let token = world.token("alice", 0);
    let ask = async |range: &str| {
        let headers = [("X-SLURM-USER-TOKEN", token.as_str()), ("Range", range)];
        let open = world.send("GET", "jobs/1/stdout", &headers, "").await;
        let told = open.header("Content-Range").map(str::to_owned);
        let reply = open.finish().await;
        (reply.status, told, reply.body)
    };
    assert_eq!(ask("bytes=4-6").await, (206, Some("bytes 4-6/14".to_owned()), "two".to_owned()));
    assert_eq!(ask("bytes=-6").await, (206, Some("bytes 8-13/14".to_owned()), "three\n".to_owned()));
    let (status, told, _) = ask("bytes=14-").await;
    assert_eq!((status, told), (416, Some("bytes */14".to_owned())));
    assert_eq!(ask("lines=1-2").await.0, 200);
}

#[tokio::test]
async fn only_owner_and_operators_see_output() {
    let world = World::new().await;
    world.submit(|_| {}).await;
    write(world.path("slurm-1.out"), "x").unwrap();
    for (user, status) in [("alice", 200), ("olga", 200), ("ada", 200), ("root", 200), ("bob", 403)] {
        assert_eq!(world.get(user, "jobs/1/stdout").await.status, status, "{user}");
        assert_eq!(world.begin(user, "jobs/1/stderr?follow=1&tail=0").await.status(), status, "{user}");
        if status == 200 {
            continue;
        }
        let refused = world.get(user, "jobs/1/stdout").await;
        assert_eq!(refused.refusal(), (403, "this job belongs to somebody else".to_owned()));
        assert_eq!(refused.json()["hint"], "its owner, operators and administrators may do this");
    }
}

#[tokio::test]
async fn what_there_is_not_is_told() {
    let world = World::new().await;
    world.keep_waiting();
    let waiting = world.submit(|_| {}).await;
    let check = async |path: &str, status: u16, error: &str| {
        let refused = world.get("alice", path).await;
        assert_eq!(refused.refusal(), (status, error.to_owned()), "{path}");
    };
    check("jobs/1/stdout", 409, "job 1 has not started, so it has no output yet").await;
    check("jobs/9/stdout", 404, "no job 9").await;
    check("jobs/9_1/stdout", 404, "no array task 9_1").await;
    check("jobs/1_1/stdout", 404, "no array task 1_1").await;
    check("jobs/x/stdout", 422, "id: expected the number of a job, such as 12, 12_3 or 12+1").await;
    check("jobs/1/stdout?tail=-1", 422, "tail: expected a number from 0 to 9223372036854775807").await;
    check("jobs/1/stdout?lines=1", 422, "lines: no such parameter; known are follow, tail, offset").await;
    world.act(waiting, Action::Cancel { kill: false }).await;
    check("jobs/1/stdout", 404, "job 1 ran nothing, so it has no output").await;
    check("jobs/1/stdout?follow=1", 404, "job 1 ran nothing, so it has no output").await;
    world.let_start();
    world.submit(|_| {}).await;
    let file = world.path("slurm-2.out");
    check("jobs/2/stdout", 404, &format!("there is no file {}", file.display())).await;
}

#[tokio::test]
async fn links_and_strangers_files_are_not_shown() {
    let world = World::new().await;
    write(world.path("target"), "x").unwrap();
    std::os::unix::fs::symlink(world.path("target"), world.path("slurm-1.out")).unwrap();
    world.submit(|submission| submission.spec.streams.error = "/dev/null".into()).await;
    for stream in ["stdout", "stdout?follow=1"] {
        let (status, error) = world.get("alice", &format!("jobs/1/{stream}")).await.refusal();
        assert_eq!(status, 403);
        assert!(error.ends_with("slurm-1.out is not shown: it is a symbolic link"), "{error}");
    }
    let (status, error) = world.get("alice", "jobs/1/stderr").await.refusal();
    assert_eq!((status, error.as_str()), (403, "/dev/null is not shown: it is not a regular file"));
    if rustix::process::geteuid().is_root() {
        use std::os::unix::fs::PermissionsExt;
        write(world.path("secret"), "x").unwrap();
        std::fs::set_permissions(world.path("secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
        world.submit(|submission| submission.spec.streams.output = "secret".into()).await;
        let (status, error) = world.get("root", "jobs/2/stdout").await.refusal();
        assert_eq!(status, 403);
        assert!(error.ends_with("secret is not shown: the job's user may not read it"), "{error}");
    }
}

#[tokio::test]
async fn output_is_followed_from_before_the_start_until_the_end() {
    let world = World::new().await;
    world.keep_waiting();
    let job = world.submit(|_| {}).await;
    let mut open = world.begin("alice", "jobs/1/stdout?follow=1").await;
    world.let_start();
    world.submit(|_| {}).await;
    append(&world.path("slurm-1.out"), "one\n");
    assert_eq!(open.line().await, "one\n");
    append(&world.path("slurm-1.out"), "two\n");
    assert_eq!(open.line().await, "two\n");
    append(&world.path("slurm-1.out"), "three\nno end");
    world.end(job, 0).await;
    assert_eq!(open.finish().await.body, "three\nno end");
}

#[tokio::test]
async fn output_written_anew_is_followed_from_its_beginning() {
    let world = World::new().await;
    let job = world.submit(|_| {}).await;
    write(world.path("slurm-1.out"), "a long first line\n").unwrap();
    let mut open = world.begin("alice", "jobs/1/stdout?follow=1").await;
    assert_eq!(open.line().await, "a long first line\n");
    world.act(job, Action::Requeue { hold: false, special: false }).await;
    world.end(job, 0).await;
    write(world.path("slurm-1.out"), "again\n").unwrap();
    assert_eq!(open.line().await, "again\n");
    let running = world.service.snapshot().jobs.job(job).cloned().unwrap();
    assert_eq!((running.restarts, running.phase.name()), (1, "running"));
    append(&world.path("slurm-1.out"), "and more\n");
    world.end(job, 0).await;
    assert_eq!(open.finish().await.body, "and more\n");
}

#[tokio::test]
async fn a_task_is_followed_from_before_it_has_a_number() {
    let world = World::new().await;
    world.keep_waiting();
    let array = world.submit(|submission| submission.array = "0-2".into()).await;
    let refused = world.get("alice", "jobs/1/stdout").await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["hint"], "name one of its tasks, such as 1_0");
    assert_eq!(world.get("alice", "jobs/1_7/stdout").await.status, 404);
    let open = world.begin("alice", "jobs/1_1/stdout?follow=1").await;
    world.let_start();
    world.submit(|_| {}).await;
    write(world.path("slurm-1_1.out"), "task one\n").unwrap();
    let task = world.task(array, 1).id;
    world.end(task, 0).await;
    assert_eq!(open.finish().await.body, "task one\n");
    // By its own number, too.
    assert_eq!(world.get("alice", &format!("jobs/{task}/stdout")).await.body, "task one\n");
}

#[tokio::test]
async fn output_of_jobs_that_are_history_is_shown() {
    let limits = Limits { min_job_age: Duration::ZERO, ..Limits::default() };
    let world = World::with(limits, Vec::new()).await;
    let job = world.submit(|_| {}).await;
    let open = world.begin("alice", "jobs/1/stdout?follow=1").await;
    write(world.path("slurm-1.out"), "done\n").unwrap();
    world.end(job, 0).await;
    assert_eq!(open.finish().await.body, "done\n");
    // The next commit takes it off the live ones.
    world.advance(1);
    let array = world.submit(|submission| submission.array = "4".into()).await;
    write(world.path("slurm-2_4.out"), "task\n").unwrap();
    world.end(world.task(array, 4).id, 0).await;
    world.advance(1);
    world.submit(|_| {}).await;
    assert!(world.service.records(job).is_empty());
    assert_eq!(world.get("alice", "jobs/1/stdout").await.body, "done\n");
    assert_eq!(world.get("alice", "jobs/1/stdout?follow=1&tail=1").await.body, "done\n");
    assert_eq!(world.get("bob", "jobs/1/stdout").await.status, 403);
    assert_eq!(world.get("alice", "jobs/2_4/stdout").await.body, "task\n");
    assert_eq!(world.get("alice", "jobs/2/stdout").await.status, 422);
}

#[tokio::test]
async fn followers_end_when_the_service_stops() {
    let mut world = World::new().await;
    world.submit(|_| {}).await;
    append(&world.path("slurm-1.out"), "one\n");
    let mut output = world.begin("alice", "jobs/1/stdout?follow=1").await;
    let events = world.begin("alice", "events").await;
    assert_eq!(output.line().await, "one\n");
    world.stop();
    assert_eq!(output.finish().await.body, "");
    assert_eq!(events.finish().await.status, 200);
}

#[tokio::test]
async fn a_large_file_arrives_whole() {
    let world = World::new().await;
    world.submit(|_| {}).await;
    let large: String = (0..200_000).map(|line| format!("{line}\n")).collect();
    write(world.path("slurm-1.out"), &large).unwrap();
    assert!(world.get("alice", "jobs/1/stdout").await.body == large);
}
