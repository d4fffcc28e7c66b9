//! A cluster as `cluster.json` has it (facts 4.2).

use super::super::body::{BadBody, Fields, value};
use domain::Text;
use domain::monitoring::{
    Accelerator, Aggregation, EnergyKind, HostNames, Metric, MetricOverride, MonitoredCluster, Quantity,
    Scope, Statistic, SubCluster, Thresholds, Topology, Unit,
};
use serde_json::Value;

/// What is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCluster {
    /// It is no such document.
    #[error("{0}")]
    Document(String),
    /// A word has no meaning here.
    #[error("{field}: there is no {word}")]
    Word {
        /// Where it stands.
        field: &'static str,
        /// The word.
        word: String,
    },
    /// A metric cannot be measured.
    #[error("metric '{0}' needs a name and a timestep of at least 1")]
    Metric(Text),
    /// Hosts cannot be named so.
    #[error("nodes: '{0}' is no list of hosts")]
    Hosts(String),
}

impl From<BadBody> for BadCluster {
    fn from(bad: BadBody) -> Self {
        BadCluster::Document(bad.to_string())
    }
}

/// Reads a description.
///
/// # Errors
/// What is wrong with it.
pub fn cluster(text: &str) -> Result<MonitoredCluster, BadCluster> {
    let mut f = Fields::of("cluster", value(text.as_bytes())?, &["name", "metricConfig", "subClusters"])?;
    let metrics = f.list("metricConfig")?.into_iter().map(metric).collect::<Result<_, _>>()?;
    let sub_clusters = f.list("subClusters")?.into_iter().map(sub_cluster).collect::<Result<_, _>>()?;
    Ok(MonitoredCluster { name: f.text("name")?.into(), metrics, sub_clusters })
}

fn unit(value: Option<Value>) -> Result<Unit, BadCluster> {
    let Some(value) = value else { return Ok(Unit::default()) };
    let mut f = Fields::of("unit", value, &["base", "prefix"])?;
    Ok(Unit { base: f.text("base")?.into(), prefix: f.text("prefix")?.into() })
}

fn thresholds(f: &mut Fields) -> Result<Thresholds, BadCluster> {
    Ok(Thresholds {
        peak: f.number("peak")?,
        normal: f.number("normal")?,
        caution: f.number("caution")?,
        alert: f.number("alert")?,
    })
}

fn footprint(f: &mut Fields) -> Result<Option<Statistic>, BadCluster> {
    let word = f.text("footprint")?;
    let all = [Statistic::Avg, Statistic::Min, Statistic::Max];
    match all.into_iter().find(|one| one.name() == word) {
        None if !word.is_empty() => Err(BadCluster::Word { field: "footprint", word }),
        found => Ok(found),
    }
}

fn energy(f: &mut Fields) -> Result<Option<EnergyKind>, BadCluster> {
    match f.text("energy")?.as_str() {
        "" => Ok(None),
        "power" => Ok(Some(EnergyKind::Power)),
        "energy" => Ok(Some(EnergyKind::Energy)),
        word => Err(BadCluster::Word { field: "energy", word: word.to_owned() }),
    }
}

fn flag(f: &mut Fields, name: &str) -> Option<bool> {
    f.take(name).and_then(|value| value.as_bool())
}

