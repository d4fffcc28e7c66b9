//! Programs of the administrator around a run, and folders that it has for itself.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

use supervise::{Credentials, Hook, Hooks, Launch, Private, Report, Status, Step, Stream, Told};

use crate::world::{World, exists, is_root, kill_hard, run, sh, until};

/// Writes a program of the administrator.
fn hook(world: &World, name: &str, text: &str) -> Hook {
    let path = world.path(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let env = vec![("PATH".into(), "/usr/bin:/bin".into()), ("OUT".into(), world.path("said").into())];
    Hook { program: path, env, timeout: Some(Duration::from_secs(50)) }
}

fn says(world: &World, name: &str) -> Hook {
    hook(world, name, &format!("echo {name} >> $OUT"))
}

fn with_hooks(key: u64, command: &str, hooks: Hooks) -> Launch {
    let mut launch = sh(key, command);
    launch.hooks = Some(Box::new(hooks));
    launch
}

#[test]
fn hooks_run_in_their_order_around_the_program() {
    for world in [World::new(), World::without_cgroups()] {
        let hooks = Hooks {
            before: vec![says(&world, "before-1"), says(&world, "before-2")],
            task_after: Some(says(&world, "task-after")),
            after: vec![says(&world, "after-1"), says(&world, "after-2")],
            ..Hooks::default()
        };
        let command = format!("echo program >> {}; exit 4", world.path("said").display());
        world.launch(with_hooks(1, &command, hooks));
        let ended = world.ended(1);
        assert_eq!((ended.status, ended.hook_failed), (Status::Exited(4), false));
        let wanted = "before-1\nbefore-2\nprogram\ntask-after\nafter-1\nafter-2\n";
        assert_eq!(world.read("said"), wanted);
        assert_eq!(world.reports(run(1)).len(), 2);
    }
}

#[test]
fn a_failing_hook_before_keeps_the_program_from_starting_and_what_follows_is_done() {
    let world = World::new();
    let hooks = Hooks {
        before: vec![hook(&world, "bad", "exit 3"), says(&world, "never")],
        after: vec![says(&world, "after")],
        ..Hooks::default()
    };
    world.launch(with_hooks(1, "exit 0", hooks));
    let failure = world.failure(1);
    assert_eq!(failure.step, Step::Prolog);
    assert_eq!(failure.to_string(), "run the prolog: it failed");
    assert_eq!(world.read("said"), "after\n");
    let missing = Hook { program: "/there/is/none".into(), env: Vec::new(), timeout: None };
    world.launch(with_hooks(2, "exit 0", Hooks { before: vec![missing], ..Hooks::default() }));
    assert_eq!(world.failure(2).step, Step::Prolog);
}

#[test]
fn hooks_after_are_told_how_the_run_ended() {
    let world = World::new();
    let tells = |name: &str, text: &str| hook(&world, name, &format!("echo {name} {text} >> $OUT"));
    let hooks = || Hooks {
        task_after: Some(tells("beside", "$PID")),
        after: vec![tells("after", "$STATUS $CODE $STEPS ${PID-none}")],
        told: Told {
            status: "STATUS".into(),
            code: "CODE".into(),
            worst_step: "STEPS".into(),
            pid: "PID".into(),
        },
        ..Hooks::default()
    };
    let said = |command: &str, key| {
        world.launch(with_hooks(key, command, hooks()));
        let pid = world.ended(key).pid;
        let said = world.read("said").replace(&pid.to_string(), "P");
        fs::remove_file(world.path("said")).unwrap();
        said
    };
    assert_eq!(said("exit 5", 1), "beside P\nafter 1280 5:0 0 none\n");
    assert_eq!(said("kill -9 $$", 2), "beside P\nafter 9 0:9 0 none\n");
    let mut launch = with_hooks(3, "exit 7", hooks());
    launch.cwd = "/there/is/none".into();
    world.launch(launch);
    world.failure(3);
    assert_eq!(world.read("said"), "after 0 0:0 0 none\n");
}

#[test]
fn a_hook_that_takes_too_long_is_killed() {
    let world = World::new();
    let slow = |name| Hook { timeout: Some(Duration::from_millis(100)), ..hook(&world, name, "sleep 1000") };
    world.launch(with_hooks(1, "exit 0", Hooks { before: vec![slow("slow-1")], ..Hooks::default() }));
    assert_eq!(world.failure(1).to_string(), "run the prolog: it took too long");
    let after = vec![slow("slow-2"), says(&world, "next")];
    world.launch(with_hooks(2, "exit 0", Hooks { after, ..Hooks::default() }));
    let ended = world.ended(2);
    assert!(ended.hook_failed && ended.status == Status::Exited(0), "{ended:?}");
    assert_eq!(world.read("said"), "next\n");
}

#[test]
fn a_failure_after_is_told_with_the_end() {
    let world = World::new();
    let bad = || Hooks { after: vec![hook(&world, "bad", "exit 1")], ..Hooks::default() };
    world.launch(with_hooks(1, "exit 7", bad()));
    let ended = world.ended(1);
    assert!(ended.hook_failed && ended.status == Status::Exited(7), "{ended:?}");
    let mut launch = with_hooks(2, "exit 7", bad());
    launch.cwd = "/there/is/none".into();
    world.launch(launch);
    match world.end(2) {
        Report::FailedToStart { failure, hook_failed, .. } => {
            assert_eq!((failure.step, hook_failed), (Step::Directory, true));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kill_during_a_hook_before_is_the_end_and_what_follows_is_done() {
    let world = World::new();
    let hooks = Hooks {
        before: vec![hook(&world, "slow", "echo slow >> $OUT; sleep 1000")],
        after: vec![says(&world, "after")],
        ..Hooks::default()
    };
    world.launch(with_hooks(1, "exit 0", hooks));
    until("the hook runs", || world.read("said") == "slow\n");
    world.supervisor.kill(run(1)).unwrap();
    assert_eq!(world.failure(1).errno, 125, "ECANCELED");
    assert_eq!(world.read("said"), "slow\nafter\n");
}

#[test]
fn hooks_are_finished_by_the_next_launcher() {
    let world = World::new();
    // It looks before it says that it has begun: what is written then is for the next one.
    let after = hook(&world, "after", "[ -e $OUT.go ] && go=1; echo begun >> $OUT; [ $go ] || sleep 1000");
    world.launch(with_hooks(1, "exit 6", Hooks { after: vec![after], ..Hooks::default() }));
    until("the hook runs", || world.read("said") == "begun\n");
    let launcher = world.supervisor.launchers().into_iter().find(|launcher| launcher.runs == 1).unwrap();
    fs::write(world.path("said.go"), "").unwrap();
    kill_hard(launcher.pid);
    assert_eq!(world.ended(1).status, Status::Exited(6));
    assert_eq!(world.read("said"), "begun\nbegun\n");
    // Nothing is left to be done by those to come.
    let files = fs::read_dir(world.path(&format!("supervise/launcher-{}", launcher.slot))).unwrap();
    let left: Vec<_> = files.flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("after-")), "{left:?}");
}

#[test]
fn hooks_before_belong_to_the_server_and_those_at_its_side_to_the_user() {
    if !is_root() {
        eprintln!("skipped: only root can be two users");
        return;
    }
    let world = World::new();
    let id = |name| hook(&world, name, "id -u >> $OUT");
    fs::write(world.path("said"), "").unwrap();
    fs::set_permissions(world.path("said"), fs::Permissions::from_mode(0o666)).unwrap();
    let hooks = Hooks {
        before: vec![id("before")],
        task_after: Some(id("task-after")),
        after: vec![id("after")],
        ..Hooks::default()
    };
    let mut launch = with_hooks(1, "exit 0", hooks);
    launch.user = Some(Credentials { uid: 65_534, gid: 65_534, groups: vec![] });
    world.launch(launch);
    world.ended(1);
    assert_eq!(world.read("said"), "0\n65534\n0\n");
}

/// A place that private folders do not cover.
fn outside() -> tempfile::TempDir {
    tempfile::tempdir_in("/var/tmp").unwrap()
}

fn private(folder: PathBuf, lasting: bool) -> Option<Private> {
    Some(Private { folders: vec![(folder, "/tmp".into())], lasting })
}

#[test]
fn a_private_folder_is_the_runs_own_and_goes_with_it() {
    if !is_root() {
        eprintln!("skipped: only root can make private folders");
        return;
    }
    let world = World::new();
    let outside = outside();
    let folder = outside.path().join("private/job");
    let secret = outside.path().join("kept");
    fs::write(&secret, "kept").unwrap();
    let command = format!(
        "ls -A /tmp; echo x > /tmp/mine; ln -s {} /tmp/link; mkdir -p /tmp/a/b/c; ls /tmp; id -u",
        outside.path().display()
    );
    let mut launch = sh(1, &command);
    launch.user = Some(Credentials { uid: 65_534, gid: 65_534, groups: vec![] });
    launch.private = private(folder.clone(), false);
    let out = outside.path().join("out");
    fs::write(&out, "").unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o755)).unwrap();
    launch.stdout = Stream::Append(out.clone());
    launch.stderr = Stream::SameAsStdout;
    world.launch(launch);
    let said = || fs::read_to_string(&out).unwrap();
    assert_eq!(world.ended(1).status, Status::Exited(0), "{}", said());
    assert_eq!(said(), "a\nlink\nmine\n65534\n");
    assert!(!exists(&folder));
    assert_eq!(fs::read_to_string(&secret).unwrap(), "kept");
    let above = fs::metadata(folder.parent().unwrap()).unwrap();
    assert_eq!(above.mode() & 0o777, 0o700);
}

#[test]
fn a_lasting_private_folder_is_shared_by_runs() {
    if !is_root() {
        eprintln!("skipped: only root can make private folders");
        return;
    }
    let world = World::new();
    let outside = outside();
    let folder = outside.path().join("private/job");
    for (key, command) in [(1, "echo x > /tmp/shared"), (2, "test $(cat /tmp/shared) = x")] {
        let mut launch = sh(key, command);
        launch.private = private(folder.clone(), true);
        world.launch(launch);
        assert_eq!(world.ended(key).status, Status::Exited(0));
    }
    assert!(exists(&folder.join("shared")) && !exists(&PathBuf::from("/tmp/shared")));
}

#[test]
fn private_folders_need_root() {
    if is_root() {
        eprintln!("skipped: root may");
        return;
    }
    let world = World::new();
    let mut launch = sh(1, "true");
    launch.private = private(world.path("private/job"), false);
    world.launch(launch);
    assert_eq!(world.failure(1).step, Step::Private);
}
