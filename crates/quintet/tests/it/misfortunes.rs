//! What goes wrong around jobs: disks that are full, folders and scripts that are gone, programs that will not end, floods,
//! and a service that may not do everything. The service stays, other jobs are unharmed, and each job ends as it should.

use crate::program::{Ended, Program, quintet};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const NODES: &str = "[cluster]\nkill_wait = 1\n[[nodes]]\nname = \"n1\"\ncpus = 4\nmemory = 2000\n";

/// Skips what only an administrator can try.
macro_rules! needs_root {
    () => {
        if !Program::is_administrator() {
            eprintln!("skipped: needs root");
            return;
        }
    };
}

/// State, exit code and signal of a job, and what is said of it.
fn left(quintet: &Program, job: &str) -> (String, i64, i64, String) {
    let text = quintet.ok(&["show", "job", job, "--json"]);
    let shown: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let job = &shown["jobs"][0];
    let number = |value: &Value| if value["set"] == true { value["number"].as_i64().unwrap() } else { 0 };
    let code = &job["exit_code"];
    (
        job["job_state"][0].as_str().unwrap().to_owned(),
        number(&code["return_code"]),
        number(&code["signal"]["id"]),
        job["system_comment"].as_str().unwrap().to_owned(),
    )
}

fn goes_on(quintet: &Program) {
    let other = quintet.run(&["submit", "-W", "-Q", "-n1", "-o", "other", "--wrap", "echo unharmed"]);
    assert_eq!((other.code, quintet.read("other").as_str()), (0, "unharmed\n"), "{}", other.stderr);
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

/// A file system of some megabytes in memory. It goes before what is around it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, megabytes: u32) -> Self {
        let size = format!("size={megabytes}m,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(at).status();
        assert!(mounted.unwrap().success());
        SmallDisk(at.to_owned())
    }

    /// Writes a file as long as there is room.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        for piece in [1 << 20, 4096, 1] {
            while file.write_all(&vec![b'x'; piece]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn what_cannot_be_recorded_is_refused_and_what_ends_meanwhile_is_known_later() {
    needs_root!();
    let mut disk = None;
    let quintet = Program::serving_in(tempfile::tempdir().unwrap(), NODES, |state| {
        disk = Some(SmallDisk::mount(state, 48));
    });
    let disk = disk.unwrap();
    let waits = "touch up; while [ ! -e go ]; do sleep 0.02; done; echo done; exit 3";
    quintet.ok(&["submit", "-n1", "-o", "first", "--wrap", waits]);
    quintet.until("it runs", || quintet.files().contains(&"up".to_owned()));
    let filler = disk.fill();
    // What the store has set aside is soon used up.
    let large = format!("true {}", "x".repeat(1 << 20));
    quintet.write("large.sh", &format!("#!/bin/sh\n: {large}\n"));
    let tries = (0..40).map(|_| quintet.run(&["submit", "-Q", "-H", "-J", "large", "large.sh"]));
    let refused = tries.into_iter().find(|tried| tried.code != 0).expect("the disk is full");
    assert_eq!(refused.code, 1);
    let why = "Unable to contact slurm controller (connect failure): Batch job submission failed";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    assert!(quintet.log().contains("a batch could not be recorded"), "{}", quintet.log());
    assert!(quintet.ok(&["ps"]).contains("RUNNING"), "it answers all the same");
    quintet.write("go", "");
    quintet.until("the job has ended", || quintet.read("first") == "done\n");
    std::fs::remove_file(filler).unwrap();
    let waited = quintet.run(&["wait", "1", "--timeout", "60"]);
    assert_eq!(waited.code, 3, "{} {}", waited.stderr, quintet.log());
    assert_eq!(left(&quintet, "1").0, "FAILED");
    goes_on(&quintet);
    quintet.ok(&["cancel", "-n", "large", "-t", "pending"]);
}

#[test]
fn a_job_that_fills_its_disk_fails_alone() {
    needs_root!();
    let quintet = Program::serving(NODES);
    std::fs::create_dir(quintet.work().join("small")).unwrap();
    let disk = SmallDisk::mount(&quintet.work().join("small"), 1);
    let script = "head -c 4000000 /dev/zero || exit 7";
    quintet.ok(&["submit", "-Q", "-n1", "-o", "small/out", "-e", "/dev/null", "--wrap", script]);
    assert_eq!(quintet.run(&["wait", "1", "--timeout", "60"]).code, 7, "{}", quintet.log());
    // There is no room for another one's output, either.
    disk.fill();
    quintet.ok(&["submit", "-Q", "-n1", "-o", "small/more", "--wrap", "echo lost || exit 8"]);
    assert_eq!(quintet.run(&["wait", "2", "--timeout", "60"]).code, 8, "{}", quintet.log());
    goes_on(&quintet);
}

#[test]
fn what_was_submitted_runs_though_its_file_and_the_spool_are_gone() {
    let quintet = Program::serving(NODES);
    quintet.write("job.sh", "#!/bin/sh\necho \"kept $1\"; exit 4\n");
    quintet.ok(&["submit", "-H", "-n1", "-o", "out", "job.sh", "word"]);
    std::fs::remove_file(quintet.work().join("job.sh")).unwrap();
    let spool = quintet.work().parent().unwrap().join("spool");
    assert!(spool.exists());
    std::fs::remove_dir_all(&spool).unwrap();
    quintet.ok(&["release", "1"]);
    assert_eq!(quintet.run(&["wait", "1", "--timeout", "60"]).code, 4, "{}", quintet.log());
    assert_eq!(quintet.read("out"), "kept word\n");
    goes_on(&quintet);
}

#[test]
fn a_spool_where_nothing_can_be_put_fails_jobs_and_says_so() {
    let quintet = Program::serving(NODES);
    let spool = quintet.work().parent().unwrap().join("spool");
    std::fs::remove_dir_all(&spool).unwrap();
    std::fs::write(&spool, "a file").unwrap();
    quintet.ok(&["submit", "-n1", "-o", "out", "--wrap", "true"]);
    assert_ne!(quintet.run(&["wait", "1", "--timeout", "60"]).code, 0);
    let (state, _, _, why) = left(&quintet, "1");
    assert_eq!((state.as_str(), why.as_str()), ("FAILED", "write the script: not a directory"));
    std::fs::remove_file(&spool).unwrap();
    goes_on(&quintet);
}

#[test]
fn a_job_that_ignores_every_request_to_end_is_ended() {
    let quintet = Program::serving(NODES);
    let deaf = "trap '' TERM INT HUP QUIT CONT; echo $$ > pid; echo up; while :; do sleep 0.05; done";
    quintet.ok(&["submit", "-n1", "-o", "out", "--wrap", deaf]);
    let mut looks = quintet.start(&["logs", "-f", "1"]);
    assert_eq!(looks.line(), "up");
    let pid = quintet.read("pid");
    assert!(is_alive(&pid));
    quintet.ok(&["cancel", "1"]);
    assert_ne!(quintet.run(&["wait", "1", "--timeout", "60"]).code, 0);
    assert_eq!(left(&quintet, "1").0, "CANCELLED");
    assert!(!is_alive(&pid));
    goes_on(&quintet);
}

#[test]
fn what_a_job_leaves_behind_ends_with_it_wherever_it_hides() {
    needs_root!();
    let quintet = Program::serving(NODES);
    for folder in [quintet.work(), quintet.work().parent().unwrap().to_owned()] {
        std::fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
    }
    // Into every control group there is, into sessions of orphans, and with no file open.
    let hides = "for file in $(find /sys/fs/cgroup -maxdepth 4 -name cgroup.procs -o -maxdepth 4 -name tasks 2>/dev/null); do \
                 echo $$ > $file && echo $file >> escaped; done 2>/dev/null\n\
                 (setsid sh -c 'echo $$ > orphan; exec sleep 1000' &)\n\
                 setsid sh -c 'echo $$ > child; exec sleep 1000' &\n\
                 while [ ! -s orphan ] || [ ! -s child ]; do sleep 0.02; done\n\
                 exec 0<&- 1>&- 2>&-; exit 5";
    quintet.ok(&["submit", "--uid", "nobody", "-n1", "-o", "/dev/null", "--wrap", hides]);
    assert_eq!(quintet.run(&["wait", "1", "--timeout", "60"]).code, 5, "{}", quintet.log());
    for name in ["orphan", "child"] {
        let pid = quintet.read(name);
        assert!(!is_alive(&pid), "{name} {pid}");
    }
    assert!(!quintet.files().contains(&"escaped".to_owned()));
    goes_on(&quintet);
}

#[test]
fn a_flood_of_output_ends_at_the_limit_it_was_sent_with() {
    let quintet = Program::serving(NODES);
    let state = quintet.state().display().to_string();
    let program = env!("CARGO_BIN_EXE_quintet");
    let submit =
        format!("ulimit -f 65536; {program} submit --state {state} -n1 -o flood --wrap 'exec cat /dev/zero'");
    let sent = Command::new("bash").args(["-c", &submit]).current_dir(quintet.work()).output().unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    quintet.until("it floods", || {
        std::fs::metadata(quintet.work().join("flood")).is_ok_and(|flood| flood.len() > 0)
    });
    goes_on(&quintet);
    assert_eq!(quintet.run(&["wait", "1", "--timeout", "60"]).code, 128 + 25, "the kernel's SIGXFSZ");
    assert_eq!(std::fs::metadata(quintet.work().join("flood")).unwrap().len(), 64 << 20);
    assert_eq!(left(&quintet, "1").2, 25);
}

/// A service of nobody's, and a folder that is his.
struct Unprivileged {
    server: Child,
    folder: tempfile::TempDir,
}

impl Unprivileged {
    /// None where nobody cannot run the program.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        for name in ["state", "work"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("q.toml"), NODES).unwrap();
        let owned = Command::new("chown").args(["-R", "nobody"]).arg(folder.path()).status().unwrap();
        assert!(owned.success());
        let mut tries = as_nobody(&["--version"]);
        if !tries.output().unwrap().status.success() {
            eprintln!("skipped: nobody cannot run the program where it is");
            return None;
        }
        let mut serve = as_nobody(&["serve", "--listen", "127.0.0.1:0"]);
        serve.arg("--config").arg(folder.path().join("q.toml"));
        serve.arg("--state").arg(folder.path().join("state"));
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut server = serve.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let listens = lines.map_while(Result::ok).any(|line| line.starts_with("listening on "));
        let service = Unprivileged { server, folder };
        assert!(listens, "{}", service.log());
        Some(service)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Runs a command as nobody, or as the administrator of the machine.
    fn run(&self, is_nobody: bool, words: &[&str]) -> Ended {
        let mut command = if is_nobody { as_nobody(&[]) } else { quintet() };
        let inner = if words.first() == Some(&"show") { 2 } else { 1 };
        let (verb, rest) = words.split_at(inner);
        command.args(verb).arg("--state").arg(self.folder.path().join("state")).args(rest);
        let output = command.current_dir(self.folder.path().join("work")).output().unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("work").join(name)).unwrap()
    }
}

impl Drop for Unprivileged {
    fn drop(&mut self) {
        let _ = self.run(true, &["cancel", "-t", "pending,running"]);
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The program as nobody runs it.
fn as_nobody(words: &[&str]) -> Command {
    let program = quintet();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(program.get_program());
    command.args(words).stdin(Stdio::null()).current_dir("/");
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[test]
fn without_root_what_needs_it_is_refused_with_a_sentence_that_says_so() {
    needs_root!();
    let Some(service) = Unprivileged::start() else { return };
    let log = service.log();
    assert!(log.contains("not root: only jobs of this service's own user run"), "{log}");
    // What jobs are not held to is told to everybody.
    let nodes = service.run(true, &["nodes"]);
    assert!(
        nodes.stderr.contains("jobs are not held to their") && nodes.stderr.contains("users"),
        "{}",
        nodes.stderr
    );
    assert!(nodes.stderr.contains("memory") && nodes.stderr.contains("devices"), "{}", nodes.stderr);
    // Its own user's jobs run, with steps.
    let own = "id -un; srun -n1 id -un; [ \"$(ulimit -Hn)\" -gt 0 ]";
    let ran = service.run(true, &["submit", "-W", "-Q", "-n1", "-o", "own", "--wrap", own]);
    assert_eq!((ran.code, service.read("own").as_str()), (0, "nobody\nnobody\n"), "{}", ran.stderr);
    // Nobody else's do, be they sent by themselves or for them, as scripts or as allocations.
    let refused = "this service does not run as root: it can run jobs of its own user only, not of ";
    let why = |job: &str| {
        let shown = service.run(true, &["show", "job", job, "--json"]).stdout;
        let shown: Value = serde_json::from_str(&shown).unwrap_or_else(|error| panic!("{error}: {shown}"));
        shown["jobs"][0]["system_comment"].as_str().unwrap().to_owned()
    };
    let sent = [
        &["submit", "-n1", "-o", "out", "--wrap", "id -un > who"][..],
        &["alloc", "-Q", "-n1", "--no-shell"],
    ];
    for (words, job) in sent.iter().zip(["2", "3"]) {
        service.run(false, words);
        let ended = service.run(false, &["wait", job, "--timeout", "60"]);
        assert_ne!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(why(job), format!("{refused}root"), "job {job}");
    }
    let for_another = service.run(true, &["submit", "--uid", "daemon", "-n1", "--wrap", "true"]);
    assert_ne!(for_another.code, 0, "{}", for_another.stdout);
    // A folder of its own under /tmp takes root as well.
    let wish = &["submit", "-n1", "-o", "out", "--extra=private_tmp", "--wrap", "true"];
    service.run(true, wish);
    assert_ne!(service.run(true, &["wait", "4", "--timeout", "60"]).code, 0);
    assert_eq!(why("4"), "this service gives no private /tmp");
    let who = service.folder.path().join("work/who");
    assert!(!who.exists());
    assert_ne!(std::fs::metadata(service.folder.path().join("state")).unwrap().uid(), 0);
}
