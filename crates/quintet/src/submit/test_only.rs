//! `--test-only` of submit and srun: what is said of a job that is not submitted, in the words of Slurm 26.05.

use crate::client::ClientError;
use crate::sheet::local_time;
use std::io::Write;

/// Says when and where a job would start, or why it cannot be; returns the exit code. What the service answered is the
/// number that the job would get, and words such as `start=SECONDS cpus=2 nodes=n[1-2] partition=main`.
///
/// # Errors
/// If the service cannot be asked.
pub(crate) fn tell(
    answer: Result<(u32, String), ClientError>,
    say: impl Fn(&str),
) -> Result<u8, ClientError> {
    match answer {
        Ok((job, words)) => {
            say(&sentence(job, &words));
            Ok(0)
        }
        Err(ClientError::Refused { why, entries, .. }) => {
            let why =
                entries.into_iter().map(|entry| entry.text).find(|text| !text.is_empty()).unwrap_or(why);
            fail(&why);
            Ok(1)
        }
        Err(error) => Err(error),
    }
}

/// Says that a job cannot be, and why. Slurm names no program here.
pub(crate) fn fail(why: &str) {
    // If nobody can be told, there is nobody to be told that.
    let _ = writeln!(std::io::stderr(), "allocation failure: {why}");
}

fn sentence(job: u32, words: &str) -> String {
    let value = |name: &str| {
        let value = |word: &str| Some(word.strip_prefix(name)?.strip_prefix('=')?.to_owned());
        words.split(' ').find_map(value)
    };
    let start = value("start").and_then(|start| start.parse().ok()).map(local_time).unwrap_or_default();
    let (cpus, nodes) = (value("cpus").unwrap_or_default(), value("nodes").unwrap_or_default());
    match value("partition") {
        Some(partition) => format!(
            "Job {job} to start at {start} a using {cpus} processors on nodes {nodes} in partition {partition}"
        ),
        None => format!("Job {job} to start at {start} using {cpus} processors on {nodes}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_told_as_slurm_tells_them() {
        let alone = sentence(39, "start=0 cpus=2 nodes=n[1-2] partition=debug");
        let start = local_time(0);
        let wanted =
            format!("Job 39 to start at {start} a using 2 processors on nodes n[1-2] in partition debug");
        assert_eq!(alone, wanted);
        let joint = sentence(55, "start=0 cpus=3 nodes=n[1-2]");
        assert_eq!(joint, format!("Job 55 to start at {start} using 3 processors on n[1-2]"));
    }
}
