//! The future as it will be if every job uses up its limit: what runs now, and what has been booked.

mod leaving;
mod reserved;

use super::ground::{Ground, wants_sockets};
use super::layout::Layout;
use super::timeline::Timeline;
use domain::cluster::Taken;
use domain::fit::{Amounts, Demand, Placed, Placement, place};
use domain::job::{Allocation, Job, Phase, SuspendedBy};
use domain::reservation::Reservation;
use domain::state::State;
use domain::{JobId, NodeIndex, Text, TimeLimit, Timestamp, Uid};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// A job without a limit is taken to run for a year, as Slurm does.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// A job whose time is up is taken to be gone after this.
const SOON: Duration = Duration::from_secs(1);

/// What will be free, and who will be where.
#[derive(Clone)]
pub(super) struct Forecast<'a> {
    layout: &'a Layout,
    now: Timestamp,
    nodes: Vec<Option<Timeline>>,
    stays: Vec<Vec<Stay>>,
    licenses: BTreeMap<Text, Timeline>,
    times: BTreeSet<Timestamp>,
    /// Steps looked at so far.
    pub(super) work: usize,
}

/// A job's time on a node.
#[derive(Clone, Debug)]
struct Stay {
    from: Timestamp,
    until: Timestamp,
    company: Company,
    /// The job, if it runs already.
    job: Option<JobId>,
    /// It is looked at as if it were gone.
    is_away: bool,
}

/// Whose job it is, and whose jobs it stands beside it.
#[derive(Clone, Debug)]
struct Company {
    user: Uid,
    same_user: bool,
    label: Text,
    same_label: bool,
}

impl Company {
    fn of(wish: Wish<'_>) -> Self {
        let demand = wish.demand;
        Company {
            user: wish.user,
            same_user: demand.is_for_one_user(),
            label: demand.label.clone(),
            same_label: demand.is_for_one_label(),
        }
    }

    fn of_taken(taken: Taken<'_>) -> Self {
        let Taken { user, same_user, label, same_label, .. } = taken;
        Company { user, same_user, label: label.clone(), same_label }
    }

    /// Tells whether among these there is somebody from a time until another whom it does not stand, or who does not stand
    /// it.
    fn is_disturbed(&self, stays: &[Stay], (at, until): (Timestamp, Timestamp)) -> bool {
        let disturbs =
            |stay: &Stay| !stay.company.stands(self) && stay.from < until && at < stay.until && !stay.is_away;
        stays.iter().any(disturbs)
    }

    fn stands(&self, other: &Company) -> bool {
        !((self.same_user || other.same_user) && self.user != other.user
            || (self.same_label || other.same_label) && self.label != other.label)
    }
}

/// A job that wants to be placed in one partition.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    /// What it needs.
    pub(super) demand: &'a Demand<'a>,
    /// The partition's nodes in order.
    pub(super) nodes: &'a [NodeIndex],
    /// Whose job it is.
    pub(super) user: Uid,
    /// How long it may run.
    pub(super) limit: TimeLimit,
}

/// What is given back when.
type Releases = Vec<(Timestamp, Amounts)>;

impl<'a> Forecast<'a> {
    /// Looks at all that runs.
    pub(super) fn new(layout: &'a Layout, state: &State, now: Timestamp) -> Self {
        let mut past = Past::new(layout);
        for job in state.holding() {
            if let Some(allocation) = job.held_resources() {
                past.add(state, job, allocation, now);
            }
        }
        let ground = Ground::new(state);
        let free = |index| ground.free(index);
        let mut forecast = Forecast::of_past(past, state, free, now);
        if !state.reservations().is_empty() {
            forecast.take_reserved(state, None);
        }
        forecast
    }

    /// Puts together what is free now and what is given back later.
    fn of_past(
        past: Past<'a>,
        state: &State,
        free: impl Fn(NodeIndex) -> Option<Amounts>,
        now: Timestamp,
    ) -> Self {
        let layout = past.layout;
        let ground = Ground::new(state);
        let (stays, mut licenses, releases) = past.split();
        let nodes = releases.into_iter().enumerate().map(|(at, releases)| {
            let free = free(NodeIndex(u32::try_from(at).unwrap_or(u32::MAX)))?;
            Some(Timeline::new(now, free, releases))
        });
        let licenses = layout.cluster().licenses.keys().map(|name| {
            let releases = licenses.remove(name).unwrap_or_default();
            (name.clone(), Timeline::new(now, as_amounts(ground.free_licenses(name)), releases))
        });
        let (nodes, licenses): (Vec<_>, BTreeMap<_, _>) = (nodes.collect(), licenses.collect());
        let times = nodes.iter().flatten().chain(licenses.values()).flat_map(Timeline::times).collect();
        Forecast { layout, now, nodes, stays, licenses, times, work: 0 }
    }

