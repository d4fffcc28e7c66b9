//! `quintet archive`: what leaves history because of its age, by hand, and how it comes back.

use crate::columns::{Column, Field, Shape, chosen, written};
use crate::config::{Config, default_state_dir};
use crate::serve::{LocalCalendar, SystemClock};
use crate::sheet::local_time;
use crate::terminal::{Terminal, remark};
use crate::usage::Usage;
use anyhow::Context;
use domain::Timestamp;
use domain::history::Purged;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Listed, Loaded};

/// How often it is told how far something is.
const BETWEEN_REMARKS: Duration = Duration::from_secs(2);

/// Arguments of `quintet archive`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ArchiveArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum What {
    /// Take out of history now what is older than [history] of the configuration keeps
    ///
    /// The service does the same while it runs, a piece at a time. It may run meanwhile.
    Dump(PlaceArgs),
    /// Load files of an archive into history; what is there already stays as it is
    ///
    /// The service may run meanwhile. What is older than [history] of its configuration keeps goes again, once nothing
    /// younger stands between: raise the limits for as long as it is needed. What is loaded is in the answers about jobs and
    /// steps; sums of usage, events, reservations and transactions come back from their own files.
    Load(LoadArgs),
    /// Say what is in files of an archive, or in all of its folder
    List(ListArgs),
}

#[derive(clap::Args, Clone, Debug)]
struct PlaceArgs {
    /// The configuration the service runs with, if it names the state directory or the archive
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The service's state directory
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

#[derive(clap::Args, Clone, Debug)]
struct LoadArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Files of lines of JSON, as they were written there
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(clap::Args, Clone, Debug)]
struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Files of lines of JSON [default: those in the folder of the archive]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// The configuration and the state that it is about.
struct Place {
    config: Config,
    state: PathBuf,
}

impl Place {
    fn of(args: &PlaceArgs) -> anyhow::Result<Self> {
        let config = match &args.config {
            Some(path) => Config::read(path)?,
            None => Config::default_values(),
        };
        let state = args.state.clone().or_else(|| config.state().map(PathBuf::from));
        Ok(Place { config, state: state.unwrap_or_else(default_state_dir) })
    }

    fn retention(&self) -> store::Retention {
        self.config.retention(&self.state, Arc::new(SystemClock::default()))
    }

    fn store(&self) -> PathBuf {
        self.state.join("store")
    }
}

