//! ClusterCockpit's interface on the real program: the conversations of the facts, what becomes of a job until it is in the
//! archive, and jobs of our own engine among those registered from outside.

use crate::program::Program;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const CONFIG: &str = "[cluster]\nname = \"own\"\n[clustercockpit]\nclusters = [\"testcluster.json\", \"wild.json\"]\n\
    allowed_ips = [\"127.0.0.1\"]\nmax_series = 1000\n[engine]\n";

fn described(name: &str, sub: &str, nodes: &str) -> String {
    let metric = |name: &str, scope: &str| {
        json!({"name": name, "scope": scope, "unit": {"base": ""}, "timestep": 60, "aggregation": "sum", "peak": 8,
            "normal": 8, "caution": 4, "alert": 2, "footprint": "avg"})
    };
    let threads: Vec<u32> = (0..8).collect();
    let cores: Vec<[u32; 1]> = threads.iter().map(|thread| [*thread]).collect();
    json!({
        "name": name,
        "metricConfig": [metric("load_one", "node"), metric("flops_any", "hwthread")],
        "subClusters": [{"name": sub, "nodes": nodes, "processorType": "x", "socketsPerNode": 1, "coresPerSocket": 8,
            "threadsPerCore": 1, "topology": {"node": threads, "socket": [threads], "memoryDomain": [threads],
            "core": cores}}],
    })
    .to_string()
}

pub(crate) struct World {
    pub(crate) quintet: Program,
    client: Client,
    token: String,
}

impl World {
    pub(crate) fn serving() -> Self {
        World::serving_with(CONFIG)
    }

    pub(crate) fn serving_with(config: &str) -> Self {
        let around = tempfile::tempdir().unwrap();
        std::fs::write(
            around.path().join("testcluster.json"),
            described("testcluster", "sc1", "host[123-125]"),
        )
        .unwrap();
        std::fs::write(around.path().join("wild.json"), described("wild", "any", "*")).unwrap();
        let quintet = Program::serving_in(around, config, |_| ());
        let token = World::token(&quintet, &["api"]);
        World { quintet, client: Client::new(), token }
    }

    fn token(quintet: &Program, roles: &[&str]) -> String {
        let mut words = vec!["token", "tester", "--for", "clustercockpit"];
        for role in roles {
            words.extend(["--role", role]);
        }
        quintet.ok(&words).trim().to_owned()
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("http://{}/api{path}", self.quintet.address()))
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = self.request(method, path).header("X-Auth-Token", &self.token).body(body.to_owned());
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn list(&self, query: &str) -> Vec<Value> {
        let (status, answer) = self.ask("GET", &format!("/jobs/?{query}"), "").await;
        assert_eq!(status, 200, "{answer}");
        answer["jobs"].as_array().unwrap().clone()
    }
}

fn job(id: i64, cluster: &str, host: &str, start: i64) -> Value {
    json!({"jobId": id, "user": "testuser", "project": "testproj", "cluster": cluster, "numNodes": 1, "numHwthreads": 8,
        "exclusive": 1, "monitoringStatus": 1, "smt": 1, "startTime": start, "walltime": 3600,
        "tags": [{"type": "testTagType", "name": "testTagName"}],
        "resources": [{"hostname": host, "hwthreads": [0, 1, 2, 3, 4, 5, 6, 7]}], "metaData": {"jobScript": "blabla <&>"}})
}

/// Checks that a file of the archive is as `conformance/archive` describes it.
#[track_caller]
fn follows(name: &str, file: &Value) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../conformance/archive/{name}.schema.json"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rules = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> =
        rules.iter_errors(file).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{name}: {wrong:?} in {file}");
}

fn with(mut job: Value, field: &str, value: Value) -> String {
    job[field] = value;
    job.to_string()
}

fn without(mut job: Value, field: &str) -> String {
    job.as_object_mut().unwrap().remove(field);
    job.to_string()
}

