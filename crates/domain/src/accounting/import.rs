//! What the configuration brings into the books: accounts, users and qualities of service, each once. What was deleted
//! since does not come back, and what was changed stays as it was changed.

use super::{
    Account, Association, Books, Edit, Life, NORMAL, Place, Qos, ROOT, Record, RecordKey, User, Work, folded,
};
use crate::who::{AdminLevel, Membership, Principal};
use crate::{Text, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configured {
    /// Accounts: name, description and organisation.
    pub accounts: Vec<(Text, Text, Text)>,
    /// Users with their accounts.
    pub users: Vec<Membership>,
    /// Qualities of service.
    pub qos: Vec<Qos>,
}

impl Books {
    /// Makes the books of a cluster about which nothing but its configuration is known.
    pub fn configured(cluster: &Text, configured: Configured) -> Books {
        let mut books = Books { cluster: cluster.clone(), ..Books::default() };
        books.import(&configured, Timestamp::EPOCH);
        books.configured = Arc::new(configured);
        books
    }

    /// Goes on with another configuration; returns what it has brought in.
    pub fn reconfigure(&mut self, configured: &Arc<Configured>, now: Timestamp) -> BTreeSet<RecordKey> {
        self.configured = Arc::clone(configured);
        self.import(configured, now)
    }

    /// Brings in what has never been there; returns what has changed. Numbers are given in the order in which an accounting
    /// database would have been filled: the account `root` with its user, the other accounts, then each user's.
    pub fn import(&mut self, configured: &Configured, now: Timestamp) -> BTreeSet<RecordKey> {
        let root = Principal { name: ROOT, uid: None, gid: None, level: AdminLevel::Administrator };
        let work = Work::default;
        let mut edit = Edit::open(self.clone(), &root, now, &work);
        let life = Life { created: now, modified: now, deleted: false };
        if edit.books.qos.is_empty() {
            let description = Text::const_new("Normal QOS default");
            let normal = configured.qos.iter().find(|qos| qos.name == "normal").cloned();
            let normal =
                normal.unwrap_or_else(|| Qos { description, ..Qos::named(Text::const_new("normal")) });
            edit.put_record(Record::Qos(Arc::new(Qos { id: NORMAL, life, ..normal })));
            edit.marks("qos", "normal");
        }
        if edit.books.account(&ROOT).is_none() {
            let (description, organization) = (Text::const_new("default root account"), ROOT);
            let account = Account { name: ROOT, description, organization, life, ..Account::default() };
            edit.put_record(Record::Account(Arc::new(account)));
            let cluster = edit.books.cluster.clone();
            edit.put_root(&cluster);
            edit.bring_user(&Membership {
                name: ROOT,
                level: AdminLevel::Administrator,
                default_account: ROOT,
                accounts: Vec::new(),
            });
        }
        for qos in &configured.qos {
            edit.bring_qos(qos, life);
        }
        for (name, description, organization) in &configured.accounts {
            edit.bring_account(name, description, organization, life);
        }
        for user in &configured.users {
            edit.bring_user(user);
        }
        let (books, touched) = edit.close();
        *self = books;
        touched
    }
}

impl Edit<'_> {
    /// Tells whether something of that name comes for the first time, and remembers that it came.
    fn marks(&mut self, what: &str, name: &str) -> bool {
        let mark = Text::from(format!("{what} {}", name.to_lowercase()));
        if self.books.imported.contains(&mark) {
            return false;
        }
        self.put_record(Record::Imported(mark));
        true
    }

    fn bring_qos(&mut self, qos: &Qos, life: Life) {
        if self.marks("qos", &qos.name) && self.books.qos_named(&qos.name).is_none() {
            self.books.last.qos = self.books.last.qos.saturating_add(1);
            let id = self.books.last.qos;
            self.put_record(Record::Qos(Arc::new(Qos { id, life, ..qos.clone() })));
        }
    }

    fn bring_account(&mut self, name: &Text, description: &Text, organization: &Text, life: Life) {
        if !self.marks("account", name) {
            return;
        }
        if self.books.account(name).is_none() {
            let (description, organization) = (description.clone(), organization.clone());
            let account =
                Account { name: name.clone(), description, organization, life, ..Account::default() };
            self.put_record(Record::Account(Arc::new(account)));
        }
        let place = Place { cluster: self.books.cluster.clone(), account: name.clone(), ..Place::default() };
        self.bring_association(place, ROOT);
    }

    fn bring_user(&mut self, member: &Membership) {
        for account in std::iter::once(&member.default_account).chain(&member.accounts) {
            let is_there = account.is_empty() || self.books.account(account).is_some();
            if !is_there {
                // Named by a user alone: it is called what it is.
                self.bring_account(account, account, account, self.life());
            }
        }
        if self.marks("user", &member.name) && self.books.user(&member.name).is_none() {
            let user = User {
                name: member.name.clone(),
                level: member.level,
                default_account: member.default_account.clone(),
                life: self.life(),
                ..User::default()
            };
            self.put_record(Record::User(Arc::new(user)));
        }
        self.bring_accounts_of(member);
    }

    /// Brings a user into accounts, the default one first.
    fn bring_accounts_of(&mut self, member: &Membership) {
        let named = std::iter::once(&member.default_account).chain(&member.accounts);
        for account in named.filter(|name| !name.is_empty()).cloned() {
            if !self.marks("association", &format!("{account}/{}", member.name)) {
                continue;
            }
            if self.books.account(&account).is_none() {
                continue;
            }
            let place = Place {
                cluster: self.books.cluster.clone(),
                account,
                user: member.name.clone(),
                ..Place::default()
            };
            self.bring_association(place, Text::default());
        }
    }

    fn bring_association(&mut self, place: Place, parent: Text) {
        if self.books.at(&place).is_none() {
            let id = self.next_association();
            let life = self.life();
            let association = Association { id, place, parent, shares: 1, life, ..Association::default() };
            self.put_record(Record::Association(Arc::new(association)));
        }
    }
}

impl Books {
    /// Returns what is remembered of a user, as it was before there were books.
    pub fn membership(&self, name: &str) -> Option<Membership> {
        let user = self.user(name)?;
        let own = self.of_user(name).filter(|one| one.place.cluster == self.cluster);
        let mut accounts: Vec<Text> = Vec::new();
        for account in own.map(|one| &one.place.account) {
            if !accounts.iter().any(|known| folded(known) == folded(account)) {
                accounts.push(account.clone());
            }
        }
        Some(Membership {
            name: user.name.clone(),
            level: user.level,
            default_account: self.default_account(name).cloned().unwrap_or_default(),
            accounts,
        })
    }
}
