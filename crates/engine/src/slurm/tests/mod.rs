//! The talk with a cluster, tried with a small one in this process: what is asked of it, how often, and what is told
//! when it fails.

mod fake;
mod once;
mod shared;

use super::counters::Counted;
use super::*;
use bytes::Bytes;
use fake::{Fake, Mood};
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use slurm_wire::{Value, versions};
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn config(fakes: &[&Arc<Fake>]) -> UpstreamConfig {
    UpstreamConfig {
        endpoints: fakes.iter().map(|fake| fake.endpoint.parse().unwrap()).collect(),
        authority: None,
        identity: Identity::Key { key: vec![7; 32], user: "slurm".to_owned() },
        max_age: HOUR,
        stale_for: HOUR,
        timeout: Duration::from_secs(60),
        private_data: false,
        rate: None,
    }
}

fn open(fake: &Arc<Fake>) -> Arc<Upstream> {
    Upstream::open(config(&[fake]), None).unwrap()
}

/// One that holds a copy for old as soon as it has it.
fn restless(fake: &Arc<Fake>) -> Arc<Upstream> {
    Upstream::open(UpstreamConfig { max_age: Duration::ZERO, ..config(&[fake]) }, None).unwrap()
}

fn sure(user: &str) -> Caller {
    Caller::Sure(user.to_owned())
}

fn unsure(token: &str) -> Caller {
    Caller::Unsure { token: token.to_owned(), name: Some("alice".to_owned()) }
}

/// Makes a request of a method and a path such as `slurm/jobs` or `slurm/job/12`.
fn request(method: Method, path: &str, caller: Caller) -> Request {
    const PATTERNS: [(&str, &str); 10] = [
        ("slurm", "job/submit"),
        ("slurm", "jobs"),
        ("slurm", "jobs/state"),
        ("slurm", "partitions"),
        ("slurm", "nodes"),
        ("slurm", "resources/*"),
        ("slurm", "job/*"),
        ("slurm", "ping"),
        ("slurmdb", "accounts"),
        ("slurmdb", "jobs"),
    ];
    let (part, rest) = path.split_once('/').unwrap();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let of = |pattern: &'static str| {
        let parameter = pattern
            .strip_suffix('*')
            .map_or((rest == pattern).then_some(""), |start| rest.strip_prefix(start));
        parameter.map(|parameter| (pattern, parameter))
    };
    let found = PATTERNS
        .iter()
        .filter(|(known, _)| *known == part)
        .find_map(|(part, pattern)| of(pattern).map(|(pattern, parameter)| (*part, pattern, parameter)));
    let (part, pattern, parameter) = found.unwrap();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), Some(value.to_owned()))
    };
    Request {
        method,
        part,
        version: versions::CURRENT,
        pattern,
        parameter: parameter.to_owned(),
        query: query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect(),
        content_type: Some(HeaderValue::from_static("application/json")),
        body: Bytes::new(),
        accept: None,
        is_json: true,
        caller,
        is_fresh: false,
        slice: Slice::default(),
        known: None,
        key: None,
        takes_gzip: false,
        wait: None,
    }
}

fn get(path: &str) -> Request {
    request(Method::GET, path, sure("alice"))
}

fn text(reply: &Reply) -> String {
    let body = reply.body.concat();
    if !reply.is_gzip {
        return String::from_utf8(body).unwrap();
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).unwrap();
    text
}

/// The jobs of an answer: number, state and name.
fn jobs(reply: &Reply) -> Vec<String> {
    let text = text(reply);
    let answer = slurm_wire::json::parse(&text).unwrap();
    let Some(Value::List(jobs)) = answer.get("jobs") else { panic!("{text}") };
    let shown = |job: &Value<'_>| {
        let state = match job.get("job_state") {
            Some(Value::List(states)) => states[0].as_str().unwrap().to_owned(),
            _ => String::new(),
        };
        let name = job.get("name").and_then(Value::as_str).unwrap_or_default();
        format!("{} {state} {name}", job.get("job_id").unwrap().to_int().unwrap())
    };
    jobs.iter().map(shown).collect()
}

