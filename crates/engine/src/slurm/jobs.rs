//! The copy of the list of all jobs. slurmrestd needs seconds for a long one, and tells either nothing or everything:
//! where the list is long the states of all jobs are asked for, which is cheap, and the jobs anew whose state changed.

use super::flight::{Flight, Ticket};
use super::identity::As;
use super::link::{Call, Link, is_stranger};
use super::picture::{Entry, Frame, Picture, Taken};
use super::split::{Splitter, field, set_number, text};
use super::transport::Answer;
use super::trouble::Trouble;
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::StatusCode;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A list that takes less than this is always asked for as a whole.
pub(super) const QUICK: Duration = Duration::from_millis(200);
/// Jobs that are read anew one by one; of more the whole list is asked for.
const SINGLY: usize = 1000;
/// How many of them at a time.
const AT_ONCE: usize = 8;
/// A long list is asked for as a whole this often, and not more often than [`SPARED`] times as long as it takes.
const WHOLE: Duration = Duration::from_secs(60);
const SPARED: u32 = 20;
/// Between two calls this many times as long as the last one took is nothing asked of a cluster that is slow.
const RESTS: u32 = 3;
/// How long somebody waits for news when there is something to tell.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many times longer than usual the whole list may take.
const LIST_PATIENCE: u32 = 10;

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
    whole: Flight<Landed>,
}

