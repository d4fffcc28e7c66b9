//! Runs that try to do harm: others go on, and nothing of the hostile one is left.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use supervise::{Credentials, Limit, Resource, Rlimit, Status, Step, Stream, Whom};

use crate::world::{World, is_alive, is_root, run, sh, until};

const NOBODY: Credentials = Credentials { uid: 65_534, gid: 65_534, groups: Vec::new() };

/// A run that minds its own business; it must still be there afterwards.
fn bystander(world: &World) -> u32 {
    world.launch(sh(99, "sleep 1000"));
    world.started(99)
}

fn bystander_goes_on(world: &World, pid: u32) {
    assert!(is_alive(pid));
    assert_eq!(world.reports(run(99)).len(), 1);
    world.supervisor.kill(run(99)).unwrap();
    assert_eq!(world.ended(99).status, Status::Signalled { signal: 9, core: false });
}

#[test]
fn a_fork_bomb_stays_within_its_limit_and_goes_as_a_whole() {
    let world = World::new();
    if world.supervisor.capabilities().pids != Limit::Enforced {
        eprintln!("skipped: this machine cannot limit the number of processes");
        return;
    }
    let other = bystander(&world);
    // A shell that can start nothing more ends: the leader must need nothing more.
    let mut launch = sh(1, "bomb() { bomb | bomb & }; echo go; (bomb) & exec sleep 1000");
    launch.limits.pids = Some(50);
    launch.stdout = Stream::Append(world.path("bomb"));
    world.launch(launch);
    let most = || world.supervisor.sample(run(1)).map_or(0, |sample| sample.processes);
    until("it has multiplied", || world.read("bomb") == "go\n" && most() >= 1);
    for _ in 0..50 {
        assert!(most() <= 50);
    }
    // Others can start while it rages.
    world.launch(sh(2, "exit 3"));
    assert_eq!(world.ended(2).status, Status::Exited(3));
    world.supervisor.kill(run(1)).unwrap();
    assert!(!world.ended(1).left_behind);
    assert!(world.supervisor.sample(run(1)).is_none());
    bystander_goes_on(&world, other);
}

#[test]
fn who_ignores_every_polite_signal_is_killed() {
    for world in [World::new(), World::without_cgroups()] {
        let mut launch = sh(1, "trap '' TERM INT HUP QUIT USR1; echo $$; while :; do sleep 1000; done");
        launch.stdout = Stream::Append(world.path("pid"));
        world.launch(launch);
        let pid = world.numbers("pid", 1)[0];
        for signal in [15, 2, 1] {
            world.supervisor.signal(run(1), signal, Whom::Leader).unwrap();
        }
        world.launch(sh(2, "true"));
        world.ended(2);
        assert!(is_alive(pid));
        world.supervisor.kill(run(1)).unwrap();
        assert_eq!(world.ended(1).status, Status::Signalled { signal: 9, core: false });
    }
}

#[test]
fn a_full_disk_is_the_own_affair_of_who_filled_it() {
    if !is_root() {
        eprintln!("skipped: only root can mount a small disk");
        return;
    }
    let world = World::new();
    let other = bystander(&world);
    let disk = world.path("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&disk).status();
    assert!(mounted.unwrap().success());
    let mut launch = sh(1, "head -c 4000000 /dev/zero || exit 7");
    launch.stdout = Stream::Truncate(disk.join("out"));
    launch.stderr = Stream::Null;
    world.launch(launch);
    let status = world.ended(1).status;
    // Its script's place is on another disk, so others start and end as before.
    world.launch(sh(2, "exit 5"));
    let after = world.ended(2).status;
    assert!(Command::new("umount").arg("-l").arg(&disk).status().unwrap().success());
    assert_eq!((status, after), (Status::Exited(7), Status::Exited(5)));
    bystander_goes_on(&world, other);
}

#[test]
fn a_flood_of_output_harms_nobody() {
    let world = World::new();
    let other = bystander(&world);
    let mut launch = sh(1, "exec cat /dev/zero");
    launch.stdout = Stream::Truncate(world.path("flood"));
    // The kernel ends it at 64 MiB.
    let most = Some(64 << 20);
    launch.rlimits = vec![Rlimit { resource: Resource::Fsize, soft: most, hard: most }];
    world.launch(launch);
    let signal = 25;
    assert!(matches!(world.ended(1).status, Status::Signalled { signal: found, .. } if found == signal));
    assert_eq!(fs::metadata(world.path("flood")).unwrap().len(), 64 << 20);
    bystander_goes_on(&world, other);
}

#[test]
fn a_user_cannot_leave_the_control_groups() {
    let world = World::new();
    if !is_root() || world.supervisor.capabilities().kill != Limit::Enforced {
        eprintln!("skipped: this needs root and control groups");
        return;
    }
    // Into every group that there is, its own parent among them; then it hides in a session of an orphan.
    let script = "\
        for file in $(find /sys/fs/cgroup -maxdepth 5 -name cgroup.procs -o -maxdepth 5 -name tasks 2>/dev/null); do \
            echo $$ > $file && echo escaped to $file; \
        done 2>/dev/null; \
        (setsid sh -c 'echo $$ >&3; exec sleep 1000' 3>&3 &); \
        exec 0<&- 1>&- 2>&-; exit 0";
    let mut launch = sh(1, script);
    launch.user = Some(NOBODY);
    launch.limits.pids = Some(100);
    launch.limits.memory = Some(64 << 20);
    for name in ["said", "pid"] {
        fs::write(world.path(name), "").unwrap();
        fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o666)).unwrap();
    }
    launch.stdout = Stream::Append(world.path("said"));
    let script = format!("exec 3>>{}; {script}", world.path("pid").display());
    launch.argv = ["/bin/sh", "-c", &script].map(Into::into).to_vec();
    world.launch(launch);
    assert_eq!(world.ended(1).status, Status::Exited(0));
    assert_eq!(world.read("said"), "");
    for pid in world.read("pid").lines().filter_map(|line| line.parse().ok()) {
        assert!(!is_alive(pid), "{pid}");
    }
}

#[test]
fn folders_that_are_gone_are_said_to_be() {
    let world = World::new();
    let folder = world.path("home");
    fs::create_dir(&folder).unwrap();
    let mut launch = sh(1, "pwd");
    launch.cwd = folder.clone();
    fs::remove_dir(&folder).unwrap();
    world.launch(launch);
    let failure = world.failure(1);
    assert_eq!(failure.step, Step::Directory);
    assert_eq!(failure.to_string(), "enter the working directory: no such file or directory");
    let mut launch = sh(2, "true");
    launch.stdout = Stream::Append(folder.join("out"));
    world.launch(launch);
    assert_eq!(world.failure(2).step, Step::Stdout);
}

#[test]
fn memory_that_a_child_wants_is_told_of_the_whole() {
    let world = World::new();
    if world.supervisor.capabilities().memory != Limit::Enforced {
        eprintln!("skipped: this machine cannot limit memory");
        return;
    }
    let other = bystander(&world);
    // The child is killed; its parent takes note and ends well.
    let mut launch = sh(1, "sh -c 'head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null'; exit 0");
    launch.limits.memory = Some(32 << 20);
    world.launch(launch);
    let ended = world.ended(1);
    assert!(ended.over_memory && ended.status == Status::Exited(0), "{ended:?}");
    bystander_goes_on(&world, other);
}
