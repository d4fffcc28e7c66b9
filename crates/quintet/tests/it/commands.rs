//! The command line against a running service: what is submitted, seen, followed, cancelled and remembered, with the
//! exit codes and texts that scripts rely on.

use crate::program::Program;
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_script_runs_with_its_directives_arguments_and_environment() {
    let quintet = Program::serving("");
    quintet.write(
        "job.sh",
        concat!(
            "#!/bin/sh\n",
            "#SBATCH --job-name=greeting --output=out-%j.txt # where it goes\n",
            "#SBATCH --comment='two words'\n",
            "echo \"$0 says $1 to $2 in $GREETED\"\n",
            "echo oops >&2\n",
            "#SBATCH --job-name=too-late\n",
        ),
    );
    let submitted =
        quintet.run_with(&["submit", "-e", "err.txt", "--wait", "job.sh", "hello", "the world"], |command| {
            command
                .env("GREETED", "spring")
                .env("SBATCH_COMMENT", "not sbatch's")
                .env("SBATCH_JOB_NAME", "renamed");
        });
    assert_eq!(
        (submitted.code, submitted.stdout.as_str()),
        (0, "Submitted batch job 1\n"),
        "{}",
        submitted.stderr
    );
    let out = quintet.read("out-1.txt");
    assert!(out.ends_with("says hello to the world in spring\n"), "{out}");
    assert_eq!(quintet.read("err.txt"), "oops\n");
    let shown = json(&quintet.ok(&["show", "job", "1", "--json"]));
    assert_eq!(shown["jobs"][0]["name"], "renamed");
    assert_eq!(shown["jobs"][0]["comment"], "two words");
    let sheet = quintet.ok(&["show", "job", "1"]);
    assert!(sheet.contains("Name             renamed") && sheet.contains("COMPLETED"), "{sheet}");
}

#[test]
fn what_follows_the_script_is_the_scripts() {
    let quintet = Program::serving("");
    quintet.write("args.sh", "#!/bin/sh\nprintf '%s|' \"$@\" $SLURM_NTASKS\n");
    quintet.ok(&["submit", "-W", "-n", "1", "-o", "out", "args.sh", "-n", "4", "--time=x", "--", "-W"]);
    assert_eq!(quintet.read("out"), "-n|4|--time=x|--|-W|1|");
}

#[test]
fn scripts_come_from_standard_input_and_from_wrap_too() {
    let quintet = Program::serving("");
    let from_stdin = quintet
        .run_given(&["submit", "--parsable", "-W", "-o", "in"], "#!/bin/sh\necho from stdin\nexit 4\n");
    assert_eq!((from_stdin.code, from_stdin.stdout.as_str()), (4, "1\n"), "{}", from_stdin.stderr);
    assert_eq!(quintet.read("in"), "from stdin\n");
    assert_eq!(
        quintet.run(&["submit", "-Q", "-W", "-o", "wrapped", "--wrap", "echo wrapped; exit 5"]).code,
        5
    );
    assert_eq!(quintet.read("wrapped"), "wrapped\n");
}

#[test]
fn logs_are_followed_until_the_end() {
    let quintet = Program::serving("");
    quintet.ok(&[
        "submit",
        "--wrap",
        "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two; echo three >&2",
        "-e",
        "err",
    ]);
    let mut following = quintet.start(&["logs", "-f", "1"]);
    assert_eq!(following.line(), "one");
    quintet.write("go", "");
    assert_eq!(following.line(), "two");
    assert_eq!(following.end(), 0);
    assert_eq!(quintet.ok(&["logs", "1"]), "one\ntwo\n");
    assert_eq!(quintet.ok(&["logs", "1", "--tail", "1"]), "two\n");
    assert_eq!(quintet.ok(&["logs", "1", "--stderr"]), "three\n");
    assert_eq!(json(&quintet.ok(&["logs", "1", "--json"]))["text"], "one\ntwo\n");
}

