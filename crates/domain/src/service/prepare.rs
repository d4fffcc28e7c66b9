//! Checks of a submission that need only what is configured: done on the caller's thread, so that the writer is left
//! with what needs the live jobs. Order and outcome are the original's (facts 2.4).

use super::entitled::check_entitled;
use super::receipts::ClientKey;
use super::submission::{Note, Submission};
use crate::cluster::{Cluster, Limits, Partition, PartitionState};
use crate::fit::{Feasibility, check_names, check_sense, could_ever_run, derive_counts, is_beyond};
use crate::job::{ArrayPart, Dependency, Hold, JobFlags, JobKind, JobSpec, Payload, TaskSet};
use crate::who::Principal;
use crate::{Error, Problem, Text, TimeLimit, Timestamp};
use std::sync::Arc;

/// A submission that is right as far as the configuration goes.
pub(super) struct Draft {
    pub(super) spec: Arc<JobSpec>,
    pub(super) array: Option<ArrayPart>,
    pub(super) dependency: Option<Dependency>,
    pub(super) hold: Hold,
    pub(super) immediate: bool,
    pub(super) payload: Arc<Payload>,
    pub(super) notes: Vec<Note>,
    pub(super) client_key: Option<ClientKey>,
}

/// Largest array of all. The configured limit, Slurm's `MaxArraySize`, is for what is said in Slurm's words: a dialect that
/// keeps something with a job has a limit of its own, and has looked at it.
const LARGEST_ARRAY: u32 = 4_000_001;

/// Longest name, comment and the like (facts: some kilobytes are refused).
const MAX_TEXT: usize = 1024;

/// Checks a submission and fills in the defaults.
pub(super) fn prepare(
    by: &Principal,
    submission: Submission,
    cluster: &Cluster,
    groups: &[Text],
    now: Timestamp,
) -> Result<Draft, Error> {
    let Submission {
        mut spec,
        time_limit,
        array,
        dependency,
        hold,
        immediate,
        requeue,
        mut payload,
        client_key,
    } = submission;
    check_author(by, &mut spec)?;
    check_texts(&spec, &payload, &cluster.limits)?;
    let largest = match spec.uncommon().origin.is_empty() {
        true => cluster.limits.max_array_size,
        false => LARGEST_ARRAY,
    };
    let array = read_array(&array, largest)?;
    if let Some(ArrayPart::Pool { waiting, .. }) = &array {
        // The pool shrinks as tasks leave it; only here the bounds are known.
        payload.environment = payload.environment.iter().cloned().chain(waiting.environment()).collect();
    }
    let dependency = Dependency::parse(&dependency)?;
    fill_in_membership(&mut spec, cluster);
    choose_partitions(by, &mut spec, time_limit, cluster, groups)?;
    check_entitled(&spec, cluster)?;
    spec.requeue = requeue.unwrap_or(cluster.limits.requeue);
    check_times(&spec, now)?;
    let held = hold || spec.fixed_priority == Some(0);
    if spec.fixed_priority == Some(0) || !by.is_operator() {
        // A priority from a plain user is ignored, except zero, which holds.
        spec.fixed_priority = None;
    }
    // Of a held job only what it names is checked; how much it asks for is not measured (facts 2.4).
    check_sense(&spec)?;
    derive_counts(&mut spec.resources)?;
    check_names(cluster, &spec)?;
    let note = match (held, feasible(&spec, cluster)) {
        (true, _) if is_beyond_partitions(&spec, cluster) => Some(Note::PartitionConfiguration),
        (true, _) => Some(Note::Held),
        (false, feasible) => feasible?,
    };
    let notes = note.into_iter().collect();
    let hold = if held { Hold::User } else { Hold::None };
    let (spec, payload) = (Arc::new(spec), Arc::new(payload));
    Ok(Draft { spec, array, dependency, hold, immediate, payload, notes, client_key })
}

