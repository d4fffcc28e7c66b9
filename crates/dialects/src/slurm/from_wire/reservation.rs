//! A reservation as it is asked for.

use super::request::text;
use domain::reservation::{ReservationFlags, ReservationWish, Span, TresWish, WishedFlags};
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
    let mut names = Vec::new();
    for item in list.filter(|item| !item.is_empty()) {
        names.extend(hostlist::expand(item).map_err(|_| Problem::UnknownNode(item.clone()))?);
        if names.len() > hostlist::MOST_HOSTS {
            return Err(Problem::TooLong(Text::const_new("node list")));
        }
    }
    Ok(names)
}

fn flags(given: &Flags<ReservationFlag>) -> WishedFlags {
    let mut wished = WishedFlags::default();
    for flag in given.iter() {
        let on = match flag {
            ReservationFlag::Maint => ReservationFlags::MAINT,
            ReservationFlag::Daily => ReservationFlags::DAILY,
            ReservationFlag::Weekly => ReservationFlags::WEEKLY,
            ReservationFlag::Hourly => ReservationFlags::HOURLY,
            ReservationFlag::Weekday => ReservationFlags::WEEKDAY,
            ReservationFlag::Weekend => ReservationFlags::WEEKEND,
            ReservationFlag::IgnoreJobs => ReservationFlags::IGNORE_JOBS,
            ReservationFlag::AnyNodes => ReservationFlags::ANY_NODES,
            ReservationFlag::Static => ReservationFlags::STATIC,
            ReservationFlag::PartNodes => ReservationFlags::PART_NODES,
            ReservationFlag::Overlap => ReservationFlags::OVERLAP,
            ReservationFlag::SpecNodes => ReservationFlags::SPEC_NODES,
            ReservationFlag::AllNodes => ReservationFlags::ALL_NODES,
            ReservationFlag::TimeFloat => ReservationFlags::TIME_FLOAT,
            ReservationFlag::Replace => ReservationFlags::REPLACE,
            ReservationFlag::ReplaceDown => ReservationFlags::REPLACE_DOWN,
            ReservationFlag::PurgeComp => ReservationFlags::PURGE_COMP,
            ReservationFlag::Flex => ReservationFlags::FLEX,
            ReservationFlag::NoHoldJobsAfterEnd => ReservationFlags::NO_HOLD_JOBS_AFTER_END,
            ReservationFlag::Magnetic => ReservationFlags::MAGNETIC,
            ReservationFlag::UserDelete => ReservationFlags::USER_DELETE,
            ReservationFlag::TresPerNode => ReservationFlags::TRES_PER_NODE,
            other => {
                take_in(&mut wished, other);
                continue;
            }
        };
        wished.on = wished.on.with(on);
    }
    wished
}

/// Takes in a flag that puts a switch off, or that is none.
fn take_in(wished: &mut WishedFlags, flag: ReservationFlag) {
    let off = match flag {
        ReservationFlag::NoMaint => ReservationFlags::MAINT,
        ReservationFlag::NoDaily => ReservationFlags::DAILY,
        ReservationFlag::NoWeekly => ReservationFlags::WEEKLY,
        ReservationFlag::NoHourly => ReservationFlags::HOURLY,
        ReservationFlag::NoWeekday => ReservationFlags::WEEKDAY,
        ReservationFlag::NoWeekend => ReservationFlags::WEEKEND,
        ReservationFlag::NoIgnoreJobs => ReservationFlags::IGNORE_JOBS,
        ReservationFlag::NoAnyNodes => ReservationFlags::ANY_NODES,
        ReservationFlag::NoStatic => ReservationFlags::STATIC,
        ReservationFlag::NoPartNodes => ReservationFlags::PART_NODES,
        ReservationFlag::NoFlex => ReservationFlags::FLEX,
        ReservationFlag::NoPurgeComp => ReservationFlags::PURGE_COMP,
        ReservationFlag::NoMagnetic => ReservationFlags::MAGNETIC,
        ReservationFlag::NoUserDelete => ReservationFlags::USER_DELETE,
        other => {
            wished.longer |= other == ReservationFlag::DurationPlus;
            wished.shorter |= other == ReservationFlag::DurationMinus;
            wished.skip |= other == ReservationFlag::Skip;
            wished.force_start |= other == ReservationFlag::ForceStart;
            wished.reserved |= other == ReservationFlag::Reoccurring;
            return;
        }
    };
    wished.off = wished.off.with(off);
}
