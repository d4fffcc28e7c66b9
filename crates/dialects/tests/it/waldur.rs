//! Waldur's dialect on the wire: bodies, headers and statuses as its documents and its framework have them.

use crate::harness::{Reply, Site, site};
use domain::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const JOBS: &str = "/api/slurm-jobs/";
const SCRIPT: &str = "#!/bin/sh\necho hello\n";

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_seconds(i64::try_from(since.as_secs()).unwrap())
}

fn token(user: &str) -> String {
    let number = match user {
        "root" => 0,
        "alice" => 2001,
        _ => 2002,
    };
    dialects::WaldurTokens::new(crate::harness::KEY).mint(number, now(), Duration::from_secs(600))
}

/// Sends a request with headers of its own and a body.
async fn send(site: &Site, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    site.raw(&[head.as_bytes(), body].concat()).await
}

/// Sends a request as a user, with JSON if there is a body.
async fn ask(site: &Site, user: &str, method: &str, path: &str, body: &str) -> Reply {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let headers = format!("Authorization: Token {}\r\n{kind}", token(user));
    send(site, method, path, &headers, body.as_bytes()).await
}

/// Sends a form in several parts; a name with `@` is that of a file.
async fn form(site: &Site, user: &str, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
    let mut body = String::new();
    for (name, value) in fields {
        let file = name.strip_prefix('@').map(|_| "; filename=\"job.sh\"").unwrap_or_default();
        let name = name.trim_start_matches('@');
        body.push_str(&format!(
            "--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\nContent-Type: text/plain\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str("--edge--\r\n");
    let headers = format!(
        "Authorization: Token {}\r\nContent-Type: multipart/form-data; boundary=edge\r\n",
        token(user)
    );
    send(site, method, path, &headers, body.as_bytes()).await
}

/// Returns the URLs of a user's project and of the settings.
async fn places(site: &Site, user: &str) -> (String, String) {
    let url = async |path: &str| {
        let reply = ask(site, user, "GET", path, "").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()[0]["url"].as_str().unwrap().to_owned()
    };
    (url("/api/projects/").await, url("/api/service-settings/").await)
}

/// Makes a job and returns it.
async fn make(site: &Site, user: &str, name: &str, script: &str) -> Value {
    let (project, settings) = places(site, user).await;
    let fields = [("name", name), ("project", &project), ("service_settings", &settings), ("@file", script)];
    let reply = form(site, user, "POST", JOBS, &fields).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

fn path(job: &Value) -> String {
    format!("{JOBS}{}/", job["uuid"].as_str().unwrap())
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    let line = reply.head.lines().find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    });
    line.unwrap_or_default()
}

#[tokio::test]
async fn whoever_does_not_prove_who_they_are_is_told_why() {
    let site = site().await;
    let expired = dialects::WaldurTokens::new(crate::harness::KEY).mint(
        2001,
        Timestamp::from_seconds(now().seconds() - 100),
        Duration::from_secs(10),
    );
    let stranger = dialects::WaldurTokens::new(crate::harness::KEY).mint(9, now(), Duration::from_secs(60));
    for (header, why) in [
        (String::new(), "Authentication credentials were not provided."),
        ("Authorization: Bearer x\r\n".to_owned(), "Authentication credentials were not provided."),
        (format!("Authorization: Token {}\r\n", "0".repeat(40)), "Invalid token."),
        ("Authorization: Token\r\n".to_owned(), "Invalid token. No credentials provided."),
        ("Authorization: Token a b\r\n".to_owned(), "Invalid token. Token string should not contain spaces."),
        (format!("Authorization: Token {expired}\r\n"), "Token has expired."),
        (format!("Authorization: Token {stranger}\r\n"), "User inactive or deleted."),
    ] {
        let reply = send(&site, "GET", JOBS, &header, b"").await;
        assert_eq!((reply.status, reply.json()), (401, json!({ "detail": why })), "{header}");
        assert_eq!(self::header(&reply, "WWW-Authenticate"), "Token");
    }
    // The scheme in any case; the slash at the end does not matter.
    let header = format!("Authorization: token {}\r\n", token("alice"));
    assert_eq!(send(&site, "GET", "/api/slurm-jobs", &header, b"").await.status, 200);
    // Who asks comes before what for.
    assert_eq!(send(&site, "PUT", JOBS, "", b"").await.status, 401);
}

#[tokio::test]
async fn logging_in_gives_a_token_and_locks_out_who_guesses() {
    let site = site().await;
    let login = async |name: &str, password: &str| {
        let body = json!({ "username": name, "password": password }).to_string();
        send(&site, "POST", "/api-auth/password/", "Content-Type: application/json\r\n", body.as_bytes())
            .await
    };
    let reply = login("alice", "alice's password").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(token.len(), 40);
    let header = format!("Authorization: Token {token}\r\n");
    let me = send(&site, "GET", "/api/users/me/", &header, b"").await.json();
    assert_eq!((&me["username"], &me["is_staff"]), (&json!("alice"), &json!(false)));
    assert_eq!(send(&site, "POST", "/api-auth/logout/", &header, b"").await.status, 204);
    let gone = send(&site, "GET", "/api/users/me/", &header, b"").await;
    assert_eq!((gone.status, gone.json()["detail"].as_str()), (401, Some("Invalid token.")));
    for _ in 0..4 {
        let reply = login("alice", "wrong").await;
        assert_eq!((reply.status, reply.json()), (401, json!({"detail": "Invalid username/password."})));
    }
    let reply = login("alice", "alice's password").await;
    let locked = json!({"detail": "Username is locked out. Try in 10 minutes."});
    assert_eq!((reply.status, reply.json()), (401, locked));
    // Others are not; who has no password is nobody.
    assert_eq!(login("root", "root's password").await.status, 200);
    assert_eq!(login("bob", "bob's password").await.status, 401);
    let empty = send(&site, "POST", "/api-auth/password/", "", b"").await;
    let required = json!(["This field is required."]);
    assert_eq!((empty.status, empty.json()), (400, json!({"username": required, "password": required})));
}

#[tokio::test]
async fn a_job_goes_its_way() {
    let site = site().await;
    let job = make(&site, "alice", " first ", SCRIPT).await;
    let uuid = job["uuid"].as_str().unwrap();
    assert_eq!(job["name"], "first");
    assert_eq!(job["url"], format!("http://api.example.com{JOBS}{uuid}/"));
    assert_eq!(
        (&job["state"], &job["backend_id"], &job["resource_type"]),
        (&json!("OK"), &json!("1"), &json!("SLURM.Job"))
    );
    assert_eq!((&job["project_name"], &job["customer_name"]), (&json!("physics"), &json!("physics")));
    assert_eq!((&job["user_username"], &job["service_name"]), (&json!("alice"), &json!("tests")));
    assert_eq!((&job["error_message"], &job["access_url"]), (&json!(""), &Value::Null));
    for name in ["uuid", "project_uuid", "customer_uuid", "service_settings_uuid", "user_uuid"] {
        let uuid = job[name].as_str().unwrap();
        assert!(uuid.len() == 32 && uuid.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}: {uuid}");
    }
    // The same job in Slurm's words.
    let shown = site.shown(1).await;
    assert_eq!(
        (&shown["name"], &shown["account"], &shown["user_name"]),
        (&json!("first"), &json!("physics"), &json!("alice"))
    );
    site.until(1, "RUNNING").await;
    let running = ask(&site, "alice", "GET", &path(&job), "").await.json();
    assert_eq!(running["runtime_state"], "RUNNING");
    assert_eq!(running["report"]["exit_code"], Value::Null);
    site.end(1, 3);
    site.until(1, "FAILED").await;
    let dashed =
        format!("{}-{}-{}-{}-{}", &uuid[..8], &uuid[8..12], &uuid[12..16], &uuid[16..20], &uuid[20..]);
    let over = ask(&site, "alice", "GET", &format!("{JOBS}{dashed}"), "").await.json();
    assert_eq!((&over["state"], &over["runtime_state"]), (&json!("OK"), &json!("FAILED")));
    assert_eq!(over["report"]["exit_code"], 3);
    assert_eq!(over["report"]["job_file_err"], "/tmp/slurm-1.err");
    // The script, with a token only.
    let file = job["file"].as_str().unwrap().strip_prefix("http://api.example.com").unwrap();
    let script = ask(&site, "alice", "GET", file, "").await;
    assert_eq!((script.status, script.body.as_str()), (200, SCRIPT));
    assert_eq!(header(&script, "Content-Disposition"), "attachment; filename=\"job.sh\"");
    assert_eq!(send(&site, "GET", file, "", b"").await.status, 404);
    assert_eq!(ask(&site, "bob", "GET", file, "").await.status, 404);
}

#[tokio::test]
async fn all_that_is_wrong_with_a_job_is_told_at_once() {
    let site = site().await;
    let (project, settings) = places(&site, "alice").await;
    let elsewhere = "http://elsewhere/api/service-settings/0123456789abcdef0123456789abcdef/";
    let long = "x".repeat(151);
    let fields =
        [("name", long.as_str()), ("project", &settings), ("service_settings", elsewhere), ("@file", "")];
    let reply = form(&site, "alice", "POST", JOBS, &fields).await;
    let wanted = json!({
        "name": ["Ensure this field has no more than 150 characters."],
        "project": ["Invalid hyperlink - Incorrect URL match."],
        "service_settings": ["Invalid hyperlink - Object does not exist."],
        "file": ["The submitted file is empty."],
    });
    assert_eq!((reply.status, reply.json()), (400, wanted));
    let required = json!(["This field is required."]);
    let empty = ask(&site, "alice", "POST", JOBS, "").await;
    let wanted = json!({
        "name": required, "project": required, "service_settings": required, "file": ["No file was submitted."],
    });
    assert_eq!((empty.status, empty.json()), (400, wanted));
    // What the documents' own example sends.
    let text = json!({"name": "x", "project": project, "service_settings": settings, "file": "string-value"});
    let reply = ask(&site, "alice", "POST", JOBS, &text.to_string()).await;
    let wanted = json!({"file": ["The submitted data was not a file. Check the encoding type on the form."]});
    assert_eq!((reply.status, reply.json()), (400, wanted));
    // Somebody else's project is not there.
    let (foreign, _) = places(&site, "bob").await;
    let fields = [("name", "x"), ("project", &foreign), ("service_settings", &settings), ("@file", SCRIPT)];
    let reply = form(&site, "alice", "POST", JOBS, &fields).await;
    assert_eq!(reply.json(), json!({"project": ["Invalid hyperlink - Object does not exist."]}));
    let head = ask(&site, "alice", "HEAD", JOBS, "").await;
    assert_eq!(header(&head, "X-Result-Count"), "0");
}

#[tokio::test]
async fn requests_that_make_no_sense_are_answered_as_the_framework_does() {
    let site = site().await;
    let job = path(&make(&site, "alice", "x", SCRIPT).await);
    let unknown = format!("{JOBS}0123456789abcdef0123456789abcdef/");
    for (method, path, body, status, wanted) in [
        (
            "POST",
            JOBS,
            "[1]",
            400,
            json!({"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
        ),
        ("PUT", JOBS, "", 405, json!({"detail": "Method \"PUT\" not allowed."})),
        ("GET", &format!("{job}pull/"), "", 405, json!({"detail": "Method \"GET\" not allowed."})),
        ("GET", &unknown, "", 404, json!({"detail": "No Job matches the given query."})),
        ("GET", "/api/slurm-jobs/zzz/", "", 404, json!({"detail": "Not found."})),
        ("GET", "/api/slurm-jobs/?page=2", "", 404, json!({"detail": "Invalid page."})),
        (
            "GET",
            "/api/slurm-jobs/?state=ok",
            "",
            400,
            json!({"state": ["Select a valid choice. ok is not one of the available choices."]}),
        ),
        (
            "POST",
            &format!("{job}unlink/"),
            "",
            403,
            json!({"detail": "You do not have permission to perform this action."}),
        ),
        ("PATCH", &job, r#"{"name": ""}"#, 400, json!({"name": ["This field may not be blank."]})),
        (
            "PATCH",
            &job,
            r#"{"name": null, "description": []}"#,
            400,
            json!({"name": ["This field may not be null."], "description": ["Not a valid string."]}),
        ),
        ("PUT", &job, "{}", 400, json!({"name": ["This field is required."]})),
        ("GET", "/api/projects/0123456789abcdef0123456789abcdef/", "", 404, json!({"detail": "Not found."})),
    ] {
        let reply = ask(&site, "alice", method, path, body).await;
        assert_eq!((reply.status, reply.json()), (status, wanted), "{method} {path} {body}");
    }
    let own = format!("Authorization: Token {}\r\n", token("alice"));
    let broken = send(&site, "POST", JOBS, &format!("{own}Content-Type: application/json\r\n"), b"{").await;
    assert!(
        broken.status == 400 && broken.json()["detail"].as_str().unwrap().starts_with("JSON parse error - ")
    );
    let text = send(&site, "POST", JOBS, &format!("{own}Content-Type: text/plain\r\n"), b"x").await;
    assert_eq!(
        (text.status, text.json()),
        (415, json!({"detail": "Unsupported media type \"text/plain\" in request."}))
    );
    let html = send(&site, "GET", JOBS, &format!("{own}Accept: text/html\r\n"), b"").await;
    assert_eq!(
        (html.status, html.json()),
        (406, json!({"detail": "Could not satisfy the request Accept header."}))
    );
    let put = ask(&site, "alice", "PUT", JOBS, "").await;
    assert_eq!(header(&put, "Allow"), "GET, POST, HEAD, OPTIONS");
    let options = ask(&site, "alice", "OPTIONS", JOBS, "").await;
    assert_eq!(options.json()["actions"]["POST"]["name"]["max_length"], 150);
    let named = send(&site, "GET", "/api/version/", "X-Request-ID: 7\r\n", b"").await;
    assert_eq!(header(&named, "X-Request-ID"), "7");
    let preflight = send(&site, "OPTIONS", JOBS, "Access-Control-Request-Method: POST\r\n", b"").await;
    assert_eq!((preflight.status, preflight.body.as_str()), (200, ""));
    let (project, settings) = places(&site, "alice").await;
    let large = "x".repeat((1 << 20) + 1);
    let fields =
        [("name", "x"), ("project", project.as_str()), ("service_settings", &settings), ("@file", &large)];
    assert_eq!(form(&site, "alice", "POST", JOBS, &fields).await.status, 413);
    let larger = "x".repeat(3 << 20);
    assert_eq!(ask(&site, "alice", "POST", JOBS, &larger).await.status, 413);
}

#[tokio::test]
async fn lists_come_in_pages_with_links() {
    let site = site().await;
    for number in 0..23 {
        make(&site, "alice", &format!("job {number}"), SCRIPT).await;
    }
    make(&site, "bob", "not hers", SCRIPT).await;
    let list = async |query: &str| ask(&site, "alice", "GET", &format!("{JOBS}?{query}"), "").await;
    let second = list("page_size=10&field=uuid&field=name&page=2").await;
    assert_eq!(header(&second, "X-Result-Count"), "23");
    let jobs = second.json();
    assert_eq!(jobs.as_array().unwrap().len(), 10);
    assert_eq!(jobs[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["name", "uuid"]);
    assert_eq!(jobs[0]["name"], "job 12");
    let at = |query: &str| format!("<http://api.example.com{JOBS}?field=uuid&field=name&{query}>");
    let links = format!(
        "{first}; rel=\"first\", {first}; rel=\"prev\", {last}; rel=\"next\", {last}; rel=\"last\"",
        first = at("page_size=10"),
        last = at("page=3&page_size=10")
    );
    assert_eq!(header(&second, "Link"), links);
    let third = list("page=3").await;
    assert_eq!(third.json().as_array().unwrap().len(), 3);
    assert!(!header(&third, "Link").contains("rel=\"next\""));
    for page in ["4", "0", "x"] {
        assert_eq!(list(&format!("page={page}")).await.status, 404, "{page}");
    }
    for (query, count) in [("page_size=0", 10), ("page_size=x", 10), ("page_size=100000", 23), ("", 10)] {
        assert_eq!(list(query).await.json().as_array().unwrap().len(), count, "{query}");
    }
    let names = |reply: Reply| {
        let jobs = reply.json();
        jobs.as_array()
            .unwrap()
            .iter()
            .map(|job| job["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(list("name=JOB%202&o=name").await), ["job 2", "job 20", "job 21", "job 22"]);
    assert_eq!(names(list("name_exact=job%207").await), ["job 7"]);
    assert_eq!(names(list("backend_id=3&state=OK&state=ERRED").await), ["job 2"]);
    assert_eq!(names(list("o=created&page_size=2").await), ["job 0", "job 1"]);
    assert!(names(list("runtime_state=COMPLETED").await).is_empty());
    let all = list("page_size=1").await.json()[0].clone();
    let by = |name: &str| format!("{name}={}&page_size=1", all[name].as_str().unwrap());
    for name in ["project_uuid", "customer_uuid", "user_uuid"] {
        assert_eq!(header(&list(&by(name)).await, "X-Result-Count"), "23", "{name}");
    }
    // Staff sees all.
    let all = ask(&site, "root", "HEAD", JOBS, "").await;
    assert_eq!((header(&all, "X-Result-Count"), all.body.as_str()), ("24", ""));
}

#[tokio::test]
async fn what_is_refused_stays_as_a_record() {
    let site = site().await;
    let job = make(&site, "alice", "bad", "#!/bin/sh\n#SBATCH --partition=nope\n").await;
    assert_eq!(
        (&job["state"], &job["backend_id"], &job["runtime_state"]),
        (&json!("ERRED"), &json!(""), &json!(""))
    );
    assert_eq!(job["error_message"], "unknown option --partition=nope");
    let path = path(&job);
    let pull = ask(&site, "alice", "POST", &format!("{path}pull/"), "").await;
    assert_eq!((pull.status, pull.json()), (400, json!(["Resource does not have backend ID."])));
    let change = ask(&site, "alice", "PATCH", &path, r#"{"description": "x"}"#).await;
    assert_eq!((change.status, change.json()), (409, json!({"detail": "Valid states for operation: OK."})));
    let listed = ask(&site, "alice", "GET", &format!("{JOBS}?state=ERRED"), "").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(ask(&site, "bob", "GET", &path, "").await.status, 404);
    let ok = ask(&site, "root", "POST", &format!("{path}set_ok/"), "").await;
    assert_eq!(ok.status, 200);
    let change = ask(&site, "alice", "PATCH", &path, r#"{"description": "x"}"#).await.json();
    assert_eq!((&change["description"], &change["error_message"]), (&json!("x"), &json!("")));
    assert_eq!(ask(&site, "alice", "DELETE", &path, "").await.status, 204);
    assert_eq!(ask(&site, "alice", "GET", &path, "").await.status, 404);
}

#[tokio::test]
async fn records_are_changed_and_jobs_are_not() {
    let site = site().await;
    let job = make(&site, "alice", "one", SCRIPT).await;
    let path = path(&job);
    site.until(1, "RUNNING").await;
    let patched = ask(&site, "alice", "PATCH", &path, r#"{"description": "why"}"#).await.json();
    assert_eq!((&patched["name"], &patched["description"]), (&json!("one"), &json!("why")));
    assert_eq!(site.shown(1).await["comment"], "why");
    // Everything a client sends, of which but two things can change.
    let (foreign, settings) = places(&site, "bob").await;
    let fields = [
        ("name", "two"),
        ("project", &foreign),
        ("service_settings", &settings),
        ("@file", "other"),
        ("runtime_state", "GONE"),
    ];
    let put = form(&site, "alice", "PUT", &path, &fields).await;
    assert_eq!(put.status, 200, "{put:?}");
    let put = put.json();
    assert_eq!(
        (&put["name"], &put["description"], &put["runtime_state"]),
        (&json!("two"), &json!("why"), &json!("RUNNING"))
    );
    assert_eq!((&put["project"], &put["file"]), (&job["project"], &job["file"]));
    assert_eq!(site.shown(1).await["name"], "two");
    site.end(1, 0);
    site.until(1, "COMPLETED").await;
    let late = ask(&site, "alice", "PATCH", &path, r#"{"name": "three"}"#).await.json();
    assert_eq!((&late["name"], &late["description"]), (&json!("three"), &json!("why")));
    // Staff takes it out of service, and a pull brings it back.
    let fault = r#"{"error_message": "lost", "error_traceback": "there"}"#;
    assert_eq!(ask(&site, "alice", "POST", &format!("{path}set_erred/"), fault).await.status, 403);
    assert_eq!(ask(&site, "root", "POST", &format!("{path}set_erred/"), fault).await.status, 200);
    let erred = ask(&site, "alice", "GET", &path, "").await.json();
    assert_eq!(
        (&erred["state"], &erred["error_message"], &erred["error_traceback"]),
        (&json!("ERRED"), &json!("lost"), &json!("there"))
    );
    assert_eq!(ask(&site, "alice", "PUT", &path, r#"{"name": "x"}"#).await.status, 409);
    let pull = ask(&site, "alice", "POST", &format!("{path}pull/"), "").await;
    assert_eq!(
        (pull.status, pull.json()),
        (202, json!({"detail": "Pull operation was successfully scheduled."}))
    );
    let fresh = ask(&site, "alice", "GET", &path, "").await.json();
    assert_eq!((&fresh["state"], &fresh["error_message"]), (&json!("OK"), &json!("")));
}

#[tokio::test]
async fn deleting_ends_a_job_and_unlinking_does_not() {
    let site = site().await;
    let doomed = path(&make(&site, "alice", "doomed", SCRIPT).await);
    let kept = path(&make(&site, "alice", "kept", SCRIPT).await);
    site.until(1, "RUNNING").await;
    site.until(2, "RUNNING").await;
    assert_eq!(ask(&site, "bob", "DELETE", &doomed, "").await.status, 404);
    let deleted = ask(&site, "alice", "DELETE", &doomed, "").await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    assert_eq!(ask(&site, "alice", "GET", &doomed, "").await.status, 404);
    assert_eq!(ask(&site, "alice", "DELETE", &doomed, "").await.status, 404);
    let state = &site.shown(1).await["job_state"];
    assert_eq!(state[0], "CANCELLED", "{state}");
    assert_eq!(ask(&site, "root", "POST", &format!("{kept}unlink/"), "").await.status, 204);
    assert_eq!(ask(&site, "alice", "GET", &kept, "").await.status, 404);
    assert_eq!(site.shown(2).await["job_state"][0], "RUNNING");
    let head = ask(&site, "alice", "HEAD", JOBS, "").await;
    assert_eq!(header(&head, "X-Result-Count"), "0");
    // Also when they are history.
    site.end(2, 0);
    site.until(2, "COMPLETED").await;
    assert_eq!(header(&ask(&site, "root", "HEAD", JOBS, "").await, "X-Result-Count"), "0");
}

#[tokio::test]
async fn jobs_of_other_dialects_are_records_as_well() {
    let site = site().await;
    let id = site.job("alice", r#""name": "slurm's", "comment": "from elsewhere", "array": "0-2""#).await;
    let listed = ask(&site, "alice", "GET", JOBS, "").await.json();
    let listed = listed.as_array().unwrap();
    // An array is one record, whatever becomes of its tasks.
    assert_eq!(listed.len(), 1, "{listed:?}");
    let job = &listed[0];
    assert_eq!(
        (&job["name"], &job["description"], &job["user_username"]),
        (&json!("slurm's"), &json!("from elsewhere"), &json!("alice"))
    );
    assert_eq!(job["backend_id"], id.to_string());
    site.until_settled(id).await;
    let shown = ask(&site, "alice", "GET", &path(job), "").await.json();
    assert_eq!((&shown["uuid"], &shown["runtime_state"]), (&job["uuid"], &json!("RUNNING")));
    let tasks = shown["report"]["tasks"].as_object().unwrap();
    assert_eq!(tasks.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 3);
    assert_eq!(ask(&site, "alice", "DELETE", &path(job), "").await.status, 204);
    assert_eq!(header(&ask(&site, "alice", "HEAD", JOBS, "").await, "X-Result-Count"), "0");
    assert_eq!(site.shown(id).await["job_state"][0], "CANCELLED");
}

#[tokio::test]
async fn what_a_client_needs_beside_jobs_is_there() {
    let site = site().await;
    let get = async |path: &str| {
        let reply = ask(&site, "alice", "GET", path, "").await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.json()
    };
    for path in ["/api/version/", "/api/configuration/"] {
        assert_eq!(send(&site, "GET", path, "", b"").await.status, 200, "{path}");
    }
    assert_eq!(get("/api/version/").await["version"], "test");
    let root = get("/api/").await;
    assert_eq!(root["slurm-jobs"], "http://api.example.com/api/slurm-jobs/");
    for room in ["projects", "customers", "service-settings"] {
        let list = get(root[room].as_str().unwrap().strip_prefix("http://api.example.com").unwrap()).await;
        let one = &list[0];
        let path = one["url"].as_str().unwrap().strip_prefix("http://api.example.com").unwrap();
        assert_eq!(&get(path).await, one, "{room}");
        let head = ask(&site, "alice", "HEAD", &format!("/api/{room}/"), "").await;
        assert_eq!((header(&head, "X-Result-Count"), head.body.as_str()), ("1", ""));
    }
    let settings = get("/api/service-settings/").await[0].clone();
    assert_eq!((&settings["type"], &settings["state"]), (&json!("SLURM"), &json!("OK")));
    // Whoever is in no account has a project alone.
    let bobs = ask(&site, "bob", "GET", "/api/projects/", "").await.json();
    assert_eq!((&bobs[0]["name"], &bobs[0]["customer_name"]), (&json!("bob"), &json!("bob")));
    let path = bobs[0]["url"].as_str().unwrap().strip_prefix("http://api.example.com").unwrap();
    assert_eq!(ask(&site, "alice", "GET", path, "").await.status, 404);
    assert_eq!(ask(&site, "root", "GET", path, "").await.status, 200);
    let me = get("/api/users/me/").await;
    let path = me["url"].as_str().unwrap().strip_prefix("http://api.example.com").unwrap().to_owned();
    assert_eq!(get(&path).await, me);
    assert_eq!(ask(&site, "bob", "GET", &path, "").await.status, 404);
    assert_eq!(get("/api/users/me/?field=username").await, json!({"username": "alice"}));
}
