//! The jobs that ran within a time: what sums by account do not tell.

use super::Report;
use super::usage::Window;
use crate::client::ClientError;
use slurm_wire::accounting::job::{Job, SlurmdbdJobsResp};

/// The fields of jobs that are asked for.
const FIELDS: &str = "account,user,qos,wckey,time,tres,job_id";

impl Window {
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
        let wanted = self.wanted;
        let lists = [("users", &wanted.users), ("partition", &wanted.partitions), ("wckey", &wanted.wckeys)];
        let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
        query.extend(lists.map(|(key, names)| (key, names.join(","))));
        let answer = self.client.accounting::<SlurmdbdJobsResp>("/jobs/", &query).await?;
        let mut jobs = answer.value.jobs.into_vec();
        let wanted = &self.wanted.qos;
        jobs.retain(|job| wanted.is_empty() || wanted.iter().any(|name| job.qos.eq_ignore_ascii_case(name)));
        Ok(jobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(start: i64, end: i64, elapsed: u32) -> Job {
        let mut job = Job::default();
        (job.time.start, job.time.end, job.time.elapsed) = (start, end, elapsed);
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
            assert_eq!(window.ran(&job(start, end, elapsed)), ran, "{start} {end}");
        }
    }
}
