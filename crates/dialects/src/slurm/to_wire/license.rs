//! Licences, how many are in use, and how many are kept by reservations.

use domain::state::Snapshot;
use domain::{Text, Timestamp};
use slurm_wire::licenses::License;

/// Describes all licences, in the order of their names. They are this cluster's own: what the original tells of the last
/// agreement with a licence server (`LastConsumed` and its kin) is zero for those.
pub(in crate::slurm) fn licenses(snapshot: &Snapshot, now: Timestamp) -> Vec<License> {
    let configured = snapshot.cluster.licenses.iter();
    configured
        .map(|(name, total)| {
            let used = snapshot.licenses.get(name).copied().unwrap_or(0);
            License {
                license_name: name.clone(),
                total: *total,
                used,
                free: total.saturating_sub(used),
                reserved: reserved(snapshot, name, now),
                ..License::default()
            }
        })
        .collect()
}

/// Returns how many of a licence belong to reservations that are open now, used by their jobs or not.
fn reserved(snapshot: &Snapshot, name: &Text, now: Timestamp) -> u32 {
    let open = snapshot.reservations.iter().filter(|reservation| reservation.is_open(now));
    let kept = open.flat_map(|reservation| &reservation.licenses).filter(|(known, _)| known == name);
    kept.fold(0, |sum: u32, (_, count)| sum.saturating_add(*count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::cluster::Cluster;
    use domain::reservation::Reservation;
    use std::sync::Arc;

    #[test]
    fn what_jobs_have_is_not_free_and_what_reservations_have_is_told() {
        let name = Text::const_new("matlab");
        let cluster = Cluster { licenses: [(name.clone(), 10)].into(), ..Cluster::default() };
        let at = Timestamp::from_seconds;
        let kept = |start, end, count| {
            let licenses = vec![(name.clone(), count)];
            Arc::new(Reservation { start: at(start), end: at(end), licenses, ..Reservation::default() })
        };
        let snapshot = Snapshot {
            cluster: Arc::new(cluster),
            licenses: Arc::new([(name.clone(), 3)].into()),
            reservations: Arc::new(vec![kept(10, 20, 4), kept(15, 20, 2), kept(30, 40, 1)]),
            ..Snapshot::default()
        };
        let told = licenses(&snapshot, at(12));
        assert_eq!((told[0].total, told[0].used, told[0].free, told[0].reserved), (10, 3, 7, 4));
        let reserved: Vec<_> = [15, 25, 35].map(|now| licenses(&snapshot, at(now))[0].reserved).into();
        assert_eq!(reserved, [6, 0, 1]);
    }
}
