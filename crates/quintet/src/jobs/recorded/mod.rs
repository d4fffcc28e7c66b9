//! Jobs and their steps as accounting recorded them, in sacct's fields: what `quintet history` shows where anything of
//! sacct's is asked for.
//!
//! - `times`: when is meant
//! - `ranges`: conditions that are looked at here
//! - `line`, `fields`: a job or a step, and what can be shown of it

mod fields;
mod line;
mod ranges;
mod times;

use super::history::HistoryArgs;
use super::list::state_name;
use crate::client::{Answer, Client};
use crate::columns::{Shape, chosen, written};
use crate::terminal::Terminal;
use crate::usage::Usage;
use anyhow::{Context, bail};
use domain::job::Reason;
use fields::{BRIEF, FIELDS, LONG, USUAL};
use jiff::Zoned;
use line::{Line, Sizes};
use ranges::Ranges;
use slurm_wire::accounting::job::{Job, SlurmdbdJobsResp};
use slurm_wire::accounting::qos::SlurmdbdQosResp;
use std::collections::{BTreeMap, HashMap};
use std::process::ExitCode;
use std::rc::Rc;

/// Arguments of `quintet history` that sacct has.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "As sacct")]
pub(crate) struct RecordedArgs {
    /// Fields, such as JobID,JobName%20,State,Elapsed,MaxRSS; ALL for all of them
    #[arg(short = 'o', long, value_name = "FIELDS")]
    format: Option<String>,
    /// List the fields there are
    #[arg(short = 'e', long)]
    helpformat: bool,
    /// Only these jobs and steps: 12, 12_3, 12.batch
    #[arg(short = 'j', long, value_name = "JOBS", value_delimiter = ',')]
    jobs: Vec<String>,
    /// Only jobs in one of these states within the time that is meant
    #[arg(short = 's', long = "state-list", alias = "states", value_name = "STATES", value_delimiter = ',')]
    state_list: Vec<String>,
    /// Jobs alone, without their steps
    #[arg(short = 'X', long)]
    allocations: bool,
    /// Attempts that were put back, too
    #[arg(short = 'D', long)]
    duplicates: bool,
    /// Only jobs of these partitions
    #[arg(short = 'r', long = "partitions", value_name = "NAMES")]
    partitions: Option<String>,
    /// Only jobs under these qualities of service
    #[arg(short = 'q', long, value_name = "NAMES")]
    qos: Option<String>,
    /// Only jobs that ran on one of these nodes
    #[arg(short = 'N', long, value_name = "NODES")]
    nodelist: Option<String>,
    /// Only jobs with these workload keys
    #[arg(short = 'W', long, value_name = "NAMES")]
    wckeys: Option<String>,
    /// Only jobs of these groups
    #[arg(short = 'g', long = "gid", visible_alias = "group", value_name = "GROUPS")]
    groups: Option<String>,
    /// Only jobs that waited last for one of these reasons, such as Resources
    #[arg(short = 'R', long, value_name = "REASONS", value_delimiter = ',')]
    reason: Vec<String>,
    /// Only jobs on so many nodes: 2, 2-4
    #[arg(short = 'i', long, value_name = "RANGE")]
    nnodes: Option<String>,
    /// Only jobs on so many CPUs: 2, 2-4
    #[arg(short = 'I', long, value_name = "RANGE")]
    ncpus: Option<String>,
    /// Only jobs with this time limit; with --timelimit-max the least
    #[arg(short = 'k', long = "timelimit-min", value_name = "TIME")]
    timelimit_min: Option<String>,
    /// With --timelimit-min the highest time limit
    #[arg(short = 'K', long = "timelimit-max", value_name = "TIME")]
    timelimit_max: Option<String>,
    /// State and exit code alone
    #[arg(short = 'b', long, conflicts_with_all = ["format", "long"])]
    brief: bool,
    /// Many fields
    #[arg(short = 'l', long, conflicts_with = "format")]
    long: bool,
    /// Bars between the fields and behind the last; so does -p without a name
    #[arg(long, conflicts_with = "parsable2")]
    parsable: bool,
    /// Bars between the fields
    #[arg(short = 'P', long)]
    parsable2: bool,
    /// What stands between fields instead of a bar
    #[arg(long, value_name = "TEXT")]
    delimiter: Option<String>,
    /// No names above the columns; so does -n without a name
    #[arg(long)]
    noheader: bool,
    /// Sizes in bytes
    #[arg(long)]
    noconvert: bool,
    /// Sizes in this unit: K, M, G, T, P
    #[arg(long, value_name = "UNIT", conflicts_with = "noconvert")]
    units: Option<String>,
    /// Times within the time that is meant alone
    #[arg(short = 'T', long)]
    truncate: bool,
}

