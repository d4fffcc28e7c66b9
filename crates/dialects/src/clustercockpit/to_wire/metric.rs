//! Series: all numbers have two decimals, gaps are nulls (facts 3.3).

use super::decimals::as_bytes;
use super::job::{WireUnit, unit};
use domain::monitoring::{JobMetric, ShownSeries, Statistics, StatisticsSeries};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

#[derive(Serialize)]
pub(crate) struct NamedMetric<'a> {
    name: &'a str,
    scope: &'static str,
    metric: WireMetric<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireMetric<'a> {
    unit: WireUnit<'a>,
    timestep: u32,
    series: Vec<WireSeries<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics_series: Option<WireStatisticsSeries<'a>>,
}

#[derive(Serialize)]
struct WireSeries<'a> {
    hostname: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    statistics: WireStatistics,
    data: Values<'a>,
}

#[derive(Serialize)]
struct WireStatistics {
    avg: Value,
    min: Value,
    max: Value,
}

#[derive(Serialize)]
struct WireStatisticsSeries<'a> {
    mean: Values<'a>,
    median: Values<'a>,
    min: Values<'a>,
    max: Values<'a>,
}

/// Values, of which one that is not finite is a gap. Only [`super::write_measured`] writes them as numbers.
struct Values<'a>(&'a [f64]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&as_bytes(self.0))
    }
}

/// A value, or a gap.
struct Value(f64);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_finite() {
            true => serializer.serialize_f64(self.0),
            false => serializer.serialize_unit(),
        }
    }
}

fn series(one: &ShownSeries) -> WireSeries<'_> {
    let gap = Statistics { min: f64::NAN, avg: f64::NAN, max: f64::NAN };
    let Statistics { min, avg, max } = one.statistics.unwrap_or(gap);
    WireSeries {
        hostname: &one.host,
        id: &one.id,
        statistics: WireStatistics { avg: Value(avg), min: Value(min), max: Value(max) },
        data: Values(&one.values),
    }
}

fn statistics(all: &StatisticsSeries) -> WireStatisticsSeries<'_> {
    WireStatisticsSeries {
        mean: Values(&all.mean),
        median: Values(&all.median),
        min: Values(&all.min),
        max: Values(&all.max),
    }
}

fn wire(metric: &JobMetric) -> WireMetric<'_> {
    WireMetric {
        unit: unit(&metric.metric.unit),
        timestep: metric.timestep,
        series: metric.series.iter().map(series).collect(),
        statistics_series: metric.statistics.as_ref().map(statistics),
    }
}

/// Describes a metric of a job.
pub(crate) fn job_metric(metric: &JobMetric) -> NamedMetric<'_> {
    NamedMetric { name: &metric.metric.name, scope: metric.scope.name(), metric: wire(metric) }
}

/// Describes the metrics of a job, one by one.
pub(crate) fn job_metrics(metrics: &[JobMetric]) -> Vec<NamedMetric<'_>> {
    metrics.iter().map(job_metric).collect()
}

/// The metrics of a job, by name and scope.
pub(crate) type ByScope<'a> = BTreeMap<&'a str, BTreeMap<&'static str, WireMetric<'a>>>;

/// Describes the metrics of a job as its file in an archive does: by name and scope.
pub(crate) fn by_scope(metrics: &[JobMetric]) -> ByScope<'_> {
    let mut all = ByScope::new();
    for metric in metrics {
        all.entry(metric.metric.name.as_str()).or_default().insert(metric.scope.name(), wire(metric));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_two_decimals_and_gaps_are_null() {
        let written = |values: &[f64]| {
            let mut bytes = Vec::new();
            super::super::write_measured(&Values(values), &mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(
            written(&[1.0, f64::NAN, -0.125, 1e15, f64::INFINITY]),
            "[1.00,null,-0.12,1000000000000000.00,null]"
        );
        assert_eq!(written(&[]), "[]");
    }
}
