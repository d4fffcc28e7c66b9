//! Reads the recorded conversations with a real Slurm: one JSON object a line, packed with zstd.
//!
//! Only reads; who plays them is `conversation`, who judges the answers is `compare`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// One line of the recording, as it is stored.
#[derive(Deserialize)]
struct Line {
    run: String,
    seq: u64,
    group: Option<String>,
    name: Option<String>,
    user: Option<String>,
    token: Option<String>,
    #[serde(default)]
    raw: bool,
    request: Option<Request>,
    template: Option<Template>,
    #[serde(default)]
    captures: BTreeMap<String, Value>,
    response: Option<Answer>,
    pause_s: Option<f64>,
    wait: Option<Wait>,
}

/// What was sent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Request {
    /// The method; absent where the bytes themselves were recorded.
    #[serde(default)]
    pub(crate) method: String,
    #[serde(default)]
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The body as the JSON text that went over the wire.
    pub(crate) json: Option<Box<RawValue>>,
    /// A body that is not JSON, or the whole request where `raw` is set.
    pub(crate) text: Option<String>,
}

/// The parts of a request that name jobs by what was captured before.
#[derive(Debug, Clone, Default, Deserialize)]
struct Template {
    path: Option<String>,
    json: Option<Box<RawValue>>,
}

/// What the real service answered.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    pub(crate) json: Option<Value>,
    pub(crate) text: Option<String>,
    /// The true lengths of the lists that were cut in the recording, by their names.
    #[serde(default)]
    pub(crate) trimmed: BTreeMap<String, Value>,
    /// Why there was no answer at all.
    pub(crate) failed: Option<String>,
}

/// Waits until a job has one of the states.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Wait {
    pub(crate) job: String,
    pub(crate) states: Vec<String>,
    pub(crate) limit_s: f64,
}

/// One exchange that counts.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) group: String,
    pub(crate) name: String,
    /// Whose token goes where the request says `<TOKEN>`.
    pub(crate) token: String,
    /// Whether `request.text` is the request byte for byte.
    pub(crate) is_raw: bool,
    pub(crate) request: Request,
    /// Names given to job numbers of the answer, with the number of the recording.
    pub(crate) captures: BTreeMap<String, Value>,
    pub(crate) answer: Answer,
}

/// One step of a conversation.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Ask(Box<Case>),
    Pause(f64),
    Wait(Wait),
}

/// A step and its place in its run.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) seq: u64,
    pub(crate) step: Step,
}

/// Returns when a run was recorded, in UNIX seconds: what its first answer with a time said.
///
/// Requests of the recording name moments around that one, which a replay has to move to its own present.
pub(crate) fn moment(steps: &[Placed]) -> Option<u64> {
    steps.iter().find_map(|placed| match &placed.step {
        Step::Ask(case) => {
            let number = case.answer.json.as_ref()?.get("last_update")?.get("number")?.as_u64()?;
            (number > 0).then_some(number)
        }
        _ => None,
    })
}

/// Returns the steps of one run in their order.
pub(crate) fn read_run(file: &Path, run: &str) -> Result<Vec<Placed>> {
    let opened = File::open(file).with_context(|| format!("open {}", file.display()))?;
    let unpacked = zstd::Decoder::new(opened).with_context(|| format!("unpack {}", file.display()))?;
    let mut steps = Vec::new();
    for (number, text) in BufReader::new(unpacked).lines().enumerate() {
        let place = || format!("{}:{}", file.display(), number + 1);
        let line: Line = serde_json::from_str(&text.with_context(place)?).with_context(place)?;
        if line.run == run {
            steps.push(Placed { seq: line.seq, step: step_of(line).with_context(place)? });
        }
    }
    steps.sort_by_key(|placed| placed.seq);
    anyhow::ensure!(!steps.is_empty(), "{} holds no run named {run}", file.display());
    Ok(steps)
}

fn step_of(line: Line) -> Result<Step> {
    if let Some(seconds) = line.pause_s {
        return Ok(Step::Pause(seconds));
    }
    if let Some(wait) = line.wait {
        return Ok(Step::Wait(wait));
    }
    let mut request = line.request.context("neither a request nor a pause nor a wait")?;
    if let Some(template) = line.template {
        request.path = template.path.unwrap_or(request.path);
        request.json = template.json.or(request.json);
    }
    Ok(Step::Ask(Box::new(Case {
        group: line.group.context("a case without a group")?,
        name: line.name.unwrap_or_default(),
        token: line.token.or(line.user).unwrap_or_default(),
        is_raw: line.raw,
        request,
        captures: line.captures,
        answer: line.response.context("a case without an answer")?,
    })))
}
