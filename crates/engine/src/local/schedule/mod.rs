//! Who starts next, and where: priority order with backfill, a function of state and time. Nothing here starts
//! anything.
//!
//! Two passes. The *main* pass walks the queue in order and starts what fits; a job that cannot start closes its
//! partition's nodes to all behind it, so that nobody takes what it waits for. It costs little and is made after
//! every change. The *backfill* pass looks deeper: it books the time and the nodes at which each waiting job will
//! start if running ones use up their limits, and starts those that disturb no booking. It is made a few times a
//! second at most; the main pass says when it is due.

mod backfill;
mod forecast;
mod ground;
mod guests;
mod joint;
mod layout;
mod limited;
mod main_pass;
mod obstacle;
mod preempt;
mod reserved;
mod resume;
mod timeline;
mod waits;
mod walk;

use domain::ports::{Foreseen, PassExit, Plan, Preempt, PreemptHow, Start};
use domain::state::State;
use domain::{JobId, Timestamp};
use ground::Ground;
use joint::Joint;
use layout::Layout;
use limited::Limited;
use main_pass::MainPass;
use preempt::Displacing;
use resume::Returning;
use std::time::Duration;
use waits::Waits;

/// The least time between two backfill passes.
const BACKFILL_INTERVAL: Duration = Duration::from_millis(100);
/// How long a pass is made up for by rest, for each step it looked at: some forty times the time it took.
const REST_FOR_WORK: Duration = Duration::from_micros(2);
/// The least time between two backfill passes while not a single CPU is free: then only forecasts could change.
const FORECAST_INTERVAL: Duration = Duration::from_secs(1);
/// The least time between two backfill passes while nothing has changed: then only the passing of time could matter.
const IDLE_INTERVAL: Duration = Duration::from_secs(10);
/// Expected start times are told anew only so often.
const EXPECTATION_INTERVAL: Duration = Duration::from_secs(30);
/// Starts proposed in one pass; more follow in the next.
const MOST_STARTS: usize = 512;

/// The scheduler. What it keeps between passes saves effort, decides how deep a pass looks, and keeps the room that jobs
/// have left for those they left it for.
#[derive(Debug, Default)]
pub struct Scheduler {
    layout: Option<Layout>,
    last_backfill: Option<Timestamp>,
    /// When a main pass came to the end of the queue, or was to.
    last_whole: Option<Timestamp>,
    rest: Duration,
    last_expectations: Option<Timestamp>,
    displacing: preempt::Memory,
    joint: Joint,
    limited: Limited,
    /// The version of the state in which the last backfill pass found nothing to start.
    exhausted: Option<u64>,
}

impl Scheduler {
    /// Makes a scheduler that has not looked yet.
    pub fn new() -> Self {
        Scheduler::default()
    }

    /// Proposes which jobs start now, and says why others wait.
    pub fn plan(&mut self, state: &State, now: Timestamp) -> Plan {
        if state.queues().is_empty() {
            let mut returning = Returning::new(state);
            returning.at_last(&mut Ground::new(state));
            return Plan { resumes: returning.resumes, ..Plan::default() };
        }
        let layout = match self.layout.take() {
            Some(layout) if layout.is_of(state.cluster()) => layout,
            _ => {
                self.limited = Limited::default();
                Layout::of(state.cluster())
            }
        };
        let plan = self.plan_with(&layout, state, now);
        self.layout = Some(layout);
        plan
    }

    /// Says when and where these would start. Costs at most what a pass costs that plans ahead, and once more what the
    /// search for these alone costs, however long the queue is: those too far behind to be planned are asked for where the
    /// pass has come to its end. What others have been promised stays promised.
    pub fn foresee(&self, state: &State, jobs: &[JobId], now: Timestamp) -> Vec<Foreseen> {
        let known = self.layout.as_ref().filter(|layout| layout.is_of(state.cluster()));
        let made = known.is_none().then(|| Layout::of(state.cluster()));
        let Some(layout) = known.or(made.as_ref()) else { return Vec::new() };
        let (displacing, joint) = (self.displacing.clone(), self.joint.clone());
        let mut other = Scheduler { displacing, joint, ..Scheduler::new() };
        let mut waits = Waits::curious_about(jobs.to_vec());
        let plan = other.pass(layout, state, now, &mut waits);
        let of_start = |start: &Start| Foreseen {
            job: start.job,
            at: now,
            partition: start.allocation.partition.clone(),
            nodes: start.allocation.nodes.iter().map(|share| share.node).collect(),
            cpus: start.allocation.nodes.iter().map(|share| share.cpus.len()).sum(),
        };
        let mut found: Vec<Foreseen> = Vec::with_capacity(jobs.len());
        let asked = plan.starts.iter().filter(|start| jobs.contains(&start.job)).map(of_start);
        for foreseen in asked.chain(waits.into_foreseen()) {
            // Of an array the first task counts.
            if !found.iter().any(|other| other.job == foreseen.job) {
                found.push(foreseen);
            }
        }
        found
    }

    fn plan_with(&mut self, layout: &Layout, state: &State, now: Timestamp) -> Plan {
        self.pass(layout, state, now, &mut Waits::default())
    }

