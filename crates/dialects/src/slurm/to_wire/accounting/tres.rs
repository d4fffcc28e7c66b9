//! Trackable resources.

use domain::Text;
use domain::accounting::tres::DYNAMIC_OFFSET;
use domain::accounting::{Trackable, trackables};
use domain::cluster::Cluster;
use slurm_wire::accounting::tres::Tres;
use slurm_wire::scalar::Checked;

/// Lists what is counted, without amounts; the original shows the number its own additions begin at as well.
pub(in crate::slurm) fn counted(all: &[Trackable]) -> Vec<Tres> {
    let offset = Tres { kind: Text::const_new("dynamic_offset"), id: DYNAMIC_OFFSET, ..Tres::default() };
    let (fixed, added) = all.split_at(all.partition_point(|one| one.id < DYNAMIC_OFFSET));
    let plain = |one: &Trackable| Tres { count: Checked(0), ..amount(one) };
    fixed.iter().map(plain).chain([offset]).chain(added.iter().map(plain)).collect()
}

/// Writes how much of a resource there is.
pub(super) fn amount(one: &Trackable) -> Tres {
    let count = Checked(i64::try_from(one.count).unwrap_or(i64::MAX));
    Tres { kind: one.kind.clone(), name: one.name.clone(), id: one.id, count }
}

/// Puts corrected amounts into a list: number of the resource, and how much.
pub(super) fn correct(list: &mut Vec<Tres>, corrected: &[(u32, u64)], cluster: &Cluster) {
    let known = trackables(cluster);
    for (id, count) in corrected {
        let one = match known.iter().find(|known| known.id == *id) {
            Some(known) => amount(&Trackable { count: *count, ..known.clone() }),
            None => continue,
        };
        match list.iter_mut().find(|there| there.id == *id) {
            Some(there) => *there = one,
            None => list.insert(list.partition_point(|there| there.id < *id), one),
        }
    }
}
