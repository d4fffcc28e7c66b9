//! Which launcher has which run, and what still has to be said to whom. Tables behind one lock; nothing here waits.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::LauncherState;
use crate::report::{Found, FoundState, Report, StartFailure, Step};
use crate::run::{RunId, UnixMicros};
use crate::slot::Slot;
use crate::wire::{MAX_FRAME, Request, Whom, put_frame};

/// All launchers and all runs.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) links: Vec<Link>,
    runs: HashMap<RunId, Route>,
    /// Where to begin looking for the least loaded launcher.
    turn: usize,
    pub(super) is_closed: bool,
    /// The reading thread will look soon for what was to be said in passing.
    pub(super) expects_forgetting: bool,
    /// Reports that come from here and not from a launcher.
    pub(super) refused: Vec<Report>,
}

/// One launcher.
pub(super) struct Link {
    pub(super) slot: Slot,
    /// Whether it gets new runs; one too many only keeps those it has.
    accepts: bool,
    /// None while it is dead.
    pub(super) stream: Option<Arc<UnixStream>>,
    outbox: Vec<u8>,
    /// Nobody waits for what is in the outbox: it goes with what is said next, or a little later.
    is_patient: bool,
    pid: u32,
    live: usize,
    /// Whether it shall execute its program anew.
    pub(super) is_to_renew: bool,
}

struct Route {
    link: usize,
    phase: Phase,
    /// Whether it shall be killed, should the launcher have died before it could.
    condemned: bool,
}

/// How far a run has come, as far as was heard.
pub(super) enum Phase {
    /// Not heard of yet: the request is kept, should the launcher have died before it could read it.
    Asked(Vec<u8>),
    Running(u32),
    Over,
}

impl Phase {
    pub(super) fn is_live(&self) -> bool {
        !matches!(self, Self::Over)
    }

    pub(super) fn pid(&self) -> Option<u32> {
        if let Self::Running(pid) = self { Some(*pid) } else { None }
    }
}

/// Makes the bytes of a request.
pub(super) fn frame(request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_frame(request, &mut bytes);
    bytes
}

/// The request to kill everything of a run.
pub(super) fn kill(run: RunId) -> Request {
    Request::Signal { run, signal: libc::SIGKILL, whom: Whom::All }
}

impl Link {
    /// Writes what the launcher takes at once. Says whether something is left, for the reading thread.
    pub(super) fn flush(&mut self) -> bool {
        let Some(stream) = &self.stream else { return false };
        self.is_patient = false;
        while !self.outbox.is_empty() {
            match (&**stream).write(&self.outbox) {
                Ok(count) => drop(self.outbox.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                // The reading thread sees the same and deals with it.
                Err(_) => return true,
            }
        }
        self.outbox.shrink_to(64 << 10);
        false
    }

    fn say(&mut self, bytes: &[u8]) -> bool {
        self.outbox.extend_from_slice(bytes);
        self.flush()
    }

    /// Says something with what is said next.
    fn say_in_passing(&mut self, bytes: &[u8]) {
        self.is_patient |= self.outbox.is_empty();
        self.outbox.extend_from_slice(bytes);
    }

    pub(super) fn is_behind(&self) -> bool {
        !self.outbox.is_empty() && !self.is_patient
    }

    /// The launcher is gone. What it did not read is not worth keeping: launches and kills are known elsewhere.
    pub(super) fn hang_up(&mut self) {
        self.stream = None;
        self.outbox.clear();
        self.is_patient = false;
    }
}

impl Routes {
    /// Adds a launcher with the runs that it knows.
    pub(super) fn add_link(
        &mut self,
        slot: Slot,
        accepts: bool,
        stream: UnixStream,
        pid: u32,
        found: &[Found],
    ) {
        let link = self.links.len();
        self.links.push(Link {
            slot,
            accepts,
            stream: Some(Arc::new(stream)),
            outbox: Vec::new(),
            is_patient: false,
            pid,
            live: 0,
            is_to_renew: false,
        });
        for found in found {
            self.insert(found.run, link, phase_of(&found.state));
        }
    }

