//! Clusters, accounts, users and workload keys.

use super::{Edit, check_name, check_text, forbidden};
use crate::accounting::{
    Account, AccountWish, Association, ClusterRecord, ClusterWish, NORMAL, Place, ROOT, Record, User,
    UserWish, Wckey, WckeyWish, folded,
};
use crate::who::AdminLevel;
use crate::{Error, Problem, Text};
use std::sync::Arc;

impl Edit<'_> {
    /// Makes a cluster known, with the root of its own tree; the one that is served is known.
    pub(super) fn put_cluster(&mut self, wish: &ClusterWish) -> Result<(), Error> {
        self.require_operator("clusters")?;
        check_name(&wish.name)?;
        let name = folded(&wish.name);
        let is_there = self.books.clusters.get(&name).is_some_and(|record| record.external == wish.external);
        if is_there || name == folded(&self.books.cluster) {
            return Ok(());
        }
        let record = ClusterRecord { name: wish.name.clone(), external: wish.external, life: self.born() };
        self.put(Record::Cluster(Arc::new(record)));
        if !wish.external && self.books.account_on(&wish.name, &ROOT).is_none() {
            self.put_root(&wish.name);
        }
        Ok(())
    }

    /// Makes the association above all others of a cluster.
    pub(in crate::accounting) fn put_root(&mut self, cluster: &Text) {
        let place = Place { cluster: cluster.clone(), account: ROOT, ..Place::default() };
        let id = self.next_association();
        self.put(Record::Association(Arc::new(Association {
            id,
            place,
            shares: 1,
            qos: Some(vec![NORMAL]),
            life: self.born(),
            ..Association::default()
        })));
    }

    /// Makes an account, or changes the one of that name.
    pub(super) fn put_account(&mut self, wish: &AccountWish) -> Result<(), Error> {
        self.require_operator("accounts")?;
        check_name(&wish.name)?;
        check_text("description", &wish.description)?;
        check_text("organization", &wish.organization)?;
        let coordinators = || wish.coordinators.iter().flatten();
        if let Some(stranger) = coordinators().find(|name| self.books.user(name).is_none()) {
            return Err(Problem::UnknownUser(stranger.clone()).into());
        }
        let before = self.books.account(&wish.name).cloned();
        let mut account = match &before {
            Some(before) => Account::clone(before),
            None => Account { name: wish.name.clone(), life: self.born(), ..Account::default() },
        };
        account.description = wish.description.clone();
        account.organization = wish.organization.clone();
        if let Some(coordinators) = &wish.coordinators {
            account.coordinators = coordinators.clone();
        }
        account.users_are_coordinators = wish.users_are_coordinators.or(account.users_are_coordinators);
        if before.is_none_or(|before| *before != account) {
            account.life.modified = self.now;
            self.put(Record::Account(Arc::new(account)));
        }
        Ok(())
    }

    /// Makes a user, or changes or renames one.
    pub(super) fn put_user(&mut self, wish: &UserWish) -> Result<(), Error> {
        if wish.name.is_empty() && wish.old_name.is_empty() {
            return Err(Problem::AmbiguousChange.into());
        }
        if !wish.old_name.is_empty() && folded(&wish.old_name) != folded(&wish.name) {
            self.rename_user(&wish.old_name, &wish.name)?;
        }
        check_name(&wish.name)?;
        self.check_level(wish.level)?;
        let before = self.books.user(&wish.name).cloned();
        let may = match &before {
            Some(_) => self.by.is_operator(),
            // Who manages any account may make users for it.
            None => self.by.is_operator() || self.books.coordinates_any(&self.by.name),
        };
        if !may {
            return Err(forbidden("users"));
        }
        let mut user = match &before {
            Some(before) => User::clone(before),
            None => User { name: wish.name.clone(), life: self.born(), ..User::default() },
        };
        user.level = wish.level.unwrap_or(user.level);
        if let Some(account) = &wish.default_account {
            user.default_account = account.clone();
        }
        if let Some(wckey) = &wish.default_wckey {
            user.default_wckey = wckey.clone();
        }
        if before.is_none_or(|before| *before != user) {
            user.life.modified = self.now;
            self.put(Record::User(Arc::new(user)));
        }
        for (cluster, name) in &wish.wckeys {
            let (cluster, user) = (cluster.clone(), wish.name.clone());
            self.put_wckey(&WckeyWish { cluster, user, name: name.clone() })?;
        }
        Ok(())
    }

    /// Nobody gives what they do not have.
    pub(super) fn check_level(&self, level: Option<AdminLevel>) -> Result<(), Error> {
        match level {
            Some(level) if level > AdminLevel::None && !self.by.is_operator() => Err(forbidden("users")),
            _ => Ok(()),
        }
    }

    fn rename_user(&mut self, old: &Text, new: &Text) -> Result<(), Error> {
        self.require_operator("users")?;
        check_name(new)?;
        let before = self.books.user(old).cloned().ok_or_else(|| Problem::UnknownUser(old.clone()))?;
        if self.books.user(new).is_some() {
            return Err(Problem::BadField(Text::const_new("name")).into());
        }
        let own: Vec<_> = self.books.of_user(old).cloned().collect();
        for association in own {
            let mut moved = Association::clone(&association);
            moved.place.user = new.clone();
            moved.life.modified = self.now;
            self.put(Record::Association(Arc::new(moved)));
        }
        for wckey in self.wckeys_of(old) {
            self.drop_wckey(&wckey);
            let moved = Wckey { user: new.clone(), ..Wckey::clone(&wckey) };
            self.put(Record::Wckey(Arc::new(moved)));
        }
        self.replace_coordinator(old, Some(new));
        self.drop_user(&before);
        let mut user = User { name: new.clone(), ..User::clone(&before) };
        user.life.modified = self.now;
        self.put(Record::User(Arc::new(user)));
        Ok(())
    }

    /// Puts another in the place of a coordinator everywhere, or nobody.
    pub(super) fn replace_coordinator(&mut self, old: &str, new: Option<&Text>) {
        let has = |account: &&Arc<Account>| account.coordinators.iter().any(|name| name == old);
        let accounts: Vec<_> = self.books.accounts.values().filter(has).cloned().collect();
        for account in accounts {
            let mut changed = Account::clone(&account);
            let at = changed.coordinators.iter().position(|name| name == old);
            match (at, new) {
                (Some(at), Some(new)) => changed.coordinators[at] = new.clone(),
                (Some(at), None) => {
                    changed.coordinators.remove(at);
                }
                (None, _) => {}
            }
            changed.life.modified = self.now;
            self.put(Record::Account(Arc::new(changed)));
        }
    }

    /// Makes a workload key; of one that is there, or on a cluster that is not, nothing comes.
    pub(in crate::accounting) fn put_wckey(&mut self, wish: &WckeyWish) -> Result<(), Error> {
        check_text("name", &wish.name)?;
        check_text("user", &wish.user)?;
        let cluster = self.cluster_named(&wish.cluster);
        let place = (folded(&cluster), folded(&wish.user), folded(&wish.name));
        let is_there = self.books.wckeys.get(&place).is_some_and(|wckey| !wckey.life.deleted);
        if is_there || !self.books.knows_cluster(&cluster) {
            return Ok(());
        }
        self.books.last.wckey = self.books.last.wckey.saturating_add(1);
        let id = self.books.last.wckey;
        let (user, name) = (wish.user.clone(), wish.name.clone());
        self.put(Record::Wckey(Arc::new(Wckey { id, cluster, user, name, life: self.born() })));
        Ok(())
    }

    pub(super) fn wckeys_of(&self, user: &str) -> Vec<Arc<Wckey>> {
        let own = self
            .books
            .wckeys
            .values()
            .filter(|wckey| !wckey.life.deleted && wckey.user.eq_ignore_ascii_case(user));
        own.cloned().collect()
    }
}
