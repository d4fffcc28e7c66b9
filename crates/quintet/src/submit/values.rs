//! Values of single options, checked as they are read, so that an error names the option.

use slurm_wire::checked_text::NodeCounts;
use std::str::FromStr;

/// Why a value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub(crate) struct BadValue {
    expected: &'static str,
}

fn expected<T>(value: Option<T>, expected: &'static str) -> Result<T, BadValue> {
    value.ok_or(BadValue { expected })
}

/// Megabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Megabytes(pub(crate) u64);

impl FromStr for Megabytes {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        expected(slurm_wire::size::megabytes(text).map(Megabytes), "megabytes, or a size such as 500M or 16G")
    }
}

/// A time limit in minutes; `None` for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Minutes(pub(crate) Option<u32>);

impl FromStr for Minutes {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let limit = crate::config::time_limit(text).map(|limit| Minutes(limit.minutes()));
        expected(limit, "minutes, HH:MM:SS, D-HH:MM:SS or unlimited")
    }
}

/// A number of nodes, a range of them, or the sizes that would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeRange(pub(crate) NodeCounts);

impl FromStr for NodeRange {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let counts = NodeCounts::from_text(text).filter(|counts| counts.minimum > 0);
        expected(counts.map(NodeRange), "a number such as 2, or a range such as 1-4")
    }
}

/// Indexes of an array, as given. The service knows how large they may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArrayRange(pub(crate) String);

impl FromStr for ArrayRange {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let fits =
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b",-:%".contains(&byte));
        expected(fits.then(|| ArrayRange(text.to_owned())), "indexes such as 0-9, 1,3,5 or 0-99%4")
    }
}

/// A moment, seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begin(pub(crate) u64);

/// A moment, seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline(pub(crate) u64);

const MOMENT: &str = "a time such as now+1hour, 16:00, tomorrow or 2027-01-31T12:00";

/// Returns the seconds since 1970 of a text such as `now+1hour`.
pub(crate) fn moment(text: &str) -> Result<u64, BadValue> {
    let read = slurm_wire::time_text::point_in_time(text, &jiff::Zoned::now()).ok();
    expected(read.and_then(|time| u64::try_from(time.as_second()).ok()), MOMENT)
}

impl FromStr for Begin {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        moment(text).map(Begin)
    }
}

impl FromStr for Deadline {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        moment(text).map(Deadline)
    }
}

/// A signal ahead of the limit: `[[R][B]:]SIGNAL[@SECONDS]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signal {
    /// Name or number.
    pub(crate) signal: String,
    /// Seconds ahead.
    pub(crate) lead: u16,
    /// To the batch shell alone.
    pub(crate) batch: bool,
    /// Ahead of the end of the reservation too.
    pub(crate) reservation: bool,
}

impl FromStr for Signal {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let read = || {
            let (scope, rest) = text.split_once(':').unwrap_or(("", text));
            let (signal, lead) = match rest.split_once('@') {
                Some((signal, lead)) => (signal, lead.parse().ok()?),
                // sbatch's own default.
                None => (rest, 60),
            };
            slurm_wire::signal::number(signal).filter(|number| *number > 0)?;
            let letters = scope.to_ascii_uppercase();
            let (batch, reservation) = (letters.contains('B'), letters.contains('R'));
            let known = letters.chars().all(|letter| "BR".contains(letter)) && letters.len() <= 2;
            known.then(|| Signal { signal: signal.to_ascii_uppercase(), lead, batch, reservation })
        };
        expected(read(), "a signal such as USR1@60 or B:TERM@120")
    }
}

/// Leaf switches: how many, and how long to wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switches {
    /// Most of them.
    pub(crate) count: u32,
    /// Seconds to wait.
    pub(crate) wait: Option<u32>,
}

impl FromStr for Switches {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let read = || {
            let (count, wait) = match text.split_once('@') {
                Some((count, wait)) => (
                    count,
                    Some(u32::try_from(slurm_wire::time_text::limit_seconds(wait).ok()?.number()?).ok()?),
                ),
                None => (text, None),
            };
            Some(Switches { count: count.parse().ok()?, wait })
        };
        expected(read(), "a number such as 1, or with a time such as 1@60")
    }
}

/// What happens to files that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenMode {
    /// They are appended to.
    Append,
    /// They are emptied.
    Truncate,
}

impl FromStr for OpenMode {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        // sbatch takes the first letter too.
        let mode = match text.to_ascii_lowercase().as_str() {
            "a" | "append" => Some(OpenMode::Append),
            "t" | "truncate" => Some(OpenMode::Truncate),
            _ => None,
        };
        expected(mode, "append or truncate")
    }
}

/// What becomes of a job whose dependency can never be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DependencyAction {
    /// It is cancelled.
    Kill,
    /// It stays.
    Keep,
}

impl FromStr for DependencyAction {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let action = match text.to_ascii_lowercase().as_str() {
            "yes" => Some(DependencyAction::Kill),
            "no" => Some(DependencyAction::Keep),
            _ => None,
        };
        expected(action, "yes or no")
    }
}

/// Which variables a job gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportWish {
    /// All of the present ones.
    pub(crate) all: bool,
    /// Single ones: with a value, or as they are now.
    pub(crate) single: Vec<(String, Option<String>)>,
    /// As given, for `SLURM_EXPORT_ENV`.
    pub(crate) written: String,
}

