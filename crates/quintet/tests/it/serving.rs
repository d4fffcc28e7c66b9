//! Starting, stopping and starting again: what a first start makes, and that jobs do not notice.

use crate::program::{Program, quintet};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_first_start_makes_what_it_needs_and_says_where() {
    let program = Program::serving("");
    let mode =
        |path: &str| std::fs::metadata(program.state().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("jwt_hs256.key"), mode("address")), (0o700, 0o600, 0o600));
    assert_eq!(std::fs::read(program.state().join("jwt_hs256.key")).unwrap().len(), 32);
    let log = program.log();
    assert!(log.contains("state is in ") && log.contains("jwt_hs256.key"), "{log}");
}

#[test]
fn a_stopped_service_leaves_jobs_alone_and_its_address_away() {
    let mut program = Program::serving("");
    program.ok(&[
        "submit",
        "-o",
        "out",
        "--wrap",
        "echo before; while [ ! -e go ]; do sleep 0.05; done; echo after; exit 7",
    ]);
    let mut following = program.start(&["logs", "-f", "1"]);
    assert_eq!(following.line(), "before");
    assert_eq!(program.stop("TERM"), Some(0));
    // Whoever followed is told that the stream has ended.
    following.end();
    assert!(!program.state().join("address").exists());
    program.write("go", "");
    program.serve_again();
    assert_eq!(program.ok(&["logs", "-f", "1"]), "before\nafter\n");
    assert_eq!(end_of(&program, "1"), ("FAILED".to_owned(), 7));
}

#[test]
fn a_killed_service_knows_afterwards_how_jobs_ended() {
    let mut program = Program::serving("");
    for code in ["0", "3"] {
        let script = format!("echo before; while [ ! -e go ]; do sleep 0.05; done; echo after; exit {code}");
        program.ok(&["submit", "-o", "out-%j", "--wrap", &script]);
    }
    // These wait: the machine may have two CPUs only, and they ask for more than is left or for an end.
    program.ok(&["submit", "-o", "out-%j", "-d", "afterok:1", "--wrap", "echo after one"]);
    program.ok(&["submit", "-o", "out-%j", "-H", "--wrap", "echo never"]);
    for id in ["1", "2"] {
        assert_eq!(program.start(&["logs", "-f", id]).line(), "before");
    }
    program.stop("KILL");
    // One ends while nobody looks, the others' turn comes afterwards.
    program.write("go", "");
    program.serve_again();
    assert_eq!(program.ok(&["logs", "-f", "1"]), "before\nafter\n");
    assert_eq!(program.ok(&["logs", "-f", "2"]), "before\nafter\n");
    assert_eq!(program.ok(&["logs", "-f", "3"]), "after one\n");
    assert_eq!(end_of(&program, "1"), ("COMPLETED".to_owned(), 0));
    assert_eq!(end_of(&program, "2"), ("FAILED".to_owned(), 3));
    assert!(program.ok(&["ps"]).contains("(JobHeldUser)"));
}

fn end_of(program: &Program, id: &str) -> (String, u64) {
    let shown: Value = serde_json::from_str(&program.ok(&["show", "job", id, "--json"])).unwrap();
    let job = &shown["jobs"][0];
    let state = job["job_state"][0].as_str().unwrap().to_owned();
    (state, job["exit_code"]["return_code"]["number"].as_u64().unwrap())
}

#[test]
fn two_services_do_not_share_a_state_directory() {
    let program = Program::serving("");
    let second = quintet()
        .args(["serve", "--listen", "127.0.0.1:0", "--state"])
        .arg(program.state())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("open the store"), "{told}");
    assert!(second.stdout.is_empty());
}

#[test]
fn what_is_wrong_with_a_configuration_is_told() {
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("q.toml");
    std::fs::write(&config, "[cluster]\nkil_wait = 3\n").unwrap();
    let ended = quintet().arg("serve").arg("--config").arg(&config).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        told.contains("q.toml:2:1: unknown key `kil_wait` in [cluster]; did you mean `kill_wait`?"),
        "{told}"
    );
    let ended = quintet().args(["serve", "--listen", "nowhere"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
}

#[test]
fn an_address_in_use_is_refused_before_anything_starts() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let around = tempfile::tempdir().unwrap();
    let state = around.path().join("state");
    let address = taken.local_addr().unwrap().to_string();
    let ended = quintet().args(["serve", "--listen", &address, "--state"]).arg(&state).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(told.contains(&format!("listen on {address}")), "{told}");
    assert!(!state.join("store").exists() && !state.join("launchers").exists());
}

#[test]
fn the_demo_shows_what_it_promises() {
    let around = tempfile::tempdir().unwrap();
    let ended = quintet().arg("demo").env("TMPDIR", around.path()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(0), "{stdout}{stderr}");
    for state in ["TIMEOUT", "CANCELLED", "FAILED", "COMPLETED"] {
        assert!(stdout.contains(state), "{stdout}");
    }
    assert!(!stdout.contains('\x1b') && stdout.contains("Everything went as it should."), "{stdout}");
    let left: Vec<_> = std::fs::read_dir(around.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
