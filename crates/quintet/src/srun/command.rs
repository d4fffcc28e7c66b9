//! The command itself: finds or makes a job, asks its launcher for a step, and stays with it.

use super::allocation::{Allocation, NoJob};
use super::conversation::Conversation;
use super::course::Course;
use super::interrupt::Manner;
use super::message::{complain, say};
use super::options::SrunOptions;
use super::parts::{Part, Where, groups, parts};
use super::pattern::{Names, Place as StreamPlace};
use super::place::Place;
use super::program::{around, directory, environment, limits};
use super::request::{Impossible, step_request};
use super::signals::{Given, Signals};
use super::step::{Ran, Rules, Step, Streams};
use super::streams::{Wish, plan};
use super::terminal::Pair;
use super::{multi_prog, pmi};
use crate::allocation::Left;
use crate::client::{Client, ClientArgs, present_user};
use crate::submit::test_only::fail;
use crate::submit::values::{NodeRange, OpenMode};
use anyhow::{Context, bail};
use clap::ArgMatches;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use supervise::steps::{MAX_FILES, MAX_PARTS, StepAnswer, StepLayout, StepProgram, StepRequest, TaskStreams};

/// What is left where the waiting for a step was given up.
const GIVEN_UP: Ran = Ran { code: 1, left: Left::Code(1) };

/// Arguments of `quintet srun`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct SrunArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) options: SrunOptions,
    /// The program, and what follows are its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}

/// Runs a step. What goes wrong is told as srun tells it, so there is no error for others to tell.
pub(crate) async fn run(args: SrunArgs, matches: &ArgMatches) -> ExitCode {
    match srun(args, matches).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn srun(args: SrunArgs, matches: &ArgMatches) -> anyhow::Result<u8> {
    if args.options.mpi.as_deref() == Some("list") {
        println!("MPI plugin types are...\n\tnone\n\tpmi2");
        return Ok(0);
    }
    let variable = |name: &str| std::env::var_os(name);
    let here = Place::of_this_process(variable);
    let outer = variable("SLURM_JOB_ID").and_then(|id| id.to_str()?.parse().ok());
    let wanted = args.options.jobid.or(outer);
    let size = variable("SLURM_HET_SIZE").and_then(|size| size.to_str()?.parse().ok()).unwrap_or(1);
    let in_what = match here.is_some() || wanted.is_some() {
        true => Where::Job(size),
        false => Where::Nowhere,
    };
    let mut parts = parts(groups(&args.command, matches)?, in_what, variable)?;
    let Some(options) = parts.first().map(|part| part.options.clone()) else { return Ok(1) };
    if options.multi_prog && args.command.is_empty() {
        bail!("No configuration file given to --multi-prog");
    }
    if parts.iter().any(|part| part.command.is_empty()) {
        say("fatal: No command given to execute.");
        return Ok(1);
    }
    let dir = directory(&options).context("find the working directory")?;
    let programs = match (options.multi_prog, parts.as_slice()) {
        (true, [part]) => part.command.first().map(|file| read_programs(file, &dir)).transpose()?,
        (true, _) => bail!("--multi-prog says for all tasks what they run: it goes with one program only"),
        (false, _) => None,
    };
    mpi(&options)?;
    if options.test_only && in_what != Where::Nowhere {
        // As Slurm: what is in a job already has its place.
        fail("Requested operation is presently disabled");
        return Ok(1);
    }
    let name = parts.first().map(|part| part.name.clone()).unwrap_or_default();
    for part in &mut parts {
        spread_over_nodes(&mut part.options);
        if programs.is_none() {
            part.command = around(&part.options, std::mem::take(&mut part.command));
        }
    }
    if options.test_only {
        let client = Client::open(&args.client)?;
        return Allocation::foresee(&client, &shown(&parts), &dir, options.quiet).await;
    }
    let mut signals = Signals::new().context("take signals")?;
    let given = args.command;
    let is_made = in_what == Where::Nowhere;
    let call = Call { options: &options, parts, is_made, given, programs, name: &name, dir: &dir };
    let ran = match (here, wanted) {
        (Some(here), job) if job.is_none_or(|job| job == here.job) => call.step_in(&here, &mut signals).await,
        (_, Some(job)) => {
            let client = Client::open(&args.client)?;
            let place = Place::of_job(&client, job).await?;
            call.step_in(&place, &mut signals).await
        }
        _ => call.step_of_its_own(&Client::open(&args.client)?, &mut signals).await,
    };
    Ok(ran?.code)
}

/// The options of each part and its name.
fn shown(parts: &[Part]) -> Vec<(&SrunOptions, &str)> {
    parts.iter().map(|part| (&part.options, part.name.as_str())).collect()
}

fn read_programs(path: &OsString, dir: &Path) -> anyhow::Result<String> {
    let text = std::fs::read(dir.join(path));
    let text = text.with_context(|| format!("Could not open multi_prog config file {}", path.display()))?;
    String::from_utf8(text).context("the multi_prog config file is not UTF-8")
}

fn mpi(options: &SrunOptions) -> Result<(), Impossible> {
    match options.mpi.as_deref() {
        None | Some("none" | "pmi2") => Ok(()),
        Some("pmix") => Err(Impossible::because(
            "--mpi=pmix is not supported; use --mpi=pmi2, or start the program with mpirun",
        )),
        Some(other) => {
            Err(Impossible(format!("Invalid MPI type '{other}', --mpi=list for acceptable types")))
        }
    }
}

/// Fewer tasks than nodes need fewer nodes.
fn spread_over_nodes(options: &mut SrunOptions) {
    let (Some(tasks), Some(range)) = (options.ntasks, &mut options.nodes) else { return };
    let counts = &range.0;
    if tasks < counts.minimum {
        if !options.quiet {
            say(&format!(
                "warning: can't run {tasks} processes on {} nodes, setting nnodes to {tasks}",
                counts.minimum
            ));
        }
        if let Ok(fewer) = tasks.to_string().parse::<NodeRange>() {
            *range = fewer;
        }
    }
}

/// What was called for.
struct Call<'a> {
    /// The options that count for the step as a whole: those of the first part.
    options: &'a SrunOptions,
    parts: Vec<Part>,
    /// The job was made for this step.
    is_made: bool,
    /// What stood on the command line behind the options.
    given: Vec<OsString>,
    /// The text of `--multi-prog`'s file.
    programs: Option<String>,
    name: &'a str,
    dir: &'a PathBuf,
}

