//! Waldur's interface on the real program: a job from a script to its report, what stays over a restart, and who is let in.

use crate::program::{Program, quintet};
use crate::server::eventually;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

const JOBS: &str = "/api/slurm-jobs/";

fn user() -> String {
    let user = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(user.stdout).unwrap().trim().to_owned()
}

struct World {
    quintet: Program,
    client: Client,
    token: String,
}

impl World {
    fn serving() -> Self {
        let around = tempfile::tempdir().unwrap();
        let work = around.path().join("work");
        let config = format!("[waldur]\nwork_dir = \"{}\"\n[engine]\n", work.display());
        let quintet = Program::serving_in(around, &config, |_| ());
        let token = token(&quintet.state(), &user());
        World { quintet, client: Client::new(), token }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let path = path.split_once("/api").map_or(path.to_owned(), |(_, rest)| format!("/api{rest}"));
        let request = self.client.request(method, format!("http://{}{path}", self.quintet.address()));
        let mut request = request.header("Authorization", format!("Token {}", self.token));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn make(&self, name: &str, script: &[u8]) -> Value {
        let url = async |path: &str| {
            let (status, list) = self.ask("GET", path, None).await;
            assert_eq!(status, 200, "{list}");
            list[0]["url"].as_str().unwrap().to_owned()
        };
        let form = Form::new()
            .text("name", name.to_owned())
            .text("project", url("/api/projects/").await)
            .text("service_settings", url("/api/service-settings/").await)
            .part("file", Part::bytes(script.to_vec()).file_name("job.sh"));
        let request = self.client.post(format!("http://{}{JOBS}", self.quintet.address()));
        let request = request.header("Authorization", format!("Token {}", self.token));
        let answer = request.multipart(form).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 201, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn until(&self, job: &Value, state: &str) -> Value {
        let path = job["url"].as_str().unwrap();
        eventually(state, Duration::from_secs(60), async || {
            let (status, job) = self.ask("GET", path, None).await;
            if status == 200 && job["runtime_state"] == state { Ok(job) } else { Err(job.to_string()) }
        })
        .await
    }
}

fn token(state: &Path, user: &str) -> String {
    let made = quintet().args(["token", user, "--for", "waldur", "--state"]).arg(state).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_script_becomes_a_job_with_a_report() {
    let mut world = World::serving();
    let work = world.quintet.work();
    let script = b"#!/bin/sh\necho hello\nprintf 'a\\377b' >&2\n: \xff\nexit 3\n";
    let job = world.make("hello", script).await;
    let over = world.until(&job, "FAILED").await;
    assert_eq!((&over["state"], &over["uuid"]), (&json!("OK"), &job["uuid"]));
    let report = &over["report"];
    assert_eq!((&report["job_data_out"], &report["exit_code"]), (&json!("hello\n"), &json!(3)));
    assert_eq!(report["job_data_err"], "a\u{fffd}b");
    assert_eq!(report["job_file_out"], format!("{}/slurm-1.out", work.display()));
    let file = world.client.get(over["file"].as_str().unwrap());
    let file = file.header("Authorization", format!("Token {}", world.token)).send().await.unwrap();
    assert_eq!(&file.bytes().await.unwrap()[..], script);
    // What the engine refuses says so in its words.
    let refused = world.make("bad", b"#!/bin/sh\n#SBATCH --partition=nope\n").await;
    assert_eq!(
        (&refused["state"], &refused["error_message"]),
        (&json!("ERRED"), &json!("unknown partition nope"))
    );
    let unreadable = world.make("bad", b"#!/bin/sh\n#SBATCH --nonsense\n").await;
    assert!(unreadable["error_message"].as_str().unwrap().contains("unknown option '--nonsense'"));
    let endless = world.make("endless", b"#!/bin/sh\nexec sleep 600\n").await;
    world.until(&endless, "RUNNING").await;
    // A restart changes nothing of this.
    assert_eq!(
        world.ask("PATCH", job["url"].as_str().unwrap(), Some(json!({"name": "renamed"}))).await.0,
        200
    );
    assert_eq!(world.ask("DELETE", unreadable["url"].as_str().unwrap(), None).await.0, 204);
    world.quintet.restart_on_the_same_address();
    // Connections to the service of before are no good any more.
    world.client = Client::new();
    let (status, list) = world.ask("GET", JOBS, None).await;
    assert_eq!(status, 200, "{list}");
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["endless", "bad", "renamed"]);
    let (_, again) = world.ask("GET", refused["url"].as_str().unwrap(), None).await;
    assert_eq!(again["error_message"], "unknown partition nope");
    let (status, _) = world.ask("DELETE", endless["url"].as_str().unwrap(), None).await;
    assert_eq!((status, world.ask("GET", endless["url"].as_str().unwrap(), None).await.0), (204, 404));
    world.quintet.until("the job is cancelled", || {
        let history = world.quintet.ok(&["history", "--json"]);
        history.contains("CANCELLED")
    });
}

#[tokio::test]
async fn whoever_has_a_password_can_log_in() {
    let world = World::serving();
    let name = user();
    let set = |args: &[&str], password: &str| {
        let mut command = quintet();
        command.args(["user", "password", &name, "--state"]).arg(world.quintet.state()).args(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    };
    let login = async |password: &str| {
        let body = json!({"username": name, "password": password});
        world.ask("POST", &format!("http://{}/api-auth/password/", world.quintet.address()), Some(body)).await
    };
    assert_eq!(login("secret").await, (401, json!({"detail": "Invalid username/password."})));
    set(&[], "secret\n");
    let (status, answer) = login("secret").await;
    assert_eq!(status, 200, "{answer}");
    let own = World { token: answer["token"].as_str().unwrap().to_owned(), ..world };
    let (_, me) = own.ask("GET", "/api/users/me/", None).await;
    assert_eq!(me["username"], name);
}

#[tokio::test]
async fn what_is_switched_off_is_clustercockpits_again() {
    let quintet = Program::serving("[waldur]\nserve = false\n[engine]\n");
    let answer = reqwest::get(format!("http://{}{JOBS}", quintet.address())).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.text().await.unwrap().as_str()),
        (404, "404 page not found\n")
    );
}
