//! Nifcloud's interface on the real program: requests signed by AWS's own signer, scripts of a user's folder that become jobs,
//! and everything that is refused.

use crate::program::Program;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::Client;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Fourteen virtual nodes, so that jobs of several nodes fit, and scripts in folders of the test.
const CONFIG: &str = "[cluster]\nname = \"fugaku\"\n[[nodes]]\nname = \"n[1-14]\"\ncpus = 2\nmemory = 1000\n\
    [[partitions]]\nname = \"small\"\nnodes = \"ALL\"\ndefault = true\nmax_time = \"5-00:00:00\"\n";

/// A service, a user's folder, and the user's keys.
pub(crate) struct World {
    pub(crate) quintet: Program,
    pub(crate) home: PathBuf,
    pub(crate) user: String,
    client: Client,
    keys: (String, String),
}

/// How a request is signed, and what is sent.
#[derive(Clone)]
struct Way {
    access_key: String,
    secret: String,
    region: &'static str,
    service: &'static str,
    at: SystemTime,
    content_type: Option<&'static str>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) json: Value,
    location: Option<String>,
    allow: Option<String>,
}

impl Reply {
    fn error(&self) -> (u16, &str, &str) {
        (
            self.status,
            self.json["code"].as_str().unwrap_or_default(),
            self.json["message"].as_str().unwrap_or_default(),
        )
    }
}

impl World {
    /// Starts a service with these lines in its section, and what follows it.
    pub(crate) fn serving(section: &str) -> Self {
        World::serving_of(CONFIG, section)
    }

    fn serving_of(cluster: &str, section: &str) -> Self {
        let around = tempfile::tempdir().unwrap();
        let homes = around.path().join("homes");
        let id = std::process::Command::new("id").arg("-un").output().unwrap();
        let user = String::from_utf8(id.stdout).unwrap().trim().to_owned();
        let folders = format!("folders = \"{}/{{user}}\"", homes.display());
        let config = format!("{cluster}[nifcloud]\n{folders}\n{section}\n");
        let home = homes.join(&user);
        std::fs::create_dir_all(home.join("scripts")).unwrap();
        let quintet = Program::serving_in(around, &config, |_| ());
        let made = quintet.ok(&["token", &user, "--for", "nifcloud"]);
        let (access_key, secret) = made.trim().split_once(' ').unwrap();
        let keys = (access_key.to_owned(), secret.to_owned());
        World { quintet, home, user, client: Client::new(), keys }
    }

    /// Puts a script into the user's folder.
    fn script(&self, name: &str, text: &str) {
        std::fs::write(self.home.join(name), text).unwrap();
    }

    fn way(&self) -> Way {
        let (access_key, secret) = self.keys.clone();
        let (region, service, at) = ("jp-east-1", "hpc-api", SystemTime::now());
        Way { access_key, secret, region, service, at, content_type: Some("application/json;charset=utf-8") }
    }

