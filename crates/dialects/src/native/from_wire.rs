//! Wire → domain; may refuse, naming the parameter.

use super::error::NativeError;
use super::job_name::JobName;
use super::parameters::Parameters;
use super::wire;
use domain::history::{Between, Kind, Moments, Wanted};
use domain::job::{Exit, IfGone, Outcome};
use domain::ports::Directory;
use domain::service::{Action, Availability};
use domain::who::{AdminLevel, Membership};
use domain::{Text, Timestamp, Uid};
use hyper::HeaderMap;
use hyper::header::RANGE;
use jiff::Zoned;
use std::time::Duration;

/// Attempts on a page where nothing is said about it.
const USUAL_PAGE: usize = 100;
/// Most attempts on a page.
const LARGEST_PAGE: usize = 10_000;

/// Longest name of a user or an account.
const LONGEST_NAME: usize = 256;

/// Parameters of a search in history.
pub(super) const SEARCH: &[&str] =
    &["user", "account", "name", "partition", "state", "since", "until", "limit", "after", "steps"];

/// Parameters of a job's output.
pub(super) const OUTPUT: &[&str] = &["follow", "tail", "offset"];

/// Parameters of events.
pub(super) const EVENTS: &[&str] = &["after", "job_id", "user"];

/// How much of a job's output is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Everything from here until the job has ended.
    Follow(From),
    /// Everything from here up to now.
    Now(From),
    /// This part of what there is now.
    Part(Range),
}

/// Where output begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// At this byte.
    Offset(u64),
    /// So many lines before the end.
    Tail(u64),
}

/// Part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// From the first byte to the last one, which belongs to it; `None` for the end of the file.
    Between(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

/// Which events are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// Those after this one; `None` for those from now on.
    pub(super) after: Option<u64>,
    /// Of this job only.
    pub(super) job: Option<JobName>,
    /// Of this user only.
    pub(super) user: Option<Text>,
}

/// Reads how much of a job's output is wanted. A range counts where nothing else is said.
pub(super) fn extent(parameters: &Parameters, headers: &HeaderMap) -> Result<Extent, NativeError> {
    let number = |name| parameters.number(name, 0..=i64::MAX as u64);
    let from = match (number("offset")?, number("tail")?) {
        (Some(_), Some(_)) => return Err(NativeError::parameter("tail", "cannot be combined with offset")),
        (_, Some(lines)) => Some(From::Tail(lines)),
        (offset, None) => offset.map(From::Offset),
    };
    let whole = From::Offset(0);
    if parameters.switch("follow")? {
        return Ok(Extent::Follow(from.unwrap_or(whole)));
    }
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok()).and_then(range);
    Ok(match (from, range) {
        (None, Some(range)) => Extent::Part(range),
        (from, _) => Extent::Now(from.unwrap_or(whole)),
    })
}

/// Reads `bytes=1-5`, `bytes=5-` or `bytes=-5`. Other units, several ranges and nonsense are as if they were not there, as
/// HTTP has it.
fn range(text: &str) -> Option<Range> {
    let number = |text: &str| -> Option<u64> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    match text.trim().strip_prefix("bytes=")?.split_once('-')? {
        ("", count) => Some(Range::Last(number(count)?)),
        (first, "") => Some(Range::Between(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Range::Between(first, Some(last)))
        }
    }
}

/// Reads which events are wanted. A client that reconnects by itself repeats its first request and adds the header, so
/// the header wins.
pub(super) fn wish(parameters: &Parameters, headers: &HeaderMap) -> Result<Wish, NativeError> {
    const LAST: &str = "Last-Event-ID";
    let last = match headers.get(LAST) {
        None => None,
        Some(last) => {
            let last = last.to_str().ok().and_then(|last| last.trim().parse::<u64>().ok());
            Some(last.ok_or_else(|| NativeError::parameter(LAST, "expected the id of an event"))?)
        }
    };
    Ok(Wish {
        after: last.or(parameters.number("after", 0..=u64::MAX)?),
        job: parameters.text("job_id")?.map(|job| JobName::read("job_id", job)).transpose()?,
        user: parameters.text("user")?.map(Text::from),
    })
}

