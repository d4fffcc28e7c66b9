//! The program with a service of its own: commands are run like in a shell, in a folder of their own.

use crate::server::{Server, tail};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A running service and a folder to work in. What is left of its jobs is cancelled at the end.
pub(crate) struct Program {
    server: Option<Server>,
    around: tempfile::TempDir,
}

/// The program, untouched by this process's own environment.
pub(crate) fn quintet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quintet"));
    for (name, _) in std::env::vars_os() {
        let lossy = name.to_string_lossy();
        if ["QUINTET_", "SBATCH_", "SLURM_", "NO_COLOR"].iter().any(|prefix| lossy.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

impl Program {
    /// Starts a service with this configuration; a section `[engine]` must be its last.
    pub(crate) fn serving(config: &str) -> Self {
        Self::serving_in(tempfile::tempdir().unwrap(), config, |_| ())
    }

    /// Starts a service with this configuration in a folder, after something was done with its state directory.
    pub(crate) fn serving_in(around: tempfile::TempDir, config: &str, prepare: impl FnOnce(&Path)) -> Self {
        std::fs::create_dir(around.path().join("work")).unwrap();
        // Made here because the log is kept in it; private as a first start makes it.
        let state = around.path().join("state");
        std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
            .create(&state)
            .unwrap();
        prepare(&state);
        let section = if config.contains("[engine]") { "" } else { "[engine]" };
        let config = format!("{config}\n{section}\nspool = \"spool\"\n");
        std::fs::write(around.path().join("q.toml"), config).unwrap();
        let mut program = Program { server: None, around };
        program.serve_again();
        program
    }

    /// Starts the service over the state of the one before.
    pub(crate) fn serve_again(&mut self) {
        self.server = Some(Server::start(&self.around.path().join("q.toml"), &self.state()));
    }

    /// Stops the service and starts it again where clients of the one before look for it.
    pub(crate) fn restart_on_the_same_address(&mut self) {
        let address = self.address();
        self.stop("TERM");
        self.serve_on(&address);
    }

    /// Where the service listens.
    pub(crate) fn address(&self) -> String {
        let address = std::fs::read_to_string(self.state().join("address")).unwrap();
        address.trim().trim_start_matches("http://").to_owned()
    }

    /// Starts the service over the state of the one before, at this address.
    pub(crate) fn serve_on(&mut self, address: &str) {
        self.server = Some(Server::start_on(address, &self.around.path().join("q.toml"), &self.state()));
    }

    /// Sends the service a signal, waits for its end and returns its exit code.
    pub(crate) fn stop(&mut self, signal: &str) -> Option<i32> {
        self.server.take().unwrap().signal(signal)
    }

    /// Bytes of memory that the service holds.
    pub(crate) fn resident(&self) -> u64 {
        self.server.as_ref().unwrap().resident()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.around.path().join("state")
    }

    /// The service's log.
    pub(crate) fn log(&self) -> String {
        tail(&self.state())
    }

    /// The working folder.
    pub(crate) fn work(&self) -> PathBuf {
        self.around.path().join("work")
    }

    /// Writes a file in the working folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.work().join(name), text).unwrap();
    }

    /// Reads a file in the working folder.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.work().join(name)).unwrap()
    }

    /// Waits until something holds.
    pub(crate) fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(90);
        while !holds() {
            assert!(std::time::Instant::now() < end, "waited in vain: {what}; {}", self.log());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// The files in the working folder.
    pub(crate) fn files(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.work()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A command that is yet to be started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = quintet();
        let inner = if ["show", "user"].contains(args.first().unwrap_or(&"")) { 2 } else { 1 };
        let (verb, rest) = args.split_at(inner.min(args.len()));
        command.args(verb).current_dir(self.work());
        // `frobnicate` and the like take no options.
        if verb != ["frobnicate"] {
            command.arg("--state").arg(self.state());
        }
        command.args(rest);
        command
    }

    /// Runs a command.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, |_| ())
    }

    /// Runs a command with another environment.
    pub(crate) fn run_with(&self, args: &[&str], change: impl FnOnce(&mut Command)) -> Ended {
        let mut command = self.command(args);
        change(&mut command);
        ended(command.output().unwrap())
    }

    /// Runs a command and gives it something to read.
    pub(crate) fn run_given(&self, args: &[&str], input: &str) -> Ended {
        let mut command = self.command(args);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        ended(child.wait_with_output().unwrap())
    }

    /// Runs a command that must succeed; returns what it printed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.stderr, self.log());
        ended.stdout
    }

    /// Starts a command whose output is read as it comes.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        self.start_with(args, |_| ())
    }

    /// Starts a command with other surroundings.
    pub(crate) fn start_with(&self, args: &[&str], change: impl FnOnce(&mut Command)) -> Running {
        let mut command = self.command(args);
        change(command.stdout(Stdio::piped()));
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let errors = child.stderr.take().map(BufReader::new);
        Running { child, lines, errors }
    }

    /// Submits a job and returns its number.
    pub(crate) fn submitted(&self, args: &[&str]) -> String {
        let args: Vec<&str> = ["submit", "--parsable"].iter().chain(args).copied().collect();
        self.ok(&args).trim().to_owned()
    }

    /// Tells whether whoever runs the tests may do everything.
    pub(crate) fn is_administrator() -> bool {
        Path::new("/proc/self").metadata().is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.server.is_some() {
            // Nothing may outlive the test. If it has failed for the service's sake, this will fail as well.
            let _ = self.command(&["cancel", "-t", "pending,running"]).output();
            // The service is killed next: what it has not yet told its launchers would stay.
            let end = std::time::Instant::now() + std::time::Duration::from_secs(3);
            let lists = |listed: std::process::Output| !listed.stdout.is_empty();
            while self.command(&["ps", "-a", "--no-header"]).output().is_ok_and(lists)
                && std::time::Instant::now() < end
            {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
    }
}

/// Runs a command at a terminal where nothing is typed; returns its exit code and what is seen there.
pub(crate) fn at_a_terminal(command: &str) -> (Option<i32>, String) {
    let mut script = Command::new("script");
    script.args(["-qec", command, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.stderr(Stdio::piped()).spawn().unwrap();
    // Kept open: the end of the input would be typed, and seen now and then.
    let input = child.stdin.take();
    let ended = child.wait_with_output().unwrap();
    drop(input);
    (ended.status.code(), String::from_utf8_lossy(&ended.stdout).replace('\r', ""))
}

fn ended(output: std::process::Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The signals that tests send to commands.
const SIGNALS: [(&str, Signal); 8] = [
    ("CONT", Signal::CONT),
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("KILL", Signal::KILL),
    ("QUIT", Signal::QUIT),
    ("TERM", Signal::TERM),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
];

/// A command whose output is read as it comes. Dropping it ends it.
pub(crate) struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    errors: Option<BufReader<ChildStderr>>,
}

impl Running {
    /// Waits for the next line; empty at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    /// Waits for the next line on standard error, which must be a pipe; empty at the end.
    pub(crate) fn error_line(&mut self) -> String {
        let mut line = String::new();
        self.errors.as_mut().unwrap().read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    /// Closes its standard input, which must be a pipe.
    pub(crate) fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        // Not by a command: some programs want the second within a second of the first.
        let (_, signal) = SIGNALS.iter().find(|(known, _)| *known == name).expect("a signal of the list");
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, *signal).unwrap();
    }

    /// Waits for the end and returns the exit code.
    pub(crate) fn end(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
