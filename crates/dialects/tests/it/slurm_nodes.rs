//! Changing nodes through the dialect of Slurm. What is expected was measured.

use crate::harness::{Site, site};
use serde_json::{Value, json};

async fn node(site: &Site) -> Value {
    site.slurm("alice", "GET", "node/n1", "").await.json()["nodes"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_change_or_are_refused() {
    let site = site().await;
    for (body, errors, field, value) in [
        (json!({}), vec![], "comment", json!("")),
        (json!({"comment": "spare"}), vec![], "comment", json!("spare")),
        (json!({"comment": null}), vec![], "comment", json!("spare")),
        (json!({"extra": "ex"}), vec![], "extra", json!("ex")),
        (json!({"weight": {"set": true, "number": 8}}), vec![], "weight", json!(8)),
        (json!({"weight": 0}), vec![], "weight", json!(0)),
        (json!({"weight": "abc"}), vec![9202], "weight", json!(0)),
        (json!({"features": ["amd"]}), vec![2031], "features", json!(["fast"])),
        (json!({"features": []}), vec![], "features", json!(["fast"])),
        (json!({"features": ["amd", "b"], "features_act": ["b"]}), vec![], "active_features", json!(["b"])),
        (json!({"features_act": ["c"]}), vec![2031], "active_features", json!(["b"])),
        (json!({"gres": "gpu:1"}), vec![2072], "gres", json!("gpu:2")),
        (json!({"gres": "gpu:x"}), vec![2072], "gres", json!("gpu:2")),
        (json!({"gres": ""}), vec![], "gres", json!("")),
        (json!({"gres": "gpu:2"}), vec![], "gres_used", json!("gpu:0")),
        (json!({"cpu_bind": 1}), vec![], "cpu_binding", json!(1)),
        (json!({"cpu_bind": 0}), vec![], "cpu_binding", json!(1)),
        (json!({"topology_str": "bogus"}), vec![2178], "topology", json!("")),
        (json!({"topology_str": "default:s1"}), vec![], "topology", json!("default:s1")),
        (json!({"hostname": ["other"]}), vec![], "hostname", json!("other")),
        (json!({"hostname": ["a", "b"]}), vec![2018], "hostname", json!("other")),
        (json!({"address": ["bad name!"]}), vec![2018], "address", json!("127.0.0.1")),
        (
            json!({"resume_after": 100}),
            vec![],
            "resume_after",
            json!({"set":true,"infinite":false,"number":0}),
        ),
        (json!({"state": ["DRAIN"]}), vec![], "state", json!(["IDLE", "DRAIN"])),
        (json!({"reason": "maint"}), vec![], "reason", json!("maint")),
        (json!({"state": "DOWN"}), vec![], "state", json!(["DOWN", "DRAIN"])),
        (json!({"state": "FAIL"}), vec![], "state", json!(["DOWN", "FAIL"])),
        (json!({"state": ["RESUME"]}), vec![], "state", json!(["IDLE"])),
        (json!({"state": ["RESUME"]}), vec![2180], "reason", json!("")),
        (json!({"state": ["DOWN", "DRAIN"]}), vec![2180], "state", json!(["IDLE"])),
        (json!({"state": ["BOGUS"]}), vec![9207, 2180], "state", json!(["IDLE"])),
        (json!({"state": ["POWER_UP"]}), vec![2187], "state", json!(["IDLE"])),
        (json!({"state": []}), vec![], "state", json!(["IDLE"])),
    ] {
        let reply = site.slurm("root", "POST", "node/n1", &body.to_string()).await;
        let numbers: Vec<i64> = reply.errors().into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, errors, "{body} {:?}", reply.json());
        let status = match errors.first() {
            None => 200,
            Some(9202 | 9207 | 2187) => 500,
            Some(_) => 422,
        };
        assert_eq!(reply.status, status, "{body}");
        assert_eq!(node(&site).await[field], value, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_rights() {
    let site = site().await;
    for (user, path, body, error) in [
        ("alice", "node/n1", json!({}), Some((2010, "_update_node"))),
        ("alice", "node/zz", json!({}), Some((2010, "_update_node"))),
        ("root", "node/zz", json!({}), Some((2018, "_update_node"))),
        ("root", "node/n%5B1-2%5D", json!({"comment": "part"}), Some((2018, "_update_node"))),
        ("root", "node/ALL", json!({"comment": "all"}), None),
        ("root", "nodes", json!({"name": ["n[1-1]"], "comment": "list"}), None),
        ("root", "nodes", json!({"comment": "none"}), Some((2018, "_update_nodes"))),
        ("root", "nodes", json!({"name": []}), Some((2018, "_update_nodes"))),
    ] {
        let reply = site.slurm(user, "POST", path, &body.to_string()).await;
        let came = reply.errors().into_iter().next();
        let came = came.as_ref().map(|(number, source)| (*number, source.as_str()));
        assert_eq!(came, error, "{path} {body}");
    }
    assert_eq!(node(&site).await["comment"], "list");
    let odd = site.slurm("root", "POST", "node/n1", r#"{"name":["n3"],"comment":"own"}"#).await;
    assert_eq!(odd.warnings(), ["node_names field n3 ignored for singular node update"]);
    let described = site.slurm("root", "POST", "nodes", r#"{"name":["n3","zz"]}"#).await.json();
    assert_eq!(described["errors"][0]["description"], "Failure to update node n3,zz");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_future_node_is_seen_by_those_who_ask_for_it() {
    let site = site().await;
    site.slurm("root", "POST", "node/n1", r#"{"state":["FUTURE"]}"#).await;
    let count = async |path: &str| {
        site.slurm("alice", "GET", path, "").await.json()["nodes"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((count("nodes").await, count("nodes?flags=FUTURE").await), (0, 1));
    assert_eq!(site.slurm("alice", "GET", "node/n1", "").await.errors(), [(0, "_dump_nodes".to_owned())]);
    site.slurm("root", "POST", "node/n1", r#"{"state":["RESUME"]}"#).await;
    assert_eq!(count("nodes").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_lost_node_end() {
    let site = site().await;
    let job = site.job("alice", r#""requeue":false"#).await;
    site.until(job, "RUNNING").await;
    site.slurm("root", "POST", "node/n1", r#"{"state":["DRAIN"],"reason":"soon"}"#).await;
    assert_eq!(site.shown(job).await["job_state"][0], "RUNNING");
    site.slurm("root", "POST", "node/n1", r#"{"state":["DOWN"],"reason":"gone"}"#).await;
    site.until(job, "NODE_FAIL").await;
    let node = node(&site).await;
    assert_eq!((&node["reason"], &node["reason_set_by_user"]), (&json!("gone"), &json!("root")));
}

#[tokio::test(flavor = "multi_thread")]
async fn licences_and_reconfiguration() {
    let site = site().await;
    let job = site.job("alice", r#""licenses":"matlab:3""#).await;
    site.until(job, "RUNNING").await;
    let license = site.slurm("alice", "GET", "licenses", "").await.json()["licenses"][0].clone();
    assert_eq!(license["LicenseName"], "matlab");
    assert_eq!(
        (&license["Total"], &license["Used"], &license["Free"]),
        (&json!(10), &json!(0), &json!(10)),
        "this engine hands out none"
    );
    let refused = site.slurm("alice", "GET", "reconfigure", "").await;
    assert_eq!((refused.status, refused.errors()), (422, vec![(2010, "op_handler_reconfigure".to_owned())]));
    assert_eq!(site.slurm("root", "GET", "reconfigure", "").await.status, 200);
    assert_eq!(site.shown(job).await["job_state"][0], "RUNNING");
}
