//! Trackable resources.

use domain::Text;
use domain::accounting::Trackable;
use domain::accounting::tres::DYNAMIC_OFFSET;
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
