//! Allocations: what is left of those of `alloc` and `srun` as measured with Slurm, and what becomes of one whose program
//! is gone.

use crate::program::Program;
use serde_json::Value;
use std::process::Stdio;

const NODES: &str = "[cluster]\nkill_wait = \"1s\"\n[[nodes]]\nname = \"n[1-2]\"\ncpus = 4\nmemory = 1000\n";

fn shown(quintet: &Program, job: u32) -> Value {
    let text = quintet.ok(&["show", "job", &job.to_string(), "--json"]);
    let all: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    all["jobs"][0].clone()
}

fn number(of: &Value, name: &str) -> (i64, i64) {
    let part = |value: &Value| if value["set"] == true { value["number"].as_i64().unwrap_or(-1) } else { 0 };
    (part(&of[name]["return_code"]), part(&of[name]["signal"]["id"]))
}

/// State, reason, exit code and signal, derived exit code and signal.
fn left(quintet: &Program, job: u32) -> (String, String, (i64, i64), (i64, i64)) {
    let job = shown(quintet, job);
    (
        job["job_state"][0].as_str().unwrap().to_owned(),
        job["state_reason"].as_str().unwrap().to_owned(),
        number(&job, "exit_code"),
        number(&job, "derived_exit_code"),
    )
}

#[test]
fn what_a_program_leaves_is_what_its_allocation_leaves() {
    let quintet = Program::serving(NODES);
    let mut next = 0;
    let mut check = |words: &[&str], code: i32, told: (&str, &str, (i64, i64), (i64, i64))| {
        next += 1;
        let ran = quintet.run(words);
        assert_eq!(ran.code, code, "{words:?}: {}", ran.stderr);
        let told = (told.0.to_owned(), told.1.to_owned(), told.2, told.3);
        quintet
            .until("the job is over", || shown(&quintet, next)["job_state"].as_array().unwrap().len() == 1);
        assert_eq!(left(&quintet, next), told, "{words:?}");
    };
    check(&["alloc", "true"], 0, ("COMPLETED", "None", (0, 0), (0, 0)));
    check(&["alloc", "sh", "-c", "exit 3"], 3, ("FAILED", "NonZeroExitCode", (3, 0), (0, 0)));
    check(&["alloc", "sh", "-c", "kill -9 $$"], 137, ("FAILED", "RaisedSignal", (0, 9), (0, 0)));
    check(&["alloc", "/no/such"], 1, ("FAILED", "NonZeroExitCode", (1, 0), (0, 0)));
    let inside = |script: &str| format!("srun sh -c '{script}'");
    check(&["alloc", "sh", "-c", &inside("exit 5")], 5, ("FAILED", "NonZeroExitCode", (5, 0), (5, 0)));
    let killed = inside("kill -9 $$");
    check(&["alloc", "sh", "-c", &killed], 137, ("FAILED", "NonZeroExitCode", (137, 0), (0, 9)));
    check(&["srun", "true"], 0, ("COMPLETED", "None", (0, 0), (0, 0)));
    check(&["srun", "sh", "-c", "exit 3"], 3, ("FAILED", "NonZeroExitCode", (3, 0), (3, 0)));
    check(
        &["srun", "-n2", "sh", "-c", "exit $SLURM_PROCID"],
        1,
        ("FAILED", "NonZeroExitCode", (1, 0), (1, 0)),
    );
    check(&["srun", "sh", "-c", "kill -9 $$"], 137, ("FAILED", "RaisedSignal", (0, 9), (0, 9)));
    check(&["srun", "/no/such"], 2, ("FAILED", "NonZeroExitCode", (2, 0), (2, 0)));
    let state = quintet.state().display().to_string();
    let cancel = format!("{} cancel --state {state} $SLURM_JOB_ID; sleep 100", env!("CARGO_BIN_EXE_quintet"));
    check(&["srun", "sh", "-c", &cancel], 143, ("CANCELLED", "None", (0, 15), (0, 15)));
}

#[test]
fn an_allocation_that_is_taken_away_is_told_of() {
    let quintet = Program::serving(NODES);
    let mut held = quintet.start_with(&["alloc", "sh", "-c", "echo up; read x; exit 4"], |command| {
        command.stderr(Stdio::piped()).stdin(Stdio::piped());
    });
    assert_eq!(held.line(), "up");
    assert_eq!(held.error_line(), "salloc: Granted job allocation 1");
    assert!(held.error_line().ends_with("are ready for job"));
    quintet.ok(&["cancel", "1"]);
    assert_eq!(held.error_line(), "salloc: Job allocation 1 has been revoked.");
    held.close_input();
    assert_eq!(held.end(), 4);
    assert_eq!(left(&quintet, 1).0, "CANCELLED");
    // Whoever wants it is told by a signal.
    let mut held =
        quintet.start_with(&["alloc", "-K=TERM", "sh", "-c", "echo up; exec sleep 1000"], |command| {
            command.stderr(Stdio::null());
        });
    assert_eq!(held.line(), "up");
    quintet.ok(&["cancel", "2"]);
    assert_eq!(held.end(), 128 + 15);
}

#[test]
fn signals_for_alloc_are_its_commands() {
    let quintet = Program::serving(NODES);
    let started = |script: &str| {
        let mut held = quintet.start_with(&["alloc", "-Q", "sh", "-c", script], |command| {
            command.stderr(Stdio::piped()).stdin(Stdio::piped());
        });
        assert_eq!(held.line(), "up");
        held
    };
    let told = started("trap 'exit 6' TERM; echo up; while :; do sleep 0.05; done");
    told.signal("TERM");
    assert_eq!(told.end(), 6);
    // It ends with its input, which is ours.
    let gone = started("trap '' HUP; echo up; exec cat > /dev/null");
    gone.signal("HUP");
    assert_eq!(gone.end(), 128 + 1);
    quintet.until("it is over", || left(&quintet, 2).0 == "FAILED");
    assert_eq!(left(&quintet, 2), ("FAILED".into(), "RaisedSignal".into(), (0, 1), (0, 0)));
}

