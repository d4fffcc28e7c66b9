//! Which series a value belongs to: the job's on its host, or the machine's.

use super::watched::Watched;
use domain::cluster::Node;
use domain::job::{Job, Running};
use domain::monitoring::{Measure, Measured, Sample, SeriesKey};
use domain::state::Snapshot;
use domain::{JobId, Text, Timestamp};

/// Where what a job takes is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its node; the first, if it has several: all are on this machine, and cannot be told apart.
    pub(super) host: Text,
    /// Hardware threads that it has altogether.
    pub(super) threads: u32,
}

/// Returns where a job runs.
pub(super) fn place(job: &Job, snapshot: &Snapshot) -> Option<Place> {
    let run = job.run()?;
    let node = snapshot.cluster.node(run.allocation.nodes.first()?.node)?;
    Some(Place { host: node.name.clone(), threads: run.allocation.cpus() })
}

/// Returns the node that stands for the whole machine, if one does.
pub(super) fn of_machine(snapshot: &Snapshot) -> Option<&Text> {
    let mut nodes = snapshot.cluster.present_nodes();
    let only: &Node = nodes.next()?;
    nodes.next().is_none().then_some(&only.name)
}

/// Returns the CPUs that a job is bound to, by the operating system's numbers; `None` if it is not, or has several nodes.
pub(super) fn own_cpus(run: &Running, bound_to: Option<&[u32]>) -> Option<Vec<u32>> {
    let [share] = run.allocation.nodes.as_slice() else { return None };
    let machine = bound_to?;
    Some(share.cpus.iter().filter_map(|cpu| machine.get(cpu as usize).copied()).collect())
}

/// Tells whether what these CPUs did is what a job did that is bound to them. A job does not keep the rest of the machine
/// off its CPUs: what they did is not told of it if a tenth of their time, or more, went elsewhere.
pub(super) fn are_its_own(threads: &[Measured], of_job: &[Measured], cpus: usize) -> bool {
    let is_busy = |one: &&Measured| matches!(one.measure, Measure::CpuUser | Measure::CpuSystem);
    let busy: f64 = threads.iter().filter(is_busy).map(|one| one.value / 100.0).sum();
    let load = of_job.iter().find(|one| one.measure == Measure::CpuLoad).map(|one| one.value);
    load.is_some_and(|load| (busy - load).abs() < 0.1 * cpus as f64)
}

/// Makes samples of what a job takes.
pub(super) fn job_series(
    cluster: &Text,
    id: JobId,
    watched: &Watched,
    at: Timestamp,
    values: Vec<Measured>,
    samples: &mut Vec<Sample>,
) {
    let job = Some((id.0, watched.attempt));
    series(cluster, &watched.place.host, job, at, values, samples);
}

/// Makes samples of what the machine does.
pub(super) fn machine_series(
    cluster: &Text,
    host: &Text,
    at: Timestamp,
    values: Vec<Measured>,
    samples: &mut Vec<Sample>,
) {
    series(cluster, host, None, at, values, samples);
}

fn series(
    cluster: &Text,
    host: &Text,
    job: Option<(u32, u32)>,
    at: Timestamp,
    values: Vec<Measured>,
    samples: &mut Vec<Sample>,
) {
    samples.extend(values.into_iter().map(|Measured { measure, component, value }| Sample {
        key: SeriesKey {
            cluster: cluster.clone(),
            host: host.clone(),
            job,
            component,
            metric: Text::const_new(measure.name()),
        },
        at,
        value,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::monitoring::{Component, Scope};

    fn of(measure: Measure, thread: Option<&'static str>, value: f64) -> Measured {
        let component = match thread {
            Some(id) => Component { scope: Scope::HwThread, id: Text::const_new(id), sub: None },
            None => Component::NODE,
        };
        Measured { measure, component, value }
    }

    #[test]
    fn cpus_that_others_used_are_not_told_of() {
        let threads = [
            of(Measure::CpuUser, Some("0"), 90.0),
            of(Measure::CpuSystem, Some("0"), 5.0),
            of(Measure::CpuIoWait, Some("0"), 80.0),
            of(Measure::CpuUser, Some("1"), 40.0),
        ];
        let are_own = |load| are_its_own(&threads, &[of(Measure::CpuLoad, None, load)], 2);
        assert!(are_own(1.35) && are_own(1.2));
        assert!(!are_own(1.0) && !are_own(2.0) && !are_its_own(&threads, &[], 2));
    }
}
