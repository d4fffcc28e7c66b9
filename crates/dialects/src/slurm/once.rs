//! `Idempotency-Key`: a submission that can be sent again without making a second job. The original has nothing of the
//! kind; this follows draft-ietf-httpapi-idempotency-key-header.

use super::call::Call;
use super::from_wire::Refusal;
use super::routes::Operation;
use domain::service::{ClientKey, Submitted};
use domain::who::Principal;
use domain::{Error, Problem, Text};
use hyper::header::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use slurm_wire::error_number as number;
use std::fmt::Write as _;

const NAME: &str = "Idempotency-Key";
/// Longest key, in bytes.
const LONGEST: usize = 255;

/// What the header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Once {
    /// Nothing, or of an operation that submits nothing.
    #[default]
    Unsaid,
    /// A key, and what stands for the request under it.
    Key { key: Text, content: Text },
    /// Something that is no key.
    Unreadable,
}

/// What is known of a submission.
pub(super) enum Known {
    /// What it was answered before.
    Before(Submitted),
    /// It is new; the key to remember it by, if there is one.
    New(Option<ClientKey>),
}

impl Once {
    /// Reads the header of a request with this body, where the operation submits.
    pub(super) fn of(operation: Operation, headers: &HeaderMap, body: &[u8]) -> Self {
        let purpose: &[u8] = match operation {
            Operation::Submit => b"submit\0",
            Operation::Allocate => b"allocate\0",
            _ => return Once::Unsaid,
        };
        let mut values = headers.get_all(NAME).iter();
        let Some(value) = values.next() else { return Once::Unsaid };
        match key(value).filter(|_| values.next().is_none()) {
            Some(key) => Once::Key { key, content: fingerprint(&[purpose, body]) },
            None => Once::Unreadable,
        }
    }
}

/// Half of a digest is enough: nobody but the client itself could gain from two requests with the same.
fn fingerprint(parts: &[&[u8]]) -> Text {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    let mut text = String::with_capacity(32);
    for byte in digest.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    Text::from(text)
}

/// A text in quotes, as the draft has it, or bare, as most clients send it.
fn key(value: &HeaderValue) -> Option<Text> {
    let text = value.to_str().ok()?.trim();
    let key = match text.strip_prefix('"') {
        None => text.to_owned(),
        Some(quoted) => {
            let mut letters = quoted.strip_suffix('"')?.chars();
            let mut key = String::new();
            while let Some(letter) = letters.next() {
                match letter {
                    '\\' => key.push(letters.next().filter(|next| matches!(next, '"' | '\\'))?),
                    '"' => return None,
                    other => key.push(other),
                }
            }
            key
        }
    };
    (!key.is_empty() && key.len() <= LONGEST).then(|| Text::from(key))
}

/// Looks up whether a submission has been answered before.
pub(super) fn known(call: &Call<'_>, by: &Principal) -> Result<Known, Refusal> {
    let (key, content) = match &call.once {
        Once::Unsaid => return Ok(Known::New(None)),
        Once::Unreadable => {
            let why = format!("Rejecting request. {NAME} must be one text of 1 to {LONGEST} letters");
            return Err(Refusal::Place(number::INVALID_QUERY, why, NAME));
        }
        Once::Key { key, content } => (key.clone(), content.clone()),
    };
    let key = ClientKey { user: by.name.clone(), key, content };
    match call.site.jobs.answered(&key).map_err(refusal)? {
        Some(submitted) => Ok(Known::Before(submitted)),
        None => Ok(Known::New(Some(key))),
    }
}

/// Says why a submission is not taken.
pub(super) fn refusal(error: Error) -> Refusal {
    match error {
        Error::Conflict(Problem::KeyReused) => {
            let why = format!("Rejecting request. {NAME} has named another submission before");
            Refusal::Place(number::INVALID_QUERY, why, NAME)
        }
        error => Refusal::Problem(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Once {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, value.parse().unwrap());
        }
        Once::of(Operation::Submit, &headers, b"{}")
    }

    #[test]
    fn keys_are_texts_in_quotes_or_bare() {
        for (written, wanted) in [
            ("8e03978e-40d5", Some("8e03978e-40d5")),
            ("\"8e03978e\"", Some("8e03978e")),
            (r#""a\"b\\""#, Some(r#"a"b\"#)),
            ("", None),
            ("\"\"", None),
            ("\"", None),
            ("\"a\"b\"", None),
            (r#""a\n""#, None),
        ] {
            let key = match read(&[written]) {
                Once::Key { key, .. } => Some(key.to_string()),
                Once::Unreadable => None,
                Once::Unsaid => panic!("{written}"),
            };
            assert_eq!(key.as_deref(), wanted, "{written}");
        }
        assert_eq!(read(&[]), Once::Unsaid);
        assert_eq!(read(&["a", "b"]), Once::Unreadable);
        assert_eq!(read(&["x".repeat(256).as_str()]), Once::Unreadable);
    }

    #[test]
    fn the_content_is_that_of_the_operation_and_its_body() {
        let headers: HeaderMap = [(NAME.parse().unwrap(), "a".parse().unwrap())].into_iter().collect();
        let of = |operation, body: &[u8]| Once::of(operation, &headers, body);
        assert_eq!(of(Operation::Submit, b"x"), of(Operation::Submit, b"x"));
        assert_ne!(of(Operation::Submit, b"x"), of(Operation::Submit, b"y"));
        assert_ne!(of(Operation::Submit, b"x"), of(Operation::Allocate, b"x"));
        assert_eq!(of(Operation::JobsKill, b"x"), Once::Unsaid);
    }
}
