//! Associations.

use super::limits::Reading;
use super::{Known, change, text};
use domain::accounting::AssociationWish;
use slurm_wire::Report;
use slurm_wire::accounting::association::{AssocInput, AssocRecSet};

/// Reads associations.
pub(in crate::slurm) fn associations<'a>(
    all: impl IntoIterator<Item = &'a AssocInput>,
    known: &Known<'_>,
    report: &mut Report,
) -> Vec<AssociationWish> {
    all.into_iter().enumerate().map(|(at, one)| association(one, at, known, report)).collect()
}

fn association(one: &AssocInput, at: usize, known: &Known<'_>, report: &mut Report) -> AssociationWish {
    let place = |field: &str| format!("#/associations[{at}]/{field}/");
    let mut reading = Reading::new(known, report, place("max"));
    reading.of_association(one.max.as_ref(), one.min.as_ref());
    let limits = reading.done();
    let qos = one.qos.as_ref().and_then(|names| known.qos_choice(names, &place("qos"), report));
    let default = one.default.as_ref().and_then(|default| default.qos.as_ref());
    let default_qos = default.and_then(|name| match name.as_str() {
        // What the answers show where there is none.
        "" => None,
        name => Some(known.qos(name, &place("default/qos"), report)),
    });
    AssociationWish {
        id: one.id.map_or(0, |id| id.0),
        cluster: text(one.cluster.as_ref()),
        account: text(one.account.as_ref()),
        user: text(one.user.as_ref()),
        partition: text(one.partition.as_ref()),
        parent: one.parent_account.clone(),
        shares: one.shares_raw,
        comment: one.comment.clone(),
        priority: change(one.priority),
        qos,
        default_qos,
        is_default: one.is_default.unwrap_or_default(),
        limits,
    }
}

/// Reads what new associations have.
pub(super) fn settings(set: Option<&AssocRecSet>, known: &Known<'_>, report: &mut Report) -> AssociationWish {
    let Some(set) = set else { return AssociationWish::default() };
    let place = |field: &str| format!("#/association_condition/association/{field}/");
    let mut reading = Reading::new(known, report, place("grptres"));
    reading.of_addition(set);
    let limits = reading.done();
    let qos = set.qoslevel.as_ref().and_then(|names| known.qos_choice(names, &place("qoslevel"), report));
    let default_qos = set.defaultqos.as_ref().filter(|name| !name.is_empty());
    AssociationWish {
        parent: set.parent.clone(),
        shares: set.fairshare,
        comment: set.comment.clone(),
        priority: change(set.priority),
        qos,
        default_qos: default_qos.map(|name| known.qos(name, &place("defaultqos"), report)),
        limits,
        ..AssociationWish::default()
    }
}
