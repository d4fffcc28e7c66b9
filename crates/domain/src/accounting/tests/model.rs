//! Random changes of the books beside a simple model: maps without indexes, numbers or records, which work everything out
//! anew when they are asked. `ACCOUNTING_SEEDS=3000` plays so many seeds, `ACCOUNTING_SEEDS=17..18` just these.

use super::*;

const ACCOUNTS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const USERS: [&str; 4] = ["w", "x", "y", "z"];
const QUALITIES: [&str; 4] = ["normal", "high", "low", "mid"];
const KEYS: [&str; 2] = ["k", "l"];

/// What an association says itself.
#[derive(Clone, Debug, Default, PartialEq)]
struct Own {
    max_jobs: Option<u64>,
    grp_jobs: Option<u64>,
    list: Option<BTreeSet<Name>>,
    changes: BTreeMap<Name, bool>,
    default: Option<Name>,
}

type Name = &'static str;

/// The model.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    /// Accounts that are known, with who coordinates them.
    accounts: BTreeMap<Name, BTreeSet<Name>>,
    /// Accounts that are in the tree, with the one above.
    tree: BTreeMap<Name, (Name, Own)>,
    users: BTreeSet<Name>,
    members: BTreeMap<(Name, Name), Own>,
    qualities: BTreeSet<Name>,
    keys: BTreeSet<(Name, Name)>,
}

/// What somebody wants.
#[derive(Clone, Debug)]
enum Op {
    Add { account: Name, parent: Name },
    Put { account: Name, user: Name, parent: Option<Name>, change: Change },
    Broken { account: Name, user: Name },
    RemoveAccount(Name),
    RemoveUser(Name),
    Leave { account: Name, user: Name },
    MakeQuality(Name),
    RemoveQuality(Name),
    Coordinate { account: Name, users: Vec<Name> },
    MakeKey(Name, Name),
    RemoveKey(Name, Name),
    Rename { old: Name, new: Name },
}

/// What shall be otherwise with an association.
#[derive(Clone, Debug)]
enum Change {
    Nothing,
    MaxJobs(Option<u64>),
    GrpJobs(Option<u64>),
    These(Vec<Name>),
    Changed(Vec<(bool, Name)>),
    Default(Option<Name>),
}

/// What is not done.
#[derive(Debug)]
struct Refused;

type Taken = Result<(), Refused>;

fn only_if(holds: bool) -> Taken {
    if holds { Ok(()) } else { Err(Refused) }
}

impl Model {
    fn is_in_tree(&self, account: Name) -> bool {
        account == "root" || self.tree.contains_key(account)
    }

    /// Returns an account and those above it, without the root.
    fn accounts_from(&self, account: Name) -> Vec<Name> {
        let above = |name: &Name| self.tree.get(name).map(|(parent, _)| *parent);
        let placed = std::iter::successors(Some(account), above).filter(|name| self.tree.contains_key(name));
        placed.collect()
    }

    fn is_below(&self, account: Name, other: Name) -> bool {
        self.accounts_from(account).contains(&other)
    }

    fn coordinates(&self, user: Name, account: Name) -> bool {
        let is_one = |account: &Name| self.accounts.get(account).is_some_and(|all| all.contains(user));
        self.accounts_from(account).iter().any(is_one) || is_one(&account)
    }

    /// Returns what counts for an association, the nearest first.
    fn line(&self, account: Name, user: Name) -> Vec<&Own> {
        let member = self.members.get(&(account, user));
        let accounts = self.accounts_from(account).into_iter().map(|name| &self.tree[name].1);
        member.into_iter().chain(accounts).collect()
    }

    fn allowed(&self, account: Name, user: Name) -> BTreeSet<Name> {
        let line = self.line(account, user);
        let listed = line.iter().position(|own| own.list.is_some());
        let mut allowed = listed.map_or([QUALITIES[0]].into(), |at| line[at].list.clone().unwrap());
        for (name, more) in line[..listed.unwrap_or(line.len())].iter().rev().flat_map(|own| &own.changes) {
            let _has_changed = match more {
                true => allowed.insert(name),
                false => allowed.remove(name),
            };
        }
        allowed
    }

