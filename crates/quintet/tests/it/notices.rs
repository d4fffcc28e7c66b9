//! Mail and the job completion script: a service with programs that write down what they are told.

use crate::server::{Server, ask, eventually, tail, token};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a program that appends its arguments and some of its environment to a file, a line each time.
fn recorder(folder: &Path, name: &str, variables: &[&str]) {
    use std::os::unix::fs::PermissionsExt;
    let shown: Vec<String> = variables.iter().map(|name| format!("{name}=${name}")).collect();
    let record = folder.join(format!("{name}.log"));
    let script = format!("#!/bin/sh\necho \"$* | {}\" >> '{}'\n", shown.join(" "), record.display());
    let path = folder.join(name);
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
}

fn lines(folder: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

struct World {
    folder: tempfile::TempDir,
    server: Server,
    client: reqwest::Client,
    token: String,
}

impl World {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        recorder(folder.path(), "mail", &["SLURM_JOB_ID", "SLURM_JOB_MAIL_TYPE", "SLURM_JOB_STATE"]);
        let told = ["JOBID", "JOBNAME", "JOBSTATE", "EXITCODE", "LIMIT", "ARRAYTASKID", "NODECNT"];
        recorder(folder.path(), "done", &told);
        let config = folder.path().join("quintet.toml");
        let text = "[mail]\nprogram = \"mail\"\ndomain = \"example.org\"\n[hooks]\njob_completion = \"done\"\n\
                    [engine]\ncgroups = false\n";
        std::fs::write(&config, text).unwrap();
        let server = Server::start(&config, folder.path());
        let token = token(folder.path());
        World { folder, server, client: reqwest::Client::new(), token }
    }

    async fn submit(&self, script: &str, mut job: Value) -> u64 {
        job["environment"] = json!(["PATH=/usr/bin:/bin"]);
        job["current_working_directory"] = json!("/tmp");
        job["standard_output"] = json!("/dev/null");
        let body = json!({ "script": format!("#!/bin/sh\n{script}\n"), "job": job });
        let (status, answer) = self.ask(reqwest::Method::POST, "/job/submit", Some(&body)).await;
        assert_eq!(status, 200, "{answer}");
        answer["job_id"].as_u64().unwrap()
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        ask(&self.client, &self.server.url, &self.token, method, path, body).await.unwrap()
    }

    /// Waits until a program has been told this much about something.
    async fn told(&self, program: &str, about: &str, count: usize) -> Vec<String> {
        eventually(about, PATIENCE, async || {
            let mut found = lines(self.folder.path(), program);
            found.retain(|line| line.contains(about));
            if found.len() >= count {
                return Ok(found);
            }
            let all = lines(self.folder.path(), program);
            Err(format!("{all:#?}\n{}", tail(self.folder.path())))
        })
        .await
    }
}

