//! The way of the job model to slurmrestd: the same on which requests of Slurm's own interface go, so that what is written
//! here makes the copies there old.

use super::{Answered, Ask, Asked, Part, Silence, Verb};
use crate::slurm::{As, Caller, Request, Slice, Trouble, Upstream};
use bytes::Bytes;
use domain::Text;
use hyper::Method;
use hyper::header::HeaderValue;
use slurm_wire::versions::CURRENT;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Asks over a cluster's upstream; whoever asks waits on a thread of his own.
pub struct Through {
    upstream: Arc<Upstream>,
    runtime: Handle,
}

impl Through {
    /// Makes the way; the runtime does the waiting.
    pub fn new(upstream: Arc<Upstream>, runtime: Handle) -> Self {
        Through { upstream, runtime }
    }
}

impl Ask for Through {
    fn ask(&self, asked: &Asked<'_>) -> Result<Answered<Vec<u8>>, Silence> {
        let upstream = Arc::clone(&self.upstream);
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let part = match asked.part {
            Part::Controller => "slurm",
            Part::Accounting => "slurmdb",
        };
        match request(asked, part) {
            Some(request) => self.runtime.spawn(async move {
                let reply = upstream.relay(request).await;
                let reply =
                    reply.map(|reply| Answered { status: reply.status.as_u16(), reply: reply.body.concat() });
                // Whoever asked waits for it.
                let _ = answer.send(reply);
            }),
            None => {
                let target = asked.target.to_owned();
                self.runtime.spawn(async move {
                    let reply = upstream.ask(&As::Service, Method::GET, part, &target, Bytes::new()).await;
                    let reply = reply.map(|(answer, _)| Answered {
                        status: answer.status.as_u16(),
                        reply: answer.body.to_vec(),
                    });
                    let _ = answer.send(reply);
                })
            }
        };
        // Without a runtime the service is stopping, and what was sent may have arrived.
        let stopping = || Silence::Lost(Text::const_new("the service is stopping"));
        answered.recv().map_err(|_| stopping())?.map_err(silence)
    }
}

/// Describes what is written as a request of Slurm's interface; a question is none.
fn request(asked: &Asked<'_>, part: &'static str) -> Option<Request> {
    let method = match asked.verb {
        Verb::Get => return None,
        Verb::Post => Method::POST,
        Verb::Delete => Method::DELETE,
    };
    let (path, query) = asked.target.split_once('?').unwrap_or((asked.target, ""));
    let (pattern, parameter) = match path {
        "job/submit" => ("job/submit", ""),
        "jobs/" => ("jobs", ""),
        path => ("job/*", path.strip_prefix("job/")?),
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let json = || HeaderValue::from_static("application/json");
    Some(Request {
        method,
        part,
        version: CURRENT,
        pattern,
        parameter: parameter.to_owned(),
        query: pairs
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (pair.to_owned(), None),
            })
            .collect(),
        content_type: (!asked.body.is_empty()).then(json),
        body: Bytes::from(asked.body.clone()),
        accept: Some(json()),
        is_json: true,
        caller: Caller::Sure(asked.whom?.to_owned()),
        is_fresh: true,
        slice: Slice::default(),
        known: None,
        takes_gzip: false,
        // What is sent carries a mark of its own already.
        key: None,
    })
}

fn silence(trouble: Trouble) -> Silence {
    let why = Text::from(trouble.to_string());
    match trouble {
        Trouble::Unanswered(_) | Trouble::Garbage(_) => Silence::Lost(why),
        _ => Silence::Unreachable(why),
    }
}
