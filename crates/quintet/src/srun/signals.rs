//! The signals that srun takes: what each of them asks for is decided where it is known how the step stands.

use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) const SIGHUP: i32 = 1;
pub(super) const SIGINT: i32 = 2;
pub(super) const SIGQUIT: i32 = 3;
pub(super) const SIGTERM: i32 = 15;
pub(super) const SIGCONT: i32 = 18;

/// A signal that this process was given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given {
    /// Ctrl-C.
    Interrupt,
    /// The request to end.
    Terminate,
    /// The terminal has gone.
    HangUp,
    /// Ctrl-\\.
    Quit,
    /// It was stopped and goes on.
    GoOn,
    /// The terminal has another size.
    Resized,
    /// One that is the tasks'.
    Other(i32),
}

impl Given {
    /// Returns its number, of those that are anything to the tasks.
    pub(super) fn number(self) -> Option<i32> {
        match self {
            Given::Interrupt => Some(SIGINT),
            Given::Terminate => Some(SIGTERM),
            Given::HangUp => Some(SIGHUP),
            Given::Quit => Some(SIGQUIT),
            Given::Other(number) => Some(number),
            Given::Resized | Given::GoOn => None,
        }
    }
}

/// The signals that are taken.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    quit: Signal,
    go_on: Signal,
    first: Signal,
    second: Signal,
    resized: Signal,
}

impl Signals {
    /// Begins to take signals, which end this process no longer.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            go_on: signal(SignalKind::from_raw(SIGCONT))?,
            first: signal(SignalKind::user_defined1())?,
            second: signal(SignalKind::user_defined2())?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// Waits for the next.
    pub(super) async fn next(&mut self) -> Given {
        tokio::select! {
            _ = self.interrupt.recv() => Given::Interrupt,
            _ = self.terminate.recv() => Given::Terminate,
            _ = self.hang_up.recv() => Given::HangUp,
            _ = self.quit.recv() => Given::Quit,
            _ = self.go_on.recv() => Given::GoOn,
            _ = self.first.recv() => Given::Other(SignalKind::user_defined1().as_raw_value()),
            _ = self.second.recv() => Given::Other(SignalKind::user_defined2().as_raw_value()),
            _ = self.resized.recv() => Given::Resized,
        }
    }
}
