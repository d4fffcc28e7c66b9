//! What a job has left so far: the ends of its output, its exit code, how long it ran.

use super::super::subject::{Known, Part};
use crate::output::{Reader, open_output};
use domain::job::{Exit, Phase};
use domain::ports::Directory;
use domain::{Text, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;

/// How much of the end of a file is shown, bytes.
const TAIL: u64 = 8 << 10;

/// Describes what a job has left; null as long as it has not run. Of an array the part is shown by which it is judged, and
/// how many of its tasks stand where. Blocks.
pub(super) fn report(known: &Known, directory: &dyn Directory, now: Timestamp) -> Value {
    let part = known.telling();
    let Some(run) = part.job.run() else { return Value::Null };
    let (exit, end, remark) = match &part.job.phase {
        Phase::Ended(ended) => (ended.exit, ended.ended, ended.remark.as_str()),
        _ => (Exit::None, now, ""),
    };
    let (code, signal) = match exit {
        Exit::None => (None, None),
        Exit::Code(code) => (Some(code), None),
        Exit::Signal(signal) => (None, Some(signal)),
    };
    let has_files = part.job.runs_script();
    let path = |path: Text| if has_files { path } else { Text::default() };
    let (out, err) = (path(part.job.output_path(&part.node)), path(part.job.error_path(&part.node)));
    let mut report = json!({
        "job_data_out": tail(part, &out, directory),
        "job_data_err": tail(part, &err, directory),
        "job_file_out": out,
        "job_file_err": err,
        "exit_code": code,
        "exit_signal": signal,
        "elapsed": run.elapsed(end).as_secs(),
        "state": part.word(),
        "message": remark,
    });
    if !known.parts.is_empty() {
        let mut tasks: BTreeMap<&str, u32> = BTreeMap::new();
        for part in &known.parts {
            let count = match &part.job.array {
                Some(domain::job::ArrayPart::Pool { waiting, .. }) => waiting.len(),
                _ => 1,
            };
            *tasks.entry(part.word()).or_default() += count;
        }
        if let Some(report) = report.as_object_mut() {
            report.insert("tasks".to_owned(), json!(tasks));
        }
    }
    report
}

/// Returns the end of a file that a job has written; empty if it cannot be had. What is no UTF-8 is replaced, letters that
/// the cut divides are left out.
fn tail(part: &Part, path: &str, directory: &dyn Directory) -> String {
    if path.is_empty() {
        return String::new();
    }
    let reader = Reader::of(&part.job.spec.owner, directory);
    let Ok(file) = open_output(path, &reader) else { return String::new() };
    let length = file.metadata().map_or(0, |data| data.len());
    let from = length.saturating_sub(TAIL);
    let mut bytes = vec![0; usize::try_from(length - from).unwrap_or(0)];
    let Ok(read) = file.read_at(&mut bytes, from) else { return String::new() };
    bytes.truncate(read);
    let is_inside = |byte: &&u8| **byte & 0xc0 == 0x80;
    let cut = if from > 0 { bytes.iter().take(3).take_while(is_inside).count() } else { 0 };
    String::from_utf8_lossy(bytes.get(cut..).unwrap_or_default()).into_owned()
}
