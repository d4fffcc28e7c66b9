//! Associations, one by one.

use super::{Edit, check_name, check_text, no_parent};
use crate::accounting::{Association, AssociationWish, Place, QosChoice, ROOT, Record, User, folded};
use crate::{Error, Problem, Text};
use std::sync::Arc;

/// Changes the list of an association that has one; one that has none notes what is different from the account above.
fn change_qos(association: &mut Association, more: bool, id: u32) {
    match &mut association.qos {
        Some(own) => {
            own.retain(|other| *other != id);
            if more {
                own.push(id);
            }
        }
        None => {
            association.qos_changes.retain(|(_, other)| *other != id);
            association.qos_changes.push((more, id));
        }
    }
}

impl Edit<'_> {
    /// Hands out the number of an association.
    pub(in crate::accounting) fn next_association(&mut self) -> u32 {
        self.books.last.association = self.books.last.association.saturating_add(1);
        self.books.last.association
    }

    /// Makes an association, or changes the one about the same. Of one in an account that there is not, or on a cluster
    /// that there is not, nothing comes, as in the original.
    pub(super) fn put_association(&mut self, wish: &AssociationWish) -> Result<(), Error> {
        let numbered = self.books.association(wish.id).filter(|one| !one.life.deleted).cloned();
        let place = match &numbered {
            Some(known) if wish.account.is_empty() => known.place.clone(),
            _ => Place {
                cluster: self.cluster_named(&wish.cluster),
                account: wish.account.clone(),
                user: wish.user.clone(),
                partition: wish.partition.clone(),
            },
        };
        self.require_coordinator(&place.account, "associations")?;
        if place.account.is_empty() || !self.books.knows_cluster(&place.cluster) {
            return Ok(());
        }
        [&place.account, &place.user, &place.partition]
            .into_iter()
            .try_for_each(|name| check_text("name", name))?;
        match self.books.at(&place).cloned() {
            Some(known) => self.change_association(&known, wish),
            None if place.is_account() => self.make_account_association(place, wish),
            None => self.make_user_association(place, wish),
        }
    }

    fn make_account_association(&mut self, place: Place, wish: &AssociationWish) -> Result<(), Error> {
        if self.books.account(&place.account).is_none() {
            return Ok(());
        }
        let parent = wish.parent.clone().filter(|name| !name.is_empty()).unwrap_or(ROOT);
        self.check_parent(&place, &parent)?;
        self.make_association(place, parent, wish)
    }

    fn make_user_association(&mut self, place: Place, wish: &AssociationWish) -> Result<(), Error> {
        if self.books.account_on(&place.cluster, &place.account).is_none() {
            return Ok(());
        }
        if self.books.user(&place.user).is_none() {
            let user = User { name: place.user.clone(), life: self.born(), ..User::default() };
            self.put(Record::User(Arc::new(user)));
        }
        self.make_association(place, Text::default(), wish)
    }

    /// Makes an association whose place has been looked at.
    pub(super) fn make_association(
        &mut self,
        place: Place,
        parent: Text,
        wish: &AssociationWish,
    ) -> Result<(), Error> {
        check_name(&place.account)?;
        let id = self.next_association();
        let life = self.born();
        let mut made = Association { id, place, parent, shares: 1, life, ..Association::default() };
        self.adjust(&mut made, wish)?;
        self.put(Record::Association(Arc::new(made)));
        self.make_default(id, wish);
        Ok(())
    }

    fn change_association(&mut self, known: &Arc<Association>, wish: &AssociationWish) -> Result<(), Error> {
        let mut changed = Association::clone(known);
        if let Some(parent) = wish.parent.as_ref().filter(|name| !name.is_empty())
            && changed.place.is_account()
            && folded(&changed.place.account) != ROOT
        {
            self.check_parent(&changed.place, parent)?;
            changed.parent = parent.clone();
        }
        self.adjust(&mut changed, wish)?;
        if **known != changed {
            changed.life.modified = self.now;
            self.put(Record::Association(Arc::new(changed)));
        }
        self.make_default(known.id, wish);
        Ok(())
    }

    /// Checks that an account can hang below another: that is there, and is not below it.
    fn check_parent(&self, place: &Place, parent: &Text) -> Result<(), Error> {
        let bad = || Error::from(no_parent(parent, &place.cluster));
        let above = self.books.account_on(&place.cluster, parent).ok_or_else(bad)?;
        let account = folded(&place.account);
        let is_below = self.books.line(above).any(|one| folded(&one.place.account) == account);
        if is_below { Err(bad()) } else { Ok(()) }
    }

    fn adjust(&mut self, association: &mut Association, wish: &AssociationWish) -> Result<(), Error> {
        if let Some(comment) = &wish.comment {
            check_text("comment", comment)?;
            association.comment = comment.clone();
        }
        association.shares = wish.shares.unwrap_or(association.shares);
        association.priority = wish.priority.unwrap_or(association.priority);
        if let Some(name) = &wish.default_qos {
            association.default_qos = name.as_ref().map(|name| self.qos_called(name)).transpose()?;
        }
        association.limits.change(&wish.limits);
        match &wish.qos {
            None => {}
            Some(QosChoice::These(all)) => {
                let all = all.iter().map(|name| self.qos_called(name)).collect::<Result<Vec<u32>, _>>()?;
                association.qos = (!all.is_empty()).then_some(all);
                association.qos_changes.clear();
            }
            Some(QosChoice::Changed(changes)) => {
                for (more, name) in changes {
                    let id = self.qos_called(name)?;
                    change_qos(association, *more, id);
                }
            }
        }
        if wish.default_qos.is_some() || wish.qos.is_some() {
            self.qos_moved.insert(association.id);
        }
        Ok(())
    }

    /// Checks that nobody whose list of qualities of service, or whose default, was changed is left with a default that is
    /// not open to them.
    pub(super) fn check_defaults(&mut self) -> Result<(), Error> {
        let moved = std::mem::take(&mut self.qos_moved);
        if moved.is_empty() {
            return Ok(());
        }
        // Who says nothing of it is as well off as the account above.
        let says =
            |one: &Association| one.qos.is_some() || one.default_qos.is_some() || !one.qos_changes.is_empty();
        let is_moved = |one: &Association| self.books.line(one).any(|above| moved.contains(&above.id));
        let is_left_out = |one: &Arc<Association>| {
            !one.life.deleted && says(one) && is_moved(one) && !self.books.has_its_default(one)
        };
        match self.books.associations.values().find(|one| is_left_out(one)) {
            None => Ok(()),
            Some(one) => {
                let Place { account, user, .. } = &one.place;
                let who = if user.is_empty() { account.to_string() } else { format!("{user} in {account}") };
                Err(Problem::DefaultQosClosed(Text::from(who)).into())
            }
        }
    }

    /// Returns the number of a quality of service by name or number.
    fn qos_called(&self, name: &Text) -> Result<u32, Error> {
        let found = self.books.qos_called(name).map(|qos| qos.id);
        found.ok_or_else(|| Problem::BadQos(name.clone()).into())
    }

    /// Lets an association's account be the one its user's jobs are charged to that name none.
    fn make_default(&mut self, id: u32, wish: &AssociationWish) {
        let Some(own) = self.books.association(id).filter(|own| wish.is_default && !own.place.is_account())
        else {
            return;
        };
        let (name, account) = (own.place.user.clone(), own.place.account.clone());
        self.set_default_account(&name, account);
    }

    /// Changes the account that is charged for a user who names none.
    pub(super) fn set_default_account(&mut self, name: &str, account: Text) {
        let Some(user) = self.books.user(name).filter(|user| user.default_account != account) else { return };
        let mut changed = User { default_account: account, ..User::clone(user) };
        changed.life.modified = self.now;
        self.put(Record::User(Arc::new(changed)));
    }
}
