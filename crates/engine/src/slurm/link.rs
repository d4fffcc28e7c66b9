//! Single calls to a cluster: with the right credentials, in a version that it offers, within limits.

use super::counters::{Counted, Counters};
use super::failover::{Lines, is_repeatable};
use super::flight::Flight;
use super::identity::{As, Credentials};
use super::transport::{Answer, Arriving, Sent};
use super::trouble::Trouble;
use super::verdict::{Print, Verdict, Verdicts};
use super::versions::Offered;
use bytes::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The largest answer that is taken in as one.
const LARGEST: usize = 1 << 30;
/// How long it is remembered what a cluster offers.
const OFFERED: Duration = Duration::from_secs(600);
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

/// The way to a cluster.
pub(super) struct Link {
    lines: Lines,
    credentials: Credentials,
    timeout: Duration,
    verdicts: Verdicts,
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
            verdicts: Verdicts::default(),
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

    /// Makes a call and takes its whole answer in.
    pub(super) async fn ask(&self, call: &Call) -> Result<Answer, Trouble> {
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

    /// Finds out whether the cluster knows somebody; `version` is one that it offers. With `stale_for` an older verdict
    /// counts while the cluster cannot be asked.
    pub(super) async fn is_known(
        &self,
        token: &str,
        name: Option<&str>,
        version: &str,
        stale_for: Duration,
    ) -> Result<bool, Trouble> {
        let print = Print::of(token, name);
        let before = match self.verdicts.of(&print) {
            Verdict::Accepted => return Ok(true),
            Verdict::Refused => return Ok(false),
            Verdict::Unknown(before) => before,
        };
        let who = As::Bearer { token: token.to_owned(), name: name.map(str::to_owned) };
        let target = format!("/slurm/{version}/partitions/?update_time={FAR_AWAY}");
        self.counters.count(Counted::Verified, Duration::ZERO);
        let trouble = match self.ask(&Call::get(who, target)).await {
            Ok(answer) => match answer.status {
                StatusCode::OK | StatusCode::NOT_MODIFIED => {
                    self.verdicts.remember(print, token, true);
                    return Ok(true);
                }
                StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::NETWORK_AUTHENTICATION_REQUIRED => {
                    self.verdicts.remember(print, token, false);
                    return Ok(false);
                }
                status => Trouble::Unanswered(format!("it answers {status}")),
            },
            Err(trouble) => trouble,
        };
        if before.is_some_and(|age| age < stale_for) { Ok(true) } else { Err(trouble) }
    }
}

/// Tells whether an answer says that the cluster does not know who asks.
pub(super) fn is_stranger(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NETWORK_AUTHENTICATION_REQUIRED
    )
}