#[test]
fn jobs_are_listed_folded_and_one_by_one() {
    let quintet = Program::serving("");
    quintet.ok(&["submit", "-H", "-a", "0-3,7%2", "-J", "many", "--wrap", "true"]);
    quintet.ok(&["submit", "-H", "-J", "one", "--wrap", "true"]);
    let ids = |args: &[&str]| -> Vec<String> {
        let table = quintet.ok(&[&["ps"], args].concat());
        table.lines().skip(1).map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&[]), ["1_[0-3,7%2]", "2"]);
    assert_eq!(ids(&["-r"]), ["1_0", "1_1", "1_2", "1_3", "1_7", "2"]);
    assert_eq!(ids(&["-n", "one"]), ["2"]);
    assert_eq!(ids(&["-j", "1"]), ["1_[0-3,7%2]"]);
    assert_eq!(ids(&["-t", "R"]), [""; 0]);
    assert_eq!(ids(&["-u", "nobody"]), [""; 0]);
    assert_eq!(json(&quintet.ok(&["ps", "--json", "-n", "one"]))["jobs"].as_array().unwrap().len(), 1);
    let plain = quintet.ok(&["ps"]);
    assert!(!plain.contains('\x1b') && quintet.ok(&["ps", "--color", "always"]).contains('\x1b'));
    assert!(plain.starts_with("JOBID") && plain.contains("(JobHeldUser)"), "{plain}");
}

#[test]
fn own_jobs_are_those_of_whom_the_token_names() {
    let quintet = Program::serving("");
    quintet.ok(&["submit", "-H", "--wrap", "true"]);
    let token = quintet.ok(&["token", "daemon", "--for", "slurm"]);
    let listed = |args: &[&str]| {
        let ended = quintet.run_with(args, |command| {
            command.env("QUINTET_TOKEN", token.trim());
        });
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    };
    assert_eq!(listed(&["ps", "--no-header"]), "");
    assert!(listed(&["ps", "--no-header", "-a"]).starts_with("1 "));
    assert!(quintet.ok(&["ps", "--no-header"]).starts_with("1 "));
}

#[test]
fn jobs_are_held_released_and_cancelled() {
    let quintet = Program::serving("");
    quintet.ok(&["submit", "-H", "-o", "out", "--wrap", "echo ran"]);
    quintet.ok(&["release", "1"]);
    assert_eq!(quintet.ok(&["logs", "-f", "1"]), "ran\n");
    quintet.ok(&["submit", "-o", "out-2", "--wrap", "echo up; exec sleep 1000"]);
    let mut following = quintet.start(&["logs", "-f", "2"]);
    assert_eq!(following.line(), "up");
    assert_eq!(quintet.ok(&["cancel", "2"]), "");
    assert_eq!(following.end(), 0);
    let state =
        |id: &str| json(&quintet.ok(&["show", "job", id, "--json"]))["jobs"][0]["job_state"][0].clone();
    assert_eq!(state("2"), "CANCELLED");
    // Some tasks of an array, then the rest by filter.
    quintet.ok(&["submit", "-H", "-J", "many", "-a", "0-9", "--wrap", "true"]);
    quintet.ok(&["cancel", "3_[2-4]"]);
    assert!(quintet.ok(&["ps"]).contains("3_[0-1,5-9]"));
    quintet.ok(&["cancel", "-n", "many", "-t", "pending"]);
    assert_eq!(quintet.ok(&["ps", "--no-header"]), "");
    // A signal that the job itself takes.
    let id = quintet.submitted(&[
        "-o",
        "sig",
        "--wrap",
        "trap 'echo got it; exit 6' USR1; echo up; while :; do sleep 0.05; done",
    ]);
    let mut following = quintet.start(&["logs", "-f", &id]);
    assert_eq!(following.line(), "up");
    quintet.ok(&["cancel", "--signal", "USR1", "--batch", &id]);
    assert_eq!(following.line(), "got it");
    assert_eq!(following.end(), 0);
}

