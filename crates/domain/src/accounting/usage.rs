//! What live jobs use of accounting's limits, and what was used before: counted by the numbers of associations and
//! qualities of service. Brought up to date with every change of a job.

use super::line::line;
use super::quantity::held;
use super::tally::{Left, Past, Tally};
use super::tres::Numbers;
use super::{Line, Quantities, barred};
use crate::by_number::ByNumber;
use crate::cluster::{Cluster, Partition};
use crate::job::{ArrayPart, Job, JobSpec, Phase};
use crate::{JobId, NodeIndex, Text, Timestamp};
use smallvec::SmallVec;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The counts of all.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// The present, as far as anybody has told.
    at: Timestamp,
    half_life: Option<Duration>,
    associations: ByNumber<u32, Tally>,
    qos: ByNumber<u32, OfQos>,
    charges: ByNumber<JobId, Charge>,
    lines: HashMap<LineKey, Arc<Line>>,
    numbers: Numbers,
    /// Whose past has grown since it was written down.
    touched: BTreeSet<Account>,
    /// What live jobs use has been taken in until this moment, which has not been told yet.
    accounted: Option<Timestamp>,
    /// Until when the use of live jobs was taken in last.
    settled: Timestamp,
}

/// What is counted of a quality of service.
#[derive(Clone, Debug, Default)]
struct OfQos {
    all: Tally,
    users: HashMap<Text, Tally>,
    accounts: HashMap<Text, Tally>,
    /// What was used is not forgotten by and by.
    keeps: bool,
}

/// What usage is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// An association.
    Association(u32),
    /// A quality of service.
    Qos(u32),
}

/// Association, qualities of service, and who it is where there is no association.
type LineKey = (u32, u32, u32, Text, Text);

/// What a job counts for.
#[derive(Clone, Debug)]
struct Charge {
    line: Arc<Line>,
    load: Load,
}

/// How it counts.
#[derive(Clone, Debug, PartialEq)]
enum Load {
    /// So many wait.
    Waiting(u32),
    /// It holds resources. Most jobs wait: the room is taken for those that do not.
    Holding(Box<Holding>),
}

/// What a job holds.
#[derive(Clone, Debug, PartialEq)]
struct Holding {
    held: Quantities,
    nodes: SmallVec<[NodeIndex; 1]>,
    left: Left,
    /// How much of its run is in the past already.
    counted: Duration,
}

impl Usage {
    /// Begins to count for a cluster.
    pub fn new(cluster: &Cluster) -> Self {
        let mut usage = Usage::default();
        usage.know(cluster);
        usage
    }

    /// Takes in what is configured, without counting anew.
    fn know(&mut self, cluster: &Cluster) {
        self.half_life = cluster.priority.half_life;
        self.numbers = Numbers::of_cluster(cluster);
        self.lines.clear();
        for (id, of_qos) in &mut self.qos {
            of_qos.keeps = cluster.books.qos_numbered(*id).is_some_and(|qos| qos.flags.no_decay);
        }
    }

