//! Chance that comes out the same for the same seed.

/// A generator of numbers (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    /// Makes one from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// Returns the next number: a seed for other dice.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from 0 up to but not including `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end.max(1))).unwrap()
    }

    /// Returns a number from 1 to `last`.
    pub(crate) fn up_to(&mut self, last: u32) -> u32 {
        1 + self.below(last)
    }

    /// Returns a number from 1 to `last`.
    pub(crate) fn few(&mut self, last: u16) -> u16 {
        u16::try_from(self.up_to(u32::from(last))).unwrap()
    }

    /// Returns true once in `times`.
    pub(crate) fn once_in(&mut self, times: u32) -> bool {
        self.below(times) == 0
    }

    /// Returns one of them.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(u32::try_from(choices.len()).unwrap()) as usize]
    }
}
