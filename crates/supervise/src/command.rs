//! Programs that the server itself runs now and then, such as one that sends mail: started by `posix_spawn` rather than
//! by a copy of the server, with an environment of their own, waited for, and killed when they take too long.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// How much of what a program said goes into an error, bytes.
const MOST_SAID: u64 = 2000;

/// A program to be run: as the server's user, in the root folder, without anything to read.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// Its file.
    pub path: &'a Path,
    /// Its arguments, without its name.
    pub arguments: &'a [String],
    /// Its whole environment.
    pub environment: &'a [(String, String)],
    /// How long it may take before it is killed with all that it has started and that stayed in its group.
    pub patience: Duration,
}

/// Why a program did not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It could not be started.
    #[error("cannot be started")]
    NotStarted(#[source] io::Error),
    /// It could not be waited for.
    #[error("cannot be waited for")]
    NotWaitedFor(#[source] io::Error),
    /// It took longer than it may, and was killed.
    #[error("was killed after {} s{}", .0.as_secs(), said(.1))]
    TooSlow(Duration, String),
    /// It ended with a code other than zero, or by a signal.
    #[error("ended with {0}{said}", said = said(.1))]
    Failed(ExitStatus, String),
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(", having said: {text}") }
}

impl Program<'_> {
    /// Runs the program and waits for its end; blocks.
    ///
    /// # Errors
    /// If it cannot be started, takes too long, or ends with anything but success.
    pub fn run(self) -> Result<(), ProgramError> {
        let output = memfd_create("output", MemfdFlags::CLOEXEC)
            .map_err(|errno| ProgramError::NotStarted(errno.into()))?;
        let mut child = self.start(&output).map_err(ProgramError::NotStarted)?;
        let ended = self.wait(&child);
        if !matches!(ended, Ok(true)) {
            // Its number cannot be another's yet: it has not been waited for.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        }
        let status = child.wait().map_err(ProgramError::NotWaitedFor)?;
        match ended {
            Err(error) => Err(ProgramError::NotWaitedFor(error)),
            Ok(false) => Err(ProgramError::TooSlow(self.patience, words(output))),
            Ok(true) if status.success() => Ok(()),
            Ok(true) => Err(ProgramError::Failed(status, words(output))),
        }
    }

    fn start(self, output: &OwnedFd) -> io::Result<Child> {
        std::process::Command::new(self.path)
            .args(self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?)
            .process_group(0)
            .spawn()
    }

    /// Waits until the program has ended or its time is up; tells whether it has ended.
    fn wait(self, child: &Child) -> io::Result<bool> {
        let end = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
        let deadline = Instant::now() + self.patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN)], Some(&left)) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// Returns the beginning of what was said, on one line.
fn words(output: OwnedFd) -> String {
    let mut file = File::from(output);
    let mut bytes = Vec::new();
    // What cannot be read back is not said: the error is about something else.
    let _ = file.rewind().and_then(|()| file.take(MOST_SAID).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Result<(), ProgramError> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        let environment = [("GREETING".to_owned(), "hello".to_owned())];
        Program { path: Path::new("/bin/sh"), arguments: &arguments, environment: &environment, patience }
            .run()
    }

    #[test]
    fn a_program_has_its_own_environment_and_nothing_to_read() {
        let script = r#"test "$GREETING:$HOME:$(/bin/cat)" = hello::"#;
        shell(script, Duration::from_secs(60)).unwrap();
    }

    #[test]
    fn what_a_failed_program_said_is_told() {
        let error = shell("echo no relay; exit 3", Duration::from_secs(60)).unwrap_err();
        assert_eq!(error.to_string(), "ended with exit status: 3, having said: no relay");
        let missing = Program {
            path: Path::new("/no/such/program"),
            arguments: &[],
            environment: &[],
            patience: Duration::from_secs(60),
        };
        assert!(matches!(missing.run(), Err(ProgramError::NotStarted(_))));
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed_with_its_children() {
        let begun = Instant::now();
        let error = shell("echo begun; /bin/sleep 600 & wait", Duration::from_millis(200)).unwrap_err();
        assert!(matches!(&error, ProgramError::TooSlow(_, said) if said == "begun"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
