//! What shall become different about a job → changes.

use super::{Refusal, request, resources, tres};
use domain::job::{Change, Dependency, Job, Per, Resources, Streams};
use domain::service::{HoldWish, Update};
use domain::{Problem, Text, Timestamp};
use slurm_wire::NoVal;
use slurm_wire::job_desc::JobDescMsg;

/// Reads a change of this job.
pub(in crate::slurm) fn update(wanted: &JobDescMsg, job: &Job, now: Timestamp) -> Result<Update, Refusal> {
    check_owner(wanted, job)?;
    unchangeable(wanted)?;
    let mut changes = Vec::new();
    texts(wanted, &mut changes);
    times(wanted, now, &mut changes);
    machine(wanted, &job.spec.resources, &mut changes)?;
    lists(wanted, &mut changes)?;
    rarely(wanted, job, &mut changes)?;
    Ok(Update { changes, hold: hold(wanted) })
}

/// A job keeps its owner.
fn check_owner(wanted: &JobDescMsg, job: &Job) -> Result<(), Refusal> {
    let Some(user) = wanted.user_id.as_ref().map(|user| &user.0).filter(|user| !user.is_empty()) else {
        return Ok(());
    };
    let owner = &job.spec.owner;
    if *user == owner.name || user.parse() == Ok(owner.uid.0) {
        return Ok(());
    }
    Err(Problem::NotThatUser(user.clone()).into())
}

/// Refuses what only a submission can say. Script, environment and number of the job are passed over in silence, as
/// the original does; programs send back whole descriptions.
fn unchangeable(wanted: &JobDescMsg) -> Result<(), Refusal> {
    let given = [
        ("burst_buffer", text(&wanted.burst_buffer)),
        ("cluster_constraint", text(&wanted.cluster_constraint)),
        ("cpus_per_tres", text(&wanted.cpus_per_tres)),
        ("memory_per_tres", text(&wanted.memory_per_tres)),
        ("tres_bind", text(&wanted.tres_bind)),
        ("tres_freq", text(&wanted.tres_freq)),
        ("network", text(&wanted.network)),
        ("account_gather_frequency", text(&wanted.account_gather_frequency)),
        ("batch_features", text(&wanted.batch_features)),
        ("container", text(&wanted.container)),
        ("container_id", text(&wanted.container_id)),
        ("container_type", text(&wanted.container_type)),
        ("memory_update_delay", wanted.memory_update_delay.is_some_and(|minutes| minutes > 0)),
        ("memory_update_margin", wanted.memory_update_margin.is_some_and(|percent| percent > 0)),
        ("cpu_binding", text(&wanted.cpu_binding)),
        ("memory_binding", text(&wanted.memory_binding)),
        ("mcs_label", text(&wanted.mcs_label)),
        ("selinux_context", text(&wanted.selinux_context)),
        ("x11_target_host", text(&wanted.x11_target_host)),
        ("rlimits", wanted.rlimits.is_some()),
        ("kill_warning_signal", wanted.kill_warning_signal.is_some()),
        ("sockets_per_node", wanted.sockets_per_node.is_some_and(|count| count > 0)),
        ("cores_per_socket", wanted.cores_per_socket.is_some_and(|count| count > 0)),
        ("threads_per_core", wanted.threads_per_core.is_some_and(|count| count > 0)),
        ("tasks_per_socket", wanted.tasks_per_socket.is_some_and(|count| count > 0)),
        ("tasks_per_core", wanted.tasks_per_core.is_some_and(|count| count > 0)),
        ("tasks_per_board", wanted.tasks_per_board.is_some_and(|count| count > 0)),
        ("ntasks_per_tres", wanted.ntasks_per_tres.is_some_and(|count| count > 0)),
        ("reboot", wanted.reboot == Some(true)),
        ("overcommit", wanted.overcommit == Some(true)),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(Problem::Unsupported(Text::const_new(name)).into()),
        None => Ok(()),
    }
}

fn text(text: &Option<Text>) -> bool {
    text.as_ref().is_some_and(|text| !text.is_empty())
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
    ] {
        changes.extend(given.clone().map(change));
    }
}

fn times(wanted: &JobDescMsg, now: Timestamp, changes: &mut Vec<Change>) {
    changes.extend(request::time_limit(wanted.time_limit).map(Change::TimeLimit));
    changes.extend(resources::number(wanted.time_minimum).map(Change::TimeMinimum));
    if let Some(begin) = wanted.begin_time.and_then(|time| time.0.number()) {
        changes.push(Change::Begin(request::future(Some(begin), now)));
    }
    if let Some(deadline) = wanted.deadline {
        let deadline = Some(deadline.0).filter(|time| *time != 0).map(Timestamp::from_seconds);
        changes.push(Change::Deadline(deadline));
    }
}

