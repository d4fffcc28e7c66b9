//! `quintet report`: who used how much, in sreport's words.
//!
//! - `usage`: what the service sums up; `jobs`: those that ran, where sums do not tell
//! - `utilization`: how well the cluster was used, and reservations
//! - `units`: in what it is told
//! - `tables`: a table for each report; `sizes`: jobs by how large they were

mod jobs;
mod sizes;
mod tables;
mod units;
mod usage;
mod utilization;

use crate::client::{Client, ClientArgs};
use crate::columns::{Column, Shape, chosen, written};
use crate::terminal::Terminal;
use anyhow::bail;
use jiff::{ToSpan, Zoned};
use sizes::SizesBy;
use slurm_wire::time_text::point_in_time;
use std::process::ExitCode;
use tables::{Row, Table};
use units::Units;
use usage::Window;

/// Arguments of `quintet report`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Reports: cluster Utilization, AccountUtilizationByUser, AccountUtilizationByQOS, UserUtilizationByAccount,
         UserUtilizationByWCKey, WCKeyUtilizationByUser; user Top; job SizesByAccount, SizesByWckey,
         SizesByAccountAndWckey; reservation Utilization.
Words:   start=WHEN end=WHEN [default: yesterday], account=NAMES, user=NAMES, partition=NAMES, qos=NAMES, wckey=NAMES,
         topcount=NUMBER, group, tree, grouping=NUMBERS, printjobcount, flatview, names=RESERVATIONS, format=FIELDS

  quintet report user top start=now-7days end=now -t hours
  quintet report cluster AccountUtilizationByUser start=2027-01-01 end=2027-02-01 -T cpu,gres/gpu -P")]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// In what usage is told: seconds, minutes, hours, percent, secper, minper, hourper
    #[arg(short = 't', value_name = "UNITS", default_value = "minutes")]
    units: String,
    /// Resources, such as cpu,mem,gres/gpu [default: cpu]
    #[arg(short = 'T', long, value_name = "NAMES", value_delimiter = ',')]
    tres: Vec<String>,
    /// No title and no names above the columns
    #[arg(short = 'n', long)]
    noheader: bool,
    /// Bars between the fields and behind the last
    #[arg(short = 'p', long, conflicts_with = "parsable2")]
    parsable: bool,
    /// Bars between the fields
    #[arg(short = 'P', long)]
    parsable2: bool,
    /// What kind of report, which, and words that say of what
    #[arg(value_name = "WORD", required = true)]
    words: Vec<String>,
}

/// What the words ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    start: Option<String>,
    end: Option<String>,
    accounts: Vec<String>,
    users: Vec<String>,
    partitions: Vec<String>,
    qos: Vec<String>,
    wckeys: Vec<String>,
    /// Reservations.
    names: Vec<String>,
    format: Option<String>,
    top: usize,
    /// A user's accounts together.
    group: bool,
    tree: bool,
    /// Bounds between sizes of jobs, CPUs.
    bounds: Vec<u64>,
    count_jobs: bool,
    /// Accounts by themselves, not with those below.
    flat: bool,
}

