//! What a script asks for → a submission (facts B4, the last column).

use crate::nifcloud::kept::{Kept, Statistics, Step, VirtualNodes};
use crate::nifcloud::script::{Asked, Detail, Elapse, Rank};
use domain::job::{
    JobFlags, JobKind, JobSpec, Memory, Owner, Payload, Resources, Sharing, Streams, Uncommon,
};
use domain::ports::HomeFile;
use domain::service::Submission;
use domain::who::Person;
use domain::{Gid, Text, TimeLimit, Timestamp};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// The priority of a job that names none (facts B2).
pub(in super::super) const USUAL_PRIORITY: u8 = 127;
/// What is run where a script does not say.
const INTERPRETER: &[u8] = b"#!/bin/sh\n";
/// Where programs are found.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What is around a script.
pub(in super::super) struct Around<'a> {
    pub(in super::super) person: &'a Person,
    /// The number of the group that the script names, if the user is in it.
    pub(in super::super) gid: Option<Gid>,
    pub(in super::super) file: &'a HomeFile,
    /// The partition of jobs that name none.
    pub(in super::super) partition: Text,
    pub(in super::super) zone: &'a TimeZone,
    /// Nodes are given as a whole.
    pub(in super::super) whole_nodes: bool,
    pub(in super::super) is_operator: bool,
    /// Its place in a step job.
    pub(in super::super) step: Option<StepPlace>,
}

/// A place in a step job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct StepPlace {
    pub(in super::super) step: Step,
    /// What it waits for.
    pub(in super::super) dependency: Text,
}

/// How numbers of a job are written, as patterns of file names.
struct Numbers {
    /// The job's.
    job: String,
    /// The sub-job's; the job's where it is one as a whole.
    sub: String,
}

impl Numbers {
    fn of(asked: &Asked, step: Option<&Step>) -> Self {
        match (asked.bulk, step) {
            (Some(_), _) => Numbers { job: "%A".to_owned(), sub: "%A[%a]".to_owned() },
            (None, Some(step)) => {
                let job = step.of.map_or_else(|| "%j".to_owned(), |job| job.to_string());
                Numbers { sub: format!("{job}_{}", step.number), job }
            }
            (None, None) => Numbers { job: "%j".to_owned(), sub: "%j".to_owned() },
        }
    }

    /// Translates a file's name: `%j` the job, `%J` the sub-job, `%n` the name, `%b` the bulk number.
    fn pattern(&self, name: &str) -> Text {
        let mut pattern = String::new();
        let mut letters = name.chars();
        while let Some(letter) = letters.next() {
            match (letter, if letter == '%' { letters.next() } else { None }) {
                ('%', Some('j')) => pattern.push_str(&self.job),
                ('%', Some('J')) => pattern.push_str(&self.sub),
                ('%', Some('n')) => pattern.push_str("%x"),
                ('%', Some('b')) => pattern.push_str("%a"),
                ('%', Some('%') | None) => pattern.push_str("%%"),
                ('%', Some(other)) => {
                    pattern.push_str("%%");
                    pattern.push(other);
                }
                (letter, _) => pattern.push(letter),
            }
        }
        Text::from(pattern)
    }
}

