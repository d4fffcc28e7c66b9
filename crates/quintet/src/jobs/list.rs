//! `quintet ps`: the jobs that wait and run.

use super::row::{Row, is_over, job_id};
use crate::client::{Client, ClientArgs};
use crate::terminal::{Terminal, state_cell};
use crate::usage::Usage;
use anyhow::Context;
use reqwest::Method;
use slurm_wire::NoVal;
use slurm_wire::array_spec::ArraySpec;
use slurm_wire::job_info::{JobInfo, JobInfoResp};
use std::process::ExitCode;

/// Arguments of `quintet ps`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct PsArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Jobs of all users
    #[arg(short = 'a', long, conflicts_with = "user")]
    pub(crate) all: bool,
    /// Jobs of these users [default: your own]
    #[arg(short = 'u', long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) user: Vec<String>,
    /// Jobs in these partitions
    #[arg(short = 'p', long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) partition: Vec<String>,
    /// Jobs in these states, such as PENDING or R; all for finished ones too [default: those that are not over]
    #[arg(short = 't', long, value_name = "STATES", value_delimiter = ',')]
    pub(crate) states: Vec<String>,
    /// Jobs of these names
    #[arg(short = 'n', long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) name: Vec<String>,
    /// These jobs, whoever owns them: 12, 12_3 for one task, or 12+1 for one component
    #[arg(short = 'j', long = "job", value_name = "IDS", value_delimiter = ',')]
    pub(crate) jobs: Vec<String>,
    /// One line for each task of an array
    #[arg(short = 'r', long)]
    pub(crate) array: bool,
    /// No header
    #[arg(long)]
    pub(crate) no_header: bool,
}

