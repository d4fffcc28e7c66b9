//! How long the list of all jobs will be, known before it is sent: clients of the original count on a length. Pages of
//! jobs that have not changed since they were last measured are not measured again.

use super::to_wire;
use domain::cluster::Cluster;
use domain::state::{Page, PageMark, Snapshot};
use slurm_wire::Wire;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Lengths of pages, as measured for earlier answers.
#[derive(Default)]
pub(crate) struct Sizes(Mutex<Measured>);

#[derive(Default)]
struct Measured {
    cluster: Weak<Cluster>,
    pages: HashMap<usize, (PageMark, Size)>,
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
    pub(super) fn of_all(&self, snapshot: &Snapshot) -> Size {
        let mut measured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is shown of a job depends on the job and on the configuration.
        if !std::ptr::eq(measured.cluster.as_ptr(), Arc::as_ptr(&snapshot.cluster)) {
            *measured = Measured { cluster: Arc::downgrade(&snapshot.cluster), pages: HashMap::new() };
        }
        let before = std::mem::take(&mut measured.pages);
        let mut all = Size::default();
        let mut scratch = Vec::new();
        for (at, page) in snapshot.jobs.pages().enumerate() {
            // Pages keep their places until a whole page of jobs has left.
            let known = [at, at + 1].into_iter().filter_map(|at| before.get(&at));
            let known = known.filter(|(mark, _)| mark.recognises(page)).map(|(_, size)| *size).next();
            let size = known.unwrap_or_else(|| measure(page, snapshot, &mut scratch));
            all.entries += size.entries;
            all.bytes += size.bytes;
            measured.pages.insert(at, (page.mark(), size));
        }
        all
    }
}

fn measure(page: Page<'_>, snapshot: &Snapshot, scratch: &mut Vec<u8>) -> Size {
    let mut size = Size::default();
    for job in page.jobs() {
        scratch.clear();
        to_wire::job(job, snapshot).write_json(scratch);
        size.add(scratch.len());
    }
    size
}
