//! A job that starts, with the fields of releases 1.2 to 1.5 (facts 3.1 and 4.1).

use super::super::body::{Fields, value};
use super::super::error::CockpitError;
use super::{state, tags::tag};
use domain::Text;
use domain::monitoring::{HostResources, JobState, MonitoringStatus, Record, Sharing, TagId};
use serde_json::Value;

const KNOWN: &[&str] = &[
    "id",
    "jobId",
    "user",
    "project",
    "cluster",
    "subCluster",
    "partition",
    "arrayJobId",
    "numNodes",
    "numHwthreads",
    "numAcc",
    "exclusive",
    "shared",
    "monitoringStatus",
    "smt",
    "jobState",
    "duration",
    "walltime",
    "requestedMemory",
    "submitTime",
    "tags",
    "resources",
    "metaData",
    "concurrentJobs",
    "energy",
    "energyFootprint",
    "footprint",
    "startTime",
    "statistics",
];

/// Reads a job that starts. Its numbers here and what is worked out of its series are not taken in.
pub(crate) fn start(body: &[u8]) -> Result<Record, CockpitError> {
    described(&mut Fields::of("job", value(body)?, KNOWN)?)
}

/// Reads what describes a job.
pub(super) fn described(f: &mut Fields) -> Result<Record, CockpitError> {
    let told = f.text("jobState")?;
    // Those of 1.4 and later send what they like and mean a job that runs; what is no state is refused all the same.
    let state = if told.is_empty() { JobState::Running } else { state(&told)? };
    let record = Record {
        job: f.integer("jobId")?.unwrap_or(0),
        user: f.text("user")?.into(),
        project: f.text("project")?.into(),
        cluster: f.text("cluster")?.into(),
        sub_cluster: f.text("subCluster")?.into(),
        partition: f.text("partition")?.into(),
        array_job: f.integer("arrayJobId")?.unwrap_or(0),
        num_nodes: f.count("numNodes")?,
        num_hwthreads: f.count("numHwthreads")?,
        num_acc: f.count("numAcc")?,
        sharing: sharing(f)?,
        monitoring: monitoring(f)?,
        smt: f.count("smt")?,
        state,
        submit_time: f.integer("submitTime")?.unwrap_or(0),
        start_time: f.integer("startTime")?.unwrap_or(0),
        duration: f.integer("duration")?.unwrap_or(0),
        walltime: f.integer("walltime")?.unwrap_or(0),
        requested_memory: f.integer("requestedMemory")?.unwrap_or(0),
        resources: f.list("resources")?.into_iter().map(resource).collect::<Result<_, _>>()?,
        meta: f.words("metaData")?.into_iter().map(|(key, text)| (Text::from(key), text)).collect(),
        tags: f
            .list("tags")?
            .into_iter()
            .map(|one| Ok((TagId(0), tag(one)?)))
            .collect::<Result<_, CockpitError>>()?,
        ..Record::default()
    };
    for (field, number) in
        [("startTime", record.start_time), ("duration", record.duration), ("walltime", record.walltime)]
    {
        if number < 0 {
            return Err(CockpitError::bad(format!("{field} must not be negative")));
        }
    }
    Ok(record)
}

fn sharing(fields: &mut Fields) -> Result<Sharing, CockpitError> {
    let all = [Sharing::MultiUser, Sharing::None, Sharing::SingleUser];
    let word = fields.text("shared")?;
    let number = fields.integer("exclusive")?;
    if !word.is_empty() {
        let found = all.into_iter().find(|one| one.shared() == word);
        return found.ok_or_else(|| {
            CockpitError::bad(format!("shared must be none, single_user or multi_user, not {word}"))
        });
    }
    match number {
        None => Ok(Sharing::default()),
        Some(number) => {
            let found = all.into_iter().find(|one| i64::from(one.exclusive()) == number);
            found.ok_or_else(|| CockpitError::bad(format!("exclusive must be 0, 1 or 2, not {number}")))
        }
    }
}

