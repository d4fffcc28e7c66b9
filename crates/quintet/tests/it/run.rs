//! Commands that stay with a job: `wait`, `attach`, `run`.

use crate::program::{Program, at_a_terminal};
use serde_json::Value;
use std::process::Stdio;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn waiting_gives_the_largest_exit_code() {
    let quintet = Program::serving("");
    quintet.ok(&["submit", "-o", "out", "--wrap", "while [ ! -e go ]; do sleep 0.05; done; exit 3"]);
    quintet.ok(&["submit", "-o", "out", "--wrap", "kill -9 $$"]);
    quintet.ok(&["submit", "-a", "0-2", "-o", "out-%a", "--wrap", "exit $SLURM_ARRAY_TASK_ID"]);
    assert_eq!(quintet.run(&["wait", "1", "--timeout", "1"]).code, 124);
    quintet.write("go", "");
    assert_eq!(quintet.run(&["wait", "1"]).code, 3);
    assert_eq!(quintet.run(&["wait", "2"]).code, 128 + 9);
    assert_eq!(quintet.run(&["wait", "3"]).code, 2);
    assert_eq!(quintet.run(&["wait", "3_1"]).code, 1);
    assert_eq!(quintet.run(&["wait", "3_0"]).code, 0);
    let all = quintet.run(&["wait", "1", "2", "3", "--json"]);
    assert_eq!(all.code, 137);
    let told = json(&all.stdout);
    let jobs: Vec<&str> = told.as_array().unwrap().iter().map(|job| job["job"].as_str().unwrap()).collect();
    assert_eq!(jobs, ["1", "2", "3_0", "3_1", "3_2"]);
    assert_eq!((&told[1]["signal"], &told[1]["state"]), (&Value::from(9), &Value::from("FAILED")));
    let unknown = quintet.run(&["wait", "99"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("99"), "{}", unknown.stderr);
    assert_eq!(quintet.run(&["wait", "x"]).code, 2);
}

#[test]
fn watching_outlives_a_restart_of_the_service() {
    let mut quintet = Program::serving("");
    quintet.ok(&["submit", "-o", "out", "--wrap", "echo up; while [ ! -e go ]; do sleep 0.05; done; exit 4"]);
    let mut attached = quintet.start(&["attach", "1", "--wait"]);
    assert_eq!(attached.line(), "up");
    quintet.restart_on_the_same_address();
    quintet.write("go", "");
    assert!(attached.line().is_empty());
    assert_eq!(attached.end(), 4);
}

#[test]
fn both_streams_of_a_job_can_be_watched() {
    let quintet = Program::serving("");
    let script = "echo one; echo two >&2; while [ ! -e go ]; do sleep 0.05; done; echo three; exit 5";
    quintet.ok(&["submit", "-o", "out", "-e", "err", "--wrap", script]);
    let mut attached = quintet.start_with(&["attach", "-W", "1"], |command| {
        command.stderr(Stdio::piped());
    });
    assert_eq!(attached.line(), "one");
    assert_eq!(attached.error_line(), "two");
    quintet.write("go", "");
    assert_eq!(attached.line(), "three");
    assert_eq!(attached.end(), 5);
    assert_eq!(quintet.ok(&["attach", "1", "--tail", "1"]), "three\n");
    // Once for standard output and standard error in one file.
    quintet.ok(&["submit", "-W", "-o", "out", "--wrap", "echo alone"]);
    assert_eq!(quintet.ok(&["attach", "2"]), "alone\n");
    let pieces = quintet.ok(&["attach", "2", "--json"]);
    assert_eq!(json(&pieces), serde_json::json!({ "stream": "stdout", "text": "alone\n" }));
    assert_eq!(quintet.run(&["attach", "99"]).code, 1);
}

#[test]
fn a_command_runs_as_if_it_ran_here() {
    let quintet = Program::serving("");
    let ran = quintet.run(&[
        "run",
        "-n",
        "1",
        "sh",
        "-c",
        "echo $SLURM_JOB_ID $1; echo oops >&2; exit 7",
        "-",
        "two words",
    ]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (7, "1 two words\n", "oops\n"));
    assert_eq!(quintet.run(&["run", "sh", "-c", "kill -TERM $$"]).code, 128 + 15);
    assert_eq!(quintet.run(&["run", "true"]).code, 0);
    let missing = quintet.run(&["run", "/no/such/program"]);
    assert_eq!(missing.code, 127);
    assert!(missing.stderr.contains("/no/such/program"), "{}", missing.stderr);
    assert_eq!(quintet.files(), [""; 0], "nothing is left behind");
    let kept = quintet.run(&["run", "-o", "kept", "echo", "there"]);
    assert_eq!((kept.stdout.as_str(), quintet.read("kept").as_str()), ("there\n", "there\n"));
    assert_eq!(quintet.run(&["run", "-p", "nope", "true"]).code, 1);
    assert_eq!(quintet.run(&["run", "-a", "1-2", "true"]).code, 2);
    assert_eq!(quintet.run(&["run"]).code, 2);
}

#[test]
fn a_command_can_have_a_terminal() {
    let quintet = Program::serving("[[nodes]]\nname = \"n1\"\ncpus = 4\nmemory = 2000\n");
    let script = "stty size; test -t 0 -a -t 1 -a -t 2 && echo terminal; echo job $SLURM_JOB_ID; srun -n1 echo inner; exit 4";
    let command = format!(
        "stty rows 33 cols 99; {} run --state {} --pty -c 4 sh -c '{script}'",
        env!("CARGO_BIN_EXE_quintet"),
        quintet.state().display()
    );
    let (code, shown) = at_a_terminal(&command);
    assert_eq!(code, Some(4), "{shown}");
    assert!(shown.contains("33 99\nterminal\njob 1\ninner\n"), "{shown}");
    quintet.run(&["wait", "1", "--timeout", "20"]);
    assert_eq!(json(&quintet.ok(&["show", "job", "1", "--json"]))["jobs"][0]["name"], "sh");
    for refused in [&["-o", "out"][..], &["--detach"], &["--json"], &["--export=A"], &["-a", "1-2"]] {
        let words = [&["run", "--pty"], refused, &["true"]].concat();
        assert_eq!(quintet.run(&words).code, 2, "{refused:?}");
    }
}

#[test]
fn a_detached_command_goes_on() {
    let quintet = Program::serving("");
    assert_eq!(quintet.ok(&["run", "--detach", "-o", "out", "sh", "-c", "echo done; exit 2"]), "1\n");
    assert_eq!(quintet.run(&["wait", "1"]).code, 2);
    assert_eq!(quintet.read("out"), "done\n");
}

#[test]
fn the_job_ends_with_the_command_that_runs_it() {
    let quintet = Program::serving("");
    let running = |script: &str| {
        let mut running = quintet.start_with(&["run", "sh", "-c", script], |command| {
            command.stderr(Stdio::piped());
        });
        assert_eq!(running.line(), "up");
        running
    };
    // Signals are the job's own business.
    let mut told = running("trap 'echo told; exit 6' USR1 TERM; echo up; while :; do sleep 0.05; done");
    told.signal("USR1");
    assert_eq!(told.line(), "told");
    assert_eq!(told.end(), 6);
    // One Ctrl-C asks, two of them mean it.
    let mut asked = running("echo up; exec sleep 1000");
    asked.signal("INT");
    assert!(asked.error_line().contains("one more within 1 sec"));
    assert!(asked.error_line().contains("job 2: RUNNING on "));
    asked.signal("INT");
    assert_eq!(asked.end(), 128 + 15);
    // The terminal goes away.
    let left = running("echo up; exec sleep 1000");
    left.signal("HUP");
    assert_eq!(left.end(), 128 + 15);
    // A job that waits is gone at the first.
    let mut waits = quintet.start_with(&["run", "-v", "-H", "true"], |command| {
        command.stderr(Stdio::piped());
    });
    assert_eq!(waits.error_line(), "quintet: job 4 is submitted");
    // The handler stands a moment later; a signal before it is as good.
    waits.signal("INT");
    assert_ne!(waits.end(), 0);
}