    fn pass<'a>(&mut self, layout: &'a Layout, state: &'a State, now: Timestamp, waits: &mut Waits) -> Plan {
        let mut ground = Ground::new(state);
        let mut memory = std::mem::take(&mut self.displacing);
        let displacing = Displacing::new(layout, state, now, &mut memory);
        displacing.claimants().into_iter().for_each(|job| ground.owe(job));
        let (most, whole_at) = self.depth(layout, now);
        let kept_in_mind = (displacing, &self.joint, &mut self.limited);
        let main = MainPass::run(layout, kept_in_mind, state, now, &mut ground, waits, most);
        let looks_at_rest = if main.exit == PassExit::Depth {
            whole_at
        } else {
            self.last_whole = Some(now);
            None
        };
        let mut plan = Plan {
            resumes: main.resumes,
            depth: main.depth,
            starts: main.starts,
            exit: main.exit,
            ..Plan::default()
        };
        let mut displacing = main.displacing;
        plan.queue = layout.partitions.iter().map(|entry| state.queues().len_of(&entry.name)).sum();
        let is_full = plan.starts.len() >= MOST_STARTS || makes_room(&displacing.preempts);
        if is_full && waits.curious().is_empty() || waits.knows_all(&plan.starts) {
            // Nobody slips into room that is being made; the next pass knows whose it is.
            plan.again = Some(now);
        } else if main.left_some {
            let interval = self.interval(layout, state, &ground).max(self.rest);
            let due = self.last_backfill.filter(|last| *last <= now).map(|last| last.after(interval));
            match due.filter(|due| *due > now) {
                Some(due) => plan.again = Some(due),
                None => {
                    let before = (displacing, main.kept.as_slice());
                    displacing =
                        self.look_deeper(layout, state, now, (&mut ground, &mut *waits), before, &mut plan);
                }
            }
        }
        if makes_room(&displacing.preempts) {
            // Some may be gone at once.
            plan.again = Some(now);
        }
        for job in waits.curious().to_vec() {
            let Some(job) = state.job(job) else { continue };
            let places = job.spec.partitions.iter().map(|name| (name, displacing.promised(job, name)));
            for (partition, place) in places.filter_map(|(name, place)| Some((name, place?))) {
                // Others make way for it.
                waits.foresee(job.id, now, partition, place);
            }
        }
        plan.preempts = displacing.preempts;
        memory.settle(&plan.starts, &plan.preempts);
        let again = [plan.again, memory.looks_again(state, now), self.limited.again(), looks_at_rest];
        plan.again = again.into_iter().flatten().min();
        plan.waits = waits.changed(state, now);
        plan.planned = waits.is_deep.then(|| std::mem::take(&mut waits.planned));
        self.displacing = memory;
        plan
    }

    /// Returns how many jobs the main pass may look at now, and when one may look at all of them: whoever is too far behind
    /// for every pass would wait for ever behind others that never start.
    fn depth(&mut self, layout: &Layout, now: Timestamp) -> (usize, Option<Timestamp>) {
        let scheduling = &layout.cluster().scheduling;
        // A clock that was set back tells nothing of the time since.
        let last = (*self.last_whole.get_or_insert(now)).min(now);
        let due = last.after(scheduling.whole_queue_after);
        match due <= now {
            true => (usize::MAX, None),
            false => (scheduling.queue_depth, Some(due)),
        }
    }

    fn interval(&self, layout: &Layout, state: &State, ground: &Ground<'_>) -> Duration {
        let useful = if self.exhausted == Some(state.version()) {
            IDLE_INTERVAL
        } else if layout.has_free_cpu(ground) {
            BACKFILL_INTERVAL
        } else {
            FORECAST_INTERVAL
        };
        useful.max(layout.cluster().scheduling.backfill.interval)
    }

    fn look_deeper<'a, 'm>(
        &mut self,
        layout: &'a Layout,
        state: &'a State,
        now: Timestamp,
        (ground, waits): (&mut Ground<'a>, &mut Waits),
        (displacing, kept): (Displacing<'a, 'm>, &[JobId]),
        plan: &mut Plan,
    ) -> Displacing<'a, 'm> {
        self.last_backfill = Some(now);
        waits.is_deep = true;
        self.joint.forget_gone(state);
        let last = self.last_expectations.filter(|last| *last <= now);
        waits.tell_expectations = last.is_none_or(|last| last.after(EXPECTATION_INTERVAL) <= now);
        if waits.tell_expectations {
            self.last_expectations = Some(now);
        }
        let (effort, displacing) =
            backfill::run(layout, state, now, (ground, waits), (displacing, &mut self.joint, kept), plan);
        plan.backfill_depth = effort.depth;
        plan.backfill_exit = effort.exit;
        plan.table = effort.table;
        self.rest = REST_FOR_WORK.saturating_mul(u32::try_from(effort.work).unwrap_or(u32::MAX));
        self.exhausted = plan.starts.is_empty().then(|| state.version());
        if self.exhausted.is_none() {
            // What has started may have been all that one pass may start.
            let interval = layout.cluster().scheduling.backfill.interval.max(BACKFILL_INTERVAL);
            plan.again = Some(now.after(interval.max(self.rest)));
        }
        displacing
    }
}

/// Tells whether somebody ends to make way, and does not only give up its CPUs.
fn makes_room(preempts: &[Preempt]) -> bool {
    preempts.iter().any(|preempt| preempt.how != PreemptHow::Suspend)
}
