//! A small slurmrestd with a cluster of its own, which counts what it is asked and can fail in all ways.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Connections end without an answer.
    Gone,
    /// What was asked is done, and connections end without an answer.
    Mute,
    /// Somebody else answers.
    Html,
    /// Answers end in the middle.
    Half,
    /// The controller is not there.
    NoController,
}

/// What it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) token: String,
    pub(crate) name: Option<String>,
    pub(crate) body: String,
}

pub(crate) struct Fake {
    pub(crate) endpoint: String,
    state: Mutex<State>,
    /// Answers to what has this in its target are kept back.
    held: watch::Sender<Option<&'static str>>,
}

struct State {
    mood: Mood,
    asked: Vec<Asked>,
    versions: Vec<&'static str>,
    jobs: BTreeMap<u32, (&'static str, String)>,
    /// What submitted jobs have in `extra`.
    extras: BTreeMap<u32, String>,
    /// Jobs that accounting says have begun.
    begun: Vec<u32>,
    /// When all jobs were submitted, in seconds of UNIX time.
    submitted: u64,
    now: i64,
    changed: i64,
}

const META: &str = r#""meta": {
    "plugin": {"type": "openapi\/slurmctld", "data_parser": "data_parser\/VERSION"},
    "slurm": {"release": "26.05.5", "cluster": "fake"}
  }"#;

