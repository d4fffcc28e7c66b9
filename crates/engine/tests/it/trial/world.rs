//! What the service is given in place of the world: a clock that is set, a store that shows everything to the referee,
//! the real scheduler over processes that are never started.

use super::executor::Executor;
use super::referee::Referee;
use super::reservations::{GROUP, MEMBERS};
use super::scene::{Scene, USERS};
use domain::job::Payload;
use domain::ports::*;
use domain::service::{JobService, Ports};
use domain::state::State;
use domain::who::Person;
use domain::{Gid, JobId, Text, Timestamp, Uid};
use engine::local::schedule::Scheduler;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the ports share with the player.
pub(crate) struct World {
    /// The time, microseconds.
    clock: AtomicI64,
    /// Everything that the writer's thread changes.
    inner: Mutex<Inner>,
}

/// What the writer's thread changes.
pub(crate) struct Inner {
    /// The processes.
    pub(crate) executor: Executor,
    /// Who objects.
    pub(crate) referee: Referee,
    /// When the scheduler wants to plan again.
    pub(crate) again: Option<Timestamp>,
    /// Somebody waits to whom something has happened: the writer may take another turn by itself.
    pub(crate) is_unsettled: bool,
    /// Where the time went.
    pub(crate) spent: Spent,
}

/// Where the real time of trials went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// In the scheduler.
    pub(crate) scheduler: Duration,
    /// In the referee.
    pub(crate) referee: Duration,
    /// Passes of the scheduler.
    pub(crate) passes: u64,
    /// Those that planned ahead.
    pub(crate) deep_passes: u64,
}

impl Spent {
    /// Adds up.
    pub(crate) fn add(&mut self, other: Spent) {
        self.scheduler += other.scheduler;
        self.referee += other.referee;
        self.passes += other.passes;
        self.deep_passes += other.deep_passes;
    }
}

impl World {
    /// Starts the service in a scene; also returns where reports go.
    pub(crate) fn open(scene: &Scene) -> (Arc<World>, JobService, Reports) {
        let inner = Inner {
            executor: Executor::default(),
            referee: Referee::new(&scene.cluster),
            again: None,
            is_unsettled: false,
            spent: Spent::default(),
        };
        let world = Arc::new(World { clock: AtomicI64::new(0), inner: Mutex::new(inner) });
        let reports: Arc<Mutex<Option<Reports>>> = Arc::default();
        let (slot, engine_world) = (Arc::clone(&reports), Arc::clone(&world));
        let ports = Ports {
            store: Box::new(Tap(Arc::clone(&world))),
            history: Arc::new(Nowhere),
            engine: Box::new(move |reports| {
                *slot.lock().unwrap() = Some(reports);
                Ok(Box::new(Planner { scheduler: Scheduler::new(), world: engine_world }))
            }),
            directory: Arc::new(Nowhere),
            meter: Arc::new(Nowhere),
            clock: Arc::clone(&world) as Arc<dyn Clock>,
            calendar: Arc::new(Greenwich),
        };
        let service = JobService::start(scene.cluster.clone(), ports).unwrap();
        let reports = reports.lock().unwrap().take().unwrap();
        (world, service, reports)
    }

    /// Sets the clock.
    pub(crate) fn set(&self, now: Timestamp) {
        self.clock.store(now.micros(), Ordering::SeqCst);
    }

    /// Lets look at what the writer's thread changes.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&mut Inner) -> T) -> T {
        at(&mut self.inner.lock().unwrap())
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.load(Ordering::SeqCst))
    }
}

/// The store: keeps nothing, shows everything.
struct Tap(Arc<World>);

impl Store for Tap {
    fn load(&mut self) -> Result<Saved, StoreError> {
        Ok(Saved::default())
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let now = self.0.now();
        self.0.look(|inner| {
            let began = Instant::now();
            inner.referee.record(batch, now);
            inner.is_unsettled |= batch.jobs.iter().any(|job| job.is_eligible());
            inner.spent.referee += began.elapsed();
        });
        Ok(())
    }

    fn payload(&mut self, _id: JobId) -> Result<Arc<Payload>, StoreError> {
        Ok(Arc::default())
    }
}

/// The engine: the real scheduler.
struct Planner {
    scheduler: Scheduler,
    world: Arc<World>,
}

impl Engine for Planner {
    fn plan(&mut self, state: &State, now: Timestamp) -> Plan {
        let began = Instant::now();
        let mut plan = self.scheduler.plan(state, now);
        let planned = began.elapsed();
        self.world.look(|inner| {
            inner.again = plan.again;
            inner.spent.passes += 1;
            inner.spent.deep_passes += u64::from(plan.backfill_depth > 0);
            inner.spent.scheduler += planned;
            let began = Instant::now();
            inner.referee.planned(state, &plan, now);
            inner.spent.referee += began.elapsed();
        });
        // The player calls for the next pass when its time has come by the clock that it sets. If the writer made it by itself, as
        // it would after as much real time, the player could set the clock before that pass is recorded.
        plan.again = None;
        plan
    }

    fn perform(&mut self, order: Order) {
        let now = self.world.now();
        self.world.look(|inner| inner.executor.perform(order, now));
    }

    fn boot(&self) -> Text {
        Text::const_new("boot")
    }

    fn recover(&mut self, running: &[(JobId, u32)]) -> Vec<Recovered> {
        running.iter().map(|_| Recovered::Unknown).collect()
    }
}

struct Nowhere;

impl History for Nowhere {
    fn attempts(&self, _id: JobId) -> Result<Vec<Closed>, StoreError> {
        Ok(Vec::new())
    }

    fn search(&self, _wanted: &domain::history::Wanted) -> Result<Vec<Recorded>, StoreError> {
        Ok(Vec::new())
    }

    fn payload(&self, _id: JobId) -> Result<Arc<Payload>, StoreError> {
        Ok(Arc::default())
    }
}

impl Directory for Nowhere {
    fn person(&self, name: &str) -> Option<Person> {
        let number = if name == "root" {
            0
        } else {
            2000 + u32::try_from(USERS.iter().position(|user| *user == name)?).ok()?
        };
        let (name, home) = (Text::from(name), Text::const_new("/"));
        Some(Person {
            group: name.clone(),
            name,
            uid: Uid(number),
            gid: Gid(number),
            shell: home.clone(),
            home,
        })
    }

    fn person_by_uid(&self, uid: Uid) -> Option<Person> {
        USERS.get(uid.0.checked_sub(2000)? as usize).and_then(|name| self.person(name))
    }

    fn group(&self, _name: &str) -> Option<Gid> {
        None
    }

    fn members_of(&self, group: &str) -> Option<Vec<Text>> {
        (group == GROUP).then(|| MEMBERS.map(Text::from).into())
    }

    fn group_name(&self, _gid: Gid) -> Option<Text> {
        None
    }

    fn groups_of(&self, _name: &str) -> Vec<Text> {
        Vec::new()
    }
}

impl Meter for Nowhere {
    fn machine(&self) -> MachineLoad {
        MachineLoad::default()
    }
}
