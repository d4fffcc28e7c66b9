//! `/util/`: host lists and the names they stand for.

use crate::harness::site;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn host_lists_become_names() {
    let site = site().await;
    for (given, wanted) in [
        (json!("n[1-2]m[3-4]"), json!(["n1m3", "n1m4", "n2m3", "n2m4"])),
        (json!("n[01-03,5]"), json!(["n01", "n02", "n03", "n5"])),
        (json!(" n1 , n1"), json!(["n1", "n1"])),
        (json!(""), json!([])),
        (json!(null), json!([])),
        (json!(["n[1-2]", "m"]), json!(["n1", "n2", "m"])),
    ] {
        let body = json!({"hostlist": given}).to_string();
        let reply = site.ask("alice", "POST", "/util/v0.0.44/hostnames", &body).await;
        assert_eq!(reply.status, 200, "{given} {reply:?}");
        assert_eq!(reply.json()["hostnames"], wanted, "{given}");
        assert_eq!(reply.json()["meta"]["plugin"]["type"], "openapi/util");
    }
    for (given, number) in [
        (json!({"hostlist": "n[1-"}), 9216),
        (json!({"hostlist": "n[3-1]"}), 9216),
        (json!({"hostlist": "n[0-65536]"}), 9216),
        (json!({"hostlist": "a[0-9999]b[0-9999]"}), 9216),
        (json!({"hostlist": 5}), 9216),
        (json!({"hostnames": ["n1"]}), 9200),
        (json!(["n1"]), 9209),
    ] {
        let reply = site.ask("alice", "POST", "/util/v0.0.45/hostnames", &given.to_string()).await;
        assert_eq!(reply.status, 422, "{given} {reply:?}");
        let numbers: Vec<i64> = reply.errors().into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [number, 9000], "{given}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_become_host_lists() {
    let site = site().await;
    for (given, wanted) in [
        (json!(["n3", "n1", "n2"]), "n[3,1-2]"),
        (json!(["n[1-2]", "n3"]), "n[1-3]"),
        (json!(["n1", "m1", "n2"]), "n1,m1,n2"),
        (json!([5, 6]), "[5-6]"),
        (json!("n1,n2"), "n[1-2]"),
        (json!([]), ""),
    ] {
        let body = json!({"hostnames": given}).to_string();
        let reply = site.ask("alice", "POST", "/util/v0.0.44/hostlist", &body).await;
        assert_eq!(reply.status, 200, "{given} {reply:?}");
        assert_eq!(reply.json()["hostlist"], wanted, "{given}");
    }
    for given in [json!([""]), json!(["n["]), json!([["n1"]]), json!(["a[0-9999]b[0-9999]"])] {
        let body = json!({"hostnames": given}).to_string();
        let reply = site.ask("alice", "POST", "/util/v0.0.44/hostlist", &body).await;
        assert_eq!(reply.status, 422, "{given} {reply:?}");
        assert_eq!(reply.errors().first().map(|(number, _)| *number), Some(9216), "{given}");
    }
    let many: Vec<String> = (0..70_000).map(|number| format!("n{number}")).collect();
    let reply =
        site.ask("alice", "POST", "/util/v0.0.44/hostlist", &json!({"hostnames": many}).to_string()).await;
    assert_eq!(reply.json()["hostlist"], "n[0-69999]");
}
