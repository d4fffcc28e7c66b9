//! What reservations of a trial ask for, and how they are changed: tables, as of jobs. Few names are used, so that jobs
//! name one that is there, or one that is another by now.

use super::dice::Dice;
use super::operation::{Act, Operation};
use super::scene::{Scene, USERS};
use domain::reservation::{ReservationFlags, ReservationWish, Span, TresWish};
use domain::{Text, Timestamp};

/// So many names are used.
const NAMES: u32 = 4;

/// Accounts that jobs are charged to, and that reservations are for.
pub(crate) const ACCOUNTS: [&str; 2] = ["physics", "maths"];

/// A group that reservations are for, and who belongs to it.
pub(crate) const GROUP: &str = "chemists";
pub(crate) const MEMBERS: [&str; 2] = [USERS[1], USERS[3]];

/// Returns the name with a number.
pub(crate) fn name_of(number: u32) -> Text {
    format!("r{number}").into()
}

/// Returns one of the names.
pub(crate) fn some_name(dice: &mut Dice) -> Text {
    name_of(dice.below(NAMES))
}

/// Something that a reservation may ask for besides.
struct More {
    /// One in so many has it.
    odds: u32,
    /// Makes the wish.
    apply: fn(&mut ReservationWish, &mut Dice, &Scene),
}

const fn more(odds: u32, apply: fn(&mut ReservationWish, &mut Dice, &Scene)) -> More {
    More { odds, apply }
}

/// Everything a reservation may ask for besides what is reserved.
const MORE: &[More] = &[
    more(4, |wish, dice, _| wish.licenses.push(licenses(dice))),
    more(3, |wish, _, _| put_on(wish, ReservationFlags::IGNORE_JOBS)),
    more(8, |wish, _, _| put_on(wish, ReservationFlags::MAINT)),
    more(8, |wish, _, _| put_on(wish, ReservationFlags::OVERLAP)),
    more(6, |wish, _, _| put_on(wish, ReservationFlags::FLEX)),
    more(5, |wish, _, _| put_on(wish, ReservationFlags::MAGNETIC)),
    more(5, |wish, dice, _| {
        put_on(wish, ReservationFlags::PURGE_COMP);
        wish.purge_after = Some(dice.up_to(900));
    }),
    more(8, |wish, _, _| put_on(wish, ReservationFlags::HOURLY)),
    more(10, |wish, dice, _| {
        let turns = [ReservationFlags::DAILY, ReservationFlags::WEEKLY, ReservationFlags::WEEKDAY];
        put_on(wish, dice.one_of(&turns));
    }),
    more(8, |wish, _, _| put_on(wish, ReservationFlags::REPLACE)),
    more(10, |wish, _, _| put_on(wish, ReservationFlags::REPLACE_DOWN)),
    more(10, |wish, _, _| put_on(wish, ReservationFlags::STATIC)),
    more(4, |wish, _, _| put_on(wish, ReservationFlags::NO_HOLD_JOBS_AFTER_END)),
    more(15, |wish, _, _| put_on(wish, ReservationFlags::TIME_FLOAT)),
    more(15, |wish, _, _| put_on(wish, ReservationFlags::ANY_NODES)),
    more(10, |wish, _, _| wish.features = "any".into()),
    more(6, |wish, dice, _| wish.accounts = vec![dice.one_of(&ACCOUNTS).into()]),
    more(20, |wish, dice, _| {
        (wish.users, wish.accounts) = (Vec::new(), vec![dice.one_of(&ACCOUNTS).into()]);
    }),
    more(3, |wish, dice, _| wish.max_start_delay = Some(dice.up_to(60))),
    more(8, |wish, _, _| (wish.users, wish.groups) = (Vec::new(), vec![GROUP.into()])),
];

fn put_on(wish: &mut ReservationWish, flag: ReservationFlags) {
    wish.flags.on = wish.flags.on.with(flag);
}

fn licenses(dice: &mut Dice) -> Text {
    let (name, most) = dice.one_of(&[("matlab", 3), ("ansys", 10)]);
    format!("{name}:{}", dice.up_to(most)).into()
}

/// Makes the wish for a new reservation.
pub(crate) fn wish(scene: &Scene, name: Text, seed: u64, now: Timestamp) -> ReservationWish {
    let mut dice = Dice::new(seed);
    let ahead = if dice.once_in(3) { 0 } else { i64::from(dice.below(5_000)) };
    let minutes = dice.up_to(120);
    let mut wish = ReservationWish {
        name,
        start: Some(Timestamp::from_seconds(now.seconds() + ahead)),
        duration: Some(if dice.once_in(20) { Span::Unlimited } else { Span::Minutes(minutes) }),
        users: some_users(&mut dice),
        ..ReservationWish::default()
    };
    place(&mut wish, &mut dice, scene);
    for more in MORE {
        let mut own = Dice::new(dice.next());
        if dice.once_in(more.odds) {
            (more.apply)(&mut wish, &mut own, scene);
        }
    }
    wish
}