/// Times differ from run to run.
fn without_times(line: &str) -> String {
    let time = |word: &str| word.trim_end_matches(',').split(':').count() == 3;
    line.split(' ').map(|word| if time(word) { "TIME" } else { word }).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn owners_hear_by_mail_and_the_completion_script_is_told() {
    let world = World::start();
    let well = world
        .submit("true", json!({"name": "well", "mail_type": ["BEGIN", "END"], "mail_user": "bob"}))
        .await;
    let mails = world.told("mail", "Name=well", 2).await;
    assert_eq!(
        mails.iter().map(|mail| without_times(mail)).collect::<Vec<_>>(),
        [
            format!(
                "-s Slurm Job_id={well} Name=well Began, Queued time TIME bob@example.org | \
                 SLURM_JOB_ID={well} SLURM_JOB_MAIL_TYPE=Began SLURM_JOB_STATE=RUNNING"
            ),
            format!(
                "-s Slurm Job_id={well} Name=well Ended, Run time TIME COMPLETED, ExitCode 0 bob@example.org | \
                 SLURM_JOB_ID={well} SLURM_JOB_MAIL_TYPE=Ended SLURM_JOB_STATE=COMPLETED"
            ),
        ]
    );
    let badly = world
        .submit("exit 3", json!({"name": "badly", "mail_type": ["END", "FAIL"], "time_limit": 90}))
        .await;
    let mails = world.told("mail", "Name=badly", 1).await;
    let expected = format!("-s Slurm Job_id={badly} Name=badly Failed, Run time TIME FAILED, ExitCode 3 ");
    assert!(without_times(&mails[0]).starts_with(&expected), "{mails:?}");
    let told = world.told("done", "JOBNAME=badly", 1).await;
    let expected = format!(
        " | JOBID={badly} JOBNAME=badly JOBSTATE=FAILED EXITCODE=3:0 LIMIT=01:30:00 \
         ARRAYTASKID=4294967294 NODECNT=1"
    );
    assert_eq!(told, [expected]);
    // Nobody who did not ask has heard, and a name that is none reaches no program.
    let quiet = json!({"name": "quiet", "mail_type": ["BEGIN", "END"], "mail_user": "-oQ/tmp"});
    world.submit("true", quiet).await;
    world.submit("true", json!({"name": "silent"})).await;
    world.told("done", "JOBNAME=silent", 1).await;
    world.told("done", "JOBNAME=quiet", 1).await;
    let mails = lines(world.folder.path(), "mail");
    assert_eq!(mails.len(), 3, "{mails:#?}");
}

#[tokio::test]
async fn an_array_is_told_of_as_a_whole_unless_its_tasks_are_asked_for() {
    let world = World::start();
    let script = "exit $((SLURM_ARRAY_TASK_ID * 7))";
    let wish = json!({"name": "whole", "array": "0-1", "mail_type": ["BEGIN", "END", "FAIL"], "mail_user": "a@b.org"});
    let whole = world.submit(script, wish).await;
    let mails = world.told("mail", "Name=whole", 2).await;
    let subject =
        |rest: &str| format!("-s Slurm Array Summary Job_id={whole}_* ({whole}) Name=whole {rest} a@b.org |");
    assert!(mails[0].starts_with(&subject("Began")), "{mails:#?}");
    assert!(mails[1].starts_with(&subject("Failed, Mixed, ExitCode [0-7]")), "{mails:#?}");
    let wish =
        json!({"name": "each", "array": "4,5", "mail_type": ["END", "ARRAY_TASKS"], "mail_user": "a@b.org"});
    let each = world.submit("true", wish).await;
    let mut mails = world.told("mail", "Name=each", 2).await;
    mails.sort();
    for (mail, index) in mails.iter().zip(["4", "5"]) {
        assert!(mail.starts_with(&format!("-s Slurm Array Task Job_id={each}_{index} (")), "{mails:#?}");
        assert!(
            without_times(mail).contains("Name=each Ended, Run time TIME COMPLETED, ExitCode 0"),
            "{mails:#?}"
        );
    }
    world.told("done", "JOBNAME=each", 2).await;
    world.told("done", "JOBNAME=whole", 2).await;
    assert_eq!(lines(world.folder.path(), "mail").len(), 4);
}

#[tokio::test]
async fn what_can_never_be_and_what_somebody_ended_is_told() {
    let world = World::start();
    let bad = world.submit("exit 1", json!({"name": "bad"})).await;
    world.told("done", "JOBNAME=bad", 1).await;
    let wish = json!({
        "name": "never", "dependency": format!("afterok:{bad}"), "mail_type": ["INVALID_DEPENDENCY", "FAIL", "END"],
    });
    let never = world.submit("true", wish).await;
    let mails = world.told("mail", "Invalid dependency", 1).await;
    assert!(
        mails[0].starts_with(&format!("-s Slurm Job_id={never} Name=never Invalid dependency ")),
        "{mails:?}"
    );
    let (status, answer) = world.ask(reqwest::Method::DELETE, &format!("/job/{never}"), None).await;
    assert_eq!(status, 200, "{answer}");
    // Slurm does not count a job that somebody cancelled as failed.
    let mails = world.told("mail", "Ended", 1).await;
    assert!(mails[0].contains("Ended, Run time 00:00:00, CANCELLED, ExitCode 0"), "{mails:?}");
}
