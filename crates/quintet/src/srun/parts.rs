//! The parts of a step: one for each program between colons, and for each component of a heterogeneous job that it runs in.

use super::command::SrunArgs;
use super::options::SrunOptions;
use super::read::{name_of, options, spread};
use crate::submit::layers;
use anyhow::bail;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use std::ffi::OsString;

/// A part of a step.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The component of the job it runs in.
    pub(super) component: u32,
    /// Its options. Those that are about the step as a whole count in the first part only.
    pub(super) options: SrunOptions,
    /// What it runs.
    pub(super) command: Vec<OsString>,
    /// The name of its program, without what may stand around it.
    pub(super) name: String,
}

/// What stands between two colons.
pub(super) struct Group {
    matches: ArgMatches,
    command: Vec<OsString>,
}

/// Divides the command line where a colon stands alone.
///
/// # Errors
/// If what follows a colon is no option.
pub(super) fn groups(command: &[OsString], first: &ArgMatches) -> Result<Vec<Group>, clap::Error> {
    let mut words = command.split(|word| word == ":");
    let own = words.next().unwrap_or_default().to_vec();
    let mut groups = vec![Group { matches: first.clone(), command: own }];
    for words in words {
        let reader = Command::new("srun").no_binary_name(true).args_override_self(true);
        let reader = SrunArgs::augment_args(reader.infer_long_args(true));
        let matches = reader.try_get_matches_from(spread(words.to_vec()))?;
        let command = SrunArgs::from_arg_matches(&matches)?.command;
        groups.push(Group { matches, command });
    }
    Ok(groups)
}

/// What the parts are made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// A job that is there, with so many components.
    Job(u32),
    /// One that has to be made.
    Nowhere,
}

/// Variables that say how large something is: those of all components together are no component's own.
const SIZES: &[&str] = &[
    "SLURM_CPUS_PER_TASK",
    "SLURM_DISTRIBUTION",
    "SLURM_GPUS",
    "SLURM_GPUS_PER_NODE",
    "SLURM_GPUS_PER_TASK",
    "SLURM_JOB_NUM_NODES",
    "SLURM_MEM_PER_CPU",
    "SLURM_MEM_PER_GPU",
    "SLURM_MEM_PER_NODE",
    "SLURM_NNODES",
    "SLURM_NPROCS",
    "SLURM_NTASKS",
    "SLURM_NTASKS_PER_NODE",
    "SLURM_OVERCOMMIT",
    "SLURM_TRES_PER_TASK",
];

/// Returns the parts of a step.
///
/// # Errors
/// If there is no such component, an option cannot be taken, or one of a later part is about the step as a whole.
pub(super) fn parts(
    groups: Vec<Group>,
    place: Where,
    variable: impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<Vec<Part>> {
    let several = groups.len() > 1;
    let mut parts = Vec::new();
    for (at, group) in (0_u32..).zip(groups) {
        if at > 0 {
            refuse_what_is_the_steps(&group.matches)?;
        }
        for component in components(&group.matches, at, several, place)? {
            let of_component = |name: &str| match place {
                Where::Job(size) if size > 1 => {
                    let own = variable(&format!("{name}_HET_GROUP_{component}"));
                    own.or_else(|| if SIZES.contains(&name) { None } else { variable(name) })
                }
                _ => variable(name),
            };
            let options = options(&group.matches, place != Where::Nowhere, of_component)?;
            let name = group.command.first().map(|program| name_of(program)).unwrap_or_default();
            parts.push(Part { component, options, command: group.command.clone(), name });
        }
    }
    Ok(parts)
}

/// Returns the components that a group runs in.
fn components(matches: &ArgMatches, at: u32, several: bool, place: Where) -> anyhow::Result<Vec<u32>> {
    let given = matches.get_one::<String>("het_group");
    let last = match place {
        Where::Job(size) => size.saturating_sub(1),
        Where::Nowhere => 0,
    };
    match (given, place) {
        (Some(list), _) => {
            let chosen = read(list)?;
            if let Some(beyond) = chosen.iter().find(|component| **component > last) {
                bail!("Requested het-group offset exceeds highest hetjob index ({beyond} > {last})");
            }
            if last == 0 {
                bail!("No directives to start application on any available hetjob components");
            }
            Ok(chosen)
        }
        (None, Where::Job(size)) if size > 1 && at > last => bail!(
            "Attempt to run a job step with het group value of {at}, but the job allocation has maximum value of {last}"
        ),
        (None, Where::Job(size)) if size > 1 => Ok(vec![at]),
        (None, Where::Nowhere) if several => Ok(vec![at]),
        (None, _) => Ok(vec![0]),
    }
}

/// Reads `0,2-4`, in order.
fn read(list: &str) -> anyhow::Result<Vec<u32>> {
    const MOST: u32 = 128;
    let mut chosen = std::collections::BTreeSet::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (first.parse::<u32>(), last.parse::<u32>()) {
            (Ok(first), Ok(last)) if first <= last && last < MOST => chosen.extend(first..=last),
            _ => bail!("Invalid --het-group value: {list}"),
        }
    }
    Ok(chosen.into_iter().collect())
}

