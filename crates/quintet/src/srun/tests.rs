//! From the command line and variables to what a launcher is asked for.

use super::command::SrunArgs;
use super::options::SrunOptions;
use super::read::{options, spread};
use super::request::step_request;
use clap::{Args, Command, FromArgMatches};
use std::collections::HashMap;
use std::ffi::OsString;
use std::time::Duration;
use supervise::steps::{BindRule, Distribution, StepMemory, StepPer, StepRequest};

/// Where srun is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Called {
    InJob,
    Outside,
}

fn read(called: Called, variables: &[(&str, &str)], words: &[&str]) -> Result<SrunOptions, String> {
    let command = Command::new("srun").no_binary_name(true).args_override_self(true).infer_long_args(true);
    let words = spread(words.iter().map(OsString::from).collect());
    let matches =
        SrunArgs::augment_args(command).try_get_matches_from(words).map_err(|error| error.to_string())?;
    SrunArgs::from_arg_matches(&matches).map_err(|error| error.to_string())?;
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    let variable = |name: &str| variables.get(name).map(OsString::from);
    options(&matches, called == Called::InJob, variable).map_err(|error| error.to_string())
}

fn request(variables: &[(&str, &str)], words: &[&str]) -> StepRequest {
    step_request(&read(Called::InJob, variables, words).unwrap(), "prog", "prog").unwrap()
}

fn refused(words: &[&str]) -> String {
    match read(Called::InJob, &[], words) {
        Err(error) => error,
        Ok(options) => step_request(&options, "prog", "prog").unwrap_err().to_string(),
    }
}

#[test]
fn nothing_asked_leaves_everything_to_the_server() {
    let plain = StepRequest { name: "prog".into(), command: "prog".into(), ..StepRequest::default() };
    assert_eq!(request(&[], &["prog"]), plain);
}

#[test]
fn options_become_the_request() {
    let asked = request(
        &[],
        &[
            "-n4",
            "-N",
            "2-3",
            "-c2",
            "--mem=1G",
            "--gres=gpu:1",
            "--gpus-per-task",
            "a100:2",
            "-m",
            "plane=2",
            "-w",
            "n[1-2]",
            "-x",
            "n3",
            "-r1",
            "-t",
            "90",
            "-J",
            "name",
            "--exact",
            "--overlap",
            "-O",
            "-I",
            "--cpu-bind=q,cores",
            "prog",
            "-n9",
        ],
    );
    assert_eq!(
        (asked.tasks, asked.min_nodes, asked.max_nodes, asked.cpus_per_task),
        (Some(4), Some(2), Some(3), Some(2))
    );
    assert_eq!(
        (asked.memory, asked.distribution, asked.relative),
        (StepMemory::PerNode(1024), Distribution::Plane(2), Some(1))
    );
    assert_eq!(
        (asked.nodes, asked.excluded),
        (vec!["n1".to_owned(), "n2".to_owned()], vec!["n3".to_owned()])
    );
    assert_eq!((asked.time_limit, asked.name.as_str()), (Some(Duration::from_secs(90 * 60)), "name"));
    assert!(asked.exact && asked.overlap && asked.overcommit && asked.immediate);
    assert_eq!((asked.bind.rule, asked.bind.written.as_str()), (BindRule::Cores, "q,cores"));
    let gres: Vec<_> =
        asked.gres.unwrap().into_iter().map(|gres| (gres.kind, gres.count, gres.per)).collect();
    assert_eq!(gres, [(String::new(), 1, StepPer::Node), ("a100".to_owned(), 2, StepPer::Task)]);
}

#[test]
fn what_the_job_was_given_is_the_usual() {
    let job = [
        ("SLURM_NTASKS", "4"),
        ("SLURM_NNODES", "2"),
        ("SLURM_MEM_PER_NODE", "500"),
        ("SLURM_CPUS_PER_TASK", "3"),
        ("SLURM_TRES_PER_TASK", "cpu=2"),
        ("SLURM_JOB_NAME", "batch"),
        ("SLURM_PARTITION", "p"),
    ];
    let asked = request(&job, &["prog"]);
    assert_eq!((asked.tasks, asked.min_nodes, asked.max_nodes), (Some(4), Some(2), Some(2)));
    assert_eq!(
        (asked.memory, asked.cpus_per_task, asked.name.as_str()),
        (StepMemory::PerNode(500), Some(2), "prog")
    );
    // Options win, also over a variable that asks the same thing in another way.
    let asked = request(&job, &["-n1", "--mem-per-cpu=20", "-c5", "prog"]);
    assert_eq!((asked.tasks, asked.memory, asked.cpus_per_task), (Some(1), StepMemory::PerCpu(20), Some(5)));
    let kept = request(&job, &["-E", "-n1", "prog"]);
    assert_eq!(kept.tasks, Some(4));
    let outside = read(Called::Outside, &job, &["prog"]).unwrap();
    assert_eq!((outside.job_name.as_deref(), outside.partition.as_deref()), (Some("batch"), Some("p")));
}

