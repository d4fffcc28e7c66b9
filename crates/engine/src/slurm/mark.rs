//! What a job carries that was submitted under a client's key, so that it is known again: a word in its `extra`, or at
//! the end of its `comment` where its user has something in `extra`. Nobody is shown it.

use bytes::Bytes;
use serde_json::{Map, Value};

/// What a mark begins with.
const SIGN: &[u8] = b"quintet:";
/// How many hexadecimal digits follow.
const DIGITS: usize = 32;

/// A mark.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark(pub(super) String);

/// A submission that cannot be given a mark: only JSON in its strict form can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfit;

impl Mark {
    /// Makes the mark that stands for some bytes.
    pub(super) fn of(digest: &[u8]) -> Self {
        let mut digits = String::with_capacity(DIGITS);
        for byte in digest.iter().take(DIGITS / 2) {
            digits.push_str(&format!("{byte:02x}"));
        }
        Mark(digits)
    }

    fn word(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(SIGN), self.0)
    }

    /// Puts it into the job of a submission, or into its first component.
    pub(super) fn put_into(&self, body: &[u8]) -> Result<Bytes, Unfit> {
        let mut document: Map<String, Value> = serde_json::from_slice(body).map_err(|_| Unfit)?;
        let job = if document.contains_key("jobs") {
            document.get_mut("jobs").and_then(|jobs| jobs.get_mut(0))
        } else {
            document.get_mut("job")
        };
        let job = job.and_then(Value::as_object_mut).ok_or(Unfit)?;
        let is_free = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || value == "");
        if is_free(job.get("extra")) {
            job.insert("extra".to_owned(), Value::from(self.word()));
        } else {
            let comment = match job.get("comment") {
                Some(Value::String(comment)) if !comment.is_empty() => format!("{comment} {}", self.word()),
                comment if is_free(comment) => self.word(),
                _ => return Err(Unfit),
            };
            job.insert("comment".to_owned(), Value::from(comment));
        }
        serde_json::to_vec(&document).map(Bytes::from).map_err(|_| Unfit)
    }
}

/// Finds the first mark from a place on: where it is, with the blank before it.
fn find(text: &[u8], from: usize) -> Option<(usize, usize, Mark)> {
    let mut at = from;
    loop {
        let rest = text.get(at..)?;
        let found = at + memchr::memmem::find(rest, SIGN)?;
        let digits = text.get(found + SIGN.len()..found + SIGN.len() + DIGITS);
        if let Some(digits) = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            let start = if found > 0 && text.get(found - 1) == Some(&b' ') { found - 1 } else { found };
            let mark = Mark(String::from_utf8_lossy(digits).into_owned());
            return Some((start, found + SIGN.len() + DIGITS, mark));
        }
        at = found + 1;
    }
}

/// Returns the mark in the description of a job.
pub(super) fn in_job(job: &[u8]) -> Option<Mark> {
    find(job, 0).map(|(.., mark)| mark)
}

/// Takes all marks out of an answer.
pub(super) fn without(answer: Bytes) -> Bytes {
    let Some(mut next) = find(&answer, 0) else { return answer };
    let (mut clean, mut at) = (Vec::with_capacity(answer.len()), 0);
    loop {
        clean.extend_from_slice(answer.get(at..next.0).unwrap_or_default());
        at = next.1;
        match find(&answer, at) {
            Some(found) => next = found,
            None => break,
        }
    }
    clean.extend_from_slice(answer.get(at..).unwrap_or_default());
    Bytes::from(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_goes_in_and_comes_out() {
        let mark = Mark::of(&[0xab; 32]);
        assert_eq!(mark.0, "ab".repeat(16));
        for (body, place, shown) in [
            (r#"{"job":{"name":"x"}}"#, "/job/extra", ""),
            (r#"{"job":{"extra":""}}"#, "/job/extra", ""),
            (r#"{"job":{"extra":"mine","comment":"note"}}"#, "/job/comment", "note"),
            (r#"{"job":{"extra":"mine"}}"#, "/job/comment", ""),
            (r#"{"jobs":[{"name":"a"},{"name":"b"}]}"#, "/jobs/0/extra", ""),
        ] {
            let marked = mark.put_into(body.as_bytes()).unwrap();
            let document: Value = serde_json::from_slice(&marked).unwrap();
            assert!(document.pointer(place).unwrap().as_str().unwrap().ends_with(&mark.word()), "{body}");
            assert_eq!(in_job(&marked), Some(mark.clone()));
            let clean: Value = serde_json::from_slice(&without(marked)).unwrap();
            assert_eq!(clean.pointer(place).unwrap(), shown, "{body}");
        }
        for body in ["", "[]", "{}", r#"{"job":1}"#, r#"{"job":{"extra":"a","comment":5}}"#, r#"{"jobs":[]}"#]
        {
            assert_eq!(mark.put_into(body.as_bytes()), Err(Unfit), "{body}");
        }
        let other = Bytes::from_static(b"quintet:abc quintet:");
        assert_eq!(without(other.clone()), other);
        assert_eq!(in_job(&other), None);
    }
}
