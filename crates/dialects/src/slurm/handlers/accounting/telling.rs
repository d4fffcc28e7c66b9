//! Writes the attempts of a list, part by part: parts may be written side by side.

use super::reading::{AtHand, Batch, Item, Reading};
use crate::site::Site;
use crate::slurm::from_wire::Asked;
use crate::slurm::listing::Entries;
use crate::slurm::to_wire::accounting::{Jobs, Seen};
use domain::history::Amendment;
use domain::job::{Job, Phase};
use domain::ports::Recorded;
use domain::state::Snapshot;
use domain::who::Principal;
use domain::{Text, Timestamp, Uid};
use slurm_wire::out::Out;
use slurm_wire::series::Series;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedSender;

/// Attempts that are read and written together.
const AT_ONCE: usize = 125;
/// As many of them at first: nothing can be sent before.
const AT_FIRST: usize = 25;

/// What the parts of a list are written by.
pub(super) struct Telling {
    reading: Reading,
    snapshot: Arc<Snapshot>,
    /// Who looks.
    principal: Principal,
    /// Scripts are wanted.
    scripts: bool,
    /// Those that write no part just now.
    pens: Mutex<Vec<Pen>>,
}

/// What whoever writes attempts remembers of those before.
#[derive(Default)]
struct Pen {
    /// Names of those who cancelled jobs.
    names: HashMap<Uid, Text>,
    jobs: Jobs,
    series: Series<slurm_wire::accounting::job::Job>,
}

/// Attempts that are read together when the first of them is written.
pub(super) struct Part {
    telling: Arc<Telling>,
    items: Vec<Item>,
    begun: Option<(Batch, Pen)>,
}

impl Telling {
    /// Makes one for the attempts that were asked for, shown to `principal` as the cluster is now.
    pub(super) fn of(
        asked: &Asked,
        site: &Arc<Site>,
        snapshot: &Arc<Snapshot>,
        principal: Principal,
        now: Timestamp,
    ) -> Self {
        Telling {
            reading: Reading { site: Arc::clone(site), no_steps: asked.no_steps, now },
            snapshot: Arc::clone(snapshot),
            principal,
            scripts: asked.scripts,
            pens: Mutex::default(),
        }
    }

    fn pens(&self) -> std::sync::MutexGuard<'_, Vec<Pen>> {
        self.pens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, items: Vec<Item>) -> (Batch, Pen) {
        let pen = self.pens().pop().unwrap_or_default();
        (self.reading.batch(items), pen)
    }

    /// Describes an attempt, which is written next.
    fn describe(&self, pen: &mut Pen, batch: &Batch, job: &Job, nodes: &Text, amendment: Option<&Amendment>) {
        let cancelled_by = match &job.phase {
            Phase::Ended(ended) => ended.cancelled_by,
            Phase::Completing(completing) => completing.cancelled_by,
            Phase::Pending(_) | Phase::Running(_) => None,
        };
        let cancelled_by = cancelled_by.map(|uid| self.name(pen, uid, job)).unwrap_or_default();
        let history = self.reading.site.jobs.history();
        let steps = batch.steps.get(&job.id).map(Vec::as_slice).unwrap_or_default();
        let may_see = self.principal.uid == Some(job.spec.owner.uid) || self.principal.is_operator();
        let script = match self.scripts && may_see {
            true => history.payload(job.array_id()).or_else(|_| history.payload(job.id)).ok(),
            false => None,
        };
        let seen = Seen {
            job,
            nodes,
            amendment,
            steps: Some(steps).filter(|_| !self.reading.no_steps),
            cancelled_by,
            script: script.map(|payload| Text::from_utf8_lossy(&payload.script)).unwrap_or_default(),
            now: self.reading.now,
        };
        pen.jobs.describe(&seen, &self.snapshot.cluster, pen.series.vacant());
    }

    fn name(&self, pen: &mut Pen, uid: Uid, job: &Job) -> Text {
        if uid == job.spec.owner.uid {
            return job.spec.owner.name.clone();
        }
        let directory = self.reading.site.jobs.directory();
        let named = || directory.person_by_uid(uid).map(|person| person.name);
        pen.names.entry(uid).or_insert_with(|| named().unwrap_or_else(|| uid.to_string().into())).clone()
    }
}

/// Makes parts of what is found, and sends them to be written.
pub(super) struct Parts {
    telling: Arc<Telling>,
    /// Those of the next part, and how many it is to have.
    items: Vec<Item>,
    size: usize,
    to: UnboundedSender<Part>,
}

impl Parts {
    pub(super) fn of(telling: Telling, to: UnboundedSender<Part>) -> Self {
        Parts { telling: Arc::new(telling), items: Vec::new(), size: AT_FIRST, to }
    }

    /// Adds what was found, and says whether anybody wants more.
    pub(super) fn add(&mut self, item: Item) -> ControlFlow<()> {
        self.items.push(item);
        if self.items.len() < self.size {
            return ControlFlow::Continue(());
        }
        self.size = AT_ONCE;
        self.send()
    }

    /// Sends what is left.
    pub(super) fn end(mut self) {
        if !self.items.is_empty() {
            // Whoever has gone misses nothing.
            let _ = self.send();
        }
    }

    fn send(&mut self) -> ControlFlow<()> {
        let items = std::mem::take(&mut self.items);
        let part = Part { telling: Arc::clone(&self.telling), items, begun: None };
        match self.to.send(part) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

impl Entries for Part {
    fn write(&mut self, out: &mut Out) -> bool {
        let Part { telling, items, begun } = self;
        let (batch, pen) = begun.get_or_insert_with(|| telling.begin(std::mem::take(items)));
        match batch.attempts.pop_front() {
            None => {
                let pen = begun.take().map(|(_, pen)| pen);
                telling.pens().extend(pen);
                return false;
            }
            Some(AtHand::Foreign(job)) => *pen.series.vacant() = *job,
            Some(AtHand::Past(found)) => {
                let Recorded { closed, amendment, .. } = &*found;
                telling.describe(pen, batch, &closed.job, &closed.nodes, amendment.as_deref());
            }
            Some(AtHand::Living(job)) => {
                let held = job.run().map(|run| telling.snapshot.cluster.fold_nodes(&run.allocation));
                telling.describe(pen, batch, &job, &held.unwrap_or_default(), None);
            }
        }
        pen.series.write(out);
        true
    }
}
