//! The books: everything accounting knows, in maps whose copies share what did not change. Looking things up is here;
//! changing them is in `edit`.

use super::{
    Account, Association, ClusterRecord, Configured, Limit, Limits, Place, Qos, QosFlags, Shards, User,
    Wckey, folded, is_same,
};
use crate::Text;
use crate::who::AdminLevel;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The account above all.
pub const ROOT: Text = Text::const_new("root");

/// Number of the quality of service that jobs have that name none.
pub const NORMAL: u32 = 1;

/// Associations of a user among which one is found by looking at each.
const FEW: usize = 32;

/// The books. Cheap to copy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Books {
    /// The cluster that is served.
    pub(super) cluster: Text,
    pub(super) accounts: Shards<Text, Arc<Account>>,
    pub(super) users: Shards<Text, Arc<User>>,
    pub(super) associations: Shards<u32, Arc<Association>>,
    /// Numbers of living associations by what they are about.
    pub(super) places: Shards<Place, u32>,
    /// Numbers of the living associations of each user, the oldest first.
    pub(super) of_user: Shards<Text, Vec<u32>>,
    pub(super) qos: Arc<BTreeMap<u32, Arc<Qos>>>,
    pub(super) wckeys: Shards<WckeyPlace, Arc<Wckey>>,
    pub(super) clusters: Arc<BTreeMap<Text, Arc<ClusterRecord>>>,
    /// What the configuration has brought in, ever.
    pub(super) imported: Arc<BTreeSet<Text>>,
    /// The numbers given last.
    pub(super) last: LastNumbers,
    /// What the configuration says; it is brought in once.
    pub(super) configured: Arc<Configured>,
}

/// Cluster, user and name of a workload key, as they are looked up.
pub(super) type WckeyPlace = (Text, Text, Text);

/// The numbers given last: none is given twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastNumbers {
    /// To an association.
    pub association: u32,
    /// To a quality of service.
    pub qos: u32,
    /// To a workload key.
    pub wckey: u32,
}

/// One record, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// An account.
    Account(Arc<Account>),
    /// A user.
    User(Arc<User>),
    /// An association.
    Association(Arc<Association>),
    /// A quality of service.
    Qos(Arc<Qos>),
    /// A workload key.
    Wckey(Arc<Wckey>),
    /// A cluster.
    Cluster(Arc<ClusterRecord>),
    /// Something the configuration has brought in.
    Imported(Text),
}

/// How a record is found again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKey {
    /// An account's folded name.
    Account(Text),
    /// A user's folded name.
    User(Text),
    /// An association's number.
    Association(u32),
    /// The number of a quality of service.
    Qos(u32),
    /// Cluster, user and name, folded, of a workload key; and its number.
    Wckey(Text, Text, Text),
    /// A cluster's folded name.
    Cluster(Text),
    /// Something the configuration has brought in.
    Imported(Text),
}

impl Record {
    /// Returns how it is found again.
    pub fn key(&self) -> RecordKey {
        match self {
            Record::Account(account) => RecordKey::Account(folded(&account.name)),
            Record::User(user) => RecordKey::User(folded(&user.name)),
            Record::Association(association) => RecordKey::Association(association.id),
            Record::Qos(qos) => RecordKey::Qos(qos.id),
            Record::Wckey(wckey) => {
                let (cluster, user, name) = wckey_place(wckey);
                RecordKey::Wckey(cluster, user, name)
            }
            Record::Cluster(cluster) => RecordKey::Cluster(folded(&cluster.name)),
            Record::Imported(name) => RecordKey::Imported(name.clone()),
        }
    }
}

impl Books {
    /// Makes books again from what was stored.
    pub fn restored(cluster: &Text, records: impl IntoIterator<Item = Record>, last: LastNumbers) -> Books {
        let mut books = Books { cluster: cluster.clone(), last, ..Books::default() };
        let mut associations: Vec<Arc<Association>> = Vec::new();
        for record in records {
            match record {
                Record::Association(association) => associations.push(association),
                record => books.take_in(record),
            }
        }
        // The oldest first, as they came.
        associations.sort_unstable_by_key(|association| association.id);
        for association in associations {
            books.take_in(Record::Association(association));
        }
        books
    }

