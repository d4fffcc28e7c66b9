//! What a look at all jobs shows: of the list that everybody is told those jobs that were not so when they were looked at
//! before.

use super::ClusterModel;
use super::ask::read;
use super::job::{Reader, tasks};
use crate::slurm::picture::{Entry, Picture};
use crate::slurm::split::{field, set_number, text};
use domain::cluster::Cluster;
use domain::job::ArrayPart;
use domain::ports::{Look, Sighting, Told};
use domain::{JobId, Text};
use slurm_wire::job_info::JobInfo;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError};

/// Looks that are remembered: who has not taken in all of the last one goes on from the one before.
const LOOKS: usize = 2;

/// What was shown by the last looks.
#[derive(Default)]
pub(super) struct Looked {
    pictures: VecDeque<Arc<Picture>>,
    there: Arc<BTreeSet<JobId>>,
}

impl Looked {
    fn picture(&self, look: Look) -> Option<&Arc<Picture>> {
        self.pictures.iter().find(|picture| picture.revision == look.0)
    }

    /// Remembers a look; returns the numbers of all jobs that it shows.
    fn remember(&mut self, picture: &Arc<Picture>) -> Arc<BTreeSet<JobId>> {
        let newest = self.pictures.back().map(|picture| picture.revision);
        if newest != Some(picture.revision) {
            self.there = Arc::new(picture.entries().map(|entry| JobId(entry.id)).collect());
            self.pictures.push_back(Arc::clone(picture));
            if self.pictures.len() > LOOKS {
                self.pictures.pop_front();
            }
        }
        Arc::clone(&self.there)
    }
}

impl ClusterModel {
    /// Describes what has changed in the list since a look.
    pub(super) fn sighting(&self, since: Option<Look>, picture: Arc<Picture>, cluster: &Cluster) -> Sighting {
        let (before, there) = {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            let before = since.and_then(|look| looked.picture(look)).cloned();
            (before, looked.remember(&picture))
        };
        let (look, as_of) = (Look(picture.revision), self.moment(picture.checked));
        let others = picture.other_than(before.as_deref());
        let reader = Reader::new(cluster);
        let mut jobs: Vec<Told> = others.filter_map(|entry| self.told(entry, &reader)).collect();
        // What is in the list is true as of when that was asked for, however long ago it was read.
        jobs.iter_mut().for_each(|told| told.as_of = told.as_of.max(as_of));
        let mut sizes = BTreeMap::new();
        for told in &mut jobs {
            size_array(told, |array| *sizes.entry(array).or_insert_with(|| size_of(picture.family(array.0))));
        }
        Sighting { look, as_of, jobs, there }
    }

    /// Describes all jobs of a number.
    pub(super) fn told_of(&self, entries: &[Arc<Entry>], cluster: &Cluster) -> Vec<Told> {
        let reader = Reader::new(cluster);
        let mut jobs: Vec<Told> = entries.iter().filter_map(|entry| self.told(entry, &reader)).collect();
        jobs.iter_mut().for_each(|told| size_array(told, |_| size_of(entries)));
        jobs
    }

    fn told(&self, entry: &Entry, reader: &Reader<'_>) -> Option<Told> {
        let job = reader.told(&read::<JobInfo>(&entry.bytes))?;
        Some(Told { job, mark: Text::from(entry.mark()), accounted: false, as_of: self.moment(entry.seen) })
    }
}

/// How many tasks an array had at first is not told: at least as many as there are.
fn size_array(told: &mut Told, mut size_of: impl FnMut(JobId) -> u32) {
    let array = told.job.array_id();
    if let Some(ArrayPart::Pool { size, .. } | ArrayPart::Task { size, .. }) = &mut told.job.array {
        *size = size_of(array).max(1);
    }
}

fn size_of(family: &[Arc<Entry>]) -> u32 {
    let count = |entry: &Arc<Entry>| match field(&entry.bytes, "array_task_id").and_then(set_number) {
        Some(_) => 1,
        None => {
            let waiting = field(&entry.bytes, "array_task_string").and_then(text).and_then(tasks);
            waiting.map_or(0, |waiting| waiting.len())
        }
    };
    family.iter().map(count).fold(0, u32::saturating_add)
}