    /// Takes in that something is configured otherwise: every live job is charged anew.
    pub(crate) fn reconfigure<'j>(&mut self, cluster: &Cluster, jobs: impl Iterator<Item = &'j Arc<Job>>) {
        self.know(cluster);
        let counted: HashMap<JobId, Duration> = self
            .charges
            .iter()
            .filter_map(|(id, charge)| match &charge.load {
                Load::Holding(holding) => Some((*id, holding.counted)),
                Load::Waiting(_) => None,
            })
            .collect();
        self.charges.clear();
        let forget =
            |tally: &mut Tally| *tally = Tally { past: std::mem::take(&mut tally.past), ..Tally::default() };
        self.associations.values_mut().for_each(forget);
        for of_qos in self.qos.values_mut() {
            forget(&mut of_qos.all);
            of_qos.users.clear();
            of_qos.accounts.clear();
        }
        for job in jobs {
            self.moved(cluster, job.id, None, Some(job));
            if let (Some(charge), Some(before)) = (self.charges.get_mut(&job.id), counted.get(&job.id))
                && let Load::Holding(holding) = &mut charge.load
            {
                holding.counted = *before;
            }
        }
    }

    /// Says what time it is.
    pub(crate) fn set_time(&mut self, now: Timestamp) {
        self.at = now;
    }

    /// Returns the time it is, as far as use is counted.
    pub fn now(&self) -> Timestamp {
        self.at
    }

    /// Returns the numbers of generic resources.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Returns the half-life of use.
    pub fn half_life(&self) -> Option<Duration> {
        self.half_life
    }

    /// Returns what is counted of an association.
    pub fn association(&self, id: u32) -> Option<&Tally> {
        self.associations.get(&id)
    }

    /// Returns what is counted of a quality of service.
    pub fn qos(&self, id: u32) -> Option<&Tally> {
        self.qos.get(&id).map(|of_qos| &of_qos.all)
    }

    /// Returns what is counted of a user under a quality of service.
    pub fn user_of(&self, qos: u32, user: &str) -> Option<&Tally> {
        self.qos.get(&qos)?.users.get(user)
    }

    /// Returns what is counted of an account under a quality of service.
    pub fn account_of(&self, qos: u32, account: &str) -> Option<&Tally> {
        self.qos.get(&qos)?.accounts.get(account)
    }

    /// Returns the half-life of use under a quality of service.
    pub(super) fn half_life_of(&self, qos: u32) -> Option<Duration> {
        if self.qos.get(&qos).is_some_and(|of_qos| of_qos.keeps) { None } else { self.half_life }
    }

    /// Returns the line by which a live job is counted.
    pub(crate) fn own_line(&self, job: JobId) -> Option<&Arc<Line>> {
        self.charges.get(&job).map(|charge| &charge.line)
    }

    /// Tells whether it is limited anywhere how many jobs gain priority by waiting.
    pub(crate) fn limits_accrual(&self) -> bool {
        self.lines.values().any(|line| line.limits_accrual())
    }

    /// Returns the line of a waiting or running job in a partition.
    pub fn line_of(&self, cluster: &Cluster, job: &Job, partition: &Partition) -> Option<Arc<Line>> {
        let charge = self.charges.get(&job.id)?;
        if job.spec.partitions.len() < 2 {
            return Some(Arc::clone(&charge.line));
        }
        let key = key(cluster, &job.spec, &partition.name);
        Some(
            self.lines
                .get(&key)
                .map_or_else(|| Arc::new(work_out(cluster, &job.spec, &partition.name)), Arc::clone),
        )
    }

    /// Works out the line that jobs of a request have.
    pub fn line_for(&self, cluster: &Cluster, spec: &JobSpec) -> Arc<Line> {
        let key = key(cluster, spec, spec.partition());
        self.lines.get(&key).map_or_else(|| Arc::new(work_out(cluster, spec, spec.partition())), Arc::clone)
    }

    /// Takes in that a job has changed, come or gone.
    pub(crate) fn moved(&mut self, cluster: &Cluster, id: JobId, before: Option<&Job>, after: Option<&Job>) {
        if let Some((before, after)) = before.zip(after)
            && counts_alike(before, after)
        {
            return;
        }
        let load = after.and_then(|job| self.load(cluster, job));
        let old = self.charges.remove(&id);
        if let Some(charge) = old {
            self.take_off(&charge);
            self.count_run(&charge, after.or(before));
        }
        if let Some((job, load)) = after.zip(load) {
            let partition = match job.held_resources() {
                Some(allocation) => &allocation.partition,
                None => job.spec.partition(),
            };
            let key = key(cluster, &job.spec, partition);
            let line =
                self.lines.entry(key).or_insert_with(|| Arc::new(work_out(cluster, &job.spec, partition)));
            let charge = Charge { line: Arc::clone(line), load };
            self.put_on(cluster, &charge);
            self.charges.insert(id, charge);
        }
    }

    fn load(&self, cluster: &Cluster, job: &Job) -> Option<Load> {
        let run = match &job.phase {
            Phase::Pending(_) => {
                let count = match &job.array {
                    Some(ArrayPart::Pool { waiting, .. }) => waiting.len(),
                    _ => 1,
                };
                return Some(Load::Waiting(count));
            }
            Phase::Running(run) => run,
            Phase::Completing(completing) => &completing.run,
            Phase::Ended(_) => return None,
        };
        let left = match run.suspended_by() {
            Some(_) => Left::Still(run.until.since(self.at).as_secs()),
            None => Left::Until(run.until.min(run.started.after(YEAR))),
        };
        Some(Load::Holding(Box::new(Holding {
            held: held(&run.allocation, cluster, &self.numbers),
            nodes: run.allocation.nodes.iter().map(|share| share.node).collect(),
            left,
            counted: run.elapsed(self.at),
        })))
    }

    fn put_on(&mut self, cluster: &Cluster, charge: &Charge) {
        for id in &charge.line.qos {
            let keeps = || cluster.books.qos_numbered(*id).is_some_and(|qos| qos.flags.no_decay);
            self.qos.entry(*id).or_insert_with(|| OfQos { keeps: keeps(), ..OfQos::default() });
        }
        self.each_tally(&charge.line, |tally| match &charge.load {
            Load::Waiting(count) => tally.submitted = tally.submitted.saturating_add(*count),
            Load::Holding(holding) => {
                let Holding { held, nodes, left, .. } = &**holding;
                tally.submitted = tally.submitted.saturating_add(1);
                tally.running = tally.running.saturating_add(1);
                tally.used.add(held);
                tally.ahead.add(held, *left);
                nodes.iter().for_each(|node| *tally.nodes.entry(*node).or_default() += 1);
            }
        });
    }

    fn take_off(&mut self, charge: &Charge) {
        self.each_tally(&charge.line, |tally| match &charge.load {
            Load::Waiting(count) => tally.submitted = tally.submitted.saturating_sub(*count),
            Load::Holding(holding) => {
                let Holding { held, nodes, left, .. } = &**holding;
                tally.submitted = tally.submitted.saturating_sub(1);
                tally.running = tally.running.saturating_sub(1);
                tally.used.take(held);
                tally.ahead.take(held, *left);
                for node in nodes {
                    if let Some(jobs) = tally.nodes.get_mut(node) {
                        *jobs = jobs.saturating_sub(1);
                        if *jobs == 0 {
                            tally.nodes.remove(node);
                        }
                    }
                }
            }
        });
    }

    /// Changes every count of a line: associations, qualities of service, and in these the user and the account.
    fn each_tally(&mut self, line: &Line, mut change: impl FnMut(&mut Tally)) {
        for id in &line.levels {
            change(self.associations.entry(*id).or_default());
        }
        for id in &line.qos {
            let of_qos = self.qos.entry(*id).or_default();
            change(&mut of_qos.all);
            for (all, name) in [(&mut of_qos.users, &line.user), (&mut of_qos.accounts, &line.account)] {
                match all.get_mut(name) {
                    Some(tally) => change(tally),
                    None => change(all.entry(name.clone()).or_default()),
                }
            }
        }
    }

    /// Takes in what a job has used that holds nothing any more, or something else.
    fn count_run(&mut self, charge: &Charge, job: Option<&Job>) {
        let Load::Holding(holding) = &charge.load else { return };
        let ran = job.and_then(|job| {
            let end = match &job.phase {
                Phase::Ended(ended) => ended.ended,
                _ => self.at,
            };
            job.run().map(|run| run.elapsed(end))
        });
        let Some(ran) = ran else { return };
        self.add_past(&charge.line, &holding.held, ran.saturating_sub(holding.counted));
    }

    fn add_past(&mut self, line: &Line, held: &Quantities, ran: Duration) {
        if ran.is_zero() {
            return;
        }
        let (now, seconds) = (self.at, ran.as_secs_f64() * line.usage_factor);
        for id in &line.levels {
            let past = &mut self.associations.entry(*id).or_default().past;
            past.fade(now, self.half_life);
            past.add(held, seconds);
            self.touched.insert(Account::Association(*id));
        }
        for id in &line.qos {
            let half_life = self.half_life_of(*id);
            let past = &mut self.qos.entry(*id).or_default().all.past;
            past.fade(now, half_life);
            past.add(held, seconds);
            self.touched.insert(Account::Qos(*id));
        }
    }

    /// Takes in what running jobs have used until now.
    pub(crate) fn advance<'j>(&mut self, jobs: impl Iterator<Item = &'j Arc<Job>>) {
        let now = self.at;
        for job in jobs {
            let Some(run) = job.run() else { continue };
            let elapsed = run.elapsed(now);
            let Some(Charge { line, load: Load::Holding(holding) }) = self.charges.get_mut(&job.id) else {
                continue;
            };
            let ran = elapsed.saturating_sub(holding.counted);
            holding.counted = elapsed.max(holding.counted);
            let (line, held) = (Arc::clone(line), holding.held.clone());
            self.add_past(&line, &held, ran);
            self.accounted = Some(now);
        }
        self.settled = now;
    }

    /// Tells whether use was taken in before a moment, and not after it.
    pub(crate) fn has_settled_before(&self, moment: Timestamp) -> bool {
        self.settled != Timestamp::EPOCH && self.settled < moment
    }

    /// Has the time stored until which use is taken in, if there is any: a restart must know what it counts from.
    pub(crate) fn note_time(&mut self) {
        if self.associations.values().any(|tally| tally.past.wall > 0.0) {
            self.accounted = Some(self.at);
        }
    }

    /// Forgets what was used; what keeps its past keeps it.
    pub(crate) fn forget(&mut self) {
        let (at, fresh) = (self.at, |past: &Past| past.wall > 0.0 || !past.seconds.is_empty());
        let associations = self.associations.iter_mut().map(|(id, tally)| (Account::Association(*id), tally));
        let qos = self.qos.iter_mut().filter(|(_, of_qos)| !of_qos.keeps);
        let qos = qos.map(|(id, of_qos)| (Account::Qos(*id), &mut of_qos.all));
        for (account, tally) in associations.chain(qos).filter(|(_, tally)| fresh(&tally.past)) {
            tally.past = Past { at, ..Past::default() };
            self.touched.insert(account);
        }
        self.accounted = Some(at);
    }

    /// Returns until when the use of live jobs has been taken in, if that has not been told before.
    pub(crate) fn take_accounted(&mut self) -> Option<Timestamp> {
        self.accounted.take()
    }

    /// Takes in that the use of one must be stored.
    pub(crate) fn touch(&mut self, account: Account) {
        self.touched.insert(account);
    }

    /// Takes in what was used before, as it was stored.
    pub(crate) fn remember(&mut self, account: Account, past: Past) {
        match account {
            Account::Association(id) => self.associations.entry(id).or_default().past = past,
            Account::Qos(id) => self.qos.entry(id).or_default().all.past = past,
        }
    }

    /// Returns what has grown since this was asked last, to be stored.
    pub(crate) fn take_touched(&mut self) -> Vec<(Account, Past)> {
        let touched = std::mem::take(&mut self.touched);
        touched.into_iter().filter_map(|account| Some((account, self.past_of(account)?.clone()))).collect()
    }

    fn past_of(&self, account: Account) -> Option<&Past> {
        match account {
            Account::Association(id) => self.associations.get(&id).map(|tally| &tally.past),
            Account::Qos(id) => self.qos.get(&id).map(|of_qos| &of_qos.all.past),
        }
    }

    /// Returns running jobs that have used up what there is for them: of limits on minutes nothing is left.
    pub(crate) fn overdrawn(&self) -> Vec<JobId> {
        let has_run_out = |charge: &&Charge| {
            let Load::Holding(holding) = &charge.load else { return false };
            charge.line.has_budget() && self.has_used_up(&charge.line, &holding.held, holding.counted)
        };
        self.charges.iter().filter(|(_, charge)| has_run_out(charge)).map(|(id, _)| *id).collect()
    }

    /// Returns what was used of a resource by an association, as it counts now, in seconds.
    pub fn used_seconds(&self, association: u32, resource: u32) -> f64 {
        self.association(association).map_or(0.0, |tally| tally.past.of(resource, self.at, self.half_life))
    }
}

