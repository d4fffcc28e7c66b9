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
        (json!({"state": ["IDLE", "DRAIN"]}), vec![2028], "state", json!(["IDLE", "DRAIN"])),
        (json!({"reason": "maint"}), vec![], "reason", json!("maint")),
        (json!({"state": "DOWN"}), vec![], "state", json!(["DOWN", "DRAIN"])),
        (json!({"state": "FAIL"}), vec![], "state", json!(["DOWN", "FAIL"])),
        (json!({"state": ["RESUME"]}), vec![], "state", json!(["IDLE"])),
        (json!({"state": ["RESUME"]}), vec![2180], "reason", json!("")),
        (json!({"state": ["DOWN", "DRAIN"]}), vec![2180], "state", json!(["IDLE"])),
        (json!({"state": ["IDLE", "DRAIN"]}), vec![2180], "state", json!(["IDLE"])),
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
    let networks = vec!["n[0-65535]"; 10_000];
    for (user, path, body, error) in [
        ("alice", "node/n1", json!({}), Some((2010, "_update_node"))),
        ("alice", "node/zz", json!({}), Some((2010, "_update_node"))),
        ("root", "node/zz", json!({}), Some((2018, "_update_node"))),
        ("root", "node/n%5B1-2%5D", json!({"comment": "part"}), Some((2018, "_update_node"))),
        ("root", "node/ALL", json!({"comment": "all"}), None),
        ("root", "nodes", json!({"name": ["n[1-1]"], "comment": "list"}), None),
        ("root", "nodes", json!({"comment": "none"}), Some((2018, "_update_nodes"))),
        ("root", "nodes", json!({"name": []}), Some((2018, "_update_nodes"))),
        // Whole networks, over and over: nobody's list is longer than one may be, and some may not even send one.
        ("alice", "nodes", json!({"name": networks, "address": networks}), Some((2010, "_update_nodes"))),
        ("root", "nodes", json!({"name": networks}), Some((2018, "_update_nodes"))),
        ("root", "nodes", json!({"name": ["n1"], "address": networks}), Some((2018, "_update_nodes"))),
        ("root", "nodes", json!({"name": ["n1"], "hostname": networks}), Some((2018, "_update_nodes"))),
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

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_made_and_taken_away() {
    let site = site().await;
    let line = |line: &str| json!({ "node_conf": line }).to_string();
    let made = "NodeName=d[1-2] CPUs=2 RealMemory=100 Feature=dyn State=CLOUD";
    for (user, body, status, errors) in [
        ("alice", line(made), 422, vec![(2010, "_create_node")]),
        ("alice", line("nonsense"), 422, vec![(2010, "_create_node")]),
        ("root", "{}".to_owned(), 422, vec![(9200, "#/node_conf/")]),
        ("root", line(""), 500, vec![(-1, "_create_node")]),
        ("root", line("NodeName=d1 CPUs=2"), 422, vec![(2028, "_create_node")]),
        ("root", line("NodeName=d1 State=CLOUD CPUBind=core"), 422, vec![(2036, "_create_node")]),
        ("root", line("NodeName=d[1-9] State=CLOUD"), 422, vec![(2169, "_create_node")]),
        ("root", line(made), 200, vec![]),
        ("root", line(made), 422, vec![(2168, "_create_node")]),
        ("root", line("NodeName=x State=EXTERNAL"), 200, vec![]),
    ] {
        let reply = site.slurm(user, "POST", "new/node/", &body).await;
        let wanted: Vec<_> = errors.into_iter().map(|(number, source)| (number, source.to_owned())).collect();
        assert_eq!((reply.status, reply.errors()), (status, wanted), "{user} {body}");
    }
    let shown = site.slurm("alice", "GET", "nodes", "").await.json();
    let nodes = shown["nodes"].as_array().unwrap();
    let each: Vec<_> =
        nodes.iter().map(|node| (&node["name"], &node["state"], &node["partitions"])).collect();
    let cloud = json!(["IDLE", "CLOUD", "DYNAMIC_NORM"]);
    let both = json!(["debug", "idle"]);
    assert_eq!(each[1..3], [(&json!("d1"), &cloud, &both), (&json!("d2"), &cloud, &both)]);
    assert_eq!(each[3], (&json!("x"), &json!(["IDLE", "EXTERNAL", "DYNAMIC_NORM"]), &both));
    let partition = site.slurm("alice", "GET", "partition/debug", "").await.json()["partitions"][0].clone();
    assert_eq!(partition["nodes"]["configured"], "n1,d[1-2]");
    for (user, path, error) in [
        ("alice", "node/d1", Some(2010)),
        ("root", "node/n1", Some(2028)),
        ("root", "node/zz", Some(2018)),
        ("root", "node/d%5B1-2%5D", None),
        ("root", "node/d1", Some(2018)),
        ("root", "node/x", None),
    ] {
        let reply = site.slurm(user, "DELETE", path, "").await;
        let wanted: Vec<_> = error.into_iter().map(|number| (number, "op_handler_node".to_owned())).collect();
        assert_eq!(reply.errors(), wanted, "{user} {path}");
    }
    let shown = site.slurm("alice", "GET", "nodes", "").await.json();
    assert_eq!(shown["nodes"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_holds_is_shown_to_those_who_may_change_it() {
    let site = site().await;
    let job = site.job("alice", r#""tasks":1"#).await;
    site.until(job, "RUNNING").await;
    for (user, path, status, error) in [
        ("alice", format!("resources/{job}"), 200, None),
        ("root", format!("resources/{job}.batch"), 200, None),
        ("bob", format!("resources/{job}"), 422, Some((2010, "_handle_get"))),
        ("root", "resources/99999".to_owned(), 404, Some((2017, "_handle_get"))),
        ("root", "resources/99999999".to_owned(), 404, Some((2017, "op_handler_resources"))),
        ("root", "resources/abc".to_owned(), 422, Some((9000, "op_handler_resources"))),
    ] {
        let reply = site.slurm(user, "GET", &path, "").await;
        let wanted: Vec<_> = error.into_iter().map(|(number, source)| (number, source.to_owned())).collect();
        assert_eq!((reply.status, reply.errors()), (status, wanted), "{user} {path}");
    }
    let held = site.slurm("alice", "GET", &format!("resources/{job}"), "").await.json()["nodes"][0].clone();
    assert_eq!((&held["node"], &held["core_bitmap"]), (&json!("n1"), &json!("0x01")));
    let waits = site.job("alice", r#""partition":"idle""#).await;
    let reply = site.slurm("alice", "GET", &format!("resources/{waits}"), "").await;
    assert_eq!((reply.status, reply.errors()), (422, vec![(2085, "_handle_get".to_owned())]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_accounts_there_are_no_shares() {
    let site = site().await;
    let removed = site.ask("root", "DELETE", "/slurmdb/v0.0.44/account/physics", "").await;
    assert_eq!(removed.status, 200);
    let reply = site.slurm("alice", "GET", "shares?bogus=1", "").await;
    assert_eq!(reply.json()["shares"], json!({"shares": [], "total_shares": 0}));
    assert_eq!(reply.warnings(), ["Shares list is empty because slurm accounting storage is disabled."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_and_who_has_a_node_alone_is_told() {
    let site = site().await;
    let own = site.job("alice", r#""shared":["user"],"argv":["/home/alice/job.sh","x"]"#).await;
    site.until(own, "RUNNING").await;
    assert_eq!(site.shown(own).await["command"], "/home/alice/job.sh");
    assert_eq!(node(&site).await["owner"], "alice");
    for _ in 0..7 {
        let id = site.job("alice", "").await;
        site.until(id, "RUNNING").await;
    }
    let next = site.job("alice", "").await;
    let shown = site.shown(next).await;
    assert_eq!((&shown["scheduled_nodes"], &shown["command"]), (&json!("n1"), &json!("")));
    // The node is given away altogether.
    assert_eq!(node(&site).await["state"], json!(["ALLOCATED"]));
    // The list is long enough to be sent in pieces, with its length ahead.
    for _ in 0..2 {
        let jobs = site.slurm("alice", "GET", "jobs", "").await.json();
        assert_eq!(jobs["jobs"].as_array().unwrap().len(), 9);
    }
}
