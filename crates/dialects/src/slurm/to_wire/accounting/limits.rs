//! Limits, and qualities of service and associations around them.

use domain::Text;
use domain::accounting::{Association, Books, Limit, Limits, Qos, QosFlags, Trackable};
use domain::cluster;
use slurm_wire::NoVal;
use slurm_wire::accounting::association::{Assoc, AssocMax};
use slurm_wire::accounting::qos::{Qos as WireQos, QosLimits};
use slurm_wire::accounting::tres::{Tres, TresList};
use slurm_wire::checked_number::AssocId;
use slurm_wire::scalar::Checked;
use slurm_wire::words::{AssocFlag, PreemptMode, QosFlag};

/// Limits with the names of the resources.
struct Told<'a>(&'a Limits, &'a [Trackable]);

impl Told<'_> {
    fn count(&self, limit: Limit) -> NoVal<u32> {
        match self.0.get(limit) {
            Some(most) => NoVal::Set(u32::try_from(most).unwrap_or(u32::MAX)),
            None => NoVal::Infinite,
        }
    }

    fn amounts(&self, limit: Limit) -> TresList {
        let name = |(resource, most): (u32, u64)| {
            let known = self.1.iter().find(|one| one.id == resource);
            Tres {
                kind: known.map(|one| one.kind.clone()).unwrap_or_default(),
                name: known.map(|one| one.name.clone()).unwrap_or_default(),
                id: resource,
                count: Checked(i64::try_from(most).unwrap_or(i64::MAX)),
            }
        };
        self.0.each(limit).map(name).collect()
    }
}

fn infinite<T>(value: Option<T>) -> NoVal<T> {
    value.map_or(NoVal::Infinite, NoVal::Set)
}

/// What of an association is its own and what it has from above.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::slurm) struct AssociationShown {
    /// Limits of its own only.
    pub(in crate::slurm) own_limits: bool,
    /// Qualities of service of its own only.
    pub(in crate::slurm) own_qos: bool,
    /// Without the account above.
    pub(in crate::slurm) without_parent: bool,
}

/// Describes an association with its line of names.
pub(in crate::slurm) fn association(
    (lineage, one): (Text, &Association),
    books: &Books,
    resources: &[Trackable],
    shown: AssociationShown,
) -> Assoc {
    let effective = if shown.own_limits { one.limits.clone() } else { books.effective_limits(one) };
    let mut told = Assoc {
        account: one.place.account.clone(),
        cluster: one.place.cluster.clone(),
        comment: one.comment.clone(),
        id: AssocId(one.id),
        is_default: books.is_default(one),
        lineage,
        partition: one.place.partition.clone(),
        priority: infinite(one.priority),
        shares_raw: one.shares,
        user: one.place.user.clone(),
        ..Assoc::default()
    };
    if !shown.without_parent {
        told.parent_account = one.parent.clone();
    }
    let default = if shown.own_qos { one.default_qos } else { books.default_qos(one).map(|qos| qos.id) };
    told.default.qos = default.map(|id| qos_name(books, id)).unwrap_or_default();
    let qos: Vec<Text> = match shown.own_qos {
        true => own_qos(books, one),
        false => books.allowed_qos(one).iter().map(|id| qos_name(books, *id)).collect(),
    };
    told.qos = qos.into_iter().filter(|name| !name.is_empty()).collect();
    told.flags = one.life.deleted.then_some(AssocFlag::Deleted).into_iter().collect();
    let limits = Told(&effective, resources);
    told.min.priority_threshold = limits.count(Limit::MinPriorityThreshold);
    told.max = association_limits(&limits);
    told
}

/// Names what an association says itself: its list, or with a sign before each how it differs from the account above.
fn own_qos(books: &Books, one: &Association) -> Vec<Text> {
    let signed = |(more, id): &(bool, u32)| {
        let sign = if *more { '+' } else { '-' };
        books.qos_numbered(*id).map(|qos| Text::from(format!("{sign}{}", qos.name)))
    };
    match &one.qos {
        Some(own) => own.iter().map(|id| qos_name(books, *id)).collect(),
        None => one.qos_changes.iter().filter_map(signed).collect(),
    }
}

fn qos_name(books: &Books, id: u32) -> Text {
    books.qos_numbered(id).map(|qos| qos.name.clone()).unwrap_or_default()
}

fn association_limits(limits: &Told<'_>) -> AssocMax {
    let mut max = AssocMax::default();
    max.jobs.per.count = limits.count(Limit::GrpJobs);
    max.jobs.per.accruing = limits.count(Limit::GrpJobsAccrue);
    max.jobs.per.submitted = limits.count(Limit::GrpSubmitJobs);
    max.jobs.per.wall_clock = limits.count(Limit::MaxWallPerJob);
    max.jobs.active = limits.count(Limit::MaxJobs);
    max.jobs.accruing = limits.count(Limit::MaxJobsAccrue);
    max.jobs.total = limits.count(Limit::MaxSubmitJobs);
    max.tres.total = limits.amounts(Limit::GrpTres);
    max.tres.group.minutes = limits.amounts(Limit::GrpTresMins);
    max.tres.group.active = limits.amounts(Limit::GrpTresRunMins);
    max.tres.minutes.total = limits.amounts(Limit::MaxTresRunMins);
    max.tres.minutes.per.job = limits.amounts(Limit::MaxTresMinsPerJob);
    max.tres.per.job = limits.amounts(Limit::MaxTresPerJob);
    max.tres.per.node = limits.amounts(Limit::MaxTresPerNode);
    max.per.account.wall_clock = limits.count(Limit::GrpWall);
    max
}

