//! Slurm's interface in front of a cluster: what is handed to it, and what becomes of what it says.

use crate::harness::{Reply, Site, site_before};
use dialects::{Forward, Forwarded, Forwarding, Judging, NotForwarded, SlurmCluster};
use hyper::StatusCode;
use hyper::header::HeaderValue;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A cluster that says what it is told to, and keeps what it was asked.
#[derive(Default)]
struct Told {
    asked: Mutex<Vec<Forward>>,
    says: Mutex<Option<Result<Forwarded, NotForwarded>>>,
}

impl SlurmCluster for Told {
    fn forward(&self, request: Forward) -> Forwarding<'_> {
        self.asked.lock().unwrap().push(request);
        let said = self.says.lock().unwrap().clone().unwrap_or_else(|| Ok(answer("{\"jobs\":[]}")));
        Box::pin(async move { said })
    }

    fn knows<'a>(&'a self, token: &'a str, _name: Option<&'a str>) -> Judging<'a> {
        Box::pin(async move { token == "known" })
    }

    fn longest_wait(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn counts(&self) -> Vec<(&'static str, &'static str, u64)> {
        vec![("quintet_cluster_calls_total", "Requests.", 7)]
    }
}

impl Told {
    fn says(&self, said: Result<Forwarded, NotForwarded>) {
        *self.says.lock().unwrap() = Some(said);
    }

    fn last(&self) -> Forward {
        self.asked.lock().unwrap().pop().unwrap()
    }
}

fn answer(body: &'static str) -> Forwarded {
    Forwarded {
        status: StatusCode::OK,
        content_type: Some(HeaderValue::from_static("application/json")),
        body: vec![body.into()],
        is_gzip: false,
        age: None,
        tag: None,
        next: None,
    }
}

/// Returns a header of an answer.
fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let lines = reply.head.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

async fn started() -> (Arc<Told>, Site) {
    let told = Arc::new(Told::default());
    let site = site_before(Arc::clone(&told) as Arc<dyn SlurmCluster>).await;
    (told, site)
}

