//! How long the list of all jobs will be, known before it is sent: clients of the original count on a length. Pages of
//! jobs of which nothing can have changed since they were last measured are not measured again.

use super::series::JobSeries;
use super::to_wire;
use domain::Timestamp;
use domain::cluster::Cluster;
use domain::priority::Ranking;
use domain::reservation::Reservation;
use domain::state::{Page, PageMark, Snapshot};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Lengths of pages, as measured for earlier answers.
#[derive(Default)]
pub(crate) struct Sizes(Mutex<Measured>);

#[derive(Default)]
struct Measured {
    around: Around,
    pages: HashMap<usize, Known>,
}

/// What else is shown of jobs than themselves.
#[derive(Default)]
struct Around {
    cluster: Weak<Cluster>,
    ranking: Weak<Ranking>,
    reservations: Weak<Vec<Arc<Reservation>>>,
}

impl Around {
    fn of(snapshot: &Snapshot) -> Self {
        Around {
            cluster: Arc::downgrade(&snapshot.cluster),
            ranking: Arc::downgrade(&snapshot.ranking),
            reservations: Arc::downgrade(&snapshot.reservations),
        }
    }

    fn is_of(&self, snapshot: &Snapshot) -> bool {
        // Marks keep the addresses from being used again.
        std::ptr::eq(self.cluster.as_ptr(), Arc::as_ptr(&snapshot.cluster))
            && std::ptr::eq(self.ranking.as_ptr(), Arc::as_ptr(&snapshot.ranking))
            && std::ptr::eq(self.reservations.as_ptr(), Arc::as_ptr(&snapshot.reservations))
    }
}

/// A page that was measured.
struct Known {
    mark: PageMark,
    size: Size,
    /// When the scheduler had looked at the queue.
    looked_at: Timestamp,
    /// When the first and the last of its jobs that wait came or became eligible: they are shown otherwise once the
    /// scheduler has looked at the queue afterwards.
    waiting_since: Option<(Timestamp, Timestamp)>,
}

impl Known {
    /// Tells whether it still holds when the scheduler has looked at the queue then.
    fn holds(&self, looked_at: Timestamp) -> bool {
        let both = [self.looked_at, looked_at];
        match self.waiting_since {
            None => true,
            Some((first, last)) => {
                self.looked_at == looked_at
                    || both.iter().all(|at| *at > last)
                    || both.iter().all(|at| *at <= first)
            }
        }
    }
}

/// What some entries take as JSON, without anything between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

impl Size {
    /// Adds an entry.
    pub(super) fn add(&mut self, bytes: usize) {
        self.entries += 1;
        self.bytes += bytes as u64;
    }
}

impl Sizes {
    /// Returns what all live jobs take.
    pub(super) fn of_all(&self, snapshot: &Arc<Snapshot>) -> Size {
        let mut measured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !measured.around.is_of(snapshot) {
            *measured = Measured { around: Around::of(snapshot), pages: HashMap::new() };
        }
        let looked_at = snapshot.statistics.main.last_at;
        let mut before = std::mem::take(&mut measured.pages);
        let mut all = Size::default();
        // Plans change all the time, and concern few jobs: their nodes are counted apart.
        let unplanned = Snapshot { planned: Arc::default(), ..Snapshot::clone(snapshot) };
        let mut series = JobSeries::new(Arc::new(unplanned), true);
        for (at, page) in snapshot.jobs.pages().enumerate() {
            // Pages keep their places until a whole page of jobs has left.
            let is_known = |at: &usize| {
                before.get(at).is_some_and(|known| known.mark.recognises(page) && known.holds(looked_at))
            };
            let known = [at, at + 1].into_iter().find(is_known).and_then(|at| before.remove(&at));
            let known = known.unwrap_or_else(|| measure(page, looked_at, &mut series));
            all.entries += known.size.entries;
            all.bytes += known.size.bytes;
            measured.pages.insert(at, known);
        }
        drop(measured);
        let planned = snapshot.planned.jobs().filter_map(|id| snapshot.jobs.job(id));
        all.bytes += planned.map(|job| to_wire::planned_nodes(job, snapshot).len() as u64).sum::<u64>();
        all
    }
}

fn measure(page: Page<'_>, looked_at: Timestamp, series: &mut JobSeries) -> Known {
    let mut known = Known { mark: page.mark(), size: Size::default(), looked_at, waiting_since: None };
    for job in page.jobs() {
        known.size.add(series.length(job));
        if job.is_pending() {
            let since = if job.eligible == Timestamp::NEVER { job.submitted } else { job.eligible };
            let (first, last) = known.waiting_since.unwrap_or((since, since));
            known.waiting_since = Some((first.min(since), last.max(since)));
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::pictures::{noon, picture};
    use domain::job::Job;
    use domain::state::Statistics;
    use std::time::Duration;

    fn check(sizes: &Sizes, picture: &Arc<Snapshot>) -> Size {
        let mut wanted = Size::default();
        for job in picture.jobs.iter() {
            wanted.add(slurm_wire::to_json(&to_wire::job(job, picture)).len());
        }
        assert_eq!(sizes.of_all(picture), wanted);
        wanted
    }

    #[test]
    fn jobs_that_were_not_looked_at_are_measured_again() {
        let sizes = Sizes::default();
        let fresh = Arc::new(picture(600));
        let first = check(&sizes, &fresh);
        let mut later = Snapshot::clone(&fresh);
        let mut statistics = Statistics::default();
        // What was not looked at is not looked at for longer.
        statistics.main.last_at = noon();
        later.statistics = Arc::new(statistics.clone());
        assert_eq!(first, check(&sizes, &Arc::new(later.clone())));
        statistics.main.last_at = noon().after(Duration::from_secs(1));
        later.statistics = Arc::new(statistics);
        let later = Arc::new(later);
        assert_ne!(first, check(&sizes, &later), "nothing depends on the scheduler");
        check(&sizes, &later);
        check(&sizes, &fresh);
    }

    #[test]
    fn what_has_changed_is_measured_again() {
        let sizes = Sizes::default();
        let mut picture = picture(600);
        check(&sizes, &Arc::new(picture.clone()));
        let mut job = Job::clone(picture.jobs.job(domain::JobId(300)).unwrap());
        Arc::make_mut(&mut job.spec).comment = "longer than it was before".into();
        picture.jobs.put(Arc::new(job));
        check(&sizes, &Arc::new(picture.clone()));
        let mut cluster = Cluster::clone(&picture.cluster);
        cluster.name = "another".into();
        picture.cluster = Arc::new(cluster);
        check(&sizes, &Arc::new(picture));
    }

    #[test]
    fn nodes_that_are_planned_are_counted() {
        let sizes = Sizes::default();
        let mut picture = picture(600);
        let before = check(&sizes, &Arc::new(picture.clone()));
        let mut planned = domain::state::Planned::default();
        let waiting: Vec<_> =
            picture.jobs.iter().filter(|job| job.is_pending()).take(3).map(|job| job.id).collect();
        for id in &waiting {
            planned.book(*id, [domain::NodeIndex(0)]);
        }
        planned.book(domain::JobId(999_999), [domain::NodeIndex(0)]);
        picture.planned = Arc::new(planned);
        let name = picture.cluster.nodes[0].name.len() as u64;
        let after = check(&sizes, &Arc::new(picture));
        assert_eq!((waiting.len(), after.bytes), (3, before.bytes + 3 * name));
    }
}
