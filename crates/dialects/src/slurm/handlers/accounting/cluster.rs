//! `clusters/` and `cluster/{name}`.

use super::change::{put, read, remove};
use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire;
use crate::slurm::to_wire::accounting as to_wire;
use domain::Text;
use domain::accounting::{Removal, Wish, folded};
use slurm_wire::accounting::cluster::{ClusterRec, ClustersRemovedResp, ClustersResp, ClustersRespInput};
use slurm_wire::accounting::query::ClusterCondition;
use slurm_wire::error_number as number;

/// Lists the clusters.
pub(super) fn list(mut call: Call<'_>) -> Answer {
    let Some(wanted) = condition(&mut call) else { return call.fail() };
    let clusters = known(&call).into_iter().filter(|cluster| passes(&wanted, cluster)).collect();
    call.answer(ClustersResp { clusters, ..ClustersResp::default() })
}

/// Shows a cluster; one that nobody knows is no error.
pub(super) fn show(mut call: Call<'_>) -> Answer {
    let Some(wanted) = condition(&mut call) else { return call.fail() };
    let name = folded(call.parameter);
    let is_it = |cluster: &ClusterRec| folded(&cluster.name) == name && passes(&wanted, cluster);
    let found: Vec<_> = known(&call).into_iter().filter(is_it).collect();
    if found.is_empty() {
        call.report.warn("slurmdb_clusters_get() found nothing", "_dump_clusters");
    }
    call.answer(ClustersResp { clusters: found.into(), ..ClustersResp::default() })
}

fn condition(call: &mut Call<'_>) -> Option<ClusterCondition> {
    call.admitted()?;
    call.read::<ClusterCondition>()
}

/// Of the conditions the original heeds names and versions; what a cluster is for is nowhere kept.
fn passes(wanted: &ClusterCondition, cluster: &ClusterRec) -> bool {
    let names = wanted.cluster.clone().unwrap_or_default();
    let versions = wanted.rpc_version.clone().unwrap_or_default();
    let is_named = |name: &Text| name.eq_ignore_ascii_case(&cluster.name);
    let has_version = |version: &Text| version.parse() == Ok(cluster.rpc_version);
    (names.is_empty() || names.iter().any(is_named))
        && (versions.is_empty() || versions.iter().any(has_version))
}

/// Returns every cluster that the books know, by name.
pub(super) fn known(call: &Call<'_>) -> Vec<ClusterRec> {
    let snapshot = call.site.jobs.snapshot();
    let own = to_wire::cluster(&snapshot.cluster, call.site.address);
    let books = &snapshot.cluster.books;
    let others = books.other_clusters().map(|record| to_wire::other_cluster(record, books));
    let mut all: Vec<_> = std::iter::once(own).chain(others).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

/// Makes clusters known.
pub(super) async fn update(mut call: Call<'_>) -> Answer {
    let Some((by, body)) = read::<ClustersRespInput>(&mut call) else { return call.fail() };
    let all = body.clusters.unwrap_or_default();
    let wish = Wish::Clusters(from_wire::accounting::clusters(&all));
    if all.is_empty() {
        no_clusters(&mut call, by.is_operator());
        return call.fail();
    }
    put(call, &by, wish, super::CLUSTERS_FAILED).await
}

/// Notes that no cluster was named; who may not name one is told that first.
pub(super) fn no_clusters(call: &mut Call<'_>, may: bool) {
    let (description, source) = super::CLUSTERS_FAILED;
    let number = if may { number::EMPTY_LIST } else { number::ACCESS_DENIED };
    call.report.error(number, description, source);
}

/// Forgets a cluster.
pub(super) async fn delete(mut call: Call<'_>) -> Answer {
    let Some(by) = call.admitted() else { return call.fail() };
    let wish = Wish::Remove(Removal::Cluster(Text::from(call.parameter)));
    let failure = ("slurmdb_clusters_remove failed", "_delete_cluster");
    remove(call, &by, wish, failure, |names| ClustersRemovedResp {
        deleted_clusters: names.into(),
        ..ClustersRemovedResp::default()
    })
    .await
}
