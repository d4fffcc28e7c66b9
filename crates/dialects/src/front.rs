//! The front page, and the probes that say whether the service is well. Neither asks for credentials: whoever
//! watches the service has none.

use crate::http::answer::{Answer, answer, empty};
use crate::site::Site;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};

/// Answers `/`, `/healthz`, `/livez` and `/readyz`.
pub(crate) fn respond(site: &Site, request: &Request<Incoming>) -> Answer {
    let path = request.uri().path().trim_matches('/');
    if path.is_empty() {
        let body = page(site);
        return answer(StatusCode::OK, "text/plain; charset=utf-8", body.into_bytes());
    }
    // The originals' probes have no body either.
    let is_well = path != "readyz" || site.jobs.is_ready();
    empty(if is_well { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE })
}

fn page(site: &Site) -> String {
    let snapshot = site.jobs.snapshot();
    let cluster = &snapshot.cluster;
    let (nodes, partitions) = (cluster.present_nodes().count(), cluster.partitions.len());
    let version = site.version;
    let (title, known) = match &site.cluster {
        None => (format!("a job service for cluster {}", cluster.name), true),
        Some(_) if site.native => (format!("in front of Slurm cluster {}", cluster.name), true),
        Some(_) => ("in front of a Slurm cluster".to_owned(), false),
    };
    let known = match known {
        true => format!("{nodes} nodes, {partitions} partitions, {} jobs known\n\n", snapshot.jobs.len()),
        false => String::new(),
    };
    let credentials = if site.cluster.is_some() { CLUSTERS_CREDENTIALS } else { CREDENTIALS };
    let others = if site.native { OTHER_CREDENTIALS } else { "\n" };
    format!("Quintet {version}: {title}\n\n{known}{}\n{credentials}{others}", interfaces(site))
}

const CREDENTIALS: &str = "\
Credentials: `quintet token NAME --for slurm` prints a token for the headers
X-SLURM-USER-NAME and X-SLURM-USER-TOKEN, or for Authorization: Bearer";
const CLUSTERS_CREDENTIALS: &str = "\
Credentials: for Slurm's interface the cluster's own, as `scontrol token` makes them, or those that
identity in [engine.slurm] asks for, in the headers X-SLURM-USER-NAME and X-SLURM-USER-TOKEN, or in
Authorization: Bearer";
const OTHER_CREDENTIALS: &str = "; `quintet token NAME --for clustercockpit`
one for X-Auth-Token or Authorization: Bearer; `--for et-engine` a key for Authorization,
`--for waldur` a token for Authorization: Token, `--for nifcloud` an access key and its secret
for signatures of AWS's version 4.
";

/// Lists the interfaces with where they are.
fn interfaces(site: &Site) -> String {
    let or_not = |is_served: bool, what: &'static str| if is_served { what } else { "not served here" };
    let all = [
        ("Slurm REST API", "/slurm/v0.0.44/", "described by /openapi/v3"),
        ("ClusterCockpit", "/api/", or_not(site.cockpit.is_some(), "described by /api/openapi.json")),
        (
            "ET Engine",
            "/batches, /v1/",
            or_not(site.et_engine.is_some(), "tools, batches, filesystems, keys, logs"),
        ),
        ("Waldur", "/api/slurm-jobs/", or_not(site.waldur.is_some(), "listed at /api/")),
        ("Nifcloud HPC", "/jobs, /files/sync", or_not(site.nifcloud.is_some(), "signed (AWS Signature V4)")),
        ("logs, events", "/quintet/v1/", or_not(site.native, "jobs/ID/stdout, events, history, whoami")),
        ("metrics", "/metrics", ""),
        ("health", "/healthz", ""),
    ];
    let line = |(name, path, what): (&str, &str, &str)| {
        format!("{name:<17} {path:<20} {what}").trim_end().to_owned() + "\n"
    };
    all.into_iter().map(line).collect()
}
