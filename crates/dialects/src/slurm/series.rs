//! Jobs written one after another, as long lists are: what neighbours have in common is neither worked out nor written
//! twice.

use super::to_wire::Jobs;
use domain::job::Job;
use domain::state::Snapshot;
use slurm_wire::chain::Chain;
use slurm_wire::job_info::JobInfo;
use slurm_wire::out::Out;
use slurm_wire::series::Series;
use std::sync::Arc;

/// Jobs of one picture.
pub(super) struct JobSeries {
    snapshot: Arc<Snapshot>,
    with_detail: bool,
    jobs: Jobs,
    series: Series<JobInfo>,
}

impl JobSeries {
    /// Begins a list, with what jobs hold core by core or without.
    pub(super) fn new(snapshot: Arc<Snapshot>, with_detail: bool) -> Self {
        JobSeries { snapshot, with_detail, jobs: Jobs::default(), series: Series::default() }
    }

    /// Writes the next job.
    pub(super) fn write(&mut self, job: &Job, out: &mut Out) {
        self.describe(job);
        self.series.write(out);
    }

    /// Adds the next job to a chain; returns how long it is in the current version.
    pub(super) fn keep(&mut self, job: &Job, chain: &mut Chain) -> usize {
        self.describe(job);
        self.series.keep(chain)
    }

    fn describe(&mut self, job: &Job) {
        let info = self.series.vacant();
        self.jobs.describe(job, &self.snapshot, info);
        if !self.with_detail {
            super::to_wire::without_detail(info);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::pictures::picture;
    use crate::slurm::to_wire;

    #[test]
    fn a_series_of_jobs_is_written_as_each_of_them_is() {
        let picture = Arc::new(picture(400));
        for version in slurm_wire::versions::ALL {
            for with_detail in [true, false] {
                let mut series = JobSeries::new(Arc::clone(&picture), with_detail);
                for job in picture.jobs.iter() {
                    let mut alone = to_wire::job(job, &picture);
                    if !with_detail {
                        to_wire::without_detail(&mut alone);
                    }
                    let mut out = Out::new(version);
                    series.write(job, &mut out);
                    let alone = slurm_wire::to_json_in(version, &alone);
                    assert_eq!(out.into_bytes(), alone, "job {}", job.id);
                }
            }
        }
    }
}
