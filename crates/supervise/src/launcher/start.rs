//! Starting a run: script, control group, fork; then what the child says through its pipe.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, pipe_with};

use super::child::{FAILURE_BYTES, Surroundings, read_failure};
use super::cradle::{Cradle, Occupant};
use super::hook::Around;
use super::journal::{Record, Start, StartLine, booted_for};
use super::plan::Plan;
use super::runs::{Closing, Outcome, Run, State};
use super::serve::Launcher;
use super::tree::MARK;
use crate::cgroup::{Doors, Hierarchy, RunFolder};
use crate::launch::{Launch, Script};
use crate::private;
use crate::report::{Report, StartFailure, Step};
use crate::run::{RunId, UnixMicros};
use crate::wire::Whom;

/// For how long nobody asks whether a program has begun. Of one that is over sooner, beginning and end are told together,
/// which saves launcher and server a wakeup each.
const UNHEARD: Duration = Duration::from_millis(3);

/// What a launch has made before its process.
#[derive(Default)]
struct Made {
    folder: Option<RunFolder>,
    script: bool,
    script_folder: bool,
}

impl Made {
    /// The doors of the control groups.
    fn doors(&self) -> Doors {
        self.folder.as_ref().map(RunFolder::doors).unwrap_or_default()
    }
}

impl Launcher {
    /// Starts a run that is not known yet; of a known one, repeats what was reported.
    pub(super) fn launch(&mut self, mut launch: Launch) {
        if let Some(known) = self.runs.by_id.get(&launch.run) {
            self.outgoing.extend(known.found().reports());
            return;
        }
        launch.env.extend(self.step_variables(launch.run));
        if launch.has_surroundings() {
            self.launch_with_surroundings(launch);
        } else {
            self.begin(launch, None, Vec::new());
        }
    }

    /// Notes a run that cannot even be tried.
    pub(super) fn refuse(&mut self, id: RunId, failure: StartFailure) {
        self.runs.unsettled.push(id);
        self.runs.insert(Run {
            id,
            folder: None,
            state: State::Closing(Closing::new(Outcome::Failed(failure))),
            stopped: false,
            is_child: true,
            owner: 0,
            early_signals: Vec::new(),
            start: None,
            around: None,
        });
    }

    /// Makes what the program needs and starts it.
    pub(super) fn begin(
        &mut self,
        launch: Launch,
        around: Option<Box<Around>>,
        early_signals: Vec<(i32, Whom)>,
    ) {
        if launch.held {
            return self.hold(&launch, around, early_signals);
        }
        let mut made = Made::default();
        let (start, state) = match self.prepare(&launch, &mut made) {
            Ok((start, state)) => (Some(start), state),
            // Nothing of it is left to be known by, so what was made goes at once.
            Err(failure) => {
                self.unmake(&launch, &mut made);
                (None, State::Closing(Closing::new(Outcome::Failed(failure))))
            }
        };
        let run = Run {
            id: launch.run,
            folder: made.folder,
            state,
            stopped: false,
            is_child: true,
            owner: owner_of(&launch),
            early_signals,
            start,
            around,
        };
        match &run.start {
            Some(start) => {
                self.runs.by_pid.insert(start.pid, launch.run);
                self.runs.starting.push(launch.run);
                self.journal.grew();
                if let Some(energy) = &mut self.energy {
                    energy.begin(launch.run);
                }
            }
            None => self.runs.unsettled.push(launch.run),
        }
        self.runs.insert(run);
    }

    /// Makes a place for steps: all of a run but its program. It runs until it is killed.
    fn hold(&mut self, launch: &Launch, around: Option<Box<Around>>, early_signals: Vec<(i32, Whom)>) {
        let mut made = Made::default();
        let result = self.make(launch, &mut made);
        let start = Start {
            pid: 0,
            booted_for: booted_for(),
            at: UnixMicros::now(),
            trees: made.folder.as_ref().map_or(0, RunFolder::trees),
            script: None,
            made_folder: false,
            owner: owner_of(launch),
        };
        let state = match result {
            Ok(()) => State::Running { watch: None },
            Err(failure) => {
                self.unmake(launch, &mut made);
                State::Closing(Closing::new(Outcome::Failed(failure)))
            }
        };
        let lives = matches!(state, State::Running { .. });
        if lives {
            self.journal.add(&Record::Started { run: launch.run, start: start.clone() });
            self.outgoing.push(Report::Started { run: launch.run, pid: 0, at: start.at });
        } else {
            self.runs.unsettled.push(launch.run);
        }
        self.runs.insert(Run {
            id: launch.run,
            folder: made.folder,
            state,
            stopped: false,
            is_child: true,
            owner: start.owner,
            early_signals: Vec::new(),
            start: lives.then_some(start),
            around,
        });
        for (signal, whom) in early_signals {
            self.signal(launch.run, signal, whom);
        }
    }

