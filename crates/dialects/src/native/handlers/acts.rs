//! What may be done with jobs that Slurm's REST interface has no word for: halting them, letting them go on, putting them
//! back into the queue (`scontrol suspend`, `resume`, `requeue`, `requeuehold`), and saying that an allocation is
//! complete, as salloc and srun do.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::job_name::{JobName, Part};
use super::super::{from_wire, reply, to_wire, wire};
use super::attend::read;
use crate::http::answer::Answer;
use domain::job::TaskSet;
use domain::service::{Action, Selection, Target};
use hyper::StatusCode;
use hyper::body::Incoming;

/// Halts a job.
pub(in super::super) async fn suspend(call: Call<'_>) -> Result<Answer, NativeError> {
    act(call, Action::Suspend).await
}

/// Lets a suspended job go on.
pub(in super::super) async fn resume(call: Call<'_>) -> Result<Answer, NativeError> {
    act(call, Action::Resume).await
}

/// Puts a job back into the queue.
pub(in super::super) async fn requeue(call: Call<'_>, body: Incoming) -> Result<Answer, NativeError> {
    let action = from_wire::requeue(&read(&call, body).await?)?;
    act(call, action).await
}

/// Ends an allocation with what the program left that it was made for.
pub(in super::super) async fn complete(call: Call<'_>, body: Incoming) -> Result<Answer, NativeError> {
    let action = from_wire::complete(&read(&call, body).await?)?;
    act(call, action).await
}

/// Does it with the job, the whole array, or one task; what one refuses stops no other.
async fn act(call: Call<'_>, action: Action) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let name = JobName::read("id", call.parameter)?;
    let (tasks, component) = match name.part {
        Some(Part::Task(task)) => (Some(TaskSet::progression(task.0, task.0, 1)), None),
        Some(Part::Component(offset)) => (None, Some(offset)),
        None => (None, None),
    };
    let target = Target { job: name.number, tasks, component, step: None };
    let selection = Selection { targets: vec![target], ..Selection::default() };
    let handled = call.site.jobs.act(&call.by, selection, action).await?;
    if let [only] = handled.as_slice()
        && let Err(error) = &only.result
    {
        return Err(error.clone().into());
    }
    let jobs = handled.iter().map(to_wire::handled).collect();
    Ok(reply::json(StatusCode::OK, &wire::Acted { jobs }))
}
