//! What an administrator puts around every job.

use crate::running::{World, until, variables};
use domain::Uid;
use domain::job::{End, Exit};
use engine::local::PrivateTmp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Writes a program of the administrator.
fn program(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, executable).unwrap();
    path
}

#[test]
fn prolog_and_epilog_are_told_what_slurm_tells_them() {
    let mut world = World::with(|config, folder| {
        let said =
            |name: &str| format!("export PATH=/usr/bin:/bin; env | sort > {}/{name}.env", folder.display());
        config.around.prolog = vec![program(folder, "prolog", &said("prolog"))];
        config.around.epilog = vec![program(folder, "epilog", &said("epilog"))];
        config.around.task_prolog =
            Some(program(folder, "task", "echo export FROM_PROLOG=$SLURM_SCRIPT_CONTEXT"));
        config.around.hook_timeout = Some(Duration::from_secs(20));
    });
    let job = world.job(1, |job| Arc::make_mut(&mut job.spec).comment = "hello".into());
    world.launch(&job, "#!/bin/sh\necho $FROM_PROLOG; exit 3", &[]);
    let report = world.report(1);
    assert_eq!((report.end, report.fault), (End::Process(Exit::Code(3)), None));
    assert_eq!(world.read("slurm-1.out"), "prolog_task\n");
    let folder = world.folder.path().to_str().unwrap().to_owned();
    for (file, context) in [("prolog.env", "prolog_slurmd"), ("epilog.env", "epilog_slurmd")] {
        let text = world.read(file);
        let told = variables(&text);
        let mut wanted = vec![
            ("SLURM_SCRIPT_CONTEXT", context),
            ("SLURM_JOB_ID", "1"),
            ("SLURM_JOBID", "1"),
            ("SLURM_JOB_USER", "alice"),
            ("SLURM_JOB_PARTITION", "main"),
            ("SLURM_JOB_NODELIST", "n1"),
            ("SLURMD_NODENAME", "n1"),
            ("SLURM_CLUSTER_NAME", "test"),
            ("SLURM_JOB_COMMENT", "hello"),
            ("SLURM_JOB_RESTART_COUNT", "0"),
            ("SLURM_JOB_WORK_DIR", &folder),
            ("SLURM_JOB_STDIN", "/dev/null"),
            ("SLURM_JOB_CORE_SPEC_COUNT", "0"),
            ("SLURM_JOB_CORE_SPEC_TYPE", "cores"),
        ];
        let output = format!("{folder}/slurm-1.out");
        wanted.extend([("SLURM_JOB_STDOUT", output.as_str()), ("SLURM_JOB_STDERR", &output)]);
        for (name, value) in wanted {
            assert_eq!(told.get(name), Some(&value), "{name} in {text}");
        }
        let ended: Vec<_> = ["SLURM_JOB_EXIT_CODE", "SLURM_JOB_EXIT_CODE2", "SLURM_JOB_DERIVED_EC"]
            .map(|name| told.get(name).copied())
            .to_vec();
        match context {
            "epilog_slurmd" => assert_eq!(ended, [Some("768"), Some("3:0"), Some("0")], "{text}"),
            _ => assert_eq!(ended, [None; 3], "{text}"),
        }
        assert!(!told.contains_key("SLURM_PROCID") && !told.contains_key("FROM_PROLOG"), "{text}");
    }
}

#[test]
fn a_task_prolog_knows_the_scripts_process_and_can_end_it() {
    let mut world = World::with(|config, folder| {
        let text = "echo print before $SLURM_TASK_PID $SLURM_SCRIPT_CONTEXT\n\
                    case $SLURM_JOB_ID in 2) exit 7 ;; 3) kill -9 $$ ;; esac";
        config.around.task_prolog = Some(program(folder, "task", text));
    });
    let script = "#!/bin/sh\necho $$ $SLURM_TASK_PID; exit 3";
    let first = world.job(1, |_| {});
    world.launch(&first, script, &[]);
    assert_eq!(world.report(1).end, End::Process(Exit::Code(3)));
    let told = world.read("slurm-1.out");
    let number = told.split(' ').nth(1).unwrap().to_owned();
    assert_eq!(told, format!("before {number} prolog_task\n{number} {number}\n"));
    // As measured: the job fails with the prolog's code, what it prints is shown, and a signal counts as 1.
    for (id, code) in [(2, 7), (3, 1)] {
        let job = world.job(id, |_| {});
        world.launch(&job, script, &[]);
        let report = world.report(id);
        assert_eq!((report.end, report.fault), (End::Process(Exit::Code(code)), None));
        let told = world.read(&format!("slurm-{id}.out"));
        assert!(told.contains("before "), "{told}");
        assert!(told.ends_with(&format!("slurmstepd: error: TaskProlog failed status={code}\n")), "{told}");
    }
}

