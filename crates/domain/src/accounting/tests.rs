//! The books, kept and changed.

mod model;

use super::*;
use crate::who::{AdminLevel, Membership, Principal};
use crate::{Error, Problem, Text, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

fn who(name: &'static str, level: AdminLevel) -> Principal {
    Principal { name: Text::const_new(name), uid: None, gid: None, level }
}

fn configured() -> Configured {
    let account = |name: &'static str| (Text::const_new(name), Text::const_new("d"), Text::const_new("o"));
    let user = |name: &'static str, accounts: &[&'static str]| Membership {
        name: Text::const_new(name),
        default_account: Text::const_new(accounts[0]),
        accounts: accounts.iter().map(|name| Text::const_new(name)).collect(),
        ..Membership::default()
    };
    Configured {
        accounts: vec![account("physics"), account("chemistry")],
        users: vec![user("alice", &["physics", "chemistry"]), user("bob", &["chemistry"])],
        qos: Vec::new(),
    }
}

fn books() -> Books {
    Books::configured(&Text::const_new("here"), configured())
}

fn apply_as(books: &mut Books, by: &Principal, wish: Wish) -> Result<Done, Error> {
    let work = Work::default;
    let mut edit = Edit::open(books.clone(), by, NOW, &work);
    let done = edit.apply(&wish)?;
    *books = edit.close().0;
    Ok(done)
}

fn apply(books: &mut Books, wish: Wish) -> Result<Done, Error> {
    apply_as(books, &who("root", AdminLevel::Administrator), wish)
}

fn association(account: &'static str, user: &'static str) -> AssociationWish {
    AssociationWish { account: account.into(), user: user.into(), ..AssociationWish::default() }
}

fn lines(books: &Books) -> Vec<(u32, String)> {
    let living = books.in_order(|one| !one.life.deleted);
    living.into_iter().map(|(line, one)| (one.id, line.to_string())).collect()
}

fn accounts_under(parent: &'static str, names: &[&'static str]) -> Wish {
    Wish::AddAccounts(Box::new(AccountsAddition {
        accounts: names.iter().map(|name| Text::const_new(name)).collect(),
        association: AssociationWish { parent: Some(parent.into()), ..AssociationWish::default() },
        ..AccountsAddition::default()
    }))
}

#[test]
fn the_configuration_is_numbered_as_a_database_would_have_been_filled() {
    let expected = [
        (1, "/"),
        (2, "/0-root/"),
        (4, "/chemistry/"),
        (6, "/chemistry/0-alice/"),
        (7, "/chemistry/0-bob/"),
        (3, "/physics/"),
        (5, "/physics/0-alice/"),
    ];
    assert_eq!(lines(&books()), expected.map(|(id, line)| (id, line.to_owned())));
    assert_eq!(books().default_account("Alice").unwrap(), "physics");
    assert_eq!((books().number_of("chemistry", "bob"), books().number_of("physics", "bob")), (7, 0));
}

#[test]
fn what_was_deleted_does_not_come_back_from_the_configuration() {
    let mut books = books();
    apply(&mut books, Wish::Remove(Removal::Account("physics".into()))).unwrap();
    apply(&mut books, Wish::Remove(Removal::User("bob".into()))).unwrap();
    let records: Vec<Record> = records_of(&books).into_values().collect();
    let mut again = Books::restored(&"here".into(), records, books.last_numbers());
    assert_eq!(again.reconfigure(&std::sync::Arc::new(configured()), NOW), BTreeSet::new());
    assert!(again.account("physics").is_none() && again.user("bob").is_none());
    let mut more = configured();
    more.accounts.push(("geo".into(), "d".into(), "o".into()));
    assert_eq!(again.reconfigure(&std::sync::Arc::new(more), NOW).len(), 3);
    assert!(again.account_on(&"here".into(), &"geo".into()).is_some());
}

fn records_of(books: &Books) -> BTreeMap<RecordKey, Record> {
    let accounts = books.accounts.values().cloned().map(Record::Account);
    let users = books.users.values().cloned().map(Record::User);
    let associations = books.associations.values().cloned().map(Record::Association);
    let qos = books.qos.values().cloned().map(Record::Qos);
    let wckeys = books.wckeys.values().cloned().map(Record::Wckey);
    let clusters = books.clusters.values().cloned().map(Record::Cluster);
    let imported = books.imported.iter().cloned().map(Record::Imported);
    let all =
        accounts.chain(users).chain(associations).chain(qos).chain(wckeys).chain(clusters).chain(imported);
    all.map(|record| (record.key(), record)).collect()
}

