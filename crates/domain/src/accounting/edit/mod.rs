//! Changing the books: a wish is carried out on a copy, which takes the place of the books if all of it could be.

mod additions;
mod associations;
mod entities;
mod qualities;
mod removals;

use super::{Association, Books, Life, Record, RecordKey, Wckey, Wish};
use crate::who::Principal;
use crate::{Error, ParentAccount, Problem, Text, Timestamp};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// What was deleted within so much time after it was made leaves no trace, as in the original.
const YOUNG: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest name or text, bytes.
const MOST_TEXT: usize = 4096;

/// What jobs there are, as far as it keeps something from being deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Account and user, folded, of jobs that hold resources.
    pub running: HashSet<(Text, Text)>,
    /// Qualities of service, folded, of jobs that wait or run.
    pub qos: HashSet<Text>,
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// There was nothing to do.
    Nothing,
    /// Done.
    Changed,
    /// Accounts were made, or associations of accounts.
    AddedAccounts {
        /// Accounts that are new.
        accounts: Vec<Text>,
        /// New associations: cluster and account.
        associations: Vec<(Text, Text)>,
    },
    /// Users were made, or associations or workload keys of users.
    AddedUsers {
        /// Users that are new.
        users: Vec<Text>,
        /// New associations.
        associations: Vec<super::Place>,
        /// New workload keys: cluster, key and user.
        wckeys: Vec<(Text, Text, Text)>,
        /// Accounts that are not on a cluster: account and cluster.
        skipped: Vec<(Text, Text)>,
    },
    /// Taken away: names of accounts, users, qualities of service or clusters.
    Removed(Vec<Text>),
    /// Associations were taken away.
    RemovedAssociations(Vec<Arc<Association>>),
    /// Workload keys were taken away.
    RemovedWckeys(Vec<Arc<Wckey>>),
}

/// Books while they are changed.
pub struct Edit<'a> {
    /// The books as they are so far.
    pub books: Books,
    touched: BTreeSet<RecordKey>,
    /// Associations for which it was said which qualities of service are open to them, or is their default.
    qos_moved: HashSet<u32>,
    by: &'a Principal,
    now: Timestamp,
    work: &'a dyn Fn() -> Work,
}

impl<'a> Edit<'a> {
    /// Opens the books for somebody. `work` says what jobs there are, and is asked only where it matters.
    pub fn open(books: Books, by: &'a Principal, now: Timestamp, work: &'a dyn Fn() -> Work) -> Self {
        Edit { books, touched: BTreeSet::new(), qos_moved: HashSet::new(), by, now, work }
    }

    /// Returns the books and what of them has changed.
    pub fn close(self) -> (Books, BTreeSet<RecordKey>) {
        (self.books, self.touched)
    }

    /// Carries out a wish. After an error the books must be thrown away.
    ///
    /// # Errors
    /// What is wrong with it, or what the caller may not do.
    pub fn apply(&mut self, wish: &Wish) -> Result<Done, Error> {
        let done = self.carry_out(wish)?;
        self.check_defaults()?;
        Ok(done)
    }

    fn carry_out(&mut self, wish: &Wish) -> Result<Done, Error> {
        match wish {
            Wish::Clusters(all) => self.each(all, Self::put_cluster),
            Wish::Accounts(all) => self.each(all, Self::put_account),
            Wish::Users(all) => self.each(all, Self::put_user),
            Wish::Qos(all) => self.each(all, Self::put_qos),
            Wish::Wckeys(all) => {
                self.require_operator("workload keys")?;
                self.each(all, Self::put_wckey)
            }
            Wish::Associations(all) => self.each(all, Self::put_association),
            Wish::AddAccounts(addition) => self.add_accounts(addition),
            Wish::AddUsers(addition) => self.add_users(addition),
            Wish::Remove(removal) => self.remove(removal),
        }
    }

    fn each<T>(
        &mut self,
        all: &[T],
        put: impl Fn(&mut Self, &T) -> Result<(), Error>,
    ) -> Result<Done, Error> {
        let before = self.touched.len();
        all.iter().try_for_each(|one| put(self, one))?;
        Ok(if self.touched.len() > before { Done::Changed } else { Done::Nothing })
    }

    fn require_operator(&self, what: &'static str) -> Result<(), Error> {
        if self.by.is_operator() { Ok(()) } else { Err(forbidden(what)) }
    }

    /// Operators, and those who manage the account, may go on.
    fn require_coordinator(&self, account: &str, what: &'static str) -> Result<(), Error> {
        let may = self.by.is_operator() || self.books.coordinates(&self.by.name, account);
        if may { Ok(()) } else { Err(forbidden(what)) }
    }

    /// Returns the cluster that a name stands for: the one that is served where none is given.
    fn cluster_named(&self, name: &Text) -> Text {
        if name.is_empty() { self.books.cluster.clone() } else { name.clone() }
    }

    /// Puts a record into the books and remembers that it has changed.
    fn put(&mut self, record: Record) {
        self.touched.insert(record.key());
        self.books.take_in(record);
    }

    /// The same for who brings in what others decided.
    pub(super) fn put_record(&mut self, record: Record) {
        self.put(record);
    }

    /// Returns the life of what is made now.
    pub(super) fn life(&self) -> Life {
        self.born()
    }

    fn born(&self) -> Life {
        Life { created: self.now, modified: self.now, deleted: false }
    }

    /// Returns the life of a record that is deleted; `None` if nothing of it need be kept.
    fn ended(&self, life: Life) -> Option<Life> {
        let is_old = self.now.since(life.created) >= YOUNG;
        is_old.then_some(Life { modified: self.now, deleted: true, ..life })
    }
}

fn forbidden(what: &'static str) -> Error {
    Problem::OperatorOnly(Text::const_new(what)).into()
}

/// Checks that a name can be one.
fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Problem::NoName.into());
    }
    check_text("name", name)
}

fn check_text(field: &'static str, text: &str) -> Result<(), Error> {
    if text.len() > MOST_TEXT { Err(Problem::TooLong(Text::const_new(field)).into()) } else { Ok(()) }
}

fn no_parent(account: &Text, cluster: &Text) -> Problem {
    Problem::NoParentAccount(ParentAccount { account: account.clone(), cluster: cluster.clone() })
}
