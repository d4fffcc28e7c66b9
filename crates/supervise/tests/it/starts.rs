//! How programs begin: with what they were given and nothing else, or with a reason why not.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use supervise::{
    Credentials, Launch, Report, Resource, Rlimit, RunId, Script, StartFailure, Status, Step, Stream,
};

use crate::world::{World, exists, is_root, run, sh, until};

const EACCES: i32 = 13;
const ENOENT: i32 = 2;

#[test]
fn a_lost_working_directory_is_made_up_for_where_that_is_asked_for() {
    let world = World::new();
    let lenient = |key, cwd: &str, out: &str| {
        let mut launch = sh(key, "pwd");
        launch.cwd = world.path(cwd);
        launch.refuge = Some("/tmp".into());
        launch.stdout = Stream::Truncate(world.path(out));
        launch.stderr = Stream::SameAsStdout;
        world.launch(launch);
        assert_eq!(world.ended(key).status, Status::Exited(0));
        world.read(out)
    };
    let lost = world.path("gone").display().to_string();
    let said = format!(
        "error: couldn't chdir to `{lost}': No such file or directory: going to /tmp instead\n/tmp\n"
    );
    assert_eq!(lenient(1, "gone", "out"), said);
    // The folder for its output is its working directory.
    assert_eq!(lenient(2, "a/b", "a/b/out"), format!("{}\n", world.path("a/b").display()));
    let mut launch = sh(3, "true");
    launch.refuge = Some("/tmp".into());
    launch.stdout = Stream::Truncate("/proc/none/out".into());
    world.launch(launch);
    assert_eq!(world.failure(3).step, Step::Stdout);
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    let world = World::new();
    let mut launch = Launch::new(run(1), ["/usr/bin/env"]);
    launch.env = vec![("A".into(), "1 2".into()), ("EMPTY".into(), "".into())];
    let mut expected = String::from("A=1 2\nEMPTY=\n");
    if world.supervisor.capabilities().kill != supervise::Limit::Enforced {
        expected = world.output(launch.clone());
        assert!(expected.starts_with("A=1 2\nEMPTY=\nQUINTET_RUN=quintet-"), "{expected}");
    }
    launch.run = run(2);
    assert_eq!(world.output(launch), expected.replace("/1.0\n", "/2.0\n"));
}

#[test]
fn arguments_folder_mask_and_session_are_as_asked() {
    let world = World::new();
    let mut launch = Launch::new(
        run(1),
        ["a0", "-c", "pwd; umask; echo \"$0|$1\"; echo $PPID; ps -o sid= -p $$; echo $$"],
    );
    launch.argv.extend(["x y".into(), "".into()]);
    launch.program = Some("/bin/sh".into());
    launch.env = vec![("PATH".into(), "/usr/bin:/bin".into())];
    launch.cwd = "/usr".into();
    launch.umask = 0o077;
    let output = world.output(launch);
    let lines: Vec<&str> = output.lines().map(str::trim).collect();
    assert_eq!(lines[..3], ["/usr", "0077", "x y|"]);
    assert_eq!(lines[4], lines[5], "the first process leads a session: {output}");
}

#[test]
fn nothing_of_the_launcher_is_left_open_and_no_signal_is_ignored() {
    let world = World::new();
    let output = world.output(sh(1, "ls /proc/$$/fd; grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status"));
    let numbers: Vec<u32> = output.lines().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(numbers, [0, 1, 2], "{output}");
    for line in output.lines().filter(|line| line.starts_with("SigBlk") || line.starts_with("SigIgn")) {
        assert!(line.ends_with("0000000000000000"), "{output}");
    }
}

#[test]
fn output_is_appended_truncated_and_relative_to_the_folder() {
    let world = World::new();
    fs::write(world.path("log"), "before\n").unwrap();
    fs::write(world.path("in"), "input\n").unwrap();
    let launch = |key, stream| {
        let mut launch = sh(key, "cat; echo out; echo err >&2");
        launch.cwd = world.folder.path().to_owned();
        launch.stdin = Stream::Read("in".into());
        launch.stdout = stream;
        launch.stderr = Stream::SameAsStdout;
        launch
    };
    world.launch(launch(1, Stream::Append("log".into())));
    world.ended(1);
    assert_eq!(world.read("log"), "before\ninput\nout\nerr\n");
    world.launch(launch(2, Stream::Truncate("log".into())));
    world.ended(2);
    assert_eq!(world.read("log"), "input\nout\nerr\n");
    let mut separate = launch(3, Stream::Truncate("o %j é".into()));
    separate.stderr = Stream::Append("e".into());
    separate.umask = 0o027;
    world.launch(separate);
    world.ended(3);
    assert_eq!((world.read("o %j é"), world.read("e")), ("input\nout\n".into(), "err\n".into()));
    assert_eq!(fs::metadata(world.path("e")).unwrap().mode() & 0o777, 0o640);
}

