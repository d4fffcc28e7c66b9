//! `GET jobs/` and `GET job/{job_id}`: jobs of accounting, those that live among those that are history; and those of other
//! clusters that monitoring knows behind them.

use super::reading::{Item, Reading};
use super::telling::{Part, Telling};
use crate::http::answer::Answer;
use crate::site::Site;
use crate::slurm::call::Call;
use crate::slurm::from_wire::{Asked, Clusters, NotAsked, asked, recorded_job};
use crate::slurm::listing::Entries;
use domain::history::{Order, Wanted};
use domain::job::Job;
use domain::monitoring::{RecordId, RecordsWanted};
use domain::ports::StoreError;
use domain::state::Snapshot;
use domain::who::Principal;
use domain::{JobId, TaskIndex, Text, Timestamp, Uid};
use hyper::StatusCode;
use slurm_wire::accounting::job::SlurmdbdJobsResp;
use slurm_wire::accounting::query::JobCondition;
use slurm_wire::error_number as number;
use slurm_wire::out::Out;
use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

const DUMP: &str = "_dump_jobs";
/// More attempts than this are listed as they were recorded, and not by number: their rows alone take 16 MB.
const MOST_SORTED: usize = 1_000_000;
/// Attempts that are read and written together.
const AT_ONCE: usize = 125;
/// As many of them at first: nothing can be sent before.
const AT_FIRST: usize = 25;
/// A cursor from here on is one of a job that lives.
const LIVING: u32 = 1 << 31;
/// And from here on one of a job of another cluster, by its number in the registry: Slurm's numbers of jobs have 26 bits.
const FOREIGN: u32 = 3 << 30;

/// Lists the jobs that a query asks for.
pub(super) async fn list(mut call: Call<'_>) -> Answer {
    const HANDLER: &str = "op_handler_jobs";
    let Some(principal) = call.admitted() else { return call.fail() };
    let Some(query) = call.read::<JobCondition>() else { return unreadable(call, HANDLER) };
    if let Some(problem) = call.slice.problem {
        call.report.error(number::INVALID_QUERY, problem, HANDLER);
        return call.fail();
    }
    let (site, now) = (Arc::clone(call.site), call.now);
    let (cursor, limit) = (call.slice.cursor, call.slice.limit);
    let found = tokio::task::spawn_blocking(move || {
        let snapshot = site.jobs.snapshot();
        let asked = asked(&query, &site, &snapshot, now).map_err(NotFound::NotAsked)?;
        Found::by(asked, site, snapshot, cursor, limit).map_err(NotFound::Store)
    });
    answer(call, found.await, principal, HANDLER).await
}

/// Shows all attempts of a job, of all tasks of an array, or of one of them.
pub(super) async fn show(mut call: Call<'_>) -> Answer {
    const HANDLER: &str = "op_handler_job";
    let Some(principal) = call.admitted() else { return call.fail() };
    let Some(job) = recorded_job(call.parameter) else { return unreadable(call, HANDLER) };
    let site = Arc::clone(call.site);
    let found = tokio::task::spawn_blocking(move || {
        let id = JobId(job.job_id.saturating_add(job.component.unwrap_or(0)));
        let wanted = Wanted { jobs: vec![(id, job.task().map(TaskIndex))], ..Wanted::default() };
        let asked = Asked { wanted, no_whole: true, clusters: Clusters::All, ..Asked::default() };
        let snapshot = site.jobs.snapshot();
        let mut found = Found::by(asked, site, snapshot, 0, None).map_err(NotFound::Store)?;
        if job.component.is_some_and(|offset| offset > 0) {
            found.of_leader(JobId(job.job_id)).map_err(NotFound::Store)?;
        }
        Ok(found)
    });
    answer(call, found.await, principal, HANDLER).await
}

/// Refuses what cannot be read.
pub(super) fn unreadable(mut call: Call<'_>, handler: &'static str) -> Answer {
    call.report.error(number::INVALID_QUERY, "Rejecting request. Failure parsing query parameters", handler);
    call.fail_with(StatusCode::UNPROCESSABLE_ENTITY)
}

/// Why there is nothing to list.
enum NotFound {
    NotAsked(NotAsked),
    Store(StoreError),
}

async fn answer(
    mut call: Call<'_>,
    found: Result<Result<Found, NotFound>, tokio::task::JoinError>,
    principal: Principal,
    handler: &'static str,
) -> Answer {
    match found {
        Ok(Ok(found)) if !found.is_empty() => {
            call.slice.goes_on(found.next);
            let parts = found.parts(principal, call.now);
            return call.list_of_parts(SlurmdbdJobsResp::default(), parts).await;
        }
        Ok(Ok(_) | Err(NotFound::NotAsked(NotAsked::Nothing))) => {
            call.report.warn("slurmdb_jobs_get() found nothing", DUMP);
        }
        Ok(Err(NotFound::NotAsked(NotAsked::Unreadable(why)))) => {
            if let Some((number, sentence, place)) = why {
                call.numbered(number, &sentence, place);
            }
            return unreadable(call, handler);
        }
        Ok(Err(NotFound::NotAsked(NotAsked::Failed(number)))) => {
            call.numbered(number, "slurmdb_jobs_get failed", DUMP);
            return call.answer_with(StatusCode::INTERNAL_SERVER_ERROR, SlurmdbdJobsResp::default());
        }
        Ok(Err(NotFound::Store(error))) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "history cannot be read");
            call.numbered(number::DATABASE_CONNECTION, "slurmdb_jobs_get failed", DUMP);
            return call.answer(SlurmdbdJobsResp::default());
        }
        Err(error) => {
            tracing::error!(%error, "a search in history broke off");
            call.numbered(number::UNSPECIFIED, "slurmdb_jobs_get failed", DUMP);
        }
    }
    call.answer(SlurmdbdJobsResp::default())
}