    /// Asks as the user.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        self.ask_so(&self.way(), method, path, body, body).await
    }

    /// Asks with another signature, and perhaps another body than the one that was signed.
    async fn ask_so(&self, way: &Way, method: &str, path: &str, body: &str, sent: &str) -> Reply {
        let url = format!("http://{}{path}", self.quintet.address());
        let host = self.quintet.address();
        let identity = Credentials::new(&way.access_key, &way.secret, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(way.region)
            .name(way.service)
            .time(way.at)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let mut headers = vec![("host", host.as_str())];
        headers.extend(way.content_type.filter(|_| !body.is_empty()).map(|kind| ("content-type", kind)));
        let body_of = SignableBody::Bytes(body.as_bytes());
        let signable = SignableRequest::new(method, &url, headers.iter().copied(), body_of).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, &url).body(sent.to_owned());
        for (name, value) in headers.into_iter().skip(1).chain(instructions.headers()) {
            request = request.header(name, value);
        }
        Self::reply(request).await
    }

    /// Asks with these headers and nothing else.
    async fn ask_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.client.get(format!("http://{}{path}", self.quintet.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Self::reply(request).await
    }

    async fn reply(request: reqwest::RequestBuilder) -> Reply {
        let answer = request.send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (status, location, allow) = (answer.status().as_u16(), header("location"), header("allow"));
        let text = answer.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, json, location, allow }
    }

    /// Submits a script and returns its number.
    async fn submit(&self, name: &str, text: &str) -> u64 {
        self.script(name, text);
        let reply = self.ask("POST", "/jobs", &format!("{{\"jobfile\":\"{name}\"}}")).await;
        assert_eq!(reply.status, 201, "{reply:?} {}", self.quintet.log());
        reply.json["job_id"].as_u64().unwrap()
    }

    async fn shown(&self, id: u64) -> Value {
        let reply = self.ask("GET", &format!("/jobs/{id}"), "").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let fields = reply.json.as_object().unwrap();
        assert!(fields.values().all(Value::is_string), "{fields:?}");
        reply.json
    }

    /// Waits until a job is in one of these states.
    async fn until(&self, id: u64, states: &[&str]) -> Value {
        let end = std::time::Instant::now() + Duration::from_secs(120);
        loop {
            let shown = self.shown(id).await;
            if states.contains(&shown["status"].as_str().unwrap()) {
                return shown;
            }
            assert!(std::time::Instant::now() < end, "{shown} {}", self.quintet.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn listed(&self) -> Vec<Value> {
        let reply = self.ask("GET", "/jobs", "").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json.as_array().unwrap().clone()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

const ENDED: &[&str] = &["EXT", "CCL", "ERR", "RJT"];

#[tokio::test]
async fn a_job_is_submitted_listed_shown_and_ends() {
    let world = World::serving("");
    assert_eq!(world.listed().await, [] as [Value; 0]);
    let script = "#!/bin/sh\n#PJM -L \"node=2,rscgrp=small,elapse=00:01:00\"\n#PJM -g grp1\n\
        until [ -e go ]; do sleep 0.05; done\necho \"$PJM_JOBID $PJM_JOBNAME $PJM_NODE $PJM_RSCGRP $PJM_ENVIRONMENT\"\nexit 3\n";
    world.script("scripts/job1.sh", script);
    let made = world.ask("POST", "/jobs/", "{\"jobfile\":\"scripts/job1.sh\",\"qopt\":\"-v\"}").await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json["job_id"].as_u64().unwrap();
    assert_eq!(made.location, Some(format!("/jobs/{id}")));
    let shown = world.until(id, &["RUN"]).await;
    for (key, value) in [
        ("job_id", id.to_string().as_str()),
        ("job_name", "job1.sh"),
        ("queue", "small"),
        ("group", "grp1"),
        ("user", &world.user),
        ("node_require", "2"),
        ("priority", "127"),
        ("Fugaku:elapsed_limit", "0000:01:00"),
        ("Fugaku:md", "NM"),
        ("Fugaku:vnode", "-"),
        ("Fugaku:core", "-"),
        ("Fugaku:v_mem", "-"),
        ("Fugaku:rank", "bychip"),
        ("Fugaku:lst", "RNA"),
        ("Fugaku:ec", "0"),
        ("Fugaku:reason", "-"),
    ] {
        assert_eq!(shown[key], value, "{key} of {shown}");
    }
    assert!(shown["elapsed_time"].as_str().unwrap().starts_with("0000:0"), "{shown}");
    assert_eq!(shown.get("elapse_time"), None);
    let listed = world.listed().await;
    assert_eq!(listed.len(), 1);
    for key in ["elapse_time", "elapsed_time", "Fugaku:elapse_limit", "Fugaku:elapsed_limit"] {
        assert!(listed[0][key].is_string(), "{key} of {}", listed[0]);
    }
    assert_eq!((&listed[0]["job_id"], listed[0].get("Fugaku:vnnode")), (&shown["job_id"], None));
    world.script("scripts/go", "");
    let ended = world.until(id, ENDED).await;
    let codes = ["status", "Fugaku:ec", "Fugaku:pc", "Fugaku:sn", "Fugaku:reason"]
        .map(|key| ended[key].as_str().unwrap());
    assert_eq!(codes, ["EXT", "3", "0", "0", "-"]);
    assert_eq!(world.listed().await, [] as [Value; 0]);
    assert_eq!(world.read(&format!("scripts/job1.sh.{id}.out")), format!("{id} job1.sh 2 small BATCH\n"));
    assert_eq!(world.read(&format!("scripts/job1.sh.{id}.err")), "");
    // The same job through another door.
    let other: Value =
        serde_json::from_str(&world.quintet.ok(&["show", "job", &id.to_string(), "--json"])).unwrap();
    assert!(other.to_string().contains("job1.sh"), "{other}");
}

#[tokio::test]
async fn a_job_is_cancelled_once_and_time_limits_count_in_seconds() {
    let world = World::serving("");
    let id = world.submit("long.sh", "#!/bin/sh\n#PJM -L elapse=100:00:00\nsleep 600\n").await;
    assert_eq!(world.until(id, &["RUN"]).await["Fugaku:elapsed_limit"], "0100:00:00");
    let gone = world.ask("DELETE", &format!("/jobs/{id}"), "").await;
    assert_eq!((gone.status, gone.json), (204, Value::String(String::new())));
    let shown = world.until(id, ENDED).await;
    assert_eq!((&shown["status"], &shown["Fugaku:pc"]), (&"CCL".into(), &"1".into()));
    let denied = (404, "GeneralError", "Operation not permitted.");
    assert_eq!(world.ask("DELETE", &format!("/jobs/{id}"), "").await.error(), denied);
    for method in ["GET", "DELETE"] {
        for id in ["4000000", "99999999999999999999", "0"] {
            assert_eq!(world.ask(method, &format!("/jobs/{id}"), "").await.error(), denied, "{method} {id}");
        }
    }
    let late = world.submit("late.sh", "#!/bin/sh\n#PJM -L elapse=2\nsleep 600\n").await;
    let shown = world.until(late, ENDED).await;
    assert_eq!((&shown["Fugaku:pc"], &shown["Fugaku:elapsed_limit"]), (&"11".into(), &"0000:00:02".into()));
    assert_eq!(shown["Fugaku:reason"], "ELAPSE LIMIT EXCEEDED");
}

#[tokio::test]
async fn directives_are_honoured() {
    let world = World::serving("");
    let text = "#PJM -L \"node=2x3x2,rscgrp=small,elapse=30:00-1:00:00\" --mpi \"proc=48,max-proc-per-node=4\" -N shape -j -x A=1,B=\"x y\" -S\n\
        echo \"$A $B $PJM_MPI_PROC $PJM_PROC_BY_NODE\"; echo wrong >&2\n#PJM -N late\n";
    let id = world.submit("scripts/twelve.sh", text).await;
    let shown = world.until(id, ENDED).await;
    assert_eq!((&shown["node_require"], &shown["job_name"]), (&"12:2x3x2".into(), &"shape".into()));
    assert_eq!((&shown["Fugaku:elapsed_limit"], &shown["Fugaku:ec"]), (&"0001:00:00".into(), &"0".into()));
    assert_eq!(world.read(&format!("scripts/shape.{id}.out")), "1 x y 48 4\nwrong\n");
    let statistics = format!("scripts/shape.{id}.stats");
    world.quintet.until("statistics", || world.home.join(&statistics).exists());
    world.quintet.until("all of them", || world.read(&statistics).matches("NODE n").count() == 12);
    assert!(world.read(&statistics).contains(&format!("JOB ID                      : {id}\n")));
    for (name, text) in [
        ("bad.sh", "#PJM -L \"node=abc\"\n"),
        ("unknown.sh", "#PJM --frobnicate\n"),
        ("large.sh", "#PJM -L node=100\n"),
        ("nogroup.sh", "#PJM -L rscgrp=nowhere\n"),
    ] {
        world.script(name, text);
        let reply = world.ask("POST", "/jobs", &format!("{{\"jobfile\":\"{name}\"}}")).await;
        assert_eq!(reply.error(), (400, "GeneralError", "Operation failed."), "{name}");
    }
    assert_eq!(world.listed().await, [] as [Value; 0]);
    // A script of another dialect.
    let text =
        "#!/bin/sh\n#SBATCH --job-name=other --time=5 -o %x.txt\necho \"$PJM_JOBID $SLURM_JOB_NAME\"\n";
    let id = world.submit("other.sh", text).await;
    let shown = world.until(id, ENDED).await;
    assert_eq!((&shown["job_name"], &shown["Fugaku:elapsed_limit"]), (&"other".into(), &"0000:05:00".into()));
    assert_eq!(world.read("other.txt"), format!("{id} other\n"));
}

/// What follows an end is done although the feed of changes has forgotten it when it is looked at.
#[tokio::test]
async fn no_end_is_missed_where_many_jobs_end_at_once() {
    let forgets = CONFIG.replace("[cluster]\n", "[cluster]\nkept_changes = 1\n");
    let world = World::serving_of(&forgets, "");
    let mut jobs = Vec::new();
    for _ in 0..14 {
        let text = "#PJM -N many -s\nuntil [ -e go ]; do sleep 0.05; done\n";
        jobs.push(world.submit("many.sh", text).await);
    }
    world.script("go", "");
    for id in jobs {
        world.until(id, ENDED).await;
        let statistics = world.home.join(format!("many.{id}.stats"));
        world.quintet.until("statistics", || statistics.exists());
    }
}

#[tokio::test]
async fn bulk_and_step_jobs_have_parts() {
    let world = World::serving("");
    let text = "#PJM --bulk --sparam 3-4\n#PJM -N many\nuntil [ -e go ]; do sleep 0.05; done; echo $PJM_BULKNUM $PJM_JOBID $PJM_SUBJOBID\n";
    let id = world.submit("bulk.sh", text).await;
    let end = std::time::Instant::now() + Duration::from_secs(120);
    let ids = loop {
        let listed = world.listed().await;
        if listed.len() == 3 && listed.iter().all(|one| one["status"] == "RUN") {
            break listed.iter().map(|one| one["job_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        }
        assert!(std::time::Instant::now() < end, "{listed:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(ids, [id.to_string(), format!("{id}[3]"), format!("{id}[4]")]);
    assert_eq!(world.shown(id).await["Fugaku:md"], "BU");
    world.script("go", "");
    world.until(id, ENDED).await;
    for part in [3, 4] {
        let name = format!("many.{id}[{part}].out");
        assert_eq!(world.read(&name), format!("{part} {id} {id}[{part}]\n"));
    }
    std::fs::remove_file(world.home.join("go")).unwrap();
    let first =
        world.submit("one.sh", "#PJM --step -N st\nuntil [ -e go ]; do sleep 0.05; done; exit 5\n").await;
    let step = |more: &str| {
        format!("#PJM -N st --step --sparam \"jid={first}{more}\"\necho $PJM_STEPNUM $PJM_SUBJOBID\n")
    };
    let never = world.submit("two.sh", &step(",sn=1,sd=ec!=0:one")).await;
    let always = world.submit("three.sh", &step(",sn=7,sd=NONE:one:0")).await;
    let all = world.submit("four.sh", &step(",sd=ec!=0:all:1")).await;
    assert_eq!(world.shown(always).await["job_id"], format!("{first}_7"));
    assert_eq!(world.shown(all).await["job_id"], format!("{first}_8"));
    world.script("go", "");
    let shown = world.until(never, ENDED).await;
    assert_eq!(
        (&shown["status"], &shown["Fugaku:pc"], &shown["Fugaku:md"]),
        (&"CCL".into(), &"6".into(), &"ST".into())
    );
    assert_eq!(world.until(always, ENDED).await["Fugaku:ec"], "0");
    assert_eq!(world.read(&format!("st.{first}_7.out")), format!("7 {first}_7\n"));
    world.script("late.sh", &step(",sn=7"));
    let late = world.ask("POST", "/jobs", "{\"jobfile\":\"late.sh\"}").await;
    assert_eq!(late.error(), (400, "GeneralError", "Operation failed."));
}

#[tokio::test]
async fn signatures_are_judged() {
    let world = World::serving("");
    let way = world.way();
    let (no_key, no_signature) =
        ("Client.AuthFailureRequired.AccessKey", "Client.AuthFailureRequired.Signature");
    let (expired, wrong) = ("Client.AuthFailureExpired", "Client.AuthFailurePermission");
    let credential =
        format!("AWS4-HMAC-SHA256 Credential={}/20260101/jp-east-1/hpc-api/aws4_request", way.access_key);
    for (headers, code) in [
        (&[][..], no_key),
        (&[("authorization", "Basic YTpi")], no_key),
        (&[("authorization", credential.as_str())], no_signature),
    ] {
        for path in ["/jobs", "/jobs/abc", "/files/sync/1", "/jobs/1/2"] {
            let reply = world.ask_with(path, headers).await;
            assert_eq!((reply.status, reply.json["code"].as_str()), (401, Some(code)), "{path} {headers:?}");
        }
    }
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let made_elsewhere = World::serving("");
    let (access_key, secret) = made_elsewhere.keys.clone();
    for (name, way, sent, code) in [
        ("ahead", Way { at: way.at + minutes(20), ..way.clone() }, "{}", expired),
        ("behind", Way { at: way.at - minutes(20), ..way.clone() }, "{}", expired),
        ("secret", Way { secret: "x".repeat(40), ..way.clone() }, "{}", wrong),
        ("key", Way { access_key, secret, ..way.clone() }, "{}", wrong),
        ("body", way.clone(), "{\"jobfile\":\"x\"}", wrong),
        ("region", Way { region: "us-east-1", ..way.clone() }, "{}", wrong),
        ("service", Way { service: "s3", ..way.clone() }, "{}", wrong),
    ] {
        let reply = world.ask_so(&way, "POST", "/jobs", "{}", sent).await;
        assert_eq!((reply.status, reply.json["code"].as_str()), (401, Some(code)), "{name}");
    }
    let older = Way { service: "hpc", at: way.at - minutes(10), ..way };
    assert_eq!(world.ask_so(&older, "GET", "/jobs", "", "").await.status, 200);
}

#[tokio::test]
async fn a_key_is_taken_back_at_once_and_for_good() {
    let mut world = World::serving("");
    let other = world.quintet.ok(&["token", &world.user, "--for", "nifcloud"]);
    let (access_key, secret) = other.trim().split_once(' ').unwrap();
    assert_ne!(access_key, world.keys.0);
    let other = Way { access_key: access_key.to_owned(), secret: secret.to_owned(), ..world.way() };
    let status = async |world: &World, way: &Way| {
        let reply = world.ask_so(way, "GET", "/jobs", "", "").await;
        (reply.status, reply.json["code"].as_str().map(str::to_owned))
    };
    let wrong = (401, Some("Client.AuthFailurePermission".to_owned()));
    assert_eq!(status(&world, &other).await, (200, None));
    assert_eq!(world.quintet.ok(&["token", "--for", "nifcloud", "--revoke", access_key]), "");
    assert_eq!(status(&world, &other).await, wrong);
    assert_eq!(status(&world, &world.way()).await, (200, None));
    world.quintet.restart_on_the_same_address();
    // The connections are gone with the service.
    world.client = Client::new();
    let other = Way { at: SystemTime::now(), ..other };
    assert_eq!((status(&world, &other).await, status(&world, &world.way()).await), (wrong, (200, None)));
    for (words, why) in [
        (&["--for", "nifcloud", "--revoke", "AKIDEXAMPLE"][..], "it is no key of this service"),
        (&["--for", "slurm", "--revoke", "x"], "such a token holds until its time is up"),
        (&["--for", "waldur", "--revoke", "x"], "/api-auth/logout/"),
        (&["--for", "nifcloud", "--revoke", "x", "alice"], "cannot be used with"),
        (&["--for", "nifcloud"], "required"),
    ] {
        let ended = world.quintet.run(&[&["token"], words].concat());
        assert!(ended.code != 0 && ended.stderr.contains(why), "{words:?}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_the_originals_words() {
    let world = World::serving("");
    let post = async |content_type: Option<&'static str>, body: &str| {
        let way = Way { content_type, ..world.way() };
        world.ask_so(&way, "POST", "/jobs", body, body).await
    };
    let general = |message| (400, "GeneralError", message);
    let json = Some("Application/JSON ; charset=\"UTF-8\"");
    assert_eq!(post(Some("text/plain"), "{}").await.error(), general("Invalid Content-Type."));
    assert_eq!(post(None, "{}").await.error(), general("Invalid Content-Type."));
    for body in ["[]", "{bad", "5", "\"x\"", "\u{e9}"] {
        assert_eq!(post(json, body).await.error(), general("Invalid Request Body."), "{body}");
    }
    let large = format!("{{\"jobfile\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(post(json, &large).await.error(), general("Invalid Request Body."));
    let missing = post(json, "{}").await;
    let wanted = serde_json::json!({"detail": [
        {"loc": ["body", "jobfile"], "msg": "field required", "type": "value_error.missing"}]});
    assert_eq!((missing.status, missing.json), (422, wanted));
    let sync = world.ask("POST", "/files/sync", "{\"path\":\"a\",\"direction\":\"up\"}").await;
    assert_eq!((sync.status, sync.json["detail"][0]["type"].as_str()), (422, Some("type_error.enum")));
    std::fs::create_dir(world.home.join("folder")).unwrap();
    std::fs::write(world.home.join("../secret.sh"), "#!/bin/sh\n").unwrap();
    std::os::unix::fs::symlink("../secret.sh", world.home.join("out.sh")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, world.home.join("pipe"), rustix::fs::Mode::from_raw_mode(0o600))
        .unwrap();
    // A number is read as its digits, and then there is no such file.
    for path in [
        "5",
        "\"absent.sh\"",
        "\"folder\"",
        "\"../secret.sh\"",
        "\"out.sh\"",
        "\"/etc/passwd\"",
        "\"pipe\"",
        "\"\"",
        "\"a\\u0000b\"",
    ] {
        assert_eq!(
            post(json, &format!("{{\"jobfile\":{path}}}")).await.error(),
            general("Operation failed."),
            "{path}"
        );
    }
    let absolute = world.home.join("fine.sh");
    std::fs::write(&absolute, "true\n").unwrap();
    assert_eq!(post(json, &format!("{{\"jobfile\":\"{}\"}}", absolute.display())).await.status, 201);
    let method = world.ask("PUT", "/jobs", "{}").await;
    assert_eq!(
        method.error(),
        (405, "Client.InvalidParameterNotAllowed.Method", "A specified HTTP method is not allowed.")
    );
    assert_eq!(method.allow.as_deref(), Some("GET, POST"));
    for path in ["/nope", "/jobs/abc", "/jobs/1/x", "/files/sync/x"] {
        let none = world.ask("GET", path, "").await;
        assert_eq!(none.error(), (404, "Client.URLNotFound", "A specified URL is not found."), "{path}");
    }
    // Nobody has told of an object store.
    assert_eq!(
        world.ask("POST", "/files/sync", "{\"path\":\"folder\"}").await.error(),
        general("Operation failed.")
    );
    let none = world.ask("GET", "/files/sync/1", "").await;
    assert_eq!((none.status, none.json["status"].as_str()), (200, Some("error: no such ID")));
}

#[tokio::test]
async fn only_so_many_requests_are_in_flight_and_the_door_can_be_closed() {
    use tokio::io::AsyncWriteExt;
    let world = World::serving("max_requests = 10");
    let head = format!(
        "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential={}/20260101/r/s/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{{",
        world.keys.0
    );
    let mut slow = Vec::new();
    let mut one_more = async || {
        let mut stream = tokio::net::TcpStream::connect(world.quintet.address()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    };
    for _ in 0..10 {
        one_more().await;
    }
    let full = (500, "Server.InternalServerError");
    let refused = async || {
        let reply = world.ask("GET", "/jobs", "").await;
        (reply.status, reply.json["code"].as_str().unwrap_or_default().to_owned())
    };
    let end = std::time::Instant::now() + Duration::from_secs(60);
    // They arrive at their own pace, and one that comes while another request is asked is not taken.
    while refused().await != (full.0, full.1.to_owned()) {
        assert!(std::time::Instant::now() < end);
        one_more().await;
    }
    drop(slow);
    while refused().await.0 != 200 {
        assert!(std::time::Instant::now() < end);
    }
    std::fs::write(world.quintet.state().join("nifcloud.maintenance"), "").unwrap();
    assert_eq!(refused().await, (503, "Server.Maintenance".to_owned()));
    std::fs::remove_file(world.quintet.state().join("nifcloud.maintenance")).unwrap();
    assert_eq!(refused().await.0, 200);
}
