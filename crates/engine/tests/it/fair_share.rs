//! Fair share at work: users with endless work get what their shares give them, whatever they had before.

use crate::cluster::{ask, cluster, job, node, partition};
use domain::accounting::tres::BILLING;
use domain::accounting::{Account, Association, Books, LastNumbers, Place, Qos, ROOT, Record};
use domain::job::{End, Event, Exit, Job, Usage, WayIn};
use domain::priority::{PriorityType, Rules};
use domain::state::State;
use domain::{JobId, Text, Timestamp};
use engine::local::schedule::Scheduler;
use std::sync::Arc;
use std::time::Duration;

/// Two accounts, two users in each; shares of account (but for the classic rule) and user.
const USERS: [(&str, &str, u32, u32); 4] =
    [("physics", "ann", 3, 1), ("physics", "ben", 3, 2), ("arts", "cleo", 1, 1), ("arts", "dan", 1, 1)];

fn books(classic: bool) -> Books {
    let mut records = vec![
        Record::Qos(Arc::new(Qos { id: 1, ..Qos::named(Text::const_new("normal")) })),
        Record::Account(Arc::new(Account { name: ROOT, ..Account::default() })),
    ];
    let mut associate = |account: &str, user: &str, shares| {
        let id = u32::try_from(records.len()).unwrap();
        let place =
            Place { cluster: "test".into(), account: account.into(), user: user.into(), ..Place::default() };
        let is_below = user.is_empty() && account != "root";
        let parent = if is_below { ROOT } else { Text::default() };
        let one = Association { id, place, parent, shares, ..Association::default() };
        records.push(Record::Association(Arc::new(one)));
    };
    // By the classic rule what others of an account use counts as well, so that only users beside one another get exactly
    // their shares: there the accounts share as the one above them.
    let of_account = |shares| if classic { Association::PARENT } else { shares };
    associate("root", "", 1);
    associate("physics", "", of_account(3));
    associate("arts", "", of_account(1));
    for (account, user, _, shares) in USERS {
        associate(account, user, shares);
    }
    records.push(Record::Account(Arc::new(Account { name: "arts".into(), ..Account::default() })));
    records.push(Record::Account(Arc::new(Account { name: "physics".into(), ..Account::default() })));
    Books::restored(&"test".into(), records, LastNumbers::default())
}

fn submit(state: &mut State, now: Timestamp, (account, user): (&str, &str)) {
    let id = state.take_id();
    let mut job = Job { eligible: now, submitted: now, ..job(id.0, "a", 10, ask(1, 1)) };
    let spec = Arc::make_mut(&mut job.spec);
    (spec.account, spec.owner.name) = (account.into(), user.into());
    job.priority = state.priority_of(&job);
    state.put(Arc::new(job));
}

/// Returns what part of all use is each user's after so many rounds of ten minutes.
fn parts_after(rounds: u32, classic: bool) -> Vec<f64> {
    let mut cluster = cluster(vec![node("n1", 8, 1, 64_000, 0)], vec![partition("a", 0..1)]);
    cluster.books = books(classic);
    cluster.priority =
        Rules { by: PriorityType::MultiFactor, fair_share: 100_000, half_life: None, ..Rules::default() };
    cluster.priority.flags.classic_fair_share = classic;
    let mut state = State::new(Arc::new(cluster));
    let mut scheduler = Scheduler::new();
    let mut now = Timestamp::from_seconds(1000);
    for round in 0..rounds {
        // Everybody always has enough waiting; in the beginning dan alone is there.
        for (account, user, ..) in USERS.iter().filter(|(_, user, ..)| round > 10 || *user == "dan") {
            for _ in 0..8 {
                submit(&mut state, now, (account, user));
            }
        }
        state.account(now, None);
        state.begin_ranking(now);
        while state.rank_more(1000) {}
        let plan = scheduler.plan(&state, now);
        for start in &plan.starts {
            let (allocation, limit) = (Arc::clone(&start.allocation), start.limit);
            let started = Event::Started {
                at: now,
                allocation,
                limit,
                boot: "boot".into(),
                overtime: Duration::ZERO,
                way_in: WayIn::InOrder,
            };
            happen(&mut state, start.job, started);
        }
        now = now.after(Duration::from_secs(600));
        state.set_time(now);
        let running: Vec<JobId> = state.holding().map(|job| job.id).collect();
        assert_eq!(running.len(), 8, "the machine is full");
        for id in running {
            let end = End::Process(Exit::Code(0));
            happen(&mut state, id, Event::Ended { at: now, end, usage: Usage::default(), requeue: None });
            state.take(id);
        }
        let waiting: Vec<JobId> = state.jobs().iter().map(|job| job.id).collect();
        waiting.iter().for_each(|id| drop(state.take(*id)));
    }
    let books = Arc::clone(state.cluster());
    let used = |account: &str, user: &str| {
        let number = books.books.number_of(account, user);
        state.usage().used_seconds(number, BILLING)
    };
    let all: f64 = USERS.iter().map(|(account, user, ..)| used(account, user)).sum();
    USERS.iter().map(|(account, user, ..)| used(account, user) / all).collect()
}

#[test]
fn use_converges_to_the_shares() {
    // Three quarters to physics, of which ben has two thirds; a quarter to arts, half and half.
    let along_the_tree = [0.25, 0.5, 0.125, 0.125];
    let beside_one_another = [0.2, 0.4, 0.2, 0.2];
    for (classic, fair) in [(false, along_the_tree), (true, beside_one_another)] {
        let distance = |parts: &[f64]| {
            parts.iter().zip(fair).map(|(part, fair)| (part - fair).abs()).fold(0.0, f64::max)
        };
        let [early, late] = [30, 300].map(|rounds| distance(&parts_after(rounds, classic)));
        assert!(late < 0.02, "classic {classic}: off by {late}");
        assert!(late < early, "classic {classic}: {late} is no less than {early}");
    }
}

fn happen(state: &mut State, id: JobId, event: Event) {
    let job = state.job(id).unwrap().apply(event).unwrap().job;
    state.put(Arc::new(job));
}
