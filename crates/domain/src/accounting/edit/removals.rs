//! Taking away. What jobs still use stays.

use super::{Done, Edit, forbidden};
use crate::accounting::record::is_same;
use crate::accounting::{
    Account, Association, AssociationFilter, Books, Qos, ROOT, Record, RecordKey, Removal, User, Wckey,
    folded,
};
use crate::{Error, Problem, Text};
use std::collections::HashSet;
use std::sync::Arc;

impl Edit<'_> {
    pub(super) fn remove(&mut self, removal: &Removal) -> Result<Done, Error> {
        match removal {
            Removal::Account(name) => self.remove_account(name),
            Removal::User(name) => self.remove_user(name),
            Removal::Qos(name) => self.remove_qos(name),
            Removal::Associations(filter) => self.remove_associations(filter),
            Removal::Association(filter) => {
                if self.matching(filter).len() > 1 {
                    return Err(Problem::AmbiguousRemoval.into());
                }
                self.remove_associations(filter)
            }
            Removal::Wckey(name) => self.remove_wckeys(|key| key.name.eq_ignore_ascii_case(name)),
            Removal::WckeysOf { user, names } => self.remove_wckeys(|key| {
                key.user.eq_ignore_ascii_case(user)
                    && names.iter().any(|name| name.eq_ignore_ascii_case(&key.name))
            }),
            Removal::Cluster(name) => self.remove_cluster(name),
        }
    }

    fn remove_account(&mut self, name: &Text) -> Result<Done, Error> {
        self.require_operator("accounts")?;
        let Some(account) = self.books.account(name).cloned() else { return Ok(Done::Nothing) };
        if folded(name) == ROOT {
            return Err(Problem::RootAccount.into());
        }
        let own = self.below(&[folded(name)].into());
        self.drop_associations(&own)?;
        self.drop_account(&account);
        Ok(Done::Removed(vec![account.name.clone()]))
    }

    fn remove_user(&mut self, name: &Text) -> Result<Done, Error> {
        let own: Vec<Arc<Association>> = self.books.of_user(name).cloned().collect();
        let manages_all = !own.is_empty()
            && own.iter().all(|one| self.books.coordinates(&self.by.name, &one.place.account));
        if !self.by.is_operator() && !manages_all {
            return Err(forbidden("users"));
        }
        let Some(user) = self.books.user(name).cloned() else { return Ok(Done::Nothing) };
        self.drop_associations(&own)?;
        for wckey in self.wckeys_of(name) {
            self.drop_wckey(&wckey);
        }
        self.replace_coordinator(&user.name, None);
        self.drop_user(&user);
        Ok(Done::Removed(vec![user.name.clone()]))
    }

    fn remove_qos(&mut self, name: &Text) -> Result<Done, Error> {
        self.require_operator("qualities of service")?;
        let Some(qos) = self.books.qos_called(name).cloned() else { return Ok(Done::Nothing) };
        if (self.work)().qos.contains(&folded(&qos.name)) {
            return Err(Problem::JobsActive.into());
        }
        let names_it = |one: &&Arc<Association>| {
            one.default_qos == Some(qos.id)
                || one.qos.as_ref().is_some_and(|all| all.contains(&qos.id))
                || one.qos_changes.iter().any(|(_, id)| *id == qos.id)
        };
        let named: Vec<_> = self.books.associations.values().filter(names_it).cloned().collect();
        for association in named {
            let mut changed = Association::clone(&association);
            changed.default_qos = changed.default_qos.filter(|id| *id != qos.id);
            if let Some(all) = &mut changed.qos {
                all.retain(|id| *id != qos.id);
            }
            changed.qos_changes.retain(|(_, id)| *id != qos.id);
            self.put(Record::Association(Arc::new(changed)));
        }
        let preempts = |other: &&Arc<Qos>| other.may_preempt(&qos.name);
        let others: Vec<_> = self.books.qos.values().filter(preempts).cloned().collect();
        for other in others {
            let mut changed = Qos::clone(&other);
            changed.preempt.retain(|name| !name.eq_ignore_ascii_case(&qos.name));
            self.put(Record::Qos(Arc::new(changed)));
        }
        match self.ended(qos.life) {
            Some(life) => self.put(Record::Qos(Arc::new(Qos { life, ..Qos::clone(&qos) }))),
            None => {
                Arc::make_mut(&mut self.books.qos).remove(&qos.id);
                self.touched.insert(RecordKey::Qos(qos.id));
            }
        }
        Ok(Done::Removed(vec![qos.name.clone()]))
    }

    /// Returns the living associations that pass and that the caller may take away, in the order of the tree.
    fn matching(&self, filter: &AssociationFilter) -> Vec<Arc<Association>> {
        let filter = AssociationFilter { with_deleted: false, ..filter.clone() };
        let may = |account: &str| self.by.is_operator() || self.books.coordinates(&self.by.name, account);
        let passes = |one: &Association| filter.passes(&self.books, one) && may(&one.place.account);
        self.books.in_order(passes).into_iter().map(|(_, one)| Arc::clone(one)).collect()
    }

    fn remove_associations(&mut self, filter: &AssociationFilter) -> Result<Done, Error> {
        let named = self.matching(filter);
        if named.is_empty() {
            return match self.by.is_operator() {
                true => Ok(Done::Nothing),
                false => Ok(Done::RemovedAssociations(Vec::new())),
            };
        }
        // Without any condition the original would try to take everything away.
        if filter.is_open() {
            return Err(Problem::AmbiguousRemoval.into());
        }
        let accounts: HashSet<Text> =
            named.iter().filter(|one| one.place.is_account()).map(|one| folded(&one.place.account)).collect();
        if accounts.contains(&ROOT) {
            return Err(Problem::RootAccount.into());
        }
        let known: HashSet<u32> = named.iter().map(|one| one.id).collect();
        let mut all = named.clone();
        all.extend(self.below(&accounts).into_iter().filter(|more| !known.contains(&more.id)));
        self.drop_associations(&all)?;
        // Whose account it is is told with the account; what hung below it goes with it.
        Ok(Done::RemovedAssociations(named))
    }

    fn remove_wckeys(&mut self, is_meant: impl Fn(&Wckey) -> bool) -> Result<Done, Error> {
        self.require_operator("workload keys")?;
        let gone: Vec<Arc<Wckey>> = self
            .books
            .wckeys()
            .into_iter()
            .filter(|wckey| !wckey.life.deleted && is_meant(wckey))
            .cloned()
            .collect();
        gone.iter().for_each(|wckey| self.drop_wckey(wckey));
        Ok(Done::RemovedWckeys(gone))
    }

    fn remove_cluster(&mut self, name: &Text) -> Result<Done, Error> {
        self.require_operator("clusters")?;
        if folded(name) == folded(&self.books.cluster) {
            return Err(Problem::Unsupported(Text::const_new("forgetting the cluster itself")).into());
        }
        let Some(record) = self.books.clusters.get(&folded(name)).cloned() else { return Ok(Done::Nothing) };
        let filter = AssociationFilter { clusters: vec![name.clone()], ..AssociationFilter::default() };
        let own = self.matching(&filter);
        self.drop_associations(&own)?;
        Arc::make_mut(&mut self.books.clusters).remove(&folded(name));
        self.touched.insert(RecordKey::Cluster(folded(name)));
        Ok(Done::Removed(vec![record.name.clone()]))
    }

    /// Returns every living association in these accounts and in those below them.
    fn below(&self, accounts: &HashSet<Text>) -> Vec<Arc<Association>> {
        if accounts.is_empty() {
            return Vec::new();
        }
        let is_in = |one: &Association| {
            !one.life.deleted
                && self.books.line(one).any(|above| accounts.contains(&folded(&above.place.account)))
        };
        self.books.associations.values().filter(|one| is_in(one)).cloned().collect()
    }

    fn drop_associations(&mut self, all: &[Arc<Association>]) -> Result<(), Error> {
        if all.is_empty() {
            return Ok(());
        }
        let running = (self.work)().running;
        let is_used = |one: &Arc<Association>| {
            let (account, user) = (folded(&one.place.account), folded(&one.place.user));
            one.place.cluster == self.books.cluster && running.contains(&(account, user))
        };
        if all.iter().any(is_used) {
            return Err(Problem::JobsActive.into());
        }
        for one in all {
            match self.ended(one.life) {
                Some(life) => {
                    self.put(Record::Association(Arc::new(Association { life, ..Association::clone(one) })));
                }
                None => {
                    self.books.drop_association(one.id);
                    self.touched.insert(RecordKey::Association(one.id));
                }
            }
        }
        Ok(())
    }

    fn drop_account(&mut self, account: &Arc<Account>) {
        match self.ended(account.life) {
            Some(life) => self.put(Record::Account(Arc::new(Account { life, ..Account::clone(account) }))),
            None => {
                let name = folded(&account.name);
                self.books.accounts.take(&name);
                self.touched.insert(RecordKey::Account(name));
            }
        }
    }

    pub(super) fn drop_user(&mut self, user: &Arc<User>) {
        match self.ended(user.life) {
            Some(life) => self.put(Record::User(Arc::new(User { life, ..User::clone(user) }))),
            None => {
                let name = folded(&user.name);
                self.books.users.take(&name);
                self.touched.insert(RecordKey::User(name));
            }
        }
    }

    pub(super) fn drop_wckey(&mut self, wckey: &Arc<Wckey>) {
        match self.ended(wckey.life) {
            Some(life) => self.put(Record::Wckey(Arc::new(Wckey { life, ..Wckey::clone(wckey) }))),
            None => {
                let (cluster, user, name) = crate::accounting::books::wckey_place(wckey);
                self.books.wckeys.take(&(cluster.clone(), user.clone(), name.clone()));
                self.touched.insert(RecordKey::Wckey(cluster, user, name));
            }
        }
    }
}

impl AssociationFilter {
    /// Tells whether an association is meant.
    pub fn passes(&self, books: &Books, one: &Association) -> bool {
        let place = &one.place;
        let has = |names: &[Text], name: &Text| {
            names.is_empty() || names.iter().any(|wanted| is_same(wanted, name))
        };
        let in_account = || {
            has(&self.accounts, &place.account)
                || self.sub_accounts && books.line(one).any(|above| has(&self.accounts, &above.place.account))
        };
        let allows = || {
            let allowed = books.allowed_qos(one);
            self.qos.is_empty() || self.qos.iter().any(|id| allowed.contains(id))
        };
        let by_default = || {
            let own = books.default_qos(one).map(|qos| qos.id);
            self.default_qos.is_empty() || own.is_some_and(|id| self.default_qos.contains(&id))
        };
        (self.with_deleted || !one.life.deleted)
            && (self.ids.is_empty() || self.ids.contains(&one.id))
            && has(&self.users, &place.user)
            && has(&self.clusters, &place.cluster)
            && has(&self.partitions, &place.partition)
            && has(&self.parents, &one.parent)
            && in_account()
            && allows()
            && by_default()
            && (!self.only_defaults || books.is_default(one))
    }
}
