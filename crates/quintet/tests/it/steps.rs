//! Steps from the script's `srun` to the accounting record, with the whole program around them.

use crate::program::Program;
use serde_json::Value;

fn history(quintet: &Program, job: &str) -> Value {
    let shown = quintet.ok(&["show", "job", job, "--json"]);
    serde_json::from_str(&shown).unwrap_or_else(|error| panic!("{error}: {shown}"))
}

/// What history says about the steps of a job, once it has left the queue.
fn steps(quintet: &Program, job: &str) -> Vec<(String, String, i64, i64)> {
    let record = history(quintet, job);
    let steps = record["jobs"][0]["steps"].as_array().unwrap_or_else(|| panic!("no steps: {record}"));
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    steps
        .iter()
        .map(|step| {
            (text(&step["step"]), text(&step["state"]), number(&step["exit_code"]), number(&step["tasks"]))
        })
        .collect()
}

const LEAVES_AT_ONCE: &str = "[cluster]\nmin_job_age = \"0s\"\n";

#[test]
fn a_script_of_several_steps_leaves_a_record_of_each() {
    let quintet = Program::serving(LEAVES_AT_ONCE);
    quintet.write(
        "job.sh",
        concat!(
            "#!/bin/sh\n",
            "srun -n2 -l sh -c 'echo $SLURM_STEP_ID.$SLURM_PROCID/$SLURM_NTASKS $((SLURM_TASK_PID - $$))'\n",
            "srun -n1 sh -c 'exit 3'; echo code $?\n",
            "srun -n1 sh -c 'kill -9 $$'; echo code $?\n",
        ),
    );
    quintet.ok(&["submit", "-W", "-n", "2", "-o", "out", "job.sh"]);
    let out = quintet.read("out");
    let mut lines: Vec<&str> = out.lines().filter(|line| !line.starts_with("srun:")).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["0: 0.0/2 0", "1: 0.1/2 0", "code 137", "code 3"], "{out}");
    let wanted = [
        ("batch", "COMPLETED", 0, 1),
        ("0", "COMPLETED", 0, 2),
        ("1", "FAILED", 3, 1),
        ("2", "CANCELLED", 0, 1),
    ];
    let wanted = wanted.map(|(step, state, code, tasks)| (step.to_owned(), state.to_owned(), code, tasks));
    assert_eq!(steps(&quintet, "1"), wanted);
    let listed = quintet.ok(&["history", "--steps"]);
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    let told: Vec<[&str; 4]> = rows.iter().map(|row| [row[0], row[1], row[2], row[3]]).collect();
    let wanted = [
        ["JOBID", "NAME", "STATE", "EXIT"],
        ["1", "job.sh", "COMPLETED", "0:0"],
        ["1.batch", "batch", "COMPLETED", "0:0"],
        ["1.0", "sh", "COMPLETED", "0:0"],
        ["1.1", "sh", "FAILED", "3:0"],
        ["1.2", "sh", "CANCELLED", "0:9"],
    ];
    assert_eq!(told, wanted, "{listed}");
    assert!(
        listed.lines().nth(3).is_some_and(|step| step.contains("K ")),
        "a step has memory of its own: {listed}"
    );
}

#[test]
fn a_step_goes_on_while_the_service_is_away() {
    let mut quintet = Program::serving(LEAVES_AT_ONCE);
    quintet.write(
        "job.sh",
        "#!/bin/sh\nsrun -n1 sh -c 'touch began; while [ ! -e go ]; do sleep 0.05; done'\nsrun -n1 true\n",
    );
    quintet.ok(&["submit", "-n", "1", "-o", "out", "job.sh"]);
    until(|| quintet.files().iter().any(|name| name == "began"));
    quintet.stop("KILL");
    quintet.serve_again();
    quintet.stop("TERM");
    quintet.write("go", "");
    // The second step is asked for while nobody is there to grant it.
    quintet.serve_again();
    quintet.ok(&["wait", "1"]);
    let wanted = [("batch", "COMPLETED", 0, 1), ("0", "COMPLETED", 0, 1), ("1", "COMPLETED", 0, 1)];
    let wanted = wanted.map(|(step, state, code, tasks)| (step.to_owned(), state.to_owned(), code, tasks));
    assert_eq!(steps(&quintet, "1"), wanted, "{}{}", quintet.read("out"), quintet.log());
}

