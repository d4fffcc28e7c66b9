//! Accounts, users and workload keys.

use domain::accounting::{Account, Association, Books, Life, User, Wckey, folded};
use domain::{Text, who};
use slurm_wire::accounting::account::{Account as WireAccount, Coord};
use slurm_wire::accounting::association::AssocShort;
use slurm_wire::accounting::user::User as WireUser;
use slurm_wire::accounting::wckey::Wckey as WireWckey;
use slurm_wire::words::{AccountFlag, AdminLevel, UserFlag, WckeyFlag};
use std::collections::HashMap;
use std::sync::Arc;

/// What is told of accounts and users besides their own fields.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::slurm) struct Shown {
    pub(in crate::slurm) associations: bool,
    pub(in crate::slurm) coordinators: bool,
    pub(in crate::slurm) wckeys: bool,
}

/// Associations by whose they are, in the order of the tree; made once a list.
#[derive(Default)]
pub(in crate::slurm) struct Groups<'a> {
    by_account: HashMap<Text, Vec<&'a Arc<Association>>>,
    by_user: HashMap<Text, Vec<&'a Arc<Association>>>,
    wckeys: HashMap<Text, Vec<&'a Arc<Wckey>>>,
    coordinated: HashMap<Text, Vec<Coord>>,
}

impl<'a> Groups<'a> {
    /// Groups what shall be shown of those that pass.
    pub(in crate::slurm) fn of(
        books: &'a Books,
        shown: Shown,
        passes: impl Fn(&Association) -> bool,
    ) -> Groups<'a> {
        let mut groups = Groups::default();
        if shown.associations {
            for (_, one) in books.in_order(|one| !one.life.deleted && passes(one)) {
                groups.by_account.entry(folded(&one.place.account)).or_default().push(one);
                if !one.place.is_account() {
                    groups.by_user.entry(folded(&one.place.user)).or_default().push(one);
                }
            }
        }
        if shown.wckeys {
            for wckey in books.wckeys().into_iter().filter(|wckey| !wckey.life.deleted) {
                groups.wckeys.entry(folded(&wckey.user)).or_default().push(wckey);
            }
        }
        if shown.coordinators {
            for account in books.accounts().into_iter().filter(|account| !account.life.deleted) {
                for (name, direct) in books.coordinators(account) {
                    let coordinated = Coord { name: account.name.clone(), direct };
                    groups.coordinated.entry(folded(&name)).or_default().push(coordinated);
                }
            }
        }
        groups
    }
}

/// Describes an account.
pub(in crate::slurm) fn account(
    account: &Account,
    books: &Books,
    shown: Shown,
    groups: &Groups<'_>,
) -> WireAccount {
    let mut told = WireAccount {
        name: account.name.clone(),
        description: account.description.clone(),
        organization: account.organization.clone(),
        ..WireAccount::default()
    };
    told.associations = short(groups.by_account.get(&folded(&account.name))).collect();
    if shown.coordinators {
        let each = books.coordinators(account).into_iter();
        told.coordinators = each.map(|(name, direct)| Coord { name, direct }).collect();
    }
    let flags = [
        (AccountFlag::Deleted, account.life.deleted),
        (AccountFlag::NoUsersAreCoords, account.users_are_coordinators == Some(false)),
        (AccountFlag::UsersAreCoords, account.users_are_coordinators == Some(true)),
    ];
    told.flags = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).collect();
    told
}

/// Describes a user. As in the original the default account comes with the associations, and the default key with the
/// keys.
pub(in crate::slurm) fn user(user: &User, books: &Books, shown: Shown, groups: &Groups<'_>) -> WireUser {
    let mut told = WireUser { name: user.name.clone(), ..WireUser::default() };
    told.administrator_level = match user.level {
        who::AdminLevel::None => AdminLevel::None.into(),
        who::AdminLevel::Operator => AdminLevel::Operator.into(),
        who::AdminLevel::Administrator => AdminLevel::Administrator.into(),
    };
    told.flags = deleted(user.life, UserFlag::Deleted).unwrap_or(UserFlag::None).into();
    let name = folded(&user.name);
    told.associations = short(groups.by_user.get(&name)).collect();
    told.coordinators = groups.coordinated.get(&name).cloned().unwrap_or_default().into();
    told.wckeys = groups.wckeys.get(&name).into_iter().flatten().map(|one| wckey(one)).collect();
    if shown.associations {
        told.default.account = books.default_account(&user.name).cloned().unwrap_or_default();
    }
    if shown.wckeys {
        told.default.wckey = user.default_wckey.clone();
    }
    told
}

/// Describes a workload key.
pub(in crate::slurm) fn wckey(wckey: &Wckey) -> WireWckey {
    WireWckey {
        cluster: wckey.cluster.clone(),
        id: wckey.id,
        name: wckey.name.clone(),
        user: wckey.user.clone(),
        flags: deleted(wckey.life, WckeyFlag::Deleted).into_iter().collect(),
        ..WireWckey::default()
    }
}

fn deleted<F>(life: Life, flag: F) -> Option<F> {
    life.deleted.then_some(flag)
}

fn short<'a>(own: Option<&'a Vec<&'a Arc<Association>>>) -> impl Iterator<Item = AssocShort> + 'a {
    own.into_iter().flatten().map(|one| AssocShort {
        account: one.place.account.clone(),
        cluster: one.place.cluster.clone(),
        partition: one.place.partition.clone(),
        user: one.place.user.clone(),
        id: one.id,
    })
}