impl RecordedArgs {
    /// Returns in what sizes are told.
    fn sizes(&self) -> Result<Sizes, Usage> {
        match &self.units {
            _ if self.noconvert => Ok(Sizes::Exact),
            None => Ok(Sizes::Fitting),
            Some(unit) => Sizes::of_unit(unit)
                .ok_or_else(|| Usage(format!("Invalid unit type '{unit}'. Possible options are 'KMGTP'"))),
        }
    }

    /// Returns the reasons as the service names them.
    fn reasons(&self) -> Result<Option<String>, Usage> {
        let known = |wanted: &String| {
            let found = Reason::ALL.iter().find(|reason| reason.name().eq_ignore_ascii_case(wanted));
            found
                .map(|reason| reason.name())
                .ok_or_else(|| Usage(format!("unrecognized job reason value '{wanted}'")))
        };
        let names: Vec<&str> = self.reason.iter().map(known).collect::<Result<_, _>>()?;
        Ok(Some(names.join(",")).filter(|names| !names.is_empty()))
    }

    fn is_asked(&self) -> bool {
        let switches = [
            self.helpformat,
            self.allocations,
            self.duplicates,
            self.brief,
            self.long,
            self.parsable,
            self.parsable2,
            self.noheader,
            self.noconvert,
            self.truncate,
        ];
        let words = [
            &self.format,
            &self.partitions,
            &self.qos,
            &self.nodelist,
            &self.wckeys,
            &self.delimiter,
            &self.groups,
            &self.nnodes,
            &self.ncpus,
            &self.timelimit_min,
            &self.timelimit_max,
            &self.units,
        ];
        switches.contains(&true)
            || words.iter().any(|word| word.is_some())
            || !self.jobs.is_empty()
            || !self.state_list.is_empty()
            || !self.reason.is_empty()
    }
}

/// Tells whether anything of sacct's is asked for.
pub(super) fn is_asked(args: &HistoryArgs) -> bool {
    let stands_alone = |word: &Option<String>| word.as_deref() == Some("");
    args.recorded.is_asked() || stands_alone(&args.name) || stands_alone(&args.partition)
}

/// Divides words such as `-nXP` as sacct would: some of its letters take a value here if one follows.
pub(crate) fn spread(words: Vec<std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    const LETTERS: &str = "anpPXDblTe";
    let mut spread = Vec::with_capacity(words.len());
    let mut words = words.into_iter();
    for word in words.by_ref() {
        if word == "--" {
            spread.push(word);
            break;
        }
        let letters = word.to_str().and_then(|text| text.strip_prefix('-')).filter(|text| text.len() > 1);
        match letters.filter(|text| text.chars().all(|letter| LETTERS.contains(letter))) {
            // Only the last of them can have a value.
            Some(letters) => spread.extend(letters.char_indices().map(|(at, letter)| {
                match (letter, at + 1 < letters.len()) {
                    ('n', true) => "--noheader".into(),
                    ('p', true) => "--parsable".into(),
                    _ => format!("-{letter}").into(),
                }
            })),
            None => spread.push(word),
        }
    }
    spread.extend(words);
    spread
}

