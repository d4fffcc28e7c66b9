//! Which associations are asked for.

use super::Known;
use domain::Text;
use domain::accounting::AssociationFilter;
use slurm_wire::accounting::query::AssocCondition;
use slurm_wire::list::ConditionList;
use slurm_wire::scalar::Switch;

/// A number that no record has: what is asked for by a name that stands for nothing.
const NOTHING: u32 = 0;

/// Reads a condition. Numbers and names that stand for nothing match nothing.
pub(in crate::slurm) fn association_filter(wanted: &AssocCondition, known: &Known<'_>) -> AssociationFilter {
    let names = |list: &Option<ConditionList>| -> Vec<Text> { list.as_deref().cloned().unwrap_or_default() };
    let is_on = |switch: Option<Switch>| switch.is_some_and(|switch| switch.0);
    let qos = |list: &Option<ConditionList>| -> Vec<u32> {
        let number = |name: &Text| known.books.qos_called(name).map_or(NOTHING, |qos| qos.id);
        names(list).iter().map(number).collect()
    };
    AssociationFilter {
        accounts: names(&wanted.account),
        clusters: names(&wanted.cluster),
        users: names(&wanted.user),
        partitions: names(&wanted.partition),
        parents: names(&wanted.parent_account),
        ids: names(&wanted.id).iter().map(|id| id.parse().unwrap_or(NOTHING)).collect(),
        qos: qos(&wanted.qos),
        default_qos: qos(&wanted.default_qos),
        only_defaults: is_on(wanted.only_defaults),
        sub_accounts: is_on(wanted.sub_accounts),
        with_deleted: is_on(wanted.include_deleted),
    }
}
