//! `quintet history`: jobs that have ended, for as long as they are remembered.

use super::list::state_name;
use super::recorded::{self, RecordedArgs};
use super::row::short_time;
use super::{JobName, Part, written};
use crate::client::{Answer, Client, ClientArgs, ClientError};
use crate::sheet::{Sheet, local_time, size};
use crate::terminal::{Terminal, state_cell};
use anyhow::{Context, bail};
use comfy_table::Cell;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

/// Most jobs the service gives at once.
const PAGE: u64 = 10_000;

/// Arguments of `quintet history`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Jobs of all users
    #[arg(short = 'a', long, visible_alias = "allusers", conflicts_with = "user")]
    pub(crate) all: bool,
    /// Jobs of this user [default: your own]
    #[arg(short = 'u', long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Jobs charged to this account
    #[arg(short = 'A', long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Jobs of this name; without one, as in sacct, no names above the columns
    #[arg(short = 'n', long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub(crate) name: Option<String>,
    /// Jobs of this partition; without one, as in sacct, bars between the fields and behind the last
    #[arg(short = 'p', long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub(crate) partition: Option<String>,
    /// Jobs that ended so, such as COMPLETED or F
    #[arg(short = 't', long = "in-state", value_name = "STATES", value_delimiter = ',')]
    pub(crate) states: Vec<String>,
    /// Jobs that ended at or after this time: now-1day, 2027-01-31, 16:00
    #[arg(short = 'S', long, visible_alias = "starttime", value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Jobs that ended before this time
    #[arg(short = 'E', long, visible_alias = "endtime", value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// Each job with its steps, and what each of them used
    #[arg(long)]
    pub(crate) steps: bool,
    /// At most so many, the latest first
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
    #[command(flatten)]
    pub(crate) recorded: RecordedArgs,
}

/// A page of history.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Page {
    jobs: Vec<serde_json::Value>,
    next: Option<serde_json::Value>,
}

/// One attempt of a job, as history tells it. What it does not know is absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    job_id: u32,
    array_job_id: Option<u32>,
    array_task_id: Option<u32>,
    het_job_id: Option<u32>,
    het_job_offset: Option<u32>,
    attempt: u32,
    name: String,
    user: String,
    uid: u32,
    account: String,
    partition: String,
    qos: String,
    comment: String,
    work_dir: String,
    nodes: String,
    node_count: u32,
    cpus: u32,
    memory_mb: Option<u64>,
    state: String,
    reason: String,
    exit_code: Option<i64>,
    signal: Option<i64>,
    submitted: Option<f64>,
    started: Option<f64>,
    ended: Option<f64>,
    elapsed: Option<f64>,
    #[serde(alias = "cpu_user")]
    user_seconds: Option<f64>,
    #[serde(alias = "cpu_system")]
    system_seconds: Option<f64>,
    max_rss_kb: Option<u64>,
    peak_memory_kb: Option<u64>,
    read_bytes: Option<u64>,
    written_bytes: Option<u64>,
    energy_joules: Option<f64>,
    remark: String,
    steps: Vec<Step>,
}

/// A step of an attempt.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Step {
    step: String,
    name: String,
    state: String,
    exit_code: Option<i64>,
    signal: Option<i64>,
    elapsed: Option<f64>,
    started: Option<f64>,
    tasks: u32,
    cpus: u32,
    nodes: String,
    usage: Option<StepUsage>,
}

/// What the tasks of a step used.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct StepUsage {
    user_seconds: f64,
    system_seconds: f64,
    max_rss_kb: u64,
    read_bytes: u64,
    written_bytes: u64,
}

/// One line of the table that has steps: what `sacct` tells of a job, or of a step.
struct Line<'a> {
    id: String,
    name: &'a str,
    state: &'a str,
    exit: String,
    started: Option<f64>,
    elapsed: Option<f64>,
    tasks: Option<u32>,
    cpus: u32,
    usage: Option<StepUsage>,
    nodes: &'a str,
}

