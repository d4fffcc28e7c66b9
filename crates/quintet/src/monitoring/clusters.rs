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
    others: Vec<MonitoredCluster>,
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
    /// Describes the cluster of a job service, and these others behind it. One of its name among them describes itself: of
    /// a cluster that is followed it is known what is sent, and not what this machine can measure.
    pub(crate) fn of(jobs: JobService, others: Vec<MonitoredCluster>) -> Self {
        let accelerators = AcceleratorNames::known_to(&jobs);
        let (machine, cpus, measures) = match jobs.follows_cluster() {
            // Whatever collectors on its nodes send by the usual names.
            true => (Layout::default(), 0, Measure::ALL.to_vec()),
            false => {
                let machine = supervise::machine::describe();
                let measures = jobs.gauge().map(|gauge| gauge.measures()).unwrap_or_default();
                (supervise::layout::layout(&machine.cpus), machine.cpus.len(), measures)
            }
        };
        let of = Arc::clone(&jobs.snapshot().cluster);
        let last = RwLock::new(Last { of: Arc::clone(&of), all: Arc::default() });
        let described = Described { jobs, machine, cpus, measures, accelerators, others, last };
        described.keep(of);
        described
    }

    /// Describes the cluster as it is now, and keeps that if it is news.
    fn keep(&self, of: Arc<Cluster>) -> Arc<Vec<MonitoredCluster>> {
        let own = own_cluster(&of, &self.machine, self.cpus, &self.measures, &self.accelerators);
        let named = self.others.iter().find(|other| self.jobs.follows_cluster() && other.name == own.name);
        let own = named.cloned().unwrap_or(own);
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        last.of = of;
        // Most of what changes about a cluster is nothing that is described here.
        if last.all.first() != Some(&own) {
            let others = self.others.iter().filter(|other| named != Some(other)).cloned();
            last.all = Arc::new(std::iter::once(own).chain(others).collect());
        }
        Arc::clone(&last.all)
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
        self.keep(Arc::clone(&snapshot.cluster))
    }
}
