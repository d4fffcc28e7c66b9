//! What kind of request this is: which ones read what everybody may see, which ones write, and what they touch.

use super::request::Request;
use hyper::Method;

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The list of all jobs.
    Jobs,
    /// One job.
    Job,
    /// Something that is the same for everybody who may ask.
    Shared(Family),
    /// Something that depends on who asks.
    Own(Family),
    /// Nothing that is kept: it reads what changes by the moment, or is not the cluster's.
    Passed,
    /// Something that changes the cluster.
    Write(Family),
}

/// What a request is about: a write to a family makes its copies old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Family {
    Jobs,
    Cluster,
    Accounting,
}

impl Kind {
    /// Tells the kind of a request.
    pub(super) fn of(request: &Request) -> Self {
        let is_read = request.method == Method::GET;
        if is_read && !writes(request) && !(says_nothing(request) && tells_times(request)) {
            return Kind::Passed;
        }
        if request.part == "slurmdb" {
            return if is_read { Kind::Own(Family::Accounting) } else { Kind::Write(Family::Accounting) };
        }
        // Flags show other things, of which nobody has a copy; all that is read otherwise is the time.
        let is_plain = request.query.iter().all(|(name, _)| name == "update_time");
        match (is_read, request.pattern) {
            (true, "jobs") if is_plain && request.is_json => Kind::Jobs,
            (true, "job/*") if is_plain && request.is_json => Kind::Job,
            (true, "jobs" | "job/*" | "jobs/state") => Kind::Shared(Family::Jobs),
            (true, "resources/*") => Kind::Own(Family::Jobs),
            (true, "job/*/requeue") => Kind::Write(Family::Jobs),
            (true, "reconfigure") => Kind::Write(Family::Cluster),
            (true, "ping") => Kind::Passed,
            (true, _) => Kind::Shared(Family::Cluster),
            (false, pattern) if pattern.starts_with("job") => Kind::Write(Family::Jobs),
            (false, _) => Kind::Write(Family::Cluster),
        }
    }

    /// Tells whether the answer may be somebody else's as well.
    pub(super) fn is_copied(self) -> bool {
        matches!(self, Kind::Jobs | Kind::Job | Kind::Shared(_) | Kind::Own(_))
    }

    /// Tells whether the request can be sent again without harm.
    pub(super) fn is_repeatable(self) -> bool {
        !matches!(self, Kind::Write(_))
    }
}

/// Tells whether the body of a request says nothing: some clients send an empty object with everything.
fn says_nothing(request: &Request) -> bool {
    let is_json = request.content_type.as_ref().is_some_and(|form| form == "application/json");
    let mut letters = request.body.iter().filter(|byte| !byte.is_ascii_whitespace());
    request.body.is_empty() || is_json && request.query.is_empty() && letters.by_ref().eq(b"{}")
}

/// Tells whether a time that is asked about is a number of seconds: what else slurmrestd takes for one, and what it says
/// of what is none, is its own.
fn tells_times(request: &Request) -> bool {
    let mut times = request.query.iter().filter(|(name, _)| name == "update_time");
    times.all(|(_, value)| {
        let value = value.as_deref().unwrap_or_default();
        (1..=18).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Tells whether something that looks like reading changes the cluster.
fn writes(request: &Request) -> bool {
    request.part == "slurm" && matches!(request.pattern, "job/*/requeue" | "reconfigure")
}

/// Tells whether slurmrestd answers a request with 304 when nothing has changed since `update_time`.
pub(super) fn is_conditional(request: &Request) -> bool {
    const CONDITIONAL: [&str; 5] = ["partitions", "partition/*", "nodes", "reservations", "reservation/*"];
    request.part == "slurm" && CONDITIONAL.contains(&request.pattern)
}

/// Returns the name of the list in an answer that can be divided.
pub(super) fn list_of(request: &Request) -> Option<&'static str> {
    match (request.part, request.pattern) {
        (_, "jobs") => Some("jobs"),
        ("slurm", "nodes") => Some("nodes"),
        _ => None,
    }
}
