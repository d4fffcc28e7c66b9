//! Looks for the jobs of accounting that a query asks for: those that are history, those that live, and those of other
//! clusters that monitoring knows behind them. What is found is handed over while more is looked for.

use super::reading::Item;
use crate::site::Site;
use crate::slurm::from_wire::{Asked, Clusters};
use domain::history::{Order, Wanted};
use domain::job::Job;
use domain::monitoring::{RecordId, RecordsWanted};
use domain::ports::StoreError;
use domain::state::Snapshot;
use domain::{JobId, Text, Uid};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// More attempts than this are listed as they were recorded, and not by number: their rows alone take 16 MB.
const MOST_SORTED: usize = 1_000_000;
/// Attempts of pages up to this size are kept as they are found; of larger ones their rows, and they are read once more.
const MOST_KEPT: usize = 2_000;
/// A cursor from here on is one of a job that lives.
const LIVING: u32 = 1 << 31;
/// And from here on one of a job of another cluster, by its number in the registry: Slurm's numbers of jobs have 26 bits.
const FOREIGN: u32 = 3 << 30;

/// Takes what is found, until it has enough.
pub(super) type Take<'a> = &'a mut dyn FnMut(Item) -> ControlFlow<()>;

/// What is looked for, and where.
pub(super) struct Search {
    asked: Asked,
    site: Arc<Site>,
    snapshot: Arc<Snapshot>,
}

impl Search {
    /// Makes one for what was asked, and for the other components of heterogeneous jobs unless they are not wanted.
    pub(super) fn of(mut asked: Asked, site: Arc<Site>, snapshot: Arc<Snapshot>) -> Result<Self, StoreError> {
        if !asked.no_whole {
            with_components(&mut asked.wanted, &site, &snapshot)?;
        }
        Ok(Search { asked, site, snapshot })
    }

    /// Finds all of it, in order of numbers, attempts of a job as they ended.
    pub(super) fn whole(&self, take: Take<'_>) -> Result<(), StoreError> {
        let wanted = Wanted { order: Order::OldestFirst, limit: usize::MAX, ..self.asked.wanted.clone() };
        // Jobs that end meanwhile are in both, or in neither if the picture were taken after.
        let mut keys = match self.is_own() {
            true => self.site.jobs.history().keys(&wanted)?,
            false => Vec::new(),
        };
        let living = self.living(JobId(0));
        if keys.len() <= MOST_SORTED {
            keys.sort_unstable();
        }
        let mut living = living.into_iter().peekable();
        let mut own = Vec::with_capacity(keys.len() + living.len());
        for key in keys {
            while let Some(job) = living.next_if(|job| job.id < key.job) {
                own.push(Item::Living(job));
            }
            own.push(Item::Past(key.row));
        }
        own.extend(living.map(Item::Living));
        let others = self.others(RecordId(0))?.into_iter().map(Item::Foreign);
        // Whoever has enough has it at once.
        let _ = own.into_iter().chain(others).try_for_each(take);
        Ok(())
    }