    fn insert(&mut self, run: RunId, link: usize, phase: Phase) {
        let live = usize::from(phase.is_live());
        self.runs.insert(run, Route { link, phase, condemned: false });
        if let Some(link) = self.links.get_mut(link) {
            link.live += live;
        }
    }

    /// Sends a launch to the launcher that has the run, or else to the one with the fewest.
    pub(super) fn launch(&mut self, run: RunId, frame: Vec<u8>) -> bool {
        let known = self.runs.get(&run).map(|route| route.link);
        if known.is_none() && frame.len() > MAX_FRAME {
            return self.refuse(run);
        }
        let Some(chosen) = known.or_else(|| self.least_loaded()) else { return false };
        if known.is_none() {
            self.insert(run, chosen, Phase::Asked(frame.clone()));
        }
        self.links.get_mut(chosen).is_some_and(|link| link.say(&frame))
    }

    /// Wakes the launcher that a launch would go to now. Says whether something is left to be written.
    pub(super) fn expect_launch(&mut self) -> bool {
        let turn = self.turn;
        let next = self.least_loaded();
        self.turn = turn;
        let link = next.and_then(|link| self.links.get_mut(link)).filter(|link| link.stream.is_some());
        link.is_some_and(|link| link.say(&frame(&Request::Expect)))
    }

    /// Reports a launch that is too long to be sent: the launcher would take it for nonsense.
    fn refuse(&mut self, run: RunId) -> bool {
        self.insert(run, 0, Phase::Over);
        let failure = StartFailure { step: Step::Request, errno: libc::E2BIG };
        self.refused.push(Report::FailedToStart { run, failure, hook_failed: false, at: UnixMicros::now() });
        true
    }

    fn least_loaded(&mut self) -> Option<usize> {
        let count = self.links.len();
        self.turn = (self.turn + 1) % count.max(1);
        let order = (0..count).map(|step| (self.turn + step) % count);
        let usable = order.filter(|index| self.links.get(*index).is_some_and(|link| link.accepts));
        usable.min_by_key(|index| self.links.get(*index).map(|link| (link.stream.is_none(), link.live)))
    }

    /// Sends a request about a run that is not over; `None` if there is no such run.
    pub(super) fn ask(&mut self, run: RunId, request: &Request) -> Option<bool> {
        let route = self.runs.get(&run).filter(|route| route.phase.is_live())?;
        Some(self.links.get_mut(route.link)?.say(&frame(request)))
    }

    /// Sends a request about a run to the launcher that has it, if it can be talked to: after a reconnection it is
    /// decided anew. Says whether something is left to be written.
    pub(super) fn say_about(&mut self, run: RunId, request: &Request) -> bool {
        let link = self.runs.get(&run).map(|route| route.link);
        let link = link.and_then(|link| self.links.get_mut(link)).filter(|link| link.stream.is_some());
        link.is_some_and(|link| link.say(&frame(request)))
    }

    /// Remembers that a run shall be killed.
    pub(super) fn condemn(&mut self, run: RunId) {
        if let Some(route) = self.runs.get_mut(&run) {
            route.condemned = true;
        }
    }

    /// Says what was to be said in passing.
    pub(super) fn flush_patient(&mut self) {
        self.expects_forgetting = false;
        for link in self.links.iter_mut().filter(|link| link.is_patient) {
            // What is left is no longer patient, and the reading thread writes it.
            link.flush();
        }
    }

    /// Drops runs that are over, here and with their launchers. A launcher mostly hears of it with its next run: it is
    /// in no hurry, and each message wakes it.
    pub(super) fn forget(&mut self, runs: &[RunId]) -> bool {
        let mut by_link: HashMap<usize, Vec<RunId>> = HashMap::new();
        for run in runs {
            if self.runs.get(run).is_some_and(|route| !route.phase.is_live())
                && let Some(route) = self.runs.remove(run)
            {
                by_link.entry(route.link).or_default().push(*run);
            }
        }
        let mut is_behind = false;
        for (link, runs) in by_link {
            if let Some(link) = self.links.get_mut(link).filter(|link| link.stream.is_some()) {
                let forget = frame(&Request::Forget(runs));
                match self.expects_forgetting {
                    true => link.say_in_passing(&forget),
                    false => is_behind |= link.say(&forget),
                }
            }
        }
        is_behind
    }

