//! Drives many keep-alive connections from one thread, so that the driver takes little of the machine it measures.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{Timespec, epoll};

use crate::sample::Sample;
use crate::wire::{Answer, SCRAP};

/// How long nothing may happen before a run is given up.
const STALL: Duration = Duration::from_secs(300);

/// What to send, over how many connections, and how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    /// The time from one request to the next on a connection; none sends as soon as the answer is there.
    pub(crate) pace: Option<Duration>,
    /// How much of every body is kept for whoever looks at the answers.
    pub(crate) keep: usize,
}

impl Plan {
    /// Sends as fast as answers come.
    pub(crate) fn closed(connections: usize, requests: usize) -> Self {
        Self { connections, requests, pace: None, keep: SCRAP }
    }

    /// Keeps whole bodies.
    pub(crate) fn keeping_all(self) -> Self {
        Self { keep: usize::MAX, ..self }
    }
}

struct Connection {
    stream: TcpStream,
    answer: Answer,
    sent: Instant,
    /// When the next request is due; only with a pace.
    due: Instant,
    is_waiting: bool,
    has_begun: bool,
}

/// Plays the plan: `write` puts the request with the given number into the buffer, `look` sees every answer.
pub(crate) fn drive(
    address: SocketAddr,
    plan: Plan,
    mut write: impl FnMut(usize, &mut Vec<u8>),
    mut look: impl FnMut(&Answer),
) -> Result<Sample> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut connections = Vec::with_capacity(plan.connections);
    for index in 0..plan.connections {
        let connection = open(address, plan.keep)?;
        epoll::add(
            &poll,
            &connection.stream,
            epoll::EventData::new_u64(index as u64),
            epoll::EventFlags::IN,
        )?;
        connections.push(connection);
    }
    let mut sample = Sample::with_room_for(plan.requests);
    let began = Instant::now();
    for (index, connection) in connections.iter_mut().enumerate() {
        // Paced connections start spread over their interval, as independent clients would.
        let share = u32::try_from(index)?;
        connection.due = began + plan.pace.unwrap_or_default() * share / u32::try_from(plan.connections)?;
    }
    let mut request = Vec::new();
    let mut next = 0;
    let mut send = |connection: &mut Connection, next: &mut usize| -> Result<()> {
        request.clear();
        write(*next, &mut request);
        *next += 1;
        connection.send(&request)
    };
    if plan.pace.is_none() {
        for connection in connections.iter_mut().take(plan.requests) {
            send(connection, &mut next)?;
        }
    }
    let mut buffer = vec![0; 256 << 10];
    let mut events = Vec::with_capacity(1024);
    let mut last_progress = Instant::now();
    while sample.count() < plan.requests {
        let patience = plan.pace.map_or(STALL, |_| Duration::from_millis(1));
        let timeout =
            Timespec { tv_sec: i64::try_from(patience.as_secs())?, tv_nsec: patience.subsec_nanos().into() };
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&timeout))?;
        for event in &events {
            let connection =
                usize::try_from(event.data.u64()).ok().and_then(|index| connections.get_mut(index));
            let connection = connection.context("an event of no connection")?;
            if !connection.receive(&mut buffer, &mut sample)? {
                continue;
            }
            last_progress = Instant::now();
            look(&connection.answer);
            if connection.answer.closes && sample.count() < plan.requests {
                let index = event.data;
                epoll::delete(&poll, &connection.stream)?;
                let due = connection.due;
                *connection = open(address, plan.keep)?;
                connection.due = due;
                epoll::add(&poll, &connection.stream, index, epoll::EventFlags::IN)?;
            }
            if plan.pace.is_none() && next < plan.requests {
                send(connection, &mut next)?;
            }
        }
        if let Some(pace) = plan.pace {
            let now = Instant::now();
            for connection in
                connections.iter_mut().filter(|connection| !connection.is_waiting && connection.due <= now)
            {
                if next < plan.requests {
                    // Time spent in our own queue counts: the client wanted its answer from `due` on.
                    send(connection, &mut next)?;
                    connection.sent = connection.due;
                    connection.due += pace;
                }
            }
        }
        if last_progress.elapsed() > STALL {
            bail!("no answer for {} s after {} of {}", STALL.as_secs(), sample.count(), plan.requests);
        }
    }
    sample.elapsed = began.elapsed();
    Ok(sample)
}

/// Sends a request once; returns status and body.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> Result<(u16, Vec<u8>)> {
    let mut answered = (0, Vec::new());
    drive(
        address,
        Plan::closed(1, 1).keeping_all(),
        |_, into| into.extend_from_slice(request),
        |answer| answered = (answer.status, answer.body.clone()),
    )?;
    Ok(answered)
}

fn open(address: SocketAddr, keep: usize) -> Result<Connection> {
    let stream = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut answer = Answer::expected();
    answer.keep = keep;
    let now = Instant::now();
    Ok(Connection { stream, answer, sent: now, due: now, is_waiting: false, has_begun: false })
}

impl Connection {
    fn send(&mut self, mut request: &[u8]) -> Result<()> {
        self.answer.reset();
        (self.is_waiting, self.has_begun) = (true, false);
        self.sent = Instant::now();
        while !request.is_empty() {
            match self.stream.write(request) {
                Ok(count) => request = &request[count..],
                // Requests are small; a full socket buffer is rare enough to wait in place.
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) => return Err(error).context("send"),
            }
        }
        Ok(())
    }

    /// Reads what has come; returns whether that completed an answer, which is then in the sample.
    fn receive(&mut self, buffer: &mut [u8], sample: &mut Sample) -> Result<bool> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error).context("receive"),
            };
            let is_complete =
                if count == 0 { self.answer.ended() } else { self.answer.take(&buffer[..count])? };
            if count == 0 && !is_complete {
                bail!("the server closed a connection instead of answering");
            }
            if !self.has_begun && count > 0 {
                self.has_begun = true;
                sample.first_byte(self.sent.elapsed());
            }
            if is_complete {
                self.is_waiting = false;
                sample.add(self.sent.elapsed(), self.answer.status, self.answer.size);
                return Ok(true);
            }
            // A short read emptied the socket: asking again would only cost a system call.
            if count < buffer.len() {
                return Ok(false);
            }
        }
    }
}
