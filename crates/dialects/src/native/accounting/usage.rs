//! What was used within a time: which sums are asked for, and how they are told.

use super::super::error::NativeError;
use super::super::from_wire::time;
use super::super::parameters::Parameters;
use domain::Text;
use domain::history::{Grouping, Span, UsageLine, UsageWanted};
use jiff::Zoned;
use serde::Serialize;
use std::collections::BTreeMap;

/// Parameters of sums.
pub(in super::super) const USAGE: &[&str] =
    &["since", "until", "every", "by", "account", "user", "partition", "qos", "wckey", "reservation"];

/// Sums.
#[derive(Serialize)]
pub(in super::super) struct Usage {
    usage: Vec<Line>,
}

/// What somebody used. Fields that make no line of their own are left out.
#[derive(Serialize)]
struct Line {
    start: i64,
    end: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    account: Text,
    #[serde(skip_serializing_if = "str::is_empty")]
    user: Text,
    #[serde(skip_serializing_if = "str::is_empty")]
    partition: Text,
    #[serde(skip_serializing_if = "str::is_empty")]
    qos: Text,
    #[serde(skip_serializing_if = "str::is_empty")]
    wckey: Text,
    #[serde(skip_serializing_if = "str::is_empty")]
    reservation: Text,
    /// Seconds of each resource (of memory, megabyte seconds); joules of energy.
    seconds: BTreeMap<Text, i64>,
}

/// Reads which sums are asked for.
pub(in super::super) fn wanted(parameters: &Parameters, now: &Zoned) -> Result<UsageWanted, NativeError> {
    let names = |name: &'static str| -> Result<Vec<Text>, NativeError> {
        let text = parameters.text(name)?.unwrap_or_default();
        Ok(text.split(',').filter(|name| !name.is_empty()).map(Text::from).collect::<Vec<_>>())
    };
    let point = |name: &'static str| match parameters.text(name)? {
        Some(text) => time(name, text, now),
        None => Err(NativeError::parameter(name, "is needed")),
    };
    let every = match parameters.text("every")? {
        None => None,
        Some("hour") => Some(Span::Hour),
        Some("day") => Some(Span::Day),
        Some("month") => Some(Span::Month),
        Some(_) => return Err(NativeError::parameter("every", "expected hour, day or month")),
    };
    let (from, to) = (point("since")?, point("until")?);
    if from >= to {
        return Err(NativeError::parameter("until", "the time ends before it begins"));
    }
    Ok(UsageWanted {
        from,
        to,
        every,
        by: grouping(&names("by")?)?,
        accounts: names("account")?,
        users: names("user")?,
        partitions: names("partition")?,
        qos: names("qos")?,
        wckeys: names("wckey")?,
        reservations: names("reservation")?,
    })
}

fn grouping(names: &[Text]) -> Result<Grouping, NativeError> {
    let mut by = Grouping::default();
    for name in names {
        let field = match name.as_str() {
            "account" => &mut by.account,
            "user" => &mut by.user,
            "partition" => &mut by.partition,
            "qos" => &mut by.qos,
            "wckey" => &mut by.wckey,
            "reservation" => &mut by.reservation,
            _ => {
                let why = format!("{name} is none of account, user, partition, qos, wckey and reservation");
                return Err(NativeError::parameter("by", why));
            }
        };
        *field = true;
    }
    Ok(by)
}

/// Tells sums.
pub(in super::super) fn told(lines: Vec<UsageLine>) -> Usage {
    Usage { usage: lines.into_iter().map(line).collect() }
}

fn line(line: UsageLine) -> Line {
    let sums = line.sums;
    let plain = [("cpu", sums.cpu), ("mem", sums.memory), ("node", sums.node), ("billing", sums.billing)];
    let plain = plain.into_iter().map(|(name, seconds)| (Text::const_new(name), seconds));
    Line {
        start: line.start.seconds(),
        end: line.end.seconds(),
        account: line.charge.account,
        user: line.charge.user,
        partition: line.charge.partition,
        qos: line.charge.qos,
        wckey: line.charge.wckey,
        reservation: line.charge.reservation,
        seconds: plain.chain(sums.others).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<UsageWanted, String> {
        let now = "2027-03-31T12:30:00[UTC]".parse().unwrap();
        let parameters = Parameters::read(query, USAGE).map_err(|error| error.to_string())?;
        wanted(&parameters, &now).map_err(|error| error.to_string())
    }

    #[test]
    fn sums_are_asked_for() {
        let wanted = read("since=1000&until=4600&by=account,user&every=day&account=a,b").unwrap();
        assert_eq!((wanted.from.seconds(), wanted.to.seconds()), (1000, 4600));
        assert_eq!(wanted.by, Grouping { account: true, user: true, ..Grouping::default() });
        assert_eq!((wanted.every, wanted.accounts.join("+").as_str()), (Some(Span::Day), "a+b"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (query, why) in [
            ("until=5", "since: is needed"),
            ("since=9&until=5", "until: the time ends before it begins"),
            (
                "since=1&until=5&by=frob",
                "by: frob is none of account, user, partition, qos, wckey and reservation",
            ),
            ("since=1&until=5&every=week", "every: expected hour, day or month"),
        ] {
            assert_eq!(read(query).unwrap_err(), why, "{query}");
        }
    }
}
