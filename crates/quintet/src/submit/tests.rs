//! From script, variables and command line to the request: which option becomes which field, and which one wins.

use super::command::SubmitArgs;
use super::directives::directives;
use super::layers::combine;
use super::options::JobOptions;
use super::request::{Script, request};
use clap::{Args, Command};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::Path;

fn options(script: &str, variables: &[(&str, &str)], words: &[&str]) -> Result<JobOptions, String> {
    let script = format!("#!/bin/sh\n{script}\n");
    let directives = directives(&script).map_err(|error| error.to_string())?;
    let command =
        SubmitArgs::augment_args(Command::new("submit").args_override_self(true).infer_long_args(true));
    let words = std::iter::once("submit").chain(words.iter().copied());
    let matches = command.try_get_matches_from(words).map_err(|error| error.to_string())?;
    let variable = |name: &str| {
        variables.iter().find(|(other, _)| *other == name).map(|(_, value)| OsString::from(value))
    };
    combine("job.sh", &directives, variable, &matches).map_err(|error| error.to_string())
}

fn job(script: &str, variables: &[(&str, &str)], words: &[&str]) -> Value {
    let options = options(script, variables, words).unwrap();
    let script = Script { text: "#!/bin/sh\n".into(), name: "job.sh".into(), arguments: Vec::new() };
    let request = request(&options, &script, Path::new("/home/alice"), vec!["A=1".into()]).unwrap();
    let mut value: Value = serde_json::from_slice(&slurm_wire::to_json(&request)).unwrap();
    // The service itself must understand every word of it.
    let mut report = slurm_wire::Report::new(jiff::Zoned::now());
    let text = value.to_string();
    let document = slurm_wire::json::parse(&text).unwrap();
    let read: Result<slurm_wire::submit::JobSubmitReq, _> = slurm_wire::parse(&document, &mut report);
    assert!(read.is_ok() && report.errors.is_empty(), "{words:?}: {:?}", report.errors);
    assert!(report.warnings.is_empty(), "{words:?}: {:?}", report.warnings);
    let mut job = value["job"].take();
    for always in ["environment", "current_working_directory", "name"] {
        job.as_object_mut().unwrap().remove(always).unwrap();
    }
    job
}

/// What the words on the command line put into the request, besides what is always there.
fn check(words: &str, told: Value) {
    let words: Vec<&str> = words.split_whitespace().collect();
    assert_eq!(job("", &[], &words), told, "{words:?}");
}

fn set(number: u64) -> Value {
    json!({"set": true, "infinite": false, "number": number})
}

#[test]
fn nothing_asked_for_is_nothing_sent() {
    check("", json!({}));
}

#[test]
fn names_and_texts() {
    check(
        "-A physics -p debug,long -q high",
        json!({"account": "physics", "partition": "debug,long", "qos": "high"}),
    );
    check(
        "--wckey=k --reservation r --comment c --extra e",
        json!({
            "wckey": "k", "reservation": "r", "comment": "c", "extra": "e"
        }),
    );
    check(
        "--mail-type=END,TIME_LIMIT_80 --mail-user=bob",
        json!({"mail_type": ["END", "TIME=80%"], "mail_user": "bob"}),
    );
    check("--uid=bob --gid=hpc", json!({"user_id": "bob", "group_id": "hpc"}));
    check("--mcs-label=secret", json!({"mcs_label": "secret"}));
    check("-d afterok:1:2?afterany:3", json!({"dependency": "afterok:1:2?afterany:3"}));
    check("-a 0-9%2", json!({"array": "0-9%2"}));
    check("-L matlab:2,ansys", json!({"licenses": "matlab:2,ansys"}));
    check("-C fast&intel --prefer fast", json!({"constraints": "fast&intel", "prefer": "fast"}));
}

