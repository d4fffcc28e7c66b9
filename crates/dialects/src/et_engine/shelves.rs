//! Where what this dialect keeps stands: a shelf for each kind, and on it the user's name before that of the thing, so that
//! nobody finds what belongs to others.

use super::error::EtError;
use super::record::{Batch, Deleted, Filesystem, Key, Tool, Upload};
use super::uuid;
use domain::JobId;
use domain::ports::Shelf;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// So many are read at once.
const AT_ONCE: usize = 1000;

/// What is kept.
pub(super) trait Kept: Serialize + DeserializeOwned {
    /// The shelf it stands on.
    const SHELF: &'static str;
}

macro_rules! kept {
    ($($kind:ident: $shelf:literal),* $(,)?) => {
        $(impl Kept for $kind {
            const SHELF: &'static str = $shelf;
        })*
    };
}

kept! {
    Tool: "et-engine-tools",
    Filesystem: "et-engine-filesystems",
    Batch: "et-engine-batches",
    Deleted: "et-engine-deleted",
    Key: "et-engine-keys",
    Upload: "et-engine-uploads",
}

/// Reads and writes what is kept. Everything blocks.
#[derive(Clone)]
pub(super) struct Shelves(Arc<dyn Shelf>);

/// Returns the name of a user's thing.
pub(super) fn by_id(id: u128) -> String {
    uuid::written(id)
}

/// Returns the name of a user's batch: the oldest comes first.
pub(super) fn by_batch(job: JobId, second: i64) -> String {
    format!("{second:012}-{job:08}")
}

fn place(user: &str, name: &str) -> String {
    format!("{user}/{name}")
}

fn unreadable(error: &serde_json::Error) -> EtError {
    tracing::error!(%error, "what ET Engine's dialect keeps cannot be read");
    EtError::Internal
}

impl Shelves {
    /// Makes them on a shelf that is there.
    pub(super) fn new(shelf: Arc<dyn Shelf>) -> Self {
        Shelves(shelf)
    }

    /// Returns a user's thing.
    pub(super) fn get<T: Kept>(&self, user: &str, name: &str) -> Result<Option<T>, EtError> {
        let found = self.0.get(T::SHELF, &place(user, name))?;
        found.map(|bytes| serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))).transpose()
    }

    /// Keeps a user's thing instead of what was there.
    pub(super) fn put<T: Kept>(&self, user: &str, name: &str, thing: &T) -> Result<(), EtError> {
        let bytes = serde_json::to_vec(thing).map_err(|error| unreadable(&error))?;
        Ok(self.0.put(T::SHELF, &place(user, name), &bytes)?)
    }

    /// Keeps a user's thing if there is none of this name; says whether it did.
    pub(super) fn put_new<T: Kept>(&self, user: &str, name: &str, thing: &T) -> Result<bool, EtError> {
        let bytes = serde_json::to_vec(thing).map_err(|error| unreadable(&error))?;
        Ok(self.0.put_if(T::SHELF, &place(user, name), None, &bytes)?)
    }

    /// Changes a user's thing, whoever else changes it meanwhile; returns it, or `None` if it is not there.
    pub(super) fn change<T: Kept>(
        &self,
        user: &str,
        name: &str,
        mut change: impl FnMut(&mut T) -> Result<(), EtError>,
    ) -> Result<Option<T>, EtError> {
        let place = place(user, name);
        // Each round that is lost is one that somebody else has won.
        loop {
            let Some(was) = self.0.get(T::SHELF, &place)? else { return Ok(None) };
            let mut thing: T = serde_json::from_slice(&was).map_err(|error| unreadable(&error))?;
            change(&mut thing)?;
            let bytes = serde_json::to_vec(&thing).map_err(|error| unreadable(&error))?;
            if self.0.put_if(T::SHELF, &place, Some(&was), &bytes)? {
                return Ok(Some(thing));
            }
        }
    }

    /// Forgets a user's thing; says whether there was one.
    pub(super) fn remove<T: Kept>(&self, user: &str, name: &str) -> Result<bool, EtError> {
        Ok(self.0.remove(T::SHELF, &place(user, name))?)
    }

    /// Returns a user's things with their names, in the order of these.
    pub(super) fn all_of<T: Kept>(&self, user: &str) -> Result<Vec<(String, T)>, EtError> {
        let prefix = place(user, "");
        let all = self.walk(&prefix)?;
        let own = |(place, thing): (String, T)| Some((place.strip_prefix(&prefix)?.to_owned(), thing));
        Ok(all.into_iter().filter_map(own).collect())
    }

    /// Returns everybody's things, each with its owner and its name.
    pub(super) fn all<T: Kept>(&self) -> Result<Vec<(String, String, T)>, EtError> {
        let owned = self.walk("")?.into_iter().filter_map(|(place, thing)| {
            let (user, name) = place.split_once('/')?;
            Some((user.to_owned(), name.to_owned(), thing))
        });
        Ok(owned.collect())
    }

    fn walk<T: Kept>(&self, prefix: &str) -> Result<Vec<(String, T)>, EtError> {
        let mut all: Vec<(String, T)> = Vec::new();
        loop {
            let after = all.last().map(|(name, _)| name.clone());
            let found = self.0.list(T::SHELF, prefix, after.as_deref(), AT_ONCE)?;
            let is_last = found.len() < AT_ONCE;
            for (name, bytes) in found {
                all.push((name, serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?));
            }
            if is_last {
                return Ok(all);
            }
        }
    }
}
