//! What was acknowledged is looked at once more when the cluster has had time to save it, and sent again if it is gone.

use super::REMEMBERED;
use super::outcome::{Outcome, outcome};
use crate::slurm::identity::As;
use crate::slurm::link::Call;
use crate::slurm::mark::Mark;
use crate::slurm::relay::Upstream;
use crate::slurm::submissions::{Record, Unsettled};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde_json::Value;
use slurm_wire::versions::{self, Version};
use std::collections::HashMap;
use std::time::Duration;

/// slurmctld saves its jobs every five seconds: what it still has after this time it has saved.
const SAVED: Duration = Duration::from_secs(12);
/// How often what was acknowledged is looked at.
const LOOKS: Duration = Duration::from_secs(3);
/// How far the time of a submission in accounting may be from when it came in here.
const NEAR: u64 = 3;

impl Upstream {
    /// Looks at what was acknowledged, for as long as the service runs.
    pub async fn look_after(&self) {
        loop {
            tokio::time::sleep(LOOKS).await;
            self.settle(SAVED).await;
        }
    }

    /// Looks at what was acknowledged longer ago than that: what is not there any more is sent again.
    pub(in crate::slurm) async fn settle(&self, after: Duration) {
        let Some(submissions) = &self.submissions else { return };
        let mut lists: HashMap<String, Option<HashMap<Mark, u32>>> = HashMap::new();
        for one in submissions.due(after) {
            let _alone = submissions.lock(&one.name).await;
            let name = one.name.clone();
            let Ok(record) = self.kept(move |kept| kept.get(&name)).await else {
                submissions.still_due([one]);
                continue;
            };
            let Some(record) = record.filter(|record| record.job.is_some() && !record.is_settled) else {
                continue;
            };
            let Some(version) = versions::named(&record.version) else { continue };
            let list = match lists.get(&record.user) {
                Some(list) => list,
                None => {
                    let list = self.marked(&one.who, &record.user, version).await.ok();
                    lists.entry(record.user.clone()).or_insert(list)
                }
            };
            let job = list.as_ref().map(|list| list.get(&record.mark()).copied());
            if !self.settled(&one, record, version, job).await {
                submissions.still_due([one]);
            }
        }
    }

    /// Settles one, whose job is known to be this one or none; says whether it could.
    async fn settled(
        &self,
        one: &Unsettled,
        record: Record,
        version: &'static Version,
        job: Option<Option<u32>>,
    ) -> bool {
        match job {
            None => record.age() > REMEMBERED,
            Some(Some(job)) if Some(job) == record.job => {
                let record = Record { is_settled: true, body: None, ..record };
                self.write_down(&one.name, &record).await.is_ok()
            }
            Some(Some(job)) => self.made(&one.name, record, job, None, &one.who).await.is_ok(),
            Some(None) => match self.has_begun(&one.who, &record, version).await {
                None => record.age() > REMEMBERED,
                Some(true) => {
                    let record = Record { is_settled: true, body: None, ..record };
                    self.write_down(&one.name, &record).await.is_ok()
                }
                Some(false) => self.sent_again(one, record, version).await,
            },
        }
    }

    /// Returns when the job was submitted that has a number now, none if none has it; `None` if that cannot be found out.
    async fn submitted_under(&self, who: &As, job: u32, version: &Version) -> Option<Option<u64>> {
        let call = Call::get(who.clone(), format!("/slurm/{}/job/{job}", version.name));
        let answer = self.link.ask_all(&call).await.ok()?;
        if answer.status == StatusCode::NOT_FOUND {
            return Some(None);
        }
        let document: Value = serde_json::from_slice(&answer.body).ok()?;
        let submitted = document.pointer("/jobs/0/submit_time/number").and_then(Value::as_u64);
        submitted.filter(|_| answer.status == StatusCode::OK).map(Some)
    }

    /// Asks accounting whether a job that slurmctld does not have had begun; `None` if that cannot be found out. Its number
    /// may be another job's by now, which shows in accounting as well.
    async fn has_begun(&self, who: &As, record: &Record, version: &Version) -> Option<bool> {
        let another = self.submitted_under(who, record.job?, version).await?;
        let target = format!("/slurmdb/{}/job/{}", version.name, record.job?);
        let answer = self.link.ask_all(&Call::get(who.clone(), target)).await.ok()?;
        if answer.status != StatusCode::OK {
            return None;
        }
        let document: Value = serde_json::from_slice(&answer.body).ok()?;
        let is_ours = |job: &&Value| {
            let extra = job.get("extra").and_then(Value::as_str).unwrap_or_default();
            let at = job.pointer("/time/submission").and_then(Value::as_u64).unwrap_or(0);
            let is_near = at.abs_diff(record.at) <= NEAR && another != Some(at);
            extra.contains(&record.mark) || extra.is_empty() && is_near
        };
        let jobs = document.get("jobs")?.as_array()?;
        Some(
            jobs.iter()
                .filter(is_ours)
                .any(|job| job.pointer("/time/start").and_then(Value::as_u64).is_some_and(|at| at > 0)),
        )
    }

    async fn sent_again(&self, one: &Unsettled, record: Record, version: &'static Version) -> bool {
        let mut call = Call::get(one.who.clone(), format!("/slurm/{}/job/submit", version.name));
        call.method = hyper::Method::POST;
        call.is_repeatable = false;
        call.content_type = Some(HeaderValue::from_static("application/json"));
        call.body = Bytes::from(record.body.clone().unwrap_or_default());
        let answer = self.link.ask(&call).await;
        match outcome(&answer) {
            Outcome::Made(job) => {
                tracing::warn!(
                    job.lost = record.job,
                    job.id = job,
                    "the cluster had lost a job that it had taken; it was sent again"
                );
                self.made(&one.name, record, job, None, &one.who).await.is_ok()
            }
            Outcome::Refused => {
                tracing::warn!(
                    job.lost = record.job,
                    "the cluster has lost a job that it had taken, and does not take it again"
                );
                true
            }
            // Next time it is looked for first.
            Outcome::NotSent | Outcome::Unknown => false,
        }
    }
}
