//! What a submission asked for, as far as accounting shows it of a job whatever became of it: it depends on the job's
//! specification and the configuration, and on nothing else.

use crate::slurm::to_wire::{joined, tres};
use domain::Text;
use domain::cluster::Cluster;
use domain::job::{JobSpec, Memory};
use slurm_wire::accounting::association::AssocShort;
use slurm_wire::accounting::job::{self as wire, WckeyTagStruct};
use slurm_wire::words::WckeyTagFlag;
use slurm_wire::{Flags, NoVal};

/// Describes a job that was asked for, and of which no more is known.
pub(super) fn asked(spec: &JobSpec, cluster: &Cluster) -> wire::Job {
    let mut shown = wire::Job::default();
    identity(&mut shown, spec, cluster);
    request(&mut shown, spec, cluster);
    shown
}

fn identity(shown: &mut wire::Job, spec: &JobSpec, cluster: &Cluster) {
    shown.name = if spec.name.is_empty() { Text::const_new(wire::NAMELESS) } else { spec.name.clone() };
    shown.account = spec.account.clone();
    shown.cluster = cluster.name.clone();
    // The original leaves out whose it is and shows the number alone.
    let id = cluster.association(&spec.account, &spec.owner.name);
    shown.association = AssocShort { cluster: cluster.name.clone(), id, ..AssocShort::default() };
    shown.user = spec.owner.name.clone();
    shown.group = spec.owner.group.clone();
    shown.partition = joined(&spec.partitions);
    shown.qos = spec.qos.clone();
    let is_assumed = spec.wckey.is_empty() || spec.wckey.starts_with('*');
    let flags = if is_assumed { WckeyTagFlag::AssignedDefault.into() } else { Flags::NONE };
    shown.wckey = WckeyTagStruct { wckey: Text::from(spec.wckey.trim_start_matches('*')), flags };
}

fn request(shown: &mut wire::Job, spec: &JobSpec, cluster: &Cluster) {
    let uncommon = spec.uncommon();
    let constraint = spec.resources.constraint.as_ref();
    shown.constraints = constraint.map(|constraint| constraint.written.clone()).unwrap_or_default();
    shown.container = uncommon.container.clone();
    shown.comment.job = spec.comment.clone();
    shown.comment.administrator = uncommon.admin_comment.clone();
    shown.extra = uncommon.extra.clone();
    shown.licenses = uncommon.licenses.clone();
    shown.mcs.label = uncommon.mcs_label.clone();
    shown.segment_size = uncommon.segment_size.into();
    shown.submit_line = uncommon.submit_line.clone();
    shown.reservation.requested = uncommon.reservation.clone();
    shown.reservation.name = uncommon.reservation.clone();
    shown.working_directory = spec.work_dir.clone();
    shown.required.cpus = spec.resources.least_cpus();
    match tres::memory(spec, cluster) {
        Memory::PerCpu(megabytes) => shown.required.memory_per_cpu = NoVal::Set(megabytes),
        Memory::PerNode(megabytes) => shown.required.memory_per_node = NoVal::Set(megabytes),
        Memory::Default => {}
    }
    shown.stdin = spec.streams.input.clone();
    shown.stderr = spec.streams.error.clone();
    shown.tres.requested = tres::requested_list(spec, cluster).into();
}
