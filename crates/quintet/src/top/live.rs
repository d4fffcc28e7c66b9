//! The loop: keys and events come in, the board changes, the screen follows. Lists are asked for only when an event says
//! that something has happened, and now and then for what has no event: why jobs wait.

use super::board::Board;
use super::keys::{self, Wish};
use super::view;
use crate::client::{Client, ClientError, Event, EventStream};
use anyhow::Context;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event;
use reqwest::Method;
use slurm_wire::job_change::KillJobsMsg;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::job_info::JobInfoResp;
use slurm_wire::node::NodesResp;
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

/// Events that come within this time are taken in together.
const TOGETHER: Duration = Duration::from_millis(200);
/// And those that come within so many times what a look at everything takes.
const DEAR: u32 = 5;
/// More jobs than this are looked at in one list rather than one by one.
const ONE_BY_ONE: usize = 16;
/// How often everything is looked at again, for reasons and priorities have no events.
const ALL_AGAIN: Duration = Duration::from_secs(30);
/// How long to wait before the service is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Runs until the person at the keyboard, or a signal, ends it; returns the exit code.
pub(super) async fn run(client: &Client, board: Board, screen: DefaultTerminal) -> anyhow::Result<ExitCode> {
    let mut live = Live { client, board, screen, last_look: Instant::now(), cost: Duration::ZERO };
    let mut keys = keyboard();
    let mut ends = Ends::new().context("listen for signals")?;
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stream = Some(EventStream::open(client).await.context("follow events")?);
    // A list of many jobs takes a moment.
    live.board.message = "asks the service for its jobs".to_owned();
    live.draw()?;
    live.look_at_all().await?;
    live.board.message.clear();
    let mut next_try = Instant::now();
    loop {
        live.draw()?;
        tokio::select! {
            key = keys.recv() => match key {
                Some(Some(key)) => if live.pressed(key).await { return Ok(ExitCode::SUCCESS) },
                // Another size: drawing again is all.
                Some(None) => {}
                None => return Ok(ExitCode::SUCCESS),
            },
            number = ends.next() => return Ok(ExitCode::from(128_u8.saturating_add(number))),
            event = next(&mut stream, next_try) => match event {
                Ok(Some(event)) => live.take_in(event, &mut stream).await,
                Ok(None) | Err(_) => {
                    stream = live.again().await;
                    next_try = Instant::now() + RETRY;
                }
            },
            _ = second.tick() => if live.last_look.elapsed() >= ALL_AGAIN { live.try_all().await },
        }
    }
}

/// Signals that end the program; as with any other, its exit code tells which.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    quit: Signal,
}

impl Ends {
    fn new() -> std::io::Result<Self> {
        Ok(Ends {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for the first of them; returns its number.
    async fn next(&mut self) -> u8 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hang_up.recv() => SignalKind::hangup(),
            _ = self.quit.recv() => SignalKind::quit(),
        };
        u8::try_from(kind.as_raw_value()).unwrap_or(0)
    }
}

/// Waits for the next event; without a stream until it is time to open one. That is a moment, not a while: whoever
/// calls begins anew whenever a second has passed.
async fn next(stream: &mut Option<EventStream>, next_try: Instant) -> Result<Option<Event>, ClientError> {
    match stream {
        Some(stream) => stream.next().await,
        None => {
            sleep_until(next_try).await;
            Ok(None)
        }
    }
}

/// Reads keys on a thread of its own, for that blocks; `None` stands for a change of size.
fn keyboard() -> mpsc::Receiver<Option<event::KeyEvent>> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        while let Ok(happened) = event::read() {
            let sent = match happened {
                event::Event::Key(key) if key.is_press() => sender.blocking_send(Some(key)),
                event::Event::Resize(..) => sender.blocking_send(None),
                _ => Ok(()),
            };
            if sent.is_err() {
                return;
            }
        }
    });
    receiver
}

struct Live<'a> {
    client: &'a Client,
    board: Board,
    screen: DefaultTerminal,
    last_look: Instant,
    /// How long the last look at everything took.
    cost: Duration,
}

