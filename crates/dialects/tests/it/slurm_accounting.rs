//! Accounting through the dialect of Slurm.

use crate::harness::{Site, site};
use serde_json::json;

async fn ask(site: &Site, user: &str, method: &str, path: &str, body: &str) -> crate::harness::Reply {
    site.ask(user, method, &format!("/slurmdb/v0.0.44/{path}"), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_hold_opens_no_connection() {
    let site = site().await;
    for path in ["diag", "tres", "clusters", "cluster/x", "instances"] {
        let request = format!(
            "GET /slurmdb/v0.0.44/{path} HTTP/1.1\r\nConnection: close\r\nX-SLURM-USER-TOKEN: garbage\r\n\r\n"
        );
        let reply = site.raw(request.as_bytes()).await;
        assert_eq!(reply.status, 502, "{path} {reply:?}");
        assert_eq!(reply.errors(), [(7000, "openapi_get_db_conn".to_owned())], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_of_it_is_counted_for_operators() {
    let site = site().await;
    assert_eq!(ask(&site, "bob", "GET", "tres", "").await.status, 200);
    assert_eq!(ask(&site, "bob", "GET", "diag", "").await.errors(), [(2002, "slurmdb_get_stats".to_owned())]);
    let shown = ask(&site, "root", "GET", "diag", "").await.json();
    assert_eq!(shown["meta"]["plugin"]["type"], "openapi/slurmdbd");
    let kinds = shown["statistics"]["RPCs"].as_array().unwrap();
    let count = |name: &str| kinds.iter().find(|kind| kind["rpc"] == name).map(|kind| kind["count"].clone());
    assert_eq!(count("DBD_GET_TRES"), Some(json!(1)));
    assert_eq!(count("DBD_GET_STATS"), Some(json!(1)));
    let users = shown["statistics"]["users"].as_array().unwrap();
    assert!(users.iter().any(|user| user["user"] == "bob" && user["count"] == 2), "{users:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_says_what_it_has() {
    let site = site().await;
    let listed = ask(&site, "bob", "GET", "clusters", "").await.json();
    let cluster = &listed["clusters"][0];
    assert_eq!(cluster["controller"]["port"], site.address.port());
    assert_eq!(cluster["associations"]["root"]["id"], 1);
    assert_eq!(cluster["tres"][0]["type"], "cpu");
    assert!(cluster["tres"][0]["count"].as_i64().unwrap() > 0);
    let unknown = ask(&site, "bob", "GET", "cluster/nope", "").await;
    assert_eq!(
        (unknown.status, unknown.warnings()),
        (200, vec!["slurmdb_clusters_get() found nothing".into()])
    );
}