    /// Puts a record in its place and into every index.
    pub(super) fn take_in(&mut self, record: Record) {
        match record {
            Record::Account(account) => self.accounts.put(folded(&account.name), account),
            Record::User(user) => self.users.put(folded(&user.name), user),
            Record::Association(association) => self.put_association(association),
            Record::Qos(qos) => {
                self.last.qos = self.last.qos.max(qos.id);
                Arc::make_mut(&mut self.qos).insert(qos.id, qos);
            }
            Record::Wckey(wckey) => {
                self.last.wckey = self.last.wckey.max(wckey.id);
                self.wckeys.put(wckey_place(&wckey), wckey);
            }
            Record::Cluster(cluster) => {
                Arc::make_mut(&mut self.clusters).insert(folded(&cluster.name), cluster);
            }
            Record::Imported(name) => {
                Arc::make_mut(&mut self.imported).insert(name);
            }
        }
    }

    fn put_association(&mut self, association: Arc<Association>) {
        let id = association.id;
        self.last.association = self.last.association.max(id);
        self.unindex(id);
        if !association.life.deleted {
            let place = association.place.folded();
            if !place.user.is_empty() {
                let mut own = self.of_user.take(&place.user).unwrap_or_default();
                if let Err(at) = own.binary_search(&id) {
                    own.insert(at, id);
                }
                self.of_user.put(place.user.clone(), own);
            }
            self.places.put(place, id);
        }
        self.associations.put(id, association);
    }

    /// Takes an association out of the indexes.
    fn unindex(&mut self, id: u32) {
        let Some(before) = self.associations.get(&id).filter(|before| !before.life.deleted) else { return };
        let place = before.place.folded();
        self.places.take(&place);
        if let Some(mut own) = self.of_user.take(&place.user) {
            own.retain(|other| *other != id);
            if !own.is_empty() {
                self.of_user.put(place.user, own);
            }
        }
    }

    /// Takes an association out.
    pub(super) fn drop_association(&mut self, id: u32) {
        self.unindex(id);
        self.associations.take(&id);
    }

    /// Returns the record of a key as it is now; `None` if it is gone.
    pub fn record(&self, key: &RecordKey) -> Option<Record> {
        match key {
            RecordKey::Account(name) => self.accounts.get(name).cloned().map(Record::Account),
            RecordKey::User(name) => self.users.get(name).cloned().map(Record::User),
            RecordKey::Association(id) => self.associations.get(id).cloned().map(Record::Association),
            RecordKey::Qos(id) => self.qos.get(id).cloned().map(Record::Qos),
            RecordKey::Wckey(cluster, user, name) => {
                let place = (cluster.clone(), user.clone(), name.clone());
                self.wckeys.get(&place).cloned().map(Record::Wckey)
            }
            RecordKey::Cluster(name) => self.clusters.get(name).cloned().map(Record::Cluster),
            RecordKey::Imported(name) => self.imported.get(name).cloned().map(Record::Imported),
        }
    }

    /// Returns the numbers given last.
    pub fn last_numbers(&self) -> LastNumbers {
        self.last
    }

    /// Returns what the configuration says.
    pub fn configuration(&self) -> &Arc<Configured> {
        &self.configured
    }

    /// Returns the name of the cluster that is served.
    pub fn cluster(&self) -> &Text {
        &self.cluster
    }

    /// Tells whether there are accounts besides the root: somebody accounts at all.
    pub fn has_accounts(&self) -> bool {
        self.accounts.len() > 1
    }

    /// Returns an account.
    pub fn account(&self, name: &str) -> Option<&Arc<Account>> {
        self.accounts.get(&*folded(name)).filter(|account| !account.life.deleted)
    }

    /// Returns a user.
    pub fn user(&self, name: &str) -> Option<&Arc<User>> {
        // Most names are in lower case already.
        let found = self.users.get(name).or_else(|| self.users.get(&*folded(name)));
        found.filter(|user| !user.life.deleted)
    }

    /// Goes through all accounts, deleted ones too, by name.
    pub fn accounts(&self) -> Vec<&Arc<Account>> {
        let mut all: Vec<_> = self.accounts.values().collect();
        all.sort_unstable_by_key(|account| folded(&account.name));
        all
    }

    /// Goes through all users, deleted ones too, by name.
    pub fn users(&self) -> Vec<&Arc<User>> {
        let mut all: Vec<_> = self.users.values().collect();
        all.sort_unstable_by_key(|user| folded(&user.name));
        all
    }

