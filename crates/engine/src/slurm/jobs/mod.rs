//! The copy of the list of all jobs. slurmrestd needs seconds for a long one, and tells either nothing or everything:
//! where the list is long the states of all jobs are asked for, which is cheap, and the jobs anew whose state changed.
//!
//! `due` says when the list has to be asked for, `refresh` how it is brought up to date, `ask` makes the calls, and `take`
//! puts in its place what they tell.

mod ask;
mod due;
mod refresh;
mod take;

use super::flight::{Flight, Ticket};
use super::identity::As;
use super::link::Link;
use super::picture::{Entry, Picture};
use super::transport::Answer;
use super::trouble::Trouble;
use due::Due;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A list that takes less than this is always asked for as a whole.
pub(super) const QUICK: Duration = Duration::from_millis(200);
/// Jobs that are read anew one by one; of more the whole list is asked for.
const SINGLY: usize = 1000;
/// How long somebody waits for news when there is something to tell.
const PATIENCE: Duration = Duration::from_secs(1);

/// Numbers of states that were taken in; they differ between copies as well.
static REVISIONS: AtomicU64 = AtomicU64::new(1);

/// Returns a number that no state had before.
pub(super) fn next_revision() -> u64 {
    REVISIONS.fetch_add(1, Ordering::Relaxed)
}

/// The copy, in one version and for those who see the same. A list that takes less than `quick` is asked for as a whole.
pub(super) struct JobsCopy {
    link: Arc<Link>,
    /// `/slurm/VERSION`.
    base: String,
    max_age: Duration,
    quick: Duration,
    kept: Mutex<Kept>,
    flight: Flight<Landed>,
    /// The same for jobs that were touched, which need not wait for news of all.
    touching: Flight<Landed>,
    whole: Flight<Landed>,
}

#[derive(Default)]
struct Kept {
    picture: Option<Arc<Picture>>,
    /// Jobs that somebody wrote to, with when that had been carried out.
    touched: HashMap<u32, Instant>,
    /// Jobs that somebody read since the list was made, to be taken into the next one.
    ahead: HashMap<u32, Read>,
    /// Nothing that was asked before this moment will do.
    since: Option<Instant>,
    /// What was known of states last: by the name of a job or task.
    states: Option<HashMap<Box<str>, u64>>,
    /// How long the whole list took last.
    cost: Duration,
    /// How long the last call took, and when it was over.
    last: Option<(Duration, Instant)>,
    /// When the whole list was asked for last.
    whole_at: Option<Instant>,
}

/// All jobs of one number.
#[derive(Clone)]
struct Read {
    /// When the call began that told of them.
    seen: Instant,
    entries: Vec<Arc<Entry>>,
}

/// What an attempt to be up to date came to.
type Landed = Result<Arc<Picture>, Failed>;

/// Why there is no newer list.
#[derive(Clone, Debug)]
pub(super) enum Failed {
    /// The cluster does not know who asked.
    Stranger(Answer),
    /// It answers something else than a list.
    Refused(Answer),
    /// There was no answer.
    Lost(Trouble),
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Failed::Lost(trouble)
    }
}

/// A list.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) picture: Arc<Picture>,
    /// It is older than it should be.
    pub(super) is_stale: bool,
    /// Why, unless the cluster is only slow.
    pub(super) failed: Option<Failed>,
}

impl Current {
    fn good(picture: Arc<Picture>) -> Self {
        Current { picture, is_stale: false, failed: None }
    }

    fn stale(picture: Arc<Picture>, failed: Option<Failed>) -> Self {
        Current { picture, is_stale: true, failed }
    }
}

