//! Contents used lately, in memory: a job that starts soon after its submission needs no disk, and submissions that
//! say the same things share one row on disk and one copy in memory.

use crate::content::Content;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Contents used lately. Two generations: what has not been used while the younger one filled up is dropped.
pub(super) struct Recent {
    young: Generation,
    old: Generation,
    most: usize,
    hasher: RandomState,
}

#[derive(Default)]
struct Generation {
    by_id: HashMap<i64, (Content, u64)>,
    by_hash: HashMap<u64, i64>,
    weight: usize,
}

impl Recent {
    /// Makes an empty one that takes about `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Recent { young: Generation::default(), old: Generation::default(), most, hasher: RandomState::new() }
    }

    /// Returns the number of a content that is equal. Hashes only find it; the bytes decide.
    pub(super) fn id_of(&mut self, content: &Content) -> Option<i64> {
        let hash = self.hasher.hash_one(content);
        let generations = [&self.young, &self.old];
        let mut same = generations.iter().filter_map(|generation| {
            let id = *generation.by_hash.get(&hash)?;
            generation.by_id.get(&id).is_some_and(|(other, _)| other == content).then_some(id)
        });
        let id = same.next()?;
        self.renew(id);
        Some(id)
    }

    /// Returns the content of this number.
    pub(super) fn content(&mut self, id: i64) -> Option<Content> {
        self.renew(id);
        self.young.by_id.get(&id).map(|(content, _)| content.clone())
    }

    /// Remembers a content.
    pub(super) fn keep(&mut self, id: i64, content: Content) {
        let hash = self.hasher.hash_one(&content);
        self.put(id, content, hash);
    }

    fn renew(&mut self, id: i64) {
        if !self.young.by_id.contains_key(&id)
            && let Some((content, hash)) = self.old.by_id.remove(&id)
        {
            self.put(id, content, hash);
        }
    }

    fn put(&mut self, id: i64, content: Content, hash: u64) {
        let weight = content.weight() + 100;
        if weight > self.most / 2 {
            return;
        }
        if self.young.weight + weight > self.most / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.weight += weight;
        self.young.by_hash.insert(hash, id);
        self.young.by_id.insert(id, (content, hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Content {
        Content::Script(text.as_bytes().into())
    }

    #[test]
    fn equal_contents_are_found_and_others_are_not() {
        let mut recent = Recent::new(10_000);
        recent.keep(1, script("one"));
        recent.keep(2, script("two"));
        assert_eq!(recent.id_of(&script("one")), Some(1));
        assert_eq!(recent.id_of(&script("three")), None);
        assert_eq!(recent.content(2), Some(script("two")));
        assert_eq!(recent.content(3), None);
    }

    #[test]
    fn what_is_used_outlives_what_is_not() {
        let mut recent = Recent::new(4_000);
        recent.keep(0, script("used"));
        for id in 1..100 {
            recent.keep(id, script(&id.to_string()));
            assert_eq!(recent.content(0), Some(script("used")));
        }
        assert_eq!(recent.content(1), None);
        assert!(recent.young.weight + recent.old.weight <= 4_000);
    }
}