#[test]
fn an_allocation_without_its_program_ends_as_configured() {
    let mut quintet = Program::serving(&NODES.replace("kill_wait", "inactive_limit = \"1s\"\nkill_wait"));
    let mut running = quintet.start(&["srun", "sh", "-c", "echo up; exec sleep 1000"]);
    assert_eq!(running.line(), "up");
    running.signal("KILL");
    quintet.until("the job of srun is cancelled", || left(&quintet, 1).0 == "CANCELLED");
    let waits = "echo up; exec cat > /dev/null";
    let mut held = quintet.start_with(&["alloc", "-Q", "sh", "-c", waits], |command| {
        command.stderr(Stdio::null()).stdin(Stdio::piped());
    });
    assert_eq!(held.line(), "up");
    // A service that comes back is told that the program is still there.
    quintet.restart_on_the_same_address();
    assert_eq!(left(&quintet, 2).0, "RUNNING");
    held.signal("KILL");
    quintet.until("the allocation has expired", || left(&quintet, 2).0 == "TIMEOUT");
    assert_eq!(left(&quintet, 2).1, "InactiveLimit");
    // Nobody has to be there for what was allocated without a shell.
    let ended = quintet.run(&["alloc", "--no-shell"]);
    assert_eq!((ended.code, ended.stderr.lines().next()), (0, Some("salloc: Granted job allocation 3")));
    assert_eq!(left(&quintet, 3).0, "RUNNING");
}

#[test]
fn components_are_held_together_and_steps_run_over_them() {
    let quintet = Program::serving(NODES);
    let script = r#"
echo $SLURM_HET_SIZE $SLURM_JOB_ID $SLURM_JOB_ID_HET_GROUP_1 $SLURM_NTASKS $SLURM_NTASKS_HET_GROUP_0 $SLURM_NTASKS_HET_GROUP_1
say='echo $SLURM_PROCID $SLURM_JOB_ID $SLURM_NTASKS $SLURM_NODEID $SLURM_STEP_ID'
echo leader; srun sh -c "$say" | sort
echo one; srun --het-group=1 sh -c "$say" | sort
echo both; srun --het-group=0,1 sh -c "$say" | sort
echo parts; srun -l -n1 sh -c "echo a; $say" : -n3 sh -c "echo b; $say" | sort
srun --het-group=2 true
srun --het-group=0,1 -n1 sh -c 'exit $SLURM_PROCID'
"#;
    let held = quintet.run(&["alloc", "-Q", "-n2", "-N1", ":", "-n3", "-N1", "bash", "-c", script]);
    let wanted = [
        "2 1 2 5 2 3",
        "leader",
        "0 1 2 0 0",
        "1 1 2 0 0",
        "one",
        "0 1 3 0 1",
        "1 1 3 0 1",
        "2 1 3 0 1",
        "both",
        "0 1 5 0 2",
        "1 1 5 0 2",
        "2 1 5 1 2",
        "3 1 5 1 2",
        "4 1 5 1 2",
        "parts",
        "0: 0 1 4 0 3",
        "0: a",
        "1: 1 1 4 1 3",
        "1: b",
        "2: 2 1 4 1 3",
        "2: b",
        "3: 3 1 4 1 3",
        "3: b",
    ];
    assert_eq!(held.stdout.lines().collect::<Vec<_>>(), wanted, "{}{}", held.stderr, quintet.log());
    assert_eq!(held.code, 1);
    let beyond = "srun: error: Requested het-group offset exceeds highest hetjob index (2 > 1)\n";
    assert!(held.stderr.starts_with(beyond), "{}", held.stderr);
    quintet.until("all components are over", || {
        left(&quintet, 1).0 == "FAILED" && left(&quintet, 2).0 == "FAILED"
    });
    assert_eq!(left(&quintet, 2).2, (1, 0), "all components are left alike");
}

#[test]
fn several_programs_make_one_step() {
    let quintet = Program::serving(NODES);
    let say = "echo $SLURM_PROCID $SLURM_NTASKS $SLURM_CPUS_PER_TASK";
    let inside = format!("srun -l -n1 sh -c '{say}' : -n2 -c1 sh -c '{say}; exit 4'");
    let ran = quintet.run(&["alloc", "-Q", "-n4", "sh", "-c", &inside]);
    let mut lines: Vec<&str> = ran.stdout.lines().map(str::trim_end).collect();
    lines.sort_unstable();
    assert_eq!((ran.code, lines), (4, vec!["0: 0 3", "1: 1 3 1", "2: 2 3 1"]), "{}", ran.stderr);
    // Outside of a job each program has a component.
    let said = "echo $SLURM_PROCID $SLURM_NTASKS $SLURM_HET_SIZE $SLURM_JOB_ID_HET_GROUP_1";
    let tail = format!("{said}; exit 3");
    let ran = quintet.run(&["srun", "-Q", "-n1", "sh", "-c", said, ":", "-n2", "sh", "-c", &tail]);
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!((ran.code, lines), (3, vec!["0 3 2 3", "1 3 2 3", "2 3 2 3"]), "{}", ran.stderr);
    quintet.until("both components are over", || {
        left(&quintet, 2).0 == "FAILED" && left(&quintet, 3).0 == "FAILED"
    });
}
