//! The series of a job, metric by metric, at the scopes they are shown at.

use super::{
    Aggregation, Component, HostResources, Metric, MonitoredCluster, Origin, Record, Scope, Series,
    SeriesKey, SeriesWanted, Statistics, StatisticsSeries, SubCluster, Topology, fewer, statistics,
    statistics_series, together,
};
use crate::ports::{SeriesStore, StoreError};
use crate::{JobId, Text, Timestamp};
use std::collections::BTreeMap;

/// More series than this are shown with their statistics at each moment (ClusterCockpit 1.2, facts 3.3).
const MANY: usize = 15;

/// One of our own jobs that has lasted no longer, seconds, is shown second by second: that is how often it is measured then.
const YOUNG: i64 = 60;

/// Which of a job's series are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataWanted {
    /// Names of metrics; `None` for all of the cluster. Names it does not have are passed over.
    pub metrics: Option<Vec<Text>>,
    /// At these scopes; empty for the usual ones: cores of a single node, else nodes.
    pub scopes: Vec<Scope>,
    /// At most about so many values of each; `None` for all.
    pub most_values: Option<usize>,
    /// Without metrics that plain users do not see.
    pub is_public: bool,
}

impl DataWanted {
    /// Returns the scopes at which series of a job are wanted.
    pub fn scopes_of(&self, record: &Record) -> Vec<Scope> {
        match (self.scopes.is_empty(), record.num_nodes) {
            (false, _) => self.scopes.clone(),
            (true, 1) => vec![Scope::Core],
            (true, _) => vec![Scope::Node],
        }
    }

    /// Tells whether a metric is wanted.
    pub fn names(&self, metric: &Metric) -> bool {
        self.metrics.as_ref().is_none_or(|names| names.contains(&metric.name))
            && !(self.is_public && metric.restrict)
    }
}

/// A metric of a job at one scope.
#[derive(Clone, Debug, PartialEq)]
pub struct JobMetric {
    /// The metric.
    pub metric: Metric,
    /// At which scope.
    pub scope: Scope,
    /// Seconds between two values.
    pub timestep: u32,
    /// The series, host by host.
    pub series: Vec<ShownSeries>,
    /// What they show at each moment, where there are many.
    pub statistics: Option<StatisticsSeries>,
}

/// A series as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownSeries {
    /// The host.
    pub host: Text,
    /// Which part of it; empty for the host itself.
    pub id: Text,
    /// The smallest, mean and largest value; `None` of gaps alone.
    pub statistics: Option<Statistics>,
    /// The values from the job's start on, a time step apart. A gap is a NaN.
    pub values: Vec<f64>,
}

/// Reads the series of a job as they are by `now`, in the order of the cluster's metrics, and of each coarse before fine.
///
/// # Errors
/// If the store cannot be read.
pub fn job_data(
    record: &Record,
    cluster: &MonitoredCluster,
    wanted: &DataWanted,
    store: &dyn SeriesStore,
    now: i64,
    look: &mut dyn FnMut(JobMetric),
) -> Result<(), StoreError> {
    let reading = Reading {
        record,
        topology: sub_cluster(record, cluster).map(|sub| &sub.topology),
        store,
        from: Timestamp::from_seconds(record.start_time),
        // The last second is part of it.
        until: Timestamp::from_seconds(record.until(now).saturating_add(1)),
    };
    let scopes = wanted.scopes_of(record);
    for metric in &cluster.metrics {
        let here = metric.within(&record.sub_cluster);
        let Some(metric) = here.filter(|metric| wanted.names(metric)) else { continue };
        let mut shown: BTreeMap<Scope, JobMetric> = BTreeMap::new();
        for asked in &scopes {
            if let Some(found) = reading.metric(&metric, *asked, wanted.most_values)? {
                shown.entry(found.scope).or_insert(found);
            }
        }
        shown.into_values().for_each(&mut *look);
    }
    Ok(())
}

/// Returns the sub-cluster of a job; if that is called otherwise by now, the one its first host belongs to.
fn sub_cluster<'a>(record: &Record, cluster: &'a MonitoredCluster) -> Option<&'a SubCluster> {
    let of_host = || cluster.sub_cluster_of(&record.resources.first()?.hostname);
    cluster.sub_cluster(&record.sub_cluster).or_else(of_host)
}

struct Reading<'a> {
    record: &'a Record,
    topology: Option<&'a Topology>,
    store: &'a dyn SeriesStore,
    from: Timestamp,
    until: Timestamp,
}