#[tokio::test]
async fn a_token_is_of_the_service_that_the_environment_names() {
    let mut world = World::serving();
    let mut command = crate::program::quintet();
    command.args(["token", "tester", "--for", "clustercockpit", "--role", "user,api"]);
    let made = command.env("QUINTET_STATE", world.quintet.state()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    world.token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert_eq!(world.ask("GET", "/clusters/", "").await.0, 200);
    assert_eq!(world.ask("GET", "/users/", "").await.0, 403);
}

#[tokio::test]
async fn what_is_told_of_a_job_is_answered_as_the_original_does() {
    let world = World::serving();
    let base = || job(1, "testcluster", "host123", 1000);
    let start = "/jobs/start_job/";
    // The single cases of the facts, 8.2, by their numbers; each job has a number of its own.
    for (case, method, path, body, status) in [
        (1, "POST", start, with(base(), "foo", json!(1)), 400),
        (2, "POST", start, with(base(), "cluster", json!("nope")), 400),
        (2, "POST", start, without(base(), "cluster"), 400),
        (3, "POST", start, job(3, "testcluster", "zzz", 1000).to_string(), 400),
        (3, "POST", start, job(3, "wild", "zzz", 1000).to_string(), 201),
        (4, "POST", start, with(base(), "subCluster", json!("xx")), 400),
        (4, "POST", start, with(job(4, "testcluster", "zzz", 1000), "subCluster", json!("sc1")), 201),
        (5, "POST", start, with(base(), "resources", json!([])), 400),
        (6, "POST", start, without(base(), "user"), 400),
        (7, "POST", start, with(base(), "numNodes", json!(2)), 400),
        (8, "POST", start, with(base(), "numAcc", json!(-1)), 400),
        (9, "POST", start, with(base(), "jobState", json!("requeued")), 400),
        (10, "POST", start, without(job(10, "testcluster", "host123", 1000), "project"), 201),
        (11, "POST", start, without(job(11, "testcluster", "host123", 1000), "exclusive"), 201),
        (12, "POST", start, with(base(), "exclusive", json!(3)), 400),
        (12, "POST", start, with(job(12, "testcluster", "host123", 1000), "smt", json!(2)), 201),
        (
            13,
            "POST",
            start,
            with(job(13, "testcluster", "host123", 1000), "jobState", json!("completed")),
            201,
        ),
        (15, "PUT", start, job(15, "testcluster", "host123", 1000).to_string(), 201),
        (15, "POST", "/jobs/start_job", job(16, "testcluster", "host123", 1000).to_string(), 201),
        (16, "GET", "/jobs/?foo=1", String::new(), 400),
        (18, "GET", "/jobs/?items-per-page=abc", String::new(), 400),
        (19, "GET", "/jobs/?state=bogus", String::new(), 400),
        (20, "GET", "/jobs/?cluster=nope", String::new(), 200),
        (21, "GET", "/jobs/?start-time=1600000000", String::new(), 400),
        (23, "POST", "/jobs/99999", "[]".to_owned(), 422),
        (24, "POST", "/jobs/abc", "[]".to_owned(), 400),
        (25, "POST", "/jobs/1", "{}".to_owned(), 400),
        (26, "POST", "/jobs/1", r#"["nope"]"#.to_owned(), 200),
        (27, "POST", "/jobs/1", "null".to_owned(), 200),
        (28, "POST", "/jobs/stop_job/", r#"{"stopTime": 2000}"#.to_owned(), 400),
        (29, "POST", "/jobs/stop_job/", r#"{"jobId": 777, "stopTime": 2000}"#.to_owned(), 422),
        (
            30,
            "POST",
            "/jobs/stop_job/",
            r#"{"jobId": 3, "cluster": "testcluster", "stopTime": 2000}"#.to_owned(),
            422,
        ),
        (30, "POST", "/jobs/stop_job/", r#"{"jobId": 3, "startTime": 1, "stopTime": 2000}"#.to_owned(), 422),
        (31, "POST", "/jobs/stop_job/", r#"{"jobId": 3, "stopTime": 999}"#.to_owned(), 400),
        (
            33,
            "POST",
            "/jobs/stop_job/",
            r#"{"jobId": 3, "stopTime": 2000, "jobState": "requeued"}"#.to_owned(),
            400,
        ),
        (34, "POST", "/jobs/stop_job/", r#"{"jobId": 3, "stopTime": 2000}"#.to_owned(), 200),
        (32, "POST", "/jobs/stop_job/", r#"{"jobId": 3, "stopTime": 2000}"#.to_owned(), 400),
        (35, "POST", "/jobs/stop_job/xx", r#"{"stopTime": 2000}"#.to_owned(), 400),
        (35, "POST", "/jobs/stop_job/99999", r#"{"stopTime": 2000}"#.to_owned(), 422),
        (36, "POST", "/jobs/tag_job/1", r#"[{"type": "Debug", "name": "Testjob"}]"#.to_owned(), 200),
        (36, "PATCH", "/jobs/tag_job/1", r#"[{"type": "Debug", "name": "Testjob"}]"#.to_owned(), 200),
        (37, "POST", "/jobs/tag_job/99999", "[]".to_owned(), 404),
        (38, "POST", "/jobs/tag_job/1", "{}".to_owned(), 400),
        (39, "DELETE", "/jobs/delete_job/", "{}".to_owned(), 400),
        (39, "DELETE", "/jobs/delete_job/", r#"{"jobId": 777}"#.to_owned(), 422),
        (39, "DELETE", "/jobs/delete_job/", r#"{"jobId": 10}"#.to_owned(), 200),
        (40, "DELETE", "/jobs/delete_job/987654", String::new(), 200),
        (41, "DELETE", "/jobs/delete_job_before/abc", String::new(), 400),
        (42, "GET", "/users/", String::new(), 403),
        // Beyond the facts: unknown paths and methods are not found.
        (0, "GET", "/jobs/start_job/x/y", String::new(), 404),
        (0, "DELETE", "/jobs/", String::new(), 404),
    ] {
        let (found, answer) = world.ask(method, path, &body).await;
        assert_eq!(found, status, "case {case}: {method} {path} {body}: {answer}");
    }
    let wild = &world.list("cluster=wild").await[0];
    assert_eq!((&wild["subCluster"], &wild["jobState"]), (&json!("any"), &json!("completed")));
    // 17: the second page of five.
    for number in 100..112 {
        let begun = job(number, "testcluster", "host125", 2000 + number).to_string();
        assert_eq!(world.ask("POST", start, &begun).await.0, 201);
    }
    let (_, page) = world.ask("GET", "/jobs/?start-time=2100-2200&items-per-page=5&page=2", "").await;
    let numbers: Vec<i64> =
        page["jobs"].as_array().unwrap().iter().map(|job| job["jobId"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [106, 105, 104, 103, 102]);
    assert_eq!((&page["items"], &page["page"], &page["total"]), (&json!(5), &json!(2), &json!(12)));
    let (_, deleted) = world.ask("DELETE", "/jobs/delete_job_before/9999", "").await;
    assert!(deleted["msg"].as_str().unwrap().starts_with("Successfully deleted"), "{deleted}");
    let (_, answer) = world.ask("POST", start, &job(1, "testcluster", "host123", 1000).to_string()).await;
    assert_eq!((answer["msg"].as_str(), answer["id"].is_u64()), (Some("success"), true));
    let (_, deleted) = world.ask("DELETE", "/jobs/delete_job_before/1001", "").await;
    assert!(deleted["msg"].as_str().unwrap().starts_with("Successfully deleted"), "{deleted}");
    assert!(world.list("").await.is_empty());
}

#[tokio::test]
async fn credentials_are_looked_at() {
    let world = World::serving();
    let status = async |request: RequestBuilder| request.send().await.unwrap().status().as_u16();
    let list = || world.request("GET", "/jobs/");
    assert_eq!(status(list()).await, 401);
    assert_eq!(status(list().bearer_auth(&world.token)).await, 200);
    assert_eq!(status(list().header("Authorization", &world.token)).await, 200);
    // A bad one in the header that goes first is not made up for.
    assert_eq!(status(list().bearer_auth(&world.token).header("X-Auth-Token", "x.y.z")).await, 401);
    // Slurm's tokens are signed otherwise (facts 8.2, 49).
    let shared = world.quintet.ok(&["token", "root", "--for", "slurm"]).trim().to_owned();
    assert_eq!(status(list().bearer_auth(&shared)).await, 401);
    let user = World::token(&world.quintet, &["user"]);
    let body = job(14, "testcluster", "host123", 1000).to_string();
    assert_eq!(status(world.request("POST", "/jobs/start_job/").bearer_auth(&user).body(body)).await, 403);
    assert!(world.list("").await.is_empty());
    let (_, refused) = {
        let answer = list().send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(refused, json!({"status": "Unauthorized", "error": "missing authentication"}));
}

#[tokio::test]
async fn users_come_change_and_go() {
    let world = World::serving();
    let admin = World::token(&world.quintet, &["admin"]);
    let ask = async |method: &str, path: &str, form: &str| {
        let request = world.request(method, path).bearer_auth(&admin).body(form.to_owned());
        let answer =
            request.header("Content-Type", "application/x-www-form-urlencoded").send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for (method, path, form, status) in [
        ("POST", "/users/", "username=alice&role=user", 400),
        ("POST", "/users/", "username=robot&role=api", 200),
        ("POST", "/users/", "username=alice&role=manager&password=secret", 400),
        ("POST", "/users/", "username=alice&role=user&password=secret&project=p", 400),
        ("POST", "/users/", "username=alice&role=king&password=secret", 400),
        ("POST", "/users/", "username=alice&role=manager&password=secret&project=p&name=Alice+A%2E", 200),
        ("POST", "/users/", "username=alice&role=user&password=secret", 422),
        ("POST", "/user/alice", "add-role=Admin", 200),
        ("POST", "/user/alice", "add-role=admin", 422),
        ("POST", "/user/alice", "add-project=q", 200),
        ("POST", "/user/robot", "add-project=q", 422),
        ("POST", "/user/nobody", "add-role=user", 422),
        ("POST", "/user/alice", "", 400),
        ("DELETE", "/users/", "username=robot", 200),
        ("DELETE", "/users/", "", 400),
    ] {
        let (found, text) = ask(method, path, form).await;
        assert_eq!(found, status, "{method} {path} {form}: {text}");
    }
    let (_, text) = ask("GET", "/users/?not-just-user=true", "").await;
    let listed: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        listed,
        json!([{"username": "alice", "name": "Alice A.", "roles": ["manager", "admin"], "authType": 0, "authSource": 0,
            "email": "", "projects": ["p", "q"]}])
    );
    let parts =
        reqwest::multipart::Form::new().text("username", "bob").text("role", "user").text("password", "x");
    let added = world.request("PUT", "/users/").bearer_auth(&admin).multipart(parts).send().await.unwrap();
    assert_eq!(added.status().as_u16(), 200);
    assert_eq!(ask("DELETE", "/users/?username=bob", "").await.0, 200);
}

#[tokio::test]
async fn a_job_from_elsewhere_is_measured_and_archived() {
    let mut world = World::serving();
    let start =
        i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs())
            .unwrap()
            - 600;
    let (status, begun) =
        world.ask("POST", "/jobs/start_job/", &job(123, "testcluster", "host123", start).to_string()).await;
    assert_eq!(status, 201, "{begun}");
    let id = begun["id"].as_u64().unwrap();
    let mut lines = String::new();
    for minute in 0..10 {
        let at = start + minute * 60;
        lines.push_str(&format!(
            "load_one,cluster=testcluster,hostname=host123,type=node value={minute}.5 {at}\n"
        ));
        for thread in 0..2 {
            let value = minute + thread;
            lines.push_str(&format!(
                "flops_any,hostname=host123,type=hwthread,type-id={thread} value={value} {at}\nunknown,hostname=h value=1\n"
            ));
        }
    }
    let (status, _) = world.ask("POST", "/write?cluster=testcluster", &lines).await;
    assert_eq!(status, 200);
    let (status, refused) =
        world.ask("POST", "/write?cluster=testcluster", "load_one,hostname=host123 value=x\n").await;
    assert_eq!((status, refused["error"].as_str()), (400, Some("line 1: its value is no finite number")));
    let (_, shown) = world.ask("POST", &format!("/jobs/{id}"), "null").await;
    let [load, flops] = shown["Data"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&load["name"], &load["scope"]), (&json!("load_one"), &json!("node")));
    assert_eq!(load["metric"]["series"][0]["statistics"], json!({"avg": 5.0, "min": 0.5, "max": 9.5}));
    assert_eq!((&flops["scope"], &flops["metric"]["series"][1]["id"]), (&json!("core"), &json!("1")));
    assert_eq!(flops["metric"]["series"][1]["data"][9], json!(10.0));
    // Fewer values keep the peak.
    let (_, fewer) =
        world.ask("POST", &format!("/jobs/{id}?scope=node&resolution=300"), r#"["flops_any"]"#).await;
    let series = &fewer["Data"][0]["metric"]["series"][0]["data"];
    assert!(series.as_array().unwrap().len() <= 3 && series.to_string().contains("19.0"), "{fewer}");
    let stop = json!({"jobId": 123, "cluster": "testcluster", "startTime": start, "stopTime": start + 600,
        "jobState": "completed"});
    let (status, stopped) = world.ask("POST", "/jobs/stop_job/", &stop.to_string()).await;
    assert_eq!((status, &stopped["duration"], &stopped["monitoringStatus"]), (200, &json!(600), &json!(1)));
    let (status, _) = world
        .ask("POST", "/jobs/start_job/", &job(123, "testcluster", "host123", start + 1).to_string())
        .await;
    assert_eq!(status, 422);
    let folder = world.quintet.state().join(format!("archive/testcluster/0/123/{start}"));
    let archived = || std::fs::read(folder.join("meta.json")).is_ok();
    world.quintet.until("the job is archived", archived);
    let meta: Value = serde_json::from_slice(&std::fs::read(folder.join("meta.json")).unwrap()).unwrap();
    assert_eq!(
        meta["tags"],
        json!([{"id": 0, "type": "testTagType", "name": "testTagName", "scope": "global"}])
    );
    assert_eq!((&meta["metaData"]["jobScript"], meta.get("id")), (&json!("blabla <&>"), None));
    assert_eq!(meta["statistics"]["flops_any"]["max"], json!(19.0));
    let packed = std::fs::File::open(folder.join("data.json.gz")).unwrap();
    let data: Value = serde_json::from_reader(flate2::read::GzDecoder::new(packed)).unwrap();
    follows("meta", &meta);
    follows("data", &data);
    assert_eq!(data["flops_any"]["core"]["series"], flops["metric"]["series"]);
    // The same after an end without notice: nothing of it was in memory alone.
    world.quintet.stop("KILL");
    world.quintet.serve_again();
    let [listed] = world.list("with-metadata=true").await.try_into().unwrap();
    assert_eq!(
        (&listed["monitoringStatus"], &listed["metaData"]["jobScript"]),
        (&json!(3), &json!("blabla <&>"))
    );
    assert_eq!(listed["footprint"], json!({"flops_any_avg": 10.0, "load_one_avg": 5.0}));
    // A tag that comes later is written into the archive.
    world.ask("POST", &format!("/jobs/tag_job/{id}"), r#"[{"type": "late", "name": "one"}]"#).await;
    let is_tagged = || std::fs::read_to_string(folder.join("meta.json")).unwrap().contains("late");
    world.quintet.until("the tag is in the archive", is_tagged);
}

#[tokio::test]
async fn our_own_jobs_appear_by_themselves() {
    let world = World::serving();
    let id = world.quintet.submitted(&["--wrap", "sleep 60", "--job-name", "sleeper"]);
    let mut found = Vec::new();
    for _ in 0..100 {
        found = world.list("cluster=own&state=running&with-metadata").await;
        if !found.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let [record] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (record["jobId"].to_string(), &record["metaData"]["jobName"]),
        (id.clone(), &json!("sleeper"))
    );
    assert_eq!((&record["subCluster"], &record["numNodes"]), (&json!("main"), &json!(1)));
    assert!(record["metaData"]["jobScript"].as_str().unwrap().contains("sleep 60"));
    let (status, clusters) = world.ask("GET", "/clusters/?cluster=own", "").await;
    let host = record["resources"][0]["hostname"].as_str().unwrap();
    assert_eq!((status, &clusters["clusters"][0]["subClusters"][0]["nodes"]), (200, &json!(host)));
    let later = i64::MAX / 2;
    let (_, used) = world.ask("GET", &format!("/jobs/used_nodes?ts={later}"), "").await;
    assert_eq!(used["usedNodes"]["own"], json!([host]));
    world.quintet.ok(&["cancel", &id]);
    for _ in 0..100 {
        found = world.list("cluster=own&state=cancelled").await;
        if !found.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("its end is not told: {:?}", world.list("").await);
}

/// Jobs get their records although the feed of changes has forgotten them when it is looked at.
#[tokio::test]
async fn no_job_of_ours_is_missed_where_much_happens() {
    let forgets = CONFIG.replace("[cluster]\n", "[cluster]\nkept_changes = 1\n");
    let world = World::serving_with(&forgets);
    let sleeper = world.quintet.submitted(&["--wrap", "sleep 300", "--ntasks", "1", "--mem", "1M"]);
    world.quintet.submitted(&["--wrap", "true", "--array", "1-40", "--ntasks", "1", "--mem", "1M"]);
    let mut completed = 0;
    for _ in 0..300 {
        completed = world.list("cluster=own&state=completed&items-per-page=100").await.len();
        if completed == 40 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(completed, 40);
    let running = world.list("cluster=own&state=running").await;
    assert_eq!(running.iter().map(|job| job["jobId"].to_string()).collect::<Vec<_>>(), [sleeper]);
}

#[tokio::test]
async fn what_later_clients_need_is_there() {
    let world = World::serving();
    let (_, begun) =
        world.ask("POST", "/jobs/start_job/", &job(7, "testcluster", "host123", 1000).to_string()).await;
    let id = begun["id"].as_u64().unwrap();
    let line = "load_one,cluster=testcluster,hostname=host123 value=3 1000\n";
    assert_eq!(world.ask("POST", "/write/", line).await.0, 200);
    // The older call for series never fails; what is wrong is inside.
    let (status, wrapped) =
        world.ask("GET", &format!("/jobs/metrics/{id}?metric=load_one&scope=node"), "").await;
    assert_eq!((status, &wrapped["error"]), (200, &Value::Null));
    assert_eq!(wrapped["data"]["jobMetrics"][0]["metric"]["series"][0]["data"][0], json!(3.0));
    let (status, wrapped) = world.ask("GET", "/jobs/metrics/99999", "").await;
    assert_eq!(
        (status, &wrapped["data"], wrapped["error"]["message"].is_string()),
        (200, &Value::Null, true)
    );
    assert_eq!(world.ask("GET", &format!("/jobs/metrics/{id}?scope=moon"), "").await.0, 400);
    // Words, by the record's number and by the job's.
    let (status, told) =
        world.ask("PATCH", &format!("/jobs/edit_meta/{id}"), r#"{"key": "message", "value": "slow"}"#).await;
    assert_eq!((status, &told["metaData"]["message"]), (200, &json!("slow")));
    let body = json!({"jobId": 7, "cluster": "testcluster", "payload": {"key": "message", "value": "fast"}});
    let (status, told) = world.ask("PATCH", "/jobs/edit_meta/", &body.to_string()).await;
    assert_eq!((status, &told["metaData"]["message"]), (200, &json!("fast")));
    for (path, body, status) in [
        ("/jobs/edit_meta/99999", r#"{"key": "a", "value": "b"}"#, 404),
        ("/jobs/edit_meta/", r#"{"jobId": 8, "payload": {"key": "a", "value": "b"}}"#, 404),
        ("/jobs/edit_meta/", r#"{"jobId": 7}"#, 400),
        ("/jobs/edit_meta/", r#"{"payload": {"key": "a", "value": "b"}}"#, 400),
        ("/jobs/edit_meta/x", r#"{"key": "a", "value": "b"}"#, 400),
    ] {
        assert_eq!(world.ask("PATCH", path, body).await.0, status, "{path} {body}");
    }
    // Tags go from one job, and from everywhere; private ones do not.
    let tag = r#"[{"type": "testTagType", "name": "testTagName"}]"#;
    let (status, told) = world.ask("DELETE", &format!("/jobs/tag_job/{id}"), tag).await;
    assert_eq!((status, told.get("tags")), (200, None));
    assert_eq!(world.ask("POST", &format!("/jobs/tag_job/{id}"), tag).await.0, 200);
    assert_eq!(world.ask("DELETE", "/tags/", tag).await, (200, json!("Deleted Tags from DB: 1\n")));
    assert_eq!(world.ask("DELETE", "/tags/", tag).await.0, 404);
    assert_eq!(
        world.ask("DELETE", "/tags", r#"[{"type": "a", "name": "b", "scope": "alice"}]"#).await.0,
        400
    );
    assert!(world.list("").await[0].get("tags").is_none());
    // Nodes of other clusters.
    let nodes = json!({"cluster": "testcluster", "nodes": [{"hostname": "host123", "states": ["allocated"],
        "cpusAllocated": 8, "memoryAllocated": 1000, "gpusAllocated": 0, "jobsRunning": 1}]});
    assert_eq!(world.ask("POST", "/nodestate/", &nodes.to_string()).await.0, 200);
    let (_, listed) = world.ask("GET", "/nodestate/?cluster=testcluster", "").await;
    assert_eq!(
        (&listed["nodes"][0]["jobsRunning"], listed["nodes"].as_array().unwrap().len()),
        (&json!(1), 1)
    );
    for (cluster, host, status) in
        [("nope", "host123", 400), ("testcluster", "zzz", 400), ("own", "any", 200)]
    {
        let body = json!({"cluster": cluster, "nodes": [{"hostname": host}]}).to_string();
        assert_eq!(world.ask("POST", "/nodestate", &body).await.0, status, "{cluster} {host}");
    }
    let (status, used) = world.ask("GET", "/jobs/used_nodes?ts=1001", "").await;
    assert_eq!((status, &used["usedNodes"]["testcluster"]), (200, &json!(["host123"])));
    let (_, used) = world.ask("GET", "/jobs/used_nodes?ts=1000", "").await;
    assert_eq!(used, json!({"usedNodes": {}}));
    assert_eq!(world.ask("GET", "/jobs/used_nodes", "").await.0, 400);
    assert_eq!(world.ask("GET", "/clusters/?cluster=nope", "").await.0, 400);
}

#[tokio::test]
async fn users_see_their_own_jobs() {
    let world = World::serving();
    for (number, user, project) in [(1, "tester", "a"), (2, "other", "a"), (3, "other", "b")] {
        let mut body = job(number, "testcluster", "host123", 1000);
        body["user"] = json!(user);
        body["project"] = json!(project);
        assert_eq!(world.ask("POST", "/jobs/start_job/", &body.to_string()).await.0, 201);
    }
    let seen = async |roles: &[&str]| {
        let token = World::token(&world.quintet, roles);
        let url = format!("http://{}/userapi/jobs/", world.quintet.address());
        let answer = world.client.get(url).bearer_auth(&token).send().await.unwrap();
        let status = answer.status().as_u16();
        let listed: Value = answer.json().await.unwrap();
        let jobs = listed["jobs"].as_array().cloned().unwrap_or_default();
        (
            status,
            jobs.iter().map(|job| job["jobId"].as_i64().unwrap()).collect::<Vec<_>>(),
            listed["total"].clone(),
        )
    };
    assert_eq!(seen(&["api"]).await, (200, vec![3, 2, 1], json!(3)));
    assert_eq!(seen(&["api", "admin"]).await.1, [3, 2, 1]);
    assert_eq!(seen(&["api", "user"]).await, (200, vec![1], json!(1)));
    assert_eq!(seen(&["user"]).await.0, 403);
    // A manager sees the projects it manages.
    let admin = World::token(&world.quintet, &["admin"]);
    let form = "username=tester&role=manager&password=secret&project=a";
    let request = world.request("POST", "/users/").bearer_auth(&admin).body(form);
    let added = request.header("Content-Type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(added.status().as_u16(), 200);
    assert_eq!(seen(&["api", "manager"]).await.1, [2, 1]);
    // Other people's jobs are not there, and nothing can be changed here.
    let user = World::token(&world.quintet, &["api", "user"]);
    let status = async |method: &str, path: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("http://{}/userapi{path}", world.quintet.address());
        world
            .client
            .request(method, url)
            .bearer_auth(&user)
            .body("null")
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!((status("GET", "/jobs/1").await, status("GET", "/jobs/2").await), (200, 422));
    assert_eq!((status("POST", "/jobs/1").await, status("POST", "/jobs/2").await), (200, 422));
    assert_eq!(
        (status("GET", "/jobs/metrics/1").await, status("POST", "/jobs/start_job/").await),
        (200, 404)
    );
    assert_eq!((status("DELETE", "/jobs/delete_job/1").await, status("GET", "/users/").await), (404, 404));
}

#[tokio::test]
async fn jobs_of_other_clusters_are_in_slurms_history() {
    let world = World::serving();
    for (number, cluster) in [(77, "testcluster"), (78, "wild")] {
        let mut body = job(number, cluster, "host123", 1000);
        body["metaData"] = json!({"jobName": "elsewhere"});
        assert_eq!(world.ask("POST", "/jobs/start_job/", &body.to_string()).await.0, 201);
    }
    let stop = r#"{"jobId": 77, "stopTime": 1600, "jobState": "timeout"}"#;
    assert_eq!(world.ask("POST", "/jobs/stop_job/", stop).await.0, 200);
    let id = world.quintet.submitted(&["--wrap", "true"]);
    world.quintet.ok(&["wait", &id]);
    let token = world.quintet.ok(&["token", "root", "--for", "slurm"]).trim().to_owned();
    let jobs = async |query: &str| -> Vec<Value> {
        let url = format!("http://{}/slurmdb/v0.0.44/jobs/?{query}", world.quintet.address());
        let request =
            world.client.get(url).header("X-SLURM-USER-TOKEN", &token).header("X-SLURM-USER-NAME", "root");
        let listed: Value = request.send().await.unwrap().json().await.unwrap();
        listed["jobs"].as_array().unwrap().clone()
    };
    let numbers = async |query: &str| -> Vec<i64> {
        jobs(query).await.iter().map(|job| job["job_id"].as_i64().unwrap()).collect()
    };
    let own: i64 = id.parse().unwrap();
    assert_eq!(numbers("start_time=1").await, [own, 77, 78]);
    assert_eq!(numbers("cluster=own&start_time=1").await, [own]);
    assert_eq!(numbers("cluster=testcluster&start_time=1").await, [77]);
    assert_eq!(numbers("cluster=nowhere&start_time=1").await, [0; 0]);
    // From midnight on: what has ended long ago is not among them, what runs is.
    assert_eq!(numbers("").await, [own, 78]);
    assert_eq!(numbers("step=78").await, [78]);
    assert_eq!(numbers("start_time=1&limit=2").await, [own, 77]);
    let first = &jobs("cluster=testcluster&start_time=1").await[0];
    assert_eq!(
        (&first["cluster"], &first["name"], &first["nodes"]),
        (&json!("testcluster"), &json!("elsewhere"), &json!("host123"))
    );
    assert_eq!((&first["state"]["current"], &first["time"]["elapsed"]), (&json!(["TIMEOUT"]), &json!(600)));
    assert_eq!(first["tres"]["allocated"][0], json!({"type": "cpu", "name": "", "id": 1, "count": 8}));
    assert_eq!((&first["user"], &first["account"]), (&json!("testuser"), &json!("testproj")));
}

#[tokio::test]
async fn an_archive_is_taken_in_folder_by_folder() {
    let world = World::serving();
    let archive = tempfile::tempdir().unwrap();
    let path = |name: &str| archive.path().join(name);
    std::fs::write(path("version.txt"), "1\n").unwrap();
    let put = |cluster: &str, number: i64, meta: &Value, data: &str| {
        let folder = path(&format!("{cluster}/0/{number:03}/1000"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
        std::fs::write(folder.join("data.json"), data).unwrap();
    };
    let described = |number: i64, cluster: &str| {
        let mut meta = job(number, cluster, "host124", 1000);
        meta["jobState"] = json!("completed");
        meta["duration"] = json!(120);
        meta["subCluster"] = json!("sc1");
        meta["statistics"] = json!({"load_one": {"unit": {"base": ""}, "avg": 1.5, "min": 1, "max": 2}});
        meta
    };
    let data = r#"{"load_one": {"node": {"unit": {"base": ""}, "timestep": 60, "series": [{"hostname": "host124",
        "statistics": {"min": 1.00, "avg": 1.50, "max": 2.00}, "data": [1.00, 2.00]}]}}}"#;
    for number in 1..=20 {
        put("testcluster", number, &described(number, "testcluster"), data);
    }
    put("testcluster", 21, &json!({"jobId": 21}), data);
    put("testcluster", 22, &described(22, "testcluster"), "{broken");
    put("unwatched", 1, &described(1, "unwatched"), data);
    let place = archive.path().display().to_string();
    let ended = world.quintet.run(&["import-archive", &place]);
    assert_eq!(
        (ended.code, ended.stdout.trim()),
        (1, "20 jobs imported, 0 were there already, 3 refused"),
        "{ended:?}"
    );
    for named in [
        "testcluster/0/021/1000: cluster ",
        "testcluster/0/022/1000: ",
        "unwatched/cluster.json to [clustercockpit]",
    ] {
        assert!(ended.stderr.contains(named), "{named}: {ended:?}");
    }
    // Begun anew it finds what is there.
    put("testcluster", 22, &described(22, "testcluster"), data);
    let ended = world.quintet.run(&["import-archive", &place, "--json"]);
    let counts: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(counts, json!({"imported": 1, "known": 20, "refused": 2}));
    let listed = world.list("cluster=testcluster&items-per-page=-1").await;
    assert_eq!((listed.len(), &listed[0]["monitoringStatus"]), (21, &json!(3)));
    assert_eq!(listed[0]["statistics"]["load_one"]["avg"], json!(1.5));
    let id = listed[0]["id"].as_u64().unwrap();
    let (_, shown) = world.ask("POST", &format!("/jobs/{id}"), "null").await;
    assert_eq!(shown["Data"][0]["metric"]["series"][0]["data"], json!([1.0, 2.0]));
    // Its description changes, its series stay.
    world.ask("POST", &format!("/jobs/tag_job/{id}"), r#"[{"type": "late", "name": "one"}]"#).await;
    let number = listed[0]["jobId"].as_i64().unwrap();
    let folder = world.quintet.state().join(format!("archive/testcluster/0/{number:03}/1000"));
    let is_tagged = || std::fs::read_to_string(folder.join("meta.json")).unwrap().contains("late");
    world.quintet.until("the tag is in the archive", is_tagged);
    let (_, again) = world.ask("POST", &format!("/jobs/{id}"), "null").await;
    assert_eq!(again["Data"], shown["Data"]);
    std::fs::write(path("version.txt"), "9").unwrap();
    assert_eq!(world.quintet.run(&["import-archive", &place]).code, 1);
}

#[tokio::test]
async fn an_own_job_is_archived_as_others_are() {
    let world = World::serving();
    let id = world.quintet.submitted(&["--wrap", "sleep 3", "--job-name", "brief"]);
    world.quintet.ok(&["wait", &id]);
    let archived = || {
        glob(&world.quintet.state().join("archive/own/0"))
            .into_iter()
            .find(|path| path.ends_with("meta.json"))
    };
    world.quintet.until("the job is archived", || archived().is_some());
    let path = archived().unwrap();
    let meta: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    follows("meta", &meta);
    assert_eq!((&meta["metaData"]["jobName"], &meta["jobState"]), (&json!("brief"), &json!("completed")));
    assert!(meta["metaData"]["jobScript"].as_str().unwrap().contains("sleep 3"));
    let packed = std::fs::File::open(path.with_file_name("data.json.gz")).unwrap();
    let data: Value = serde_json::from_reader(flate2::read::GzDecoder::new(packed)).unwrap();
    follows("data", &data);
}

/// Returns all files below a folder.
fn glob(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let below = entries.flatten().map(|entry| entry.path());
    below.flat_map(|path| if path.is_dir() { glob(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn bad_measurements_are_refused_and_cost_little() {
    let world = World::serving();
    let start =
        i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs())
            .unwrap()
            - 600;
    let (_, begun) =
        world.ask("POST", "/jobs/start_job/", &job(1, "testcluster", "host123", start).to_string()).await;
    let id = begun["id"].as_u64().unwrap();
    let line =
        |value: &str, at: i64| format!("load_one,cluster=testcluster,hostname=host123 value={value} {at}\n");
    // One after the other: what is wrong is named by its line, and the others count.
    let body: String = [
        line("1", start),
        line("NaN", start + 60),
        line("inf", start + 60),
        line("-Infinity", start + 60),
        line("1e999", start + 60),
        line("4", start + 180),
        line("3", start + 120),
        // The same moment again: the later one counts.
        line("2", start + 120),
    ]
    .concat();
    let (status, refused) = world.ask("POST", "/write", &body).await;
    let why = refused["error"].as_str().unwrap();
    assert_eq!(status, 400);
    assert!(
        (2..=5).all(|number| why.contains(&format!("line {number}: its value is no finite number"))),
        "{why}"
    );
    let (status, refused) = world.ask("POST", "/write", &line("9", start + 86_400)).await;
    assert_eq!((status, refused["error"].as_str()), (400, Some("1 values of times that lie ahead")));
    let (_, shown) = world.ask("POST", &format!("/jobs/{id}"), r#"["load_one"]"#).await;
    let data = shown["Data"][0]["metric"]["series"][0]["data"].as_array().unwrap().clone();
    assert_eq!(data[..4], [json!(1.0), Value::Null, json!(2.0), json!(4.0)]);
    // A million names of metrics, and hosts beyond what there may be: bounded.
    let before = world.quintet.resident();
    for round in 0..20 {
        let names: String = (0..50_000)
            .map(|name| format!("metric_{round}_{name},cluster=testcluster,hostname=h{name} value=1\n"))
            .collect();
        assert_eq!(world.ask("POST", "/write", &names).await.0, 200);
    }
    let huge = vec![b'x'; 100 << 20];
    let request = world.request("POST", "/write").header("X-Auth-Token", &world.token).body(huge);
    // The service need not read all of it before it says no.
    if let Ok(answer) = request.send().await {
        assert_eq!(answer.status().as_u16(), 413);
    }
    let grown = world.quintet.resident().saturating_sub(before);
    assert!(grown < 64 << 20, "it grew by {grown} bytes");
    let hosts: String =
        (0..1500).map(|host| format!("load_one,cluster=wild,hostname=h{host} value=1\n")).collect();
    let (status, refused) = world.ask("POST", "/write", &hosts).await;
    assert_eq!(status, 422, "{refused}");
    assert_eq!(world.ask("POST", "/write", &line("5", start + 240)).await.0, 200);
}