/// Describes a quality of service.
pub(in crate::slurm) fn qos(qos: &Qos, resources: &[Trackable]) -> WireQos {
    let mut told = WireQos {
        description: qos.description.clone(),
        id: qos.id,
        name: qos.name.clone(),
        priority: NoVal::Set(qos.priority),
        usage_factor: NoVal::Set(qos.usage_factor),
        usage_threshold: infinite(qos.usage_threshold),
        flags: flags(qos.flags, qos.life.deleted).collect(),
        limits: qos_limits(&Told(&qos.limits, resources)),
        ..WireQos::default()
    };
    told.limits.grace_time = u32::try_from(qos.grace_time.as_secs()).unwrap_or(u32::MAX);
    told.limits.factor = infinite(qos.limit_factor);
    told.preempt.list = qos.preempt.iter().cloned().collect();
    told.preempt.mode = match qos.preempt_mode {
        None | Some(cluster::PreemptMode::Off) => PreemptMode::Disabled.into(),
        Some(cluster::PreemptMode::Cancel) => PreemptMode::Cancel.into(),
        Some(cluster::PreemptMode::Requeue) => PreemptMode::Requeue.into(),
        Some(cluster::PreemptMode::Suspend) => PreemptMode::Suspend.into(),
    };
    let exempt = qos.preempt_exempt_time.map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
    told.preempt.exempt_time = infinite(exempt);
    told
}

fn qos_limits(limits: &Told<'_>) -> QosLimits {
    let mut told = QosLimits::default();
    told.min.priority_threshold = limits.count(Limit::MinPriorityThreshold);
    told.min.tres.per.job = limits.amounts(Limit::MinTresPerJob);
    let max = &mut told.max;
    max.active_jobs.accruing = limits.count(Limit::GrpJobsAccrue);
    max.active_jobs.count = limits.count(Limit::GrpJobs);
    max.jobs.count = limits.count(Limit::GrpSubmitJobs);
    max.jobs.active_jobs.per.account = limits.count(Limit::MaxJobsPerAccount);
    max.jobs.active_jobs.per.user = limits.count(Limit::MaxJobsPerUser);
    max.jobs.per.account = limits.count(Limit::MaxSubmitJobsPerAccount);
    max.jobs.per.user = limits.count(Limit::MaxSubmitJobsPerUser);
    max.tres.total = limits.amounts(Limit::GrpTres);
    max.tres.minutes.total = limits.amounts(Limit::GrpTresMins);
    max.tres.minutes.per.qos = limits.amounts(Limit::GrpTresRunMins);
    max.tres.minutes.per.job = limits.amounts(Limit::MaxTresMinsPerJob);
    max.tres.minutes.per.account = limits.amounts(Limit::MaxTresRunMinsPerAccount);
    max.tres.minutes.per.user = limits.amounts(Limit::MaxTresRunMinsPerUser);
    max.tres.per.account = limits.amounts(Limit::MaxTresPerAccount);
    max.tres.per.job = limits.amounts(Limit::MaxTresPerJob);
    max.tres.per.node = limits.amounts(Limit::MaxTresPerNode);
    max.tres.per.user = limits.amounts(Limit::MaxTresPerUser);
    max.wall_clock.per.qos = limits.count(Limit::GrpWall);
    max.wall_clock.per.job = limits.count(Limit::MaxWallPerJob);
    max.accruing.per.account = limits.count(Limit::MaxJobsAccruePerAccount);
    max.accruing.per.user = limits.count(Limit::MaxJobsAccruePerUser);
    told
}

fn flags(flags: QosFlags, deleted: bool) -> impl Iterator<Item = QosFlag> {
    [
        (QosFlag::Deleted, deleted),
        (QosFlag::PartitionMinimumNode, flags.partition_min_nodes),
        (QosFlag::PartitionMaximumNode, flags.partition_max_nodes),
        (QosFlag::PartitionTimeLimit, flags.partition_time_limit),
        (QosFlag::EnforceUsageThreshold, flags.enforce_usage_threshold),
        (QosFlag::NoReserve, flags.no_reserve),
        (QosFlag::RequiredReservation, flags.required_reservation),
        (QosFlag::DenyLimit, flags.deny_limit),
        (QosFlag::OverridePartitionQos, flags.override_partition_qos),
        (QosFlag::NoDecay, flags.no_decay),
        (QosFlag::UsageFactorSafe, flags.usage_factor_safe),
        (QosFlag::Relative, flags.relative),
    ]
    .into_iter()
    .filter(|(_, is_set)| *is_set)
    .map(|(flag, _)| flag)
}