/// States of jobs that are not over.
const LIVE: [&str; 5] = ["PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "STOPPED"];

/// Which jobs are wanted.
#[derive(Clone, Debug, Default)]
struct Wanted {
    users: Vec<String>,
    partitions: Vec<String>,
    states: Option<Vec<String>>,
    names: Vec<String>,
    jobs: Vec<String>,
}

/// Lists jobs.
pub(crate) async fn run(args: PsArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let mut wanted = Wanted::of(&args)?;
    let client = Client::open(&args.client)?;
    if !args.all && args.user.is_empty() && args.jobs.is_empty() {
        wanted.users.push(client.user().await.context("find out who asks")?);
    }
    let answer = client.slurm::<JobInfoResp>(Method::GET, "/jobs/", &[], None).await.context("list jobs")?;
    if args.client.json {
        terminal.print(&only_wanted(&answer.text, &answer.value, &wanted)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = answer.value.last_update.unwrap_or(0);
    let mut jobs: Vec<&JobInfo> = answer.value.jobs.iter().filter(|job| wanted.has(job)).collect();
    jobs.sort_by_key(|job| {
        (job.array_job_id.number().filter(|id| *id != 0).unwrap_or(job.job_id), job.job_id)
    });
    let rows = if args.array {
        jobs.iter().flat_map(|job| tasks(job)).map(|job| Row::of(&job, now)).collect()
    } else {
        folded(&jobs, now)
    };
    let mut table =
        terminal.table(&["JOBID", "PARTITION", "NAME", "USER", "STATE", "TIME", "NODES", "NODELIST(REASON)"]);
    for row in &rows {
        let (state, time, nodes) = (state_cell(&row.state), row.time(), row.nodes.to_string());
        let cell = |text: &String| comfy_table::Cell::new(text);
        let cells =
            [cell(&row.id), cell(&row.partition), cell(&row.name), cell(&row.user), state, cell(&time)];
        table.add_row(cells.into_iter().chain([cell(&nodes), cell(&row.place)]).collect::<Vec<_>>());
    }
    if args.no_header {
        terminal.print_rows(&table)?
    } else {
        terminal.print_table(&table)?
    }
    Ok(ExitCode::SUCCESS)
}

impl Wanted {
    fn of(args: &PsArgs) -> Result<Self, Usage> {
        let all = args.states.iter().any(|state| state.eq_ignore_ascii_case("all"));
        let states = match (all, args.states.is_empty(), args.jobs.is_empty()) {
            (true, ..) => None,
            (_, false, _) => {
                Some(args.states.iter().map(|state| state_name(state)).collect::<Result<_, _>>()?)
            }
            // Whoever names jobs wants to see them whatever has become of them.
            (_, true, false) => None,
            (_, true, true) => Some(LIVE.map(String::from).to_vec()),
        };
        Ok(Wanted {
            users: args.user.clone(),
            partitions: args.partition.clone(),
            states,
            names: args.name.clone(),
            jobs: args.jobs.clone(),
        })
    }

    fn has(&self, job: &JobInfo) -> bool {
        let any = |list: &[String], value: &str| list.is_empty() || list.iter().any(|item| item == value);
        // A job that waits for several partitions names them all.
        let in_partition = self.partitions.is_empty()
            || job
                .partition
                .split(',')
                .any(|name| self.partitions.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)));
        let in_state = self
            .states
            .as_ref()
            .is_none_or(|states| job.job_state.names().any(|name| states.iter().any(|state| state == name)));
        let by_id = self.jobs.is_empty() || self.jobs.iter().any(|wanted| is_job(job, wanted));
        any(&self.users, &job.user_name) && in_partition && in_state && any(&self.names, &job.name) && by_id
    }
}

/// Tells whether an id means this job: its own number, its task or component, or the array or heterogeneous job it belongs
/// to.
fn is_job(job: &JobInfo, wanted: &str) -> bool {
    let of_whole = |whole: NoVal<u32>| whole.number().is_some_and(|id| id != 0 && id.to_string() == wanted);
    wanted == job.job_id.to_string()
        || wanted == job_id(job)
        || of_whole(job.array_job_id)
        || of_whole(job.het_job_id)
}

/// Returns the long word of a state.
pub(crate) fn state_name(text: &str) -> Result<String, Usage> {
    const STATES: &[(&str, &str)] = &[
        ("PD", "PENDING"),
        ("R", "RUNNING"),
        ("S", "SUSPENDED"),
        ("ST", "STOPPED"),
        ("CG", "COMPLETING"),
        ("CD", "COMPLETED"),
        ("CA", "CANCELLED"),
        ("F", "FAILED"),
        ("TO", "TIMEOUT"),
        ("NF", "NODE_FAIL"),
        ("PR", "PREEMPTED"),
        ("BF", "BOOT_FAIL"),
        ("DL", "DEADLINE"),
        ("OOM", "OUT_OF_MEMORY"),
        ("ALL", "ALL"),
    ];
    let upper = text.to_ascii_uppercase();
    let found = STATES.iter().find(|(short, long)| *short == upper || *long == upper);
    found.map(|(_, long)| (*long).to_owned()).ok_or_else(|| {
        let known: Vec<&str> = STATES.iter().map(|(_, long)| *long).collect();
        Usage(format!("unknown state \"{text}\"; known are {}", known.join(", ")))
    })
}

/// Returns one line a job; ended tasks of an array that ended alike share one.
fn folded(jobs: &[&JobInfo], now: u64) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut groups: Vec<(usize, (u32, String), Vec<u32>)> = Vec::new();
    for job in jobs {
        let row = Row::of(job, now);
        let task = job.array_job_id.number().zip(job.array_task_id.number()).filter(|_| is_over(job));
        let Some((array, task)) = task else {
            rows.push(row);
            continue;
        };
        let key = (array, format!("{} {}", row.state, row.partition));
        match groups.iter_mut().find(|(_, other, _)| *other == key) {
            Some((at, _, tasks)) => {
                tasks.push(task);
                if let Some(first) = rows.get_mut(*at) {
                    first.elapsed = first.elapsed.max(row.elapsed);
                    if first.place != row.place {
                        first.place.clear();
                    }
                }
            }
            None => {
                groups.push((rows.len(), key, vec![task]));
                rows.push(row);
            }
        }
    }
    for (at, (array, _), tasks) in groups.into_iter().filter(|(_, _, tasks)| tasks.len() > 1) {
        if let Some(row) = rows.get_mut(at) {
            row.id = format!("{array}_[{}]", ranges(tasks));
        }
    }
    rows
}

