//! What changes mean and how it is worded, as a Slurm 26.05 does.

use super::occasion::{Occasion, SHARES, clock};
use domain::job::{Exit, MailTypes, Outcome, Reason};
use domain::service::{StateChange, StateWord};
use domain::{ChangeId, JobId, Timestamp};
use std::time::Duration;

fn meaning(from: StateWord, to: StateWord, reason: Reason, wishes: MailTypes) -> Vec<String> {
    let change = StateChange {
        id: ChangeId(1),
        at: Timestamp::EPOCH,
        job: JobId(1),
        task: None,
        het: None,
        name: "n".into(),
        user: "u".into(),
        from: Some(from),
        to,
        reason,
        exit: Exit::None,
    };
    Occasion::of(&change, wishes).into_iter().map(Occasion::words).collect()
}

#[test]
fn changes_mean_what_they_do_to_slurm() {
    use StateWord::{Completing, Ended, Pending, Running, Suspended};
    let all = MailTypes::BEGIN.with(MailTypes::END).with(MailTypes::FAIL).with(MailTypes::REQUEUE);
    let all = all.with(MailTypes::TIME_LIMIT);
    for (from, to, reason, words) in [
        (Pending, Running, Reason::None, &["Began"][..]),
        (Suspended, Running, Reason::None, &[]),
        (Running, Running, Reason::None, &["Requeued", "Began"]),
        (Completing, Pending, Reason::None, &["Requeued"]),
        (Running, Completing, Reason::TimeLimit, &["Reached time limit"]),
        (Completing, Ended(Outcome::Timeout), Reason::TimeLimit, &["Failed"]),
        (Running, Ended(Outcome::Timeout), Reason::TimeLimit, &["Reached time limit", "Failed"]),
        (Running, Ended(Outcome::Completed), Reason::None, &["Ended"]),
        (Pending, Ended(Outcome::Cancelled), Reason::None, &["Ended"]),
        (Running, Ended(Outcome::OutOfMemory), Reason::None, &["Failed"]),
    ] {
        assert_eq!(meaning(from, to, reason, all), words, "{from:?} {to:?}");
    }
    let failed = Ended(Outcome::Failed);
    assert_eq!(meaning(Running, failed, Reason::None, MailTypes::END), ["Ended"], "who wants ends gets them");
    assert!(meaning(Running, Ended(Outcome::Completed), Reason::None, MailTypes::FAIL).is_empty());
    assert!(meaning(Running, Ended(Outcome::Cancelled), Reason::None, MailTypes::FAIL).is_empty());
}

#[test]
fn shares_of_a_limit_are_worded() {
    let words: Vec<String> = SHARES.iter().map(|(share, _)| Occasion::Reached(*share).words()).collect();
    assert_eq!(words[1], "Reached 80% of time limit");
    assert_eq!(words.len(), 3);
}

#[test]
fn times_read_as_slurms() {
    for (seconds, written) in
        [(0, "00:00:00"), (59, "00:00:59"), (3_661, "01:01:01"), (173_058, "2-00:04:18")]
    {
        assert_eq!(clock(Duration::from_secs(seconds)), written);
    }
}
