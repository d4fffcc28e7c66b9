//! Programs of the administrator around a run: before it, at its program's side, after it. They run one after the
//! other; the launcher never waits for one, it hears of their ends as it hears of those of runs.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::journal::Record;
use super::plan::Plan;
use super::runs::{Closing, Outcome, Run, State};
use super::serve::Launcher;
use super::start::owner_of;
use crate::cgroup::Doors;
use crate::launch::{Hook, Hooks, Launch, Limits, Stream, Told};
use crate::private;
use crate::proc;
use crate::report::{FoundState, StartFailure, Status, Step};
use crate::run::RunId;
use crate::wire::{Code, Reader};

/// The variable that marks the processes of hooks, so that those of a launcher that died are found.
const MARK: &str = "QUINTET_HOOK";
/// The beginning of the names of files that remember what is to be done after a run.
const FILE: &str = "after-";

/// What is to be done after a run, whoever is the launcher then.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct After {
    pub(crate) hooks: Vec<Hook>,
    /// Folders to remove with all that is in them.
    pub(crate) remove: Vec<PathBuf>,
    /// What the hooks are told of the run.
    pub(crate) told: Told,
}

impl After {
    fn of(launch: &Launch) -> Self {
        let hooks = launch.hooks.as_deref().cloned().unwrap_or_default();
        let remove = launch.private.as_ref().filter(|private| !private.lasting);
        let remove = remove.map(private::folders).unwrap_or_default();
        Self { hooks: hooks.after, remove, told: hooks.told }
    }

    fn is_empty(&self) -> bool {
        self.hooks.is_empty() && self.remove.is_empty()
    }
}

/// What goes on around a run.
#[derive(Default)]
pub(super) struct Around {
    after: After,
    /// The hook at the program's side after it, as a launch of its own.
    task_after: Option<Box<Launch>>,
}

/// A run that waits for a hook.
pub(super) struct Waiting {
    process: Process,
    stage: Stage,
    /// Nobody wants the run any more.
    cancelled: bool,
    overdue: bool,
}

/// Where in the life of a run a hook is running.
enum Stage {
    Before { launch: Box<Launch>, at: usize },
    TaskAfter { outcome: Outcome },
    After { end: FoundState, at: usize },
    Removal { end: FoundState },
}

/// The process of a hook.
struct Process {
    pid: u32,
    // The hook writes here if it cannot be executed; its end says as much.
    _failures: Option<OwnedFd>,
    deadline: Option<Instant>,
}

impl Waiting {
    /// The end of the run, if it is settled already.
    pub(super) fn end(&self) -> Option<&FoundState> {
        match &self.stage {
            Stage::After { end, .. } | Stage::Removal { end } => Some(end),
            _ => None,
        }
    }

    /// When it will have taken too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.process.deadline.filter(|_| !self.overdue)
    }

    /// Has the run launched with these limits, if it is not launched yet.
    pub(super) fn narrow(&mut self, limits: &Limits) {
        if let Stage::Before { launch, .. } = &mut self.stage {
            launch.limits = limits.clone();
        }
    }

    fn kill(&self) {
        // SAFETY: kill takes no pointers. The process has not been waited for, so the group is its own.
        unsafe { libc::kill(-(self.process.pid as libc::pid_t), libc::SIGKILL) };
    }
}

impl Launcher {
    /// Begins a run that has something around it.
    pub(super) fn launch_with_surroundings(&mut self, launch: Launch) {
        let id = launch.run;
        let after = After::of(&launch);
        if !after.is_empty()
            && let Err(error) = self.remember_after(id, &after)
        {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            return self.refuse(id, StartFailure { step: Step::Journal, errno });
        }
        let run = Run {
            id,
            folder: None,
            state: State::Running { watch: None },
            stopped: false,
            is_child: true,
            owner: owner_of(&launch),
            early_signals: Vec::new(),
            start: None,
            around: Some(Box::new(Around { after, task_after: None })),
        };
        self.runs.insert(run);
        self.next_before(Box::new(launch), 0);
    }

