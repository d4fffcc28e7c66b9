//! What the scheduler knows of a job, in lines such as `scontrol show job` has: `slurmInfo` of what is told of it in words.

use crate::sheet::local_time;
use domain::cluster::Cluster;
use domain::job::{ArrayPart, Exit, Job, JobKind, Phase, Running};
use domain::monitoring::Record;
use domain::{TimeLimit, Timestamp};
use slurm_wire::time_text::show_seconds;
use std::fmt::Write as _;

/// Describes an attempt of a job, of which this is the record; empty if it has not begun.
pub(super) fn told(job: &Job, record: &Record, cluster: &Cluster) -> String {
    let Some(run) = job.run() else { return String::new() };
    let mut sheet = Sheet::default();
    identity(&mut sheet, job);
    standing(&mut sheet, job);
    times(&mut sheet, job, run, record);
    place(&mut sheet, run, cluster);
    files(&mut sheet, job);
    sheet.0
}

/// Lines of `NAME=VALUE`.
#[derive(Default)]
struct Sheet(String);

impl Sheet {
    /// Begins a line, all but the first one indented.
    fn line(&mut self) {
        if !self.0.is_empty() {
            self.0.push_str("\n  ");
        }
    }

    fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        let apart = if self.0.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{apart}{name}={value}");
    }

    /// Adds what may not be there.
    fn maybe(&mut self, name: &str, value: &str) {
        self.add(name, if value.is_empty() { "(null)" } else { value });
    }
}

fn identity(sheet: &mut Sheet, job: &Job) {
    let spec = &job.spec;
    sheet.add("JobId", job.id.0);
    match &job.array {
        Some(ArrayPart::Task { of, index, .. }) => {
            sheet.add("ArrayJobId", of.0);
            sheet.add("ArrayTaskId", index.0);
        }
        Some(ArrayPart::Pool { .. }) => sheet.add("ArrayJobId", job.id.0),
        None => {}
    }
    sheet.add("JobName", &spec.name);
    sheet.line();
    sheet.add("UserId", format_args!("{}({})", spec.owner.name, spec.owner.uid.0));
    sheet.add("GroupId", format_args!("{}({})", spec.owner.group, spec.owner.gid.0));
    sheet.line();
    sheet.add("Priority", job.priority);
    sheet.add("Nice", spec.nice);
    sheet.maybe("Account", &spec.account);
    sheet.maybe("QOS", &spec.qos);
    if !spec.wckey.is_empty() {
        sheet.add("WCKey", &spec.wckey);
    }
}

fn standing(sheet: &mut Sheet, job: &Job) {
    let (state, reason, exit) = match &job.phase {
        Phase::Ended(ended) => (ended.outcome.name(), ended.reason.name(), ended.exit),
        Phase::Completing(completing) => ("COMPLETING", completing.reason.name(), Exit::None),
        Phase::Running(run) if run.is_suspended() => ("SUSPENDED", "None", Exit::None),
        Phase::Running(_) | Phase::Pending(_) => ("RUNNING", "None", Exit::None),
    };
    sheet.line();
    sheet.add("JobState", state);
    sheet.add("Reason", reason);
    sheet.line();
    sheet.add("Requeue", u8::from(job.spec.requeue));
    sheet.add("Restarts", job.restarts);
    sheet.add("BatchFlag", u8::from(job.spec.kind == JobKind::Batch));
    let (code, signal) = match exit {
        Exit::None => (0, 0),
        Exit::Code(code) => (code, 0),
        Exit::Signal(signal) => (0, signal),
    };
    sheet.add("ExitCode", format_args!("{code}:{signal}"));
}

fn times(sheet: &mut Sheet, job: &Job, run: &Running, record: &Record) {
    let moment = |at: Timestamp| local_time(at.seconds());
    sheet.line();
    if record.state.is_over() {
        sheet.add("RunTime", show_seconds(u64::try_from(record.duration).unwrap_or(0)));
    }
    match job.spec.time_limit {
        TimeLimit::Minutes(minutes) => sheet.add("TimeLimit", show_seconds(u64::from(minutes) * 60)),
        TimeLimit::Unlimited => sheet.add("TimeLimit", "UNLIMITED"),
    }
    sheet.line();
    sheet.add("SubmitTime", moment(job.submitted));
    sheet.add("EligibleTime", moment(job.eligible));
    sheet.line();
    sheet.add("StartTime", moment(run.started));
    match record.end() {
        Some(end) => sheet.add("EndTime", local_time(end)),
        None if job.spec.time_limit == TimeLimit::Unlimited => sheet.add("EndTime", "Unknown"),
        None => sheet.add("EndTime", moment(run.until)),
    }
    if let Some(deadline) = job.spec.deadline {
        sheet.add("Deadline", moment(deadline));
    }
}

fn place(sheet: &mut Sheet, run: &Running, cluster: &Cluster) {
    let own = &run.allocation;
    sheet.line();
    sheet.add("Partition", &own.partition);
    sheet.add("NodeList", cluster.fold_nodes(own));
    if !own.reservation.is_empty() {
        sheet.add("Reservation", &own.reservation);
    }
    sheet.line();
    sheet.add("NumNodes", own.nodes.len());
    sheet.add("NumCPUs", own.cpus());
    sheet.add("NumTasks", own.nodes.iter().map(|share| share.tasks).sum::<u32>());
    let gpus: u32 = own
        .nodes
        .iter()
        .filter_map(|share| Some((share, cluster.node(share.node)?)))
        .flat_map(|(share, node)| share.gres.iter().map(move |gres| (gres, node)))
        .filter(|(gres, node)| node.gres.get(gres.at).is_some_and(|known| known.name == "gpu"))
        .map(|(gres, _)| gres.units.len())
        .sum();
    let gpus = if gpus > 0 { format!(",gres/gpu={gpus}") } else { String::new() };
    sheet.line();
    sheet
        .add("TRES", format_args!("cpu={},mem={}M,node={}{gpus}", own.cpus(), own.memory(), own.nodes.len()));
}

fn files(sheet: &mut Sheet, job: &Job) {
    let spec = &job.spec;
    for (name, value) in [
        ("Command", &spec.command),
        ("WorkDir", &spec.work_dir),
        ("StdIn", &spec.streams.input),
        ("StdOut", &spec.streams.output),
        ("StdErr", &spec.streams.error),
        ("Comment", &spec.comment),
    ] {
        if !value.is_empty() {
            sheet.line();
            sheet.add(name, value);
        }
    }
}