    /// Goes through the living associations, in no order.
    pub fn living(&self) -> impl Iterator<Item = &Association> {
        self.associations.values().map(|one| &**one).filter(|one| !one.life.deleted)
    }

    /// Returns an association by its number, deleted ones too.
    pub fn association(&self, id: u32) -> Option<&Arc<Association>> {
        self.associations.get(&id)
    }

    /// Returns the living association about just this.
    pub fn at(&self, place: &Place) -> Option<&Arc<Association>> {
        let id = self.places.get(place).or_else(|| self.places.get(&place.folded()))?;
        self.associations.get(id)
    }

    /// Returns the living association of an account itself on a cluster.
    pub fn account_on(&self, cluster: &Text, account: &Text) -> Option<&Arc<Association>> {
        self.at(&Place { cluster: cluster.clone(), account: account.clone(), ..Place::default() })
    }

    /// Returns the association that governs a job of a user in an account and a partition: the one of that partition
    /// before the one of all.
    pub fn governing(&self, account: &str, user: &str, partition: &str) -> Option<&Arc<Association>> {
        if !user.is_empty() {
            let own = self.of_user.get(user).or_else(|| self.of_user.get(&*folded(user)))?;
            if own.len() <= FEW {
                return self.governing_of(own, account, partition);
            }
        }
        let place = |partition| Place {
            cluster: self.cluster.clone(),
            account: Text::from(account),
            user: Text::from(user),
            partition,
        };
        self.at(&place(Text::from(partition))).or_else(|| self.at(&place(Text::default())))
    }

    /// Does the same with the associations of a user who has few: compared with each of them, which needs no memory.
    fn governing_of(&self, own: &[u32], account: &str, partition: &str) -> Option<&Arc<Association>> {
        let mut of_all = None;
        for association in own.iter().filter_map(|id| self.associations.get(id)) {
            let place = &association.place;
            if !is_same(&place.account, account) || !is_same(&place.cluster, &self.cluster) {
                continue;
            }
            if place.partition.is_empty() {
                of_all = Some(association);
            } else if is_same(&place.partition, partition) {
                return Some(association);
            }
        }
        of_all
    }

    /// Returns the number of the association of an account and a user; zero for none, as Slurm shows it.
    pub fn number_of(&self, account: &str, user: &str) -> u32 {
        self.governing(account, user, "").map_or(0, |association| association.id)
    }

    /// Returns the living associations of a user, the oldest first.
    pub fn of_user(&self, name: &str) -> impl Iterator<Item = &Arc<Association>> {
        let own = self.of_user.get(name).or_else(|| self.of_user.get(&*folded(name)));
        own.into_iter().flatten().filter_map(|id| self.associations.get(id))
    }

    /// Tells whether a user may charge an account on the cluster that is served.
    pub fn is_in(&self, user: &str, account: &str) -> bool {
        self.of_user(user)
            .any(|own| own.place.cluster == self.cluster && is_same(&own.place.account, account))
    }

    /// Returns the account charged for a user who names none, as far as the user is in it.
    pub fn default_account(&self, user: &str) -> Option<&Text> {
        let wanted = &self.user(user)?.default_account;
        let is_there = !wanted.is_empty() && self.is_in(user, wanted);
        is_there.then_some(wanted)
    }

    /// Tells whether an association is the one its user's jobs have that name no account.
    pub fn is_default(&self, association: &Association) -> bool {
        let place = &association.place;
        let Some(user) = self.user(&place.user).filter(|_| !place.is_account()) else { return false };
        if !is_same(&user.default_account, &place.account) {
            return false;
        }
        let same = |other: &&Arc<Association>| {
            other.place.cluster == place.cluster && other.place.account == place.account
        };
        self.of_user(&place.user).find(same).is_some_and(|first| first.id == association.id)
    }

    /// Returns the association above: the account's of a user, the parent's of an account.
    pub fn above(&self, association: &Association) -> Option<&Arc<Association>> {
        let place = &association.place;
        let account = if place.is_account() { &association.parent } else { &place.account };
        if account.is_empty() {
            return None;
        }
        self.account_on(&place.cluster, account).filter(|above| above.id != association.id)
    }

    /// Goes from an association up to the root. Ends even where records contradict each other.
    pub fn line<'a>(&'a self, from: &'a Association) -> impl Iterator<Item = &'a Association> {
        const DEEPEST: usize = 1000;
        std::iter::successors(Some(from), |one| self.above(one).map(|above| &**above)).take(DEEPEST)
    }

