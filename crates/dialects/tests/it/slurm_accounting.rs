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

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_users_are_made_shown_and_taken_away() {
    let site = site().await;
    let body =
        r#"{"association_condition":{"accounts":["geo"],"association":{"parent":"physics","maxjobs":7}}}"#;
    let made = ask(&site, "root", "POST", "accounts_association", body).await;
    let expected = " Adding Account(s)\n  geo\n Settings\n  Description     = Account Name\n  \
        Organization    = Parent/Account Name\n Associations =\n  C = tests      A = geo                 \n";
    assert_eq!(made.json()["added_accounts"], expected);
    assert_eq!(ask(&site, "root", "POST", "accounts_association", body).await.status, 304);
    let body = r#"{"association_condition":{"accounts":["geo","nope"],"users":["u1"]},"user":{}}"#;
    let made = ask(&site, "root", "POST", "users_association", body).await.json();
    let expected = " Adding User(s)\n  u1\n Settings\n Associations =\n  \
        C = tests      A = geo                  U = u1       \nNo account nope on cluster tests, skipping.\n";
    assert_eq!(made["added_users"], expected);
    let shown = ask(&site, "bob", "GET", "association/?user=u1", "").await.json();
    let own = &shown["associations"][0];
    assert_eq!((&own["lineage"], &own["is_default"]), (&json!("/physics/geo/0-u1/"), &json!(true)));
    assert_eq!(own["max"]["jobs"]["active"], json!({"set": true, "infinite": false, "number": 7}));
    let refused = ask(&site, "alice", "DELETE", "user/u1", "").await;
    assert_eq!((refused.status, refused.errors()), (422, vec![(2002, "_delete_user".to_owned())]));
    let gone = ask(&site, "root", "DELETE", "associations/?account=geo", "").await.json();
    let lines = ["C = tests      A = geo of physics", "C = tests      A = geo        U = u1       "];
    assert_eq!(gone["removed_associations"], json!(lines));
    assert_eq!(ask(&site, "root", "DELETE", "user/u1", "").await.json()["removed_users"], json!(["u1"]));
    assert_eq!(ask(&site, "root", "DELETE", "user/u1", "").await.status, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_refused_at_its_place() {
    let site = site().await;
    for (path, body, error) in [
        ("qos", r#"{"qos":[{"name":"q","preempt":{"list":["no"]}}]}"#, (2066, "#/qos[0]/preempt/list/")),
        ("qos", r#"{"qos":[{"id":77}]}"#, (9000, "_foreach_update_qos")),
        (
            "associations",
            r#"{"associations":[{"user":"alice","account":"physics","max":{"tres":{"total":[{"type":"no","count":1}]}}}]}"#,
            (2115, "#/associations[0]/max/"),
        ),
        (
            "associations",
            r#"{"associations":[{"user":"","account":"physics","parent_account":"physics"}]}"#,
            (2046, "_foreach_update_assoc"),
        ),
        ("clusters", r#"{"clusters":[]}"#, (2162, "update_clusters")),
        ("config", "{}", (2162, "update_clusters")),
        (
            "accounts_association",
            r#"{"association_condition":{"accounts":[]}}"#,
            (2162, "_add_accounts_association"),
        ),
        ("users", r#"{"users":[{}]}"#, (9210, "_foreach_update_user")),
    ] {
        let reply = ask(&site, "root", "POST", path, body).await;
        assert_eq!(reply.errors(), [(error.0, error.1.to_owned())], "{path} {body} {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_is_loaded_by_another_service() {
    let (site, other) = (site().await, crate::harness::site().await);
    let body =
        r#"{"qos":[{"name":"high","priority":9,"flags":["DENY_LIMIT"],"preempt":{"list":["normal"]}}]}"#;
    assert_eq!(ask(&site, "root", "POST", "qos", body).await.status, 200);
    let body =
        r#"{"association_condition":{"accounts":["geo"],"users":[],"association":{"qoslevel":["high"]}}}"#;
    assert_eq!(ask(&site, "root", "POST", "accounts_association", body).await.status, 200);
    let body = r#"{"association_condition":{"accounts":["geo"],"users":["u1"],"wckeys":["k"]},"user":{}}"#;
    assert_eq!(ask(&site, "root", "POST", "users_association", body).await.status, 200);
    let parts = async |site: &Site| {
        let mut dump = ask(site, "root", "GET", "config", "").await.json();
        for part in ["meta", "clusters"] {
            dump.as_object_mut().unwrap().remove(part);
        }
        dump
    };
    let mut document = ask(&site, "root", "GET", "config", "").await.json();
    document.as_object_mut().unwrap().remove("meta");
    let loaded = ask(&other, "root", "POST", "config", &document.to_string()).await;
    assert_eq!((loaded.status, loaded.errors()), (200, vec![]), "{loaded:?}");
    assert_eq!(parts(&other).await, parts(&site).await);
    let refused = ask(&other, "alice", "POST", "config", &document.to_string()).await;
    assert_eq!(refused.errors(), [(2002, "update_clusters".to_owned())]);
}
