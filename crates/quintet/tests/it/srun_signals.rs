//! What srun does with signals that it is given, while a step runs and before: as measured with Slurm's.

use crate::program::{Program, Running};
use crate::srun::{together, without_time};
use std::process::Stdio;

const NODES: &str = "[[nodes]]\nname = \"n1\"\ncpus = 2\nmemory = 1000\n";
/// Tasks that do not heed Ctrl-C, so that it is known how they end.
const DEAF: &str = "trap '' INT; echo up; exec sleep 1000";
const ABORTED: &str = "srun: Job step aborted: Waiting up to 32 seconds for job step to finish.";
const KILLED: &str = "slurmstepd: error: *** STEP 1.0 ON n1 CANCELLED AT NOW DUE to SIGNAL Killed ***";

/// A step of two tasks that run.
fn running(quintet: &Program, options: &[&str], script: &str) -> Running {
    let words = [&["srun", "-n2"], options, &["sh", "-c", script]].concat();
    let mut running = quintet.start_with(&words, |command| {
        command.stderr(Stdio::piped());
    });
    assert_eq!((running.line(), running.line()), ("up".to_owned(), "up".to_owned()));
    if options.contains(&"-v") {
        // What tasks write may be faster than the news that they have started.
        for _ in 0..2 {
            while !running.error_line().contains(" started as process ") {}
        }
    }
    running
}

/// Gives srun these signals and compares what it says and its exit code; a name in front of which a number stands waits
/// for so many lines first.
fn check(options: &[&str], script: &str, signals: &[(usize, &str)], lines: &[&str], code: i32) {
    let quintet = Program::serving(NODES);
    let mut running = running(&quintet, options, script);
    let mut told = Vec::new();
    for (after, signal) in signals {
        while told.len() < *after {
            told.push(without_time(&running.error_line()));
        }
        running.signal(signal);
    }
    loop {
        match running.error_line() {
            line if line.is_empty() => break,
            line => told.push(without_time(&line)),
        }
    }
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(ends_last(told), ends_last(lines), "{options:?} {signals:?}");
    assert_eq!(running.end(), code, "{options:?} {signals:?}");
}

/// What is said of tasks comes when they have ended, one by one, before or after what is said of the step.
fn ends_last(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_by_key(|line| line.starts_with("srun: error: n1: task"));
    together(lines)
}

