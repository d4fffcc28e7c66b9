//! A map whose changes can be taken back, for what has to be true only if a transaction succeeds.

use std::collections::HashMap;
use std::hash::Hash;

/// What is kept in mind for changes of one transaction, and not given back between two of them.
const USUAL_CHANGES: usize = 1024;

/// A map that remembers what it was when its changes were last [kept](Undoable::keep). Before that happens for the first
/// time it remembers nothing.
#[derive(Debug)]
pub(super) struct Undoable<K, V> {
    map: HashMap<K, V>,
    before: Vec<(K, Option<V>)>,
    remembers: bool,
}

impl<K: Copy + Eq + Hash, V: Clone> Undoable<K, V> {
    /// Makes an empty map.
    pub(super) fn new() -> Self {
        Undoable { map: HashMap::new(), before: Vec::new(), remembers: false }
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, more: usize) {
        self.map.reserve(more);
    }

    /// Returns a value.
    pub(super) fn get(&self, key: K) -> Option<&V> {
        self.map.get(&key)
    }

    /// Puts a value in.
    pub(super) fn put(&mut self, key: K, value: V) {
        let before = self.map.insert(key, value);
        if self.remembers {
            self.before.push((key, before));
        }
    }

    /// Takes a value out.
    pub(super) fn take(&mut self, key: K) -> Option<V> {
        let value = self.map.remove(&key)?;
        if self.remembers {
            self.before.push((key, Some(value.clone())));
        }
        Some(value)
    }

    /// Makes the changes final.
    pub(super) fn keep(&mut self) {
        self.before.clear();
        self.before.shrink_to(USUAL_CHANGES);
        self.remembers = true;
    }

    /// Takes the changes back.
    pub(super) fn undo(&mut self) {
        while let Some((key, before)) = self.before.pop() {
            match before {
                Some(value) => self.map.insert(key, value),
                None => self.map.remove(&key),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undo_brings_back_what_was_kept() {
        let mut map = Undoable::new();
        map.put(1, "one");
        map.put(2, "two");
        map.keep();
        map.put(1, "uno");
        map.put(1, "eins");
        map.take(2);
        map.put(3, "three");
        map.take(4);
        map.undo();
        assert_eq!((map.get(1), map.get(2), map.get(3)), (Some(&"one"), Some(&"two"), None));
    }
}