fn fresh(path: &str) -> Request {
    Request { is_fresh: true, ..get(path) }
}

async fn fresh_jobs_of(upstream: &Upstream, path: &str) -> Vec<String> {
    jobs(&upstream.relay(fresh(path)).await.unwrap())
}

async fn jobs_of(upstream: &Upstream, path: &str) -> Vec<String> {
    jobs(&upstream.relay(get(path)).await.unwrap())
}

const BOTH: [&str; 2] = ["1 RUNNING one", "2 PENDING two"];

#[tokio::test]
async fn many_who_ask_at_once_are_answered_by_one_call() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    for path in ["slurm/jobs", "slurm/partitions"] {
        upstream.relay(get("slurm/ping")).await.unwrap_or_else(|error| panic!("{error}"));
        fake.asked();
        fake.holds();
        let asking: Vec<_> = (0..50)
            .map(|_| {
                let upstream = Arc::clone(&upstream);
                tokio::spawn(async move { upstream.relay(get(path)).await.unwrap().status })
            })
            .collect();
        fake.is_asked(1).await;
        fake.lets_out();
        for asking in asking {
            assert_eq!(asking.await.unwrap(), StatusCode::OK);
        }
        let calls = fake.calls();
        // Of jobs the states are asked for as well, once.
        assert_eq!(calls.len(), if path == "slurm/jobs" { 2 } else { 1 }, "{path}: {calls:?}");
    }
}

#[tokio::test]
async fn a_copy_serves_until_it_is_old_or_declined() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    let first = upstream.relay(get("slurm/jobs")).await.unwrap();
    assert_eq!(jobs(&first), BOTH);
    assert_eq!(
        fake.calls(),
        ["GET v3", "GET jobs/state/", "GET jobs/"],
        "the description, the states, and the list"
    );
    fake.job(1, "COMPLETED", "one");
    let second = upstream.relay(get("slurm/jobs")).await.unwrap();
    assert_eq!((jobs(&second), second.tag), (jobs(&first), first.tag.clone()));
    assert!(second.age >= first.age);
    assert_eq!(fake.calls(), Vec::<String>::new());
    let fresh = upstream.relay(Request { is_fresh: true, ..get("slurm/jobs") }).await.unwrap();
    assert_eq!(jobs(&fresh), ["1 COMPLETED one", "2 PENDING two"]);
    assert_eq!(fake.calls(), ["GET jobs/?update_time=1000"]);
    assert_ne!(fresh.tag, first.tag);
    assert_eq!(upstream.counts().iter().find(|count| count.name.contains("copies")).unwrap().value, 3);
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    for path in ["slurm/jobs", "slurm/partitions"] {
        let first = upstream.relay(get(path)).await.unwrap();
        fake.asked();
        let second = upstream.relay(fresh(path)).await.unwrap();
        assert_eq!(text(&first), text(&second));
        let what = path.strip_prefix("slurm/").unwrap();
        let calls = fake.calls();
        assert!(
            calls == [format!("GET {what}/?update_time=1000")]
                || calls == [format!("GET {what}?update_time=1000")],
            "{calls:?}"
        );
        // Who was told everything then need not hear it again.
        let third = upstream.relay(get(&format!("{path}?update_time=1000"))).await.unwrap();
        match path {
            "slurm/jobs" => assert!(text(&third).contains("No job changes since update_time[1000]=")),
            _ => assert_eq!(third.status, StatusCode::NOT_MODIFIED),
        }
        let known = Request { known: first.tag.clone(), ..get(path) };
        let is_list = first.tag.is_some();
        assert_eq!(upstream.relay(known).await.unwrap().status == StatusCode::NOT_MODIFIED, is_list);
        fake.asked();
    }
}

