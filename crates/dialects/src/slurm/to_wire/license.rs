//! Licences, and how many are in use.

use domain::state::Snapshot;
use slurm_wire::licenses::License;

/// Describes all licences, in the order of their names. They are this cluster's own: what the original tells of the last
/// agreement with a licence server (`LastConsumed` and its kin) is zero for those.
pub(in crate::slurm) fn licenses(snapshot: &Snapshot) -> Vec<License> {
    let configured = snapshot.cluster.licenses.iter();
    configured
        .map(|(name, total)| {
            let used = snapshot.licenses.get(name).copied().unwrap_or(0);
            License {
                license_name: name.clone(),
                total: *total,
                used,
                free: total.saturating_sub(used),
                ..License::default()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Text;
    use domain::cluster::Cluster;
    use std::sync::Arc;

    #[test]
    fn what_jobs_have_is_not_free() {
        let name = Text::const_new("matlab");
        let cluster = Cluster { licenses: [(name.clone(), 10)].into(), ..Cluster::default() };
        let snapshot = Snapshot {
            cluster: Arc::new(cluster),
            licenses: Arc::new([(name, 3)].into()),
            ..Snapshot::default()
        };
        let told = licenses(&snapshot);
        assert_eq!((told[0].total, told[0].used, told[0].free), (10, 3, 7));
    }
}
