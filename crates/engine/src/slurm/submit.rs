//! `job/submit` under a client's key: what may have been carried out is looked for before it is sent again, and what was
//! acknowledged is looked at once more when the cluster has had time to save it.

use super::identity::As;
use super::jobs::Failed;
use super::kinds::{Family, Kind};
use super::link::Call;
use super::mark::Mark;
use super::relay::Upstream;
use super::request::{Reply, Request};
use super::split::{self, Around, Splitter, field};
use super::submissions::{ClientKey, Record, Submissions, Unsettled};
use super::transport::Answer;
use super::trouble::Trouble;
use bytes::Bytes;
use domain::ports::StoreError;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde_json::Value;
use slurm_wire::versions::{self, Version};
use std::collections::HashMap;
use std::time::Duration;

/// How long a submission without an answer may still be on its way inside the cluster.
const ON_ITS_WAY: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_secs(2) };
/// slurmctld saves its jobs every five seconds: what it still has after this time it has saved.
const SAVED: Duration = Duration::from_secs(12);
/// How often what was acknowledged is looked at.
const LOOKS: Duration = Duration::from_secs(3);
/// For so long a job that has ended is shown by slurmctld, if its site has not changed that.
const REMEMBERED: Duration = Duration::from_secs(240);
/// How far the time of a submission in accounting may be from when it came in here.
const NEAR: u64 = 3;

/// What became of a submission that was sent.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// This job.
    Made(u32),
    /// Nothing, and the cluster says why.
    Refused,
    /// Nothing: it never got there.
    NotSent,
    /// Nobody knows.
    Unknown,
}

impl Upstream {
    /// Submits a job under a key, or says what was said before.
    pub(super) async fn submit(
        &self,
        request: &Request,
        key: &ClientKey,
        version: &'static Version,
    ) -> Result<Reply, Trouble> {
        let Some(submissions) = &self.submissions else { return Err(Trouble::NoKeys) };
        let Some(user) = self.user(request, version).await? else {
            // The cluster says itself what is wrong with him.
            return self.pass(request, Kind::Write(Family::Jobs), version).await;
        };
        let name = Submissions::name(&user, &key.key);
        let alone = submissions.lock(&name).await;
        let known = {
            let name = name.clone();
            self.kept(move |kept| kept.get(&name)).await?
        };
        let record = match known {
            Some(record) if record.content != key.content => return Err(Trouble::KeyReused),
            Some(record) if record.is_settled => return Ok(repeated(&record)),
            Some(record) => Some(record),
            None => None,
        };
        // Whoever asked may go away; what was begun must come to an end before the key is free again.
        let (upstream, request) = (self.myself()?, request.clone());
        let content = key.content.clone();
        let done = tokio::spawn(async move {
            let _alone = alone;
            upstream.carry_out(&request, name, &user, &content, record, version).await
        });
        done.await.map_err(|error| Trouble::Unanswered(error.to_string()))?
    }

    async fn carry_out(
        &self,
        request: &Request,
        name: String,
        user: &str,
        content: &str,
        record: Option<Record>,
        version: &'static Version,
    ) -> Result<Reply, Trouble> {
        let who = request.caller.acts_as();
        let (record, is_new) = match record {
            None => {
                let record = Submissions::new_record(&name, user, content, version.name);
                let body = record.mark().put_into(&request.body).map_err(|_| Trouble::NotMarked)?;
                let body = String::from_utf8_lossy(&body).into_owned();
                (Record { body: Some(body), ..record }, true)
            }
            Some(record) => (record, false),
        };
        if is_new {
            self.write_down(&name, &record).await?;
        } else if record.job.is_some() {
            // It was acknowledged a moment ago, and may have been lost since.
            return match self.find(&who, user, version, &record.mark()).await {
                Ok(Some(job)) if Some(job) != record.job => self.made(&name, record, job, None, &who).await,
                _ => Ok(repeated(&record)),
            };
        } else {
            tokio::time::sleep(ON_ITS_WAY).await;
            if let Some(job) = self.find(&who, user, version, &record.mark()).await? {
                return self.made(&name, record, job, None, &who).await;
            }
            if record.age() > REMEMBERED {
                let why = "what became of it so long ago cannot be found out".to_owned();
                return Err(Trouble::Unanswered(why));
            }
        }
        self.send(request, &name, user, record, version, &who).await
    }