/// What was found: rows and living jobs; the attempts themselves are read as they are sent.
struct Found {
    items: VecDeque<Item>,
    asked: Asked,
    /// Where the next page begins.
    next: Option<u32>,
    site: Arc<Site>,
    snapshot: Arc<Snapshot>,
}

impl Found {
    /// Looks for what was asked. A whole list is in order of numbers, attempts of a job as they ended; pages go through
    /// what is over in the order in which it ended, and then through what lives.
    fn by(
        mut asked: Asked,
        site: Arc<Site>,
        snapshot: Arc<Snapshot>,
        cursor: u32,
        limit: Option<usize>,
    ) -> Result<Self, StoreError> {
        if !asked.no_whole {
            with_components(&mut asked.wanted, &site, &snapshot)?;
        }
        let mut found = Found { items: VecDeque::new(), asked, next: None, site, snapshot };
        match limit {
            None => found.whole()?,
            Some(limit) => found.page(cursor, limit)?,
        }
        Ok(found)
    }

    fn whole(&mut self) -> Result<(), StoreError> {
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
        for key in keys {
            while let Some(job) = living.next_if(|job| job.id < key.job) {
                self.items.push_back(Item::Living(job));
            }
            self.items.push_back(Item::Past(key.row));
        }
        self.items.extend(living.map(Item::Living));
        let others = self.others(RecordId(0))?;
        self.items.extend(others.into_iter().map(Item::Foreign));
        Ok(())
    }

    fn page(&mut self, cursor: u32, limit: usize) -> Result<(), StoreError> {
        if cursor < LIVING && self.is_own() {
            let wanted = Wanted {
                order: Order::OldestFirst,
                after: u64::from(cursor).checked_sub(1),
                limit: limit.saturating_add(1),
                ..self.asked.wanted.clone()
            };
            let mut keys = self.site.jobs.history().keys(&wanted)?;
            if keys.len() > limit {
                self.next = keys.get(limit).and_then(|key| u32::try_from(key.row).ok());
                keys.truncate(limit);
            }
            self.items.extend(keys.iter().map(|key| Item::Past(key.row)));
        }
        if self.next.is_none() && cursor < FOREIGN {
            let mut living = self.living(JobId(cursor.saturating_sub(LIVING)));
            let room = limit - self.items.len().min(limit);
            self.next = living.get(room).map(|job| LIVING | job.id.0);
            living.truncate(room);
            self.items.extend(living.into_iter().map(Item::Living));
        }
        if self.next.is_none() {
            let mut others = self.others(RecordId(u64::from(cursor.saturating_sub(FOREIGN))))?;
            let room = limit - self.items.len().min(limit);
            let next = others.get(room).and_then(|id| u32::try_from(id.0).ok());
            self.next = next.and_then(|number| FOREIGN.checked_add(number));
            others.truncate(room);
            self.items.extend(others.into_iter().map(Item::Foreign));
        }
        Ok(())
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
        self.snapshot.jobs.iter_from(from).filter(fits).cloned().collect()
    }

    /// Keeps the components of a leader: what was named as a component may be a job of its own.
    fn of_leader(&mut self, leader: JobId) -> Result<(), StoreError> {
        let is_component = |job: &Job| job.het.is_some_and(|part| part.leader == leader);
        let mut kept = VecDeque::new();
        for item in std::mem::take(&mut self.items) {
            let keep = match &item {
                Item::Foreign(_) => false,
                Item::Living(job) => is_component(job),
                Item::Past(row) => self
                    .site
                    .jobs
                    .history()
                    .rows(&[*row])?
                    .iter()
                    .any(|found| is_component(&found.closed.job)),
            };
            if keep {
                kept.push_back(item);
            }
        }
        self.items = kept;
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the attempts in parts, each of which is read and written as it is needed.
    fn parts(mut self, principal: Principal, now: Timestamp) -> impl Iterator<Item = impl Entries> + Send {
        let mut items = std::mem::take(&mut self.items);
        let telling = Arc::new(Telling::of(
            Reading { site: self.site, no_steps: self.asked.no_steps, now },
            self.snapshot,
            principal,
            self.asked.scripts,
        ));
        let mut most = AT_FIRST;
        std::iter::from_fn(move || {
            let some: Vec<Item> = items.drain(..items.len().min(most)).collect();
            most = AT_ONCE;
            (!some.is_empty()).then(|| {
                let mut part = Part::of(some, Arc::clone(&telling));
                move |out: &mut Out| part.write(out)
            })
        })
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
