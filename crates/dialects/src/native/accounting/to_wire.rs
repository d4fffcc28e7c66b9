//! Domain → wire; cannot fail.

use super::wire;
use domain::Text;
use domain::accounting::{Done, Place};

/// Tells what became of wishes.
pub(in super::super) fn done(all: &[Done]) -> wire::Done {
    wire::Done { done: all.iter().map(one).collect() }
}

fn one(done: &Done) -> wire::DoneOne {
    let mut told = wire::DoneOne { changed: *done != Done::Nothing, ..wire::DoneOne::default() };
    match done {
        Done::Nothing | Done::Changed => {}
        Done::AddedAccounts { accounts, associations } => {
            told.accounts = accounts.clone();
            let places = associations.iter();
            told.associations = places.map(|(cluster, account)| account_on(cluster, account)).collect();
        }
        Done::AddedUsers { users, associations, wckeys, skipped } => {
            told.users = users.clone();
            told.associations = associations.iter().map(|place| at(place, &Text::default())).collect();
            told.wckeys = wckeys.iter().map(|(cluster, name, user)| wckey(cluster, name, user)).collect();
            told.skipped = skipped.iter().map(|(account, cluster)| account_on(cluster, account)).collect();
        }
        Done::Removed(names) => told.removed = names.clone(),
        Done::RemovedAssociations(gone) => {
            told.changed = !gone.is_empty();
            told.associations = gone.iter().map(|one| at(&one.place, &one.parent)).collect();
        }
        Done::RemovedWckeys(gone) => {
            told.changed = !gone.is_empty();
            told.wckeys = gone.iter().map(|key| wckey(&key.cluster, &key.name, &key.user)).collect();
        }
    }
    told
}

fn account_on(cluster: &Text, account: &Text) -> wire::Place {
    wire::Place { cluster: cluster.clone(), account: account.clone(), ..wire::Place::default() }
}

fn at(place: &Place, parent: &Text) -> wire::Place {
    wire::Place {
        user: place.user.clone(),
        partition: place.partition.clone(),
        parent: parent.clone(),
        ..account_on(&place.cluster, &place.account)
    }
}

fn wckey(cluster: &Text, name: &Text, user: &Text) -> wire::WckeyDone {
    wire::WckeyDone { cluster: cluster.clone(), name: name.clone(), user: user.clone() }
}