    /// Returns how many steps it keeps in mind.
    pub(super) fn size(&self) -> usize {
        self.nodes.iter().flatten().map(|timeline| timeline.times().count()).sum()
    }

    /// Returns when and where a wish can be met first, not before `from`. `None` if never, or if the search would
    /// look at more than `work` steps.
    pub(super) fn earliest(
        &mut self,
        wish: Wish<'_>,
        from: Timestamp,
        work: usize,
    ) -> Option<(Timestamp, Placement)> {
        let from = from.max(self.now);
        let from = match self.first_node(wish, from) {
            Some((at, node)) => {
                let nodes = if wish.demand.prefer.is_some() { wish.nodes } else { &[node][..] };
                if let Some(placement) = self.at(Wish { nodes, ..wish }, at, wish.limit) {
                    return Some((at, placement));
                }
                // Licences or other users are in the way as well.
                at
            }
            None if wish.demand.max_nodes == 1 => return None,
            None => from,
        };
        for (begin, end) in self.openings(wish, from) {
            // What is free grows only where a step begins.
            let mut next = Some(begin);
            while let Some(at) = next.filter(|at| *at < end) {
                if let Some(placement) = self.at(wish, at, wish.limit) {
                    return Some((at, placement));
                }
                if self.work >= work {
                    return None;
                }
                next = self.next_time(at);
            }
        }
        None
    }

    /// Returns when enough nodes have room at once for enough tasks, as far as CPUs, memory and generic resources go: at
    /// other times the job need not be tried.
    fn openings(&mut self, wish: Wish<'_>, from: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let demand = wish.demand;
        let length = end(from, wish.limit).since(from);
        // When how many nodes and tasks come and go.
        let mut changes: Vec<(Timestamp, i64, i64)> = Vec::new();
        for index in wish.nodes {
            let node = self.layout.cluster().node(*index).filter(|node| demand.suits(*index, node));
            let Some((node, Some(timeline))) = node.zip(self.nodes.get(index.0 as usize)) else { continue };
            let most_tasks = |free: &Amounts| demand.most_tasks(node, free);
            self.work += timeline.openings(from, length, most_tasks, |begin, end, most| {
                changes.push((begin, 1, most.into()));
                changes.push((end, -1, -i64::from(most)));
            });
        }
        changes.sort_unstable_by_key(|(at, ..)| *at);
        let mut openings: Vec<(Timestamp, Timestamp)> = Vec::new();
        let (mut nodes, mut tasks, mut since) = (0, 0, None);
        let mut changes = changes.into_iter().peekable();
        while let Some((at, more_nodes, more_tasks)) = changes.next() {
            nodes += more_nodes;
            tasks += more_tasks;
            if changes.peek().is_some_and(|(next, ..)| *next == at) {
                continue;
            }
            let is_open = nodes >= i64::from(demand.min_nodes) && tasks >= i64::from(demand.tasks);
            match (since, is_open) {
                (None, true) => since = Some(at),
                (Some(begin), false) => {
                    openings.push((begin, at));
                    since = None;
                }
                _ => {}
            }
        }
        // The last ones never close.
        openings.extend(since.map(|begin| (begin, Timestamp::NEVER)));
        openings
    }

    /// Returns the next time at which something changes.
    pub(super) fn next_time(&self, after: Timestamp) -> Option<Timestamp> {
        let next = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        self.times.range(next).next().copied()
    }

    /// Returns the node that can take a job of one node first, and when, as far as CPUs, memory and generic resources
    /// go.
    fn first_node(&mut self, wish: Wish<'_>, from: Timestamp) -> Option<(Timestamp, NodeIndex)> {
        let demand = wish.demand;
        if demand.max_nodes != 1 {
            return None;
        }
        let mut best: Option<(Timestamp, NodeIndex)> = None;
        for index in wish.nodes {
            let Some(node) = self
                .layout
                .cluster()
                .node(*index)
                .filter(|node| demand.suits(*index, node) && demand.has_features(node))
            else {
                continue;
            };
            if !demand.required.is_empty() && !demand.required.contains(index) {
                continue;
            }
            let Some(Some(timeline)) = self.nodes.get(index.0 as usize) else { continue };
            let before = best.map_or(Timestamp::NEVER, |(at, _)| at);
            let suits = |free: &Amounts| demand.most_tasks(node, free) >= demand.tasks;
            let (at, seen) = timeline.first_fit(from, before, |start| end(start, wish.limit), suits);
            self.work += seen;
            best = at.filter(|at| *at < before).map(|at| (at, *index)).or(best);
            if at == Some(from) {
                break;
            }
        }
        best
    }

