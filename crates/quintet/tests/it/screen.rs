//! A terminal with somebody in front of it: a command runs in it, keys are typed, and what the screen shows is read.

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use vt100::Parser;

const PATIENCE: Duration = Duration::from_secs(30);

/// A command at a terminal of its own. Dropping it ends the command.
pub(crate) struct Screen {
    child: Child,
    ours: File,
    /// Kept open, so that the terminal outlives the command and can be looked at afterwards.
    theirs: OwnedFd,
    before: String,
    parser: Arc<Mutex<Parser>>,
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// The settings of a terminal, to be compared.
fn settings(terminal: &OwnedFd) -> String {
    let Termios { input_modes, output_modes, control_modes, local_modes, .. } = tcgetattr(terminal).unwrap();
    format!("{input_modes:?} {output_modes:?} {control_modes:?} {local_modes:?}")
}

impl Screen {
    /// Starts a command at a terminal of this size.
    pub(crate) fn of(command: &Command, columns: u16, rows: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
        tcsetwinsize(&ours, size(columns, rows)).unwrap();
        let before = settings(&theirs);
        // `setsid` makes it the terminal of the session, so that a change of its size is told.
        let mut session = Command::new("setsid");
        session
            .arg("--ctty")
            .arg(command.get_program())
            .args(command.get_args())
            .env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => session.env(name, value),
                None => session.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            session.current_dir(folder);
        }
        let copy = || theirs.try_clone().unwrap();
        let child = session.stdin(copy()).stdout(copy()).stderr(copy()).spawn().unwrap();
        let cells = |count| NonZeroU16::new(count).unwrap();
        let parser = Arc::new(Mutex::new(Parser::new(cells(rows), cells(columns), 0)));
        let (shown, mut source) = (Arc::clone(&parser), File::from(ours.try_clone().unwrap()));
        std::thread::spawn(move || {
            let mut piece = [0; 16 << 10];
            while let Ok(count @ 1..) = source.read(&mut piece) {
                shown.lock().unwrap().process(&piece[..count]);
            }
        });
        Screen { child, ours: File::from(ours), theirs, before, parser }
    }

    /// What is on the screen, line by line.
    pub(crate) fn lines(&self) -> Vec<String> {
        let parser = self.parser.lock().unwrap();
        let (_, columns) = parser.screen().size();
        parser.screen().rows(0, columns.get()).collect()
    }

    /// Waits until the screen shows something.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let lines = self.lines();
            if holds(&lines) {
                return lines;
            }
            assert!(Instant::now() < end, "waited in vain: {what}\n{}", lines.join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until some line of the screen has this in it.
    pub(crate) fn shows(&self, text: &str) -> Vec<String> {
        self.until(text, |lines| lines.iter().any(|line| line.contains(text)))
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the terminal larger or smaller.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let cells = |count| NonZeroU16::new(count).unwrap();
        self.parser.lock().unwrap().screen_mut().set_size(cells(rows), cells(columns));
        tcsetwinsize(&self.ours, size(columns, rows)).unwrap();
    }

    /// Sends the command a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end of the command; returns its exit code. The terminal must be as it was before.
    pub(crate) fn end(mut self) -> i32 {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let is_as_before =
            |parser: &Parser| !parser.screen().alternate_screen() && !parser.screen().hide_cursor();
        let end = Instant::now() + PATIENCE;
        while !is_as_before(&self.parser.lock().unwrap()) {
            assert!(Instant::now() < end, "the screen is not what it was:\n{}", self.lines().join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(settings(&self.theirs), self.before);
        code
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
