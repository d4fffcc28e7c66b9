//! A run: by its control group where it has one, else by its first process and the descendants of that. What a group
//! does not count is added up over the processes in it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Page, kernel};
use crate::cgroup::{Hierarchy, RunFolder};
use crate::handle::Shared;
use crate::proc;
use crate::run::{RunId, UnixMicros};

/// With more processes than this their turns on CPUs are not counted: that is a file for each of their threads.
const MANY: usize = 1024;

/// What a run takes. What is counted up begins with the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When this was read.
    pub at: UnixMicros,
    /// CPU time in programs so far; without a control group that of living processes and those they have waited for.
    pub cpu_user: Duration,
    /// CPU time in the kernel so far, with the same restriction.
    pub cpu_system: Duration,
    /// Its memory; without a memory controller the resident memory of all processes, where pages that several share
    /// count for each.
    pub memory: Memory,
    /// What was read from and written to storage so far; without a controller with the restriction of `cpu_user`, and
    /// then writes count when they reach the page cache.
    pub storage: Option<Storage>,
    /// How often its threads were given a CPU, as far as that was seen while they lived.
    pub switches: Option<u64>,
    /// For how long it had to wait.
    pub pressure: Pressure,
    /// Living processes.
    pub processes: u32,
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// In use, without the part of the page cache that nobody looks at.
    pub used: u64,
    /// The page cache.
    pub cached: Option<u64>,
    /// The most that ever was in use, with the page cache.
    pub peak: Option<u64>,
}

/// Bytes and operations so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
    /// Requests to devices.
    pub operations: Option<u64>,
}

/// For how long altogether some were stalled for want of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// For want of a CPU.
    pub cpu: Option<Duration>,
    /// For want of memory.
    pub memory: Option<Duration>,
    /// For want of input and output.
    pub io: Option<Duration>,
}

/// Looks at one run again and again.
#[derive(Debug)]
pub struct RunGauge {
    run: RunId,
    hierarchy: Arc<Hierarchy>,
    shared: Weak<Shared>,
    folder: Option<RunFolder>,
    turns: Turns,
    page: Page,
}

impl RunGauge {
    pub(crate) fn new(run: RunId, hierarchy: Arc<Hierarchy>, shared: Weak<Shared>) -> Self {
        Self { run, hierarchy, shared, folder: None, turns: Turns::default(), page: Page::default() }
    }

    /// Reads what the run takes at this moment; `None` if it has no process.
    pub fn read(&mut self) -> Option<Sample> {
        if self.folder.is_none() {
            self.folder = RunFolder::existing(&self.hierarchy, self.run);
        }
        let (page, turns) = (&mut self.page, &mut self.turns);
        match self.folder.as_ref().filter(|folder| folder.tracks()) {
            Some(folder) => of_group(folder, turns, page),
            None => {
                let leader = self.shared.upgrade()?.leader(self.run)?;
                let processes = proc::family(std::iter::once(leader));
                let sum = Sum::over(&processes, Missing::ALL, turns, page);
                sum.sample(self.folder.as_ref(), page)
            }
        }
    }
}

fn of_group(folder: &RunFolder, turns: &mut Turns, page: &mut Page) -> Option<Sample> {
    let processes = folder.members(page);
    if processes.is_empty() {
        return None;
    }
    let times = folder.times(page);
    let storage = folder.stored(page);
    let memory = folder.memory(page);
    let missing = Missing { times: times.is_none(), storage: storage.is_none(), memory: memory.is_none() };
    let sum = Sum::over(&processes, missing, turns, page);
    let mut sample = sum.sample(Some(folder), page)?;
    if let Some((user, system)) = times {
        (sample.cpu_user, sample.cpu_system) = (user, system);
    }
    sample.memory = memory.unwrap_or(sample.memory);
    sample.storage = storage.or(sample.storage);
    Some(sample)
}

/// What has to be asked of processes.
#[derive(Clone, Copy, Debug)]
struct Missing {
    times: bool,
    storage: bool,
    memory: bool,
}

impl Missing {
    const ALL: Self = Self { times: true, storage: true, memory: true };
}

/// What processes say.
#[derive(Debug, Default)]
struct Sum {
    at: UnixMicros,
    processes: u32,
    user: u64,
    system: u64,
    pages: u64,
    storage: Option<Storage>,
    switches: Option<u64>,
}

