//! The way of the job model to slurmrestd: the same on which requests of Slurm's own interface go, so that what is written
//! here makes the copies there old, and what is read there need not be read here.

use super::ask::{Answered, Ask, Asked, Part, Silence, Verb, Wanted};
use crate::slurm::document::Document;
use crate::slurm::jobs::Failed;
use crate::slurm::picture::{Entry, Picture};
use crate::slurm::{As, Caller, Request, Slice, Trouble, Upstream};
use bytes::Bytes;
use domain::Text;
use hyper::Method;
use hyper::header::HeaderValue;
use slurm_wire::versions::CURRENT;
use std::sync::Arc;
use tokio::runtime::Handle;

const STOPPING: &str = "the service is stopping";

/// Asks over a cluster's upstream; whoever asks waits on a thread of his own.
pub(super) struct Through {
    upstream: Arc<Upstream>,
    runtime: Handle,
}

impl Through {
    /// Makes the way; the runtime does the waiting.
    pub(super) fn new(upstream: Arc<Upstream>, runtime: Handle) -> Self {
        Through { upstream, runtime }
    }

    /// Waits for something; `None` if the service is stopping before it comes.
    fn wait<T, F>(&self, ask: impl FnOnce(Arc<Upstream>) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let asking = ask(Arc::clone(&self.upstream));
        self.runtime.spawn(async move {
            // Whoever asked waits for it.
            let _ = answer.send(asking.await);
        });
        answered.recv().ok()
    }

    /// The same for what is told to others as well.
    fn shared<T, F>(&self, ask: impl FnOnce(Arc<Upstream>) -> F) -> Result<T, Failed>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failed>> + Send + 'static,
    {
        let stopping = || Err(Failed::Lost(Trouble::Unreachable(STOPPING.to_owned())));
        self.wait(ask).unwrap_or_else(stopping)
    }
}

impl Ask for Through {
    fn ask(&self, asked: &Asked<'_>) -> Result<Answered<Vec<u8>>, Silence> {
        let part = match asked.part {
            Part::Controller => "slurm",
            Part::Accounting => "slurmdb",
        };
        let answered = match request(asked, part) {
            Some(request) => self.wait(|upstream| async move {
                let reply = upstream.relay(request).await?;
                Ok(Answered { status: reply.status.as_u16(), reply: reply.body.concat() })
            }),
            None => {
                let target = asked.target.to_owned();
                self.wait(|upstream| async move {
                    let asking = upstream.ask(&As::Service, Method::GET, part, &target, Bytes::new());
                    let (answer, _) = asking.await?;
                    Ok(Answered { status: answer.status.as_u16(), reply: answer.body.to_vec() })
                })
            }
        };
        // What was sent may have arrived.
        let stopping = || Silence::Lost(Text::const_new(STOPPING));
        answered.ok_or_else(stopping)?.map_err(silence)
    }

    fn jobs(&self, wanted: Wanted) -> Result<Arc<Picture>, Failed> {
        self.shared(|upstream| async move { upstream.shared_jobs(wanted == Wanted::Fresh).await })
    }

    fn job(&self, id: u32) -> Result<Vec<Arc<Entry>>, Failed> {
        self.shared(|upstream| async move { upstream.shared_job(id).await })
    }

    fn document(&self, name: &'static str) -> Result<Arc<Document>, Failed> {
        self.shared(|upstream| async move { upstream.shared_document(name).await })
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
        wait: None,
    })
}

fn silence(trouble: Trouble) -> Silence {
    let why = Text::from(trouble.to_string());
    match trouble {
        Trouble::Unanswered(_) | Trouble::Garbage(_) => Silence::Lost(why),
        _ => Silence::Unreachable(why),
    }
}
