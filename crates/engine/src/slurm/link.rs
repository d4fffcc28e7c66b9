//! Single calls to a cluster: with the right credentials, in a version that it offers, within limits.

use super::counters::{Counted, Counters};
use super::failover::{Lines, is_repeatable};
use super::flight::Flight;
use super::identity::{As, Credentials};
use super::mark;
use super::transport::{Answer, Arriving, Sent};
use super::trouble::Trouble;
use super::verdict::{Print, Verdict, Verdicts};
use super::versions::Offered;
use bytes::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The largest answer that is taken in as one.
const LARGEST: usize = 1 << 30;
/// How long it is remembered what a cluster offers.
const OFFERED: Duration = Duration::from_secs(600);
/// How long somebody waits whom the cluster has known before.
const PATIENCE: Duration = Duration::from_secs(1);
/// A time of which nothing has changed since: the answer to it is short, and only for those whom the cluster knows.
const FAR_AWAY: u32 = 4_102_444_800;

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) who: As,
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) accept: Option<HeaderValue>,
    pub(super) body: Bytes,
    /// Whether it may be sent again without harm.
    pub(super) is_repeatable: bool,
    /// How many times longer than usual the answer may take.
    pub(super) patience: u32,
}

impl Call {
    /// Makes a call that reads.
    pub(super) fn get(who: As, target: String) -> Self {
        Call {
            who,
            method: Method::GET,
            target,
            content_type: None,
            accept: None,
            body: Bytes::new(),
            is_repeatable: true,
            patience: 1,
        }
    }
}

/// A question whether the cluster knows somebody.
type Checking = Flight<Result<bool, Trouble>>;

/// The way to a cluster.
pub(super) struct Link {
    lines: Lines,
    credentials: Credentials,
    timeout: Duration,
    verdicts: Arc<Verdicts>,
    checking: Mutex<HashMap<Print, Arc<Checking>>>,
    offered: Mutex<Option<(Instant, Offered)>>,
    asking: Flight<Result<Offered, Trouble>>,
    pub(super) counters: Arc<Counters>,
}

impl Link {
    pub(super) fn new(
        lines: Lines,
        credentials: Credentials,
        timeout: Duration,
        counters: Arc<Counters>,
    ) -> Self {
        Link {
            lines,
            credentials,
            timeout,
            verdicts: Arc::default(),
            checking: Mutex::default(),
            offered: Mutex::default(),
            asking: Flight::default(),
            counters,
        }
    }

    /// Makes a call and waits for its answer to begin.
    pub(super) async fn begin(&self, call: &Call) -> Result<Arriving, Trouble> {
        let mut headers = self.credentials.headers(&call.who).await?;
        if let Some(form) = &call.content_type {
            headers.insert(CONTENT_TYPE, form.clone());
        }
        if let Some(form) = &call.accept {
            headers.insert(ACCEPT, form.clone());
        }
        let sent = Sent {
            method: call.method.clone(),
            target: call.target.clone(),
            headers,
            body: call.body.clone(),
            patience: self.timeout.saturating_mul(call.patience),
        };
        self.lines.send(&sent, call.is_repeatable && is_repeatable(&call.method)).await
    }

    /// Makes a call and takes its whole answer in, without the marks of jobs.
    pub(super) async fn ask(&self, call: &Call) -> Result<Answer, Trouble> {
        let answer = self.ask_all(call).await?;
        Ok(Answer { body: mark::without(answer.body), ..answer })
    }

    /// Makes a call and takes its whole answer in.
    pub(super) async fn ask_all(&self, call: &Call) -> Result<Answer, Trouble> {
        Ok(self.begin(call).await?.whole(LARGEST).await?)
    }