#[test]
fn a_prolog_that_fails_is_the_fault_of_the_node() {
    let mut world = World::with(|config, folder| {
        config.around.prolog = vec![program(folder, "prolog", "[ $SLURM_JOB_ID = 2 ]")];
        config.around.epilog = vec![program(folder, "epilog", "[ $SLURM_JOB_ID = 1 ]")];
    });
    let first = world.job(1, |_| {});
    world.launch(&first, "#!/bin/sh\ntrue", &[]);
    let report = world.report(1);
    assert_eq!(report.fault.as_deref(), Some("Prolog error"));
    assert_eq!(report.end, End::LaunchFailed("run the prolog: it failed".into()));
    let second = world.job(2, |_| {});
    world.launch(&second, "#!/bin/sh\nexit 4", &[]);
    let report = world.report(2);
    assert_eq!((report.end, report.fault.as_deref()), (End::Process(Exit::Code(4)), Some("Epilog error")));
}

#[test]
fn a_job_of_a_user_who_is_gone_is_put_back_and_says_so() {
    if supervise::users::own_uid() != 0 {
        eprintln!("skipped: only root runs jobs of others");
        return;
    }
    let unknown = 3_123_456_789;
    let mut world = World::with(|config, _| {
        config.around.known_users.insert(unknown + 1, Vec::new());
    });
    let job = world.job(1, |job| Arc::make_mut(&mut job.spec).owner.uid = Uid(unknown));
    world.launch(&job, "#!/bin/sh\ntrue", &[]);
    let wanted = End::LaunchFailed("user alice (3123456789) is not known to this machine any more".into());
    assert_eq!(world.report(1).end, wanted);
    let job = world.job(2, |job| {
        let spec = Arc::make_mut(&mut job.spec);
        spec.owner.uid = Uid(unknown + 1);
        spec.streams.output = "/dev/null".into();
    });
    world.launch(&job, "#!/bin/sh\nexit 3", &[]);
    assert_eq!(world.report(2).end, End::Process(Exit::Code(3)));
}

#[test]
fn a_private_tmp_is_for_those_who_may_and_ask() {
    if supervise::users::own_uid() != 0 {
        eprintln!("skipped: only root can lay folders over others");
        return;
    }
    let outside = tempfile::tempdir_in("/var/tmp").unwrap();
    let at = |name: &str| outside.path().join(name);
    let passable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(outside.path(), passable).unwrap();
    let mut world = World::with(|config, _| {
        config.spool = at("spool");
        config.around.private_tmp = PrivateTmp::OnRequest;
        config.around.private_folder = at("private");
    });
    let script = "#!/bin/sh\ntest -z \"$(ls -A /tmp /dev/shm | grep -v :)\" || exit 9; echo x > /tmp/x; echo y > /dev/shm/y";
    let work_dir = outside.path().to_str().unwrap().to_owned();
    let job = world.job(1, |job| {
        let spec = Arc::make_mut(&mut job.spec);
        spec.work_dir = work_dir.as_str().into();
        spec.uncommon =
            Some(Box::new(domain::job::Uncommon { extra: "private_tmp".into(), ..Default::default() }));
    });
    world.launch(&job, script, &[]);
    assert_eq!(world.report(1).end, End::Process(Exit::Code(0)));
    assert_eq!(std::fs::read_dir(at("private")).unwrap().count(), 0);
    assert!(!Path::new("/dev/shm/y").exists());
    let plain = world.job(2, |job| Arc::make_mut(&mut job.spec).work_dir = work_dir.as_str().into());
    world.launch(&plain, &format!("#!/bin/sh\nls {}", world.folder.path().display()), &[]);
    assert_eq!(world.report(2).end, End::Process(Exit::Code(0)));
    let mut stingy = World::with(|_, _| {});
    stingy.launch(&job, "#!/bin/sh\ntrue", &[]);
    assert_eq!(stingy.report(1).end, End::NotStarted("this service gives no private /tmp".into()));
    until("the folders are gone", || !at("private/job00001.0").exists());
}