#[test]
fn counts() {
    check("-n 4 -c 2", json!({"tasks": 4, "cpus_per_task": 2}));
    check("-N 2", json!({"nodes": "2"}));
    check("-N 1-4", json!({"nodes": "1-4"}));
    check(
        "--ntasks-per-node=3 --ntasks-per-socket=2 --ntasks-per-core=1 --ntasks-per-gpu=5",
        json!({
            "tasks_per_node": 3, "tasks_per_socket": 2, "tasks_per_core": 1, "ntasks_per_tres": 5
        }),
    );
    check(
        "--mincpus 3 --sockets-per-node 2 --threads-per-core 1",
        json!({
            "minimum_cpus_per_node": 3, "sockets_per_node": 2, "threads_per_core": 1
        }),
    );
    check("--mem=2G", json!({"memory_per_node": set(2048)}));
    check("--mem=0", json!({"memory_per_node": set(0)}));
    check("--mem-per-cpu=100", json!({"memory_per_cpu": set(100)}));
    check("--tmp=1G", json!({"temporary_disk_per_node": 1024}));
    check("--switches=1@2:00", json!({"required_switches": set(1), "wait_for_switch": 120}));
}

#[test]
fn generic_resources() {
    check("--gres-flags=enforce-binding", json!({"flags": ["GRES_BINDING_ENFORCED"]}));
    check("--gres-flags=disable-binding", json!({"flags": ["GRES_BINDING_DISABLED"]}));
    check("--hint=nomultithread", json!({"threads_per_core": 1}));
    check(
        "--batch=fast --constraint=fast|slow",
        json!({"batch_features": "fast", "constraints": "fast|slow"}),
    );
    check("--gres=gpu:2", json!({"tres_per_node": "gres/gpu:2"}));
    check("--gres=gpu:a100:1,shard:4", json!({"tres_per_node": "gres/gpu:a100:1,gres/shard:4"}));
    check("--gres=none", json!({}));
    check("-G 2", json!({"tres_per_job": "gres/gpu:2"}));
    check("--gpus=a100:2", json!({"tres_per_job": "gres/gpu:a100:2"}));
    check("--gres=shard:1 --gpus-per-node=2", json!({"tres_per_node": "gres/shard:1,gres/gpu:2"}));
    check(
        "--gpus-per-task=1 --gpus-per-socket=2",
        json!({"tres_per_task": "gres/gpu:1", "tres_per_socket": "gres/gpu:2"}),
    );
    check(
        "--cpus-per-gpu=4 --mem-per-gpu=1G",
        json!({"cpus_per_tres": "gres/gpu:4", "memory_per_tres": "gres/gpu:1024"}),
    );
    check("--tres-per-task=cpu=2,gres/gpu=1", json!({"tres_per_task": "cpu=2,gres/gpu=1"}));
}

#[test]
fn times() {
    check("-t 90", json!({"time_limit": set(90)}));
    check("-t 1-12:30:01", json!({"time_limit": set(2191)}));
    check("-t unlimited", json!({"time_limit": {"set": false, "infinite": true, "number": 0}}));
    check("--time-min=10", json!({"time_minimum": set(10)}));
    let begin = job("", &[], &["--begin=2030-01-01T00:00:00"]);
    assert!(begin["begin_time"]["number"].as_u64().unwrap() > 1_893_000_000);
    let deadline = job("", &[], &["--deadline=now+1hour"]);
    assert!(deadline["deadline"].as_u64().unwrap() > 1_700_000_000);
    check(
        "--signal=B:USR1@30",
        json!({
            "kill_warning_signal": "USR1", "kill_warning_delay": set(30), "kill_warning_flags": ["BATCH_JOB"]
        }),
    );
    check("--signal=TERM", json!({"kill_warning_signal": "TERM", "kill_warning_delay": set(60)}));
}

#[test]
fn switches() {
    check("-H", json!({"hold": true}));
    check("--nice", json!({"nice": 100}));
    check("--nice=-5", json!({"nice": -5}));
    check("--priority=7", json!({"priority": set(7)}));
    check("--requeue", json!({"requeue": true}));
    check("--no-requeue", json!({"requeue": false}));
    check("--requeue --no-requeue", json!({"requeue": false}));
    check("--no-kill", json!({"kill_on_node_fail": false}));
    check("--contiguous -O", json!({"contiguous": true, "overcommit": true}));
    check("--exclusive", json!({"shared": ["none"]}));
    check("--exclusive=user", json!({"shared": ["user"]}));
    check("-s", json!({"shared": ["oversubscribe"]}));
    check("--exclusive -s", json!({"shared": ["oversubscribe"]}));
    check("--kill-on-invalid-dep=yes", json!({"flags": ["KILL_INVALID_DEPENDENCY"]}));
    check(
        "--kill-on-invalid-dep=no --spread-job",
        json!({"flags": ["NO_KILL_INVALID_DEPENDENCY", "SPREAD_JOB"]}),
    );
    check("--use-min-nodes", json!({"flags": ["PREFER_MINIMUM_NODE_COUNT"]}));
    check("-w n[1-2],n4 -x n3", json!({"required_nodes": ["n[1-2],n4"], "excluded_nodes": ["n3"]}));
    check("-m block:cyclic", json!({"distribution": "block:cyclic"}));
    check("--core-spec=2", json!({"core_specification": 2}));
    check("--thread-spec=2", json!({"thread_specification": 2}));
    check("--parsable -Q -W -v --ignore-pbs", json!({}));
}