    /// Returns a limit as it holds for an association: its own, or the nearest above where that kind is handed down.
    pub fn limit(&self, association: &Association, limit: Limit, resource: u32) -> Option<u64> {
        let own = association.limits.of(limit, resource);
        if own.is_some() || !limit.is_inherited() {
            return own;
        }
        self.line(association).skip(1).find_map(|above| above.limits.of(limit, resource))
    }

    /// Returns the limits as they hold for an association.
    pub fn effective_limits(&self, association: &Association) -> Limits {
        let mut limits = association.limits.clone();
        for above in self.line(association).skip(1) {
            for (limit, resource, most) in above.limits.iter().filter(|(limit, ..)| limit.is_inherited()) {
                if limits.of(limit, resource).is_none() {
                    limits.set(limit, resource, Some(most));
                }
            }
        }
        limits
    }

    /// Returns the qualities of service that jobs of an association may have.
    pub fn allowed_qos<'a>(&'a self, association: &'a Association) -> Cow<'a, [u32]> {
        let inherits = |one: &&Association| one.qos.is_none();
        let listed = self.line(association).find_map(|one| one.qos.as_deref());
        let changes =
            || self.line(association).take_while(inherits).filter(|one| !one.qos_changes.is_empty());
        if changes().next().is_none() {
            return Cow::Borrowed(listed.unwrap_or_default());
        }
        let mut allowed = listed.unwrap_or(&[NORMAL]).to_vec();
        let from_above: Vec<&Association> = changes().collect();
        for (more, id) in from_above.into_iter().rev().flat_map(|one| &one.qos_changes) {
            allowed.retain(|other| other != id);
            if *more {
                allowed.push(*id);
            }
        }
        Cow::Owned(allowed)
    }

    /// Tells whether jobs of an association that name no quality of service have one that is open to them.
    pub(super) fn has_its_default(&self, association: &Association) -> bool {
        self.default_qos(association).is_none_or(|qos| match &*self.allowed_qos(association) {
            [] => qos.id == NORMAL,
            allowed => allowed.contains(&qos.id),
        })
    }

    /// Returns the quality of service of an association's jobs that name none.
    pub fn default_qos(&self, association: &Association) -> Option<&Arc<Qos>> {
        self.line(association).find_map(|one| one.default_qos).and_then(|id| self.qos_numbered(id))
    }

    /// Returns the quality of service of this name; case does not matter.
    pub fn qos_named(&self, name: &str) -> Option<&Arc<Qos>> {
        self.qos.values().find(|qos| !qos.life.deleted && qos.name.eq_ignore_ascii_case(name))
    }

    /// Returns the quality of service that somebody names, or gives the number of.
    pub fn qos_called(&self, name: &str) -> Option<&Arc<Qos>> {
        self.qos_named(name).or_else(|| self.qos_numbered(name.parse().ok()?))
    }

    /// Returns the quality of service of this number.
    pub fn qos_numbered(&self, id: u32) -> Option<&Arc<Qos>> {
        self.qos.get(&id).filter(|qos| !qos.life.deleted)
    }

    /// Goes through all qualities of service, deleted ones too, by number.
    pub fn all_qos(&self) -> impl Iterator<Item = &Arc<Qos>> {
        self.qos.values()
    }

    /// Returns the switches of the quality of service of this name; none for one that is not known.
    pub fn qos_flags(&self, name: &str) -> QosFlags {
        self.qos_named(name).map_or_else(QosFlags::default, |qos| qos.flags)
    }

    /// Goes through all workload keys, deleted ones too, by name, then by user.
    pub fn wckeys(&self) -> Vec<&Arc<Wckey>> {
        let mut all: Vec<_> = self.wckeys.values().collect();
        all.sort_unstable_by(|one, other| {
            (&one.cluster, &one.name, &one.user).cmp(&(&other.cluster, &other.name, &other.user))
        });
        all
    }

    /// Returns a user's workload key on the cluster that is served.
    pub fn wckey(&self, user: &str, name: &str) -> Option<&Arc<Wckey>> {
        let place = (folded(&self.cluster), folded(user), folded(name));
        self.wckeys.get(&place).filter(|wckey| !wckey.life.deleted)
    }