    /// Makes what a program needs before its process: script, folders, control group.
    fn make(&self, launch: &Launch, made: &mut Made) -> Result<(), StartFailure> {
        let failed = |step| move |error: io::Error| StartFailure { step, errno: errno_of(&error) };
        let owner = launch.user.as_ref().map(|user| (user.uid, user.gid));
        if let Some(script) = &launch.script {
            made.script_folder = write_script(script, owner).map_err(failed(Step::Script))?;
            made.script = true;
        }
        if let Some(private) = &launch.private {
            private::make(private, owner).map_err(failed(Step::Private))?;
        }
        made.folder = make_group(&self.hierarchy, launch).map_err(failed(Step::Cgroup))?;
        Ok(())
    }

    fn prepare(&self, launch: &Launch, made: &mut Made) -> Result<(Start, State), StartFailure> {
        let failed = |step| move |error: io::Error| StartFailure { step, errno: errno_of(&error) };
        // Looks for mistakes in the request before anything is made.
        let mut plan = Plan::new(launch, None, self.journal.descriptor(), self.file_limit)?;
        self.make(launch, made)?;
        let mut start = Start {
            pid: 0,
            booted_for: 0,
            at: UnixMicros::now(),
            trees: made.folder.as_ref().map_or(0, RunFolder::trees),
            script: launch.script.as_ref().map(|script| script.path.clone()),
            made_folder: made.script_folder,
            owner: owner_of(launch),
        };
        plan.start_line = Some(StartLine::new(launch.run, &start));
        plan.doors = made.doors();
        let may_share = self.nursery.may_share(launch);
        let (pid, failures, cradle) = self.bear(plan, may_share).map_err(failed(Step::Fork))?;
        start.pid = pid;
        start.booted_for = booted_for();
        Ok((start, State::Starting { failures, heard_from: Instant::now() + UNHEARD, cradle }))
    }

    /// Removes what was made for a program that will not be reached.
    fn unmake(&self, launch: &Launch, made: &mut Made) {
        if let Some(folder) = made.folder.take() {
            folder.remove();
        }
        if let Some(script) = launch.script.as_ref().filter(|_| std::mem::take(&mut made.script)) {
            remove_script(&script.path, made.script_folder);
        }
    }

    /// Makes the process in a copy of this one; the descriptor tells when it reaches its program, or why it does not.
    pub(super) fn fork(&self, plan: &mut Plan) -> io::Result<(u32, OwnedFd)> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // SAFETY: the launcher has one thread.
        let pid = unsafe { self.nursery.copy(plan, &self.surroundings(&writer)) }?;
        Ok((pid, reader))
    }

    /// Makes the process in this one's memory if that may be, else in a copy.
    fn bear(&self, plan: Plan, may_share: bool) -> io::Result<(u32, OwnedFd, Option<Cradle>)> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let mut occupant = Box::new(Occupant { plan, around: self.surroundings(&writer) });
        if may_share {
            match self.nursery.share(occupant) {
                Ok((pid, cradle)) => return Ok((pid, reader, Some(cradle))),
                Err(unborn) => occupant = unborn,
            }
        }
        // SAFETY: the launcher has one thread.
        let pid = unsafe { self.nursery.copy(&mut occupant.plan, &occupant.around) }?;
        Ok((pid, reader, None))
    }

    fn surroundings(&self, failures: &OwnedFd) -> Surroundings {
        Surroundings {
            failures: failures.as_raw_fd(),
            launcher: std::process::id() as libc::pid_t,
            ignored: Rc::clone(&self.ignored_signals),
        }
    }

    /// Reads what the child said; does nothing while it says nothing.
    pub(super) fn hear_start(&mut self, id: RunId) {
        let Some(run) = self.runs.by_id.get_mut(&id) else { return };
        let State::Starting { failures, cradle, .. } = &mut run.state else { return };
        let mut bytes = [0; FAILURE_BYTES];
        let heard = match rustix::io::read(&*failures, &mut bytes) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return,
            // The pipe closed with the program's beginning (or with a killed child, whose end will be told).
            Ok(0) => None,
            // Fewer bytes than one failure are never in a pipe.
            Ok(_) => {
                Some(read_failure(&bytes).unwrap_or(StartFailure { step: Step::Fork, errno: libc::EIO }))
            }
            Err(errno) => Some(StartFailure { step: Step::Fork, errno: errno.raw_os_error() }),
        };
        let cradle = cradle.take();
        self.runs.starting.retain(|starting| *starting != id);
        match (heard, &run.start) {
            (Some(failure), _) => run.state = State::Failing { failure, cradle },
            (None, start) => {
                if let Some(cradle) = cradle {
                    // SAFETY: the pipe closes after the child has left this memory, whether for its program or for good.
                    unsafe { cradle.vacated() };
                }
                if let Some(start) = start {
                    self.outgoing.push(Report::Started { run: id, pid: start.pid, at: start.at });
                }
                run.state = State::Running { watch: None };
                for (signal, whom) in std::mem::take(&mut run.early_signals) {
                    self.signal(id, signal, whom);
                }
            }
        }
    }

    /// The value that marks processes of a run.
    pub(super) fn mark_value(&self, run: RunId) -> String {
        format!("{}/{run}", self.instance)
    }

    /// The whole assignment that marks processes of a run.
    pub(super) fn mark(&self, run: RunId) -> String {
        format!("{MARK}={}", self.mark_value(run))
    }
}

