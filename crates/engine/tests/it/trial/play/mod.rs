//! Plays a trial: one operation after the other, the clock jumping from one happening to the next.

use super::operation::Operation;
use super::referee;
use super::scene::Scene;
use super::world::{Spent, World};
use domain::job::Job;
use domain::ports::Reports;
use domain::reservation::Reservation;
use domain::service::{Action, JobService, Selection, Target};
use domain::who::Principal;
use domain::{JobId, NodeIndex, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

mod acts;

/// What was counted, by what it is; and where the time went.
#[derive(Debug, Default)]
pub(crate) struct Tally(pub(crate) BTreeMap<String, u64>, pub(crate) Spent);

impl Tally {
    /// Counts one more.
    pub(crate) fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    /// Adds up.
    pub(crate) fn add(&mut self, other: &Tally) {
        for (what, count) in &other.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
        self.1.add(other.1);
    }

    /// Returns how often.
    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

/// Plays a trial to its end.
///
/// # Errors
/// What the referee objects to.
pub(crate) fn play(scene: &Scene, operations: &[Operation]) -> Result<Tally, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (world, service, reports) = World::open(scene);
        let mut player = Player {
            scene,
            world,
            service,
            reports,
            jobs: HashMap::new(),
            crontabs: BTreeSet::new(),
            unwell: BTreeSet::new(),
            tally: Tally::default(),
            steps: 0,
        };
        let outcome = player.play(operations).await;
        player.service.stop().await;
        outcome?;
        let mut tally = player.tally;
        player.world.look(|inner| {
            tally.add(&inner.referee.tally);
            tally.1.add(inner.spent);
        });
        Ok(tally)
    })
}

struct Player<'a> {
    scene: &'a Scene,
    world: Arc<World>,
    service: JobService,
    reports: Reports,
    /// The job that an operation has submitted.
    jobs: HashMap<usize, JobId>,
    /// Users who have a crontab, by their places.
    crontabs: BTreeSet<usize>,
    /// Nodes that take no jobs.
    unwell: BTreeSet<usize>,
    tally: Tally,
    steps: u64,
}

