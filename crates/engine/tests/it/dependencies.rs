//! The scheduler under the whole service, without processes: jobs that wait for one another in random ways start only
//! when what they wait for has happened, and all of them end.

use crate::cluster::{ask, cluster, job, node, partition};
use crate::workload::Dice;
use domain::job::{End, Exit, JobFlags, JobSpec, Outcome, Payload, Usage};
use domain::ports::*;
use domain::service::{JobService, Ports, StateWord, Submission};
use domain::state::State;
use domain::who::Person;
use domain::{ChangeId, Gid, JobId, Text, Timestamp, Uid};
use engine::local::schedule::Scheduler;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

struct Nowhere;

impl Store for Nowhere {
    fn load(&mut self) -> Result<Saved, StoreError> {
        Ok(Saved::default())
    }

    fn commit(&mut self, _batch: &Batch) -> Result<(), StoreError> {
        Ok(())
    }

    fn payload(&mut self, _id: JobId) -> Result<Arc<Payload>, StoreError> {
        Ok(Arc::default())
    }
}

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
        let (name, home) = (Text::from(name), Text::const_new("/"));
        Some(Person { group: name.clone(), name, uid: Uid(2001), gid: Gid(2001), shell: home.clone(), home })
    }

    fn person_by_uid(&self, _uid: Uid) -> Option<Person> {
        self.person("alice")
    }

    fn group(&self, _name: &str) -> Option<Gid> {
        None
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

/// Time that moves with every look.
struct Steps(AtomicI64);

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1_000, Ordering::SeqCst))
    }
}

/// The real scheduler over processes that are never started.
struct Planner(Scheduler);

impl Engine for Planner {
    fn plan(&mut self, state: &State, now: Timestamp) -> Plan {
        self.0.plan(state, now)
    }

    fn perform(&mut self, _order: Order) {}

    fn boot(&self) -> Text {
        Text::const_new("boot")
    }

    fn recover(&mut self, running: &[(JobId, u32)]) -> Vec<Recovered> {
        running.iter().map(|_| Recovered::Unknown).collect()
    }
}

/// What a job waits for: the word, and the other job.
type Wish = (&'static str, JobId);

fn submission(dice: &mut Dice, wish: Option<Wish>) -> Submission {
    let nodes = 1 + dice.below(2);
    let template = job(1, "main", 1 + dice.below(60), ask(nodes, nodes.max(1 + dice.below(6))));
    let flags = JobFlags::KILL_INVALID_DEPENDENCY;
    let environment = Arc::from([Text::const_new("PATH=/bin")]);
    Submission {
        time_limit: Some(template.spec.time_limit),
        spec: JobSpec { flags, ..(*template.spec).clone() },
        array: Text::default(),
        dependency: wish.map(|(word, id)| Text::from(format!("{word}:{id}"))).unwrap_or_default(),
        hold: false,
        immediate: false,
        requeue: Some(false),
        payload: Payload { environment, ..Payload::default() },
        client_key: None,
    }
}

async fn play(seed: u64) {
    let mut dice = Dice::new(seed);
    let reports: Arc<Mutex<Option<Reports>>> = Arc::default();
    let slot = Arc::clone(&reports);
    let ports = Ports {
        store: Box::new(Nowhere),
        history: Arc::new(Nowhere),
        engine: Box::new(move |reports| {
            *slot.lock().unwrap() = Some(reports);
            Ok(Box::new(Planner(Scheduler::new())))
        }),
        directory: Arc::new(Nowhere),
        meter: Arc::new(Nowhere),
        clock: Arc::new(Steps(AtomicI64::new(1_000_000_000))),
        calendar: Arc::new(domain::ports::Greenwich),
    };
    let nodes = (0..3).map(|at| node(&format!("n{at}"), 4, 1, 16_000, 0)).collect();
    let service = JobService::start(cluster(nodes, vec![partition("main", 0..3)]), ports).unwrap();
    let report = reports.lock().unwrap().take().unwrap();
    let alice = service.principal("alice");
    let mut wishes: BTreeMap<JobId, Wish> = BTreeMap::new();
    let mut ids: Vec<JobId> = Vec::new();
    while ids.len() < 200 {
        let words = ["after", "afterany", "afterok", "afternotok"];
        let wish = (!ids.is_empty() && !dice.once_in(3)).then(|| {
            let other = ids[dice.below(u32::try_from(ids.len()).unwrap()) as usize];
            (words[dice.below(4) as usize], other)
        });
        let id = service.submit(&alice, submission(&mut dice, wish)).await.unwrap().id;
        wishes.extend(wish.map(|wish| (id, wish)));
        ids.push(id);
        if dice.once_in(2) {
            end_one(&service, &report, &mut dice).await;
        }
    }
    while end_one(&service, &report, &mut dice).await {}
    check(&service, &ids, &wishes);
    service.stop().await;
}

/// Ends a job that runs, well or badly; says whether there was one.
async fn end_one(service: &JobService, report: &Reports, dice: &mut Dice) -> bool {
    let snapshot = service.snapshot();
    let running: Vec<_> = snapshot.jobs.iter().filter(|job| job.held_resources().is_some()).collect();
    if running.is_empty() {
        return false;
    }
    let chosen = running[dice.below(u32::try_from(running.len()).unwrap()) as usize];
    let end = End::Process(Exit::Code(u8::from(dice.once_in(3))));
    let at = service.clock().now();
    report(vec![Report { job: chosen.id, attempt: 0, at, end, usage: Usage::default(), fault: None }]);
    service.changed_after(snapshot.change).await;
    true
}

/// Reads the feed: nobody started too early, and everybody came to an end.
fn check(service: &JobService, ids: &[JobId], wishes: &BTreeMap<JobId, Wish>) {
    let mut words: BTreeMap<JobId, Vec<StateWord>> = BTreeMap::new();
    for change in service.feed().after(ChangeId(0), usize::MAX).unwrap() {
        if change.to == StateWord::Running
            && let Some((word, other)) = wishes.get(&change.job)
        {
            let before = words.get(other).cloned().unwrap_or_default();
            let ended = before.iter().find_map(|word| match word {
                StateWord::Ended(outcome) => Some(*outcome),
                _ => None,
            });
            let is_met = match *word {
                "after" => before.contains(&StateWord::Running) || ended.is_some(),
                "afterany" => ended.is_some(),
                "afterok" => ended == Some(Outcome::Completed),
                _ => ended.is_some_and(|outcome| outcome != Outcome::Completed),
            };
            assert!(
                is_met,
                "job {} started though it waits {word}:{other}, which went {before:?}",
                change.job
            );
        }
        words.entry(change.job).or_default().push(change.to);
    }
    let ended = ids.iter().filter(|id| matches!(words[id].last(), Some(StateWord::Ended(_)))).count();
    assert_eq!(ended, ids.len(), "every job ends: it has run, or what it waited for can never be");
    assert!(ids.iter().any(|id| words[id].contains(&StateWord::Ended(Outcome::Cancelled))));
    assert!(wishes.keys().any(|id| words[id].contains(&StateWord::Running)));
}

#[test]
fn dependencies_are_kept_and_every_job_ends() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for seed in 1..=5 {
        runtime.block_on(play(seed));
    }
}
