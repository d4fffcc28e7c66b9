//! `associations/` and `association/`: the same conditions, of which the second must mean one alone.

use super::change::{carry_out, put, read, wished};
use super::usage::used;
use crate::http::answer::{Answer, empty};
use crate::slurm::call::Call;
use crate::slurm::from_wire::{self, accounting::Known};
use crate::slurm::to_wire::accounting::{self as to_wire, AssociationShown, UsageTold};
use domain::accounting::{Done, Removal, Wish, trackables};
use domain::history::Grouping;
use hyper::StatusCode;
use slurm_wire::accounting::association::{Assoc, AssocsRemovedResp, AssocsResp, AssocsRespInput};
use slurm_wire::accounting::query::AssocCondition;
use slurm_wire::error_number as number;
use slurm_wire::scalar::Switch;

/// Whether several may be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Many {
    Allowed,
    Ambiguous,
}

/// Lists associations in the order of the tree.
pub(super) async fn list(mut call: Call<'_>, many: Many) -> Answer {
    if call.admitted().is_none() {
        return call.fail();
    }
    let Some(wanted) = call.read::<AssocCondition>() else { return call.fail() };
    let snapshot = call.site.jobs.snapshot();
    let cluster = &snapshot.cluster;
    let filter = from_wire::accounting::association_filter(&wanted, &Known::of(cluster));
    let is_on = |switch: Option<Switch>| switch.is_some_and(|switch| switch.0);
    let shown = AssociationShown {
        own_limits: is_on(wanted.without_parent_limits),
        own_qos: is_on(wanted.raw_qos),
        without_parent: is_on(wanted.without_parent),
    };
    let chosen = cluster.books.in_order(|one| filter.passes(&cluster.books, one));
    let mut payload = AssocsResp::default();
    if chosen.is_empty() {
        call.report.warn("slurmdb_associations_get() found nothing", "_dump_assoc_cond");
    } else if chosen.len() > 1 && many == Many::Ambiguous {
        let why = "Ambiguous request: More than 1 association would have been dumped.";
        call.report.error(number::AMBIGUOUS_QUERY, why, "_dump_assoc_cond");
    } else {
        let (books, resources) = (&cluster.books, trackables(cluster));
        let mut lines = Vec::new();
        if is_on(wanted.include_usage) {
            let time = (wanted.usage_start, wanted.usage_end);
            let by =
                Grouping { account: true, user: true, partition: true, qos: true, ..Grouping::default() };
            let failure = ("slurmdb_associations_get failed", "_dump_assoc_cond");
            let Some(used) = used(&mut call, time, by, failure).await else { return call.fail() };
            lines = used;
        }
        let usage = UsageTold::of_associations(&lines, books, &resources);
        let each = chosen.into_iter().map(|(line, one)| Assoc {
            accounting: usage.by(one.id).into(),
            ..to_wire::association((line, one), books, &resources, shown)
        });
        payload.associations = each.collect();
    }
    call.answer(payload)
}

/// Makes or changes associations.
pub(super) async fn update(mut call: Call<'_>) -> Answer {
    let Some((by, body)) = read::<AssocsRespInput>(&mut call) else { return call.fail() };
    let all = body.associations.unwrap_or_default();
    let Some(wish) =
        wished(&mut call, None, |known, report| from_wire::accounting::associations(&all, known, report))
    else {
        return call.fail();
    };
    put(call, &by, Wish::Associations(wish), super::ASSOCIATIONS_FAILED).await
}

/// Takes associations away.
pub(super) async fn delete(mut call: Call<'_>, many: Many) -> Answer {
    let Some((by, wanted)) = read::<AssocCondition>(&mut call) else { return call.fail() };
    let Some(filter) =
        wished(&mut call, None, |known, _| from_wire::accounting::association_filter(&wanted, known))
    else {
        return call.fail();
    };
    let removal = match many {
        Many::Allowed => Removal::Associations(filter),
        Many::Ambiguous => Removal::Association(filter),
    };
    let failure = ("slurmdb_associations_remove() failed", "_delete_assoc");
    let Some(done) = carry_out(&mut call, &by, Wish::Remove(removal), failure).await else {
        return call.fail();
    };
    let Done::RemovedAssociations(gone) = done else { return empty(StatusCode::NOT_MODIFIED) };
    if gone.is_empty() {
        call.report.warn("slurmdb_associations_remove() found nothing", "_delete_assoc");
    }
    let removed_associations = gone.iter().map(|one| to_wire::removed_association(one)).collect();
    call.answer(AssocsRemovedResp { removed_associations, ..AssocsRemovedResp::default() })
}
