//! Plays a trial: one operation after the other, the clock jumping from one happening to the next.

use super::executor::Tag;
use super::operation::{Act, Operation, wish};
use super::referee;
use super::scene::{Scene, USERS};
use super::world::World;
use domain::job::{Change, Payload};
use domain::ports::Reports;
use domain::service::{Action, HoldWish, JobService, Selection, Submission, Target, Update};
use domain::who::Principal;
use domain::{JobId, Text, TimeLimit, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What was counted, by what it is.
#[derive(Debug, Default)]
pub(crate) struct Tally(pub(crate) BTreeMap<String, u64>);

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
            tally: Tally::default(),
            steps: 0,
        };
        let outcome = player.play(operations).await;
        player.service.stop().await;
        outcome?;
        let mut tally = player.tally;
        player.world.look(|inner| tally.add(&inner.referee.tally));
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
    tally: Tally,
    steps: u64,
}

impl Player<'_> {
    async fn play(&mut self, operations: &[Operation]) -> Result<(), String> {
        let (mut now, mut since) = (Timestamp::EPOCH, 0);
        let mut coming = operations.iter().peekable();
        loop {
            let operation = coming.peek().map(|operation| Timestamp::from_seconds(operation.at));
            let (end, alarm, again) =
                self.world.look(|inner| (inner.executor.next_end(), inner.referee.next_alarm(), inner.again));
            let Some(next) = [operation, end, alarm, again].into_iter().flatten().min() else {
                if self.wake_stopped().await {
                    continue;
                }
                break;
            };
            if next > now {
                (now, since) = (next, self.steps);
                self.world.set(now);
            } else if self.steps - since > 5_000 {
                return Err(format!(
                    "time stands still at {} s: alarm {alarm:?}, again {again:?}",
                    now.seconds()
                ));
            }
            let ended = self.world.look(|inner| inner.executor.ended(now));
            if !ended.is_empty() {
                (self.reports)(ended);
            }
            match coming.next_if(|operation| Timestamp::from_seconds(operation.at) <= now) {
                Some(operation) => self.act(operation).await,
                None => self.tick().await,
            }
            self.steps += 1;
            self.check(self.steps.is_multiple_of(256))?;
        }
        self.finish().await?;
        self.check(true)
    }

    /// Lets the writer take a turn.
    async fn tick(&self) {
        let nobody = Target { job: JobId::MAX, tasks: None, component: None, step: None };
        self.deal(&self.principal(0), nobody, Action::Cancel { kill: false }).await;
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
    async fn wake_stopped(&mut self) -> bool {
        let left = referee::left(&self.service.snapshot());
        let mut stopped =
            left.iter().filter(|(job, _)| job.held_resources().is_some()).map(|(job, _)| job.id);
        let Some(job) = stopped.next() else { return false };
        self.tally.count("stopped for good");
        self.deal(
            &self.principal(0),
            Target { job, tasks: None, component: None, step: None },
            Action::Cancel { kill: true },
        )
        .await;
        true
    }

    /// Everything that can happen has happened: what is left waits for what will never come, and is cancelled.
    async fn finish(&mut self) -> Result<(), String> {
        self.check(true)?;
        let left = referee::left(&self.service.snapshot());
        for (job, excused) in left {
            if !excused {
                return Err(format!("left, though nothing is in its way: {}", referee::brief(&job)));
            }
            let target = Target { job: job.array_id(), tasks: None, component: None, step: None };
            self.deal(&self.principal(0), target, Action::Cancel { kill: false }).await;
            self.tally.count("left and cancelled");
        }
        let objection = self.world.look(|inner| inner.referee.all_ended());
        objection.map_or(Ok(()), Err)
    }

    async fn act(&mut self, operation: &Operation) {
        let (number, action) = match &operation.act {
            Act::Submit(kinds, seed) => return self.submit(operation, kinds, *seed).await,
            Act::Cancel(number) => (number, Action::Cancel { kill: false }),
            Act::Kill(number) => (number, Action::Cancel { kill: true }),
            Act::Requeue(number) => (number, Action::Requeue { hold: false, special: false }),
            Act::Stop(number, stop) => {
                let scope = domain::job::WarningScope::Full;
                (number, Action::Signal { signal: if *stop { 19 } else { 18 }, scope })
            }
            Act::Hold(number) => {
                return self
                    .update(*number, Update { hold: Some(HoldWish::Hold), ..Update::default() })
                    .await;
            }
            Act::Release(number) => {
                return self
                    .update(*number, Update { hold: Some(HoldWish::Release), ..Update::default() })
                    .await;
            }
            Act::Nice(number, nice) => return self.change(*number, Change::Nice(*nice)).await,
            Act::Limit(number, minutes) => {
                return self.change(*number, Change::TimeLimit(TimeLimit::Minutes(*minutes))).await;
            }
            Act::Throttle(number, most) => return self.change(*number, Change::Throttle(*most)).await,
        };
        match self.jobs.get(number) {
            Some(job) => {
                self.tally.count(format!("{action:?}"));
                self.disturbed(*job);
                self.deal(
                    &self.principal(0),
                    Target { job: *job, tasks: None, component: None, step: None },
                    action,
                )
                .await;
            }
            None => self.tick().await,
        }
    }

    async fn change(&mut self, number: usize, change: Change) {
        self.update(number, Update { changes: vec![change], ..Update::default() }).await;
    }

    async fn update(&mut self, number: usize, update: Update) {
        let Some(job) = self.jobs.get(&number) else { return self.tick().await };
        self.tally.count("update");
        self.disturbed(*job);
        // What is over already cannot be changed; that is no matter here.
        let _ = self.service.update(&self.principal(0), *job, update).await;
    }

    /// What was promised before somebody interfered is promised no more.
    fn disturbed(&self, job: JobId) {
        self.world.look(|inner| inner.referee.disturbed(job));
    }

    async fn deal(&self, by: &Principal, target: Target, action: Action) {
        let selection = Selection { targets: vec![target], ..Selection::default() };
        self.service.act(by, selection, action).await.unwrap();
    }

    async fn submit(&mut self, operation: &Operation, kinds: &[(usize, u64)], seed: u64) {
        let mut wish = wish(self.scene, operation, kinds, seed);
        let known = wish.after.iter().filter_map(|(word, number)| match *word {
            "singleton" => Some((word.to_string(), JobId(0))),
            word => Some((word.to_string(), *self.jobs.get(number)?)),
        });
        let after: Vec<(String, JobId)> = known.collect();
        let terms = after.iter().map(|(word, job)| match word.as_str() {
            "singleton" => word.clone(),
            word => format!("{word}:{job}"),
        });
        let dependency = Text::from(terms.collect::<Vec<_>>().join(","));
        wish.spec.comment = Tag { seconds: wish.seconds, nature: wish.nature, after }.written();
        let by = self.service.principal(&wish.spec.owner.name);
        let submission = Submission {
            time_limit: Some(wish.spec.time_limit),
            spec: wish.spec,
            array: wish.array.into(),
            dependency,
            hold: wish.hold,
            immediate: false,
            requeue: Some(wish.requeue),
            payload: Payload { environment: Arc::from([Text::const_new("PATH=/bin")]), ..Payload::default() },
        };
        match self.service.submit(&by, submission).await {
            Ok(submitted) => {
                self.tally.count("submitted");
                self.jobs.insert(operation.number, submitted.id);
            }
            Err(error) => {
                self.tally.count(format!("refused: {}", first_words(&error.to_string())));
                self.tick().await;
            }
        }
    }

    fn principal(&self, user: usize) -> Principal {
        self.service.principal(USERS[user])
    }
}

fn first_words(text: &str) -> String {
    text.split(|letter: char| !letter.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .take(4)
        .collect::<Vec<_>>()
        .join(" ")
}
