//! `quintet run`: a command as a job, as if it ran here. It is submitted as a batch job, its output is followed as it is
//! written, and its exit code becomes this program's. The job ends with this program, unless it is detached. With `--pty`
//! the command has a terminal instead: then it is a step in an allocation.

use crate::alloc::{self, AllocArgs};
use crate::client::{Client, ClientArgs, ClientError, present_user};
use crate::jobs::JobName;
use crate::jobs::attach::both;
use crate::jobs::follow::{FollowError, Shown, job};
use crate::jobs::row::state;
use crate::jobs::wait::{Ending, ended, told_all};
use crate::submit::{JobOptions, Script, combine, send, whole_request};
use crate::terminal::{Terminal, remark};
use crate::usage::Usage;
use anyhow::Context;
use clap::ArgMatches;
use reqwest::Method;
use slurm_wire::job_change::{KillJobsMsg, KillJobsResp};
use slurm_wire::{Flags, Text};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// Within this time a second Ctrl-C means it.
const TWICE: Duration = Duration::from_secs(1);

/// Arguments of `quintet run`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Print the job's number and leave it alone
    #[arg(long)]
    pub(crate) detach: bool,
    /// Give the command a terminal, and this one's keys: for shells, editors and debuggers
    #[arg(long, conflicts_with_all = ["detach", "json"])]
    pub(crate) pty: bool,
    #[command(flatten)]
    pub(crate) job: JobOptions,
    /// The command, and what follows are its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, required = true)]
    pub(crate) command: Vec<String>,
}

