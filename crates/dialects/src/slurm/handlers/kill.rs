//! `DELETE job/{job_id}` and `DELETE jobs/`: cancelling and signalling. What one job refuses stops no other, and
//! leaves the status at 200.

use super::job::path;
use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire::{Filtering, Unnamed, filter, named, of_one_job, signal_action, targets};
use crate::slurm::to_wire;
use domain::service::{Action, Filter, Handled, Selection};
use domain::who::Principal;
use domain::{Error, Problem};
use slurm_wire::Flags;
use slurm_wire::error_number as number;
use slurm_wire::job_change::{KillJobResp, KillJobsMsg, KillJobsResp, KillJobsRespJob};
use slurm_wire::job_ids::SelectedStep;
use slurm_wire::query::JobInfoDeleteQuery;
use slurm_wire::words::KillFlag;
use std::collections::HashMap;

const FAILED: &str = "Signal request failed";
const SOURCE: &str = "slurm_kill_jobs()";
const TOO_MANY: &str =
    "Rejecting request. Too many jobs and tasks are named; cancel whole arrays, or in pieces";

/// Cancels or signals a job, an array or a task.
pub(super) async fn kill_one(mut call: Call<'_>) -> Answer {
    let Some(wanted) = path(&mut call) else { return call.fail() };
    let Some(query) = call.read::<JobInfoDeleteQuery>() else { return call.answer(KillJobResp::default()) };
    let Some(by) = call.trusted(FAILED, SOURCE) else { return call.answer(KillJobResp::default()) };
    let flags = of_one_job(query.flags.unwrap_or_default());
    let action = signal_action(query.signal.as_ref(), &flags, names_unknown_signal(&call));
    match act(&call, &by, (vec![wanted], Filter::default()), (&flags, None), action).await {
        Ok(status) => call.answer(KillJobResp { status: status.into(), ..KillJobResp::default() }),
        Err(error) => {
            call.refused(&error, FAILED, SOURCE);
            call.answer(KillJobResp::default())
        }
    }
}

/// Cancels or signals jobs named, or found by what they have in common.
pub(super) async fn kill_many(mut call: Call<'_>) -> Answer {
    let Some(mut wanted) = call.read::<KillJobsMsg>() else { return call.answer(KillJobsResp::default()) };
    // No states at all ask for nothing; unknown ones, which have been noted, are asked for and found nowhere.
    if call.report.errors.is_empty() {
        wanted.job_state = wanted.job_state.filter(|states| !states.is_empty());
    }
    let Some(by) = call.trusted(FAILED, SOURCE) else { return call.answer(KillJobsResp::default()) };
    let jobs = wanted.jobs.as_ref().map(|jobs| jobs.as_slice()).unwrap_or_default();
    let named = match named(
        jobs.iter().map(|job| job.as_str()),
        call.site.jobs.snapshot().cluster.limits.max_array_size,
    ) {
        Ok(named) => named,
        Err(why) => {
            match why {
                Unnamed::Name(number) => call.report.error(number, FAILED, SOURCE),
                Unnamed::TooMany => call.report.error(number::INVALID_QUERY, TOO_MANY, SOURCE),
            }
            return call.answer(KillJobsResp::default());
        }
    };
    let filter = match (filter(&wanted, &**call.site.jobs.directory()), named.is_empty()) {
        (Filtering::By(filter), _) => *filter,
        (Filtering::None, false) => Filter::default(),
        (Filtering::None, true) => {
            call.report.error(number::KILL_NEEDS_FILTER, FAILED, SOURCE);
            return call.answer(KillJobsResp::default());
        }
        (Filtering::UnknownUser(name), _) => {
            let why = format!("Unable to resolve {name} to numeric user id");
            call.report.error(number::UNSPECIFIED, why, "uid_from_string()");
            return call.answer(KillJobsResp::default());
        }
        (Filtering::TooManyNodes(list), _) => {
            call.refused(&Problem::UnknownNode(list).into(), FAILED, SOURCE);
            return call.answer(KillJobsResp::default());
        }
    };
    let flags = wanted.flags.clone().unwrap_or_default();
    let action = signal_action(wanted.signal.as_ref(), &flags, names_unknown_signal(&call));
    match act(&call, &by, (named, filter), (&flags, Some(&wanted)), action).await {
        Ok(status) => call.answer(KillJobsResp { status: status.into(), ..KillJobsResp::default() }),
        Err(error) => {
            call.refused(&error, FAILED, SOURCE);
            call.answer(KillJobsResp::default())
        }
    }
}

/// Tells whether the request names a signal that nobody knows: an error without number, since the original goes on.
fn names_unknown_signal(call: &Call<'_>) -> bool {
    call.report
        .errors
        .iter()
        .any(|error| error.error_number == number::NONE && error.source.contains("signal"))
}

async fn act(
    call: &Call<'_>,
    by: &Principal,
    (named, filter): (Vec<SelectedStep>, Filter),
    (flags, wanted): (&Flags<KillFlag>, Option<&KillJobsMsg>),
    action: Action,
) -> Result<Vec<KillJobsRespJob>, Error> {
    let cron_jobs = flags.contains(KillFlag::CronJobs);
    let user = filter.user;
    let selection = Selection { targets: targets(&named), filter, cron_jobs };
    let handled = call.site.jobs.act(by, selection, action).await?;
    let snapshot = call.site.jobs.snapshot();
    let mut names: HashMap<u32, &SelectedStep> = HashMap::new();
    for wanted in &named {
        names.entry(wanted.job_id).or_insert(wanted);
    }
    let told = |handled: &Handled| {
        let job = handled.job.and_then(|id| snapshot.jobs.job(id));
        let record = job.map(|job| &**job);
        if handled.result.is_ok() {
            return flags.contains(KillFlag::Verbose).then(|| to_wire::killed(handled, record));
        }
        let mut entry = to_wire::kill_status(handled, record, name_of(handled, &names).as_deref())?;
        if let (Err(Error::Conflict(Problem::NotMeant(_))), Some(job), Some(wanted)) =
            (&handled.result, job, wanted)
        {
            entry.error.message = to_wire::why_not_meant(job, &snapshot.cluster, wanted, user).into();
        }
        Some(entry)
    };
    Ok(handled.iter().filter_map(told).collect())
}

/// Returns what the caller wrote for the job that was not found.
fn name_of(handled: &Handled, names: &HashMap<u32, &SelectedStep>) -> Option<String> {
    names.get(&handled.job?.0).map(|wanted| wanted.to_string())
}
