//! The command for which resources are held: it runs here, and they are held until it has ended.

use super::say;
use crate::allocation::{Attendance, Left};
use crate::client::Client;
use crate::srun::commands_of;
use anyhow::Context;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use supervise::Foreground;
use tokio::signal::unix::{SignalKind, signal};

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// What is held, and how its end is told.
pub(super) struct Held<'a> {
    pub(super) client: &'a Client,
    pub(super) id: u32,
    pub(super) quiet: bool,
    /// What the command is sent when the resources are taken away.
    pub(super) kill_with: Option<i32>,
    /// Where it runs, if not here.
    pub(super) folder: Option<&'a str>,
}

/// What comes next.
enum Next {
    Ended(ExitStatus),
    Over(String),
    Given(i32),
}

impl Held<'_> {
    /// Runs the command; returns what it left, unless the allocation has gone meanwhile, and this program's exit code.
    pub(super) async fn run(
        &self,
        command: &[OsString],
        mut variables: Vec<(OsString, OsString)>,
        mut attendance: Attendance,
    ) -> anyhow::Result<(Option<Left>, ExitCode)> {
        variables.extend(self.path().await);
        let shell = || std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
        let words = match command.is_empty() {
            true => vec![shell().unwrap_or_else(|| "/bin/sh".into())],
            false => command.to_vec(),
        };
        let mut interrupts = signal(SignalKind::interrupt()).context("listen for signals")?;
        let mut quits = signal(SignalKind::quit()).context("listen for signals")?;
        let mut terminations = signal(SignalKind::terminate()).context("listen for signals")?;
        let mut hang_ups = signal(SignalKind::hangup()).context("listen for signals")?;
        let arguments: Vec<&OsStr> = words.iter().skip(1).map(OsString::as_os_str).collect();
        let program = words.first().map(OsString::as_os_str).unwrap_or_default();
        let started = Foreground::start(program, &arguments, &variables, self.folder.map(Path::new));
        let running = match started {
            Ok(running) => running,
            Err(error) => {
                say(&format!("error: Unable to run command \"{}\": {error}", program.display()));
                self.relinquish();
                return Ok((Some(Left::Code(1)), ExitCode::FAILURE));
            }
        };
        let pid = running.pid();
        let ended = tokio::task::spawn_blocking(move || running.wait());
        tokio::pin!(ended);
        // From a terminal the command hears what is typed there by itself.
        let passes_on = !std::io::stdin().is_terminal();
        let mut is_over = false;
        loop {
            let next = tokio::select! {
                status = &mut ended => Next::Ended(status.context("run the command")?.context("run the command")?),
                outcome = attendance.over(), if !is_over => Next::Over(outcome),
                _ = terminations.recv() => Next::Given(SIGTERM),
                _ = hang_ups.recv() => Next::Given(SIGHUP),
                _ = interrupts.recv() => Next::Given(SIGINT),
                _ = quits.recv() => continue,
            };
            match next {
                Next::Ended(status) if is_over => return Ok((None, exit_code(status))),
                Next::Ended(status) => {
                    self.relinquish();
                    return Ok((Some(left(status)), exit_code(status)));
                }
                Next::Over(outcome) => {
                    is_over = true;
                    self.tell_over(&outcome);
                    if let Some(signal) = self.kill_with {
                        send(pid, signal);
                    }
                }
                // Whoever has lost the terminal does not wait for the command.
                Next::Given(SIGHUP) => {
                    send(pid, SIGHUP);
                    self.relinquish();
                    let left = (!is_over).then_some(Left::Signal(SIGHUP as u8));
                    return Ok((left, ExitCode::from(128 + SIGHUP as u8)));
                }
                Next::Given(SIGTERM) => send(pid, SIGTERM),
                Next::Given(signal) if passes_on => send(pid, signal),
                Next::Given(_) => {}
            }
        }
    }

    fn relinquish(&self) {
        if !self.quiet {
            say(&format!("Relinquishing job allocation {}", self.id));
        }
    }

    fn tell_over(&self, outcome: &str) {
        match outcome {
            "TIMEOUT" => say(&format!(
                "Job {} has exceeded its time limit and its allocation has been revoked.",
                self.id
            )),
            _ => say(&format!("Job allocation {} has been revoked.", self.id)),
        }
    }

    /// The command's `PATH`, on which it finds what jobs find.
    async fn path(&self) -> Option<(OsString, OsString)> {
        let folder = commands_of(self.client, self.id).await?;
        let present = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(folder).chain(std::env::split_paths(&present));
        Some(("PATH".into(), std::env::join_paths(folders).ok()?))
    }
}

/// Sends the command a signal. It has not been waited for, so its number is its own.
fn send(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let signal = rustix::process::Signal::from_named_raw(signal);
    if let (Some(pid), Some(signal)) = (pid, signal) {
        // One that has just ended needs no signal.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

fn left(status: ExitStatus) -> Left {
    let number = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match (status.code(), status.signal()) {
        (Some(code), _) => Left::Code(number(code)),
        (None, signal) => Left::Signal(number(signal.unwrap_or(9))),
    }
}

/// Returns the exit code a shell would give.
fn exit_code(status: ExitStatus) -> ExitCode {
    ExitCode::from(match left(status) {
        Left::Code(code) => code,
        Left::Signal(number) => 128_u8.saturating_add(number),
    })
}
