//! Which jobs of a table have been looked at: what is another later is found without keeping what was there.

use super::table::{JobTable, Page, PageMark};
use crate::JobId;
use std::collections::BTreeSet;

/// What a table was like. Of each page that is a mark and the numbers of its jobs.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// In ascending order of their places.
    pages: Vec<SeenPage>,
}

#[derive(Clone, Debug)]
struct SeenPage {
    place: u32,
    mark: PageMark,
    jobs: Vec<JobId>,
}

impl Seen {
    /// Looks at a table; of pages that have not changed since the last look only the mark is looked at.
    pub fn look_at(&mut self, jobs: &JobTable) {
        let mut before = std::mem::take(&mut self.pages).into_iter().peekable();
        for page in jobs.pages() {
            let place = page.place();
            while before.next_if(|seen| seen.place < place).is_some() {}
            let same = before.next_if(|seen| seen.place == place).filter(|seen| seen.mark.recognises(page));
            self.pages.push(same.unwrap_or_else(|| SeenPage::of(page)));
        }
    }

    /// Returns the jobs that may be others than at the last look, those that have come and those that have gone. With a job
    /// come its neighbours of the same page.
    pub fn changed(&self, jobs: &JobTable) -> BTreeSet<JobId> {
        let mut changed = BTreeSet::new();
        let mut before = self.pages.iter().peekable();
        for page in jobs.pages() {
            let place = page.place();
            while let Some(gone) = before.next_if(|seen| seen.place < place) {
                changed.extend(&gone.jobs);
            }
            let known = before.next_if(|seen| seen.place == place);
            if known.is_some_and(|seen| seen.mark.recognises(page)) {
                continue;
            }
            changed.extend(known.into_iter().flat_map(|seen| &seen.jobs));
            changed.extend(page.jobs().map(|job| job.id));
        }
        changed.extend(before.flat_map(|gone| &gone.jobs));
        changed
    }
}

impl SeenPage {
    fn of(page: Page<'_>) -> Self {
        SeenPage { place: page.place(), mark: page.mark(), jobs: page.jobs().map(|job| job.id).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::tests::job;
    use std::sync::Arc;

    #[test]
    fn pages_that_are_the_same_are_left_out() {
        let mut table = JobTable::default();
        for id in [1, 2, 300, 600, 70_000] {
            table.put(Arc::new(job(id)));
        }
        let mut seen = Seen::default();
        let changed = |seen: &Seen, table: &JobTable| -> Vec<u32> {
            seen.changed(table).into_iter().map(|id| id.0).collect()
        };
        assert_eq!(changed(&seen, &table), [1, 2, 300, 600, 70_000], "nothing has been looked at");
        seen.look_at(&table);
        assert!(changed(&seen, &table).is_empty());

        table.put(Arc::new(job(300)));
        table.take(JobId(2));
        table.take(JobId(600));
        table.put(Arc::new(job(1_000)));
        assert_eq!(changed(&seen, &table), [1, 2, 300, 600, 1_000]);
        seen.look_at(&table);
        assert!(changed(&seen, &table).is_empty());

        table.take(JobId(70_000));
        assert_eq!(changed(&seen, &table), [70_000]);
        seen.look_at(&JobTable::default());
        assert_eq!(changed(&seen, &table), [1, 300, 1_000]);
    }
}
