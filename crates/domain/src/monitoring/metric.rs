//! Metrics: what is measured, in which unit, how often, and from which values on it is worth a look. The fields are those
//! of ClusterCockpit's `metricConfig`.

use super::Scope;
use crate::Text;

/// What a value is measured in, such as `GB/s`: prefix `G`, base `B/s`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Unit {
    /// The unit; empty for a plain number.
    pub base: Text,
    /// `K`, `M`, `G`, `T`, `P`, `E`, or empty.
    pub prefix: Text,
}

/// How values of several components become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// They do not.
    #[default]
    None,
    /// As their sum.
    Sum,
    /// As their mean.
    Avg,
}

/// One number for a whole series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// The mean.
    Avg,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
}

/// What a metric says of energy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnergyKind {
    /// Its values are watts.
    Power,
    /// Its values are what was used in each time step.
    Energy,
}

/// From which values on a metric is worth a look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// The most there can be.
    pub peak: f64,
    /// What is usual.
    pub normal: f64,
    /// Where one should look.
    pub caution: f64,
    /// Where one must look.
    pub alert: f64,
}

/// A metric of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name, such as `mem_used`.
    pub name: Text,
    /// What it is measured in.
    pub unit: Unit,
    /// Where it is measured.
    pub scope: Scope,
    /// Seconds between two values; at least one.
    pub timestep: u32,
    /// How values of several components become one.
    pub aggregation: Aggregation,
    /// From which values on it is worth a look.
    pub thresholds: Thresholds,
    /// Which number of it belongs to a job's footprint.
    pub footprint: Option<Statistic>,
    /// What it says of energy.
    pub energy: Option<EnergyKind>,
    /// Less is better.
    pub lower_is_better: bool,
    /// Plain users do not see it.
    pub restrict: bool,
    /// What is different in some sub-clusters.
    pub sub_clusters: Vec<MetricOverride>,
}

/// What is different about a metric in one sub-cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricOverride {
    /// The sub-cluster's name.
    pub name: Text,
    /// It is not measured there.
    pub remove: bool,
    /// As [`Metric::thresholds`]; `None` leaves them.
    pub thresholds: Option<Thresholds>,
    /// As [`Metric::footprint`]; `None` leaves it.
    pub footprint: Option<Statistic>,
    /// As [`Metric::energy`]; `None` leaves it.
    pub energy: Option<EnergyKind>,
    /// As [`Metric::lower_is_better`]; `None` leaves it.
    pub lower_is_better: Option<bool>,
}

impl Statistic {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Statistic::Avg => "avg",
            Statistic::Min => "min",
            Statistic::Max => "max",
        }
    }
}

impl Metric {
    /// Makes a metric of which no more is known.
    pub fn plain(name: Text, scope: Scope, timestep: u32) -> Self {
        Metric {
            name,
            unit: Unit::default(),
            scope,
            timestep,
            aggregation: Aggregation::None,
            thresholds: Thresholds::default(),
            footprint: None,
            energy: None,
            lower_is_better: false,
            restrict: false,
            sub_clusters: Vec::new(),
        }
    }

    /// Returns the metric as it is in a sub-cluster; `None` where it is not measured.
    pub fn within(&self, sub_cluster: &str) -> Option<Metric> {
        let mut here = self.clone();
        let Some(other) = self.sub_clusters.iter().find(|other| other.name == sub_cluster) else {
            return Some(here);
        };
        if other.remove {
            return None;
        }
        here.thresholds = other.thresholds.unwrap_or(here.thresholds);
        here.footprint = other.footprint.or(here.footprint);
        here.energy = other.energy.or(here.energy);
        here.lower_is_better = other.lower_is_better.unwrap_or(here.lower_is_better);
        Some(here)
    }
}
