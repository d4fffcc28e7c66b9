//! Nothing that a run started is left when its end is reported.

use supervise::Stream;

use crate::world::{World, is_alive, run, sh, until};

/// Starts a child, a child in another session, and an orphan in another session that has forgotten its parents; each
/// says its number, and so does the first process.
pub(crate) const FAMILY: &str = "\
    sleep 1000 & echo $!; \
    setsid sh -c 'echo $$; exec sleep 1000' & \
    sh -c 'setsid sh -c \"echo \\$\\$; exec sleep 1000\" &' ; \
    echo $$; ";

fn family(world: &World, then: &str) -> Vec<u32> {
    let mut launch = sh(1, &format!("{FAMILY} {then}"));
    launch.stdout = Stream::Append(world.path("pids"));
    world.launch(launch);
    world.numbers("pids", 4)
}

fn nobody_survives_a_kill(world: &World) {
    let pids = family(world, "sleep 1000");
    assert!(pids.iter().all(|pid| is_alive(*pid)), "{pids:?}");
    world.supervisor.kill(run(1)).unwrap();
    world.ended(1);
    assert!(!pids.iter().any(|pid| is_alive(*pid)), "{pids:?}");
}

fn nobody_survives_the_first_process(world: &World) {
    // The first process ends once the family has grown, of its own accord.
    let pids = family(
        world,
        &format!("until [ $(wc -l < {}) -ge 4 ]; do :; done; exit 5", world.path("pids").display()),
    );
    let ended = world.ended(1);
    assert_eq!(ended.status, supervise::Status::Exited(5));
    assert!(!ended.left_behind);
    assert!(!pids.iter().any(|pid| is_alive(*pid)), "{pids:?}");
}

#[test]
fn nobody_survives_a_kill_with_a_control_group() {
    nobody_survives_a_kill(&World::new());
}

#[test]
fn nobody_survives_a_kill_without() {
    nobody_survives_a_kill(&World::without_cgroups());
}

#[test]
fn nobody_survives_the_first_process_with_a_control_group() {
    nobody_survives_the_first_process(&World::new());
}

#[test]
fn nobody_survives_the_first_process_without() {
    nobody_survives_the_first_process(&World::without_cgroups());
}

#[test]
fn a_run_that_multiplies_is_killed_all_the_same() {
    for world in [World::new(), World::without_cgroups()] {
        let mut launch = sh(1, "while :; do sh -c 'echo $$; sleep 1000' & sleep 0.001; done");
        launch.stdout = Stream::Append(world.path("pids"));
        world.launch(launch);
        world.numbers("pids", 30);
        world.supervisor.kill(run(1)).unwrap();
        world.ended(1);
        let pids = world.numbers("pids", 30);
        assert!(!pids.iter().any(|pid| is_alive(*pid)), "{pids:?}");
    }
}

#[test]
fn one_run_does_not_touch_another() {
    for world in [World::without_cgroups(), World::new()] {
        world.launch(sh(1, "sleep 1000 & setsid sleep 1000 & sleep 1000"));
        world.launch(sh(2, "sleep 1000"));
        let other = world.started(2);
        world.started(1);
        world.supervisor.kill(run(1)).unwrap();
        world.ended(1);
        assert!(is_alive(other));
        world.supervisor.kill(run(2)).unwrap();
        world.ended(2);
        until("it is gone", || !is_alive(other));
    }
}
