//! What is worked out of a job's series when it is over: statistics, footprint and energy (facts 4.5).

use super::{EnergyKind, JobMetric, Record, Scope, Statistic, Statistics};
use crate::Text;

/// Works statistics, footprint and energy of a job out of its series at the scope of nodes. A metric that has none there is
/// left out; what was told of it otherwise stays (see [`super::accounted`]).
pub fn summarise(record: &mut Record, data: &[JobMetric]) {
    let (told, energy) = (std::mem::take(&mut record.footprint), std::mem::take(&mut record.energy));
    record.statistics.clear();
    record.energy_footprint.clear();
    for metric in data.iter().filter(|metric| metric.scope == Scope::Node) {
        let known: Vec<Statistics> = metric.series.iter().filter_map(|series| series.statistics).collect();
        let Some(all) = over_nodes(&known) else { continue };
        let name = &metric.metric.name;
        record.statistics.insert(name.clone(), (metric.metric.unit.clone(), all));
        if let Some(kind) = metric.metric.footprint {
            let value = match kind {
                Statistic::Avg => all.avg,
                Statistic::Min => all.min,
                Statistic::Max => all.max,
            };
            record.footprint.insert(Text::from(format!("{name}_{}", kind.name())), value);
        }
        if let Some(kind) = metric.metric.energy {
            let hours = record.duration as f64 / 3600.0;
            let joined = all.avg * known.len() as f64;
            let energy = match kind {
                EnergyKind::Power => joined * hours / 1000.0,
                // Each value is what was used in its time step, in joules.
                EnergyKind::Energy => {
                    joined * record.duration as f64 / f64::from(metric.timestep.max(1)) / 3_600_000.0
                }
            };
            // Two decimals, as the original keeps them.
            let energy = (energy * 100.0).round() / 100.0;
            record.energy_footprint.insert(name.clone(), energy);
            record.energy += energy;
        }
    }
    if record.energy_footprint.is_empty() {
        record.energy = energy;
    }
    for (name, value) in told {
        let is_measured = |metric: &Text| {
            name.strip_prefix(metric.as_str()).is_some_and(|statistic| statistic.starts_with('_'))
        };
        if !record.statistics.keys().any(is_measured) {
            record.footprint.insert(name, value);
        }
    }
}

/// The mean of the nodes' means, and the outermost values.
fn over_nodes(known: &[Statistics]) -> Option<Statistics> {
    let first = known.first()?;
    let sum: f64 = known.iter().map(|one| one.avg / known.len() as f64).sum();
    Some(known.iter().fold(Statistics { avg: sum, ..*first }, |all, one| Statistics {
        min: all.min.min(one.min),
        avg: all.avg,
        max: all.max.max(one.max),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::{Aggregation, Metric, ShownSeries, Thresholds, Unit};
    use super::*;

    fn metric(name: &'static str, energy: Option<EnergyKind>, nodes: &[[f64; 3]]) -> JobMetric {
        let metric = Metric {
            name: Text::const_new(name),
            unit: Unit { base: Text::const_new("W"), prefix: Text::default() },
            scope: Scope::Node,
            timestep: 10,
            aggregation: Aggregation::Sum,
            thresholds: Thresholds::default(),
            footprint: Some(Statistic::Max),
            energy,
            lower_is_better: false,
            restrict: false,
            sub_clusters: Vec::new(),
        };
        let series = |[min, avg, max]: &[f64; 3]| ShownSeries {
            host: Text::const_new("n"),
            id: Text::default(),
            statistics: Some(Statistics { min: *min, avg: *avg, max: *max }),
            values: Vec::new(),
        };
        JobMetric {
            metric,
            scope: Scope::Node,
            timestep: 10,
            series: nodes.iter().map(series).collect(),
            statistics: None,
        }
    }

    #[test]
    fn nodes_are_put_together() {
        let mut record = Record { duration: 7200, ..Record::default() };
        let power =
            metric("cpu_power", Some(EnergyKind::Power), &[[50.0, 100.0, 150.0], [70.0, 200.0, 300.0]]);
        let elsewhere = JobMetric { scope: Scope::Core, ..metric("cpu_load", None, &[[1.0, 1.0, 1.0]]) };
        let unknown = metric("mem_used", None, &[]);
        summarise(&mut record, &[power, elsewhere, unknown]);
        let (_, all) = &record.statistics["cpu_power"];
        assert_eq!(*all, Statistics { min: 50.0, avg: 150.0, max: 300.0 });
        assert_eq!(record.statistics.len(), 1);
        assert_eq!(record.footprint["cpu_power_max"], 300.0);
        // 300 watts for two hours.
        assert_eq!((record.energy, record.energy_footprint["cpu_power"]), (0.6, 0.6));
    }

    #[test]
    fn what_is_measured_goes_before_what_was_told() {
        let told = [("cpu_power_avg", 1.0), ("mem_used_max", 2.0)];
        let footprint = told.map(|(name, value)| (Text::const_new(name), value)).into();
        let mut record = Record { duration: 7200, footprint, energy: 9.0, ..Record::default() };
        summarise(&mut record, &[]);
        assert_eq!((record.footprint.len(), record.energy), (2, 9.0));
        let power = metric("cpu_power", Some(EnergyKind::Power), &[[50.0, 100.0, 150.0]]);
        summarise(&mut record, &[power]);
        let shown: Vec<_> = record.footprint.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!((shown, record.energy), (vec![("cpu_power_max", 150.0), ("mem_used_max", 2.0)], 0.2));
    }
}
