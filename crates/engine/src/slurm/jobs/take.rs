//! What was told of jobs, put in its place in the list.

use super::{JobsCopy, Kept, Read, next_revision};
use crate::slurm::picture::{Entry, Frame, Picture, Taken};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

impl JobsCopy {
    /// Puts a whole list in the place of the one before; jobs that were read since it was asked for stay as they are.
    pub(super) fn take_in(
        &self,
        entries: Vec<Arc<Entry>>,
        frame: Frame,
        told: i64,
        begun: Instant,
    ) -> Arc<Picture> {
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
        kept.forget_before(begun);
        picture
    }

    /// Puts jobs that were read one by one in their places; the list is true then as of `checked`. `None` if there is
    /// no list.
    pub(super) fn take_singly(&self, read: HashMap<u32, Read>, checked: Instant) -> Option<Arc<Picture>> {
        let mut kept = self.kept();
        let before = kept.picture.clone()?;
        let mut news: HashMap<u32, Arc<Entry>> = HashMap::new();
        for entry in read.values().flat_map(|read| &read.entries) {
            let known = news.entry(entry.id).or_insert_with(|| Arc::clone(entry));
            if known.seen < entry.seen {
                *known = Arc::clone(entry);
            }
        }
        let mut list = Vec::with_capacity(before.len() + news.len());
        let mut is_changed = false;
        for old in before.entries() {
            let gone = || {
                [old.family, old.id].iter().any(|id| read.get(id).is_some_and(|read| read.seen > old.seen))
            };
            match news.remove(&old.id) {
                Some(new) if new.bytes != old.bytes && new.seen >= old.seen => {
                    is_changed = true;
                    list.push(new);
                }
                Some(_) => list.push(Arc::clone(old)),
                // The cluster told of all jobs of the number: this one is gone.
                None if gone() => is_changed = true,
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
        kept.ahead.retain(|job, ahead| read.get(job).is_none_or(|read| read.seen < ahead.seen));
        kept.since = kept.since.filter(|since| *since > checked);
        Some(picture)
    }

    /// Notes that nothing has changed, as was said to a call that began then.
    pub(super) fn take_unchanged(&self, picture: &Picture, begun: Instant) -> Arc<Picture> {
        let mut kept = self.kept();
        let now = cluster_time(picture, begun);
        let mut confirmed = picture.confirmed(begun, now);
        // Slurm calls unchanged what changed in an earlier second than that it was asked about.
        confirmed.changed = confirmed.changed.min(picture.told - 1);
        let confirmed = Arc::new(confirmed);
        kept.picture = Some(Arc::clone(&confirmed));
        kept.forget_before(begun);
        confirmed
    }
}

impl Kept {
    /// Forgets what the list has that was asked for then.
    fn forget_before(&mut self, begun: Instant) {
        self.since = self.since.filter(|since| *since > begun);
        self.ahead.retain(|_, ahead| ahead.seen > begun);
    }
}

/// Returns the cluster's time at a moment, in seconds, from what it told last.
fn cluster_time(picture: &Picture, at: Instant) -> i64 {
    let passed = at.saturating_duration_since(picture.checked).as_secs();
    picture.told.saturating_add(i64::try_from(passed).unwrap_or(0))
}
