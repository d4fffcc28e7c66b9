//! Runs outlive servers and launchers, and nothing about them is lost or invented.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use supervise::{Found, FoundState, Report, StartFailure, Status, Step, Stream};

use crate::world::{World, example, is_alive, kill_hard, run, sh, until};

fn found(world: &World, key: u64) -> &Found {
    world.found.iter().find(|found| found.run == run(key)).unwrap_or_else(|| panic!("{:?}", world.found))
}

#[test]
fn a_dropped_handle_loses_nothing() {
    let world = World::new();
    let mut waits = sh(1, "cat; exit 7");
    assert!(Command::new("mkfifo").arg(world.path("fifo")).status().unwrap().success());
    waits.stdin = Stream::Read(world.path("gate"));
    fs::write(world.path("gate"), "").unwrap();
    waits.argv[2] = format!("read line < {}; exit 7", world.path("fifo").display()).into();
    world.launch(waits);
    world.launch(sh(2, "exit 4"));
    let first = world.end(2);
    let pid = world.started(1);
    let world = world.reopened(|_| {});
    assert!(matches!(found(&world, 1).state, FoundState::Running { pid: same, .. } if same == pid));
    assert_eq!(found(&world, 2).reports().last(), Some(&first));
    world.supervisor.forget(&[run(2)]);
    fs::write(world.path("fifo"), "go\n").unwrap();
    assert_eq!(world.ended(1).status, Status::Exited(7));
    let world = world.reopened(|_| {});
    assert_eq!(world.found.len(), 1, "{:?}", world.found);
}

#[test]
fn a_killed_server_finds_true_codes_and_times() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let done = folder.path().join("done");
    let mut server = Command::new(example("doomed_server"))
        .arg(folder.path().join("supervise"))
        .arg(example("launcher"))
        .arg(format!("read line < {}; echo x > {}; exit 9", gate.display(), done.display()))
        .arg("exit 3")
        .arg("kill -USR1 $$")
        .arg("sleep 1000")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "all started\n");
    kill_hard(server.id());
    server.wait().unwrap();
    fs::write(&gate, "go\n").unwrap();
    until("the run went on without a server", || done.exists());

    let world = World::open(folder, |_| {});
    assert_eq!(world.found.len(), 4, "{:?}", world.found);
    // That all had started does not say that one of them is over already.
    let ended = |key| match &found(&world, key).state {
        FoundState::Ended(ended) => ended.clone(),
        _ => world.ended(key),
    };
    let usr1 = Status::Signalled { signal: 10, core: false };
    for (key, status) in [(0, Status::Exited(9)), (1, Status::Exited(3)), (2, usr1)] {
        let ended = ended(key);
        assert_eq!(ended.status, status);
        assert!(ended.at.0 - ended.started_at.0 < 30_000_000);
    }
    let FoundState::Running { .. } = found(&world, 3).state else { panic!("{:?}", world.found) };
    world.supervisor.kill(run(3)).unwrap();
    world.ended(3);
}

#[test]
fn a_killed_launcher_is_replaced_and_its_runs_adopted() {
    for cgroups in [true, false] {
        let world = World::with(|config| (config.launchers, config.cgroups) = (1, cgroups));
        let gate = world.path("gate");
        assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
        let mut launch =
            sh(1, &format!("setsid sleep 1000 & echo $!; read line < {}; exit 7", gate.display()));
        launch.stdout = Stream::Append(world.path("pids"));
        world.launch(launch);
        world.launch(sh(2, "exit 2"));
        world.launch(sh(4, "sleep 1000"));
        let ended = world.end(2);
        let child = world.numbers("pids", 1)[0];
        world.started(4);
        let launcher = world.supervisor.launchers()[0].pid;
        kill_hard(launcher);
        until("there is a new one", || {
            let now = &world.supervisor.launchers()[0];
            now.connected && now.pid != launcher
        });
        assert!(is_alive(child) && world.supervisor.is_running(run(1)));

        // The new one serves: launches, signals, knows what ended before.
        world.launch(sh(3, "exit 3"));
        assert_eq!(world.ended(3).status, Status::Exited(3));
        world.supervisor.kill(run(4)).unwrap();
        let adopted = world.end(4);
        fs::write(&gate, "go\n").unwrap();
        let end = world.end(1);
        assert!(!is_alive(child), "with control groups: {cgroups}");
        // Before Linux 6.15 nobody can say how a process ended that somebody else waited for.
        let killed = Status::Signalled { signal: 9, core: false };
        for (report, status) in [(&end, Status::Exited(7)), (&adopted, killed)] {
            match report {
                Report::Ended { ended, .. } => assert_eq!(ended.status, status),
                Report::Vanished { .. } => assert!(!tells_exit_of_strangers(), "{report:?}"),
                other => panic!("{other:?}"),
            }
        }
        let world = world.reopened(|config| (config.launchers, config.cgroups) = (1, cgroups));
        assert_eq!(found(&world, 2).reports().last(), Some(&ended));
        assert_eq!(found(&world, 1).reports().last(), Some(&end));
    }
}

fn tells_exit_of_strangers() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap()) >= (6, 15)
}

