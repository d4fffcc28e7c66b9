//! One step from start to end: hears of its tasks, passes on its streams and signals, and ends it when it must end.

use super::conversation::Conversation;
use super::course::Course;
use super::interrupt::{Answer, Interrupts, Manner};
use super::message::{complain, ending, say, stepd_complains};
use super::pmi::Pmi;
use super::relay::{Sinks, Written, feed_all, read_all};
use super::signals::{Given, SIGCONT, SIGINT, SIGTERM, Signals};
use super::streams::Plan;
use super::terminal::{Pair, Raw};
use crate::allocation::Left;
use crate::client::now;
use crate::sheet::local_time;
use crate::watch::{self, Frame, Show, Source, Typed};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::net::SocketAddr;
use std::time::{Duration, Instant};
use supervise::steps::{StepAnswer, StepCut, StepEnded, StepLayout, StepProgram};
use supervise::{StartFailure, Step as Stage};
use tokio::sync::mpsc;
use tokio::time::{Instant as Moment, sleep_until};

const SIGKILL: i32 = 9;
/// The exit code of what was killed.
const KILLED: u8 = 128 + SIGKILL as u8;

/// How long tasks have between the request to end and their end; Slurm's own default.
const KILL_WAIT: Duration = Duration::from_secs(30);
/// How long bad ends are gathered, so that those of one moment are told in one line.
const GATHERED: Duration = Duration::from_millis(50);
/// How long output may still come when all processes are gone.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How a step is to be ended and told about.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// A task that fails ends the step.
    pub(super) kill_on_bad_exit: bool,
    /// The step ends so long after its first task has.
    pub(super) wait: Option<Duration>,
    /// How Ctrl-C is taken.
    pub(super) manner: Manner,
    /// Signals that are not passed on (`--ignore-signals`).
    pub(super) ignored: Vec<i32>,
    /// Output is passed on as it comes.
    pub(super) unbuffered: bool,
    /// Only errors are told.
    pub(super) quiet: bool,
    /// Everything is told.
    pub(super) verbose: bool,
    /// A signal for the tasks, so long after the start.
    pub(super) warning: Option<(i32, Duration)>,
}

/// Which streams a step has.
pub(super) enum Streams {
    /// Files and pipes, and perhaps what answers MPI programs.
    Plan(Box<Plan>, Option<Box<Pmi>>),
    /// A terminal for task 0.
    Terminal(Box<Pair>),
}

/// How a step has run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ran {
    /// The exit code of this process.
    pub(super) code: u8,
    /// What the job is told that was made for it.
    pub(super) left: Left,
}

/// A step under way.
pub(super) struct Step {
    conversation: Conversation,
    course: Course,
    rules: Rules,
    interrupts: Interrupts,
    /// When the step is killed.
    kill_at: Option<Moment>,
    /// When the first task had ended long enough ago.
    wait_until: Option<Moment>,
    tell_at: Option<Moment>,
    warn_at: Option<Moment>,
    /// Tasks that want the whole step to end.
    aborts: Option<mpsc::Receiver<(usize, String)>>,
    close: Close,
    /// Bad ends are told.
    tells_ends: bool,
    /// Nobody waits for its end any more.
    is_left: bool,
    names: ProgramNames,
    /// Where those connect who look on from elsewhere.
    watched_at: Option<SocketAddr>,
    layout: watch::Layout,
    show: Option<Show>,
}

/// What the programs of tasks are called.
#[derive(Debug, Default)]
struct ProgramNames {
    usual: OsString,
    by_task: HashMap<u32, OsString>,
}

impl ProgramNames {
    fn new(program: &StepProgram) -> Self {
        let first = |argv: &[OsString]| argv.first().cloned().unwrap_or_default();
        let by_task = program.argv_by_task.iter().map(|(task, argv)| (*task, first(argv))).collect();
        ProgramNames { usual: first(&program.argv), by_task }
    }

    fn of(&self, task: u32) -> &OsStr {
        self.by_task.get(&task).unwrap_or(&self.usual)
    }
}

/// Whether a step is being ended from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// It is not.
    Open,
    /// Its tasks were asked to end.
    Asked,
    /// It was killed.
    Killed,
}

/// What is passed on while a step runs: what comes from its tasks, where it goes, or its terminal.
type Begun = (Option<mpsc::Receiver<Written>>, Sinks, Option<Box<Pair>>);

/// What happens next.
enum Event {
    Answer(StepAnswer),
    Lost(supervise::steps::StepError),
    Output(Written),
    OutputEnds,
    Terminal(std::io::Result<Vec<u8>>),
    Abort(usize, String),
    Given(Given),
    Time,
}

