//! What became of the jobs that were to be cancelled: only failures are told, unless more is asked for.

use crate::slurm::error;
use domain::cluster::Cluster;
use domain::job::{ArrayPart, Job};
use domain::service::Handled;
use domain::{Error, JobId, Problem, Text, Uid};
use slurm_wire::NoVal;
use slurm_wire::flags::Flag;
use slurm_wire::job_change::{KillJobsMsg, KillJobsRespJob};

/// How long a list of tasks may be in a name.
const LONGEST_NAME: usize = 4096;

/// Describes why a job was not cancelled; `None` if it was.
pub(in crate::slurm) fn kill_status(
    handled: &Handled,
    record: Option<&Job>,
    named: Option<&str>,
) -> Option<KillJobsRespJob> {
    let error = handled.result.as_ref().err()?;
    let number = error::kill_number(error);
    let mut entry = KillJobsRespJob::default();
    entry.error.string = error::text(number).into();
    entry.error.message = error::text(number).into();
    entry.error.code = u32::try_from(number).unwrap_or(u32::MAX);
    entry.step_id = step_id(handled, error, record, named).into();
    entry.job_id = match (error, handled.job) {
        // What is not there has no number.
        (Error::NotFound(_), _) | (_, None) => NoVal::Unset,
        (_, Some(job)) => NoVal::Set(job.0),
    };
    Some(entry)
}

/// Describes a job that was cancelled, for those who want to know.
pub(in crate::slurm) fn killed(handled: &Handled, record: Option<&Job>) -> KillJobsRespJob {
    let mut entry = KillJobsRespJob::default();
    entry.error.string = error::text(slurm_wire::error_number::NONE).into();
    let job = handled.job.unwrap_or(JobId(0));
    entry.job_id = NoVal::Set(job.0);
    entry.step_id = written_name(handled, record).unwrap_or_else(|| job.to_string()).into();
    entry
}

/// Returns the name under which a record is told of where its number is not enough: a task by its array, tasks that
/// wait together by one name (`91_[1-3]`), a component by its leader.
pub(in crate::slurm) fn written_name(handled: &Handled, record: Option<&Job>) -> Option<String> {
    match (record.and_then(|job| job.array.as_ref()), &handled.tasks) {
        (Some(ArrayPart::Task { of, index, .. }), _) => return Some(format!("{of}_{index}")),
        (_, Some(tasks)) => return handled.job.map(|job| format!("{job}_[{}]", tasks.written(LONGEST_NAME))),
        _ => {}
    }
    let part = record.and_then(|job| job.het).filter(|part| !part.is_leader())?;
    Some(format!("{}+{}", part.leader, part.offset))
}

/// Says which part of a filter a job that was named does not pass: the first, in the order of the original.
pub(in crate::slurm) fn why_not_meant(
    job: &Job,
    cluster: &Cluster,
    wanted: &KillJobsMsg,
    user: Option<Uid>,
) -> String {
    let spec = &job.spec;
    let partition =
        job.held_resources().map_or_else(|| super::joined(&spec.partitions), |held| held.partition.clone());
    let reservation = match spec.uncommon().reservation.as_str() {
        "" => "(null)",
        named => named,
    };
    let differs =
        |filter: &Option<Text>, has: &str| filter.as_ref().filter(|filter| filter.as_str() != has).cloned();
    let why = if let Some(filter) = differs(&wanted.account, &spec.account) {
        format!("account {} != filter account {filter}", spec.account)
    } else if let Some(filter) = differs(&wanted.job_name, &spec.name) {
        format!("name {} != filter name {filter}", spec.name)
    } else if let Some(filter) = wanted.partition.as_ref().filter(|filter| !includes(&partition, filter)) {
        format!("partition {partition} does not include filter partition {filter}")
    } else if let Some(filter) = differs(&wanted.qos, &spec.qos) {
        format!("qos {} != filter qos {filter}", spec.qos)
    } else if let Some(filter) = wanted.reservation.as_ref().filter(|filter| !includes(reservation, filter)) {
        format!("reservation {reservation} does not include filter reservation {filter}")
    } else if let Some((is, filter)) = state_differs(job, wanted) {
        format!("state {is} != filter state {filter}")
    } else if let Some(user) = user.filter(|user| *user != spec.owner.uid) {
        format!("user id {} != filter user id {user}", spec.owner.uid)
    } else if let Some(filter) = differs(&wanted.wckey, spec.wckey.trim_start_matches('*')) {
        format!("wckey {} != filter wckey {filter}", spec.wckey)
    } else {
        let filter = wanted.nodes.as_ref().map(|nodes| nodes.join(",")).unwrap_or_default();
        match job.held_resources() {
            Some(held) => {
                format!("nodes {} does not intersect with filter nodes {filter}", cluster.fold_nodes(held))
            }
            None => format!("does not have nodes but filter has nodes {filter}"),
        }
    };
    format!("Job {why}: {}", error::text(slurm_wire::error_number::CANNOT_SIGNAL))
}

fn includes(list: &str, name: &str) -> bool {
    list.split(',').any(|known| known.eq_ignore_ascii_case(name))
}

/// Returns the state of a job and those asked for, if it is none of them.
fn state_differs(job: &Job, wanted: &KillJobsMsg) -> Option<(&'static str, String)> {
    let wanted = wanted.job_state.as_ref()?;
    let states = super::state::words(job);
    if states.iter().any(|state| wanted.contains(state)) {
        return None;
    }
    let first = states.iter().next().map_or("", |state| state.name());
    Some((first, wanted.iter().map(|state| state.name()).collect::<Vec<_>>().join(",")))
}

fn step_id(handled: &Handled, error: &Error, record: Option<&Job>, named: Option<&str>) -> String {
    match (named, error, handled.job) {
        (_, Error::NotFound(Problem::UnknownTask(task)), _) => task.to_string(),
        (Some(named), Error::NotFound(_), _) => named.to_owned(),
        (_, _, Some(job)) => written_name(handled, record).unwrap_or_else(|| job.to_string()),
        (named, _, None) => named.unwrap_or_default().to_owned(),
    }
}
