//! The front page, and the probes that say whether the service is well. Neither asks for credentials: whoever
//! watches the service has none.

use crate::http::answer::{Answer, answer, empty};
use crate::site::Site;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};

/// Answers `/`, `/healthz`, `/livez` and `/readyz`.
pub(crate) fn respond(site: &Site, request: &Request<Incoming>) -> Answer {
    if request.uri().path().trim_matches('/').is_empty() {
        let body = page(site);
        return answer(StatusCode::OK, "text/plain; charset=utf-8", body.into_bytes());
    }
    // The originals' probes have no body either.
    empty(StatusCode::NO_CONTENT)
}

fn page(site: &Site) -> String {
    if site.cluster.is_some() {
        return page_before_cluster(site);
    }
    let snapshot = site.jobs.snapshot();
    let cluster = &snapshot.cluster;
    format!(
        "Quintet {version}: a job service for cluster {name}\n\
         \n\
         {nodes} nodes, {partitions} partitions, {jobs} jobs known\n\
         \n\
         Slurm REST API    /slurm/v0.0.44/      described by /openapi/v3\n\
         ClusterCockpit    /api/                {cockpit}\n\
         ET Engine         /batches, /v1/       {et_engine}\n\
         Waldur            /api/slurm-jobs/     {waldur}\n\
         Nifcloud HPC      /jobs, /files/sync   {nifcloud}\n\
         logs, events      /quintet/v1/         jobs/ID/stdout, events, history, whoami\n\
         metrics           /metrics\n\
         health            /healthz\n\
         \n\
         Credentials: `quintet token NAME --for slurm` prints a token for the headers\n\
         X-SLURM-USER-NAME and X-SLURM-USER-TOKEN, or for Authorization: Bearer; `--for clustercockpit`\n\
         one for its X-Auth-Token or Authorization: Bearer; `--for et-engine` a key for Authorization,\n\
         `--for waldur` a token for Authorization: Token, `--for nifcloud` an access key and its secret\n\
         for signatures of AWS's version 4.\n",
        version = site.version,
        cockpit = if site.cockpit.is_some() { "described by /api/openapi.json" } else { "not served here" },
        et_engine = if site.et_engine.is_some() {
            "tools, batches, filesystems, keys, logs"
        } else {
            "not served here"
        },
        waldur = if site.waldur.is_some() { "listed at /api/" } else { "not served here" },
        nifcloud = if site.nifcloud.is_some() { "signed (AWS Signature V4)" } else { "not served here" },
        name = cluster.name,
        nodes = cluster.present_nodes().count(),
        partitions = cluster.partitions.len(),
        jobs = snapshot.jobs.len(),
    )
}

fn page_before_cluster(site: &Site) -> String {
    format!(
        "Quintet {version}: in front of a Slurm cluster\n\
         \n\
         Slurm REST API    /slurm/v0.0.44/      described by /openapi/v3\n\
         metrics           /metrics\n\
         health            /healthz\n\
         \n\
         Credentials: the cluster's own, as `scontrol token` makes them, in the headers X-SLURM-USER-NAME and\n\
         X-SLURM-USER-TOKEN, or in Authorization: Bearer\n",
        version = site.version,
    )
}
