//! What shall become different about a job → changes.

use super::{Refusal, lengths, request, resources, tres};
use domain::job::{Change, Dependency, Job, Per, Streams};
use domain::service::{HoldWish, Update};
use domain::who::Principal;
use domain::{Problem, Text, Timestamp};
use slurm_wire::NoVal;
use slurm_wire::job_desc::JobDescMsg;

/// Reads a change of this job that somebody asks for. What the original takes and passes over (script, environment,
/// number, marks, bindings, limits of processes, warnings, containers, X11, …) is passed over here as well: programs send
/// back whole descriptions.
pub(in crate::slurm) fn update(
    wanted: &JobDescMsg,
    by: &Principal,
    job: &Job,
    now: Timestamp,
) -> Result<Update, Refusal> {
    check_owner(wanted, by, job)?;
    lengths::check(wanted)?;
    if wanted.burst_buffer.as_ref().is_some_and(|buffer| !buffer.is_empty()) {
        return Err(Problem::Unsupported(Text::const_new("burst_buffer")).into());
    }
    read(job, tres::check_binding(wanted.tres_bind.as_deref().unwrap_or_default()))?;
    read(job, tres::check_frequency(wanted.tres_freq.as_deref().unwrap_or_default()))?;
    let mut changes = Vec::new();
    texts(wanted, &mut changes);
    times(wanted, now, &mut changes);
    machine(wanted, job, &mut changes)?;
    lists(wanted, job, &mut changes)?;
    rarely(wanted, job, &mut changes)?;
    Ok(Update { changes, hold: hold(wanted) })
}

/// A job keeps its owner, and only operators may say who that is.
fn check_owner(wanted: &JobDescMsg, by: &Principal, job: &Job) -> Result<(), Refusal> {
    let Some(user) = wanted.user_id.as_ref().map(|user| &user.0).filter(|user| !user.is_empty()) else {
        return Ok(());
    };
    let owner = &job.spec.owner;
    if by.is_operator() && (*user == owner.name || user.parse() == Ok(owner.uid.0)) {
        return Ok(());
    }
    Err(Problem::NotThatUser(user.clone()).into())
}

/// What can be changed only while the job waits is not looked at any more when it runs.
fn read<T>(job: &Job, read: Result<T, Problem>) -> Result<T, Refusal> {
    match read {
        Err(_) if !job.is_pending() => Err(Problem::NotPending(Text::const_new("this field")).into()),
        read => Ok(read?),
    }
}

fn texts(wanted: &JobDescMsg, changes: &mut Vec<Change>) {
    for (given, change) in [
        (&wanted.name, Change::Name as fn(Text) -> Change),
        (&wanted.comment, Change::Comment),
        (&wanted.admin_comment, Change::AdminComment),
        (&wanted.extra, Change::Extra),
        (&wanted.account, Change::Account),
        (&wanted.qos, Change::Qos),
        (&wanted.wckey, Change::Wckey),
        (&wanted.current_working_directory, Change::WorkDir),
        (&wanted.reservation, Change::Reservation),
        (&wanted.mail_user, Change::MailUser),
        (&wanted.tres_bind, Change::TresBind),
        (&wanted.tres_freq, Change::TresFreq),
        (&wanted.network, Change::Network),
    ] {
        changes.extend(given.clone().map(change));
    }
    changes.extend(wanted.mcs_label.clone().filter(|label| !label.is_empty()).map(Change::Label));
    let clusters = [&wanted.clusters, &wanted.cluster_constraint];
    if clusters.into_iter().flatten().any(|clusters| !clusters.is_empty()) {
        changes.push(Change::Federation);
    }
}

fn times(wanted: &JobDescMsg, now: Timestamp, changes: &mut Vec<Change>) {
    changes.extend(request::time_limit(wanted.time_limit).map(Change::TimeLimit));
    changes.extend(resources::number(wanted.time_minimum).map(Change::TimeMinimum));
    if let Some(begin) = wanted.begin_time.and_then(|time| time.0.number()) {
        changes.push(Change::Begin(request::future(Some(begin), now)));
    }
    if let Some(end) = wanted.end_time.filter(|end| end.0 != 0) {
        changes.push(Change::EndTime(Timestamp::from_seconds(end.0)));
    }
    if let Some(deadline) = wanted.deadline {
        let deadline = Some(deadline.0).filter(|time| *time != 0).map(Timestamp::from_seconds);
        changes.push(Change::Deadline(deadline));
    }
}

