//! What became of a submission, as far as its answer tells.

use crate::slurm::split::{self, Around, Splitter, field};
use crate::slurm::transport::Answer;
use crate::slurm::trouble::Trouble;

/// What became of a submission that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// This job.
    Made(u32),
    /// Nothing, and the cluster says why.
    Refused,
    /// Nothing: it never got there.
    NotSent,
    /// Nobody knows.
    Unknown,
}

/// Tells from an answer what became of a submission.
pub(super) fn outcome(answer: &Result<Answer, Trouble>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(Trouble::Unanswered(_) | Trouble::Garbage(_)) => return Outcome::Unknown,
        Err(_) => return Outcome::NotSent,
    };
    let mut compact = Splitter::new("errors");
    let mut errors = Vec::new();
    let told = compact
        .feed(&answer.body, |error| errors.extend(field(error, "error_number").and_then(split::number)));
    let Ok(Around { head, tail }) = told.and_then(|()| compact.end()) else {
        return if answer.status.is_client_error() { Outcome::Refused } else { Outcome::Unknown };
    };
    let whole = [head, tail].concat();
    let job = field(&whole, "job_id").and_then(split::number).and_then(|job| u32::try_from(job).ok());
    match job.filter(|job| *job > 0) {
        Some(job) => Outcome::Made(job),
        None if answer.status.is_client_error() || answer.status.is_success() => Outcome::Refused,
        None => match errors.iter().copied().find(|number| *number != 0) {
            Some(1800) => Outcome::NotSent,
            Some(1007 | 2000..=2999 | 7000..=7999 | 9000..=9999) => Outcome::Refused,
            _ => Outcome::Unknown,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use hyper::StatusCode;

    #[test]
    fn answers_say_what_became_of_a_submission() {
        let answer = |status: u16, body: &'static str| {
            let body = Bytes::from_static(body.as_bytes());
            Ok(Answer { status: StatusCode::from_u16(status).unwrap(), content_type: None, body })
        };
        for (answer, wanted) in [
            (answer(200, r#"{"job_id":7,"errors":[]}"#), Outcome::Made(7)),
            // An unknown flag: the job is there all the same.
            (answer(500, r#"{"job_id":7,"errors":[{"error_number":9207}]}"#), Outcome::Made(7)),
            (answer(200, r#"{"errors":[{"error_number":0}]}"#), Outcome::Refused),
            (answer(422, r#"{"errors":[{"error_number":2000}]}"#), Outcome::Refused),
            (answer(500, r#"{"errors":[{"error_number":9202},{"error_number":9000}]}"#), Outcome::Refused),
            (answer(400, "Failure during parsing"), Outcome::Refused),
            (answer(502, r#"{"errors":[{"error_number":1800}]}"#), Outcome::NotSent),
            (answer(500, r#"{"errors":[{"error_number":-1}]}"#), Outcome::Unknown),
            (answer(504, r#"{"errors":[{"error_number":5004}]}"#), Outcome::Unknown),
            (answer(502, "<html>"), Outcome::Unknown),
            (Err(Trouble::Unanswered(String::new())), Outcome::Unknown),
            (Err(Trouble::Unreachable(String::new())), Outcome::NotSent),
        ] {
            assert_eq!(outcome(&answer), wanted, "{answer:?}");
        }
    }
}
