//! Answers requests of Slurm's interface: from copies where that is right, else by handing them on.

use super::counters::{Count, Counted, Counters};
use super::document::{Document, Documents, Landed, Place, is_kept};
use super::endpoint::Endpoint;
use super::failover::Lines;
use super::identity::{As, Credentials, Identity};
use super::jobs::{Failed, JobsCopy, QUICK, next_revision};
use super::kinds::{Family, Kind, is_conditional, list_of};
use super::link::{Call, Link, is_stranger};
use super::pack::{self, Packed};
use super::picture::{Entry, Picture};
use super::rate::{Limiter, Rate};
use super::request::{Caller, Reply, Request, Slice, target};
use super::split::{self, Around, Splitter, field};
use super::submissions::{Memory, Submissions};
use super::translate;
use super::transport::Answer;
use super::trouble::Trouble;
use super::verdict::{self, Print};
use super::versions::Offered;
use bytes::Bytes;
use domain::ports::Shelf;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use slurm_wire::versions::Version;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a request waits for news when there is a copy to tell.
const PATIENCE: Duration = Duration::from_secs(1);
/// Single jobs that are asked for within [`Upstream::max_age`] before the list of all jobs is kept instead.
const SINGLE_JOBS: usize = 8;
/// Lists of jobs that are kept; each user has their own where data are private.
const LISTS: usize = 64;
/// How many times longer than usual an allocation may take, which is answered once it has been made.
const ALLOCATION: u32 = 100_000;
/// How many times longer than usual accounting may take to list jobs.
const ACCOUNTING: u32 = 10;
/// The largest number of a job.
const LARGEST_JOB: u32 = slurm_wire::job_ids::LARGEST_JOB_ID;

/// How a cluster is reached, and how much of it is kept.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Where slurmrestd listens, the first choice first.
    pub endpoints: Vec<Endpoint>,
    /// A file of certificates that are trusted instead of those that the machine trusts.
    pub authority: Option<PathBuf>,
    /// How the service shows itself.
    pub identity: Identity,
    /// How old answers may be while the cluster can be asked.
    pub max_age: Duration,
    /// How old while it cannot.
    pub stale_for: Duration,
    /// How long slurmrestd may take for an answer.
    pub timeout: Duration,
    /// Whether users see different things, so that copies are kept for each.
    pub private_data: bool,
    /// How often each user may ask.
    pub rate: Option<Rate>,
}

/// A cluster.
pub struct Upstream {
    pub(super) link: Arc<Link>,
    counters: Arc<Counters>,
    max_age: Duration,
    stale_for: Duration,
    /// A list of jobs that takes longer is kept by the states of jobs.
    quick: Duration,
    is_private: bool,
    limiter: Limiter<String>,
    documents: Documents<Key>,
    lists: Mutex<HashMap<(Option<String>, &'static str), List>>,
    /// When something of a family was written last.
    written: [Mutex<Option<Instant>>; 3],
    /// Single jobs that were asked for lately.
    singles: Mutex<HashMap<String, Instant>>,
    /// Submissions under clients' keys.
    pub(super) submissions: Option<Arc<Submissions>>,
    myself: Weak<Upstream>,
    /// What names the states that this service has seen.
    instance: u64,
}

struct List {
    copy: Arc<JobsCopy>,
    asked: Instant,
}

/// What a copy is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// Who sees it, if not everybody.
    user: Option<String>,
    target: String,
    accept: Option<Vec<u8>>,
}

impl Upstream {
    /// Opens the way to a cluster. Nothing is sent yet: it may come up after this service. Submissions under clients' keys
    /// are written down on a shelf, if there is one; what is there is read. Blocks.
    ///
    /// # Errors
    /// If there are no certificates to trust, or the shelf cannot be read.
    pub fn open(config: UpstreamConfig, keys: Option<(Arc<dyn Shelf>, Memory)>) -> io::Result<Arc<Self>> {
        Self::with(config, keys, QUICK)
    }