    /// Returns where a wish can be met at a time, if it then runs at most so long.
    pub(super) fn at(&mut self, wish: Wish<'_>, at: Timestamp, limit: TimeLimit) -> Option<Placement> {
        self.within(wish, at, end(at, limit))
    }

    /// Returns where a wish can be met from a time until another.
    fn within(&mut self, wish: Wish<'_>, at: Timestamp, until: Timestamp) -> Option<Placement> {
        self.work += wish.demand.resources.licenses.len();
        self.licenses_within(wish, at, until)?;
        let (nodes, stays) = (&self.nodes, &self.stays);
        let mine = Company::of(wish);
        let mut work = 0;
        let free = |index: NodeIndex| {
            let place = index.0 as usize;
            let timeline = nodes.get(place)?.as_ref()?;
            work += 1;
            if mine.is_disturbed(stays.get(place)?, (at, until)) {
                return None;
            }
            let (free, seen) = timeline.least(at, until);
            work += seen;
            Some(free)
        };
        let placement = place(wish.demand, self.layout.cluster(), wish.nodes, free);
        self.work += work;
        placement
    }

    /// Tells whether a wish can be met in a place at a time.
    pub(super) fn has_room_for(&self, wish: Wish<'_>, at: Timestamp, placement: &Placement) -> bool {
        self.has_room_within(wish, (at, end(at, wish.limit)), placement)
    }

    /// Returns when a wish can be met in a place first.
    pub(super) fn first_room(
        &mut self,
        wish: Wish<'_>,
        from: Timestamp,
        placement: &Placement,
    ) -> Option<Timestamp> {
        let mut next = Some(from);
        while let Some(at) = next {
            self.work += placement.nodes.len();
            if self.has_room_for(wish, at, placement) {
                return Some(at);
            }
            next = self.next_time(at);
        }
        None
    }

    /// Tells whether a wish can be met in a place from a time until another.
    fn has_room_within(
        &self,
        wish: Wish<'_>,
        (at, until): (Timestamp, Timestamp),
        placement: &Placement,
    ) -> bool {
        let mine = Company::of(wish);
        let is_free = |placed: &Placed| {
            let index = placed.node.0 as usize;
            let timeline = self.nodes.get(index).and_then(Option::as_ref);
            let takes = self.taken_by(wish.demand, placed);
            timeline.is_some_and(|timeline| timeline.least(at, until).0.covers(&takes))
                && self.stays.get(index).is_some_and(|stays| !mine.is_disturbed(stays, (at, until)))
        };
        self.licenses_within(wish, at, until).is_some() && placement.nodes.iter().all(is_free)
    }