#[tokio::test]
async fn a_body_that_says_nothing_is_not_passed_on_for_others() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    let empty = Request { body: Bytes::from_static(b"{}"), ..get("slurm/partitions") };
    upstream.relay(empty.clone()).await.unwrap();
    upstream.relay(empty).await.unwrap();
    let says = Request { body: Bytes::from_static(b"{\"a\": 1}"), ..get("slurm/partitions") };
    upstream.relay(says).await.unwrap();
    let bodies: Vec<String> = fake.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(bodies, ["", "", "{\"a\": 1}"], "the description, one for all, and one for himself");
}

#[tokio::test]
async fn times_that_are_none_are_the_clusters_to_judge() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    for (path, asked) in
        [("slurm/jobs", "jobs"), ("slurm/job/1", "job/1"), ("slurm/partitions", "partitions")]
    {
        upstream.relay(get(path)).await.unwrap();
        for time in ["abc", "", "-1", "now", "1e3", "9999999999999999999"] {
            fake.asked();
            upstream.relay(get(&format!("{path}?update_time={time}"))).await.unwrap();
            let calls = fake.calls();
            assert_eq!(calls, [format!("GET {asked}?update_time={time}")]);
        }
        upstream.relay(get(&format!("{path}?update_time=5"))).await.unwrap();
        assert_eq!(fake.calls(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn answers_come_as_they_were_sent() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    let reply = upstream.relay(get("slurm/partitions")).await.unwrap();
    assert!(text(&reply).starts_with("{\n \"partitions\": [{\"name\": \"debug\"}]"), "blanks and all");
    let missing = upstream.relay(get("slurm/job/99")).await.unwrap();
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(text(&missing).contains("2017"));
    let gzip = upstream.relay(Request { takes_gzip: true, ..get("slurm/jobs") }).await.unwrap();
    assert!(gzip.is_gzip);
    assert_eq!(jobs(&gzip), BOTH);
}

#[tokio::test]
async fn who_writes_sees_it_at_once() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    assert_eq!(jobs_of(&upstream, "slurm/jobs").await, BOTH);
    let unchanged = upstream.relay(get("slurm/job/1")).await.unwrap();
    assert_eq!(jobs(&unchanged), ["1 RUNNING one"]);
    fake.asked();
    upstream.relay(request(Method::POST, "slurm/job/submit", sure("alice"))).await.unwrap();
    let list = jobs_of(&upstream, "slurm/jobs").await;
    assert_eq!(list, ["1 RUNNING one", "2 PENDING two", "3 PENDING submitted"]);
    assert_eq!(fake.calls(), ["POST job/submit", "GET job/3"], "the rest of the list is not read again");
    upstream.relay(request(Method::DELETE, "slurm/job/1", sure("alice"))).await.unwrap();
    assert_eq!(jobs_of(&upstream, "slurm/job/1").await, ["1 CANCELLED one"]);
    assert_eq!(fake.calls(), ["DELETE job/1", "GET job/1"]);
    assert_eq!(jobs_of(&upstream, "slurm/jobs?").await[0], "1 CANCELLED one");
    fake.asked();
    // Nobody knows what a lost answer did.
    fake.mood(Mood::Gone);
    let lost = upstream.relay(request(Method::DELETE, "slurm/job/2", sure("alice"))).await;
    assert!(matches!(lost, Err(Trouble::Unanswered(_))), "{lost:?}");
    assert_eq!(fake.calls(), ["DELETE job/2"], "it is not sent twice");
    fake.mood(Mood::Well);
    fake.job(2, "CANCELLED", "two");
    assert_eq!(jobs_of(&upstream, "slurm/jobs").await[1], "2 CANCELLED two");
}

#[tokio::test]
async fn what_was_written_to_waits_for_no_news_of_others() {
    let fake = Fake::start().await;
    let upstream = Upstream::with(config(&[&fake]), None, Duration::ZERO).unwrap();
    assert_eq!(jobs_of(&upstream, "slurm/jobs").await, BOTH);
    fake.asked();
    fake.holds_back("jobs/state");
    let others = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { fresh_jobs_of(&upstream, "slurm/jobs").await }
    });
    fake.is_asked(1).await;
    upstream.relay(request(Method::DELETE, "slurm/job/1", sure("alice"))).await.unwrap();
    let seen = ["1 CANCELLED one", "2 PENDING two"];
    assert_eq!(jobs_of(&upstream, "slurm/jobs").await, seen);
    assert_eq!(fake.calls(), ["GET jobs/state/", "DELETE job/1", "GET job/1"]);
    fake.lets_out();
    assert_eq!(others.await.unwrap(), seen);
}

