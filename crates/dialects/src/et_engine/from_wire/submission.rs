//! A batch as it is submitted: hardware, fixed and variable arguments; and the array of jobs it becomes.

use super::super::arguments::{self, Arguments};
use super::super::auth::Caller;
use super::super::error::EtError;
use super::super::record::{Hardware, Origin};
use super::super::script::LOGS;
use super::super::{batches, uuid};
use super::bounded::parts;
use domain::job::{JobFlags, JobKind, JobSpec, Memory, Payload, Resources, Streams, Uncommon};
use domain::service::Submission;
use domain::{Text, TimeLimit};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// What is submitted, as far as it is read.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Wanted {
    pub(in super::super) filesystems: Vec<u128>,
    pub(in super::super) cpu: u16,
    pub(in super::super) memory: u64,
    /// For all jobs.
    pub(in super::super) fixed: Arguments,
    /// For each of its own; one at least.
    pub(in super::super) own: Vec<Arguments>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    hardware: &'a RawValue,
    #[serde(borrow)]
    variable_args: &'a RawValue,
    #[serde(borrow)]
    fixed_args: &'a RawValue,
}

/// Both shapes of hardware (facts C1).
#[derive(Deserialize)]
struct HardwareBody {
    #[serde(default)]
    filesystems: Option<Vec<String>>,
    #[serde(default)]
    filesystem_list: Option<Vec<Mounted>>,
    cpu: u16,
    memory: u64,
}

#[derive(Deserialize)]
struct Mounted {
    filesystem_id: String,
}

/// Filesystems of a batch at most.
const MOST_FILESYSTEMS: usize = 100;
/// Memory of a job at most, megabytes: a pebibyte, more than any machine has.
const MOST_MEMORY: u64 = 1 << 30;

/// What is missing is told in the original's words.
fn misread(error: &serde_json::Error) -> EtError {
    match (error.is_data(), error.to_string().starts_with("missing field")) {
        (false, _) => EtError::NotJson,
        (true, true) => EtError::BadBody(String::new()),
        (true, false) => EtError::body(error),
    }
}

/// Reads a body.
pub(in super::super) fn wanted(body: &[u8], most: u32) -> Result<Wanted, EtError> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| misread(&error))?;
    let variable = parts(body.variable_args, most as usize).map_err(|error| misread(&error))?;
    let variable = variable.ok_or_else(|| EtError::TooLarge(format!("A batch has at most {most} jobs")))?;
    let hardware: HardwareBody =
        serde_json::from_str(body.hardware.get()).map_err(|error| misread(&error))?;
    let named = match (hardware.filesystems, hardware.filesystem_list) {
        (Some(ids), None) => ids,
        (None, Some(list)) => list.into_iter().map(|mounted| mounted.filesystem_id).collect(),
        (None, None) => return Err(EtError::BadBody(String::new())),
        (Some(_), Some(_)) => return Err(EtError::body("filesystems are named twice")),
    };
    if hardware.cpu == 0 || hardware.memory == 0 || hardware.memory > MOST_MEMORY {
        return Err(EtError::body(
            "cpu and memory must be one at least, and no more than a machine can have",
        ));
    }
    if named.len() > MOST_FILESYSTEMS {
        return Err(EtError::body(format!("more than {MOST_FILESYSTEMS} filesystems")));
    }
    let id =
        |text: &String| uuid::read(text).ok_or_else(|| EtError::body(format!("no filesystem {text:.40}")));
    let filesystems = named.iter().map(id).collect::<Result<Vec<_>, _>>()?;
    let fixed = arguments::read("fixed_args", body.fixed_args)?;
    let read = |raw: &&RawValue| arguments::read("variable_args", raw);
    let mut own = variable.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if own.is_empty() {
        own.push(Arguments::new());
    }
    Ok(Wanted { filesystems, cpu: hardware.cpu, memory: hardware.memory, fixed, own })
}

