//! Kinds of jobs with real processes: components that start together, allocations held while a command runs, crontabs.

use crate::program::Program;
use serde_json::Value;
use std::time::{Duration, Instant};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A crontab's next minute may be a whole one away.
const PATIENCE: Duration = Duration::from_secs(120);

fn until(what: &str, patience: Duration, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < patience, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_leader_of_a_heterogeneous_job_is_told_of_all_components() {
    let quintet = Program::serving("");
    quintet.write(
        "het.sh",
        "#!/bin/sh\n#SBATCH --job-name=lead -n1 -o env.txt\n#SBATCH hetjob\n#SBATCH -n1 --mem-per-cpu=50\nenv | sort\nexit 3\n",
    );
    let submitted = quintet.run(&["submit", "--wait", "het.sh"]);
    assert_eq!(
        (submitted.code, submitted.stdout.as_str()),
        (3, "Submitted batch job 1\n"),
        "{}",
        submitted.stderr
    );
    let environment = quintet.read("env.txt");
    for line in [
        "SLURM_HET_SIZE=2",
        "SLURM_JOB_ID=1",
        "SLURM_JOB_ID_HET_GROUP_0=1",
        "SLURM_JOB_ID_HET_GROUP_1=2",
        "SLURM_JOB_NAME_HET_GROUP_1=lead",
        "SLURM_NTASKS_HET_GROUP_1=1",
        "SLURM_MEM_PER_CPU_HET_GROUP_1=50",
        "SLURM_JOB_ID_PACK_GROUP_1=2",
    ] {
        assert!(environment.lines().any(|set| set == line), "{line}\n{environment}");
    }
    assert!(
        environment.lines().any(|set| set.starts_with("SLURM_JOB_NODELIST_HET_GROUP_1=")),
        "{environment}"
    );
    let shown = json(&quintet.ok(&["show", "job", "1", "--json"]));
    let states: Vec<_> =
        shown["jobs"].as_array().unwrap().iter().map(|job| job["job_state"][0].clone()).collect();
    assert_eq!(states, ["FAILED", "FAILED"], "the other ends as the leader did");
    components_have_the_same_names_everywhere(&quintet);
}

fn components_have_the_same_names_everywhere(quintet: &Program) {
    let ids = |text: &str| -> Vec<String> {
        let mut ids: Vec<String> = text
            .lines()
            .skip(1)
            .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&quintet.ok(&["ps", "-j", "1"])), ["1+0", "1+1"]);
    assert_eq!(ids(&quintet.ok(&["ps", "-j", "1+1"])), ["1+1"]);
    assert_eq!(ids(&quintet.ok(&["history"])), ["1+0", "1+1"]);
    assert_eq!(ids(&quintet.ok(&["history", "--steps"])), ["1+0", "1+0.batch", "1+1"]);
    let all = json(&quintet.run(&["wait", "1", "--json"]).stdout);
    let names: Vec<&str> = all.as_array().unwrap().iter().map(|job| job["job"].as_str().unwrap()).collect();
    assert_eq!(names, ["1+0", "1+1"]);
    for (name, code) in [("1", 3), ("1+0", 3), ("1+1", 3)] {
        let waited = quintet.run(&["wait", name]);
        assert_eq!(waited.code, code, "{name}: {}", waited.stderr);
    }
    assert_ne!(quintet.run(&["wait", "1+2"]).code, 0);
    assert_eq!(quintet.ok(&["logs", "1+0"]), quintet.read("env.txt"));
    let none = quintet.run(&["logs", "1+1"]);
    assert!(none.code == 1 && none.stderr.contains("ran nothing"), "{}", none.stderr);
    // A plus is a time: what waits for a component names its number.
    for (dependency, shown) in [("afterany:1+1", ""), ("afterok:2", "afterok:2(failed)")] {
        let id = quintet.ok(&["submit", "-H", "--parsable", "-d", dependency, "--wrap", "true"]);
        let shown_now = json(&quintet.ok(&["show", "job", id.trim(), "--json"]));
        assert_eq!(shown_now["jobs"][0]["dependency"], shown, "{dependency}");
        quintet.ok(&["cancel", id.trim()]);
    }
}