/// Jobs without a time limit are taken to end after a year.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Tells whether nothing of what is counted differs between two states of a job.
fn counts_alike(one: &Job, other: &Job) -> bool {
    let waiting = |job: &Job| match (&job.phase, &job.array) {
        (Phase::Pending(_), Some(ArrayPart::Pool { waiting, .. })) => Some(waiting.len()),
        (Phase::Pending(_), _) => Some(1),
        _ => None,
    };
    match (waiting(one), waiting(other)) {
        (Some(count), Some(more)) => {
            let charged = |job: &Job| {
                let spec = &job.spec;
                (spec.account.clone(), spec.qos.clone(), spec.partition().clone())
            };
            return count == more && (Arc::ptr_eq(&one.spec, &other.spec) || charged(one) == charged(other));
        }
        (None, None) => {}
        _ => return false,
    }
    match (one.held_resources(), other.held_resources()) {
        (None, None) => true,
        (Some(held), Some(same)) => {
            let time = |job: &Job| job.run().map(|run| (run.until, run.pause));
            Arc::ptr_eq(held, same) && Arc::ptr_eq(&one.spec, &other.spec) && time(one) == time(other)
        }
        _ => false,
    }
}

fn key(cluster: &Cluster, spec: &JobSpec, partition: &Text) -> LineKey {
    let books = &cluster.books;
    let association = books.governing(&spec.account, &spec.owner.name, partition).map_or(0, |one| one.id);
    let qos = |name: &str| books.qos_named(name).map_or(0, |qos| qos.id);
    let of_partition = cluster.partition(partition).map_or(0, |partition| match partition.qos.is_empty() {
        true => 0,
        false => qos(&partition.qos),
    });
    let (user, account) = match association {
        0 => (spec.owner.name.clone(), spec.account.clone()),
        _ => (Text::default(), Text::default()),
    };
    (association, of_partition, qos(&spec.qos), user, account)
}

fn work_out(cluster: &Cluster, spec: &JobSpec, partition: &Text) -> Line {
    let books = &cluster.books;
    let association = books.governing(&spec.account, &spec.owner.name, partition).map(|one| &**one);
    let of_job = books.qos_named(&spec.qos).map(|qos| &**qos);
    let named = cluster.partition(partition).filter(|partition| !partition.qos.is_empty());
    let of_partition = named.and_then(|partition| Some((&**books.qos_named(&partition.qos)?, partition)));
    let who = (&spec.owner.name, &spec.account);
    let line = line(cluster, association, who, (of_partition, of_job));
    Line { barred: barred(spec, partition, cluster), ..line }
}
