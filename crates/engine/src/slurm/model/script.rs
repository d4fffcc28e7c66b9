//! What a cluster can be told in a script only: variables whose values are known at the start, and the file mode mask.

use domain::{Problem, Text};

/// Shells that read what is put in front of a script.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ksh", "zsh", "ash"];

/// Returns the script with lines in front that set what it is to be told.
///
/// # Errors
/// [`Problem::Unsupported`] if something is to be told and the script is none of a shell.
pub(super) fn told(script: &[u8], told: &[(Text, Text)], umask: Option<u32>) -> Result<Text, Problem> {
    let script = String::from_utf8(script.to_vec())
        .map_err(|_| Problem::Unsupported(Text::const_new("a script that is no UTF-8")))?;
    let mut lines = String::new();
    if let Some(mask) = umask.filter(|mask| *mask != 0o022) {
        lines.push_str(&format!("umask {mask:04o}\n"));
    }
    for (name, pattern) in told {
        lines.push_str(&format!("export {name}={}\n", value(pattern)));
    }
    if lines.is_empty() {
        return Ok(Text::from(script));
    }
    let (first, rest) = match script.split_once('\n') {
        Some((first, rest)) if first.starts_with("#!") => (first, rest),
        _ => ("#!/bin/sh", script.as_str()),
    };
    let mut words = first.trim_start_matches("#!").split_whitespace();
    let program = words.next().unwrap_or_default();
    let program = if program.ends_with("/env") { words.next().unwrap_or_default() } else { program };
    let name = program.rsplit('/').next().unwrap_or_default();
    match SHELLS.contains(&name) {
        true => Ok(Text::from(format!("{first}\n{lines}{rest}"))),
        false => Err(Problem::Unsupported(Text::const_new("telling variables to a script of no shell"))),
    }
}

/// Writes a pattern of a file name as a shell's word: what stands for the job is what Slurm tells it.
fn value(pattern: &str) -> String {
    let mut word = String::from("\"");
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '%' => match rest.next() {
                Some('j') => word.push_str("${SLURM_JOB_ID}"),
                Some('J') => word.push_str("${SLURM_JOB_ID}"),
                Some('A') => word.push_str("${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}"),
                Some('a') => word.push_str("${SLURM_ARRAY_TASK_ID:-4294967294}"),
                Some('u') => word.push_str("${SLURM_JOB_USER}"),
                Some('x') => word.push_str("${SLURM_JOB_NAME}"),
                Some('N') => word.push_str("${SLURMD_NODENAME}"),
                Some('%') => word.push('%'),
                other => word.extend(std::iter::once('%').chain(other)),
            },
            '"' | '\\' | '$' | '`' => word.extend(['\\', letter]),
            letter => word.push(letter),
        }
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &'static str, pattern: &'static str) -> Vec<(Text, Text)> {
        vec![(name.into(), pattern.into())]
    }

    #[test]
    fn variables_are_set_behind_the_first_line() {
        let script = told(b"#!/bin/bash -l\necho\n", &pair("PJM_JOBID", "%j"), None).unwrap();
        assert_eq!(script, "#!/bin/bash -l\nexport PJM_JOBID=\"${SLURM_JOB_ID}\"\necho\n");
        let script = told(b"#!/usr/bin/env bash\n", &pair("A", "$x`\"%%"), Some(0o77)).unwrap();
        assert_eq!(script, "#!/usr/bin/env bash\numask 0077\nexport A=\"\\$x\\`\\\"%\"\n");
        assert_eq!(told(b"anything", &[], Some(0o22)).unwrap(), "anything");
        assert!(told(b"#!/usr/bin/python3\n", &pair("A", "b"), None).is_err());
        assert!(told(b"\xff", &[], None).is_err());
    }
}
