//! Quintet's own API under `/quintet/v1/`: what no other dialect offers — a job's output as it is written, events,
//! history, users, suspending. Small on purpose: jobs are submitted and cancelled through the other dialects.

mod accounting;
mod auth;
mod call;
mod error;
mod from_wire;
mod handlers;
mod job_name;
mod output;
mod parameters;
mod reply;
mod to_wire;
mod wire;

#[cfg(test)]
mod tests;

use crate::http::answer::Answer;
use crate::http::path::segments;
use crate::site::Site;
use call::Call;
use error::NativeError;
use hyper::Request;
use hyper::body::Incoming;
use std::sync::Arc;

/// What can be done here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Stdout,
    Stderr,
    Steps,
    Events,
    SearchHistory,
    Attempts,
    ListUsers,
    RememberUser,
    ShowUser,
    ForgetUser,
    ListNodes,
    MarkNode,
    Suspend,
    Resume,
    Requeue,
    Account,
    Usage,
    Utilization,
    PastEvents,
    PastReservations,
    Transactions,
    Attend,
    Complete,
    WhoAmI,
    ShowCrontab,
    SetCrontab,
    RemoveCrontab,
}

/// The route table: methods and verbs of a path below `/quintet/v1`.
fn verbs(path: &[&str]) -> &'static [(&'static str, Verb)] {
    match path {
        // A job's output, as it is written.
        ["jobs", _, "stdout"] => &[("GET", Verb::Stdout)],
        ["jobs", _, "stderr"] => &[("GET", Verb::Stderr)],
        // What Slurm's REST interface has no word for.
        ["jobs", _, "suspend"] => &[("POST", Verb::Suspend)],
        ["jobs", _, "resume"] => &[("POST", Verb::Resume)],
        ["jobs", _, "requeue"] => &[("POST", Verb::Requeue)],
        // Allocations and the programs they were made for.
        ["jobs", _, "attend"] => &[("POST", Verb::Attend)],
        ["jobs", _, "complete"] => &[("POST", Verb::Complete)],
        // What runs within a job.
        ["jobs", _, "steps"] => &[("GET", Verb::Steps)],
        // What happens, and what has happened.
        ["events"] => &[("GET", Verb::Events)],
        ["history"] => &[("GET", Verb::SearchHistory)],
        ["history", _] => &[("GET", Verb::Attempts)],
        // Who may do what.
        ["users"] => &[("GET", Verb::ListUsers), ("POST", Verb::RememberUser)],
        ["users", _] => &[("GET", Verb::ShowUser), ("DELETE", Verb::ForgetUser)],
        // Who may use how much.
        ["accounting"] => &[("POST", Verb::Account)],
        ["accounting", "events"] => &[("GET", Verb::PastEvents)],
        ["accounting", "reservations"] => &[("GET", Verb::PastReservations)],
        ["accounting", "transactions"] => &[("GET", Verb::Transactions)],
        ["usage"] => &[("GET", Verb::Usage)],
        ["utilization"] => &[("GET", Verb::Utilization)],
        // What jobs run on.
        ["nodes"] => &[("GET", Verb::ListNodes)],
        ["nodes", _] => &[("POST", Verb::MarkNode)],
        ["whoami"] => &[("GET", Verb::WhoAmI)],
        // Jobs that recur.
        ["crontab"] => {
            &[("GET", Verb::ShowCrontab), ("PUT", Verb::SetCrontab), ("DELETE", Verb::RemoveCrontab)]
        }
        _ => &[],
    }
}

/// Answers a request.
pub(crate) async fn respond(site: &Arc<Site>, request: Request<Incoming>) -> Answer {
    match run(site, request).await {
        Ok(answer) => answer,
        Err(error) => reply::refusal(&error),
    }
}

async fn run(site: &Arc<Site>, request: Request<Incoming>) -> Result<Answer, NativeError> {
    let (head, body) = request.into_parts();
    let path = segments(head.uri.path()).map_err(|_| NativeError::NoSuchPath)?;
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    let Some(path) = path.strip_prefix(&["quintet", "v1"]) else { return Err(NativeError::NoSuchPath) };
    let verbs = verbs(path);
    if verbs.is_empty() {
        return Err(NativeError::NoSuchPath);
    }
    let Some((_, verb)) = verbs.iter().find(|(method, _)| *method == head.method.as_str()) else {
        return Err(NativeError::WrongMethod(verbs.iter().map(|(method, _)| *method).collect()));
    };
    let by = auth::principal(site, &head.headers)?;
    // The only parameter of a path stands in its second place.
    let parameter = path.get(1).copied().unwrap_or_default();
    let call = Call { site, by, parameter, query: head.uri.query(), headers: &head.headers };
    match verb {
        Verb::Stdout => handlers::logs::stdout(call).await,
        Verb::Stderr => handlers::logs::stderr(call).await,
        Verb::Steps => handlers::steps::list(call),
        Verb::Events => handlers::events::events(call),
        Verb::SearchHistory => handlers::history::search(call).await,
        Verb::Attempts => handlers::history::attempts(call).await,
        Verb::ListUsers => handlers::users::list(call),
        Verb::RememberUser => handlers::users::remember(call, body).await,
        Verb::ShowUser => handlers::users::show(call),
        Verb::ForgetUser => handlers::users::forget(call).await,
        Verb::Suspend => handlers::acts::suspend(call).await,
        Verb::Resume => handlers::acts::resume(call).await,
        Verb::Requeue => handlers::acts::requeue(call, body).await,
        Verb::Account => handlers::accounting::change(call, body).await,
        Verb::Utilization => handlers::chronicle::utilization(call).await,
        Verb::PastEvents => handlers::chronicle::events(call).await,
        Verb::PastReservations => handlers::chronicle::reservations(call).await,
        Verb::Transactions => handlers::chronicle::transactions(call).await,
        Verb::Usage => handlers::usage::sums(call).await,
        Verb::Attend => handlers::attend::attend(call, body).await,
        Verb::Complete => handlers::acts::complete(call, body).await,
        Verb::ListNodes => handlers::nodes::list(call),
        Verb::MarkNode => handlers::nodes::mark(call, body).await,
        Verb::WhoAmI => handlers::whoami::whoami(call),
        Verb::ShowCrontab => handlers::crontab::show(call),
        Verb::SetCrontab => handlers::crontab::set(call, body).await,
        Verb::RemoveCrontab => handlers::crontab::remove(call).await,
    }
}
