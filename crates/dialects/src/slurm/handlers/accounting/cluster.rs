//! `clusters/` and `cluster/{name}`.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::to_wire;
use slurm_wire::accounting::cluster::ClustersResp;
use slurm_wire::accounting::query::ClusterCondition;

/// Lists the clusters.
pub(super) fn list(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() || call.read::<ClusterCondition>().is_none() {
        return call.fail();
    }
    let cluster = to_wire::accounting::cluster(&call.site.jobs.snapshot().cluster, call.site.address);
    call.answer(ClustersResp { clusters: vec![cluster].into(), ..ClustersResp::default() })
}

/// Shows a cluster; one that nobody knows is no error.
pub(super) fn show(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() || call.read::<ClusterCondition>().is_none() {
        return call.fail();
    }
    let snapshot = call.site.jobs.snapshot();
    let known = (call.parameter == snapshot.cluster.name)
        .then(|| to_wire::accounting::cluster(&snapshot.cluster, call.site.address));
    if known.is_none() {
        call.report.warn("slurmdb_clusters_get() found nothing", "_dump_clusters");
    }
    call.answer(ClustersResp { clusters: known.into_iter().collect(), ..ClustersResp::default() })
}
