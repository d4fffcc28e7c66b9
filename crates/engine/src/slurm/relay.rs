//! Answers requests of Slurm's interface: from copies where that is right, else by handing them on.

use super::copies::Key;
use super::counters::{Count, Counted, Counters};
use super::document::Documents;
use super::endpoint::Endpoint;
use super::failover::Lines;
use super::identity::{As, Credentials, Identity};
use super::jobs::QUICK;
use super::kinds::{Family, Kind};
use super::link::{Call, Link};
use super::lists::List;
use super::patience::Waiting;
use super::rate::{Limiter, Rate};
use super::request::{Caller, Reply, Request, target};
use super::shape::in_version;
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

/// How many times longer than usual an allocation may take, which is answered once it has been made.
const ALLOCATION: u32 = 100_000;
/// How many times longer than usual accounting may take to list jobs.
const ACCOUNTING: u32 = 10;

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
    pub(super) counters: Arc<Counters>,
    pub(super) max_age: Duration,
    pub(super) stale_for: Duration,
    /// A list of jobs that takes longer is kept by the states of jobs.
    pub(super) quick: Duration,
    pub(super) is_private: bool,
    limiter: Limiter<String>,
    pub(super) documents: Documents<Key>,
    pub(super) lists: Mutex<HashMap<(Option<String>, &'static str), List>>,
    /// When something of a family was written last.
    written: [Mutex<Option<Instant>>; 3],
    /// Single jobs that were asked for lately.
    pub(super) singles: Mutex<HashMap<String, Instant>>,
    /// As whom the service itself asks; nobody where it cannot.
    pub(super) service: String,
    /// Submissions under clients' keys.
    pub(super) submissions: Option<Arc<Submissions>>,
    pub(super) waiting: Waiting,
    myself: Weak<Upstream>,
    /// What names the states that this service has seen.
    instance: u64,
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
        let service = match &config.identity {
            Identity::Caller => String::new(),
            Identity::Key { user, .. } | Identity::Service { user, .. } => user.clone(),
        };
        let credentials = Credentials::new(config.identity);
        let link = Link::new(lines, credentials, config.timeout, Arc::clone(&counters));
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Arc::new_cyclic(|myself| Upstream {
            link: Arc::new(link),
            counters,
            max_age: config.max_age,
            quick,
            service,
            submissions,
            waiting: Waiting::default(),
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
        match request.wait.filter(|_| request.changes_something()) {
            None => self.answer_once(&request).await,
            Some(wait) => self.answer_within(&request, wait).await,
        }
    }

    /// Answers a request as the cluster is now.
    pub(super) async fn answer_once(&self, request: &Request) -> Result<Reply, Trouble> {
        let who = request.caller.acts_as();
        let version = self.offered(&who).await?.nearest(request.version).ok_or(Trouble::NotOffered)?;
        if !translate::has(request, version) {
            return Err(Trouble::NotOffered);
        }
        if let Some(key) = request.key.as_ref().filter(|_| request.pattern == "job/submit") {
            let reply = self.submit(request, key, version).await?;
            return Ok(in_version(request, version, reply));
        }
        let reply = self.answer(request, version).await?;
        // A job that the cluster had lost may have another number now.
        let instead = || self.submissions.as_ref()?.instead_of(request.parameter.parse().ok()?);
        if request.pattern == "job/*"
            && reply.status == StatusCode::NOT_FOUND
            && let Some(job) = instead()
        {
            let request = Request { parameter: job.to_string(), ..request.clone() };
            return self.answer(&request, version).await;
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

    /// Tells whether the cluster knows whoever has this token; not, if it cannot be asked.
    pub async fn knows(&self, token: &str, name: Option<&str>) -> bool {
        let who = As::Bearer { token: token.to_owned(), name: name.map(str::to_owned) };
        let Ok(offered) = self.offered(&who).await else { return false };
        let Some(version) = offered.nearest(slurm_wire::versions::CURRENT) else { return false };
        self.link.is_known(token, name, version.name, self.stale_for).await.unwrap_or(false)
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
        let jobs = match family {
            Family::Jobs => touched(request, answer),
            // A node that is set down puts its jobs back.
            Family::Cluster if request.pattern.starts_with("node") => Vec::new(),
            Family::Cluster | Family::Accounting => return,
        };
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

    pub(super) fn written(&self, family: Family) -> Option<Instant> {
        *self.written_place(family).lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tag(&self, revision: u64) -> String {
        format!("W/\"{:x}-{revision:x}\"", self.instance)
    }
}

/// Hands an answer on that is for whoever asks alone.
pub(super) fn refused(
    request: &Request,
    version: &'static Version,
    answer: Answer,
) -> Result<Reply, Trouble> {
    check(&answer)?;
    Ok(Reply::of(translate::answer(request, version, answer)))
}

/// Tells an answer from what somebody else between us and slurmrestd may have sent.
pub(super) fn check(answer: &Answer) -> Result<(), Trouble> {
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
