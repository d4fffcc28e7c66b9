//! How the cluster of a trial that is not plain ranks jobs, looks ahead, and lets some make way for others.

use super::dice::Dice;
use domain::cluster::{Cluster, Partition, PreemptMode, PreemptRules, PreemptType, Qos, SchedulerType};
use domain::job::PreemptionWarning;
use domain::priority::{PriorityType, Rules};
use std::time::Duration;

const MODES: [PreemptMode; 5] =
    [PreemptMode::Off, PreemptMode::Cancel, PreemptMode::Requeue, PreemptMode::Suspend, PreemptMode::Suspend];

/// Gives a cluster rules of its own.
pub(crate) fn vary(dice: &mut Dice, cluster: &mut Cluster) {
    cluster.preempt = PreemptRules {
        by: dice.one_of(&[
            PreemptType::None,
            PreemptType::PartitionPriority,
            PreemptType::PartitionPriority,
            PreemptType::Qos,
            PreemptType::Qos,
        ]),
        mode: dice.one_of(&MODES),
        exempt_time: seconds(dice.one_of(&[0, 0, 60, 600])),
        warning: PreemptionWarning::Terminate,
        for_licenses: false,
    };
    let all = ["low", "normal", "high"].iter().map(|name| qos(dice, name)).collect();
    cluster.configure_books(|books| books.qos = all);
    let tiers: Vec<u16> = (0..4).map(|_| dice.few(4)).collect();
    let mode = |dice: &mut Dice| if dice.once_in(3) { Some(dice.one_of(&MODES)) } else { None };
    for (partition, tier) in cluster.partitions.iter_mut().zip(tiers) {
        let (grace_time, preempt_mode) = (dice.one_of(&[0, 0, 20, 120]), mode(dice));
        *partition = Partition { tier, grace_time, preempt_mode, ..partition.clone() };
    }
    if dice.once_in(3) {
        cluster.priority = Rules {
            by: PriorityType::MultiFactor,
            age: dice.one_of(&[0, 1_000]),
            job_size: dice.one_of(&[0, 500]),
            partition: dice.one_of(&[0, 800]),
            qos: dice.one_of(&[0, 2_000]),
            ..Rules::default()
        };
    }
    let scheduling = &mut cluster.scheduling;
    if dice.once_in(8) {
        scheduling.by = SchedulerType::Builtin;
    }
    scheduling.backfill.max_jobs = dice.one_of(&[500, 500, 100, 30]);
    scheduling.backfill.max_tasks_of_array = dice.one_of(&[20, 20, 1, 5]);
}

fn qos(dice: &mut Dice, name: &'static str) -> Qos {
    let (priority, preempt): (u32, &[&str]) = match name {
        "high" => (100, if dice.once_in(2) { &["low", "normal"] } else { &["low"] }),
        "low" => (0, &[]),
        _ => (10, if dice.once_in(2) { &["low"] } else { &[] }),
    };
    Qos {
        priority,
        preempt: preempt.iter().map(|name| (*name).into()).collect(),
        preempt_mode: if dice.once_in(3) { Some(dice.one_of(&MODES)) } else { None },
        grace_time: seconds(dice.one_of(&[0, 0, 30])),
        preempt_exempt_time: if dice.once_in(4) { Some(seconds(dice.one_of(&[0, 300]))) } else { None },
        ..Qos::named(name.into())
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