fn monitoring(fields: &mut Fields) -> Result<MonitoringStatus, CockpitError> {
    match fields.integer("monitoringStatus")? {
        None => Ok(MonitoringStatus::default()),
        Some(number) => {
            let found = u8::try_from(number).ok().and_then(MonitoringStatus::numbered);
            found.ok_or_else(|| CockpitError::bad(format!("monitoringStatus must be 0 to 3, not {number}")))
        }
    }
}

fn resource(value: Value) -> Result<HostResources, CockpitError> {
    let known = ["hostname", "hwthreads", "accelerators", "configuration"];
    let mut fields = Fields::of("resources", value, &known)?;
    let threads = fields.list("hwthreads")?.into_iter().map(|thread| {
        let number = thread.as_u64().and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| CockpitError::bad("resources.hwthreads must be a list of processor numbers"))
    });
    let hwthreads = threads.collect::<Result<_, _>>()?;
    let accelerators = fields.texts("accelerators")?.into_iter().map(Text::from).collect();
    let (hostname, configuration) = (fields.text("hostname")?.into(), fields.text("configuration")?.into());
    Ok(HostResources { hostname, hwthreads, accelerators, configuration })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;

    /// What cc-slurm-adapter sends (facts, section 7).
    const ADAPTER: &str = r#"{"id":0,"jobId":42,"user":"alice","project":"p","cluster":"c","subCluster":"","partition":"main",
        "arrayJobId":0,"numNodes":1,"numHwthreads":8,"numAcc":0,"shared":"multi_user","smt":1,"jobState":"","duration":0,
        "walltime":3600,"requestedMemory":1024,"submitTime":99,"tags":null,"energy":0,"energyFootprint":null,"footprint":null,
        "resources":[{"hostname":"h1","hwthreads":[0,1]}],"metaData":{"jobScript":"x"},"statistics":null,"startTime":100,
        "concurrentJobs":{"items":null,"count":0},"monitoringStatus":1}"#;

    #[test]
    fn what_clients_send_is_read() {
        let record = start(ADAPTER.as_bytes()).unwrap();
        assert_eq!((record.job, record.sharing, record.state), (42, Sharing::MultiUser, JobState::Running));
        assert_eq!((record.requested_memory, record.submit_time, record.start_time), (1024, 99, 100));
        let old = br#"{"jobid": 1, "exclusive": 0, "metadata": {"a": "b"}, "jobState": "completed", "tags": [{"type": "t", "name": "n"}]}"#;
        let record = start(old).unwrap();
        assert_eq!((record.sharing, record.state), (Sharing::MultiUser, JobState::Completed));
        assert_eq!((record.meta.len(), record.tags.len(), record.num_nodes), (1, 1, 0));
        assert_eq!(start(b"{}").unwrap(), Record::default());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for body in [
            "{",
            r#"{"foo": 1}"#,
            r#"{"numAcc": -1}"#,
            r#"{"exclusive": 3}"#,
            r#"{"shared": "maybe"}"#,
            r#"{"monitoringStatus": 4}"#,
            r#"{"jobState": "requeued"}"#,
            r#"{"jobState": "RUNNING"}"#,
            r#"{"resources": [{"hostname": "h", "hwthreads": [-1]}]}"#,
            r#"{"resources": [{"host": "h"}]}"#,
            r#"{"metaData": {"a": 1}}"#,
            r#"{"startTime": "2023-01-01"}"#,
            r#"{"startTime": -5}"#,
        ] {
            assert_eq!(
                start(body.as_bytes()).map_err(|error| error.status()),
                Err(StatusCode::BAD_REQUEST),
                "{body}"
            );
        }
        // More threads of a core than anybody has are nobody's mistake (facts 8.2, 12).
        assert_eq!(start(br#"{"smt": 4}"#).map(|record| record.smt), Ok(4));
    }
}
