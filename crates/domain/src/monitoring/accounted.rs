//! What a cluster's accounting knows of a job's use, for jobs that nobody has measured: parts of the footprint, and energy.
//! Accounting tells sums over a whole job, so that there are no series and no statistics to be made of it.

use super::{Measure, MonitoredCluster, Record, Statistic};
use crate::Text;
use crate::job::Usage;

const GIGABYTE: f64 = (1_u64 << 30) as f64;
const MEGABYTE: f64 = (1_u64 << 20) as f64;

/// Notes in the record of a job that is over what accounting says of its use, as far as its cluster has such metrics. What
/// was measured goes before it when the job is summarised.
pub fn accounted(record: &mut Record, usage: &Usage, cluster: &MonitoredCluster) {
    if *usage == Usage::default() {
        return;
    }
    let seconds = record.duration as f64 * f64::from(record.num_nodes.max(1));
    let busy = (usage.user + usage.system).as_secs_f64();
    let moved = usage.read_bytes.saturating_add(usage.written_bytes) as f64 / MEGABYTE;
    let rate = |amount: f64| (seconds > 0.0).then_some(amount / seconds);
    let memory = usage.max_rss_kb as f64 * 1024.0 / GIGABYTE;
    let told = [
        (Measure::CpuLoad, Statistic::Avg, rate(busy)),
        // Of the task that had the most.
        (Measure::MemUsed, Statistic::Max, Some(memory).filter(|memory| *memory > 0.0)),
        (Measure::FileBandwidth, Statistic::Avg, rate(moved)),
    ];
    for (measure, statistic, value) in told {
        let name = measure.name();
        let is_wanted = |metric: &super::Metric| metric.name == name && metric.footprint == Some(statistic);
        if let Some(value) = value.filter(|_| cluster.metrics.iter().any(is_wanted)) {
            record.footprint.insert(Text::from(format!("{name}_{}", statistic.name())), value);
        }
    }
    if let Some(millijoules) = usage.energy_mj {
        // Kilowatt-hours with two decimals, as what is measured has them.
        record.energy = (millijoules as f64 / 3.6e9 * 100.0).round() / 100.0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Aggregation, Metric, Scope, Thresholds, Unit};
    use super::*;
    use std::time::Duration;

    fn metric(name: &'static str, footprint: Option<Statistic>) -> Metric {
        Metric {
            name: Text::const_new(name),
            unit: Unit::default(),
            scope: Scope::Node,
            timestep: 10,
            aggregation: Aggregation::Sum,
            thresholds: Thresholds::default(),
            footprint,
            energy: None,
            lower_is_better: false,
            restrict: false,
            sub_clusters: Vec::new(),
        }
    }

    #[test]
    fn sums_become_means_over_time_and_nodes() {
        let metrics = vec![
            metric("cpu_load", Some(Statistic::Avg)),
            metric("mem_used", Some(Statistic::Max)),
            // Whose footprint is another one.
            metric("file_bw", Some(Statistic::Max)),
        ];
        let cluster = MonitoredCluster { metrics, ..MonitoredCluster::default() };
        let usage = Usage {
            user: Duration::from_secs(300),
            system: Duration::from_secs(100),
            max_rss_kb: 3 << 20,
            read_bytes: 1 << 30,
            energy_mj: Some(7_200_000_000),
            ..Usage::default()
        };
        let mut record = Record { duration: 100, num_nodes: 2, ..Record::default() };
        accounted(&mut record, &usage, &cluster);
        let told: Vec<_> = record.footprint.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!((told, record.energy), (vec![("cpu_load_avg", 2.0), ("mem_used_max", 3.0)], 2.0));
        // Of a job of no length no means can be told, and of one without accounting nothing.
        let mut record = Record { num_nodes: 1, ..Record::default() };
        accounted(&mut record, &usage, &cluster);
        assert_eq!(record.footprint.len(), 1);
        let mut record = Record { duration: 100, num_nodes: 1, ..Record::default() };
        accounted(&mut record, &Usage::default(), &cluster);
        assert!(record.footprint.is_empty());
    }
}
