//! What is done in a trial, in order of time. Each operation stands for itself: taking some away leaves a trial, which is
//! what shrinking needs.

use super::changes::CHANGES;
use super::dice::Dice;
use super::kinds::{KINDS, Nature, Wish, kind_at, more_places, reserved_places};
use super::reservations;
use super::scene::{Scene, USERS};
use crate::cluster::job;
use domain::job::Resources;
use domain::{Gid, Text, Timestamp, Uid};
use std::time::Duration;

/// One thing that is done.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// Its place in the trial it was made for; other operations know it by this.
    pub(crate) number: usize,
    /// When, seconds.
    pub(crate) at: i64,
    /// What.
    pub(crate) act: Act,
}

/// What is done. Numbers are those of the operations that submitted a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A job is submitted: its wishes by their places, each with a seed; and a seed for the rest.
    Submit(Wishes, u64),
    /// Its owner cancels it.
    Cancel(usize),
    /// It is killed without SIGTERM.
    Kill(usize),
    /// An operator holds it.
    Hold(usize),
    /// It is released.
    Release(usize),
    /// It goes back into the queue.
    Requeue(usize),
    /// Its nice value is raised.
    Nice(usize, i32),
    /// An operator gives it another time limit, minutes.
    Limit(usize, u32),
    /// Its array gets another throttle.
    Throttle(usize, u32),
    /// Its processes are stopped, or go on.
    Stop(usize, bool),
    /// Components of a heterogeneous job are submitted together, each as in [`Act::Submit`].
    SubmitTogether(Vec<(Wishes, u64)>),
    /// A user, by place in [`USERS`], gets a crontab of these entries: how often they are due, and their jobs.
    Crontab(usize, Vec<(&'static str, Wishes, u64)>),
    /// An operator suspends it.
    Suspend(usize),
    /// An operator lets it go on.
    Resume(usize),
    /// An operator changes it: the place in [`CHANGES`], and a seed.
    Change(usize, usize, u64),
    /// A node, by its place, takes no new jobs.
    Drain(usize),
    /// It takes jobs again.
    Mend(usize),
    /// It fails: its jobs are lost, and it takes none.
    Fail(usize),
    /// A reservation is made: the number of its name, and a seed for what it asks for.
    Reserve(u32, u64),
    /// It is changed: likewise.
    Rebook(u32, u64),
    /// It is deleted.
    Unreserve(u32),
}

/// What a job wishes: places of wishes, each with a seed.
pub(crate) type Wishes = Vec<(usize, u64)>;

impl Act {
    /// Returns the wishes of all jobs that it submits.
    pub(crate) fn wishes_mut(&mut self) -> Vec<&mut Wishes> {
        match self {
            Act::Submit(wishes, _) => vec![wishes],
            Act::SubmitTogether(jobs) => jobs.iter_mut().map(|(wishes, _)| wishes).collect(),
            Act::Crontab(_, entries) => entries.iter_mut().map(|(_, wishes, _)| wishes).collect(),
            _ => Vec::new(),
        }
    }

    /// Takes away one of several jobs that it submits; tells whether there was such a one.
    pub(crate) fn drop_job(&mut self, at: usize) -> bool {
        match self {
            Act::SubmitTogether(jobs) if jobs.len() > 1 && at < jobs.len() => {
                jobs.remove(at);
                true
            }
            Act::Crontab(_, entries) if entries.len() > 1 && at < entries.len() => {
                entries.remove(at);
                true
            }
            _ => false,
        }
    }
}

/// Makes the operations of a trial: so many jobs, and things done to some of them.
pub(crate) fn random(dice: &mut Dice, scene: &Scene, jobs: u32) -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut at = 0;
    let mut submitted = Vec::new();
    // About as many arrive as can run: now a queue grows, now it drains.
    let nodes = u32::try_from(scene.cluster.nodes.len()).unwrap();
    let pause = 400 / nodes.max(1);
    while submitted.len() < jobs as usize {
        at += if dice.once_in(40) { i64::from(dice.below(2_000)) } else { i64::from(dice.below(pause + 2)) };
        let number = operations.len();
        let act = match submitted.len() {
            len if len > 0 && dice.once_in(4) => {
                let back = dice.up_to(u32::try_from(len).unwrap().min(60)) as usize;
                random_act(dice, submitted[len - back])
            }
            _ => {
                submitted.push(number);
                random_job(dice)
            }
        };
        operations.push(Operation { number, at, act });
    }
    operations
}