impl Wanted {
    fn read(words: &[String]) -> anyhow::Result<Self> {
        let mut read = Wanted { top: 10, bounds: vec![50, 250, 500, 1000], ..Wanted::default() };
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let value = value.trim_matches(['\'', '"']);
            let is = |known: &str, least: usize| {
                name.len() >= least
                    && known.get(..name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name))
            };
            let names = || value.split(',').filter(|name| !name.is_empty()).map(str::to_owned);
            if is("start", 1) {
                read.start = Some(value.to_owned());
            } else if is("end", 1) {
                read.end = Some(value.to_owned());
            } else if is("accounts", 1) {
                read.accounts.extend(names().map(|name| name.to_lowercase()));
            } else if is("users", 1) {
                read.users.extend(names());
            } else if is("partitions", 3) {
                read.partitions.extend(names());
            } else if is("qos", 1) {
                read.qos.extend(names());
            } else if is("wckeys", 2) {
                read.wckeys.extend(names());
            } else if is("names", 1) {
                read.names.extend(names());
            } else if is("format", 2) {
                read.format = Some(value.to_owned());
            } else if is("topcount", 3) {
                read.top = number(value, word)?;
            } else if is("grouping", 6) {
                read.bounds = names().map(|bound| number(&bound, word)).collect::<Result<_, _>>()?;
                read.bounds.sort_unstable();
            } else if is("group", 5) {
                read.group = true;
            } else if is("tree", 4) {
                read.tree = true;
            } else if is("printjobcount", 2) {
                read.count_jobs = true;
            } else if is("flatview", 2) {
                read.flat = true;
            } else {
                bail!("Unknown condition: {word}");
            }
        }
        Ok(read)
    }

    /// Returns the time that is meant: yesterday where nothing is said.
    fn window(&self, now: &Zoned) -> anyhow::Result<Window> {
        let point = |text: &String| match point_in_time(text, now) {
            Ok(point) => Ok(point.as_second()),
            Err(_) => bail!("Invalid time specification: {text}"),
        };
        let midnight = |days: i64| -> anyhow::Result<i64> {
            Ok(now.start_of_day()?.checked_sub(days.days())?.timestamp().as_second())
        };
        let start = self.start.as_ref().map(point).unwrap_or_else(|| midnight(1))?;
        let end = self.end.as_ref().map(point).unwrap_or_else(|| midnight(0))?;
        if start >= end {
            bail!("the time that is meant ends before it begins");
        }
        let hour = |seconds: i64| seconds.rem_euclid(3600);
        // Usage is summed up by the hour.
        Ok(Window { start: start - hour(start), end: end.saturating_add((3600 - hour(end)) % 3600) })
    }
}

fn number<T: std::str::FromStr>(text: &str, word: &str) -> anyhow::Result<T> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) => bail!("{word}: expected a number"),
    }
}

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Utilization,
    AccountsByUser,
    AccountsByQos,
    UsersByAccount,
    UsersByWckey,
    WckeysByUser,
    Top,
    Sizes(SizesBy),
    Reservations,
}

const KINDS: [(&str, &str, Kind); 11] = [
    ("cluster", "Utilization", Kind::Utilization),
    ("cluster", "AccountUtilizationByUser", Kind::AccountsByUser),
    ("cluster", "AccountUtilizationByQOS", Kind::AccountsByQos),
    ("cluster", "UserUtilizationByAccount", Kind::UsersByAccount),
    ("cluster", "UserUtilizationByWCKey", Kind::UsersByWckey),
    ("cluster", "WCKeyUtilizationByUser", Kind::WckeysByUser),
    ("user", "TopUsage", Kind::Top),
    ("job", "SizesByAccount", Kind::Sizes(SizesBy::Account)),
    ("job", "SizesByWckey", Kind::Sizes(SizesBy::Wckey)),
    ("job", "SizesByAccountAndWckey", Kind::Sizes(SizesBy::Both)),
    ("reservation", "Utilization", Kind::Reservations),
];

/// Finds the report; what is before says of what kind it is.
fn kind(of: &str, name: &str) -> anyhow::Result<Kind> {
    if !KINDS.iter().any(|(known, ..)| known.eq_ignore_ascii_case(of)) {
        bail!("invalid keyword: {of} (there are cluster, user, job and reservation)");
    }
    let begins = |known: &str| known.get(..name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name));
    let found = KINDS.iter().find(|(known, report, _)| known.eq_ignore_ascii_case(of) && begins(report));
    match found {
        Some((.., kind)) if !name.is_empty() => Ok(*kind),
        _ => {
            let known = KINDS.iter().filter(|(known, ..)| known.eq_ignore_ascii_case(of));
            let known: Vec<&str> = known.map(|(_, name, _)| *name).collect();
            bail!("Not valid report {name}; valid {of} reports are {}", known.join(", "))
        }
    }
}