fn metric(value: Value) -> Result<Metric, BadCluster> {
    let known = [
        "name",
        "unit",
        "scope",
        "timestep",
        "aggregation",
        "peak",
        "normal",
        "caution",
        "alert",
        "footprint",
        "energy",
        "lowerIsBetter",
        "restrict",
        "subClusters",
    ];
    let mut f = Fields::of("metricConfig", value, &known)?;
    let name = Text::from(f.text("name")?);
    let timestep = f.count("timestep")?;
    if name.is_empty() || timestep == 0 {
        return Err(BadCluster::Metric(name));
    }
    let scope = f.text("scope")?;
    let aggregation = match f.text("aggregation")?.as_str() {
        "" | "none" => Aggregation::None,
        "sum" => Aggregation::Sum,
        "avg" => Aggregation::Avg,
        word => return Err(BadCluster::Word { field: "aggregation", word: word.to_owned() }),
    };
    Ok(Metric {
        name,
        unit: unit(f.take("unit"))?,
        scope: Scope::named(&scope).ok_or(BadCluster::Word { field: "scope", word: scope })?,
        timestep,
        aggregation,
        thresholds: thresholds(&mut f)?,
        footprint: footprint(&mut f)?,
        energy: energy(&mut f)?,
        lower_is_better: flag(&mut f, "lowerIsBetter").unwrap_or(false),
        restrict: flag(&mut f, "restrict").unwrap_or(false),
        sub_clusters: f.list("subClusters")?.into_iter().map(elsewhere).collect::<Result<_, _>>()?,
    })
}

fn elsewhere(value: Value) -> Result<MetricOverride, BadCluster> {
    let known =
        ["name", "peak", "normal", "caution", "alert", "footprint", "energy", "lowerIsBetter", "remove"];
    let has_thresholds = ["peak", "normal", "caution", "alert"].iter().any(|name| value.get(name).is_some());
    let mut f = Fields::of("subClusters", value, &known)?;
    let own = thresholds(&mut f)?;
    Ok(MetricOverride {
        name: f.text("name")?.into(),
        remove: flag(&mut f, "remove").unwrap_or(false),
        thresholds: has_thresholds.then_some(own),
        footprint: footprint(&mut f)?,
        energy: energy(&mut f)?,
        lower_is_better: flag(&mut f, "lowerIsBetter"),
    })
}

fn quantity(value: Option<Value>) -> Result<Quantity, BadCluster> {
    let Some(value) = value else { return Ok(Quantity::default()) };
    let mut f = Fields::of("quantity", value, &["unit", "value"])?;
    Ok(Quantity { unit: unit(f.take("unit"))?, value: f.number("value")? })
}

/// Reads names of hosts: `*`, or lists such as `cn-00[13-18,22-24],login`.
fn hosts(text: &str) -> Result<HostNames, BadCluster> {
    if text.is_empty() || text == "*" {
        return Ok(HostNames::Any);
    }
    let names = slurm_wire::hostlist::expand(text).map_err(|_| BadCluster::Hosts(text.to_owned()))?;
    let mut names: Vec<Text> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    Ok(HostNames::These(names))
}

fn threads(value: Value) -> Result<Vec<u32>, BadCluster> {
    serde_json::from_value(value).map_err(|error| BadCluster::Document(format!("topology: {error}")))
}

fn topology(value: Option<Value>) -> Result<Topology, BadCluster> {
    let Some(value) = value else { return Ok(Topology::default()) };
    let known = ["node", "socket", "memoryDomain", "die", "core", "accelerators"];
    let mut f = Fields::of("topology", value, &known)?;
    let parts =
        |f: &mut Fields, name: &str| f.list(name)?.into_iter().map(threads).collect::<Result<Vec<_>, _>>();
    let accelerator = |value| {
        let mut f = Fields::of("accelerators", value, &["id", "type", "model"])?;
        Ok(Accelerator {
            id: f.text("id")?.into(),
            kind: f.text("type")?.into(),
            model: f.text("model")?.into(),
        })
    };
    Ok(Topology {
        node: threads(Value::Array(f.list("node")?))?,
        sockets: parts(&mut f, "socket")?,
        memory_domains: parts(&mut f, "memoryDomain")?,
        dies: parts(&mut f, "die")?,
        cores: parts(&mut f, "core")?,
        accelerators: f.list("accelerators")?.into_iter().map(accelerator).collect::<Result<_, BadBody>>()?,
    })
}