fn machine(wanted: &JobDescMsg, job: &Job, changes: &mut Vec<Change>) -> Result<(), Refusal> {
    let now = &job.spec.resources;
    if wanted.nodes.is_some() || wanted.minimum_nodes.is_some() || wanted.maximum_nodes.is_some() {
        let has = job.run().and_then(|run| u32::try_from(run.allocation.nodes.len()).ok());
        let (min, max) = resources::nodes(wanted, has.map_or((now.min_nodes, now.max_nodes), |has| (has, 0)));
        let least = if job.is_pending() { 1 } else { 0 };
        changes.push(Change::Nodes { min: min.max(least), max, sizes: resources::node_sizes(wanted) });
    }
    // No tasks at all are no wish.
    changes.extend(resources::count(wanted.tasks).filter(|tasks| *tasks > 0).map(Change::Tasks));
    changes.extend(wanted.cpus_per_task.map(Change::CpusPerTask));
    changes.extend(resources::count(wanted.minimum_cpus).map(Change::MinCpus));
    changes.extend(resources::count(wanted.maximum_cpus).map(Change::MaxCpus));
    changes.extend(wanted.minimum_cpus_per_node.map(Change::MinCpusPerNode));
    changes.extend(wanted.tasks_per_node.map(Change::TasksPerNode));
    let some = |count: Option<u16>| count.filter(|count| *count > 0);
    changes.extend(some(wanted.tasks_per_socket).map(Change::TasksPerSocket));
    changes.extend(some(wanted.sockets_per_node).map(Change::SocketsPerNode));
    changes.extend(some(wanted.threads_per_core).map(Change::ThreadsPerCore));
    changes.extend(request::memory(wanted.memory_per_node, wanted.memory_per_cpu).map(Change::Memory));
    changes.extend(wanted.temporary_disk_per_node.map(Change::TmpDisk));
    changes.extend(wanted.shared.as_ref().map(request::sharing).map(Change::Sharing));
    changes.extend(wanted.contiguous.map(Change::Contiguous));
    gres(wanted, job, changes)?;
    per_unit(wanted, job, changes)?;
    // They are counted by the GPUs that are asked for now.
    changes.extend(some(wanted.ntasks_per_tres).map(Change::TasksPerGres));
    Ok(())
}

/// The lists that are given replace those of their kind; the others stay.
fn gres(wanted: &JobDescMsg, job: &Job, changes: &mut Vec<Change>) -> Result<(), Refusal> {
    let now = &job.spec.resources;
    let mut all: Vec<_> = now.gres.to_vec();
    let mut changed = false;
    for (list, per, change) in [
        (&wanted.tres_per_job, Per::Job, Change::TresPerJob as fn(Text) -> Change),
        (&wanted.tres_per_node, Per::Node, Change::TresPerNode),
        (&wanted.tres_per_socket, Per::Socket, Change::TresPerSocket),
        (&wanted.tres_per_task, Per::Task, Change::TresPerTask),
    ] {
        let Some(list) = list else { continue };
        all.retain(|request| request.per != per);
        let given = read(job, tres::gres(list, per))?;
        // What is counted by sockets needs their number.
        let sockets = now.sockets_per_node.max(wanted.sockets_per_node.unwrap_or(0));
        if let (Per::Socket, 0, Some(first)) = (per, sockets, given.first()) {
            read(job, Err(Problem::BadGres(first.name.clone())))?;
        }
        all.extend(given);
        changes.push(change(tres::shown(list)));
        changed = true;
    }
    if changed {
        changes.push(Change::Gres(all));
    }
    Ok(())
}

fn per_unit(wanted: &JobDescMsg, job: &Job, changes: &mut Vec<Change>) -> Result<(), Refusal> {
    if let Some(list) = &wanted.cpus_per_tres {
        let units = read(job, tres::cpus_per_unit(list))?;
        let small = |(name, count): (Text, u64)| (name, u32::try_from(count).unwrap_or(u32::MAX - 2));
        changes.push(Change::CpusPerGres(tres::shown(list), units.into_iter().map(small).collect()));
    }
    if let Some(list) = &wanted.memory_per_tres {
        let units = read(job, tres::memory_per_unit(list))?;
        changes.push(Change::MemoryPerGres(tres::shown(list), units));
    }
    Ok(())
}

