//! Maps by numbers that are given here, one after the other: nobody from outside chooses them, so that they need no hash
//! that withstands attacks.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map by the numbers of jobs, nodes, associations …
pub type ByNumber<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// A set of such numbers.
pub type Numbered<K> = HashSet<K, BuildHasherDefault<NumberHasher>>;

/// Spreads numbers by multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberHasher(u64);

/// An odd number without a pattern: two to the 64th by the golden ratio.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        // The upper bits are the better ones; tables look at the lower ones first.
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(FACTOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobId;

    #[test]
    fn numbers_are_found_again() {
        let map: ByNumber<(JobId, u16), u32> = (0..10_000).map(|id| ((JobId(id), 7), id)).collect();
        assert_eq!(map.len(), 10_000);
        assert!((0..10_000).all(|id| map.get(&(JobId(id), 7)) == Some(&id)));
        assert_eq!(map.get(&(JobId(1), 8)), None);
    }
}
