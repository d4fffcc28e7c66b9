//! Arguments of jobs: as clients send them, and as they lie in the one file that all jobs of a batch read.
//!
//! The file begins with an index, a line of fixed width for each job and one more for what all have in common, so that
//! each job finds its own by its number alone. Behind it are the arguments, each as a word that a shell reads as it is: in
//! single quotes, between which nothing means anything.

use super::error::EtError;
use super::from_wire::bounded::members;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// Names and values, each name once.
pub(super) type Arguments = Vec<(String, String)>;

/// Width of a line of the index: where the arguments begin, how many bytes they are.
pub(super) const LINE: usize = 24;
/// Longest name.
const LONGEST_NAME: usize = 256;
/// Longest value, less than the kernel takes as one.
const LONGEST_VALUE: usize = 100_000;
/// All arguments of a job, less than the kernel takes.
const LARGEST: usize = 1 << 20;
/// How many arguments a job has.
const MOST: usize = 10_000;

/// Reads arguments: an object of scalars, or of `{"value": …}` as the documentation has it.
pub(super) fn read(field: &str, raw: &RawValue) -> Result<Arguments, EtError> {
    let object = members(raw, MOST).map_err(|_| {
        EtError::body(format!("{field} must be objects of names and values, at most {MOST} of them"))
    })?;
    let mut size = 0;
    let mut arguments = Arguments::with_capacity(object.len());
    for (name, value) in object {
        // Each letter may be written as six, and what else is in an object that holds the value is short.
        let is_short = value.get().len() <= 6 * LONGEST_VALUE + 1000;
        let value =
            Some(value).filter(|_| is_short).and_then(|value| text(&serde_json::from_str(value.get()).ok()?));
        let value = value.ok_or_else(|| {
            EtError::body(format!("{field}: {name:.100} has no simple value, or a long one"))
        })?;
        let is_name = !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('-');
        if !is_name || name.contains(['=', '\0']) {
            return Err(EtError::body(format!("{field}: {name:?} cannot be the name of an argument")));
        }
        if value.contains('\0') || value.len() > LONGEST_VALUE {
            return Err(EtError::body(format!("{field}: the value of {name} cannot be in an environment")));
        }
        size += name.len() + value.len() + 2;
        arguments.push((name, value));
    }
    if size > LARGEST {
        return Err(EtError::body(format!("{field}: more than {LARGEST} bytes for a job")));
    }
    Ok(arguments)
}

/// Writes a scalar as programs expect it in their environment.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null => Some(String::new()),
        Value::Object(wrapped) => match wrapped.get("value") {
            Some(Value::Object(_)) | None => None,
            Some(inner) => text(inner),
        },
        Value::Array(_) => None,
    }
}

/// Tells whether a job could be started with arguments of its own and those all have in common.
pub(super) fn fit(own: &[Arguments], common: &Arguments) -> bool {
    let size = |arguments: &Arguments| -> usize {
        arguments.iter().map(|(name, value)| name.len() + value.len() + 2).sum()
    };
    own.iter().map(size).max().unwrap_or(0) + size(common) <= LARGEST
}

/// Returns arguments with others laid over them.
pub(super) fn laid_over(below: &Arguments, above: &Arguments) -> Arguments {
    let covered: HashSet<&str> = above.iter().map(|(name, _)| name.as_str()).collect();
    let kept = below.iter().filter(|(name, _)| !covered.contains(name.as_str()));
    kept.chain(above).cloned().collect()
}

/// Writes a word that a shell reads as it is.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Writes arguments as words.
fn words(arguments: &Arguments) -> String {
    let words: Vec<String> =
        arguments.iter().map(|(name, value)| quoted(&format!("{name}={value}"))).collect();
    words.join(" ")
}

