//! The words for a reservation's switches: by which each is put on, and off where it can be. They are told in this order.

use domain::reservation::ReservationFlags;
use slurm_wire::words::ReservationFlag;

/// A switch, the word that puts it on, and the one that puts it off.
pub(super) type Words = (ReservationFlags, ReservationFlag, Option<ReservationFlag>);

/// All of them.
pub(super) const WORDS: &[Words] = &[
    (ReservationFlags::MAINT, ReservationFlag::Maint, Some(ReservationFlag::NoMaint)),
    (ReservationFlags::IGNORE_JOBS, ReservationFlag::IgnoreJobs, Some(ReservationFlag::NoIgnoreJobs)),
    (ReservationFlags::DAILY, ReservationFlag::Daily, Some(ReservationFlag::NoDaily)),
    (ReservationFlags::WEEKLY, ReservationFlag::Weekly, Some(ReservationFlag::NoWeekly)),
    (ReservationFlags::HOURLY, ReservationFlag::Hourly, Some(ReservationFlag::NoHourly)),
    (ReservationFlags::WEEKDAY, ReservationFlag::Weekday, Some(ReservationFlag::NoWeekday)),
    (ReservationFlags::WEEKEND, ReservationFlag::Weekend, Some(ReservationFlag::NoWeekend)),
    (ReservationFlags::ANY_NODES, ReservationFlag::AnyNodes, Some(ReservationFlag::NoAnyNodes)),
    (ReservationFlags::STATIC, ReservationFlag::Static, Some(ReservationFlag::NoStatic)),
    (ReservationFlags::PART_NODES, ReservationFlag::PartNodes, Some(ReservationFlag::NoPartNodes)),
    (ReservationFlags::OVERLAP, ReservationFlag::Overlap, None),
    (ReservationFlags::SPEC_NODES, ReservationFlag::SpecNodes, None),
    (ReservationFlags::ALL_NODES, ReservationFlag::AllNodes, None),
    (ReservationFlags::TIME_FLOAT, ReservationFlag::TimeFloat, None),
    (ReservationFlags::REPLACE, ReservationFlag::Replace, None),
    (ReservationFlags::REPLACE_DOWN, ReservationFlag::ReplaceDown, None),
    (ReservationFlags::PURGE_COMP, ReservationFlag::PurgeComp, Some(ReservationFlag::NoPurgeComp)),
    (ReservationFlags::FLEX, ReservationFlag::Flex, Some(ReservationFlag::NoFlex)),
    (ReservationFlags::NO_HOLD_JOBS_AFTER_END, ReservationFlag::NoHoldJobsAfterEnd, None),
    (ReservationFlags::MAGNETIC, ReservationFlag::Magnetic, Some(ReservationFlag::NoMagnetic)),
    (ReservationFlags::USER_DELETE, ReservationFlag::UserDelete, Some(ReservationFlag::NoUserDelete)),
    (ReservationFlags::TRES_PER_NODE, ReservationFlag::TresPerNode, None),
];