/// Does the same for a component of a heterogeneous job, which can be no array and never starts at once.
pub(super) fn prepare_component(
    by: &Principal,
    submission: Submission,
    cluster: &Cluster,
    groups: &[Text],
    now: Timestamp,
) -> Result<Draft, Error> {
    let refused = match (&submission.array, submission.immediate) {
        (array, _) if !array.is_empty() => Some(Problem::BadArray(array.clone())),
        (_, true) => Some(Problem::CannotStartNow),
        _ => None,
    };
    let draft = prepare(by, submission, cluster, groups, now)?;
    refused.map_or(Ok(draft), |problem| Err(problem.into()))
}

pub(super) fn check_author(by: &Principal, spec: &mut JobSpec) -> Result<(), Error> {
    if by.uid != Some(spec.owner.uid) && !by.is_administrator() {
        return Err(Problem::NotThatUser(spec.owner.name.clone()).into());
    }
    let uncommon = spec.uncommon();
    if !by.is_operator() {
        if !uncommon.admin_comment.is_empty() {
            return Err(Problem::OperatorOnly(Text::const_new("admin_comment")).into());
        }
        if uncommon.reboot {
            return Err(Problem::OperatorOnly(Text::const_new("reboot")).into());
        }
        if spec.nice < 0 {
            return Err(Problem::BadNice.into());
        }
    }
    Ok(())
}