impl Step {
    /// Begins a step that was granted.
    pub(super) fn new(
        conversation: Conversation,
        course: Course,
        rules: Rules,
        layout: &StepLayout,
        watched_at: Option<SocketAddr>,
    ) -> Self {
        Step {
            conversation,
            course,
            interrupts: Interrupts::new(rules.manner),
            rules,
            kill_at: None,
            wait_until: None,
            tell_at: None,
            warn_at: None,
            aborts: None,
            close: Close::Open,
            tells_ends: true,
            is_left: false,
            names: ProgramNames::default(),
            watched_at,
            layout: watch::Layout {
                nodes: layout.nodes.clone(),
                tasks: layout.tasks.clone(),
                ..watch::Layout::default()
            },
            show: None,
        }
    }

    /// Starts the tasks and stays with them.
    ///
    /// # Errors
    /// If the launcher is lost.
    pub(super) async fn run(
        mut self,
        program: StepProgram,
        streams: Streams,
        signals: &mut Signals,
    ) -> anyhow::Result<Ran> {
        self.names = ProgramNames::new(&program);
        let (mut output, mut sinks, mut terminal) = self.start(program, streams)?;
        let raw = terminal.as_ref().map(|_| Raw::enter());
        if let Some((_, after)) = self.rules.warning {
            self.warn_at = Some(Moment::now() + after);
        }
        let ended = loop {
            let event = self.next(&mut output, terminal.as_deref_mut(), signals).await;
            match event {
                Event::Answer(StepAnswer::Ended(ended)) => break ended,
                Event::Answer(answer) => self.hear(answer),
                Event::Lost(error) => {
                    drop(raw);
                    complain(&format!("StepId={} lost: {error}", self.course.name()));
                    self.course.tell();
                    return Ok(Ran {
                        code: self.course.code().max(1),
                        left: self.course.left().graver(Left::Code(1)),
                    });
                }
                Event::Output(written) => self.write(&mut sinks, &written),
                Event::OutputEnds => output = None,
                Event::Terminal(Ok(piece)) => self.show_terminal(piece),
                Event::Terminal(Err(error)) => {
                    complain(&format!("cannot pass on the terminal: {error}"));
                    terminal = None;
                    self.abort();
                }
                Event::Abort(task, why) => {
                    complain(&format!(
                        "StepId={}: task {task} aborts the program: {why}",
                        self.course.name()
                    ));
                    self.abort();
                }
                Event::Given(Given::Resized) => {
                    if let Some(terminal) = &terminal {
                        terminal.fit();
                    }
                }
                Event::Given(given) => self.take(given),
                Event::Time => self.time(),
            }
            if self.is_left {
                let code = self.course.code().max(KILLED);
                return Ok(Ran { code, left: self.course.left().graver(Left::Signal(SIGKILL as u8)) });
            }
        };
        self.last_words(output, &mut sinks).await;
        if let Some(mut terminal) = terminal {
            // Whoever looks has gone as well, if it cannot be shown.
            self.show_terminal(terminal.rest().await.unwrap_or_default());
        }
        drop(raw);
        let code = self.told(&ended);
        if let Some(show) = self.show.take() {
            show.end(code).await;
        }
        Ok(Ran { code, left: self.course.left() })
    }

    fn start(&mut self, program: StepProgram, streams: Streams) -> anyhow::Result<Begun> {
        match streams {
            Streams::Plan(mut plan, pmi) => {
                let (sources, hidden) = plan.sources();
                self.layout.hidden = hidden;
                let program = StepProgram { streams: std::mem::take(&mut plan.streams), ..program };
                self.conversation.start(program, &plan.passed())?;
                self.layout.reads = !plan.inputs.is_empty();
                let typed = self.let_look(sources);
                // Only the tasks may hold their ends, or the others' would never come.
                plan.passed.clear();
                self.aborts = pmi.map(|pmi| pmi.begin()).transpose()?;
                feed_all(plan.inputs, typed)?;
                let output = read_all(plan.relays, self.rules.unbuffered)?;
                Ok((Some(output), Sinks::new(plan.files), None))
            }
            Streams::Terminal(mut pair) => {
                use std::os::fd::AsFd;
                let theirs = pair.theirs();
                let files: Vec<_> = theirs.iter().map(AsFd::as_fd).collect();
                self.conversation.start(program, &files)?;
                drop(theirs);
                pair.begin()?;
                (self.layout.terminal, self.layout.reads) = (true, true);
                pair.take(self.let_look(Vec::new()))?;
                Ok((None, Sinks::new(Vec::new()), Some(pair)))
            }
        }
    }

