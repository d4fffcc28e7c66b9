//! Nifcloud's dialect on the wire: who is let in, the shapes of answers, codes and messages of errors. Scripts and
//! synchronizations are in memory.

use crate::harness::{KEY, Reply, Revoked, Site, site_with};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use dialects::{Nifcloud, NifcloudHabits, NifcloudKeys, NifcloudSignatures};
use domain::ports::*;
use domain::who::Person;
use domain::{Text, Timestamp};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// The scripts there are, of every user.
const SCRIPTS: [(&str, &str); 10] = [
    (
        "scripts/job1.sh",
        "#!/bin/sh\n#PJM -L \"node=1,rscgrp=debug,elapse=00:01:00\"\n#PJM -g physics -p 100\ntrue\n#PJM -N late\n",
    ),
    ("plain.sh", "true\n"),
    ("bulk.sh", "#PJM --bulk --sparam 3-4 -N many\n"),
    ("first.sh", "#PJM --step -N st\n"),
    ("four.sh", "#PJM -N st --step --sparam \"jid=1,sn=1,sd=ec==4:one:0\"\n"),
    ("rest.sh", "#PJM -N st --step --sparam \"jid=1,sn=2,sd=ec>=1,sn=2\"\n"),
    ("less.sh", "#PJM -N st --step --sparam \"jid=1,sn=2,sd=ec<4:all:0\"\n"),
    ("ended.sh", "#PJM -N st --step --sparam \"jid=1,sn=3,sd=pc!=0:one:0\"\n"),
    ("bad.sh", "#PJM -L \"node=abc\"\n"),
    ("early.sh", "#PJM --step --sparam \"sd=ec!=0:one:0\"\n"),
];

struct Scripts;

impl Homes for Scripts {
    fn folder(&self, user: &Person) -> Text {
        Text::from(format!("/home/{}", user.name))
    }

    fn read(&self, user: &Person, path: &str, _most: usize) -> Result<HomeFile, NoFile> {
        let (name, script) = SCRIPTS.iter().find(|(name, _)| *name == path).ok_or(NoFile::Missing)?;
        Ok(HomeFile {
            path: format!("{}/{name}", self.folder(user)).into(),
            content: script.as_bytes().into(),
        })
    }

    fn write(&self, _user: &Person, _path: &str, _content: &[u8]) -> Result<(), NoFile> {
        Err(NoFile::Missing)
    }
}

/// Takes everything; how far it is its path says.
#[derive(Default)]
struct Copies(Mutex<Vec<Transfer>>);

impl Transfers for Copies {
    fn request(&self, transfer: &Transfer) -> Result<u64, NoTransfer> {
        let mut all = self.0.lock().unwrap();
        if transfer.path == "many" {
            return Err(NoTransfer::TooMany);
        }
        all.push(transfer.clone());
        Ok(all.len() as u64)
    }

    fn progress(&self, user: &str, number: u64) -> Result<Option<Progress>, StoreError> {
        let all = self.0.lock().unwrap();
        let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let own = at.and_then(|at| all.get(at)).filter(|transfer| transfer.user == user);
        Ok(own.map(|transfer| match (transfer.path.as_str(), transfer.direction, transfer.delete) {
            ("slow", ..) => Progress::Waiting,
            ("unfit", ..) => Progress::Unfit,
            (_, Direction::ToOnline, true) => Progress::Complete { failures: 2 },
            (_, Direction::FromOnline, false) => Progress::Complete { failures: 0 },
            other => panic!("{other:?}"),
        }))
    }
}

fn keys() -> NifcloudKeys {
    NifcloudKeys::new(KEY).unwrap()
}

/// The interface as it is usually, its switch for maintenance elsewhere.
fn nifcloud(revoked: &Arc<Revoked>) -> Nifcloud {
    Nifcloud {
        keys: Arc::new(keys()),
        revocations: revoked.clone(),
        rules: NifcloudSignatures {
            region: "jp-east-1".to_owned(),
            services: vec!["hpc-api".to_owned()],
            clock_skew: Duration::from_secs(900),
            unsigned_bodies: false,
        },
        homes: Arc::new(Scripts),
        transfers: Arc::new(Copies::default()),
        habits: NifcloudHabits {
            zone: Some(jiff::tz::TimeZone::UTC),
            aliases: true,
            applies_qopt: false,
            whole_nodes: true,
            retention: Duration::from_secs(3600),
            groups: Vec::new(),
            maintenance: PathBuf::from("/nowhere/maintenance"),
        },
        places: None,
    }
}

