//! Qualities of service.

use super::limits::Reading;
use super::{Known, change};
use domain::accounting::{QosFlags, QosWish};
use domain::cluster;
use slurm_wire::accounting::qos::QosInput;
use slurm_wire::words::{PreemptMode, QosFlag};
use slurm_wire::{Flags, Report};
use std::time::Duration;

/// Reads qualities of service.
pub(in crate::slurm) fn qualities<'a>(
    all: impl IntoIterator<Item = &'a QosInput>,
    known: &Known<'_>,
    report: &mut Report,
) -> Vec<QosWish> {
    all.into_iter().enumerate().map(|(at, one)| qos(one, at, known, report)).collect()
}

fn qos(one: &QosInput, at: usize, known: &Known<'_>, report: &mut Report) -> QosWish {
    let place = |field: &str| format!("#/qos[{at}]/{field}/");
    let mut wish = QosWish {
        name: one.name.clone(),
        id: one.id.unwrap_or(0),
        description: one.description.clone(),
        priority: one.priority.and_then(slurm_wire::NoVal::number),
        flags: one.flags.as_ref().map(flags).unwrap_or_default(),
        usage_factor: one.usage_factor.and_then(slurm_wire::NoVal::number),
        usage_threshold: change(one.usage_threshold),
        ..QosWish::default()
    };
    if let Some(limits) = &one.limits {
        let mut reading = Reading::new(known, report, place("limits"));
        reading.of_qos(limits);
        wish.limits = reading.done();
        wish.grace_time = limits.grace_time.map(|seconds| Duration::from_secs(u64::from(seconds)));
        wish.limit_factor = change(limits.factor);
    }
    if let Some(preempt) = &one.preempt {
        for name in preempt.list.iter().flat_map(|names| names.iter()) {
            if known.qos(name, &place("preempt/list"), report).is_some() {
                wish.preempt.get_or_insert_default().push(name.clone());
            }
        }
        wish.preempt_mode = preempt.mode.as_ref().and_then(preempt_mode);
        let exempt = change(preempt.exempt_time);
        wish.preempt_exempt_time =
            exempt.map(|seconds| seconds.map(|seconds| Duration::from_secs(u64::from(seconds))));
    }
    wish
}

fn flags(flags: &Flags<QosFlag>) -> QosFlags {
    let has = |flag| flags.contains(flag);
    QosFlags {
        no_reserve: has(QosFlag::NoReserve),
        partition_time_limit: has(QosFlag::PartitionTimeLimit),
        partition_max_nodes: has(QosFlag::PartitionMaximumNode),
        partition_min_nodes: has(QosFlag::PartitionMinimumNode),
        enforce_usage_threshold: has(QosFlag::EnforceUsageThreshold),
        required_reservation: has(QosFlag::RequiredReservation),
        deny_limit: has(QosFlag::DenyLimit),
        override_partition_qos: has(QosFlag::OverridePartitionQos),
        no_decay: has(QosFlag::NoDecay),
        usage_factor_safe: has(QosFlag::UsageFactorSafe),
        relative: has(QosFlag::Relative),
    }
}

/// Reads how jobs make way; "disabled" is the cluster's way, as in the original.
fn preempt_mode(flags: &Flags<PreemptMode>) -> Option<cluster::PreemptMode> {
    let has = |flag| flags.contains(flag);
    if has(PreemptMode::Suspend) {
        Some(cluster::PreemptMode::Suspend)
    } else if has(PreemptMode::Requeue) {
        Some(cluster::PreemptMode::Requeue)
    } else {
        has(PreemptMode::Cancel).then_some(cluster::PreemptMode::Cancel)
    }
}
