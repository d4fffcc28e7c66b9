//! A program in the foreground of a client: an editor, a shell. Not for servers, which never fork.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

/// Runs a program with this one's terminal and environment, and these variables besides, and waits until it has ended.
/// It must be called by a client, never by a service.
///
/// # Errors
/// If it cannot be started.
pub fn foreground(
    program: &OsStr,
    arguments: &[&OsStr],
    variables: &[(OsString, OsString)],
) -> io::Result<ExitStatus> {
    Foreground::start(program, arguments, variables, None)?.wait()
}

/// A program that runs in the foreground. Dropping this does not end it.
#[derive(Debug)]
pub struct Foreground {
    child: Child,
}

impl Foreground {
    /// Starts a program with this one's terminal and environment, and these variables besides, in a folder if one is
    /// given. It must be called by a client, never by a service.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(
        program: &OsStr,
        arguments: &[&OsStr],
        variables: &[(OsString, OsString)],
        folder: Option<&Path>,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = folder {
            command.current_dir(folder);
        }
        Ok(Foreground { child: command.spawn()? })
    }

    /// Returns the number of its process, which is its own until it has been waited for.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// If that cannot be found out.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}