/// Says what is reserved.
fn place(wish: &mut ReservationWish, dice: &mut Dice, scene: &Scene) {
    let count = u32::try_from(scene.cluster.nodes.len()).unwrap();
    match dice.below(10) {
        0..=2 => wish.node_list = (0..dice.up_to(3)).map(|_| some_node(dice, scene)).collect(),
        3 | 4 => {
            wish.node_count = Some(dice.up_to(count.div_ceil(3)));
            wish.partition = dice.one_of(&["", "main", "short", "wide"]).into();
        }
        5 | 6 => wish.core_count = Some(dice.up_to(6)),
        7 => {
            wish.node_list = vec![some_node(dice, scene)];
            wish.core_count = Some(dice.up_to(3));
        }
        8 => {
            put_on(wish, ReservationFlags::ANY_NODES);
            wish.licenses.push(licenses(dice));
        }
        _ if dice.once_in(2) => {
            let (kind, count) = ("gres/gpu".into(), u64::from(dice.up_to(3)));
            wish.tres.push(TresWish { kind, name: Text::default(), count });
        }
        _ => {
            wish.node_list = vec!["ALL".into()];
            if dice.once_in(2) {
                put_on(wish, ReservationFlags::PART_NODES);
                wish.partition = dice.one_of(&["short", "wide"]).into();
            }
        }
    }
}

fn some_node(dice: &mut Dice, scene: &Scene) -> Text {
    let nodes = &scene.cluster.nodes;
    nodes[dice.below(u32::try_from(nodes.len()).unwrap()) as usize].name.clone()
}

fn some_users(dice: &mut Dice) -> Vec<Text> {
    let sign = if dice.once_in(5) { "-" } else { "" };
    (0..dice.up_to(3)).map(|_| format!("{sign}{}", dice.one_of(&USERS)).into()).collect()
}

/// Makes the wish for a change.
pub(crate) fn change(scene: &Scene, name: Text, seed: u64, now: Timestamp) -> ReservationWish {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    let mut wish = ReservationWish { name, ..ReservationWish::default() };
    let from_now = |seconds: u32| Some(Timestamp::from_seconds(now.seconds() + i64::from(seconds)));
    match dice.below(14) {
        12 => wish.max_start_delay = Some(dice.below(60)),
        13 => wish.groups = vec![format!("{}{GROUP}", dice.one_of(&["+", "-", ""])).into()],
        0 => wish.start = from_now(dice.below(2_000)),
        1 => wish.end = from_now(dice.below(6_000)),
        2 => (wish.duration, wish.flags.longer) = (Some(Span::Minutes(dice.up_to(60))), true),
        3 => (wish.duration, wish.flags.shorter) = (Some(Span::Minutes(dice.up_to(60))), true),
        4 => {
            let sign = dice.one_of(&["+", "-", ""]);
            wish.node_list = vec![format!("{sign}{}", some_node(dice, scene)).into()];
        }
        5 => wish.node_count = Some(dice.up_to(4)),
        6 => wish.users = some_users(dice),
        7 => wish.users = vec![format!("+{}", dice.one_of(&USERS)).into()],
        8 => wish.licenses = vec![licenses(dice)],
        9 => wish.flags.skip = true,
        10 => wish.flags.off = ReservationFlags::RECURRING.with(ReservationFlags::MAGNETIC),
        _ => {
            let flags = [
                ReservationFlags::FLEX,
                ReservationFlags::MAGNETIC,
                ReservationFlags::OVERLAP,
                ReservationFlags::PURGE_COMP,
                ReservationFlags::REPLACE,
            ];
            let flag = dice.one_of(&flags);
            if dice.once_in(3) { wish.flags.off = flag } else { wish.flags.on = flag }
        }
    }
    wish
}

/// Adds reservations to the operations of a trial: some are made, changed and deleted.
pub(crate) fn enrich(dice: &mut Dice, operations: &mut Vec<Operation>) {
    let last = operations.last().map_or(0, |operation| operation.at);
    let count = (operations.len() / 12).clamp(3, 60);
    let first = operations.iter().map(|operation| operation.number + 1).max().unwrap_or(0);
    for number in first..first + count {
        let at = i64::from(dice.below(u32::try_from(last).unwrap().max(1)));
        let name = dice.below(NAMES);
        let act = match dice.below(8) {
            0..=4 => Act::Reserve(name, dice.next()),
            5 | 6 => Act::Rebook(name, dice.next()),
            _ => Act::Unreserve(name),
        };
        operations.push(Operation { number, at, act });
    }
    operations.sort_by_key(|operation| operation.at);
}