    /// Finds a page, and tells where the next one begins: pages go through what is over in the order in which it ended,
    /// and then through what lives.
    pub(super) fn page(&self, cursor: u32, limit: usize, take: Take<'_>) -> Result<Option<u32>, StoreError> {
        let mut room = limit;
        if cursor < LIVING && self.is_own() {
            let wanted = Wanted {
                order: Order::OldestFirst,
                after: u64::from(cursor).checked_sub(1),
                limit: limit.saturating_add(1),
                ..self.asked.wanted.clone()
            };
            let next = self.past(&wanted, &mut room, take)?;
            if next.is_some() {
                return Ok(next);
            }
        }
        if cursor < FOREIGN {
            for job in self.living(JobId(cursor.saturating_sub(LIVING))) {
                if room == 0 {
                    return Ok(Some(LIVING | job.id.0));
                }
                room -= 1;
                if take(Item::Living(job)).is_break() {
                    return Ok(None);
                }
            }
        }
        for id in self.others(RecordId(u64::from(cursor.saturating_sub(FOREIGN))))? {
            if room == 0 {
                return Ok(u32::try_from(id.0).ok().and_then(|number| FOREIGN.checked_add(number)));
            }
            room -= 1;
            if take(Item::Foreign(id)).is_break() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Finds what is over as long as there is room, and tells which row would be next.
    fn past(&self, wanted: &Wanted, room: &mut usize, take: Take<'_>) -> Result<Option<u32>, StoreError> {
        let mut next = None;
        let mut put = |row: u64, item: Item| {
            if *room == 0 {
                next = u32::try_from(row).ok();
                return ControlFlow::Break(());
            }
            *room -= 1;
            take(item)
        };
        let history = self.site.jobs.history();
        if wanted.limit <= MOST_KEPT {
            history.each(wanted, &mut |found| {
                found.into_iter().try_for_each(|found| put(found.row, Item::Read(Box::new(found))))
            })?;
        } else {
            // Whoever has enough has it at once.
            let _ = history.keys(wanted)?.iter().try_for_each(|key| put(key.row, Item::Past(key.row)));
        }
        Ok(next)
    }

    /// Tells whether something that was found is a component of this leader.
    pub(super) fn is_component(&self, item: &Item, leader: JobId) -> Result<bool, StoreError> {
        let is_component = |job: &Job| job.het.is_some_and(|part| part.leader == leader);
        Ok(match item {
            Item::Foreign(_) => false,
            Item::Living(job) => is_component(job),
            Item::Read(found) => is_component(&found.closed.job),
            Item::Past(row) => {
                let found = self.site.jobs.history().rows(&[*row])?;
                found.iter().any(|found| is_component(&found.closed.job))
            }
        })
    }

    /// Tells whether jobs of our own cluster are wanted.
    fn is_own(&self) -> bool {
        !matches!(self.asked.clusters, Clusters::Named(_, false))
    }

    /// Returns the jobs of other clusters that fit, by their numbers in the registry from this one on.
    fn others(&self, from: RecordId) -> Result<Vec<RecordId>, StoreError> {
        let Some(monitoring) = self.site.monitoring() else { return Ok(Vec::new()) };
        let own = &self.snapshot.cluster.name;
        let is_meant = |cluster: &Text| match &self.asked.clusters {
            Clusters::Own => false,
            Clusters::All => cluster != own,
            Clusters::Named(names, _) => names.contains(cluster),
        };
        let clusters = monitoring.clusters();
        let directory = self.site.jobs.directory();
        let mut uids: HashMap<Text, Option<Uid>> = HashMap::new();
        let mut found = Vec::new();
        for cluster in clusters.iter().filter(|cluster| is_meant(&cluster.name)) {
            for around in RecordsWanted::around(&self.asked.wanted) {
                let around = RecordsWanted { cluster: Some(cluster.name.clone()), ..around };
                monitoring.registry().each(&around, &mut |record| {
                    let named = || directory.person(&record.user).map(|person| person.uid);
                    let uid = match self.asked.wanted.users.is_empty() {
                        true => None,
                        false => *uids.entry(record.user.clone()).or_insert_with(named),
                    };
                    if record.id >= from && record.is_among(&self.asked.wanted, uid) {
                        found.push(record.id);
                    }
                    ControlFlow::Continue(())
                })?;
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Returns the living jobs that fit, by number. Those that have ended are history already.
    fn living(&self, from: JobId) -> Vec<Arc<Job>> {
        let cluster = &self.snapshot.cluster;
        let fits = |job: &&Arc<Job>| {
            if job.is_final() || self.asked.wanted.altered || !self.is_own() {
                return false;
            }
            let held = job.run().map(|run| run.allocation.nodes.iter());
            let nodes = held.into_iter().flatten().filter_map(|share| cluster.node(share.node));
            let nodes: Vec<Text> = match self.asked.wanted.nodes.is_empty() {
                true => Vec::new(),
                false => nodes.map(|node| node.name.clone()).collect(),
            };
            self.asked.wanted.fits(&job.recorded(), &nodes)
        };
        let jobs = &self.snapshot.jobs;
        if self.asked.wanted.jobs.is_empty() {
            return jobs.iter_from(from).filter(fits).cloned().collect();
        }
        let records = self.asked.wanted.jobs.iter().flat_map(|(id, _)| self.snapshot.records(*id));
        let mut named: Vec<Arc<Job>> = records.filter(|job| job.id >= from && fits(&job)).collect();
        named.sort_unstable_by_key(|job| job.id);
        named.dedup_by_key(|job| job.id);
        named
    }
}

/// Adds the components of the heterogeneous jobs whose leaders are named.
fn with_components(wanted: &mut Wanted, site: &Site, snapshot: &Snapshot) -> Result<(), StoreError> {
    let mut more = Vec::new();
    for (id, task) in &wanted.jobs {
        if task.is_some() {
            continue;
        }
        let live = snapshot.jobs.job(*id).and_then(|job| job.het);
        let part = match live {
            Some(part) => Some(part),
            None => site.jobs.history().attempts(*id)?.last().and_then(|closed| closed.job.het),
        };
        if let Some(part) = part.filter(|part| part.leader == *id) {
            more.extend(part.members().filter(|member| member != id).map(|member| (member, None)));
        }
    }
    wanted.jobs.extend(more);
    Ok(())
}
