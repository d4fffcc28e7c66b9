//! A reservation, and the echo of one that was asked for.

use super::allocation::ranges;
use super::{joined, time};
use crate::slurm::reservation_words::WORDS;
use domain::cluster::Cluster;
use domain::job::CpuSet;
use domain::reservation::{Reservation, ReservationFlags, ReservedNode};
use domain::{Text, Timestamp};
use slurm_wire::accounting::tres::{Tres, TresInput};
use slurm_wire::reservation::{
    ReservationCoreSpec, ReservationDescMsg, ReservationDescMsgInput, ReservationDescMsgPurgeCompleted,
    ReservationInfo, ReservationInfoPurgeCompleted,
};
use slurm_wire::words::ReservationFlag;
use slurm_wire::{Flags, NoVal};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What the original shows for a time that was not given, and for one that never comes.
const NO_TIME: u64 = 0xffff_fffe;
const INFINITE_TIME: u64 = 0xffff_ffff;

/// Describes a reservation.
pub(in crate::slurm) fn reservation(
    reservation: &Reservation,
    cluster: &Cluster,
    now: Timestamp,
) -> ReservationInfo {
    let (start, end) = reservation.window(now);
    let cores: u32 = reservation.nodes.iter().map(|reserved| cores(reserved, cluster)).sum();
    let licenses: Vec<Text> =
        reservation.licenses.iter().map(|(name, count)| Text::from(format!("{name}:{count}"))).collect();
    ReservationInfo {
        accounts: names(&reservation.access.accounts),
        burst_buffer: reservation.burst_buffer.clone(),
        core_count: cores,
        core_specializations: core_specializations(reservation, cluster).into(),
        end_time: if end == Timestamp::NEVER { NoVal::Set(INFINITE_TIME) } else { time(end) },
        features: reservation.features.clone(),
        flags: flags(reservation.flags),
        groups: joined(&reservation.access.groups),
        licenses: joined(&licenses),
        max_start_delay: reservation.max_start_delay,
        name: reservation.name.clone(),
        node_count: u32::try_from(reservation.nodes.len()).unwrap_or(u32::MAX),
        node_list: reservation.fold_nodes(cluster),
        partition: reservation.partition.clone(),
        purge_completed: ReservationInfoPurgeCompleted { time: NoVal::Set(reservation.purge_after) },
        start_time: time(start),
        tres: tres(reservation, cluster),
        users: names(&reservation.access.users),
        ..ReservationInfo::default()
    }
}

fn names(names: &domain::reservation::Names) -> Text {
    let minus = if names.excluded { "-" } else { "" };
    let signed: Vec<Text> = names.names.iter().map(|name| Text::from(format!("{minus}{name}"))).collect();
    joined(&signed)
}

/// Returns the places of the cores of which a node gives CPUs.
fn places(cpus: &CpuSet, granule: u32) -> CpuSet {
    cpus.iter().map(|cpu| cpu / granule).collect()
}

fn cores(reserved: &ReservedNode, cluster: &Cluster) -> u32 {
    let Some(node) = cluster.node(reserved.node) else { return 0 };
    let granule = node.topology.granule();
    match &reserved.cpus {
        Some(cpus) => places(cpus, granule).len(),
        None => node.topology.cpus.div_ceil(granule),
    }
}

fn core_specializations(reservation: &Reservation, cluster: &Cluster) -> Vec<ReservationCoreSpec> {
    let each = reservation.nodes.iter().filter_map(|reserved| {
        let node = cluster.node(reserved.node)?;
        let core = ranges(&places(reserved.cpus.as_ref()?, node.topology.granule()));
        Some(ReservationCoreSpec { node: node.name.clone(), core: core.into() })
    });
    each.collect()
}

fn tres(reservation: &Reservation, cluster: &Cluster) -> Text {
    let mut text = Text::default();
    let cpus = reservation.cpus(cluster);
    // Writing to a string cannot fail.
    if cpus > 0 {
        let _ = write!(text, "cpu={cpus}");
    }
    let mut units: BTreeMap<&str, u32> = BTreeMap::new();
    for reserved in &reservation.nodes {
        let Some(node) = cluster.node(reserved.node) else { continue };
        for share in &reserved.gres {
            if let Some(gres) = node.gres.get(share.at) {
                *units.entry(&gres.name).or_default() += share.units.len();
            }
        }
    }
    for (name, count) in units {
        let _ = write!(text, ",gres/{name}={count}");
    }
    text
}

fn flags(set: ReservationFlags) -> Flags<ReservationFlag> {
    WORDS.iter().filter(|(flag, ..)| set.has(*flag)).map(|(_, word, _)| *word).collect()
}

/// Returns what was asked for with everything that was not given shown as that.
pub(in crate::slurm) fn wished(wanted: &ReservationDescMsgInput) -> ReservationDescMsg {
    let time = |given: Option<slurm_wire::no_val::TimeNoVal>| match given.unwrap_or_default().0 {
        NoVal::Unset => slurm_wire::no_val::TimeNoVal(NoVal::Set(NO_TIME)),
        given => slurm_wire::no_val::TimeNoVal(given),
    };
    ReservationDescMsg {
        accounts: wanted.accounts.clone().unwrap_or_default(),
        burst_buffer: wanted.burst_buffer.clone().unwrap_or_default(),
        comment: wanted.comment.clone().unwrap_or_default(),
        core_count: wanted.core_count.unwrap_or_default(),
        duration: wanted.duration.unwrap_or_default(),
        end_time: time(wanted.end_time),
        features: wanted.features.clone().unwrap_or_default(),
        flags: wanted.flags.clone().unwrap_or_default(),
        groups: wanted.groups.clone().unwrap_or_default(),
        licenses: wanted.licenses.clone().unwrap_or_default(),
        max_start_delay: wanted.max_start_delay.unwrap_or_default(),
        name: wanted.name.clone().unwrap_or_default(),
        node_count: wanted.node_count.unwrap_or_default(),
        node_list: wanted.node_list.iter().flat_map(|list| list.iter()).flat_map(hosts).collect(),
        partition: wanted.partition.clone().unwrap_or_default(),
        purge_completed: ReservationDescMsgPurgeCompleted {
            time: wanted.purge_completed.as_ref().and_then(|purge| purge.time).unwrap_or_default(),
        },
        start_time: time(wanted.start_time),
        tres: wanted.tres.iter().flat_map(|list| list.iter()).map(wished_tres).collect(),
        users: wanted.users.clone().unwrap_or_default(),
    }
}

/// Returns the hosts of a list; what cannot be expanded has been refused before.
fn hosts(list: &Text) -> Vec<Text> {
    slurm_wire::hostlist::expand(list).unwrap_or_default()
}

fn wished_tres(wanted: &TresInput) -> Tres {
    let kind = wanted.kind.clone().unwrap_or_default();
    let id = match kind.as_str() {
        "cpu" => 1,
        "mem" => 2,
        "energy" => 3,
        "node" => 4,
        "billing" => 5,
        "vmem" => 7,
        "pages" => 8,
        _ => wanted.id.unwrap_or(0),
    };
    Tres { kind, name: wanted.name.clone().unwrap_or_default(), id, count: wanted.count.unwrap_or_default() }
}