#[test]
fn limits_and_qualities_come_from_above() {
    let mut books = books();
    apply(&mut books, Wish::Qos(vec![QosWish { name: Some("high".into()), ..QosWish::default() }])).unwrap();
    let limits = vec![(Limit::MaxJobs, 0, Some(3)), (Limit::GrpJobs, 0, Some(5))];
    let wish = AssociationWish {
        limits: LimitChanges(limits),
        qos: Some(QosChoice::Changed(vec![(true, "high".into())])),
        default_qos: Some(Some("high".into())),
        ..association("physics", "")
    };
    apply(&mut books, Wish::Associations(vec![wish])).unwrap();
    let alice = books.governing("physics", "alice", "").unwrap();
    assert_eq!(books.limit(alice, Limit::MaxJobs, 0), Some(3));
    assert_eq!(books.limit(alice, Limit::GrpJobs, 0), None);
    assert_eq!(books.effective_limits(alice).get(Limit::MaxJobs), Some(3));
    assert_eq!((&*books.allowed_qos(alice), &*books.default_qos(alice).unwrap().name), (&[1, 2][..], "high"));
}

fn of_qos(account: &'static str, user: &'static str, choice: QosChoice) -> Wish {
    Wish::Associations(vec![AssociationWish { qos: Some(choice), ..association(account, user) }])
}

