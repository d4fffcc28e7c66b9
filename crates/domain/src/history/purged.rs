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
    /// Events: nodes out of service, and what the cluster had.
    pub events: u64,
    /// Reservations.
    pub reservations: u64,
    /// Changes of the books.
    pub transactions: u64,
    /// Scripts, environments and requests that nothing referred to any more.
    pub contents: u64,
    /// Of all these so many were written into the archive.
    pub archived: u64,
}

impl Purged {
    /// Adds what has gone besides.
    pub fn add(&mut self, more: &Purged) {
        self.jobs = self.jobs.saturating_add(more.jobs);
        self.steps = self.steps.saturating_add(more.steps);
        self.sums = self.sums.saturating_add(more.sums);
        self.events = self.events.saturating_add(more.events);
        self.reservations = self.reservations.saturating_add(more.reservations);
        self.transactions = self.transactions.saturating_add(more.transactions);
        self.contents = self.contents.saturating_add(more.contents);
        self.archived = self.archived.saturating_add(more.archived);
    }
}