impl Line<'_> {
    const HEADER: [&'static str; 13] = [
        "JOBID", "NAME", "STATE", "EXIT", "STARTED", "TIME", "TASKS", "CPUS", "CPUTIME", "MAXRSS", "READ",
        "WRITTEN", "NODES",
    ];

    fn cells(&self) -> Vec<Cell> {
        let used =
            |told: fn(&StepUsage) -> String| Cell::new(self.usage.as_ref().map(told).unwrap_or_default());
        vec![
            Cell::new(&self.id),
            Cell::new(self.name),
            state_cell(self.state),
            Cell::new(&self.exit),
            Cell::new(when(self.started)),
            Cell::new(short_time(whole(self.elapsed.unwrap_or(0.0)))),
            Cell::new(self.tasks.map(|tasks| tasks.to_string()).unwrap_or_default()),
            Cell::new(self.cpus.to_string()),
            used(|usage| format!("{:.3}s", usage.user_seconds + usage.system_seconds)),
            used(|usage| format!("{}K", usage.max_rss_kb)),
            used(|usage| usage.read_bytes.to_string()),
            used(|usage| usage.written_bytes.to_string()),
            Cell::new(self.nodes),
        ]
    }
}

impl Step {
    fn row<'a>(&'a self, job: &str) -> Line<'a> {
        Line {
            id: format!("{job}.{}", self.step),
            name: &self.name,
            state: &self.state,
            exit: exit(self.exit_code, self.signal),
            started: self.started,
            elapsed: self.elapsed,
            tasks: Some(self.tasks),
            cpus: self.cpus,
            usage: self.usage,
            nodes: &self.nodes,
        }
    }

    fn line(&self) -> String {
        let exit = exit(self.exit_code, self.signal);
        let plural = |count: u32| if count == 1 { "" } else { "s" };
        format!(
            "{} {}, {exit}, {} task{} on {}, {} CPU{}, {:.1} s",
            self.name,
            self.state,
            self.tasks,
            plural(self.tasks),
            self.nodes,
            self.cpus,
            plural(self.cpus),
            self.elapsed.unwrap_or(0.0),
        )
    }
}

impl Record {
    fn id(&self) -> String {
        let task = (self.array_job_id, self.array_task_id);
        written(self.job_id, task, (self.het_job_id, self.het_job_offset))
    }

    fn exit(&self) -> String {
        exit(self.exit_code, self.signal)
    }

