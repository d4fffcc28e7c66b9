//! What jobs used within a time, summed up: resource seconds by account, user, quality of service and workload key.

use super::{Report, Wanted};
use crate::client::ClientError;
use serde::Serialize;
use slurm_wire::accounting::cluster::ClustersResp;
use slurm_wire::accounting::job::{Job, SlurmdbdJobsResp};
use slurm_wire::accounting::tres::Tres;
use std::collections::BTreeMap;

/// The fields of jobs that are summed up.
const FIELDS: &str = "account,user,qos,wckey,time,tres,job_id";

/// Time, seconds of the epoch; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Window {
    /// Returns how long it is.
    pub(super) fn seconds(self) -> i64 {
        self.end.saturating_sub(self.start)
    }

    /// Returns how many seconds of a job's run lie within.
    pub(super) fn ran(self, job: &Job) -> i64 {
        let start = job.time.start;
        // Whoever never started has a beginning in a far future.
        if start <= 0 || start >= self.end {
            return 0;
        }
        let end = if job.time.end > 0 { job.time.end } else { self.end };
        let within = end.min(self.end).saturating_sub(start.max(self.start));
        // What was suspended was not used.
        within.min(i64::from(job.time.elapsed)).max(0)
    }
}

/// What somebody used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Used {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) account: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) user: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) qos: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) wckey: String,
    /// Seconds of each resource (of memory, megabyte seconds); joules of energy.
    pub(super) seconds: BTreeMap<String, i64>,
}

impl Used {
    /// Returns the seconds of a resource.
    pub(super) fn of(&self, resource: &str) -> i64 {
        self.seconds.get(resource).copied().unwrap_or(0)
    }

    /// Returns what a job used, with those of its fields that make a line of their own.
    fn by_job(job: &Job, by: &[&str], window: Window) -> Self {
        let field = |name: &str, text: &str| if by.contains(&name) { text.to_owned() } else { String::new() };
        let ran = window.ran(job);
        let amount = |one: &Tres| {
            let name =
                if one.name.is_empty() { one.kind.to_string() } else { format!("{}/{}", one.kind, one.name) };
            // Of energy the whole job's is known; time tells how much of it lies within.
            let seconds = match one.kind == "energy" {
                true => one.count.0.saturating_mul(ran) / i64::from(job.time.elapsed).max(1),
                false => one.count.0.saturating_mul(ran),
            };
            (name, seconds)
        };
        Used {
            account: field("account", &job.account),
            user: field("user", &job.user),
            qos: field("qos", &job.qos),
            wckey: field("wckey", &job.wckey.wckey),
            seconds: job.tres.allocated.iter().map(amount).collect(),
        }
    }
}

/// Adds what was used to another sum.
pub(super) fn add(sum: &mut BTreeMap<String, i64>, more: &BTreeMap<String, i64>) {
    for (name, seconds) in more {
        let own = sum.entry(name.clone()).or_default();
        *own = own.saturating_add(*seconds);
    }
}

/// Sums up what jobs used, a line for each of what these fields say.
fn summed<'a>(jobs: impl Iterator<Item = &'a Job>, by: &[&str], window: Window) -> Vec<Used> {
    let mut sums: BTreeMap<(String, String, String, String), Used> = BTreeMap::new();
    for job in jobs.filter(|job| job.time.start > 0 && window.ran(job) >= 0) {
        let used = Used::by_job(job, by, window);
        let key = (used.account.clone(), used.user.clone(), used.qos.clone(), used.wckey.clone());
        match sums.get_mut(&key) {
            Some(sum) => add(&mut sum.seconds, &used.seconds),
            None => _ = sums.insert(key, used),
        }
    }
    sums.into_values().collect()
}

/// What of the conditions the service looks at itself.
pub(super) fn conditions(wanted: &Wanted) -> impl Iterator<Item = (&'static str, String)> {
    let lists = [("users", &wanted.users), ("partition", &wanted.partitions), ("wckey", &wanted.wckeys)];
    lists.into_iter().filter(|(_, names)| !names.is_empty()).map(|(key, names)| (key, names.join(",")))
}