/// Does what is asked.
pub(crate) fn run(args: ArchiveArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Dump(args) => dump(&Place::of(&args)?, terminal)?,
        What::Load(args) => load(&Place::of(&args.place)?, &args.files, terminal)?,
        What::List(args) => list(&Place::of(&args.place)?, args.files, terminal)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn dump(place: &Place, terminal: Terminal) -> anyhow::Result<()> {
    let retention = place.retention();
    if retention.is_for_ever() {
        let why =
            "[history] of the configuration keeps everything for ever; --config names the configuration";
        return Err(Usage(why.to_owned()).into());
    }
    let folder = retention.archive.clone();
    let mut now_and_then = NowAndThen::begin();
    let mut told = |gone: &Purged| now_and_then.remark(|| gone_text(gone));
    let calendar = Arc::new(LocalCalendar::of_this_place());
    let gone = store::dump_archive(&place.store(), retention, calendar, &mut told)
        .with_context(|| format!("take out of the history in {}", place.state.display()))?;
    let archived =
        if gone.archived > 0 { format!("; archived in {}", folder.display()) } else { String::new() };
    terminal.print(&format!("{}{archived}", gone_text(&gone)))?;
    Ok(())
}

fn gone_text(gone: &Purged) -> String {
    let Purged { jobs, steps, sums, events, reservations, transactions, .. } = *gone;
    format!("taken out: {}", counts_text([jobs, steps, sums, events, reservations, transactions]))
}

fn load(place: &Place, files: &[PathBuf], terminal: Terminal) -> anyhow::Result<()> {
    for file in files {
        let size = std::fs::metadata(file).map(|known| known.len()).unwrap_or(0).max(1);
        let mut now_and_then = NowAndThen::begin();
        let mut told = |loaded: &Loaded, read: u64| {
            let part = u128::from(read.min(size)) * 100 / u128::from(size);
            now_and_then.remark(|| format!("{}: {part}%, {}", file.display(), loaded_text(loaded)));
        };
        let loaded = store::load_archive(&place.store(), file, &mut told)
            .with_context(|| format!("load {} into {}", file.display(), place.state.display()))?;
        terminal.print(&format!("{}: {}", file.display(), loaded_text(&loaded)))?;
    }
    Ok(())
}

fn loaded_text(loaded: &Loaded) -> String {
    let Loaded { jobs, steps, sums, events, reservations, transactions, known } = *loaded;
    let there = if known > 0 { format!("; {known} were there already") } else { String::new() };
    format!("{}{there}", counts_text([jobs, steps, sums, events, reservations, transactions]))
}

/// Writes how much of each kind: of the last three where there is any.
fn counts_text([jobs, steps, sums, events, reservations, transactions]: [u64; 6]) -> String {
    let mut text = format!("{jobs} jobs, {steps} steps, {sums} sums of usage");
    for (count, name) in [(events, "events"), (reservations, "reservations"), (transactions, "transactions")]
    {
        if count > 0 {
            text.push_str(&format!(", {count} {name}"));
        }
    }
    text
}

/// A file of an archive.
struct Row {
    name: String,
    listed: Listed,
}

const fn field(name: &'static [&'static str], width: i32, value: fn(&Row) -> String) -> Field<Row> {
    Field { names: name, header: name[0], width, value }
}

const FIELDS: [Field<Row>; 9] = [
    field(&["File"], -24, |row| row.name.clone()),
    field(&["Jobs"], 10, |row| row.listed.jobs.to_string()),
    field(&["Steps"], 10, |row| row.listed.steps.to_string()),
    field(&["Sums"], 10, |row| row.listed.sums.to_string()),
    field(&["Events"], 10, |row| row.listed.events.to_string()),
    field(&["Resvs"], 10, |row| row.listed.reservations.to_string()),
    field(&["Txns"], 10, |row| row.listed.transactions.to_string()),
    field(&["First"], 19, |row| moment(row.listed.times.map(|(first, _)| first))),
    field(&["Last"], 19, |row| moment(row.listed.times.map(|(_, last)| last))),
];

fn moment(at: Option<Timestamp>) -> String {
    at.map(|at| local_time(at.seconds())).unwrap_or_default()
}

fn list(place: &Place, mut files: Vec<PathBuf>, terminal: Terminal) -> anyhow::Result<()> {
    if files.is_empty() {
        files = files_in(&place.retention().archive)?;
    }
    let mut rows = Vec::new();
    for file in files {
        let listed = store::list_archive(&file).with_context(|| format!("read {}", file.display()))?;
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        rows.push(Row { name, listed });
    }
    let names: Vec<&str> = FIELDS.iter().map(|field| field.header).collect();
    let columns: Vec<Column<'_, Row>> = chosen(&names.join(","), &FIELDS)?;
    terminal.print(&written(&columns, &rows, &Shape { between: None, behind: false, header: true }))?;
    Ok(())
}

fn files_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Nothing has gone yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("read {}", folder.display())),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")).collect();
    files.sort();
    Ok(files)
}

/// Says how far something is, but not all the time.
struct NowAndThen(Instant);

impl NowAndThen {
    fn begin() -> Self {
        NowAndThen(Instant::now())
    }

    fn remark(&mut self, text: impl FnOnce() -> String) {
        if self.0.elapsed() >= BETWEEN_REMARKS {
            self.0 = Instant::now();
            remark(&text());
        }
    }
}