/// Writes numbers as `0-3,7`.
fn ranges(mut numbers: Vec<u32>) -> String {
    numbers.sort_unstable();
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => parts.push((number, number)),
        }
    }
    let written = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    parts.iter().map(written).collect::<Vec<_>>().join(",")
}

/// Returns one record for each task that waits in an array together, or the job itself.
fn tasks(job: &JobInfo) -> Vec<JobInfo> {
    let waiting = job.array_task_id.number().is_none() && !job.array_task_string.is_empty();
    let spec = waiting.then(|| ArraySpec::parse(&job.array_task_string, u32::MAX - 1).ok()).flatten();
    let Some(spec) = spec else { return vec![job.clone()] };
    let task = |index| JobInfo { array_task_id: NoVal::Set(index), ..job.clone() };
    spec.indexes().into_iter().map(task).collect()
}

/// Leaves the wanted jobs in the service's own answer.
fn only_wanted(text: &str, answer: &JobInfoResp, wanted: &Wanted) -> anyhow::Result<String> {
    let mut value: serde_json::Value = serde_json::from_str(text)?;
    if let Some(serde_json::Value::Array(jobs)) = value.get_mut("jobs") {
        let mut keep = answer.jobs.iter().map(|job| wanted.has(job));
        jobs.retain(|_| keep.next().unwrap_or(false));
    }
    Ok(format!("{value:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use slurm_wire::words::JobState;

    fn task(array: u32, index: u32, state: JobState) -> JobInfo {
        JobInfo {
            job_id: array + index,
            array_job_id: NoVal::Set(array),
            array_task_id: NoVal::Set(index),
            job_state: state.into(),
            user_name: "alice".into(),
            ..JobInfo::default()
        }
    }

    #[test]
    fn tasks_that_ended_alike_share_a_line() {
        let jobs = [
            task(10, 0, JobState::Completed),
            task(10, 1, JobState::Completed),
            task(10, 2, JobState::Failed),
            task(10, 3, JobState::Completed),
            task(10, 4, JobState::Running),
        ];
        let rows = folded(&jobs.iter().collect::<Vec<_>>(), 0);
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, ["10_[0-1,3]", "10_2", "10_4"]);
    }

    #[test]
    fn waiting_tasks_can_be_told_apart() {
        let pool = JobInfo {
            job_id: 10,
            array_job_id: NoVal::Set(10),
            array_task_string: "3-4,9%2".into(),
            job_state: JobState::Pending.into(),
            ..JobInfo::default()
        };
        assert_eq!(job_id(&pool), "10_[3-4,9%2]");
        let ids: Vec<String> = tasks(&pool).iter().map(job_id).collect();
        assert_eq!(ids, ["10_3", "10_4", "10_9"]);
    }

    #[test]
    fn filters() {
        let job = task(10, 1, JobState::Running);
        let has = |wanted: Wanted| wanted.has(&job);
        let list = |text: &str| vec![text.to_owned()];
        assert!(has(Wanted::default()));
        assert!(has(Wanted { users: list("alice"), ..Wanted::default() }));
        assert!(!has(Wanted { users: list("bob"), ..Wanted::default() }));
        assert!(has(Wanted { jobs: list("10"), ..Wanted::default() }));
        assert!(has(Wanted { jobs: list("10_1"), ..Wanted::default() }));
        assert!(has(Wanted { jobs: list("11"), ..Wanted::default() }));
        assert!(!has(Wanted { jobs: list("10_2"), ..Wanted::default() }));
        let part =
            JobInfo { job_id: 13, het_job_id: NoVal::Set(12), het_job_offset: NoVal::Set(1), ..job.clone() };
        let has_part = |id: &str| Wanted { jobs: list(id), ..Wanted::default() }.has(&part);
        assert!(has_part("12") && has_part("13") && has_part("12+1") && !has_part("12+0"));
        assert!(has(Wanted { states: Some(list("RUNNING")), ..Wanted::default() }));
        assert!(!has(Wanted { states: Some(list("PENDING")), ..Wanted::default() }));
    }

    #[test]
    fn states_have_long_and_short_names() {
        assert_eq!(state_name("pd").unwrap(), "PENDING");
        assert_eq!(state_name("Timeout").unwrap(), "TIMEOUT");
        assert!(state_name("gone").is_err());
    }
}