impl Sum {
    fn over(processes: &[u32], missing: Missing, turns: &mut Turns, page: &mut Page) -> Self {
        let mut sum = Self { at: UnixMicros::now(), ..Self::default() };
        let mut taken = (processes.len() <= MANY).then(|| HashMap::with_capacity(processes.len()));
        // Where not even the first one lets it be seen, it cannot be told.
        let mut storage = missing.storage.then(Storage::default);
        for pid in processes {
            let Some(stat) = page.bytes(format!("/proc/{pid}/stat")).and_then(proc::parse_stat) else {
                continue;
            };
            // The dead are no processes any more, but until somebody waits for them nobody else has their counts.
            if !stat.is_zombie() {
                sum.processes += 1;
                sum.pages += if missing.memory { stat.rss_pages } else { 0 };
                if let Some(each) = &mut taken
                    && let Some(count) = turns_of(*pid, stat.threads, page)
                {
                    each.insert(*pid, count);
                }
            }
            if missing.times {
                sum.user += stat.user_ticks.saturating_add(stat.waited_user_ticks);
                sum.system += stat.system_ticks.saturating_add(stat.waited_system_ticks);
            }
            if let Some(all) = &mut storage {
                match page.read(format!("/proc/{pid}/io")).and_then(kernel::process_io) {
                    Some((read, written)) => {
                        all.read = all.read.saturating_add(read);
                        all.written = all.written.saturating_add(written);
                    }
                    None if page.bytes(format!("/proc/{pid}/stat")).is_some() => storage = None,
                    None => {}
                }
            }
        }
        Self { storage, switches: taken.and_then(|taken| turns.add(taken)), ..sum }
    }

    fn sample(self, folder: Option<&RunFolder>, page: &mut Page) -> Option<Sample> {
        if self.processes == 0 {
            return None;
        }
        let time =
            |ticks: u64| Duration::from_micros(ticks.saturating_mul(1_000_000) / proc::ticks_per_second());
        Some(Sample {
            at: self.at,
            cpu_user: time(self.user),
            cpu_system: time(self.system),
            memory: Memory { used: self.pages.saturating_mul(proc::page_size()), ..Memory::default() },
            storage: self.storage,
            switches: self.switches,
            pressure: folder.map(|folder| folder.pressure(page)).unwrap_or_default(),
            processes: self.processes,
        })
    }
}

/// How often processes were given a CPU, also those that are gone: nobody else keeps what they had.
#[derive(Debug, Default)]
struct Turns {
    last: HashMap<u32, u64>,
    total: u64,
}

impl Turns {
    /// Takes in what living processes have now; `None` if none of them says.
    fn add(&mut self, now: HashMap<u32, u64>) -> Option<u64> {
        if now.is_empty() {
            return None;
        }
        for (pid, count) in &now {
            // A thread of it may have ended, or its number is another process's by now.
            let before = self.last.get(pid).copied().unwrap_or(0);
            self.total = self.total.saturating_add(count.saturating_sub(before));
        }
        self.last = now;
        Some(self.total)
    }
}

/// Counts how often the threads of a process were given a CPU; `None` if the kernel does not tell.
fn turns_of(pid: u32, threads: u32, page: &mut Page) -> Option<u64> {
    if threads <= 1 {
        return page.read(format!("/proc/{pid}/schedstat")).and_then(kernel::turns);
    }
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten().take(MANY);
    let each = threads.filter_map(|thread| kernel::turns(page.read(thread.path().join("schedstat"))?));
    each.fold(None, |all, count| Some(all.unwrap_or(0_u64).saturating_add(count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_gone_has_no_sample() {
        let mut page = Page::default();
        let sum = Sum::over(&[u32::MAX], Missing::ALL, &mut Turns::default(), &mut page);
        assert!(sum.sample(None, &mut page).is_none());
    }

    #[test]
    fn a_living_process_takes_something() {
        let mut page = Page::default();
        let sum = Sum::over(&[std::process::id()], Missing::ALL, &mut Turns::default(), &mut page);
        let sample = sum.sample(None, &mut page).unwrap();
        assert_eq!((sample.processes, sample.pressure), (1, Pressure::default()));
        assert!(sample.memory.used > 0 && sample.switches.is_some_and(|count| count > 0));
        // Nothing is asked that the group knows.
        let none = Missing { times: false, storage: false, memory: false };
        let sum = Sum::over(&[std::process::id()], none, &mut Turns::default(), &mut page);
        let sample = sum.sample(None, &mut page).unwrap();
        assert_eq!((sample.cpu_user, sample.memory.used, sample.storage), (Duration::ZERO, 0, None));
    }

    #[test]
    fn turns_are_kept_when_processes_go() {
        let mut turns = Turns::default();
        assert_eq!(turns.add(HashMap::new()), None);
        assert_eq!(turns.add([(1, 5), (2, 7)].into()), Some(12));
        assert_eq!(turns.add([(1, 9), (3, 1)].into()), Some(17));
        // Numbers are used again.
        assert_eq!(turns.add([(1, 2)].into()), Some(17));
        assert_eq!(turns.add([(1, 4)].into()), Some(19));
    }
}