/// Shows jobs in sacct's fields.
pub(super) async fn run(args: &HistoryArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let own = &args.recorded;
    if own.helpformat {
        terminal.print(&fields::names())?;
        return Ok(ExitCode::SUCCESS);
    }
    let usual = if own.brief {
        BRIEF
    } else if own.long {
        LONG
    } else {
        USUAL
    };
    let format = own.format.as_deref().unwrap_or(usual);
    let format = if format.eq_ignore_ascii_case("all") { fields::all() } else { format.to_owned() };
    let columns = match chosen(&format, FIELDS) {
        Ok(columns) => columns,
        Err(unknown) => {
            bail!(Usage(format!("Invalid field requested: \"{unknown}\"; --helpformat lists them")))
        }
    };
    let sizes = own.sizes()?;
    let ranges = Ranges::read(own)?;
    let client = Client::open(&args.client)?;
    let query = query(args, &client, &Zoned::now()).await?;
    let query: Vec<(&str, String)> = query;
    let answer: Answer<SlurmdbdJobsResp> =
        client.accounting("/jobs/", &query).await.context("read what is recorded of jobs")?;
    if args.client.json {
        terminal.print_json(&answer.text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let qos = match columns.iter().any(|column| column.name() == "QOSRAW") {
        true => client.accounting::<SlurmdbdQosResp>("/qos/", &[]).await?.value.qos.into_vec(),
        false => Vec::new(),
    };
    let qos: BTreeMap<String, u32> = qos.into_iter().map(|one| (one.name.to_string(), one.id)).collect();
    let mut jobs: Vec<Job> = answer.value.jobs.into_vec();
    jobs.retain(|job| ranges.have(job));
    if !own.duplicates {
        keep_the_last(&mut jobs);
    }
    let lines = lines(jobs, args, sizes, &Rc::new(qos));
    let behind = own.parsable || args.partition.as_deref() == Some("");
    let between = own.delimiter.clone().unwrap_or_else(|| "|".to_owned());
    let shape = Shape {
        between: (behind || own.parsable2).then_some(between),
        behind,
        header: !(own.noheader || args.name.as_deref() == Some("")),
    };
    let text = written(&columns, &lines, &shape);
    if !text.is_empty() {
        terminal.print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Leaves of each job the attempt that was submitted, or put back, last, and what it was before it was made smaller.
fn keep_the_last(jobs: &mut Vec<Job>) {
    let mut last: HashMap<u32, (i64, u32)> = HashMap::new();
    let turn = |job: &Job| (job.time.submission, job.restart_cnt);
    for job in jobs.iter() {
        let known = last.entry(job.job_id).or_insert_with(|| turn(job));
        *known = turn(job).max(*known);
    }
    let is_part = |job: &Job| job.state.current.names().any(|name| name == "RESIZING");
    jobs.retain(|job| is_part(job) || last.get(&job.job_id).is_none_or(|known| *known == turn(job)));
}

/// Returns the lines of jobs with their steps.
fn lines(jobs: Vec<Job>, args: &HistoryArgs, sizes: Sizes, qos: &Rc<BTreeMap<String, u32>>) -> Vec<Line> {
    let wanted: Vec<&str> = args.recorded.jobs.iter().map(String::as_str).collect();
    let mut lines = Vec::new();
    for job in jobs {
        let count = job.steps.len();
        let own = Line { job: Rc::new(job), at: None, sizes, qos: Rc::clone(qos) };
        let (name, number) = (own.name(), own.number());
        // A job that is named for a step's sake alone is not shown itself.
        let steps_named: Vec<&str> = wanted
            .iter()
            .filter_map(|word| word.rsplit_once('.'))
            .filter(|(job, _)| *job == name || *job == number)
            .map(|(_, step)| step)
            .collect();
        let is_whole = wanted.is_empty()
            || steps_named.is_empty()
            || wanted.contains(&name.as_str())
            || wanted.contains(&number.as_str());
        if is_whole {
            lines.push(own.clone());
        }
        if args.recorded.allocations {
            continue;
        }
        let steps = (0..count).map(|at| Line { at: Some(at), ..own.clone() });
        lines.extend(steps.filter(|step| {
            is_whole || step.name().rsplit_once('.').is_some_and(|(_, step)| steps_named.contains(&step))
        }));
    }
    lines
}

/// Returns the question for the service.
async fn query(
    args: &HistoryArgs,
    client: &Client,
    now: &Zoned,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let own = &args.recorded;
    let mut query: Vec<(&'static str, String)> = Vec::new();
    let user = match (&args.user, args.all || !own.jobs.is_empty()) {
        (Some(user), _) => Some(user.clone()),
        (None, true) => None,
        // Who may see to everything sees everybody's.
        (None, false) => {
            Some(client.user().await.context("find out who asks")?).filter(|name| name != "root")
        }
    };
    let named = |word: &Option<String>| word.clone().filter(|word| !word.is_empty());
    let partitions = named(&own.partitions).or_else(|| named(&args.partition));
    let given = [
        ("users", user),
        ("account", named(&args.account)),
        ("partition", partitions),
        ("node", named(&own.nodelist)),
        ("wckey", named(&own.wckeys)),
        ("groups", named(&own.groups)),
        ("reason", own.reasons()?),
    ];
    query.extend(given.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))));
    // The interface takes several of these one by one alone.
    let names = named(&args.name).unwrap_or_default();
    query.extend(names.split(',').filter(|name| !name.is_empty()).map(|name| ("job_name", name.to_owned())));
    if let Some(names) = named(&own.qos) {
        query.push(("qos", qos_numbers(&names, client).await?));
    }
    let states: Vec<&String> = own.state_list.iter().chain(&args.states).collect();
    if !states.is_empty() {
        for state in states {
            query.push(("state", state_name(state)?));
        }
    }
    let is_named = !own.jobs.is_empty();
    if is_named {
        // Which of a job's steps are meant is looked at here.
        let jobs: Vec<&str> = own.jobs.iter().map(|job| job.split('.').next().unwrap_or(job)).collect();
        query.push(("step", jobs.join(",")));
    }
    let has_states = query.iter().any(|(key, _)| *key == "state");
    let window = times::window(args.since.as_deref(), args.until.as_deref(), is_named, has_states, now)?;
    query.push(("start_time", window.0.to_string()));
    query.push(("end_time", window.1.to_string()));
    for (key, is_on) in [
        ("show_duplicates", own.duplicates),
        ("skip_steps", own.allocations),
        ("disable_truncate_usage_time", !own.truncate),
    ] {
        if is_on {
            query.push((key, "true".to_owned()));
        }
    }
    Ok(query)
}

/// Returns the numbers of qualities of service: the interface knows them by these alone.
async fn qos_numbers(names: &str, client: &Client) -> anyhow::Result<String> {
    let known = client.accounting::<SlurmdbdQosResp>("/qos/", &[]).await?.value.qos.into_vec();
    let number = |name: &str| match known.iter().find(|one| one.name.eq_ignore_ascii_case(name)) {
        Some(one) => Ok(one.id.to_string()),
        None => bail!("there is no quality of service {name}"),
    };
    Ok(names.split(',').map(number).collect::<Result<Vec<_>, _>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempt_of_a_job_is_left() {
        let job = |job_id, submission, restart_cnt| {
            let mut job = Job { job_id, restart_cnt, ..Job::default() };
            job.time.submission = submission;
            job
        };
        // The third is one whose number was given to another job years later.
        let mut jobs = vec![job(1, 10, 0), job(1, 10, 1), job(2, 900, 0), job(2, 20, 3), job(3, 5, 0)];
        keep_the_last(&mut jobs);
        let left: Vec<_> =
            jobs.iter().map(|job| (job.job_id, job.time.submission, job.restart_cnt)).collect();
        assert_eq!(left, [(1, 10, 1), (2, 900, 0), (3, 5, 0)]);
    }

    #[test]
    fn letters_that_stand_together_are_divided() {
        let check = |text: &str, wanted: &str| {
            let words = text.split(' ').map(Into::into).collect();
            let spread = spread(words);
            let spread: Vec<&str> = spread.iter().map(|word| word.to_str().unwrap()).collect();
            assert_eq!(spread.join(" "), wanted);
        };
        check("-nXP -o jobid", "--noheader -X -P -o jobid");
        check("-n good", "-n good");
        check("-anp --name x", "-a --noheader -p --name x");
        check("-ofoo -Sxx", "-ofoo -Sxx");
        check("-- -nX", "-- -nX");
    }
}