#[test]
fn every_obstacle_is_named() {
    let world = World::new();
    fs::write(world.path("no-shebang"), "echo hello\n").unwrap();
    fs::write(world.path("no-interpreter"), "#!/no/such/shell\n").unwrap();
    fs::write(world.path("not-executable"), "#!/bin/sh\n").unwrap();
    for name in ["no-shebang", "no-interpreter"] {
        fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = |name: &str| {
        let path = world.path(name);
        move |launch: &mut Launch| launch.program = Some(path)
    };
    type Change<'a> = Box<dyn FnOnce(&mut Launch) + 'a>;
    let cases: Vec<(Change<'_>, Step, i32)> = vec![
        (Box::new(|launch| launch.cwd = "/no/such/folder".into()), Step::Directory, ENOENT),
        (Box::new(|launch| launch.cwd = "/etc/passwd".into()), Step::Directory, 20),
        (Box::new(|launch| launch.stdin = Stream::Read("/no/such/file".into())), Step::Stdin, ENOENT),
        (Box::new(|launch| launch.stdout = Stream::Append("/no/such/folder/x".into())), Step::Stdout, ENOENT),
        (Box::new(|launch| launch.stderr = Stream::Truncate("/".into())), Step::Stderr, 21),
        (Box::new(|launch| launch.stdout = Stream::SameAsStdout), Step::Request, 22),
        (Box::new(program("no-shebang")), Step::Program, 8),
        (Box::new(program("no-interpreter")), Step::Interpreter, ENOENT),
        (Box::new(program("not-executable")), Step::Program, EACCES),
        (Box::new(program("missing")), Step::Program, ENOENT),
        (Box::new(|launch| launch.argv = vec!["no-such-command".into()]), Step::Program, ENOENT),
        (Box::new(|launch| launch.argv = vec![]), Step::Request, 22),
        (Box::new(|launch| launch.argv.push("a\0b".into())), Step::Request, 22),
        (Box::new(|launch| launch.argv.push("x".repeat(3 << 20).into())), Step::Program, 7),
        (
            Box::new(|launch| {
                launch.rlimits = vec![Rlimit { resource: Resource::Nofile, soft: Some(9), hard: Some(8) }];
            }),
            Step::Rlimit,
            22,
        ),
        (Box::new(|launch| launch.limits.cpus = Some(vec![5000])), Step::Affinity, 22),
        (
            Box::new(|launch| {
                launch.script = Some(Script { path: "/proc/nowhere/script".into(), content: vec![] });
            }),
            Step::Script,
            ENOENT,
        ),
    ];
    for (key, (change, step, errno)) in (0..).zip(cases) {
        let mut launch = sh(key, "echo never");
        change(&mut launch);
        world.launch(launch);
        assert_eq!(world.failure(key), StartFailure { step, errno }, "case {key}");
        assert_eq!(world.reports(run(key)).len(), 1, "case {key}");
    }
}

#[test]
fn a_request_too_long_to_send_is_refused() {
    let world = World::new();
    let mut launch = sh(1, "true");
    launch.script = Some(Script { path: world.path("script"), content: vec![b'#'; 65 << 20] });
    world.launch(launch);
    assert_eq!(world.failure(1), StartFailure { step: Step::Request, errno: 7 });
    world.launch(sh(2, "true"));
    world.ended(2);
}

#[test]
fn a_name_is_looked_for_in_the_path() {
    let world = World::new();
    let mut launch = Launch::new(run(1), ["echo", "hello"]);
    launch.env = vec![("PATH".into(), "/no/such:/etc/passwd:/usr/bin:/bin".into())];
    assert_eq!(world.output(launch), "hello\n");
    let launch = Launch::new(run(2), ["echo", "hello"]);
    assert_eq!(world.output(launch), "hello\n");
}

#[test]
fn a_script_lives_as_long_as_its_run() {
    let world = World::new();
    let script = world.path("spool/job1/script");
    let mut launch = Launch::new(run(1), [script.clone().into_os_string(), "arg".into()]);
    let content = b"#!/bin/sh\necho \"$0 $1\"; stat -c %a \"$0\"\n".to_vec();
    launch.script = Some(Script { path: script.clone(), content });
    let output = world.output(launch);
    assert_eq!(output, format!("{} arg\n700\n", script.display()));
    // The end is told first.
    until("the script and its folder are gone", || !exists(&script) && !exists(script.parent().unwrap()));
    assert!(exists(&world.path("spool")), "what may hold others' scripts stays");
}

#[test]
fn a_script_that_cannot_run_is_removed_as_well() {
    let world = World::new();
    let script = world.path("script");
    let mut launch = Launch::new(run(1), [script.clone()]);
    launch.script = Some(Script { path: script.clone(), content: b"echo no first line\n".to_vec() });
    world.launch(launch);
    assert_eq!(world.failure(1), StartFailure { step: Step::Program, errno: 8 });
    until("the script is gone, after the failure was told", || !exists(&script));
    assert!(exists(world.folder.path()), "its folder was there before and stays");
}

#[test]
fn a_pipe_that_nobody_opens_holds_up_nobody_else() {
    let world = World::with(|config| config.launchers = 1);
    let fifo = world.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut launch = sh(1, "echo hello");
    launch.stdout = Stream::Append(fifo.clone());
    world.launch(launch.clone());
    world.launch(sh(2, "true"));
    world.ended(2);
    assert!(world.supervisor.is_running(run(1)) && world.reports(run(1)).is_empty());
    world.supervisor.kill(run(1)).unwrap();
    assert_eq!(world.ended(1).status, Status::Signalled { signal: 9, core: false });
    launch.run = run(3);
    world.launch(launch);
    assert_eq!(fs::read_to_string(&fifo).unwrap(), "hello\n");
    world.ended(3);
}

#[test]
fn those_on_their_way_do_not_disturb_each_other() {
    let world = World::with(|config| config.launchers = 1);
    assert!(std::process::Command::new("mkfifo").arg(world.path("fifo")).status().unwrap().success());
    // More than the launcher keeps places for.
    for key in 1..=20 {
        let mut waits = sh(key, "read line; exit 7");
        waits.env = vec![("PATH".into(), "/usr/bin:/bin".into()), ("KEY".into(), key.to_string().into())];
        waits.stdin = Stream::Read(world.path("fifo"));
        world.launch(waits);
        let mut fails = sh(100 + key, "true");
        fails.stdin = Stream::Read(world.path("nothing"));
        world.launch(fails);
        world.launch(Launch::new(run(200 + key), [world.path("no program")]));
        world.launch(sh(300 + key, &format!("exit {key}")));
    }
    for key in 1..=20 {
        assert_eq!(world.failure(100 + key), StartFailure { step: Step::Stdin, errno: ENOENT });
        assert_eq!(world.failure(200 + key), StartFailure { step: Step::Program, errno: ENOENT });
        assert_eq!(world.ended(300 + key).status, Status::Exited(key as i32));
        assert!(world.supervisor.is_running(run(key)) && world.reports(run(key)).is_empty());
    }
    fs::write(world.path("fifo"), "\n".repeat(100)).unwrap();
    for key in 1..=20 {
        assert!(matches!(world.ended(key).status, Status::Exited(1 | 7)));
    }
}

#[test]
fn nobody_looks_into_the_launcher_by_way_of_a_child_on_its_way() {
    if !is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let world = World::with(|config| config.launchers = 1);
    assert!(std::process::Command::new("mkfifo").arg(world.path("fifo")).status().unwrap().success());
    let launcher = world.supervisor.launchers()[0].pid;
    let nobody = Some(Credentials { uid: 65534, gid: 65533, groups: vec![] });
    let mut waits = sh(1, "true");
    waits.user = nobody.clone();
    waits.stdin = Stream::Read(world.path("fifo"));
    world.launch(waits);
    let mut pid = String::new();
    until("the child is the user's and waits", || {
        let children = fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children"));
        pid = children.unwrap_or_default().trim().to_owned();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let is_users = status.lines().any(|line| line.starts_with("Uid:\t65534\t65534\t65534"));
        is_users && status.lines().any(|line| line.starts_with("State:\tS"))
    });
    let look = format!("cd /proc/{pid} && cat environ maps mem 2>&1 | grep -c 'Permission denied'");
    let mut looks = sh(2, &look);
    looks.user = nobody;
    assert_eq!(world.output(looks), "3\n");
    fs::write(world.path("fifo"), "").unwrap();
    world.ended(1);
}

#[test]
fn limits_nice_and_oom_score_reach_the_program() {
    let world = World::new();
    let mut launch = sh(1, "ulimit -n; ulimit -Hn; ulimit -c; nice; cat /proc/self/oom_score_adj");
    launch.rlimits = vec![
        Rlimit { resource: Resource::Nofile, soft: Some(4), hard: Some(64) },
        Rlimit { resource: Resource::Core, soft: Some(0), hard: Some(0) },
    ];
    launch.nice = 7;
    launch.oom_score = 321;
    assert_eq!(world.output(launch), "4\n64\n0\n7\n321\n");
}

#[test]
fn the_limit_of_open_files_is_the_servers_own() {
    let world = World::new();
    let (soft, hard) = supervise::current_rlimit(Resource::Nofile);
    assert_eq!(
        world.output(sh(1, "ulimit -n; ulimit -Hn")),
        format!("{}\n{}\n", soft.unwrap(), hard.unwrap())
    );
}

#[test]
fn root_becomes_the_user_before_it_touches_files() {
    if !is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let world = World::new();
    let nobody = Credentials { uid: 65534, gid: 65533, groups: vec![65533, 12345] };
    let mut launch = sh(1, "id -u; id -ru; id -g; id -G; touch made");
    launch.user = Some(nobody.clone());
    launch.cwd = world.folder.path().to_owned();
    assert_eq!(world.output(launch), "65534\n65534\n65533\n65533 12345\n");
    for name in ["made", "out-1"] {
        let metadata = fs::metadata(world.path(name)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (65534, 65533), "{name}");
    }

    fs::write(world.path("private"), "").unwrap();
    fs::set_permissions(world.path("private"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut launch = sh(2, "true");
    launch.user = Some(nobody.clone());
    launch.stdout = Stream::Append(world.path("private"));
    world.launch(launch);
    assert_eq!(world.failure(2), StartFailure { step: Step::Stdout, errno: EACCES });

    let script = world.path("spool/job/script");
    let mut launch = Launch::new(run(3), [script.clone()]);
    launch.user = Some(nobody.clone());
    launch.script = Some(Script { path: script, content: b"#!/bin/sh\nid -u; stat -c %u $0\n".to_vec() });
    assert_eq!(world.output(launch), "65534\n65534\n");

    let mut launch = sh(4, "true");
    launch.user = Some(nobody);
    launch.cwd = world.path("supervise");
    world.launch(launch);
    assert_eq!(world.failure(4), StartFailure { step: Step::Directory, errno: EACCES });
}

#[test]
fn a_known_run_is_not_started_twice() {
    let world = World::new();
    let mut launch = sh(1, "echo once >> count; cat");
    launch.cwd = world.folder.path().to_owned();
    launch.stdin = Stream::Read(world.path("fifo"));
    assert!(std::process::Command::new("mkfifo").arg(world.path("fifo")).status().unwrap().success());
    world.launch(launch.clone());
    world.launch(launch.clone());
    fs::write(world.path("fifo"), "").unwrap();
    let first = world.end(1);
    world.launch(launch.clone());
    until("the end is repeated", || {
        world.reports(run(1)).iter().filter(|report| report.is_final()).count() == 2
    });
    assert!(world.reports(run(1)).iter().filter(|report| report.is_final()).all(|report| *report == first));
    assert_eq!(world.read("count"), "once\n");

    // Another attempt is another run; a forgotten one is new.
    world.supervisor.forget(&[run(1)]);
    assert!(!world.supervisor.is_known(run(1)));
    launch.stdin = Stream::Null;
    launch.run = RunId { key: 1, attempt: 1 };
    world.launch(launch);
    world.wait("the second attempt", |report| {
        (report.run() == RunId { key: 1, attempt: 1 } && matches!(report, Report::Ended { .. })).then_some(())
    });
    assert_eq!(world.read("count"), "once\nonce\n");
}

#[test]
fn an_announced_launch_may_come_or_not() {
    let world = World::new();
    world.supervisor.expect_launch();
    world.launch(sh(1, "exit 3"));
    assert_eq!(world.ended(1).status, Status::Exited(3));
    world.supervisor.expect_launch();
    world.launch(sh(2, "exit 4"));
    world.supervisor.expect_launch();
    world.launch(sh(3, "exit 5"));
    assert_eq!((world.ended(2).status, world.ended(3).status), (Status::Exited(4), Status::Exited(5)));
}
