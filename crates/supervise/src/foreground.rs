//! A program in the foreground of a client: an editor, a shell. Not for servers, which never fork.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{Command, ExitStatus};

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
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    command.status()
}
