//! The launcher: a small process that starts programs, watches them and outlives the server. Single-threaded, as it
//! forks. What it knows is in its journal, so that a successor knows it too. What a run is for, it does not know.
//!
//! One turn of its life is in `serve.rs`; a run's way through it is `start.rs`, `watch.rs`, `close.rs`.

mod bare;
mod child;
mod close;
mod cradle;
mod daemon;
mod hook;
mod journal;
mod memory;
mod narrow;
mod plan;
mod runs;
mod serve;
mod server;
mod signal;
mod start;
mod steps;
mod tree;
mod watch;

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::slot::Slot;
pub(crate) use server::executable_mark;
pub(crate) use steps::{KeptClient, KeptLive, KeptState, KeptStep, KeptSteps};

/// How a launcher is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The supervisor's folder.
    pub(crate) dir: PathBuf,
    pub(crate) slot: usize,
    pub(crate) linger: Duration,
    pub(crate) cgroups: bool,
    /// Where clients of steps find the launchers; without it there are no steps.
    pub(crate) steps: Option<PathBuf>,
    /// The file with the steps of the program that this one was executed in place of.
    pub(crate) kept: Option<RawFd>,
    /// The held lock, if this program was executed in place of an earlier one.
    pub(crate) renewed: Option<RawFd>,
}

impl Options {
    /// Writes them as arguments.
    pub(crate) fn to_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec![
            "--dir".into(),
            self.dir.clone().into(),
            "--slot".into(),
            self.slot.to_string().into(),
            "--linger".into(),
            self.linger.as_millis().to_string().into(),
        ];
        if !self.cgroups {
            args.push("--no-cgroups".into());
        }
        if let Some(folder) = &self.steps {
            args.extend(["--steps".into(), folder.clone().into()]);
        }
        if let Some(descriptor) = self.kept {
            args.extend(["--kept".into(), descriptor.to_string().into()]);
        }
        if let Some(descriptor) = self.renewed {
            args.extend(["--renewed".into(), descriptor.to_string().into()]);
        }
        args
    }

    fn from_args(args: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut options = Self {
            dir: PathBuf::new(),
            slot: 0,
            linger: Duration::from_secs(5),
            cgroups: true,
            steps: None,
            kept: None,
            renewed: None,
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.to_str()? {
                "--dir" => options.dir = args.next()?.into(),
                "--slot" => options.slot = args.next()?.to_str()?.parse().ok()?,
                "--linger" => options.linger = Duration::from_millis(args.next()?.to_str()?.parse().ok()?),
                "--no-cgroups" => options.cgroups = false,
                "--steps" => options.steps = Some(args.next()?.into()),
                "--kept" => options.kept = Some(args.next()?.to_str()?.parse().ok()?),
                "--renewed" => options.renewed = Some(args.next()?.to_str()?.parse().ok()?),
                _ => return None,
            }
        }
        options.dir.is_absolute().then_some(options)
    }
}

/// Is the launcher: call it first thing in `main`, before any thread, with the arguments after `launcher`.
///
/// The calling process returns as soon as the launcher, its grandchild, is ready or has failed. If another launcher
/// is in the slot already, that is as good.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Some(options) = Options::from_args(args) else {
        eprintln!("usage: launcher --dir DIR --slot NUMBER [--linger MILLISECONDS] [--no-cgroups]");
        return ExitCode::from(2);
    };
    if options.renewed.is_none() {
        daemon::close_inherited();
    }
    let slot = Slot::new(&options.dir, options.slot);
    let result = match options.renewed {
        None => slot.make().and_then(|()| daemon::detach(&slot, |ready| serve::run(options, &slot, ready))),
        Some(_) => serve::run(options, &slot, || {}),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("launcher {}: {error}", slot.number);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_being_arguments() {
        let options = Options {
            dir: "/state".into(),
            slot: 3,
            linger: Duration::from_millis(20),
            cgroups: false,
            steps: Some("/spool/steps".into()),
            kept: Some(8),
            renewed: Some(7),
        };
        assert_eq!(Options::from_args(options.to_args()), Some(options));
        for args in [&["--dir", "relative"][..], &["--slot"], &["--what"], &[]] {
            assert_eq!(Options::from_args(args.iter().map(OsString::from)), None, "{args:?}");
        }
    }
}
