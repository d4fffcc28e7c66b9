//! Over which time usage is asked for, and in which pieces it is told.

use domain::Timestamp;
use domain::history::{Almanac, Span, UsageWanted};
use slurm_wire::no_val::UnixTime;

/// Reads a time for which usage is asked. Where nothing is said, it is yesterday. Pieces are as long as the ends allow:
/// months from the first of one to that of another, days from midnight to midnight, hours otherwise.
pub(in crate::slurm) fn usage_wanted(
    start: Option<UnixTime>,
    end: Option<UnixTime>,
    now: Timestamp,
    almanac: &mut Almanac,
) -> UsageWanted {
    let given = |time: Option<UnixTime>| time.map(|time| time.0).filter(|time| *time > 0);
    let today = almanac.day(now.seconds()).start;
    let from = given(start).unwrap_or_else(|| almanac.day(today - 1).start);
    let to = given(end).unwrap_or(if from < today { today } else { now.seconds() });
    let begins = |span: Span, at: i64, almanac: &mut Almanac| almanac.bounds(span, at).0 == at;
    let mut is_fit = |span: Span| begins(span, from, almanac) && begins(span, to, almanac);
    let every = match (is_fit(Span::Month), is_fit(Span::Day)) {
        (true, _) => Span::Month,
        (false, true) => Span::Day,
        (false, false) => Span::Hour,
    };
    let (from, to) = (Timestamp::from_seconds(from), Timestamp::from_seconds(to));
    UsageWanted { from, to, every: Some(every), ..UsageWanted::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ports::Greenwich;
    use std::sync::Arc;

    #[test]
    fn pieces_are_as_long_as_the_ends_allow() {
        let mut almanac = Almanac::of(Arc::new(Greenwich));
        // 2026-11-22T04:00:00
        let now = Timestamp::from_seconds(1_795_320_000);
        let midnight = 1_795_305_600;
        let mut read = |start: Option<i64>, end: Option<i64>| {
            let wanted = usage_wanted(start.map(UnixTime), end.map(UnixTime), now, &mut almanac);
            (wanted.from.seconds(), wanted.to.seconds(), wanted.every)
        };
        assert_eq!(read(None, None), (midnight - 86_400, midnight, Some(Span::Day)));
        let first = midnight - 21 * 86_400;
        assert_eq!(read(Some(first), Some(0)), (first, midnight, Some(Span::Day)));
        assert_eq!(read(Some(first - 31 * 86_400), Some(first)).2, Some(Span::Month));
        assert_eq!(read(Some(first + 60), None).2, Some(Span::Hour));
        assert_eq!(read(Some(midnight), None), (midnight, now.seconds(), Some(Span::Hour)));
    }
}
