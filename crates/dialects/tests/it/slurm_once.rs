//! `Idempotency-Key`: a submission sent again is answered again and makes no second job.

use crate::harness::{Reply, Site, site};

const JOB: &str = r##"{"script":"#!/bin/sh\n","job":{"current_working_directory":"/tmp","environment":["A=B"],"hold":true}}"##;
const ROOM: &str = r#"{"job":{"current_working_directory":"/tmp","environment":["A=B"]}}"#;
const PAIR: &str = r##"{"script":"#!/bin/sh\n","jobs":[{"current_working_directory":"/tmp","environment":["A=B"]},{"current_working_directory":"/tmp","environment":["A=B"]}]}"##;

async fn send(site: &Site, user: &str, path: &str, key: &str, body: &str) -> Reply {
    let request = format!(
        "POST /slurm/v0.0.44/{path} HTTP/1.1\r\nConnection: close\r\nIdempotency-Key: {key}\r\n\
         X-SLURM-USER-TOKEN: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        Site::token(user),
        body.len()
    );
    site.raw(request.as_bytes()).await
}

fn number(reply: &Reply) -> u64 {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["job_id"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_sent_again_makes_no_second_job() {
    let site = site().await;
    let first = send(&site, "alice", "job/submit", "\"a\"", JOB).await;
    let (second, third) = tokio::join!(
        send(&site, "alice", "job/submit", "a", JOB),
        send(&site, "alice", "job/submit", "a", JOB)
    );
    assert_eq!((number(&second), number(&third)), (number(&first), number(&first)));
    assert_eq!(second.warnings(), first.warnings());
    assert_eq!(first.warnings().len(), 2, "that it is held");
    let other = JOB.replace("A=B", "A=C");
    let refused = send(&site, "alice", "job/submit", "a", &other).await;
    assert_eq!((refused.status, refused.errors()), (422, vec![(9000, "Idempotency-Key".to_owned())]));
    assert_eq!(send(&site, "alice", "job/allocate", "a", ROOM).await.status, 422);
    let of_bob = JOB.replace("A=B", "A=C");
    assert_ne!(number(&send(&site, "bob", "job/submit", "a", &of_bob).await), number(&first));
    let jobs = site.slurm("alice", "GET", "jobs/", "").await.json();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_arrive_together_make_one_job() {
    let site = site().await;
    let all =
        futures_util::future::join_all((0..8).map(|_| send(&site, "alice", "job/submit", "k", JOB))).await;
    let first = number(&all[0]);
    assert!(all.iter().all(|reply| number(reply) == first));
    let pair = number(&send(&site, "alice", "job/submit", "p", PAIR).await);
    assert_eq!(number(&send(&site, "alice", "job/submit", "p", PAIR).await), pair);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allocation_asked_for_again_is_the_same() {
    let site = site().await;
    let first = number(&send(&site, "alice", "job/allocate", "k", ROOM).await);
    assert_eq!(number(&send(&site, "alice", "job/allocate", "k", ROOM).await), first);
    site.slurm("alice", "DELETE", &format!("job/{first}"), "").await;
    // It was told once that it has its resources; what became of them since is another question.
    assert_eq!(number(&send(&site, "alice", "job/allocate", "k", ROOM).await), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_key_is_refused() {
    let site = site().await;
    for key in ["\"\"", "\"open", &"x".repeat(256)] {
        let reply = send(&site, "alice", "job/submit", key, JOB).await;
        assert_eq!((reply.status, reply.errors()[0].0), (422, 9000), "{key}");
    }
    let jobs = site.slurm("alice", "GET", "jobs/", "").await.json();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 0);
}

/// What the schema demands is there when a request fails, too.
#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_lists_that_the_schema_demands() {
    let site = site().await;
    for (method, path, list) in [
        ("GET", "job/nonsense", "jobs"),
        ("GET", "jobs/?update_time=nonsense", "jobs"),
        ("GET", "jobs/state/?job_id=nonsense", "jobs"),
        ("GET", "node/nowhere", "nodes"),
        ("GET", "partition/nowhere", "partitions"),
        ("GET", "reservations/?update_time=nonsense", "reservations"),
        ("DELETE", "job/nonsense", "status"),
    ] {
        let reply = site.slurm("alice", method, path, "").await;
        let json = reply.json();
        assert_eq!(json[list], serde_json::json!([]), "{path}: {json}");
        assert!(!json["errors"].as_array().unwrap().is_empty() || path.starts_with("partition"), "{json}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_script_count_where_the_request_says_so() {
    let site = site().await;
    let send = async |lines: &str, wish: &str| {
        let body = JOB.replace("#!/bin/sh\\n", &format!("#!/bin/sh\\n#SBATCH {lines}\\n"));
        let request = format!(
            "POST /slurm/v0.0.44/job/submit HTTP/1.1\r\nConnection: close\r\n{wish}X-SLURM-USER-TOKEN: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            Site::token("alice"),
            body.len()
        );
        site.raw(request.as_bytes()).await
    };
    for (wish, comment) in
        [("", ""), ("X-Sbatch-Lines: ignore\r\n", ""), ("X-Sbatch-Lines: honor\r\n", "seen")]
    {
        let id = number(&send("--comment=seen", wish).await);
        assert_eq!(site.shown(u32::try_from(id).unwrap()).await["comment"], comment, "{wish:?}");
    }
    for (lines, wish) in
        [("--bogus", "X-Sbatch-Lines: honor\r\n"), ("--comment=x", "X-Sbatch-Lines: maybe\r\n")]
    {
        let reply = send(lines, wish).await;
        assert_eq!((reply.status, reply.errors()), (422, vec![(9000, "#SBATCH".to_owned())]), "{wish:?}");
    }
}
