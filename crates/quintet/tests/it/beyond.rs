//! The whole service in the conversations of `conformance/slurm/beyond.jsonl` and `beyond-accounting.jsonl`: what of the
//! published interface no recording touches. The test `coverage` of slurm-wire counts what these requests have and what is
//! expected of their answers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::Value;

use crate::server::{Server, eventually, token, token_of};

fn conformance(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/slurm").join(name)
}

/// Who runs the tests.
fn me() -> String {
    let me = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(me.stdout).unwrap().trim().to_owned()
}

/// The recorded cluster, with the user who runs the tests as an administrator.
fn configuration(folder: &Path) -> PathBuf {
    let me = me();
    let cluster = std::fs::read_to_string(conformance("testbed.toml")).unwrap();
    let user = format!("[[users]]\nname = {me:?}\nadmin = \"administrator\"\n");
    let file = folder.join("quintet.toml");
    std::fs::write(&file, format!("{cluster}\n{user}")).unwrap();
    file
}

/// Tells whether a text stands for a number as a whole.
fn is_number(text: &str) -> bool {
    text.starts_with("${") && text.ends_with('}') && !text.ends_with(":text}") && text != "${me}"
}

/// Numbers that answers gave, by the names under which later steps want them.
#[derive(Default)]
struct Kept(HashMap<String, i64>);

impl Kept {
    /// Returns what stands between the braces of `${NAME}` or `${NAME+SECONDS}`.
    fn number(&self, said: &str) -> i64 {
        let (name, more) = said.split_once('+').unwrap_or((said, "0"));
        self.0[name] + more.parse::<i64>().unwrap()
    }

    fn in_text(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once("${") else { return text.to_owned() };
        let (said, after) = rest.split_once('}').unwrap();
        let filled = match said {
            "me" => me(),
            number => self.number(number.trim_end_matches(":text")).to_string(),
        };
        format!("{before}{filled}{}", self.in_text(after))
    }

    /// Puts kept numbers into a document. A text that is nothing else becomes a number unless it says `:text`.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if is_number(text) => self.number(&text[2..text.len() - 1]).into(),
            Value::String(text) => self.in_text(text).into(),
            Value::Array(values) => values.iter().map(|value| self.filled(value)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (key.clone(), self.filled(value))).collect()
            }
            other => other.clone(),
        }
    }
}

/// Says where a document lacks what is expected: objects may have more, lists more elements unless none is expected.
fn lacks(seen: &Value, expected: &Value, place: &str) -> Option<String> {
    match expected {
        Value::Object(fields) => {
            fields.iter().find_map(|(key, value)| lacks(&seen[key], value, &format!("{place}/{key}")))
        }
        Value::Array(wanted) if wanted.iter().any(Value::is_object) => {
            let elements = seen.as_array().map(Vec::as_slice).unwrap_or_default();
            let is_there = |one: &Value| elements.iter().any(|element| lacks(element, one, "").is_none());
            let missed = wanted.iter().find(|one| !is_there(one))?;
            Some(match (elements, wanted.as_slice()) {
                ([element], [_]) => lacks(element, missed, &format!("{place}/0"))?,
                _ => format!("{place}: no {missed} among {seen}"),
            })
        }
        value => (seen != value).then(|| format!("{place}: {value} expected, {seen} seen")),
    }
}

struct Talk {
    client: reqwest::Client,
    server: Server,
    tokens: HashMap<&'static str, String>,
    kept: Kept,
}

impl Talk {
    async fn once(&mut self, step: &Value) -> Result<(), String> {
        let (request, response) = (&step["request"], &step["response"]);
        let method = Method::from_bytes(request["method"].as_str().unwrap().as_bytes()).unwrap();
        let path = self.kept.in_text(request["path"].as_str().unwrap());
        let token = &self.tokens[step["user"].as_str().unwrap()];
        let mut asked = self.client.request(method, format!("{}{path}", self.server.url));
        asked = asked.header("X-SLURM-USER-TOKEN", token);
        if let Some(body) = request.get("json") {
            asked = asked.json(&self.kept.filled(body));
        }
        let answer = asked.send().await.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        if response["status"] != status {
            return Err(format!("status {status}: {document}"));
        }
        let expected = response.get("json").map(|expected| self.kept.filled(expected));
        if let Some(lack) = expected.and_then(|expected| lacks(&document, &expected, "")) {
            return Err(lack);
        }
        for (place, count) in response["count"].as_object().into_iter().flatten() {
            let there = document.pointer(place).and_then(Value::as_array).map_or(0, Vec::len);
            if *count != there {
                return Err(format!("{place}: {count} expected, {there} seen: {document}"));
            }
        }
        for (name, place) in step["keep"].as_object().into_iter().flatten() {
            let number = document.pointer(place.as_str().unwrap()).and_then(Value::as_i64);
            self.kept.0.insert(name.clone(), number.ok_or(format!("no number at {place}"))?);
        }
        Ok(())
    }

    async fn step(&mut self, step: &Value) {
        let what = format!("{} ({})", step["name"], step["request"]["path"]);
        if step["until"] == true {
            eventually(&what, Duration::from_secs(60), async || self.once(step).await).await;
        } else if let Err(lack) = self.once(step).await {
            panic!("{what}: {lack}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_recording_touches_does_what_it_says() {
    hold("beyond.jsonl").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_recording_touches_of_accounting_does_what_it_says() {
    hold("beyond-accounting.jsonl").await;
}

/// Holds the conversations of a file with a fresh service.
async fn hold(name: &str) {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(&configuration(state.path()), state.path());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut talk = Talk {
        client: reqwest::Client::new(),
        server,
        tokens: HashMap::from([("me", token(state.path())), ("alice", token_of("alice", state.path()))]),
        kept: Kept(HashMap::from([("now".to_owned(), i64::try_from(now).unwrap())])),
    };
    let steps = std::fs::read_to_string(conformance(name)).unwrap();
    for line in steps.lines() {
        talk.step(&serde_json::from_str(line).unwrap()).await;
    }
    talk.server.kill();
}