#[test]
fn a_single_step_can_be_cancelled() {
    let quintet = Program::serving(LEAVES_AT_ONCE);
    quintet.write("job.sh", "#!/bin/sh\nsrun -n1 sh -c 'touch began; exec sleep 100'; echo code $?\n");
    quintet.ok(&["submit", "-n", "1", "-o", "out", "job.sh"]);
    until(|| quintet.files().iter().any(|name| name == "began"));
    quintet.ok(&["cancel", "1.0"]);
    quintet.ok(&["wait", "1"]);
    let wanted = [("batch", "COMPLETED", 0, 1), ("0", "CANCELLED", 0, 1)];
    let wanted = wanted.map(|(step, state, code, tasks)| (step.to_owned(), state.to_owned(), code, tasks));
    assert_eq!(steps(&quintet, "1"), wanted);
}

#[test]
fn accounting_knows_the_steps_of_jobs_that_run_and_of_those_that_are_over() {
    let quintet = Program::serving("");
    quintet.write(
        "job.sh",
        "#!/bin/sh\nsrun -n1 true\nsrun -n1 sh -c 'touch began; while [ ! -e go ]; do sleep 0.05; done'\n",
    );
    quintet.ok(&["submit", "-n", "1", "-o", "out", "job.sh"]);
    let told = |words: &[&str]| quintet.ok(&[&["history", "-nP", "-o", "jobid,state"], words].concat());
    quintet.until("the second step runs", || quintet.files().iter().any(|name| name == "began"));
    assert_eq!(told(&["-j", "1"]), "1|RUNNING\n1.batch|RUNNING\n1.0|COMPLETED\n1.1|RUNNING\n");
    quintet.write("go", "");
    quintet.ok(&["wait", "1"]);
    let over = "1|COMPLETED\n1.batch|COMPLETED\n1.0|COMPLETED\n1.1|COMPLETED\n";
    quintet.until("it is over", || told(&["-j", "1"]).starts_with("1|COMPLETED"));
    assert_eq!(told(&["-j", "1"]), over);
    let conditions = ["-a", "-X", "-S", "now-1hour", "-E", "now"];
    let with = |words: &[&str]| told(&[&conditions, words].concat());
    assert_eq!(with(&["-s", "CD,F", "--name=job.sh,other"]), "1|COMPLETED\n");
    assert_eq!(with(&["-s", "F,CA"]), "");
    assert_eq!(with(&["-s", "CD", "--name", "other"]), "");
    // Among others, none of which has steps.
    for _ in 0..3 {
        quintet.ok(&["submit", "-W", "-Q", "-n1", "-o", "out", "--wrap", "true"]);
    }
    assert_eq!(told(&["-a"]).lines().filter(|line| line.starts_with("1")).count(), 4);
    assert_eq!(told(&["-a"]).lines().count(), 4 + 3 * 2);
}

#[test]
fn an_attempt_that_went_back_is_a_duplicate() {
    let quintet = Program::serving("");
    let script = "touch began$SLURM_RESTART_COUNT; [ -n \"$SLURM_RESTART_COUNT\" ] || sleep 100";
    quintet.ok(&["submit", "-Q", "-n1", "-o", "out", "--wrap", script]);
    quintet.until("it runs", || quintet.files().iter().any(|name| name == "began"));
    quintet.ok(&["requeue", "1"]);
    quintet.ok(&["wait", "1"]);
    let told =
        |words: &[&str]| quintet.ok(&[&["history", "-nP", "-o", "jobid,state,exitcode"], words].concat());
    let last = "1|COMPLETED|0:0\n1.batch|COMPLETED|0:0\n";
    quintet.until("it is over", || told(&["-j", "1"]).starts_with("1|COMPLETED"));
    assert_eq!(told(&["-j", "1"]), last);
    // What was sent to the script is nothing that the job left.
    let first = "1|REQUEUED|0:0\n1.batch|CANCELLED|0:15\n";
    assert_eq!(told(&["-D", "--duplicates", "-j", "1"]), format!("{first}{last}"));
    assert_eq!(told(&["-X", "-X", "-D", "-S", "now-1hour"]), "1|REQUEUED|0:0\n1|COMPLETED|0:0\n");
    // Who ended it is told of the job, and not of what ended with it.
    quintet.ok(&["submit", "-Q", "-n1", "-o", "out", "--wrap", "touch again; sleep 100"]);
    quintet.until("it runs", || quintet.files().iter().any(|name| name == "again"));
    quintet.ok(&["cancel", "2"]);
    quintet.until("it is over", || told(&["-j", "2"]).starts_with("2|CANCELLED by "));
    assert!(told(&["-j", "2"]).ends_with("\n2.batch|CANCELLED|0:15\n"), "{}", told(&["-j", "2"]));
}

fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "waited too long");
        std::thread::yield_now();
    }
}
