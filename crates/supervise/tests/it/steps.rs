//! Steps: tasks beside a run that a client asks its launcher for and a server grants.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use supervise::steps::{
    FoundStepState, StepAnswer, StepClient, StepCut, StepEnded, StepGrant, StepLayout, StepProgram,
    StepRequest, TaskGrant, TaskStreams, around_a_task,
};
use supervise::{Launch, Report, RunId, Status, SupervisorConfig, Whom};

use crate::trees::FAMILY;
use crate::world::{World, is_alive, is_root, kill_hard, run, sh, until};

fn with_steps(config: &mut SupervisorConfig) {
    config.steps = config.dir.parent().map(|folder| folder.join("spool/steps"));
    config.launchers = 1;
}

fn without_cgroups(config: &mut SupervisorConfig) {
    with_steps(config);
    config.cgroups = false;
}

fn socket(world: &World) -> PathBuf {
    world.path("spool/steps/launcher-0")
}

fn held(key: u64) -> Launch {
    Launch::place(run(key))
}

fn ask(world: &World, key: u64) -> StepClient {
    let mut client = StepClient::connect(&socket(world), key, None).unwrap();
    client.ask(StepRequest { tasks: Some(2), name: "probe".into(), ..StepRequest::default() }).unwrap();
    client
}

fn asked(world: &World, key: u64, not: &[u64]) -> u64 {
    world.wait("an ask", |report| match report {
        Report::StepAsked { run: id, ticket, .. } if *id == run(key) && !not.contains(ticket) => {
            Some(*ticket)
        }
        _ => None,
    })
}

fn grant(step: u32, tasks: u32) -> StepGrant {
    let own = |task: u32| TaskGrant { env: vec![("RANK".into(), task.to_string().into())], cpus: None };
    StepGrant {
        layout: StepLayout {
            step,
            nodes: vec!["n1".into()],
            tasks: vec![0; tasks as usize],
            cpus_per_task: 1,
            ..StepLayout::default()
        },
        user: None,
        limits: supervise::Limits::default(),
        private: None,
        env: vec![("COMMON".into(), "yes".into())],
        tasks: (0..tasks).map(own).collect(),
        pid_variable: "OWN_PID".into(),
        around: Vec::new(),
        time_limit: None,
        kill_wait: Duration::from_secs(30),
    }
}

fn program(command: &str) -> StepProgram {
    StepProgram {
        argv: ["/bin/sh", "-c", command].map(Into::into).to_vec(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into()), ("OWN_PID".into(), "old".into())],
        cwd: "/".into(),
        umask: 0o022,
        rlimits: Vec::new(),
        streams: vec![TaskStreams { stdout: Some(0), stderr: Some(0), ..TaskStreams::default() }],
        terminal: false,
        argv_by_task: Vec::new(),
        env_by_task: Vec::new(),
        channel_variable: std::ffi::OsString::new(),
    }
}

/// Asks, grants and starts; returns what reads the tasks' output.
fn begin(world: &World, key: u64, step: u32, grant: StepGrant, command: &str) -> (StepClient, File) {
    let known: Vec<u64> = tickets(world, key);
    let mut client = ask(world, key);
    world.supervisor.grant_step(run(key), asked(world, key, &known), grant);
    let granted = client.hear().unwrap();
    assert!(matches!(&granted, StepAnswer::Granted(layout) if layout.step == step), "{granted:?}");
    let (reader, writer) = std::io::pipe().unwrap();
    client.start(program(command), &[writer.as_fd()]).unwrap();
    (client, File::from(std::os::fd::OwnedFd::from(reader)))
}

fn tickets(world: &World, key: u64) -> Vec<u64> {
    let reports = world.reports(run(key));
    let ticket = |report: &Report| match report {
        Report::StepAsked { ticket, .. } => Some(*ticket),
        _ => None,
    };
    reports.iter().filter_map(ticket).collect()
}

fn text(mut file: File) -> String {
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    text
}

fn end(client: &mut StepClient) -> StepEnded {
    loop {
        if let StepAnswer::Ended(ended) = client.hear().unwrap() {
            return *ended;
        }
    }
}

fn reported_end(world: &World, key: u64, number: u32) -> StepEnded {
    world.wait("a step's end", |report| match report {
        Report::StepEnded { run: id, step, ended, .. } if *id == run(key) && *step == number => {
            Some((**ended).clone())
        }
        _ => None,
    })
}

