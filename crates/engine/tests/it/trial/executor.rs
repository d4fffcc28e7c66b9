//! Processes that are never started: they end when their time has come, by the virtual clock, each after its nature.

use super::kinds::Nature;
use domain::job::{End, Exit, Job, Usage};
use domain::ports::{Order, Report};
use domain::{JobId, Text, Timestamp};
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

/// Processes of one attempt.
struct Process {
    ends: Timestamp,
    end: End,
    stubborn: bool,
    /// What is left to run while it is stopped.
    left: Option<Duration>,
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
            Order::Launch { job, .. } => self.launch(&job, now),
            Order::Kill { job, attempt } => self.end(job, attempt, now, 9),
            Order::Signal { job, attempt, signal, .. } => self.signal(job, attempt, signal, now),
            Order::Suspend { job, attempt } => self.signal(job, attempt, 19, now),
            Order::Resume { job, attempt } => self.signal(job, attempt, 18, now),
            _ => {}
        }
    }

    /// Returns when the next process ends.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// Takes the processes that have ended by now.
    pub(crate) fn ended(&mut self, now: Timestamp) -> Vec<Report> {
        let mut reports = Vec::new();
        while let Some(&(at, job, attempt)) = self.due.first().filter(|(at, ..)| *at <= now) {
            self.due.pop_first();
            let process = self.processes.remove(&(job, attempt)).unwrap();
            reports.push(Report { job, attempt, at, end: process.end, usage: Usage::default(), fault: None });
        }
        reports
    }

    fn launch(&mut self, job: &Job, now: Timestamp) {
        let tag = Tag::of(job);
        let (seconds, end) = match tag.nature {
            Nature::Good | Nature::Stubborn => (tag.seconds, End::Process(Exit::Code(0))),
            Nature::Fails => (tag.seconds, End::Process(Exit::Code(1))),
            Nature::Unstartable => (0, End::NotStarted(Text::const_new("no such directory"))),
            Nature::Greedy => (tag.seconds / 2, End::OverMemory(Exit::Signal(9))),
            Nature::Lost if job.restarts == 0 => (tag.seconds / 2, End::Vanished),
            Nature::Lost => (tag.seconds, End::Process(Exit::Code(0))),
        };
        let ends = now.after(Duration::from_secs(u64::from(seconds)));
        let stubborn = tag.nature == Nature::Stubborn;
        let key = (job.id, job.restarts);
        if self.processes.contains_key(&key) {
            // Orders may come twice.
            return;
        }
        self.due.insert((ends, key.0, key.1));
        self.processes.insert(key, Process { ends, end, stubborn, left: None });
    }

    fn signal(&mut self, job: JobId, attempt: u32, signal: i32, now: Timestamp) {
        let Some(process) = self.processes.get_mut(&(job, attempt)) else { return };
        match (signal, process.left) {
            (15, None) if !process.stubborn => self.end(job, attempt, now.after(Duration::from_secs(1)), 15),
            (19, None) => {
                process.left = Some(process.ends.since(now));
                self.due.remove(&(process.ends, job, attempt));
            }
            (18, Some(left)) => {
                (process.ends, process.left) = (now.after(left), None);
                self.due.insert((process.ends, job, attempt));
            }
            _ => {}
        }
    }

    fn end(&mut self, job: JobId, attempt: u32, at: Timestamp, signal: u8) {
        let Some(process) = self.processes.get_mut(&(job, attempt)) else { return };
        self.due.remove(&(process.ends, job, attempt));
        if process.left.is_some() || at < process.ends {
            (process.ends, process.end) = (at, End::Process(Exit::Signal(signal)));
        }
        process.left = None;
        self.due.insert((process.ends, job, attempt));
    }
}