#[test]
fn files() {
    check(
        "-o out -e err -i in --open-mode=append",
        json!({
            "standard_output": "out", "standard_error": "err", "standard_input": "in", "open_mode": ["APPEND"]
        }),
    );
    check("--open-mode=t", json!({"open_mode": ["TRUNCATE"]}));
}

#[test]
fn directory_name_and_environment_are_always_sent() {
    let sent = |words: &[&str]| {
        let script = Script {
            text: "#!/bin/sh\n".into(),
            name: "job.sh".into(),
            arguments: vec!["/j.sh".into(), "x".into()],
        };
        let options = options("", &[], words).unwrap();
        let request = request(&options, &script, Path::new("/home/alice"), vec!["A=1".into()]).unwrap();
        serde_json::from_slice::<Value>(&slurm_wire::to_json(&request)).unwrap()
    };
    assert_eq!(
        sent(&[]),
        json!({"script": "#!/bin/sh\n", "job": {
            "argv": ["/j.sh", "x"], "environment": ["A=1"], "name": "job.sh", "current_working_directory": "/home/alice"
        }})
    );
    let named = sent(&["-D", "sub", "-J", "other"]);
    assert_eq!(named["job"]["current_working_directory"], "/home/alice/sub");
    assert_eq!(named["job"]["name"], "other");
    assert_eq!(sent(&["-D", "/tmp"])["job"]["current_working_directory"], "/tmp");
}

#[test]
fn the_command_line_goes_before_variables_and_they_before_the_script() {
    let check = |script: &str, variables: &[(&str, &str)], words: &[&str], told: u64| {
        assert_eq!(
            job(script, variables, words)["time_limit"],
            set(told),
            "{script} {variables:?} {words:?}"
        );
    };
    check("#SBATCH -t 5", &[], &[], 5);
    check("#SBATCH -t 5\n#SBATCH --time=6", &[], &[], 6);
    check("#SBATCH -t 5", &[("SBATCH_TIMELIMIT", "9")], &[], 9);
    check("#SBATCH -t 5", &[("SBATCH_TIMELIMIT", "9")], &["-t", "7"], 7);
    check("#SBATCH -t 5", &[], &["-t7"], 7);
    assert_eq!(job("#SBATCH --requeue", &[], &["--no-requeue"])["requeue"], false);
    assert_eq!(job("#SBATCH --no-requeue", &[("SBATCH_REQUEUE", "")], &[])["requeue"], true);
    assert_eq!(job("#SBATCH --exclusive", &[("SBATCH_EXCLUSIVE", "user")], &[])["shared"], json!(["user"]));
    assert_eq!(job("", &[("SBATCH_EXCLUSIVE", "")], &[])["shared"], json!(["none"]));
    assert_eq!(job("#SBATCH -n 2 -c 3", &[], &["-n4"]), json!({"tasks": 4, "cpus_per_task": 3}));
}

#[test]
fn unambiguous_beginnings_of_options_will_do() {
    assert_eq!(job("#SBATCH --part=debug", &[], &[])["partition"], "debug");
    assert!(options("#SBATCH --ntasks-per=2", &[], &[]).unwrap_err().contains("line 2"));
}

