//! What has left history because of its age.

/// How much has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Attempts.
    pub jobs: u64,
    /// Steps.
    pub steps: u64,
    /// Sums of usage.
    pub sums: u64,
    /// Of all these so many were written into the archive.
    pub archived: u64,
}

impl Purged {
    /// Adds what has gone besides.
    pub fn add(&mut self, more: &Purged) {
        self.jobs = self.jobs.saturating_add(more.jobs);
        self.steps = self.steps.saturating_add(more.steps);
        self.sums = self.sums.saturating_add(more.sums);
        self.archived = self.archived.saturating_add(more.archived);
    }
}
