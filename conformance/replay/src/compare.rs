//! Says how alike an answer is to the recorded one, at four levels that each include the ones before.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::exchange::Received;
use crate::mask::{is_number_of_a_job, is_volatile, without_numbers};
use crate::recording::Answer;

/// How far an answer agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Not even the status is the same.
    Nothing,
    /// The same HTTP status.
    Status,
    /// The same errors (number and source, in order) and as many warnings.
    Errors,
    /// The same keys and types everywhere; lists by the union of their elements.
    Shape,
    /// The same values, but for what differs from run to run.
    Values,
}

impl Level {
    /// The levels that are counted, from the coarsest.
    pub(crate) const COUNTED: [Self; 4] = [Self::Status, Self::Errors, Self::Shape, Self::Values];
}

/// A level with the differences that kept it from the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) level: Level,
    pub(crate) differences: Vec<String>,
}

impl Verdict {
    fn full() -> Self {
        Self { level: Level::Values, differences: Vec::new() }
    }

    fn only(level: Level, why: String) -> Self {
        Self { level, differences: vec![why] }
    }
}

/// Compares what came with what was recorded.
pub(crate) fn compare(recorded: &Answer, received: &Received) -> Verdict {
    let Some(status) = recorded.status else {
        return compare_first_line(recorded, received);
    };
    if received.status != Some(status) {
        let came = received.status.map_or("no answer".to_owned(), |status| status.to_string());
        return Verdict::only(Level::Nothing, format!("status {came}, recorded {status}"));
    }
    match &recorded.json {
        Some(json) => compare_json(json, &recorded.trimmed, received),
        None => compare_text(recorded.text.as_deref(), received),
    }
}

/// Of raw exchanges and of those that got no answer only the status was kept.
fn compare_first_line(recorded: &Answer, received: &Received) -> Verdict {
    let text = recorded.text.as_deref().unwrap_or_default();
    let status = text.strip_prefix("HTTP/").and_then(|rest| rest.split(' ').nth(1)?.parse::<u16>().ok());
    if status == received.status {
        return Verdict::full();
    }
    let failed = recorded.failed.as_deref().unwrap_or_default();
    Verdict::only(Level::Nothing, format!("status {:?}, recorded {status:?} {failed}", received.status))
}

fn compare_text(recorded: Option<&str>, received: &Received) -> Verdict {
    let is_json = serde_json::from_slice::<Value>(&received.body).is_ok_and(|value| !value.is_number());
    let Some(recorded) = recorded.filter(|text| !text.is_empty()) else {
        return match received.body.is_empty() {
            true => Verdict::full(),
            false => Verdict::only(Level::Errors, "a body, recorded none".to_owned()),
        };
    };
    if is_json {
        return Verdict::only(Level::Status, "JSON, recorded text".to_owned());
    }
    let text = String::from_utf8_lossy(&received.body);
    if without_numbers(text.trim()) == without_numbers(recorded.trim()) {
        return Verdict::full();
    }
    let start: String = text.chars().take(80).collect();
    Verdict::only(Level::Shape, format!("text {start:?}"))
}

fn compare_json(recorded: &Value, trimmed: &BTreeMap<String, Value>, received: &Received) -> Verdict {
    let Ok(mut came) = serde_json::from_slice::<Value>(&received.body) else {
        return Verdict::only(Level::Status, "not JSON".to_owned());
    };
    let count_warnings = !trimmed.contains_key("warnings");
    let (ours, theirs) = (complaints(&came, count_warnings), complaints(recorded, count_warnings));
    if ours != theirs {
        return Verdict::only(Level::Status, format!("errors {ours:?}, recorded {theirs:?}"));
    }
    if trimmed.contains_key("paths") {
        // Of API documents only the path names were kept.
        return match came.get("paths").is_some_and(Value::is_object) {
            true => Verdict::full(),
            false => Verdict::only(Level::Errors, "no paths".to_owned()),
        };
    }
    let recorded = &without_null_resources(recorded.clone());
    leave_out_the_demanded(&mut came, recorded);
    let (ours, theirs) = (shape(&came), shape(recorded));
    let more = if trimmed.is_empty() { beyond(&ours, &theirs) } else { Vec::new() };
    let more = more.iter().map(|place| format!("more {place}"));
    let missing = beyond(&theirs, &ours);
    let differences: Vec<_> = more.chain(missing.iter().map(|place| format!("missing {place}"))).collect();
    if !differences.is_empty() {
        return Verdict { level: Level::Errors, differences };
    }
    if !trimmed.is_empty() {
        return Verdict::full();
    }
    let differences = different_values(&values(&came), &values(recorded));
    let level = if differences.is_empty() { Level::Values } else { Level::Shape };
    Verdict { level, differences }
}

