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

fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "waited too long");
        std::thread::yield_now();
    }
}
