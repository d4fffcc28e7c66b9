//! What is too old: where it goes, how it is brought back, and that nothing starts where it could not go.

use crate::program::{Program, quintet};
use std::path::Path;
use std::process::Output;

fn archive(program: &Program, words: &[&str]) -> Output {
    let mut command = quintet();
    command.arg("archive").args(words).arg("--state").arg(program.state());
    command.current_dir(program.work()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A sum of an hour, as a purge has written it.
const HOUR: &str = concat!(
    r#"{"kind":"usage","sum":0,"start":27000000,"account":"physics","user":"zoe","partition":"debug","#,
    r#""qos":"normal","wckey":"","reservation":"","cpu":7200,"memory":0,"node":0,"billing":7200}"#,
    "\n"
);

#[test]
fn an_archive_is_listed_and_loaded_while_the_service_runs() {
    let program = Program::serving("[history]\npurge_job_after = \"12months\"\n");
    assert!(program.state().join("archive").is_dir(), "there is room before something goes");
    let listed = archive(&program, &["list"]);
    assert_eq!(text(&listed.stdout).lines().count(), 2, "nothing has gone yet");
    program.write("usage-2021-05.jsonl", HOUR);
    let listed = archive(&program, &["list", "usage-2021-05.jsonl"]);
    let line = text(&listed.stdout).lines().last().unwrap().to_owned();
    assert_eq!(line.split_whitespace().take(4).collect::<Vec<_>>(), ["usage-2021-05.jsonl", "0", "0", "1"]);
    let report = || {
        let words = ["report", "-nP", "cluster", "AccountUtilizationByUser", "user=zoe", "format=login,used"];
        program.ok(&[&words[..], &["start=2021-05-01", "end=2021-05-05"]].concat())
    };
    assert_eq!(report(), "");
    for known in ["", "; 1 were there already"] {
        let loaded = archive(&program, &["load", "usage-2021-05.jsonl"]);
        let sums = if known.is_empty() { 1 } else { 0 };
        assert_eq!(
            text(&loaded.stdout),
            format!("usage-2021-05.jsonl: 0 jobs, 0 steps, {sums} sums of usage{known}\n")
        );
    }
    program.write("frob.jsonl", "{}\n");
    let refused = archive(&program, &["load", "frob.jsonl"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("line 1 is no line of an archive"), "{}", text(&refused.stderr));
}

#[test]
fn what_is_too_old_can_be_taken_out_at_once() {
    let program = Program::serving("");
    let config = program.work().join("keep.toml");
    program.write("keep.toml", "[history]\npurge_hourly_usage_after = \"12months\"\narchive_dir = \"old\"\n");
    let refused = archive(&program, &["dump"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("keeps everything for ever"));
    // Sums of everybody say which hours there are.
    let everybody = HOUR.replace("\"sum\":0", "\"sum\":6");
    program.write("hours.jsonl", &format!("{HOUR}{everybody}"));
    archive(&program, &["load", "hours.jsonl"]);
    let dump = || archive(&program, &["dump", "--config", config.to_str().unwrap()]);
    let gone = text(&dump().stdout);
    let old = program.work().join("old");
    let wanted = format!("taken out: 0 jobs, 0 steps, 2 sums of usage; archived in {}\n", old.display());
    assert_eq!(gone, wanted);
    assert_eq!(text(&dump().stdout), "taken out: 0 jobs, 0 steps, 0 sums of usage\n");
    let lines = std::fs::read_to_string(old.join("usage-2021-05.jsonl")).unwrap();
    let kept: Vec<&str> = lines.lines().collect();
    assert_eq!(kept[0], HOUR.trim_end());
    assert!(kept[1].starts_with(r#"{"kind":"usage","sum":6,"start":27000000,"account":"","#), "{}", kept[1]);
}

#[test]
fn transactions_go_and_come_back() {
    let program = Program::serving("");
    program.write("keep.toml", "[history]\npurge_txn_after = \"12months\"\narchive_dir = \"old\"\n");
    let line = concat!(
        r#"{"kind":"transaction","name":"root","start":1620000000000000,"end":1620000000000000,"told":1620000000000000,"#,
        r#""record":{"a":"Add Accounts","p":"physics","t":1620000000000000,"w":"root"}}"#,
        "\n"
    );
    program.write("deeds.jsonl", line);
    let loaded = archive(&program, &["load", "deeds.jsonl"]);
    assert_eq!(
        text(&loaded.stdout),
        "deeds.jsonl: 0 jobs, 0 steps, 0 sums of usage, 1 transactions\n",
        "{}",
        text(&loaded.stderr)
    );
    let known =
        || program.ok(&["account", "-nP", "list", "transactions", "start=2021-05-01", "end=2021-05-05"]);
    assert!(known().contains("physics"), "{}", known());
    let config = program.work().join("keep.toml");
    let gone = text(&archive(&program, &["dump", "--config", config.to_str().unwrap()]).stdout);
    assert!(gone.starts_with("taken out: 0 jobs, 0 steps, 0 sums of usage, 1 transactions; "), "{gone}");
    assert_eq!(known(), "");
    assert_eq!(std::fs::read_to_string(program.work().join("old/transactions-2021-05.jsonl")).unwrap(), line);
}

#[test]
fn nothing_starts_where_no_archive_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("file"), "").unwrap();
    std::fs::write(at("q.toml"), "[history]\npurge_job_after = \"1day\"\narchive_dir = \"file/archive\"\n")
        .unwrap();
    let serve = |path: &Path| {
        let mut command = quintet();
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(path);
        command.arg("--state").arg(at("state")).output().unwrap()
    };
    let ended = serve(&at("q.toml"));
    assert_eq!(ended.status.code(), Some(1));
    let told = text(&ended.stderr);
    assert!(
        told.contains(&format!("write into the archive {}/file/archive", folder.path().display())),
        "{told}"
    );
}