    fn default_of(&self, account: Name, user: Name) -> Option<Name> {
        self.line(account, user).iter().find_map(|own| own.default)
    }

    fn has_its_default(&self, account: Name, user: Name) -> bool {
        let Some(default) = self.default_of(account, user) else { return true };
        let allowed = self.allowed(account, user);
        allowed.contains(default) || allowed.is_empty() && default == "normal"
    }

    /// Carries out a wish of `by`, or refuses it; then the model must be thrown away.
    fn take(&mut self, op: &Op, by: Name) -> Taken {
        let is_operator = by == "root";
        match op {
            Op::Add { account, parent } => {
                only_if(is_operator || self.coordinates(by, parent))?;
                only_if(self.is_in_tree(parent))?;
                self.accounts.entry(account).or_default();
                self.tree.entry(account).or_insert_with(|| (parent, Own::default()));
            }
            Op::Put { account, user, parent, change } => {
                only_if(is_operator || self.coordinates(by, account))?;
                self.put(account, user, *parent, change)?;
            }
            Op::Broken { account, user } => {
                only_if(is_operator || self.coordinates(by, account))?;
                only_if(!self.tree.contains_key(account))?;
                let _ = user;
            }
            Op::RemoveAccount(account) => {
                only_if(is_operator)?;
                let gone: Vec<Name> =
                    self.tree.keys().copied().filter(|name| self.is_below(name, account)).collect();
                self.members.retain(|(own, _), _| !gone.contains(own));
                self.tree.retain(|name, _| !gone.contains(name));
                self.accounts.remove(account);
            }
            Op::RemoveUser(user) => {
                let own: Vec<Name> = self
                    .members
                    .keys()
                    .filter(|(_, name)| name == user)
                    .map(|(account, _)| *account)
                    .collect();
                let manages_all = !own.is_empty() && own.iter().all(|account| self.coordinates(by, account));
                only_if(is_operator || manages_all)?;
                if self.users.remove(user) {
                    self.members.retain(|(_, name), _| name != user);
                    self.keys.retain(|(name, _)| name != user);
                    for all in self.accounts.values_mut() {
                        all.remove(user);
                    }
                }
            }
            Op::Leave { account, user } => {
                if is_operator || self.coordinates(by, account) {
                    self.members.remove(&(*account, *user));
                }
            }
            Op::Coordinate { account, users } => {
                only_if(is_operator && users.iter().all(|user| self.users.contains(user)))?;
                self.accounts.insert(account, users.iter().copied().collect());
            }
            Op::MakeQuality(name) => {
                only_if(is_operator)?;
                self.qualities.insert(name);
            }
            Op::RemoveQuality(name) => {
                only_if(is_operator)?;
                self.qualities.remove(name);
                let all = self.tree.values_mut().map(|(_, own)| own).chain(self.members.values_mut());
                for own in all {
                    own.list.as_mut().map(|list| list.remove(name));
                    own.changes.remove(name);
                    own.default = own.default.filter(|default| default != name);
                }
            }
            Op::MakeKey(user, key) => {
                only_if(is_operator)?;
                self.keys.insert((user, key));
            }
            Op::RemoveKey(user, key) => {
                only_if(is_operator)?;
                self.keys.remove(&(*user, *key));
            }
            Op::Rename { old, new } => {
                only_if(is_operator && self.users.contains(old) && !self.users.contains(new))?;
                let renamed = |name: Name| if name == *old { *new } else { name };
                self.users = self.users.iter().map(|name| renamed(name)).collect();
                self.keys = self.keys.iter().map(|(user, key)| (renamed(user), *key)).collect();
                let members = std::mem::take(&mut self.members).into_iter();
                self.members =
                    members.map(|((account, user), own)| ((account, renamed(user)), own)).collect();
                for all in self.accounts.values_mut() {
                    *all = all.iter().map(|name| renamed(name)).collect();
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, account: Name, user: Name, parent: Option<Name>, change: &Change) -> Taken {
        if user.is_empty() {
            if !self.accounts.contains_key(account) && !self.tree.contains_key(account) {
                return Ok(());
            }
            let is_there = self.tree.contains_key(account);
            if let Some(parent) = parent.or((!is_there).then_some("root")) {
                only_if(self.is_in_tree(parent) && !self.is_below(parent, account))?;
                let own = self.tree.remove(account).map(|(_, own)| own).unwrap_or_default();
                self.tree.insert(account, (parent, own));
            }
        } else {
            if !self.tree.contains_key(account) {
                return Ok(());
            }
            self.users.insert(user);
            self.members.entry((account, user)).or_default();
        }
        let known = self.qualities.clone();
        let own = match user {
            "" => self.tree.get_mut(account).map(|(_, own)| own),
            user => self.members.get_mut(&(account, user)),
        };
        own.ok_or(Refused)?.take(change, &known)?;
        let moves = matches!(change, Change::These(_) | Change::Changed(_) | Change::Default(_));
        only_if(!moves || self.nobody_below_lost_their_default(account, user))
    }

    fn nobody_below_lost_their_default(&self, account: Name, user: Name) -> bool {
        if !user.is_empty() {
            return self.has_its_default(account, user);
        }
        let accounts = self.tree.keys().filter(|name| self.is_below(name, account)).map(|name| (*name, ""));
        let members = self.members.keys().copied().filter(|(name, _)| self.is_below(name, account));
        accounts.chain(members).all(|(account, user)| self.has_its_default(account, user))
    }

    /// What can be seen of it.
    fn view(&self) -> View {
        let accounts = self.tree.iter().map(|(name, (parent, own))| ((*name, ""), *parent, own));
        let members = self.members.iter().map(|((account, user), own)| ((*account, *user), "", own));
        let seen = accounts.chain(members).map(|((account, user), parent, own)| {
            let max_jobs = self.line(account, user).iter().find_map(|own| own.max_jobs);
            let seen = Seen {
                parent: parent.to_owned(),
                max_jobs,
                grp_jobs: own.grp_jobs,
                allowed: self.allowed(account, user).into_iter().map(str::to_owned).collect(),
                default: self.default_of(account, user).map(str::to_owned),
            };
            ((account.to_owned(), user.to_owned()), seen)
        });
        let names = |names: &BTreeSet<Name>| names.iter().map(|name| (*name).to_owned()).collect();
        View {
            associations: seen.collect(),
            accounts: self.accounts.iter().map(|(name, all)| ((*name).to_owned(), names(all))).collect(),
            users: names(&self.users),
            qualities: names(&self.qualities),
            keys: self.keys.iter().map(|(user, key)| ((*user).to_owned(), (*key).to_owned())).collect(),
        }
    }
}

impl Own {
    fn take(&mut self, change: &Change, known: &BTreeSet<Name>) -> Taken {
        match change {
            Change::Nothing => {}
            Change::MaxJobs(most) => self.max_jobs = *most,
            Change::GrpJobs(most) => self.grp_jobs = *most,
            Change::Default(name) => {
                only_if(name.is_none_or(|name| known.contains(name)))?;
                self.default = *name;
            }
            Change::These(names) => {
                only_if(names.iter().all(|name| known.contains(name)))?;
                self.list = (!names.is_empty()).then(|| names.iter().copied().collect());
                self.changes.clear();
            }
            Change::Changed(changes) => {
                only_if(changes.iter().all(|(_, name)| known.contains(name)))?;
                for (more, name) in changes {
                    let _has_changed = match (&mut self.list, more) {
                        (Some(list), true) => list.insert(name),
                        (Some(list), false) => list.remove(name),
                        (None, more) => self.changes.insert(name, *more).is_none(),
                    };
                }
            }
        }
        Ok(())
    }
}

/// What can be seen of an association.
#[derive(Debug, PartialEq)]
struct Seen {
    parent: String,
    max_jobs: Option<u64>,
    grp_jobs: Option<u64>,
    allowed: BTreeSet<String>,
    default: Option<String>,
}

/// What can be seen of books and model alike.
#[derive(Debug, PartialEq)]
struct View {
    associations: BTreeMap<(String, String), Seen>,
    accounts: BTreeMap<String, BTreeSet<String>>,
    users: BTreeSet<String>,
    qualities: BTreeSet<String>,
    keys: BTreeSet<(String, String)>,
}

impl View {
    fn of(books: &Books) -> View {
        let named = |id: &u32| books.qos_numbered(*id).unwrap().name.to_string();
        let of_tree = books.in_order(|one| !one.life.deleted && one.place.account != "root").into_iter();
        let seen = |one: &Association| Seen {
            parent: one.parent.to_string(),
            max_jobs: books.limit(one, Limit::MaxJobs, 0),
            grp_jobs: books.limit(one, Limit::GrpJobs, 0),
            allowed: books.allowed_qos(one).iter().map(named).collect(),
            default: books.default_qos(one).map(|qos| qos.name.to_string()),
        };
        let place = |one: &Association| (one.place.account.to_string(), one.place.user.to_string());
        let accounts = books.accounts().into_iter().filter(|one| !one.life.deleted && one.name != "root");
        let users = books.users().into_iter().filter(|one| !one.life.deleted && one.name != "root");
        View {
            associations: of_tree.map(|(_, one)| (place(one), seen(one))).collect(),
            accounts: accounts
                .map(|one| (one.name.to_string(), one.coordinators.iter().map(Text::to_string).collect()))
                .collect(),
            users: users.map(|one| one.name.to_string()).collect(),
            qualities: books
                .all_qos()
                .filter(|qos| !qos.life.deleted)
                .map(|qos| qos.name.to_string())
                .collect(),
            keys: books
                .wckeys()
                .into_iter()
                .map(|key| (key.user.to_string(), key.name.to_string()))
                .collect(),
        }
    }
}

impl Op {
    /// Returns it in the words of the books.
    fn wish(&self) -> Wish {
        match self {
            Op::Add { account, parent } => accounts_under(parent, &[*account]),
            Op::Put { account, user, parent, change } => {
                let wish =
                    AssociationWish { parent: parent.map(Text::const_new), ..association(account, user) };
                Wish::Associations(vec![change.on(wish)])
            }
            Op::Broken { account, user } => {
                let bad = Change::These(vec!["nosuch"]).on(association(account, "w"));
                Wish::Associations(vec![association(account, user), bad])
            }
            Op::RemoveAccount(account) => Wish::Remove(Removal::Account(name(account))),
            Op::RemoveUser(user) => Wish::Remove(Removal::User(name(user))),
            Op::Leave { account, user } => Wish::Remove(Removal::Associations(AssociationFilter {
                accounts: vec![name(account)],
                users: vec![name(user)],
                ..AssociationFilter::default()
            })),
            Op::MakeQuality(quality) => {
                Wish::Qos(vec![QosWish { name: Some(name(quality)), ..QosWish::default() }])
            }
            Op::RemoveQuality(quality) => Wish::Remove(Removal::Qos(name(quality))),
            Op::Coordinate { account, users } => Wish::Accounts(vec![AccountWish {
                name: name(account),
                coordinators: Some(users.iter().map(name).collect()),
                ..AccountWish::default()
            }]),
            Op::MakeKey(user, key) => {
                Wish::Wckeys(vec![WckeyWish { user: name(user), name: name(key), ..WckeyWish::default() }])
            }
            Op::RemoveKey(user, key) => {
                Wish::Remove(Removal::WckeysOf { user: name(user), names: vec![name(key)] })
            }
            Op::Rename { old, new } => {
                Wish::Users(vec![UserWish { name: name(new), old_name: name(old), ..UserWish::default() }])
            }
        }
    }
}

impl Change {
    fn on(&self, wish: AssociationWish) -> AssociationWish {
        let limit = |limit, most: &Option<u64>| LimitChanges(vec![(limit, 0, *most)]);
        match self {
            Change::Nothing => wish,
            Change::MaxJobs(most) => AssociationWish { limits: limit(Limit::MaxJobs, most), ..wish },
            Change::GrpJobs(most) => AssociationWish { limits: limit(Limit::GrpJobs, most), ..wish },
            Change::These(names) => AssociationWish { qos: Some(these(names)), ..wish },
            Change::Changed(changes) => AssociationWish { qos: Some(changed(changes)), ..wish },
            Change::Default(name) => AssociationWish { default_qos: Some(name.map(Text::const_new)), ..wish },
        }
    }
}

fn name(name: &Name) -> Text {
    Text::const_new(name)
}

/// A row of numbers that looks like chance and is the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % most
    }

    fn one_of(&mut self, all: &[Name]) -> Name {
        all[self.below(all.len())]
    }

    fn some_of(&mut self, all: &[Name]) -> Vec<Name> {
        all.iter().copied().filter(|_| self.below(2) == 0).collect()
    }

    fn change(&mut self) -> Change {
        let most = (self.below(3) > 0).then_some(self.below(5) as u64);
        match self.below(9) {
            0 | 1 => Change::MaxJobs(most),
            2 => Change::GrpJobs(most),
            3 | 4 => Change::These(self.some_of(&QUALITIES)),
            5 | 6 => {
                let names = self.some_of(&QUALITIES);
                Change::Changed(names.into_iter().map(|name| (self.below(2) == 0, name)).collect())
            }
            7 => Change::Default((self.below(4) > 0).then(|| self.one_of(&QUALITIES))),
            _ => Change::Nothing,
        }
    }

    fn op(&mut self) -> Op {
        let (account, other) = (self.one_of(&ACCOUNTS), self.one_of(&ACCOUNTS));
        let (user, key) = (self.one_of(&USERS), self.one_of(&KEYS));
        match self.below(24) {
            0..=2 => Op::Add { account, parent: "root" },
            3 | 4 => Op::Add { account, parent: other },
            5 | 6 => Op::Put { account, user: "", parent: Some(other), change: Change::Nothing },
            7..=9 => Op::Put { account, user, parent: None, change: Change::Nothing },
            10 | 11 => Op::Put { account, user, parent: None, change: self.change() },
            12..=14 => Op::Put { account, user: "", parent: None, change: self.change() },
            15 => Op::Broken { account, user },
            16 => Op::RemoveAccount(account),
            17 => Op::RemoveUser(user),
            18 => Op::Leave { account, user },
            19 => Op::MakeQuality(self.one_of(&QUALITIES)),
            // The first one is everybody's.
            20 => Op::RemoveQuality(self.one_of(&QUALITIES[1..])),
            21 => Op::Coordinate { account, users: self.some_of(&USERS) },
            22 if self.below(2) == 0 => Op::RemoveKey(user, key),
            22 => Op::MakeKey(user, key),
            _ => {
                let new = self.one_of(&USERS);
                if new == user { Op::RemoveUser(user) } else { Op::Rename { old: user, new } }
            }
        }
    }
}

/// Returns the seeds that are to be played.
fn seeds() -> std::ops::Range<u64> {
    let Ok(said) = std::env::var("ACCOUNTING_SEEDS") else { return 1..101 };
    let number = |text: &str| text.parse().expect("ACCOUNTING_SEEDS is a number, or two with .. between");
    match said.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => 1..number(&said) + 1,
    }
}