/// Reads a search in history. Blocks: names are looked up.
pub(super) fn search(
    parameters: &Parameters,
    directory: &dyn Directory,
    now: &Zoned,
) -> Result<Wanted, NativeError> {
    let one = |name| parameters.text(name).map(|text| text.map(Text::from).into_iter().collect());
    let outcomes = parameters.text("state")?.map(outcomes).transpose()?;
    let since = parameters.text("since")?.map(|text| time("since", text, now)).transpose()?;
    let until = parameters.text("until")?.map(|text| time("until", text, now)).transpose()?;
    // The end of the span is not part of it.
    let until = until.map(|until| until.before(Duration::from_micros(1)));
    let moments = Moments {
        kind: outcomes.map_or(Kind::Any, Kind::Ended),
        ended: Between { from: since, to: until },
        ..Moments::default()
    };
    Ok(Wanted {
        users: parameters.text("user")?.map(|name| user(name, directory)).transpose()?.into_iter().collect(),
        accounts: one("account")?,
        names: one("name")?,
        partitions: one("partition")?,
        moments: if moments == Moments::default() { Vec::new() } else { vec![moments] },
        after: parameters.text("after")?.map(cursor).transpose()?,
        limit: parameters.number("limit", 1..=LARGEST_PAGE)?.unwrap_or(USUAL_PAGE),
        ..Wanted::default()
    })
}

/// Reads a user to be remembered.
pub(super) fn member(body: &[u8]) -> Result<Membership, NativeError> {
    let user: wire::NewUser =
        serde_json::from_slice(body).map_err(|error| NativeError::parameter("body", error.to_string()))?;
    named("name", &user.name)?;
    if !user.default_account.is_empty() {
        named("default_account", &user.default_account)?;
    }
    user.accounts.iter().try_for_each(|account| named("accounts", account))?;
    Ok(Membership {
        name: user.name.into(),
        level: level(user.level),
        default_account: user.default_account.into(),
        accounts: user.accounts.into_iter().map(Text::from).collect(),
    })
}

/// Reads what a user may do beyond their own jobs.
pub(super) fn level(level: wire::Level) -> AdminLevel {
    match level {
        wire::Level::None => AdminLevel::None,
        wire::Level::Operator => AdminLevel::Operator,
        wire::Level::Administrator => AdminLevel::Administrator,
    }
}

/// Reads a crontab.
pub(super) fn crontab(body: &[u8]) -> Result<wire::NewCrontab, NativeError> {
    serde_json::from_slice(body).map_err(|error| NativeError::parameter("body", error.to_string()))
}

/// Reads what is wanted of a node.
pub(super) fn availability(body: &[u8]) -> Result<Availability, NativeError> {
    let wanted: wire::Availability =
        serde_json::from_slice(body).map_err(|error| NativeError::parameter("body", error.to_string()))?;
    Ok(match wanted {
        wire::Availability::Drain { reason } => Availability::Drain(reason.into()),
        wire::Availability::Resume {} => Availability::Resume,
    })
}

/// Reads how a job is put back; nothing sent means plainly.
pub(super) fn requeue(body: &[u8]) -> Result<Action, NativeError> {
    let wanted: wire::Requeue = match body.trim_ascii() {
        [] => wire::Requeue::default(),
        body => {
            serde_json::from_slice(body).map_err(|error| NativeError::parameter("body", error.to_string()))?
        }
    };
    Ok(Action::Requeue { hold: wanted.hold, special: wanted.special })
}

/// Reads what a program left that an allocation was made for.
pub(super) fn complete(body: &[u8]) -> Result<Action, NativeError> {
    let told: wire::Complete =
        serde_json::from_slice(body).map_err(|error| NativeError::parameter("body", error.to_string()))?;
    let exit = match (told.exit_code, told.signal) {
        (Some(code), None) => Exit::Code(code),
        (None, Some(number @ 1..=64)) => Exit::Signal(number),
        (None, Some(_)) => return Err(NativeError::parameter("signal", "expected a number from 1 to 64")),
        _ => return Err(NativeError::parameter("body", "expected either exit_code or signal")),
    };
    Ok(Action::Complete { exit })
}

/// Reads what becomes of an allocation without its program.
pub(super) fn if_gone(body: &[u8]) -> Result<IfGone, NativeError> {
    let told: wire::Attend =
        serde_json::from_slice(body).map_err(|error| NativeError::parameter("body", error.to_string()))?;
    Ok(match told.if_gone {
        wire::IfGone::Cancel => IfGone::Cancel,
        wire::IfGone::Expire => IfGone::Expire,
    })
}