    /// Returns which versions the cluster offers; `who` asks if that is not known.
    pub(super) async fn offered(self: &Arc<Self>, who: &As) -> Result<Offered, Trouble> {
        let known = self.offered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_old = |at: &Instant| at.elapsed() > OFFERED;
        if let Some((at, offered)) = known {
            if is_old(&at) {
                // Whoever asks need not wait for it: it is news once in years.
                drop(self.join(who));
            }
            return Ok(offered);
        }
        let patience = self.timeout.saturating_mul(2);
        let late = || Trouble::Unanswered("it does not say what it offers".to_owned());
        self.join(who).wait(patience).await.unwrap_or_else(|| Err(late()))
    }

    fn join(self: &Arc<Self>, who: &As) -> super::flight::Ticket<Result<Offered, Trouble>> {
        self.asking.join(|| {
            let (link, who) = (Arc::clone(self), who.clone());
            async move { link.negotiate(who).await }
        })
    }

    async fn negotiate(&self, who: As) -> Result<Offered, Trouble> {
        let answer = self.ask(&Call::get(who, "/openapi/v3".to_owned())).await?;
        if answer.status != StatusCode::OK {
            return Err(Trouble::Garbage(format!("it answers {} for its description", answer.status)));
        }
        let offered = Offered::of_description(&answer.body);
        if offered.is_empty() {
            return Err(Trouble::Garbage("its description names no version that is known here".to_owned()));
        }
        let now = Some((Instant::now(), offered.clone()));
        let before =
            std::mem::replace(&mut *self.offered.lock().unwrap_or_else(PoisonError::into_inner), now);
        if before.is_none_or(|(_, before)| before != offered) {
            tracing::info!(versions = %offered, "the cluster offers its interface in these versions");
        }
        Ok(offered)
    }

    /// Finds out whether the cluster knows somebody; `version` is one that it offers. While the cluster cannot be asked
    /// or is slow, a verdict that is not older than `stale_for` counts.
    pub(super) async fn is_known(
        self: &Arc<Self>,
        token: &str,
        name: Option<&str>,
        version: &str,
        stale_for: Duration,
    ) -> Result<bool, Trouble> {
        let print = Print::of(token, name);
        let before = match self.verdicts.of(&print) {
            Verdict::Accepted => return Ok(true),
            Verdict::Refused => return Ok(false),
            Verdict::Unknown(before) => before.is_some_and(|age| age < stale_for),
        };
        let who = As::Bearer { token: token.to_owned(), name: name.map(str::to_owned) };
        let call = Call::get(who, format!("/slurm/{version}/partitions/?update_time={FAR_AWAY}"));
        let flight = {
            let mut checking = self.checking.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(checking.entry(print).or_default())
        };
        let ticket = flight.join(|| {
            let (link, token) = (Arc::clone(self), token.to_owned());
            async move {
                let verdict = link.verify(&call).await;
                if let Ok(is_accepted) = verdict {
                    link.verdicts.remember(print, &token, is_accepted);
                }
                link.checking.lock().unwrap_or_else(PoisonError::into_inner).remove(&print);
                verdict
            }
        });
        let patience = if before { PATIENCE } else { Duration::MAX };
        match ticket.wait(patience).await {
            Some(Ok(is_accepted)) => Ok(is_accepted),
            Some(Err(_)) | None if before => Ok(true),
            Some(Err(trouble)) => Err(trouble),
            None => Err(Trouble::Unanswered("it does not say who asks".to_owned())),
        }
    }

    async fn verify(&self, call: &Call) -> Result<bool, Trouble> {
        self.counters.count(Counted::Verified, Duration::ZERO);
        let status = self.ask(call).await?.status;
        match status {
            StatusCode::OK | StatusCode::NOT_MODIFIED => Ok(true),
            status if is_stranger(status) => Ok(false),
            status => Err(Trouble::Unanswered(format!("it answers {status}"))),
        }
    }
}

/// Tells whether an answer says that the cluster does not know who asks.
pub(super) fn is_stranger(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NETWORK_AUTHENTICATION_REQUIRED
    )
}
