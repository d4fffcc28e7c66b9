//! Users.

use super::association::settings;
use super::{Known, text};
use domain::Text;
use domain::accounting::{UserWish, UsersAddition};
use domain::who;
use slurm_wire::accounting::user::{UserInput, UsersAddCondResp};
use slurm_wire::words::AdminLevel;
use slurm_wire::{Flags, Report};

const SOURCE: &str = "_foreach_update_user";

/// Reads users; what is no matter of theirs is warned of.
pub(in crate::slurm) fn users<'a>(
    all: impl IntoIterator<Item = &'a UserInput>,
    report: &mut Report,
) -> Vec<UserWish> {
    all.into_iter().map(|one| user(one, report)).collect()
}

fn user(one: &UserInput, report: &mut Report) -> UserWish {
    let name = text(one.name.as_ref());
    if one.associations.as_ref().is_some_and(|list| !list.is_empty()) {
        let why = "associations list ignored. They must be set via the associations end point.";
        report.warn(format!("User {name} {why}"), SOURCE);
    }
    if one.coordinators.as_ref().is_some_and(|list| !list.is_empty()) {
        let why = "coordinators list ignored. They must be set via the coordinators or accounts end point.";
        report.warn(format!("User {name} {why}"), SOURCE);
    }
    let given = |text: Option<&Text>| text.filter(|text| !text.is_empty()).cloned();
    let default = one.default.as_ref();
    let wckeys = one.wckeys.iter().flatten();
    UserWish {
        old_name: text(one.old_name.as_ref()),
        level: one.administrator_level.as_ref().and_then(level),
        default_account: given(default.and_then(|default| default.account.as_ref())),
        default_wckey: given(default.and_then(|default| default.wckey.as_ref())),
        wckeys: wckeys.map(|key| (text(key.cluster.as_ref()), text(key.name.as_ref()))).collect(),
        name,
    }
}

/// Reads what a user may do; `None` where nothing is said.
pub(in crate::slurm) fn level(flags: &Flags<AdminLevel>) -> Option<who::AdminLevel> {
    let says = |flag| flags.contains(flag);
    if says(AdminLevel::Administrator) {
        Some(who::AdminLevel::Administrator)
    } else if says(AdminLevel::Operator) {
        Some(who::AdminLevel::Operator)
    } else {
        says(AdminLevel::None).then_some(who::AdminLevel::None)
    }
}

/// Reads users that are made with their associations.
pub(in crate::slurm) fn users_addition(
    body: &UsersAddCondResp,
    known: &Known<'_>,
    report: &mut Report,
) -> UsersAddition {
    let condition = body.association_condition.clone().unwrap_or_default();
    let names = |names: Option<&Vec<Text>>| names.cloned().unwrap_or_default();
    let given = |text: Option<Text>| text.filter(|text| !text.is_empty());
    let user = body.user.clone().unwrap_or_default();
    UsersAddition {
        users: names(condition.users.as_deref()),
        accounts: names(condition.accounts.as_deref()),
        clusters: names(condition.clusters.as_deref()),
        partitions: names(condition.partitions.as_deref()),
        wckeys: names(condition.wckeys.as_deref()),
        level: user.adminlevel.as_ref().and_then(level),
        default_account: given(user.defaultaccount),
        default_wckey: given(user.defaultwckey),
        association: settings(condition.association.as_ref(), known, report),
    }
}