fn these(names: &[&'static str]) -> QosChoice {
    QosChoice::These(names.iter().map(|name| Text::const_new(name)).collect())
}

fn changed(changes: &[(bool, &'static str)]) -> QosChoice {
    QosChoice::Changed(changes.iter().map(|(more, name)| (*more, Text::const_new(name))).collect())
}

/// Makes the qualities of service 2 (`high`), 3 (`low`) and 4 (`mid`).
fn with_qualities() -> Books {
    let mut books = books();
    let named = |name: &&'static str| QosWish { name: Some(Text::const_new(name)), ..QosWish::default() };
    apply(&mut books, Wish::Qos(["high", "low", "mid"].iter().map(named).collect())).unwrap();
    books
}

#[test]
fn what_is_more_or_less_than_the_account_above_follows_it() {
    let mut books = with_qualities();
    let check = |books: &Books, expected: &[u32]| {
        let alice = books.governing("physics", "alice", "").unwrap();
        assert_eq!(&*books.allowed_qos(alice), expected);
    };
    apply(&mut books, of_qos("physics", "", these(&["normal", "high"]))).unwrap();
    apply(&mut books, of_qos("physics", "alice", changed(&[(true, "low")]))).unwrap();
    check(&books, &[1, 2, 3]);
    apply(&mut books, of_qos("physics", "", changed(&[(true, "mid")]))).unwrap();
    check(&books, &[1, 2, 4, 3]);
    apply(&mut books, of_qos("physics", "alice", changed(&[(false, "normal")]))).unwrap();
    apply(&mut books, of_qos("physics", "", these(&["normal", "mid"]))).unwrap();
    check(&books, &[4, 3]);
    // A list of its own takes their place, and changes are then made in it.
    apply(&mut books, of_qos("physics", "alice", these(&["high"]))).unwrap();
    apply(&mut books, of_qos("physics", "alice", changed(&[(true, "low"), (false, "normal")]))).unwrap();
    check(&books, &[2, 3]);
    apply(&mut books, of_qos("physics", "alice", these(&[]))).unwrap();
    check(&books, &[1, 4]);
    apply(&mut books, of_qos("physics", "alice", changed(&[(false, "mid"), (true, "low")]))).unwrap();
    apply(&mut books, Wish::Remove(Removal::Qos("low".into()))).unwrap();
    check(&books, &[1]);
    assert_eq!(books.governing("physics", "alice", "").unwrap().qos_changes, [(false, 4)]);
}

#[test]
fn nobody_loses_their_default_quality_of_service() {
    let mut books = with_qualities();
    let with_default = |account, user, choice, default: &'static str| {
        let default_qos = Some(Some(Text::const_new(default)));
        let wish = AssociationWish { default_qos, qos: choice, ..association(account, user) };
        Wish::Associations(vec![wish])
    };
    let closed = |who: &'static str| Err(Problem::DefaultQosClosed(Text::const_new(who)).into());
    let given = with_default("physics", "", Some(these(&["normal", "high", "low"])), "high");
    apply(&mut books, given).unwrap();
    for (wish, who) in [
        (of_qos("physics", "", changed(&[(false, "high")])), "physics"),
        (of_qos("physics", "", these(&["normal"])), "physics"),
        (of_qos("physics", "alice", these(&["low"])), "alice in physics"),
        (of_qos("physics", "alice", changed(&[(false, "high")])), "alice in physics"),
        (with_default("physics", "alice", None, "mid"), "alice in physics"),
        (with_default("chemistry", "bob", None, "high"), "bob in chemistry"),
    ] {
        let before = books.clone();
        assert_eq!(apply(&mut books, wish), closed(who));
        assert!(books == before);
    }
    apply(&mut books, of_qos("physics", "", changed(&[(false, "low")]))).unwrap();
    apply(&mut books, with_default("physics", "alice", Some(these(&["mid"])), "mid")).unwrap();
    // One below has a list of its own, and is not touched by what happens above.
    apply(&mut books, with_default("physics", "", Some(these(&["normal"])), "normal")).unwrap();
    // What is not there any more is nobody's default.
    apply(&mut books, Wish::Remove(Removal::Qos("mid".into()))).unwrap();
    let alice = books.governing("physics", "alice", "").unwrap();
    assert_eq!(books.default_qos(alice).unwrap().name, "normal");
}

#[test]
fn an_account_cannot_hang_below_itself() {
    let mut books = books();
    apply(&mut books, accounts_under("physics", &["optics"])).unwrap();
    let before = lines(&books);
    for (account, parent) in [("physics", "optics"), ("physics", "physics"), ("physics", "nowhere")] {
        let wish = AssociationWish { parent: Some(parent.into()), ..association(account, "") };
        let refused = apply(&mut books, Wish::Associations(vec![wish]));
        assert!(matches!(refused, Err(Error::Invalid(Problem::NoParentAccount(_)))), "{parent} {refused:?}");
    }
    assert_eq!(lines(&books), before);
    let wish = AssociationWish { parent: Some("chemistry".into()), ..association("physics", "") };
    apply(&mut books, Wish::Associations(vec![wish])).unwrap();
    assert!(lines(&books).iter().any(|(_, line)| line == "/chemistry/physics/optics/"));
}

#[test]
fn a_request_is_done_as_a_whole_or_not_at_all() {
    let mut books = books();
    let before = books.clone();
    let account = |name: &'static str| AccountWish { name: name.into(), ..AccountWish::default() };
    assert!(apply(&mut books, Wish::Accounts(vec![account("bio"), account("")])).is_err());
    assert!(books == before);
}

#[test]
fn what_jobs_use_stays() {
    let books = books();
    let root = who("root", AdminLevel::Administrator);
    let work = || Work {
        running: [("physics".into(), "alice".into())].into(),
        qos: [Text::const_new("normal")].into(),
    };
    let associations = AssociationFilter { users: vec!["alice".into()], ..AssociationFilter::default() };
    for removal in [
        Removal::Account("physics".into()),
        Removal::User("alice".into()),
        Removal::Qos("normal".into()),
        Removal::Associations(associations),
    ] {
        let mut edit = Edit::open(books.clone(), &root, NOW, &work);
        let refused = edit.apply(&Wish::Remove(removal.clone()));
        assert_eq!(refused, Err(Problem::JobsActive.into()), "{removal:?}");
    }
    let mut edit = Edit::open(books, &root, NOW, &work);
    let done = edit.apply(&Wish::Remove(Removal::User("bob".into())));
    assert_eq!(done, Ok(Done::Removed(vec!["bob".into()])));
}

#[test]
fn everything_at_once_is_never_taken_away() {
    let mut books = books();
    let all = Wish::Remove(Removal::Associations(AssociationFilter::default()));
    assert_eq!(apply(&mut books, all), Err(Problem::AmbiguousRemoval.into()));
    let root = AssociationFilter { accounts: vec!["root".into()], ..AssociationFilter::default() };
    assert_eq!(
        apply(&mut books, Wish::Remove(Removal::Associations(root))),
        Err(Problem::RootAccount.into())
    );
}

#[test]
fn coordinators_manage_what_is_below_their_account_and_operators_all() {
    let mut books = books();
    apply(&mut books, accounts_under("chemistry", &["acids"])).unwrap();
    let coordinated = AccountWish {
        name: "chemistry".into(),
        coordinators: Some(vec!["bob".into()]),
        ..AccountWish::default()
    };
    apply(&mut books, Wish::Accounts(vec![coordinated])).unwrap();
    let bob = who("bob", AdminLevel::None);
    let user = |name: &'static str| UserWish { name: name.into(), ..UserWish::default() };
    assert_eq!(apply_as(&mut books, &bob, Wish::Users(vec![user("dave")])), Ok(Done::Changed));
    let wish = |account| Wish::Associations(vec![association(account, "dave")]);
    assert_eq!(apply_as(&mut books, &bob, wish("acids")), Ok(Done::Changed));
    assert!(matches!(apply_as(&mut books, &bob, wish("physics")), Err(Error::Forbidden(_))));
    let operator = UserWish { level: Some(AdminLevel::Operator), ..user("eve") };
    assert!(matches!(apply_as(&mut books, &bob, Wish::Users(vec![operator])), Err(Error::Forbidden(_))));
    let alice = who("alice", AdminLevel::None);
    assert!(matches!(apply_as(&mut books, &alice, Wish::Users(vec![user("fay")])), Err(Error::Forbidden(_))));
    let operator = who("olga", AdminLevel::Operator);
    assert_eq!(apply_as(&mut books, &operator, wish("physics")), Ok(Done::Changed));
}

#[test]
fn users_are_renamed_with_all_that_is_theirs() {
    let mut books = books();
    let key = WckeyWish { user: "alice".into(), name: "key".into(), ..WckeyWish::default() };
    apply(&mut books, Wish::Wckeys(vec![key])).unwrap();
    let wish = UserWish { name: "alicia".into(), old_name: "alice".into(), ..UserWish::default() };
    apply(&mut books, Wish::Users(vec![wish])).unwrap();
    assert!(books.user("alice").is_none() && books.wckey("alice", "key").is_none());
    assert!(books.wckey("alicia", "key").is_some());
    assert_eq!((books.number_of("physics", "alicia"), books.number_of("physics", "alice")), (5, 0));
    assert_eq!(books.default_account("alicia").unwrap(), "physics");
}