fn sub_cluster(value: Value) -> Result<SubCluster, BadCluster> {
    let known = [
        "name",
        "nodes",
        "processorType",
        "socketsPerNode",
        "coresPerSocket",
        "threadsPerCore",
        "flopRateScalar",
        "flopRateSimd",
        "memoryBandwidth",
        "topology",
    ];
    let mut f = Fields::of("subClusters", value, &known)?;
    Ok(SubCluster {
        name: f.text("name")?.into(),
        nodes: hosts(&f.text("nodes")?)?,
        processor: f.text("processorType")?.into(),
        sockets_per_node: f.count("socketsPerNode")?,
        cores_per_socket: f.count("coresPerSocket")?,
        threads_per_core: f.count("threadsPerCore")?,
        flop_rate_scalar: quantity(f.take("flopRateScalar"))?,
        flop_rate_simd: quantity(f.take("flopRateSimd"))?,
        memory_bandwidth: quantity(f.take("memoryBandwidth"))?,
        topology: topology(f.take("topology"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::to_wire;
    use super::*;

    const FRITZ: &str = r#"{"name": "fritz", "metricConfig": [
        {"name": "cpu_load", "scope": "node", "unit": {"base": ""}, "timestep": 60, "aggregation": "avg", "peak": 72,
         "normal": 72, "caution": 36, "alert": 20, "subClusters": [{"name": "big", "peak": 104, "normal": 104, "caution": 52,
         "alert": 20}]},
        {"name": "mem_used", "scope": "node", "unit": {"base": "B", "prefix": "G"}, "timestep": 60, "aggregation": "sum",
         "peak": 256, "normal": 128, "caution": 200, "alert": 240, "footprint": "max", "lowerIsBetter": true,
         "subClusters": [{"name": "big", "remove": true}]}],
        "subClusters": [{"name": "main", "nodes": "f[01-02,7]", "processorType": "Xeon", "socketsPerNode": 2,
         "coresPerSocket": 2, "threadsPerCore": 1, "flopRateScalar": {"unit": {"base": "F/s", "prefix": "G"}, "value": 8},
         "flopRateSimd": {"unit": {"base": "F/s", "prefix": "G"}, "value": 64},
         "memoryBandwidth": {"unit": {"base": "B/s", "prefix": "G"}, "value": 100},
         "topology": {"node": [0,1,2,3], "socket": [[0,1],[2,3]], "memoryDomain": [[0,1],[2,3]], "core": [[0],[1],[2],[3]],
         "accelerators": [{"id": "0000:01:00.0", "type": "Nvidia GPU", "model": "A40"}]}},
         {"name": "big", "nodes": "*", "processorType": "Xeon", "socketsPerNode": 2, "coresPerSocket": 52,
         "threadsPerCore": 1, "topology": {"node": [0]}}]}"#;

    #[test]
    fn a_description_is_read_and_written() {
        let read = cluster(FRITZ).unwrap();
        let [load, memory] = read.metrics.as_slice() else { panic!("{:?}", read.metrics) };
        assert_eq!(load.within("big").unwrap().thresholds.peak, 104.0);
        assert_eq!((memory.within("big"), memory.footprint), (None, Some(Statistic::Max)));
        assert_eq!(read.sub_cluster_of("f02").unwrap().name, "main");
        assert_eq!(read.sub_cluster_of("f7").unwrap().topology.sockets, [vec![0, 1], vec![2, 3]]);
        // What we write ourselves is read as the same.
        let again = to_wire::cluster(&read).to_string();
        assert_eq!(cluster(&again).unwrap(), read);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, why) in [
            (r#""timestep": 60, "aggregation": "avg""#, r#""timestep": 0"#, "metric 'cpu_load'"),
            (r#""scope": "node", "unit": {"base": ""}"#, r#""scope": "moon""#, "scope: there is no moon"),
            (r#""aggregation": "avg""#, r#""aggregation": "mode""#, "aggregation: there is no mode"),
            (r#""footprint": "max""#, r#""footprint": "most""#, "footprint: there is no most"),
            ("f[01-02,7]", "f[2-1", "nodes: 'f[2-1' is no list of hosts"),
            ("processorType", "processor", "unknown field"),
        ] {
            let told = cluster(&FRITZ.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }
}
