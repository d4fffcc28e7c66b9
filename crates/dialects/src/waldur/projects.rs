//! Projects and customers: the accounts of accounting, each below the account next to the root; and for each user one of
//! their own, for jobs that no account is charged for.

use super::names::Names;
use crate::ids::Kind;
use domain::accounting::{Books, ROOT};
use domain::job::Job;
use domain::ports::Directory;
use domain::state::Snapshot;
use domain::who::Principal;
use domain::{Text, Timestamp, Uid};
use std::collections::BTreeMap;

/// What a job is charged to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Charge {
    /// An account, by its name in the books.
    Account(Text),
    /// Nothing but its owner.
    Own(Uid),
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Project {
    /// What it stands for.
    pub(super) charge: Charge,
    /// Its name here.
    pub(super) id: u128,
    /// Its name for people.
    pub(super) name: Text,
    /// What it is for, in words.
    pub(super) description: Text,
    /// Since when it is known.
    pub(super) created: Timestamp,
    /// Whose it is.
    pub(super) customer: Customer,
}

/// A customer: the account above all others of a project, or a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Customer {
    /// Its name here.
    pub(super) id: u128,
    /// Its name for people.
    pub(super) name: Text,
    /// What it is, in words.
    pub(super) description: Text,
    /// Since when it is known.
    pub(super) created: Timestamp,
}

/// Where projects are looked up.
pub(super) struct Realm<'a> {
    pub(super) names: &'a Names,
    pub(super) snapshot: &'a Snapshot,
    pub(super) directory: &'a dyn Directory,
}

