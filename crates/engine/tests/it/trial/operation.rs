//! What is done in a trial, in order of time. Each operation stands for itself: taking some away leaves a trial, which is
//! what shrinking needs.

use super::dice::Dice;
use super::kinds::{KINDS, Nature, Wish};
use super::scene::{Scene, USERS};
use crate::cluster::job;
use domain::job::Resources;
use domain::{Gid, Text, Timestamp, Uid};

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
    /// A job is submitted: its wishes by their places in [`KINDS`], each with a seed; and a seed for the rest.
    Submit(Vec<(usize, u64)>, u64),
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
        (KINDS[*place].apply)(&mut wish, &mut Dice::new(*seed), scene);
    }
    wish
}
