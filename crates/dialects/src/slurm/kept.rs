//! What is kept of the list of all jobs from one answer to the next: how long its pages are, which clients of the
//! original count on before the first byte, and the pages themselves, each job as what it has other than the one before
//! it. A page in which nothing can have changed is neither described nor measured again.

use super::listing::Entries;
use super::series::JobSeries;
use domain::Timestamp;
use domain::cluster::Cluster;
use domain::job::{Job, Phase};
use domain::priority::Ranking;
use domain::reservation::Reservation;
use domain::state::{Page, PageMark, Planned, Snapshot};
use slurm_wire::chain::{Chain, Reader};
use slurm_wire::out::Out;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Most bytes in which pages are kept. Of the pages beyond it only the length is known.
const ROOM: usize = 16 << 20;

/// Pages as described for earlier answers.
#[derive(Default)]
pub(crate) struct KeptJobs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    around: Around,
    pages: HashMap<u32, Arc<KeptPage>>,
    /// What they take together.
    size: usize,
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

/// What the scheduler had seen and planned: when it had looked at the queue in its main pass and out of order, and what
/// it had booked then.
#[derive(Clone)]
struct Looked {
    main: Timestamp,
    backfill: Timestamp,
    planned: Weak<Planned>,
}

impl Looked {
    fn of(snapshot: &Snapshot) -> Self {
        let statistics = &snapshot.statistics;
        Looked {
            main: statistics.main.last_at,
            backfill: statistics.backfill.last_at,
            planned: Arc::downgrade(&snapshot.planned),
        }
    }

    fn plans_like(&self, other: &Looked) -> bool {
        self.backfill == other.backfill && Weak::ptr_eq(&self.planned, &other.planned)
    }
}

/// A page that was described.
struct KeptPage {
    mark: PageMark,
    size: Size,
    looked: Looked,
    place: u32,
    /// When the first and the last of its jobs that wait came or became eligible: they are shown otherwise once the
    /// scheduler has looked at the queue afterwards.
    waiting_since: Option<(Timestamp, Timestamp)>,
    /// Whether the scheduler has planned a start for one of its jobs: such show where, and when it last looked out of
    /// order.
    is_planned: bool,
    /// Its jobs, if there was room for them.
    jobs: Option<Chain>,
}

impl KeptPage {
    fn of(page: Page<'_>, looked: &Looked, is_planned: bool, series: &mut JobSeries) -> Self {
        let (mut size, mut jobs) = (Size::default(), Chain::default());
        let mut kept = KeptPage {
            mark: page.mark(),
            size,
            looked: looked.clone(),
            place: page.place(),
            waiting_since: None,
            is_planned,
            jobs: None,
        };
        for job in page.jobs() {
            size.add(series.keep(job, &mut jobs));
            if let Phase::Pending(pending) = &job.phase {
                let since = if job.eligible == Timestamp::NEVER { job.submitted } else { job.eligible };
                let (first, last) = kept.waiting_since.unwrap_or((since, since));
                kept.waiting_since = Some((first.min(since), last.max(since)));
                kept.is_planned |= pending.expected_start.is_some();
            }
        }
        jobs.close();
        KeptPage { size, jobs: Some(jobs), ..kept }
    }

    /// Tells whether it still holds when the scheduler has looked at the queue then, and has plans for it or none.
    fn holds(&self, looked: &Looked, is_planned: bool) -> bool {
        let both = [self.looked.main, looked.main];
        let is_seen_alike = self.waiting_since.is_none_or(|(first, last)| {
            self.looked.main == looked.main
                || both.iter().all(|at| *at > last)
                || both.iter().all(|at| *at <= first)
        });
        is_seen_alike && (!(self.is_planned || is_planned) || self.looked.plans_like(looked))
    }