#[derive(Default)]
struct Kept {
    picture: Option<Arc<Picture>>,
    /// Jobs that somebody wrote to, with when that had been carried out.
    touched: HashMap<u32, Instant>,
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

/// A list, and why it is not newer, if it is older than it should be.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) picture: Arc<Picture>,
    pub(super) is_stale: bool,
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
            let (picture, must_wait) = match (picture, is_due) {
                (Some(picture), Due::No) => return Ok(Current { picture, is_stale: false }),
                (Some(picture), Due::Soon) => {
                    drop(self.join(who));
                    return Ok(Current { picture, is_stale: false });
                }
                (Some(picture), Due::Slow) => {
                    drop(self.join(who));
                    return Ok(Current { picture, is_stale: true });
                }
                (picture, Due::Now { must_wait }) => (picture, must_wait),
                (None, _) => (None, true),
            };
            let ticket = self.join(who);
            let patience = if must_wait { Duration::MAX } else { PATIENCE };
            let begun = ticket.begun;
            let picture = picture.filter(|picture| !is_fresh && picture.checked.elapsed() < stale_for);
            match (ticket.wait(patience).await, picture) {
                (Some(Ok(_)), _) if begun < arrived => {}
                (Some(Ok(picture)), _) => return Ok(Current { picture, is_stale: false }),
                (Some(Err(Failed::Stranger(_))), _) if begun < arrived => {}
                (Some(Err(Failed::Stranger(answer))), _) => return Err(Failed::Stranger(answer)),
                (None | Some(Err(_)), Some(picture)) => return Ok(Current { picture, is_stale: true }),
                (Some(Err(why)), _) => return Err(why),
                (None, _) => failed = Some(Trouble::Unanswered("the list of jobs takes too long".to_owned())),
            }
        }
        let picture = self.kept().picture.clone();
        match (picture, failed) {
            (Some(picture), None) => Ok(Current { picture, is_stale: false }),
            (_, failed) => {
                Err(Failed::Lost(failed.unwrap_or(Trouble::Unanswered("no list came".to_owned()))))
            }
        }
    }

    fn is_due(&self, kept: &Kept, arrived: Instant, is_fresh: bool, stale_for: Duration) -> Due {
        let Some(picture) = &kept.picture else { return Due::Now { must_wait: true } };
        if is_fresh && picture.checked < arrived
            || !kept.touched.is_empty()
            || kept.since.is_some_and(|since| picture.checked < since)
        {
            return Due::Now { must_wait: true };
        }
        let age = picture.checked.elapsed();
        let cost = kept.last.map_or(Duration::ZERO, |(cost, _)| cost);
        let ahead = (cost.saturating_mul(2) + Duration::from_millis(50)).min(self.max_age / 2);
        if age + ahead < self.max_age {
            return Due::No;
        }
        let rests = kept.last.is_some_and(|(cost, over)| {
            cost > self.max_age / 4 && over.elapsed() < cost.saturating_mul(RESTS)
        });
        match () {
            () if rests && age < self.max_age => Due::No,
            () if age < self.max_age => Due::Soon,
            // A cluster that is slow is left alone for a while; the age is told.
            () if rests && age < stale_for => Due::Slow,
            () => Due::Now { must_wait: false },
        }
    }

    fn join(self: &Arc<Self>, who: &As) -> Ticket<Landed> {
        self.flight.join(|| {
            let (copy, who) = (Arc::clone(self), who.clone());
            async move { copy.refresh(&who).await }
        })
    }

    async fn refresh(self: &Arc<Self>, who: &As) -> Landed {
        let begun = Instant::now();
        let (picture, touched, since, cost, whole_at) = {
            let kept = self.kept();
            (kept.picture.clone(), kept.touched.clone(), kept.since, kept.cost, kept.whole_at)
        };
        let Some(picture) = picture else {
            // If the list turns out to be long, its states are what tells from here on that something has changed.
            let states = self.states(who).await?;
            self.kept().states = Some(states);
            return self.read_whole(who, Instant::now()).await;
        };
        let is_written = since.is_some_and(|since| picture.checked < since);
        let is_young = picture.checked.elapsed() < self.max_age / 2;
        let landed = if !touched.is_empty() && is_young && !is_written {
            self.read_singly(who, touched.keys().copied().collect(), picture.checked).await
        } else if cost < self.quick {
            self.read_if_changed(who, &picture, begun).await
        } else {
            let pause = WHOLE.max(cost.saturating_mul(SPARED));
            if whole_at.is_none_or(|at| at.elapsed() > pause) {
                // It takes seconds; meanwhile states go on being asked for.
                drop(self.whole.join(|| {
                    let (copy, who) = (Arc::clone(self), who.clone());
                    async move { copy.read_whole(&who, Instant::now()).await }
                }));
            }
            self.read_states(who, touched.keys().copied().collect(), begun).await
        };
        if cost < self.quick {
            // They grow old while nobody looks at them.
            self.kept().states = None;
        }
        if landed.is_ok() {
            let mut kept = self.kept();
            kept.touched.retain(|job, at| touched.get(job) != Some(at));
            kept.last = Some((begun.elapsed(), Instant::now()));
        }
        landed
    }

    /// Asks for the whole list.
    async fn read_whole(&self, who: &As, begun: Instant) -> Landed {
        self.kept().whole_at = Some(begun);
        let (entries, frame, told) = match self.list(who, None, begun).await? {
            List::Whole { entries, frame, told } => (entries, frame, told),
            List::Unchanged => return Err(Failed::Lost(Trouble::Garbage("no list of jobs".to_owned()))),
        };
        Ok(self.take_in(entries, frame, told, begun))
    }

    /// Asks for the list if anything has changed.
    async fn read_if_changed(&self, who: &As, picture: &Arc<Picture>, begun: Instant) -> Landed {
        match self.list(who, Some(picture.told), begun).await? {
            List::Whole { entries, frame, told } => Ok(self.take_in(entries, frame, told, begun)),
            List::Unchanged => {
                let mut kept = self.kept();
                let now = cluster_time(picture, begun);
                let mut confirmed = picture.confirmed(begun, now);
                // Slurm calls unchanged what changed in an earlier second than that it was asked about.
                confirmed.changed = confirmed.changed.min(picture.told - 1);
                kept.since = kept.since.filter(|since| *since > begun);
                let confirmed = Arc::new(confirmed);
                kept.picture = Some(Arc::clone(&confirmed));
                Ok(confirmed)
            }
        }
    }

    async fn list(&self, who: &As, since: Option<i64>, begun: Instant) -> Result<List, Failed> {
        let query = since.map(|since| format!("?update_time={since}")).unwrap_or_default();
        let mut call = Call::get(who.clone(), format!("{}/jobs/{query}", self.base));
        call.patience = self.list_patience();
        let mut arriving = self.link.begin(&call).await?;
        if arriving.status != StatusCode::OK {
            let answer = arriving.whole(1 << 20).await.map_err(Trouble::from)?;
            return Err(refused(answer));
        }
        let (mut splitter, mut entries) = (Splitter::new("jobs"), Vec::new());
        while let Some(piece) = arriving.piece().await.map_err(Trouble::from)? {
            let told = splitter.feed(&piece, |entry| entries.extend(Entry::of(entry, begun)));
            told.map_err(|_| no_list())?;
        }
        let around = splitter.end().map_err(|_| no_list())?;
        let object = [around.head, around.tail].concat();
        let told = field(&object, "last_update").and_then(set_number).unwrap_or(0);
        if entries.is_empty() && told == 0 && since.is_some() {
            return Ok(List::Unchanged);
        }
        let part = |name| field(&object, name).map(<[u8]>::to_vec);
        let (Some(last_backfill), Some(meta)) = (part("last_backfill"), part("meta")) else {
            return Err(no_list());
        };
        let frame = Frame { last_backfill, meta };
        self.kept().cost = begun.elapsed();
        Ok(List::Whole { entries: entries.into_iter().map(Arc::new).collect(), frame, told })
    }

    /// As long as the list may need; of one that is never slow not for minutes, as it would hang for that long.
    fn list_patience(&self) -> u32 {
        let cost = self.kept().cost;
        if cost.is_zero() || cost > self.quick { LIST_PATIENCE } else { 1 }
    }

    /// Puts a whole list in the place of the one before; jobs that were read since it was asked for stay as they are.
    fn take_in(&self, entries: Vec<Arc<Entry>>, frame: Frame, told: i64, begun: Instant) -> Arc<Picture> {
        let mut kept = self.kept();
        let before = kept.picture.clone();
        let mut known: HashMap<u32, Arc<Entry>> = HashMap::new();
        for entry in before.iter().flat_map(|picture| picture.entries()) {
            known.insert(entry.id, Arc::clone(entry));
        }
        let mut list = Vec::with_capacity(entries.len());
        for entry in entries {
            match known.remove(&entry.id) {
                Some(old) if old.seen > begun || old.bytes == entry.bytes => list.push(old),
                _ => list.push(entry),
            }
        }
        if !known.is_empty() {
            let newer = before.iter().flat_map(|picture| picture.entries());
            list.extend(newer.filter(|old| old.seen > begun && known.contains_key(&old.id)).cloned());
        }
        let is_same = before.as_ref().is_some_and(|before| {
            before.len() == list.len()
                && before.entries().zip(&list).all(|(one, other)| Arc::ptr_eq(one, other))
        });
        let (changed, revision) = match &before {
            Some(before) if is_same => (before.changed, before.revision),
            _ => (told, next_revision()),
        };
        let checked = before.as_ref().map_or(begun, |before| before.checked.max(begun));
        let told = before.as_ref().filter(|before| before.checked > begun).map_or(told, |before| before.told);
        let at = Taken { checked, told, changed, revision };
        let picture = Arc::new(Picture::new(&list, before.as_deref(), frame, at));
        kept.picture = Some(Arc::clone(&picture));
        kept.since = kept.since.filter(|since| *since > begun);
        picture
    }

    /// Asks for the states of all jobs, and for the jobs anew that have another one than before.
    async fn read_states(&self, who: &As, touched: BTreeSet<u32>, begun: Instant) -> Landed {
        let states = self.states(who).await?;
        let before = self.kept().states.take();
        let Some(before) = before else {
            // From here on changes are seen; what the list lacks until now it is asked for.
            self.kept().states = Some(states);
            return self.read_whole(who, Instant::now()).await;
        };
        let mut jobs = touched;
        jobs.extend(
            states
                .iter()
                .filter(|(name, state)| before.get(*name) != Some(state))
                .filter_map(|(name, _)| base(name)),
        );
        jobs.extend(before.keys().filter(|name| !states.contains_key(*name)).filter_map(|name| base(name)));
        if jobs.len() > SINGLY {
            self.kept().states = Some(states);
            return self.read_whole(who, Instant::now()).await;
        }
        let landed = self.read_singly(who, jobs, begun).await;
        // What was not taken in must be seen as new again.
        self.kept().states = Some(if landed.is_ok() { states } else { before });
        landed
    }

    async fn states(&self, who: &As) -> Result<HashMap<Box<str>, u64>, Failed> {
        let call = Call::get(who.clone(), format!("{}/jobs/state/", self.base));
        let mut arriving = self.link.begin(&call).await?;
        if arriving.status != StatusCode::OK {
            return Err(refused(arriving.whole(1 << 20).await.map_err(Trouble::from)?));
        }
        let (mut splitter, mut states) = (Splitter::new("jobs"), HashMap::new());
        while let Some(piece) = arriving.piece().await.map_err(Trouble::from)? {
            let told = splitter.feed(&piece, |entry| {
                if let Some(name) = field(entry, "job_id").and_then(text) {
                    let mut hasher = DefaultHasher::new();
                    field(entry, "state").hash(&mut hasher);
                    states.insert(Box::from(name), hasher.finish());
                }
            });
            told.map_err(|_| no_list())?;
        }
        splitter.end().map_err(|_| no_list())?;
        Ok(states)
    }

    /// Reads jobs anew, and puts them into the list, which is then true as of `checked`.
    async fn read_singly(&self, who: &As, jobs: BTreeSet<u32>, checked: Instant) -> Landed {
        let read = stream::iter(jobs).map(|job| async move {
            let seen = Instant::now();
            Ok::<_, Failed>((job, self.single(who, job, seen).await?))
        });
        let read: Vec<(u32, Vec<Arc<Entry>>)> = read.buffer_unordered(AT_ONCE).try_collect().await?;
        let mut kept = self.kept();
        let Some(before) = kept.picture.clone() else { return Err(no_list()) };
        let families: HashSet<u32> = read.iter().map(|(job, _)| *job).collect();
        let mut news: HashMap<u32, Arc<Entry>> =
            read.into_iter().flat_map(|(_, entries)| entries).map(|entry| (entry.id, entry)).collect();
        let mut list = Vec::with_capacity(before.len() + news.len());
        let mut is_changed = false;
        for old in before.entries() {
            match news.remove(&old.id) {
                Some(new) if new.bytes != old.bytes => {
                    is_changed = true;
                    list.push(new);
                }
                Some(_) => list.push(Arc::clone(old)),
                // The cluster told of all jobs of the number: this one is gone.
                None if families.contains(&old.family) || families.contains(&old.id) => is_changed = true,
                None => list.push(Arc::clone(old)),
            }
        }
        let mut rest: Vec<Arc<Entry>> = news.into_values().collect();
        rest.sort_by_key(|entry| entry.id);
        is_changed |= !rest.is_empty();
        list.extend(rest);
        let checked = checked.max(before.checked);
        let told = cluster_time(&before, checked);
        let picture = if is_changed {
            // It is now that others are told of it: who was told everything before has not seen it.
            let changed = cluster_time(&before, Instant::now()) + 1;
            let at = Taken { checked, told, changed, revision: next_revision() };
            Picture::new(&list, Some(&before), before.frame.clone(), at)
        } else {
            before.confirmed(checked, told)
        };
        let picture = Arc::new(picture);
        kept.picture = Some(Arc::clone(&picture));
        kept.since = kept.since.filter(|since| *since > checked);
        Ok(picture)
    }

    async fn single(&self, who: &As, job: u32, seen: Instant) -> Result<Vec<Arc<Entry>>, Failed> {
        let call = Call::get(who.clone(), format!("{}/job/{job}", self.base));
        let answer = self.link.ask_all(&call).await?;
        match answer.status {
            StatusCode::NOT_FOUND => return Ok(Vec::new()),
            StatusCode::OK => {}
            _ => return Err(refused(answer)),
        }
        let (mut splitter, mut entries) = (Splitter::new("jobs"), Vec::new());
        let told = splitter.feed(&answer.body, |entry| entries.extend(Entry::of(entry, seen)));
        told.and_then(|()| splitter.end()).map_err(|_| no_list())?;
        Ok(entries.into_iter().map(Arc::new).collect())
    }
}