    async fn send(
        &self,
        request: &Request,
        name: &str,
        user: &str,
        record: Record,
        version: &'static Version,
        who: &As,
    ) -> Result<Reply, Trouble> {
        let mut call = self.call(request, Kind::Write(Family::Jobs), version);
        call.content_type = Some(HeaderValue::from_static("application/json"));
        call.body = Bytes::from(record.body.clone().unwrap_or_default());
        loop {
            let answer = self.link.ask(&call).await;
            self.wrote(request, Family::Jobs, answer.as_ref().ok());
            match outcome(&answer) {
                Outcome::Made(job) => return self.made(name, record, job, answer.ok(), who).await,
                Outcome::Refused | Outcome::NotSent => {
                    let name = name.to_owned();
                    self.kept(move |kept| kept.forget(&name)).await?;
                    return answer.map(Reply::of);
                }
                Outcome::Unknown => {}
            }
            tokio::time::sleep(ON_ITS_WAY).await;
            match self.find(who, user, version, &record.mark()).await {
                Ok(Some(job)) => return self.made(name, record, job, None, who).await,
                Ok(None) if record.age() < REMEMBERED => {}
                Ok(None) => return Err(Trouble::Unanswered("it does not take the job".to_owned())),
                // The client may ask again: then it is looked for first.
                Err(_) => {
                    let Err(trouble) = answer else {
                        return Err(Trouble::Unanswered("the controller did not answer".to_owned()));
                    };
                    return Err(match trouble {
                        Trouble::Garbage(why) => Trouble::Unanswered(why),
                        other => other,
                    });
                }
            }
        }
    }

    /// Writes down what a submission became, and answers.
    async fn made(
        &self,
        name: &str,
        mut record: Record,
        job: u32,
        answer: Option<Answer>,
        who: &As,
    ) -> Result<Reply, Trouble> {
        if let Some(before) = record.job.filter(|before| *before != job) {
            record.before.push(before);
        }
        record.job = Some(job);
        let told = answer.map_or_else(
            || plain_answer(job, &record.version),
            |answer| String::from_utf8_lossy(&answer.body).into_owned(),
        );
        record.answer = Some(told);
        self.write_down(name, &record).await?;
        if let Some(submissions) = &self.submissions {
            submissions.acknowledged(name.to_owned(), who.clone());
        }
        Ok(repeated(&record))
    }

    async fn write_down(&self, name: &str, record: &Record) -> Result<(), Trouble> {
        let (name, record) = (name.to_owned(), record.clone());
        self.kept(move |kept| kept.put(&name, &record)).await
    }

