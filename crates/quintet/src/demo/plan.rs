//! The jobs of the demo, and what must become of each.

use crate::client::Client;
use anyhow::Context;
use reqwest::Method;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::submit::{JobSubmitReq, JobSubmitResponse};
use slurm_wire::{NoVal, Text};
use std::path::Path;

/// Tasks of the array.
const TASKS: u32 = 8;
/// How many of them may run at once.
pub(super) const AT_ONCE: usize = 3;

/// A job, or the task of an array, and what must become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// `3`, or `1_0`.
    pub(super) id: String,
    /// Its name.
    pub(super) name: &'static str,
    /// Where it must end.
    pub(super) state: &'static str,
    /// What it must leave: code and signal.
    pub(super) exit: &'static str,
    /// What it must have written.
    pub(super) output: String,
}

/// What was submitted.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Everything that must end.
    pub(super) expected: Vec<Expected>,
    /// The array.
    pub(super) array: u32,
    /// A chain: each begins only after the one before has ended.
    pub(super) chain: [u32; 3],
    /// To be cancelled as soon as it runs.
    pub(super) cancelled: u32,
    /// Held at first.
    pub(super) held: u32,
    /// Runs into its time limit.
    pub(super) overruns: u32,
}

impl Plan {
    /// Submits everything. The one that takes longest comes first.
    pub(super) async fn submit(client: &Client, work: &Path) -> anyhow::Result<Plan> {
        let job = |name: &'static str, script: &'static str| Draft { client, work, name, script };
        let overruns = job("overrun", "echo 'asked for one minute, wants ten'\nsleep 600");
        let overruns = overruns.submit(|job| job.time_limit = Some(NoVal::Set(1))).await?;
        let array = job(
            "sweep",
            "sleep 0.$((5 + SLURM_ARRAY_TASK_ID % 4))\necho \"$SLURM_ARRAY_TASK_ID squared is $((SLURM_ARRAY_TASK_ID * SLURM_ARRAY_TASK_ID))\"",
        );
        let array =
            array.submit(|job| job.array = Some(Text::from(format!("0-{}%{AT_ONCE}", TASKS - 1)))).await?;
        let prepare =
            job("prepare", "sleep 1\nseq 1 100 > numbers\necho 'wrote 100 numbers'").submit(|_| ()).await?;
        let after = |kind: &str, id: u32| Some(Text::from(format!("{kind}:{id}")));
        let compute =
            job("compute", "sleep 1\necho \"their sum is $(($(tr '\\n' '+' < numbers)0))\" | tee result");
        let compute = compute.submit(|job| job.dependency = after("afterok", prepare)).await?;
        let report = job("report", "echo \"report: $(cat result)\"");
        let report = report.submit(|job| job.dependency = after("afterany", compute)).await?;
        let fails = job("failure", "echo 'goes wrong on purpose'\nexit 3").submit(|_| ()).await?;
        let cancelled =
            job("endless", "echo 'would run for ever'\nexec sleep 1000000").submit(|_| ()).await?;
        let held = job("patient", "echo 'was released'").submit(|job| job.hold = Some(true)).await?;

        let one = |id: u32, name, state, exit, output: &str| Expected {
            id: id.to_string(),
            name,
            state,
            exit,
            output: output.to_owned(),
        };
        let mut expected: Vec<Expected> =
            vec![one(overruns, "overrun", "TIMEOUT", "0:15", "asked for one minute, wants ten")];
        expected.extend((0..TASKS).map(|task| Expected {
            id: format!("{array}_{task}"),
            ..one(array, "sweep", "COMPLETED", "0:0", &format!("{task} squared is {}", task * task))
        }));
        expected.extend([
            one(prepare, "prepare", "COMPLETED", "0:0", "wrote 100 numbers"),
            one(compute, "compute", "COMPLETED", "0:0", "their sum is 5050"),
            one(report, "report", "COMPLETED", "0:0", "report: their sum is 5050"),
            one(fails, "failure", "FAILED", "3:0", "goes wrong on purpose"),
            one(cancelled, "endless", "CANCELLED", "0:15", "would run for ever"),
            one(held, "patient", "COMPLETED", "0:0", "was released"),
        ]);
        Ok(Plan { expected, array, chain: [prepare, compute, report], cancelled, held, overruns })
    }

    /// Says what was submitted.
    pub(super) fn told(&self) -> String {
        let Plan { array, chain: [prepare, compute, report], cancelled, held, overruns, .. } = self;
        format!(
            "Submitted over REST: an array of {TASKS} ({array}), {AT_ONCE} at once; a chain {prepare}, {compute}, {report}; a job \
             that fails; one ({overruns})\nthat overruns its limit of a minute; one ({cancelled}) to be cancelled while it runs; one \
             ({held}) held until the chain has ended.\n"
        )
    }
}

/// A job to be submitted.
struct Draft<'a> {
    client: &'a Client,
    work: &'a Path,
    name: &'static str,
    script: &'static str,
}

impl Draft<'_> {
    async fn submit(self, change: impl FnOnce(&mut JobDescMsg)) -> anyhow::Result<u32> {
        let mut job = JobDescMsg {
            name: Some(Text::from(self.name)),
            current_working_directory: Some(Text::from(self.work.to_string_lossy())),
            environment: Some(["PATH=/usr/local/bin:/usr/bin:/bin"].into_iter().collect()),
            ..JobDescMsg::default()
        };
        change(&mut job);
        let script = Some(Text::from(format!("#!/bin/sh\n{}\n", self.script)));
        let body = slurm_wire::to_json(&JobSubmitReq { script, job: Some(job), ..JobSubmitReq::default() });
        let answer =
            self.client.slurm::<JobSubmitResponse>(Method::POST, "/job/submit", &[], Some(body)).await;
        Ok(answer.with_context(|| format!("submit job {}", self.name))?.value.job_id)
    }
}
