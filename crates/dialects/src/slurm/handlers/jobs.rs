//! `GET jobs/` and `GET jobs/state/`.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::handlers::job::none;
use crate::slurm::listing::{Entries, measured};
use crate::slurm::series::JobSeries;
use crate::slurm::to_wire;
use domain::job::Job;
use domain::state::Snapshot;
use domain::{JobId, Timestamp};
use slurm_wire::error_number as number;
use slurm_wire::job_ids::SelectedStep;
use slurm_wire::job_info::{JobInfo, JobInfoResp};
use slurm_wire::out::Out;
use slurm_wire::query::{JobInfoQuery, JobStateQuery};
use slurm_wire::states::{JobStateEntry, JobStatesResp};
use slurm_wire::words::ShowFlag;
use slurm_wire::{NoVal, Wire};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

const HANDLER: &str = "op_handler_jobs";

/// Lists all live jobs, or none if nothing has changed since the time given.
pub(super) fn jobs(mut call: Call<'_>) -> Answer {
    let Some(query) = call.read::<JobInfoQuery>() else {
        call.report.error(number::INVALID_QUERY, "Rejecting request. Failure parsing query.", HANDLER);
        return call.fail_with(hyper::StatusCode::UNPROCESSABLE_ENTITY);
    };
    if call.trusted("Unable to query jobs", "slurm_load_jobs()").is_none() {
        return call.answer(none());
    }
    if let Some(problem) = call.slice.problem {
        call.report.error(number::INVALID_QUERY, problem, HANDLER);
        return call.fail();
    }
    let snapshot = call.site.jobs.snapshot();
    if call.slice.is_known(call.site.started, snapshot.at, 0) {
        return call.known();
    }
    let since = query.update_time.map_or(0, |time| time.0);
    if is_unchanged(since, snapshot.jobs_changed) {
        let shown = local_time(&call, since);
        call.report.warn(format!("No job changes since update_time[{since}]={shown}"), HANDLER);
        return call.answer(none());
    }
    if snapshot.jobs.is_empty() {
        call.report.warn("Zero jobs to dump", "");
    }
    let payload = JobInfoResp {
        last_backfill: last_backfill(&snapshot),
        last_update: last_update(call.now),
        ..JobInfoResp::default()
    };
    let (detail, version) = (with_detail(&query), call.version);
    let is_whole = call.slice.limit.is_none() && call.slice.cursor == 0;
    if is_whole && detail && version.is_current() {
        let list = call.site.kept_jobs.list(&snapshot);
        let size = list.size();
        return call.list(payload, list.entries(), move || size);
    }
    let (from, limit) = (JobId(call.slice.cursor), call.slice.limit.unwrap_or(usize::MAX));
    let walk = Walk { next: from, ..Walk::new(Arc::clone(&snapshot)) }.take(limit);
    let after = call.slice.limit.and_then(|limit| snapshot.jobs.iter_from(from).nth(limit));
    call.slice.goes_on(after.map(|job| job.id.0));
    let picture = Arc::clone(&snapshot);
    let size = move || measured(version, job_entries(Arc::clone(&picture), Walk::new(picture), detail));
    call.list(payload, job_entries(snapshot, walk, detail), size)
}

/// Lists the states of all jobs, or of those named.
pub(super) fn states(mut call: Call<'_>) -> Answer {
    let selected = call.read::<JobStateQuery>().and_then(|query| {
        let named = query.job_id.map(|ids| ids.0).unwrap_or_default();
        let mut known = HashSet::new();
        let once = named.iter().filter(|id| known.insert(id.as_str()));
        once.map(|id| selected(id)).collect::<Option<Vec<_>>>()
    });
    let Some(selected) = selected else {
        let why = "Rejecting request. Failure parsing query";
        call.report.error(number::INVALID_QUERY, why, "op_handler_job_states");
        return call.fail_with(hyper::StatusCode::UNPROCESSABLE_ENTITY);
    };
    if call.trusted("Unable to query job states", "slurm_load_job_state()").is_none() {
        return call.answer(JobStatesResp::default());
    }
    let snapshot = call.site.jobs.snapshot();
    let payload = JobStatesResp {
        last_backfill: last_backfill(&snapshot),
        last_update: last_update(call.now),
        ..JobStatesResp::default()
    };
    if selected.is_empty() {
        let walk = Walk::new(Arc::clone(&snapshot));
        let version = call.version;
        let size = move || measured(version, state_entries(Walk::new(snapshot)));
        return call.list(payload, state_entries(walk), size);
    }
    let jobs = selected.iter().flat_map(|wanted| to_wire::selected_states(&snapshot, wanted)).collect();
    call.answer(JobStatesResp { jobs, ..payload })
}

