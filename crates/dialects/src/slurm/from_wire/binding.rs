//! Numbers and bits for what Slurm writes as words: CPU frequencies, binding switches, signals, limits of processes.

use domain::Text;
use domain::job::{Warning, WarningScope};
use slurm_wire::flags::Flag;
use slurm_wire::job_desc::{JobDescMsg, JobDescMsgRlimits};
use slurm_wire::words::KillFlag;
use slurm_wire::{Flags, NoVal};

/// Governors, as the controller numbers them.
const GOVERNORS: [(&str, u32); 6] = [
    ("conservative", 0x8800_0000),
    ("ondemand", 0x8400_0000),
    ("performance", 0x8200_0000),
    ("powersave", 0x8100_0000),
    ("userspace", USERSPACE),
    ("schedutil", 0x8040_0000),
];
/// The governor that keeps a given frequency.
const USERSPACE: u32 = 0x8080_0000;
/// Frequencies by name.
const LEVELS: [(&str, u32); 4] =
    [("low", 0x8000_0001), ("medium", 0x8000_0002), ("high", 0x8000_0003), ("highm1", 0x8000_0004)];
/// How long before its limit a job is warned when nothing else is asked for.
const DEFAULT_LEAD: u16 = 60;

/// Reads a frequency request, `P1[-P2[:P3]]`: least, most, governor; zero for none. What it may say has been checked.
pub(super) fn cpu_frequency(text: &str) -> Option<[u32; 3]> {
    let find = |table: &[(&str, u32)], word: &str| {
        table.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, number)| *number)
    };
    let level = |word: &str| find(&LEVELS, word).or_else(|| word.parse().ok());
    let (levels, governor) = match text.split_once(':') {
        Some((levels, governor)) => (levels, find(&GOVERNORS, governor)),
        None => (text, None),
    };
    if let Some(governor) = find(&GOVERNORS, levels) {
        return Some([0, 0, governor]);
    }
    match levels.split_once('-') {
        Some((least, most)) => Some([level(least)?, level(most)?, governor.unwrap_or(0)]),
        None => Some([0, level(levels)?, governor.unwrap_or(USERSPACE)]),
    }
}

/// Turns a set of words into bits, in the order of the words.
pub(super) fn bits<F: Flag>(flags: &Flags<F>) -> u64 {
    flags.iter().fold(0, |bits, flag| bits | 1u64.checked_shl(flag.index() as u32).unwrap_or(0))
}

/// Reads the warning signal.
pub(super) fn warning(job: &JobDescMsg) -> Option<Warning> {
    let signal = job.kill_warning_signal.as_ref().and_then(|name| slurm_wire::signal::number(name))?;
    let flags = job.kill_warning_flags.clone().unwrap_or_default();
    let lead = match job.kill_warning_delay.unwrap_or_default() {
        NoVal::Set(seconds) => seconds,
        NoVal::Unset | NoVal::Infinite => DEFAULT_LEAD,
    };
    let flag_bits = u16::try_from(bits(&flags)).unwrap_or(u16::MAX);
    Some(Warning { signal: signal.into(), lead, scope: scope(&flags), flags: flag_bits })
}

/// Returns who gets a signal.
pub(super) fn scope(flags: &Flags<KillFlag>) -> WarningScope {
    if flags.contains(KillFlag::FullJob) {
        WarningScope::Full
    } else if flags.contains(KillFlag::BatchJob) {
        WarningScope::Batch
    } else {
        WarningScope::Steps
    }
}

/// Reads limits of processes, by their names on the wire.
pub(super) fn rlimits(limits: &JobDescMsgRlimits) -> Vec<(Text, Option<u64>)> {
    let all = [
        ("cpu", limits.cpu),
        ("fsize", limits.fsize),
        ("data", limits.data),
        ("stack", limits.stack),
        ("core", limits.core),
        ("rss", limits.rss),
        ("nproc", limits.nproc),
        ("nofile", limits.nofile),
        ("memlock", limits.memlock),
        ("as", limits.address_space),
    ];
    let given = all.into_iter().filter_map(|(name, limit)| match limit.unwrap_or_default() {
        NoVal::Unset => None,
        NoVal::Set(number) => Some((Text::const_new(name), Some(number))),
        NoVal::Infinite => Some((Text::const_new(name), None)),
    });
    given.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_have_the_controllers_numbers() {
        for (text, wanted) in [
            ("low", [0, 0x8000_0001, 0x8080_0000]),
            ("performance", [0, 0, 0x8200_0000]),
            ("1000-2000:performance", [1000, 2000, 0x8200_0000]),
            ("1000-high", [1000, 0x8000_0003, 0]),
        ] {
            assert_eq!(cpu_frequency(text), Some(wanted), "{text}");
        }
        assert_eq!(cpu_frequency("bogus"), None);
    }
}
