//! Real workloads: GPUs, limits, lost users and folders, programs that misbehave, MPI.

use crate::program::{Ended, Program};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const NODES: &str = "[[nodes]]\nname = \"n[1-2]\"\ncpus = 4\nmemory = 2000\n";

/// Submits a script, waits for its end, and returns how that went and what it wrote.
fn batch(quintet: &Program, options: &[&str], script: &str) -> (Ended, String) {
    quintet.write("job.sh", &format!("#!/bin/bash\n{script}\n"));
    let words = [&["submit", "-W", "-Q", "-o", "out"], options, &["job.sh"]].concat();
    let ended = quintet.run(&words);
    let out = std::fs::read_to_string(quintet.work().join("out")).unwrap_or_default();
    (ended, out)
}

fn succeeds(quintet: &Program, options: &[&str], script: &str) -> String {
    let (ended, out) = batch(quintet, options, script);
    assert_eq!(ended.code, 0, "{}{out}{}", ended.stderr, quintet.log());
    out
}

fn must(command: &str, arguments: &[&str]) {
    let done = Command::new(command).args(arguments).output().unwrap();
    assert!(done.status.success(), "{command} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Skips what only an administrator can try.
macro_rules! needs_root {
    () => {
        if !Program::is_administrator() {
            eprintln!("skipped: needs root");
            return;
        }
    };
}

#[test]
fn gpus_are_dealt_out_named_and_fenced() {
    needs_root!();
    // Devices without a driver: to open one that is allowed fails differently from one that is not.
    let devices = tempfile::tempdir().unwrap();
    let passable = PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(devices.path(), passable).unwrap();
    let files: Vec<String> =
        (0..2).map(|n| devices.path().join(format!("gpu{n}")).display().to_string()).collect();
    for (file, minor) in files.iter().zip(["7", "8"]) {
        must("mknod", &["-m", "666", file, "c", "240", minor]);
    }
    let quintet = Program::serving(&format!(
        "[[nodes]]\nname = \"n1\"\ncpus = 4\nmemory = 2000\ngres = [{{ name = \"gpu\", files = {files:?} }}]\n"
    ));
    let is_fenced = !quintet.run(&["nodes"]).stderr.contains("devices");
    let look = format!(
        "look() {{ for n in 0 1; do (: < {}/gpu$n) 2>&1 | grep -q 'not permitted' && echo fenced $n || echo open $n; done; }}",
        devices.path().display()
    );
    let said = "echo cuda=$CUDA_VISIBLE_DEVICES rocr=$ROCR_VISIBLE_DEVICES ordinal=$GPU_DEVICE_ORDINAL";
    // Each of two jobs that run at the same time has one, and not the other's.
    for job in ["a", "b"] {
        let meet = "while ! [ -e a.here -a -e b.here ]; do sleep 0.02; done";
        let script = format!(
            "#!/bin/bash\n{look}\ntouch {job}.here; {meet}\necho job=$SLURM_JOB_GPUS; {said}; look\n"
        );
        quintet.write(&format!("{job}.sh"), &script);
        quintet.ok(&["submit", "--gres=gpu:1", "-n1", "-o", job, &format!("{job}.sh")]);
    }
    assert_eq!(quintet.run(&["wait", "1", "2", "--timeout", "60"]).code, 0, "{}", quintet.log());
    let mut own: Vec<String> = Vec::new();
    for job in ["a", "b"] {
        let out = quintet.read(job);
        let gpu = out.lines().next().unwrap().strip_prefix("job=").unwrap().to_owned();
        let seen = if is_fenced { "0" } else { &gpu };
        let mut wanted = format!("job={gpu}\ncuda={seen} rocr={seen} ordinal={seen}\n");
        if is_fenced {
            let other = if gpu == "0" { "open 0\nfenced 1\n" } else { "fenced 0\nopen 1\n" };
            wanted.push_str(other);
            assert_eq!(out, wanted);
        } else {
            assert!(out.starts_with(&wanted), "{out}");
        }
        own.push(gpu);
    }
    own.sort();
    assert_eq!(own, ["0", "1"]);
    // In a step each task has its own.
    let script =
        "srun -n2 --gpus-per-task=1 sh -c 'echo $SLURM_PROCID $CUDA_VISIBLE_DEVICES $SLURM_STEP_GPUS' | sort";
    let out = succeeds(&quintet, &["-n2", "--gpus-per-task=1"], &format!("echo $SLURM_JOB_GPUS\n{script}"));
    assert_eq!(out, "0,1\n0 0 0\n1 1 1\n");
    let none = succeeds(&quintet, &["-n1"], &format!("{look}\n{said}; look"));
    assert!(none.starts_with("cuda= rocr= ordinal=\n"), "{none}");
    assert!(!is_fenced || none.ends_with("fenced 0\nfenced 1\n"), "{none}");
    // A step that has fewer than its job does not see the others; what comes after it does.
    let script = format!("{look}\nexport -f look; look; srun -n1 --gres=gpu:1 bash -c look; look");
    let out = succeeds(&quintet, &["-n1", "--gres=gpu:2"], &script);
    let both = "open 0\nopen 1\n";
    assert!(!is_fenced || out == format!("{both}open 0\nfenced 1\n{both}"), "{out}");
}

#[test]
fn gpus_are_fenced_by_either_version_of_control_groups() {
    needs_root!();
    for tree in ["devices", "unified"] {
        let point = format!("/sys/fs/cgroup/{tree}");
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        if !mounts.lines().any(|line| line.split(' ').nth(4) == Some(&point)) {
            eprintln!("skipped: {point} is not mounted");
            continue;
        }
        // The same again where this tree cannot be seen.
        let done = Command::new("unshare")
            .args(["--mount", "sh", "-c", "umount \"$0\" && exec \"$@\"", &point])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "workloads::gpus_are_dealt_out_named_and_fenced", "--nocapture"])
            .output()
            .unwrap();
        let said = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(done.status.success() && said[0].contains("1 passed"), "without {tree}: {said:?}");
    }
}