impl Report<'_> {
    /// Returns the jobs that ran within the time.
    pub(super) async fn jobs(&self) -> Result<Vec<Job>, ClientError> {
        let mut query = vec![
            ("start_time", self.window.start.to_string()),
            ("end_time", self.window.end.to_string()),
            ("skip_steps", "true".to_owned()),
            ("show_duplicates", "true".to_owned()),
            ("disable_truncate_usage_time", "true".to_owned()),
            ("fields", FIELDS.to_owned()),
        ];
        query.extend(conditions(self.wanted));
        let answer = self.client.accounting::<SlurmdbdJobsResp>("/jobs/", &query).await?;
        let mut jobs = answer.value.jobs.into_vec();
        let wanted = &self.wanted.qos;
        jobs.retain(|job| wanted.is_empty() || wanted.iter().any(|name| job.qos.eq_ignore_ascii_case(name)));
        Ok(jobs)
    }

    /// Sums up what was used, a line for each of what these fields say.
    pub(super) async fn used(&self, by: &[&str]) -> Result<Vec<Used>, ClientError> {
        let mut jobs = self.jobs().await?;
        let wanted = &self.wanted.accounts;
        jobs.retain(|job| wanted.is_empty() || wanted.iter().any(|name| job.account == *name));
        Ok(summed(jobs.iter(), by, self.window))
    }

    /// Returns the cluster's name and how much it has of each resource.
    pub(super) async fn cluster(&self) -> Result<(String, BTreeMap<String, i64>), ClientError> {
        let answer = self.client.accounting::<ClustersResp>("/clusters/", &[]).await?;
        let cluster = answer.value.clusters.into_vec().into_iter().next().unwrap_or_default();
        let amount = |one: &Tres| {
            let name =
                if one.name.is_empty() { one.kind.to_string() } else { format!("{}/{}", one.kind, one.name) };
            (name, one.count.0)
        };
        Ok((cluster.name.to_string(), cluster.tres.iter().map(amount).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slurm_wire::scalar::Checked;

    fn job(user: &str, start: i64, end: i64, elapsed: u32) -> Job {
        let mut job = Job { user: user.into(), account: "a".into(), ..Job::default() };
        (job.time.start, job.time.end, job.time.elapsed) = (start, end, elapsed);
        let tres = |kind: &str, count| Tres { kind: kind.into(), count: Checked(count), ..Tres::default() };
        job.tres.allocated = vec![tres("cpu", 2), tres("energy", 100)].into();
        job
    }

    #[test]
    fn only_what_lies_within_the_time_counts() {
        let window = Window { start: 1000, end: 2000 };
        for (start, end, elapsed, ran) in [
            (1100, 1200, 100, 100),
            (500, 1200, 700, 200),
            (1900, 2500, 600, 100),
            (1900, 0, 300, 100),
            (1100, 1200, 40, 40),
            (0, 0, 0, 0),
            (4_294_967_294, 1500, 0, 0),
            (100, 900, 800, 0),
        ] {
            assert_eq!(window.ran(&job("u", start, end, elapsed)), ran, "{start} {end}");
        }
    }

    #[test]
    fn what_jobs_used_is_summed_up() {
        let window = Window { start: 1000, end: 2000 };
        let jobs = [job("u", 1000, 1010, 10), job("v", 1000, 1020, 20), job("u", 990, 1010, 20)];
        let by_user = summed(jobs.iter(), &["user"], window);
        let seen: Vec<_> =
            by_user.iter().map(|used| (used.user.as_str(), used.of("cpu"), used.of("energy"))).collect();
        assert_eq!(seen, [("u", 40, 150), ("v", 40, 100)]);
        assert_eq!(summed(jobs.iter(), &[], window).len(), 1);
    }
}
