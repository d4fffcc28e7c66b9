//! Random days of a cluster with lost answers, restarts and outages: nothing is done twice, and nothing is lost.

use super::*;
use std::collections::BTreeMap;

/// Numbers without a pattern, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What a client knows of its submissions.
#[derive(Default)]
struct Client {
    /// By key: the answer, if there was one.
    answers: BTreeMap<String, Option<JobId>>,
}

impl Client {
    fn submit(&mut self, followed: &Followed, key: String) {
        let answer = followed.keyed(&key);
        let known = self.answers.entry(key.clone()).or_default();
        match (answer, *known) {
            (Ok(id), Some(before)) => assert_eq!(id, before, "{key} was answered otherwise before"),
            (Ok(id), None) => *known = Some(id),
            (Err(Error::Unavailable(_)), _) => {}
            (Err(error), _) => panic!("{key}: {error}"),
        }
    }
}

fn any_job(followed: &Followed, dice: &mut Dice) -> Option<JobId> {
    let inside = followed.fake.inside();
    let at = usize::try_from(dice.roll(inside.jobs.len().max(1) as u64)).unwrap();
    inside.jobs.keys().nth(at).copied()
}

fn step(mut followed: Followed, client: &mut Client, dice: &mut Dice) -> Followed {
    match dice.roll(16) {
        0..4 => {
            let fault = [Fault::LostBefore, Fault::LostAfter, Fault::Late, Fault::Unreachable];
            if dice.roll(3) == 0 {
                let fault = fault[usize::try_from(dice.roll(4)).unwrap()];
                followed.fake.inside().submissions.push_back(fault);
            }
            let new = client.answers.len() as u64;
            let key = dice.roll(new + 2).min(new);
            client.submit(&followed, format!("key {key}"));
        }
        4..6 => any_job(&followed, dice).into_iter().for_each(|id| followed.fake.start(id)),
        6..8 => {
            let outcome = [Outcome::Completed, Outcome::Failed][usize::try_from(dice.roll(2)).unwrap()];
            any_job(&followed, dice).into_iter().for_each(|id| followed.fake.end(id, outcome));
        }
        8 => any_job(&followed, dice).into_iter().for_each(|id| followed.fake.requeue(id)),
        9 => {
            let id = any_job(&followed, dice);
            id.into_iter().for_each(|id| drop(followed.cancel(id, None)));
        }
        10 => {
            let mut inside = followed.fake.inside();
            inside.is_unreachable = !inside.is_unreachable && dice.roll(2) == 0;
            inside.is_accounting_down = dice.roll(4) == 0;
        }
        11 => followed.store.full.store(dice.roll(4) == 0, Ordering::SeqCst),
        12 if dice.roll(3) == 0 => followed = followed.restarted(),
        13 => followed.fake.forget(Duration::from_secs(300)),
        _ => drop(followed.mirror.look()),
    }
    followed.pass(i64::try_from(dice.roll(4) * dice.roll(20)).unwrap());
    followed
}

fn day(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (mut followed, mut client) = (Followed::new(), Client::default());
    for _ in 0..150 {
        followed = step(followed, &mut client, &mut dice);
    }
    // Everything works again, and clients insist.
    {
        let mut inside = followed.fake.inside();
        (inside.is_unreachable, inside.is_accounting_down) = (false, false);
        inside.submissions.clear();
    }
    followed.store.full.store(false, Ordering::SeqCst);
    for _ in 0..3 {
        followed.look();
        followed.pass(30);
    }
    for key in client.answers.keys().cloned().collect::<Vec<_>>() {
        client.submit(&followed, key.clone());
        let made = followed.fake.inside().made.get(key.as_str()).cloned().unwrap_or_default();
        let answer = client.answers[&key];
        assert_eq!(
            made,
            answer.into_iter().collect::<Vec<_>>(),
            "seed {seed}, {key}: nothing twice, nothing lost"
        );
    }
    followed.look();
    check(&followed, seed);
}

/// Compares what is known with what is.
fn check(followed: &Followed, seed: u64) {
    let inside = followed.fake.inside();
    let snapshot = followed.snapshot();
    for (id, told) in &inside.jobs {
        let closed = followed.closed(*id).iter().filter(|job| job.submitted == told.job.submitted).count();
        match snapshot.jobs.job(*id) {
            Some(known) => {
                assert_eq!(StateWord::of(known), StateWord::of(&told.job), "seed {seed}, job {id}")
            }
            None => assert_eq!(closed, 1, "seed {seed}: job {id} is nowhere"),
        }
        assert_eq!(closed, usize::from(told.job.is_final()), "seed {seed}: job {id} in history");
    }
    for told in &inside.accounting {
        let closed = followed.closed(told.job.id);
        let closed: Vec<_> = closed.iter().filter(|job| job.submitted == told.job.submitted).collect();
        let [closed] = closed[..] else {
            panic!("seed {seed}: job {} is {} times in history", told.job.id, closed.len())
        };
        let (Phase::Ended(known), Phase::Ended(real)) = (&closed.phase, &told.job.phase) else {
            panic!("seed {seed}: history of {} has no end", told.job.id)
        };
        assert_eq!(known.outcome, real.outcome, "seed {seed}, job {}", told.job.id);
    }
    let live = followed.store.memory.lock().unwrap().jobs.clone();
    let known: Vec<JobId> = snapshot.jobs.iter().map(|job| job.id).collect();
    assert_eq!(
        live.keys().copied().collect::<Vec<_>>(),
        known,
        "seed {seed}: what is stored is what is shown"
    );
    // The feed tells each change once and in order.
    let mut words: BTreeMap<JobId, StateWord> = BTreeMap::new();
    for change in &followed.store.memory.lock().unwrap().changes {
        if let Some(from) = change.from {
            assert_eq!(words.get(&change.job), Some(&from), "seed {seed}: {change:?}");
        }
        words.insert(change.job, change.to);
    }
}

#[test]
fn nothing_is_done_twice_and_nothing_is_lost() {
    (1..400).for_each(day);
}