/// Reads a job of a query: sets of tasks are for bodies only.
fn selected(text: &str) -> Option<SelectedStep> {
    match crate::slurm::from_wire::path_job(text) {
        crate::slurm::from_wire::PathJob::Job(job) => Some(job),
        crate::slurm::from_wire::PathJob::TooLarge(id) => {
            Some(SelectedStep { job_id: id, tasks: None, component: None, step: None })
        }
        crate::slurm::from_wire::PathJob::Unreadable => None,
    }
}

/// Tells whether a client that was answered at `since` has seen everything. Its clock has seconds, so that a change
/// within the second of the answer is told again.
pub(super) fn is_unchanged(since: i64, changed: Timestamp) -> bool {
    since > 0 && since.saturating_sub(1) >= changed.seconds()
}

/// What to give back as `update_time`: the time of this answer.
pub(super) fn last_update(now: Timestamp) -> NoVal<u64> {
    NoVal::Set(u64::try_from(now.seconds()).unwrap_or(0))
}

/// When jobs were last looked at out of order.
pub(super) fn last_backfill(snapshot: &Snapshot) -> NoVal<u64> {
    last_update(snapshot.statistics.backfill.last_at)
}

fn local_time(call: &Call<'_>, seconds: i64) -> String {
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    at.to_zoned(call.site.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Goes through all jobs of a picture, some hundred at a time, without holding a place in its pages.
struct Walk {
    snapshot: Arc<Snapshot>,
    next: JobId,
    at_hand: VecDeque<Arc<Job>>,
}

/// How many jobs are taken at a time.
const STRIDE: usize = 256;

impl Walk {
    fn new(snapshot: Arc<Snapshot>) -> Self {
        Walk { snapshot, next: JobId(0), at_hand: VecDeque::with_capacity(STRIDE) }
    }
}

impl Iterator for Walk {
    type Item = Arc<Job>;

    fn next(&mut self) -> Option<Arc<Job>> {
        if self.at_hand.is_empty() {
            self.at_hand.extend(self.snapshot.jobs.iter_from(self.next).take(STRIDE).cloned());
            self.next = JobId(self.at_hand.back()?.id.0.saturating_add(1));
        }
        self.at_hand.pop_front()
    }
}

/// Tells whether a query wants to see what jobs hold core by core: if it says nothing, or says so.
pub(super) fn with_detail(query: &JobInfoQuery) -> bool {
    query.flags.as_ref().is_none_or(|flags| flags.is_empty() || flags.contains(ShowFlag::Detail))
}

/// Describes a job, in detail or without.
pub(super) fn described(job: &Job, snapshot: &Snapshot, with_detail: bool) -> JobInfo {
    let mut info = to_wire::job(job, snapshot);
    if !with_detail {
        to_wire::without_detail(&mut info);
    }
    info
}

/// Writes jobs.
pub(super) fn job_entries(
    snapshot: Arc<Snapshot>,
    mut jobs: impl Iterator<Item = Arc<Job>> + Send + 'static,
    with_detail: bool,
) -> impl Entries {
    let mut series = JobSeries::new(snapshot, with_detail);
    move |out: &mut Out| {
        let Some(job) = jobs.next() else { return false };
        series.write(&job, out);
        true
    }
}

fn state_entries(mut jobs: impl Iterator<Item = Arc<Job>> + Send + 'static) -> impl Entries {
    let mut at_hand: VecDeque<JobStateEntry> = VecDeque::new();
    move |out: &mut Out| {
        while at_hand.is_empty() {
            let Some(job) = jobs.next() else { return false };
            to_wire::job_states(&job, |entry| at_hand.push_back(entry));
        }
        let Some(entry) = at_hand.pop_front() else { return false };
        entry.write(out);
        true
    }
}
