//! A job for one step, where srun is called outside of any: allocated over REST, and given back afterwards.

use super::message::{complain, say};
use super::options::SrunOptions;
use super::signals::{Given, Signals};
use crate::allocation::{Asked, Attendance, IfGone, Left, ask, complete};
use crate::client::{Client, ClientError};
use crate::submit::JobOptions;
use crate::submit::request::{Script, request};
use crate::submit::test_only::{strangers, tell};
use anyhow::Context;
use reqwest::Method;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::submit::{JobAllocReq, JobAllocResp};
use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

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
        thread_spec: options.thread_spec,
        ntasks_per_gpu: options.ntasks_per_gpu,
        gpus_per_socket: options.gpus_per_socket,
        gres_flags: options.gres_flags,
        hint: options.hint,
        extra: options.extra,
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

/// A job that is complete when its step is over. If this process dies before, the service cancels it.
pub(super) struct Allocation<'a> {
    client: &'a Client,
    /// Its number.
    pub(super) job: u32,
    #[expect(dead_code, reason = "it is there to be dropped")]
    attendance: Attendance,
}

/// Why there is no job.
pub(super) enum NoJob {
    /// It was refused, or the service cannot be asked.
    Refused(anyhow::Error),
    /// It was given up by a signal.
    GivenUp,
}

impl<'a> Allocation<'a> {
    /// Allocates a job, waiting for it to start. Giving up the waiting gives up the job. Several parts make the components
    /// of a heterogeneous job.
    pub(super) async fn make(
        client: &'a Client,
        parts: &[(&SrunOptions, &str)],
        dir: &Path,
        signals: &mut Signals,
    ) -> Result<Self, NoJob> {
        let Some((first, name)) = parts.first().copied() else { return Err(NoJob::GivenUp) };
        let request = whole_request(parts, dir).map_err(NoJob::Refused)?;
        let patience = first.immediate.filter(|seconds| *seconds > 0);
        let patience = patience.map_or(Duration::MAX, Duration::from_secs);
        let name = first.job_name.as_deref().unwrap_or(name);
        let waiting = Cell::new(None);
        let said = |asked| {
            if let Asked::Waits(job) = asked {
                waiting.set(Some(job));
            }
            match asked {
                _ if first.quiet => {}
                Asked::Waits(job) => say(&format!("job {job} queued and waiting for resources")),
                Asked::Granted(job) => say(&format!("job {job} has been allocated resources")),
            }
        };
        tokio::select! {
            job = ask(client, &request, name, said) => {
                let job = match job {
                    Ok(job) => job,
                    Err(refusal) => {
                        tell_of_strangers(client, &refusal, parts).await;
                        return Err(NoJob::Refused(refused(refusal)));
                    }
                };
                Ok(Allocation { client, job, attendance: Attendance::begin(client, job, IfGone::Cancel) })
            }
            given = given_up(signals) => {
                tell_given_up(waiting.get().filter(|_| !first.quiet), given);
                Err(NoJob::GivenUp)
            }
            () = tokio::time::sleep(patience) => {
                Err(NoJob::Refused(anyhow::anyhow!("Unable to allocate resources: Requested nodes are busy")))
            }
        }
    }

    /// Says when and where a job would start that is not made; returns the exit code.
    pub(super) async fn foresee(
        client: &Client,
        parts: &[(&SrunOptions, &str)],
        dir: &Path,
        quiet: bool,
    ) -> anyhow::Result<u8> {
        let body = slurm_wire::to_json(&whole_request(parts, dir)?);
        let asked = client.only_asking();
        let answer = asked.slurm::<JobAllocResp>(Method::POST, "/job/allocate", &[], Some(body)).await;
        let answer =
            answer.map(|answer| (answer.value.job_id, answer.value.job_submit_user_msg.into_string()));
        if let Err(refusal) = &answer {
            tell_of_strangers(client, refusal, parts).await;
        }
        let told = tell(answer, |text| {
            if !quiet {
                say(text);
            }
        });
        told.context("Unable to allocate resources")
    }

    /// Says that the job is complete, and how its step ended.
    pub(super) async fn complete(self, left: Left) {
        if let Err(error) = complete(self.client, self.job, left).await {
            complain(&format!("job {}: {error:#}", self.job));
        }
    }
}

/// Says which partitions there are not, if it is that why a job was refused.
async fn tell_of_strangers(client: &Client, refusal: &ClientError, parts: &[(&SrunOptions, &str)]) {
    let partitions = parts.iter().filter_map(|(options, _)| options.partition.as_deref());
    if let Some(text) = strangers(client, refusal, partitions).await {
        complain(&text);
    }
}

fn whole_request(parts: &[(&SrunOptions, &str)], dir: &Path) -> anyhow::Result<JobAllocReq> {
    let one = |(options, name): &(&SrunOptions, &str)| -> anyhow::Result<JobDescMsg> {
        let script = Script { name: (*name).to_owned(), ..Script::default() };
        let whole = request(&job_options(options, name), &script, dir, Vec::new())?;
        let mut job = whole.job.unwrap_or_default();
        job.environment = None;
        job.immediate = (options.immediate == Some(0)).then_some(true);
        Ok(job)
    };
    let mut jobs = parts.iter().map(one).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(match jobs.len() {
        1 => JobAllocReq { job: jobs.pop(), ..JobAllocReq::default() },
        _ => JobAllocReq { hetjob: Some(jobs.into()), ..JobAllocReq::default() },
    })
}

fn refused(error: ClientError) -> anyhow::Error {
    match error {
        ClientError::Refused { why, .. } => anyhow::anyhow!("Unable to allocate resources: {why}"),
        error => anyhow::Error::from(error).context("Unable to allocate resources"),
    }
}

/// Waits for a signal that gives the waiting up.
async fn given_up(signals: &mut Signals) -> Given {
    loop {
        match signals.next().await {
            Given::Resized | Given::GoOn => {}
            given => return given,
        }
    }
}

fn tell_given_up(job: Option<u32>, given: Given) {
    let Some(job) = job else { return };
    if !matches!(given, Given::Interrupt | Given::HangUp) {
        say(&format!("Force Terminated JobId={job}"));
    }
    say(&format!("Job allocation {job} has been revoked"));
}