fn machine(wanted: &JobDescMsg, now: &Resources, changes: &mut Vec<Change>) -> Result<(), Refusal> {
    if wanted.nodes.is_some() || wanted.minimum_nodes.is_some() || wanted.maximum_nodes.is_some() {
        let (min, max) = resources::nodes(wanted, (now.min_nodes, now.max_nodes));
        changes.push(Change::Nodes { min: min.max(1), max, sizes: resources::node_sizes(wanted) });
    }
    changes.extend(resources::count(wanted.tasks).map(|tasks| Change::Tasks(tasks.max(1))));
    changes.extend(wanted.cpus_per_task.map(Change::CpusPerTask));
    changes.extend(resources::count(wanted.minimum_cpus).map(Change::MinCpus));
    changes.extend(resources::count(wanted.maximum_cpus).map(Change::MaxCpus));
    changes.extend(wanted.minimum_cpus_per_node.map(Change::MinCpusPerNode));
    changes.extend(wanted.tasks_per_node.map(Change::TasksPerNode));
    changes.extend(request::memory(wanted.memory_per_node, wanted.memory_per_cpu).map(Change::Memory));
    changes.extend(wanted.temporary_disk_per_node.map(Change::TmpDisk));
    changes.extend(wanted.shared.as_ref().map(request::sharing).map(Change::Sharing));
    changes.extend(wanted.contiguous.map(Change::Contiguous));
    gres(wanted, now, changes)
}

/// The lists that are given replace those of their kind; the others stay.
fn gres(wanted: &JobDescMsg, now: &Resources, changes: &mut Vec<Change>) -> Result<(), Refusal> {
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
        all.extend(tres::gres(list, per)?);
        changes.push(change(tres::shown(list)));
        changed = true;
    }
    if changed {
        changes.push(Change::Gres(all));
    }
    Ok(())
}

fn lists(wanted: &JobDescMsg, changes: &mut Vec<Change>) -> Result<(), Refusal> {
    if let Some(partitions) = &wanted.partition {
        let partitions = request::partitions(partitions);
        if !partitions.is_empty() {
            changes.push(Change::Partitions(partitions));
        }
    }
    if let Some(features) = &wanted.constraints {
        changes.push(Change::Constraint(request::constraint(features)?));
    }
    if let Some(features) = &wanted.prefer {
        let prefer = request::constraint(features).map_err(|_| Problem::BadPreference(features.clone()))?;
        changes.push(Change::Prefer(prefer));
    }
    if let Some(nodes) = &wanted.required_nodes {
        changes.push(Change::RequiredNodes(request::nodes(nodes)?));
    }
    if let Some(nodes) = &wanted.excluded_nodes {
        changes.push(Change::ExcludedNodes(request::nodes(nodes)?));
    }
    if let Some(licenses) = &wanted.licenses {
        changes.push(Change::Licenses(licenses.clone(), tres::licenses(licenses)?));
    }
    if let Some(dependency) = &wanted.dependency {
        changes.push(Change::Dependency(Dependency::parse(dependency)?.map(Box::new)));
    }
    Ok(())
}

fn rarely(wanted: &JobDescMsg, job: &Job, changes: &mut Vec<Change>) -> Result<(), Refusal> {
    changes.extend(wanted.nice.map(|nice| Change::Nice(nice.0)));
    changes.extend(wanted.requeue.map(Change::Requeue));
    changes.extend(wanted.mail_type.as_ref().map(request::mail_types).map(Change::MailTypes));
    changes.extend(wanted.delay_boot.map(Change::DelayBoot));
    changes.extend(wanted.site_factor.map(Change::SiteFactor));
    if let Some(cores) = wanted.core_specification {
        changes.push(Change::CoreSpec(Some(cores.0 & 0x7fff).filter(|cores| *cores > 0)));
    }
    if let Some(switches) = resources::number(wanted.required_switches) {
        let wait = wanted.wait_for_switch.unwrap_or(job.spec.uncommon().switch_wait);
        changes.push(Change::Switches(switches, wait));
    }
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
        streams.open_mode = request::open_mode(mode);
    }
    if streams != *now {
        changes.push(Change::Streams(streams));
    }
}

/// Of an array only how many tasks run at once can be changed: `%2`, or a whole expression with that behind.
fn throttle(array: &Text, changes: &mut Vec<Change>) -> Result<(), Refusal> {
    let Some((_, throttle)) = array.split_once('%') else { return Ok(()) };
    let throttle = throttle.parse().map_err(|_| Problem::BadArray(array.clone()))?;
    changes.push(Change::Throttle(throttle));
    Ok(())
}

fn hold(wanted: &JobDescMsg) -> Option<HoldWish> {
    match (wanted.priority.unwrap_or_default(), wanted.hold) {
        (NoVal::Set(0), _) | (NoVal::Unset, Some(true)) => Some(HoldWish::Hold),
        (NoVal::Unset, Some(false)) => Some(HoldWish::Release),
        _ => None,
    }
}