/// Reads a submission.
pub(in super::super) fn submission(asked: &Asked, around: Around<'_>) -> Submission {
    let (work_dir, file_name) = around.file.path.rsplit_once('/').unwrap_or(("", &around.file.path));
    let work_dir = if work_dir.is_empty() { "/" } else { work_dir };
    let name = asked.name.as_deref().unwrap_or(file_name);
    let step = around.step.as_ref().map(|place| &place.step);
    let numbers = Numbers::of(asked, step);
    let named = |ending: &str| Text::from(format!("%x.{}.{ending}", numbers.sub));
    let given = |path: &Option<String>| path.as_deref().map(|path| numbers.pattern(path));
    let streams = Streams {
        input: given(&asked.input).unwrap_or_default(),
        output: given(&asked.output).unwrap_or_else(|| named("out")),
        error: match asked.joined {
            true => Text::default(),
            false => given(&asked.error).unwrap_or_else(|| named("err")),
        },
        ..Streams::default()
    };
    let statistics = asked.statistics.map(|detail| Statistics {
        long: detail == Detail::Long,
        path: given(&asked.statistics_path).unwrap_or_else(|| named("stats")).into_string(),
    });
    let kept = kept(asked, step, statistics);
    let elapse = asked.resources.elapse.unwrap_or(Elapse { least: None, most: None });
    let minutes = |seconds: u32| seconds.div_ceil(60);
    let uncommon = Uncommon {
        mail_types: asked.mail,
        mail_user: Text::from(asked.mail_to.as_deref().unwrap_or_default()),
        rlimits: asked.resources.limits.iter().map(|(name, value)| (Text::from(*name), *value)).collect(),
        origin: kept.written(),
        told: told(asked, &numbers),
        limit_seconds: elapse.most.filter(|seconds| seconds % 60 > 0),
        ..Uncommon::default()
    };
    let person = around.person;
    let owner = match (around.gid, asked.group.as_deref()) {
        (Some(gid), Some(group)) => {
            Owner { name: person.name.clone(), uid: person.uid, gid, group: group.into() }
        }
        _ => {
            Owner { name: person.name.clone(), uid: person.uid, gid: person.gid, group: person.group.clone() }
        }
    };
    let partition = asked.resources.group.as_deref().map(Text::from);
    let spec = JobSpec {
        owner,
        kind: JobKind::Batch,
        name: Text::from(name),
        account: Text::from(asked.group.as_deref().unwrap_or_default()),
        partitions: partition.clone().into_iter().collect(),
        qos: Text::default(),
        wckey: Text::default(),
        work_dir: Text::from(work_dir),
        streams,
        time_limit: TimeLimit::Unlimited,
        time_minimum: elapse.least.map_or(0, minutes),
        resources: resources(asked, around.whole_nodes),
        begin: asked
            .begin
            .and_then(|begin| begin.to_zoned(around.zone.clone()).ok())
            .map(|begin| Timestamp::from_micros(begin.timestamp().as_microsecond())),
        deadline: None,
        nice: nice(asked.priority, around.is_operator),
        fixed_priority: None,
        requeue: false,
        kill_on_node_fail: true,
        warning: None,
        flags: match around.step {
            Some(_) => JobFlags::default().with(JobFlags::KILL_INVALID_DEPENDENCY),
            None => JobFlags::default(),
        },
        comment: Text::default(),
        command: around.file.path.clone(),
        uncommon: Some(Box::new(uncommon)),
    };
    let partition = partition.unwrap_or(around.partition);
    let lines = variables(asked, person, &spec, &partition, step);
    Submission {
        time_limit: elapse.most.map(|seconds| TimeLimit::Minutes(minutes(seconds))),
        array: asked.bulk.map(|(first, last)| Text::from(format!("{first}-{last}"))).unwrap_or_default(),
        dependency: around.step.map(|place| place.dependency).unwrap_or_default(),
        hold: false,
        immediate: false,
        requeue: asked.restart,
        payload: Payload {
            script: script(&around.file.content),
            environment: lines.into(),
            arguments: Arc::from([]),
        },
        client_key: None,
        spec,
    }
}

/// A script without an interpreter could not be started.
fn script(content: &[u8]) -> Arc<[u8]> {
    match content.starts_with(b"#!") {
        true => Arc::from(content),
        false => Arc::from([INTERPRETER, content].concat()),
    }
}

fn kept(asked: &Asked, step: Option<&Step>, statistics: Option<Statistics>) -> Kept {
    let resources = &asked.resources;
    Kept {
        nodes: resources.nodes.as_ref().map(|nodes| nodes.shown.clone()),
        group: asked.group.clone(),
        virtual_nodes: resources.virtual_nodes.map(|count| VirtualNodes {
            count,
            cores: resources.cores.unwrap_or(1),
            memory: resources.memory,
        }),
        placement: asked.placement.clone(),
        execution: asked.execution.clone(),
        rank: asked.rank.map(|rank| {
            match rank {
                Rank::ByChip => "bychip",
                Rank::ByNode => "bynode",
                Rank::HostFile => "hostfile",
            }
            .to_owned()
        }),
        priority: asked.priority,
        step: step.cloned(),
        statistics,
    }
}

