//! The thread that hears launchers, writes what they did not take at once, and replaces those that died.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Shared;
use super::link::{Greeted, reach, renew_now};
use crate::report::Report;
use crate::wire::{Inbox, Notice};

const PIECE: usize = 64 << 10;
/// How long at most something waits that is said in passing.
const PASSING: Duration = Duration::from_millis(100);
/// How long a launcher that cannot be replaced is left alone, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

type Listener = Box<dyn FnMut(Vec<Report>) + Send>;

pub(super) struct Reader {
    shared: Arc<Shared>,
    /// One for each link, in the same order.
    inboxes: Vec<Inbox>,
    listener: Listener,
    /// When to say what was to be said in passing.
    passing: Option<Instant>,
    /// Launchers that are missing: when to try again, and after which pause.
    missing: HashMap<usize, (Instant, Duration)>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, inboxes: Vec<Inbox>, listener: Listener) -> Self {
        Self { shared, inboxes, listener, passing: None, missing: HashMap::new() }
    }

    pub(super) fn run(&mut self) {
        // What came together with the greetings.
        let mut reports = Vec::new();
        for index in 0..self.inboxes.len() {
            self.take_messages(index, &mut reports);
        }
        self.tell(reports);
        let mut piece = vec![0; PIECE];
        while !self.shared.routes().is_closed {
            let mut reports = Vec::new();
            for index in self.wait() {
                self.hear(index, &mut piece, &mut reports);
            }
            reports.append(&mut self.shared.routes().refused);
            self.renew_launchers();
            self.replace_launchers(&mut reports);
            self.tell(reports);
        }
    }

    fn tell(&mut self, reports: Vec<Report>) {
        if !reports.is_empty() {
            (self.listener)(reports);
        }
    }

    /// Says from time to time what waits to be said in passing.
    fn flush_patient(&mut self) {
        let mut routes = self.shared.routes();
        match self.passing {
            Some(at) if at <= Instant::now() => {
                routes.flush_patient();
                self.passing = None;
            }
            None if routes.expects_forgetting => self.passing = Some(Instant::now() + PASSING),
            _ => {}
        }
    }

    /// Waits until something can be read or written, and lists whom to hear.
    fn wait(&mut self) -> Vec<usize> {
        self.flush_patient();
        let streams = self.streams();
        let mut polled = vec![PollFd::new(&self.shared.bell, PollFlags::IN)];
        polled.extend(streams.iter().map(|(_, stream, is_behind)| {
            let out = if *is_behind { PollFlags::OUT } else { PollFlags::empty() };
            PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::IN | out)
        }));
        let due = self.missing.values().map(|(at, _)| *at).chain(self.passing).min();
        let timeout = due.map(|at| at.saturating_duration_since(Instant::now())).map(|wait| Timespec {
            tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        });
        if poll(&mut polled, timeout.as_ref()).is_err() {
            return Vec::new();
        }
        let mut rings = [0; 8];
        let _ = rustix::io::read(&self.shared.bell, &mut rings);
        let happened = polled.iter().skip(1).zip(&streams).filter(|(polled, _)| !polled.revents().is_empty());
        happened.map(|(_, (index, ..))| *index).collect()
    }

    fn streams(&self) -> Vec<(usize, Arc<UnixStream>, bool)> {
        let routes = self.shared.routes();
        let links = routes.links.iter().enumerate();
        links
            .filter_map(|(index, link)| Some((index, Arc::clone(link.stream.as_ref()?), link.is_behind())))
            .collect()
    }

    /// Reads what a launcher says, and writes what it takes.
    fn hear(&mut self, index: usize, piece: &mut [u8], reports: &mut Vec<Report>) {
        let stream = match self.shared.routes().links.get_mut(index) {
            Some(link) => {
                link.flush();
                link.stream.clone()
            }
            None => None,
        };
        let Some(stream) = stream else { return };
        let lives = loop {
            match (&*stream).read(piece) {
                Ok(0) => break false,
                Ok(count) => {
                    let Some(inbox) = self.inboxes.get_mut(index) else { break false };
                    inbox.extend(piece.get(..count).unwrap_or_default());
                    if !self.take_messages(index, reports) {
                        break false;
                    }
                    if count < piece.len() {
                        break true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break false,
            }
        };
        if !lives {
            self.lose(index);
        }
    }

    /// Takes all whole messages; says whether they could be read.
    fn take_messages(&mut self, index: usize, reports: &mut Vec<Report>) -> bool {
        let Some(inbox) = self.inboxes.get_mut(index) else { return false };
        loop {
            match inbox.message() {
                Ok(Some(Notice::Reports(came))) => reports.extend(self.shared.routes().heard(came)),
                // Said once, with the greeting.
                Ok(Some(Notice::Found(_))) => {}
                Ok(None) => return true,
                Err(error) => {
                    tracing::error!(launcher.slot = index, %error, "a launcher sent nonsense");
                    return false;
                }
            }
        }
    }

    fn lose(&mut self, index: usize) {
        if let Some(link) = self.shared.routes().links.get_mut(index) {
            link.hang_up();
        }
        if let Some(inbox) = self.inboxes.get_mut(index) {
            *inbox = Inbox::default();
        }
        self.missing.insert(index, (Instant::now(), PAUSES.0));
    }

    /// Sends those to renew that were asked to; they hang up and are reached anew.
    fn renew_launchers(&mut self) {
        let mut slots = Vec::new();
        for link in &mut self.shared.routes().links {
            if std::mem::take(&mut link.is_to_renew) {
                slots.push(link.slot.clone());
            }
        }
        for slot in slots {
            if let Err(error) = renew_now(&self.shared.config, &slot) {
                tracing::warn!(launcher.slot = slot.number, %error, "a launcher could not be renewed");
            }
        }
    }

    /// Puts a new launcher in the place of each that died; it takes over the runs.
    fn replace_launchers(&mut self, reports: &mut Vec<Report>) {
        let now = Instant::now();
        let due: Vec<usize> =
            self.missing.iter().filter(|(_, (at, _))| *at <= now).map(|(index, _)| *index).collect();
        for index in due {
            let Some(slot) = self.shared.routes().links.get(index).map(|link| link.slot.clone()) else {
                continue;
            };
            match reach(&self.shared.config, &slot) {
                Ok(Greeted { stream, inbox, hello, found }) => {
                    self.missing.remove(&index);
                    if let Some(place) = self.inboxes.get_mut(index) {
                        *place = inbox;
                    }
                    reports.extend(self.shared.routes().resume(index, stream, hello.pid, &found));
                    self.take_messages(index, reports);
                }
                Err(error) => {
                    tracing::error!(
                        launcher.slot = slot.number,
                        error = &error as &dyn std::error::Error,
                        "a launcher could not be replaced"
                    );
                    let pause = self.missing.get(&index).map_or(PAUSES.0, |(_, pause)| *pause);
                    self.missing.insert(index, (Instant::now() + pause, (pause * 2).min(PAUSES.1)));
                }
            }
        }
    }
}