#[tokio::test]
async fn what_is_done_to_nodes_is_seen_in_their_jobs() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    assert_eq!(jobs_of(&upstream, "slurm/jobs").await, BOTH);
    fake.job(1, "PENDING", "one");
    upstream.relay(request(Method::POST, "slurm/nodes", sure("root"))).await.unwrap();
    assert_eq!(jobs_of(&upstream, "slurm/jobs").await, ["1 PENDING one", "2 PENDING two"]);
}

#[tokio::test]
async fn of_a_long_list_only_what_changed_is_read() {
    let fake = Fake::start().await;
    let upstream = Upstream::with(config(&[&fake]), None, Duration::ZERO).unwrap();
    assert_eq!(jobs_of(&upstream, "slurm/jobs").await, BOTH);
    fake.asked();
    fake.job(2, "RUNNING", "two");
    fake.job(7, "PENDING", "new");
    assert_eq!(
        fresh_jobs_of(&upstream, "slurm/jobs").await,
        ["1 RUNNING one", "2 RUNNING two", "7 PENDING new"]
    );
    let mut calls = fake.calls();
    calls.sort();
    assert_eq!(calls, ["GET job/2", "GET job/7", "GET jobs/state/"]);
    fake.job(1, "", "");
    assert_eq!(fresh_jobs_of(&upstream, "slurm/jobs").await, ["2 RUNNING two", "7 PENDING new"]);
    assert_eq!(fake.calls(), ["GET jobs/state/", "GET job/1"]);
}

#[tokio::test]
async fn many_single_jobs_are_answered_from_the_list() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    for id in 100..120 {
        let status = upstream.relay(get(&format!("slurm/job/{id}"))).await.unwrap().status;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    fake.asked();
    for _ in 0..20 {
        assert_eq!(jobs_of(&upstream, "slurm/job/1").await, ["1 RUNNING one"]);
        assert_eq!(jobs_of(&upstream, "slurm/job/2").await, ["2 PENDING two"]);
    }
    assert_eq!(fake.calls(), Vec::<String>::new(), "the list was read when there were many");
}

#[tokio::test]
async fn private_data_are_kept_for_each_user() {
    let fake = Fake::start().await;
    let shared = open(&fake);
    let private = Upstream::open(UpstreamConfig { private_data: true, ..config(&[&fake]) }, None).unwrap();
    for (upstream, calls) in [(&shared, 1), (&private, 2)] {
        upstream.relay(get("slurm/ping")).await.unwrap();
        for path in ["slurm/jobs", "slurm/partitions", "slurm/job/1"] {
            fake.asked();
            for user in ["alice", "bob", "alice"] {
                upstream.relay(Request { caller: sure(user), ..get(path) }).await.unwrap();
            }
            let asked = fake.asked();
            let names: Vec<_> = asked.iter().filter_map(|asked| asked.name.as_deref()).collect();
            // One job is found in the list that is there; of the list the states are asked for first.
            let wanted: &[&str] = match path {
                "slurm/job/1" => &[],
                "slurm/jobs" => &["alice", "alice", "bob", "bob"][..2 * calls],
                _ => &["alice", "bob"][..calls],
            };
            assert_eq!(names, wanted, "{path}");
        }
        // What accounting says depends on who asks.
        for user in ["alice", "bob", "alice"] {
            upstream.relay(Request { caller: sure(user), ..get("slurmdb/accounts") }).await.unwrap();
        }
        assert_eq!(fake.asked().len(), 2);
    }
}