#[test]
fn ctrl_c_asks_first() {
    let told = [
        "srun: interrupt (one more within 1 sec to abort)",
        "srun: StepId=1.0 tasks 0-1: running",
        "srun: sending Ctrl-C to StepId=1.0",
        "srun: forcing job termination",
        ABORTED,
        KILLED,
    ];
    check(&["-v"], DEAF, &[(0, "INT"), (2, "INT")], &told, 128 + 9);
    // The step ends with the one who started it, even if that one is killed.
    let quintet = Program::serving(NODES);
    let mut running = quintet.start(&["srun", "sh", "-c", "echo $$; exec sleep 1000"]);
    let pid = running.line();
    running.signal("KILL");
    quintet.until("the task is gone", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn how_ctrl_c_is_taken_may_be_chosen() {
    let quit = ["srun: sending Ctrl-C to StepId=1.0", "srun: forcing job termination", ABORTED, KILLED];
    check(&["--quit-on-interrupt"], DEAF, &[(0, "INT")], &quit, 128 + 9);
    let passed =
        ["srun: sending Ctrl-C to StepId=1.0", "srun: error: n1: tasks 0-1: Exited with exit code 4"];
    let heeds = "trap 'exit 4' INT; echo up; while :; do sleep 0.02; done";
    let quintet = Program::serving(NODES);
    let mut passes = running(&quintet, &["-X"], heeds);
    passes.signal("INT");
    let told = [passes.error_line(), passes.error_line()];
    let together = told[1].replace("task 0:", "tasks 0-1:").replace("task 1:", "tasks 0-1:");
    assert_eq!((told[0].as_str(), together.as_str(), passes.end()), (passed[0], passed[1], 4));
    check(&["-Q"], DEAF, &[(0, "TERM")], &[KILLED, "srun: error: n1: tasks 0-1: Killed"], 128 + 9);
}

#[test]
fn signals_end_the_step_or_are_its_tasks() {
    let forced = ["srun: forcing job termination", ABORTED, KILLED, "srun: error: n1: tasks 0-1: Killed"];
    check(&[], DEAF, &[(0, "TERM")], &forced, 128 + 9);
    check(&[], DEAF, &[(0, "HUP")], &forced, 128 + 9);
    let quit = [&["srun: Quit"], forced.as_slice()].concat();
    check(&[], DEAF, &[(0, "QUIT")], &quit, 128 + 9);
    let stopped = [&["srun: got SIGCONT"], forced.as_slice()].concat();
    check(&[], DEAF, &[(0, "CONT"), (1, "TERM")], &stopped, 128 + 9);
    let quintet = Program::serving(NODES);
    let mut passes = running(&quintet, &[], DEAF);
    passes.signal("USR1");
    assert!(passes.error_line().ends_with(": User defined signal 1"));
    assert_eq!(passes.end(), 128 + 10);
}

#[test]
fn a_step_that_waits_is_given_up() {
    let quintet = Program::serving(NODES);
    quintet.ok(&["alloc", "-Q", "-n2", "--no-shell"]);
    let mut holds = quintet.start(&["srun", "--jobid=1", "-n2", "sh", "-c", DEAF]);
    assert_eq!(holds.line(), "up");
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1), ("QUIT", 3), ("USR1", 10)] {
        let mut waits = quintet.start_with(&["srun", "--jobid=1", "-v", "true"], |command| {
            command.stderr(Stdio::piped());
        });
        while !waits.error_line().contains("temporarily disabled") {}
        waits.signal(name);
        let told = [waits.error_line(), waits.error_line()];
        let refused =
            "srun: error: Unable to create step for job 1: Job/step already completing or completed";
        assert_eq!(
            told,
            [format!("srun: Cancelled pending job step with signal {number}"), refused.to_owned()]
        );
        assert_eq!(waits.end(), 1);
    }
    for (name, is_forced) in [("INT", false), ("HUP", false), ("TERM", true), ("QUIT", true), ("USR2", true)]
    {
        let mut waits = quintet.start_with(&["srun", "-n2", "true"], |command| {
            command.stderr(Stdio::piped());
        });
        let line = waits.error_line();
        let job = line.trim_start_matches("srun: job ").split(' ').next().unwrap_or_default().to_owned();
        assert_eq!(line, format!("srun: job {job} queued and waiting for resources"));
        waits.signal(name);
        if is_forced {
            assert_eq!(waits.error_line(), format!("srun: Force Terminated JobId={job}"));
        }
        assert_eq!(waits.error_line(), format!("srun: Job allocation {job} has been revoked"));
        assert_eq!(waits.end(), 1, "{name}");
    }
}

#[test]
fn programs_that_cannot_be_executed_tell_why() {
    let quintet = Program::serving(NODES);
    quintet.write("garbage", "garbage\n");
    let set = |mode: u32| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(quintet.work().join("garbage"), mode).unwrap();
    };
    let check = |program: &str, why: &str, code: i32| {
        let ran = quintet.run(&["srun", program]);
        let told = format!(
            "slurmstepd: error: execve(): {program}: {why}\nsrun: error: n1: task 0: Exited with exit code {code}\n"
        );
        assert_eq!((ran.stderr, ran.code), (told, code));
    };
    check("/no/such", "No such file or directory", 2);
    set(0o644);
    check("./garbage", "Permission denied", 13);
    set(0o755);
    check("./garbage", "Exec format error", 8);
}
