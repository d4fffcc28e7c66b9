//! The command line: every command and what it is called. What a command does is in the file of its name.

use crate::account::{self, AccountArgs};
use crate::alloc::{self, AllocArgs};
use crate::archive::{self, ArchiveArgs};
use crate::crontab::{self, CrontabArgs};
use crate::demo::{self, DemoArgs};
use crate::jobs::act::{self, CancelArgs, HoldArgs, RequeueArgs, SuspendArgs};
use crate::jobs::attach::{self, AttachArgs};
use crate::jobs::history::{self, HistoryArgs};
use crate::jobs::list::{self, PsArgs};
use crate::jobs::logs::{self, LogsArgs};
use crate::jobs::recorded;
use crate::jobs::show::{self, ShowArgs};
use crate::jobs::wait::{self, WaitArgs};
use crate::monitoring::{self, ImportArgs};
use crate::nodes::{self, NodesArgs};
use crate::report::{self, ReportArgs};
use crate::run::{self, RunArgs};
use crate::serve::{self, ServeArgs};
use crate::srun::{self, SrunArgs};
use crate::submit::{self, SubmitArgs};
use crate::terminal::{ColourWish, Terminal};
use crate::token::{self, TokenArgs};
use crate::top::{self, TopArgs};
use crate::users::{self, UserArgs};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The whole command line.
#[derive(Parser, Clone, Debug)]
#[command(name = "quintet", version, propagate_version = true, max_term_width = 100)]
#[command(about = "A complete HPC job service in one program")]
#[command(after_help = "Exit codes: 0 success, 1 the request failed, 2 wrong usage.")]
pub(crate) struct Cli {
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: ColourWish,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Clone, Debug)]
enum Command {
    /// Serve jobs on this machine
    Serve(ServeArgs),
    /// Show the main job from end to end, with a service of its own, in a minute and a half
    Demo(DemoArgs),
    /// Make a credential and print it, or take one back
    Token(TokenArgs),
    /// Say who may do what
    User(UserArgs),
    /// Show and change accounts, users, associations and qualities of service, as sacctmgr does
    Account(Box<AccountArgs>),
    /// Submit a batch job, as sbatch does
    #[command(infer_long_args = true, args_override_self = true)]
    Submit(Box<SubmitArgs>),
    /// Run a command as a job, as if it ran here
    #[command(infer_long_args = true, args_override_self = true)]
    Run(Box<RunArgs>),
    /// Hold resources while a command or a shell runs here, as salloc does
    #[command(infer_long_args = true, args_override_self = true)]
    Alloc(Box<AllocArgs>),
    /// Run tasks inside a job, as srun does; outside of one, make a job for them
    #[command(infer_long_args = true, args_override_self = true)]
    Srun(Box<SrunArgs>),
    /// List jobs that wait and run
    Ps(PsArgs),
    /// Show one job, node or partition in full
    Show(ShowArgs),
    /// Print what a job writes
    Logs(LogsArgs),
    /// Show what a job writes while it runs
    Attach(AttachArgs),
    /// Wait until jobs have ended, and exit with their exit code
    Wait(WaitArgs),
    /// Cancel jobs, or send them a signal
    Cancel(CancelArgs),
    /// Keep jobs that wait from starting
    Hold(HoldArgs),
    /// Let held jobs start
    Release(HoldArgs),
    /// Halt running jobs, so that others can use their CPUs
    Suspend(SuspendArgs),
    /// Let suspended jobs go on, as soon as their CPUs are free
    Resume(SuspendArgs),
    /// Put jobs back into the queue
    Requeue(RequeueArgs),
    /// Watch nodes and jobs, and act on them
    Top(TopArgs),
    /// Show, edit or install the crontab: jobs that recur
    Crontab(CrontabArgs),
    /// List nodes
    Nodes(NodesArgs),
    /// List jobs that have ended
    #[command(args_override_self = true)]
    History(Box<HistoryArgs>),
    /// Say who used how much, as sreport does
    Report(ReportArgs),
    /// Take out of history what is too old, and bring it back
    Archive(ArchiveArgs),
    /// Take in the jobs of another ClusterCockpit's archive; what is there already stays as it is
    ///
    /// The service runs meanwhile. It must watch the clusters of the archive: [clustercockpit] clusters of its configuration
    /// names their cluster.json. Folders that are no jobs are named, and the others are taken in; an import that was
    /// interrupted is begun anew.
    ImportArchive(ImportArgs),
    /// Print what makes a shell complete these commands
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command into a directory
    Man {
        /// Where to write them
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// Returns the words of the command line as this program has them: called by the name `srun` or `salloc` it is that
/// command.
pub(crate) fn words(mut words: Vec<OsString>) -> Vec<OsString> {
    const NAMES: [(&str, &str); 2] = [("srun", "srun"), ("salloc", "alloc")];
    let name = words.first().and_then(|word| Path::new(word).file_name());
    let known = name.and_then(|name| NAMES.iter().find(|(known, _)| name == *known));
    if let Some((_, command)) = known {
        words.insert(0, "quintet".into());
        words[1] = (*command).into();
    }
    let is_of_slurm = words.get(1).is_some_and(|word| NAMES.iter().any(|(_, command)| word == command));
    match words.get(2).and_then(|word| word.to_str()) {
        Some("-V" | "--version") if is_of_slurm => return vec!["quintet".into(), "--version".into()],
        Some("--usage") if is_of_slurm => words[2] = "-h".into(),
        _ => {}
    }
    if words.get(1).is_some_and(|word| word == "srun") {
        let rest = words.split_off(2);
        words.extend(srun::spread(rest));
    }
    if words.get(1).is_some_and(|word| word == "history") {
        let rest = words.split_off(2);
        words.extend(recorded::spread(rest));
    }
    words
}

/// Reads the command line; whatever is wrong with it is told here, with exit code 2.
pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<(Cli, ArgMatches), clap::Error> {
    let matches = Cli::command().try_get_matches_from(words)?;
    let cli = Cli::from_arg_matches(&matches)?;
    Ok((cli, matches))
}

/// Does what the command line says.
pub(crate) fn run(cli: Cli, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let terminal = Terminal::of(cli.color);
    let of_command = matches.subcommand().map_or(matches, |(_, matches)| matches);
    match cli.command {
        Command::Serve(args) => serve::run(args, terminal),
        Command::Demo(args) => demo::run(args, terminal),
        Command::Token(args) => token::run(args, terminal),
        Command::User(args) => asking(users::run(args, terminal)),
        Command::Account(args) => asking(account::run(*args, terminal)),
        Command::Logs(args) => asking(logs::run(args, terminal)),
        Command::History(args) => asking(history::run(*args, terminal)),
        Command::Submit(args) => asking(submit::run(*args, of_command, terminal)),
        Command::Run(args) => asking(run::run(*args, of_command, terminal)),
        Command::Alloc(args) => asking(alloc::run(*args, of_command)),
        Command::Srun(args) => asking(async { Ok(srun::run(*args, of_command).await) }),
        Command::Attach(args) => asking(attach::run(args, terminal)),
        Command::Wait(args) => asking(wait::run(args, terminal)),
        Command::Ps(args) => asking(list::run(args, terminal)),
        Command::Show(args) => asking(show::run(args, terminal)),
        Command::Cancel(args) => asking(act::cancel(args, terminal)),
        Command::Hold(args) => asking(act::hold(args, true, terminal)),
        Command::Release(args) => asking(act::hold(args, false, terminal)),
        Command::Suspend(args) => asking(act::suspend(args)),
        Command::Resume(args) => asking(act::resume(args)),
        Command::Requeue(args) => asking(act::requeue(args)),
        Command::Top(args) => asking(top::run(args, terminal)),
        Command::Crontab(args) => asking(crontab::run(args, terminal)),
        Command::Nodes(args) => asking(nodes::run(args, terminal)),
        Command::Archive(args) => archive::run(args, terminal),
        Command::ImportArchive(args) => asking(monitoring::import(args, terminal)),
        Command::Report(args) => asking(report::run(args, terminal)),
        Command::Completions { shell } => crate::manual::completions(shell, terminal),
        Command::Man { out } => crate::manual::man(out.as_deref(), terminal),
    }
}

/// Runs a command that asks the service; one thread is enough for that.
fn asking(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
