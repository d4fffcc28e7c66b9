//! A reservation as it is asked for.

use super::request::text;
use crate::slurm::reservation_words::WORDS;
use domain::reservation::{ReservationWish, Span, TresWish, WishedFlags};
use domain::{Problem, Text, Timestamp};
use slurm_wire::no_val::TimeNoVal;
use slurm_wire::reservation::ReservationDescMsgInput;
use slurm_wire::words::ReservationFlag;
use slurm_wire::{Flags, NoVal, hostlist};

/// What the original takes for "not given" where a time is expected, and for "never".
const NO_TIME: u64 = 0xffff_fffe;
const INFINITE_TIME: u64 = 0xffff_ffff;

/// Reads a wish.
///
/// # Errors
/// A list of nodes that cannot be expanded, or is too long.
pub(in crate::slurm) fn reservation(wanted: &ReservationDescMsgInput) -> Result<ReservationWish, Problem> {
    let purge_after = wanted.purge_completed.as_ref().and_then(|purge| number(purge.time));
    let tres = wanted.tres.iter().flat_map(|list| list.iter());
    let tres = tres.map(|tres| TresWish {
        kind: text(tres.kind.as_ref()),
        name: text(tres.name.as_ref()),
        count: tres.count.as_ref().map_or(0, |count| u64::try_from(count.0).unwrap_or(0)),
    });
    Ok(ReservationWish {
        name: text(wanted.name.as_ref()),
        start: time(wanted.start_time),
        end: time(wanted.end_time).map(|end| match end.seconds() {
            seconds if u64::try_from(seconds) == Ok(INFINITE_TIME) => Timestamp::NEVER,
            _ => end,
        }),
        duration: match wanted.duration.unwrap_or_default() {
            NoVal::Unset => None,
            NoVal::Set(minutes) => Some(Span::Minutes(minutes)),
            NoVal::Infinite => Some(Span::Unlimited),
        },
        node_list: nodes(wanted.node_list.iter().flat_map(|list| list.iter()))?,
        node_count: number(wanted.node_count),
        core_count: number(wanted.core_count),
        tres: tres.collect(),
        partition: text(wanted.partition.as_ref()),
        users: names(wanted.users.iter().flat_map(|list| list.iter())),
        groups: names(wanted.groups.iter().flat_map(|list| list.iter())),
        accounts: names(wanted.accounts.iter().flat_map(|list| list.iter())),
        licenses: names(wanted.licenses.iter().flat_map(|list| list.iter())),
        features: text(wanted.features.as_ref()),
        flags: wanted.flags.as_ref().map(flags).unwrap_or_default(),
        max_start_delay: number(wanted.max_start_delay),
        purge_after,
        comment: wanted.comment.clone(),
        burst_buffer: wanted.burst_buffer.clone(),
    })
}

fn number(given: Option<NoVal<u32>>) -> Option<u32> {
    match given.unwrap_or_default() {
        NoVal::Unset => None,
        NoVal::Set(number) => Some(number),
        NoVal::Infinite => Some(u32::MAX),
    }
}

fn time(given: Option<TimeNoVal>) -> Option<Timestamp> {
    let seconds = match given.unwrap_or_default().0 {
        NoVal::Unset | NoVal::Set(NO_TIME) => return None,
        NoVal::Set(seconds) => seconds,
        NoVal::Infinite => INFINITE_TIME,
    };
    Some(Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

/// Reads names; commas within one divide it.
fn names<'a>(list: impl Iterator<Item = &'a Text>) -> Vec<Text> {
    list.flat_map(|item| item.split(',')).map(|name| Text::from(name.trim())).collect()
}

fn nodes<'a>(list: impl Iterator<Item = &'a Text>) -> Result<Vec<Text>, Problem> {
    let lists: Vec<&Text> = list.filter(|item| !item.is_empty()).collect();
    hostlist::expand_all(&lists).map_err(|(list, _)| Problem::UnknownNode((*list).clone()))
}

fn flags(given: &Flags<ReservationFlag>) -> WishedFlags {
    let mut wished = WishedFlags {
        longer: given.contains(ReservationFlag::DurationPlus),
        shorter: given.contains(ReservationFlag::DurationMinus),
        skip: given.contains(ReservationFlag::Skip),
        force_start: given.contains(ReservationFlag::ForceStart),
        reserved: given.contains(ReservationFlag::Reoccurring),
        ..WishedFlags::default()
    };
    for (flag, on, off) in WORDS {
        if given.contains(*on) {
            wished.on = wished.on.with(*flag);
        }
        if off.is_some_and(|off| given.contains(off)) {
            wished.off = wished.off.with(*flag);
        }
    }
    wished
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_put_switches_on_and_off() {
        for (flag, on, off) in WORDS {
            let wished = flags(&Flags::from(*on));
            assert!(wished.on.has(*flag) && !wished.off.has(*flag), "{on:?}");
            if let Some(off) = off {
                let wished = flags(&Flags::from(*off));
                assert!(wished.off.has(*flag) && !wished.on.has(*flag), "{off:?}");
            }
        }
        let rest = flags(&[ReservationFlag::DurationPlus, ReservationFlag::Skip].into());
        assert_eq!((rest.longer, rest.shorter, rest.skip), (true, false, true));
    }
}
