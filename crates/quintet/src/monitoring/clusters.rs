//! The clusters that are watched: our own as it is now, nodes made, changed and removed at run time included, and those
//! that the configuration describes.

use super::own::own_cluster;
use domain::Text;
use domain::cluster::Cluster;
use domain::monitoring::{Measure, MonitoredCluster};
use domain::ports::Clusters;
use domain::service::JobService;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use supervise::layout::Layout;

/// Describes clusters; our own anew when something about it has changed.
pub(crate) struct Described {
    jobs: JobService,
    machine: Layout,
    cpus: usize,
    measures: Vec<Measure>,
    accelerators: AcceleratorNames,
    last: RwLock<Last>,
}

/// How monitoring calls GPUs that nodes know by their device files.
#[derive(Clone, Debug, Default)]
pub(super) struct AcceleratorNames(HashMap<Text, Text>);

impl AcceleratorNames {
    /// Asks the machine.
    pub(super) fn known_to(jobs: &JobService) -> Self {
        let read = jobs.gauge().map(|gauge| gauge.machine().accelerators).unwrap_or_default();
        AcceleratorNames(read.into_iter().map(|gpu| (gpu.file, gpu.id)).collect())
    }

    /// Returns the name of one; its file if the machine does not know better.
    pub(super) fn of(&self, file: &Text) -> Text {
        self.0.get(file).unwrap_or(file).clone()
    }
}

/// What was described last.
struct Last {
    /// Our own cluster, as the engine knew it then.
    of: Arc<Cluster>,
    all: Arc<Vec<MonitoredCluster>>,
}

impl Described {
    /// Describes the cluster of a job service on this machine, and these others behind it.
    pub(crate) fn of(jobs: JobService, others: Vec<MonitoredCluster>) -> Self {
        let machine = supervise::machine::describe();
        let layout = supervise::layout::layout(&machine.cpus);
        let measures = jobs.gauge().map(|gauge| gauge.measures()).unwrap_or_default();
        let accelerators = AcceleratorNames::known_to(&jobs);
        let of = Arc::clone(&jobs.snapshot().cluster);
        let own = own_cluster(&of, &layout, machine.cpus.len(), &measures, &accelerators);
        let all = Arc::new(std::iter::once(own).chain(others).collect());
        let last = RwLock::new(Last { of, all });
        Described { jobs, machine: layout, cpus: machine.cpus.len(), measures, accelerators, last }
    }
}

impl Clusters for Described {
    fn watched(&self) -> Arc<Vec<MonitoredCluster>> {
        let snapshot = self.jobs.snapshot();
        {
            let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
            if Arc::ptr_eq(&last.of, &snapshot.cluster) {
                return Arc::clone(&last.all);
            }
        }
        let own =
            own_cluster(&snapshot.cluster, &self.machine, self.cpus, &self.measures, &self.accelerators);
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        last.of = Arc::clone(&snapshot.cluster);
        // Most of what changes about a cluster is nothing that is described here.
        if last.all.first() != Some(&own) {
            let others = last.all.iter().skip(1).cloned();
            last.all = Arc::new(std::iter::once(own).chain(others).collect());
        }
        Arc::clone(&last.all)
    }
}
