//! The job model over slurmrestd: what the domain asks of a cluster that decides for itself, in Slurm's types. How a
//! request reaches slurmrestd, and in which version, is behind [`Ask`].

mod accounted;
mod ask;
mod change;
mod describe;
mod ground;
mod job;
mod mark;
mod reply;
mod resources;
mod script;
mod sight;
#[cfg(test)]
mod tests;
mod through;

use super::Upstream;
use super::jobs::Failed;
use ask::{Answered, Ask, Asked, Part, Silence, Verb, Wanted};
use domain::cluster::Cluster;
use domain::job::{Payload, TaskSet, WarningScope};
use domain::ports::{Deed, Directory, Ground, Look, Moment, Remote, RemoteError, Sighting, Told};
use domain::service::{Submission, Update};
use domain::{JobId, Problem, Text, Timestamp};
use job::Reader;
use reply::{Refusals, lost, refused};
use sight::Looked;
use slurm_wire::accounting::job::SlurmdbdJobsResp;
use slurm_wire::job_change::{JobPostResponse, KillJobResp, KillJobsMsg, KillJobsResp};
use slurm_wire::submit::JobSubmitResponse;
use slurm_wire::wire::to_json;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use through::Through;
use tokio::runtime::Handle;

/// How long after a lost answer slurmrestd may still carry out the request: its own time limit for the controller.
const SETTLES: Duration = Duration::from_secs(15);

/// A cluster as the job model follows it.
pub struct ClusterModel {
    ask: Arc<dyn Ask>,
    people: Arc<dyn Directory>,
    told: Mutex<ground::Last>,
    looked: Mutex<Looked>,
    /// From when moments are counted.
    began: Instant,
}

impl ClusterModel {
    /// Makes the model of a cluster; the runtime does the waiting, `people` knows the numbers of users whom accounting
    /// names.
    pub fn new(upstream: Arc<Upstream>, runtime: Handle, people: Arc<dyn Directory>) -> Self {
        Self::over(Arc::new(Through::new(upstream, runtime)), people)
    }

    fn over(ask: Arc<dyn Ask>, people: Arc<dyn Directory>) -> Self {
        let (told, looked) = (Mutex::default(), Mutex::default());
        ClusterModel { ask, people, told, looked, began: Instant::now() }
    }

    fn moment(&self, at: Instant) -> Moment {
        let passed = at.saturating_duration_since(self.began);
        Moment(u64::try_from(passed.as_micros()).unwrap_or(u64::MAX))
    }

    fn get<T: slurm_wire::wire::Wire + Default + Refusals>(
        &self,
        part: Part,
        target: &str,
    ) -> Result<Answered<T>, RemoteError> {
        let asked = Asked { whom: None, verb: Verb::Get, part, target, body: Vec::new() };
        // Nothing is changed by a question: one that was lost was not asked.
        let answer = self.ask.ask(&asked).map_err(|silence| RemoteError::Unreachable(silence.why()))?;
        let answer = answer.read::<T>();
        if answer.status < 400 { Ok(answer) } else { Err(unanswered(&answer)) }
    }

    /// Asks for something to be done; returns what was answered, if that is no refusal.
    fn order<T: slurm_wire::wire::Wire + Default + Refusals>(
        &self,
        asked: &Asked<'_>,
        job: Option<JobId>,
        is_done: impl FnOnce(&T) -> bool,
    ) -> Result<T, RemoteError> {
        let answer = match self.ask.ask(asked) {
            Ok(answer) => answer.read::<T>(),
            Err(Silence::Unreachable(why)) => return Err(RemoteError::Unreachable(why)),
            Err(Silence::Lost(why)) => return Err(RemoteError::Unknown(why)),
        };
        if is_done(&answer.reply) {
            return Ok(answer.reply);
        }
        match refused(answer.status, &answer.reply) {
            Some(refusal) => Err(refusal.error(job)),
            None if answer.status < 400 => Ok(answer.reply),
            None => Err(lost(answer.status)),
        }
    }