/// What counts for the step as a whole has to be said at first.
fn refuse_what_is_the_steps(matches: &ArgMatches) -> anyhow::Result<()> {
    const OF_THE_STEP: &[&str] = &[
        "chdir",
        "disable-status",
        "epilog",
        "error",
        "export",
        "ignore-signals",
        "immediate",
        "input",
        "jobid",
        "kill-on-bad-exit",
        "label",
        "mpi",
        "multi-prog",
        "open-mode",
        "output",
        "preserve-env",
        "prolog",
        "propagate",
        "pty",
        "quit-on-interrupt",
        "unbuffered",
        "wait",
    ];
    for word in layers::words_of::<SrunOptions>(matches) {
        let word = word.to_string_lossy();
        let name = word.trim_start_matches("--").split('=').next().unwrap_or_default();
        if OF_THE_STEP.contains(&name) {
            bail!("--{name} counts for all programs of a step: give it before the first one");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(
        words: &[&str],
        place: Where,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Vec<(u32, Option<u32>, String)>> {
        let words: Vec<OsString> = spread(words.iter().map(OsString::from).collect());
        let reader = SrunArgs::augment_args(Command::new("srun").no_binary_name(true));
        let matches = reader.try_get_matches_from(words)?;
        let command = SrunArgs::from_arg_matches(&matches)?.command;
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        let parts = parts(groups(&command, &matches)?, place, variable)?;
        let shown = |part: Part| {
            let words: Vec<_> = part.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            (part.component, part.options.ntasks, words.join(" "))
        };
        Ok(parts.into_iter().map(shown).collect())
    }

    #[test]
    fn colons_and_components_make_parts() {
        let check = |words: &[&str], place, wanted: &[(u32, Option<u32>, &str)]| {
            let wanted: Vec<_> =
                wanted.iter().map(|(at, tasks, run)| (*at, *tasks, (*run).to_owned())).collect();
            assert_eq!(told(words, place, &[]).unwrap(), wanted, "{words:?}");
        };
        check(&["-n2", "a", "b"], Where::Nowhere, &[(0, Some(2), "a b")]);
        let two: &[_] = &[(0, Some(2), "a"), (0, Some(3), "b -x")];
        check(&["-n2", "a", ":", "-n3", "b", "-x"], Where::Job(1), two);
        let two: &[_] = &[(0, Some(2), "a"), (1, Some(3), "b -x")];
        check(&["-n2", "a", ":", "-n3", "b", "-x"], Where::Job(2), two);
        check(&["-n2", "a", ":", "-n3", "b", "-x"], Where::Nowhere, two);
        check(&["--het-group=1,0", "a"], Where::Job(2), &[(0, None, "a"), (1, None, "a")]);
        check(&["a"], Where::Job(2), &[(0, None, "a")]);
    }

    #[test]
    fn components_have_variables_of_their_own() {
        let variables = [("SLURM_NTASKS", "5"), ("SLURM_NTASKS_HET_GROUP_1", "3")];
        let of = |words: &[&str], place| told(words, place, &variables).unwrap();
        assert_eq!(of(&["--het-group=0,1", "a"], Where::Job(2))[1].1, Some(3));
        assert_eq!(of(&["a"], Where::Job(2))[0].1, None);
        assert_eq!(of(&["a"], Where::Job(1))[0].1, Some(5));
    }

    #[test]
    fn what_cannot_be_is_refused_in_the_words_of_srun() {
        let check = |words: &[&str], place, wanted: &str| {
            let refused = told(words, place, &[]).unwrap_err().to_string();
            assert!(refused.starts_with(wanted), "{words:?}: {refused}");
        };
        let beyond = "Requested het-group offset exceeds highest hetjob index (2 > 1)";
        check(&["--het-group=2", "a"], Where::Job(2), beyond);
        check(&["--het-group=0", "a"], Where::Job(1), "No directives to start application on any available");
        check(&["--het-group=0,x", "a"], Where::Job(2), "Invalid --het-group value: 0,x");
        let third = "Attempt to run a job step with het group value of 2, but the job allocation has maximum value of 1";
        check(&["a", ":", "b", ":", "c"], Where::Job(2), third);
        check(&["a", ":", "-l", "b"], Where::Job(1), "--label counts for all programs of a step");
    }
}