impl Reading<'_> {
    /// Reads a metric at the coarser of the scope asked for and the one it is measured at; `None` if nothing is known.
    fn metric(
        &self,
        metric: &Metric,
        asked: Scope,
        most_values: Option<usize>,
    ) -> Result<Option<JobMetric>, StoreError> {
        let scope = match (metric.scope, asked) {
            (Scope::Accelerator, Scope::Node) => Scope::Node,
            (Scope::Accelerator, _) => Scope::Accelerator,
            (_, Scope::Accelerator) => return Ok(None),
            (native, asked) => native.min(asked),
        };
        if metric.scope == Scope::Accelerator && self.record.num_acc == 0 {
            return Ok(None);
        }
        let mut series: Vec<Series> = Vec::new();
        let mut scopes = Vec::new();
        for host in &self.record.resources {
            for (scope, one) in self.on_host(metric, scope, host)? {
                scopes.push(scope);
                series.push(one);
            }
        }
        // Hosts that measure coarser decide for all: a list has one scope.
        let Some(scope) = scopes.iter().copied().min() else { return Ok(None) };
        let mut kept = scopes.into_iter();
        series.retain(|_| kept.next() == Some(scope));
        let step = series.iter().map(|one| one.timestep).max().unwrap_or(metric.timestep);
        // Statistics are those of all values, however few are shown.
        let known: Vec<Option<Statistics>> = series.iter().map(|one| statistics(&one.values)).collect();
        if let Some(most) = most_values {
            series.iter_mut().for_each(|one| *one = fewer(one, most));
        }
        let timestep = series.iter().map(|one| one.timestep).max().unwrap_or(step);
        let many = (series.len() > MANY)
            .then(|| statistics_series(&series.iter().map(|one| one.values.as_slice()).collect::<Vec<_>>()));
        let show = |(one, statistics): (Series, Option<Statistics>)| ShownSeries {
            host: one.key.host,
            id: if scope == Scope::Node { Text::default() } else { one.key.component.id },
            statistics,
            values: one.values,
        };
        let series = series.into_iter().zip(known).map(show).collect();
        Ok(Some(JobMetric { metric: metric.clone(), scope, timestep, series, statistics: many }))
    }

    fn key(&self, metric: &Metric, host: &HostResources, is_own: bool, component: Component) -> SeriesKey {
        let job = match self.record.origin {
            Origin::Engine { attempt } if is_own => {
                u32::try_from(self.record.job).ok().map(|job| (JobId(job).0, attempt))
            }
            _ => None,
        };
        SeriesKey {
            cluster: self.record.cluster.clone(),
            host: host.hostname.clone(),
            job,
            component,
            metric: metric.name.clone(),
        }
    }

    /// Reads what is known on one host: what the job took there if that was measured, else what the host showed.
    fn on_host(
        &self,
        metric: &Metric,
        scope: Scope,
        host: &HostResources,
    ) -> Result<Vec<(Scope, Series)>, StoreError> {
        let own = matches!(self.record.origin, Origin::Engine { .. });
        for is_own in [true, false] {
            if is_own && !own {
                continue;
            }
            let about = self.key(metric, host, is_own, Component::NODE);
            let parts = self.store.components(&about, self.from, self.until)?;
            if !parts.is_empty() {
                return self.of_parts(metric, scope, host, is_own, parts);
            }
        }
        Ok(Vec::new())
    }

    /// Reads the parts of a host that were measured, and puts fine ones together.
    fn of_parts(
        &self,
        metric: &Metric,
        scope: Scope,
        host: &HostResources,
        is_own: bool,
        parts: Vec<Component>,
    ) -> Result<Vec<(Scope, Series)>, StoreError> {
        let parts: Vec<Component> =
            parts.into_iter().filter(|part| part.sub.is_none() && self.is_of_job(host, part)).collect();
        // The coarsest that is no coarser than wanted, else the finest there is.
        let finer = parts.iter().map(|part| part.scope).filter(|found| scope.holds(*found)).min();
        let Some(measured) = finer.or_else(|| parts.iter().map(|part| part.scope).max()) else {
            return Ok(Vec::new());
        };
        let wanted: Vec<SeriesWanted> = parts
            .into_iter()
            .filter(|part| part.scope == measured)
            .map(|part| SeriesWanted {
                key: self.key(metric, host, is_own, part),
                from: self.from,
                until: self.until,
                timestep: self.timestep(metric),
            })
            .collect();
        let found: Vec<Series> = self.store.read(&wanted)?.into_iter().flatten().collect();
        if measured <= scope || metric.aggregation == Aggregation::None {
            return Ok(found.into_iter().map(|one| (measured, one)).collect());
        }
        let mut groups: BTreeMap<u32, Vec<Series>> = BTreeMap::new();
        for one in found {
            if let Some(parent) = self.parent(scope, &one.key.component) {
                groups.entry(parent).or_default().push(one);
            }
        }
        let joined = groups.into_iter().filter_map(|(parent, children)| {
            let mut one = together(children, metric.aggregation)?;
            let id = if scope == Scope::Node { Text::default() } else { Text::from(parent.to_string()) };
            one.key.component = Component { scope, id, sub: None };
            Some((scope, one))
        });
        Ok(joined.collect())
    }

    fn timestep(&self, metric: &Metric) -> u32 {
        let own = matches!(self.record.origin, Origin::Engine { .. });
        let lasts = self.until.seconds().saturating_sub(self.from.seconds());
        if own && lasts <= YOUNG + 1 { 1 } else { metric.timestep }
    }

    /// Tells whether a part belongs to the job on that host.
    fn is_of_job(&self, host: &HostResources, part: &Component) -> bool {
        match part.scope {
            Scope::Node => true,
            Scope::Accelerator => host.accelerators.is_empty() || host.accelerators.contains(&part.id),
            Scope::HwThread => {
                let thread = part.id.parse::<u32>();
                host.hwthreads.is_empty() || thread.is_ok_and(|thread| host.hwthreads.contains(&thread))
            }
            scope => match (self.topology, part.id.parse::<u32>()) {
                (Some(topology), Ok(number)) => topology.parts_with(scope, &host.hwthreads).contains(&number),
                _ => true,
            },
        }
    }

    /// Returns the number of the part of this scope that another part lies in.
    fn parent(&self, scope: Scope, part: &Component) -> Option<u32> {
        if scope == Scope::Node {
            return Some(0);
        }
        let topology = self.topology?;
        let number: u32 = part.id.parse().ok()?;
        let threads = match part.scope {
            Scope::HwThread => vec![number],
            scope => topology.parts(scope).get(number as usize).cloned()?,
        };
        let first = threads.first()?;
        let at = topology.parts(scope).iter().position(|parent| parent.contains(first))?;
        u32::try_from(at).ok()
    }
}

#[cfg(test)]
mod tests;