#[tokio::test]
async fn nothing_of_a_copy_is_told_to_strangers() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    let good = "eyJhbGciOiJIUzI1NiJ9.eyJzdW4iOiJhbGljZSJ9.c2ln";
    for path in ["slurm/jobs", "slurm/partitions", "slurm/job/1", "slurm/jobs/state"] {
        let known = upstream.relay(Request { caller: unsure(good), ..get(path) }).await.unwrap();
        assert_eq!(known.status, StatusCode::OK, "{path}");
        fake.asked();
        let stranger = upstream.relay(Request { caller: unsure("bad"), ..get(path) }).await.unwrap();
        assert_eq!(stranger.status, StatusCode::NETWORK_AUTHENTICATION_REQUIRED);
        assert!(!text(&stranger).contains("one") && stranger.age.is_none());
        // The cluster says so itself, to him alone.
        assert!(fake.asked().iter().all(|asked| asked.token == "bad"));
        assert_eq!(
            upstream.relay(Request { caller: unsure(good), ..get(path) }).await.unwrap().status,
            StatusCode::OK
        );
        assert_eq!(fake.calls(), Vec::<String>::new());
    }
    assert_eq!(upstream.verified(), 2, "each of them once");
    // Who shows another name beside the token is somebody else.
    let other = Caller::Unsure { token: good.to_owned(), name: None };
    upstream.relay(Request { caller: other, ..get("slurm/jobs") }).await.unwrap();
    assert_eq!(upstream.verified(), 3);
}

#[tokio::test]
async fn a_cluster_that_fails_is_answered_for_from_the_copy() {
    let fake = Fake::start().await;
    let upstream = restless(&fake);
    let caller = || unsure("eyJhbGciOiJIUzI1NiJ9.eyJzdW4iOiJhbGljZSJ9.c2ln");
    let ask = |path: &str| upstream.relay(Request { caller: caller(), ..get(path) });
    for path in ["slurm/jobs", "slurm/partitions", "slurm/job/1", "slurm/jobs/state"] {
        ask(path).await.unwrap();
    }
    for mood in [Mood::Gone, Mood::Html, Mood::Half, Mood::NoController] {
        fake.mood(mood);
        assert_eq!(jobs(&ask("slurm/jobs").await.unwrap()), BOTH, "{mood:?}");
        assert!(text(&ask("slurm/partitions").await.unwrap()).contains("debug"), "{mood:?}");
        assert_eq!(jobs(&ask("slurm/job/1").await.unwrap()), ["1 RUNNING one"], "{mood:?}");
        assert!(ask("slurm/jobs").await.unwrap().age.is_some());
        // Who wants nothing old is told the truth.
        for path in ["slurm/jobs", "slurm/partitions"] {
            let told = upstream.relay(Request { caller: caller(), ..fresh(path) }).await;
            assert!(!told.is_ok_and(|told| told.status == StatusCode::OK), "{mood:?} {path}");
        }
        // What there is no copy of cannot be told.
        match (mood, upstream.relay(Request { caller: sure("bob"), ..get("slurmdb/accounts") }).await) {
            (Mood::NoController, Ok(reply)) => assert_eq!(reply.status, StatusCode::BAD_GATEWAY),
            (Mood::NoController, Err(error)) => panic!("{error}"),
            (_, told) => assert!(told.is_err(), "{mood:?}: {told:?}"),
        }
        let submitted = upstream.relay(request(Method::POST, "slurm/job/submit", sure("alice"))).await;
        match mood {
            Mood::Gone => assert!(matches!(submitted, Err(Trouble::Unanswered(_)))),
            Mood::Html | Mood::Half => assert!(matches!(submitted, Err(Trouble::Garbage(_)))),
            _ => assert_eq!(submitted.unwrap().status, StatusCode::BAD_GATEWAY),
        }
    }
    fake.mood(Mood::Well);
    fake.job(1, "COMPLETED", "one");
    assert_eq!(fresh_jobs_of(&upstream, "slurm/jobs").await[0], "1 COMPLETED one");
}

