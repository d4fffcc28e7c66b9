//! Runs the programs: several at a time, those about the same job one after the other, each once more if it fails.

use domain::JobId;
use std::path::Path;
use std::time::Duration;
use supervise::Program;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many programs run at a time.
const AT_ONCE: usize = 8;

/// A program that is to be told something.
#[derive(Debug)]
pub(super) struct Notice<'a> {
    pub(super) job: JobId,
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
        let program = Program {
            path: self.program,
            arguments: &self.arguments,
            environment: &self.environment,
            patience: PATIENCE,
        };
        if let Err(error) = program.run().or_else(|_| program.run()) {
            let (program, error) = (self.program.display(), anyhow::Error::from(error));
            tracing::warn!(job = %self.job, %program, "a notice is lost: the program {error:#}");
        }
    }
}
