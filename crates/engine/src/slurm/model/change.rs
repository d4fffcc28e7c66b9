//! Changes of a job → what slurmrestd is sent.

use super::describe::{mail_types, minutes, seconds, shared, text};
use domain::job::{Change, Memory};
use domain::service::{HoldWish, Update};
use domain::{Problem, Text};
use slurm_wire::NoVal;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::no_val::{MemoryMb, TimeNoVal, UnixTime};

/// Describes what shall be different.
///
/// # Errors
/// [`Problem::Unsupported`] for what is not changed this way; a cluster's own interface can.
pub(super) fn description(update: &Update) -> Result<JobDescMsg, Problem> {
    let mut job = JobDescMsg::default();
    for change in &update.changes {
        describe(&mut job, change)?;
    }
    match update.hold {
        None => {}
        Some(HoldWish::Hold) => job.hold = Some(true),
        Some(HoldWish::Release) => job.hold = Some(false),
        Some(HoldWish::HoldForUser) => {
            return Err(Problem::Unsupported(Text::const_new("holding for the owner in front of a cluster")));
        }
    }
    Ok(job)
}

fn describe(job: &mut JobDescMsg, change: &Change) -> Result<(), Problem> {
    match change {
        Change::Name(name) => job.name = Some(name.clone()),
        Change::Comment(comment) => job.comment = Some(comment.clone()),
        Change::AdminComment(comment) => job.admin_comment = Some(comment.clone()),
        Change::Account(account) => job.account = Some(account.clone()),
        Change::Partitions(names) => job.partition = Some(Text::from(names.join(","))),
        Change::Qos(qos) => job.qos = Some(qos.clone()),
        Change::Wckey(wckey) => job.wckey = Some(wckey.clone()),
        Change::WorkDir(folder) => job.current_working_directory = Some(folder.clone()),
        Change::Streams(streams) => {
            job.standard_input = text(&streams.input);
            job.standard_output = text(&streams.output);
            job.standard_error = text(&streams.error);
        }
        Change::TimeLimit(limit) => job.time_limit = Some(minutes(*limit)),
        Change::TimeMinimum(minutes) => job.time_minimum = Some(NoVal::Set(*minutes)),
        Change::Begin(at) => {
            let at = at.map_or(1, seconds);
            job.begin_time = Some(TimeNoVal(NoVal::Set(at)));
        }
        Change::Deadline(at) => job.deadline = at.map(|at| UnixTime(at.seconds())),
        Change::Nice(nice) => job.nice = Some((*nice).into()),
        Change::Priority(priority) => job.priority = Some(NoVal::Set(*priority)),
        Change::Requeue(requeue) => job.requeue = Some(*requeue),
        Change::Dependency(dependency) => {
            let written = dependency.as_ref().map(|dependency| said(&dependency.written()));
            job.dependency = Some(written.unwrap_or_default());
        }
        Change::Nodes { min, max, sizes } if sizes.is_empty() => {
            job.minimum_nodes = Some(*min);
            job.maximum_nodes = (*max > 0).then_some(*max);
        }
        Change::Tasks(tasks) => job.tasks = Some(*tasks),
        Change::CpusPerTask(cpus) => job.cpus_per_task = Some(*cpus),
        Change::MinCpus(cpus) => job.minimum_cpus = Some(*cpus),
        Change::MaxCpus(cpus) => job.maximum_cpus = Some(*cpus),
        Change::MinCpusPerNode(cpus) => job.minimum_cpus_per_node = Some(*cpus),
        Change::TasksPerNode(tasks) => job.tasks_per_node = Some(*tasks),
        Change::Memory(Memory::PerNode(megabytes)) => {
            job.memory_per_node = Some(MemoryMb(NoVal::Set(*megabytes)));
        }
        Change::Memory(Memory::PerCpu(megabytes)) => {
            job.memory_per_cpu = Some(MemoryMb(NoVal::Set(*megabytes)));
        }
        Change::TmpDisk(megabytes) => job.temporary_disk_per_node = Some(*megabytes),
        Change::RequiredNodes(nodes) => job.required_nodes = Some(nodes.clone().into()),
        Change::ExcludedNodes(nodes) => job.excluded_nodes = Some(nodes.clone().into()),
        Change::Sharing(sharing) => job.shared = shared(*sharing),
        Change::Contiguous(contiguous) => job.contiguous = Some(*contiguous),
        Change::Licenses(written, _) => job.licenses = Some(written.clone()),
        Change::TresPerNode(written) => job.tres_per_node = Some(written.clone()),
        Change::TresPerJob(written) => job.tres_per_job = Some(written.clone()),
        Change::TresPerTask(written) => job.tres_per_task = Some(written.clone()),
        Change::TresPerSocket(written) => job.tres_per_socket = Some(written.clone()),
        // It goes with the texts.
        Change::Gres(_) => {}
        Change::Reservation(name) => job.reservation = Some(name.clone()),
        Change::MailTypes(types) => job.mail_type = Some(mail_types(types.0)),
        Change::MailUser(user) => job.mail_user = Some(user.clone()),
        // The mark of the submission is there.
        other => {
            return Err(Problem::Unsupported(Text::from(format!(
                "this change in front of a cluster ({})",
                name(other)
            ))));
        }
    }
    Ok(())
}

/// Takes away what is said of how far a dependency is met.
fn said(written: &str) -> Text {
    Text::from(written.replace("(unfulfilled)", "").replace("(failed)", ""))
}

fn name(change: &Change) -> String {
    let shown = format!("{change:?}");
    shown.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}