    /// Goes through the clusters besides the one that is served, by name.
    pub fn other_clusters(&self) -> impl Iterator<Item = &Arc<ClusterRecord>> {
        self.clusters.values()
    }

    /// Tells whether the books know a cluster.
    pub fn knows_cluster(&self, name: &str) -> bool {
        let name = folded(name);
        name == folded(&self.cluster) || self.clusters.get(&name).is_some_and(|record| !record.external)
    }

    /// Returns what a user may do beyond their own jobs, by the books alone.
    pub fn level_of(&self, name: &str) -> AdminLevel {
        self.user(name).map_or(AdminLevel::None, |user| user.level)
    }

    /// Tells whether a user manages an account: named there or above, or by being in it where its users do.
    pub fn coordinates(&self, user: &str, account: &str) -> bool {
        let Some(own) = self.account_on(&self.cluster, &Text::from(account)) else {
            return self.account(account).is_some_and(|account| self.is_coordinator(user, account));
        };
        let accounts = self.line(own).filter_map(|one| self.account(&one.place.account));
        accounts.into_iter().any(|account| self.is_coordinator(user, account))
    }

    fn is_coordinator(&self, user: &str, account: &Account) -> bool {
        let is_named = account.coordinators.iter().any(|name| name.eq_ignore_ascii_case(user));
        is_named || account.users_are_coordinators == Some(true) && self.is_in(user, &account.name)
    }

    /// Tells whether a user manages any account.
    pub fn coordinates_any(&self, user: &str) -> bool {
        self.accounts.values().any(|account| !account.life.deleted && self.is_coordinator(user, account))
    }

    /// Returns the coordinators of an account, those of accounts above too; `true` marks its own.
    pub fn coordinators(&self, account: &Account) -> Vec<(Text, bool)> {
        let mut all: Vec<(Text, bool)> =
            account.coordinators.iter().map(|name| (name.clone(), true)).collect();
        let own = self.account_on(&self.cluster, &account.name);
        let above = own.into_iter().flat_map(|own| self.line(own).skip(1));
        for name in above.filter_map(|one| self.account(&one.place.account)).flat_map(|one| &one.coordinators)
        {
            if !all.iter().any(|(known, _)| known == name) {
                all.push((name.clone(), false));
            }
        }
        all
    }

    /// Returns the associations that pass, in the order of the tree: an account before its users, then the accounts below.
    /// With each goes its line of names, as Slurm writes it: `/physics/0-alice/debug/`.
    pub fn in_order(&self, passes: impl Fn(&Association) -> bool) -> Vec<(Text, &Arc<Association>)> {
        let mut lines: HashMap<(&Text, &Text), Text> = HashMap::new();
        let mut all: Vec<(Text, &Arc<Association>)> = Vec::new();
        for association in self.associations.values().filter(|one| passes(one)) {
            all.push((self.lineage(association, &mut lines), association));
        }
        all.sort_unstable_by(|(line, one), (other_line, other)| {
            (&one.place.cluster, line, one.id).cmp(&(&other.place.cluster, other_line, other.id))
        });
        all
    }

    fn lineage<'a>(
        &'a self,
        association: &'a Association,
        known: &mut HashMap<(&'a Text, &'a Text), Text>,
    ) -> Text {
        let place = &association.place;
        let mut line = known
            .entry((&place.cluster, &place.account))
            .or_insert_with(|| self.account_line(&place.cluster, &place.account))
            .clone();
        if !place.is_account() {
            line.push_str("0-");
            line.push_str(&place.user);
            line.push('/');
        }
        if !place.partition.is_empty() {
            line.push_str(&place.partition);
            line.push('/');
        }
        line
    }

    fn account_line(&self, cluster: &Text, account: &Text) -> Text {
        let Some(own) = self.account_on(cluster, account) else { return Text::const_new("/") };
        let mut names: Vec<&str> = self.line(own).map(|one| one.place.account.as_str()).collect();
        // The root is not named.
        if names.last() == Some(&ROOT.as_str()) {
            names.pop();
        }
        let mut line = Text::const_new("/");
        for name in names.iter().rev() {
            line.push_str(name);
            line.push('/');
        }
        line
    }
}

/// Returns how a workload key is found.
pub(super) fn wckey_place(wckey: &Wckey) -> WckeyPlace {
    (folded(&wckey.cluster), folded(&wckey.user), folded(&wckey.name))
}
