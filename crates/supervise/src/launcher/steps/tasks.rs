//! Tasks: started a few at a time, heard through a pipe until their programs are reached, waited for.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use super::{Live, STARTING_AT_ONCE, Step, Task};
use crate::cgroup::RunFolder;
use crate::launch::{Launch, Rlimit, current_rlimit};
use crate::launcher::child::{FAILURE_BYTES, read_failure};
use crate::launcher::plan::{Opening, Plan};
use crate::launcher::serve::Launcher;
use crate::launcher::tree::{MARK, STEP_MARK, TASK_MARK};
use crate::report::{StartFailure, Status, Step as Stage};
use crate::run::{RunId, UnixMicros};
use crate::steps::{RUN_VARIABLE, SOCKET_VARIABLE, StepAnswer, StepProgram};

impl Launcher {
    /// Starts as many tasks of all steps as may begin at a time.
    pub(in crate::launcher) fn start_tasks(&mut self) {
        // No process runs that is not written down.
        if !self.journal.is_saved() {
            return;
        }
        for ticket in self.steps.live.clone() {
            while self.steps.starting.len() < STARTING_AT_ONCE && self.start_next_task(ticket) {}
        }
    }

    /// Starts one more task of a step; says whether it may have another.
    fn start_next_task(&mut self, ticket: u64) -> bool {
        let Some(step) = self.steps.table.get(&ticket) else { return false };
        let run = step.run;
        let Some(live) = step.live() else { return false };
        let Some((program, files)) = &live.program else { return false };
        let number = live.tasks.len();
        if number >= live.grant.tasks.len() || live.cut.is_some() {
            let step = self.steps.table.get_mut(&ticket).and_then(Step::live_mut);
            if let Some(live) = step {
                // Now the last copies of the files are the tasks' own.
                live.program = None;
            }
            return false;
        }
        let program = Rc::clone(program);
        let result = self
            .plan_task(run, live, &program, files, number)
            .and_then(|mut plan| self.fork(&mut plan).map_err(|error| Stage::Fork.failed(&error)));
        let Some(live) = self.steps.table.get_mut(&ticket).and_then(Step::live_mut) else { return false };
        match result {
            Ok((pid, failures)) => {
                live.started_at.get_or_insert_with(UnixMicros::now);
                live.running += 1;
                live.tasks.push(Task { pid, failures: Some(failures), failed: None, early: Vec::new() });
                self.steps.by_pid.insert(pid, (ticket, number));
                self.steps.starting.push((ticket, number));
            }
            Err(failure) => {
                live.tasks.push(Task { pid: 0, failures: None, failed: Some(failure), early: Vec::new() });
                live.cut.get_or_insert(crate::steps::StepCut::NotStarted);
                self.task_failed(ticket, number, failure);
                // One that could not even be forked says that the others cannot either.
                self.kill_step(ticket);
            }
        }
        true
    }

    fn plan_task(
        &self,
        run: RunId,
        live: &Live,
        program: &StepProgram,
        files: &[OwnedFd],
        number: usize,
    ) -> Result<Plan, StartFailure> {
        let own = live.grant.tasks.get(number);
        let by_task = program.argv_by_task.iter().find(|(task, _)| *task as usize == number);
        let argv = by_task.map_or(&program.argv, |(_, argv)| argv);
        let mut launch = Launch::new(run, live.grant.around.iter().chain(argv).cloned());
        let mut added = self.step_variables(run);
        if !self.hierarchy.tracks() {
            added.push((TASK_MARK.into(), self.mark_value(run).into()));
            added.push((STEP_MARK.into(), self.step_mark_value(run, live.number()).into()));
        }
        let streams = program.streams.get(number).or(program.streams.first()).copied().unwrap_or_default();
        let channel = streams.channel.and_then(|file| files.get(file as usize)).map(AsRawFd::as_raw_fd);
        if let Some(channel) = channel.filter(|_| !program.channel_variable.is_empty()) {
            added.push((program.channel_variable.clone(), channel.to_string().into()));
        }
        let nothing = Vec::new();
        let by_task = program.env_by_task.get(number).unwrap_or(&nothing);
        let layers = [&program.env, by_task, &live.grant.env, own.map_or(&added, |own| &own.env), &added];
        launch.env = merged(&layers, &live.grant.pid_variable);
        launch.cwd = program.cwd.clone();
        launch.refuge = Some("/tmp".into());
        launch.user = live.grant.user.clone();
        launch.umask = program.umask;
        launch.private = live.grant.private.clone();
        launch.rlimits = program.rlimits.iter().map(within_own).collect();
        launch.limits.cpus = own.and_then(|own| own.cpus.clone()).or_else(|| live.grant.limits.cpus.clone());
        let mut plan = Plan::new(&launch, None, self.journal.descriptor(), self.file_limit)?;
        plan.kept = channel;
        for (place, file) in [streams.stdin, streams.stdout, streams.stderr].into_iter().enumerate() {
            let file = file.and_then(|file| files.get(file as usize));
            if let (Some(file), Some(stream)) = (file, plan.streams.get_mut(place)) {
                *stream = Opening::Open(file.as_raw_fd());
            }
        }
        plan.terminal = program.terminal && number == 0;
        plan.doors = live.folder.as_ref().map(RunFolder::doors).unwrap_or_default();
        if !live.grant.pid_variable.is_empty() {
            plan.env.add_own_pid(&live.grant.pid_variable)?;
        }
        Ok(plan)
    }

