//! Which places of an answer differ from run to run, so that values there prove nothing.
//!
//! Checked against a second real Slurm: what that answers differently without meaning anything is listed here.

/// Names of fields whose value depends on the moment, the machine or what ran before, with all below them.
const VOLATILE: &[&str] = &[
    "LastUpdate",
    "accrue_time",
    "alloc_cpus",
    "alloc_idle_cpus",
    "alloc_memory",
    "alloc_tres",
    "allocation",
    "architecture",
    "average",
    "boards",
    "consumed",
    "cpu_load",
    "deadline",
    "effective_usage",
    "elapsed",
    "eligible",
    "end",
    "energy",
    "fairshare",
    "free_mem",
    "group",
    "hostname",
    "last_busy",
    "last_sched_evaluation",
    "latency",
    "lineage",
    "major",
    "max",
    "memory_used",
    "micro",
    "microseconds",
    "min",
    "minor",
    "operating_system",
    "pid",
    "pinged_at",
    "planned",
    "port",
    "priority",
    "reason_changed_at",
    "release",
    "resume_after",
    "rollups",
    "seconds",
    "sluid",
    "source",
    "start",
    "statistics",
    "submission",
    "system",
    "total",
    "tres_used",
    "usage",
    "user",
    "user_agent",
    "users",
    "version",
];

/// Beginnings of such names.
const VOLATILE_PREFIXES: &[&str] =
    &["accrue", "bf_", "cycle", "kill_request_", "last_backfill", "last_update", "rpcs_", "schedule_"];

/// Names that contain `time` and yet are settings, the same in every run.
const STEADY_TIMES: &[&str] = &[
    "default_time",
    "over_time_limit",
    "overtime_limit",
    "suspend_time",
    "time",
    "time_limit",
    "time_minimum",
    "timelimit",
    "timeouts",
];

/// Whether the values at and below a field of this name say nothing.
pub(crate) fn is_volatile(name: &str) -> bool {
    VOLATILE.binary_search(&name).is_ok()
        || VOLATILE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || (name.contains("time") && !STEADY_TIMES.contains(&name))
}

/// Whether a place holds the number of a job, which depends on what was submitted before.
pub(crate) fn is_number_of_a_job(place: &str) -> bool {
    place.starts_with("/id")
        || ["job_id", "step_id", "array_job", "het_job", "/id"].iter().any(|part| place.contains(part))
}

/// Replaces every run of digits, which in texts are mostly job numbers and times.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut calm = String::with_capacity(text.len());
    let mut in_number = false;
    for letter in text.chars() {
        let is_digit = letter.is_ascii_digit();
        if !is_digit {
            calm.push(letter);
        } else if !in_number {
            calm.push('#');
        }
        in_number = is_digit;
    }
    calm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        assert!(VOLATILE.is_sorted());
    }

    #[test]
    fn moments_are_masked_and_settings_are_not() {
        let names = ["start_time", "time_limit", "bf_cycle_sum", "name", "timelimit", "kill_request_user"];
        assert_eq!(names.map(is_volatile), [true, false, true, false, false, true]);
    }

    #[test]
    fn numbers_leave_texts() {
        assert_eq!(without_numbers("job 12_3 at 2026-11-21"), "job #_# at #-#-#");
    }
}
