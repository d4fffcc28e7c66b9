//! `job/submit` under a client's key: what may have been carried out is looked for before it is sent again (`outcome` tells
//! what that is), and what was acknowledged is looked at once more when the cluster has had time to save it (`settle`).

mod outcome;
mod settle;

use super::identity::As;
use super::jobs::Failed;
use super::kinds::{Family, Kind};
use super::mark::Mark;
use super::relay::Upstream;
use super::request::{Reply, Request};
use super::submissions::{ClientKey, Record, Submissions};
use super::transport::Answer;
use super::trouble::Trouble;
use bytes::Bytes;
use domain::ports::StoreError;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use outcome::{Outcome, outcome};
use slurm_wire::versions::Version;
use std::collections::HashMap;
use std::time::Duration;

/// How long a submission without an answer may still be on its way inside the cluster.
const ON_ITS_WAY: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_secs(2) };
/// For so long a job that has ended is shown by slurmctld, if its site has not changed that.
const REMEMBERED: Duration = Duration::from_secs(240);

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
        // The job is there: to whoever asks again it is told, and nobody may believe that nothing was done.
        let unwritten = |trouble: Trouble| Trouble::Unanswered(trouble.to_string());
        self.write_down(name, &record).await.map_err(unwritten)?;
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
