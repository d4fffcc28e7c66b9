//! What the job model reads: the same copies from which Slurm's interface is answered, so that the cluster is asked once
//! for both. The service asks as itself.

use super::copies::{Got, Key};
use super::counters::Counted;
use super::document::Document;
use super::identity::As;
use super::jobs::Failed;
use super::kinds::{Family, is_conditional};
use super::link::is_stranger;
use super::picture::{Entry, Picture};
use super::relay::Upstream;
use super::request::{Caller, Request, Slice, target};
use super::trouble::Trouble;
use bytes::Bytes;
use hyper::{Method, StatusCode};
use slurm_wire::versions::{CURRENT, Version};
use std::sync::Arc;
use std::time::Duration;

impl Upstream {
    /// Returns the list of all jobs as everybody is told it, or, where it must be fresh, as it is now.
    pub(super) async fn shared_jobs(&self, is_fresh: bool) -> Result<Arc<Picture>, Failed> {
        let version = self.current_version().await?;
        let list = self.list(&self.service, version);
        let current = list.current(&As::Service, is_fresh, self.stale_for).await?;
        self.counters.count(if current.is_stale { Counted::Stale } else { Counted::Copy }, Duration::ZERO);
        match current.failed {
            None => Ok(current.picture),
            Some(failed) => Err(failed),
        }
    }

    /// Returns the jobs of a number as they are now, none if there are none.
    pub(super) async fn shared_job(&self, job: u32) -> Result<Vec<Arc<Entry>>, Failed> {
        let version = self.current_version().await?;
        self.list(&self.service, version).read_now(&As::Service, job).await
    }

    /// Returns another list of the controller as everybody is told it: `nodes`, for example.
    pub(super) async fn shared_document(&self, pattern: &'static str) -> Result<Arc<Document>, Failed> {
        let version = self.current_version().await?;
        let request = request(pattern, version, Caller::Sure(self.service.clone()));
        let key = Key {
            user: self.is_private.then(|| self.service.clone()),
            target: target(&request, version, if is_conditional(&request) { "update_time" } else { "" }),
            accept: None,
        };
        let place = self.documents.place(&key);
        match self.current(&request, &key, &place, Family::Cluster).await? {
            Got::Document(document) | Got::Stale(document) if document.answer.status == StatusCode::OK => {
                Ok(document)
            }
            Got::Document(document) | Got::Stale(document) => Err(Failed::Refused(document.answer.clone())),
            Got::Refused(answer) if is_stranger(answer.status) => Err(Failed::Stranger(answer)),
            Got::Refused(answer) => Err(Failed::Refused(answer)),
        }
    }

    async fn current_version(&self) -> Result<&'static Version, Trouble> {
        self.link.offered(&As::Service).await?.nearest(CURRENT).ok_or(Trouble::NotOffered)
    }
}

fn request(pattern: &'static str, version: &'static Version, caller: Caller) -> Request {
    Request {
        method: Method::GET,
        part: "slurm",
        version,
        pattern,
        parameter: String::new(),
        query: Vec::new(),
        content_type: None,
        body: Bytes::new(),
        accept: None,
        is_json: true,
        caller,
        is_fresh: false,
        slice: Slice::default(),
        known: None,
        key: None,
        takes_gzip: false,
        wait: None,
    }
}