/// Whose a run will be.
pub(super) fn owner_of(launch: &Launch) -> u32 {
    launch.user.as_ref().map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.uid)
}

impl Step {
    /// Makes a failure of this step.
    pub(super) fn failed(self, error: &io::Error) -> StartFailure {
        StartFailure { step: self, errno: errno_of(error) }
    }
}

fn errno_of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(match error.kind() {
        io::ErrorKind::NotFound => libc::ENOENT,
        _ => libc::EIO,
    })
}

fn make_group(hierarchy: &Hierarchy, launch: &Launch) -> io::Result<Option<RunFolder>> {
    RunFolder::create(hierarchy, launch.run, &launch.limits)
}

/// Writes the script for its user; says whether its folder was made for it.
fn write_script(script: &Script, owner: Option<(u32, u32)>) -> io::Result<bool> {
    let folder = script.path.parent().ok_or(io::ErrorKind::NotFound)?;
    let made = make_passage(folder)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o700).custom_flags(libc::O_NOFOLLOW);
    let opened = options.open(&script.path).or_else(|error| match error.kind() {
        // One left over from an attempt that was not written down.
        io::ErrorKind::AlreadyExists => {
            fs::remove_file(&script.path).and_then(|()| options.open(&script.path))
        }
        _ => Err(error),
    });
    let written = opened.and_then(|mut file| {
        file.write_all(&script.content)?;
        match owner.filter(|_| rustix::process::geteuid().is_root()) {
            Some((uid, gid)) => fchown(&file, Some(uid), Some(gid)),
            None => Ok(()),
        }
    });
    if written.is_err() {
        remove_script(&script.path, made);
    }
    written.map(|()| made)
}

/// Makes a folder and those above it, so that everybody can pass through to what they know the name of. Says whether it
/// was missing.
fn make_passage(folder: &Path) -> io::Result<bool> {
    match (fs::create_dir(folder), folder.parent()) {
        (Err(error), Some(above)) if error.kind() == io::ErrorKind::NotFound => {
            make_passage(above)?;
            open_passage(folder, fs::create_dir(folder))
        }
        (made, _) => open_passage(folder, made),
    }
}

fn open_passage(folder: &Path, made: io::Result<()>) -> io::Result<bool> {
    match made {
        // The launcher's mask takes away the others' right to pass.
        Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).map(|()| true),
        // There for another script, or another launcher was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a script, and its folder if that was made for it.
pub(super) fn remove_script(path: &Path, with_folder: bool) {
    let _ = fs::remove_file(path);
    if let Some(folder) = path.parent().filter(|_| with_folder) {
        let _ = fs::remove_dir(folder);
    }
}

/// Empties a descriptor that only says that there is something to look at.
pub(super) fn drain(mut descriptor: impl Read) {
    let mut bytes = [0; 1024];
    while descriptor.read(&mut bytes).is_ok_and(|count| count > 0) {}
}