    pub(super) fn phase(&self, run: RunId) -> Option<&Phase> {
        self.runs.get(&run).map(|route| &route.phase)
    }

    pub(super) fn launchers(&self) -> Vec<LauncherState> {
        let state = |link: &Link| LauncherState {
            slot: link.slot.number,
            pid: link.pid,
            connected: link.stream.is_some(),
            runs: link.live,
        };
        self.links.iter().map(state).collect()
    }

    pub(super) fn renewals(&mut self) {
        self.links.iter_mut().for_each(|link| link.is_to_renew = true);
    }

    pub(super) fn close(&mut self) {
        self.flush_patient();
        self.is_closed = true;
    }

    /// Takes in what a launcher reported; keeps what the caller shall hear.
    pub(super) fn heard(&mut self, reports: Vec<Report>) -> Vec<Report> {
        reports.into_iter().filter(|report| self.hear(report)).collect()
    }

    /// Says whether the run is one that the caller asks for.
    fn hear(&mut self, report: &Report) -> bool {
        let Some(route) = self.runs.get_mut(&report.run()) else { return false };
        match report {
            Report::Started { pid, .. } if route.phase.is_live() => route.phase = Phase::Running(*pid),
            _ if report.is_final() && route.phase.is_live() => {
                route.phase = Phase::Over;
                self.expects_forgetting = true;
                if let Some(link) = self.links.get_mut(route.link) {
                    link.live = link.live.saturating_sub(1);
                }
            }
            _ => {}
        }
        true
    }

    /// Goes on with a launcher that took the place of one that died: repeats what that may not have read, and returns
    /// what happened in between.
    pub(super) fn resume(
        &mut self,
        index: usize,
        stream: UnixStream,
        pid: u32,
        found: &[Found],
    ) -> Vec<Report> {
        let Some(link) = self.links.get_mut(index) else { return Vec::new() };
        link.stream = Some(Arc::new(stream));
        link.pid = pid;
        let mut reports = Vec::new();
        let mut forgotten = Vec::new();
        for found in found {
            match self.runs.get(&found.run) {
                None => forgotten.push(found.run),
                Some(route) => {
                    let steps = found.steps.clone();
                    reports.push(Report::Steps { run: found.run, steps });
                    reports.extend(news(&route.phase, found));
                }
            }
        }
        let known: HashSet<RunId> = found.iter().map(|found| found.run).collect();
        let mut say = if forgotten.is_empty() { Vec::new() } else { frame(&Request::Forget(forgotten)) };
        for (run, route) in self.runs.iter().filter(|(_, route)| route.link == index && route.phase.is_live())
        {
            match &route.phase {
                Phase::Asked(request) if !known.contains(run) => say.extend_from_slice(request),
                Phase::Running(_) if !known.contains(run) => {
                    // Its journal is lost; nobody can tell.
                    reports.push(Report::Vanished { run: *run, at: UnixMicros::now() });
                }
                _ => {}
            }
            if route.condemned {
                say.extend_from_slice(&frame(&kill(*run)));
            }
        }
        if let Some(link) = self.links.get_mut(index) {
            link.say(&say);
        }
        self.heard(reports)
    }
}

fn phase_of(state: &FoundState) -> Phase {
    match state {
        // Its start will be reported; there is nothing to repeat, as the launcher has it.
        FoundState::Starting => Phase::Asked(Vec::new()),
        FoundState::Running { pid, .. } => Phase::Running(*pid),
        FoundState::FailedToStart { .. } | FoundState::Ended(_) | FoundState::Vanished { .. } => Phase::Over,
    }
}

/// What a found state tells beyond what was heard before.
fn news(phase: &Phase, found: &Found) -> Vec<Report> {
    let mut reports = found.reports();
    match phase {
        Phase::Asked(_) => {}
        Phase::Running(_) => reports.retain(Report::is_final),
        Phase::Over => reports.clear(),
    }
    reports
}