    /// The same; a list of jobs that takes longer than `quick` is kept by the states of jobs.
    pub(super) fn with(
        config: UpstreamConfig,
        keys: Option<(Arc<dyn Shelf>, Memory)>,
        quick: Duration,
    ) -> io::Result<Arc<Self>> {
        let submissions = keys.map(|(shelf, memory)| Submissions::open(shelf, memory)).transpose();
        let submissions = submissions.map_err(io::Error::other)?.map(Arc::new);
        let counters = Arc::new(Counters::default());
        let lines = Lines::open(&config.endpoints, config.authority.as_deref(), Arc::clone(&counters))?;
        let credentials = Credentials::new(config.identity);
        let link = Link::new(lines, credentials, config.timeout, Arc::clone(&counters));
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Arc::new_cyclic(|myself| Upstream {
            link: Arc::new(link),
            counters,
            max_age: config.max_age,
            quick,
            submissions,
            myself: myself.clone(),
            stale_for: config.stale_for,
            is_private: config.private_data,
            limiter: Limiter::new(config.rate),
            documents: Documents::default(),
            lists: Mutex::default(),
            written: Default::default(),
            singles: Mutex::default(),
            instance: u64::try_from(started.as_micros()).unwrap_or(0),
        }))
    }

    /// Returns a handle for work that goes on when whoever asked has gone.
    pub(super) fn myself(&self) -> Result<Arc<Self>, Trouble> {
        self.myself.upgrade().ok_or_else(|| Trouble::Unreachable("the service stops".to_owned()))
    }

    /// Asks the cluster something in the current version, or in the nearest that it offers: `target` is the path below
    /// the version with its query, `part` what stands before it. The answer is as it came, in the version told.
    ///
    /// # Errors
    /// If there is no answer; an answer that refuses is one.
    pub async fn ask(
        &self,
        who: &As,
        method: Method,
        part: &str,
        target: &str,
        body: Bytes,
    ) -> Result<(Answer, &'static Version), Trouble> {
        let version = self.offered(who).await?.nearest(slurm_wire::versions::CURRENT);
        let version = version.ok_or(Trouble::NotOffered)?;
        let mut call = Call::get(who.clone(), format!("/{part}/{}/{target}", version.name));
        call.is_repeatable = method == Method::GET;
        call.method = method;
        if !body.is_empty() {
            call.content_type = Some(HeaderValue::from_static("application/json"));
            call.body = body;
        }
        Ok((self.link.ask(&call).await?, version))
    }

    /// Returns what was counted.
    pub fn counts(&self) -> Vec<Count> {
        self.counters.all()
    }

    #[cfg(test)]
    pub(super) fn count_of(&self, what: Counted) -> u64 {
        self.counters.of(what)
    }

    async fn offered(&self, who: &As) -> Result<Offered, Trouble> {
        self.link.offered(who).await
    }

    /// Answers a request of Slurm's interface.
    ///
    /// # Errors
    /// If the cluster gives no answer and there is none to give in its place.
    pub async fn relay(&self, request: Request) -> Result<Reply, Trouble> {
        let payer = match &request.caller {
            Caller::Sure(user) | Caller::Own { user, .. } => user.clone(),
            // Nobody shall use up what another has by naming him.
            Caller::Unsure { token, name } => format!("\0{:?}", Print::of(token, name.as_deref())),
        };
        self.limiter.take(payer, Instant::now()).map_err(|pause| {
            self.counters.count(Counted::TurnedAway, Duration::ZERO);
            Trouble::TooMany(pause)
        })?;
        let who = request.caller.acts_as();
        let version = self.offered(&who).await?.nearest(request.version).ok_or(Trouble::NotOffered)?;
        if !translate::has(&request, version) {
            return Err(Trouble::NotOffered);
        }
        if let Some(key) = request.key.clone().filter(|_| request.pattern == "job/submit") {
            return self
                .submit(&request, &key, version)
                .await
                .map(|reply| in_version(&request, version, reply));
        }
        let reply = self.answer(&request, version).await?;
        // A job that the cluster had lost may have another number now.
        let instead = || self.submissions.as_ref()?.instead_of(request.parameter.parse().ok()?);
        if request.pattern == "job/*"
            && reply.status == StatusCode::NOT_FOUND
            && let Some(job) = instead()
        {
            return self.answer(&Request { parameter: job.to_string(), ..request }, version).await;
        }
        Ok(reply)
    }

    async fn answer(&self, request: &Request, version: &'static Version) -> Result<Reply, Trouble> {
        let kind = Kind::of(request);
        let (Kind::Jobs | Kind::Job | Kind::Shared(_) | Kind::Own(_)) = kind else {
            return self.pass(request, kind, version).await;
        };
        let Some(user) = self.user(request, version).await? else {
            // The cluster says itself what is wrong with him.
            return self.pass(request, kind, version).await;
        };
        match kind {
            Kind::Jobs => self.jobs(request, &user, version).await,
            Kind::Job => self.job(request, &user, version).await,
            Kind::Own(family) => self.document(request, Some(user), family, version).await,
            Kind::Shared(family) => {
                self.document(request, self.is_private.then_some(user), family, version).await
            }
            Kind::Passed | Kind::Write(_) => self.pass(request, kind, version).await,
        }
    }

    /// Finds out whom nothing needs to be hidden from; `None` where the cluster does not know him.
    pub(super) async fn user(&self, request: &Request, version: &Version) -> Result<Option<String>, Trouble> {
        match &request.caller {
            Caller::Sure(user) | Caller::Own { user, .. } => Ok(Some(user.clone())),
            Caller::Unsure { token, name } => {
                let is_known = self.link.is_known(token, name.as_deref(), version.name, self.stale_for);
                let user = || name.clone().or_else(|| verdict::claimed_user(token));
                Ok(is_known.await?.then(user).flatten())
            }
        }
    }

    /// Hands a request on.
    pub(super) async fn pass(
        &self,
        request: &Request,
        kind: Kind,
        version: &'static Version,
    ) -> Result<Reply, Trouble> {
        self.counters.count(Counted::Passed, Duration::ZERO);
        let answer = self.link.ask(&self.call(request, kind, version)).await;
        if let Kind::Write(family) = kind {
            self.wrote(request, family, answer.as_ref().ok());
        }
        let answer = answer?;
        check(&answer)?;
        Ok(Reply::of(translate::answer(request, version, answer)))
    }

    pub(super) fn call(&self, request: &Request, kind: Kind, version: &Version) -> Call {
        Call {
            who: request.caller.acts_as(),
            method: request.method.clone(),
            target: target(request, version, ""),
            content_type: request.content_type.clone().filter(|_| !kind.is_copied()),
            accept: request.accept.clone(),
            // What is read for many has no body: those who have one that says something ask for themselves.
            body: if kind.is_copied() { Bytes::new() } else { request.body.clone() },
            is_repeatable: kind.is_repeatable(),
            patience: match (request.part, request.pattern) {
                (_, "job/allocate") => ALLOCATION,
                ("slurmdb", _) => ACCOUNTING,
                _ => 1,
            },
        }
    }

    /// Makes copies old that a write has touched, whether it went well or nobody knows.
    pub(super) fn wrote(&self, request: &Request, family: Family, answer: Option<&Answer>) {
        let place = self.written_place(family);
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if family != Family::Jobs {
            return;
        }
        let jobs = touched(request, answer);
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.values().for_each(|list| list.copy.touch(&jobs));
    }

    fn written_place(&self, family: Family) -> &Mutex<Option<Instant>> {
        let [jobs, cluster, accounting] = &self.written;
        match family {
            Family::Jobs => jobs,
            Family::Cluster => cluster,
            Family::Accounting => accounting,
        }
    }

    fn written(&self, family: Family) -> Option<Instant> {
        *self.written_place(family).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers with a copy of one answer.
    async fn document(
        &self,
        request: &Request,
        user: Option<String>,
        family: Family,
        version: &'static Version,
    ) -> Result<Reply, Trouble> {
        let key = Key {
            user,
            target: target(request, version, if is_conditional(request) { "update_time" } else { "" }),
            accept: request.accept.as_ref().filter(|_| !request.is_json).map(|form| form.as_bytes().to_vec()),
        };
        let place = self.documents.place(&key);
        match self.current(request, &key, &place, family).await? {
            Got::Document(document) | Got::Stale(document) => self.shown(request, document, version).await,
            Got::Refused(answer) => refused(request, version, answer),
        }
    }

    /// Returns a copy as it is now, or was a moment ago; or an answer for whoever asks alone.
    async fn current(
        &self,
        request: &Request,
        key: &Key,
        place: &Arc<Place>,
        family: Family,
    ) -> Result<Got, Trouble> {
        let arrived = Instant::now();
        let needed = self.written(family);
        for _ in 0..3 {
            let known = place.document();
            let is_written = known.as_ref().is_some_and(|known| needed.is_some_and(|at| known.checked < at));
            let is_new = |known: &Arc<Document>| {
                !is_written
                    && if request.is_fresh {
                        known.checked >= arrived
                    } else {
                        known.checked.elapsed() < self.max_age
                    }
            };
            if let Some(known) = known.clone().filter(is_new) {
                self.counters.count(Counted::Copy, Duration::ZERO);
                return Ok(Got::Document(known));
            }
            let ticket = self.join(request, key, place);
            let begun = ticket.begun;
            let must_wait = is_written || request.is_fresh || known.is_none();
            let landed = ticket.wait(if must_wait { Duration::MAX } else { PATIENCE }).await;
            let stale = known.filter(|known| !request.is_fresh && known.checked.elapsed() < self.stale_for);
            let is_late = begun < arrived && (request.is_fresh || needed.is_some_and(|at| begun < at));
            match (landed, stale) {
                (Some(Landed::Kept(_)), _) if is_late => {}
                (Some(Landed::Kept(document)), _) => {
                    self.counters.count(Counted::Copy, Duration::ZERO);
                    return Ok(Got::Document(document));
                }
                // It was somebody else who was refused, perhaps.
                (Some(Landed::Refused(answer)), _) if is_stranger(answer.status) => {
                    if begun >= arrived {
                        return Ok(Got::Refused(answer));
                    }
                }
                (Some(Landed::Refused(answer)), stale) => match stale {
                    Some(document) if answer.status.is_server_error() => {
                        self.counters.count(Counted::Stale, Duration::ZERO);
                        return Ok(Got::Stale(document));
                    }
                    _ => return Ok(Got::Refused(answer)),
                },
                (_, Some(document)) => {
                    self.counters.count(Counted::Stale, Duration::ZERO);
                    return Ok(Got::Stale(document));
                }
                (Some(Landed::Lost(trouble)), None) => return Err(trouble),
                (None, None) => return Err(Trouble::Unanswered("it takes too long".to_owned())),
            }
        }
        place
            .document()
            .map(Got::Stale)
            .ok_or_else(|| Trouble::Unanswered("it cannot be said for whom".to_owned()))
    }

    /// Joins those who wait for an answer, or asks.
    fn join(&self, request: &Request, key: &Key, place: &Arc<Place>) -> super::flight::Ticket<Landed> {
        place.flight.join(|| {
            let mut call = self.call(request, Kind::Shared(Family::Cluster), request.version);
            call.target.clone_from(&key.target);
            let known = place.document();
            let asks_for_news =
                known.as_ref().and_then(|known| known.told).filter(|_| is_conditional(request));
            if let Some(told) = asks_for_news {
                let sign = if call.target.contains('?') { '&' } else { '?' };
                call.target.push_str(&format!("{sign}update_time={told}"));
            }
            let (link, place) = (Arc::clone(&self.link), Arc::clone(place));
            async move {
                let begun = Instant::now();
                let answer = match link.ask(&call).await {
                    Ok(answer) => answer,
                    Err(trouble) => return Landed::Lost(trouble),
                };
                let document = match known {
                    Some(known) if answer.status == StatusCode::NOT_MODIFIED => known.confirmed(begun),
                    _ if is_kept(&answer) => {
                        if let Err(trouble) = check(&answer) {
                            return Landed::Lost(trouble);
                        }
                        match known.filter(|known| known.answer == answer) {
                            Some(known) => Document::new(answer, begun, known.revision),
                            None => Document::new(answer, begun, next_revision()),
                        }
                    }
                    _ => return Landed::Refused(answer),
                };
                let document = Arc::new(document);
                place.put(Arc::clone(&document));
                Landed::Kept(document)
            }
        })
    }

    /// Makes an answer of a copy.
    async fn shown(
        &self,
        request: &Request,
        document: Arc<Document>,
        version: &'static Version,
    ) -> Result<Reply, Trouble> {
        let age = Some(document.checked.elapsed());
        let list = list_of(request).filter(|_| document.answer.status == StatusCode::OK);
        let tag = list.map(|_| self.tag(document.revision));
        if tag.as_ref().is_some_and(|tag| is_known(request, tag)) {
            return Ok(Reply::unchanged(age.unwrap_or_default(), tag));
        }
        if is_conditional(request) && document.is_seen(since(request)) {
            return Ok(Reply::unchanged(age.unwrap_or_default(), tag));
        }
        let slices = list.filter(|_| !request.slice.is_whole() && request.is_json);
        if slices.is_none() && version.name == request.version.name {
            if !request.takes_gzip || document.answer.body.len() < SMALL {
                return Ok(Reply { age, tag, ..Reply::of(document.answer.clone()) });
            }
            let kept = Arc::clone(&document);
            let body = blocking(move || pack::stream([kept.packed()])).await?;
            let answer = Reply::of(document.answer.clone());
            return Ok(Reply { age, tag, body, is_gzip: true, ..answer });
        }
        let request = request.clone();
        blocking(move || {
            let answer = translate::answer(&request, version, document.answer.clone());
            let cut = list.and_then(|list| cut(&request.slice, list, &answer.body));
            let mut reply = Reply { age, tag, ..Reply::of(answer) };
            if let Some((body, next)) = cut {
                (reply.body, reply.next) = (body, next);
            }
            compressed(&request, reply)
        })
        .await
    }

    fn tag(&self, revision: u64) -> String {
        format!("W/\"{:x}-{revision:x}\"", self.instance)
    }

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
    async fn jobs(&self, request: &Request, user: &str, version: &'static Version) -> Result<Reply, Trouble> {
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
    async fn job(&self, request: &Request, user: &str, version: &'static Version) -> Result<Reply, Trouble> {
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
            target: target(request, version, ""),
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

/// What came of looking for a copy.
enum Got {
    /// One that is new enough.
    Document(Arc<Document>),
    /// One that is not, as no newer one could be had.
    Stale(Arc<Document>),
    /// An answer for whoever asks alone.
    Refused(Answer),
}

/// Hands an answer on that is for whoever asks alone.
fn refused(request: &Request, version: &'static Version, answer: Answer) -> Result<Reply, Trouble> {
    check(&answer)?;
    Ok(Reply::of(translate::answer(request, version, answer)))
}

/// Answers with the jobs of one number out of the list.
fn one_of_list(request: &Request, version: &'static Version, picture: &Picture, id: u32) -> Reply {
    let mut body = vec![picture.head()];
    for (place, job) in picture.family(id).iter().enumerate() {
        if place > 0 {
            body.push(Bytes::from_static(b","));
        }
        body.push(job.bytes.clone());
    }
    body.push(picture.tail(picture.told, None));
    let reply = Reply {
        status: StatusCode::OK,
        content_type: Some(HeaderValue::from_static("application/json")),
        body,
        is_gzip: false,
        age: Some(picture.checked.elapsed()),
        tag: None,
        next: None,
    };
    in_version(request, version, reply)
}

/// Writes a small answer in the version that was asked for.
fn in_version(request: &Request, from: &'static Version, reply: Reply) -> Reply {
    if from.name == request.version.name {
        return reply;
    }
    let body = Bytes::from(reply.body.concat());
    let answer = Answer { status: reply.status, content_type: reply.content_type.clone(), body };
    Reply { body: vec![translate::answer(request, from, answer).body], ..reply }
}

/// Answers shorter than this are not worth compressing.
const SMALL: usize = 1024;

/// Puts the whole list together, of pieces that are shared.
async fn whole_list(
    request: &Request,
    picture: &Arc<Picture>,
    tail: Bytes,
    reply: Reply,
) -> Result<Reply, Trouble> {
    if !request.takes_gzip {
        let pages = picture.pages.iter().map(|page| page.bytes.clone());
        let body = std::iter::once(picture.head()).chain(pages).chain([tail]).collect();
        return Ok(Reply { body, ..reply });
    }
    let put_together = |picture: &Picture, tail: &[u8]| {
        let (head, tail) = (Packed::of(&picture.head()), Packed::of(tail));
        let pages = picture.pages.iter().map(|page| page.packed());
        pack::stream(std::iter::once(&head).chain(pages).chain([&tail]))
    };
    let body = if picture.pages.iter().all(|page| page.is_packed()) {
        put_together(picture, &tail)
    } else {
        let picture = Arc::clone(picture);
        blocking(move || put_together(&picture, &tail)).await?
    };
    Ok(Reply { body, is_gzip: true, ..reply })
}

/// Writes a part of the list of jobs, or all of it in another version.
fn listed(
    request: &Request,
    version: &'static Version,
    picture: &Picture,
    tail: Bytes,
) -> (Vec<Bytes>, Option<u32>) {
    let slice = &request.slice;
    let mut jobs: Vec<&Arc<Entry>> = picture.entries().filter(|job| job.id >= slice.cursor).collect();
    let mut next = None;
    if slice.limit.is_some() || slice.cursor > 0 {
        jobs.sort_by_key(|job| job.id);
        let limit = slice.limit.unwrap_or(usize::MAX);
        next = jobs.get(limit).map(|job| job.id);
        jobs.truncate(limit);
    }
    let list = jobs.iter().map(|job| &*job.bytes).collect::<Vec<_>>().join(&b','.to_owned());
    let body = Bytes::from([&picture.head(), &list[..], &tail].concat());
    let answer = Answer { status: StatusCode::OK, content_type: None, body };
    let body = translate::answer(request, version, answer).body;
    if slice.fields.is_empty() {
        return (vec![body], next);
    }
    let all = Slice { fields: slice.fields.clone(), ..Slice::default() };
    (cut(&all, "jobs", &body).map_or_else(|| vec![body.clone()], |(body, _)| body), next)
}

/// Takes a slice of the list in an answer, by the places of its entries. `None` if there is no list in it.
fn cut(slice: &Slice, list: &str, body: &[u8]) -> Option<(Vec<Bytes>, Option<u32>)> {
    let first = usize::try_from(slice.cursor).unwrap_or(usize::MAX);
    let end = first.saturating_add(slice.limit.unwrap_or(usize::MAX));
    let (mut splitter, mut place, mut written) = (Splitter::new(list), 0_usize, Vec::new());
    let told = splitter.feed(body, |entry| {
        if (first..end).contains(&place) {
            if !written.is_empty() {
                written.push(b',');
            }
            if slice.fields.is_empty() {
                written.extend_from_slice(entry);
            } else {
                slurm_wire::versions::write_only(entry, |name| slice.fields.contains(name), &mut written);
            }
        }
        place += 1;
    });
    told.ok()?;
    let Around { head, tail } = splitter.end().ok()?;
    let next = (place > end).then(|| u32::try_from(end).ok()).flatten();
    Some((vec![Bytes::from(head), Bytes::from(written), Bytes::from(tail)], next))
}

/// Compresses an answer for those who understand it.
fn compressed(request: &Request, reply: Reply) -> Reply {
    let size: usize = reply.body.iter().map(Bytes::len).sum();
    if !request.takes_gzip || size < SMALL {
        return reply;
    }
    let packed: Vec<Packed> = reply.body.iter().map(|piece| Packed::of(piece)).collect();
    Reply { body: pack::stream(&packed), is_gzip: true, ..reply }
}

/// Does something that takes a while where it is in nobody's way.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Trouble::Garbage(format!("it cannot be read: {error}")))
}

fn is_known(request: &Request, tag: &str) -> bool {
    let known = request.known.as_deref().unwrap_or_default();
    known.trim() == "*" || known.split(',').any(|known| known.trim() == tag)
}

/// Returns the last `update_time` of a request, 0 for none.
fn since(request: &Request) -> i64 {
    let times = request.query.iter().filter(|(name, _)| name == "update_time");
    times.filter_map(|(_, value)| value.as_deref()?.parse().ok()).next_back().unwrap_or(0)
}

fn local_time(seconds: i64) -> String {
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Tells an answer from what somebody else between us and slurmrestd may have sent.
fn check(answer: &Answer) -> Result<(), Trouble> {
    let form = answer.content_type.as_ref().map(|form| form.as_bytes()).unwrap_or_default();
    let is_json = form.starts_with(b"application/json");
    let is_known = is_json || form.is_empty() || form.starts_with(b"text/plain") || form.ends_with(b"yaml");
    // What slurmrestd says of form it does not know in the form it was asked for.
    let is_known = is_known || form.starts_with(b"application/");
    if !is_known || is_json && !split::is_object(&answer.body) {
        let form = String::from_utf8_lossy(form).into_owned();
        return Err(Trouble::Garbage(format!("status {} and {form}", answer.status)));
    }
    Ok(())
}

/// Returns the jobs that a write names; none where it may be any.
fn touched(request: &Request, answer: Option<&Answer>) -> Vec<u32> {
    let number = |text: &str| text.split(['_', '+', '.']).next()?.parse::<u32>().ok();
    match (request.pattern, answer) {
        ("job/submit" | "job/allocate", Some(answer)) => {
            let mut compact = Splitter::new("");
            if compact.feed(&answer.body, |_| {}).is_err() {
                return Vec::new();
            }
            let Ok(Around { head, .. }) = compact.end() else { return Vec::new() };
            let job = field(&head, "job_id").and_then(split::number).and_then(|job| u32::try_from(job).ok());
            // A refusal makes no job.
            job.filter(|job| *job > 0).into_iter().collect()
        }
        ("job/*" | "job/*/requeue", _) => number(&request.parameter).into_iter().collect(),
        _ => Vec::new(),
    }
}
