//! What every task executes, and with which surroundings.

use super::options::SrunOptions;
use super::request::Impossible;
use crate::submit::values::ExportWish;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use supervise::steps::around_a_task;
use supervise::{Resource, Rlimit, current_rlimit};

/// Puts prolog and epilog of tasks around a command.
pub(super) fn around(options: &SrunOptions, command: Vec<OsString>) -> Vec<OsString> {
    let given = |name: &Option<String>| name.as_deref().map(OsString::from);
    let (prolog, epilog) = (given(&options.task_prolog), given(&options.task_epilog));
    let mut whole = around_a_task(prolog.as_deref(), epilog.as_deref(), ["--task-prolog", "--task-epilog"]);
    whole.extend(command);
    whole
}

/// Returns the tasks' environment: of this process's what `--export` selects. What the job was told always goes along.
pub(super) fn environment(
    wish: Option<&ExportWish>,
    present: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    let is_wanted = |name: &OsString| match wish {
        None => true,
        Some(wish) => {
            let named =
                |(wanted, value): &(String, Option<String>)| name == wanted.as_str() && value.is_none();
            let of_job =
                [&b"SLURM_"[..], b"QUINTET_STEPS"].iter().any(|start| name.as_bytes().starts_with(start));
            wish.all || of_job || wish.single.iter().any(named)
        }
    };
    let mut variables: Vec<(OsString, OsString)> =
        present.into_iter().filter(|(name, _)| is_wanted(name)).collect();
    let mut set = |name: &str, value: &str| {
        variables.retain(|(other, _)| other != name);
        variables.push((name.into(), value.into()));
    };
    for (name, value) in wish.into_iter().flat_map(|wish| &wish.single) {
        if let Some(value) = value {
            set(name, value);
        }
    }
    // Tasks run on the machine they were started from.
    set("SLURM_LAUNCH_NODE_IPADDR", "127.0.0.1");
    set("SLURM_SRUN_COMM_HOST", "127.0.0.1");
    variables
}

/// Returns the directory of the tasks.
pub(super) fn directory(options: &SrunOptions) -> std::io::Result<PathBuf> {
    let present = std::env::current_dir();
    match &options.chdir {
        Some(dir) if Path::new(dir).is_absolute() => Ok(PathBuf::from(dir)),
        Some(dir) => Ok(present?.join(dir)),
        None => present,
    }
}

/// Names of limits, as `--propagate` takes them.
const LIMITS: &[&str] = &[
    "AS",
    "CORE",
    "CPU",
    "DATA",
    "FSIZE",
    "LOCKS",
    "MEMLOCK",
    "MSGQUEUE",
    "NICE",
    "NOFILE",
    "NPROC",
    "RSS",
    "RTPRIO",
    "SIGPENDING",
    "STACK",
];

/// Returns this process's limits that the tasks get.
///
/// # Errors
/// If a limit is named that there is none of.
pub(super) fn limits(wish: Option<&str>) -> Result<Vec<Rlimit>, Impossible> {
    let names: Vec<&str> = match wish {
        None => LIMITS.to_vec(),
        Some(all) if all.eq_ignore_ascii_case("all") => LIMITS.to_vec(),
        Some(none) if none.eq_ignore_ascii_case("none") => Vec::new(),
        Some(list) => list.split(',').collect(),
    };
    let limit = |name: &&str| {
        let upper = name.trim().to_ascii_uppercase();
        let bare = upper.strip_prefix("RLIMIT_").unwrap_or(&upper);
        let resource = Resource::from_name(bare).ok_or_else(|| {
            Impossible(format!("--propagate={}: there is no limit {name}", wish.unwrap_or_default()))
        })?;
        let (soft, hard) = current_rlimit(resource);
        Ok(Rlimit { resource, soft, hard })
    };
    names.iter().map(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wish: Option<&str>, present: &[(&str, &str)], told: &[&str]) {
        let wish = wish.map(|wish| wish.parse::<ExportWish>().unwrap());
        let present = present.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let variables = environment(wish.as_ref(), present);
        let told: Vec<String> = told
            .iter()
            .copied()
            .chain(["SLURM_LAUNCH_NODE_IPADDR=127.0.0.1", "SLURM_SRUN_COMM_HOST=127.0.0.1"])
            .map(str::to_owned)
            .collect();
        let shown: Vec<String> = variables
            .iter()
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
            .collect();
        assert_eq!(shown, told);
    }

    #[test]
    fn tasks_get_what_is_exported() {
        let present = [("A", "1"), ("B", "2"), ("SLURM_JOB_ID", "7"), ("PATH", "/bin")];
        check(None, &present, &["A=1", "B=2", "SLURM_JOB_ID=7", "PATH=/bin"]);
        check(Some("NONE"), &present, &["SLURM_JOB_ID=7"]);
        check(Some("A,C=3"), &present, &["A=1", "SLURM_JOB_ID=7", "C=3"]);
        check(Some("ALL,B=9"), &present, &["A=1", "SLURM_JOB_ID=7", "PATH=/bin", "B=9"]);
    }

    #[test]
    fn prolog_and_epilog_stand_around_the_command() {
        let command = vec![OsString::from("a"), OsString::from("b c")];
        assert_eq!(around(&SrunOptions::default(), command.clone()), command);
        let options = SrunOptions { task_epilog: Some("/e".into()), ..SrunOptions::default() };
        let whole = around(&options, command);
        let names = ["--task-prolog", "--task-epilog"];
        assert_eq!(whole[4..], ["", "/e", names[0], names[1], "a", "b c"].map(OsString::from));
    }

    #[test]
    fn limits_are_named() {
        assert_eq!(limits(Some("NONE")).unwrap().len(), 0);
        assert_eq!(limits(None).unwrap().len(), LIMITS.len());
        assert_eq!(limits(Some("nofile,RLIMIT_CORE")).unwrap().len(), 2);
        assert!(limits(Some("FILES")).is_err());
    }
}