    /// Asks what is written down, or writes, where that is in nobody's way.
    async fn kept<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Submissions) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let Some(submissions) = self.submissions.clone() else { return Err(Trouble::NoKeys) };
        let done = tokio::task::spawn_blocking(move || work(&submissions)).await;
        let failed = |why: String| Trouble::Unreachable(format!("submissions cannot be written down: {why}"));
        done.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
    }

    /// Looks for a job with a mark.
    async fn find(
        &self,
        who: &As,
        user: &str,
        version: &'static Version,
        mark: &Mark,
    ) -> Result<Option<u32>, Trouble> {
        Ok(self.marked(who, user, version).await?.get(mark).copied())
    }

    /// Returns all jobs with marks as they are now.
    async fn marked(
        &self,
        who: &As,
        user: &str,
        version: &'static Version,
    ) -> Result<HashMap<Mark, u32>, Trouble> {
        match self.list(user, version).current(who, true, Duration::ZERO).await {
            Ok(current) => Ok(current.picture.marks()),
            Err(Failed::Lost(trouble)) => Err(trouble),
            Err(Failed::Stranger(answer) | Failed::Refused(answer)) => {
                Err(Trouble::Unanswered(format!("it answers {} for the list of jobs", answer.status)))
            }
        }
    }

    /// Looks at what was acknowledged, for as long as the service runs.
    pub async fn look_after(&self) {
        loop {
            tokio::time::sleep(LOOKS).await;
            self.settle(SAVED).await;
        }
    }

    /// Looks at what was acknowledged longer ago than that: what is not there any more is sent again.
    pub(super) async fn settle(&self, after: Duration) {
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

    /// Asks accounting whether a job that slurmctld does not have had begun; `None` if that cannot be found out.
    async fn has_begun(&self, who: &As, record: &Record, version: &Version) -> Option<bool> {
        let target = format!("/slurmdb/{}/job/{}", version.name, record.job?);
        let answer = self.link.ask_all(&Call::get(who.clone(), target)).await.ok()?;
        if answer.status != StatusCode::OK {
            return None;
        }
        let document: Value = serde_json::from_slice(&answer.body).ok()?;
        let is_ours = |job: &&Value| {
            let extra = job.get("extra").and_then(Value::as_str).unwrap_or_default();
            let at = job.pointer("/time/submission").and_then(Value::as_u64).unwrap_or(0);
            extra.contains(&record.mark) || extra.is_empty() && at.abs_diff(record.at) <= NEAR
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

/// Tells from an answer what became of a submission.
fn outcome(answer: &Result<Answer, Trouble>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(Trouble::Unanswered(_) | Trouble::Garbage(_)) => return Outcome::Unknown,
        Err(_) => return Outcome::NotSent,
    };
    let mut compact = Splitter::new("errors");
    let mut errors = Vec::new();
    let told = compact
        .feed(&answer.body, |error| errors.extend(field(error, "error_number").and_then(split::number)));
    let Ok(Around { head, tail }) = told.and_then(|()| compact.end()) else {
        return if answer.status.is_client_error() { Outcome::Refused } else { Outcome::Unknown };
    };
    let whole = [head, tail].concat();
    let job = field(&whole, "job_id").and_then(split::number).and_then(|job| u32::try_from(job).ok());
    match job.filter(|job| *job > 0) {
        Some(job) => Outcome::Made(job),
        None if answer.status.is_client_error() || answer.status.is_success() => Outcome::Refused,
        None => match errors.iter().copied().find(|number| *number != 0) {
            Some(1800) => Outcome::NotSent,
            Some(1007 | 2000..=2999 | 7000..=7999 | 9000..=9999) => Outcome::Refused,
            _ => Outcome::Unknown,
        },
    }
}

/// Says again what was said of a submission.
fn repeated(record: &Record) -> Reply {
    let body = record.answer.clone().unwrap_or_default();
    let answer = Answer {
        status: StatusCode::OK,
        content_type: Some(HeaderValue::from_static("application/json")),
        body: Bytes::from(body),
    };
    Reply::of(answer)
}

/// The answer to a submission whose own was lost.
fn plain_answer(job: u32, version: &str) -> String {
    format!(
        "{{\"job_id\":{job},\"step_id\":\"batch\",\"job_submit_user_msg\":\"\",\"meta\":{{\"plugin\":{{\"type\":\"openapi/slurmctld\",\"name\":\"\",\"data_parser\":\"data_parser/{version}\",\"accounting_storage\":\"\"}}}},\"errors\":[],\"warnings\":[]}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_what_became_of_a_submission() {
        let answer = |status: u16, body: &'static str| {
            let body = Bytes::from_static(body.as_bytes());
            Ok(Answer { status: StatusCode::from_u16(status).unwrap(), content_type: None, body })
        };
        for (answer, wanted) in [
            (answer(200, r#"{"job_id":7,"errors":[]}"#), Outcome::Made(7)),
            // An unknown flag: the job is there all the same.
            (answer(500, r#"{"job_id":7,"errors":[{"error_number":9207}]}"#), Outcome::Made(7)),
            (answer(200, r#"{"errors":[{"error_number":0}]}"#), Outcome::Refused),
            (answer(422, r#"{"errors":[{"error_number":2000}]}"#), Outcome::Refused),
            (answer(500, r#"{"errors":[{"error_number":9202},{"error_number":9000}]}"#), Outcome::Refused),
            (answer(400, "Failure during parsing"), Outcome::Refused),
            (answer(502, r#"{"errors":[{"error_number":1800}]}"#), Outcome::NotSent),
            (answer(500, r#"{"errors":[{"error_number":-1}]}"#), Outcome::Unknown),
            (answer(504, r#"{"errors":[{"error_number":5004}]}"#), Outcome::Unknown),
            (answer(502, "<html>"), Outcome::Unknown),
            (Err(Trouble::Unanswered(String::new())), Outcome::Unknown),
            (Err(Trouble::Unreachable(String::new())), Outcome::NotSent),
        ] {
            assert_eq!(outcome(&answer), wanted, "{answer:?}");
        }
    }
}
