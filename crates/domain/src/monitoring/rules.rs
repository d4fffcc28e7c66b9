//! What a job must be like to be registered, and how it ends. Pure; the source of each rule is ClusterCockpit 1.2 as it was
//! observed (facts 3.1 and 3.4), without what is a defect there.

use super::{JobState, MonitoredCluster, Origin, Record};
use crate::Text;

/// A start that lies less than this behind an earlier one of the same number on the same cluster is the same job, seconds.
const SAME_JOB: i64 = 86_400;

/// Why a record cannot be registered or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The cluster is not watched.
    #[error("cluster '{0}' is not configured")]
    NoCluster(Text),
    /// The cluster has no such sub-cluster.
    #[error("cluster '{0}' has no sub-cluster '{1}'")]
    NoSubCluster(Text, Text),
    /// No sub-cluster has this host.
    #[error("no sub-cluster of '{0}' has the host '{1}'")]
    NoHost(Text, Text),
    /// It is nowhere.
    #[error("the job has no resources")]
    NoResources,
    /// It is nobody's.
    #[error("the job has no user")]
    NoUser,
    /// It has no node.
    #[error("numNodes must be 1 or more")]
    NoNodes,
    /// Hosts and nodes are not as many.
    #[error("the job has {nodes} nodes and resources on {hosts} hosts")]
    NodesDiffer {
        /// Nodes.
        nodes: u32,
        /// Hosts.
        hosts: usize,
    },
    /// It would end before it has begun.
    #[error("stopTime {stop} is earlier than startTime {start}")]
    EndsEarly {
        /// When it started, seconds since 1970.
        start: i64,
        /// When it would end.
        stop: i64,
    },
    /// It is over.
    #[error("the job is not running: it is {0}")]
    IsOver(&'static str),
    /// It is one of the engine's, which says itself when it is over.
    #[error("job {0} is run by this service and ends there, not by being told so")]
    Ours(i64),
    /// It is not over.
    #[error("the job is not over")]
    NotOver,
    /// There are as many nodes as there may be.
    #[error("nobody may tell of more than {0} nodes of a cluster")]
    TooManyNodes(u64),
    /// A job that has ended does not run.
    #[error("a job cannot end as {0}")]
    NoEnd(&'static str),
}

/// Checks a record that shall be registered, and finds its sub-cluster.
///
/// # Errors
/// The first of these that is wrong: cluster, sub-cluster, resources and user, counts.
pub fn registered(mut record: Record, clusters: &[MonitoredCluster]) -> Result<Record, Unfit> {
    let cluster = clusters.iter().find(|cluster| cluster.name == record.cluster);
    let cluster = cluster.ok_or_else(|| Unfit::NoCluster(record.cluster.clone()))?;
    if record.sub_cluster.is_empty() {
        let host = record.resources.first().map(|first| &first.hostname).ok_or(Unfit::NoResources)?;
        let sub = cluster.sub_cluster_of(host);
        let sub = sub.ok_or_else(|| Unfit::NoHost(cluster.name.clone(), host.clone()))?;
        record.sub_cluster = sub.name.clone();
    } else if cluster.sub_cluster(&record.sub_cluster).is_none() {
        return Err(Unfit::NoSubCluster(cluster.name.clone(), record.sub_cluster));
    }
    if record.resources.is_empty() {
        return Err(Unfit::NoResources);
    }
    if record.user.is_empty() {
        return Err(Unfit::NoUser);
    }
    if record.num_nodes == 0 {
        return Err(Unfit::NoNodes);
    }
    if usize::try_from(record.num_nodes).ok() != Some(record.resources.len()) {
        return Err(Unfit::NodesDiffer { nodes: record.num_nodes, hosts: record.resources.len() });
    }
    Ok(record)
}

/// Tells whether a job that shall be registered is one that is known: it started earlier, or less than a day later. One
/// that starts after the known one has ended was put back into the queue, and is another.
pub fn is_same_job(old: &Record, new: &Record) -> bool {
    let is_next =
        old.state.is_over() && new.start_time >= old.until(old.start_time) && new.start_time > old.start_time;
    !is_next && new.start_time.saturating_sub(old.start_time) < SAME_JOB
}

/// Ends a job at a second; without a state it is completed.
///
/// # Errors
/// If it is over, if the engine runs it, if it would end before it has begun, or if the state is none of an end.
pub fn ended(record: &Record, stop: i64, state: Option<JobState>) -> Result<Record, Unfit> {
    if stop < record.start_time {
        return Err(Unfit::EndsEarly { start: record.start_time, stop });
    }
    if record.state.is_over() {
        return Err(Unfit::IsOver(record.state.name()));
    }
    if let Origin::Engine { .. } = record.origin {
        return Err(Unfit::Ours(record.job));
    }
    let state = state.unwrap_or(JobState::Completed);
    if !state.is_over() {
        return Err(Unfit::NoEnd(state.name()));
    }
    Ok(Record { state, duration: stop.saturating_sub(record.start_time), ..record.clone() })
}

#[cfg(test)]
mod tests {
    use super::super::{HostNames, HostResources, SubCluster};
    use super::*;

    fn clusters() -> Vec<MonitoredCluster> {
        let these = HostNames::These(vec![Text::const_new("host123"), Text::const_new("host124")]);
        let sub = |name, nodes| SubCluster { name: Text::const_new(name), nodes, ..SubCluster::default() };
        let cluster = |name, sub| MonitoredCluster {
            name: Text::const_new(name),
            sub_clusters: vec![sub],
            ..MonitoredCluster::default()
        };
        vec![cluster("testcluster", sub("sc1", these)), cluster("wild", sub("any", HostNames::Any))]
    }

    fn on(cluster: &'static str, host: &'static str) -> Record {
        let resources = vec![HostResources { hostname: Text::const_new(host), ..HostResources::default() }];
        Record { cluster: cluster.into(), user: "u".into(), num_nodes: 1, resources, ..Record::default() }
    }

    #[test]
    fn what_is_wrong_first_is_told() {
        let check = |record: Record, wanted: Result<&str, Unfit>| {
            let found = registered(record, &clusters()).map(|record| record.sub_cluster.to_string());
            assert_eq!(found, wanted.map(str::to_owned));
        };
        check(on("testcluster", "host123"), Ok("sc1"));
        check(on("wild", "zzz"), Ok("any"));
        check(on("nope", "x"), Err(Unfit::NoCluster("nope".into())));
        check(on("testcluster", "zzz"), Err(Unfit::NoHost("testcluster".into(), "zzz".into())));
        let named = |sub: &'static str| Record { sub_cluster: sub.into(), ..on("testcluster", "zzz") };
        check(named("sc1"), Ok("sc1"));
        check(named("xx"), Err(Unfit::NoSubCluster("testcluster".into(), "xx".into())));
        check(Record { resources: Vec::new(), ..on("wild", "x") }, Err(Unfit::NoResources));
        check(Record { user: "".into(), ..on("wild", "x") }, Err(Unfit::NoUser));
        check(Record { num_nodes: 0, ..on("wild", "x") }, Err(Unfit::NoNodes));
        check(Record { num_nodes: 2, ..on("wild", "x") }, Err(Unfit::NodesDiffer { nodes: 2, hosts: 1 }));
    }

    #[test]
    fn a_job_that_was_put_back_is_another() {
        let old = Record { start_time: 100_000, ..Record::default() };
        let over = Record { state: JobState::Completed, duration: 1000, ..old.clone() };
        let new = |start_time| Record { start_time, ..Record::default() };
        for (start, of_running, of_over) in [
            (100_000, true, true),
            (100_001, true, true),
            (99_000, true, true),
            (101_000, true, false),
            (186_399, true, false),
            (186_400, false, false),
        ] {
            assert_eq!(is_same_job(&old, &new(start)), of_running, "{start}");
            assert_eq!(is_same_job(&over, &new(start)), of_over, "{start}");
        }
    }

    #[test]
    fn a_job_ends_once_and_not_before_it_began() {
        let runs = Record { start_time: 100, ..Record::default() };
        let over = ended(&runs, 150, None).unwrap();
        assert_eq!((over.state, over.duration), (JobState::Completed, 50));
        assert_eq!(ended(&runs, 100, Some(JobState::Failed)).map(|record| record.duration), Ok(0));
        assert_eq!(ended(&over, 160, None), Err(Unfit::IsOver("completed")));
        let ours =
            |record: &Record| Record { job: 12, origin: Origin::Engine { attempt: 1 }, ..record.clone() };
        assert_eq!(ended(&ours(&runs), 150, None), Err(Unfit::Ours(12)));
        assert_eq!(ended(&ours(&over), 160, None), Err(Unfit::IsOver("completed")));
        assert_eq!(ended(&runs, 99, None), Err(Unfit::EndsEarly { start: 100, stop: 99 }));
        assert_eq!(ended(&runs, 150, Some(JobState::Running)), Err(Unfit::NoEnd("running")));
    }
}
