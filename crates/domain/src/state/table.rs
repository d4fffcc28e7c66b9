//! A table of jobs by number that can be copied in a moment: pages of 256 jobs, gathered in books of 256 pages,
//! shared between copies until one of them changes. Job numbers are dense, so this beats a tree in memory
//! and in speed of walking; a batch of submissions touches one page.

use crate::JobId;
use crate::job::Job;
use std::sync::{Arc, Weak};

const WIDTH: usize = 256;

type Leaf = [Option<Arc<Job>>; WIDTH];
type Book = Arc<[Option<Arc<Leaf>>; WIDTH]>;

/// Some jobs that follow each other in the table.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a>(&'a Arc<Leaf>);

/// Recognises a page as long as nothing in it has changed, without keeping its jobs.
#[derive(Clone, Debug)]
pub struct PageMark(Weak<Leaf>);

impl<'a> Page<'a> {
    /// Returns the jobs of the page in ascending order.
    pub fn jobs(self) -> impl Iterator<Item = &'a Arc<Job>> {
        self.0.iter().flatten()
    }

    /// Returns the place that the page has as long as one of its jobs lives; pages in ascending order have ascending
    /// places.
    pub fn place(self) -> u32 {
        self.jobs().next().map_or(0, |job| Page::place_of(job.id))
    }

    /// Returns the place of the page that a job is on, or would be.
    pub fn place_of(job: JobId) -> u32 {
        job.0 / WIDTH as u32
    }

    /// Returns what recognises the page.
    pub fn mark(self) -> PageMark {
        PageMark(Arc::downgrade(self.0))
    }
}

impl PageMark {
    /// Tells whether this is the page that was marked, unchanged.
    pub fn recognises(&self, page: Page<'_>) -> bool {
        // The mark keeps the address from being used again.
        Weak::as_ptr(&self.0) == Arc::as_ptr(page.0)
    }
}

/// Jobs by number, in ascending order.
#[derive(Clone, Debug, Default)]
pub struct JobTable {
    books: Vec<Option<Book>>,
    count: usize,
}

impl JobTable {
    /// Returns how many jobs are in the table.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns a job.
    pub fn job(&self, id: JobId) -> Option<&Arc<Job>> {
        let (book, page, slot) = place(id);
        self.books.get(book)?.as_ref()?[page].as_ref()?[slot].as_ref()
    }

    /// Puts a job in its place; returns the one that was there.
    pub fn put(&mut self, job: Arc<Job>) -> Option<Arc<Job>> {
        let (book, page, slot) = place(job.id);
        if self.books.len() <= book {
            self.books.resize(book + 1, None);
        }
        let book = self.books[book].get_or_insert_with(|| Arc::new([const { None }; WIDTH]));
        let page = Arc::make_mut(book)[page].get_or_insert_with(|| Arc::new([const { None }; WIDTH]));
        let before = Arc::make_mut(page)[slot].replace(job);
        self.count += usize::from(before.is_none());
        before
    }

    /// Takes a job out.
    pub fn take(&mut self, id: JobId) -> Option<Arc<Job>> {
        self.job(id)?;
        let (at_book, at_page, slot) = place(id);
        let book = Arc::make_mut(self.books[at_book].as_mut()?);
        let page = Arc::make_mut(book[at_page].as_mut()?);
        let job = page[slot].take();
        self.count -= usize::from(job.is_some());
        if page.iter().all(Option::is_none) {
            book[at_page] = None;
            if book.iter().all(Option::is_none) {
                self.books[at_book] = None;
            }
        }
        job
    }

    /// Returns all jobs in ascending order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.books
            .iter()
            .flatten()
            .flat_map(|book| book.iter().flatten())
            .flat_map(|page| page.iter().flatten())
    }

    /// Returns all jobs as pages, in ascending order.
    pub fn pages(&self) -> impl Iterator<Item = Page<'_>> {
        self.books.iter().flatten().flat_map(|book| book.iter().flatten()).map(Page)
    }

    /// Returns the page with that place.
    pub fn page(&self, place: u32) -> Option<Page<'_>> {
        let place = place as usize;
        let book = self.books.get(place / WIDTH)?.as_ref()?;
        book[place % WIDTH].as_ref().map(Page)
    }

    /// Returns the jobs from `id` on, in ascending order: for walks that are taken up again.
    pub fn iter_from(&self, id: JobId) -> impl Iterator<Item = &Arc<Job>> {
        let (first_book, first_page, _) = place(id);
        let pages = self.books.iter().enumerate().skip(first_book).flat_map(move |(at, book)| {
            let skip = if at == first_book { first_page } else { 0 };
            book.iter().flat_map(move |book| book.iter().skip(skip).flatten())
        });
        pages.flat_map(|page| page.iter().flatten()).skip_while(move |job| job.id < id)
    }
}

fn place(id: JobId) -> (usize, usize, usize) {
    let id = id.0 as usize;
    (id / (WIDTH * WIDTH), id / WIDTH % WIDTH, id % WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::tests::job;

    #[test]
    fn a_copy_keeps_what_the_original_loses() {
        let mut table = JobTable::default();
        for id in [1, 255, 256, 70_000] {
            table.put(Arc::new(job(id)));
        }
        let copy = table.clone();
        assert!(table.take(JobId(256)).is_some());
        assert!(table.take(JobId(256)).is_none());
        assert_eq!(table.len(), 3);
        assert_eq!(copy.len(), 4);
        assert_eq!(copy.iter().map(|job| job.id.0).collect::<Vec<_>>(), [1, 255, 256, 70_000]);
        assert_eq!(table.iter_from(JobId(2)).map(|job| job.id.0).collect::<Vec<_>>(), [255, 70_000]);
    }

    #[test]
    fn a_page_is_recognised_until_it_changes() {
        let mut table = JobTable::default();
        table.put(Arc::new(job(1)));
        table.put(Arc::new(job(300)));
        let marks: Vec<PageMark> = table.pages().map(Page::mark).collect();
        table.put(Arc::new(job(2)));
        let same: Vec<bool> = table.pages().zip(&marks).map(|(page, mark)| mark.recognises(page)).collect();
        assert_eq!(same, [false, true]);
        assert_eq!(table.pages().flat_map(Page::jobs).count(), 3);
        assert_eq!(table.pages().map(Page::place).collect::<Vec<_>>(), [0, 1]);
        let first = |place| table.page(place)?.jobs().next().map(|job| job.id.0);
        assert_eq!([0, 1, 2, u32::MAX].map(first), [Some(1), Some(300), None, None]);
    }

    #[test]
    fn putting_again_replaces() {
        let mut table = JobTable::default();
        assert!(table.put(Arc::new(job(7))).is_none());
        assert!(table.put(Arc::new(job(7))).is_some());
        assert_eq!(table.len(), 1);
        assert!(table.job(JobId(8)).is_none());
        assert!(table.job(JobId::MAX).is_none());
    }
}
