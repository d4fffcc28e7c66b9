//! Accounts and users that are made together with their associations.

use super::{Done, Edit, check_name, forbidden, no_parent};
use crate::accounting::{
    Account, AccountsAddition, AssociationWish, Place, ROOT, Record, User, UsersAddition, WckeyWish,
};
use crate::{Error, Problem, Text};
use std::sync::Arc;

impl Edit<'_> {
    /// Makes accounts where they are missing, and their associations.
    pub(super) fn add_accounts(&mut self, wanted: &AccountsAddition) -> Result<Done, Error> {
        let parent = wanted.association.parent.clone().filter(|name| !name.is_empty()).unwrap_or(ROOT);
        self.require_coordinator(&parent, "accounts")?;
        let clusters = self.clusters(&wanted.clusters);
        if let Some(unknown) = clusters.iter().find(|name| !self.books.knows_cluster(name)) {
            return Err(Problem::UnknownCluster(unknown.clone()).into());
        }
        if let Some(cluster) = clusters.iter().find(|name| self.books.account_on(name, &parent).is_none()) {
            return Err(no_parent(&parent, cluster).into());
        }
        let (mut accounts, mut associations) = (Vec::new(), Vec::new());
        for name in &wanted.accounts {
            check_name(name)?;
            if self.books.account(name).is_none() {
                let organization = if parent == ROOT { name } else { &parent };
                let account = Account {
                    name: name.clone(),
                    description: wanted.description.clone().unwrap_or_else(|| name.clone()),
                    organization: wanted.organization.clone().unwrap_or_else(|| organization.clone()),
                    life: self.born(),
                    ..Account::default()
                };
                self.put(Record::Account(Arc::new(account)));
                accounts.push(name.clone());
            }
            for cluster in &clusters {
                if self.books.account_on(cluster, name).is_none() {
                    let place = Place { cluster: cluster.clone(), account: name.clone(), ..Place::default() };
                    self.make_association(place, parent.clone(), &wanted.association)?;
                    associations.push((cluster.clone(), name.clone()));
                }
            }
        }
        if accounts.is_empty() && associations.is_empty() {
            return Ok(Done::Nothing);
        }
        Ok(Done::AddedAccounts { accounts, associations })
    }

    /// Makes users where they are missing, their associations and workload keys. Accounts and clusters that there are not
    /// are passed over.
    pub(super) fn add_users(&mut self, wanted: &UsersAddition) -> Result<Done, Error> {
        if wanted.accounts.is_empty() && wanted.wckeys.is_empty() {
            return Err(Problem::NothingToAdd.into());
        }
        self.check_adder(wanted)?;
        wanted.users.iter().try_for_each(|name| check_name(name))?;
        let (places, skipped) = self.places_of(wanted);
        let clusters = self.clusters(&wanted.clusters);
        let clusters: Vec<_> = clusters.into_iter().filter(|name| self.books.knows_cluster(name)).collect();
        // The key that is meant where none is named is one of theirs.
        let default = wanted.default_wckey.iter().filter(|name| !wanted.wckeys.contains(name));
        let keys: Vec<&Text> = wanted.wckeys.iter().chain(default).collect();
        let gains_keys = !keys.is_empty() && !clusters.is_empty();
        let (mut users, mut associations, mut wckeys) = (Vec::new(), Vec::new(), Vec::new());
        for name in &wanted.users {
            let gains = gains_keys || places.iter().any(|place| place.user == *name);
            if gains && self.books.user(name).is_none() {
                self.make_user(name, wanted, &places);
                users.push(name.clone());
            }
        }
        for place in places {
            if self.books.at(&place).is_none() {
                let wish = AssociationWish { is_default: false, ..wanted.association.clone() };
                self.make_association(place.clone(), Text::default(), &wish)?;
                associations.push(place);
            }
        }
        for (cluster, user) in
            clusters.iter().flat_map(|name| wanted.users.iter().map(move |user| (name, user)))
        {
            for name in &keys {
                let before = self.books.last.wckey;
                let (cluster, user, name) = (cluster.clone(), user.clone(), Text::clone(name));
                self.put_wckey(&WckeyWish {
                    cluster: cluster.clone(),
                    user: user.clone(),
                    name: name.clone(),
                })?;
                if self.books.last.wckey != before {
                    wckeys.push((cluster, name, user));
                }
            }
        }
        if users.is_empty() && associations.is_empty() && wckeys.is_empty() {
            return Ok(Done::Nothing);
        }
        Ok(Done::AddedUsers { users, associations, wckeys, skipped })
    }

    fn check_adder(&self, wanted: &UsersAddition) -> Result<(), Error> {
        if self.by.is_operator() {
            return Ok(());
        }
        if wanted.level.is_some() {
            return Err(Problem::OperatorsOnlyMade.into());
        }
        let accounts = || wanted.accounts.iter();
        let manages_all = accounts().all(|account| self.books.coordinates(&self.by.name, account));
        if manages_all && accounts().next().is_some() { Ok(()) } else { Err(forbidden("users")) }
    }

    /// Returns the associations that are wished for in accounts that there are, and the accounts that there are not.
    fn places_of(&self, wanted: &UsersAddition) -> (Vec<Place>, Vec<(Text, Text)>) {
        let everywhere = [Text::default()];
        let partitions: &[Text] = if wanted.partitions.is_empty() { &everywhere } else { &wanted.partitions };
        let (mut places, mut skipped) = (Vec::new(), Vec::new());
        for cluster in self.clusters(&wanted.clusters) {
            for account in &wanted.accounts {
                let Some(own) = self.books.account_on(&cluster, account) else {
                    skipped.push((account.clone(), cluster.clone()));
                    continue;
                };
                for user in &wanted.users {
                    places.extend(partitions.iter().map(|partition| Place {
                        cluster: own.place.cluster.clone(),
                        account: own.place.account.clone(),
                        user: user.clone(),
                        partition: partition.clone(),
                    }));
                }
            }
        }
        (places, skipped)
    }

    /// Makes a user. Without an account to be charged by default it is the first, as sacctmgr has it.
    fn make_user(&mut self, name: &Text, wanted: &UsersAddition, places: &[Place]) {
        let first = || places.iter().find(|place| place.user == *name).map(|place| place.account.clone());
        let user = User {
            name: name.clone(),
            level: wanted.level.unwrap_or_default(),
            default_account: wanted.default_account.clone().or_else(first).unwrap_or_default(),
            default_wckey: wanted.default_wckey.clone().unwrap_or_default(),
            life: self.born(),
        };
        self.put(Record::User(Arc::new(user)));
    }

    /// Returns the clusters that are meant: those named, or all that have accounts.
    fn clusters(&self, named: &[Text]) -> Vec<Text> {
        if !named.is_empty() {
            return named.to_vec();
        }
        let others = self.books.other_clusters().filter(|other| !other.external);
        std::iter::once(self.books.cluster.clone()).chain(others.map(|other| other.name.clone())).collect()
    }
}