    fn room(&self) -> usize {
        self.jobs.as_ref().map_or(0, Chain::size)
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

impl Kept {
    /// Returns a page as it was described, if it is still so.
    fn page(&self, page: Page<'_>, looked: &Looked, is_planned: bool) -> Option<Arc<KeptPage>> {
        let kept = self.pages.get(&page.place())?;
        (kept.mark.recognises(page) && kept.holds(looked, is_planned)).then(|| Arc::clone(kept))
    }

    fn keep(&mut self, place: u32, mut page: KeptPage) -> Arc<KeptPage> {
        self.forget(place);
        if self.size + page.room() > ROOM {
            page.jobs = None;
        }
        self.size += page.room();
        let page = Arc::new(page);
        self.pages.insert(place, Arc::clone(&page));
        page
    }

    fn forget(&mut self, place: u32) {
        if let Some(before) = self.pages.remove(&place) {
            self.size -= before.room();
        }
    }

    fn forget_all_but(&mut self, places: &[u32]) {
        // Pages come in ascending order.
        let gone = self.pages.keys().filter(|place| places.binary_search(place).is_err());
        for place in gone.copied().collect::<Vec<_>>() {
            self.forget(place);
        }
    }
}

impl KeptJobs {
    /// Returns the list of all live jobs. Whoever asks at the same time takes turns with others, page by page, and finds
    /// what they have described.
    pub(super) fn list(&self, snapshot: &Arc<Snapshot>) -> AllJobs {
        let looked = Looked::of(snapshot);
        let mut series = JobSeries::new(Arc::clone(snapshot), true);
        let planned: BTreeSet<u32> = snapshot.planned.jobs().map(Page::place_of).collect();
        let (mut pages, mut places) = (Vec::new(), Vec::new());
        for page in snapshot.jobs.pages() {
            let is_planned = planned.contains(&page.place());
            let mut kept = self.around(snapshot);
            let known = kept.page(page, &looked, is_planned);
            pages.push(known.unwrap_or_else(|| {
                kept.keep(page.place(), KeptPage::of(page, &looked, is_planned, &mut series))
            }));
            places.push(page.place());
        }
        self.around(snapshot).forget_all_but(&places);
        AllJobs { snapshot: Arc::clone(snapshot), series, pages }
    }

    /// Returns what is kept, if what is around the jobs is as it was; otherwise nothing is.
    fn around(&self, snapshot: &Snapshot) -> MutexGuard<'_, Kept> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.around.is_of(snapshot) {
            *kept = Kept { around: Around::of(snapshot), ..Kept::default() };
        }
        kept
    }
}

/// All jobs of a picture as a list.
pub(super) struct AllJobs {
    snapshot: Arc<Snapshot>,
    series: JobSeries,
    pages: Vec<Arc<KeptPage>>,
}

impl AllJobs {
    /// Returns what they take.
    pub(super) fn size(&self) -> Size {
        let mut all = Size::default();
        for page in &self.pages {
            all.entries += page.size.entries;
            all.bytes += page.size.bytes;
        }
        all
    }

