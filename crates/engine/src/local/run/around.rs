//! What an administrator puts around every job: prolog and epilog, folders of its own, and who it may be.

use super::environment::{self, Gpus};
use domain::cluster::Cluster;
use domain::job::{Job, Running};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use supervise::steps::around_a_task;
use supervise::{Hook, Hooks, Private, Told};

/// The word in a job's `extra` that asks for folders of its own.
const WORD: &str = "private_tmp";

/// What an administrator puts around every job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// Run one after the other before a job, as the server's user.
    pub prolog: Vec<PathBuf>,
    /// Run one after the other after a job, as the server's user.
    pub epilog: Vec<PathBuf>,
    /// Runs before the batch script and every task of steps, as their user.
    pub task_prolog: Option<PathBuf>,
    /// Runs after the batch script and every task of steps, as their user.
    pub task_epilog: Option<PathBuf>,
    /// A hook that takes longer has failed.
    pub hook_timeout: Option<Duration>,
    /// Which jobs have `/tmp` and `/dev/shm` for themselves.
    pub private_tmp: PrivateTmp,
    /// Under which folder these are kept; only the server's user can enter it.
    pub private_folder: PathBuf,
    /// How many processes and threads a job may have.
    pub max_processes: Option<u64>,
    /// Users that the operating system need not know, by their numbers, with those of the groups that they belong to
    /// besides their own.
    pub known_users: BTreeMap<u32, Vec<u32>>,
}

/// Which jobs have `/tmp` and `/dev/shm` for themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrivateTmp {
    /// None; one that asks for it is refused.
    #[default]
    Never,
    /// Those that ask for it.
    OnRequest,
    /// All.
    Always,
}

impl Around {
    /// Makes the hooks of a job.
    pub(super) fn hooks(
        &self,
        job: &Job,
        run: &Running,
        cluster: &Cluster,
        gpus: &Gpus,
    ) -> Option<Box<Hooks>> {
        let Around { prolog, epilog, task_epilog, .. } = self;
        if prolog.is_empty() && epilog.is_empty() && task_epilog.is_none() {
            return None;
        }
        let outer = |context| environment::of_hook(job, run, cluster, gpus, context);
        let inner = |context: &str| vec![(OsString::from("SLURM_SCRIPT_CONTEXT"), OsString::from(context))];
        let many = |programs: &[PathBuf], context| {
            programs.iter().map(|program| self.hook(program, outer(context))).collect()
        };
        Some(Box::new(Hooks {
            before: many(prolog, "prolog_slurmd"),
            // What comes before the script is run by the script's own shell: only there its process's number is known.
            task_after: task_epilog.as_deref().map(|program| self.hook(program, inner("epilog_task"))),
            after: many(epilog, "epilog_slurmd"),
            told: Told {
                status: "SLURM_JOB_EXIT_CODE".into(),
                code: "SLURM_JOB_EXIT_CODE2".into(),
                worst_step: "SLURM_JOB_DERIVED_EC".into(),
                pid: "SLURM_TASK_PID".into(),
            },
        }))
    }

    /// Returns what comes before the arguments of a batch script: the prolog of tasks. One that fails is the script's end,
    /// with its exit code.
    pub(super) fn of_script(&self) -> Vec<OsString> {
        let prolog = self.task_prolog.as_deref().map(Path::as_os_str);
        around_a_task(prolog, None, ["TaskProlog", "TaskEpilog"])
    }

    /// Returns what comes before the arguments of the tasks of steps.
    pub(super) fn of_tasks(&self) -> Vec<OsString> {
        let name = |program: &Option<PathBuf>| program.as_deref().map(|path| path.as_os_str().to_owned());
        let (prolog, epilog) = (name(&self.task_prolog), name(&self.task_epilog));
        around_a_task(prolog.as_deref(), epilog.as_deref(), ["TaskProlog", "TaskEpilog"])
    }

    fn hook(&self, program: &Path, env: Vec<(OsString, OsString)>) -> Hook {
        Hook { program: program.to_owned(), env, timeout: self.hook_timeout }
    }

    /// Names the folders that a job has for itself.
    ///
    /// # Errors
    /// If it asks for them and may not have them; why not, in words.
    pub(super) fn private(&self, job: &Job, instance: &str) -> Result<Option<Private>, &'static str> {
        match (self.private_tmp, asks_for_private_tmp(&job.spec.uncommon().extra)) {
            (PrivateTmp::Always, _) | (PrivateTmp::OnRequest, true) => {}
            (PrivateTmp::Never, true) => return Err("this service gives no private /tmp"),
            (PrivateTmp::Never | PrivateTmp::OnRequest, false) => return Ok(None),
        }
        let name = format!("job{:05}.{}", job.id.0, job.restarts);
        let shared = PathBuf::from(format!("/dev/shm/{instance}"));
        let folders = vec![
            (self.private_folder.join(&name), PathBuf::from("/tmp")),
            (shared.join(&name), PathBuf::from("/dev/shm")),
        ];
        Ok(Some(Private { folders, lasting: false }))
    }
}

fn asks_for_private_tmp(extra: &str) -> bool {
    extra.split([' ', ',', ';']).any(|word| word == WORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_tmp_is_asked_for_by_a_word() {
        for (extra, asks) in
            [("", false), ("private_tmp", true), ("a=1,private_tmp", true), ("no_private_tmp", false)]
        {
            assert_eq!(asks_for_private_tmp(extra), asks, "{extra}");
        }
    }
}
