//! Submissions that only ask when the job would start. The original has no word for it in its REST interface; `srun` and
//! `sbatch` have `--test-only`. Here the header `X-Test-Only: true` of `job/submit` and `job/allocate` says so.

use super::call::Call;
use domain::Error;
use domain::ports::Foreseen;
use domain::service::Submission;
use domain::who::Principal;
use hyper::header::{HeaderMap, HeaderName};

const HEADER: HeaderName = HeaderName::from_static("x-test-only");

/// Tells whether a request only asks.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    headers.get(HEADER).is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"true"))
}

/// What is answered: the number that the job would get, and when and where it would start, in words that programs can
/// read: `start=SECONDS cpus=N nodes=LIST partition=NAME`, of components with all their CPUs and nodes and no partition.
pub(super) struct Told {
    pub(super) job: u32,
    pub(super) message: String,
}

/// Asks the service.
pub(super) async fn ask(
    call: &Call<'_>,
    by: &Principal,
    submissions: Vec<Submission>,
) -> Result<Told, Error> {
    let found = call.site.jobs.foresee(by, submissions).await?;
    Ok(told(call, &found))
}

fn told(call: &Call<'_>, found: &[Foreseen]) -> Told {
    let snapshot = call.site.jobs.snapshot();
    let start = found.iter().map(|foreseen| foreseen.at.seconds()).max().unwrap_or_default();
    let cpus: u32 = found.iter().map(|foreseen| foreseen.cpus).sum();
    let mut nodes: Vec<_> = found.iter().flat_map(|foreseen| foreseen.nodes.iter().copied()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let nodes = nodes.iter().filter_map(|node| snapshot.cluster.nodes.get(node.0 as usize));
    let nodes = slurm_wire::hostlist::fold(nodes.map(|node| node.name.as_str()));
    let mut message = format!("start={start} cpus={cpus} nodes={nodes}");
    if let [alone] = found {
        message.push_str(&format!(" partition={}", alone.partition));
    }
    Told { job: found.first().map_or(0, |foreseen| foreseen.job.0), message }
}