/// The original leaves out of an answer without payload what its own schema demands. Where ours sends that, empty, it is
/// no difference that a working client could notice.
fn leave_out_the_demanded(came: &mut Value, recorded: &Value) {
    let has_no_payload = |answer: &Value| {
        let names = answer.as_object().into_iter().flat_map(serde_json::Map::keys);
        names.into_iter().all(|name| matches!(name.as_str(), "meta" | "errors" | "warnings"))
    };
    if let Some(fields) = came.as_object_mut().filter(|_| has_no_payload(recorded)) {
        fields.retain(|name, value| recorded.get(name).is_some() || !is_nothing(value));
    }
}

/// The original says null for the resources of a job that holds none, which its schema does not allow; ours leaves the
/// field out.
fn without_null_resources(mut recorded: Value) -> Value {
    let jobs = recorded.get_mut("jobs").and_then(Value::as_array_mut);
    for job in jobs.into_iter().flatten().filter_map(Value::as_object_mut) {
        job.retain(|name, value| name != "job_resources" || !value.is_null());
    }
    recorded
}

/// Tells whether there is nothing in a value but what means nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
    }
}

/// The errors as (number, source) and how many warnings there are, if they count.
fn complaints(answer: &Value, count_warnings: bool) -> Option<(Vec<(i64, String)>, usize)> {
    let list = |name: &str| answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    answer.as_object()?;
    let errors = list("errors").into_iter().map(|error| {
        let number = error.get("error_number").and_then(Value::as_i64).unwrap_or(i64::MIN);
        let source = error.get("source").and_then(Value::as_str).unwrap_or_default();
        (number, without_numbers(source))
    });
    Some((errors.collect(), if count_warnings { list("warnings").len() } else { 0 }))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

fn shape(answer: &Value) -> BTreeSet<(String, &'static str)> {
    fn walk(value: &Value, place: &str, into: &mut BTreeSet<(String, &'static str)>) {
        into.insert((place.to_owned(), kind(value)));
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| walk(value, &format!("{place}/{name}"), into));
            }
            Value::Array(items) => {
                let place = format!("{place}[]");
                items.iter().for_each(|item| walk(item, &place, into));
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(answer, "", &mut found);
    found
}

/// The places that one shape has and another has not; of what lies within such a place only the place itself.
fn beyond(one: &BTreeSet<(String, &'static str)>, other: &BTreeSet<(String, &'static str)>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut outermost = String::new();
    for (place, kind) in one.difference(other) {
        let inner = place.strip_prefix(&outermost).filter(|_| !found.is_empty());
        if !inner.is_some_and(|inner| inner.starts_with(['/', '['])) {
            found.push(format!("{place} ({kind})"));
            outermost.clone_from(place);
        }
    }
    found
}

/// The leaves that are compared, by their place.
fn values(answer: &Value) -> BTreeMap<String, String> {
    fn walk(value: &Value, place: &str, into: &mut BTreeMap<String, String>) {
        match value {
            Value::Object(fields) => fields
                .iter()
                .filter(|(name, _)| !is_volatile(name))
                .for_each(|(name, value)| walk(value, &format!("{place}/{name}"), into)),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, item)| walk(item, &format!("{place}[{index}]"), into)),
            leaf => {
                into.insert(place.to_owned(), masked(leaf, place));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(answer, "", &mut found);
    found
}

fn masked(leaf: &Value, place: &str) -> String {
    match leaf {
        _ if is_number_of_a_job(place) => "#".to_owned(),
        Value::String(text) => format!("{:?}", without_numbers(text)),
        // 1 and 1.0 are the same number to every client.
        Value::Number(number) => number.as_f64().map_or(number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

fn different_values(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) -> Vec<String> {
    let places: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let said =
        |side: &BTreeMap<String, String>, place| side.get(place).cloned().unwrap_or("nothing".to_owned());
    places
        .into_iter()
        .filter(|place| ours.get(*place) != theirs.get(*place))
        .map(|place| format!("{place} is {}, recorded {}", said(ours, place), said(theirs, place)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(recorded: Value, came: Value, level: Level) {
        let recorded = Answer { status: Some(200), json: Some(recorded), ..Answer::default() };
        let received = Received { status: Some(200), body: came.to_string().into_bytes() };
        assert_eq!(compare(&recorded, &received).level, level, "{:?}", compare(&recorded, &received));
    }

    #[test]
    fn the_same_answer_agrees_fully() {
        check(json!({"jobs": [{"name": "a"}]}), json!({"jobs": [{"name": "a"}]}), Level::Values);
    }

    #[test]
    fn of_an_answer_without_payload_empty_lists_are_no_difference() {
        let recorded = || json!({"errors": [], "meta": {}});
        let number = json!({"set": false, "number": 0});
        check(recorded(), json!({"errors": [], "meta": {}, "jobs": [], "at": number}), Level::Values);
        check(recorded(), json!({"errors": [], "meta": {}, "jobs": [1]}), Level::Errors);
        check(json!({"jobs": []}), json!({"jobs": [], "nodes": []}), Level::Errors);
    }

    #[test]
    fn moments_and_job_numbers_may_differ() {
        check(
            json!({"job_id": 5, "start_time": 1, "path": "o-5"}),
            json!({"job_id": 7, "start_time": 2, "path": "o-77"}),
            Level::Values,
        );
    }

    #[test]
    fn another_value_has_the_same_shape() {
        check(json!({"name": "a"}), json!({"name": "b"}), Level::Shape);
    }

    #[test]
    fn a_missing_key_has_the_same_errors() {
        check(json!({"name": "a", "errors": []}), json!({"errors": []}), Level::Errors);
    }

    #[test]
    fn of_a_missing_object_only_the_object_is_reported() {
        let recorded = Answer {
            status: Some(200),
            json: Some(json!({"a": {"b": {"c": 1}}, "ab": 1})),
            ..Answer::default()
        };
        let received = Received { status: Some(200), body: b"{}".to_vec() };
        assert_eq!(
            compare(&recorded, &received).differences,
            ["missing /a (object)", "missing /ab (number)"]
        );
    }

    #[test]
    fn another_error_has_the_same_status() {
        check(
            json!({"errors": [{"error_number": 2017, "source": "a"}]}),
            json!({"errors": [{"error_number": 2018, "source": "a"}]}),
            Level::Status,
        );
    }

    #[test]
    fn another_status_agrees_in_nothing() {
        let recorded = Answer { status: Some(404), json: Some(json!({})), ..Answer::default() };
        let received = Received { status: Some(200), body: b"{}".to_vec() };
        assert_eq!(compare(&recorded, &received).level, Level::Nothing);
    }

    #[test]
    fn of_a_cut_list_only_the_shape_counts() {
        let recorded = Answer {
            status: Some(200),
            json: Some(json!({"jobs": [{"name": "a"}]})),
            trimmed: [("jobs".to_owned(), json!(40))].into(),
            ..Answer::default()
        };
        let received =
            Received { status: Some(200), body: br#"{"jobs": [{"name": "z", "more": 1}]}"#.to_vec() };
        assert_eq!(compare(&recorded, &received).level, Level::Values);
    }

    #[test]
    fn no_answer_is_what_a_dropped_connection_gives() {
        let recorded = Answer { failed: Some("dropped".to_owned()), ..Answer::default() };
        assert_eq!(compare(&recorded, &Received::default()).level, Level::Values);
        let received = Received { status: Some(200), body: Vec::new() };
        assert_eq!(compare(&recorded, &received).level, Level::Nothing);
    }
}