#[test]
fn who_wants_more_memory_than_he_has_is_out_of_memory_and_nobody_else() {
    let quintet = Program::serving(NODES);
    if quintet.run(&["nodes"]).stderr.contains("memory") {
        eprintln!("skipped: this machine cannot limit memory");
        return;
    }
    let state = |job: &str| -> String {
        let shown = quintet.ok(&["show", "job", job, "--json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        shown["jobs"][0]["job_state"][0].as_str().unwrap().to_owned()
    };
    let greedy = "head -c 400000000 /dev/zero | tail -c 390000000 > /dev/null";
    // It ends well by its own account: what counts is that the kernel had to end something of it.
    let script = format!("{greedy}; echo went on");
    let (_, out) = batch(&quintet, &["-n1", "--mem=64"], &script);
    assert!(out.ends_with("went on\n"), "{out}");
    assert_eq!(state("1"), "OUT_OF_MEMORY");
    // A step has its own share; what runs beside it has enough.
    let script = format!(
        "srun -n1 --exact --mem=64 sh -c '{greedy}' & srun -n1 --exact --mem=64 sh -c 'sleep 0.5; echo beside'; wait"
    );
    let (_, out) = batch(&quintet, &["-n2", "--mem=600"], &script);
    assert!(out.lines().any(|line| line == "beside"), "{out}");
    assert!(out.contains("Detected 1 oom_kill event in StepId=2."), "{out}");
    assert_eq!(succeeds(&quintet, &["-n1", "--mem=64"], "echo unharmed"), "unharmed\n");
}

#[test]
fn a_job_has_the_limits_and_the_mask_of_who_submitted_it() {
    let quintet = Program::serving(NODES);
    quintet.write(
        "job.sh",
        "#!/bin/bash\numask; ulimit -Sn; ulimit -Sc; nice; env | grep -c -e RLIMIT -e UMASK; true\n",
    );
    let submit = |options: &str| {
        let command = format!(
            "umask 027; ulimit -Sn 77; ulimit -Sc 0; exec nice -n 3 {} submit --state {} -W -Q -o out {options} job.sh",
            env!("CARGO_BIN_EXE_quintet"),
            quintet.state().display()
        );
        let ended = Command::new("bash").args(["-c", &command]).current_dir(quintet.work()).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let out = quintet.read("out");
        out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    // How nice the submitter is does not matter: a job is as nice as the service.
    let nice = String::from_utf8(Command::new("nice").output().unwrap().stdout).unwrap();
    assert_eq!(submit(""), ["0027", "77", "0", nice.trim(), "0"]);
    let own = submit("--propagate=NONE");
    assert!(own[0] == "0027" && own[1] != "77", "{own:?}");
    assert_eq!(submit("--propagate=NOFILE")[1], "77");
    let wrong = quintet.run(&["submit", "--propagate=FILES", "job.sh"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("there is no limit FILES"), "{}", wrong.stderr);
}

#[test]
fn a_working_directory_that_is_gone_is_made_up_for() {
    let quintet = Program::serving(NODES);
    let gone = quintet.work().join("gone");
    std::fs::create_dir(&gone).unwrap();
    let out = quintet.work().join("new/deep/out").display().to_string();
    quintet.ok(&["submit", "-H", "-D", gone.to_str().unwrap(), "-o", &out, "--wrap", "pwd; srun -n1 pwd"]);
    std::fs::remove_dir(&gone).unwrap();
    quintet.ok(&["release", "1"]);
    assert_eq!(quintet.run(&["wait", "1", "--timeout", "60"]).code, 0, "{}", quintet.log());
    let told = quintet.read("new/deep/out");
    let said = format!(
        "error: couldn't chdir to `{}': No such file or directory: going to /tmp instead",
        gone.display()
    );
    assert_eq!(told.lines().collect::<Vec<_>>(), [said.as_str(), "/tmp", "/tmp"]);
}

#[test]
fn output_may_go_where_it_cannot_be_kept() {
    let quintet = Program::serving(NODES);
    let full = quintet.run(&["submit", "-W", "-Q", "-o", "/dev/full", "--wrap", "echo lost || exit 4"]);
    assert_eq!(full.code, 4, "{}", full.stderr);
    must("mkfifo", &[quintet.work().join("pipe").to_str().unwrap()]);
    quintet.ok(&["submit", "-o", "pipe", "--wrap", "echo through"]);
    assert_eq!(quintet.read("pipe"), "through\n");
    assert_eq!(quintet.run(&["wait", "2", "--timeout", "60"]).code, 0);
}

#[test]
fn a_fork_bomb_is_held_to_the_processes_of_a_job_and_harms_nobody() {
    let held = "[cluster]\nkill_wait = 1\n[engine]\nmax_processes_per_job = 200\n";
    let quintet = Program::serving(&format!("{NODES}\n{held}"));
    if quintet.log().contains("max_processes_per_job has no effect") {
        eprintln!("skipped: this machine cannot limit the number of processes");
        return;
    }
    quintet.write("bomb.sh", "#!/bin/bash\ntouch lit\nb() { b | b & b; }\n(b) &\nexec sleep 1000\n");
    quintet.ok(&["submit", "-n1", "-o", "/dev/null", "-t", "1", "bomb.sh"]);
    quintet.until("the bomb is lit", || quintet.files().contains(&"lit".to_owned()));
    assert_eq!(succeeds(&quintet, &["-n1"], "echo unharmed"), "unharmed\n");
    quintet.ok(&["cancel", "1"]);
    quintet.until("nothing is left of it", || quintet.ok(&["ps"]).lines().count() <= 1);
}

/// A user of this machine for as long as a test needs one.
struct Guest(String);

impl Guest {
    fn new() -> Self {
        let name = format!("qguest{}", std::process::id());
        must("useradd", &["--no-create-home", "--shell", "/bin/bash", &name]);
        Guest(name)
    }

    fn leave(&self) {
        must("userdel", &["--force", &self.0]);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = Command::new("userdel").args(["--force", &self.0]).output();
    }
}

#[test]
fn a_user_who_is_removed_keeps_what_runs_and_what_waits_is_held() {
    needs_root!();
    let quintet = Program::serving(NODES);
    std::fs::set_permissions(quintet.work(), PermissionsExt::from_mode(0o777)).unwrap();
    let outer = quintet.work().parent().unwrap().to_owned();
    std::fs::set_permissions(outer, PermissionsExt::from_mode(0o755)).unwrap();
    let guest = Guest::new();
    let as_guest = ["submit", "--uid", &guest.0, "-o"];
    // What is known of users is looked up again after some seconds.
    let waits = "touch up; while [ ! -e go ]; do sleep 0.02; done; id -u; while srun -n1 true; do sleep 0.1; done; exit 1";
    quintet.ok(&[&as_guest[..], &["running", "-n1", "--wrap", waits]].concat());
    quintet.ok(&[&as_guest[..], &["waiting", "-H", "--wrap", "echo ran"]].concat());
    quintet.until("it runs", || quintet.files().contains(&"up".to_owned()));
    guest.leave();
    quintet.write("go", "");
    assert_eq!(quintet.run(&["wait", "1", "--timeout", "60"]).code, 1);
    let told = quintet.read("running");
    assert!(told.contains("srun: error: Unable to create step for job 1: user"), "{told}");
    quintet.ok(&["release", "2"]);
    let shown = || -> serde_json::Value {
        serde_json::from_str(&quintet.ok(&["show", "job", "2", "--json"])).unwrap()
    };
    quintet.until("it was tried", || shown()["jobs"][0]["restart_cnt"] == 1);
    let job = &shown()["jobs"][0];
    assert_eq!((&job["job_state"][0], &job["hold"]), (&"PENDING".into(), &true.into()), "{job}");
    assert!(!quintet.files().contains(&"waiting".to_owned()));
}

/// Finds a compiler of MPI programs, or says why a test is left out. With `CI` set it must be there.
fn compiled(quintet: &Program, compiler: &str) -> bool {
    if Command::new(compiler).arg("-show").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "{compiler} is missing; ./test installs it");
        eprintln!("skipped: {compiler} is missing");
        return false;
    }
    quintet.write(
        "sum.c",
        "#include <mpi.h>\n#include <stdio.h>\n\
         int main(int count, char **words) {\n\
             int rank, size, sum;\n\
             MPI_Init(&count, &words);\n\
             MPI_Comm_rank(MPI_COMM_WORLD, &rank);\n\
             MPI_Comm_size(MPI_COMM_WORLD, &size);\n\
             MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);\n\
             printf(\"%d of %d: %d\\n\", rank, size, sum);\n\
             MPI_Finalize();\n\
             return 0;\n\
         }\n",
    );
    let at = |name: &str| quintet.work().join(name).display().to_string();
    must(compiler, &["-o", &at("sum"), &at("sum.c")]);
    true
}

const FOUR: [&str; 4] = ["0 of 4: 6", "1 of 4: 6", "2 of 4: 6", "3 of 4: 6"];

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn mpich_programs_start_by_srun_and_by_mpirun() {
    let quintet = Program::serving(NODES);
    if !compiled(&quintet, "mpicc.mpich") {
        return;
    }
    for start in ["srun --mpi=pmi2 ./sum", "srun ./sum", "mpirun.mpich ./sum", "mpirun.mpich -n 4 ./sum"] {
        for nodes in ["-N1", "-N2"] {
            let out = succeeds(&quintet, &["-n4", nodes], start);
            assert_eq!(sorted(&out), FOUR, "{start} {nodes}");
        }
    }
}

#[test]
fn open_mpi_programs_start_by_mpirun() {
    let quintet = Program::serving(NODES);
    if !compiled(&quintet, "mpicc.openmpi") {
        return;
    }
    let root = "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1";
    for nodes in ["-N1", "-N2"] {
        let out = succeeds(&quintet, &["-n4", nodes], &format!("{root}\nmpirun.openmpi ./sum"));
        assert_eq!(sorted(&out), FOUR, "{nodes}");
    }
    let out = succeeds(&quintet, &["-n4"], &format!("{root}\nmpirun.openmpi -n 2 ./sum"));
    assert_eq!(sorted(&out), ["0 of 2: 1", "1 of 2: 1"]);
}

#[test]
fn without_root_nobody_elses_jobs_are_taken() {
    needs_root!();
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    must("chown", &["-R", "nobody", folder.path().to_str().unwrap()]);
    let program = env!("CARGO_BIN_EXE_quintet");
    // Where nobody may not reach the program itself, there is nothing to see.
    let as_nobody = |words: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", program]).args(words);
        command.current_dir(folder.path()).output().unwrap()
    };
    if !as_nobody(&["--version"]).status.success() {
        eprintln!("skipped: nobody cannot run the program where it is");
        return;
    }
    let config = folder.path().join("q.toml");
    std::fs::write(&config, "[engine]\nprivate_tmp = \"always\"\n").unwrap();
    let config = config.to_str().unwrap();
    let refused = as_nobody(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--config",
        config,
        "--state",
        state.to_str().unwrap(),
    ]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("private_tmp needs root"), "{told}");
    assert!(Path::new(config).exists());
}