impl FromStr for ExportWish {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let mut wish = ExportWish { all: false, single: Vec::new(), written: text.to_owned() };
        if text.is_empty() || text.eq_ignore_ascii_case("NONE") || text.eq_ignore_ascii_case("NIL") {
            return Ok(wish);
        }
        let wanted = "ALL, NONE, or variables such as A,B=2,ALL";
        for part in commas_outside_quotes(text) {
            match part.split_once('=') {
                _ if part.eq_ignore_ascii_case("ALL") => wish.all = true,
                Some((name, value)) if is_variable(name) => {
                    wish.single.push((name.to_owned(), Some(unquoted(value).to_owned())));
                }
                None if is_variable(part) => wish.single.push((part.to_owned(), None)),
                _ => return Err(BadValue { expected: wanted }),
            }
        }
        Ok(wish)
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0', ' ']) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// sbatch lets values with commas stand in quotes: `A='x,y',B`.
fn commas_outside_quotes(text: &str) -> Vec<&str> {
    let mut quote = None;
    let divides = move |letter: char| {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), close) if open == close => quote = None,
            (None, ',') => return true,
            _ => {}
        }
        false
    };
    text.split(divides).collect()
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// When mail is wanted, in the words of the REST interface.
pub(crate) type MailTypes = std::sync::Arc<Vec<&'static str>>;

/// Reads `--mail-type`: sbatch's words become those of the REST interface.
pub(crate) fn mail_types(text: &str) -> Result<MailTypes, BadValue> {
    let mut types = Vec::new();
    for word in text.split(',') {
        let words: &[&'static str] = match word.trim().to_ascii_uppercase().as_str() {
            "NONE" => &[],
            "ALL" => &["BEGIN", "END", "FAIL", "INVALID_DEPENDENCY", "REQUEUE", "STAGE_OUT"],
            "BEGIN" => &["BEGIN"],
            "END" => &["END"],
            "FAIL" => &["FAIL"],
            "REQUEUE" => &["REQUEUE"],
            "INVALID_DEPEND" => &["INVALID_DEPENDENCY"],
            "STAGE_OUT" => &["STAGE_OUT"],
            "TIME_LIMIT" => &["TIME=100%"],
            "TIME_LIMIT_90" => &["TIME=90%"],
            "TIME_LIMIT_80" => &["TIME=80%"],
            "TIME_LIMIT_50" => &["TIME=50%"],
            "ARRAY_TASKS" => &["ARRAY_TASKS"],
            _ => {
                return Err(BadValue {
                    expected: "NONE, ALL, or a list of words such as BEGIN,END,FAIL,TIME_LIMIT_80",
                });
            }
        };
        types.extend(words.iter().filter(|word| !types.contains(*word)).copied().collect::<Vec<_>>());
    }
    Ok(MailTypes::new(types))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals() {
        let check = |text: &str, told: Option<(&str, u16, bool, bool)>| {
            let read = text.parse::<Signal>().ok();
            let read = read
                .as_ref()
                .map(|signal| (signal.signal.as_str(), signal.lead, signal.batch, signal.reservation));
            assert_eq!(read, told, "{text}");
        };
        check("USR1", Some(("USR1", 60, false, false)));
        check("B:usr2@30", Some(("USR2", 30, true, false)));
        check("RB:10@5", Some(("10", 5, true, true)));
        check("SIGTERM@120", Some(("SIGTERM", 120, false, false)));
        check("X:USR1", None);
        check("BOGUS", None);
        check("USR1@soon", None);
        check("", None);
    }

    #[test]
    fn exports() {
        let check = |text: &str, all: bool, single: &[(&str, Option<&str>)]| {
            let wish: ExportWish = text.parse().unwrap();
            let read: Vec<_> =
                wish.single.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            assert_eq!((wish.all, read.as_slice()), (all, single), "{text}");
        };
        check("ALL", true, &[]);
        check("NONE", false, &[]);
        check("A,B=2", false, &[("A", None), ("B", Some("2"))]);
        check("ALL,A='x,y',B=\"p q\"", true, &[("A", Some("x,y")), ("B", Some("p q"))]);
        check("A=", false, &[("A", Some(""))]);
        assert!("A,,B".parse::<ExportWish>().is_err());
        assert!("=1".parse::<ExportWish>().is_err());
    }

    #[test]
    fn mails() {
        assert_eq!(*mail_types("END,FAIL").unwrap(), ["END", "FAIL"]);
        assert_eq!(*mail_types("time_limit_80").unwrap(), ["TIME=80%"]);
        assert_eq!(
            *mail_types("END,ALL").unwrap().as_slice(),
            ["END", "BEGIN", "FAIL", "INVALID_DEPENDENCY", "REQUEUE", "STAGE_OUT"]
        );
        assert!(mail_types("NONE").unwrap().is_empty());
        assert!(mail_types("SOMETIMES").is_err());
    }

    #[test]
    fn node_ranges() {
        for (text, fits) in
            [("2", true), ("1-4", true), ("4-1", false), ("0", false), ("x", false), ("", false)]
        {
            assert_eq!(text.parse::<NodeRange>().is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn switches() {
        assert_eq!("2@1:30".parse(), Ok(Switches { count: 2, wait: Some(90) }));
        assert_eq!("1".parse(), Ok(Switches { count: 1, wait: None }));
        assert!("a@1".parse::<Switches>().is_err());
    }
}
