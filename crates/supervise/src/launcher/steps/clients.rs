//! Clients of the step socket: anybody may connect, so each is given little until it has proved to be a run's own
//! user: few connections, little time, small messages.

use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};

use super::{Step, StepState};
use crate::launcher::serve::Launcher;
use crate::report::Report;
use crate::run::RunId;
use crate::steps::{MAX_FILES, Said, StepAnswer, StepProgram, StepRequest};
use crate::wire::{Inbox, Unreadable, put_frame};

/// For how long a client may be silent before it has asked.
const SILENCE: Duration = Duration::from_secs(10);
/// How many connections a user may have that have not asked yet, and in all.
const UNASKED: usize = 64;
const CONNECTIONS: usize = 4096;
/// The most bytes of a message before and after the step was granted, and the most answers that wait to be read.
const SMALL: usize = 64 << 10;
const LARGE: usize = 8 << 20;
const BEHIND: usize = 8 << 20;
/// How often one client is read in a turn, and how many new ones are let in, so that the others get theirs.
const READS: usize = 64;
const ACCEPTS: usize = 64;

/// A connected client.
pub(super) struct Client {
    pub(super) stream: UnixStream,
    pub(super) uid: u32,
    pub(super) inbox: Inbox,
    pub(super) outbox: Vec<u8>,
    pub(super) run: Option<RunId>,
    pub(super) ticket: Option<u64>,
    pub(super) files: Vec<OwnedFd>,
    since: Instant,
    /// Hung up on as soon as it has read everything.
    pub(super) leaving: bool,
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Client {
    pub(super) fn new(stream: UnixStream, uid: u32) -> Self {
        Self {
            stream,
            uid,
            inbox: Inbox::default(),
            outbox: Vec::new(),
            run: None,
            ticket: None,
            files: Vec::new(),
            since: Instant::now(),
            leaving: false,
        }
    }

    pub(super) fn flags(&self) -> PollFlags {
        if self.outbox.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT }
    }

    /// When its patience with us, or ours with it, ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (self.ticket.is_none() || self.leaving).then(|| self.since + SILENCE)
    }

    pub(super) fn say(&mut self, answer: &StepAnswer) {
        put_frame(answer, &mut self.outbox);
    }

    /// Writes as much as it takes; says whether it is still there.
    fn flush(&mut self) -> bool {
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(count) => drop(self.outbox.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return self.outbox.len() < BEHIND,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        !self.leaving
    }

    /// Reads once; says how much came, nothing if there was nothing to read.
    fn read(&mut self, piece: &mut [u8]) -> io::Result<Option<usize>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut buffers = [IoSliceMut::new(piece)];
        let received = match recvmsg(&self.stream, &mut buffers, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => received,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let mut files: Vec<OwnedFd> = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                files.extend(rights);
            }
        }
        // Files are for granted steps, and one that is missing would shift all that follow.
        let is_lost = received.flags.contains(ReturnFlags::CTRUNC);
        let is_early = !files.is_empty() && self.ticket.is_none();
        if is_lost || is_early || self.files.len() + files.len() > MAX_FILES {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.files.extend(files);
        Ok(Some(received.bytes))
    }
}

impl Launcher {
    /// Takes new clients, unless their user has too many. Those that are left over come in the next turn: somebody
    /// who connects faster than they can be turned away must not keep the launcher from everything else.
    pub(in crate::launcher) fn accept_step_clients(&mut self) {
        for _ in 0..ACCEPTS {
            let Some(listener) = &self.steps.listener else { return };
            let Ok((stream, _)) = listener.accept() else { return };
            let peer = rustix::net::sockopt::socket_peercred(&stream);
            let Ok(uid) = peer.map(|peer| peer.uid.as_raw()) else { continue };
            let of_user = || self.steps.clients.values().filter(|client| client.uid == uid);
            let unasked = of_user().filter(|client| client.ticket.is_none()).count();
            if unasked >= UNASKED || of_user().count() >= CONNECTIONS || stream.set_nonblocking(true).is_err()
            {
                continue;
            }
            self.steps.last_client += 1;
            self.steps.clients.insert(self.steps.last_client, Client::new(stream, uid));
        }
    }

    /// Reads what a client says and does it.
    pub(in crate::launcher) fn hear_step_client(&mut self, id: u64) {
        let mut piece = std::mem::take(&mut self.piece);
        piece.resize(SMALL, 0);
        let mut stays = true;
        for _ in 0..READS {
            let Some(client) = self.steps.clients.get_mut(&id) else { break };
            match client.read(&mut piece) {
                Ok(None) => break,
                Ok(Some(0)) | Err(_) => {
                    stays = false;
                    break;
                }
                Ok(Some(count)) => {
                    client.inbox.extend(piece.get(..count).unwrap_or_default());
                    if self.obey_client(id).is_err() {
                        stays = false;
                        break;
                    }
                }
            }
        }
        self.piece = piece;
        if !stays {
            self.lose_client(id);
        }
    }

    fn obey_client(&mut self, id: u64) -> Result<(), Unreadable> {
        loop {
            let Some(client) = self.steps.clients.get_mut(&id) else { return Ok(()) };
            let is_granted = client.ticket.is_some_and(|ticket| {
                self.steps.table.get(&ticket).is_some_and(|step| matches!(step.state, StepState::Live(_)))
            });
            let most = if is_granted { LARGE } else { SMALL };
            let Some(said) = client.inbox.message_up_to(most)? else { return Ok(()) };
            match said {
                Said::Hello { key, attempt } => self.meet(id, key, attempt)?,
                Said::Ask(request) => self.ask(id, request)?,
                // They have come with the same bytes, and are counted by themselves.
                Said::Files { .. } => {}
                Said::Start(program) => self.start_step(id, *program)?,
                Said::Signal { signal } => self.client_signals(id, signal)?,
            }
        }
    }

