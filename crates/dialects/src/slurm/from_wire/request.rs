//! Small conversions that submission and change share.

use domain::job::{Constraint, JobFlags, MailTypes, Memory, OpenMode, Sharing};
use domain::{Problem, Text, TimeLimit, Timestamp};
use slurm_wire::no_val::MemoryMb;
use slurm_wire::words::{self, JobShared, MailType};
use slurm_wire::{Flags, NoVal, hostlist};

/// Returns a text, empty where none was given.
pub(super) fn text(text: Option<&Text>) -> Text {
    text.cloned().unwrap_or_default()
}

/// Reads a time limit; `None` for the default.
pub(super) fn time_limit(limit: Option<NoVal<u32>>) -> Option<TimeLimit> {
    match limit.unwrap_or_default() {
        NoVal::Unset => None,
        NoVal::Set(minutes) => Some(TimeLimit::Minutes(minutes)),
        NoVal::Infinite => Some(TimeLimit::Unlimited),
    }
}

/// Reads a time; what lies in the past, or is none, does not matter.
pub(super) fn future(seconds: Option<u64>, now: Timestamp) -> Option<Timestamp> {
    let at = Timestamp::from_seconds(i64::try_from(seconds?).unwrap_or(i64::MAX));
    (at > now).then_some(at)
}

/// Reads memory: that of each node counts before that of each CPU; infinity asks for all there is.
pub(super) fn memory(per_node: Option<MemoryMb>, per_cpu: Option<MemoryMb>) -> Option<Memory> {
    match (per_node.unwrap_or_default().0, per_cpu.unwrap_or_default().0) {
        (NoVal::Set(megabytes), _) => Some(Memory::PerNode(megabytes)),
        (NoVal::Infinite, _) => Some(Memory::PerNode(0)),
        (NoVal::Unset, NoVal::Set(megabytes)) => Some(Memory::PerCpu(megabytes)),
        (NoVal::Unset, NoVal::Infinite) => Some(Memory::PerNode(0)),
        (NoVal::Unset, NoVal::Unset) => None,
    }
}

/// Reads who may share nodes; a set without a known word means exclusive, as in the original.
pub(super) fn sharing(shared: &Flags<JobShared>) -> Sharing {
    if shared.contains(JobShared::Oversubscribe) {
        Sharing::Oversubscribe
    } else if shared.contains(JobShared::User) {
        Sharing::SameUser
    } else if shared.contains(JobShared::Mcs) {
        Sharing::SameLabel
    } else if shared.contains(JobShared::Topo) {
        Sharing::Topology
    } else {
        Sharing::Exclusive
    }
}

/// Reads features; empty for none.
pub(super) fn constraint(written: &str) -> Result<Option<Constraint>, Problem> {
    if written.trim().is_empty() { Ok(None) } else { Constraint::parse(written).map(Some) }
}

/// Expands lists of nodes such as `n[1-3]`.
pub(super) fn nodes(lists: &[Text]) -> Result<Vec<Text>, Problem> {
    let lists: Vec<&Text> = lists.iter().filter(|list| !list.is_empty()).collect();
    hostlist::expand_all(&lists).map_err(|(list, _)| Problem::UnknownNode((*list).clone()))
}

/// Reads names of partitions.
pub(super) fn partitions(list: &str) -> Vec<Text> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Text::from).collect()
}

/// Reads when mail is wanted; both enumerations have the same order.
pub(super) fn mail_types(types: &Flags<MailType>) -> MailTypes {
    MailTypes(u16::try_from(super::binding::bits(types)).unwrap_or(0))
}

/// Reads what happens to output files that exist.
pub(super) fn open_mode(mode: &Flags<words::OpenMode>) -> OpenMode {
    if mode.contains(words::OpenMode::Append) {
        OpenMode::Append
    } else if mode.contains(words::OpenMode::Truncate) {
        OpenMode::Truncate
    } else {
        OpenMode::Default
    }
}

/// Marks that a submission may set and that are kept. The others are the controller's own; the original drops them
/// without a word, as is done here.
const SETTABLE: [JobFlags; 20] = [
    JobFlags::KILL_INVALID_DEPENDENCY,
    JobFlags::NO_KILL_INVALID_DEPENDENCY,
    JobFlags::HAS_STATE_DIRECTORY,
    JobFlags::GRES_BINDING_ENFORCED,
    JobFlags::TEST_NOW_ONLY,
    JobFlags::SEND_JOB_ENVIRONMENT,
    JobFlags::SPREAD_JOB,
    JobFlags::PREFER_MINIMUM_NODE_COUNT,
    JobFlags::HETEROGENEOUS_JOB,
    JobFlags::EXACT_TASK_COUNT_REQUESTED,
    JobFlags::EXACT_CPU_COUNT_REQUESTED,
    JobFlags::TOP_PRIORITY_JOB,
    JobFlags::GRES_BINDING_DISABLED,
    JobFlags::JOB_ACCRUE_TIME_RESET,
    JobFlags::EXACT_MEMORY_REQUESTED,
    JobFlags::MAGNETIC,
    JobFlags::BACKFILL_ATTEMPTED,
    JobFlags::SCHEDULING_ATTEMPTED,
    JobFlags::SPREAD_SEGMENTS,
    JobFlags::CONSOLIDATE_SEGMENTS,
];

/// Reads marks; both enumerations have the same order.
pub(super) fn flags(flags: &Flags<words::JobFlag>) -> JobFlags {
    let given = JobFlags(super::binding::bits(flags));
    SETTABLE.iter().filter(|flag| given.has(**flag)).fold(JobFlags::default(), |all, flag| all.with(*flag))
}

/// Both enumerations must have the same order: bits are carried over.
#[cfg(test)]
pub(super) fn names_agree() -> bool {
    use slurm_wire::flags::Flag;
    let ours = JobFlags::ALL.iter().map(|(name, _)| *name);
    let current =
        words::JobFlag::MEMBERS.iter().filter(|flag| words::JobFlag::LATER & (1 << flag.index()) == 0);
    ours.eq(current.map(|flag| flag.name()))
}