impl Fake {
    /// Starts one on a port of its own.
    pub(crate) async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self::new(format!("http://{}", listener.local_addr().unwrap()));
        let served = Arc::clone(&fake);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(Arc::clone(&served), stream);
            }
        });
        fake
    }

    /// Starts one on a socket.
    pub(crate) async fn on_socket(path: &std::path::Path) -> Arc<Self> {
        let listener = UnixListener::bind(path).unwrap();
        let fake = Self::new(format!("unix:{}", path.display()));
        let served = Arc::clone(&fake);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(Arc::clone(&served), stream);
            }
        });
        fake
    }

    fn new(endpoint: String) -> Arc<Self> {
        let state = State {
            mood: Mood::Well,
            asked: Vec::new(),
            versions: vec!["v0.0.43", "v0.0.44"],
            jobs: BTreeMap::from([(1, ("RUNNING", "one".to_owned())), (2, ("PENDING", "two".to_owned()))]),
            extras: BTreeMap::new(),
            begun: Vec::new(),
            submitted: std::time::UNIX_EPOCH.elapsed().unwrap().as_secs(),
            now: 1000,
            changed: 900,
        };
        Arc::new(Fake { endpoint, state: Mutex::new(state), held: watch::Sender::new(None) })
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    pub(crate) fn offers(&self, versions: &[&'static str]) {
        self.state.lock().unwrap().versions = versions.to_vec();
    }

    /// Lets no answer out until [`Fake::lets_out`].
    pub(crate) fn holds(&self) {
        self.holds_back("");
    }

    /// Lets none out to what is asked for with this in its target.
    pub(crate) fn holds_back(&self, part: &'static str) {
        self.held.send_replace(Some(part));
    }

    pub(crate) fn lets_out(&self) {
        self.held.send_replace(None);
    }

    /// Changes a job behind everybody's back.
    pub(crate) fn job(&self, id: u32, state: &'static str, name: &str) {
        let mut kept = self.state.lock().unwrap();
        kept.now += 10;
        kept.changed = kept.now;
        kept.now += 10;
        match state {
            "" => drop(kept.jobs.remove(&id)),
            _ => drop(kept.jobs.insert(id, (state, name.to_owned()))),
        }
    }

    /// Gives the number of a job to another one, which has begun.
    pub(crate) fn gives_again(&self, id: u32) {
        self.job(id, "RUNNING", "another");
        self.state.lock().unwrap().extras.remove(&id);
        self.began(id);
    }

    /// Lets accounting say that a job has begun.
    pub(crate) fn began(&self, id: u32) {
        self.state.lock().unwrap().begun.push(id);
    }

    /// Returns how many jobs carry a mark.
    pub(crate) fn marked(&self) -> usize {
        let state = self.state.lock().unwrap();
        state
            .jobs
            .keys()
            .filter(|id| state.extras.get(id).is_some_and(|extra| extra.contains("quintet:")))
            .count()
    }

    /// Returns everything it was asked since the last time, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    /// The same as short words: method and what is behind the version.
    pub(crate) fn calls(&self) -> Vec<String> {
        let shown =
            |asked: Asked| format!("{} {}", asked.method, asked.target.splitn(4, '/').last().unwrap());
        self.asked().into_iter().map(shown).collect()
    }

    /// Waits until it has been asked so often since the last time somebody looked.
    pub(crate) async fn is_asked(&self, times: usize) {
        while self.state.lock().unwrap().asked.len() < times {
            tokio::task::yield_now().await;
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let asked = Asked {
            method: head.method,
            target: head.uri.to_string(),
            token: header("x-slurm-user-token").unwrap_or_default(),
            name: header("x-slurm-user-name"),
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        let mood = {
            let mut state = self.state.lock().unwrap();
            state.asked.push(asked.clone());
            state.mood
        };
        let is_let_out = |held: &Option<&str>| held.is_none_or(|part| !asked.target.contains(part));
        self.held.subscribe().wait_for(is_let_out).await.unwrap();
        let answer = |status: u16, form: &str, body: String| {
            let builder = Response::builder().status(status).header(CONTENT_TYPE, form);
            Ok(builder.body(Full::new(Bytes::from(body))).unwrap())
        };
        match mood {
            Mood::Well => {
                let (status, body) = self.state.lock().unwrap().answer(&asked);
                answer(status, "application/json", body)
            }
            Mood::Mute if asked.method == Method::POST => {
                self.state.lock().unwrap().answer(&asked);
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Mood::Mute => {
                let (status, body) = self.state.lock().unwrap().answer(&asked);
                answer(status, "application/json", body)
            }
            Mood::Gone => Err(io::ErrorKind::ConnectionReset.into()),
            Mood::Html => answer(200, "text/html", "<html>Welcome</html>".to_owned()),
            Mood::Half => answer(200, "application/json", "{\"jobs\": [{\"job_id\": 1}, {\"jo".to_owned()),
            Mood::NoController => {
                answer(502, "application/json", "{\"errors\": [{\"error_number\": 1800}]}".to_owned())
            }
        }
    }
}

fn serve(fake: Arc<Fake>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    tokio::spawn(async move {
        let service = service_fn(|request| {
            let fake = Arc::clone(&fake);
            async move { fake.answer(request).await }
        });
        let served =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        drop(served.await);
        Ok::<(), Infallible>(())
    });
}

impl State {
    fn answer(&mut self, asked: &Asked) -> (u16, String) {
        if asked.target.starts_with("/openapi") {
            let paths =
                self.versions.iter().map(|version| format!("\"\\/slurm\\/{version}\\/jobs\\/\": {{}}"));
            return (200, format!("{{\"paths\": {{{}}}}}", paths.collect::<Vec<_>>().join(", ")));
        }
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let meta = META.replace("VERSION", parts[1]);
        if asked.token.starts_with("bad") {
            return (511, format!("{{\"errors\": [], {meta}}}"));
        }
        let since = query.split('&').find_map(|pair| pair.strip_prefix("update_time=")?.parse::<i64>().ok());
        let is_seen = since.is_some_and(|since| since > self.changed);
        let around = |told: i64| {
            format!(
                "\"last_backfill\": {{\"set\": true, \"infinite\": false, \"number\": 5}}, \"last_update\": {{\"set\": \
                 true, \"infinite\": false, \"number\": {told}}}, {meta}, \"errors\": [], \"warnings\": []"
            )
        };
        match (asked.method.as_str(), &parts[2..]) {
            ("GET", ["partitions"]) if is_seen => (304, String::new()),
            ("GET", ["partitions"]) => {
                (200, format!("{{\n \"partitions\": [{{\"name\": \"debug\"}}], {}}}", around(self.now)))
            }
            ("GET", ["jobs"]) if is_seen => (200, format!("{{\"jobs\": [], {}}}", around(0))),
            ("GET", ["jobs"]) => {
                (200, format!("{{\"jobs\": [{}], {}}}", self.listed(|_| true), around(self.now)))
            }
            ("GET", ["jobs", "state"]) => {
                let states = self.jobs.iter();
                let states = states
                    .map(|(id, (state, _))| format!("{{\"job_id\": \"{id}\", \"state\": [\"{state}\"]}}"));
                (200, format!("{{\"jobs\": [{}], {meta}}}", states.collect::<Vec<_>>().join(", ")))
            }
            ("GET", ["job", id]) if parts[0] == "slurmdb" => {
                let start = i64::from(self.begun.contains(&id.parse().unwrap()));
                let extra = self.extras.get(&id.parse().unwrap()).cloned().unwrap_or_default();
                let job = format!(
                    "{{\"time\": {{\"start\": {start}, \"submission\": {}}}, \"extra\": \"{extra}\"}}",
                    self.submitted
                );
                (200, format!("{{\"jobs\": [{job}], {meta}}}"))
            }
            ("GET", ["job", id]) => match self.listed(|known| known.to_string() == *id) {
                none if none.is_empty() => {
                    (404, format!("{{\"errors\": [{{\"error_number\": 2017}}], {meta}}}"))
                }
                job => (200, format!("{{\"jobs\": [{job}], {}}}", around(self.now))),
            },
            ("POST", ["job", "submit"]) => {
                let id = self.jobs.keys().last().map_or(1, |last| last + 1);
                self.jobs.insert(id, ("PENDING", "submitted".to_owned()));
                let document: serde_json::Value = serde_json::from_str(&asked.body).unwrap_or_default();
                let extra =
                    document.pointer("/job/extra").and_then(serde_json::Value::as_str).unwrap_or_default();
                self.extras.insert(id, extra.to_owned());
                self.changed = self.now;
                (200, format!("{{\"job_id\": {id}, \"step_id\": \"batch\", {meta}}}"))
            }
            ("DELETE", ["job", id]) => {
                if let Some((state, _)) = self.jobs.get_mut(&id.parse().unwrap()) {
                    *state = "CANCELLED";
                }
                self.changed = self.now;
                (200, format!("{{\"status\": [], {meta}}}"))
            }
            ("GET", ["nodes"]) if is_seen => (304, String::new()),
            ("GET", ["nodes"]) => {
                (200, format!("{{\"nodes\": [{{\"name\": \"n1\", \"cpus\": 8}}], {}}}", around(self.now)))
            }
            ("GET", ["licenses"]) => (200, format!("{{\"licenses\": [], {}}}", around(self.now))),
            ("GET", ["users" | "qos"]) => (200, format!("{{\"{}\": [], {meta}}}", parts[2])),
            ("GET", ["accounts"]) => (200, format!("{{\"accounts\": [], {meta}}}")),
            _ => (404, format!("{{\"errors\": [{{\"error_number\": 9000}}], {meta}}}")),
        }
    }

    fn listed(&self, is_wanted: impl Fn(u32) -> bool) -> String {
        let jobs = self.jobs.iter().filter(|(id, _)| is_wanted(**id)).map(|(id, (state, name))| {
            let extra = self.extras.get(id).cloned().unwrap_or_default();
            let at = self.submitted;
            format!(
                "{{\n  \"job_id\": {id},\n \"extra\": \"{extra}\", \"job_state\": [\"{state}\"],\n \"name\": \"{name}\", \
                 \"submit_time\": {{\"set\": true, \"number\": {at}}}\n }}"
            )
        });
        jobs.collect::<Vec<_>>().join(", ")
    }
}
