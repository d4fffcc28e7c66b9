//! Which records are wanted.

use super::{JobState, Record};
use crate::Text;

/// Which records a list shall have. What is empty or `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordsWanted {
    /// In one of these states.
    pub states: Vec<JobState>,
    /// On this cluster.
    pub cluster: Option<Text>,
    /// Of this user.
    pub user: Option<Text>,
    /// Of one of these projects.
    pub projects: Vec<Text>,
    /// That this person sees.
    pub seen_by: Option<Onlooker>,
    /// With this number on its cluster.
    pub job: Option<i64>,
    /// Started at this second or later.
    pub started_from: Option<i64>,
    /// Started at this second or earlier.
    pub started_until: Option<i64>,
    /// Ended at this second or later; what has not ended ends after any.
    pub ended_from: Option<i64>,
    /// So many of them are passed over.
    pub skip: u64,
    /// At most so many; `None` for all.
    pub most: Option<u64>,
    /// With what is told in words.
    pub with_meta: bool,
}

/// Somebody who sees some jobs only: those of its own, and those of the projects it manages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Onlooker {
    /// Its name.
    pub user: Text,
    /// The projects it manages.
    pub projects: Vec<Text>,
}

impl Onlooker {
    /// Tells whether it sees jobs of this user and project.
    pub fn sees(&self, user: &str, project: &str) -> bool {
        !user.is_empty() && self.user == user || self.projects.iter().any(|own| own == project)
    }
}

impl RecordsWanted {
    /// Tells whether a record is one of them, were they all asked for.
    pub fn mean(&self, record: &Record) -> bool {
        (self.states.is_empty() || self.states.contains(&record.state))
            && self.cluster.as_ref().is_none_or(|cluster| *cluster == record.cluster)
            && self.user.as_ref().is_none_or(|user| *user == record.user)
            && (self.projects.is_empty() || self.projects.contains(&record.project))
            && self.seen_by.as_ref().is_none_or(|person| person.sees(&record.user, &record.project))
            && self.job.is_none_or(|job| job == record.job)
            && self.started_from.is_none_or(|from| record.start_time >= from)
            && self.started_until.is_none_or(|until| record.start_time <= until)
            && self.ended_from.is_none_or(|from| record.end().is_none_or(|end| end >= from))
    }
}
