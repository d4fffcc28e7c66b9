//! Reads srun's command line and the variables that stand for options.

use super::command::SrunArgs;
use super::options::SrunOptions;
use super::variables::{EVERYWHERE, FOR_A_JOB};
use crate::submit::layers::{self, Meaning, OptionError};
use clap::{ArgAction, ArgMatches, Args, Command};
use std::ffi::{OsStr, OsString};

/// Options of srun that this program knows and cannot do, and why.
const IMPOSSIBLE: &[(&str, &str)] = &[
    ("accel-bind", "devices are bound by --gpus-per-task"),
    ("acctg-freq", "tasks are measured as the service is configured"),
    ("async", "start the step with & in a shell, which can wait for it"),
    ("bb", "there are no burst buffers"),
    ("bbf", "there are no burst buffers"),
    ("bcast", "every node sees the same files"),
    ("bcast-exclude", "every node sees the same files"),
    ("cluster-constraint", "there is one cluster"),
    ("clusters", "there is one cluster"),
    ("compress", "every node sees the same files"),
    ("container", "containers are not supported"),
    ("container-id", "containers are not supported"),
    ("container-type", "containers are not supported"),
    ("cores-per-socket", "use --mincpus or --sockets-per-node"),
    ("cpu-freq", "the frequency of CPUs cannot be chosen"),
    ("delay-boot", "nodes are not booted"),
    ("extra-node-info", "use --sockets-per-node and --threads-per-core"),
    ("gpu-bind", "use --gpus-per-task"),
    ("gpu-freq", "the frequency of GPUs cannot be chosen"),
    ("network", "there is no network to choose"),
    ("no-allocate", "nothing runs beside the queue"),
    ("parsable", "it is for --async, which is not supported"),
    ("power", "the power of nodes is not managed"),
    ("profile", "profiles are not supported"),
    ("reboot", "nodes are not booted"),
    ("resv-ports", "ports are not reserved"),
    ("segment", "there are no blocks of nodes"),
    ("send-libs", "every node sees the same files"),
    ("slurmd-debug", "how much the service logs is configured there"),
    ("spread-segments", "there are no blocks of nodes"),
    ("tres-bind", "use --gpus-per-task"),
    ("wait-for-children", "what a task leaves behind is ended with it"),
];

/// Refuses what cannot be done, with the reason and not as if nobody had ever heard of it.
pub(super) fn impossible(option: &str) -> Option<&'static str> {
    IMPOSSIBLE.iter().find(|(name, _)| *name == option).map(|(_, why)| *why)
}

/// Returns the options that count.
///
/// # Errors
/// If a variable holds what is no option.
pub(super) fn options(
    command_line: &ArgMatches,
    in_job: bool,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<SrunOptions, OptionError> {
    let for_a_job: &[_] = if in_job { &[] } else { FOR_A_JOB };
    let given = layers::words_of::<SrunOptions>(command_line);
    let mut words = Vec::new();
    for (name, meaning) in EVERYWHERE.iter().chain(for_a_job) {
        let Some(value) = variable(name) else { continue };
        if !is_displaced(*meaning, &given) {
            words.extend(layers::words_of_variable::<SrunOptions>(name, *meaning, &value)?);
        }
    }
    let preserve = given.iter().any(|word| word == "--preserve-env");
    let counts = |word: &OsString| {
        let text = word.to_string_lossy();
        preserve && ["--ntasks=", "--nodes="].iter().any(|option| text.starts_with(option))
    };
    let (counts, rest): (Vec<OsString>, Vec<OsString>) = words.into_iter().partition(counts);
    layers::whole::<SrunOptions>(rest.into_iter().chain(given).chain(counts))
}

/// Tells whether an option on the command line answers the question that a variable answers too.
fn is_displaced(meaning: Meaning, given: &[OsString]) -> bool {
    const MEMORY: &[&str] = &["--mem=", "--mem-per-cpu=", "--mem-per-gpu="];
    const TASK_CPUS: &[&str] = &["--cpus-per-task=", "--tres-per-task="];
    const GPUS: &[&str] = &["--gpus=", "--gpus-per-node=", "--gpus-per-task=", "--gres="];
    let Some(option) = meaning.option() else { return false };
    let option = format!("--{option}=");
    let has = |options: &[&str]| {
        given.iter().any(|word| options.iter().any(|option| word.to_string_lossy().starts_with(option)))
    };
    [MEMORY, TASK_CPUS, GPUS].iter().any(|group| group.contains(&option.as_str()) && has(group))
}

/// Writes `-K1` and `-I5` as this program's parser has it: their value is optional and stands in the same word.
pub(crate) fn spread(words: Vec<OsString>) -> Vec<OsString> {
    let command = SrunArgs::augment_args(Command::new("srun"));
    let mut spread = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        let value_of = |short: &str| text.strip_prefix(short).filter(|value| value.parse::<u64>().is_ok());
        if text == "--" || !text.starts_with('-') || text == "-" {
            spread.push(word);
            break;
        }
        if let Some(value) = value_of("-K") {
            spread.push(format!("--kill-on-bad-exit={value}").into());
        } else if let Some(value) = value_of("-I") {
            spread.push(format!("--immediate={value}").into());
        } else {
            spread.push(word);
            if takes_next_word(&command, &text) {
                spread.extend(words.next());
            }
        }
    }
    spread.extend(words);
    spread
}

fn takes_next_word(command: &Command, word: &str) -> bool {
    let takes = |argument: &clap::Arg| {
        !matches!(argument.get_action(), ArgAction::SetTrue | ArgAction::Count)
            && !argument.is_require_equals_set()
    };
    if let Some(long) = word.strip_prefix("--") {
        let all: Vec<&clap::Arg> = command
            .get_arguments()
            .filter(|argument| argument.get_long().is_some_and(|name| name.starts_with(long)))
            .collect();
        let exact = all.iter().find(|argument| argument.get_long() == Some(long));
        return exact.or(all.first()).is_some_and(|argument| takes(argument));
    }
    // Of letters in one word the first that takes a value takes the rest of the word, if there is any.
    let letters: Vec<char> = word.chars().skip(1).collect();
    for (at, letter) in letters.iter().enumerate() {
        let argument = command.get_arguments().find(|argument| argument.get_short() == Some(*letter));
        if argument.is_some_and(takes) {
            return at + 1 == letters.len();
        }
    }
    false
}

/// Returns the program's name as steps are called.
pub(super) fn name_of(command: &OsStr) -> String {
    let name = std::path::Path::new(command).file_name().unwrap_or(command);
    name.to_string_lossy().into_owned()
}

/// Tells what is wrong with the command line, as srun does.
pub(crate) fn refuse(error: &clap::Error) -> std::process::ExitCode {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    if !error.use_stderr() {
        let _ = error.print();
        return std::process::ExitCode::SUCCESS;
    }
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) => option.clone(),
        _ => String::new(),
    };
    let bare = option.trim_start_matches('-').split('=').next().unwrap_or_default();
    match (error.kind(), impossible(bare)) {
        (ErrorKind::UnknownArgument, Some(why)) => {
            super::message::complain(&format!("--{bare} is not supported: {why}"));
        }
        (ErrorKind::UnknownArgument, None) => super::message::say(&format!("unrecognized option '{option}'")),
        _ => super::message::complain(&layers::first_line(error)),
    }
    super::message::say("Try \"srun --help\" for more information");
    std::process::ExitCode::FAILURE
}