/// Adds to a plain trial what makes it a full one: other wishes, components, crontabs, nodes that fail, interference.
/// The operations of the plain one keep their numbers.
pub(crate) fn enrich(dice: &mut Dice, scene: &Scene, operations: &mut Vec<Operation>) {
    for operation in operations.iter_mut() {
        if let Act::Submit(wishes, _) = &mut operation.act {
            more_wishes(dice, wishes);
        }
    }
    let submitted: Vec<(usize, i64)> = operations
        .iter()
        .filter(|operation| matches!(operation.act, Act::Submit(..)))
        .map(|operation| (operation.number, operation.at))
        .collect();
    let last = operations.last().map_or(0, |operation| operation.at);
    let count = submitted.len() / 3;
    let mut together: Vec<usize> = Vec::new();
    for _ in 0..count {
        let (job, since) = submitted[dice.below(u32::try_from(submitted.len()).unwrap()) as usize];
        // Mostly while the job may run.
        let at = since + i64::from(dice.below(dice_span(scene)));
        let job = if together.is_empty() || !dice.once_in(6) { job } else { dice.one_of(&together) };
        let number = operations.len();
        let act = match dice.below(20) {
            0..=3 => Act::Suspend(job),
            4..=6 => Act::Resume(job),
            7..=11 => {
                Act::Change(job, dice.below(u32::try_from(CHANGES.len()).unwrap()) as usize, dice.next())
            }
            12..=14 => {
                together.push(number);
                Act::SubmitTogether((0..dice.up_to(4)).map(|_| random_wishes(dice)).collect())
            }
            15 if dice.once_in(4) => random_crontab(dice),
            16 => Act::Drain(some_node(dice, scene)),
            17 => Act::Fail(some_node(dice, scene)),
            18 | 19 => Act::Mend(some_node(dice, scene)),
            _ => Act::Cancel(job),
        };
        operations.push(Operation { number, at: at.min(last), act });
    }
    operations.sort_by_key(|operation| operation.at);
}

/// Adds reservations, and jobs that have to do with them.
pub(crate) fn add_reservations(dice: &mut Dice, scene: &mut Scene, operations: &mut Vec<Operation>) {
    scene.cluster.limits.reservation_overrun =
        dice.one_of(&[Duration::ZERO, Duration::ZERO, Duration::from_secs(300), Duration::MAX]);
    reservations::enrich(dice, operations);
    for wishes in operations.iter_mut().flat_map(|operation| operation.act.wishes_mut()) {
        add_wishes(dice, wishes, reserved_places());
    }
}

/// How long after a job's submission something is done to it at most, seconds.
fn dice_span(scene: &Scene) -> u32 {
    if scene.cluster.nodes.len() > 100 { 6_000 } else { 3_000 }
}

fn some_node(dice: &mut Dice, scene: &Scene) -> usize {
    // A few nodes have all the trouble, so that they are put back now and then.
    let few = scene.cluster.nodes.len().div_ceil(8);
    dice.below(u32::try_from(few).unwrap()) as usize
}

fn random_crontab(dice: &mut Dice) -> Act {
    let user = dice.below(u32::try_from(USERS.len()).unwrap()) as usize;
    let entry = |dice: &mut Dice| {
        let due = dice.one_of(&["*/10 * * * *", "*/30 * * * *", "7 * * * *", "45 * * * *"]);
        let (wishes, seed) = random_wishes(dice);
        (due, wishes, seed)
    };
    Act::Crontab(user, (0..dice.below(3)).map(|_| entry(dice)).collect())
}

fn random_wishes(dice: &mut Dice) -> (Wishes, u64) {
    let Act::Submit(mut wishes, seed) = random_job(dice) else { unreachable!("it submits") };
    more_wishes(dice, &mut wishes);
    (wishes, seed)
}

fn more_wishes(dice: &mut Dice, wishes: &mut Wishes) {
    add_wishes(dice, wishes, more_places());
}

fn add_wishes(dice: &mut Dice, wishes: &mut Wishes, places: std::ops::Range<usize>) {
    for place in places {
        if dice.once_in(kind_at(place).odds) {
            wishes.push((place, dice.next()));
        }
    }
}

fn random_act(dice: &mut Dice, job: usize) -> Act {
    match dice.below(12) {
        0 | 1 => Act::Cancel(job),
        2 => Act::Kill(job),
        3 => Act::Hold(job),
        4 | 5 => Act::Release(job),
        6 | 7 => Act::Requeue(job),
        8 => Act::Nice(job, i32::try_from(dice.below(1000)).unwrap()),
        9 => Act::Limit(job, dice.up_to(100)),
        10 => Act::Throttle(job, dice.below(4)),
        _ => Act::Stop(job, dice.once_in(2)),
    }
}

fn random_job(dice: &mut Dice) -> Act {
    let wishes = KINDS.iter().enumerate().filter(|(_, kind)| dice.once_in(kind.odds));
    let places: Vec<usize> = wishes.map(|(place, _)| place).collect();
    Act::Submit(places.into_iter().map(|place| (place, dice.next())).collect(), dice.next())
}

/// Makes the job that an operation submits.
pub(crate) fn wish(scene: &Scene, operation: &Operation, kinds: &[(usize, u64)], seed: u64) -> Wish {
    let mut dice = Dice::new(seed);
    let minutes = dice.one_of(&[5, 10, 30, 60]);
    let resources = Resources { min_nodes: 1, cpus_per_task: 1, ..Resources::default() };
    let mut spec = (*job(1, "main", minutes, resources).spec).clone();
    let user = dice.below(u32::try_from(USERS.len()).unwrap());
    spec.owner.name = USERS[user as usize].into();
    (spec.owner.uid, spec.owner.gid) = (Uid(2000 + user), Gid(2000 + user));
    spec.owner.group = spec.owner.name.clone();
    spec.qos = Text::default();
    spec.wckey = Text::default();
    let mut wish = Wish {
        spec,
        array: String::new(),
        after: Vec::new(),
        hold: false,
        requeue: true,
        seconds: dice.up_to(minutes * 60),
        nature: Nature::Good,
        at: Timestamp::from_seconds(operation.at),
        number: operation.number,
    };
    for (place, seed) in kinds {
        (kind_at(*place).apply)(&mut wish, &mut Dice::new(*seed), scene);
    }
    wish
}
