//! `quintet attach JOB.STEP`: what tasks write and read is seen and given from elsewhere.

use crate::program::{Program, Running};
use std::io::Write;
use std::process::Stdio;

const NODES: &str = "[[nodes]]\nname = \"n1\"\ncpus = 4\nmemory = 2000\n";
/// Tasks that write, wait for a file, write again and end.
const WAITS: &str = "echo up $SLURM_PROCID; while [ ! -e go ]; do sleep 0.02; done; echo last >&2; exit $((SLURM_PROCID * 3 + 1))";

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn attached(quintet: &Program, words: &[&str]) -> Running {
    quintet.start_with(&[&["attach"], words].concat(), |command| {
        command.stderr(Stdio::piped()).stdin(Stdio::piped());
    })
}

#[test]
fn what_tasks_write_is_seen_from_elsewhere_and_how_they_end() {
    let quintet = Program::serving(NODES);
    let mut step = quintet.start(&["srun", "-Q", "-n2", "sh", "-c", WAITS]);
    assert_eq!(sorted(vec![step.line(), step.line()]), ["up 0", "up 1"]);
    let mut looks = attached(&quintet, &["-l", "1.0"]);
    assert_eq!(
        sorted(vec![looks.line(), looks.line()]),
        ["0: up 0", "1: up 1"],
        "what was before is seen too"
    );
    let mut one = attached(&quintet, &["--output-filter=1", "--error-filter=0", "1.0"]);
    assert_eq!(one.line(), "up 1");
    let layout = quintet.ok(&["attach", "--layout", "1.0"]);
    assert_eq!(layout, "Job step layout:\n\t2 tasks, 1 nodes (n1)\n\n\tNode 0 (n1), 2 task(s): 0 1 \n");
    quintet.write("go", "");
    let told = sorted((0..4).map(|_| looks.error_line()).collect());
    let wanted = [
        "0: last",
        "1: last",
        "quintet: error: task 0: Exited with exit code 1",
        "quintet: error: task 1: Exited with exit code 4",
    ];
    assert_eq!((told, looks.end(), step.end()), (wanted.map(str::to_owned).to_vec(), 4, 4));
    let of_one = sorted((0..3).map(|_| one.error_line()).collect());
    assert_eq!(of_one[0], "last");
    assert_eq!(one.end(), 4);
}

#[test]
fn what_a_task_writes_to_a_file_itself_is_read_there() {
    let quintet = Program::serving(NODES);
    quintet.write("job.sh", &format!("#!/bin/sh\necho before\nsrun -n1 sh -c '{WAITS}'\n"));
    quintet.ok(&["submit", "-o", "out", "job.sh"]);
    quintet.until("the task runs", || {
        quintet.files().contains(&"out".to_owned()) && quintet.read("out").contains("up 0")
    });
    let mut looks = attached(&quintet, &["--json", "1.0"]);
    let told = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let first = told(&looks.line());
    assert_eq!(
        first,
        serde_json::json!({"stream": "stdout", "task": 0, "text": "up 0\n"}),
        "and nothing before"
    );
    quintet.write("go", "");
    // srun itself writes there as well.
    assert!(told(&looks.line())["text"].as_str().unwrap().starts_with("last\n"));
    assert_eq!(looks.end(), 1);
}

#[test]
fn what_is_typed_elsewhere_reaches_tasks() {
    let quintet = Program::serving(NODES);
    let mut step = quintet.start_with(&["srun", "-l", "-n2", "cat"], |command| {
        command.stdin(Stdio::piped());
    });
    quintet.until("the step runs", || quintet.run(&["attach", "--layout", "1.0"]).code == 0);
    let mut looks = quintet.command(&["attach", "1.0"]);
    let mut child = looks.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"hello\n").unwrap();
    assert_eq!(sorted(vec![step.line(), step.line()]), ["0: hello", "1: hello"]);
    let mut only = quintet.command(&["attach", "--input-filter=1", "1.0"]);
    let mut other = only.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    other.stdin.take().unwrap().write_all(b"you\n").unwrap();
    assert_eq!(step.line(), "1: you");
    // That nothing more comes from there ends nothing.
    drop(child.stdin.take());
    step.close_input();
    assert_eq!(
        (step.end(), child.wait().unwrap().code(), other.wait().unwrap().code()),
        (0, Some(0), Some(0))
    );
}

#[test]
fn a_terminal_is_shared() {
    let quintet = Program::serving(NODES);
    let step = quintet.start_with(&["srun", "-Q", "--pty", "sh"], |command| {
        command.stdin(Stdio::piped());
    });
    quintet.until("the step runs", || quintet.run(&["attach", "--layout", "1.0"]).code == 0);
    let typed = quintet.run_given(&["attach", "1.0"], "echo $((6 * 7)); exit 6\n");
    assert_eq!((typed.code, step.end()), (6, 6), "{}", typed.stderr);
    assert!(typed.stdout.contains("42\r\n"), "{}", typed.stdout);
}

#[test]
fn whoever_looks_may_leave_and_others_may_not_look() {
    let quintet = Program::serving(NODES);
    let mut step = quintet.start(&["srun", "-Q", "-n2", "sh", "-c", WAITS]);
    assert_eq!(sorted(vec![step.line(), step.line()]), ["up 0", "up 1"]);
    let mut looks = attached(&quintet, &["1.0"]);
    assert_eq!(sorted(vec![looks.line(), looks.line()]), ["up 0", "up 1"]);
    looks.signal("INT");
    assert_eq!(looks.error_line(), "quintet: left; step 1.0 goes on");
    assert_eq!(looks.end(), 0);
    let refused = |words: &[&str], why: &str, code: i32| {
        let told = quintet.run(words);
        assert_eq!((told.stderr.as_str(), told.code), (format!("quintet: error: {why}\n").as_str(), code));
    };
    refused(&["attach", "1.7"], "step 1.7: Job/step already completing or completed", 1);
    refused(&["attach", "9.0"], "step 9.0: Job/step already completing or completed", 1);
    refused(&["attach", "1.batch"], "what the script of a job writes is shown by `quintet attach 1`", 2);
    refused(&["attach", "-l", "1"], "these options are for steps, such as 12.0", 2);
    if Program::is_administrator() {
        let token = quintet.ok(&["token", "--for", "slurm", "nobody"]);
        let url = format!("http://{}", quintet.address());
        let mut other = std::process::Command::new("setpriv");
        let words = ["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_quintet")];
        other.args(words).args(["attach", "--url", &url, "1.0"]).env("QUINTET_TOKEN", token.trim());
        let told = other.stdin(Stdio::null()).output().unwrap();
        let why = String::from_utf8_lossy(&told.stderr);
        assert_eq!(why, "quintet: error: step 1.0: Access/permission denied\n");
    }
    quintet.write("go", "");
    assert_eq!(step.end(), 4);
}