    /// Runs the next hook before the run; after the last, the run itself begins.
    fn next_before(&mut self, launch: Box<Launch>, at: usize) {
        let hooks = launch.hooks.as_deref();
        let Some(hook) = hooks.and_then(|hooks| hooks.before.get(at)) else { return self.go_on(*launch) };
        let id = launch.run;
        match self.start_hook(&outer(id, hook), hook, &Doors::default()) {
            Ok(process) => self.wait_for(id, process, Stage::Before { launch, at }),
            Err(errno) => self.give_up(id, StartFailure { step: Step::Prolog, errno }),
        }
    }

    /// Starts the program itself.
    fn go_on(&mut self, launch: Launch) {
        let Some(run) = self.runs.take(launch.run) else { return };
        let mut around = run.around.unwrap_or_default();
        let task_after = launch.hooks.as_ref().and_then(|hooks| hooks.task_after.clone());
        around.task_after = task_after.map(|hook| {
            let mut beside = inner(&launch, &hook);
            beside.stdout = match &launch.stdout {
                Stream::Truncate(path) => Stream::Append(path.clone()),
                stream => stream.clone(),
            };
            beside.stderr = Stream::SameAsStdout;
            // Told by the one hook that it has.
            let told = launch.hooks.as_ref().map(|hooks| hooks.told.clone()).unwrap_or_default();
            beside.hooks = Some(Box::new(Hooks { task_after: Some(hook), told, ..Hooks::default() }));
            Box::new(beside)
        });
        self.begin(launch, Some(around), run.early_signals);
    }

    /// Ends a run whose program will not be reached.
    fn give_up(&mut self, id: RunId, failure: StartFailure) {
        let Some(run) = self.runs.by_id.get_mut(&id) else { return };
        run.state = State::Closing(Closing::new(Outcome::Failed(failure)));
        self.runs.unsettled.push(id);
    }

    /// Runs the hook at the program's side after it, if there is one that has not run yet. Says whether.
    pub(super) fn runs_task_after(&mut self, id: RunId, outcome: Outcome) -> bool {
        let Some(run) = self.runs.by_id.get_mut(&id) else { return false };
        if !matches!(outcome, Outcome::Ended { .. }) {
            return false;
        }
        let Some(mut beside) = run.around.as_mut().and_then(|around| around.task_after.take()) else {
            return false;
        };
        let doors = run.folder.as_ref().map(|folder| folder.doors()).unwrap_or_default();
        let pid = run.start.as_ref().map_or(0, |start| start.pid);
        let Some(Hooks { task_after: Some(hook), told, .. }) = beside.hooks.take().map(|hooks| *hooks) else {
            return false;
        };
        if !told.pid.is_empty() {
            beside.env.push((told.pid, pid.to_string().into()));
        }
        match self.start_hook(&beside, &hook, &doors) {
            Ok(process) => {
                self.wait_for(id, process, Stage::TaskAfter { outcome });
                true
            }
            // Only the run's own beginning depends on hooks at its side.
            Err(_) => false,
        }
    }

    /// Runs the next hook after the run; after the last, removes its folders.
    pub(super) fn next_after(&mut self, id: RunId, mut end: FoundState, at: usize) {
        if at == 0 {
            // A successor shall know how the run ended, whatever happens to the hooks.
            self.journal.add(&Record::Over { run: id, end: end.clone() });
        }
        let Some(run) = self.runs.by_id.get(&id) else { return };
        let Some(around) = &run.around else { return self.over(id, end) };
        if let Some(mut hook) = around.after.hooks.get(at).cloned() {
            hook.env.extend(told_after(&around.after.told, &end, self.steps.worst_of(id)));
            match self.start_hook(&outer(id, &hook), &hook, &Doors::default()) {
                Ok(process) => self.wait_for(id, process, Stage::After { end, at }),
                Err(_) => {
                    note_failure(&mut end);
                    self.next_after(id, end, at + 1);
                }
            }
            return;
        }
        let folders = around.after.remove.clone();
        match (folders.is_empty(), private::remove_in_child(&folders)) {
            (false, Ok(pid)) => {
                let process = Process { pid, _failures: None, deadline: None };
                self.wait_for(id, process, Stage::Removal { end });
            }
            _ => self.over_with_hooks(id, end),
        }
    }

    fn over_with_hooks(&mut self, id: RunId, end: FoundState) {
        let _ = fs::remove_file(self.file_of(id));
        if let Some(run) = self.runs.by_id.get_mut(&id) {
            run.around = None;
        }
        self.over(id, end);
    }

