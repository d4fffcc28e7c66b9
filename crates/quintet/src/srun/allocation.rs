//! A job for one step, where srun is called outside of any: allocated over REST, and given back afterwards.

use super::message::{complain, say};
use super::options::SrunOptions;
use super::step::{Given, Signals};
use crate::client::{Client, ClientError, EventStream};
use crate::submit::JobOptions;
use crate::submit::request::{Script, request};
use anyhow::Context;
use reqwest::Method;
use slurm_wire::Text;
use slurm_wire::job_change::{KillJobsMsg, KillJobsResp};
use slurm_wire::submit::{JobAllocReq, JobAllocResp};
use std::path::Path;
use std::time::Duration;

/// After this time it is said that the job waits.
const SOON: Duration = Duration::from_millis(500);

/// Returns the options of the job that a step of these options needs.
fn job_options(options: &SrunOptions, name: &str) -> JobOptions {
    let options = options.clone();
    JobOptions {
        job_name: Some(options.job_name.unwrap_or_else(|| name.to_owned())),
        account: options.account,
        partition: options.partition,
        qos: options.qos,
        wckey: options.wckey,
        reservation: options.reservation,
        nodes: options.nodes,
        ntasks: options.ntasks,
        cpus_per_task: options.cpus_per_task,
        ntasks_per_node: options.ntasks_per_node,
        ntasks_per_socket: options.ntasks_per_socket,
        ntasks_per_core: options.ntasks_per_core,
        mincpus: options.mincpus,
        sockets_per_node: options.sockets_per_node,
        threads_per_core: options.threads_per_core,
        mem: options.mem,
        mem_per_cpu: options.mem_per_cpu,
        mem_per_gpu: options.mem_per_gpu,
        tmp: options.tmp,
        gres: options.gres,
        gpus: options.gpus,
        gpus_per_node: options.gpus_per_node,
        gpus_per_task: options.gpus_per_task,
        cpus_per_gpu: options.cpus_per_gpu,
        tres_per_task: options.tres_per_task,
        licenses: options.licenses,
        constraint: options.constraint,
        prefer: options.prefer,
        nodelist: options.nodelist,
        exclude: options.exclude,
        exclusive: options.exclusive,
        oversubscribe: options.oversubscribe,
        overcommit: options.overcommit,
        contiguous: options.contiguous,
        spread_job: options.spread_job,
        use_min_nodes: options.use_min_nodes,
        distribution: options.distribution,
        switches: options.switches,
        core_spec: options.core_spec,
        time: options.time,
        time_min: options.time_min,
        begin: options.begin,
        deadline: options.deadline,
        signal: options.signal,
        dependency: options.dependency,
        hold: options.hold,
        nice: options.nice,
        priority: options.priority,
        no_kill: options.no_kill,
        oom_kill_step: options.oom_kill_step,
        comment: options.comment,
        mail_type: options.mail_type,
        mail_user: options.mail_user,
        mcs_label: options.mcs_label,
        ..JobOptions::default()
    }
}

/// A job that is given back when its step is over.
pub(super) struct Allocation<'a> {
    client: &'a Client,
    /// Its number.
    pub(super) job: u32,
}

/// Why there is no job.
pub(super) enum NoJob {
    /// It was refused, or the service cannot be asked.
    Refused(anyhow::Error),
    /// It was given up by a signal.
    GivenUp,
}

impl<'a> Allocation<'a> {
    /// Allocates a job, waiting for it to start. Giving up the waiting gives up the job.
    pub(super) async fn make(
        client: &'a Client,
        options: &SrunOptions,
        name: &str,
        dir: &Path,
        signals: &mut Signals,
    ) -> Result<Self, NoJob> {
        let script = Script { name: name.to_owned(), ..Script::default() };
        let whole = request(&job_options(options, name), &script, dir, Vec::new());
        let whole = whole.map_err(|error| NoJob::Refused(error.into()))?;
        let job = whole.job.map(|mut job| {
            job.environment = None;
            job.immediate = (options.immediate == Some(0)).then_some(true);
            job
        });
        let body = slurm_wire::to_json(&JobAllocReq { job, ..JobAllocReq::default() });
        let asked = async {
            match client.slurm::<JobAllocResp>(Method::POST, "/job/allocate", &[], Some(body)).await {
                Ok(answer) => Ok(answer.value.job_id),
                Err(error) => Err(NoJob::Refused(refused(error))),
            }
        };
        let patience =
            options.immediate.filter(|seconds| *seconds > 0).map_or(Duration::MAX, Duration::from_secs);
        let remark = async {
            if !options.quiet {
                tell_waiting(client, name).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            job = asked => Ok(Allocation { client, job: job? }),
            () = remark => Err(NoJob::GivenUp),
            () = given_up(signals) => {
                complain("Job allocation has been revoked");
                Err(NoJob::GivenUp)
            }
            () = tokio::time::sleep(patience) => {
                Err(NoJob::Refused(anyhow::anyhow!("Unable to allocate resources: Requested nodes are busy")))
            }
        }
    }

    /// Gives the job back.
    pub(super) async fn release(self) {
        let jobs = Some([Text::from(self.job.to_string())].into_iter().collect());
        let body = slurm_wire::to_json(&KillJobsMsg { jobs, ..KillJobsMsg::default() });
        let released = self.client.slurm::<KillJobsResp>(Method::DELETE, "/jobs/", &[], Some(body)).await;
        if let Err(error) = released.context("give the job back") {
            complain(&format!("job {}: {error:#}", self.job));
        }
    }
}

fn refused(error: ClientError) -> anyhow::Error {
    match error {
        ClientError::Refused { why, .. } => anyhow::anyhow!("Unable to allocate resources: {why}"),
        error => anyhow::Error::from(error).context("Unable to allocate resources"),
    }
}

/// Waits for a signal that gives the waiting up.
async fn given_up(signals: &mut Signals) {
    while !matches!(signals.next().await, Given::Interrupt | Given::Terminate | Given::HangUp) {}
}

/// Says which job it is that waits, if it does not start at once.
async fn tell_waiting(client: &Client, name: &str) {
    let Ok(user) = client.user().await else { return };
    let Ok(mut events) = EventStream::of_user(client, &user).await else { return };
    let mut waits = None;
    let found = tokio::time::timeout(SOON, async {
        while let Ok(Some(event)) = events.next().await {
            if event.name == name && event.to == "PENDING" {
                waits = Some(event.job_id);
            } else if waits == Some(event.job_id) {
                waits = None;
            }
        }
    });
    if found.await.is_err()
        && let Some(job) = waits
    {
        say(&format!("job {job} queued and waiting for resources"));
    }
}
