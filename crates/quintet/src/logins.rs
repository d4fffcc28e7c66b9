//! Users who log in, and whom tokens name by a number: a file in the state directory with a line `NAME:HASH` for each, the
//! hash empty for who has no password. A name's number is that of its line, and lines are never taken away. Whoever may write
//! there is an administrator; the service reads the file at every log-in, so that a change counts at once.

use crate::client::STATE_VARIABLE;
use crate::config::{Config, default_state_dir};
use crate::state_dir::{StateDir, read_text, rewrite};
use crate::usage::Usage;
use anyhow::Context;
use domain::Text;
use domain::ports::{Logins, StoreError};
use rustix::termios::{LocalModes, OptionalActions, isatty, tcgetattr, tcsetattr};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{PoisonError, RwLock};

/// The file in the state directory.
const FILE: &str = "logins";

/// The logins of a state directory.
pub(crate) struct LoginFile {
    path: PathBuf,
    /// The names by their numbers, as far as they were read: they stay.
    names: RwLock<Vec<Text>>,
}

fn parts(line: &str) -> (&str, &str) {
    line.split_once(':').unwrap_or((line, ""))
}

impl LoginFile {
    /// Names the file of a state directory; it need not be there.
    pub(crate) fn of(state: &StateDir) -> Self {
        LoginFile { path: state.path().join(FILE), names: RwLock::default() }
    }

    fn read(&self) -> io::Result<String> {
        read_text(&self.path)
    }

    /// Changes a user's hash, making a line for who has none; returns the line's number, and the hash that was there.
    fn change(&self, user: &str, hash: Option<&str>) -> io::Result<(usize, String)> {
        rewrite(&self.path, |before| {
            let mut lines: Vec<(&str, &str)> = before.lines().map(parts).collect();
            let own = lines.iter().position(|(name, _)| *name == user);
            let was = own.and_then(|own| lines.get(own)).map_or("", |(_, hash)| hash).to_owned();
            let number = own.unwrap_or(lines.len());
            match (own.and_then(|own| lines.get_mut(own)), hash) {
                (Some(_), None) => return (None, (number, was)),
                (Some(line), Some(hash)) => line.1 = hash,
                (None, hash) => lines.push((user, hash.unwrap_or_default())),
            }
            let text = lines.iter().map(|(name, hash)| format!("{name}:{hash}\n")).collect();
            (Some(text), (number, was))
        })
    }
}

impl Logins for LoginFile {
    fn hash_of(&self, user: &str) -> Option<Text> {
        let text = self.read().inspect_err(|error| tracing::warn!(%error, "logins cannot be read")).ok()?;
        let own = text.lines().map(parts).find(|(name, _)| *name == user);
        own.map(|(_, hash)| Text::from(hash)).filter(|hash| !hash.is_empty())
    }

    fn number_of(&self, user: &str) -> Result<u32, StoreError> {
        let failed = |error: io::Error| StoreError::Failed { what: "keep a login", source: error.into() };
        let (number, _) = self.change(user, None).map_err(failed)?;
        u32::try_from(number).map_err(|error| failed(io::Error::other(error)))
    }

    fn user_of(&self, number: u32) -> Option<Text> {
        let place = usize::try_from(number).ok()?;
        let known = self.names.read().unwrap_or_else(PoisonError::into_inner).get(place).cloned();
        if known.is_some() {
            return known;
        }
        let text = self.read().inspect_err(|error| tracing::warn!(%error, "logins cannot be read")).ok()?;
        let names: Vec<Text> = text.lines().map(|line| Text::from(parts(line).0)).collect();
        let found = names.get(place).cloned();
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = names;
        found
    }
}

/// Arguments of `quintet user password`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct PasswordArgs {
    /// Log-in name
    name: String,
    /// Take the password away: the user cannot log in any more
    #[arg(long)]
    remove: bool,
    /// The configuration the service runs with, if it names the state directory
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The service's state directory
    #[arg(long, env = STATE_VARIABLE, hide_env_values = true, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// Sets a user's password: asked for at the terminal, or the first line of what comes in.
pub(crate) fn run(args: PasswordArgs) -> anyhow::Result<ExitCode> {
    let name = &args.name;
    if name.is_empty() || name.contains(|sign: char| sign.is_whitespace() || sign.is_control() || sign == ':')
    {
        return Err(Usage(format!("\"{name}\" is not a user's name")).into());
    }
    let config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default_values(),
    };
    let path = args.state.or_else(|| config.state().map(PathBuf::from)).unwrap_or_else(default_state_dir);
    let file = LoginFile::of(&StateDir::open(&path)?);
    let changing = || format!("change {}", file.path.display());
    if args.remove {
        let (_, was) = file.change(name, Some("")).with_context(changing)?;
        anyhow::ensure!(!was.is_empty(), "user {name} has no password");
        return Ok(ExitCode::SUCCESS);
    }
    let password = asked()?;
    anyhow::ensure!(!password.is_empty(), "the password is empty");
    let hash = dialects::waldur_password_hash(&password).context("hash the password")?;
    file.change(name, Some(&hash)).with_context(changing)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads a password: without showing it where a person types it.
fn asked() -> anyhow::Result<String> {
    let input = io::stdin();
    let mut line = String::new();
    if !isatty(&input) {
        input.lock().read_line(&mut line).context("read the password")?;
        return Ok(line.trim_end_matches(['\n', '\r']).to_owned());
    }
    eprint!("Password: ");
    io::stderr().flush()?;
    let usual = tcgetattr(&input)?;
    let mut silent = usual.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&input, OptionalActions::Flush, &silent)?;
    let read = input.lock().read_line(&mut line);
    tcsetattr(&input, OptionalActions::Flush, &usual)?;
    eprintln!();
    read.context("read the password")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn each_user_has_one_line_for_ever() {
        let around = tempfile::tempdir().unwrap();
        let state = StateDir::open(around.path()).unwrap();
        let file = LoginFile::of(&state);
        assert_eq!((file.hash_of("alice"), file.user_of(0)), (None, None));
        assert_eq!(file.change("alice", Some("$a$1")).unwrap(), (0, String::new()));
        assert_eq!((file.number_of("bob").unwrap(), file.number_of("alice").unwrap()), (1, 0));
        assert_eq!(file.change("alice", Some("$a:2")).unwrap(), (0, "$a$1".to_owned()));
        assert_eq!(file.hash_of("alice").as_deref(), Some("$a:2"));
        assert_eq!(file.hash_of("bob"), None);
        assert_eq!((file.user_of(1).as_deref(), file.user_of(2)), (Some("bob"), None));
        // Another process gives a number.
        assert_eq!(LoginFile::of(&state).number_of("carol").unwrap(), 2);
        assert_eq!(file.user_of(2).as_deref(), Some("carol"));
        assert_eq!(file.change("alice", Some("")).unwrap().1, "$a:2");
        assert_eq!((file.hash_of("alice"), file.number_of("alice").unwrap()), (None, 0));
        assert_eq!(file.read().unwrap(), "alice:\nbob:\ncarol:\n");
        assert_eq!(std::fs::metadata(&file.path).unwrap().mode() & 0o777, 0o600);
    }
}
