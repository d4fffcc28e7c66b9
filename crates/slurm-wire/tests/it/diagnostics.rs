//! Each recorded request gives the errors and warnings that the original gave: text, number, place, order.
//! Only those of reading are compared: what became of the request afterwards is another room's affair.

use jiff::Zoned;
use serde::Deserialize;
use slurm_wire::accounting::query::{
    AccountCondition, AccountQuery, AssocCondition, InstanceCondition, JobCondition, QosQuery, UserCondition,
    UserQuery, WckeyCondition,
};
use slurm_wire::query::{
    JobInfoDeleteQuery, JobInfoQuery, JobStateQuery, NodesQuery, PartitionsQuery, ReservationQuery,
};
use slurm_wire::{Report, Value, accounting, job_change, job_desc, node, reservation, submit};

use crate::fixtures::{lines, operation};

#[derive(Deserialize)]
struct Case {
    method: String,
    path: String,
    body: Option<Box<serde_json::value::RawValue>>,
    query: Option<Vec<(String, Option<String>)>>,
    errors: serde_json::Value,
    warnings: serde_json::Value,
}

type Parse = fn(&Value<'_>, &mut Report);

fn parse<T: slurm_wire::Wire + Default>(value: &Value<'_>, report: &mut Report) {
    // Whether it stopped shows in what it did not go on to report.
    _ = slurm_wire::parse::<T>(value, report);
}

/// What reads the body or query of an operation; nothing for those whose original looks at neither.
fn reader(method: &str, path: &str, has_body: bool) -> Option<Parse> {
    let operation = operation(method, path)?;
    let (tag, rest) = operation.path.trim_start_matches('/').split_once("/{version}/")?;
    Some(match (tag, method, rest.trim_end_matches('/'), has_body) {
        ("slurm", "POST", "job/submit", _) => parse::<submit::JobSubmitReq>,
        ("slurm", "POST", "job/allocate", _) => parse::<submit::JobAllocReq>,
        ("slurm", "POST", "job/{job_id}", _) => parse::<job_desc::JobDescMsg>,
        ("slurm", "DELETE", "jobs", _) => parse::<job_change::KillJobsMsg>,
        ("slurm", "DELETE", "job/{job_id}", _) => parse::<JobInfoDeleteQuery>,
        ("slurm", "GET", "jobs" | "job/{job_id}", false) => parse::<JobInfoQuery>,
        ("slurm", "GET", "jobs/state", false) => parse::<JobStateQuery>,
        ("slurm", "GET", "nodes" | "node/{node_name}", false) => parse::<NodesQuery>,
        ("slurm", "GET", "partitions" | "partition/{partition_name}", false) => parse::<PartitionsQuery>,
        ("slurm", "GET", "reservations" | "reservation/{reservation_name}", false) => {
            parse::<ReservationQuery>
        }
        ("slurm", "POST", "nodes" | "node/{node_name}", _) => parse::<node::UpdateNodeMsg>,
        ("slurm", "POST", "new/node", _) => parse::<node::CreateNodeReq>,
        ("slurm", "POST", "reservation", _) => parse::<reservation::ReservationDescMsgInput>,
        ("slurm", "POST", "reservations", _) => parse::<reservation::ReservationModReq>,
        ("slurmdb", "POST", "accounts", _) => parse::<accounting::account::AccountsRespInput>,
        ("slurmdb", "POST", "accounts_association", _) => parse::<accounting::account::AccountsAddCondResp>,
        ("slurmdb", "POST", "users", _) => parse::<accounting::user::UsersRespInput>,
        ("slurmdb", "POST", "users_association", _) => parse::<accounting::user::UsersAddCondResp>,
        ("slurmdb", "POST", "associations", _) => parse::<accounting::association::AssocsRespInput>,
        ("slurmdb", "POST", "qos", _) => parse::<accounting::qos::SlurmdbdQosRespInput>,
        ("slurmdb", "POST", "wckeys", _) => parse::<accounting::wckey::WckeyRespInput>,
        ("slurmdb", "POST", "clusters", _) => parse::<accounting::cluster::ClustersRespInput>,
        ("slurmdb", "POST", "config", _) => parse::<accounting::config::SlurmdbdConfigRespInput>,
        ("slurmdb", "POST", "job/{job_id}", _) => parse::<accounting::job::JobModify>,
        ("slurmdb", "POST", "jobs", _) => parse::<accounting::job::JobModifyReq>,
        ("slurmdb", "GET", "jobs", false) => parse::<JobCondition>,
        ("slurmdb", _, "associations" | "association", false) => parse::<AssocCondition>,
        ("slurmdb", "GET", "instances" | "instance", false) => parse::<InstanceCondition>,
        ("slurmdb", "GET", "accounts", false) => parse::<AccountCondition>,
        ("slurmdb", "GET", "account/{account_name}", false) => parse::<AccountQuery>,
        ("slurmdb", "GET", "users", false) => parse::<UserCondition>,
        ("slurmdb", "GET", "user/{name}", false) => parse::<UserQuery>,
        ("slurmdb", _, "qos/{qos}", false) => parse::<QosQuery>,
        ("slurmdb", "GET", "wckeys", false) => parse::<WckeyCondition>,
        _ => return None,
    })
}

#[test]
fn recorded_requests_are_reported_as_the_original_does() {
    let now: Zoned = "2026-11-21T10:00:00+00:00[UTC]".parse().unwrap();
    let (mut compared, mut differences) = (0, Vec::new());
    for line in lines("diagnostics.jsonl.zst") {
        let case: Case = serde_json::from_str(&line).unwrap();
        let Some(read) = reader(&case.method, &case.path, case.body.is_some()) else { continue };
        let mut report = Report::new(now.clone());
        match (&case.body, &case.query) {
            (Some(body), _) => {
                // A bare scalar is refused before the tables see it.
                let Ok(document) = slurm_wire::json::parse(body.get()) else { continue };
                read(&document, &mut report);
            }
            (None, Some(pairs)) => {
                let pairs = pairs.iter().map(|(name, text)| (name.as_str(), text.as_deref()));
                read(&Value::from_query(pairs), &mut report);
            }
            (None, None) => continue,
        }
        compared += 1;
        let errors = serde_json::to_value(&report.errors).unwrap();
        let warnings = serde_json::to_value(&report.warnings).unwrap();
        if errors != case.errors || warnings != case.warnings {
            differences.push(format!("{line}\n   errors   {errors}\n   warnings {warnings}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {compared} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(compared > 900, "only {compared} requests were compared");
}