    /// Returns the licences a wish takes at a time, if it then runs at most so long; `None` if they are not free.
    pub(super) fn licenses_at<'w>(
        &self,
        wish: Wish<'w>,
        at: Timestamp,
        limit: TimeLimit,
    ) -> Option<&'w [(Text, u32)]> {
        self.licenses_within(wish, at, end(at, limit))
    }

    fn licenses_within<'w>(
        &self,
        wish: Wish<'w>,
        at: Timestamp,
        until: Timestamp,
    ) -> Option<&'w [(Text, u32)]> {
        wish.demand
            .licenses(|name| self.licenses.get(name).map_or(0, |timeline| timeline.least(at, until).0.cpus))
    }

    /// Books a placement.
    pub(super) fn book(&mut self, wish: Wish<'_>, at: Timestamp, placement: &Placement) {
        let until = self.layout.rounded(end(at, wish.limit));
        self.book_within(wish, (at, until), placement);
        self.times.insert(until);
    }

    /// Takes off what a placement has from a time until another, and returns the licences.
    fn book_within<'w>(
        &mut self,
        wish: Wish<'w>,
        (at, until): (Timestamp, Timestamp),
        placement: &Placement,
    ) -> &'w [(Text, u32)] {
        for placed in &placement.nodes {
            let takes = self.taken_by(wish.demand, placed);
            self.occupy(placed.node, at, until, &takes, Company::of(wish));
        }
        let licenses = self.licenses_within(wish, at, until).unwrap_or_default();
        for (name, count) in licenses {
            if let Some(timeline) = self.licenses.get_mut(name) {
                timeline.take(at, until, &as_amounts(*count));
            }
        }
        licenses
    }

    /// Keeps free until a time what a booked job will have from then on.
    pub(super) fn keep_free(&mut self, wish: Wish<'_>, until: Timestamp, placement: &Placement) {
        if until <= self.now {
            return;
        }
        for placed in &placement.nodes {
            let mut takes = self.taken_by(wish.demand, placed).into_owned();
            if wants_sockets(wish.demand) {
                takes = with_all_cpus(self.layout, placed.node, takes);
            }
            if let Some(timeline) = self.nodes.get_mut(placed.node.0 as usize).and_then(Option::as_mut) {
                timeline.take(self.now, until, &takes);
            }
        }
        for (name, count) in wish.demand.licenses(|_| u32::MAX).unwrap_or_default() {
            if let Some(timeline) = self.licenses.get_mut(name) {
                timeline.take(self.now, until, &as_amounts(*count));
            }
        }
        self.work += wish.nodes.len().min(placement.nodes.len());
    }

    /// Books the CPUs of suspended jobs that go on by themselves: now for those that the same pass lets go on, when they
    /// are free for the others.
    pub(super) fn book_returns(&mut self, state: &State, resumed: &[JobId]) {
        for job in state.suspended() {
            let Phase::Running(run) = &job.phase else { continue };
            let Some(pause) = run.pause.filter(|pause| pause.by == Some(SuspendedBy::Scheduler)) else {
                continue;
            };
            let left = run.until.since(pause.changed).min(YEAR);
            let at = match resumed.contains(&job.id) {
                true => Some(self.now),
                false => self.first_return(&run.allocation, left),
            };
            let Some(at) = at else { continue };
            for share in &run.allocation.nodes {
                let timeline = self.nodes.get_mut(share.node.0 as usize).and_then(Option::as_mut);
                if let Some((timeline, node)) = timeline.zip(self.layout.cluster().node(share.node)) {
                    timeline.take(at, at.after(left), &Amounts::of_cpus(node, share.cpus.iter()));
                }
            }
            self.times.insert(at.after(left));
        }
    }

    /// Returns when as many CPUs are free as a suspended job has, on all of its nodes and for as long as it needs.
    fn first_return(&self, allocation: &Allocation, left: Duration) -> Option<Timestamp> {
        let is_free = |at: Timestamp| {
            allocation.nodes.iter().all(|share| {
                let timeline = self.nodes.get(share.node.0 as usize).and_then(Option::as_ref);
                timeline.is_some_and(|timeline| timeline.least(at, at.after(left)).0.cpus >= share.cpus.len())
            })
        };
        self.times.iter().copied().find(|at| is_free(*at))
    }

    /// Returns what a placed part of a job keeps from others.
    fn taken_by<'p>(&self, demand: &Demand<'_>, placed: &'p Placed) -> Cow<'p, Amounts> {
        match demand.is_alone() {
            true => Cow::Owned(with_all_cpus(self.layout, placed.node, placed.takes.clone())),
            false => Cow::Borrowed(&placed.takes),
        }
    }

    /// Takes in a job that the same pass has proposed to start.
    pub(super) fn book_start(&mut self, job: &Job, allocation: &Allocation, limit: TimeLimit) {
        let until = self.layout.rounded(end(self.now, limit));
        for taken in self.layout.cluster().taken(job, allocation) {
            let amounts = amounts_of(self.layout, taken);
            self.occupy(taken.share.node, self.now, until, &amounts, Company::of_taken(taken));
        }
        for (name, count) in &allocation.licenses {
            if let Some(timeline) = self.licenses.get_mut(name) {
                timeline.take(self.now, until, &as_amounts(*count));
            }
        }
        self.times.insert(until);
    }

    fn occupy(
        &mut self,
        node: NodeIndex,
        from: Timestamp,
        until: Timestamp,
        amounts: &Amounts,
        company: Company,
    ) {
        let at = node.0 as usize;
        if let Some(timeline) = self.nodes.get_mut(at).and_then(Option::as_mut) {
            timeline.take(from, until, amounts);
        }
        if let Some(stays) = self.stays.get_mut(at) {
            stays.push(Stay { from, until, company, job: None, is_away: false });
        }
    }
}