    /// Returns its own line and one for each of its steps.
    fn lines(&self) -> Vec<Line<'_>> {
        let id = self.id();
        // What is not measured of a job that never ran is no zero.
        let usage = self.user_seconds.filter(|_| self.started.is_some()).map(|user_seconds| StepUsage {
            user_seconds,
            system_seconds: self.system_seconds.unwrap_or(0.0),
            max_rss_kb: self.max_rss_kb.unwrap_or(0),
            read_bytes: self.read_bytes.unwrap_or(0),
            written_bytes: self.written_bytes.unwrap_or(0),
        });
        let own = Line {
            id: id.clone(),
            name: &self.name,
            state: &self.state,
            exit: self.exit(),
            started: self.started,
            elapsed: self.elapsed,
            tasks: None,
            cpus: self.cpus,
            usage,
            nodes: &self.nodes,
        };
        std::iter::once(own).chain(self.steps.iter().map(|step| step.row(&id))).collect()
    }

    fn is_of(&self, name: &JobName) -> bool {
        let (array, leader) = (self.array_job_id == Some(name.number), self.het_job_id == Some(name.number));
        match name.part {
            Some(Part::Task(task)) => array && self.array_task_id == Some(task),
            Some(Part::Component(offset)) => leader && self.het_job_offset == Some(offset),
            None => self.job_id == name.number || array || leader,
        }
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&format!("Job {} (history)", self.id()));
        sheet.add("Name", &self.name);
        sheet.add("State", &self.state);
        sheet.add("Reason", &self.reason);
        sheet.add("Exit code", &self.exit());
        sheet.add("Remark", &self.remark);
        sheet.add("Attempt", &if self.attempt == 0 { String::new() } else { self.attempt.to_string() });
        sheet.add("User", &format!("{} ({})", self.user, self.uid));
        sheet.add("Account", &self.account);
        sheet.add("QOS", &self.qos);
        sheet.add("Partition", &self.partition);
        sheet.add("Submitted", &when(self.submitted));
        sheet.add("Started", &when(self.started));
        sheet.add("Ended", &when(self.ended));
        sheet.add("Ran", &self.elapsed.map(|seconds| short_time(whole(seconds))).unwrap_or_default());
        let seconds =
            |seconds: Option<f64>| seconds.map(|seconds| format!("{seconds:.3} s")).unwrap_or_default();
        sheet.add("CPU time of the user", &seconds(self.user_seconds));
        sheet.add("CPU time of the system", &seconds(self.system_seconds));
        let kilobytes = |kb: Option<u64>| kb.map(|kb| size(kb.div_ceil(1024))).unwrap_or_default();
        let bytes = |bytes: Option<u64>| {
            bytes.filter(|bytes| *bytes > 0).map(|bytes| size(bytes.div_ceil(1 << 20))).unwrap_or_default()
        };
        sheet.add("Most memory of a process", &kilobytes(self.max_rss_kb));
        sheet.add("Most memory together", &kilobytes(self.peak_memory_kb));
        sheet.add("Read from storage", &bytes(self.read_bytes));
        sheet.add("Written to storage", &bytes(self.written_bytes));
        let joules = |joules: f64| format!("{joules:.1} J");
        sheet.add("Energy of the machine", &self.energy_joules.map(joules).unwrap_or_default());
        sheet.add("Nodes", &self.nodes);
        sheet.add("Node count", &self.node_count.to_string());
        sheet.add("CPUs", &self.cpus.to_string());
        sheet.add("Memory", &self.memory_mb.filter(|mb| *mb > 0).map(size).unwrap_or_default());
        sheet.add("Directory", &self.work_dir);
        sheet.add("Comment", &self.comment);
        for step in self.steps.iter().filter(|step| step.step != "batch") {
            sheet.add(&format!("Step {}", step.step), &step.line());
        }
        sheet
    }
}

/// Writes how something ended: exit code and signal.
fn exit(code: Option<i64>, signal: Option<i64>) -> String {
    format!("{}:{}", code.unwrap_or(0), signal.unwrap_or(0))
}

fn whole(seconds: f64) -> u64 {
    // Negative and absurd values saturate.
    seconds as u64
}

fn when(seconds: Option<f64>) -> String {
    seconds.filter(|seconds| *seconds > 0.0).map(|seconds| local_time(seconds as i64)).unwrap_or_default()
}

