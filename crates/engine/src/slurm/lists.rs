//! Answers from the list of all jobs: all of them, a part, or a single one.

use super::copies::{Got, Key};
use super::counters::Counted;
use super::jobs::{Failed, JobsCopy};
use super::kinds::{Family, Kind};
use super::link::is_stranger;
use super::picture::Picture;
use super::relay::{Upstream, refused};
use super::request::{Reply, Request, target};
use super::shape::{
    blocking, compressed, in_version, is_known, listed, local_time, one_of_list, since, whole_list,
};
use super::translate;
use super::trouble::Trouble;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use slurm_wire::versions::Version;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Single jobs that are asked for within `max_age` before the list of all jobs is kept instead.
const SINGLE_JOBS: usize = 8;
/// Lists of jobs that are kept; each user has their own where data are private.
const LISTS: usize = 64;
/// The largest number of a job.
const LARGEST_JOB: u32 = slurm_wire::job_ids::LARGEST_JOB_ID;

/// One of the lists that are kept.
pub(super) struct List {
    pub(super) copy: Arc<JobsCopy>,
    asked: Instant,
}

impl Upstream {
    /// Returns the copy of the list of jobs.
    pub(super) fn list(&self, user: &str, version: &'static Version) -> Arc<JobsCopy> {
        let key = (self.is_private.then(|| user.to_owned()), version.name);
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= LISTS && !lists.contains_key(&key) {
            let oldest = lists.iter().min_by_key(|(_, list)| list.asked).map(|(key, _)| key.clone());
            oldest.map(|oldest| lists.remove(&oldest));
        }
        let now = Instant::now();
        let list = lists.entry(key).or_insert_with(|| List {
            copy: Arc::new(JobsCopy::new(Arc::clone(&self.link), version.name, self.max_age, self.quick)),
            asked: now,
        });
        list.asked = now;
        Arc::clone(&list.copy)
    }

    /// Answers with the list of all jobs.
    pub(super) async fn jobs(
        &self,
        request: &Request,
        user: &str,
        version: &'static Version,
    ) -> Result<Reply, Trouble> {
        let list = self.list(user, version);
        let who = request.caller.acts_as();
        let current = match list.current(&who, request.is_fresh, self.stale_for).await {
            Ok(current) => current,
            Err(Failed::Lost(trouble)) => return Err(trouble),
            Err(Failed::Stranger(answer) | Failed::Refused(answer)) => {
                return Ok(Reply::of(translate::answer(request, version, answer)));
            }
        };
        self.counters.count(if current.is_stale { Counted::Stale } else { Counted::Copy }, Duration::ZERO);
        let picture = current.picture;
        let (age, tag) = (picture.checked.elapsed(), self.tag(picture.revision));
        if is_known(request, &tag) {
            return Ok(Reply::unchanged(age, Some(tag)));
        }
        let since = since(request);
        let reply = Reply {
            status: StatusCode::OK,
            content_type: Some(HeaderValue::from_static("application/json")),
            body: Vec::new(),
            is_gzip: false,
            age: Some(age),
            tag: Some(tag),
            next: None,
        };
        if picture.is_seen(since) {
            let warning = format!("No job changes since update_time[{since}]={}", local_time(since));
            let tail = picture.tail(0, Some((&warning, "op_handler_jobs")));
            return Ok(in_version(request, version, Reply { body: vec![picture.head(), tail], ..reply }));
        }
        let warning = (picture.len() == 0).then_some(("Zero jobs to dump", ""));
        let tail = picture.tail(picture.told, warning);
        if request.slice.is_whole() && version.name == request.version.name {
            return whole_list(request, &picture, tail, reply).await;
        }
        let request = request.clone();
        blocking(move || {
            let mut reply = reply;
            (reply.body, reply.next) = listed(&request, version, &picture, tail);
            compressed(&request, reply)
        })
        .await
    }

    /// Answers with one job: from the list, if it is kept anyway or many single ones are asked for.
    pub(super) async fn job(
        &self,
        request: &Request,
        user: &str,
        version: &'static Version,
    ) -> Result<Reply, Trouble> {
        let Some(id) = request.parameter.parse::<u32>().ok().filter(|id| (1..=LARGEST_JOB).contains(id))
        else {
            return self.pass(request, Kind::Job, version).await;
        };
        let list = self.list(user, version);
        if !request.is_fresh
            && (list.is_warm() || self.are_many(&request.parameter))
            && let Ok(current) = list.current(&request.caller.acts_as(), false, self.stale_for).await
            // What the list does not have the cluster has its own words for.
            && !current.picture.family(id).is_empty()
        {
            self.counters
                .count(if current.is_stale { Counted::Stale } else { Counted::Copy }, Duration::ZERO);
            return Ok(one_of_list(request, version, &current.picture, id));
        }
        let key = Key {
            user: self.is_private.then(|| user.to_owned()),
            // Of a single job slurmrestd does not heed it.
            target: target(request, version, "update_time"),
            accept: None,
        };
        let place = self.documents.place(&key);
        let got = self.current(request, &key, &place, Family::Jobs).await;
        let known = match &got {
            Ok(Got::Stale(document)) => Some(document.checked),
            Err(_) => None,
            Ok(Got::Refused(answer)) if answer.status.is_server_error() && !is_stranger(answer.status) => {
                None
            }
            Ok(Got::Document(document)) => return self.shown(request, Arc::clone(document), version).await,
            Ok(Got::Refused(answer)) => return refused(request, version, answer.clone()),
        };
        // The list may be newer than what is known of the job alone.
        let is_better = |picture: &Arc<Picture>| {
            picture.checked.elapsed() < self.stale_for
                && known.is_none_or(|known| picture.checked > known)
                && !picture.family(id).is_empty()
        };
        if let Some(picture) = list.last().filter(is_better) {
            self.counters.count(Counted::Stale, Duration::ZERO);
            return Ok(one_of_list(request, version, &picture, id));
        }
        match got? {
            Got::Document(document) | Got::Stale(document) => self.shown(request, document, version).await,
            Got::Refused(answer) => refused(request, version, answer),
        }
    }

    /// Tells whether many single jobs are asked for at the moment, this one among them.
    fn are_many(&self, job: &str) -> bool {
        let mut singles = self.singles.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        singles.insert(job.to_owned(), now);
        if singles.len() > SINGLE_JOBS {
            singles.retain(|_, at| now.duration_since(*at) < self.max_age);
        }
        singles.len() > SINGLE_JOBS
    }
}