/// Makes the array of jobs that a batch is.
pub(in super::super) fn submission(
    by: &Caller,
    origin: &Origin,
    folder: &str,
    script: Vec<u8>,
) -> Result<Submission, EtError> {
    let Hardware { cpu, memory, .. } = origin.hardware;
    let resources = Resources {
        min_nodes: 1,
        max_nodes: 1,
        tasks: Some(1),
        cpus_per_task: cpu,
        memory: Memory::PerNode(memory),
        ..Resources::default()
    };
    let kept = Uncommon { origin: Text::from(batches::origin_written(origin)?), ..Uncommon::default() };
    let spec = JobSpec {
        owner: by.owner.clone(),
        kind: JobKind::Batch,
        name: Text::from(origin.tool_name.as_str()),
        account: Text::default(),
        partitions: Vec::new(),
        qos: Text::default(),
        wckey: Text::default(),
        work_dir: Text::from(folder),
        streams: Streams { output: Text::from(format!("{LOGS}/%a.log")), ..Streams::default() },
        time_limit: TimeLimit::Unlimited,
        time_minimum: 0,
        resources,
        begin: None,
        deadline: None,
        nice: 0,
        fixed_priority: None,
        requeue: false,
        kill_on_node_fail: true,
        warning: None,
        flags: JobFlags::EXACT_MEMORY_REQUESTED.with(JobFlags::EXACT_TASK_COUNT_REQUESTED),
        comment: Text::default(),
        command: Text::default(),
        uncommon: Some(Box::new(kept)),
    };
    let variable = |name: &str, value: &str| Text::from(format!("{name}={value}"));
    let environment = [
        Text::const_new("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        variable("HOME", &by.person.home),
        variable("SHELL", &by.person.shell),
        variable("USER", &by.person.name),
        variable("LOGNAME", &by.person.name),
    ];
    Ok(Submission {
        spec,
        time_limit: None,
        array: Text::from(format!("0-{}", origin.jobs.saturating_sub(1))),
        dependency: Text::default(),
        hold: false,
        immediate: false,
        requeue: None,
        payload: Payload {
            script: Arc::from(script),
            environment: Arc::from(environment),
            arguments: Arc::default(),
        },
        client_key: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(hardware: &str, variable: &str, fixed: &str) -> Result<Wanted, EtError> {
        let body =
            format!(r#"{{"hardware": {hardware}, "variable_args": {variable}, "fixed_args": {fixed}}}"#);
        wanted(body.as_bytes(), 3)
    }

    const ID: &str = "00000000-0000-0000-0000-000000000007";

    #[test]
    fn both_shapes_of_hardware_are_read() {
        let list = format!(
            r#"{{"filesystem_list": [{{"filesystem_id": "{ID}", "filesystem_name": "x"}}], "cpu": 2, "memory": 256}}"#
        );
        let ids = format!(r#"{{"filesystems": ["{ID}"], "cpu": 2, "memory": 256}}"#);
        let wanted = read(&list, r#"[{"a": 1}, {}]"#, r#"{"b": "x"}"#).unwrap();
        assert_eq!(
            (wanted.filesystems.as_slice(), wanted.cpu, wanted.memory, wanted.own.len()),
            (&[7][..], 2, 256, 2)
        );
        assert_eq!(read(&ids, r#"[{"a": 1}, {}]"#, r#"{"b": "x"}"#).unwrap(), wanted);
        assert_eq!(read(&ids, "[]", "{}").unwrap().own, [Arguments::new()]);
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused() {
        let fine = r#"{"filesystems": [], "cpu": 1, "memory": 1}"#;
        assert!(read(fine, "[]", "{}").is_ok());
        assert!(matches!(wanted(b"{", 3), Err(EtError::NotJson)));
        for body in ["{}", r#"{"hardware": {}, "variable_args": []}"#] {
            assert_eq!(wanted(body.as_bytes(), 3).unwrap_err().to_string(), "Invalid request body", "{body}");
        }
        for hardware in [
            "{}",
            "7",
            r#"{"filesystems": [], "memory": 1}"#,
            r#"{"cpu": 1, "memory": 1}"#,
            r#"{"filesystems": [], "cpu": 0, "memory": 1}"#,
            r#"{"filesystems": [], "cpu": -1, "memory": 1}"#,
            r#"{"filesystems": [], "cpu": 1.5, "memory": 1}"#,
            r#"{"filesystems": ["x"], "cpu": 1, "memory": 1}"#,
            r#"{"filesystems": [], "cpu": 1, "memory": 99999999999}"#,
            r#"{"filesystems": [], "cpu": 70000, "memory": 1}"#,
        ] {
            let error = read(hardware, "[]", "{}").unwrap_err();
            assert!(error.to_string().starts_with("Invalid request body"), "{hardware}: {error}");
        }
        for (variable, fixed) in [("{}", "{}"), ("[1]", "{}"), ("[]", "[]"), ("[[]]", "{}")] {
            assert!(read(fine, variable, fixed).is_err(), "{variable} {fixed}");
        }
        assert!(matches!(read(fine, "[{},{},{},{}]", "{}"), Err(EtError::TooLarge(_))));
    }
}