#[test]
fn a_launcher_killed_between_servers_is_replaced_as_well() {
    let world = World::with(|config| config.launchers = 1);
    let mut launch = sh(1, "echo $$; sleep 1000");
    launch.stdout = Stream::Append(world.path("pids"));
    world.launch(launch);
    world.launch(sh(2, "sleep 1000"));
    let (first, second) = (world.numbers("pids", 1)[0], world.started(2));
    let launcher = world.supervisor.launchers()[0].pid;
    let World { folder, supervisor, .. } = world;
    drop(supervisor);
    kill_hard(launcher);
    kill_hard(second);
    until("the process is gone", || !is_alive(second) && !is_alive(launcher));
    let world = World::open(folder, |config| config.launchers = 1);
    assert!(matches!(found(&world, 1).state, FoundState::Running { pid, .. } if pid == first));
    match &found(&world, 2).state {
        FoundState::Vanished { .. } | FoundState::Ended(_) => {}
        // What it left running is just being killed.
        FoundState::Running { .. } => drop(world.end(2)),
        other => panic!("{other:?}"),
    }
    world.supervisor.kill(run(1)).unwrap();
    world.end(1);
    assert!(!is_alive(first));
}

#[test]
fn launches_made_while_a_launcher_is_down_are_carried_out_once() {
    let world = World::with(|config| config.launchers = 1);
    world.launch(sh(0, "true"));
    world.ended(0);
    for round in 0..10u64 {
        let launcher = world.supervisor.launchers()[0].pid;
        kill_hard(launcher);
        for key in 1..=5 {
            let key = round * 10 + key;
            let mut launch = sh(key, &format!("echo {key} >> {}", world.path("log").display()));
            launch.cwd = world.folder.path().to_owned();
            world.launch(launch);
        }
        for key in 1..=5 {
            world.end(round * 10 + key);
        }
        until("the launcher is another", || world.supervisor.launchers()[0].pid != launcher);
    }
    let mut lines: Vec<u64> = world.read("log").lines().map(|line| line.parse().unwrap()).collect();
    let count = lines.len();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), count, "something ran twice");
}

#[test]
fn a_renewed_launcher_keeps_its_children() {
    let world = World::new();
    let gate = world.path("gate");
    for key in 0..4 {
        let wait = format!("until [ -e {} ]; do sleep 0.01; done; exit {}", gate.display(), key + 10);
        world.launch(sh(key, &wait));
    }
    let pids: Vec<u32> = (0..4).map(|key| world.started(key)).collect();
    let before = world.supervisor.launchers();
    // Another file with the same content counts as another build.
    let copy = world.path("newer");
    fs::copy(example("launcher"), &copy).unwrap();
    let world = world.reopened(|config| config.exe = copy.clone());
    let after = world.supervisor.launchers();
    assert_eq!(
        before.iter().map(|link| link.pid).collect::<Vec<_>>(),
        after.iter().map(|link| link.pid).collect::<Vec<_>>()
    );
    for launcher in &after {
        assert_eq!(fs::read_link(format!("/proc/{}/exe", launcher.pid)).unwrap(), copy);
    }
    world.supervisor.renew();
    until("they are back", || world.supervisor.launchers().iter().all(|link| link.connected));
    for key in 0..4 {
        let FoundState::Running { pid, .. } = found(&world, key).state else { panic!("{:?}", world.found) };
        assert_eq!(pid, pids[key as usize]);
    }
    fs::write(&gate, "").unwrap();
    for key in 0..4 {
        assert_eq!(world.ended(key).status, Status::Exited(key as i32 + 10));
    }
}

#[test]
fn fewer_launchers_than_before_lose_no_run() {
    let world = World::with(|config| config.launchers = 3);
    for key in 0..6 {
        world.launch(sh(key, "sleep 1000"));
    }
    for key in 0..6 {
        world.started(key);
    }
    let world = world.reopened(|config| config.launchers = 1);
    assert_eq!(world.found.len(), 6);
    for key in 0..6 {
        world.supervisor.kill(run(key)).unwrap();
    }
    for key in 0..6 {
        assert_eq!(world.ended(key).status, Status::Signalled { signal: 9, core: false });
    }
}

#[test]
fn launchers_without_work_and_server_leave() {
    let world = World::with(|config| config.linger = Duration::from_millis(20));
    world.launch(sh(1, "exit 5"));
    world.ended(1);
    let pids: Vec<u32> = world.supervisor.launchers().iter().map(|link| link.pid).collect();
    let World { folder, supervisor, .. } = world;
    drop(supervisor);
    until("they have left", || !pids.iter().any(|pid| is_alive(*pid)));
    // What was not forgotten is still known.
    let world = World::open(folder, |_| {});
    let FoundState::Ended(ended) = &found(&world, 1).state else { panic!("{:?}", world.found) };
    assert_eq!(ended.status, Status::Exited(5));
}

