//! Processes that are never started: they end when their time has come, by the virtual clock, each after its nature.

use super::kinds::Nature;
use domain::job::{End, Exit, Job, JobKind, Usage};
use domain::ports::{Order, Report};
use domain::{JobId, NodeIndex, Text, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// What a job carries in its comment, so that whoever sees its record knows how it behaves and what it waits for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// How long it runs by itself, seconds.
    pub(crate) seconds: u32,
    /// How its processes behave.
    pub(crate) nature: Nature,
    /// What it waits for: the word and the job.
    pub(crate) after: Vec<(String, JobId)>,
}

impl Tag {
    /// Writes it as a comment.
    pub(crate) fn written(&self) -> Text {
        let after: Vec<String> = self.after.iter().map(|(word, job)| format!("{word}:{job}")).collect();
        format!("{} {} {}", self.seconds, self.nature as u8, after.join(",")).into()
    }

    /// Reads it from a job.
    pub(crate) fn of(job: &Job) -> Self {
        let mut words = job.spec.comment.splitn(3, ' ');
        let seconds = words.next().unwrap().parse().unwrap();
        let natures = [
            Nature::Good,
            Nature::Fails,
            Nature::Unstartable,
            Nature::Stubborn,
            Nature::Greedy,
            Nature::Lost,
        ];
        let nature = natures[words.next().unwrap().parse::<usize>().unwrap()];
        let terms = words.next().unwrap().split(',').filter_map(|term| term.split_once(':'));
        let after = terms.map(|(word, job)| (word.to_owned(), JobId(job.parse().unwrap()))).collect();
        Tag { seconds, nature, after }
    }
}

/// Processes of one attempt, or the place of an allocation until its user gives it back.
struct Process {
    ends: Timestamp,
    end: Option<End>,
    stubborn: bool,
    nodes: Vec<NodeIndex>,
    /// What is left to run while it is halted.
    left: Option<Duration>,
    /// It has had SIGSTOP.
    stopped: bool,
    /// It is suspended: neither does it run, nor does it take signals.
    frozen: bool,
}

/// What has come to its time.
#[derive(Default)]
pub(crate) struct Due {
    /// Attempts that have ended.
    pub(crate) reports: Vec<Report>,
    /// Allocations that their users need no more.
    pub(crate) unneeded: Vec<JobId>,
}

/// All processes.
#[derive(Default)]
pub(crate) struct Executor {
    processes: HashMap<(JobId, u32), Process>,
    due: BTreeSet<(Timestamp, JobId, u32)>,
}

impl Executor {
    /// Does as the service tells.
    pub(crate) fn perform(&mut self, order: Order, now: Timestamp) {
        match order {
            Order::Launch { job, components, .. } => self.launch(&job, &components, now),
            Order::Kill { job, attempt } => self.end(job, attempt, now, 9),
            Order::Signal { job, attempt, signal, .. } => self.signal(job, attempt, signal, now),
            Order::Suspend { job, attempt } => self.freeze(job, attempt, true, now),
            Order::Resume { job, attempt } => self.freeze(job, attempt, false, now),
            Order::Shrink { job, components } => {
                let nodes = nodes_of(&job, &components);
                if let Some(process) = self.processes.get_mut(&(job.id, job.restarts)) {
                    process.nodes = nodes;
                }
            }
            Order::Forget { job, attempt } => {
                if let Some(process) = self.processes.remove(&(job, attempt)) {
                    self.due.remove(&(process.ends, job, attempt));
                }
            }
            _ => {}
        }
    }

    /// Returns when the next process ends.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// Takes what has come to its time by now.
    pub(crate) fn due(&mut self, now: Timestamp) -> Due {
        let mut found = Due::default();
        while let Some(&(at, job, attempt)) = self.due.first().filter(|(at, ..)| *at <= now) {
            self.due.pop_first();
            let key = (job, attempt);
            match self.processes.get(&key).and_then(|process| process.end.clone()) {
                Some(end) => {
                    self.processes.remove(&key);
                    found.reports.push(report(key, at, end));
                }
                None => found.unneeded.push(job),
            }
        }
        found
    }