    /// Lets others look on; returns what they type. Where that cannot be, the step goes on unseen.
    fn let_look(&mut self, sources: Vec<Source>) -> mpsc::Receiver<Typed> {
        let (type_for, typed) = mpsc::channel(16);
        if let Some(at) = &self.watched_at {
            match Show::begin(at, &self.layout, sources, type_for) {
                Ok(show) => self.show = Some(show),
                Err(error) if self.rules.verbose => say(&format!("the step cannot be attached to: {error}")),
                Err(_) => {}
            }
        }
        typed
    }

    fn show_terminal(&self, bytes: Vec<u8>) {
        if let Some(show) = self.show.as_ref().filter(|_| !bytes.is_empty()) {
            show.tell(&Frame::Written { task: Some(0), place: watch::Place::Output, bytes });
        }
    }

    /// Waits for whatever comes first.
    async fn next(
        &mut self,
        output: &mut Option<mpsc::Receiver<Written>>,
        terminal: Option<&mut Pair>,
        signals: &mut Signals,
    ) -> Event {
        let times = [self.kill_at, self.wait_until, self.tell_at, self.warn_at];
        let soonest = times.into_iter().flatten().min();
        let time = async {
            match soonest {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let shown = async {
            match terminal {
                Some(terminal) => terminal.show().await,
                None => std::future::pending().await,
            }
        };
        let written = async {
            match output {
                Some(output) => output.recv().await,
                None => std::future::pending().await,
            }
        };
        let aborts = async {
            match &mut self.aborts {
                Some(aborts) => aborts.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some((task, why)) = aborts => Event::Abort(task, why),
            written = written => written.map_or(Event::OutputEnds, Event::Output),
            shown = shown => Event::Terminal(shown),
            answer = self.conversation.hear() => answer.map_or_else(Event::Lost, Event::Answer),
            given = signals.next() => Event::Given(given),
            () = time => Event::Time,
        }
    }

    fn hear(&mut self, answer: StepAnswer) {
        match answer {
            StepAnswer::TaskStarted { task, pid } => {
                self.course.started(task);
                if self.rules.verbose {
                    say(&format!("StepId={} task {task} started as process {pid}", self.course.name()));
                }
            }
            StepAnswer::TaskFailed { task, failure } => {
                stepd_complains(&self.not_started(task, failure));
                self.course.not_started(task, failure);
                self.has_ended(true);
            }
            StepAnswer::TaskEnded { task, status } => {
                let is_bad = self.course.ended(task, status);
                if let (Some(show), Some(how)) = (&self.show, ending(status)) {
                    show.tell(&Frame::Ended { task, how });
                }
                self.has_ended(is_bad);
            }
            StepAnswer::Waiting { .. }
            | StepAnswer::Refused { .. }
            | StepAnswer::Granted(_)
            | StepAnswer::Ended(_) => {}
        }
    }

    /// A task has ended.
    fn has_ended(&mut self, is_bad: bool) {
        if self.course.has_untold() && self.tells_ends && self.tell_at.is_none() {
            self.tell_at = Some(Moment::now() + GATHERED);
        }
        if self.course.is_over() {
            return;
        }
        if is_bad && self.rules.kill_on_bad_exit && self.close == Close::Open {
            self.course.tell();
            self.say(&format!("Terminating StepId={}", self.course.name()));
            self.end();
        }
        if let Some(wait) = self.rules.wait
            && self.wait_until.is_none()
            && self.close == Close::Open
        {
            self.wait_until = Some(Moment::now() + wait);
        }
    }

    /// Some time has come.
    fn time(&mut self) {
        let now = Moment::now();
        let is_due = |at: &mut Option<Moment>| at.take_if(|at| *at <= now).is_some();
        if is_due(&mut self.tell_at) {
            self.course.tell();
        }
        if is_due(&mut self.warn_at)
            && let Some((signal, _)) = self.rules.warning
        {
            self.conversation.signal(signal);
        }
        if is_due(&mut self.wait_until) && self.close == Close::Open && !self.course.is_over() {
            let seconds = self.rules.wait.unwrap_or_default().as_secs();
            self.say(&format!("First task exited {seconds}s ago"));
            if !self.rules.quiet {
                self.course.tell_standing();
            }
            self.say(&format!("Terminating StepId={}", self.course.name()));
            self.abort();
        }
        if is_due(&mut self.kill_at) {
            self.conversation.signal(SIGKILL);
        }
    }

    /// Does what a signal asks for.
    fn take(&mut self, given: Given) {
        if given.number().is_some_and(|number| self.rules.ignored.contains(&number)) {
            return;
        }
        match given {
            Given::Interrupt => match self.interrupts.another(Instant::now()) {
                Answer::Tell => {
                    self.say("interrupt (one more within 1 sec to abort)");
                    if !self.rules.quiet {
                        self.course.tell_standing();
                    }
                }
                Answer::PassOn => self.send_interrupt(),
                Answer::End => {
                    self.send_interrupt();
                    // Whoever asks for it need not be told how each task has died.
                    self.course.tell();
                    self.tells_ends = false;
                    self.force();
                }
                Answer::Leave => {
                    self.say(&format!("sending Ctrl-C to StepId={}", self.course.name()));
                    self.say("job abort in progress");
                    self.say(&format!("Terminating StepId={}", self.course.name()));
                    self.is_left = true;
                }
            },
            Given::Terminate | Given::HangUp => self.force(),
            Given::Quit => {
                self.say("Quit");
                self.force();
            }
            Given::GoOn => self.say("got SIGCONT"),
            Given::Other(signal) => self.conversation.signal(signal),
            Given::Resized => {}
        }
    }

    fn send_interrupt(&mut self) {
        self.say(&format!("sending Ctrl-C to StepId={}", self.course.name()));
        self.conversation.signal(SIGINT);
    }

    /// Ends the step for one who does not want to wait.
    fn force(&mut self) {
        if self.close != Close::Killed {
            self.say("forcing job termination");
            self.abort();
        }
    }

    /// Kills the step.
    fn abort(&mut self) {
        self.close = Close::Killed;
        let seconds = KILL_WAIT.as_secs() + 2;
        self.say(&format!("Job step aborted: Waiting up to {seconds} seconds for job step to finish."));
        self.conversation.signal(SIGKILL);
    }

    /// Asks the tasks to end, since one of them has failed; they are killed if they do not.
    fn end(&mut self) {
        self.close = Close::Asked;
        self.kill_at = Some(Moment::now() + KILL_WAIT);
        self.course.tell_cancelled(&local_time(now().micros().div_euclid(1_000_000)), " DUE TO TASK FAILURE");
        self.conversation.signal(SIGCONT);
        self.conversation.signal(SIGTERM);
    }

    fn say(&self, text: &str) {
        if !self.rules.quiet {
            say(text);
        }
    }

    fn write(&mut self, sinks: &mut Sinks, written: &Written) {
        if let Err(error) = sinks.write(written) {
            complain(&format!("cannot pass on what the tasks write: {error}"));
        }
        if let Some(show) = &self.show {
            let Written { task, place, bytes, .. } = written;
            show.tell(&Frame::Written { task: Some(*task), place: *place, bytes: bytes.clone() });
        }
    }

    /// Passes on what was written before the end and has not been seen yet.
    async fn last_words(&mut self, output: Option<mpsc::Receiver<Written>>, sinks: &mut Sinks) {
        let Some(mut output) = output else { return };
        let until = Moment::now() + LAST_WORDS;
        while let Ok(Some(written)) = tokio::time::timeout_at(until, output.recv()).await {
            self.write(sinks, &written);
        }
    }

    /// Says how the step ended, where it has not been said; returns the exit code.
    fn told(&mut self, ended: &StepEnded) -> u8 {
        let at = local_time(ended.at.0.div_euclid(1_000_000));
        match ended.cut {
            Some(StepCut::TimeLimit) => self.course.tell_cancelled(&at, " DUE TO TIME LIMIT"),
            Some(StepCut::RunEnded) => self.course.tell_cancelled(&at, " DUE to SIGNAL Terminated"),
            Some(StepCut::Killed) if self.close != Close::Asked => {
                self.course.tell_cancelled(&at, " DUE to SIGNAL Killed");
            }
            Some(StepCut::Lost) => {
                complain(&format!("StepId={} lost: its launcher died", self.course.name()))
            }
            Some(StepCut::Killed | StepCut::ClientGone | StepCut::NotStarted) | None => {}
        }
        if ended.over_memory {
            complain(&format!(
                "Detected 1 oom_kill event in StepId={}. Some of the step tasks have been OOM Killed.",
                self.course.name()
            ));
        }
        if self.tells_ends {
            self.course.tell();
        }
        if self.close != Close::Killed && self.course.has_forced() {
            self.say(&format!("Force Terminated StepId={}", self.course.name()));
        }
        let code = self.course.code();
        let was_cut = matches!(
            ended.cut,
            Some(StepCut::TimeLimit | StepCut::RunEnded | StepCut::Killed | StepCut::Lost)
        );
        if was_cut && code == 0 && !self.course.is_over() { 1 } else { code }
    }

    /// Says that a task's program was not reached, as the daemon does that starts tasks.
    fn not_started(&self, task: u32, failure: StartFailure) -> String {
        let why = std::io::Error::from_raw_os_error(failure.errno).to_string();
        let why = why.split(" (os error").next().unwrap_or_default();
        match failure.step {
            Stage::Program | Stage::Interpreter => {
                format!("execve(): {}: {why}", self.names.of(task).display())
            }
            _ => failure.to_string(),
        }
    }
}
