//! How programs end, and that each ends exactly once.

use std::collections::HashMap;
use std::time::Duration;

use supervise::{NoSuchRun, Report, Status, Whom};

use crate::world::{World, run, sh, until};

#[test]
fn codes_and_signals_are_told_apart() {
    let world = World::new();
    for (key, command, status) in [
        (0, "exit 0", Status::Exited(0)),
        (1, "exit 3", Status::Exited(3)),
        (2, "exit 255", Status::Exited(255)),
        (3, "kill -9 $$", Status::Signalled { signal: 9, core: false }),
        (4, "kill -TERM $$", Status::Signalled { signal: 15, core: false }),
        (5, "exit 143", Status::Exited(143)),
    ] {
        world.launch(sh(key, command));
        let ended = world.ended(key);
        assert_eq!(ended.status, status, "{command}");
        assert!(ended.started_at <= ended.at && !ended.left_behind && !ended.over_memory);
        assert_eq!(world.reports(run(key)).len(), 2);
    }
}

#[test]
fn a_thousand_quick_runs_end_once_each() {
    let world = World::new();
    for key in 0..1000 {
        world.launch(sh(key, &format!("exit {}", key % 7)));
    }
    for key in 0..1000 {
        assert_eq!(world.ended(key).status, Status::Exited((key % 7) as i32));
    }
    let mut seen: HashMap<_, Vec<Report>> = HashMap::new();
    for key in 0..1000 {
        seen.insert(key, world.reports(run(key)));
    }
    for (key, reports) in seen {
        assert!(matches!(&reports[..], [Report::Started { .. }, Report::Ended { .. }]), "{key}: {reports:?}");
    }
    let all: Vec<_> = (0..1000).map(run).collect();
    world.supervisor.forget(&all);
    let world = world.reopened(|_| {});
    assert!(world.found.is_empty(), "{:?}", world.found);
}

#[test]
fn cpu_time_and_memory_are_measured() {
    let world = World::new();
    world.launch(sh(1, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"));
    let usage = world.ended(1).usage;
    assert!(usage.user > Duration::from_millis(5), "{usage:?}");
    assert!(usage.max_rss > 100 << 10, "{usage:?}");
}

#[test]
fn what_was_written_to_storage_is_measured() {
    let world = World::new();
    // In the folder of the build: a temporary one may be in memory, where nothing is stored.
    let folder = tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap();
    let file = folder.path().join("file");
    let mut launch =
        sh(1, &format!("dd if=/dev/zero of={} bs=1M count=4 conv=fsync 2>/dev/null", file.display()));
    launch.limits.memory = Some(64 << 20);
    world.launch(launch);
    let usage = world.ended(1).usage;
    assert!(usage.written_bytes >= 4 << 20, "{usage:?}");
    if world.supervisor.capabilities().memory == supervise::Limit::Enforced {
        assert!(usage.memory_peak.is_some_and(|peak| peak > 4 << 20), "{usage:?}");
    }
}

#[test]
fn signals_reach_whom_they_are_meant_for() {
    let world = World::new();
    let mut launch = sh(
        1,
        "trap 'echo leader' USR1; sh -c 'trap \"echo child\" USR1; echo $$; while :; do sleep 0.01; done' & \
                          echo ready; while :; do wait; done",
    );
    launch.stdout = supervise::Stream::Append(world.path("log"));
    world.launch(launch);
    until("both are ready", || world.read("log").lines().count() == 2);
    world.supervisor.signal(run(1), 10, Whom::Leader).unwrap();
    until("the leader has it", || world.read("log").contains("leader"));
    assert!(!world.read("log").contains("child"));
    world.supervisor.signal(run(1), 10, Whom::Group).unwrap();
    until("the child has it", || world.read("log").contains("child"));
    world.supervisor.signal(run(1), 15, Whom::All).unwrap();
    assert_eq!(world.ended(1).status, Status::Signalled { signal: 15, core: false });
}

#[test]
fn a_signal_right_after_the_launch_finds_the_program() {
    let world = World::new();
    for key in 0..50 {
        world.launch(sh(key, "sleep 100"));
        world.supervisor.signal(run(key), 15, Whom::Group).unwrap();
    }
    for key in 0..50 {
        assert_eq!(world.ended(key).status, Status::Signalled { signal: 15, core: false });
    }
}

#[test]
fn signalling_what_is_over_is_a_clear_no() {
    let world = World::new();
    world.launch(sh(1, "true"));
    world.ended(1);
    assert_eq!(world.supervisor.signal(run(1), 9, Whom::All), Err(NoSuchRun(run(1))));
    assert_eq!(world.supervisor.kill(run(2)), Err(NoSuchRun(run(2))));
    assert_eq!(world.supervisor.suspend(run(1)), Err(NoSuchRun(run(1))));
    assert_eq!(NoSuchRun(run(2)).to_string(), "no such run: 2.0");
    assert!(world.supervisor.is_known(run(1)) && !world.supervisor.is_running(run(1)));
}

#[test]
fn a_signal_that_does_not_exist_is_reported_back() {
    let world = World::new();
    world.launch(sh(1, "sleep 100"));
    world.started(1);
    world.supervisor.signal(run(1), 99, Whom::Leader).unwrap();
    world.wait("the refusal", |report| match report {
        Report::NotSignalled { signal: 99, errno: 22, .. } => Some(()),
        _ => None,
    });
    world.supervisor.kill(run(1)).unwrap();
    world.ended(1);
}

fn suspended_runs_stand_still(world: &World) {
    let mut launch = sh(1, "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done");
    launch.stdout = supervise::Stream::Append(world.path("log"));
    world.launch(launch);
    until("it runs", || world.read("log").lines().count() > 2);
    world.supervisor.suspend(run(1)).unwrap();
    // Two samples of CPU time and output far enough apart would show a running loop.
    until("it stands still", || {
        let before = world.read("log");
        let pause = std::time::Instant::now();
        while pause.elapsed() < Duration::from_millis(80) {
            std::thread::yield_now();
        }
        world.read("log") == before
    });
    let stood = world.read("log").lines().count();
    world.supervisor.resume(run(1)).unwrap();
    until("it goes on", || world.read("log").lines().count() > stood + 1);
    world.supervisor.suspend(run(1)).unwrap();
    world.supervisor.kill(run(1)).unwrap();
    assert_eq!(world.ended(1).status, Status::Signalled { signal: 9, core: false });
}

#[test]
fn suspended_runs_stand_still_and_can_be_killed() {
    suspended_runs_stand_still(&World::new());
}

#[test]
fn the_same_without_control_groups() {
    suspended_runs_stand_still(&World::without_cgroups());
}

#[test]
fn a_running_run_can_be_sampled() {
    let world = World::new();
    world.launch(sh(1, "while :; do :; done"));
    world.started(1);
    until("it has used CPU time", || {
        world.supervisor.sample(run(1)).is_some_and(|sample| {
            sample.cpu_user > Duration::from_millis(20) && sample.processes == 1 && sample.memory.used > 0
        })
    });
    world.supervisor.kill(run(1)).unwrap();
    world.ended(1);
    assert_eq!(world.supervisor.sample(run(1)), None);
}
