//! `POST job/{job_id}` and `POST jobs/`: what is noted about jobs afterwards.

use super::jobs::unreadable;
use crate::http::answer::Answer;
use crate::site::Site;
use crate::slurm::call::Call;
use crate::slurm::from_wire::recorded_job;
use domain::accounting::{Trackable, trackables};
use domain::history::{Amendment, Order, Wanted};
use domain::job::{ArrayPart, Change, Exit, Job};
use domain::ports::StoreError;
use domain::service::Update;
use domain::who::Principal;
use domain::{JobId, TaskIndex, Timestamp, Uid};
use hyper::StatusCode;
use slurm_wire::accounting::job::{JobModify, JobModifyReq, JobModifyResp};
use slurm_wire::accounting::tres::TresInput;
use slurm_wire::envelope::ErrorEntry;
use slurm_wire::error_number as number;
use slurm_wire::job_info::ProcessExitCodeVerboseInput;
use std::collections::BTreeMap;
use std::sync::Arc;

const ONE: &str = "_job_post_update";
const MANY: &str = "_jobs_post_update";

/// Which jobs are meant: a number, or a task of an array.
type Named = (JobId, Option<TaskIndex>);

/// Changes one job.
pub(super) async fn one(mut call: Call<'_>) -> Answer {
    const HANDLER: &str = "op_handler_job";
    let Some(principal) = call.admitted() else { return call.fail() };
    let Some(job) = named(call.parameter) else { return unreadable(call, HANDLER) };
    let Some(wanted) = call.read::<JobModify>() else { return unreadable(call, HANDLER) };
    change(call, ONE, principal, vec![job], &wanted).await
}

/// Changes the jobs of a list. Without one the original changes every job there is, and without a change it ends; both
/// are refused here.
pub(super) async fn many(mut call: Call<'_>) -> Answer {
    const HANDLER: &str = "op_handler_jobs";
    let Some(principal) = call.admitted() else { return call.fail() };
    let Some(request) = call.read::<JobModifyReq>() else { return unreadable_change(call) };
    let ids = request.job_id_list.unwrap_or_default();
    let (Some(wanted), false) = (request.job_rec, ids.is_empty()) else {
        let why = "Rejecting request. Both job_id_list and job_rec must be given";
        call.report.error(number::INVALID_QUERY, why, HANDLER);
        return call.fail();
    };
    let Some(jobs) = ids.iter().map(|id| named(id)).collect::<Option<Vec<_>>>() else {
        return unreadable_change(call);
    };
    change(call, MANY, principal, jobs, &wanted).await
}

fn unreadable_change(mut call: Call<'_>) -> Answer {
    let why = "Rejecting request. Failure parsing job update request.";
    call.report.error(number::INVALID_QUERY, why, MANY);
    call.fail_with(StatusCode::UNPROCESSABLE_ENTITY)
}

fn named(text: &str) -> Option<Named> {
    let job = recorded_job(text)?;
    let id = job.job_id.saturating_add(job.component.unwrap_or(0));
    Some((JobId(id), job.task().map(TaskIndex)))
}

/// Reads what shall be noted. A resource that nobody knows is refused; its database ends of it in the original.
fn amendment(wanted: &JobModify, known: &[Trackable]) -> Result<Amendment, String> {
    let comment = wanted.comment.as_ref();
    let tres = wanted.tres.as_ref().and_then(|tres| tres.allocated.as_ref()).filter(|tres| !tres.is_empty());
    let allocated = tres.map(|tres| tres.iter().map(|one| amount(one, known)).collect()).transpose()?;
    Ok(Amendment {
        comment: comment.and_then(|comment| comment.job.clone()),
        admin_comment: comment.and_then(|comment| comment.administrator.clone()),
        system_comment: comment.and_then(|comment| comment.system.clone()),
        derived_exit: wanted.derived_exit_code.as_ref().and_then(exit),
        extra: wanted.extra.clone(),
        wckey: wanted.wckey.clone(),
        allocated,
    })
}

/// Reads an amount of a resource, named by its kind and name or by its number.
fn amount(one: &TresInput, known: &[Trackable]) -> Result<(u32, u64), String> {
    let (kind, name) = (one.kind.as_deref().unwrap_or_default(), one.name.as_deref().unwrap_or_default());
    let number = one.id.filter(|id| *id > 0);
    let is_it = |resource: &&Trackable| match number {
        Some(number) => resource.id == number,
        None => resource.kind.eq_ignore_ascii_case(kind) && resource.name.eq_ignore_ascii_case(name),
    };
    let resource = known.iter().find(is_it).ok_or_else(|| {
        let number = number.map(|number| number.to_string()).unwrap_or_default();
        let divider = if name.is_empty() { "" } else { "/" };
        format!("Unable to resolve TRES: {}{kind}{divider}{name}", if kind.is_empty() { &number } else { "" })
    })?;
    let count = one.count.map_or(0, |count| count.0);
    let count = u64::try_from(count).map_err(|_| format!("Invalid count of TRES: {count}"))?;
    Ok((resource.id, count))
}

fn exit(code: &ProcessExitCodeVerboseInput) -> Option<Exit> {
    let signal = code.signal.as_ref().and_then(|signal| signal.id.and_then(|id| id.number()));
    match signal.and_then(|signal| u8::try_from(signal).ok()) {
        Some(signal) if signal > 0 => Some(Exit::Signal(signal)),
        _ => {
            let code = code.return_code.and_then(|code| code.number())?;
            Some(Exit::Code(u8::try_from(code & 0xff).unwrap_or(u8::MAX)))
        }
    }
}

