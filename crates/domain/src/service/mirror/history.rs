//! History with the scripts that only the cluster's accounting has.

use crate::JobId;
use crate::history::{Amendment, Booking, Deed, During, Episode, Gathered, Purged, UsageWanted, Wanted};
use crate::job::Payload;
use crate::ports::{Closed, ClosedStep, History, Key, Recorded, Remote, RemoteError, StoreError};
use std::ops::ControlFlow;
use std::sync::Arc;

/// What was recorded here; a script that was not is asked of the cluster.
pub(super) struct WithScripts {
    history: Arc<dyn History>,
    remote: Arc<dyn Remote>,
}

impl WithScripts {
    pub(super) fn new(history: Arc<dyn History>, remote: Arc<dyn Remote>) -> Self {
        WithScripts { history, remote }
    }
}

impl History for WithScripts {
    fn attempts(&self, id: JobId) -> Result<Vec<Closed>, StoreError> {
        self.history.attempts(id)
    }

    fn search(&self, wanted: &Wanted) -> Result<Vec<Recorded>, StoreError> {
        self.history.search(wanted)
    }

    fn each(
        &self,
        wanted: &Wanted,
        take: &mut dyn FnMut(Vec<Recorded>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.history.each(wanted, take)
    }

    fn keys(&self, wanted: &Wanted) -> Result<Vec<Key>, StoreError> {
        self.history.keys(wanted)
    }

    fn rows(&self, rows: &[u64]) -> Result<Vec<Recorded>, StoreError> {
        self.history.rows(rows)
    }

    fn amend(&self, amendments: &[(u64, Amendment)]) -> Result<(), StoreError> {
        self.history.amend(amendments)
    }

    fn steps(&self, id: JobId) -> Result<Vec<ClosedStep>, StoreError> {
        self.history.steps(id)
    }

    fn steps_of(&self, jobs: &[JobId]) -> Result<Vec<ClosedStep>, StoreError> {
        self.history.steps_of(jobs)
    }

    fn usage(&self, wanted: &UsageWanted) -> Result<Gathered, StoreError> {
        self.history.usage(wanted)
    }

    fn episodes(&self, during: &During) -> Result<Vec<Episode>, StoreError> {
        self.history.episodes(during)
    }

    fn bookings(&self, during: &During) -> Result<Vec<Booking>, StoreError> {
        self.history.bookings(during)
    }

    fn deeds(&self, during: &During) -> Result<Vec<Deed>, StoreError> {
        self.history.deeds(during)
    }

    fn waited(&self, during: &During) -> Result<Vec<(i64, i64)>, StoreError> {
        self.history.waited(during)
    }

    fn purged(&self) -> Purged {
        self.history.purged()
    }

    fn payload(&self, id: JobId) -> Result<Arc<Payload>, StoreError> {
        match self.history.payload(id) {
            Ok(payload) if payload.script.is_empty() => Ok(self.asked(id)?.unwrap_or(payload)),
            Err(StoreError::Missing(id)) => self.asked(id)?.ok_or(StoreError::Missing(id)),
            other => other,
        }
    }
}

impl WithScripts {
    fn asked(&self, id: JobId) -> Result<Option<Arc<Payload>>, StoreError> {
        let failed = |error: RemoteError| StoreError::Failed {
            what: "ask the cluster for a script",
            source: error.to_string().into(),
        };
        Ok(self.remote.payload(id).map_err(failed)?.map(Arc::new))
    }
}
