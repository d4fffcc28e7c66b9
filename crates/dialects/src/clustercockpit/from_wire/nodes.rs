//! What an adapter tells of a cluster's nodes (`nodestate/` of release 1.5).

use super::super::body::{Fields, value};
use super::super::error::CockpitError;
use domain::Text;
use domain::monitoring::NodeReport;
use serde_json::Value;

/// Nodes of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodesTold {
    /// The cluster.
    pub(crate) cluster: Text,
    /// Its nodes.
    pub(crate) nodes: Vec<NodeReport>,
}

/// Reads how nodes stand.
pub(crate) fn nodes(body: &[u8]) -> Result<NodesTold, CockpitError> {
    let mut fields = Fields::of("nodestate", value(body)?, &["cluster", "nodes"])?;
    let nodes = fields.list("nodes")?.into_iter().map(node).collect::<Result<_, _>>()?;
    let cluster: Text = fields.text("cluster")?.into();
    if cluster.is_empty() {
        return Err(CockpitError::bad("the field 'cluster' is required"));
    }
    Ok(NodesTold { cluster, nodes })
}

fn node(one: Value) -> Result<NodeReport, CockpitError> {
    let known = ["hostname", "states", "cpusAllocated", "memoryAllocated", "gpusAllocated", "jobsRunning"];
    let mut f = Fields::of("nodes", one, &known)?;
    let report = NodeReport {
        hostname: f.text("hostname")?.into(),
        states: f.texts("states")?.into_iter().map(Text::from).collect(),
        cpus_allocated: f.count("cpusAllocated")?,
        memory_allocated: f.integer("memoryAllocated")?.unwrap_or(0),
        gpus_allocated: f.count("gpusAllocated")?,
        jobs_running: f.count("jobsRunning")?,
    };
    if report.hostname.is_empty() {
        return Err(CockpitError::bad("a node has no hostname"));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_read_or_refused() {
        let told = nodes(
            br#"{"cluster": "c", "nodes": [{"hostname": "h", "states": ["allocated", "drain"], "cpusAllocated": 4,
                "memoryAllocated": 1000, "gpusAllocated": 0, "jobsRunning": 2}]}"#,
        )
        .unwrap();
        assert_eq!((told.nodes[0].states.len(), told.nodes[0].jobs_running), (2, 2));
        assert_eq!(nodes(br#"{"cluster": "c", "nodes": null}"#).unwrap().nodes, []);
        for body in [
            r#"{"nodes": []}"#,
            r#"{"cluster": "c", "nodes": [{}]}"#,
            r#"{"cluster": "c", "nodes": [{"hostname": "h", "states": "idle"}]}"#,
            r#"{"cluster": "c", "nodes": [{"hostname": "h", "cpusAllocated": -1}]}"#,
            r#"{"cluster": "c", "extra": 1}"#,
        ] {
            assert!(nodes(body.as_bytes()).is_err(), "{body}");
        }
    }
}