async fn with(site: &Site, method: &str, path: &str, headers: &str, body: &str) -> Reply {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nConnection: close\r\nX-SLURM-USER-TOKEN: {}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        Site::token("alice"),
        body.len()
    );
    site.raw(request.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_handed_on_as_they_came() {
    let (told, site) = started().await;
    let headers =
        "X-SLURM-USER-NAME: alice\r\nContent-Type: application/json\r\nAccept-Encoding: br, gzip\r\n";
    let path = "//slurm/v0.0.43/node/n%5B1-2%5D/?update_time=5&flags=DETAIL";
    assert_eq!(with(&site, "GET", path, headers, "").await.status, 200);
    let asked = told.last();
    assert_eq!((asked.part, asked.version.name, asked.pattern), ("slurm", "v0.0.43", "node/*"));
    assert_eq!((asked.parameter.as_str(), asked.user.as_deref()), ("n[1-2]", Some("alice")));
    assert_eq!(
        asked.query,
        [("update_time".to_owned(), Some("5".to_owned())), ("flags".to_owned(), Some("DETAIL".to_owned()))]
    );
    assert_eq!((asked.name.as_deref(), asked.takes_gzip, asked.is_fresh), (Some("alice"), true, false));
    assert!(asked.token.split('.').count() == 3 && asked.key.is_none());
    // Bodies are not looked at: the cluster reads them itself.
    let headers = "Content-Type: application/json\r\nCache-Control: no-cache\r\n";
    assert_eq!(with(&site, "POST", "/slurmdb/v0.0.44/accounts/", headers, "{nonsense").await.status, 200);
    let asked = told.last();
    assert_eq!((asked.part, &asked.body[..], asked.is_fresh), ("slurmdb", &b"{nonsense"[..], true));
    // A token that does not hold here is the cluster's to judge, and speaks for nobody.
    let bad = "GET /slurm/v0.0.44/jobs/ HTTP/1.1\r\nConnection: close\r\nX-SLURM-USER-TOKEN: other\r\n\r\n";
    assert_eq!(site.raw(bad.as_bytes()).await.status, 200);
    let asked = told.last();
    assert_eq!((asked.user, asked.token.as_str()), (None, "other"));
    let none = site.raw(b"GET /slurm/v0.0.44/jobs/ HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(none.status, 401);
    assert_eq!(site.slurm("alice", "GET", "nothing", "").await.status, 404);
    assert_eq!(site.ask("alice", "GET", "/quintet/v1/whoami", "").await.status, 404);
    assert!(told.asked.lock().unwrap().is_empty());
    // These are answered here, whoever has the jobs.
    assert_eq!(site.ask("alice", "GET", "/openapi/v3", "").await.status, 200);
    assert!(site.ask("alice", "GET", "/metrics", "").await.body.contains("quintet_cluster_calls_total 7"));
    assert!(told.asked.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_handed_back_as_they_came() {
    let (told, site) = started().await;
    told.says(Ok(Forwarded {
        body: vec!["{\"jobs\":[".into(), "{\"job_id\":1}".into(), "]}".into()],
        age: Some(Duration::from_millis(2345)),
        tag: Some("W/\"1-2\"".to_owned()),
        next: Some(9),
        ..answer("")
    }));
    let reply = site.slurm("alice", "GET", "jobs/?limit=1&fields=job_id", "").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{\"jobs\":[{\"job_id\":1}]}"));
    for (name, value) in
        [("age", "2"), ("x-quintet-age-ms", "2345"), ("etag", "W/\"1-2\""), ("x-next-cursor", "9")]
    {
        assert_eq!(header(&reply, name), Some(value), "{name}");
    }
    let asked = told.last();
    assert_eq!((asked.limit, asked.fields.len(), asked.query.len()), (Some(1), 1, 0));
    let refusal = Forwarded { status: StatusCode::UNPROCESSABLE_ENTITY, ..answer("{ \"errors\" : [] }") };
    told.says(Ok(refusal));
    let reply = site.slurm("alice", "DELETE", "jobs/", "").await;
    assert_eq!((reply.status, reply.body.as_str()), (422, "{ \"errors\" : [] }"));
    told.says(Ok(Forwarded {
        status: StatusCode::NOT_MODIFIED,
        content_type: None,
        body: vec![],
        ..answer("")
    }));
    assert_eq!(site.slurm("alice", "GET", "nodes/?update_time=7", "").await.status, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_on_the_way_is_told_in_slurms_own_shape() {
    let (told, site) = started().await;
    for (why, method, status, number) in [
        (NotForwarded::Unreachable("refused".to_owned()), "POST", 503, 1800),
        (NotForwarded::Unanswered("late".to_owned()), "POST", 504, 5004),
        (NotForwarded::Unanswered("late".to_owned()), "GET", 504, 5004),
        (NotForwarded::TooMany(Duration::from_millis(1500)), "GET", 429, 11),
        (NotForwarded::NoIdentity("none".to_owned()), "GET", 503, 1007),
        (NotForwarded::BadKey("used"), "POST", 422, 9000),
    ] {
        told.says(Err(why.clone()));
        let reply = site.slurm("alice", method, "nodes/", "").await;
        assert_eq!((reply.status, reply.errors()[0].0), (status, number), "{why:?}");
        let pause = header(&reply, "retry-after");
        assert_eq!(
            pause.is_some(),
            matches!(status, 503 | 429) && number != 1007 || method == "GET" && status == 504
        );
        if status == 504 {
            assert_eq!(reply.body.contains("not known"), method == "POST");
        }
    }
    told.says(Err(NotForwarded::NotOffered));
    assert_eq!(site.slurm("alice", "GET", "nodes/", "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_handed_on_and_what_a_cluster_cannot_do_is_refused() {
    let (told, site) = started().await;
    let key = "Content-Type: application/json\r\nIdempotency-Key: \"a\"\r\n";
    assert_eq!(with(&site, "POST", "/slurm/v0.0.44/job/submit", key, "{}").await.status, 200);
    assert_eq!(told.last().key.unwrap().0, "a");
    for (path, headers, number) in [
        ("job/allocate", "Idempotency-Key: a\r\n", 2036),
        ("job/submit", "X-Test-Only: true\r\n", 2036),
        ("job/submit", "X-Sbatch-Lines: honor\r\n", 2036),
        ("job/submit", "Idempotency-Key: a\r\nIdempotency-Key: b\r\n", 9000),
    ] {
        let reply = with(&site, "POST", &format!("/slurm/v0.0.44/{path}"), headers, "").await;
        assert_eq!((reply.status, reply.errors()[0].0), (422, number), "{headers}");
    }
    assert!(told.asked.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_wait_for_the_cluster_where_that_is_asked_for() {
    let (told, site) = started().await;
    for (method, headers, wait) in [
        ("POST", "Prefer: wait=10\r\n", Some(10)),
        ("POST", "Prefer: wait=1000\r\n", Some(60)),
        ("POST", "Prefer: respond-async\r\n", None),
        ("POST", "", None),
        ("GET", "Prefer: wait=10\r\n", None),
    ] {
        for says in [Ok(answer("{}")), Err(NotForwarded::Unreachable("gone".to_owned()))] {
            told.says(says);
            let path = if method == "GET" { "/slurm/v0.0.44/jobs/" } else { "/slurm/v0.0.44/job/submit" };
            let reply = with(&site, method, path, headers, "").await;
            assert_eq!(told.last().wait, wait.map(Duration::from_secs), "{method} {headers}");
            let applied = wait.map(|wait| format!("wait={wait}"));
            assert_eq!(header(&reply, "Preference-Applied"), applied.as_deref());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_bodies_are_taken_of_those_whom_the_cluster_knows() {
    let (told, site) = started().await;
    let body = "x".repeat(3 << 20);
    for (token, status) in [("known", 200), ("other", 413)] {
        let request = format!(
            "POST /slurm/v0.0.44/job/submit HTTP/1.1\r\nConnection: close\r\nX-SLURM-USER-TOKEN: {token}\r\nContent-Length: \
             {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(site.raw(request.as_bytes()).await.status, status, "{token}");
    }
    assert_eq!(told.last().body.len(), body.len());
}
