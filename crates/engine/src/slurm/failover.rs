//! Several endpoints in the order in which they are named: the first that can be reached is asked, and one that failed
//! rests for a while.

use super::counters::{Counted, Counters};
use super::endpoint::Endpoint;
use super::transport::{Arriving, Sender, Sent};
use super::trouble::{Lost, Trouble};
use hyper::Method;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an endpoint rests after its first failure; twice as long after each further one.
const FIRST_REST: Duration = Duration::from_millis(100);
/// The longest it rests: short, as a slurmrestd is back within a second of its restart.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// The endpoints of a cluster.
pub(super) struct Lines {
    lines: Vec<Line>,
    counters: Arc<Counters>,
}

struct Line {
    endpoint: Endpoint,
    sender: Sender,
    rest: Mutex<Rest>,
}

#[derive(Default)]
struct Rest {
    failures: u32,
    until: Option<Instant>,
    why: String,
}

impl Lines {
    /// Opens them; nothing is sent yet.
    pub(super) fn open(
        endpoints: &[Endpoint],
        authority: Option<&Path>,
        counters: Arc<Counters>,
    ) -> io::Result<Self> {
        let line = |endpoint: &Endpoint| {
            let sender = Sender::new(endpoint, authority)?;
            Ok(Line { endpoint: endpoint.clone(), sender, rest: Mutex::default() })
        };
        Ok(Lines { lines: endpoints.iter().map(line).collect::<io::Result<_>>()?, counters })
    }

    /// Sends a request to the first endpoint that answers. What may have been carried out is sent once only, unless it
    /// can be repeated without harm.
    pub(super) async fn send(&self, sent: &Sent, is_repeatable: bool) -> Result<Arriving, Trouble> {
        let mut last = None;
        for line in &self.lines {
            if let Some(why) = line.rests() {
                last.get_or_insert(Trouble::Unreachable(format!("{}: {why}", line.endpoint)));
                continue;
            }
            let begun = Instant::now();
            let answer = line.sender.send(sent).await;
            self.counters.count(Counted::Call, begun.elapsed());
            match answer {
                Ok(arriving) => {
                    line.recovered();
                    return Ok(arriving);
                }
                Err(lost) => {
                    self.counters.count(Counted::Failure, Duration::ZERO);
                    line.failed(&lost, self.lines.len() > 1);
                    let is_over = !matches!(lost, Lost::Unreached(_)) && !is_repeatable;
                    let trouble = line.trouble(lost);
                    if is_over {
                        return Err(trouble);
                    }
                    last = Some(trouble);
                }
            }
        }
        Err(last.unwrap_or_else(|| Trouble::Unreachable("no endpoint is configured".to_owned())))
    }
}

/// Tells whether a request can be repeated without harm by its method alone.
pub(super) fn is_repeatable(method: &Method) -> bool {
    method == Method::GET
}

impl Line {
    /// Returns why it rests, if it does.
    fn rests(&self) -> Option<String> {
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.until.filter(|until| *until > Instant::now()).map(|_| rest.why.clone())
    }

    fn failed(&self, lost: &Lost, has_others: bool) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let why = match lost {
            Lost::Unreached(why) => why,
            // One that is slow may still answer others; but where there is another endpoint, that one does.
            Lost::Unanswered(why) | Lost::Garbage(why) if has_others => why,
            Lost::Unanswered(_) | Lost::Garbage(_) => return,
        };
        if rest.failures == 0 {
            tracing::warn!(endpoint = %self.endpoint, why, "slurmrestd fails");
        }
        let pause = FIRST_REST.saturating_mul(1 << rest.failures.min(10)).min(LONGEST_REST);
        rest.failures = rest.failures.saturating_add(1);
        rest.until = Some(Instant::now() + pause);
        rest.why.clone_from(why);
    }

    fn recovered(&self) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        if rest.failures > 0 {
            tracing::info!(endpoint = %self.endpoint, "slurmrestd answers again");
            *rest = Rest::default();
        }
    }

    fn trouble(&self, lost: Lost) -> Trouble {
        let named = |why: String| format!("{}: {why}", self.endpoint);
        match lost {
            Lost::Unreached(why) => Trouble::Unreachable(named(why)),
            Lost::Unanswered(why) => Trouble::Unanswered(named(why)),
            Lost::Garbage(why) => Trouble::Garbage(named(why)),
        }
    }
}
