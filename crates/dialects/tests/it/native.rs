//! Logs, events, history and users.

use crate::harness::{Site, site};
use serde_json::{Value as Json, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn ask(site: &Site, user: &str, method: &str, path: &str, body: &str) -> (u16, Json) {
    let reply = site.ask(user, method, &format!("/quintet/v1/{path}"), body).await;
    (reply.status, serde_json::from_str(&reply.body).unwrap_or(Json::String(reply.body)))
}

fn folder(name: &str) -> String {
    let folder = std::env::temp_dir().join(format!("quintet-dialects-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_needed_and_told() {
    let site = site().await;
    let reply = site.raw(b"GET /quintet/v1/whoami HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(reply.status, 401);
    assert!(reply.json()["hint"].as_str().unwrap().contains("quintet token"));
    let who = ask(&site, "alice", "GET", "whoami", "").await;
    assert_eq!(who, (200, json!({"name": "alice", "uid": 2001, "gid": 2001, "level": "none"})));
    assert_eq!(ask(&site, "alice", "GET", "nope", "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_the_administrators_affair() {
    let site = site().await;
    assert_eq!(ask(&site, "alice", "POST", "users", r#"{"name":"alice"}"#).await.0, 403);
    let dora = r#"{"name":"dora","level":"operator","default_account":"bio","accounts":["bio"]}"#;
    let (status, user) = ask(&site, "root", "POST", "users", dora).await;
    assert_eq!((status, user["level"].as_str()), (200, Some("operator")));
    assert_eq!(ask(&site, "root", "GET", "users/dora", "").await.1["default_account"], "bio");
    assert_eq!(ask(&site, "dora", "GET", "whoami", "").await.1["level"], "operator");
    assert_eq!(ask(&site, "root", "POST", "users", r#"{"nam":"x"}"#).await.0, 422);
    assert_eq!(ask(&site, "root", "POST", "users", r#"{"name":"a b"}"#).await.0, 422);
    assert_eq!(ask(&site, "root", "DELETE", "users/dora", "").await.0, 204);
    assert_eq!(ask(&site, "root", "GET", "users/dora", "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_jobs_are_history() {
    let site = site().await;
    for _ in 0..2 {
        let id = site.job("alice", "").await;
        site.until(id, "RUNNING").await;
        site.end(id, 0);
        site.until(id, "COMPLETED").await;
    }
    let (status, page) = ask(&site, "bob", "GET", "history?user=alice&limit=1&state=completed", "").await;
    assert_eq!((status, page["jobs"][0]["job_id"].as_u64()), (200, Some(2)), "{page}");
    assert_eq!((&page["jobs"][0]["exit_code"], &page["jobs"][0]["cpus"]), (&json!(0), &json!(1)));
    let next = page["next"].as_str().unwrap();
    assert_eq!(ask(&site, "bob", "GET", &format!("history?after={next}"), "").await.0, 200);
    for bad in ["limit=x", "state=nope", "since=never", "after=x", "user=stranger", "bogus=1"] {
        assert_eq!(ask(&site, "bob", "GET", &format!("history?{bad}"), "").await.0, 422, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_for_the_owner_and_operators() {
    let site = site().await;
    let folder = folder("logs");
    let id = site.job("here", &format!(r#""standard_output":"{folder}/out-%j""#)).await;
    site.until(id, "RUNNING").await;
    let path = format!("jobs/{id}/stdout");
    assert_eq!(ask(&site, "here", "GET", &path, "").await.0, 404);
    std::fs::write(format!("{folder}/out-{id}"), "one\ntwo\nthree\n").unwrap();
    let read = async |user: &str, path: &str| ask(&site, user, "GET", path, "").await;
    assert_eq!(read("here", &path).await, (200, json!("one\ntwo\nthree\n")));
    assert_eq!(read("here", &format!("{path}?tail=2")).await, (200, json!("two\nthree\n")));
    assert_eq!(read("root", &format!("jobs/{id}/stderr?tail=9")).await.0, 200);
    assert_eq!(read("alice", &path).await.0, 403);
    assert_eq!(read("here", "jobs/99/stdout").await.0, 404);
    assert_eq!(read("here", "jobs/x/stdout").await.0, 422);
    let range = format!(
        "GET /quintet/v1/{path} HTTP/1.1\r\nConnection: close\r\nRange: bytes=4-6\r\nX-SLURM-USER-TOKEN: {}\r\n\r\n",
        Site::token("here")
    );
    let part = site.raw(range.as_bytes()).await;
    assert_eq!((part.status, part.body.as_str()), (206, "two"));
    assert!(part.head.contains("Content-Range: bytes 4-6/14"), "{}", part.head);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_of_others_is_given_away() {
    let site = site().await;
    let folder = folder("links");
    std::fs::write(format!("{folder}/secret"), "secret").unwrap();
    let nobodys = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(format!("{folder}/secret"), nobodys).unwrap();
    std::os::unix::fs::symlink(format!("{folder}/secret"), format!("{folder}/link")).unwrap();
    for (output, status) in
        [(format!("{folder}/link"), 403), ("/dev/null".into(), 403), (folder.clone(), 403)]
    {
        let id = site.job("here", &format!(r#""standard_output":"{output}""#)).await;
        site.until(id, "RUNNING").await;
        assert_eq!(ask(&site, "here", "GET", &format!("jobs/{id}/stdout"), "").await.0, status, "{output}");
    }
    let id = site.job("alice", &format!(r#""standard_output":"{folder}/secret""#)).await;
    site.until(id, "RUNNING").await;
    // A server that is not root runs everything as itself, so that its files are everybody's.
    let is_root = rustix::process::geteuid().is_root();
    let wanted = if is_root { 403 } else { 200 };
    assert_eq!(ask(&site, "alice", "GET", &format!("jobs/{id}/stdout"), "").await.0, wanted);
    assert_eq!(ask(&site, "alice", "GET", &format!("jobs/{id}/stdout?follow=1"), "").await.0, wanted);
    std::fs::remove_dir_all(folder).unwrap();
}

/// Reads from a stream until a text has come.
async fn until(stream: &mut TcpStream, read: &mut String, wanted: &str) {
    let reading = async {
        while !read.contains(wanted) {
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).await.unwrap();
            assert!(length > 0, "ended before {wanted}: {read}");
            read.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect(wanted);
}

async fn stream(site: &Site, user: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let request = format!(
        "GET /quintet/v1/{path} HTTP/1.1\r\nConnection: close\r\nX-SLURM-USER-TOKEN: {}\r\n\r\n",
        Site::token(user)
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_from_before_the_start_to_the_end() {
    let site = site().await;
    let folder = folder("follow");
    let id = site.job("here", &format!(r#""hold":true,"standard_output":"{folder}/out""#)).await;
    let mut log = stream(&site, "here", &format!("jobs/{id}/stdout?follow=1")).await;
    let mut read = String::new();
    until(&mut log, &mut read, "200 OK").await;
    site.slurm("here", "POST", &format!("job/{id}"), r#"{"hold":false}"#).await;
    site.until(id, "RUNNING").await;
    std::fs::write(format!("{folder}/out"), "first\n").unwrap();
    until(&mut log, &mut read, "first\n").await;
    std::fs::write(format!("{folder}/out"), "first\nlast\n").unwrap();
    site.end(id, 0);
    until(&mut log, &mut read, "last\n").await;
    until(&mut log, &mut read, "\r\n0\r\n\r\n").await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_and_are_taken_up_again() {
    let mut site = site().await;
    let mut events = stream(&site, "bob", "events").await;
    let mut read = String::new();
    until(&mut events, &mut read, ": connected").await;
    let id = site.job("alice", r#""name":"e""#).await;
    until(&mut events, &mut read, r#""to":"RUNNING""#).await;
    assert!(read.contains(&format!(r#""job_id":{id},"name":"e","user":"alice","to":"PENDING""#)), "{read}");
    let mut again = stream(&site, "bob", "events?after=1").await;
    let mut rest = String::new();
    until(&mut again, &mut rest, r#""to":"RUNNING""#).await;
    assert!(!rest.contains(r#""to":"PENDING""#), "{rest}");
    // Streams end with the service.
    site.stop().await;
}