    fn wait_for(&mut self, id: RunId, process: Process, stage: Stage) {
        self.runs.by_hook.insert(process.pid, id);
        self.runs.hooked.push(id);
        if let Some(run) = self.runs.by_id.get_mut(&id) {
            let waiting = Waiting { process, stage, cancelled: false, overdue: false };
            run.state = State::Hooked(Box::new(waiting));
        }
    }

    /// The process of a hook has ended.
    pub(super) fn hook_ended(&mut self, id: RunId, status: Status) {
        self.runs.hooked.retain(|hooked| *hooked != id);
        let Some(run) = self.runs.by_id.get_mut(&id) else { return };
        let waiting = match std::mem::replace(&mut run.state, State::Running { watch: None }) {
            State::Hooked(waiting) => *waiting,
            other => {
                run.state = other;
                return;
            }
        };
        let Waiting { stage, cancelled, overdue, .. } = waiting;
        let errno = match status {
            _ if cancelled => libc::ECANCELED,
            _ if overdue => libc::ETIMEDOUT,
            Status::Exited(0) => 0,
            // The hook's own refusal; no errno of the kernel's says that.
            _ => libc::EREMOTEIO,
        };
        match stage {
            Stage::Before { launch, at } if errno == 0 => self.next_before(launch, at + 1),
            Stage::Before { .. } => self.give_up(id, StartFailure { step: Step::Prolog, errno }),
            Stage::TaskAfter { outcome } => self.close(id, outcome),
            Stage::After { mut end, at } => {
                if errno != 0 {
                    note_failure(&mut end);
                }
                self.next_after(id, end, at + 1);
            }
            Stage::Removal { end } => self.over_with_hooks(id, end),
        }
    }

    /// Kills the hook that a run waits for, unless the run is over but for its hooks. Says whether it waits for one.
    pub(super) fn cancels_hook(&mut self, id: RunId) -> bool {
        let Some(State::Hooked(waiting)) = self.runs.by_id.get_mut(&id).map(|run| &mut run.state) else {
            return false;
        };
        if waiting.end().is_none() {
            waiting.cancelled = true;
            waiting.kill();
        }
        true
    }

    /// Kills hooks that take too long.
    pub(super) fn hurry_hooks(&mut self) {
        let now = Instant::now();
        for id in &self.runs.hooked {
            if let Some(State::Hooked(waiting)) = self.runs.by_id.get_mut(id).map(|run| &mut run.state)
                && waiting.deadline().is_some_and(|deadline| deadline <= now)
            {
                waiting.overdue = true;
                waiting.kill();
            }
        }
    }

    fn start_hook(&self, launch: &Launch, hook: &Hook, doors: &Doors) -> Result<Process, i32> {
        let mut launch = launch.clone();
        launch.env.push((MARK.into(), self.mark_value(launch.run).into()));
        let mut plan = Plan::new(&launch, None, self.journal.descriptor(), self.file_limit)
            .map_err(|failure| failure.errno)?;
        plan.doors = doors.clone();
        let (pid, failures) =
            self.fork(&mut plan).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
        let deadline = hook.timeout.map(|timeout| Instant::now() + timeout);
        Ok(Process { pid, _failures: Some(failures), deadline })
    }

    fn file_of(&self, id: RunId) -> PathBuf {
        slot_folder(&self.options.dir, self.options.slot).join(format!("{FILE}{id}"))
    }

    fn remember_after(&self, id: RunId, after: &After) -> io::Result<()> {
        let mut bytes = Vec::new();
        after.put(&mut bytes);
        let path = self.file_of(id);
        let mut options = OpenOptions::new();
        let written = options.create(true).write(true).truncate(true).mode(0o600).open(&path);
        written.and_then(|mut file| file.write_all(&bytes)).inspect_err(|_| drop(fs::remove_file(&path)))
    }

