//! The route table: one line an operation.

mod accounting;

pub(super) use accounting::Accounting;

use super::served::{Part, Served};
use hyper::Method;
use slurm_wire::versions::{self, Version};

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Submit,
    Allocate,
    JobUpdate,
    JobGet,
    JobKill,
    JobsGet,
    JobsKill,
    JobStates,
    Nodes,
    Node,
    NodesUpdate,
    NodeUpdate,
    NodeCreate,
    NodeDelete,
    Licenses,
    Resources,
    Shares,
    Partitions,
    Partition,
    Reservations,
    Reservation,
    ReservationPut,
    ReservationsPut,
    ReservationDelete,
    Reconfigure,
    Ping,
    Diag,
    JobRequeue,
    JobsRequeue,
    Hostlist,
    Hostnames,
    /// One below `/slurmdb/`.
    Accounting(Accounting),
    OpenApi,
}

use Operation::*;

/// Method, path below `/slurm/VERSION/` and operation. A `*` stands for a parameter.
pub(super) const ROUTES: &[(Method, &str, Operation)] = &[
    // jobs
    (Method::POST, "job/submit", Submit),
    (Method::POST, "job/allocate", Allocate),
    (Method::POST, "job/*", JobUpdate),
    (Method::GET, "job/*", JobGet),
    (Method::DELETE, "job/*", JobKill),
    (Method::GET, "jobs", JobsGet),
    (Method::DELETE, "jobs", JobsKill),
    (Method::GET, "jobs/state", JobStates),
    (Method::GET, "resources/*", Resources),
    // the machine
    (Method::GET, "nodes", Nodes),
    (Method::POST, "nodes", NodesUpdate),
    (Method::GET, "node/*", Node),
    (Method::POST, "node/*", NodeUpdate),
    (Method::DELETE, "node/*", NodeDelete),
    (Method::POST, "new/node", NodeCreate),
    (Method::GET, "licenses", Licenses),
    (Method::GET, "shares", Shares),
    (Method::GET, "partitions", Partitions),
    (Method::GET, "partition/*", Partition),
    // reservations
    (Method::GET, "reservations", Reservations),
    (Method::POST, "reservations", ReservationsPut),
    (Method::GET, "reservation/*", Reservation),
    (Method::POST, "reservation", ReservationPut),
    (Method::DELETE, "reservation/*", ReservationDelete),
    // the service
    (Method::GET, "reconfigure", Reconfigure),
    (Method::GET, "ping", Ping),
    (Method::GET, "diag", Diag),
];

/// Operations that later versions have beside these.
const LATER: &[(Method, &str, Operation)] = &[
    // jobs
    (Method::GET, "job/*/requeue", JobRequeue),
    (Method::POST, "jobs/requeue", JobsRequeue),
];

/// Operations below `/util/`: they ask nobody.
const UTIL: &[(Method, &str, Operation)] =
    &[(Method::POST, "hostlist", Hostlist), (Method::POST, "hostnames", Hostnames)];

/// Paths of the API's own description.
const DESCRIPTIONS: &[&[&str]] = &[&["openapi"], &["openapi", "v3"], &["openapi.json"], &["openapi.yaml"]];

/// What a request is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) operation: Operation,
    /// What stands in the path's parameter; empty where there is none.
    pub(super) parameter: &'a str,
    pub(super) version: &'static Version,
    /// The first segment of its path.
    pub(super) part: &'static str,
    /// What is behind the version in its path, a `*` for the parameter.
    pub(super) pattern: &'static str,
}

/// Finds the operation among what is served.
pub(super) fn find<'a>(
    served: &Served,
    method: &Method,
    path: &'a [std::borrow::Cow<'_, str>],
) -> Option<Found<'a>> {
    if method == Method::GET
        && let Some(version) = described(served, path)
    {
        return Some(Found { operation: OpenApi, parameter: "", version, part: "openapi", pattern: "" });
    }
    let [part, version, rest @ ..] = path else { return None };
    let part = Part::named(part).filter(|part| served.has(*part))?;
    let version = served.version(version)?;
    operations(part, version)
        .filter(|(known, ..)| known == method)
        .find_map(|(_, pattern, operation)| {
            parameter(pattern, rest).map(|parameter| (*pattern, *operation, parameter))
        })
        .filter(|(pattern, ..)| is_in(version, part, method, pattern))
        .map(|(pattern, operation, parameter)| Found {
            operation,
            parameter,
            version,
            part: part.path(),
            pattern,
        })
}

