//! The calls by which the list of all jobs is kept.

use super::{Failed, JobsCopy};
use crate::slurm::identity::As;
use crate::slurm::link::{Call, is_stranger};
use crate::slurm::picture::{Entry, Frame};
use crate::slurm::split::{Splitter, field, set_number, text};
use crate::slurm::transport::Answer;
use crate::slurm::trouble::Trouble;
use hyper::StatusCode;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

/// How many times longer than usual the whole list may take.
const LIST_PATIENCE: u32 = 10;

/// What was told of the list.
pub(super) enum List {
    Whole { entries: Vec<Arc<Entry>>, frame: Frame, told: i64 },
    Unchanged,
}

impl JobsCopy {
    /// Asks for all jobs, or for news since a second of the cluster's time.
    pub(super) async fn list(&self, who: &As, since: Option<i64>, begun: Instant) -> Result<List, Failed> {
        let query = since.map(|since| format!("?update_time={since}")).unwrap_or_default();
        let mut call = Call::get(who.clone(), format!("{}/jobs/{query}", self.base));
        call.patience = self.list_patience();
        let mut arriving = self.link.begin(&call).await?;
        if arriving.status != StatusCode::OK {
            let answer = arriving.whole(1 << 20).await.map_err(Trouble::from)?;
            return Err(refused(answer));
        }
        let (mut splitter, mut entries) = (Splitter::new("jobs"), Vec::new());
        while let Some(piece) = arriving.piece().await.map_err(Trouble::from)? {
            let told = splitter.feed(&piece, |entry| entries.extend(Entry::of(entry, begun)));
            told.map_err(|_| no_list())?;
        }
        let around = splitter.end().map_err(|_| no_list())?;
        let object = [around.head, around.tail].concat();
        let told = field(&object, "last_update").and_then(set_number).unwrap_or(0);
        if entries.is_empty() && told == 0 && since.is_some() {
            return Ok(List::Unchanged);
        }
        let part = |name| field(&object, name).map(<[u8]>::to_vec);
        let (Some(last_backfill), Some(meta)) = (part("last_backfill"), part("meta")) else {
            return Err(no_list());
        };
        let frame = Frame { last_backfill, meta };
        self.kept().cost = begun.elapsed();
        Ok(List::Whole { entries: entries.into_iter().map(Arc::new).collect(), frame, told })
    }

    /// As long as the list may need; of one that is never slow not for minutes, as it would hang for that long.
    fn list_patience(&self) -> u32 {
        let cost = self.kept().cost;
        if cost.is_zero() || cost > self.quick { LIST_PATIENCE } else { 1 }
    }

    /// Asks for the states of all jobs, by the name of a job or task.
    pub(super) async fn states(&self, who: &As) -> Result<HashMap<Box<str>, u64>, Failed> {
        let call = Call::get(who.clone(), format!("{}/jobs/state/", self.base));
        let mut arriving = self.link.begin(&call).await?;
        if arriving.status != StatusCode::OK {
            return Err(refused(arriving.whole(1 << 20).await.map_err(Trouble::from)?));
        }
        let (mut splitter, mut states) = (Splitter::new("jobs"), HashMap::new());
        while let Some(piece) = arriving.piece().await.map_err(Trouble::from)? {
            let told = splitter.feed(&piece, |entry| {
                if let Some(name) = field(entry, "job_id").and_then(text) {
                    let mut hasher = DefaultHasher::new();
                    field(entry, "state").hash(&mut hasher);
                    states.insert(Box::from(name), hasher.finish());
                }
            });
            told.map_err(|_| no_list())?;
        }
        splitter.end().map_err(|_| no_list())?;
        Ok(states)
    }

    /// Asks for the jobs of one number.
    pub(super) async fn single(&self, who: &As, job: u32, seen: Instant) -> Result<Vec<Arc<Entry>>, Failed> {
        let call = Call::get(who.clone(), format!("{}/job/{job}", self.base));
        let answer = self.link.ask_all(&call).await?;
        match answer.status {
            StatusCode::NOT_FOUND => return Ok(Vec::new()),
            StatusCode::OK => {}
            _ => return Err(refused(answer)),
        }
        let (mut splitter, mut entries) = (Splitter::new("jobs"), Vec::new());
        let told = splitter.feed(&answer.body, |entry| entries.extend(Entry::of(entry, seen)));
        told.and_then(|()| splitter.end()).map_err(|_| no_list())?;
        Ok(entries.into_iter().map(Arc::new).collect())
    }
}

pub(super) fn no_list() -> Failed {
    Failed::Lost(Trouble::Garbage("that is no list of jobs".to_owned()))
}

fn refused(answer: Answer) -> Failed {
    match answer.status {
        status if is_stranger(status) => Failed::Stranger(answer),
        status if status.is_server_error() => {
            Failed::Lost(Trouble::Unanswered(format!("it answers {status} for the list of jobs")))
        }
        _ => Failed::Refused(answer),
    }
}