    fn accounted(&self, target: &str, cluster: &Cluster) -> Result<Vec<Told>, RemoteError> {
        let as_of = self.moment(Instant::now());
        let answer = self.get::<SlurmdbdJobsResp>(Part::Accounting, target)?;
        let reader = Reader::new(cluster);
        let told = |job| Some(Told { as_of, ..accounted::told(job, &reader, &*self.people)? });
        Ok(answer.reply.jobs.iter().filter_map(told).collect())
    }
}

impl Remote for ClusterModel {
    fn ground(&self) -> Result<Option<Ground>, RemoteError> {
        self.look_at_ground()
    }

    fn jobs(&self, since: Option<Look>, cluster: &Cluster) -> Result<Sighting, RemoteError> {
        let picture = self.ask.jobs(Wanted::Shared).map_err(failed)?;
        Ok(self.sighting(since, picture, cluster))
    }

    fn jobs_now(&self, since: Option<Look>, cluster: &Cluster) -> Result<Sighting, RemoteError> {
        let picture = self.ask.jobs(Wanted::Fresh).map_err(failed)?;
        Ok(self.sighting(since, picture, cluster))
    }

    fn job(&self, id: JobId, cluster: &Cluster) -> Result<Vec<Told>, RemoteError> {
        let entries = self.ask.job(id.0).map_err(failed)?;
        Ok(self.told_of(&entries, cluster))
    }

    fn submit(&self, submission: &Submission, mark: &str) -> Result<JobId, RemoteError> {
        let request = describe::request(submission, mark).map_err(RemoteError::Refused)?;
        let asked = Asked {
            whom: Some(&submission.spec.owner.name),
            verb: Verb::Post,
            part: Part::Controller,
            target: "job/submit",
            body: to_json(&request),
        };
        let done = |reply: &JobSubmitResponse| reply.job_id > 0;
        match self.order(&asked, None, done).map_err(|error| reply::named(error, submission))?.job_id {
            0 => Err(RemoteError::Unknown(Text::const_new("the cluster has told no number"))),
            id => Ok(JobId(id)),
        }
    }

    fn act(&self, user: &str, deed: Deed, job: JobId, tasks: Option<&TaskSet>) -> Result<(), RemoteError> {
        let (signal, scope) = match deed {
            Deed::Cancel { kill: false } => (None, None),
            Deed::Cancel { kill: true } => (Some("KILL".to_owned()), None),
            Deed::Signal { signal, scope } => {
                let number = u16::try_from(signal).ok().filter(|number| *number > 0);
                let bad = || RemoteError::Refused(Problem::BadField(Text::const_new("signal")));
                (Some(slurm_wire::signal::shown(number.ok_or_else(bad)?)), Some(scope))
            }
            Deed::Requeue { .. } => {
                return Err(cannot("putting jobs back over the cluster's REST interface"));
            }
            Deed::Suspend | Deed::Resume => {
                return Err(cannot("suspending jobs over the cluster's REST interface"));
            }
        };
        let flag = match scope {
            Some(WarningScope::Full) => Some(slurm_wire::words::KillFlag::FullJob),
            Some(WarningScope::Batch) => Some(slurm_wire::words::KillFlag::BatchJob),
            // Without a word a single job gets a signal as a whole.
            Some(WarningScope::Steps) => Some(slurm_wire::words::KillFlag::FullStepsOnly),
            None => None,
        };
        let Some(tasks) = tasks else {
            let mut target = format!("job/{job}");
            let flag = flag.map(|flag| ("flags", slurm_wire::flags::Flag::name(flag).to_owned()));
            let pairs = [signal.map(|name| ("signal", name)), flag];
            for (at, (key, value)) in pairs.into_iter().flatten().enumerate() {
                target.push_str(&format!("{}{key}={value}", if at == 0 { '?' } else { '&' }));
            }
            let asked = Asked {
                whom: Some(user),
                verb: Verb::Delete,
                part: Part::Controller,
                target: &target,
                body: Vec::new(),
            };
            self.order::<KillJobResp>(&asked, Some(job), |_| false)?;
            return Ok(());
        };
        let named = format!("{job}_[{}]", tasks.written(usize::MAX));
        let message = KillJobsMsg {
            jobs: Some(vec![named.as_str().into()].into()),
            signal: signal.map(|name| Text::from(name).into()),
            flags: flag.map(Into::into),
            ..KillJobsMsg::default()
        };
        let asked = Asked {
            whom: Some(user),
            verb: Verb::Delete,
            part: Part::Controller,
            target: "jobs/",
            body: to_json(&message),
        };
        self.order::<KillJobsResp>(&asked, Some(job), |_| false)?;
        Ok(())
    }