impl Player<'_> {
    async fn play(&mut self, operations: &[Operation]) -> Result<(), String> {
        let (mut now, mut since) = (Timestamp::EPOCH, 0);
        let mut coming = operations.iter().peekable();
        loop {
            let operation = coming.peek().map(|operation| Timestamp::from_seconds(operation.at));
            if operation.is_none() {
                self.clean_up().await;
            }
            let (end, alarm, again) = self.world.look(|inner| {
                // The clock stands still while the writer takes a turn: it would record starts that were planned before.
                let again = if std::mem::take(&mut inner.is_unsettled) { Some(now) } else { inner.again };
                (inner.executor.next_end(), inner.referee.next_alarm(now), again)
            });
            let Some(next) = [operation, end, alarm, again].into_iter().flatten().min() else {
                if self.wake_stopped().await? {
                    continue;
                }
                break;
            };
            if next > now {
                (now, since) = (next, self.steps);
                self.world.set(now);
            } else if self.steps - since > 5_000 {
                return Err(format!(
                    "time stands still at {} s: end {end:?}, alarm {alarm:?}, again {again:?}",
                    now.seconds()
                ));
            }
            self.let_end(now).await;
            match coming.next_if(|operation| Timestamp::from_seconds(operation.at) <= now) {
                Some(operation) => self.act(operation, now).await,
                None => self.tick().await,
            }
            self.steps += 1;
            self.check(self.steps.is_multiple_of(256))?;
        }
        self.finish().await?;
        self.check(true)
    }

    /// Reports the processes that have ended, and gives back the allocations that nobody needs any more.
    async fn let_end(&mut self, now: Timestamp) {
        let due = self.world.look(|inner| inner.executor.due(now));
        if !due.reports.is_empty() {
            (self.reports)(due.reports);
        }
        for job in due.unneeded {
            self.tally.count("allocations given back");
            self.deal(&self.principal(0), whole(job), Action::Cancel { kill: false }).await;
        }
    }

    /// After the last operation crontabs are taken away and nodes put back: what is left shall come to an end.
    async fn clean_up(&mut self) {
        for user in std::mem::take(&mut self.crontabs) {
            let by = self.principal(user);
            self.service.remove_crontab(&by, by.uid.unwrap()).await.unwrap();
        }
        for node in std::mem::take(&mut self.unwell) {
            self.mend(node).await;
        }
        for one in self.service.snapshot().reservations.iter() {
            if one.flags.recurs() || one.float.is_some() || one.end == Timestamp::NEVER {
                self.give_up(one).await;
            }
        }
    }

    /// Deletes a reservation that has no end, with all jobs that have to do with it.
    async fn give_up(&mut self, one: &Reservation) {
        if self.unreserve(one.name.clone()).await {
            return;
        }
        let names = |job: &Job| {
            let uncommon = job.spec.uncommon.as_deref();
            uncommon.is_some_and(|uncommon| uncommon.reservation.split(',').any(|name| name == one.name))
        };
        let runs = |job: &Job| job.held_resources().is_some_and(|held| held.reservation == one.name);
        let snapshot = self.service.snapshot();
        for job in snapshot.jobs.iter().filter(|job| !job.is_final() && (names(job) || runs(job))) {
            self.disturbed(job.array_id());
            self.deal(&self.principal(0), whole(job.array_id()), Action::Cancel { kill: true }).await;
        }
    }

    /// Lets the writer take a turn.
    async fn tick(&self) {
        self.deal(&self.principal(0), whole(JobId::MAX), Action::Cancel { kill: false }).await;
    }

    fn check(&self, thoroughly: bool) -> Result<(), String> {
        let snapshot = thoroughly.then(|| self.service.snapshot());
        self.world.look(|inner| {
            if let Some(snapshot) = snapshot {
                inner.referee.audit(&snapshot);
            }
            inner.referee.objection.take().map_or(Ok(()), Err)
        })
    }

    /// Cancels those who were stopped for good, for others may wait for what they have; tells whether there was one.
    async fn wake_stopped(&mut self) -> Result<bool, String> {
        self.world.look(|inner| inner.referee.check_forgotten())?;
        let left = referee::left(&self.service.snapshot());
        let mut stopped =
            left.iter().filter(|(job, _)| job.held_resources().is_some()).map(|(job, _)| job.id);
        let Some(job) = stopped.next() else { return Ok(false) };
        self.tally.count("stopped for good");
        self.deal(&self.principal(0), whole(job), Action::Cancel { kill: true }).await;
        Ok(true)
    }

    /// Everything that can happen has happened: what is left waits for what will never come, and is cancelled.
    async fn finish(&mut self) -> Result<(), String> {
        self.check(true)?;
        let left = referee::left(&self.service.snapshot());
        for (job, excused) in left {
            if !excused {
                let trail = self.world.look(|inner| inner.referee.last_happenings());
                let brief = referee::brief(&job);
                return Err(format!("{trail}\nleft, though nothing is in its way: {brief}"));
            }
            self.deal(&self.principal(0), whole(job.array_id()), Action::Cancel { kill: false }).await;
            self.tally.count("left and cancelled");
        }
        let objection = self.world.look(|inner| inner.referee.all_ended());
        objection.map_or(Ok(()), Err)
    }

    /// What was promised before somebody interfered is promised no more.
    fn disturbed(&self, job: JobId) {
        self.world.look(|inner| inner.referee.disturbed(job));
    }

    async fn deal(&self, by: &Principal, target: Target, action: Action) {
        let selection = Selection { targets: vec![target], ..Selection::default() };
        self.service.act(by, selection, action).await.unwrap();
    }

    fn principal(&self, user: usize) -> Principal {
        self.service.principal(super::scene::USERS[user])
    }

    fn node(&self, place: usize) -> (NodeIndex, domain::Text) {
        (NodeIndex(u32::try_from(place).unwrap()), self.scene.cluster.nodes[place].name.clone())
    }
}

fn whole(job: JobId) -> Target {
    Target { job, tasks: None, component: None, step: None }
}
