//! What is known of nodes and jobs, what of it is shown, and which job is chosen.

use crate::jobs::row::{base_state, elapsed, is_over};
use slurm_wire::job_info::JobInfo;
use slurm_wire::node::Node;
use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What jobs are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Order {
    /// Those that run first, then those that wait by priority.
    #[default]
    State,
    /// Number.
    Id,
    /// Priority, the highest first.
    Priority,
    /// Time they have run, the longest first.
    Time,
    /// User, then number.
    User,
}

impl Order {
    /// Returns the order after this one.
    pub(super) fn next(self) -> Self {
        match self {
            Order::State => Order::Id,
            Order::Id => Order::Priority,
            Order::Priority => Order::Time,
            Order::Time => Order::User,
            Order::User => Order::State,
        }
    }

    /// Returns its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Order::State => "state",
            Order::Id => "id",
            Order::Priority => "priority",
            Order::Time => "time",
            Order::User => "user",
        }
    }
}

/// What is asked of the person at the keyboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Question {
    /// Nothing.
    #[default]
    None,
    /// Whether to cancel the job of this number, called so.
    Cancel(u32, String),
    /// Whose jobs to show: what has been typed so far.
    User(String),
}

/// What is known and how it is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Board {
    jobs: BTreeMap<u32, JobInfo>,
    /// The nodes, in the service's order.
    pub(super) nodes: Vec<Node>,
    /// Seconds by which the service's clock is ahead of ours.
    pub(super) ahead: i64,
    /// Whose jobs are shown; everybody's if nobody is named.
    pub(super) user: Option<String>,
    /// Who looks.
    pub(super) me: String,
    /// What jobs are sorted by.
    pub(super) order: Order,
    /// The number of the chosen job.
    chosen: Option<u32>,
    /// The first row in sight, as it was drawn last.
    first: Cell<usize>,
    /// What is asked.
    pub(super) question: Question,
    /// What was done last, or went wrong.
    pub(super) message: String,
}

impl Board {
    /// Begins with nothing known.
    pub(super) fn new(me: String, user: Option<String>, order: Order) -> Self {
        Board { me, user, order, ..Board::default() }
    }

    /// Takes in all jobs.
    pub(super) fn replace_jobs(&mut self, jobs: Vec<JobInfo>) {
        self.jobs.clear();
        self.add_jobs(jobs);
    }

    /// Takes in what there is now of a job or an array; nothing, if it is gone.
    pub(super) fn replace_job(&mut self, id: u32, records: Vec<JobInfo>) {
        self.jobs.retain(|number, job| *number != id && job.array_job_id.number() != Some(id));
        self.add_jobs(records);
    }

    fn add_jobs(&mut self, jobs: Vec<JobInfo>) {
        let live = jobs.into_iter().filter(|job| !is_over(job));
        self.jobs.extend(live.map(|job| (job.job_id, job)));
    }

    /// Returns how many jobs run and how many wait, whoever's they are.
    pub(super) fn counts(&self) -> (usize, usize) {
        let waits = |job: &&JobInfo| base_state(job) == "PENDING";
        let waiting = self.jobs.values().filter(waits).count();
        (self.jobs.len() - waiting, waiting)
    }

    /// Returns the jobs that are shown, in order. There may be many thousands: what is shown of each is for those who
    /// are in sight.
    pub(super) fn rows(&self, now: u64) -> Vec<&JobInfo> {
        let wanted = |job: &&JobInfo| self.user.as_ref().is_none_or(|user| job.user_name == *user);
        let mut rows: Vec<&JobInfo> = self.jobs.values().filter(wanted).collect();
        match self.order {
            Order::Id => {}
            Order::State => rows.sort_by_key(|job| match base_state(job) == "PENDING" {
                false => (false, Reverse(0)),
                true => (true, Reverse(priority(job))),
            }),
            Order::Priority => rows.sort_by_key(|job| Reverse(priority(job))),
            Order::Time => rows.sort_by_key(|job| Reverse(elapsed(job, now))),
            Order::User => rows.sort_by(|one, other| one.user_name.cmp(&other.user_name)),
        }
        rows
    }

    /// Returns the place of the chosen job among those shown: the first if it is gone.
    pub(super) fn place(&self, rows: &[&JobInfo]) -> Option<usize> {
        let at = self.chosen.and_then(|chosen| rows.iter().position(|job| job.job_id == chosen));
        (!rows.is_empty()).then(|| at.unwrap_or(0))
    }

    /// Returns which of so many rows is the first in sight if `height` of them are: as the last time, moved as far as the
    /// chosen one asks for.
    pub(super) fn first_in_sight(&self, place: Option<usize>, rows: usize, height: usize) -> usize {
        let most = rows.saturating_sub(height);
        let place = place.unwrap_or(0);
        let first = self.first.get().clamp((place + 1).saturating_sub(height).min(place), place).min(most);
        self.first.set(first);
        first
    }

    /// Chooses the job so many lines further down, or up.
    pub(super) fn step(&mut self, lines: isize, now: u64) {
        let rows = self.rows(now);
        let Some(place) = self.place(&rows) else { return };
        let place = place.saturating_add_signed(lines).min(rows.len() - 1);
        self.chosen = rows.get(place).map(|job| job.job_id);
    }

    /// Returns the chosen job.
    pub(super) fn chosen(&self, now: u64) -> Option<&JobInfo> {
        let rows = self.rows(now);
        rows.get(self.place(&rows)?).copied()
    }
}

/// Returns a job's priority; none is as good as zero.
pub(super) fn priority(job: &JobInfo) -> u32 {
    job.priority.number().unwrap_or(0)
}