/// What is meant: the last attempts of jobs that are over, with whose they are, and jobs that live.
struct Meant {
    over: Vec<(u64, JobId, Timestamp, Uid)>,
    living: Vec<Arc<Job>>,
}

fn meant(site: &Site, jobs: Vec<Named>) -> Result<Meant, StoreError> {
    let wanted = Wanted { jobs, order: Order::OldestFirst, limit: usize::MAX, ..Wanted::default() };
    let mut last = BTreeMap::new();
    for found in site.jobs.history().search(&wanted)? {
        let job = found.closed.job;
        last.insert(job.id, (found.row, job.id, job.submitted, job.spec.owner.uid));
    }
    let snapshot = site.jobs.snapshot();
    let records = wanted.jobs.iter().flat_map(|(id, _)| snapshot.records(*id));
    // A task that shares its record with others that wait has none of its own yet.
    let is_own =
        |job: &Arc<Job>| !matches!(job.array, Some(ArrayPart::Pool { .. })) || names_whole(&wanted, job);
    let is_meant = |job: &Arc<Job>| !job.is_final() && wanted.fits(job, &[]) && is_own(job);
    let mut living: Vec<Arc<Job>> = records.filter(is_meant).collect();
    living.sort_by_key(|job| job.id);
    living.dedup_by_key(|job| job.id);
    // Of one that was put back its present attempt is meant.
    last.retain(|id, _| living.iter().all(|job| job.id != *id));
    Ok(Meant { over: last.into_values().collect(), living })
}

/// Tells whether a job is named as a whole, and not by one of its tasks.
fn names_whole(wanted: &Wanted, job: &Job) -> bool {
    wanted.jobs.iter().any(|(id, task)| *id == job.id && task.is_none())
}

async fn change(
    mut call: Call<'_>,
    source: &'static str,
    by: Principal,
    jobs: Vec<Named>,
    wanted: &JobModify,
) -> Answer {
    let known = trackables(&call.site.jobs.snapshot().cluster);
    let amendment = match amendment(wanted, &known) {
        Ok(amendment) => amendment,
        Err(why) => {
            call.report.error(number::TRES, why, source);
            return call.fail();
        }
    };
    if amendment.is_empty() {
        return call.known();
    }
    let site = Arc::clone(call.site);
    let found = tokio::task::spawn_blocking(move || meant(&site, jobs)).await;
    let meant = match found {
        Ok(Ok(meant)) => meant,
        Ok(Err(error)) => return broken(call, source, &error),
        Err(error) => return broken(call, source, &error),
    };
    if meant.over.is_empty() && meant.living.is_empty() {
        return call.known();
    }
    let mut owners = meant.over.iter().map(|(_, _, _, owner)| *owner);
    let is_owner = owners.all(|owner| by.uid == Some(owner))
        && meant.living.iter().all(|job| by.uid == Some(job.spec.owner.uid));
    if !(by.is_operator() || is_owner && !amendment.needs_operator()) {
        return refuse(call, source, number::ACCESS_DENIED);
    }
    let mut results: Vec<(JobId, Timestamp)> = Vec::new();
    for job in &meant.living {
        let Some(update) = update(&amendment) else {
            return refuse(call, source, number::JOB_NOT_ALTERABLE_NOW);
        };
        if let Err(error) = call.site.jobs.update(&by, job.id, update).await {
            return refuse(call, source, crate::slurm::error::number(&error));
        }
        results.push((job.id, job.submitted));
    }
    results.extend(meant.over.iter().map(|(_, job, submitted, _)| (*job, *submitted)));
    let notes: Vec<_> = meant.over.iter().map(|(row, ..)| (*row, amendment.clone())).collect();
    if !notes.is_empty() {
        let site = Arc::clone(call.site);
        match tokio::task::spawn_blocking(move || site.jobs.history().amend(&notes)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return broken(call, source, &error),
            Err(error) => return broken(call, source, &error),
        }
    }
    results.sort_by_key(|(job, _)| *job);
    let told = |(job, submitted): &(JobId, Timestamp)| {
        let at = jiff::Timestamp::from_microsecond(submitted.micros()).unwrap_or_default();
        let at = at.to_zoned(call.site.zone.clone());
        format!("{job} submitted at {}", at.strftime("%Y-%m-%dT%H:%M:%S"))
    };
    let results = results.iter().map(told).collect();
    call.answer(JobModifyResp { results, ..JobModifyResp::default() })
}

/// Returns the change of a job that lives; `None` if something has no place there yet.
fn update(amendment: &Amendment) -> Option<Update> {
    let Amendment { comment, admin_comment, system_comment, derived_exit, extra, wckey, allocated } =
        amendment;
    if system_comment.is_some() || derived_exit.is_some() || allocated.is_some() {
        return None;
    }
    let changes = [
        comment.clone().map(Change::Comment),
        admin_comment.clone().map(Change::AdminComment),
        extra.clone().map(Change::Extra),
        wckey.clone().map(Change::Wckey),
    ];
    Some(Update { changes: changes.into_iter().flatten().collect(), ..Update::default() })
}

fn refuse(mut call: Call<'_>, source: &'static str, number: i32) -> Answer {
    call.numbered(number, "slurmdb_job_modify failed", source);
    let remark = ErrorEntry::new(number::NONE, "Job update requested failed", "slurmdb_job_modify()");
    call.report.errors.push(remark);
    call.answer(JobModifyResp::default())
}

fn broken(mut call: Call<'_>, source: &'static str, error: &(dyn std::error::Error + 'static)) -> Answer {
    tracing::warn!(error, "history cannot be changed");
    call.numbered(number::DATABASE_CONNECTION, "slurmdb_job_modify failed", source);
    call.answer(JobModifyResp::default())
}
