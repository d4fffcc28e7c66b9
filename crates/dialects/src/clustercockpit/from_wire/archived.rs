//! A job's two files in an archive, as the original of any release or we ourselves wrote them (facts 4.1 and 4.3).

use super::super::body::{BadBody, Fields, value};
use super::super::error::CockpitError;
use super::start::described;
use domain::Text;
use domain::monitoring::{
    JobMetric, Metric, MonitoringStatus, Record, Scope, ShownSeries, Statistics, StatisticsSeries, Unit,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is wrong with a file of an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadArchived(String);

impl From<BadBody> for BadArchived {
    fn from(bad: BadBody) -> Self {
        BadArchived(bad.to_string())
    }
}

impl From<CockpitError> for BadArchived {
    fn from(bad: CockpitError) -> Self {
        BadArchived(bad.to_string())
    }
}

/// Reads `meta.json`. Fields that nobody knows are passed over: releases have had different ones.
///
/// # Errors
/// What is wrong with it.
pub fn archived_job(bytes: &[u8]) -> Result<Record, BadArchived> {
    let mut fields = Fields::among("meta", value(bytes)?)?;
    let mut record = described(&mut fields)?;
    record.monitoring = MonitoringStatus::Archived;
    for (metric, known) in fields.entries("statistics")? {
        let mut f = Fields::among("statistics", known)?;
        let unit = match f.take("unit") {
            None => Unit::default(),
            Some(unit) => {
                let mut unit = Fields::among("unit", unit)?;
                Unit { base: unit.text("base")?.into(), prefix: unit.text("prefix")?.into() }
            }
        };
        let known = Statistics { min: f.number("min")?, avg: f.number("avg")?, max: f.number("max")? };
        record.statistics.insert(metric.into(), (unit, known));
    }
    let numbers = |fields: &mut Fields, name: &str| -> Result<BTreeMap<Text, f64>, BadArchived> {
        let read = |(name, value): (String, serde_json::Value)| {
            let number = value.as_f64().ok_or_else(|| BadArchived(format!("{name} is no number")))?;
            Ok((Text::from(name), number))
        };
        fields.entries(name)?.into_iter().map(read).collect()
    };
    record.footprint = numbers(&mut fields, "footprint")?;
    record.energy_footprint = numbers(&mut fields, "energyFootprint")?;
    record.energy = fields.number("energy")?;
    Ok(record)
}

#[derive(Deserialize)]
struct WireUnit {
    #[serde(default)]
    base: Text,
    #[serde(default)]
    prefix: Text,
}

#[derive(Deserialize)]
struct WireMetric {
    #[serde(default)]
    unit: Option<WireUnit>,
    timestep: u32,
    series: Vec<WireSeries>,
    #[serde(default, rename = "statisticsSeries")]
    statistics: Option<WireStatisticsSeries>,
}

#[derive(Deserialize)]
struct WireSeries {
    hostname: Text,
    #[serde(default)]
    id: Option<Text>,
    #[serde(default)]
    statistics: Option<WireStatistics>,
    data: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct WireStatistics {
    min: Option<f64>,
    avg: Option<f64>,
    max: Option<f64>,
}

#[derive(Deserialize)]
struct WireStatisticsSeries {
    #[serde(default)]
    mean: Vec<Option<f64>>,
    #[serde(default)]
    median: Vec<Option<f64>>,
    #[serde(default)]
    min: Vec<Option<f64>>,
    #[serde(default)]
    max: Vec<Option<f64>>,
}

fn values(all: Vec<Option<f64>>) -> Vec<f64> {
    all.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

/// Reads `data.json`.
///
/// # Errors
/// What is wrong with it.
pub fn archived_series(bytes: &[u8]) -> Result<Vec<JobMetric>, BadArchived> {
    let all: BTreeMap<Text, BTreeMap<String, WireMetric>> =
        serde_json::from_slice(bytes).map_err(|error| BadArchived(error.to_string()))?;
    let mut metrics = Vec::new();
    for (name, scopes) in all {
        for (word, one) in scopes {
            let scope = Scope::named(&word)
                .ok_or_else(|| BadArchived(format!("{name}: there is no scope {word}")))?;
            if one.timestep == 0 {
                return Err(BadArchived(format!("{name}: its timestep is 0")));
            }
            metrics.push(metric(name.clone(), scope, one));
        }
    }
    Ok(metrics)
}

fn metric(name: Text, scope: Scope, one: WireMetric) -> JobMetric {
    let unit = one.unit.map(|unit| Unit { base: unit.base, prefix: unit.prefix }).unwrap_or_default();
    let series = |one: WireSeries| ShownSeries {
        host: one.hostname,
        id: one.id.unwrap_or_default(),
        statistics: one
            .statistics
            .and_then(|known| Some(Statistics { min: known.min?, avg: known.avg?, max: known.max? })),
        values: values(one.data),
    };
    JobMetric {
        metric: Metric { unit, ..Metric::plain(name, scope, one.timestep) },
        scope,
        timestep: one.timestep,
        series: one.series.into_iter().map(series).collect(),
        statistics: one.statistics.map(|all| StatisticsSeries {
            mean: values(all.mean),
            median: values(all.median),
            min: values(all.min),
            max: values(all.max),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::archive::archived;
    use super::*;
    use domain::monitoring::JobState;

    /// As release 1.3 wrote it, with a field of a later one.
    const META: &str = r#"{"user": "u", "project": "p", "cluster": "c", "subCluster": "s", "partition": "main", "jobId": 7,
        "numNodes": 1, "numHwthreads": 8, "exclusive": 1, "smt": 1, "jobState": "completed", "duration": 120,
        "startTime": 1000, "resources": [{"hostname": "h"}], "tags": [{"id": 3, "type": "t", "name": "n"}],
        "metaData": {"jobName": "x"}, "someday": 1, "footprint": {"load_avg": 2.5},
        "statistics": {"load": {"unit": {"base": "load"}, "avg": 2.5, "min": 0, "max": 4}}}"#;
    const DATA: &str = r#"{"load": {"node": {"unit": {"base": "load"}, "timestep": 60, "series": [
        {"hostname": "h", "statistics": {"min": 1.00, "avg": 2.50, "max": 4.00}, "data": [1.00, null, 4.00]}]}}}"#;

    #[test]
    fn files_are_read_and_written_as_they_were() {
        let record = archived_job(META.as_bytes()).unwrap();
        assert_eq!((record.state, record.duration, record.tags.len()), (JobState::Completed, 120, 1));
        assert_eq!((record.statistics["load"].1.max, record.footprint["load_avg"]), (4.0, 2.5));
        let series = archived_series(DATA.as_bytes()).unwrap();
        assert!(series[0].series[0].values[1].is_nan());
        let (meta, data) = archived(&record, &series);
        assert_eq!(archived_job(&meta).unwrap(), record);
        let plain = |text: &str| text.replace(['\n', ' '], "");
        let order = plain(DATA).replace(r#""min":1.00,"avg":2.50,"#, r#""avg":2.50,"min":1.00,"#);
        assert_eq!(plain(std::str::from_utf8(&data).unwrap()), order);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (from, to, why) in [
            ("\"jobId\": 7", "\"jobId\": \"x\"", "jobId"),
            ("completed", "asleep", "asleep"),
            ("\"max\": 4", "\"max\": \"x\"", "max"),
            ("{\"load_avg\": 2.5}", "{\"load_avg\": []}", "load_avg is no number"),
        ] {
            let told = archived_job(META.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
        for (from, to, why) in [
            ("\"node\"", "\"moon\"", "there is no scope moon"),
            ("60", "0", "its timestep is 0"),
            ("[1.00", "[\"1\"", "invalid type"),
            ("}]}}}", "}]}}", "EOF"),
        ] {
            let told = archived_series(DATA.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }
}
