//! Ways in which a job may end, as sets: what those who wait for it wish for.

use super::{Exit, Outcome};

/// Exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitCodes([u64; 4]);

/// Outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcomes(u16);

fn bit(code: u8) -> (usize, u64) {
    (usize::from(code / 64), 1 << (code % 64))
}

impl ExitCodes {
    /// Takes those for which `is_wanted` holds.
    pub fn which(is_wanted: impl Fn(u8) -> bool) -> Self {
        let mut codes = ExitCodes([0; 4]);
        for code in (0..=u8::MAX).filter(|code| is_wanted(*code)) {
            let (place, bit) = bit(code);
            if let Some(part) = codes.0.get_mut(place) {
                *part |= bit;
            }
        }
        codes
    }

    /// Tells whether a code is one of them.
    pub fn contain(self, code: u8) -> bool {
        let (place, bit) = bit(code);
        self.0.get(place).is_some_and(|part| part & bit != 0)
    }

    /// Tells whether a job has left one of them: a signal counts as a shell shows it, and nothing as none.
    pub fn has(self, exit: Exit) -> bool {
        match exit {
            Exit::None => false,
            Exit::Code(code) => self.contain(code),
            Exit::Signal(signal) => self.contain(signal.saturating_add(128)),
        }
    }

    /// Writes them as ascending ranges: `0-3.5.7-255`.
    pub fn written(self) -> String {
        let mut ranges: Vec<(u8, u8)> = Vec::new();
        for code in (0..=u8::MAX).filter(|code| self.contain(*code)) {
            match ranges.last_mut().filter(|(_, last)| last.checked_add(1) == Some(code)) {
                Some((_, last)) => *last = code,
                None => ranges.push((code, code)),
            }
        }
        let range = |(first, last): &(u8, u8)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        ranges.iter().map(range).collect::<Vec<_>>().join(".")
    }

    /// Reads what was written so; none of them is nobody's wish.
    pub fn read(written: &str) -> Option<Self> {
        let mut ranges = Vec::new();
        for range in written.split('.') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (first.parse::<u8>().ok()?, last.parse::<u8>().ok()?);
            ranges.push((first <= last).then_some(first..=last)?);
        }
        Some(ExitCodes::which(|code| ranges.iter().any(|range| range.contains(&code))))
    }
}

impl Outcomes {
    /// Takes those for which `is_wanted` holds.
    pub fn which(is_wanted: impl Fn(Outcome) -> bool) -> Self {
        let bits = (0..).zip(Outcome::ALL).filter(|(_, outcome)| is_wanted(**outcome));
        Outcomes(bits.map(|(place, _)| 1 << place).fold(0, |all: u16, bit: u16| all | bit))
    }

    /// Tells whether an outcome is one of them.
    pub fn contain(self, outcome: Outcome) -> bool {
        (0..).zip(Outcome::ALL).any(|(place, other)| *other == outcome && self.0 & (1_u16 << place) != 0)
    }

    /// Writes them: `COMPLETED.FAILED`.
    pub fn written(self) -> String {
        let names =
            Outcome::ALL.iter().filter(|outcome| self.contain(**outcome)).map(|outcome| outcome.name());
        names.collect::<Vec<_>>().join(".")
    }

    /// Reads what was written so; none of them is nobody's wish.
    pub fn read(written: &str) -> Option<Self> {
        let known = |name: &str| Outcome::ALL.iter().any(|outcome| outcome.name() == name);
        let names: Vec<&str> = written.split('.').collect();
        names
            .iter()
            .all(|name| known(name))
            .then(|| Outcomes::which(|outcome| names.contains(&outcome.name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for written in ["0", "0-255", "0-3.5.7-255", "4.64-127.255"] {
            assert_eq!(ExitCodes::read(written).unwrap().written(), written);
        }
        assert_eq!(ExitCodes::read("3.1-2.2").unwrap().written(), "1-3");
        for written in ["", ".", "256", "-1", "3-1", "1.", "x", "1-2-3"] {
            assert_eq!(ExitCodes::read(written), None, "{written}");
        }
        for written in ["COMPLETED", "COMPLETED.FAILED.TIMEOUT"] {
            assert_eq!(Outcomes::read(written).unwrap().written(), written);
        }
        for written in ["", "completed", "COMPLETED.", "COMPLETED,FAILED"] {
            assert_eq!(Outcomes::read(written), None, "{written}");
        }
    }

    #[test]
    fn signals_count_as_a_shell_shows_them() {
        let codes = ExitCodes::read("0.137").unwrap();
        assert!(codes.has(Exit::Code(0)) && codes.has(Exit::Signal(9)) && codes.has(Exit::Code(137)));
        assert!(!codes.has(Exit::None) && !codes.has(Exit::Code(9)) && !codes.has(Exit::Signal(10)));
    }
}
