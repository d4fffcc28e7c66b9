//! A cluster as `cluster.json` has it (facts 4.2).

use super::job::unit;
use domain::monitoring::{
    Aggregation, EnergyKind, HostNames, Metric, MonitoredCluster, Quantity, SubCluster, Thresholds,
};
use serde_json::{Map, Value, json};

fn thresholds(own: &mut Map<String, Value>, all: Thresholds) {
    for (name, value) in
        [("peak", all.peak), ("normal", all.normal), ("caution", all.caution), ("alert", all.alert)]
    {
        own.insert(name.to_owned(), json!(value));
    }
}

fn energy(kind: EnergyKind) -> &'static str {
    match kind {
        EnergyKind::Power => "power",
        EnergyKind::Energy => "energy",
    }
}

fn metric(metric: &Metric) -> Value {
    let mut own = Map::new();
    own.insert("name".to_owned(), json!(metric.name.as_str()));
    own.insert("unit".to_owned(), json!(unit(&metric.unit)));
    own.insert("scope".to_owned(), json!(metric.scope.name()));
    own.insert("timestep".to_owned(), json!(metric.timestep));
    let word = match metric.aggregation {
        Aggregation::None => "",
        Aggregation::Sum => "sum",
        Aggregation::Avg => "avg",
    };
    own.insert("aggregation".to_owned(), json!(word));
    thresholds(&mut own, metric.thresholds);
    let more = [
        ("footprint", metric.footprint.map(|kind| json!(kind.name()))),
        ("energy", metric.energy.map(|kind| json!(energy(kind)))),
        ("lowerIsBetter", metric.lower_is_better.then_some(Value::Bool(true))),
        ("restrict", metric.restrict.then_some(Value::Bool(true))),
    ];
    own.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    if !metric.sub_clusters.is_empty() {
        let others = metric.sub_clusters.iter().map(|other| {
            let mut own = Map::new();
            own.insert("name".to_owned(), json!(other.name.as_str()));
            if let Some(all) = other.thresholds {
                thresholds(&mut own, all);
            }
            let more = [
                ("footprint", other.footprint.map(|kind| json!(kind.name()))),
                ("energy", other.energy.map(|kind| json!(energy(kind)))),
                ("lowerIsBetter", other.lower_is_better.map(|is| json!(is))),
                ("remove", other.remove.then_some(Value::Bool(true))),
            ];
            own.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
            Value::Object(own)
        });
        own.insert("subClusters".to_owned(), others.collect());
    }
    Value::Object(own)
}

fn quantity(own: &Quantity) -> Value {
    json!({ "unit": unit(&own.unit), "value": own.value })
}

fn sub_cluster(sub: &SubCluster) -> Value {
    let nodes = match &sub.nodes {
        HostNames::Any => "*".to_owned(),
        HostNames::These(names) => names.join(","),
    };
    let own = &sub.topology;
    let accelerators: Vec<Value> = own
        .accelerators
        .iter()
        .map(|one| json!({ "id": one.id.as_str(), "type": one.kind.as_str(), "model": one.model.as_str() }))
        .collect();
    let mut topology = json!({
        "node": own.node,
        "socket": own.sockets,
        "memoryDomain": own.memory_domains,
        "core": own.cores,
    });
    if let Some(topology) = topology.as_object_mut() {
        if !own.dies.is_empty() {
            topology.insert("die".to_owned(), json!(own.dies));
        }
        if !accelerators.is_empty() {
            topology.insert("accelerators".to_owned(), Value::Array(accelerators));
        }
    }
    json!({
        "name": sub.name.as_str(),
        "nodes": nodes,
        "processorType": sub.processor.as_str(),
        "socketsPerNode": sub.sockets_per_node,
        "coresPerSocket": sub.cores_per_socket,
        "threadsPerCore": sub.threads_per_core,
        "flopRateScalar": quantity(&sub.flop_rate_scalar),
        "flopRateSimd": quantity(&sub.flop_rate_simd),
        "memoryBandwidth": quantity(&sub.memory_bandwidth),
        "topology": topology,
    })
}

/// Describes a cluster.
pub(crate) fn cluster(cluster: &MonitoredCluster) -> Value {
    json!({
        "name": cluster.name.as_str(),
        "metricConfig": cluster.metrics.iter().map(metric).collect::<Vec<_>>(),
        "subClusters": cluster.sub_clusters.iter().map(sub_cluster).collect::<Vec<_>>(),
    })
}