fn resources(asked: &Asked, whole_nodes: bool) -> Resources {
    let wanted = &asked.resources;
    if let Some(count) = wanted.virtual_nodes {
        let cores = wanted.cores.unwrap_or(1);
        let memory = wanted.memory.filter(|memory| *memory > 0);
        return Resources {
            min_nodes: 1,
            tasks: Some(count),
            cpus_per_task: cores,
            memory: memory
                .map_or(Memory::Default, |memory| Memory::PerCpu(memory.div_ceil(u64::from(cores)))),
            sharing: match asked.execution.as_deref() {
                Some("simplex") => Sharing::Exclusive,
                _ => Sharing::Default,
            },
            ..Resources::default()
        };
    }
    let nodes = wanted.nodes.as_ref().map_or(1, |nodes| nodes.count);
    let is_whole = whole_nodes && asked.execution.as_deref() != Some("share");
    Resources {
        min_nodes: nodes,
        max_nodes: nodes,
        // A process for each node at least: that is how nodes are counted.
        tasks: asked.processes.filter(|processes| *processes >= nodes),
        tasks_per_node: asked.processes_per_node.unwrap_or(0),
        memory: match wanted.node_memory {
            Some(memory) => Memory::PerNode(memory),
            None if is_whole => Memory::PerNode(0),
            None => Memory::Default,
        },
        sharing: if is_whole { Sharing::Exclusive } else { Sharing::Default },
        // Whoever has the node may put as many processes there as it likes.
        overcommit: is_whole,
        ..Resources::default()
    }
}

/// Lower priorities step back; a higher one is an operator's to give, and is shown all the same.
fn nice(priority: Option<u8>, is_operator: bool) -> i32 {
    let nice = i32::from(USUAL_PRIORITY) - i32::from(priority.unwrap_or(USUAL_PRIORITY));
    if is_operator { nice } else { nice.max(0) }
}

/// What is known when the job starts.
fn told(asked: &Asked, numbers: &Numbers) -> Vec<(Text, Text)> {
    let mut told = vec![("PJM_JOBID", numbers.job.as_str()), ("PJM_SUBJOBID", numbers.sub.as_str())];
    if asked.bulk.is_some() {
        told.push(("PJM_BULKNUM", "%a"));
    }
    told.into_iter().map(|(name, pattern)| (Text::from(name), Text::from(pattern))).collect()
}

/// The environment of a user's script, as far as the user makes it.
pub(in super::super) fn environment(person: &Person) -> Vec<(String, String)> {
    let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        of("PATH", PATH),
        of("HOME", &person.home),
        of("USER", &person.name),
        of("LOGNAME", &person.name),
        of("SHELL", &person.shell),
    ]
}

fn variables(
    asked: &Asked,
    person: &Person,
    spec: &JobSpec,
    partition: &Text,
    step: Option<&Step>,
) -> Vec<Text> {
    let mut all = environment(person);
    all.extend(asked.variables.iter().cloned());
    let nodes = asked.resources.nodes.as_ref().map_or(1, |nodes| nodes.count);
    let processes = asked.processes.or(asked.resources.virtual_nodes).unwrap_or(nodes);
    let by_node = asked.processes_per_node.map_or_else(|| processes.div_ceil(nodes.max(1)), u32::from);
    let mut set = |name: &str, value: String| all.push((name.to_owned(), value));
    set("PJM_ENVIRONMENT", "BATCH".to_owned());
    set("PJM_JOBNAME", spec.name.to_string());
    set("PJM_O_WORKDIR", spec.work_dir.to_string());
    set("PJM_JOBDIR", spec.work_dir.to_string());
    set("PJM_NODE", nodes.to_string());
    set("PJM_RSCGRP", partition.to_string());
    set("PJM_MPI_PROC", processes.to_string());
    set("PJM_PROC_BY_NODE", by_node.to_string());
    if let Some(unit) = &asked.resources.unit {
        set("PJM_RSCUNIT", unit.clone());
    }
    if let Some(step) = step {
        set("PJM_STEPNUM", step.number.to_string());
    }
    all.into_iter().map(|(name, value)| Text::from(format!("{name}={value}"))).collect()
}