/// Lists jobs that have ended.
pub(crate) async fn run(args: HistoryArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    if recorded::is_asked(&args) {
        return recorded::run(&args, terminal).await;
    }
    let mut query: Vec<(&'static str, String)> = Vec::new();
    let client = Client::open(&args.client)?;
    let user = match (&args.user, args.all) {
        (Some(user), _) => Some(user.clone()),
        (None, true) => None,
        (None, false) => Some(client.user().await.context("find out who asks")?),
    };
    let given = [
        ("user", user),
        ("account", args.account.clone()),
        ("name", args.name.clone()),
        ("partition", args.partition.clone()),
        ("since", args.since.clone()),
        ("until", args.until.clone()),
    ];
    query.extend(given.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))));
    if !args.states.is_empty() {
        let states = args.states.iter().map(|state| state_name(state)).collect::<Result<Vec<_>, _>>()?;
        query.push(("state", states.join(",")));
    }
    if args.steps {
        query.push(("steps", "1".to_owned()));
    }
    let page = pages(&client, &query, args.limit).await.context("read the history")?;
    if args.client.json {
        terminal.print(&format!("{:#}", serde_json::to_value(&page)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.steps {
        let mut table = terminal.table(&Line::HEADER);
        for record in records(&page)? {
            record.lines().iter().for_each(|line| {
                table.add_row(line.cells());
            });
        }
        terminal.print_table(&table)?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["JOBID", "NAME", "USER", "PARTITION", "STATE", "EXIT", "ENDED", "TIME", "CPUS", "NODES"];
    let mut table = terminal.table(&header);
    for record in records(&page)? {
        table.add_row(vec![
            Cell::new(record.id()),
            Cell::new(&record.name),
            Cell::new(&record.user),
            Cell::new(&record.partition),
            state_cell(&record.state),
            Cell::new(record.exit()),
            Cell::new(when(record.ended)),
            Cell::new(short_time(whole(record.elapsed.unwrap_or(0.0)))),
            Cell::new(record.cpus.to_string()),
            Cell::new(&record.nodes),
        ]);
    }
    terminal.print_table(&table)?;
    Ok(ExitCode::SUCCESS)
}

/// Shows the attempts of a job that is history.
pub(crate) async fn show(
    client: &Client,
    id: &JobName,
    json: bool,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let answer: Result<Answer<Page>, ClientError> =
        client.native(Method::GET, &format!("/history/{}", id.path()), &[], None).await;
    let page = match answer {
        Ok(answer) => answer.value,
        Err(error) if error.is_not_found() => bail!("there is no job {id}"),
        Err(error) => return Err(error).with_context(|| format!("show job {id}")),
    };
    let records: Vec<Record> = records(&page)?.into_iter().filter(|record| record.is_of(id)).collect();
    if records.is_empty() {
        bail!("there is no job {id}");
    }
    if json {
        terminal.print(&format!("{:#}", serde_json::to_value(&page)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    terminal.print(&records.iter().map(|record| record.sheet().written()).collect::<Vec<_>>().join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

async fn pages(client: &Client, query: &[(&'static str, String)], limit: u64) -> Result<Page, ClientError> {
    let mut all = Page::default();
    loop {
        let left = limit.saturating_sub(all.jobs.len() as u64);
        let mut query = query.to_vec();
        query.push(("limit", left.min(PAGE).to_string()));
        if let Some(next) = &all.next {
            query.push(("after", next.as_str().map_or_else(|| next.to_string(), str::to_owned)));
        }
        let page: Answer<Page> = client.native(Method::GET, "/history", &query, None).await?;
        let empty = page.value.jobs.is_empty();
        all.jobs.extend(page.value.jobs);
        all.next = page.value.next;
        if empty || all.next.is_none() || all.jobs.len() as u64 >= limit {
            return Ok(all);
        }
    }
}

fn records(page: &Page) -> anyhow::Result<Vec<Record>> {
    let record = |value: &serde_json::Value| {
        // Null means the same as absent.
        let mut value = value.clone();
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|_, field| !field.is_null());
        }
        serde_json::from_value(value)
    };
    page.jobs.iter().map(|value| record(value).context("read a record of the history")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_null_is_absent() {
        let page = Page {
            jobs: vec![
                serde_json::json!({"job_id": 7, "array_job_id": 5, "array_task_id": 2, "nodes": null, "exit_code": 3}),
            ],
            next: None,
        };
        let records = records(&page).unwrap();
        assert_eq!(
            (records[0].id(), records[0].exit(), records[0].nodes.as_str()),
            ("5_2".into(), "3:0".into(), "")
        );
        let is_of = |text: &str| records[0].is_of(&JobName::parse(text).unwrap());
        assert!(is_of("7") && is_of("5") && is_of("5_2") && !is_of("5_3") && !is_of("2"));
    }
}