    /// Writes them.
    pub(super) fn entries(self) -> impl Entries {
        let AllJobs { snapshot, mut series, pages } = self;
        let mut pages = pages.into_iter();
        let mut page: Option<Arc<KeptPage>> = None;
        let mut reader = Reader::default();
        let mut at_hand: VecDeque<Arc<Job>> = VecDeque::new();
        move |out: &mut Out| loop {
            if let Some(job) = at_hand.pop_front() {
                series.write(&job, out);
                return true;
            }
            let chain = page.as_ref().and_then(|page| page.jobs.as_ref());
            if chain.is_some_and(|chain| reader.write(chain, out)) {
                return true;
            }
            let Some(next) = pages.next() else { return false };
            reader.restart();
            if next.jobs.is_none() {
                at_hand.extend(snapshot.jobs.page(next.place).into_iter().flat_map(Page::jobs).cloned());
            }
            page = Some(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::pictures::{noon, picture};
    use crate::slurm::to_wire;
    use domain::JobId;
    use domain::state::Statistics;
    use std::time::Duration;

    /// Compares the list with its jobs, each written alone, and returns it.
    #[track_caller]
    fn check(kept: &KeptJobs, picture: &Snapshot) -> Vec<u8> {
        let picture = Arc::new(picture.clone());
        let (mut wanted, mut written) = (Vec::new(), Out::new(slurm_wire::versions::CURRENT));
        let mut size = Size::default();
        for job in picture.jobs.iter() {
            let alone = slurm_wire::to_json(&to_wire::job(job, &picture));
            size.add(alone.len());
            wanted.extend(alone);
        }
        let list = kept.list(&picture);
        assert_eq!(list.size(), size);
        let mut entries = list.entries();
        while entries.write(&mut written) {}
        let written = written.into_bytes();
        assert!(written == wanted, "the list is not what its jobs are");
        written
    }

    fn with_statistics(picture: &Snapshot, change: impl FnOnce(&mut Statistics)) -> Snapshot {
        let mut statistics = Statistics::clone(&picture.statistics);
        change(&mut statistics);
        Snapshot { statistics: Arc::new(statistics), ..picture.clone() }
    }

    #[test]
    fn jobs_that_were_not_looked_at_are_described_again() {
        let kept = KeptJobs::default();
        let fresh = picture(600);
        let first = check(&kept, &fresh);
        // What was not looked at is not looked at for longer.
        assert_eq!(first, check(&kept, &with_statistics(&fresh, |pass| pass.main.last_at = noon())));
        let later = with_statistics(&fresh, |pass| pass.main.last_at = noon().after(Duration::from_secs(1)));
        assert_ne!(first, check(&kept, &later), "nothing depends on the scheduler");
        let planned =
            with_statistics(&later, |pass| pass.backfill.last_at = noon().after(Duration::from_secs(2)));
        assert_ne!(check(&kept, &later), check(&kept, &planned), "nothing depends on what was planned");
        assert_eq!(first, check(&kept, &fresh));
    }

    #[test]
    fn what_has_changed_is_described_again() {
        let kept = KeptJobs::default();
        let mut picture = picture(600);
        check(&kept, &picture);
        let mut job = Job::clone(picture.jobs.job(JobId(300)).unwrap());
        Arc::make_mut(&mut job.spec).comment = "longer than it was before".into();
        picture.jobs.put(Arc::new(job));
        check(&kept, &picture);
        let mut cluster = Cluster::clone(&picture.cluster);
        cluster.name = "another".into();
        picture.cluster = Arc::new(cluster);
        check(&kept, &picture);
    }

    #[test]
    fn jobs_that_something_is_booked_for_are_described_again() {
        let kept = KeptJobs::default();
        let mut picture = picture(600);
        let before = check(&kept, &picture);
        let waits = picture.jobs.iter().filter(|job| job.is_pending()).map(|job| job.id);
        let waiting: Vec<JobId> = waits.take(3).collect();
        let mut planned = Planned::default();
        for id in &waiting {
            planned.book(*id, [domain::NodeIndex(0)]);
        }
        planned.book(JobId(999_999), [domain::NodeIndex(0)]);
        let booked = Snapshot { planned: Arc::new(planned), ..picture.clone() };
        let name = picture.cluster.nodes[0].name.len();
        assert_eq!(check(&kept, &booked).len(), before.len() + waiting.len() * name);
        picture.planned = Arc::default();
        assert!(check(&kept, &picture) == before);
    }

    #[test]
    fn a_page_that_is_as_it_was_is_not_described_again() {
        let kept = KeptJobs::default();
        let mut picture = picture(600);
        let before = kept.list(&Arc::new(picture.clone())).pages;
        picture.jobs.take(JobId(300));
        let after = kept.list(&Arc::new(picture)).pages;
        let same: Vec<_> = before.iter().zip(&after).map(|(one, other)| Arc::ptr_eq(one, other)).collect();
        assert_eq!(same, [true, false, true]);
    }

    #[test]
    fn what_has_left_is_forgotten() {
        let kept = KeptJobs::default();
        let mut picture = picture(600);
        check(&kept, &picture);
        for id in 0..512 {
            picture.jobs.take(JobId(id));
        }
        check(&kept, &picture);
        let kept = kept.0.into_inner().unwrap();
        assert_eq!(kept.pages.len(), 1);
        assert_eq!(kept.size, kept.pages.values().map(|page| page.room()).sum::<usize>());
    }

    #[test]
    fn pages_without_room_are_described_for_each_answer() {
        let kept = KeptJobs::default();
        let picture = picture(600);
        kept.around(&picture).size = ROOM;
        check(&kept, &picture);
        assert!(kept.around(&picture).pages.values().all(|page| page.jobs.is_none()));
        check(&kept, &picture);
    }
}