#[test]
fn components_are_given_on_the_command_line_and_held_together() {
    let quintet = Program::serving("");
    quintet.ok(&["submit", "-H", "-J", "both", "-n1", "--wrap", "true", ":", "-n1", "-J", "own"]);
    let listed = quintet.ok(&["ps"]);
    for id in ["1+0", "1+1"] {
        assert!(listed.contains(id), "{listed}");
    }
    let names = |quintet: &Program| {
        let shown = json(&quintet.ok(&["show", "job", "1", "--json"]));
        let jobs = shown["jobs"].as_array().unwrap().clone();
        jobs.iter().map(|job| job["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&quintet), ["both", "own"]);
    quintet.ok(&["release", "1"]);
    let ended = || quintet.ok(&["ps"]).lines().count() <= 1;
    until("all components were released and have run", PATIENCE, ended);
}

#[test]
fn an_allocation_is_held_while_a_command_runs() {
    let quintet = Program::serving("");
    let held = quintet.run(&[
        "alloc",
        "-n1",
        "-J",
        "mine",
        "sh",
        "-c",
        "echo $SLURM_JOB_ID $SLURM_JOB_NAME; srun --state ../state echo step; exit 5",
    ]);
    assert_eq!((held.code, held.stdout.as_str()), (5, "1 mine\nstep\n"), "{}", held.stderr);
    assert!(
        held.stderr.starts_with("salloc: Granted job allocation 1\nsalloc: Nodes ")
            && held.stderr.ends_with("salloc: Relinquishing job allocation 1\n"),
        "{}",
        held.stderr
    );
    let shown = json(&quintet.ok(&["show", "job", "1", "--json"]));
    assert_eq!(shown["jobs"][0]["job_state"][0], "FAILED");
    assert_eq!(shown["jobs"][0]["exit_code"]["return_code"]["number"], 5);
    let refused = quintet.run(&["alloc", "-o", "file", "true"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
}

#[test]
fn a_crontab_runs_its_entries_and_is_edited_by_cancelling_one() {
    let quintet = Program::serving("");
    let place = quintet.work().join("turns.txt").display().to_string();
    quintet.write(
        "tab",
        &format!("NAME=turn\n#SCRON -J every\n* * * * * echo $NAME >> {place}\n@yearly false\n"),
    );
    quintet.ok(&["crontab", &quintet.work().join("tab").display().to_string()]);
    let shown = json(&quintet.ok(&["show", "job", "1", "--json"]));
    assert_eq!(
        (&shown["jobs"][0]["cron"], &shown["jobs"][0]["name"]),
        (&"* * * * *".into(), &"every".into())
    );
    quintet.ok(&["cancel", "2"]);
    assert!(quintet.ok(&["crontab", "-l"]).ends_with("#DISABLED: @yearly false\n"));
    let has_run =
        || std::fs::read_to_string(quintet.work().join("turns.txt")).is_ok_and(|text| text == "turn\n");
    until("the entry has had its turn", PATIENCE, has_run);
    let is_waiting = || {
        let shown = json(&quintet.ok(&["show", "job", "1", "--json"]));
        shown["jobs"][0]["job_state"][0] == "PENDING" && shown["jobs"][0]["restart_cnt"] == 1
    };
    until("it waits for its next turn", PATIENCE, is_waiting);
    quintet.ok(&["crontab", "-r"]);
    assert_eq!(quintet.ok(&["crontab", "-l"]), "");
    let wrong = quintet.run_given(&["crontab", "-"], "@daily a\njunk\n");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("line 2"), "{}", wrong.stderr);
}
