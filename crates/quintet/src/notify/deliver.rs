//! Sends mail and runs the programs: several at a time, those about the same job one after the other, each again if it
//! fails.

use super::relay::{Letter, send};
use crate::config::MailRelay;
use domain::JobId;
use std::path::Path;
use std::time::Duration;
use supervise::Program;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many notices are sent at a time.
const AT_ONCE: usize = 8;

/// Somebody who is to be told something of a job.
#[derive(Debug)]
pub(super) struct Notice<'a> {
    pub(super) job: JobId,
    pub(super) way: Way<'a>,
}

/// How somebody is told.
#[derive(Debug)]
pub(super) enum Way<'a> {
    /// By a program.
    Program(Called<'a>),
    /// By mail; the program is called if the relay does not take it.
    Mail(&'a MailRelay, Letter, Option<Called<'a>>),
}

/// A program that is called.
#[derive(Debug)]
pub(super) struct Called<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
}

/// Delivers all notices, in order where they are about the same job; blocks until that is done.
pub(super) fn deliver(notices: &[Notice<'_>]) {
    let lane = |notice: &Notice<'_>| usize::try_from(notice.job.0).unwrap_or(0) % AT_ONCE;
    std::thread::scope(|scope| {
        for number in (0..AT_ONCE).filter(|number| notices.iter().any(|notice| lane(notice) == *number)) {
            scope
                .spawn(move || notices.iter().filter(|notice| lane(notice) == number).for_each(Notice::send));
        }
    });
}

impl Notice<'_> {
    fn send(&self) {
        let job = self.job;
        match &self.way {
            Way::Program(called) => called.run(job),
            Way::Mail(relay, letter, otherwise) => {
                let Err(error) = send(relay, letter) else { return };
                let (host, error) = (&relay.host, anyhow::Error::from(error));
                match otherwise {
                    Some(called) => {
                        tracing::warn!(%job, %host, "mail goes to the program instead: the relay {error:#}");
                        called.run(job);
                    }
                    None => tracing::warn!(%job, %host, "a notice is lost: the relay {error:#}"),
                }
            }
        }
    }
}

impl Called<'_> {
    fn run(&self, job: JobId) {
        let program = Program {
            path: self.program,
            arguments: &self.arguments,
            environment: &self.environment,
            patience: PATIENCE,
        };
        if let Err(error) = program.run().or_else(|_| program.run()) {
            let (program, error) = (self.program.display(), anyhow::Error::from(error));
            tracing::warn!(%job, %program, "a notice is lost: the program {error:#}");
        }
    }
}
