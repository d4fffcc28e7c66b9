//! The command itself: finds or makes a job, asks its launcher for a step, and stays with it.

use super::allocation::{Allocation, NoJob};
use super::conversation::Conversation;
use super::course::Course;
use super::interrupt::Manner;
use super::message::{complain, say};
use super::options::SrunOptions;
use super::pattern::{Names, Place as StreamPlace};
use super::place::Place;
use super::program::{around, directory, environment, limits};
use super::read::{name_of, options};
use super::request::{Impossible, step_request};
use super::step::{Given, Ran, Rules, Signals, Step, Streams};
use super::streams::{Wish, plan};
use super::terminal::Pair;
use super::{multi_prog, pmi};
use crate::allocation::Left;
use crate::client::{Client, ClientArgs, present_user};
use crate::submit::values::{NodeRange, OpenMode};
use anyhow::{Context, bail};
use clap::ArgMatches;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use supervise::steps::{MAX_FILES, StepAnswer, StepLayout, StepProgram, StepRequest, TaskStreams};

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
    let in_job = here.is_some() || wanted.is_some();
    let mut options = options(matches, in_job, variable)?;
    let mut command = args.command;
    if options.multi_prog && command.is_empty() {
        bail!("No configuration file given to --multi-prog");
    }
    let Some(program) = command.first() else {
        say("fatal: No command given to execute.");
        return Ok(1);
    };
    if command.iter().rev().skip(1).any(|word| word == ":") {
        bail!("heterogeneous steps (several commands with : between) are not supported");
    }
    let name = name_of(program);
    let dir = directory(&options).context("find the working directory")?;
    let programs = match options.multi_prog {
        true => Some(read_programs(program, &dir)?),
        false => None,
    };
    if programs.is_none() {
        command = around(&options, command);
    }
    mpi(&options)?;
    spread_over_nodes(&mut options);
    let mut signals = Signals::new().context("take signals")?;
    let call = Call { options: &options, command, programs, name: &name, dir: &dir };
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
    options: &'a SrunOptions,
    command: Vec<OsString>,
    /// The text of `--multi-prog`'s file.
    programs: Option<String>,
    name: &'a str,
    dir: &'a PathBuf,
}

impl Call<'_> {
    /// Makes a job, runs the step in it, and gives it back.
    async fn step_of_its_own(&self, client: &Client, signals: &mut Signals) -> anyhow::Result<Ran> {
        let parts = [(self.options, self.name)];
        let made = Allocation::make(client, &parts, self.dir, signals).await;
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
        let words: Vec<_> = self.command.iter().map(|word| word.to_string_lossy()).collect();
        let request = step_request(self.options, self.name, &words.join(" "))?;
        let Some((conversation, layout)) = self.granted(place, &request, signals).await? else {
            return Ok(GIVEN_UP);
        };
        let tasks = u32::try_from(layout.tasks.len()).unwrap_or(u32::MAX);
        let program = self.program(tasks)?;
        let course = Course::new(place.job, &layout);
        let (program, streams) = match self.options.pty {
            true => self.terminal(program, &layout)?,
            false => self.files(program, place.job, &layout)?,
        };
        Step::new(conversation, course, self.rules()).run(program, streams, signals).await
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
                    Given::Interrupt | Given::Terminate | Given::HangUp => {
                        complain("Cancelled pending job step");
                        return Ok(None);
                    }
                    Given::Resized | Given::Other(_) => continue_waiting(),
                },
                () = &mut patience => return Err(refused("Requested nodes are busy")),
            };
        }
    }

    fn program(&self, tasks: u32) -> anyhow::Result<StepProgram> {
        let by_task = match &self.programs {
            None => Vec::new(),
            Some(text) => {
                let all = multi_prog::programs(text, tasks)?;
                let words = |words: Vec<String>| {
                    around(self.options, words.into_iter().map(OsString::from).collect())
                };
                (0_u32..).zip(all.into_iter().map(words)).collect()
            }
        };
        Ok(StepProgram {
            argv: self.command.clone(),
            env: environment(self.options.export.as_ref(), std::env::vars_os()),
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

    fn rules(&self) -> Rules {
        let options = self.options;
        let manner = match (options.quit_on_interrupt, options.disable_status) {
            (true, _) => Manner::Quit,
            (_, true) => Manner::PassOn,
            _ => Manner::Ask,
        };
        Rules {
            kill_on_bad_exit: options.kill_on_bad_exit == Some(1),
            wait: options.wait.filter(|seconds| *seconds > 0).map(Duration::from_secs),
            manner,
            unbuffered: options.unbuffered,
            quiet: options.quiet,
            verbose: options.verbose > 0,
            warning: self.warning(),
        }
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
