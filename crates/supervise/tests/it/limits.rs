//! What control groups hold runs to, where this machine has them.

use std::time::Duration;

use supervise::{CgroupVersion, Limit, Status};

use crate::world::{World, is_root, run, sh, until};

/// Skips with a message where the machine cannot enforce something.
macro_rules! needs {
    ($world:expr, $what:ident) => {
        if $world.supervisor.capabilities().$what != Limit::Enforced {
            eprintln!("skipped: this machine cannot enforce {}", stringify!($what));
            return;
        }
    };
}

#[test]
fn too_much_memory_is_killed_and_said_so() {
    let world = World::new();
    needs!(world, memory);
    let mut launch = sh(1, "head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null; exit $?");
    launch.limits.memory = Some(32 << 20);
    world.launch(launch.clone());
    let ended = world.ended(1);
    assert!(ended.over_memory, "{ended:?}");
    assert_ne!(ended.status, Status::Exited(0));
    launch = sh(2, "true");
    launch.limits.memory = Some(32 << 20);
    world.launch(launch);
    let ended = world.ended(2);
    assert!(!ended.over_memory && ended.status == Status::Exited(0), "{ended:?}");
}

#[test]
fn one_that_runs_out_of_memory_takes_the_others_along_where_that_is_asked_for() {
    let world = World::new();
    needs!(world, memory);
    let greedy = "sleep 1000 & head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null; ";
    let mut launch = sh(1, &format!("{greedy} kill $!; exit 7"));
    launch.limits.memory = Some(32 << 20);
    world.launch(launch.clone());
    let ended = world.ended(1);
    assert!(ended.over_memory && ended.status == Status::Exited(7), "{ended:?}");
    launch = sh(2, &format!("{greedy} exec sleep 1000"));
    launch.limits.memory = Some(32 << 20);
    launch.limits.die_together = true;
    world.launch(launch);
    let ended = world.ended(2);
    assert!(ended.over_memory && ended.status == Status::Signalled { signal: 9, core: false }, "{ended:?}");
}

#[test]
fn cpus_are_those_that_were_given() {
    let world = World::new();
    let last = *supervise::machine::describe().cpus.last().unwrap();
    let mut launch = sh(1, "grep Cpus_allowed_list /proc/self/status");
    launch.limits.cpus = Some(vec![last]);
    assert_eq!(world.output(launch), format!("Cpus_allowed_list:\t{last}\n"));
}

#[test]
fn a_quota_slows_down() {
    let world = World::new();
    needs!(world, cpu_quota);
    let mut launch = sh(1, "while :; do :; done");
    launch.limits.cpu_quota = Some(0.1);
    world.launch(launch);
    world.started(1);
    until("it has used some time", || {
        world.supervisor.sample(run(1)).is_some_and(|sample| sample.cpu_user >= Duration::from_millis(100))
    });
    world.supervisor.kill(run(1)).unwrap();
    let ended = world.ended(1);
    let wall = Duration::from_micros((ended.at.0 - ended.started_at.0) as u64);
    assert!(ended.usage.user < wall / 3, "{:?} of {wall:?}", ended.usage);
}

#[test]
fn the_number_of_processes_is_limited() {
    let world = World::new();
    needs!(world, pids);
    let mut launch = sh(1, "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; exit 0");
    launch.limits.pids = Some(3);
    world.launch(launch);
    assert_ne!(world.ended(1).status, Status::Exited(0));
}

#[test]
fn a_denied_device_cannot_be_opened() {
    let world = World::new();
    needs!(world, devices);
    // The kernel's log and the memory of nobody stand in for devices of which a run has one and not the other.
    let own = world.path("own");
    let other = world.path("other");
    for (path, minor) in [(&own, "8"), (&other, "11")] {
        let made = std::process::Command::new("mknod").arg(path).args(["c", "1", minor]).status().unwrap();
        assert!(made.success());
    }
    let script = format!(
        "(: < {other}) 2>&1 | grep 'not permitted' && : < {own} && : < /dev/null && : > /dev/zero",
        other = other.display(),
        own = own.display()
    );
    let mut launch = sh(1, &script);
    // What everybody needs is never taken away.
    let for_all = ["/dev/null", "/dev/zero", "/dev/random", "/dev/tty", "/dev/ptmx"].map(Into::into);
    launch.limits.deny_devices = vec![other, "/dev/there-is-none".into()];
    launch.limits.deny_devices.extend(for_all);
    world.output(launch);
}

/// Has a test of this file run again where one of this machine's trees of control groups cannot be seen.
fn passes_without(tree: &str, test: &str) {
    let point = format!("/sys/fs/cgroup/{tree}");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    if !is_root() || !mounts.lines().any(|line| line.split(' ').nth(4) == Some(&point)) {
        eprintln!("skipped: needs root and {point}");
        return;
    }
    let hide = "umount \"$0\" && exec \"$@\"";
    let done = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", hide, &point])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(done.status.success() && said.contains("1 passed"), "without {tree}: {said}");
    eprintln!("without {tree}: {said}");
}

#[test]
fn a_denied_device_cannot_be_opened_with_either_version_of_control_groups() {
    for tree in ["devices", "unified"] {
        passes_without(tree, "limits::a_denied_device_cannot_be_opened");
    }
}

#[test]
fn capabilities_without_control_groups_promise_nothing() {
    let world = World::without_cgroups();
    let capabilities = world.supervisor.capabilities();
    assert_eq!(capabilities.version, CgroupVersion::None);
    assert_eq!((capabilities.memory, capabilities.kill), (Limit::Absent, Limit::Advisory));
}

#[test]
fn folders_of_control_groups_go_with_their_runs_and_launchers() {
    let world = World::new();
    if world.supervisor.capabilities().version == CgroupVersion::None {
        eprintln!("skipped: this machine has no control groups for us");
        return;
    }
    let mut launch = sh(1, "cat /proc/self/cgroup");
    launch.limits.memory = Some(64 << 20);
    launch.limits.pids = Some(10);
    let output = world.output(launch);
    let own: Vec<&str> = output.lines().filter(|line| line.ends_with("/1.0")).collect();
    assert!(!own.is_empty(), "{output}");
    let instance = own[0].rsplit('/').nth(1).unwrap().to_owned();
    world.supervisor.forget(&[run(1)]);
    let World { supervisor, .. } = world;
    drop(supervisor);
    until("the launchers have tidied up", || {
        let found = std::process::Command::new("find")
            .args(["/sys/fs/cgroup", "-maxdepth", "5", "-name", &instance])
            .output()
            .unwrap();
        found.stdout.is_empty()
    });
}