#[tokio::test]
async fn a_copy_is_not_told_for_ever() {
    let fake = Fake::start().await;
    let config = UpstreamConfig { max_age: Duration::ZERO, stale_for: Duration::ZERO, ..config(&[&fake]) };
    let upstream = Upstream::open(config, None).unwrap();
    assert_eq!(jobs_of(&upstream, "slurm/jobs").await, BOTH);
    fake.mood(Mood::Gone);
    assert!(matches!(upstream.relay(get("slurm/jobs")).await, Err(Trouble::Unanswered(_))));
    assert!(matches!(upstream.relay(get("slurm/partitions")).await, Err(Trouble::Unanswered(_))));
}

#[tokio::test]
async fn other_versions_are_translated() {
    let fake = Fake::start().await;
    fake.offers(&["v0.0.43"]);
    let upstream = open(&fake);
    for wanted in ["v0.0.42", "v0.0.43", "v0.0.44", "v0.0.45"] {
        let version = versions::named(wanted).unwrap();
        for path in ["slurm/jobs", "slurm/job/1", "slurm/partitions", "slurm/jobs/state"] {
            let reply = upstream.relay(Request { version, ..get(path) }).await.unwrap();
            let told = text(&reply);
            assert!(
                told.contains(&format!("data_parser/{wanted}"))
                    || told.contains(&format!("data_parser\\/{wanted}")),
                "{wanted} {path}: {told}"
            );
            assert!(told.contains("one") || told.contains("debug") || told.contains("RUNNING"), "{told}");
            assert_eq!(
                told.contains("stdout_expanded"),
                wanted != "v0.0.43" && wanted != "v0.0.42" && path.contains("job") && !path.contains("state"),
                "{wanted} {path}"
            );
        }
    }
    assert!(
        fake.asked().iter().all(|asked| asked.target.contains("v0.0.43") || asked.target.contains("openapi"))
    );
    assert!(matches!(upstream.relay(get("slurm/resources/1")).await, Err(Trouble::NotOffered)));
}

#[tokio::test]
async fn the_next_endpoint_is_asked_when_one_fails() {
    let (first, second) = (Fake::start().await, Fake::start().await);
    let folder = tempfile::tempdir().unwrap();
    let socket = Fake::on_socket(&folder.path().join("rest")).await;
    let mut config = config(&[&first, &second, &socket]);
    // Nobody listens where nobody may.
    config.endpoints.insert(0, "http://127.0.0.1:1".parse().unwrap());
    let upstream = Upstream::open(config, None).unwrap();
    assert_eq!(jobs_of(&upstream, "slurm/jobs").await, BOTH);
    assert_eq!((first.asked().len(), second.asked().len()), (3, 0));
    first.mood(Mood::Gone);
    fake_job_everywhere(&[&second, &socket]);
    assert_eq!(fresh_jobs_of(&upstream, "slurm/jobs").await[0], "1 SUSPENDED one");
    assert!(!second.asked().is_empty() && socket.asked().is_empty());
    second.mood(Mood::Gone);
    let submitted = upstream.relay(request(Method::POST, "slurm/job/submit", sure("alice"))).await;
    assert!(matches!(submitted, Err(Trouble::Unanswered(_))) || !socket.asked().is_empty());
    assert_eq!(fresh_jobs_of(&upstream, "slurm/jobs").await[0], "1 SUSPENDED one");
    assert!(!socket.asked().is_empty());
}

