//! Answers of one version as another version has them.

use super::request::Request;
use super::transport::Answer;
use bytes::Bytes;
use slurm_wire::operations::Operation;
use slurm_wire::versions::Version;

/// Tells whether a version has the operation of a request.
pub(super) fn has(request: &Request, version: &'static Version) -> bool {
    Operation::find(version, request.method.as_str(), request.part, request.pattern).is_some()
}

/// Writes a JSON answer to a request in the version that was asked for. What is no JSON stays as it is.
pub(super) fn answer(request: &Request, from: &'static Version, answer: Answer) -> Answer {
    if from.name == request.version.name || !request.is_json {
        return answer;
    }
    let operation = Operation::find(from, request.method.as_str(), request.part, request.pattern);
    let text = slurm_wire::json::text(&answer.body);
    // The states of jobs are told in the same words by all versions, and in others than their schema has.
    let is_alike = request.pattern == "jobs/state";
    let written = match (operation, slurm_wire::json::parse(&text)) {
        (Some(operation), Ok(document)) if !is_alike => operation.rewritten(&document, from, request.version),
        _ => answer.body.to_vec(),
    };
    let body = Bytes::from(renamed(written, from, request.version));
    Answer { body, ..answer }
}

/// Names the version in `meta` that the answer is in now.
fn renamed(mut body: Vec<u8>, from: &Version, to: &Version) -> Vec<u8> {
    for slash in ["/", "\\/"] {
        let (old, new) =
            (format!("\"data_parser{slash}{}\"", from.name), format!("\"data_parser{slash}{}\"", to.name));
        let at = memchr::memmem::rfind(&body, old.as_bytes());
        if let Some(at) = at {
            body.splice(at..at + old.len(), new.into_bytes());
        }
    }
    body
}
