//! The environment a job is sent with, as `--export` asks for.

use super::values::ExportWish;
use std::ffi::OsString;

/// The environment of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JobEnvironment {
    /// `NAME=value`.
    pub(crate) variables: Vec<String>,
    /// Names of variables that were wanted but cannot be sent, because they are not UTF-8.
    pub(crate) left_out: Vec<String>,
}

/// Without these hardly any script works, so they are sent even if nothing is to be exported: there is no log-in shell
/// on the way that would set them.
const BASIC: &[&str] = &["HOME", "USER", "LOGNAME", "SHELL", "PATH"];

/// The credential of this program: sent only if it is asked for by name, since the service keeps what it is sent.
const CREDENTIAL: &str = "QUINTET_TOKEN";

/// Returns the environment to send: of the `present` one what `wish` selects (all of it, if there is no wish), and the
/// variables that tell a job where it was submitted.
pub(crate) fn job_environment(
    wish: Option<&ExportWish>,
    present: impl IntoIterator<Item = (OsString, OsString)>,
    submit_dir: &str,
    submit_host: &str,
) -> JobEnvironment {
    let present: Vec<_> = present.into_iter().collect();
    // Inside of a job, what that job was told must not be taken for what the new one is told.
    let inside_job = present.iter().any(|(name, _)| name == "SLURM_JOB_ID");
    let of_outer_job = |name: &str| inside_job && name.starts_with("SLURM_");
    let mut environment = JobEnvironment::default();
    for (name, value) in present {
        let lossy = name.to_string_lossy().into_owned();
        if !is_wanted(wish, &lossy) || of_outer_job(&lossy) {
            continue;
        }
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => environment.variables.push(format!("{name}={value}")),
            _ => environment.left_out.push(lossy),
        }
    }
    for (name, value) in wish.into_iter().flat_map(|wish| &wish.single) {
        if let Some(value) = value {
            set(&mut environment.variables, name, value);
        }
    }
    if let Some(wish) = wish {
        set(&mut environment.variables, "SLURM_EXPORT_ENV", &wish.written);
    }
    set(&mut environment.variables, "SLURM_SUBMIT_DIR", submit_dir);
    set(&mut environment.variables, "SLURM_SUBMIT_HOST", submit_host);
    environment
}

/// Returns the name of this machine.
pub(crate) fn host_name() -> String {
    let read = |path| std::fs::read_to_string(path).ok();
    let name: Option<String> = std::env::var_os("HOSTNAME").map(OsString::into_string).and_then(Result::ok);
    let name = read("/proc/sys/kernel/hostname").or(name).unwrap_or_default();
    name.trim().to_owned()
}

fn is_wanted(wish: Option<&ExportWish>, name: &str) -> bool {
    let Some(wish) = wish else { return name != CREDENTIAL };
    let named = wish.single.iter().any(|(wanted, value)| wanted == name && value.is_none());
    named || (wish.all && name != CREDENTIAL) || BASIC.contains(&name) || name.starts_with("SLURM_")
}

fn set(variables: &mut Vec<String>, name: &str, value: &str) {
    variables.retain(|line| line.split_once('=').is_none_or(|(other, _)| other != name));
    variables.push(format!("{name}={value}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wish: Option<&str>, present: &[(&str, &str)], told: &[&str]) {
        let wish = wish.map(|wish| wish.parse::<ExportWish>().unwrap());
        let present = present.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let environment = job_environment(wish.as_ref(), present, "/w", "h");
        let told: Vec<&str> =
            told.iter().copied().chain(["SLURM_SUBMIT_DIR=/w", "SLURM_SUBMIT_HOST=h"]).collect();
        assert_eq!(environment.variables, told);
        assert!(environment.left_out.is_empty());
    }

    #[test]
    fn everything_is_sent_but_the_credential() {
        check(None, &[("A", "1"), ("QUINTET_TOKEN", "t")], &["A=1"]);
        check(Some("ALL"), &[("A", "1"), ("QUINTET_TOKEN", "t")], &["A=1", "SLURM_EXPORT_ENV=ALL"]);
        check(
            Some("QUINTET_TOKEN"),
            &[("QUINTET_TOKEN", "t")],
            &["QUINTET_TOKEN=t", "SLURM_EXPORT_ENV=QUINTET_TOKEN"],
        );
    }

    #[test]
    fn nothing_means_the_basic_ones() {
        check(Some("NONE"), &[("A", "1"), ("PATH", "/bin")], &["PATH=/bin", "SLURM_EXPORT_ENV=NONE"]);
    }

    #[test]
    fn single_variables_are_picked_or_set() {
        check(
            Some("A,B=2"),
            &[("A", "1"), ("B", "1"), ("C", "1")],
            &["A=1", "B=2", "SLURM_EXPORT_ENV=A,B=2"],
        );
        check(Some("ALL,B=2"), &[("A", "1"), ("B", "1")], &["A=1", "B=2", "SLURM_EXPORT_ENV=ALL,B=2"]);
    }

    #[test]
    fn what_an_outer_job_was_told_is_not_passed_on() {
        check(None, &[("SLURM_JOB_ID", "7"), ("SLURM_ARRAY_TASK_ID", "3"), ("A", "1")], &["A=1"]);
        check(None, &[("SLURM_HINT", "x"), ("A", "1")], &["SLURM_HINT=x", "A=1"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_text_is_named() {
        use std::os::unix::ffi::OsStringExt;
        let odd = (OsString::from("ODD"), OsString::from_vec(vec![0xff]));
        assert_eq!(job_environment(None, [odd], "/", "h").left_out, ["ODD"]);
    }
}