fn fake_job_everywhere(fakes: &[&Arc<Fake>]) {
    fakes.iter().for_each(|fake| fake.job(1, "SUSPENDED", "one"));
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens() {
    let fake = Fake::start().await;
    let mut config = config(&[&fake]);
    config.endpoints = vec!["http://127.0.0.1:1".parse().unwrap()];
    let upstream = Upstream::open(config, None).unwrap();
    for method in [Method::GET, Method::POST] {
        let path = if method == Method::GET { "slurm/jobs" } else { "slurm/job/submit" };
        let told = upstream.relay(request(method, path, sure("alice"))).await;
        assert!(matches!(told, Err(Trouble::Unreachable(_))), "{told:?}");
    }
}

#[tokio::test]
async fn who_asks_too_often_waits() {
    let fake = Fake::start().await;
    let rate = Some(Rate { per_second: 0.001, burst: 3.0 });
    let upstream = Upstream::open(UpstreamConfig { rate, ..config(&[&fake]) }, None).unwrap();
    for _ in 0..3 {
        upstream.relay(get("slurm/jobs")).await.unwrap();
    }
    assert!(matches!(upstream.relay(get("slurm/jobs")).await, Err(Trouble::TooMany(_))));
    upstream.relay(Request { caller: sure("bob"), ..get("slurm/jobs") }).await.unwrap();
    // Nobody uses up what is somebody else's by naming him.
    upstream.relay(Request { caller: unsure("bad"), ..get("slurm/jobs") }).await.unwrap();
    upstream.relay(Request { caller: sure("bob"), ..get("slurm/jobs") }).await.unwrap();
}

#[tokio::test]
async fn long_lists_come_in_parts() {
    let fake = Fake::start().await;
    for id in 3..=300 {
        fake.job(id, "PENDING", "x");
    }
    let upstream = open(&fake);
    let slice = |cursor, limit| Slice { cursor, limit, fields: [b"job_id".to_vec()].into() };
    let mut seen = Vec::new();
    let mut cursor = 0;
    loop {
        let request = Request { slice: slice(cursor, Some(70)), ..get("slurm/jobs") };
        let reply = upstream.relay(request).await.unwrap();
        assert!(!text(&reply).contains("PENDING"), "one field alone");
        seen.extend(jobs(&reply));
        let Some(next) = reply.next else { break };
        cursor = next;
    }
    assert_eq!(seen.len(), 300);
    let known = jobs_of(&upstream, "slurm/jobs").await;
    assert!(seen.iter().zip(&known).all(|(one, other)| other.starts_with(one.trim_end())));
}

#[tokio::test]
async fn a_caller_shows_himself_with_his_own_token() {
    let fake = Fake::start().await;
    let config = UpstreamConfig { identity: Identity::Caller, ..config(&[&fake]) };
    let upstream = Upstream::open(config, None).unwrap();
    let own = Caller::Own { user: "alice".to_owned(), token: "good".to_owned(), name: None };
    upstream.relay(Request { caller: own, ..get("slurm/jobs") }).await.unwrap();
    assert!(fake.asked().iter().all(|asked| asked.token == "good" && asked.name.is_none()));
    assert_eq!(upstream.verified(), 0, "whom we are sure of the cluster need not be asked about");
    let nobody = upstream.relay(get("slurm/jobs")).await;
    assert_eq!(nobody.unwrap().status, StatusCode::OK, "the copy is there");
    let nobody = upstream.relay(get("slurm/partitions")).await;
    assert!(matches!(nobody, Err(Trouble::NoIdentity(_))), "{nobody:?}");
}

#[tokio::test]
async fn others_ask_in_their_own_words() {
    let fake = Fake::start().await;
    let upstream = open(&fake);
    let alice = As::User("alice".to_owned());
    let (answer, version) =
        upstream.ask(&alice, Method::GET, "slurm", "job/1?flags=DETAIL", Bytes::new()).await.unwrap();
    assert_eq!((answer.status, version.name), (StatusCode::OK, "v0.0.44"));
    let body = Bytes::from_static(b"{}");
    upstream.ask(&As::Service, Method::POST, "slurm", "job/submit", body).await.unwrap();
    let asked = fake.asked();
    let shown: Vec<_> =
        asked.iter().map(|asked| (asked.target.as_str(), asked.name.as_deref(), &*asked.body)).collect();
    assert_eq!(
        shown[1..],
        [
            ("/slurm/v0.0.44/job/1?flags=DETAIL", Some("alice"), ""),
            ("/slurm/v0.0.44/job/submit", Some("slurm"), "{}"),
        ]
    );
}

impl Upstream {
    fn verified(&self) -> u64 {
        self.count_of(Counted::Verified)
    }
}
