//! Changing the books of accounting: what somebody wishes, what jobs bring along, and users as they were kept before
//! there were books.

use super::JobService;
use super::chronicle::deeds;
use super::ledger::Ledger;
use crate::accounting::{
    AccountsAddition, AssociationFilter, Done, Edit, RecordKey, Removal, UserWish, UsersAddition, WckeyWish,
    Wish, Work, folded,
};
use crate::job::Job;
use crate::who::{AdminLevel, Membership, Principal};
use crate::{Error, Problem, Text};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why wishes were not carried out: which of them, counted from zero, and what is wrong with it.
pub type Unfulfilled = (usize, Error);

impl Ledger<'_> {
    /// Carries out all wishes, or none.
    pub(super) fn account(&mut self, by: &Principal, wishes: &[Wish]) -> Result<Vec<Done>, Unfulfilled> {
        let (books, touched, done) = {
            let work = || work_of(self.state().jobs().iter());
            let mut edit = Edit::open(self.cluster().books.clone(), by, self.now, &work);
            let mut done = Vec::with_capacity(wishes.len());
            for (at, wish) in wishes.iter().enumerate() {
                done.push(edit.apply(wish).map_err(|error| (at, error))?);
            }
            let (books, touched) = edit.close();
            (books, touched, done)
        };
        let done_in = deeds((&self.cluster().books, &books), &touched, by, self.now);
        self.note_deeds(done_in);
        self.take_over(books, touched);
        Ok(done)
    }

    fn take_over(&mut self, books: crate::accounting::Books, touched: BTreeSet<RecordKey>) {
        if !touched.is_empty() {
            self.put_books(books, touched);
        }
    }

    /// Makes the workload key of a new job known, and with a user's first one the empty one that stands for none.
    pub(super) fn keep_wckey(&mut self, job: &Job) {
        let books = &self.cluster().books;
        let (owner, key) = (&job.spec.owner.name, &job.spec.wckey);
        let is_wanted = self.cluster().limits.track_wckeys && !key.is_empty() && books.user(owner).is_some();
        if !is_wanted || books.wckey(owner, key).is_some() {
            return;
        }
        let service =
            Principal { name: Text::default(), uid: None, gid: None, level: AdminLevel::Administrator };
        let wish = |name: Text| WckeyWish { user: owner.clone(), name, ..WckeyWish::default() };
        let wishes = [Wish::Wckeys(vec![wish(Text::default()), wish(key.clone())])];
        // Names that cannot be kept are those of nobody in the books.
        if let Err((_, error)) = self.account(&service, &wishes) {
            tracing::warn!(job.id = job.id.0, %error, "the workload key is not kept");
        }
    }

    /// Takes in a user with just these accounts; those that there are not are made.
    pub(super) fn remember_member(&mut self, by: &Principal, member: Membership) -> Result<(), Error> {
        require_administrator(by)?;
        if member.name.is_empty() || member.name.len() > 256 {
            return Err(Problem::BadField(Text::const_new("name")).into());
        }
        let known = self.cluster().books.membership(&member.name).unwrap_or_default();
        let mut accounts = member.accounts.clone();
        if !member.default_account.is_empty() && !accounts.contains(&member.default_account) {
            accounts.insert(0, member.default_account.clone());
        }
        let here = vec![self.cluster().books.cluster().clone()];
        let lost: Vec<Text> =
            known.accounts.iter().filter(|name| !accounts.contains(name)).cloned().collect();
        let user = UserWish {
            name: member.name.clone(),
            level: Some(member.level),
            default_account: Some(member.default_account.clone()),
            ..UserWish::default()
        };
        let mut wishes = vec![Wish::Users(vec![user])];
        if !accounts.is_empty() {
            wishes.push(Wish::AddAccounts(Box::new(AccountsAddition {
                accounts: accounts.clone(),
                clusters: here.clone(),
                ..AccountsAddition::default()
            })));
            wishes.push(Wish::AddUsers(Box::new(UsersAddition {
                users: vec![member.name.clone()],
                accounts,
                clusters: here.clone(),
                ..UsersAddition::default()
            })));
        }
        if !lost.is_empty() {
            wishes.push(Wish::Remove(Removal::Associations(AssociationFilter {
                accounts: lost,
                clusters: here,
                users: vec![member.name],
                ..AssociationFilter::default()
            })));
        }
        self.account(by, &wishes).map(|_| ()).map_err(|(_, error)| error)
    }

    /// Forgets a user.
    pub(super) fn forget_member(&mut self, by: &Principal, name: Text) -> Result<(), Error> {
        require_administrator(by)?;
        match self.account(by, &[Wish::Remove(Removal::User(name.clone()))]) {
            Ok(done) if done == [Done::Nothing] => Err(Problem::UnknownUser(name).into()),
            Ok(_) => Ok(()),
            Err((_, error)) => Err(error),
        }
    }
}

/// Tells what jobs there are.
fn work_of<'a>(jobs: impl Iterator<Item = &'a Arc<Job>>) -> Work {
    let mut work = Work::default();
    for job in jobs.filter(|job| !job.is_final()) {
        work.qos.insert(folded(&job.spec.qos));
        if job.held_resources().is_some() {
            work.running.insert((folded(&job.spec.account), folded(&job.spec.owner.name)));
        }
    }
    work
}

impl JobService {
    /// Says what would become of wishes by what is known now, and changes nothing.
    ///
    /// # Errors
    /// Which wish could not be carried out, and why.
    pub fn rehearse_account(&self, by: &Principal, wishes: &[Wish]) -> Result<Vec<Done>, Unfulfilled> {
        let snapshot = self.snapshot();
        let work = || work_of(snapshot.jobs.iter());
        let mut edit = Edit::open(snapshot.cluster.books.clone(), by, self.clock().now(), &work);
        let numbered = wishes.iter().enumerate();
        numbered.map(|(at, wish)| edit.apply(wish).map_err(|error| (at, error))).collect()
    }
}

fn require_administrator(by: &Principal) -> Result<(), Error> {
    if by.is_administrator() { Ok(()) } else { Err(Problem::OperatorOnly(Text::const_new("users")).into()) }
}

/// Brings what the store and the configuration know of before there were books into these.
pub(super) fn open_books(
    cluster: &mut crate::cluster::Cluster,
    saved: &mut crate::ports::Saved,
    now: crate::Timestamp,
) -> (BTreeSet<RecordKey>, Vec<Text>) {
    use crate::accounting::{Books, Configured};
    let configured = Arc::clone(cluster.books.configuration());
    let mut books = Books::restored(&cluster.name, std::mem::take(&mut saved.books), saved.last_numbers);
    let members = std::mem::take(&mut saved.members);
    let names = members.iter().map(|member| member.name.clone()).collect();
    let mut touched = BTreeSet::new();
    if !members.is_empty() {
        touched = books.import(&Configured { users: members, ..Configured::default() }, now);
    }
    touched.extend(books.reconfigure(&configured, now));
    cluster.books = books;
    (touched, names)
}