impl Call<'_> {
    /// Makes a job, runs the step in it, and gives it back.
    async fn step_of_its_own(&self, client: &Client, signals: &mut Signals) -> anyhow::Result<Ran> {
        let made = Allocation::make(client, &shown(&self.parts), self.dir, signals).await;
        let allocation = match made {
            Ok(allocation) => allocation,
            Err(NoJob::Refused(error)) => return Err(error),
            Err(NoJob::GivenUp) => return Ok(GIVEN_UP),
        };
        let step = async {
            let place = Place::of_job(client, allocation.job).await?;
            self.step_in(&place, signals).await
        };
        let ended = step.await;
        let left = ended.as_ref().map_or(Left::Code(1), |ran| ran.left);
        allocation.complete(left).await;
        ended
    }

    async fn step_in(&self, place: &Place, signals: &mut Signals) -> anyhow::Result<Ran> {
        let request = self.request()?;
        self.run_beside("prolog", self.options.prolog.as_deref()).await?;
        let ran = self.step_as(&request, place, signals).await;
        self.run_beside("epilog", self.options.epilog.as_deref()).await?;
        ran
    }

    /// Runs a program here before or after the step, with the step's program as arguments.
    async fn run_beside(&self, which: &str, program: Option<&str>) -> anyhow::Result<()> {
        let Some(program) = program.filter(|name| !name.is_empty() && *name != "none") else { return Ok(()) };
        let (program, arguments) = (OsString::from(program), self.given.clone());
        let ran = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
            supervise::foreground(&program, &arguments, &[])
        });
        let status = ran.await.context("run a program beside the step")?;
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => complain(&format!("{which} failed: {status}")),
            Err(error) => complain(&format!("{which} could not be run: {error}")),
        }
        Ok(())
    }

    /// Makes the request for all parts.
    fn request(&self) -> Result<StepRequest, Impossible> {
        let words: Vec<_> = self.given.iter().map(|word| word.to_string_lossy()).collect();
        let words = words.join(" ");
        let of_part = |part: &Part| {
            let request = step_request(&part.options, self.name, &words)?;
            // Parts that run side by side leave one another room.
            let beside = |other: &&Part| other.component == part.component;
            let exact = request.exact || self.parts.iter().filter(beside).count() > 1;
            Ok(StepRequest { component: part.component, exact, ..request })
        };
        let mut all = self.parts.iter().map(of_part).collect::<Result<Vec<StepRequest>, Impossible>>()?;
        if all.len() > MAX_PARTS {
            return Err(Impossible::because("too many programs for one step"));
        }
        let others = all.split_off(1.min(all.len()));
        let first = all.pop().unwrap_or_default();
        Ok(first.joined(&others))
    }

    async fn step_as(
        &self,
        request: &StepRequest,
        place: &Place,
        signals: &mut Signals,
    ) -> anyhow::Result<Ran> {
        let rules = self.rules()?;
        let Some((conversation, layout)) = self.granted(place, request, signals).await? else {
            return Ok(GIVEN_UP);
        };
        let program = self.program(place.job, &layout)?;
        let course = Course::new(place.job, &layout);
        let (program, streams) = match self.options.pty {
            true => self.terminal(program, &layout)?,
            false => self.files(program, place.job, &layout)?,
        };
        // Without an address nobody can look on.
        let watched_at = place.watched_at(layout.step).ok();
        Step::new(conversation, course, rules, &layout, watched_at).run(program, streams, signals).await
    }

    /// Asks for the step and waits until it has its place; nothing if the waiting was given up.
    async fn granted(
        &self,
        place: &Place,
        request: &StepRequest,
        signals: &mut Signals,
    ) -> anyhow::Result<Option<(Conversation, StepLayout)>> {
        let job = place.job;
        let refused = |why: &str| anyhow::anyhow!("Unable to create step for job {job}: {why}");
        let (mut conversation, mut answer) = place.ask(request).await?;
        let patience = self.options.immediate.filter(|seconds| *seconds > 0);
        let patience = tokio::time::sleep(patience.map_or(Duration::MAX, Duration::from_secs));
        tokio::pin!(patience);
        let mut has_waited = false;
        loop {
            match answer {
                StepAnswer::Granted(layout) => {
                    if has_waited && !self.options.quiet {
                        say(&format!("Step created for StepId={job}.{}", layout.step));
                    }
                    return Ok(Some((conversation, *layout)));
                }
                StepAnswer::Refused { why } => return Err(refused(&why)),
                StepAnswer::Waiting { why } => {
                    // Slurm is silent about it, but for those who want to know.
                    if !has_waited && self.options.verbose > 0 {
                        say(&format!("Job {job} step creation temporarily disabled, retrying ({why})"));
                    }
                    has_waited = true;
                }
                StepAnswer::Ended(_) => return Err(refused("Job/step already completing or completed")),
                StepAnswer::TaskStarted { .. }
                | StepAnswer::TaskFailed { .. }
                | StepAnswer::TaskEnded { .. } => {}
            }
            answer = tokio::select! {
                answer = conversation.hear() => answer.context("wait for the step")?,
                given = signals.next() => match given {
                    Given::Resized | Given::GoOn => continue_waiting(),
                    given => {
                        if !self.options.quiet {
                            let number = given.number().unwrap_or_default();
                            say(&format!("Cancelled pending job step with signal {number}"));
                        }
                        complain(&refused("Job/step already completing or completed").to_string());
                        return Ok(None);
                    }
                },
                () = &mut patience => return Err(refused("Requested nodes are busy")),
            };
        }
    }

    fn program(&self, job: u32, layout: &StepLayout) -> anyhow::Result<StepProgram> {
        let tasks = u32::try_from(layout.tasks.len()).unwrap_or(u32::MAX);
        let by_task = match &self.programs {
            None => self.programs_of_parts(layout),
            Some(text) => {
                let all = multi_prog::programs(text, tasks)?;
                let words = |words: Vec<String>| {
                    around(self.options, words.into_iter().map(OsString::from).collect())
                };
                (0_u32..).zip(all.into_iter().map(words)).collect()
            }
        };
        let mut env = environment(self.options.export.as_ref(), std::env::vars_os());
        let components = self.parts.iter().map(|part| part.component).max().unwrap_or(0) + 1;
        if self.is_made && components > 1 {
            // Others have been told by their job.
            let mut set = |name: String, value: u32| env.push((name.into(), value.to_string().into()));
            set("SLURM_HET_SIZE".to_owned(), components);
            for component in 0..components {
                set(format!("SLURM_JOB_ID_HET_GROUP_{component}"), job.saturating_add(component));
            }
        }
        let argv = self.parts.first().map(|part| part.command.clone()).unwrap_or_default();
        Ok(StepProgram {
            argv,
            env,
            cwd: self.dir.clone(),
            umask: crate::submit::propagation::umask(),
            rlimits: limits(self.options.propagate.as_deref())?,
            streams: Vec::new(),
            terminal: false,
            argv_by_task: by_task,
            env_by_task: Vec::new(),
            channel_variable: OsString::new(),
        })
    }

    /// Returns what the tasks of all parts but the first run.
    fn programs_of_parts(&self, layout: &StepLayout) -> Vec<(u32, Vec<OsString>)> {
        let parts = self.parts.iter().zip(&layout.parts);
        let by_task = parts.flat_map(|(part, tasks)| std::iter::repeat_n(part, *tasks as usize));
        let first = layout.parts.first().copied().unwrap_or(0) as usize;
        (0_u32..).zip(by_task).skip(first).map(|(task, part)| (task, part.command.clone())).collect()
    }

    /// Tasks get files and pipes, and a way to find one another.
    fn files(
        &self,
        mut program: StepProgram,
        job: u32,
        layout: &StepLayout,
    ) -> anyhow::Result<(StepProgram, Streams)> {
        let mut plan = plan(&self.wish(), layout, &names(job, layout), self.dir)?;
        let tasks = layout.tasks.len();
        // A task that is alone needs nobody to find.
        let wanted = self.options.mpi.as_deref().map_or(tasks > 1, |mpi| mpi == "pmi2");
        if !wanted || plan.passed.len() + tasks > MAX_FILES {
            return Ok((program, Streams::Plan(Box::new(plan), None)));
        }
        let mut pmi =
            pmi::open(&format!("{job}.{}", layout.step), &layout.tasks).context("make sockets for MPI")?;
        plan.add_channels(std::mem::take(&mut pmi.theirs));
        program.channel_variable = "PMI_FD".into();
        let own = |rank: usize| {
            let variables = [("PMI_RANK", rank), ("PMI_SIZE", tasks)];
            variables.map(|(name, value)| (name.into(), value.to_string().into())).to_vec()
        };
        program.env_by_task = (0..tasks).map(own).collect();
        Ok((program, Streams::Plan(Box::new(plan), Some(Box::new(pmi)))))
    }

    /// Task 0 gets a terminal, the others nothing.
    fn terminal(&self, program: StepProgram, layout: &StepLayout) -> anyhow::Result<(StepProgram, Streams)> {
        let pair = Pair::open().context("open a terminal for the task")?;
        let first = TaskStreams { stdin: Some(0), stdout: Some(0), stderr: Some(0), channel: None };
        let streams =
            (0..layout.tasks.len()).map(|task| if task == 0 { first } else { TaskStreams::default() });
        let program = StepProgram { streams: streams.collect(), terminal: true, ..program };
        Ok((program, Streams::Terminal(Box::new(pair))))
    }

    fn wish(&self) -> Wish {
        let options = self.options;
        Wish {
            stdin: StreamPlace::of(options.input.as_deref()),
            stdout: StreamPlace::of(options.output.as_deref()),
            stderr: options.error.as_deref().map(|place| StreamPlace::of(Some(place))),
            label: options.label,
            unbuffered: options.unbuffered,
            append: options.open_mode == Some(OpenMode::Append),
        }
    }

    fn rules(&self) -> Result<Rules, Impossible> {
        let options = self.options;
        let manner = match (options.quit_on_interrupt, options.disable_status) {
            (true, _) => Manner::Quit,
            (_, true) => Manner::PassOn,
            _ => Manner::Ask,
        };
        Ok(Rules {
            kill_on_bad_exit: options.kill_on_bad_exit == Some(1),
            wait: options.wait.filter(|seconds| *seconds > 0).map(Duration::from_secs),
            manner,
            ignored: ignored_signals(options.ignore_signals.as_deref())?,
            unbuffered: options.unbuffered,
            quiet: options.quiet,
            verbose: options.verbose > 0,
            warning: self.warning(),
        })
    }

    /// A signal ahead of the step's own time limit.
    fn warning(&self) -> Option<(i32, Duration)> {
        let signal = self.options.signal.as_ref()?;
        let minutes = self.options.time?.0?;
        let number = slurm_wire::signal::number(&signal.signal)?;
        let limit = Duration::from_secs(u64::from(minutes) * 60);
        Some((i32::from(number), limit.saturating_sub(Duration::from_secs(u64::from(signal.lead)))))
    }
}

/// Reads `--ignore-signals`.
fn ignored_signals(list: Option<&str>) -> Result<Vec<i32>, Impossible> {
    let number = |name: &str| {
        let number = slurm_wire::signal::number(name).filter(|number| *number > 0).map(i32::from);
        number.ok_or_else(|| Impossible(format!("--ignore-signals: there is no signal {name}")))
    };
    list.into_iter().flat_map(|list| list.split(',')).map(number).collect()
}

/// Nothing has changed: the same as hearing once more that the step waits.
fn continue_waiting() -> StepAnswer {
    StepAnswer::Waiting { why: String::new() }
}

fn names(job: u32, layout: &StepLayout) -> Names {
    let text = |name: &str| std::env::var(name).ok();
    let number = |name: &str| text(name)?.parse().ok();
    Names {
        job,
        array: number("SLURM_ARRAY_JOB_ID").zip(number("SLURM_ARRAY_TASK_ID")),
        step: layout.step,
        user: present_user().unwrap_or_default(),
        job_name: text("SLURM_JOB_NAME").unwrap_or_default(),
    }
}
