//! What the border between the two worlds relies on.

use super::job_id::{PathJob, path_job};
use super::request::{names_agree, partitions};

#[test]
fn flags_have_the_same_order_on_both_sides() {
    assert!(names_agree());
}

#[test]
fn paths_name_jobs_tasks_and_steps_but_no_sets() {
    for text in ["1", "0x1", "1_0", "1.batch", "1.5", "1+0"] {
        assert!(matches!(path_job(text), PathJob::Job(_)), "{text}");
    }
    for text in ["", "abc", "0", "-1", "1_", "1_[1-2]", "1-5", "1,2", "4294967295"] {
        assert_eq!(path_job(text), PathJob::Unreadable, "{text}");
    }
    assert_eq!(path_job("99999999"), PathJob::TooLarge(99_999_999));
}

#[test]
fn names_of_partitions_are_divided_at_commas() {
    assert_eq!(partitions("debug, long,,"), ["debug", "long"]);
    assert!(partitions("").is_empty());
}

#[test]
fn guests_of_reservations_are_told_by_their_switch() {
    let guest = |word: &str| {
        let mut flags = slurm_wire::Flags::NONE;
        flags.insert_name(word);
        let job = slurm_wire::job_desc::JobDescMsg {
            kill_warning_signal: Some(slurm_wire::checked_text::SignalName("USR1".into())),
            kill_warning_delay: Some(slurm_wire::NoVal::Set(30)),
            kill_warning_flags: Some(flags),
            ..Default::default()
        };
        super::binding::warning(&job).unwrap().leaves_reservation_after()
    };
    assert_eq!((guest("RESERVATION_JOB"), guest("BATCH_JOB")), (Some(30), None));
}

#[test]
fn a_job_named_alone_gets_a_signal_as_a_whole_unless_something_else_is_said() {
    use domain::job::WarningScope::{Batch, Full, Steps};
    let scope = |word: &str| {
        let mut flags = slurm_wire::Flags::NONE;
        flags.insert_name(word);
        super::binding::scope(&super::of_one_job(flags))
    };
    let found = ["", "VERBOSE", "FULL_JOB", "BATCH_JOB", "FULL_STEPS_ONLY"].map(scope);
    assert_eq!(found, [Full, Full, Full, Batch, Steps]);
}