#[test]
fn whatever_is_asked_for_the_books_agree_with_a_simple_model() {
    let (mut done, mut refused) = (0, 0);
    for seed in seeds() {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut books = Books::configured(&Text::const_new("here"), Configured::default());
        let mut model = Model { qualities: ["normal"].into(), ..Model::default() };
        for step in 0..120 {
            let op = dice.op();
            let by = if dice.below(3) == 0 { dice.one_of(&USERS) } else { "root" };
            let level = if by == "root" { AdminLevel::Administrator } else { AdminLevel::None };
            let mut next = model.clone();
            let expected = next.take(&op, by);
            let told = apply_as(&mut books, &who(by, level), op.wish());
            let place =
                || format!("seed {seed} step {step}: {op:?} by {by}: {told:?}, expected {expected:?}");
            assert_eq!(told.is_ok(), expected.is_ok(), "{}", place());
            match expected {
                Ok(()) => (model, done) = (next, done + 1),
                Err(Refused) => refused += 1,
            }
            assert_eq!(View::of(&books), model.view(), "{}", place());
        }
        let records: Vec<Record> = records_of(&books).into_values().collect();
        let mut again = Books::restored(&"here".into(), records, books.last_numbers());
        again.configured = std::sync::Arc::clone(&books.configured);
        assert!(again == books, "seed {seed}");
    }
    assert!(done > refused && refused > 0, "{done} done, {refused} refused");
}