/// Runs a command as a job.
pub(crate) async fn run(args: RunArgs, matches: &ArgMatches, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let mut options = combine("the command line", &[], |name| std::env::var_os(name), matches)?;
    if options.array.is_some() {
        return Err(Usage(
            "an array has no output of its own; submit it with `quintet submit --array`".into(),
        )
        .into());
    }
    if options.test_only {
        return Err(Usage("--test-only is for `quintet submit`".into()).into());
    }
    if args.pty {
        return at_a_terminal(args, options).await;
    }
    let client = Client::open(&args.client)?;
    let keeps_output = options.output.is_some() || options.error.is_some();
    let files = match args.detach || keeps_output {
        true => None,
        false => Files::choose(&client, &mut options).await?,
    };
    let request = whole_request(&options, &script(&args.command))?;
    let is_held = options.hold || options.priority == Some(0);
    let partitions: Vec<String> = options.partition.iter().cloned().collect();
    let answer = send(&client, slurm_wire::to_json(&request), is_held, &partitions).await?;
    let id = answer.value.job_id;
    if args.detach {
        terminal.print(&if args.client.json { answer.text } else { id.to_string() })?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.verbose > 0 {
        remark(&format!("job {id} is submitted"));
    }
    let watched = Watched { client: &client, name: JobName::of(id), quiet: options.quiet };
    let endings = watched.until_it_ends(args.client.json).await?;
    if args.client.json {
        terminal.print(&told_all(&endings))?;
    }
    watched.say_why_it_ended(&endings);
    if let Some(Files::Beside) = files {
        remark(&format!("what it has written is kept in run-{id}.out and run-{id}.err, where it ran"));
    }
    Ok(ExitCode::from(endings.iter().map(Ending::code).max().unwrap_or(0)))
}

/// Runs the command as a step with a terminal, in an allocation that ends with it.
async fn at_a_terminal(args: RunArgs, mut options: JobOptions) -> anyhow::Result<ExitCode> {
    if options.export.is_some() {
        return Err(
            Usage("with --pty the command has this shell's environment; change it with env".into()).into()
        );
    }
    let program = args.command.first().map(String::as_str).unwrap_or_default();
    options.job_name.get_or_insert_with(|| base_name(program));
    options.quiet |= options.verbose == 0;
    let own = std::env::current_exe().context("find this program")?;
    // Steps that the command starts shall find the resources free, so its own step holds none for itself alone.
    let step = ["srun", "--pty", "--overlap", "-N1", "-n1"].map(OsString::from);
    let mut words = vec![own.into_os_string()];
    words.extend(step);
    words.extend(args.client.words());
    words.extend(args.command.into_iter().map(OsString::from));
    let held = AllocArgs {
        client: args.client,
        no_shell: false,
        immediate: false,
        bell: false,
        no_bell: true,
        kill_command: None,
        job: JobOptions::default(),
        command: words,
    };
    alloc::hold(held, options).await
}

/// What jobs are called that have no other name.
fn base_name(program: &str) -> String {
    Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The command becomes the job's process: signals reach it, and its exit code is the job's.
fn script(command: &[String]) -> Script {
    let program = command.first().map(String::as_str).unwrap_or_default();
    let name = base_name(program);
    let text = "#!/bin/sh\n# This script was created by quintet run.\nexec \"$@\"\n".to_owned();
    let arguments = std::iter::once("run".to_owned()).chain(command.iter().cloned()).collect();
    Script { text, name, arguments }
}

/// Where the job writes while it is followed.
enum Files {
    /// In a folder of the user's own on this machine, which vanishes with this value.
    Own(#[expect(dead_code, reason = "it is there to be dropped")] TempDir),
    /// In the working directory, on a machine where nothing can be removed from here.
    Beside,
}

impl Files {
    async fn choose(client: &Client, options: &mut JobOptions) -> anyhow::Result<Option<Files>> {
        let is_own = client.is_on_this_machine() && Some(client.user().await?) == present_user();
        let (files, folder) = match is_own.then(|| tempfile::Builder::new().prefix("quintet-run-").tempdir())
        {
            Some(folder) => {
                let folder = folder.context("make a folder for the job's output")?;
                let path = folder.path().to_string_lossy().into_owned() + "/";
                // A path has its own meaning of %, and folders seldom one.
                (Files::Own(folder), path.replace('%', "%%"))
            }
            None => (Files::Beside, String::new()),
        };
        options.output = Some(format!("{folder}run-%j.out"));
        options.error = Some(format!("{folder}run-%j.err"));
        Ok(Some(files))
    }
}

/// A job that ends with this program.
struct Watched<'a> {
    client: &'a Client,
    name: JobName,
    quiet: bool,
}

impl Watched<'_> {
    /// Follows its output and passes on signals until it has ended.
    async fn until_it_ends(&self, json: bool) -> anyhow::Result<Vec<Ending>> {
        let shown = if json { Shown::Json } else { Shown::AsItIs };
        let told = async {
            match both(self.client, self.name, None, shown).await {
                // Nobody reads any more: what a program is told by SIGPIPE, the job is told by its end.
                Err(error @ FollowError::Write(_)) => {
                    self.cancel().await;
                    Err(anyhow::Error::from(error))
                }
                // A job that never ran has no output; how it ended says more.
                Err(FollowError::Client(ClientError::Refused { .. })) | Ok(()) => Ok(()),
                Err(error) => Err(error).context("follow the job"),
            }
        };
        let work = async {
            told.await?;
            ended(self.client, self.name).await
        };
        tokio::pin!(work);
        let mut signals = Signals::new()?;
        let mut last: Option<Instant> = None;
        loop {
            tokio::select! {
                result = &mut work => return result,
                given = signals.next() => self.take(given, &mut last).await,
            }
        }
    }

    /// Does what a signal asks for.
    async fn take(&self, given: Given, last: &mut Option<Instant>) {
        match given {
            Given::Interrupt => {
                let twice = last.replace(Instant::now()).is_some_and(|last| last.elapsed() < TWICE);
                let present = job(self.client, self.name).await.ok().flatten();
                let state = present.as_ref().map(state).unwrap_or_default();
                if twice || state.starts_with("PENDING") {
                    remark(&format!("cancels job {}", self.name));
                    self.cancel().await;
                } else if !self.quiet {
                    let place = present.map(|job| job.nodes.to_string()).filter(|place| !place.is_empty());
                    let place = place.map(|place| format!(" on {place}")).unwrap_or_default();
                    remark("interrupt (one more within 1 sec to abort)");
                    remark(&format!("job {}: {state}{place}", self.name));
                }
            }
            Given::HangUp => self.cancel().await,
            Given::Other(name) => self.send(Some(name)).await,
        }
    }

    async fn cancel(&self) {
        self.send(None).await;
    }

    /// Sends it a signal, or ends it.
    async fn send(&self, signal: Option<&str>) {
        let mut flags = Flags::default();
        flags.insert_name("FULL_JOB");
        let message = KillJobsMsg {
            jobs: Some([Text::from(self.name.to_string())].into_iter().collect()),
            signal: signal.map(Into::into),
            flags: signal.map(|_| flags),
            ..KillJobsMsg::default()
        };
        let body = slurm_wire::to_json(&message);
        let sent = self.client.slurm::<KillJobsResp>(Method::DELETE, "/jobs/", &[], Some(body)).await;
        if let Err(error) = sent {
            remark(&format!("error: job {}: {error}", self.name));
        }
    }

    /// Says what the exit code alone does not.
    fn say_why_it_ended(&self, endings: &[Ending]) {
        for ending in endings.iter().filter(|ending| !matches!(ending.state.as_str(), "COMPLETED" | "FAILED"))
        {
            remark(&format!("job {}: {}", self.name, ending.state));
        }
    }
}

/// A signal that this program was given.
enum Given {
    /// Ctrl-C.
    Interrupt,
    /// The terminal has gone.
    HangUp,
    /// One that is the job's.
    Other(&'static str),
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    first: tokio::signal::unix::Signal,
    second: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            first: signal(SignalKind::user_defined1())?,
            second: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Given {
        tokio::select! {
            _ = self.interrupt.recv() => Given::Interrupt,
            _ = self.hang_up.recv() => Given::HangUp,
            _ = self.terminate.recv() => Given::Other("TERM"),
            _ = self.quit.recv() => Given::Other("QUIT"),
            _ = self.first.recv() => Given::Other("USR1"),
            _ = self.second.recv() => Given::Other("USR2"),
        }
    }
}