/// What runs now, gathered by node.
struct Past<'a> {
    layout: &'a Layout,
    stays: Vec<Vec<Stay>>,
    licenses: BTreeMap<Text, Releases>,
    releases: Vec<Releases>,
    shared: HashMap<(usize, u32), Timestamp>,
    /// What is given back outside of this reservation does not count.
    only: Option<&'a Reservation>,
}

impl<'a> Past<'a> {
    fn new(layout: &'a Layout) -> Self {
        let count = layout.cluster().nodes.len();
        Past {
            layout,
            stays: vec![Vec::new(); count],
            licenses: BTreeMap::new(),
            releases: vec![Vec::new(); count],
            shared: HashMap::new(),
            only: None,
        }
    }

    fn add(&mut self, state: &State, job: &Job, allocation: &Allocation, now: Timestamp) {
        let end = expected_end(job, now, self.layout.cluster().limits.kill_wait);
        let until = self.layout.rounded(reserved::end_with_reservation(state, allocation, end, now));
        for taken in self.layout.cluster().taken(job, allocation) {
            let at = taken.share.node.0 as usize;
            let mut amounts = match self.only {
                None => amounts_of(self.layout, taken),
                Some(only) => reserved::amounts_within(self.layout, taken, only),
            };
            if taken.is_suspended {
                // It has given its CPUs back already.
                amounts.cpus = 0;
                amounts.sockets.iter_mut().for_each(|cpus| *cpus = 0);
            } else if taken.shares_cpus {
                // A shared CPU is free when the last of its jobs is gone.
                amounts.cpus = 0;
                amounts.sockets.iter_mut().for_each(|cpus| *cpus = 0);
                for cpu in taken.share.cpus.iter() {
                    let last = self.shared.entry((at, cpu)).or_insert(until);
                    *last = until.max(*last);
                }
            }
            let Some((releases, stays)) = self.releases.get_mut(at).zip(self.stays.get_mut(at)) else {
                continue;
            };
            releases.push((until, amounts));
            let company = Company::of_taken(taken);
            stays.push(Stay { from: now, until, company, job: Some(job.id), is_away: false });
        }
        for (name, count) in &allocation.licenses {
            self.licenses.entry(name.clone()).or_default().push((until, as_amounts(*count)));
        }
    }

    fn split(mut self) -> (Vec<Vec<Stay>>, BTreeMap<Text, Releases>, Vec<Releases>) {
        for ((at, cpu), until) in self.shared {
            if let (Some(releases), Some(node)) =
                (self.releases.get_mut(at), self.layout.cluster().nodes.get(at))
            {
                releases.push((until, Amounts::of_cpus(node, [cpu])));
            }
        }
        (self.stays, self.licenses, self.releases)
    }
}

fn amounts_of(layout: &Layout, taken: Taken<'_>) -> Amounts {
    let node = layout.cluster().node(taken.share.node);
    let amounts = node.map(|node| Amounts::of_share(node, taken.share)).unwrap_or_default();
    if taken.whole { with_all_cpus(layout, taken.share.node, amounts) } else { amounts }
}

/// Returns the amounts with every CPU of a node: who has it alone may leave some to the system, but to nobody else.
fn with_all_cpus(layout: &Layout, node: NodeIndex, amounts: Amounts) -> Amounts {
    let all = layout.cluster().node(node).map(Amounts::all_of).unwrap_or_default();
    Amounts { cpus: all.cpus, sockets: all.sockets, ..amounts }
}

/// A count of one thing, such as licences, in the place of CPUs.
fn as_amounts(count: u32) -> Amounts {
    Amounts { cpus: count, ..Amounts::default() }
}

/// Returns when a run that starts at a time ends at the latest.
pub(super) fn end(start: Timestamp, limit: TimeLimit) -> Timestamp {
    limit.end_from(start).min(start.after(YEAR))
}

/// Returns when a job that holds resources will have given them back.
fn expected_end(job: &Job, now: Timestamp, kill_wait: Duration) -> Timestamp {
    let at = match &job.phase {
        Phase::Running(run) if run.preemption.is_some() => run.until.after(kill_wait),
        Phase::Running(run) if run.is_suspended() => {
            // It could go on now, and then has what it had left.
            now.after(run.pause.map_or(YEAR, |pause| run.until.since(pause.changed).min(YEAR)))
        }
        Phase::Running(run) => run.until.after(run.overtime).min(run.started.after(YEAR)),
        Phase::Completing(completing) => completing.since.after(kill_wait),
        Phase::Pending(_) | Phase::Ended(_) => now,
    };
    at.max(now.after(SOON))
}