    /// Loses whatever runs on a node.
    pub(crate) fn lose(&mut self, node: NodeIndex, now: Timestamp) -> Vec<Report> {
        let is_there = |process: &Process| process.nodes.contains(&node);
        let mut lost: Vec<(JobId, u32)> =
            self.processes.iter().filter(|(_, process)| is_there(process)).map(|(key, _)| *key).collect();
        lost.sort_unstable();
        lost.into_iter()
            .map(|key| {
                let process = self.processes.remove(&key).unwrap();
                self.due.remove(&(process.ends, key.0, key.1));
                report(key, now, End::Vanished)
            })
            .collect()
    }

    fn launch(&mut self, job: &Job, components: &[std::sync::Arc<Job>], now: Timestamp) {
        let tag = Tag::of(job);
        let (seconds, end) = match tag.nature {
            _ if job.spec.kind == JobKind::Allocation => (tag.seconds, None),
            Nature::Good | Nature::Stubborn => (tag.seconds, Some(End::Process(Exit::Code(0)))),
            Nature::Fails => (tag.seconds, Some(End::Process(Exit::Code(1)))),
            Nature::Unstartable => (0, Some(End::NotStarted(Text::const_new("no such directory")))),
            Nature::Greedy => (tag.seconds / 2, Some(End::OverMemory(Exit::Signal(9)))),
            Nature::Lost if job.restarts == 0 => (tag.seconds / 2, Some(End::Vanished)),
            Nature::Lost => (tag.seconds, Some(End::Process(Exit::Code(0)))),
        };
        let ends = now.after(Duration::from_secs(u64::from(seconds)));
        let stubborn = tag.nature == Nature::Stubborn;
        let key = (job.id, job.restarts);
        if self.processes.contains_key(&key) {
            // Orders may come twice.
            return;
        }
        let nodes = nodes_of(job, components);
        self.due.insert((ends, key.0, key.1));
        let process = Process { ends, end, stubborn, nodes, left: None, stopped: false, frozen: false };
        self.processes.insert(key, process);
    }

    fn signal(&mut self, job: JobId, attempt: u32, signal: i32, now: Timestamp) {
        let Some(process) = self.processes.get_mut(&(job, attempt)) else { return };
        match (signal, process.left) {
            (15, None) if !process.stubborn => self.end(job, attempt, now.after(Duration::from_secs(1)), 15),
            (19, _) => self.halt(job, attempt, now, |process| process.stopped = true),
            (18, _) => self.go_on(job, attempt, now, |process| process.stopped = false),
            _ => {}
        }
    }

    fn freeze(&mut self, job: JobId, attempt: u32, freeze: bool, now: Timestamp) {
        match freeze {
            true => self.halt(job, attempt, now, |process| process.frozen = true),
            false => self.go_on(job, attempt, now, |process| process.frozen = false),
        }
    }

    fn halt(&mut self, job: JobId, attempt: u32, now: Timestamp, how: impl Fn(&mut Process)) {
        let Some(process) = self.processes.get_mut(&(job, attempt)) else { return };
        how(process);
        if process.left.is_none() {
            process.left = Some(process.ends.since(now));
            self.due.remove(&(process.ends, job, attempt));
        }
    }

    fn go_on(&mut self, job: JobId, attempt: u32, now: Timestamp, how: impl Fn(&mut Process)) {
        let Some(process) = self.processes.get_mut(&(job, attempt)) else { return };
        how(process);
        if let Some(left) = process.left.take_if(|_| !process.stopped && !process.frozen) {
            process.ends = now.after(left);
            self.due.insert((process.ends, job, attempt));
        }
    }

    fn end(&mut self, job: JobId, attempt: u32, at: Timestamp, signal: u8) {
        let Some(process) = self.processes.get_mut(&(job, attempt)) else { return };
        self.due.remove(&(process.ends, job, attempt));
        if process.left.is_some() || at < process.ends || process.end.is_none() {
            (process.ends, process.end) = (at, Some(End::Process(Exit::Signal(signal))));
        }
        process.left = None;
        self.due.insert((process.ends, job, attempt));
    }
}

fn nodes_of(job: &Job, components: &[std::sync::Arc<Job>]) -> Vec<NodeIndex> {
    let jobs = std::iter::once(job).chain(components.iter().map(|job| &**job));
    let shares = jobs.filter_map(Job::held_resources).flat_map(|allocation| &allocation.nodes);
    shares.map(|share| share.node).collect()
}

fn report((job, attempt): (JobId, u32), at: Timestamp, end: End) -> Report {
    Report { job, attempt, at, end, usage: Usage::default(), fault: None }
}