#[test]
fn what_cannot_be_taken_is_told_with_its_place() {
    let check = |script: &str, variables: &[(&str, &str)], words: &[&str], told: &str| {
        assert_eq!(options(script, variables, words).unwrap_err(), told);
    };
    check("#SBATCH --bogus=1", &[], &[], "job.sh: line 2: unknown option '--bogus' found");
    check("#SBATCH -n1 extra", &[], &[], "job.sh: line 2: unknown option 'extra' found");
    check("#SBATCH --wrap=x", &[], &[], "job.sh: line 2: unknown option '--wrap' found");
    check(
        "#\n#SBATCH --mem=much",
        &[],
        &[],
        concat!(
            "job.sh: line 3: invalid value 'much' for '--mem <SIZE>': ",
            "expected megabytes, or a size such as 500M or 16G"
        ),
    );
    check(
        "",
        &[("SBATCH_TIMELIMIT", "soon")],
        &[],
        concat!(
            "environment variable SBATCH_TIMELIMIT: invalid value 'soon' for '--time <TIME>': ",
            "expected minutes, HH:MM:SS, D-HH:MM:SS or unlimited"
        ),
    );
    check(
        "",
        &[("SBATCH_NETWORK", "x")],
        &[],
        "environment variable SBATCH_NETWORK: what it asks for is not supported; unset it",
    );
    check(
        "#SBATCH --mem-per-cpu=20",
        &[],
        &["--mem=1G"],
        concat!(
            "options of script, environment and command line taken together: ",
            "the argument '--mem-per-cpu <SIZE>' cannot be used with '--mem <SIZE>'"
        ),
    );
    assert!(options("", &[], &["--hint=x"]).unwrap_err().contains("--hint"));
}

#[test]
fn resources_that_cannot_be_read_are_refused() {
    let refused = |words: &[&str]| {
        let options = options("", &[], words).unwrap();
        request(&options, &Script::default(), Path::new("/"), Vec::new()).unwrap_err().to_string()
    };
    assert_eq!(refused(&["--gres=gpu::1"]), "--gres: \"gpu::1\" is not a list such as gpu:2 or gpu:a100:1");
    assert_eq!(
        refused(&["-G", "many"]),
        "--gpus: \"many\" is not a number, or a type and a number such as a100:2"
    );
    assert!(refused(&["--gpus-per-node=1:2"]).starts_with("--gpus-per-node"));
}

fn components(script: &str, groups: &[&[&str]]) -> Result<Vec<JobOptions>, String> {
    let directives = directives(&format!("#!/bin/sh\n{script}\n")).map_err(|error| error.to_string())?;
    let command = || {
        let command =
            Command::new("submit").no_binary_name(true).args_override_self(true).infer_long_args(true);
        SubmitArgs::augment_args(command)
    };
    let matches = groups.iter().map(|words| command().try_get_matches_from(*words));
    let matches: Vec<_> = matches.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    super::layers::combine_components("job.sh", &directives, |_| None, &matches)
        .map_err(|error| error.to_string())
}

#[test]
fn components_say_their_resources_themselves_and_take_the_rest_from_the_first() {
    let told = |script: &str, groups: &[&[&str]]| {
        let components = components(script, groups).unwrap();
        let one = |options: &JobOptions| (options.ntasks, options.cpus_per_task, options.job_name.clone());
        components.iter().map(one).collect::<Vec<_>>()
    };
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(
        told("#SBATCH -n1 -J lead\n#SBATCH hetjob\n#SBATCH -n2 -c2\n#SBATCH packjob\n", &[&[]]),
        [(Some(1), None, named("lead")), (Some(2), Some(2), named("lead")), (None, None, named("lead"))]
    );
    assert_eq!(
        told(
            "#SBATCH -n1\n#SBATCH hetjob\n#SBATCH -n2",
            &[&["-n4", "-J", "a"], &["-c3", "-J", "b"], &["-n7"]]
        ),
        [(Some(4), None, named("a")), (Some(2), Some(3), named("b")), (Some(7), None, named("a"))]
    );
    let memory: Vec<_> = components("", &[&["--mem=77", "-p", "long"], &["-n1"]])
        .unwrap()
        .into_iter()
        .map(|options| (options.mem.map(|size| size.0), options.partition))
        .collect();
    assert_eq!(memory, [(Some(77), Some("long".to_owned())), (Some(77), None)]);
    assert!(components("#SBATCH hetjobs\n", &[&[]]).is_err());
}
