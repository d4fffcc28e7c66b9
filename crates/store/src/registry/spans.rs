//! How many records started in which span of time, group by group: counted when somebody asks for the first time, and in
//! memory from then on, so that the total of a list need not be counted along a year of rows.

use super::groups::Meant;
use crate::database::Unread;
use rusqlite::{Connection, params};
use std::collections::{HashMap, HashSet};

/// Seconds of a span. What a list's limits cut out of the first and the last one is counted along their rows.
const SPAN: i64 = 21_600;
/// Of so many groups each has its rows counted at the limits; of more, all rows there are looked at.
const FEW: usize = 16;

/// One record more or less in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) group: i64,
    pub(super) start: i64,
    /// One has come, else one has gone.
    pub(super) has_come: bool,
}

/// What is known of spans.
#[derive(Debug, Default)]
pub(super) enum Spans {
    /// Nobody has asked yet.
    #[default]
    Unasked,
    /// Somebody counts what was there before these.
    Counting(Vec<Moved>),
    /// All of it.
    Known(Counts),
}

/// Records by group and span.
#[derive(Debug, Default)]
pub(super) struct Counts(HashMap<i64, Group>);

/// The spans of a group that have records, in order, and how many it has up to the end of each.
#[derive(Debug, Default)]
struct Group {
    spans: Vec<i64>,
    sums: Vec<u64>,
}

impl Spans {
    /// Takes in what a commit has changed.
    pub(super) fn take(&mut self, moved: &[Moved]) {
        match self {
            Spans::Unasked => {}
            Spans::Counting(later) => later.extend(moved),
            Spans::Known(counts) => moved.iter().for_each(|one| counts.take(one)),
        }
    }

    /// Puts what was counted in its place, with what has changed meanwhile.
    pub(super) fn settle(&mut self, counted: Option<Counts>) {
        let later = std::mem::take(self);
        if let (Some(counts), Spans::Counting(later)) = (counted, later) {
            *self = Spans::Known(counts);
            self.take(&later);
        }
    }
}

impl Counts {
    /// Counts all records.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut counts = Counts::default();
        let mut select = connection.prepare(
            "SELECT grp, (start - ((start % ?1) + ?1) % ?1) / ?1 AS span, count(*)
             FROM record INDEXED BY record_grp GROUP BY grp, span",
        )?;
        let mut rows = select.query([SPAN])?;
        while let Some(row) = rows.next()? {
            let group = counts.0.entry(row.get(0)?).or_default();
            let before = group.sums.last().copied().unwrap_or(0);
            group.spans.push(row.get(1)?);
            group.sums.push(before + u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0));
        }
        Ok(counts)
    }

    fn take(&mut self, moved: &Moved) {
        let span = moved.start.div_euclid(SPAN);
        let group = self.0.entry(moved.group).or_default();
        let at = group.spans.partition_point(|known| *known < span);
        if group.spans.get(at) != Some(&span) {
            let before = at.checked_sub(1).and_then(|before| group.sums.get(before)).copied();
            group.spans.insert(at, span);
            group.sums.insert(at, before.unwrap_or(0));
        }
        for sum in group.sums.iter_mut().skip(at) {
            *sum = if moved.has_come { *sum + 1 } else { sum.saturating_sub(1) };
        }
    }

    /// Counts records of these groups in spans `from <= span < until`.
    fn between(&self, groups: &Meant, from: i64, until: i64) -> u64 {
        let of_group = |group: &Group| {
            let up_to = |span: i64| {
                let at = group.spans.partition_point(|known| *known < span);
                at.checked_sub(1).and_then(|at| group.sums.get(at)).copied().unwrap_or(0)
            };
            up_to(until).saturating_sub(up_to(from))
        };
        groups.numbers().filter_map(|group| self.0.get(&group)).map(of_group).sum()
    }
}

/// Seconds from one to another, both of them included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    from: i64,
    until: i64,
}

/// A window as what lies in whole spans, and what is left of it at both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// How many records the whole spans have.
    whole: u64,
    rest: Vec<Window>,
}

impl Window {
    /// Makes one of limits; a missing one is far away.
    pub(super) fn of(from: Option<i64>, until: Option<i64>) -> Self {
        Window { from: from.unwrap_or(i64::MIN), until: until.unwrap_or(i64::MAX) }
    }

    /// Counts what lies in whole spans.
    pub(super) fn parts(self, counts: &Counts, groups: &Meant) -> Parts {
        let Window { from, until } = self;
        let first = from.div_euclid(SPAN) + i64::from(from.rem_euclid(SPAN) != 0);
        let last = until.div_euclid(SPAN) + i64::from(until.rem_euclid(SPAN) == SPAN - 1);
        if first >= last {
            return Parts { whole: 0, rest: vec![self] };
        }
        let mut rest = Vec::new();
        if let Some(begin) = first.checked_mul(SPAN).filter(|begin| from < *begin) {
            rest.push(Window { from, until: begin - 1 });
        }
        if let Some(end) = last.checked_mul(SPAN).filter(|end| *end <= until) {
            rest.push(Window { from: end, until });
        }
        Parts { whole: counts.between(groups, first, last), rest }
    }

