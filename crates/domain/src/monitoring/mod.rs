//! Jobs as monitoring sees them: which clusters are watched and by which metrics, the jobs seen there (the engine's own,
//! and those registered from outside), their series, and what is worked out of those. Where series and records are kept
//! is the store's matter, where samples come from the sampler's.
//!
//! - `scope`, `metric`, `site`: what is measured where
//! - `measure`, `reading`: what the sampler can measure of a job and of a machine, and the rates between two readings
//! - `sample`, `series`: what was measured
//! - `reduce`: statistics, sums over components, and fewer points that keep their peaks
//! - `rules`: what can be registered, and how it ends
//! - `data`: the series of a job at the scopes they are shown at; `kept`: the same of those that an archive has
//! - `of_job`: one of our engine's jobs as a record; `summary`: what is worked out when a job is over
//! - `among_history`: which of the jobs of others are wanted there
//! - `record`: a job and what monitoring knows about it; `wanted`: which of them; `node`: what others tell of their nodes

mod accounted;
mod among_history;
mod data;
mod kept;
mod measure;
mod metric;
mod node;
mod of_job;
mod reading;
mod record;
mod reduce;
mod rules;
mod sample;
mod scope;
mod series;
mod site;
mod summary;
mod wanted;

pub use accounted::accounted;
pub use data::{DataWanted, JobMetric, ShownSeries, job_data};
pub use kept::chosen;
pub use measure::Measure;
pub use metric::{Aggregation, EnergyKind, Metric, MetricOverride, Statistic, Thresholds, Unit};
pub use node::{NodeReport, NodeSeen};
pub use of_job::{TOO_SHORT, of_job};
pub use reading::{
    AcceleratorReading, JobReading, MachineReading, Measured, Stalled, Storage, ThreadReading,
};
pub use record::{
    HostResources, JobState, MonitoringStatus, Origin, Record, RecordId, Sharing, Tag, TagId, TagScope,
};
pub use reduce::{Statistics, StatisticsSeries, fewer, statistics, statistics_series, together};
pub use rules::{Unfit, ended, is_same_job, registered};
pub use sample::{Component, Sample, SeriesKey};
pub use scope::Scope;
pub use series::{Series, SeriesWanted};
pub use site::{Accelerator, HostNames, MonitoredCluster, Quantity, SubCluster, Topology};
pub use summary::summarise;
pub use wanted::{Onlooker, RecordsWanted};
