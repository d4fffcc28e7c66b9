//! `POST /jobs`: a script of the user's folder becomes a job.

use super::{Call, json_answer, unprocessable};
use crate::description::described_script;
use crate::http::answer::Answer;
use crate::nifcloud::error::NifcloudError;
use crate::nifcloud::kept::Kept;
use crate::nifcloud::{blocking, from_wire, script};
use domain::cluster::Partition;
use domain::ports::HomeFile;
use domain::service::Submission;
use domain::{Gid, Text};
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderValue, LOCATION};
use serde_json::json;
use std::sync::Arc;

/// Submits a job.
pub(in super::super) async fn submit(
    call: Call,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, NifcloudError> {
    let fields = from_wire::fields(headers, body)?;
    let wanted = match from_wire::new_job(&fields) {
        Ok(wanted) => wanted,
        Err(detail) => return Ok(unprocessable(detail)),
    };
    let (service, by) = (call.site.jobs.clone(), call.by.clone());
    let submission = blocking(move || submission(&call, &wanted)).await??;
    let submitted = service.submit(&by, submission).await?;
    let mut answer = json_answer(StatusCode::CREATED, &json!({ "job_id": submitted.id.0 }));
    let location = HeaderValue::from_str(&format!("/jobs/{}", submitted.id));
    // Digits always fit.
    if let Ok(location) = location {
        answer.headers_mut().insert(LOCATION, location);
    }
    Ok(answer)
}

/// Makes the submission that a script asks for. Blocks.
fn submission(call: &Call, wanted: &from_wire::NewJob) -> Result<Submission, NifcloudError> {
    let (site, habits) = (&call.site, &call.nifcloud.habits);
    let snapshot = site.jobs.snapshot();
    let most = snapshot.cluster.limits.max_script;
    let failed = |why: &dyn std::fmt::Display| {
        tracing::debug!(user = %call.by.name, jobfile = wanted.jobfile, %why, "a job was not taken");
        NifcloudError::Failed
    };
    let file = call.nifcloud.homes.read(&call.person, &wanted.jobfile, most).map_err(|why| failed(&why))?;
    let text = String::from_utf8_lossy(&file.content);
    let options = if habits.applies_qopt { wanted.options.as_str() } else { "" };
    let asked = match script::read(&text, options).map_err(|why| failed(&why))? {
        Some(asked) => asked,
        None if has_sbatch_lines(&text) => return foreign(call, &file, &text, &failed),
        None => script::Asked::default(),
    };
    let group = asked.resources.group.as_deref().and_then(|group| snapshot.cluster.partition(group));
    if let Some(group) = group.or_else(|| snapshot.cluster.default_partition())
        && is_beyond(&asked, group)
    {
        return Err(failed(&"more than the resource group gives a job"));
    }
    let step = asked.step.as_ref().map(|steps| from_wire::step_place(&snapshot, call.person.uid, steps));
    let around = from_wire::Around {
        person: &call.person,
        gid: asked.group.as_deref().and_then(|group| group_of(call, group)),
        file: &file,
        partition: snapshot
            .cluster
            .default_partition()
            .map(|partition| partition.name.clone())
            .unwrap_or_default(),
        zone: call.zone(),
        whole_nodes: habits.whole_nodes,
        is_operator: call.by.is_operator(),
        step: step.transpose().map_err(|why| failed(&why))?,
    };
    Ok(from_wire::submission(&asked, around))
}

/// Tells whether a job could never start in a resource group: pjsub refuses it, where others let it wait.
fn is_beyond(asked: &script::Asked, group: &Partition) -> bool {
    let nodes = asked.resources.nodes.as_ref().map_or(1, |nodes| nodes.count);
    let most = asked.resources.elapse.and_then(|elapse| elapse.most);
    let limit = group.max_time.minutes().map(|minutes| u64::from(minutes) * 60);
    usize::try_from(nodes).is_ok_and(|nodes| nodes > group.nodes.len())
        || most.zip(limit).is_some_and(|(most, limit)| u64::from(most) > limit)
}

/// Returns the number of a group that the user is in.
fn group_of(call: &Call, group: &str) -> Option<Gid> {
    let directory = call.site.jobs.directory();
    let gid = directory.group(group)?;
    let is_member =
        gid == call.person.gid || directory.groups_of(&call.person.name).iter().any(|own| own == group);
    is_member.then_some(gid)
}

fn has_sbatch_lines(script: &str) -> bool {
    let is_comment = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    script.lines().take_while(is_comment).any(|line| line.starts_with("#SBATCH"))
}

/// Makes the submission that the `#SBATCH` lines of a script ask for: one script serves all dialects.
fn foreign(
    call: &Call,
    file: &HomeFile,
    script: &str,
    failed: &dyn Fn(&dyn std::fmt::Display) -> NifcloudError,
) -> Result<Submission, NifcloudError> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let folder = if folder.is_empty() { "/" } else { folder };
    let environment = from_wire::environment(&call.person).into_iter();
    let lines = environment.map(|(name, value)| Text::from(format!("{name}={value}"))).collect();
    let options = call.site.script_options.ok_or_else(|| failed(&"#SBATCH lines cannot be read here"))?;
    let directory = call.site.jobs.directory();
    let read = described_script(options, script, (folder, name), lines, &call.by, &**directory, call.now);
    let mut submission = read.map_err(|why| failed(&why))?;
    let uncommon = submission.spec.uncommon_mut();
    uncommon.origin = Kept::default().written();
    for (variable, pattern) in [("PJM_JOBID", "%A"), ("PJM_SUBJOBID", "%j")] {
        uncommon.told.push((variable.into(), pattern.into()));
    }
    let environment = &submission.payload.environment;
    let own = std::iter::once("PJM_ENVIRONMENT=BATCH".into());
    submission.payload.environment = environment.iter().cloned().chain(own).collect::<Vec<_>>().into();
    submission.payload.script = Arc::from(file.content.as_slice());
    Ok(submission)
}