/// A world whose one run is a place for steps.
fn world_with(adjust: fn(&mut SupervisorConfig)) -> World {
    let world = World::with(adjust);
    world.launch(held(7));
    assert_eq!(world.started(7), 0);
    world
}

#[test]
fn tasks_run_side_by_side_and_tell_how_they_end() {
    for adjust in [with_steps as fn(&mut _), without_cgroups] {
        let world = world_with(adjust);
        let command = "echo $RANK $COMMON $OWN_PID-$$; exit $((RANK * 3))";
        let (mut client, output) = begin(&world, 7, 4, grant(4, 2), command);
        let mut codes = [None; 2];
        let ended = loop {
            match client.hear().unwrap() {
                StepAnswer::TaskEnded { task, status: Status::Exited(code) } => {
                    codes[task as usize] = Some(code)
                }
                StepAnswer::TaskStarted { pid, .. } => assert!(pid > 1),
                StepAnswer::Ended(ended) => break ended,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(codes, [Some(0), Some(3)]);
        assert_eq!((ended.status, ended.cut), (Some(Status::Exited(3)), None));
        assert!(ended.usage.max_rss > 0 && ended.started_at.is_some_and(|start| start <= ended.at));
        let text = text(output);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines.len(), 2, "{text}");
        for (rank, line) in lines.iter().enumerate() {
            let words: Vec<&str> = line.split(' ').collect();
            let (own, real) = words[2].split_once('-').unwrap();
            assert_eq!((words[0], words[1], own), (rank.to_string().as_str(), "yes", real));
        }
        assert_eq!(reported_end(&world, 7, 4), *ended);
        world.supervisor.forget_steps(run(7), &[4]);
        world.supervisor.kill(run(7)).unwrap();
        assert_eq!(world.ended(7).status, Status::Exited(0));
    }
}

#[test]
fn each_task_may_have_a_channel_and_variables_of_its_own() {
    let world = world_with(with_steps);
    let mut client = ask(&world, 7);
    world.supervisor.grant_step(run(7), asked(&world, 7, &[]), grant(4, 2));
    assert!(matches!(client.hear().unwrap(), StepAnswer::Granted(_)));
    let pairs: Vec<(UnixStream, UnixStream)> = (0..2).map(|_| UnixStream::pair().unwrap()).collect();
    let command = "eval \"exec 1>&$CHANNEL 0<&$CHANNEL\"; read word; echo $RANK $OWN $word";
    let own = |task: u32| vec![("OWN".into(), format!("own-{task}").into()), ("RANK".into(), "lost".into())];
    let streams = |task: u32| TaskStreams { channel: Some(task), ..TaskStreams::default() };
    let program = StepProgram {
        // Other shells know descriptors of one digit only.
        argv: ["/bin/bash", "-c", command].map(Into::into).to_vec(),
        streams: (0..2).map(streams).collect(),
        env_by_task: (0..2).map(own).collect(),
        channel_variable: "CHANNEL".into(),
        ..program(command)
    };
    let files: Vec<_> = pairs.iter().map(|(_, theirs)| theirs.as_fd()).collect();
    client.start(program, &files).unwrap();
    for (task, (mut ours, theirs)) in pairs.into_iter().enumerate() {
        drop(theirs);
        writeln!(ours, "hello-{task}").unwrap();
        let mut told = String::new();
        ours.read_to_string(&mut told).unwrap();
        // What the server says of a task replaces what the client says.
        assert_eq!(told, format!("{task} own-{task} hello-{task}\n"));
    }
    assert_eq!(end(&mut client).status, Some(Status::Exited(0)));
}

#[test]
fn programs_of_the_administrator_stand_around_every_task() {
    let world = world_with(with_steps);
    let program_of = |name: &str, text: &str| {
        let path = world.path(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path
    };
    let prolog = program_of(
        "prolog",
        "[ $RANK = 1 ] && exit 9; echo print $SLURM_SCRIPT_CONTEXT $OWN_PID; echo export NEW=a b; echo unset COMMON",
    );
    let epilog = program_of("epilog", "echo $SLURM_SCRIPT_CONTEXT $NEW; exit 4");
    let mut seen = Vec::new();
    let mut run_with = |epilog: Option<&Path>, number: u32| {
        let mut client = ask(&world, 7);
        let names = ["Before", "After"];
        let around = around_a_task(Some(prolog.as_os_str()), epilog.map(Path::as_os_str), names);
        let granted = StepGrant { around, ..grant(number, 2) };
        seen.push(asked(&world, 7, &seen));
        world.supervisor.grant_step(run(7), seen[seen.len() - 1], granted);
        assert!(matches!(client.hear().unwrap(), StepAnswer::Granted(_)));
        let (mut output, input) = std::io::pipe().unwrap();
        let streams = vec![TaskStreams { stdout: Some(0), stderr: Some(0), ..TaskStreams::default() }];
        let program = StepProgram { streams, ..program("echo $$ $NEW,$COMMON; exit 3") };
        client.start(program, &[input.as_fd()]).unwrap();
        drop(input);
        let ended = end(&mut client);
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        (ended.status, said)
    };
    let (status, said) = run_with(None, 4);
    assert_eq!(status, Some(Status::Exited(9)), "{said}");
    assert!(said.contains("error: Before failed status=9\n"), "{said}");
    // The prolog is told the number of the process that becomes the program.
    let pid = said.lines().find_map(|line| line.strip_prefix("prolog_task ")).unwrap();
    assert!(said.contains(&format!("{pid} a b,\n")), "{said}");
    let (status, said) = run_with(Some(&epilog), 5);
    assert_eq!(status, Some(Status::Exited(9)), "{said}");
    // The other task may say something in between.
    let (_, after) = said.split_once("epilog_task a b\n").unwrap_or_else(|| panic!("{said}"));
    assert!(after.contains("slurmstepd: error: After failed status=4\n"), "{said}");
}

#[test]
fn a_step_waits_and_is_refused_in_the_servers_words() {
    let world = world_with(with_steps);
    let mut client = ask(&world, 7);
    let ticket = asked(&world, 7, &[]);
    world.supervisor.delay_step(run(7), ticket, "Requested nodes are busy");
    assert_eq!(client.hear().unwrap(), StepAnswer::Waiting { why: "Requested nodes are busy".into() });
    world.supervisor.refuse_step(run(7), ticket, "No");
    assert_eq!(client.hear().unwrap(), StepAnswer::Refused { why: "No".into() });
    assert!(client.hear().is_err(), "nothing follows");
    let mut stranger = StepClient::connect(&socket(&world), 99, None).unwrap();
    let _ = stranger.ask(StepRequest::default());
    assert_eq!(stranger.hear().unwrap(), StepAnswer::Refused { why: "no such run".into() });
}

#[test]
fn a_step_ends_with_its_client() {
    for adjust in [with_steps as fn(&mut _), without_cgroups] {
        let world = world_with(adjust);
        // Enough for the answer to the first signal on a busy machine; one of them waits for the second.
        let patient = StepGrant { kill_wait: Duration::from_secs(1), ..grant(0, 1) };
        let command =
            "trap 'echo asked' TERM; echo $$; (trap '' TERM; while :; do sleep 0.05; done) & wait; wait";
        let (client, mut output) = begin(&world, 7, 0, patient, command);
        let mut first = [0; 32];
        let count = output.read(&mut first).unwrap();
        let pid = String::from_utf8_lossy(&first[..count]).lines().next().unwrap().parse::<u32>().unwrap();
        drop(client);
        assert_eq!(reported_end(&world, 7, 0).cut, Some(StepCut::ClientGone));
        assert!(!is_alive(pid));
        assert!(
            text(output).contains("asked"),
            "it is asked before it is killed, and nothing holds its output"
        );
    }
}

#[test]
fn nothing_of_a_step_outlives_it() {
    for adjust in [with_steps as fn(&mut _), without_cgroups] {
        for is_cut in [false, true] {
            let world = world_with(adjust);
            let file = world.path("pids").display().to_string();
            let then = if is_cut { "exec sleep 1000" } else { "exit 5" };
            let command =
                format!("exec >> {file}; {FAMILY} until [ $(wc -l < {file}) -ge 4 ]; do :; done; {then}");
            let (mut client, _output) = begin(&world, 7, 0, grant(0, 1), &command);
            let pids = world.numbers("pids", 4);
            if is_cut {
                world.supervisor.signal_step(run(7), 0, 9);
            }
            let ended = end(&mut client);
            assert_eq!(ended.cut, is_cut.then_some(StepCut::Killed));
            assert!(!pids.iter().any(|pid| is_alive(*pid)), "{pids:?}");
        }
    }
}

#[test]
fn a_client_that_goes_before_it_is_granted_leaves_nothing() {
    let world = world_with(with_steps);
    let client = ask(&world, 7);
    let ticket = asked(&world, 7, &[]);
    drop(client);
    world.wait("that it is gone", |report| matches!(report, Report::StepGone { .. }).then_some(()));
    // The server had decided meanwhile: what is on record must end.
    world.supervisor.grant_step(run(7), ticket, grant(3, 1));
    let ended = reported_end(&world, 7, 3);
    assert_eq!((ended.cut, ended.started_at), (Some(StepCut::ClientGone), None));
}

#[test]
fn signals_reach_tasks_from_client_and_server() {
    let world = world_with(with_steps);
    let command = "trap 'echo int; exit 5' INT; echo ready; while :; do sleep 0.02; done";
    let (mut client, mut output) = begin(&world, 7, 0, grant(0, 1), command);
    let mut first = [0; 8];
    let _ = output.read(&mut first).unwrap();
    client.signal(2).unwrap();
    assert_eq!(end(&mut client).status, Some(Status::Exited(5)));
    assert_eq!(text(output), "int\n");
    let (mut client, mut output) = begin(&world, 7, 1, grant(1, 2), "echo; exec sleep 100");
    let _ = output.read(&mut first).unwrap();
    world.supervisor.signal(run(7), 15, Whom::Steps).unwrap();
    let ended = end(&mut client);
    assert_eq!((ended.status, ended.cut), (Some(Status::Signalled { signal: 15, core: false }), None));
    let (mut client, _output) = begin(&world, 7, 2, grant(2, 1), "sleep 100 & sleep 100");
    world.supervisor.signal_step(run(7), 2, 9);
    assert_eq!(end(&mut client).cut, Some(StepCut::Killed));
}

#[test]
fn a_steps_time_can_be_limited() {
    let world = world_with(with_steps);
    let short = StepGrant { time_limit: Some(Duration::from_millis(100)), ..grant(0, 1) };
    let (mut client, _output) = begin(&world, 7, 0, short, "exec sleep 100");
    let ended = end(&mut client);
    assert_eq!(
        (ended.cut, ended.status),
        (Some(StepCut::TimeLimit), Some(Status::Signalled { signal: 15, core: false }))
    );
}

#[test]
fn a_program_that_is_not_there_is_told_with_its_reason() {
    let world = world_with(with_steps);
    let mut client = ask(&world, 7);
    world.supervisor.grant_step(run(7), asked(&world, 7, &[]), grant(0, 2));
    assert!(matches!(client.hear().unwrap(), StepAnswer::Granted(_)));
    client
        .start(
            StepProgram { argv: vec!["no-such-program".into()], ..program("") },
            &[File::open("/dev/null").unwrap().as_fd()],
        )
        .unwrap();
    let mut failures = 0;
    let ended = loop {
        match client.hear().unwrap() {
            StepAnswer::TaskFailed { failure, .. } => {
                assert_eq!(failure.to_string(), "execute the program: no such file or directory");
                failures += 1;
            }
            StepAnswer::Ended(ended) => break ended,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((failures, ended.status), (2, Some(Status::Exited(2))));
}

#[test]
fn steps_end_with_their_run_and_before_it() {
    for adjust in [with_steps as fn(&mut _), without_cgroups] {
        let world = World::with(adjust);
        let go = world.path("go");
        world.launch(sh(8, &format!("until [ -e {} ]; do sleep 0.02; done; exit 4", go.display())));
        world.started(8);
        let (mut client, mut output) =
            begin(&world, 8, 0, grant(0, 1), "trap '' TERM; echo up; while :; do sleep 0.05; done");
        let _ = output.read(&mut [0; 8]).unwrap();
        std::fs::write(go, "").unwrap();
        let ended = end(&mut client);
        assert_eq!(ended.cut, Some(StepCut::RunEnded));
        assert_eq!(world.ended(8).status, Status::Exited(4));
        let ends: Vec<bool> = world
            .reports(run(8))
            .iter()
            .filter(|report| report.is_final() || matches!(report, Report::StepEnded { .. }))
            .map(Report::is_final)
            .collect();
        assert_eq!(ends, [false, true]);
    }
}

#[test]
fn an_ask_survives_the_servers_absence() {
    let mut world = world_with(with_steps);
    let mut client = ask(&world, 7);
    let ticket = asked(&world, 7, &[]);
    world = world.reopened(with_steps);
    let found = world.found.iter().find(|found| found.run == run(7)).unwrap();
    assert!(matches!(&found.steps[..], [step] if step.ticket == ticket
        && matches!(&step.state, FoundStepState::Asked { request, .. } if request.name == "probe")));
    world.supervisor.grant_step(run(7), ticket, grant(0, 1));
    assert!(matches!(client.hear().unwrap(), StepAnswer::Granted(_)));
    let (reader, writer) = std::io::pipe().unwrap();
    client.start(program("echo $RANK; sleep 0.2; exit 6"), &[writer.as_fd()]).unwrap();
    drop(writer);
    // It ends while nobody is there, and is known to the next server until that forgets it.
    drop(world.supervisor);
    assert_eq!(end(&mut client).status, Some(Status::Exited(6)));
    assert_eq!(text(File::from(std::os::fd::OwnedFd::from(reader))), "0\n");
    let world = World::open(world.folder, with_steps);
    let found = world.found.iter().find(|found| found.run == run(7)).unwrap();
    assert!(
        matches!(&found.steps[..], [step] if matches!(&step.state, FoundStepState::Ended { step: 0, ended }
        if ended.status == Some(Status::Exited(6))))
    );
    world.supervisor.forget_steps(run(7), &[0]);
    let world = world.reopened(with_steps);
    assert!(world.found.iter().all(|found| found.steps.is_empty()));
}

#[test]
fn a_step_outlives_the_launchers_own_program() {
    for adjust in [with_steps as fn(&mut _), without_cgroups] {
        let world = world_with(adjust);
        let go = world.path("go");
        let command = format!("while [ ! -e {} ]; do sleep 0.02; done; echo $RANK; exit $RANK", go.display());
        let (mut client, output) = begin(&world, 7, 0, grant(0, 2), &command);
        for _ in 0..2 {
            assert!(matches!(client.hear().unwrap(), StepAnswer::TaskStarted { .. }));
        }
        let pid = world.supervisor.launchers()[0].pid;
        let mut waiting = ask(&world, 7);
        let ticket = asked(&world, 7, &tickets(&world, 7)[..1]);
        world.supervisor.renew();
        let steps = world.wait("the inventory", |report| match report {
            Report::Steps { steps, .. } => Some(steps.clone()),
            _ => None,
        });
        assert!(matches!(&steps[..], [first, second] if second.ticket == ticket
            && matches!(first.state, FoundStepState::Granted { step: 0 })));
        assert_eq!(world.supervisor.launchers()[0].pid, pid);
        std::fs::write(go, "").unwrap();
        assert_eq!(end(&mut client).status, Some(Status::Exited(1)));
        assert_eq!(text(output).len(), 4);
        assert_eq!(reported_end(&world, 7, 0).cut, None);
        world.supervisor.refuse_step(run(7), ticket, "enough");
        assert_eq!(waiting.hear().unwrap(), StepAnswer::Refused { why: "enough".into() });
    }
}

#[test]
fn steps_of_a_killed_launcher_end_and_their_run_does_not() {
    for adjust in [with_steps as fn(&mut _), without_cgroups] {
        let world = World::with(adjust);
        world.launch(sh(7, "sleep 100"));
        let leader = world.started(7);
        let (mut client, mut output) = begin(&world, 7, 0, grant(0, 1), "echo $$; exec sleep 100");
        let mut first = [0; 32];
        let count = output.read(&mut first).unwrap();
        let pid = String::from_utf8_lossy(&first[..count]).trim().parse::<u32>().unwrap();
        kill_hard(world.supervisor.launchers()[0].pid);
        while client.hear().is_ok() {}
        let steps = world.wait("the inventory", |report| match report {
            Report::Steps { steps, .. } => Some(steps.clone()),
            _ => None,
        });
        assert!(
            matches!(&steps[..], [step] if matches!(&step.state, FoundStepState::Ended { step: 0, ended }
            if ended.cut == Some(StepCut::Lost))),
            "{steps:?}"
        );
        until("the task is gone", || !is_alive(pid));
        assert!(is_alive(leader));
        let mut again = StepClient::connect(&socket(&world), 7, Some(0)).unwrap();
        again.ask(StepRequest::default()).unwrap();
        let known = tickets(&world, 7);
        world.supervisor.refuse_step(run(7), asked(&world, 7, &known[..1]), "no");
        assert_eq!(again.hear().unwrap(), StepAnswer::Refused { why: "no".into() });
    }
}

#[test]
fn hostile_clients_cost_little_and_harm_nobody() {
    let world = world_with(with_steps);
    let path = socket(&world);
    let long = (MAX as u32).to_le_bytes();
    const MAX: usize = 1 << 30;
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &long, &[0; 64], &[5, 0, 0, 0, 0, 1, 2, 3, 4], &[1], &[]] {
        let mut stream = UnixStream::connect(&path).unwrap();
        let _ = stream.write_all(bytes);
        drop(stream);
        let mut stream = UnixStream::connect(&path).unwrap();
        let _ = stream.write_all(bytes);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    // One that sends its start before it was granted anything, and one that refers to files that are not there.
    let mut client = ask(&world, 7);
    // Files that come with the question itself are the client's end before anybody hears of it.
    let known = [asked(&world, 7, &[])];
    let null = File::open("/dev/null").unwrap();
    let _ = client.start(program("true"), &[null.as_fd()]);
    while client.hear().is_ok() {}
    let mut client = ask(&world, 7);
    world.supervisor.grant_step(run(7), asked(&world, 7, &known), grant(0, 1));
    assert!(matches!(client.hear().unwrap(), StepAnswer::Granted(_)));
    client.start(program("true"), &[]).unwrap();
    while client.hear().is_ok() {}
    assert_eq!(reported_end(&world, 7, 0).cut, Some(StepCut::ClientGone));
    // A crowd that says nothing is not let in beyond a few, and those who ask still are, a moment later.
    let crowd: Vec<UnixStream> = (0..500).filter_map(|_| UnixStream::connect(&path).ok()).collect();
    assert!(!crowd.is_empty());
    drop(crowd);
    let is_asked = || {
        let is_it =
            |report: &Report| matches!(report, Report::StepAsked { request, .. } if request.name == "after");
        world.reports(run(7)).iter().any(is_it)
    };
    until("there is room again", || {
        let Ok(mut client) = StepClient::connect(&path, 7, None) else { return false };
        let _ = client.ask(StepRequest { name: "after".into(), ..StepRequest::default() });
        // It stays for a moment: nobody hears the question of a client that is gone before it was let in.
        let patience = Instant::now() + Duration::from_secs(1);
        std::iter::from_fn(|| (Instant::now() < patience).then(is_asked)).any(|is_so| is_so)
    });
    // Nor does somebody who connects without end keep the launcher from its work.
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                drop(UnixStream::connect(&path));
            }
        });
        world.launch(sh(8, "true"));
        let status = world.ended(8).status;
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(status, Status::Exited(0));
    });
    assert!(is_alive(world.supervisor.launchers()[0].pid));
}

#[test]
fn nobody_has_steps_in_somebody_elses_run() {
    if !is_root() {
        return;
    }
    let world = world_with(with_steps);
    let path = socket(&world);
    let answer = std::thread::spawn(move || {
        let nobody = rustix::process::Uid::from_raw(65534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let mut client = StepClient::connect(&path, 7, None).unwrap();
        let _ = client.ask(StepRequest::default());
        client.hear().unwrap()
    });
    assert_eq!(answer.join().unwrap(), StepAnswer::Refused { why: "Access/permission denied".into() });
}

#[test]
fn a_run_knows_where_to_ask() {
    let world = World::with(with_steps);
    let output = world.output(sh(9, "echo $QUINTET_STEPS $QUINTET_STEPS_RUN"));
    assert_eq!(output, format!("{} {}\n", socket(&world).display(), RunId { key: 9, attempt: 0 }));
}