#[test]
fn history_remembers_how_jobs_ended() {
    let quintet = Program::serving("");
    quintet.run(&["submit", "-W", "-Q", "-J", "good", "-o", "out", "--wrap", "true"]);
    quintet.run(&["submit", "-W", "-Q", "-J", "bad", "-o", "out", "--wrap", "exit 9"]);
    let table = quintet.ok(&["history"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[1].starts_with("2 ") && lines[1].contains("FAILED") && lines[1].contains("9:0"), "{table}");
    let one = json(&quintet.ok(&["history", "--json", "-t", "CD"]));
    assert_eq!(one["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(one["jobs"][0]["name"], "good");
    assert_eq!(json(&quintet.ok(&["history", "--json", "--limit", "1"]))["jobs"][0]["name"], "bad");
    assert_eq!(
        json(&quintet.ok(&["history", "--json", "--since", "now+1hour"]))["jobs"].as_array().unwrap().len(),
        0
    );
}

#[test]
fn nodes_partitions_and_users_are_shown() {
    let quintet = Program::serving("[[nodes]]\nname = \"n[1-2]\"\ncpus = 4\nmemory = 2000\n");
    let nodes = quintet.ok(&["nodes"]);
    assert_eq!(nodes.lines().count(), 3, "{nodes}");
    assert!(nodes.lines().nth(1).unwrap().starts_with("n1    IDLE   0/4"), "{nodes}");
    assert!(quintet.ok(&["show", "node", "n2"]).starts_with("Node n2\n"));
    assert!(quintet.ok(&["show", "partition", "main"]).contains("Nodes"));
    assert_eq!(json(&quintet.ok(&["nodes", "--json"]))["nodes"].as_array().unwrap().len(), 2);
    if Program::is_administrator() {
        quintet.ok(&["user", "add", "mallory", "--admin", "operator", "--account", "a,b"]);
        let listed = quintet.ok(&["user", "list"]);
        assert!(listed.contains("mallory  operator"), "{listed}");
        quintet.ok(&["user", "remove", "mallory"]);
        assert!(!quintet.ok(&["user", "list"]).contains("mallory"));
    }
}

#[test]
fn exit_codes_tell_usage_from_refusal() {
    let quintet = Program::serving("");
    let check = |args: &[&str], code: i32, told: &str| {
        let ended = quintet.run(args);
        assert_eq!(ended.code, code, "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(told), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?}");
    };
    check(&["frobnicate"], 2, "unrecognized subcommand");
    check(&["ps", "-t", "gone"], 2, "unknown state \"gone\"");
    check(&["show", "job", "abc"], 2, "not the number of a job");
    check(&["cancel"], 2, "required");
    check(&["submit", "--bbf=x", "--wrap", "true"], 2, "--bbf");
    check(&["token", "alice", "--for", "slurm", "--role", "admin"], 2, "roles");
    check(&["token", "alice", "--for", "clustercockpit", "--role", "api,king"], 2, "king");
    check(&["token", "alice", "--for", "waldur", "--role", "api"], 2, "a Waldur token has no roles");
    check(&["show", "job", "999"], 1, "no job 999");
    check(&["show", "node", "nope"], 1, "nope");
    check(&["show", "partition", "nope"], 1, "no partition nope");
    check(&["cancel", "999"], 1, "999");
    check(&["submit", "-p", "nope", "--wrap", "true"], 1, "artition");
    check(&["submit", "nosuch.sh"], 1, "nosuch.sh");
    check(&["ps", "--url", "http://127.0.0.1:1"], 1, "start the service with `quintet serve`");
    quintet.write("no-script", "echo\n");
    check(&["submit", "no-script"], 2, "no-script: the first line does not begin with \"#!\"");
    quintet.write("bad.sh", "#!/bin/sh\n#SBATCH --tiem=5\n");
    check(&["submit", "bad.sh"], 2, "bad.sh: line 2: unknown option '--tiem'");
    let stranger = quintet.run_with(&["ps"], |command| {
        command.env("QUINTET_TOKEN", "not.a.token");
    });
    assert_eq!(stranger.code, 1);
    assert!(
        stranger.stderr.contains("does not accept this token")
            && stranger.stderr.contains("quintet token NAME"),
        "{}",
        stranger.stderr
    );
}
