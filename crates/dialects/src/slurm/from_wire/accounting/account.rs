//! Accounts.

use super::association::settings;
use super::{Known, text};
use domain::Text;
use domain::accounting::{AccountWish, AccountsAddition};
use slurm_wire::Report;
use slurm_wire::accounting::account::{AccountInput, AccountsAddCondResp};
use slurm_wire::flags::Flag;
use slurm_wire::words::AccountFlag;

const SOURCE: &str = "_foreach_update_acct";

/// Reads accounts; what is no matter of theirs is warned of.
pub(in crate::slurm) fn accounts<'a>(
    all: impl IntoIterator<Item = &'a AccountInput>,
    report: &mut Report,
) -> Vec<AccountWish> {
    all.into_iter().map(|one| account(one, report)).collect()
}

fn account(one: &AccountInput, report: &mut Report) -> AccountWish {
    if one.associations.as_ref().is_some_and(|list| !list.is_empty()) {
        let why = "Account associations ignored. They must be set via the associations end point.";
        report.warn(why, SOURCE);
    }
    let flags = one.flags.clone().unwrap_or_default();
    for flag in [AccountFlag::Deleted, AccountFlag::WithAssociations, AccountFlag::WithCoordinators] {
        if flags.contains(flag) {
            report.warn(format!("Ignoring request to set flag: {}", flag.name()), SOURCE);
        }
    }
    let says = |flag| flags.contains(flag);
    let users_are_coordinators =
        match (says(AccountFlag::UsersAreCoords), says(AccountFlag::NoUsersAreCoords)) {
            (_, true) => Some(false),
            (true, false) => Some(true),
            (false, false) => None,
        };
    // As in the original none at all is no change.
    let coordinators = one.coordinators.as_ref().filter(|list| !list.is_empty());
    AccountWish {
        name: text(one.name.as_ref()),
        description: text(one.description.as_ref()),
        organization: text(one.organization.as_ref()),
        coordinators: coordinators
            .map(|list| list.iter().map(|coordinator| text(coordinator.name.as_ref())).collect()),
        users_are_coordinators,
    }
}

/// Reads accounts that are made with their associations.
pub(in crate::slurm) fn accounts_addition(
    body: &AccountsAddCondResp,
    known: &Known<'_>,
    report: &mut Report,
) -> AccountsAddition {
    let condition = body.association_condition.clone().unwrap_or_default();
    let names = |names: Option<&Vec<Text>>| names.cloned().unwrap_or_default();
    let account = body.account.clone().unwrap_or_default();
    AccountsAddition {
        accounts: names(condition.accounts.as_deref()),
        clusters: names(condition.clusters.as_deref()),
        description: account.description,
        organization: account.organization,
        association: settings(condition.association.as_ref(), known, report),
    }
}