/// When a list has to be asked for.
enum Due {
    No,
    /// It will be, so that one can begin.
    Soon,
    /// It is, and the cluster is slow.
    Slow,
    /// It is.
    Now {
        /// What there is will not do.
        must_wait: bool,
    },
}

enum List {
    Whole { entries: Vec<Arc<Entry>>, frame: Frame, told: i64 },
    Unchanged,
}

/// Returns the cluster's time at a moment, in seconds, from what it told last.
fn cluster_time(picture: &Picture, at: Instant) -> i64 {
    let passed = at.saturating_duration_since(picture.checked).as_secs();
    picture.told.saturating_add(i64::try_from(passed).unwrap_or(0))
}

/// Returns the number of the job, array or heterogeneous job that a name of `jobs/state/` begins with.
fn base(name: &str) -> Option<u32> {
    name.split(['_', '+']).next()?.parse().ok()
}

fn no_list() -> Failed {
    Failed::Lost(Trouble::Garbage("that is no list of jobs".to_owned()))
}

fn refused(answer: Answer) -> Failed {
    match answer.status {
        status if is_stranger(status) => Failed::Stranger(answer),
        status if status.is_server_error() => {
            Failed::Lost(Trouble::Unanswered(format!("it answers {status} for the list of jobs")))
        }
        _ => Failed::Refused(answer),
    }
}