/// Makes the file of a batch: what each job has of its own, and behind it what all have in common.
pub(super) fn file(own: &[Arguments], common: &Arguments) -> Vec<u8> {
    let mut index = Vec::with_capacity((own.len() + 1) * LINE);
    let mut content = Vec::new();
    let base = (own.len() + 1) * LINE;
    for arguments in own.iter().chain(std::iter::once(common)) {
        let written = words(arguments);
        index.extend(format!("{:13} {:9}\n", base + content.len(), written.len()).into_bytes());
        content.extend(written.into_bytes());
        content.push(b'\n');
    }
    index.append(&mut content);
    index
}

/// Reads a line of the index: where arguments begin and how many bytes they are.
pub(super) fn place(line: &[u8]) -> Option<(u64, usize)> {
    let mut numbers = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let (at, length) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    // The file is the user's, who may have written anything into it.
    (length <= 8 * LARGEST).then_some((at, length))
}

/// Reads words back. What is none, since the file belongs to the user, is left out.
pub(super) fn unquoted(words: &[u8]) -> Arguments {
    let text = String::from_utf8_lossy(words);
    let mut arguments = Arguments::new();
    let mut rest = text.trim_start();
    while let Some(mut inside) = rest.strip_prefix('\'') {
        let mut word = String::new();
        loop {
            let Some((part, after)) = inside.split_once('\'') else { return arguments };
            word.push_str(part);
            match after.strip_prefix("\\''") {
                Some(more) => {
                    word.push('\'');
                    inside = more;
                }
                None => {
                    rest = after.trim_start();
                    break;
                }
            }
        }
        if let Some((name, value)) = word.split_once('=') {
            arguments.push((name.to_owned(), value.to_owned()));
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(json: &str) -> Result<Arguments, EtError> {
        read("fixed_args", &serde_json::from_str::<Box<RawValue>>(json).unwrap())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Arguments {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn scalars_and_documented_forms_are_read() {
        let read =
            arguments(r#"{"a": "x", "b": 1.5, "c": true, "d": null, "e": {"value": 7, "type": "int"}}"#);
        assert_eq!(read.unwrap(), pairs(&[("a", "x"), ("b", "1.5"), ("c", "true"), ("d", ""), ("e", "7")]));
        let long = format!(r#"{{"a": "{}"}}"#, "x".repeat(LONGEST_VALUE + 1));
        for bad in [
            "[]",
            "1",
            r#"{"a": []}"#,
            r#"{"a": {}}"#,
            r#"{"": 1}"#,
            r#"{"a=b": 1}"#,
            r#"{"-u": 1}"#,
            r#"{"a": "\u0000"}"#,
            r#"{"a": {"value": {"value": 1}}}"#,
            &long,
            &format!("{{\"a\": [{}]}}", "0,".repeat(1_000_000) + "0"),
            &format!(
                "{{{}\"x\": 1}}",
                (0..MOST).map(|number| format!("\"{number}\": 1,")).collect::<String>()
            ),
        ] {
            assert!(arguments(bad).is_err(), "{bad:.40}");
        }
    }

    #[test]
    fn the_file_gives_back_what_was_written() {
        let nasty = "it's; $(rm -rf /) `x` \"\\\n ''\\''";
        let own = [pairs(&[("a", nasty), ("b", "")]), pairs(&[]), pairs(&[("c", "'"), ("ä", "ö=ü")])];
        let common = pairs(&[("f", "1")]);
        let file = file(&own, &common);
        for (at, wanted) in own.iter().chain([&common]).enumerate() {
            let (begin, length) = place(&file[at * LINE..(at + 1) * LINE]).unwrap();
            let begin = usize::try_from(begin).unwrap();
            assert_eq!(&unquoted(&file[begin..begin + length]), wanted, "{at}");
        }
        for broken in ["'a=1", "x", "'a", "''", "'a=1' 'b"] {
            assert!(unquoted(broken.as_bytes()).len() <= 1, "{broken}");
        }
    }

    #[test]
    fn what_is_above_counts() {
        let below = pairs(&[("a", "1"), ("b", "2")]);
        assert_eq!(
            laid_over(&below, &pairs(&[("b", "3"), ("c", "4")])),
            pairs(&[("a", "1"), ("b", "3"), ("c", "4")])
        );
    }
}
