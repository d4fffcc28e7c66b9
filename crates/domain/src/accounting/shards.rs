//! A map whose copies share what did not change: half a million entries are copied in an instant, and one change copies
//! a few hundred of them.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::Arc;

/// Into how many parts the entries are divided.
const PARTS: usize = 512;

/// The same everywhere, so that the same changes leave the same map.
type Hasher = BuildHasherDefault<DefaultHasher>;

type Part<K, V> = Arc<HashMap<K, V, Hasher>>;

/// The map.
#[derive(Clone, Debug)]
pub struct Shards<K: Eq + Hash, V> {
    parts: Arc<Vec<Part<K, V>>>,
    len: usize,
}

/// What was emptied is like what was never filled.
impl<K: Eq + Hash, V: PartialEq> PartialEq for Shards<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && (self.len == 0 || self.parts == other.parts)
    }
}

impl<K: Eq + Hash, V> Default for Shards<K, V> {
    fn default() -> Self {
        // Nothing is made before something is in it.
        Shards { parts: Arc::default(), len: 0 }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Shards<K, V> {
    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns what is kept under a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.parts.get(part_of(key))?.get(key)
    }

    /// Keeps something under a key in place of what was there.
    pub fn put(&mut self, key: K, value: V) {
        if self.part_mut(part_of(&key)).insert(key, value).is_none() {
            self.len += 1;
        }
    }

    /// Takes out what is kept under a key.
    pub fn take<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.get(key)?;
        let taken = self.part_mut(part_of(key)).remove(key);
        self.len -= usize::from(taken.is_some());
        taken
    }

    /// Goes through all, in no order that means anything.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.parts.iter().flat_map(|part| part.values())
    }

    fn part_mut(&mut self, at: usize) -> &mut HashMap<K, V, Hasher> {
        let parts = Arc::make_mut(&mut self.parts);
        if parts.is_empty() {
            // One and the same empty part everywhere, until something is put into it.
            parts.resize(PARTS, Part::default());
        }
        Arc::make_mut(&mut parts[at])
    }
}

fn part_of<Q: Hash + ?Sized>(key: &Q) -> usize {
    // The upper bits: the lower ones choose the place within the part.
    (Hasher::default().hash_one(key) >> 32) as usize % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut map = Shards::default();
        (0..5000_u32).for_each(|number| map.put(number, number));
        let before = map.clone();
        map.put(7, 70);
        assert_eq!(map.take(&8), Some(8));
        assert_eq!((map.get(&7), map.get(&8), map.len()), (Some(&70), None, 4999));
        assert_eq!((before.get(&7), before.get(&8), before.len()), (Some(&7), Some(&8), 5000));
        let shared = map.parts.iter().zip(before.parts.iter()).filter(|(one, other)| Arc::ptr_eq(one, other));
        assert!(shared.count() >= PARTS - 2);
    }
}
