//! Which time is meant, in sacct's notations: `now-1day`, `today`, `16:00`, `03/31`, `2027-03-31T08:00:00`. What could be
//! yet to come is meant to be over, since nothing is recorded of the future.

use crate::usage::Usage;
use jiff::{ToSpan, Zoned};
use slurm_wire::time_text::point_in_time;

/// Returns the moment that a text means, in seconds of the epoch.
fn past(text: &str, now: &Zoned) -> Result<i64, Usage> {
    let wrong = || Usage(format!("Invalid time specification: {text}"));
    let found = point_in_time(text, now).map_err(|_| wrong())?;
    if found <= now.timestamp() {
        return Ok(found.as_second());
    }
    let found = found.to_zoned(now.time_zone().clone());
    let text = text.trim();
    let word = text.to_ascii_lowercase();
    let is_named = ["midnight", "noon", "elevenses", "fika", "teatime"].contains(&word.as_str());
    let is_clock = text.contains(':') && !text.contains(['/', '.', 'T']) && text.matches('-').count() < 1;
    let has_no_year = text.split(['-', 'T']).next().is_some_and(|date| date.matches(['/', '.']).count() == 1);
    let earlier = if is_named || is_clock {
        found.checked_sub(1.day())
    } else if has_no_year {
        found.checked_sub(1.year())
    } else {
        return Ok(found.timestamp().as_second());
    };
    earlier.map(|earlier| earlier.timestamp().as_second()).map_err(|_| wrong())
}

/// Returns the time that is meant, from and until. Without a beginning it is today; all time for jobs that are named; now
/// for states.
pub(super) fn window(
    since: Option<&str>,
    until: Option<&str>,
    is_named: bool,
    has_states: bool,
    now: &Zoned,
) -> Result<(i64, i64), Usage> {
    let until = until.map(|text| past(text, now)).transpose()?;
    let usual = match (is_named, has_states && until.is_none()) {
        (true, _) => 0,
        (false, true) => now.timestamp().as_second(),
        (false, false) => past("today", now)?,
    };
    let since = since.map(|text| past(text, now)).transpose()?.unwrap_or(usual);
    let until = until.unwrap_or_else(|| now.timestamp().as_second());
    if since > until {
        let shown = crate::sheet::local_time;
        let why = format!("Start time ({}) requested is after end time ({}).", shown(since), shown(until));
        return Err(Usage(why));
    }
    Ok((since, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2027-03-31T12:30:00[UTC]".parse().unwrap()
    }

    #[test]
    fn times_are_over() {
        let check = |text: &str, wanted: &str| {
            let wanted: jiff::Timestamp = wanted.parse().unwrap();
            assert_eq!(past(text, &now()).unwrap(), wanted.as_second(), "{text}");
        };
        check("now-1day", "2027-03-30T12:30:00Z");
        check("now", "2027-03-31T12:30:00Z");
        check("today", "2027-03-31T00:00:00Z");
        check("midnight", "2027-03-31T00:00:00Z");
        check("10:00", "2027-03-31T10:00:00Z");
        check("16:00", "2027-03-30T16:00:00Z");
        check("teatime", "2027-03-30T16:00:00Z");
        check("03/01", "2027-03-01T00:00:00Z");
        check("12/24", "2026-12-24T00:00:00Z");
        check("2027-03-01", "2027-03-01T00:00:00Z");
        check("2027-03-01T08:00", "2027-03-01T08:00:00Z");
        check("2028-01-01", "2028-01-01T00:00:00Z");
        check("1700000000", "2023-11-14T22:13:20Z");
        assert!(past("frob", &now()).is_err());
    }

    #[test]
    fn time_begins_where_it_is_useful() {
        let seconds = now().timestamp().as_second();
        let today = seconds - 12 * 3600 - 1800;
        assert_eq!(window(None, None, false, false, &now()).unwrap(), (today, seconds));
        assert_eq!(window(None, None, true, false, &now()).unwrap(), (0, seconds));
        assert_eq!(window(None, None, false, true, &now()).unwrap(), (seconds, seconds));
        assert_eq!(window(Some("now-1hour"), None, false, true, &now()).unwrap(), (seconds - 3600, seconds));
        assert!(window(Some("now"), Some("now-1day"), false, false, &now()).is_err());
    }
}
