//! How the list of all jobs is brought up to date.

use super::ask::{List, no_list};
use super::{Failed, JobsCopy, Landed, Read, SINGLY};
use crate::slurm::identity::As;
use crate::slurm::picture::Picture;
use crate::slurm::trouble::Trouble;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many jobs at a time are read one by one.
const AT_ONCE: usize = 8;
/// A long list is asked for as a whole this often, and not more often than [`SPARED`] times as long as it takes.
const WHOLE: Duration = Duration::from_secs(60);
const SPARED: u32 = 20;

impl JobsCopy {
    /// Reads the jobs anew that somebody wrote to; the list is as old as it was.
    pub(super) async fn read_touched(self: &Arc<Self>, who: &As) -> Landed {
        let (picture, touched, ahead) = {
            let kept = self.kept();
            (kept.picture.clone(), kept.touched.clone(), kept.ahead.clone())
        };
        let Some(picture) = picture else { return self.refresh(who).await };
        let jobs = touched.keys().copied().collect();
        let landed = self.read_singly(who, jobs, ahead, picture.checked).await;
        if landed.is_ok() {
            self.kept().touched.retain(|job, at| touched.get(job) != Some(at));
        }
        landed
    }

    /// Brings the list up to date.
    pub(super) async fn refresh(self: &Arc<Self>, who: &As) -> Landed {
        let begun = Instant::now();
        let (picture, touched, ahead, cost, whole_at) = {
            let kept = self.kept();
            let (touched, ahead) = (kept.touched.clone(), kept.ahead.clone());
            (kept.picture.clone(), touched, ahead, kept.cost, kept.whole_at)
        };
        let landed = match picture {
            None => self.read_first(who).await,
            Some(picture) => {
                let jobs: BTreeSet<u32> = touched.keys().copied().collect();
                if cost < self.quick {
                    self.read_if_changed(who, &picture, jobs, ahead, begun).await
                } else {
                    self.read_whole_at_times(who, cost, whole_at);
                    self.read_states(who, jobs, ahead, begun).await
                }
            }
        };
        let mut kept = self.kept();
        if kept.cost < self.quick {
            // They grow old while nobody looks at them.
            kept.states = None;
        }
        if landed.is_ok() {
            kept.touched.retain(|job, at| touched.get(job) != Some(at));
            kept.last = Some((begun.elapsed(), Instant::now()));
        }
        landed
    }

    /// Asks for the list for the first time. If it turns out to be long, the states of its jobs are what tells from here
    /// on that something has changed.
    async fn read_first(&self, who: &As) -> Landed {
        let states = self.states(who).await?;
        self.kept().states = Some(states);
        self.read_whole(who, Instant::now()).await
    }

    /// Has the whole list asked for, if that was long ago. It takes seconds; meanwhile states go on being asked for.
    fn read_whole_at_times(self: &Arc<Self>, who: &As, cost: Duration, last: Option<Instant>) {
        let pause = WHOLE.max(cost.saturating_mul(SPARED));
        if last.is_none_or(|at| at.elapsed() > pause) {
            drop(self.whole.join(|| {
                let (copy, who) = (Arc::clone(self), who.clone());
                async move { copy.read_whole(&who, Instant::now()).await }
            }));
        }
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

    /// Asks for the list if anything has changed. What was touched is read in any case: slurmctld notes the second in
    /// which a write came, and not that in which it was carried out.
    async fn read_if_changed(
        &self,
        who: &As,
        picture: &Arc<Picture>,
        touched: BTreeSet<u32>,
        ahead: HashMap<u32, Read>,
        begun: Instant,
    ) -> Landed {
        match self.list(who, Some(picture.told), begun).await? {
            List::Whole { entries, frame, told } => Ok(self.take_in(entries, frame, told, begun)),
            List::Unchanged if touched.is_empty() && ahead.is_empty() => {
                Ok(self.take_unchanged(picture, begun))
            }
            List::Unchanged => self.read_singly(who, touched, ahead, begun).await,
        }
    }

    /// Asks for the states of all jobs, and for the jobs anew that have another one than before.
    async fn read_states(
        &self,
        who: &As,
        touched: BTreeSet<u32>,
        ahead: HashMap<u32, Read>,
        begun: Instant,
    ) -> Landed {
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
        let landed = self.read_singly(who, jobs, ahead, begun).await;
        // What was not taken in must be seen as new again.
        self.kept().states = Some(if landed.is_ok() { states } else { before });
        landed
    }

    /// Reads jobs anew, and puts them into the list with those that were read already; it is true then as of `checked`.
    async fn read_singly(
        &self,
        who: &As,
        jobs: BTreeSet<u32>,
        ahead: HashMap<u32, Read>,
        checked: Instant,
    ) -> Landed {
        let read = stream::iter(jobs).map(|job| async move {
            let seen = Instant::now();
            Ok::<_, Failed>((job, Read { seen, entries: self.single(who, job, seen).await? }))
        });
        let read: Vec<(u32, Read)> = read.buffer_unordered(AT_ONCE).try_collect().await?;
        let all = ahead.into_iter().chain(read).collect();
        self.take_singly(all, checked).ok_or_else(no_list)
    }
}

/// Returns the number of the job, array or heterogeneous job that a name of `jobs/state/` begins with.
fn base(name: &str) -> Option<u32> {
    name.split(['_', '+']).next()?.parse().ok()
}