impl Realm<'_> {
    fn books(&self) -> &Books {
        &self.snapshot.cluster.books
    }

    /// Returns what a job is charged to. An account that the books do not know is nobody's project.
    pub(super) fn charge_of(&self, job: &Job) -> Charge {
        self.charge(&job.spec.account, job.spec.owner.uid)
    }

    fn charge(&self, account: &str, owner: Uid) -> Charge {
        match self.books().account(account) {
            Some(known) if !account.is_empty() && known.name != ROOT => Charge::Account(known.name.clone()),
            _ => Charge::Own(owner),
        }
    }

    /// Describes the project of a charge.
    pub(super) fn project(&self, charge: &Charge) -> Project {
        match charge {
            Charge::Account(name) => {
                let account = self.books().account(name);
                Project {
                    charge: charge.clone(),
                    id: self.names.named("project", name),
                    name: name.clone(),
                    description: account.map(|account| account.description.clone()).unwrap_or_default(),
                    created: account.map_or(Timestamp::EPOCH, |account| account.life.created),
                    customer: self.customer_of(name),
                }
            }
            Charge::Own(uid) => {
                let name = self.user_name(*uid);
                let customer = Customer {
                    id: self.names.ids.of_number(Kind::OwnCustomer, uid.0),
                    name: name.clone(),
                    description: Text::default(),
                    created: Timestamp::EPOCH,
                };
                Project {
                    charge: charge.clone(),
                    id: self.names.ids.of_number(Kind::OwnProject, uid.0),
                    name,
                    description: Text::default(),
                    created: Timestamp::EPOCH,
                    customer,
                }
            }
        }
    }

    /// Returns a user's name, or the number of one whom nobody knows any more.
    pub(super) fn user_name(&self, uid: Uid) -> Text {
        let person = self.directory.person_by_uid(uid);
        person.map_or_else(|| Text::from(uid.to_string()), |person| person.name)
    }

    /// Describes the customer of an account: the account below the root in its line.
    fn customer_of(&self, account: &Text) -> Customer {
        let books = self.books();
        let own = books.account_on(books.cluster(), account);
        let line = own.into_iter().flat_map(|own| books.line(own)).map(|one| &one.place.account);
        let top = line.filter(|name| **name != ROOT).last().unwrap_or(account);
        let record = books.account(top);
        let name = record.map_or(top, |record| &record.name);
        Customer {
            id: self.names.named("customer", name),
            name: name.clone(),
            description: record.map(|record| record.description.clone()).unwrap_or_default(),
            created: record.map_or(Timestamp::EPOCH, |record| record.life.created),
        }
    }

    /// Returns the names of the accounts whose projects a user is in: those that may be charged, and those that the user
    /// manages.
    pub(super) fn accounts_of(&self, user: &str) -> Vec<Text> {
        let books = self.books();
        let own = books.of_user(user).filter(|own| own.place.cluster == *books.cluster());
        let mut names: Vec<Text> = own
            .filter_map(|own| books.account(&own.place.account))
            .map(|account| account.name.clone())
            .collect();
        if books.coordinates_any(user) {
            let managed = books.accounts().into_iter().filter(|account| !account.life.deleted);
            names.extend(
                managed
                    .filter(|account| books.coordinates(user, &account.name))
                    .map(|account| account.name.clone()),
            );
        }
        names.retain(|name| *name != ROOT);
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the charges of all projects that somebody sees, by their names: operators see all, others theirs, and who is
    /// in none has one alone.
    fn seen(&self, by: &Principal) -> Vec<Charge> {
        let accounts = match by.is_operator() {
            true => {
                let all = self.books().accounts();
                let living = all.into_iter().filter(|account| !account.life.deleted && account.name != ROOT);
                living.map(|account| account.name.clone()).collect()
            }
            false => self.accounts_of(&by.name),
        };
        let mut charges: Vec<Charge> = accounts.into_iter().map(Charge::Account).collect();
        let is_in_none = charges.is_empty() || by.is_operator() && self.accounts_of(&by.name).is_empty();
        charges.extend(by.uid.filter(|_| is_in_none).map(Charge::Own));
        charges
    }

    /// Returns the projects that somebody sees.
    pub(super) fn projects(&self, by: &Principal) -> Vec<Project> {
        self.seen(by).iter().map(|charge| self.project(charge)).collect()
    }

    /// Returns the customers that somebody sees, by their names.
    pub(super) fn customers(&self, by: &Principal) -> Vec<Customer> {
        let mut customers = BTreeMap::new();
        for project in self.projects(by) {
            customers.insert(project.customer.name.clone(), project.customer);
        }
        customers.into_values().collect()
    }

    /// Tells whether somebody sees the project of a charge.
    pub(super) fn sees(&self, by: &Principal, charge: &Charge) -> bool {
        if by.is_operator() {
            return true;
        }
        match charge {
            Charge::Own(uid) => by.uid == Some(*uid),
            Charge::Account(name) => {
                self.books().is_in(&by.name, name) || self.books().coordinates(&by.name, name)
            }
        }
    }

    /// Finds the project of a name, if somebody sees it.
    pub(super) fn find_project(&self, by: &Principal, id: u128) -> Option<Project> {
        if let Some(uid) = self.names.ids.read_number(Kind::OwnProject, id) {
            let charge = Charge::Own(Uid(uid));
            let is_known = self.directory.person_by_uid(Uid(uid)).is_some();
            return (is_known && self.sees(by, &charge)).then(|| self.project(&charge));
        }
        let charges = self.seen(by);
        let is_meant = |charge: &&Charge| match charge {
            Charge::Account(name) => self.names.named("project", name) == id,
            Charge::Own(_) => false,
        };
        charges.iter().find(is_meant).map(|charge| self.project(charge))
    }

    /// Finds the customer of a name, if somebody sees one of its projects.
    pub(super) fn find_customer(&self, by: &Principal, id: u128) -> Option<Customer> {
        if let Some(uid) = self.names.ids.read_number(Kind::OwnCustomer, id) {
            let charge = Charge::Own(Uid(uid));
            let is_known = self.directory.person_by_uid(Uid(uid)).is_some();
            return (is_known && self.sees(by, &charge)).then(|| self.project(&charge).customer);
        }
        self.customers(by).into_iter().find(|customer| customer.id == id)
    }
}