/// The version whose description is asked for: ours is one for each, and without a name it is that of the current one,
/// or of the newest that is served.
fn described(served: &Served, path: &[std::borrow::Cow<'_, str>]) -> Option<&'static Version> {
    match path {
        [first, name] if first == "openapi" && name.starts_with("v0") => served.version(name),
        _ if DESCRIPTIONS.iter().any(|known| path.iter().eq(known.iter())) => {
            served.version(versions::CURRENT.name).or_else(|| served.versions.last().copied())
        }
        _ => None,
    }
}

/// Returns how many operations a part has in a version.
#[cfg(test)]
pub(super) fn count(part: Part, version: &'static Version) -> usize {
    operations(part, version).filter(|(method, pattern, _)| is_in(version, part, method, pattern)).count()
}

/// The table of a part, as one version may have it.
fn operations(
    part: Part,
    version: &'static Version,
) -> impl Iterator<Item = &'static (Method, &'static str, Operation)> {
    let (first, second) = match part {
        Part::Controller => (ROUTES, if version.is_later() { LATER } else { &[] }),
        Part::Util => (UTIL, &[] as &[_]),
        Part::Database => (accounting::ROUTES, &[] as &[_]),
    };
    first.iter().chain(second)
}

/// Tells whether a version has an operation of the tables.
fn is_in(version: &'static Version, part: Part, method: &Method, pattern: &str) -> bool {
    version.is_current()
        || slurm_wire::operations::Operation::find(version, method.as_str(), part.path(), pattern).is_some()
}

fn parameter<'a>(pattern: &str, path: &'a [std::borrow::Cow<'_, str>]) -> Option<&'a str> {
    let mut parameter = "";
    let mut segments = path.iter();
    for part in pattern.split('/') {
        let segment = segments.next()?;
        match part {
            "*" => parameter = segment,
            _ if part == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(parameter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn operations_are_found() {
        let served = Served::default();
        let old = Served { versions: vec![&versions::V0_0_43], parts: vec![Part::Controller, Part::Util] };
        for (served, method, path, wanted) in [
            (&served, Method::GET, "slurm/v0.0.44/job/12", Some((JobGet, "12"))),
            (&served, Method::GET, "slurm/v0.0.44/job/submit", Some((JobGet, "submit"))),
            (&served, Method::POST, "slurm/v0.0.44/job/submit", Some((Submit, ""))),
            (&served, Method::GET, "slurm/v0.0.44/jobs/state", Some((JobStates, ""))),
            (&served, Method::GET, "slurm/v0.0.43/jobs", Some((JobsGet, ""))),
            (&served, Method::GET, "slurm/v0.0.39/jobs", None),
            (&served, Method::GET, "slurm/v0.0.44/job", None),
            (&served, Method::GET, "slurm/v0.0.44/Jobs", None),
            (&served, Method::HEAD, "slurm/v0.0.44/ping", None),
            (&served, Method::GET, "slurm/v0.0.44/job/12/requeue", None),
            (&served, Method::GET, "slurm/v0.0.45/job/12/requeue", Some((JobRequeue, "12"))),
            (&served, Method::POST, "util/v0.0.44/hostlist", Some((Hostlist, ""))),
            (&served, Method::POST, "util/v0.0.43/hostlist", None),
            (&served, Method::GET, "openapi/v3", Some((OpenApi, ""))),
            (&served, Method::POST, "openapi/v3", None),
            (&served, Method::GET, "openapi/v2", None),
            (&served, Method::GET, "openapi/v0.0.43", Some((OpenApi, ""))),
            (&served, Method::GET, "openapi/v0.0.39", None),
            (&old, Method::GET, "openapi/v3", Some((OpenApi, ""))),
            (&old, Method::GET, "openapi/v0.0.44", None),
            (&old, Method::GET, "slurm/v0.0.44/jobs", None),
            (&old, Method::GET, "slurm/v0.0.43/jobs", Some((JobsGet, ""))),
            (&old, Method::POST, "util/v0.0.43/hostlist", None),
        ] {
            let path: Vec<Cow<'_, str>> = path.split('/').map(Cow::from).collect();
            let found = find(served, &method, &path).map(|found| (found.operation, found.parameter));
            assert_eq!(found, wanted, "{method} {path:?}");
        }
    }
}
