//! Plays one recorded run against a server, step after step, and keeps what each answer was worth.
//!
//! Numbers that the server gives to jobs are captured under the names of the recording and put into later requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::compare::{Verdict, compare};
use crate::exchange::{Exchange, Received, render};
use crate::recording::{self, Case, Placed, Step, Wait};
use crate::tokens::Tokens;

/// How long a request may take that the original answered.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait where the original did not answer either.
const SHORT_PATIENCE: Duration = Duration::from_secs(3);
/// How often a job's state is asked for.
const GLANCE: Duration = Duration::from_millis(50);

/// What became of one case.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) seq: u64,
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) verdict: Verdict,
}

/// One client that knows every credential and what was answered so far.
pub(crate) struct Player<'a> {
    address: SocketAddr,
    tokens: &'a Tokens,
    exchange: Exchange,
    captured: BTreeMap<String, String>,
    present: Present,
}

impl<'a> Player<'a> {
    pub(crate) fn against(address: SocketAddr, tokens: &'a Tokens) -> Self {
        Self {
            address,
            tokens,
            exchange: Exchange::with(address),
            captured: BTreeMap::new(),
            present: Present::default(),
        }
    }

    /// Plays all steps in their order.
    pub(crate) fn play(&mut self, steps: &[Placed]) -> Vec<Outcome> {
        self.present = recording::moment(steps).map(Present::since).unwrap_or_default();
        let mut outcomes = Vec::new();
        for Placed { seq, step } in steps {
            match step {
                // The pauses are part of the recorded conversation: they let jobs get as far as they were then.
                Step::Pause(seconds) => sleep(Duration::from_secs_f64(*seconds)),
                Step::Wait(wait) => self.wait(wait),
                Step::Ask(case) => outcomes.push(self.ask(*seq, case)),
            }
        }
        outcomes
    }

    fn ask(&mut self, seq: u64, case: &Case) -> Outcome {
        let received = if case.is_raw { self.shout(case) } else { self.send(case) };
        self.capture(case, &received);
        Outcome {
            seq,
            group: case.group.clone(),
            name: case.name.clone(),
            method: case.request.method.clone(),
            path: self.fill(&case.request.path),
            verdict: compare(&case.answer, &received),
        }
    }

    fn shout(&self, case: &Case) -> Received {
        let text = self.tokens.fill(case.request.text.as_deref().unwrap_or_default());
        self.exchange.shout(text.as_bytes(), SHORT_PATIENCE)
    }

    fn send(&mut self, case: &Case) -> Received {
        let token = self.tokens.named(&case.token);
        let request = &case.request;
        let headers =
            request.headers.iter().map(|(name, value)| (name.clone(), value.replace("<TOKEN>", token)));
        let body = match (&request.json, &request.text) {
            (Some(json), _) => Some(self.present.shift(&self.fill(json.get()))),
            (None, text) => text.clone(),
        };
        let path = self.fill(&request.path);
        let bytes = render(&request.method, &path, headers, body.as_deref().map(str::as_bytes), self.address);
        let patience = if case.answer.failed.is_some() { SHORT_PATIENCE } else { PATIENCE };
        let received = self.exchange.ask(&bytes, patience);
        if received.status.is_none() {
            // Whatever still comes on that connection belongs to this question.
            self.exchange = Exchange::with(self.address);
        }
        received
    }

    fn capture(&mut self, case: &Case, received: &Received) {
        if case.captures.is_empty() {
            return;
        }
        let answer: Value = serde_json::from_slice(&received.body).unwrap_or_default();
        let number = answer.get("job_id").filter(|number| !number.is_null());
        for (name, recorded) in &case.captures {
            match number {
                Some(number) => {
                    self.captured.insert(name.clone(), number.to_string());
                }
                None => {
                    self.captured.entry(name.clone()).or_insert_with(|| recorded.to_string());
                }
            }
        }
    }

    fn wait(&mut self, wait: &Wait) {
        let end = Instant::now() + Duration::from_secs_f64(wait.limit_s);
        let path = format!("/slurm/v0.0.44/job/{}", self.fill(&wait.job));
        let token = self.tokens.named("root").to_owned();
        while Instant::now() < end {
            let headers = [("X-SLURM-USER-NAME", "root"), ("X-SLURM-USER-TOKEN", token.as_str())];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let bytes = render("GET", &path, headers.into_iter(), None, self.address);
            let received = self.exchange.ask(&bytes, PATIENCE);
            if received.status != Some(200)
                || states(&received.body).iter().any(|state| wait.states.contains(state))
            {
                return;
            }
            sleep(GLANCE);
        }
        eprintln!(
            "waited {} s in vain for job {} ({}) to be one of {:?}",
            wait.limit_s, wait.job, path, wait.states
        );
    }

    /// Puts captured numbers where a text says `${NAME}`, and where it says `"${#NAME}"` bare, without the quotes;
    /// names never captured become 0.
    fn fill(&self, text: &str) -> String {
        let bare = self
            .captured
            .iter()
            .fold(text.to_owned(), |text, (name, number)| text.replace(&format!("\"${{#{name}}}\""), number));
        let text = bare.as_str();
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(self.captured.get(name).map_or("0", String::as_str));
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }
}

/// Moves the moments of a recording to the time of its replay.
#[derive(Debug, Clone, Copy, Default)]
struct Present {
    recorded: u64,
    now: u64,
}

impl Present {
    /// A conversation of a few minutes that names moments up to some weeks ahead.
    const REACH: std::ops::Range<u64> = 0..40 * 86_400;

    fn since(recorded: u64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(recorded, |since| since.as_secs());
        Self { recorded, now }
    }

    /// Replaces every UNIX time near the recording; other numbers, also other times, stay.
    fn shift(&self, text: &str) -> String {
        let mut shifted = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
            let (before, from) = rest.split_at(start);
            let end = from.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(from.len());
            let (digits, behind) = from.split_at(end);
            let ahead = digits.parse::<u64>().ok().and_then(|time| time.checked_sub(self.recorded));
            shifted.push_str(before);
            match ahead.filter(|ahead| self.recorded > 0 && Self::REACH.contains(ahead)) {
                Some(ahead) => shifted.push_str(&(self.now + ahead).to_string()),
                None => shifted.push_str(digits),
            }
            rest = behind;
        }
        shifted.push_str(rest);
        shifted
    }
}

fn states(body: &[u8]) -> Vec<String> {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let jobs = answer.get("jobs").and_then(Value::as_array).into_iter().flatten();
    let states = jobs.filter_map(|job| job.get("job_state")?.as_array()).flatten();
    states.filter_map(|state| Some(state.as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_near_the_recording_move_with_the_clock() {
        let present = Present { recorded: 1_795_252_978, now: 1_900_000_000 };
        let text = r#"{"begin_time": 1795252988, "old": 1700000000, "cpus": 4, "name": "n17"}"#;
        let expected = text.replace("1795252988", "1900000010");
        assert_eq!(present.shift(text), expected);
        assert_eq!(Present::default().shift(text), text);
    }

    #[test]
    fn captured_numbers_are_filled_in() {
        let tokens = Tokens::mint(b"key").unwrap();
        let mut player = Player::against("127.0.0.1:1".parse().unwrap(), &tokens);
        player.captured.insert("A".to_owned(), "17".to_owned());
        assert_eq!(player.fill("/job/${A}_2/${B}$"), "/job/17_2/0$");
        assert_eq!(player.fill(r#"{"jobs": ["${A}", "${#A}"]}"#), r#"{"jobs": ["17", 17]}"#);
    }
}