#[test]
fn a_restarted_machine_leaves_vanished_runs() {
    let world = World::with(|config| (config.launchers, config.cgroups) = (1, false));
    world.launch(sh(1, "exec sleep 1000"));
    world.launch(sh(2, "exit 2"));
    let pid = world.started(1);
    world.ended(2);
    let launcher = world.supervisor.launchers()[0].pid;
    let World { folder, supervisor, .. } = world;
    drop(supervisor);
    kill_hard(launcher);
    until("it is gone", || !is_alive(launcher));
    let journal = folder.path().join("supervise/launcher-0/journal");
    let text = fs::read_to_string(&journal).unwrap();
    let boot = text.lines().next().unwrap().split(' ').nth(2).unwrap().to_owned();
    fs::write(&journal, text.replace(&boot, "00000000-0000-0000-0000-000000000000")).unwrap();
    let world = World::open(folder, |config| (config.launchers, config.cgroups) = (1, false));
    assert!(matches!(found(&world, 1).state, FoundState::Vanished { .. }), "{:?}", world.found);
    assert!(matches!(&found(&world, 2).state, FoundState::Ended(ended) if ended.status == Status::Exited(2)));
    // Its number may by now be anybody's: it is not touched.
    assert!(is_alive(pid));
    kill_hard(pid);
}

#[test]
fn rubbish_in_the_folder_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let slot = folder.path().join("supervise/launcher-0");
    fs::create_dir_all(&slot).unwrap();
    fs::write(slot.join("socket"), "not a socket").unwrap();
    fs::write(slot.join("journal"), b"\xff\xfe rubbish\nS 1 2 3\n").unwrap();
    fs::write(slot.join("journal.new"), "half").unwrap();
    fs::write(folder.path().join("supervise/launcher-x"), "").unwrap();
    let world = World::open(folder, |_| {});
    assert!(world.found.is_empty());
    world.launch(sh(1, "exit 6"));
    assert_eq!(world.ended(1).status, Status::Exited(6));
    use std::os::unix::fs::PermissionsExt;
    for path in ["supervise", "supervise/launcher-0", "supervise/launcher-1"] {
        assert_eq!(fs::metadata(world.path(path)).unwrap().permissions().mode() & 0o777, 0o700, "{path}");
    }
}

#[test]
fn two_servers_cannot_share_launchers() {
    let world = World::new();
    let config = supervise::SupervisorConfig::new(world.path("supervise"), 2, example("launcher"));
    match supervise::Supervisor::open(config, |_| {}) {
        Err(error @ supervise::Error::InUse { .. }) => {
            assert!(error.to_string().contains("another server"), "{error}")
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the folder is in use"),
    }
    world.launch(sh(1, "exit 1"));
    assert_eq!(world.ended(1).status, Status::Exited(1));
}

/// A small file system of its own that goes with the test.
struct SmallDisk(std::path::PathBuf);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_fails_runs_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("supervise");
    fs::create_dir(&disk).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=128k", "none"]).arg(&disk).stderr(Stdio::null());
    if !mount.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: only root can make a small file system");
        return;
    }
    let _disk = SmallDisk(disk.clone());
    let world = World::open(folder, |config| config.launchers = 1);
    world.launch(sh(0, "exit 1"));
    assert_eq!(world.ended(0).status, Status::Exited(1));
    assert!(fs::write(disk.join("filler"), vec![0; 200 << 10]).is_err());
    let mut refused = Vec::new();
    for key in 1..100 {
        world.launch(sh(key, "exit 1"));
        if let Report::FailedToStart { failure, .. } = world.end(key) {
            assert_eq!(failure, StartFailure { step: Step::Journal, errno: 28 });
            refused.push(key);
        }
    }
    assert!(refused.len() > 10, "{refused:?}");
    fs::remove_file(disk.join("filler")).unwrap();
    world.launch(sh(100, "exit 2"));
    assert_eq!(world.ended(100).status, Status::Exited(2));
    let launcher = world.supervisor.launchers()[0].pid;
    let World { folder, supervisor, .. } = world;
    drop(supervisor);
    kill_hard(launcher);
    until("it is gone", || !is_alive(launcher));
    let world = World::open(folder, |config| config.launchers = 1);
    for key in 0..=100 {
        match &found(&world, key).state {
            FoundState::FailedToStart { .. } => assert!(refused.contains(&key), "{key}"),
            FoundState::Ended(ended) => {
                assert_eq!(ended.status, Status::Exited(if key == 100 { 2 } else { 1 }), "{key}");
            }
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[test]
fn an_executable_that_is_no_launcher_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for (exe, expected) in [("/bin/false", "did not start"), ("/no/such/program", "run launcher")] {
        let config = supervise::SupervisorConfig::new(folder.path(), 1, exe);
        match supervise::Supervisor::open(config, |_| {}) {
            Err(error) => assert!(error.to_string().contains(expected), "{error}"),
            Ok(_) => panic!("{exe} cannot be a launcher"),
        }
    }
}

#[test]
fn launchers_keep_nothing_open_that_was_open_around_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock");
    let file = fs::File::create(&lock).unwrap();
    // As a shell opens it for its commands: children have it as well.
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let world = World::new();
    let pid = world.supervisor.launchers()[0].pid;
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<_> = open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()).collect();
    assert!(!open.is_empty() && !open.contains(&lock), "{open:?}");
}