    /// Counts along the rows.
    fn count(self, connection: &Connection, groups: &Meant) -> rusqlite::Result<u64> {
        let Window { from, until } = self;
        let number = |count: i64| u64::try_from(count).unwrap_or(0);
        if groups.numbers().count() <= FEW {
            let mut select = connection.prepare_cached(
                "SELECT count(*) FROM record INDEXED BY record_grp WHERE grp = ?1 AND start BETWEEN ?2 AND ?3",
            )?;
            return groups.numbers().try_fold(0, |all, group| {
                Ok(all + number(select.query_row(params![group, from, until], |row| row.get(0))?))
            });
        }
        let meant: HashSet<i64> = groups.numbers().collect();
        let mut select = connection
            .prepare_cached("SELECT grp FROM record INDEXED BY record_start WHERE start BETWEEN ?1 AND ?2")?;
        let mut rows = select.query([from, until])?;
        let mut all = 0;
        while let Some(row) = rows.next()? {
            all += u64::from(meant.contains(&row.get(0)?));
        }
        Ok(all)
    }
}

impl Parts {
    /// Counts the rest along the rows, and returns how many there are altogether.
    pub(super) fn total(&self, connection: &Connection, groups: &Meant) -> Result<u64, Unread> {
        let rest = self.rest.iter().map(|window| window.count(connection, groups));
        Ok(rest.sum::<rusqlite::Result<u64>>()? + self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(group: i64, start: i64, has_come: bool) -> Moved {
        Moved { group, start, has_come }
    }

    fn counts() -> Counts {
        let mut counts = Counts::default();
        for (group, start) in [(1, 5 * SPAN), (1, 3 * SPAN + 7), (1, 5 * SPAN + 9), (2, 4 * SPAN), (1, -1)] {
            counts.take(&moved(group, start, true));
        }
        counts
    }

    #[test]
    fn spans_are_counted_by_group() {
        let mut counts = counts();
        let (one, both) = (Meant::of(&[1]), Meant::of(&[1, 2, 3]));
        let between = |counts: &Counts, groups, from, until| counts.between(groups, from, until);
        assert_eq!((between(&counts, &one, 3, 6), between(&counts, &both, 3, 6)), (3, 4));
        assert_eq!((between(&counts, &one, 4, 5), between(&counts, &both, -9, 3)), (0, 1));
        counts.take(&moved(1, 5 * SPAN + 30, false));
        counts.take(&moved(1, 9 * SPAN, true));
        assert_eq!((between(&counts, &one, 5, 6), between(&counts, &one, -5, 100)), (1, 4));
    }

    #[test]
    fn the_ends_of_a_window_are_left_to_the_rows() {
        let counts = counts();
        let parts = |from, until| Window::of(from, until).parts(&counts, &Meant::of(&[1]));
        let window = |from, until| Window { from, until };
        let all = parts(Some(3 * SPAN), Some(6 * SPAN - 1));
        assert_eq!(all, Parts { whole: 3, rest: Vec::new() });
        let ends = parts(Some(3 * SPAN + 8), Some(6 * SPAN));
        let rest = vec![window(3 * SPAN + 8, 4 * SPAN - 1), window(6 * SPAN, 6 * SPAN)];
        assert_eq!(ends, Parts { whole: 2, rest });
        let short = parts(Some(3 * SPAN + 8), Some(5 * SPAN - 2));
        assert_eq!(short, Parts { whole: 0, rest: vec![window(3 * SPAN + 8, 5 * SPAN - 2)] });
        let behind = parts(Some(4 * SPAN), None);
        assert_eq!((behind.whole, behind.rest.len()), (2, 1));
        let before = parts(None, Some(4 * SPAN - 1));
        assert_eq!((before.whole, before.rest.len()), (2, 1));
        assert_eq!(parts(Some(9), Some(3)).rest, [window(9, 3)]);
    }

    #[test]
    fn what_changes_while_somebody_counts_is_not_lost() {
        let mut spans = Spans::Counting(Vec::new());
        spans.take(&[moved(1, 5 * SPAN, true), moved(2, 4 * SPAN, false)]);
        spans.settle(Some(counts()));
        let Spans::Known(known) = &spans else { panic!("{spans:?}") };
        assert_eq!(known.between(&Meant::of(&[1, 2]), 3, 6), 4);
        let mut spans = Spans::Counting(vec![moved(1, 5 * SPAN, true)]);
        spans.settle(None);
        assert!(matches!(spans, Spans::Unasked));
    }
}
