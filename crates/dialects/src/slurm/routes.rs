//! The route table: one line an operation.

use hyper::Method;

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
    Partitions,
    Partition,
    Ping,
    Diag,
    OpenApi,
}

use Operation::*;

/// Method, path below `/slurm/v0.0.44/` and operation. A `*` stands for a parameter.
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
    // the machine
    (Method::GET, "nodes", Nodes),
    (Method::GET, "node/*", Node),
    (Method::GET, "partitions", Partitions),
    (Method::GET, "partition/*", Partition),
    // the service
    (Method::GET, "ping", Ping),
    (Method::GET, "diag", Diag),
];

/// Paths of the API's own description.
const DESCRIPTIONS: &[&[&str]] = &[&["openapi"], &["openapi", "v3"], &["openapi.json"], &["openapi.yaml"]];

/// The version served.
pub(super) const VERSION: &str = "v0.0.44";

/// Finds the operation and its parameter, which is empty where there is none.
pub(super) fn find<'a>(
    method: &Method,
    path: &'a [std::borrow::Cow<'_, str>],
) -> Option<(Operation, &'a str)> {
    if method == Method::GET && DESCRIPTIONS.iter().any(|known| path.iter().eq(known.iter())) {
        return Some((OpenApi, ""));
    }
    let [slurm, version, rest @ ..] = path else { return None };
    if slurm != "slurm" || version != VERSION {
        return None;
    }
    ROUTES
        .iter()
        .filter(|(known, ..)| known == method)
        .find_map(|(_, pattern, operation)| parameter(pattern, rest).map(|parameter| (*operation, parameter)))
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
        for (method, path, wanted) in [
            (Method::GET, "slurm/v0.0.44/job/12", Some((JobGet, "12"))),
            (Method::GET, "slurm/v0.0.44/job/submit", Some((JobGet, "submit"))),
            (Method::POST, "slurm/v0.0.44/job/submit", Some((Submit, ""))),
            (Method::GET, "slurm/v0.0.44/jobs/state", Some((JobStates, ""))),
            (Method::GET, "slurm/v0.0.43/jobs", None),
            (Method::GET, "slurm/v0.0.44/job", None),
            (Method::GET, "slurm/v0.0.44/Jobs", None),
            (Method::HEAD, "slurm/v0.0.44/ping", None),
            (Method::GET, "openapi/v3", Some((OpenApi, ""))),
            (Method::POST, "openapi/v3", None),
            (Method::GET, "openapi/v2", None),
        ] {
            let path: Vec<Cow<'_, str>> = path.split('/').map(Cow::from).collect();
            assert_eq!(find(&method, &path), wanted, "{method} {path:?}");
        }
    }
}