#[test]
fn variables_switch() {
    let options = |variables: &[(&str, &str)]| read(Called::InJob, variables, &["prog"]).unwrap();
    assert!(options(&[("SLURM_LABELIO", "1")]).label);
    assert!(!options(&[("SLURM_LABELIO", "0")]).label);
    assert!(options(&[("SLURM_UNBUFFEREDIO", "yes")]).unbuffered);
    assert_eq!(options(&[("SLURM_KILL_BAD_EXIT", "")]).kill_on_bad_exit, Some(1));
    assert_eq!(options(&[("SLURM_KILL_BAD_EXIT", "0")]).kill_on_bad_exit, Some(0));
    assert_eq!(options(&[("SLURM_WAIT", "7")]).wait, Some(7));
    let refused = read(Called::InJob, &[("SLURM_CPU_FREQ_REQ", "high")], &["prog"]).unwrap_err();
    assert_eq!(
        refused,
        "environment variable SLURM_CPU_FREQ_REQ: what it asks for is not supported; unset it"
    );
}

#[test]
fn values_may_stand_in_the_word_of_a_short_option() {
    let options = |words: &[&str]| read(Called::InJob, &[], words).unwrap();
    assert_eq!(options(&["-K1", "prog"]).kill_on_bad_exit, Some(1));
    assert_eq!(options(&["-n", "2", "-K0", "-I5", "prog", "-K7"]).kill_on_bad_exit, Some(0));
    assert_eq!(options(&["-I5", "prog"]).immediate, Some(5));
    assert_eq!(options(&["-I", "prog"]).immediate, Some(0));
    assert_eq!(options(&["-lK", "prog"]).kill_on_bad_exit, Some(1));
    assert_eq!(options(&["--immediate=3", "--kill-on-bad", "prog"]).immediate, Some(3));
}

#[test]
fn how_others_call_it() {
    // submitit.
    let options = read(
        Called::InJob,
        &[],
        &["--unbuffered", "--output", "/l/%j_%t.out", "--error", "/l/%j_%t.err", "python", "-u", "-m", "x"],
    );
    let options = options.unwrap();
    assert!(options.unbuffered);
    assert_eq!(
        (options.output.as_deref(), options.error.as_deref()),
        (Some("/l/%j_%t.out"), Some("/l/%j_%t.err"))
    );
    // snakemake.
    let asked = request(&[], &["-n1", "--cpu-bind=q", "--cpus-per-task", "3", "python", "-m", "snakemake"]);
    assert_eq!((asked.tasks, asked.cpus_per_task, asked.bind.rule), (Some(1), Some(3), BindRule::Default));
    // parsl, psij.
    request(&[], &["--ntasks", "2", "-l", "bash", "cmd_$SLURM_JOB_NAME.sh"]);
}

#[test]
fn what_cannot_be_is_told() {
    let check =
        |words: &[&str], told: &str| assert!(refused(words).contains(told), "{words:?}: {}", refused(words));
    check(&["-n0", "prog"], "0 is not in 1..=100000");
    check(&["-m", "foo", "prog"], "Invalid --distribution specification");
    check(&["--cpu-bind=foo", "prog"], "unrecognized --cpu-bind argument \"foo\"");
    check(&["--mem=1", "--mem-per-cpu=1", "prog"], "mutually exclusive");
    check(&["--mem-bind=local", "prog"], "--mem-bind can only be none");
    check(&["--gres=gpu:x:y", "prog"], "Invalid --gres specification");
    check(&["-w", "n[", "prog"], "Invalid --nodelist specification");
    check(&["--tres-per-task=mem=1", "prog"], "only cpu and gres");
    check(&["--bcast=x", "prog"], "unexpected argument");
}