    /// A client names its run. Whoever may not have steps in it is told so.
    fn meet(&mut self, id: u64, key: u64, attempt: Option<u32>) -> Result<(), Unreadable> {
        let Some(client) = self.steps.clients.get_mut(&id) else { return Ok(()) };
        if client.run.is_some() || client.leaving {
            return Err(Unreadable);
        }
        let fits = |run: &&super::super::runs::Run| {
            run.id.key == key && attempt.is_none_or(|attempt| run.id.attempt == attempt) && run.is_live()
        };
        let why = match self.runs.by_id.values().find(fits) {
            Some(run) if client.uid == 0 || run.owner == client.uid => {
                client.run = Some(run.id);
                return Ok(());
            }
            Some(_) => "Access/permission denied",
            None => NO_SUCH_RUN,
        };
        client.say(&StepAnswer::Refused { why: why.into() });
        client.leaving = true;
        Ok(())
    }

    fn ask(&mut self, id: u64, request: Box<StepRequest>) -> Result<(), Unreadable> {
        let Some(client) = self.steps.clients.get_mut(&id) else { return Ok(()) };
        if client.leaving {
            return Ok(());
        }
        let (Some(run), None) = (client.run, client.ticket) else { return Err(Unreadable) };
        let is_open = |run: &super::super::runs::Run| run.may_have_steps();
        if !self.runs.by_id.get(&run).is_some_and(is_open) {
            client.say(&StepAnswer::Refused { why: NO_SUCH_RUN.into() });
            client.leaving = true;
            return Ok(());
        }
        let uid = client.uid;
        let ticket = self.steps.take_ticket();
        if let Some(client) = self.steps.clients.get_mut(&id) {
            client.ticket = Some(ticket);
        }
        self.outgoing.push(Report::StepAsked { run, ticket, uid, request: request.clone() });
        let step = Step { run, client: Some(id), state: StepState::Asked { uid, request } };
        self.steps.table.insert(ticket, step);
        Ok(())
    }

    fn start_step(&mut self, id: u64, program: StepProgram) -> Result<(), Unreadable> {
        let Some(client) = self.steps.clients.get_mut(&id) else { return Ok(()) };
        let files = std::mem::take(&mut client.files);
        let step = client.ticket.and_then(|ticket| self.steps.table.get_mut(&ticket));
        let Some(live) = step.and_then(Step::live_mut) else { return Err(Unreadable) };
        let count = live.grant.tasks.len();
        let exists = |number: Option<u32>| number.is_none_or(|number| (number as usize) < files.len());
        let streams = &program.streams;
        let good = !program.argv.is_empty()
            && (streams.len() == 1 || streams.len() == count)
            && streams.iter().all(|task| {
                exists(task.stdin) && exists(task.stdout) && exists(task.stderr) && exists(task.channel)
            })
            && (program.env_by_task.is_empty() || program.env_by_task.len() == count)
            && program.argv_by_task.iter().all(|(_, argv)| !argv.is_empty())
            && live.program.is_none()
            && live.tasks.is_empty();
        if !good {
            return Err(Unreadable);
        }
        if live.cut.is_none() {
            live.program = Some((Rc::new(program), files));
        }
        Ok(())
    }

    fn client_signals(&mut self, id: u64, signal: i32) -> Result<(), Unreadable> {
        let ticket = self.steps.clients.get(&id).and_then(|client| client.ticket).ok_or(Unreadable)?;
        if !(1..=64).contains(&signal) {
            return Err(Unreadable);
        }
        self.signal_step(ticket, signal);
        Ok(())
    }

    /// Tells the client of a step something, if one is there.
    pub(super) fn answer(&mut self, ticket: u64, answer: &StepAnswer) {
        let client = self.steps.table.get(&ticket).and_then(|step| step.client);
        if let Some(client) = client.and_then(|id| self.steps.clients.get_mut(&id)) {
            client.say(answer);
            if matches!(answer, StepAnswer::Refused { .. } | StepAnswer::Ended(_)) {
                client.leaving = true;
                client.since = Instant::now();
            }
        }
    }

    /// Writes to all clients, and lets those go that have heard everything or have been silent for too long.
    pub(in crate::launcher) fn tell_step_clients(&mut self) {
        let now = Instant::now();
        let is_gone = |client: &mut Client| {
            !client.flush() || client.deadline().is_some_and(|deadline| deadline <= now)
        };
        let gone: Vec<u64> =
            self.steps.clients.iter_mut().filter_map(|(id, client)| is_gone(client).then_some(*id)).collect();
        for id in gone {
            self.lose_client(id);
        }
    }

    /// A client is gone, and with it what it wanted.
    fn lose_client(&mut self, id: u64) {
        let Some(client) = self.steps.clients.remove(&id) else { return };
        let Some(ticket) = client.ticket else { return };
        let Some(step) = self.steps.table.get_mut(&ticket) else { return };
        step.client = None;
        match &step.state {
            StepState::Asked { .. } => {
                self.outgoing.push(Report::StepGone { run: step.run, ticket });
                self.steps.table.remove(&ticket);
            }
            StepState::Live(_) => self.cut_step(ticket, crate::steps::StepCut::ClientGone),
            StepState::Over { .. } => {}
        }
    }
}

/// Said to a client whose run another launcher may have.
const NO_SUCH_RUN: &str = "no such run";