pub(super) fn check_texts(spec: &JobSpec, payload: &Payload, limits: &Limits) -> Result<(), Error> {
    if spec.kind == JobKind::Batch {
        if spec.work_dir.is_empty() {
            return Err(Problem::NoWorkDirectory.into());
        }
        if payload.environment.is_empty() {
            return Err(Problem::NoEnvironment.into());
        }
    }
    if payload.script.len() > limits.max_script {
        return Err(Problem::TooLong(Text::const_new("script")).into());
    }
    let uncommon = spec.uncommon();
    let texts: [(&'static str, &Text); 12] = [
        ("name", &spec.name),
        ("comment", &spec.comment),
        ("argv", &spec.command),
        ("account", &spec.account),
        ("wckey", &spec.wckey),
        ("qos", &spec.qos),
        ("admin_comment", &uncommon.admin_comment),
        ("mail_user", &uncommon.mail_user),
        ("reservation", &uncommon.reservation),
        ("network", &uncommon.network),
        ("licenses", &uncommon.licenses),
        ("mcs_label", &uncommon.mcs_label),
    ];
    match texts.iter().find(|(_, text)| text.len() > MAX_TEXT) {
        Some((name, _)) => Err(Problem::TooLong(Text::const_new(name)).into()),
        None => Ok(()),
    }
}

fn read_array(written: &str, max_array_size: u32) -> Result<Option<ArrayPart>, Error> {
    if written.is_empty() {
        return Ok(None);
    }
    let bad = || Problem::BadArray(Text::from(written));
    let (waiting, throttle) = TaskSet::parse(written, max_array_size).ok_or_else(bad)?;
    let size = waiting.len();
    Ok(Some(ArrayPart::Pool { waiting, throttle, size }))
}

/// Returns the account that is charged: a user who is known to have others than the one named pays from the default.
pub(super) fn charged(cluster: &Cluster, owner: &str, account: &Text) -> Text {
    match cluster.books.default_account(owner) {
        Some(default) if !cluster.books.is_in(owner, account) => default.clone(),
        _ => account.clone(),
    }
}

fn fill_in_membership(spec: &mut JobSpec, cluster: &Cluster) {
    let books = &cluster.books;
    if spec.account.is_empty() {
        spec.flags = spec.flags.with(JobFlags::USING_DEFAULT_ACCOUNT);
        if let Some(default) = books.default_account(&spec.owner.name) {
            spec.account = default.clone();
        }
    }
    if !cluster.enforcement.associations {
        spec.account = charged(cluster, &spec.owner.name, &spec.account);
    }
    if spec.qos.is_empty() {
        spec.flags = spec.flags.with(JobFlags::USING_DEFAULT_QOS);
        let own = books.governing(&spec.account, &spec.owner.name, spec.partition());
        let default = own.and_then(|own| books.default_qos(own)).map(|qos| qos.name.clone());
        spec.qos = default.unwrap_or_else(|| Text::const_new("normal"));
    }
    if let Some(known) = cluster.qos(&spec.qos) {
        spec.qos = known.name.clone();
    }
    if spec.wckey.is_empty() && cluster.limits.track_wckeys {
        spec.flags = spec.flags.with(JobFlags::USING_DEFAULT_WCKEY);
        let default = books.user(&spec.owner.name).map_or("", |user| &user.default_wckey);
        // A star says that nobody has asked for it.
        spec.wckey = Text::from(format!("*{default}"));
    }
}

fn choose_partitions(
    by: &Principal,
    spec: &mut JobSpec,
    time_limit: Option<TimeLimit>,
    cluster: &Cluster,
    groups: &[Text],
) -> Result<(), Error> {
    if spec.partitions.is_empty() {
        let default = cluster.default_partition().ok_or(Problem::UnknownPartition(Text::default()))?;
        spec.partitions = vec![default.name.clone()];
        let assigned = JobFlags::USING_DEFAULT_PARTITION.with(JobFlags::PARTITION_ASSIGNED);
        spec.flags = spec.flags.with(assigned);
    }
    let mut limit = time_limit;
    for name in &mut spec.partitions {
        let partition = cluster.partition(name).ok_or_else(|| Problem::UnknownPartition(name.clone()))?;
        *name = partition.name.clone();
        check_access(by, partition, &spec.account, &spec.qos, groups)?;
        limit = limit.or(Some(partition.default_time.unwrap_or(partition.max_time)));
    }
    spec.time_limit = limit.unwrap_or(TimeLimit::Unlimited);
    Ok(())
}

fn check_access(
    by: &Principal,
    partition: &Partition,
    account: &Text,
    qos: &Text,
    groups: &[Text],
) -> Result<(), Error> {
    let forbidden = || Problem::PartitionForbidden(partition.name.clone()).into();
    let is_open = (!partition.root_only || by.uid.is_some_and(|uid| uid.0 == 0))
        && (partition.allow_groups.is_empty()
            || by.is_administrator()
            || groups.iter().any(|group| partition.allow_groups.contains(group)))
        && (partition.allow_accounts.is_empty() || partition.allow_accounts.contains(account))
        && !partition.deny_accounts.contains(account)
        && (partition.allow_qos.is_empty() || partition.allow_qos.contains(qos))
        && !partition.deny_qos.contains(qos);
    if !is_open {
        return Err(forbidden());
    }
    match partition.state {
        PartitionState::Up | PartitionState::Down => Ok(()),
        PartitionState::Drain | PartitionState::Inactive => {
            Err(Problem::PartitionDown(partition.name.clone()).into())
        }
    }
}

fn check_times(spec: &JobSpec, now: Timestamp) -> Result<(), Error> {
    if TimeLimit::Minutes(spec.time_minimum) > spec.time_limit {
        return Err(Problem::BadTimeMinimum.into());
    }
    let Some(deadline) = spec.deadline else { return Ok(()) };
    let shortest = match (spec.time_minimum, spec.time_limit) {
        (0, limit) => limit,
        (minutes, _) => TimeLimit::Minutes(minutes),
    };
    let earliest = spec.begin.unwrap_or(now).max(now);
    let end = match shortest {
        TimeLimit::Unlimited => earliest,
        limit => limit.end_from(earliest),
    };
    if end > deadline { Err(Problem::BadDeadline.into()) } else { Ok(()) }
}

/// Tells whether no partition of the job has as many nodes and CPUs as it asks for.
fn is_beyond_partitions(spec: &JobSpec, cluster: &Cluster) -> bool {
    let mut partitions = spec.partitions.iter().filter_map(|name| cluster.partition(name));
    partitions.all(|partition| is_beyond(cluster, partition, &spec.resources))
}

/// What an idle cluster would say to the request.
fn feasible(spec: &JobSpec, cluster: &Cluster) -> Result<Option<Note>, Error> {
    Ok(match could_ever_run(cluster, spec)? {
        Feasibility::Possible | Feasibility::TooLong => None,
        Feasibility::BeyondPartition => Some(Note::PartitionConfiguration),
        Feasibility::NodesUnavailable => Some(Note::NodesUnavailable),
    })
}
