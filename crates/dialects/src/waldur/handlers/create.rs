//! `POST slurm-jobs/`: a script becomes a job at once. What the service refuses is kept as a record in the state ERRED, as
//! the original does, whose submissions happen behind the answer.

use super::super::from_wire::{self, Asked};
use super::super::origin::Origin;
use super::super::projects::Charge;
use super::super::records::{Fault, Refused};
use super::super::subject::Subject;
use super::super::{Waldur, apart, listing};
use super::jobs::shown;
use super::{Call, WaldurError};
use crate::http::answer::Answer;
use crate::ids::Kind;
use crate::site::Site;
use domain::service::{Submission, Submitted};
use domain::who::{Person, Principal};
use domain::{JobId, Text};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, LOCATION};
use std::sync::Arc;

/// The owner's remark on a job is bounded; what does not fit of a description is kept beside it.
const LONGEST_COMMENT: usize = 1024;

/// Makes a job.
pub(in super::super) async fn create(call: Call<'_>, body: Incoming) -> Result<Answer, WaldurError> {
    let fields = call.fields(body).await?;
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    let most = waldur.options.max_upload;
    let asked = apart(move || {
        let snapshot = site.jobs.snapshot();
        let realm = waldur.realm(&snapshot, &**site.jobs.directory());
        let settings = waldur.settings_id(&snapshot);
        from_wire::asked(fields, |id| realm.find_project(&by, id), |id| id == settings)
    })
    .await?;
    if asked.file.bytes.len() as u64 > most {
        return Err(WaldurError::TooLarge(most));
    }
    let asked = Arc::new(asked);
    let id = match submit(&call, &asked).await? {
        Ok(submitted) => named(call.site, call.waldur, submitted.id)?,
        Err(why) => keep(&call, asked, why).await?,
    };
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    let subject = apart(move || Subject::seen(&site, &waldur, &by, id)).await?;
    let location = call.address.to("slurm-jobs", subject.id());
    let mut answer = shown(&call, subject, StatusCode::CREATED).await?;
    if let Ok(location) = HeaderValue::from_str(&location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    Ok(answer)
}

/// Submits a job; or says in words why it is refused.
async fn submit(call: &Call<'_>, asked: &Arc<Asked>) -> Result<Result<Submitted, String>, WaldurError> {
    let by = call.by()?;
    let (site, waldur, asked) = (Arc::clone(call.site), Arc::clone(call.waldur), Arc::clone(asked));
    let caller = by.clone();
    let mut submissions = match apart(move || Ok(read(&site, &waldur, &caller, &asked))).await? {
        Ok(submissions) => submissions,
        Err(why) => return Ok(Err(why)),
    };
    let submitted = match submissions.pop() {
        Some(only) if submissions.is_empty() => call.site.jobs.submit(by, only).await,
        Some(last) => {
            submissions.push(last);
            call.site.jobs.submit_components(by, submissions).await
        }
        None => return Ok(Err("the script describes no job".to_owned())),
    };
    Ok(submitted.map_err(|error| error.to_string()))
}

/// Reads what a script asks for, of each component. Blocks.
fn read(site: &Site, waldur: &Waldur, by: &Principal, asked: &Asked) -> Result<Vec<Submission>, String> {
    let person = site.jobs.directory().person(&by.name);
    let person = person.ok_or_else(|| format!("the system does not know user {}", by.name))?;
    // What is no text is no line that says anything.
    let script = String::from_utf8_lossy(&asked.file.bytes);
    let mut submissions = site.submission_of_script(by, &script)?;
    for (place, submission) in submissions.iter_mut().enumerate() {
        complete(submission, waldur, &person, asked);
        if place == 0 {
            submission.payload.script = Arc::from(&*asked.file.bytes);
        }
    }
    Ok(submissions)
}

/// Says of a submission what the request says, which goes before what the script says, and what neither says.
fn complete(submission: &mut Submission, waldur: &Waldur, person: &Person, asked: &Asked) {
    let spec = &mut submission.spec;
    spec.name = Text::from(&asked.name);
    spec.account = match &asked.charge {
        Charge::Account(name) => name.clone(),
        Charge::Own(_) => Text::default(),
    };
    if !asked.description.is_empty() {
        let end = asked.description.floor_char_boundary(LONGEST_COMMENT);
        spec.comment = Text::from(asked.description.get(..end).unwrap_or_default());
    }
    let origin = Origin { description: asked.description.clone(), file: asked.file.name.clone() };
    spec.uncommon_mut().origin = origin.written();
    spec.command = Text::from(&asked.file.name);
    if spec.work_dir.is_empty() {
        spec.work_dir = match waldur.options.work_dir.as_str() {
            "" => person.home.clone(),
            pattern => Text::from(pattern.replace("%u", &person.name)),
        };
    }
    // Reports show both streams apart, unless the script has them in files of its own choice.
    if spec.streams.output.is_empty() && spec.streams.error.is_empty() {
        let is_array = !submission.array.is_empty();
        spec.streams.error = Text::const_new(if is_array { "slurm-%A_%a.err" } else { "slurm-%j.err" });
    }
    submission.payload.environment = [
        ("HOME", &person.home),
        ("LOGNAME", &person.name),
        ("PATH", &Text::const_new("/usr/local/bin:/usr/bin:/bin")),
        ("SHELL", &person.shell),
        ("USER", &person.name),
    ]
    .map(|(name, value)| Text::from(format!("{name}={value}")))
    .into();
}

/// Returns the name of a job that was just submitted.
fn named(site: &Site, waldur: &Waldur, id: JobId) -> Result<u128, WaldurError> {
    let records = site.jobs.records(id);
    let job = records.iter().find(|job| job.id == id).or(records.first());
    job.map(|job| waldur.names.job(job)).ok_or(WaldurError::NoJob)
}

/// Keeps what was refused, and returns its name.
async fn keep(call: &Call<'_>, asked: Arc<Asked>, why: String) -> Result<u128, WaldurError> {
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    apart(move || {
        let now = site.jobs.clock().now();
        let refused = Refused {
            owner: by.uid.ok_or(WaldurError::Forbidden)?.0,
            account: match &asked.charge {
                Charge::Account(name) => name.to_string(),
                Charge::Own(_) => String::new(),
            },
            name: asked.name.clone(),
            description: asked.description.clone(),
            runtime_state: asked.runtime_state.clone(),
            file: asked.file.name.clone(),
            created: now.micros(),
            modified: now.micros(),
            fault: Some(Fault { message: why, traceback: String::new() }),
            after: listing::last_job(&site),
            ..Refused::default()
        };
        let name = |count| waldur.names.ids.of(Kind::Refused, JobId(count), None, now);
        Ok(waldur.records.keep_refused(refused, &asked.file.bytes, name)?.id)
    })
    .await
}
