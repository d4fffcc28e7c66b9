//! Users, who asks, and what is refused whatever is asked.

use super::world::{Reply, World};
use serde_json::json;

async fn send(world: &World, user: &str, method: &str, path: &str, body: &str) -> Reply {
    let token = world.token(user, 0);
    world.send(method, path, &[("Authorization", &format!("Bearer {token}"))], body).await.finish().await
}

#[tokio::test]
async fn callers_are_told_who_they_are() {
    let world = World::new().await;
    let check = async |user: &str, wanted: serde_json::Value| {
        assert_eq!(world.get(user, "whoami").await.json(), wanted);
    };
    check("alice", json!({ "name": "alice", "uid": 54_001, "gid": 54_001, "level": "none" })).await;
    check("olga", json!({ "name": "olga", "uid": 54_003, "gid": 54_003, "level": "operator" })).await;
    check("root", json!({ "name": "root", "uid": 0, "gid": 0, "level": "administrator" })).await;
    check("stranger", json!({ "name": "stranger", "uid": null, "gid": null, "level": "none" })).await;
}

#[tokio::test]
async fn administrators_take_nodes_out_of_service_and_put_them_back() {
    let world = World::new().await;
    let drain = r#"{"state":"drain","reason":"new disk"}"#;
    let refused = send(&world, "olga", "POST", "nodes/n1", drain).await;
    assert_eq!(refused.refusal(), (403, "the state of a node may be set by an operator only".to_owned()));
    let drained = send(&world, "ada", "POST", "nodes/n1", drain).await;
    assert_eq!(drained.status, 200);
    let told = drained.json();
    assert_eq!(
        (&told["in_service"], &told["reason"], &told["reason_by"]),
        (&json!(false), &json!("new disk"), &json!("ada"))
    );
    let all = world.get("alice", "nodes").await.json();
    assert_eq!(all["nodes"].as_array().unwrap().iter().filter(|node| node["in_service"] == false).count(), 1);
    let resumed = send(&world, "ada", "POST", "nodes/n1", r#"{"state":"resume"}"#).await.json();
    assert_eq!(
        resumed,
        json!({ "name": "n1", "in_service": true, "reason": "", "reason_at": null, "reason_by": null })
    );
    assert_eq!(
        send(&world, "ada", "POST", "nodes/none", drain).await.refusal(),
        (404, "no node none".to_owned())
    );
    for bad in ["", "{}", r#"{"state":"down"}"#, r#"{"state":"drain"}"#, r#"{"state":"resume","reason":"x"}"#]
    {
        assert_eq!(send(&world, "ada", "POST", "nodes/n1", bad).await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn administrators_add_and_remove_users() {
    let world = World::new().await;
    let bob = json!({
        "name": "bob", "level": "operator", "default_account": "physics", "accounts": ["physics", "chemistry"],
    });
    assert_eq!(world.get("alice", "users/bob").await.refusal(), (404, "no user bob".to_owned()));
    for user in ["bob", "olga"] {
        let refused = send(&world, user, "POST", "users", &bob.to_string()).await;
        assert_eq!(refused.refusal(), (403, "users may be set by an operator only".to_owned()));
    }
    let added = send(&world, "ada", "POST", "users", &bob.to_string()).await;
    assert_eq!((added.status, added.json()), (200, bob.clone()));
    assert_eq!(world.get("alice", "users/bob").await.json(), bob);
    assert_eq!(world.get("bob", "whoami").await.json()["level"], "operator");
    let changed = send(&world, "ada", "POST", "users", r#"{"name":"bob"}"#).await;
    assert_eq!(
        changed.json(),
        json!({ "name": "bob", "level": "none", "default_account": "", "accounts": [] })
    );
    let all = world.get("alice", "users").await.json();
    let names: Vec<&str> =
        all["users"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ada", "bob", "olga", "root"]);
    assert_eq!(send(&world, "bob", "DELETE", "users/bob", "").await.status, 403);
    let removed = send(&world, "ada", "DELETE", "users/bob", "").await;
    assert_eq!((removed.status, removed.body.as_str()), (204, ""));
    assert_eq!(
        send(&world, "ada", "DELETE", "users/bob", "").await.refusal(),
        (404, "no user bob".to_owned())
    );
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let world = World::new().await;
    for (body, error) in [
        ("", "body: EOF while parsing a value at line 1 column 0"),
        (r#"{"level":"none"}"#, "body: missing field `name` at line 1 column 16"),
        (r#"{"name":"","level":"none"}"#, "name: a name is missing"),
        (r#"{"name":"a b"}"#, "name: expected a name of letters, digits and . _ - @ +"),
        (r#"{"name":"x","accounts":[""]}"#, "accounts: a name is missing"),
    ] {
        assert_eq!(send(&world, "ada", "POST", "users", body).await.refusal(), (422, error.to_owned()));
    }
    for body in [r#"{"name":"x","level":"king"}"#, r#"{"name":"x","colour":"red"}"#, "[]", "\u{0}"] {
        assert_eq!(send(&world, "ada", "POST", "users", body).await.status, 422, "{body}");
    }
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(300_000));
    assert_eq!(send(&world, "ada", "POST", "users", &large).await.status, 413);
}

#[tokio::test]
async fn bad_credentials_are_refused_with_the_reason() {
    let world = World::new().await;
    let (good, old) = (world.token("alice", 0), world.token("alice", 7200));
    let bearer = format!("Bearer {old}");
    let check = async |headers: &[(&str, &str)], error: &str| {
        let refused = world.send("GET", "whoami", headers, "").await;
        assert_eq!(refused.header("WWW-Authenticate"), Some("Bearer"));
        let refused = refused.finish().await;
        assert_eq!(refused.refusal(), (401, error.to_owned()));
        assert!(refused.json()["hint"].as_str().unwrap().contains("quintet token"));
    };
    check(&[], "no token").await;
    check(&[("X-SLURM-USER-NAME", "alice")], "no token").await;
    check(&[("X-SLURM-USER-TOKEN", &old)], "the token has expired").await;
    check(&[("Authorization", &bearer)], "the token has expired").await;
    check(&[("X-SLURM-USER-TOKEN", "garbage")], "the token is not signed with this service's key").await;
    check(
        &[("X-SLURM-USER-TOKEN", &good), ("X-SLURM-USER-NAME", "bob")],
        "the token belongs to alice, not to the user named by X-SLURM-USER-NAME",
    )
    .await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let world = World::new().await;
    for path in ["", "jobs", "jobs/1", "jobs/1/stdin", "whoami/x", "a,b", "../v1/whoami"] {
        let refused = world.get("alice", path).await;
        assert_eq!(refused.refusal(), (404, "there is nothing at this path".to_owned()), "{path}");
    }
    for (method, path, allow) in
        [("POST", "whoami", "GET"), ("DELETE", "users", "GET, POST"), ("PUT", "users/bob", "GET, DELETE")]
    {
        let refused = world.send(method, path, &[], "").await;
        assert_eq!((refused.status(), refused.header("Allow")), (405, Some(allow)));
        assert!(!refused.head.to_ascii_lowercase().contains("connection: close"));
        assert_eq!(refused.finish().await.json()["error"], "this path does not know this method");
    }
}