/// Makes a report.
pub(crate) async fn run(args: ReportArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let of = args.words.first().map(String::as_str).unwrap_or_default();
    let name = args.words.get(1).map(String::as_str).unwrap_or_default();
    let kind = kind(of, name)?;
    let wanted = Wanted::read(args.words.get(2..).unwrap_or_default())?;
    let window = wanted.window(&Zoned::now())?;
    let Some(units) = Units::read(&args.units) else {
        bail!("Invalid time format: {}", args.units);
    };
    let client = Client::open(&args.client)?;
    let report =
        Report { client: &client, wanted: &wanted, window, units, tres: &args.tres, json: args.client.json };
    match report.make(kind).await? {
        Made::Json(text) => terminal.print_json(&text)?,
        Made::Table(table) => print(&args, &wanted, &table, window, terminal)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What a report is made with.
struct Report<'a> {
    client: &'a Client,
    wanted: &'a Wanted,
    window: Window,
    units: Units,
    tres: &'a [String],
    json: bool,
}

/// What was made.
enum Made {
    Json(String),
    Table(Table),
}

fn print(
    args: &ReportArgs,
    wanted: &Wanted,
    table: &Table,
    window: Window,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let format = wanted.format.as_deref().unwrap_or(&table.format);
    let columns = match chosen(format, &table.fields) {
        Ok(columns) if format.contains('%') => columns,
        Ok(columns) => wide_enough(columns, &table.rows, Units::read(&args.units)),
        Err(unknown) => bail!("Unknown field '{unknown}'"),
    };
    let bars = args.parsable || args.parsable2;
    let shape =
        Shape { between: bars.then(|| "|".to_owned()), behind: args.parsable, header: !args.noheader };
    let rows: &[Row] = &table.rows;
    let mut text = String::new();
    if !args.noheader {
        let rule = "-".repeat(80);
        let shown = crate::sheet::local_time;
        text = format!(
            "{rule}\n{} {} - {}{}\n{}\n{rule}\n",
            table.title,
            shown(window.start),
            shown(window.end.saturating_sub(1)),
            if table.with_seconds { format!(" ({} secs)", window.seconds()) } else { String::new() },
            table.units,
        );
    }
    text.push_str(&written(&columns, rows, &shape));
    if !text.is_empty() {
        terminal.print(&text)?;
    }
    Ok(())
}

/// Makes columns of amounts as wide as sreport does, and wider where an amount needs it.
fn wide_enough<'a>(
    columns: Vec<Column<'a, Row>>,
    rows: &[Row],
    units: Option<Units>,
) -> Vec<Column<'a, Row>> {
    const BOTH: i32 = 17;
    let with_both = units.is_some_and(|units| units.time.is_some() && units.percent);
    let width = |column: &Column<'_, Row>| {
        let longest = rows.iter().map(|row| column.text(row).chars().count()).max().unwrap_or(0);
        let least = if with_both { BOTH } else { tables::AMOUNT };
        i32::try_from(longest).unwrap_or(least).max(least)
    };
    let one = |column: Column<'a, Row>| match column.width() {
        tables::AMOUNT => {
            let width = width(&column);
            column.wide(width)
        }
        _ => column,
    };
    columns.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_found() {
        assert_eq!(kind("cluster", "util").unwrap(), Kind::Utilization);
        assert_eq!(kind("Cluster", "AccountUtilizationByU").unwrap(), Kind::AccountsByUser);
        assert_eq!(kind("user", "top").unwrap(), Kind::Top);
        assert_eq!(kind("job", "sizes").unwrap(), Kind::Sizes(SizesBy::Account));
        assert_eq!(kind("job", "SizesByAccountAndW").unwrap(), Kind::Sizes(SizesBy::Both));
        assert_eq!(kind("reservation", "util").unwrap(), Kind::Reservations);
        assert!(kind("frob", "").unwrap_err().to_string().starts_with("invalid keyword: frob"));
        assert!(kind("user", "frob").unwrap_err().to_string().contains("valid user reports are TopUsage"));
    }

    #[test]
    fn words_are_read() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let wanted =
            Wanted::read(&words("start=now-7days end=now account=A,b topcount=3 tree grouping=8,2")).unwrap();
        assert_eq!((wanted.accounts.join("+").as_str(), wanted.top, wanted.tree), ("a+b", 3, true));
        assert_eq!(wanted.bounds, [2, 8]);
        assert!(Wanted::read(&words("group")).unwrap().group);
        assert!(Wanted::read(&words("frob=1")).unwrap_err().to_string().contains("frob=1"));
        assert!(Wanted::read(&words("topcount=x")).is_err());
    }

    #[test]
    fn time_is_yesterday_where_nothing_is_said() {
        let now: Zoned = "2027-03-31T12:30:00[UTC]".parse().unwrap();
        let window = Wanted::default().window(&now).unwrap();
        assert_eq!((window.seconds(), now.timestamp().as_second() - window.end), (86_400, 45_000));
        let wanted = Wanted { start: Some("now".into()), end: Some("now-1day".into()), ..Wanted::default() };
        assert!(wanted.window(&now).is_err());
    }
}