fn lists(wanted: &JobDescMsg, job: &Job, changes: &mut Vec<Change>) -> Result<(), Refusal> {
    if let Some(partitions) = &wanted.partition {
        changes.push(Change::Partitions(request::partitions(partitions)));
    }
    if let Some(features) = &wanted.constraints {
        changes.push(Change::Constraint(read(job, request::constraint(features))?));
    }
    if let Some(features) = &wanted.prefer {
        let prefer = request::constraint(features).map_err(|_| Problem::BadPreference(features.clone()));
        changes.push(Change::Prefer(read(job, prefer)?));
    }
    if let Some(nodes) = &wanted.required_nodes {
        changes.push(Change::RequiredNodes(request::nodes(nodes)?));
    }
    if let Some(nodes) = &wanted.excluded_nodes {
        changes.push(Change::ExcludedNodes(read(job, request::nodes(nodes))?));
    }
    if let Some(licenses) = &wanted.licenses {
        changes.push(Change::Licenses(licenses.clone(), tres::licenses(licenses)?));
    }
    if let Some(dependency) = &wanted.dependency {
        let dependency = read(job, Dependency::parse(dependency))?;
        changes.push(Change::Dependency(dependency.map(Box::new)));
    }
    Ok(())
}

fn rarely(wanted: &JobDescMsg, job: &Job, changes: &mut Vec<Change>) -> Result<(), Refusal> {
    changes.extend(wanted.nice.map(|nice| Change::Nice(nice.0)));
    changes.extend(wanted.requeue.map(Change::Requeue));
    changes.extend(wanted.mail_type.as_ref().map(request::mail_types).map(Change::MailTypes));
    changes.extend(wanted.delay_boot.map(Change::DelayBoot));
    changes.extend(wanted.site_factor.map(Change::SiteFactor));
    changes.extend(wanted.reboot.filter(|reboot| *reboot).map(Change::Reboot));
    if let Some(cores) = wanted.core_specification {
        changes.push(Change::CoreSpec(Some(cores.0 & 0x7fff).filter(|cores| *cores > 0)));
    }
    if let Some(threads) = wanted.thread_specification {
        changes.push(Change::ThreadSpec(Some(threads.0 & 0x7fff).filter(|threads| *threads > 0)));
    }
    changes.extend(resources::number(wanted.required_switches).map(Change::Switches));
    changes.extend(wanted.wait_for_switch.map(Change::SwitchWait));
    // Zero holds the job, which is no change of its request.
    changes.extend(resources::number(wanted.priority).filter(|number| *number != 0).map(Change::Priority));
    streams(wanted, &job.spec.streams, changes);
    if let (Some(array), true) = (&wanted.array, job.array.is_some()) {
        throttle(array, changes)?;
    }
    Ok(())
}

fn streams(wanted: &JobDescMsg, now: &Streams, changes: &mut Vec<Change>) {
    let mut streams = now.clone();
    for (given, into) in [
        (&wanted.standard_input, &mut streams.input),
        (&wanted.standard_output, &mut streams.output),
        (&wanted.standard_error, &mut streams.error),
    ] {
        if let Some(given) = given {
            *into = given.clone();
        }
    }
    if let Some(mode) = &wanted.open_mode {
        changes.push(Change::OpenMode(request::open_mode(mode)));
    }
    if streams != *now {
        changes.push(Change::Streams(streams));
    }
}

/// Of an array only how many tasks run at once can be changed: `2`, `%2`, or a whole expression with that behind. As in
/// the original an expression without it changes nothing.
fn throttle(array: &Text, changes: &mut Vec<Change>) -> Result<(), Refusal> {
    let throttle = match array.split_once('%') {
        Some((_, throttle)) => throttle,
        None if !array.is_empty() && array.bytes().all(|byte| byte.is_ascii_digit()) => array.as_str(),
        None => return Ok(()),
    };
    let throttle = throttle.parse().map_err(|_| Problem::BadArray(array.clone()))?;
    changes.push(Change::Throttle(throttle));
    Ok(())
}

fn hold(wanted: &JobDescMsg) -> Option<HoldWish> {
    match (wanted.priority.unwrap_or_default(), wanted.hold) {
        (NoVal::Set(0), _) | (NoVal::Unset, Some(true)) => Some(HoldWish::Hold),
        // An infinite priority asks for the one it would have by itself.
        (NoVal::Unset, Some(false)) | (NoVal::Infinite, _) => Some(HoldWish::Release),
        _ => None,
    }
}