    fn update(&self, user: &str, job: JobId, update: &Update) -> Result<(), RemoteError> {
        let body = to_json(&change::description(update).map_err(RemoteError::Refused)?);
        let target = format!("job/{job}");
        let asked =
            Asked { whom: Some(user), verb: Verb::Post, part: Part::Controller, target: &target, body };
        self.order::<JobPostResponse>(&asked, Some(job), |_| false)?;
        Ok(())
    }

    fn ended(&self, jobs: &[JobId], cluster: &Cluster) -> Result<Vec<Told>, RemoteError> {
        let mut all = Vec::new();
        for id in jobs {
            let told = self.accounted(&format!("job/{id}"), cluster)?;
            all.extend(told.into_iter().filter(|told| told.job.id == *id && told.job.is_final()));
        }
        Ok(all)
    }

    fn recall(
        &self,
        mark: &str,
        owner: &str,
        since: Timestamp,
        cluster: &Cluster,
    ) -> Result<Option<Told>, RemoteError> {
        let target =
            format!("jobs/?users={owner}&start_time=uts{}&end_time=now&skip_steps=true", since.seconds());
        let found = self.accounted(&target, cluster)?.into_iter().find(|told| told.mark == mark);
        Ok(found)
    }

    fn payload(&self, job: JobId) -> Result<Option<Payload>, RemoteError> {
        let target = format!("jobs/?step={job}&start_time=uts0&end_time=now&show_batch_script=true");
        let answer = self.get::<SlurmdbdJobsResp>(Part::Accounting, &target)?;
        let script = answer.reply.jobs.iter().map(|job| &job.script).find(|script| !script.is_empty());
        Ok(script.map(|script| Payload { script: Arc::from(script.as_bytes()), ..Payload::default() }))
    }

    fn settles(&self) -> Duration {
        SETTLES
    }
}

/// What it means for a question that there is no answer to it.
fn failed(failed: Failed) -> RemoteError {
    match failed {
        Failed::Lost(trouble) => RemoteError::Unreachable(Text::from(trouble.to_string())),
        Failed::Stranger(_) => {
            RemoteError::Unreachable(Text::const_new("the cluster does not accept our credentials"))
        }
        Failed::Refused(answer) => {
            let (status, reply) = (answer.status.as_u16(), ask::read::<KillJobsResp>(&answer.body));
            unanswered(&Answered { status, reply })
        }
    }
}

/// What it means for a question that its answer refuses.
fn unanswered(answer: &Answered<impl Refusals>) -> RemoteError {
    match refused(answer.status, &answer.reply) {
        Some(refusal) if answer.status < 500 => refusal.error(None),
        Some(refusal) => RemoteError::Unreachable(refusal.words),
        None => {
            let why = format!("the cluster answers with status {}", answer.status);
            RemoteError::Unreachable(Text::from(why))
        }
    }
}

fn cannot(what: &'static str) -> RemoteError {
    RemoteError::Refused(Problem::Unsupported(Text::const_new(what)))
}