async fn site() -> Site {
    site_with(|revoked| Some(nifcloud(revoked))).await
}

/// Makes an access key and its secret.
fn made(user: &str) -> (String, String) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = Timestamp::from_seconds(i64::try_from(now).unwrap());
    keys().mint(user, now, Duration::from_secs(600)).unwrap()
}

/// Signs a request as AWS's own client does; returns its head without the empty line at its end.
fn head(keys: &(String, String), method: &str, path: &str, kind: Option<&str>, body: &str) -> String {
    let identity = Credentials::new(&keys.0, &keys.1, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("jp-east-1")
        .name("hpc-api")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers: Vec<(&str, &str)> =
        [("host", "x")].into_iter().chain(kind.map(|kind| ("content-type", kind))).collect();
    let signable = SignableBody::Bytes(body.as_bytes());
    let url = format!("http://x{path}");
    let request = SignableRequest::new(method, &url, headers.iter().copied(), signable).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let lines = headers.iter().copied().chain(instructions.headers());
    let lines: String = lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n{lines}", body.len())
}

async fn with(site: &Site, keys: &(String, String), request: &str, body: &str) -> Reply {
    let (method, path) = request.split_once(' ').unwrap();
    let kind = Some("application/json").filter(|_| !body.is_empty());
    site.raw(format!("{}\r\n{body}", head(keys, method, path, kind, body)).as_bytes()).await
}

async fn ask(site: &Site, user: &str, request: &str, body: &str) -> Reply {
    with(site, &made(user), request, body).await
}

/// What an error is: its status, its code, its message.
fn error(reply: &Reply) -> (u16, String, String) {
    let json = reply.json();
    assert_eq!(json.as_object().unwrap().len(), 2, "{reply:?}");
    let text = |key: &str| json[key].as_str().unwrap().to_owned();
    (reply.status, text("code"), text("message"))
}

fn known(status: u16, code: &str, message: &str) -> (u16, String, String) {
    (status, code.to_owned(), message.to_owned())
}

fn not_permitted() -> (u16, String, String) {
    known(404, "GeneralError", "Operation not permitted.")
}

fn failed() -> (u16, String, String) {
    known(400, "GeneralError", "Operation failed.")
}

fn wrong() -> (u16, String, String) {
    known(401, "Client.AuthFailurePermission", "Authentication API abended.")
}

async fn submit(site: &Site, name: &str) -> u32 {
    let reply = ask(site, "alice", "POST /jobs", &json!({ "jobfile": name }).to_string()).await;
    assert_eq!(reply.status, 201, "{name}: {reply:?}");
    u32::try_from(reply.json()["job_id"].as_u64().unwrap()).unwrap()
}

async fn shown(site: &Site, id: u32) -> Value {
    let reply = ask(site, "alice", &format!("GET /jobs/{id}"), "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

async fn listed(site: &Site) -> Vec<Value> {
    ask(site, "alice", "GET /jobs", "").await.json().as_array().unwrap().clone()
}

#[tokio::test]
async fn a_job_is_one_line_of_texts_from_its_first_to_its_last() {
    let site = site().await;
    assert_eq!(ask(&site, "alice", "GET /jobs", "").await.body, "[]");
    let body = r#"{"jobfile": "scripts/job1.sh", "qopt": "-v"}"#;
    let reply = ask(&site, "alice", "POST /jobs/", body).await;
    assert_eq!((reply.status, reply.json()), (201, json!({ "job_id": 1 })));
    assert!(reply.head.to_lowercase().contains("\r\nlocation: /jobs/1\r\n"), "{reply:?}");
    site.until(1, "RUNNING").await;
    let mut line = shown(&site, 1).await;
    for (key, length) in [("start_date", 19), ("accept", 19), ("elapsed_time", 10)] {
        let value = line.as_object_mut().unwrap().remove(key).unwrap();
        assert_eq!(value.as_str().unwrap().len(), length, "{key}: {value}");
    }
    let wanted = json!({
        "job_id": "1", "job_name": "job1.sh", "status": "RUN", "user": "alice", "group": "physics",
        "node_require": "1", "priority": "100", "queue": "debug", "Fugaku:elapsed_limit": "0000:01:00",
        "Fugaku:md": "NM", "Fugaku:vnode": "-", "Fugaku:core": "-", "Fugaku:v_mem": "-", "Fugaku:v_pol": "-",
        "Fugaku:e_pol": "-", "Fugaku:rank": "bychip", "Fugaku:lst": "RNA", "Fugaku:ec": "0", "Fugaku:pc": "0",
        "Fugaku:sn": "0", "Fugaku:reason": "-",
    });
    assert_eq!(line, wanted);
    let list = listed(&site).await;
    let names: Vec<&String> = list[0].as_object().unwrap().keys().collect();
    assert_eq!((list.len(), names.len()), (1, 26), "{names:?}");
    assert!(list[0]["elapse_time"].is_string() && list[0]["Fugaku:elapse_limit"] == "0000:01:00");
    site.end(1, 3);
    site.until(1, "FAILED").await;
    let ended = shown(&site, 1).await;
    assert_eq!(
        (&ended["status"], &ended["Fugaku:ec"], &ended["Fugaku:pc"]),
        (&json!("EXT"), &json!("3"), &json!("0"))
    );
    assert!(listed(&site).await.is_empty());
}

#[tokio::test]
async fn jobs_of_others_are_not_there() {
    let site = site().await;
    let own = submit(&site, "plain.sh").await;
    site.until(own, "RUNNING").await;
    for request in [format!("GET /jobs/{own}"), format!("DELETE /jobs/{own}"), "GET /jobs/77".to_owned()] {
        assert_eq!(error(&ask(&site, "bob", &request, "").await), not_permitted(), "{request}");
    }
    assert_eq!(ask(&site, "bob", "GET /jobs", "").await.body, "[]");
    assert_eq!(shown(&site, own).await["status"], "RUN");
    // Operators may.
    assert_eq!(ask(&site, "root", &format!("GET /jobs/{own}"), "").await.status, 200);
    let gone = ask(&site, "alice", &format!("DELETE /jobs/{own}/"), "").await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    let line = shown(&site, own).await;
    assert_eq!(
        (&line["status"], &line["Fugaku:pc"], &line["Fugaku:reason"]),
        (&json!("CCL"), &json!("1"), &json!("CANCELLED"))
    );
    let again = ask(&site, "alice", &format!("DELETE /jobs/{own}"), "").await;
    assert_eq!(error(&again), not_permitted());
}

#[tokio::test]
async fn who_is_let_in_and_who_is_not() {
    let site = site().await;
    let good = made("alice");
    assert_eq!(with(&site, &good, "GET /jobs", "").await.status, 200);
    let (foreign, secret) =
        NifcloudKeys::new(&[1; 32]).unwrap().mint("alice", Timestamp::EPOCH, Duration::from_secs(9)).unwrap();
    for (name, keys) in [
        ("another secret", (good.0.clone(), "x".repeat(40))),
        ("another key", (foreign, secret)),
        ("nobody's key", ("AKIDEXAMPLE".to_owned(), good.1.clone())),
    ] {
        assert_eq!(error(&with(&site, &keys, "GET /jobs", "").await), wrong(), "{name}");
    }
    for (headers, code, message) in [
        ("", "Client.AuthFailureRequired.AccessKey", "No access key was provided."),
        (
            "Authorization: Basic YTpi\r\n",
            "Client.AuthFailureRequired.AccessKey",
            "No access key was provided.",
        ),
        (
            "Authorization: AWS4-HMAC-SHA256 Credential=A/1/2/3/4, SignedHeaders=host\r\n",
            "Client.AuthFailureRequired.Signature",
            "No signature was provided.",
        ),
    ] {
        // Who asks comes before what for.
        for path in ["/jobs", "/jobs/x", "/files/sync/1"] {
            let request = format!("PUT {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
            let reply = site.raw(request.as_bytes()).await;
            assert_eq!(error(&reply), known(401, code, message), "{path} {headers}");
        }
    }
    // One that is taken back is like one that never was; others of the same user are as good as before.
    site.revoked.add("nifcloud", &good.0);
    assert_eq!(error(&with(&site, &good, "GET /jobs", "").await), wrong());
    assert_eq!(ask(&site, "alice", "GET /jobs", "").await.status, 200);
    // Nobody of this name.
    let stranger = known(
        403,
        "Client.AuthFailurePermission.MultiAccount",
        "You don't have enough rights to operate this API.",
    );
    assert_eq!(error(&ask(&site, "stranger", "GET /jobs", "").await), stranger);
    let closed = site_with(|revoked| {
        let mut nifcloud = nifcloud(revoked);
        nifcloud.habits.groups = vec!["bob".into()];
        Some(nifcloud)
    });
    let closed = closed.await;
    assert_eq!(error(&ask(&closed, "alice", "GET /jobs", "").await), stranger);
    assert_eq!(ask(&closed, "bob", "GET /jobs", "").await.status, 200);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_the_originals_words() {
    let site = site().await;
    let keys = made("alice");
    let post = async |kind: Option<&str>, body: &str| {
        let head = head(&keys, "POST", "/jobs", kind, body);
        site.raw(format!("{head}\r\n{body}").as_bytes()).await
    };
    for kind in [None, Some("text/plain"), Some("application/json; charset=latin1")] {
        assert_eq!(
            error(&post(kind, "{}").await),
            known(400, "GeneralError", "Invalid Content-Type."),
            "{kind:?}"
        );
    }
    for body in ["", "[]", "{bad", "5"] {
        let reply = post(Some("Application/JSON ; charset=UTF-8"), body).await;
        assert_eq!(error(&reply), known(400, "GeneralError", "Invalid Request Body."), "{body}");
    }
    let missing = post(Some("application/json"), "{}").await;
    let detail =
        json!([{"loc": ["body", "jobfile"], "msg": "field required", "type": "value_error.missing"}]);
    assert_eq!((missing.status, missing.json()), (422, json!({ "detail": detail })));
    // A number is taken as its digits, and there is no such file.
    for file in ["5", "\"absent.sh\"", "\"bad.sh\"", "\"rest.sh\"", "\"early.sh\""] {
        let reply = post(Some("application/json"), &format!("{{\"jobfile\": {file}}}")).await;
        assert_eq!(error(&reply), failed(), "{file}");
    }
    assert!(listed(&site).await.is_empty());
    for (request, allowed) in
        [("PUT /jobs", "GET, POST"), ("POST /jobs/1", "GET, DELETE"), ("GET /files/sync", "POST")]
    {
        let reply = ask(&site, "alice", request, "").await;
        let message = "A specified HTTP method is not allowed.";
        assert_eq!(
            error(&reply),
            known(405, "Client.InvalidParameterNotAllowed.Method", message),
            "{request}"
        );
        assert!(reply.head.to_lowercase().contains(&format!("\r\nallow: {}\r\n", allowed.to_lowercase())));
    }
    for request in
        ["GET /jobs/abc", "GET /jobs/1/2", "GET /files/sync/x", "GET /nope", "DELETE /jobs/1%5B2%5D"]
    {
        let reply = ask(&site, "alice", request, "").await;
        assert_eq!(
            error(&reply),
            known(404, "Client.URLNotFound", "A specified URL is not found."),
            "{request}"
        );
    }
}

#[tokio::test]
async fn synchronizations_are_whose_they_are() {
    let site = site().await;
    for (body, number) in [
        (r#"{"path": "slow"}"#, 1),
        (r#"{"path": "unfit"}"#, 2),
        (r#"{"path": "a b", "direction": "to_online", "delete": true}"#, 3),
        (r#"{"path": "c"}"#, 4),
    ] {
        let reply = ask(&site, "alice", "POST /files/sync/", body).await;
        assert_eq!((reply.status, reply.json()), (200, json!({ "requestid": number })), "{body}");
    }
    for (number, wanted) in [
        ("1", json!({ "status": "waiting" })),
        ("2", json!({ "status": "error: parameter error" })),
        ("3", json!({ "status": "complete", "result": "2" })),
        ("4", json!({ "status": "complete", "result": "0" })),
        ("5", json!({ "status": "error: no such ID" })),
        ("99999999999999999999", json!({ "status": "error: no such ID" })),
    ] {
        let reply = ask(&site, "alice", &format!("GET /files/sync/{number}"), "").await;
        assert_eq!((reply.status, reply.json()), (200, wanted), "{number}");
        let theirs = ask(&site, "bob", &format!("GET /files/sync/{number}"), "").await;
        assert_eq!(
            (theirs.status, theirs.json()),
            (200, json!({ "status": "error: no such ID" })),
            "{number}"
        );
    }
    assert_eq!(error(&ask(&site, "alice", "POST /files/sync", r#"{"path": "many"}"#).await), failed());
    let wrong =
        ask(&site, "alice", "POST /files/sync", r#"{"path": [], "direction": "up", "delete": "x"}"#).await;
    let kinds = ["type_error.str", "type_error.enum", "type_error.bool"];
    let json = wrong.json();
    let found: Vec<&str> =
        json["detail"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!((wrong.status, found), (422, kinds.to_vec()));
}

#[tokio::test]
async fn bulk_jobs_have_parts_and_steps_wait_for_one_another() {
    let site = site().await;
    let first = submit(&site, "first.sh").await;
    assert_eq!(first, 1, "the scripts name it");
    site.until(first, "RUNNING").await;
    let (four, less, ended) =
        (submit(&site, "four.sh").await, submit(&site, "less.sh").await, submit(&site, "ended.sh").await);
    let line = shown(&site, four).await;
    assert_eq!(
        (&line["job_id"], &line["status"], &line["Fugaku:md"]),
        (&json!("1_1"), &json!("QUE"), &json!("ST"))
    );
    // It leaves four: one must not run then, the others may.
    site.end(first, 4);
    site.until(four, "CANCELLED").await;
    let line = shown(&site, four).await;
    assert_eq!((&line["status"], &line["Fugaku:pc"]), (&json!("CCL"), &json!("6")));
    site.until(less, "RUNNING").await;
    site.until(ended, "RUNNING").await;
    let bulk = submit(&site, "bulk.sh").await;
    site.until_settled(bulk).await;
    let ids: Vec<Value> = listed(&site)
        .await
        .iter()
        .map(|line| line["job_id"].clone())
        .filter(|id| id.as_str().unwrap().starts_with(&bulk.to_string()))
        .collect();
    assert_eq!(ids[0], bulk.to_string());
    assert!(ids[1..].iter().all(|id| *id == format!("{bulk}[3]") || *id == format!("{bulk}[4]")), "{ids:?}");
    assert_eq!(shown(&site, bulk).await["Fugaku:md"], "BU");
}

#[tokio::test]
async fn only_so_many_requests_are_in_flight_and_strangers_take_no_place() {
    let folder = tempfile::tempdir().unwrap();
    let switch = folder.path().join("maintenance");
    let own = switch.clone();
    let site = site_with(move |revoked| {
        let mut nifcloud = nifcloud(revoked);
        nifcloud.places = Some(Arc::new(Semaphore::new(2)));
        nifcloud.habits.maintenance = own;
        Some(nifcloud)
    });
    let site = site.await;
    let keys = made("alice");
    let slow = async |credential: &str| {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        let head = format!(
            "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={credential}/20260101/r/s/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    };
    let mut strangers = Vec::new();
    for _ in 0..4 {
        strangers.push(slow("AKIDEXAMPLE").await);
    }
    assert_eq!(with(&site, &keys, "GET /jobs", "").await.status, 200);
    let mut users = vec![slow(&keys.0).await];
    let full = known(
        500,
        "Server.InternalServerError",
        "An internal error has occurred. Please try your query again at a later time.",
    );
    let end = std::time::Instant::now() + Duration::from_secs(60);
    // They arrive at their own pace, and one that comes while another request is asked is not taken.
    let refused = loop {
        users.push(slow(&keys.0).await);
        let reply = with(&site, &keys, "GET /jobs", "").await;
        if reply.status != 200 {
            break reply;
        }
        assert!(std::time::Instant::now() < end);
    };
    assert_eq!(error(&refused), full);
    assert!(refused.head.to_lowercase().contains("\r\nretry-after: 1\r\n"), "{refused:?}");
    drop(users);
    while with(&site, &keys, "GET /jobs", "").await.status != 200 {
        assert!(std::time::Instant::now() < end);
    }
    drop(strangers);
    std::fs::write(&switch, "").unwrap();
    let closed = known(503, "Server.Maintenance", "The system is in maintenance now.");
    while with(&site, &keys, "GET /jobs", "").await.status == 500 {
        assert!(std::time::Instant::now() < end);
    }
    assert_eq!(error(&with(&site, &keys, "GET /jobs", "").await), closed);
}