    /// Reads what earlier launchers still had to do after their runs, and ends the hooks that they left running.
    pub(super) fn recall_after(&self) -> HashMap<RunId, Box<Around>> {
        let mut found = HashMap::new();
        let Ok(entries) = fs::read_dir(slot_folder(&self.options.dir, self.options.slot)) else {
            return found;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(id) = name.strip_prefix(FILE).and_then(|id| id.parse::<RunId>().ok()) else { continue };
            let bytes = fs::read(&path).unwrap_or_default();
            match Reader::whole::<After>(&bytes) {
                Some(after) => drop(found.insert(id, Box::new(Around { after, task_after: None }))),
                // Torn before its run could begin.
                None => drop(fs::remove_file(&path)),
            }
        }
        if !found.is_empty() {
            self.end_hooks_of(&found);
        }
        found
    }

    fn end_hooks_of(&self, runs: &HashMap<RunId, Box<Around>>) {
        let marks: Vec<String> = runs.keys().map(|id| format!("{MARK}={}", self.mark_value(*id))).collect();
        for pid in proc::all() {
            if marks.iter().any(|mark| proc::has_variable(pid, mark.as_bytes())) {
                // SAFETY: kill takes no pointers; the process carries the mark of a hook of ours.
                unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
            }
        }
    }

    /// Takes over runs whose launcher died before it could write down that they began.
    pub(super) fn adopt_unbegun(&mut self, rest: HashMap<RunId, Box<Around>>) {
        for (id, around) in rest {
            let run = Run {
                id,
                folder: crate::cgroup::RunFolder::existing(&self.hierarchy, id),
                state: State::Running { watch: None },
                stopped: false,
                is_child: false,
                owner: 0,
                early_signals: Vec::new(),
                start: None,
                around: Some(around),
            };
            self.runs.insert(run);
            self.close(id, Outcome::Vanished);
        }
    }
}

impl Around {
    /// Leaves only what still makes sense after the machine has booted again.
    pub(super) fn after_boot(mut self: Box<Self>) -> Box<Self> {
        self.after.hooks.clear();
        self
    }
}

/// The launch of a hook that runs beside nobody: as the launcher's own user, in `/`.
fn outer(id: RunId, hook: &Hook) -> Launch {
    let mut launch = Launch::new(id, [hook.program.clone()]);
    launch.env = hook.env.clone();
    launch
}

/// The launch of a hook at the program's side: everything like the program, but for what it is.
fn inner(launch: &Launch, hook: &Hook) -> Launch {
    let mut beside = launch.clone();
    beside.argv = vec![hook.program.clone().into_os_string()];
    beside.program = None;
    beside.script = None;
    beside.hooks = None;
    beside.env.extend(hook.env.iter().cloned());
    (beside.stdin, beside.stdout, beside.stderr) = (Stream::Null, Stream::Null, Stream::Null);
    beside
}

/// Says how a run ended, as far as anybody knows.
fn told_after(told: &Told, end: &FoundState, worst_step: u32) -> Vec<(OsString, OsString)> {
    let status = match end {
        FoundState::Ended(ended) => ended.status,
        // Of a program that was never reached Slurm says nothing bad.
        FoundState::FailedToStart { .. } => Status::Exited(0),
        FoundState::Starting | FoundState::Running { .. } | FoundState::Vanished { .. } => return Vec::new(),
    };
    let code = match status {
        Status::Exited(code) => format!("{code}:0"),
        Status::Signalled { signal, .. } => format!("0:{signal}"),
    };
    let values = [
        (&told.status, status.as_wait_tells().to_string()),
        (&told.code, code),
        (&told.worst_step, worst_step.to_string()),
    ];
    let named = values.into_iter().filter(|(name, _)| !name.is_empty());
    named.map(|(name, value)| (name.clone(), value.into())).collect()
}

fn note_failure(end: &mut FoundState) {
    match end {
        FoundState::Ended(ended) => ended.hook_failed = true,
        FoundState::FailedToStart { hook_failed, .. } => *hook_failed = true,
        FoundState::Starting | FoundState::Running { .. } | FoundState::Vanished { .. } => {}
    }
}

impl Code for After {
    fn put(&self, out: &mut Vec<u8>) {
        self.hooks.put(out);
        self.remove.put(out);
        self.told.put(out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let (hooks, remove) = (Code::take(from)?, Code::take(from)?);
        // Files of earlier versions end here.
        Some(Self { hooks, remove, told: Code::take(from).unwrap_or_default() })
    }
}

/// Names the folder of a launcher's own files.
fn slot_folder(dir: &Path, slot: usize) -> PathBuf {
    crate::slot::Slot::new(dir, slot).folder
}
