//! `--test-only` of submit and srun: what is said of a job that is not submitted, in the words of Slurm 26.05.

use crate::client::{Client, ClientError};
use crate::sheet::local_time;
use reqwest::Method;
use slurm_wire::partition::PartitionResp;
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

/// Slurm's number for a partition that there is not.
const NO_PARTITION: i64 = 2000;

/// Returns what Slurm says first where a job names partitions that there are not: which ones, of the first of its components
/// that does. `None` if something else is in the way.
pub(crate) async fn strangers(
    client: &Client,
    refusal: &ClientError,
    mut asked: impl Iterator<Item = &str>,
) -> Option<String> {
    let ClientError::Refused { entries, .. } = refusal else { return None };
    if !entries.iter().any(|entry| entry.number == NO_PARTITION) {
        return None;
    }
    let known = client.slurm::<PartitionResp>(Method::GET, "/partitions/", &[], None).await.ok()?;
    let known = &known.value.partitions;
    let is_strange =
        |name: &&str| !name.is_empty() && !known.iter().any(|partition| partition.name == **name);
    asked.find_map(|list| {
        let strangers: Vec<&str> = list.split(',').map(str::trim).filter(is_strange).collect();
        (!strangers.is_empty()).then(|| format!("invalid partition specified: {}", strangers.join(",")))
    })
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
