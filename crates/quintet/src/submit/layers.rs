//! Where options come from and which of them counts: `#SBATCH` lines, then `SBATCH_*` variables, then the command
//! line; the later one wins. So does sbatch.

use super::directives::Directive;
use super::options::JobOptions;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, Command, FromArgMatches};
use std::ffi::{OsStr, OsString};

/// Why options cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OptionError {
    /// A line of the script is wrong.
    #[error("{script}: line {line}: {why}")]
    Line {
        /// The script.
        script: String,
        /// Its line.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A variable is wrong.
    #[error("environment variable {variable}: {why}")]
    Variable {
        /// Which.
        variable: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Together they make no sense.
    #[error("options of script, environment and command line taken together: {0}")]
    Together(String),
}

/// How a variable is turned into an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Its value is the option's.
    Value(&'static str),
    /// The option is switched on whatever the value.
    Switch(&'static str),
    /// The option is switched on unless the value is empty, 0 or no.
    Truth(&'static str),
    /// Its value is the option's; if it is empty the option stands alone.
    Optional(&'static str),
    /// Slurm knows it, this program does not.
    Unsupported,
}

impl Meaning {
    /// Returns the long option that a variable stands for.
    pub(crate) fn option(self) -> Option<&'static str> {
        match self {
            Meaning::Value(option)
            | Meaning::Switch(option)
            | Meaning::Truth(option)
            | Meaning::Optional(option) => Some(option),
            Meaning::Unsupported => None,
        }
    }
}

/// The variables sbatch knows.
const VARIABLES: &[(&str, Meaning)] = &[
    ("SBATCH_ACCOUNT", Meaning::Value("account")),
    ("SBATCH_ACCTG_FREQ", Meaning::Unsupported),
    ("SBATCH_ARRAY_INX", Meaning::Value("array")),
    ("SBATCH_CLUSTERS", Meaning::Unsupported),
    ("SBATCH_CONSTRAINT", Meaning::Value("constraint")),
    ("SBATCH_CONTAINER", Meaning::Unsupported),
    ("SBATCH_CONTAINER_ID", Meaning::Unsupported),
    ("SBATCH_CORE_SPEC", Meaning::Value("core-spec")),
    ("SBATCH_CPUS_PER_GPU", Meaning::Value("cpus-per-gpu")),
    ("SBATCH_DELAY_BOOT", Meaning::Unsupported),
    ("SBATCH_DISTRIBUTION", Meaning::Value("distribution")),
    ("SBATCH_ERROR", Meaning::Value("error")),
    ("SBATCH_EXCLUSIVE", Meaning::Optional("exclusive")),
    ("SBATCH_EXPORT", Meaning::Value("export")),
    ("SBATCH_GET_USER_ENV", Meaning::Unsupported),
    ("SBATCH_GPU_BIND", Meaning::Unsupported),
    ("SBATCH_GPU_FREQ", Meaning::Unsupported),
    ("SBATCH_GPUS", Meaning::Value("gpus")),
    ("SBATCH_GPUS_PER_NODE", Meaning::Value("gpus-per-node")),
    ("SBATCH_GPUS_PER_TASK", Meaning::Value("gpus-per-task")),
    ("SBATCH_GRES", Meaning::Value("gres")),
    ("SBATCH_GRES_FLAGS", Meaning::Unsupported),
    ("SBATCH_HINT", Meaning::Unsupported),
    ("SBATCH_IGNORE_PBS", Meaning::Switch("ignore-pbs")),
    ("SBATCH_INPUT", Meaning::Value("input")),
    ("SBATCH_JOB_NAME", Meaning::Value("job-name")),
    ("SBATCH_MEM_BIND", Meaning::Unsupported),
    ("SBATCH_MEM_PER_CPU", Meaning::Value("mem-per-cpu")),
    ("SBATCH_MEM_PER_GPU", Meaning::Value("mem-per-gpu")),
    ("SBATCH_MEM_PER_NODE", Meaning::Value("mem")),
    ("SBATCH_NETWORK", Meaning::Unsupported),
    ("SBATCH_NO_KILL", Meaning::Switch("no-kill")),
    ("SBATCH_NO_REQUEUE", Meaning::Switch("no-requeue")),
    ("SBATCH_OPEN_MODE", Meaning::Value("open-mode")),
    ("SBATCH_OUTPUT", Meaning::Value("output")),
    ("SBATCH_OVERCOMMIT", Meaning::Switch("overcommit")),
    ("SBATCH_PARTITION", Meaning::Value("partition")),
    ("SBATCH_POWER", Meaning::Unsupported),
    ("SBATCH_PROFILE", Meaning::Unsupported),
    ("SBATCH_QOS", Meaning::Value("qos")),
    ("SBATCH_REQUEUE", Meaning::Switch("requeue")),
    ("SBATCH_RESERVATION", Meaning::Value("reservation")),
    ("SBATCH_SIGNAL", Meaning::Value("signal")),
    ("SBATCH_SPREAD_JOB", Meaning::Switch("spread-job")),
    ("SBATCH_THREADS_PER_CORE", Meaning::Value("threads-per-core")),
    ("SBATCH_THREAD_SPEC", Meaning::Value("thread-spec")),
    ("SBATCH_TIMELIMIT", Meaning::Value("time")),
    ("SBATCH_TRES_BIND", Meaning::Unsupported),
    ("SBATCH_TRES_PER_TASK", Meaning::Value("tres-per-task")),
    ("SBATCH_USE_MIN_NODES", Meaning::Switch("use-min-nodes")),
    ("SBATCH_WAIT", Meaning::Switch("wait")),
    ("SBATCH_WCKEY", Meaning::Value("wckey")),
];

/// Returns the options that count.
///
/// # Errors
/// If a line or variable holds what is no option, or options exclude one another.
pub(crate) fn combine(
    script: &str,
    directives: &[Directive],
    variable: impl Fn(&str) -> Option<OsString>,
    command_line: &ArgMatches,
) -> Result<JobOptions, OptionError> {
    whole(layers(script, directives, &variable, Some(command_line))?)
}

/// Options that each component of a heterogeneous job says for itself. Others that the first gives count for all, as
/// was seen with sbatch: names, files, times, account and the like, and memory.
const OF_ONE_COMPONENT: &[&str] = &[
    "array",
    "constraint",
    "contiguous",
    "core-spec",
    "cores-per-socket",
    "cpus-per-gpu",
    "cpus-per-task",
    "distribution",
    "exclude",
    "exclusive",
    "extra-node-info",
    "gpus",
    "gpus-per-node",
    "gpus-per-socket",
    "gpus-per-task",
    "gres",
    "licenses",
    "mail-type",
    "mail-user",
    "mem-per-gpu",
    "mincpus",
    "nodelist",
    "nodes",
    "ntasks",
    "ntasks-per-core",
    "ntasks-per-gpu",
    "ntasks-per-node",
    "ntasks-per-socket",
    "overcommit",
    "oversubscribe",
    "partition",
    "prefer",
    "reservation",
    "signal",
    "sockets-per-node",
    "spread-job",
    "switches",
    "thread-spec",
    "threads-per-core",
    "tmp",
    "tres-per-task",
    "use-min-nodes",
];

/// Returns the options that count for each component: those of a plain job, where there is but one.
///
/// # Errors
/// As [`combine`].
pub(crate) fn combine_components(
    script: &str,
    directives: &[Directive],
    variable: impl Fn(&str) -> Option<OsString>,
    command_lines: &[ArgMatches],
) -> Result<Vec<JobOptions>, OptionError> {
    let of_script: Vec<&[Directive]> = directives.split(Directive::divides_components).collect();
    let mut inherited: Vec<OsString> = Vec::new();
    let mut components = Vec::new();
    for at in 0..of_script.len().max(command_lines.len()) {
        let directives = of_script.get(at).copied().unwrap_or_default();
        let words = layers(script, directives, &variable, command_lines.get(at))?;
        if at == 0 {
            inherited = words.iter().filter(|word| is_for_all(word)).cloned().collect();
            components.push(whole(words)?);
        } else {
            components.push(whole(inherited.iter().cloned().chain(words))?);
        }
    }
    Ok(components)
}

fn is_for_all(word: &OsStr) -> bool {
    let word = word.to_string_lossy();
    let name = word.trim_start_matches("--").split('=').next().unwrap_or_default();
    !OF_ONE_COMPONENT.contains(&name)
}

/// Returns the options of script, environment and command line as words, the strongest last.
fn layers(
    script: &str,
    directives: &[Directive],
    variable: &impl Fn(&str) -> Option<OsString>,
    command_line: Option<&ArgMatches>,
) -> Result<Vec<OsString>, OptionError> {
    let mut words: Vec<OsString> = Vec::new();
    for Directive { line, words: of_line } in directives {
        let why = |error: clap::Error| (script.to_owned(), *line, first_line(&error));
        let line_error = |(script, line, why)| OptionError::Line { script, line, why };
        let matches =
            command::<JobOptions>().try_get_matches_from(of_line).map_err(why).map_err(line_error)?;
        words.extend(words_of::<JobOptions>(&matches));
    }
    for (name, meaning) in VARIABLES {
        let Some(value) = variable(name) else { continue };
        words.extend(words_of_variable::<JobOptions>(name, *meaning, &value)?);
    }
    words.extend(command_line.map(words_of::<JobOptions>).unwrap_or_default());
    Ok(words)
}

/// Returns the options that a variable stands for, as words.
///
/// # Errors
/// If it holds what is no option.
pub(crate) fn words_of_variable<O: Args>(
    name: &'static str,
    meaning: Meaning,
    value: &OsStr,
) -> Result<Vec<OsString>, OptionError> {
    if let Meaning::Truth(_) = meaning
        && (value.is_empty() || value == "0" || value.eq_ignore_ascii_case("no"))
    {
        return Ok(Vec::new());
    }
    let option = option_of(meaning, value).ok_or_else(|| OptionError::Variable {
        variable: name,
        why: "what it asks for is not supported; unset it".to_owned(),
    })?;
    let matches = command::<O>().try_get_matches_from([option]);
    let matches =
        matches.map_err(|error| OptionError::Variable { variable: name, why: first_line(&error) })?;
    Ok(words_of::<O>(&matches))
}

/// Returns the options that words of all layers, the strongest last, make together.
///
/// # Errors
/// If they exclude one another.
pub(crate) fn whole<O: Args + FromArgMatches>(
    words: impl IntoIterator<Item = OsString>,
) -> Result<O, OptionError> {
    let matches = command::<O>().try_get_matches_from(words);
    let options = matches.and_then(|matches| O::from_arg_matches(&matches));
    options.map_err(|error| OptionError::Together(first_line(&error)))
}

/// The options alone, as a command of their own.
fn command<O: Args>() -> Command {
    let command = Command::new("submit").no_binary_name(true).args_override_self(true).infer_long_args(true);
    O::augment_args(command.disable_help_flag(true).disable_version_flag(true))
}

fn option_of(meaning: Meaning, value: &OsStr) -> Option<OsString> {
    let with_value = |option: &str| {
        let mut word = OsString::from(format!("--{option}="));
        word.push(value);
        word
    };
    match meaning {
        Meaning::Value(option) => Some(with_value(option)),
        Meaning::Optional(option) if !value.is_empty() => Some(with_value(option)),
        Meaning::Optional(option) | Meaning::Switch(option) | Meaning::Truth(option) => {
            Some(format!("--{option}").into())
        }
        Meaning::Unsupported => None,
    }
}

/// Writes options that were given as words again, so that layers can be laid over one another.
pub(crate) fn words_of<O: Args>(matches: &ArgMatches) -> Vec<OsString> {
    let command = command::<O>();
    let mut words = Vec::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        // A sub-command's matches hold more than these options; what is not among them is not asked for here.
        let given = matches.try_contains_id(id).is_ok_and(|given| given)
            && matches.value_source(id) == Some(ValueSource::CommandLine);
        let Some(long) = argument.get_long().filter(|_| given) else { continue };
        match argument.get_action() {
            ArgAction::SetTrue => words.push(format!("--{long}").into()),
            ArgAction::Count => {
                words.extend((0..matches.get_count(id)).map(|_| OsString::from(format!("--{long}"))));
            }
            _ => words.extend(matches.get_raw(id).into_iter().flatten().map(|value| {
                let mut word = OsString::from(format!("--{long}="));
                word.push(value);
                word
            })),
        }
    }
    words
}

/// Returns what clap says in one line, without its prefix and its advice about this program's usage.
pub(crate) fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line).to_owned();
    match error.kind() {
        clap::error::ErrorKind::UnknownArgument => line.replace("unexpected argument", "unknown option"),
        _ => line,
    }
}
