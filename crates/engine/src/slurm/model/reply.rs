//! What an answer of slurmrestd refuses, in the domain's words where it has some, else in the cluster's own.

use domain::ports::RemoteError;
use domain::service::Submission;
use domain::{ClusterRefusal, JobId, Problem, Text};
use slurm_wire::accounting::account::AccountsResp;
use slurm_wire::accounting::job::SlurmdbdJobsResp;
use slurm_wire::accounting::qos::SlurmdbdQosResp;
use slurm_wire::accounting::user::UsersResp;
use slurm_wire::envelope::Errors;
use slurm_wire::error_number as number;
use slurm_wire::job_change::{JobPostResponse, KillJobResp, KillJobsResp};
use slurm_wire::job_info::JobInfoResp;
use slurm_wire::licenses::LicensesResp;
use slurm_wire::node::NodesResp;
use slurm_wire::partition::PartitionResp;
use slurm_wire::submit::JobSubmitResponse;

/// An answer that can refuse.
pub(super) trait Refusals {
    /// Returns number and words of what is refused first, if something is.
    fn first(&self) -> Option<(i32, Text)>;
}

macro_rules! with_errors {
    ($($reply:ty),* $(,)?) => {$(
        impl Refusals for $reply {
            fn first(&self) -> Option<(i32, Text)> {
                of_errors(&self.errors)
            }
        }
    )*};
}

with_errors! {
    JobInfoResp, SlurmdbdJobsResp, JobSubmitResponse, NodesResp, PartitionResp, LicensesResp, AccountsResp, UsersResp,
    SlurmdbdQosResp,
}

impl Refusals for KillJobResp {
    fn first(&self) -> Option<(i32, Text)> {
        of_errors(&self.errors)
            .or_else(|| of_status(self.status.iter().map(|one| (one.error.code, &one.error.string))))
    }
}

impl Refusals for KillJobsResp {
    fn first(&self) -> Option<(i32, Text)> {
        of_errors(&self.errors)
            .or_else(|| of_status(self.status.iter().map(|one| (one.error.code, &one.error.string))))
    }
}

impl Refusals for JobPostResponse {
    fn first(&self) -> Option<(i32, Text)> {
        let results = self.results.iter().flat_map(|results| results.iter());
        of_errors(&self.errors).or_else(|| of_status(results.map(|one| (one.error_code, &one.error))))
    }
}

fn of_errors(errors: &Errors) -> Option<(i32, Text)> {
    let first = errors.iter().find(|error| error.error_number != 0)?;
    let words = if first.error.is_empty() { &first.description } else { &first.error };
    Some((first.error_number, words.clone()))
}

fn of_status<'a>(status: impl Iterator<Item = (impl TryInto<i32>, &'a Text)>) -> Option<(i32, Text)> {
    let mut failed = status.map(|(code, words)| (code.try_into().unwrap_or(-1), words));
    failed.find(|(code, _)| *code != 0).map(|(code, words)| (code, words.clone()))
}

/// Names what of a submission is refused, where the number says which part of it that is.
pub(super) fn named(error: RemoteError, submission: &Submission) -> RemoteError {
    let RemoteError::Refused(Problem::ClusterRefused(refusal)) = &error else { return error };
    let spec = &submission.spec;
    let said = |text: &Text| (!text.is_empty()).then(|| text.clone());
    let problem = match refusal.number {
        number::PARTITION => said(&Text::from(spec.partitions.join(","))).map(Problem::UnknownPartition),
        number::ACCOUNT => said(&spec.account).map(Problem::BadAccount),
        number::QOS => said(&spec.qos).map(Problem::BadQos),
        number::WCKEY => said(&spec.wckey).map(Problem::BadWckey),
        number::LICENSE => said(&spec.uncommon().licenses).map(Problem::BadLicense),
        number::RESERVATION => said(&spec.uncommon().reservation).map(Problem::UnknownReservation),
        number::DEPENDENCY => said(&submission.dependency).map(Problem::BadDependency),
        number::ARRAY => said(&submission.array).map(Problem::BadArray),
        _ => None,
    };
    problem.map_or(error, RemoteError::Refused)
}

/// A refusal.
pub(super) struct Refusal {
    pub(super) number: i32,
    pub(super) words: Text,
    status: u16,
}

/// Returns what an answer refuses.
pub(super) fn refused(status: u16, reply: &impl Refusals) -> Option<Refusal> {
    reply.first().map(|(number, words)| Refusal { number, words, status })
}

/// An error of slurmrestd that is none of the cluster's.
pub(super) fn lost(status: u16) -> RemoteError {
    match status {
        401 | 511 => RemoteError::Unreachable(Text::const_new("the cluster does not accept our credentials")),
        400..500 => {
            let words = Text::from(format!("status {status}"));
            RemoteError::Refused(Problem::ClusterRefused(ClusterRefusal { number: -1, words }))
        }
        _ => RemoteError::Unknown(Text::from(format!("the cluster answers with status {status}"))),
    }
}

impl Refusal {
    /// Tells whether slurmrestd has not got an answer itself, or does not know whether it has.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self.number, 1000..2000 | 5000..6000 | 7000 | -1) && self.status >= 500
    }

    /// Returns what it means for what was asked of a job.
    pub(super) fn error(self, job: Option<JobId>) -> RemoteError {
        match self.number {
            // Not accepted, and not reached: nothing has happened.
            1007 | 1800 => RemoteError::Unreachable(self.words),
            _ if self.is_silence() => RemoteError::Unknown(self.words),
            _ => RemoteError::Refused(self.problem(job)),
        }
    }

    fn problem(self, job: Option<JobId>) -> Problem {
        let Refusal { number, words, .. } = self;
        match (number, job) {
            (number::JOB_ID, Some(job)) => Problem::UnknownJob(job),
            (number::FINISHED, Some(job)) => Problem::AlreadyEnded(job),
            (number::ALREADY_DONE, Some(job)) => Problem::AlreadyEnding(job),
            (number::NOT_RUNNING, Some(job)) => Problem::NotRunning(job),
            (number::ACCESS_DENIED | number::USER_ID, _) => {
                Problem::ClusterForbids(ClusterRefusal { number, words })
            }
            _ => Problem::ClusterRefused(ClusterRefusal { number, words }),
        }
    }
}