impl JobsCopy {
    pub(super) fn new(link: Arc<Link>, version: &str, max_age: Duration, quick: Duration) -> Self {
        JobsCopy {
            link,
            base: format!("/slurm/{version}"),
            max_age,
            quick,
            kept: Mutex::default(),
            flight: Flight::default(),
            touching: Flight::default(),
            whole: Flight::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that jobs were written to; without any, that something of the list was.
    pub(super) fn touch(&self, jobs: &[u32]) {
        let (mut kept, now) = (self.kept(), Instant::now());
        if jobs.is_empty() || kept.touched.len() + jobs.len() > SINGLY {
            kept.since = Some(now);
            kept.touched.clear();
        } else {
            kept.touched.extend(jobs.iter().map(|job| (*job, now)));
        }
    }

    /// Returns the last list, however old.
    pub(super) fn last(&self) -> Option<Arc<Picture>> {
        self.kept().picture.clone()
    }

    /// Tells whether the list is kept up to date at the moment.
    pub(super) fn is_warm(&self) -> bool {
        let kept = self.kept();
        kept.picture
            .as_ref()
            .is_some_and(|picture| picture.checked.elapsed() < self.max_age.saturating_mul(2))
    }

    /// Reads the jobs of a number, none if there are none; the next list has them as they are now.
    pub(super) async fn read_now(&self, who: &As, job: u32) -> Result<Vec<Arc<Entry>>, Failed> {
        let seen = Instant::now();
        let entries = self.single(who, job, seen).await?;
        let mut kept = self.kept();
        if kept.picture.is_some() && kept.ahead.len() < SINGLY {
            // What was written before it was read need not be read once more.
            kept.touched.retain(|touched, at| *touched != job || *at > seen);
            kept.ahead.insert(job, Read { seen, entries: entries.clone() });
        }
        Ok(entries)
    }

    /// Returns the list as it is now, or was a moment ago; with `is_fresh` nothing that was asked for before this call.
    /// Where there is no news for long the last one that is not older than `stale_for` does, unless it must be fresh.
    pub(super) async fn current(
        self: &Arc<Self>,
        who: &As,
        is_fresh: bool,
        stale_for: Duration,
    ) -> Result<Current, Failed> {
        let arrived = Instant::now();
        // Whoever only waited for somebody else's call that had begun too early waits once more, and no further.
        let mut failed = None;
        for _ in 0..3 {
            let (picture, is_due) = {
                let kept = self.kept();
                (kept.picture.clone(), self.is_due(&kept, arrived, is_fresh, stale_for))
            };
            let is_touched = matches!(is_due, Due::Touched);
            let (picture, must_wait) = match (picture, is_due) {
                (Some(picture), Due::No) => return Ok(Current::good(picture)),
                (Some(picture), Due::Soon) => {
                    drop(self.join(who));
                    return Ok(Current::good(picture));
                }
                (Some(picture), Due::Slow) => {
                    drop(self.join(who));
                    return Ok(Current::stale(picture, None));
                }
                (picture, Due::Now { must_wait }) => (picture, must_wait),
                (picture, Due::Touched) => (picture, true),
                (None, _) => (None, true),
            };
            let ticket = if is_touched { self.join_touching(who) } else { self.join(who) };
            let patience = if must_wait { Duration::MAX } else { PATIENCE };
            let begun = ticket.begun;
            let picture = picture.filter(|picture| !is_fresh && picture.checked.elapsed() < stale_for);
            match (ticket.wait(patience).await, picture) {
                (Some(Ok(_)), _) if begun < arrived => {}
                (Some(Ok(picture)), _) => return Ok(Current::good(picture)),
                (Some(Err(Failed::Stranger(_))), _) if begun < arrived => {}
                (Some(Err(Failed::Stranger(answer))), _) => return Err(Failed::Stranger(answer)),
                (None, Some(picture)) => return Ok(Current::stale(picture, None)),
                (Some(Err(why)), Some(picture)) => return Ok(Current::stale(picture, Some(why))),
                (Some(Err(why)), _) => return Err(why),
                (None, _) => failed = Some(Trouble::Unanswered("the list of jobs takes too long".to_owned())),
            }
        }
        let picture = self.kept().picture.clone();
        match (picture, failed) {
            (Some(picture), None) => Ok(Current::good(picture)),
            (_, failed) => {
                Err(Failed::Lost(failed.unwrap_or(Trouble::Unanswered("no list came".to_owned()))))
            }
        }
    }

    fn join(self: &Arc<Self>, who: &As) -> Ticket<Landed> {
        self.flight.join(|| {
            let (copy, who) = (Arc::clone(self), who.clone());
            async move { copy.refresh(&who).await }
        })
    }

    fn join_touching(self: &Arc<Self>, who: &As) -> Ticket<Landed> {
        self.touching.join(|| {
            let (copy, who) = (Arc::clone(self), who.clone());
            async move { copy.read_touched(&who).await }
        })
    }
}