/// Refuses what cannot be the name of a user or an account.
fn named(field: &'static str, name: &str) -> Result<(), NativeError> {
    let fits = |letter: char| letter.is_alphanumeric() || "._-@+".contains(letter);
    match name.len() {
        1..=LONGEST_NAME if name.chars().all(fits) => Ok(()),
        0 => Err(NativeError::parameter(field, "a name is missing")),
        _ => Err(NativeError::parameter(field, "expected a name of letters, digits and . _ - @ +")),
    }
}

fn user(name: &str, directory: &dyn Directory) -> Result<Uid, NativeError> {
    let known = directory.person(name).map(|person| person.uid);
    known
        .or_else(|| name.parse().ok().map(Uid))
        .ok_or_else(|| NativeError::parameter("user", format!("nobody is called {name}")))
}

fn outcomes(text: &str) -> Result<Vec<Outcome>, NativeError> {
    let outcome = |name: &str| {
        let found = Outcome::ALL.iter().find(|outcome| outcome.name().eq_ignore_ascii_case(name)).copied();
        found.ok_or_else(|| {
            let known: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
            let why = format!("\"{name}\" is not how a job ends; known are {}", known.join(", "));
            NativeError::parameter("state", why)
        })
    };
    text.split(',').map(outcome).collect()
}

/// Reads a moment.
pub(super) fn time(parameter: &'static str, text: &str, now: &Zoned) -> Result<Timestamp, NativeError> {
    // With an offset from UTC as in RFC 3339, or else any of Slurm's forms in the service's own time zone.
    let exact = text.parse::<jiff::Timestamp>().ok();
    let time = exact.or_else(|| slurm_wire::time_text::point_in_time(text, now).ok());
    let why = "expected a time such as 2026-05-01T12:00:00, 1777636800 or now-2days";
    time.map(|time| Timestamp::from_micros(time.as_microsecond()))
        .ok_or_else(|| NativeError::parameter(parameter, why))
}

fn cursor(text: &str) -> Result<u64, NativeError> {
    u64::from_str_radix(text, 16)
        .map_err(|_| NativeError::parameter("after", "expected what the last page gave as next"))
}

#[cfg(test)]
mod tests {
    use super::super::to_wire;
    use super::*;

    #[test]
    fn a_cursor_survives() {
        for row in [1, 77, u64::MAX] {
            assert_eq!(cursor(&to_wire::cursor(row)).unwrap(), row);
        }
        for text in ["", ".", "x.1", "1.", "-1", "10000000000000000"] {
            assert!(cursor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn extents_are_read() {
        let check = |query: &str, range: &str, wanted: Extent| {
            let parameters = Parameters::read(query, OUTPUT).unwrap();
            let headers = [(RANGE, range.parse().unwrap())].into_iter().collect();
            assert_eq!(extent(&parameters, &headers).unwrap(), wanted, "{query} {range}");
        };
        check("", "", Extent::Now(From::Offset(0)));
        check("follow=1&tail=5", "bytes=1-2", Extent::Follow(From::Tail(5)));
        check("offset=17", "bytes=1-2", Extent::Now(From::Offset(17)));
        check("", "bytes=1-2", Extent::Part(Range::Between(1, Some(2))));
        check("", "bytes=1-", Extent::Part(Range::Between(1, None)));
        check("", "bytes=-1", Extent::Part(Range::Last(1)));
        for ignored in ["bytes=2-1", "bytes=-", "bytes=+1-2", "bytes=1-2,4-5", "lines=1-2"] {
            check("", ignored, Extent::Now(From::Offset(0)));
        }
        let both = Parameters::read("offset=1&tail=1", OUTPUT).unwrap();
        let refused = extent(&both, &HeaderMap::new()).unwrap_err();
        assert_eq!(refused.to_string(), "tail: cannot be combined with offset");
    }

    #[test]
    fn times_may_be_exact_or_relative() {
        let now: Zoned = "2026-05-01T12:00:00+02:00[Europe/Berlin]".parse().unwrap();
        let check = |text, seconds| {
            assert_eq!(time("since", text, &now).unwrap(), Timestamp::from_seconds(seconds), "{text}");
        };
        check("2026-05-01T12:00:00Z", 1_777_636_800);
        check("2026-05-01T12:00:00", 1_777_629_600);
        check("1777636800", 1_777_636_800);
        check("now-1hour", 1_777_629_600 - 3600);
        assert!(time("since", "yesterday-ish", &now).unwrap_err().to_string().starts_with("since: "));
    }
}
