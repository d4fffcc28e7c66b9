//! A million jobs of another cluster, as its scheduler would have registered them: they start half a minute apart, a
//! hundred users in twenty projects, one in eight does not end well.

use super::chance;
use anyhow::Result;
use domain::Text;
use domain::monitoring::{HostResources, JobState, MonitoringStatus, Origin, Record, Sharing};
use domain::ports::Registry;
use std::path::Path;
use store::{Monitored, Options};

/// The cluster.
pub const CLUSTER: &str = "watched";
/// When the first one started, seconds since 1970.
pub const BEGAN: i64 = 1_700_000_000;
/// Its users: `user0` and so on.
pub const USERS: usize = 100;
/// Its projects: `project0` and so on.
pub const PROJECTS: usize = 20;
/// Records of one commit.
const AT_ONCE: u32 = 5_000;

/// Makes a registry of so many jobs, unless there is one.
///
/// # Errors
/// If it cannot be written.
pub fn make(directory: &Path, jobs: u32) -> Result<()> {
    if directory.join("monitor.db").exists() {
        return Ok(());
    }
    std::fs::create_dir_all(directory)?;
    let (writer, _reader) = store::open(directory, Options::default())?;
    let registry = Monitored::open(&writer)?;
    for first in (0..jobs).step_by(AT_ONCE as usize) {
        registry.absorb((first..jobs.min(first + AT_ONCE)).map(record).collect())?;
    }
    Ok(())
}

fn record(number: u32) -> Record {
    let state = match (chance(number, 50) * 1000.0) as u32 {
        0..70 => JobState::Failed,
        70..100 => JobState::Timeout,
        100..120 => JobState::Cancelled,
        120 => JobState::NodeFail,
        _ => JobState::Completed,
    };
    let user = number as usize * 31 % USERS;
    let host = HostResources {
        hostname: Text::from(format!("n{:04}", number % 1000)),
        hwthreads: (0..8).collect(),
        ..HostResources::default()
    };
    Record {
        origin: Origin::Engine { attempt: 0 },
        job: i64::from(number),
        user: Text::from(format!("user{user}")),
        project: Text::from(format!("project{}", user % PROJECTS)),
        cluster: Text::const_new(CLUSTER),
        sub_cluster: Text::const_new("main"),
        partition: Text::const_new("main"),
        num_nodes: 1,
        num_hwthreads: 8,
        sharing: Sharing::None,
        monitoring: MonitoringStatus::Archived,
        smt: 1,
        state,
        start_time: BEGAN + i64::from(number) * 30,
        duration: 3600 + (chance(number, 51) * 36_000.0) as i64,
        walltime: 86_400,
        resources: vec![host],
        meta: [(Text::const_new("jobName"), "simulation".to_owned())].into(),
        ..Record::default()
    }
}