    /// What a run's programs must know to have steps; and the run's mark, where nothing else holds it together.
    pub(in crate::launcher) fn step_variables(&self, run: RunId) -> Vec<(OsString, OsString)> {
        let mut variables = Vec::new();
        if let Some(socket) = &self.steps.socket {
            variables.push((SOCKET_VARIABLE.into(), socket.clone().into()));
            variables.push((RUN_VARIABLE.into(), run.to_string().into()));
        }
        if !self.hierarchy.tracks() {
            variables.push((MARK.into(), self.mark_value(run).into()));
        }
        variables
    }

    /// The whole assignment that marks the tasks of a run's steps.
    pub(super) fn task_mark(&self, run: RunId) -> String {
        format!("{TASK_MARK}={}", self.mark_value(run))
    }

    /// Reads what a task said on its way to its program; does nothing while it says nothing.
    pub(in crate::launcher) fn hear_task(&mut self, ticket: u64, number: usize) {
        let Some(live) = self.steps.table.get_mut(&ticket).and_then(Step::live_mut) else { return };
        let Some(task) = live.tasks.get_mut(number) else { return };
        let Some(pipe) = &task.failures else { return };
        let mut bytes = [0; FAILURE_BYTES];
        let failed = match rustix::io::read(pipe, &mut bytes) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return,
            Ok(0) => None,
            Ok(_) => read_failure(&bytes),
            Err(errno) => Some(StartFailure { step: Stage::Fork, errno: errno.raw_os_error() }),
        };
        task.failures = None;
        task.failed = failed;
        let (pid, early) = (task.pid, std::mem::take(&mut task.early));
        self.steps.starting.retain(|starting| *starting != (ticket, number));
        if failed.is_none() {
            let task = u32::try_from(number).unwrap_or(u32::MAX);
            self.answer(ticket, &StepAnswer::TaskStarted { task, pid });
            early.into_iter().for_each(|signal| super::end::signal_group(pid, signal));
            self.kill_if_lost(ticket, number);
        }
    }

    /// A child has been waited for; says whether it was a task.
    pub(in crate::launcher) fn task_ended(&mut self, pid: u32, status: Status, usage: &libc::rusage) -> bool {
        let Some((ticket, number)) = self.steps.by_pid.remove(&pid) else { return false };
        // If it was on its way to its program, it has said by now how that went.
        self.hear_task(ticket, number);
        self.steps.starting.retain(|starting| *starting != (ticket, number));
        let Some(live) = self.steps.table.get_mut(&ticket).and_then(Step::live_mut) else { return true };
        live.running = live.running.saturating_sub(1);
        live.add_usage(number, usage);
        let Some(task) = live.tasks.get_mut(number) else { return true };
        task.pid = 0;
        task.failures = None;
        let task_number = u32::try_from(number).unwrap_or(u32::MAX);
        match task.failed {
            Some(failure) => {
                live.status = worse(live.status, Status::Exited(failure.code()));
                self.task_failed(ticket, number, failure);
            }
            None => {
                live.status = worse(live.status, status);
                self.answer(ticket, &StepAnswer::TaskEnded { task: task_number, status });
            }
        }
        true
    }
}

impl Live {
    fn add_usage(&mut self, task: usize, usage: &libc::rusage) {
        let duration = |time: libc::timeval| {
            let micros = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_usec);
            Duration::from_micros(u64::try_from(micros).unwrap_or(0))
        };
        let count = |number: libc::c_long| u64::try_from(number).unwrap_or(0);
        let rss = count(usage.ru_maxrss).saturating_mul(1024);
        let sum = &mut self.usage;
        sum.user += duration(usage.ru_utime);
        sum.system += duration(usage.ru_stime);
        // The kernel counts blocks of 512 bytes.
        sum.read = sum.read.saturating_add(count(usage.ru_inblock).saturating_mul(512));
        sum.written = sum.written.saturating_add(count(usage.ru_oublock).saturating_mul(512));
        if rss > sum.max_rss {
            sum.max_rss = rss;
            sum.max_rss_task = u32::try_from(task).unwrap_or(u32::MAX);
        }
        self.rss_sum = self.rss_sum.saturating_add(rss);
    }
}

/// What a step shows that had both endings: a signal outranks a code, a higher code a lower one.
fn worse(known: Option<Status>, new: Status) -> Option<Status> {
    Some(match (known, new) {
        (None, new) => new,
        (Some(Status::Exited(known)), Status::Exited(new)) => Status::Exited(known.max(new)),
        (Some(known @ Status::Signalled { .. }), _) => known,
        (Some(Status::Exited(_)), new) => new,
    })
}

/// Lays environments over each other; later ones win, and what was there first stays in its place.
fn merged(layers: &[&Vec<(OsString, OsString)>], except: &OsString) -> Vec<(OsString, OsString)> {
    let mut list: Vec<(OsString, OsString)> = Vec::new();
    let mut places: HashMap<&OsString, usize> = HashMap::new();
    for (name, value) in layers.iter().flat_map(|layer| layer.iter()).filter(|(name, _)| name != except) {
        match places.get(name).and_then(|place| list.get_mut(*place)) {
            Some(known) => known.1.clone_from(value),
            None => {
                places.insert(name, list.len());
                list.push((name.clone(), value.clone()));
            }
        }
    }
    list
}

/// Nobody gets more through a step than a launcher's own children have.
fn within_own(limit: &Rlimit) -> Rlimit {
    let (_, most) = current_rlimit(limit.resource);
    let within = |value: Option<u64>| match (value, most) {
        (Some(value), Some(most)) => Some(value.min(most)),
        (None, most) => most,
        (value, None) => value,
    };
    Rlimit { resource: limit.resource, soft: within(limit.soft), hard: within(limit.hard) }
}