impl Live<'_> {
    /// Returns the service's time, seconds since 1970.
    fn now(&self) -> u64 {
        u64::try_from(crate::client::now().seconds() + self.board.ahead).unwrap_or(0)
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        let now = self.now();
        self.screen.draw(|frame| view::draw(frame, &self.board, now)).context("draw")?;
        Ok(())
    }

    async fn look_at_all(&mut self) -> anyhow::Result<()> {
        self.last_look = Instant::now();
        let jobs =
            self.client.slurm::<JobInfoResp>(Method::GET, "/jobs/", &[], None).await.context("list jobs")?;
        let here = crate::client::now().seconds();
        let there = jobs.value.last_update.number().and_then(|at| i64::try_from(at).ok());
        self.board.ahead = there.filter(|at| *at > here).map_or(0, |at| at - here);
        self.board.replace_jobs(jobs.value.jobs.into_iter().collect());
        let nodes = self.look_at_nodes().await.context("list nodes");
        self.cost = self.last_look.elapsed();
        nodes
    }

    async fn look_at_nodes(&mut self) -> Result<(), ClientError> {
        let nodes = self.client.slurm::<NodesResp>(Method::GET, "/nodes/", &[], None).await?;
        self.board.nodes = nodes.value.nodes.into_iter().collect();
        Ok(())
    }

    async fn try_all(&mut self) {
        if let Err(error) = self.look_at_all().await {
            self.board.message = format!("{error:#}");
        }
    }

    /// Follows events again after the service has gone away.
    async fn again(&mut self) -> Option<EventStream> {
        match EventStream::open(self.client).await {
            Ok(stream) => {
                self.board.message.clear();
                self.try_all().await;
                Some(stream)
            }
            Err(error) => {
                self.board.message = format!("{error}; trying again");
                None
            }
        }
    }

    /// Takes in an event, and those that come right behind it.
    async fn take_in(&mut self, first: Event, stream: &mut Option<EventStream>) {
        let number = |event: &Event| event.array_job_id.unwrap_or(event.job_id);
        let mut jobs = BTreeSet::from([number(&first)]);
        // Where there are many jobs a look is dear, and most of the time is to be left for others.
        let until = sleep(TOGETHER.max(self.cost * DEAR));
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until => break,
                event = next(stream, Instant::now()) => match event {
                    Ok(Some(event)) => { jobs.insert(number(&event)); }
                    Ok(None) | Err(_) => { *stream = None; break }
                },
            }
        }
        if jobs.len() > ONE_BY_ONE {
            return self.try_all().await;
        }
        for job in jobs {
            // What is gone meanwhile is no mistake: it is shown no more.
            let answer =
                self.client.slurm::<JobInfoResp>(Method::GET, &format!("/job/{job}"), &[], None).await;
            self.board.replace_job(
                job,
                answer.map(|answer| answer.value.jobs.into_iter().collect()).unwrap_or_default(),
            );
        }
        if let Err(error) = self.look_at_nodes().await {
            self.board.message = error.to_string();
        }
    }

    /// Takes in a key; tells whether it was the last.
    async fn pressed(&mut self, key: event::KeyEvent) -> bool {
        let now = self.now();
        match keys::pressed(&mut self.board, key, now) {
            Wish::None => {}
            Wish::Quit => return true,
            Wish::Refresh => self.try_all().await,
            Wish::Cancel(job) => {
                let message = KillJobsMsg {
                    jobs: Some([slurm_wire::Text::from(job.to_string())].into_iter().collect()),
                    ..KillJobsMsg::default()
                };
                self.ask(Method::DELETE, "/jobs/", slurm_wire::to_json(&message), "cancelled", job).await;
            }
            Wish::Hold(job, hold) => {
                let message = JobDescMsg { hold: Some(hold), ..JobDescMsg::default() };
                let done = if hold { "held" } else { "released" };
                self.ask(Method::POST, &format!("/job/{job}"), slurm_wire::to_json(&message), done, job)
                    .await;
                // A hold changes no state, so no event tells of it.
                self.try_all().await;
            }
        }
        false
    }

    async fn ask(&mut self, method: Method, path: &str, body: Vec<u8>, done: &str, job: u32) {
        let answer =
            self.client.slurm::<slurm_wire::job_change::KillJobsResp>(method, path, &[], Some(body)).await;
        let refusal = match &answer {
            Ok(answer) => answer
                .value
                .status
                .iter()
                .find(|status| status.error.code != 0)
                .map(|status| status.error.string.to_string()),
            Err(error) => Some(error.to_string()),
        };
        self.board.message = match refusal {
            Some(why) => format!("job {job} cannot be {done}: {why}"),
            None => format!("job {job} {done}"),
        };
    }
}
