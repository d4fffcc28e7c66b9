//! Limits and waits of the whole cluster, with Slurm's names and defaults.

use crate::Text;
use std::time::Duration;

/// Limits and waits. The defaults are Slurm's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a finished job stays among the live ones (`MinJobAge`).
    pub min_job_age: Duration,
    /// How long processes have between SIGTERM and SIGKILL (`KillWait`).
    pub kill_wait: Duration,
    /// One more than the largest array index (`MaxArraySize`).
    pub max_array_size: u32,
    /// Most live jobs (`MaxJobCount`).
    pub max_jobs: usize,
    /// Largest script in bytes (`max_script_size`).
    pub max_script: usize,
    /// The first job number (`FirstJobId`).
    pub first_job_id: u32,
    /// The priority of a job nobody has given another.
    pub base_priority: u32,
    /// Jobs go back into the queue when their node fails (`JobRequeue`).
    pub requeue: bool,
    /// Output files are appended to (`JobFileAppend`).
    pub append_output: bool,
    /// The user the service calls its own, an administrator.
    pub service_user: Text,
    /// Workload keys are tracked (`TrackWCKey`).
    pub track_wckeys: bool,
    /// How long batch jobs wait to be looked at together (`batch_sched_delay`); zero for at once. Allocations never
    /// wait for that.
    pub batch_delay: Duration,
    /// Exit codes with which a job goes back into the queue (`RequeueExit`).
    pub requeue_exit: ExitCodes,
    /// Exit codes with which a job goes back into the queue and is held (`RequeueExitHold`).
    pub requeue_exit_hold: ExitCodes,
    /// How often a job goes back into the queue by itself before it is held (`max_batch_requeue`).
    pub max_requeue: u32,
    /// A job whose prolog failed is tried again, and not held until somebody releases it (`nohold_on_prolog_fail`).
    pub retry_after_prolog: bool,
    /// How long jobs may exceed their time limit, unless their partition says otherwise (`OverTimeLimit`).
    pub overtime: Duration,
    /// Jobs whose dependency can never be met are cancelled, unless they say otherwise (`kill_invalid_depend`).
    pub kill_invalid_dependency: bool,
    /// Jobs may say how many cores are kept for the system (`AllowSpecResourcesUsage`).
    pub allow_core_spec: bool,
    /// The longest a job may wait for the switches it asks for (`max_switch_wait`).
    pub max_switch_wait: Duration,
    /// Jobs of crontabs are cancelled only where they are named as such (`ScronParameters=explicit_scancel`).
    pub explicit_cron_cancel: bool,
    /// How long an allocation is kept whose program has gone without a word (`InactiveLimit`); zero for as long as its time
    /// limit allows.
    pub inactive_limit: Duration,
    /// How many changes the feed keeps for those who resume it.
    pub kept_changes: usize,
    /// Most nodes, those of the configuration and those made at run time (`MaxNodeCount`); `None` if none may be made.
    pub max_nodes: Option<usize>,
    /// Nodes that are set down come back by themselves, since their machine answers (`ReturnToService=2`).
    pub returns_to_service: bool,
    /// How long jobs may run on when their reservation is over (`ResvOverRun`).
    pub reservation_overrun: Duration,
    /// How many submissions with a client's key are remembered, so that they can be sent again.
    pub kept_receipts: usize,
    /// How long.
    pub receipt_lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            min_job_age: Duration::from_secs(300),
            kill_wait: Duration::from_secs(30),
            max_array_size: 1001,
            max_jobs: 1_000_000,
            max_script: 4 << 20,
            first_job_id: 1,
            base_priority: 1000,
            requeue: true,
            append_output: false,
            service_user: Text::const_new("slurm"),
            track_wckeys: false,
            batch_delay: Duration::ZERO,
            requeue_exit: ExitCodes::default(),
            requeue_exit_hold: ExitCodes::default(),
            max_requeue: 5,
            retry_after_prolog: false,
            overtime: Duration::ZERO,
            kill_invalid_dependency: false,
            allow_core_spec: false,
            max_switch_wait: Duration::from_secs(300),
            explicit_cron_cancel: false,
            inactive_limit: Duration::ZERO,
            kept_changes: 10_000,
            max_nodes: None,
            returns_to_service: false,
            reservation_overrun: Duration::ZERO,
            kept_receipts: 50_000,
            receipt_lifetime: Duration::from_secs(24 * 3600),
        }
    }
}

/// A set of exit codes, 0 to 255, as Slurm writes them: `3,10-12`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExitCodes([u64; 4]);

impl ExitCodes {
    /// Reads numbers and ranges between commas; `None` if it cannot be read. Nothing written is no code.
    pub fn parse(written: &str) -> Option<Self> {
        let mut codes = ExitCodes::default();
        for part in written.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.trim().parse::<u8>().ok()?, last.trim().parse::<u8>().ok()?);
            if first > last {
                return None;
            }
            (first..=last).for_each(|code| codes.0[usize::from(code / 64)] |= 1 << (code % 64));
        }
        Some(codes)
    }

    /// Tells whether a code is in the set.
    pub fn contains(&self, code: u8) -> bool {
        self.0[usize::from(code / 64)] & (1 << (code % 64)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_read_as_slurm_writes_them() {
        let codes = ExitCodes::parse(" 3, 10-12,255").expect("it reads");
        let held: Vec<u8> = (0..=255).filter(|code| codes.contains(*code)).collect();
        assert_eq!(held, [3, 10, 11, 12, 255]);
        assert_eq!(ExitCodes::parse(""), Some(ExitCodes::default()));
        for bad in ["x", "256", "5-3", "1-", "-1", "1-2-3"] {
            assert_eq!(ExitCodes::parse(bad), None, "{bad}");
        }
    }
}
