//! Changes of accounting: several at once, all or none, by those who may.

use super::world::{Reply, World};
use serde_json::{Value, json};

async fn change(world: &World, user: &str, changes: Value) -> Reply {
    let token = world.token(user, 0);
    let body = json!({ "changes": changes }).to_string();
    world
        .send("POST", "accounting", &[("Authorization", &format!("Bearer {token}"))], &body)
        .await
        .finish()
        .await
}

#[tokio::test]
async fn changes_are_carried_out_together_or_not_at_all() {
    let world = World::new().await;
    let accounts =
        json!({ "add_accounts": { "names": ["geo"], "settings": { "limits": { "MaxJobs": 3 } } } });
    let users = json!({ "add_users": { "names": ["zoe"], "accounts": ["geo", "nosuch"], "wckeys": ["k"] } });
    let done = change(&world, "ada", json!([accounts, users])).await;
    assert_eq!(done.status, 200);
    let done = done.json();
    assert_eq!(done["done"][0]["accounts"], json!(["geo"]));
    assert_eq!((&done["done"][1]["changed"], &done["done"][1]["users"]), (&json!(true), &json!(["zoe"])));
    assert_eq!(done["done"][1]["skipped"][0]["account"], "nosuch");
    assert_eq!(done["done"][1]["wckeys"][0]["name"], "k");
    // The second cannot be done, so the first is not either.
    let removed = json!({ "remove_user": "zoe" });
    let bad = json!({ "association": { "account": "geo", "settings": { "default_qos": "nosuch" } } });
    assert_eq!(change(&world, "ada", json!([removed, bad])).await.status, 422);
    assert_eq!(world.get("ada", "users/zoe").await.status, 200);
    let again = change(&world, "ada", json!([accounts])).await.json();
    assert_eq!(again, json!({ "done": [{ "changed": false }] }));
    let keys = json!({ "remove_wckeys": { "user": "zoe", "names": ["k", "other"] } });
    let done = change(&world, "ada", json!([keys, removed])).await.json();
    assert_eq!(
        (&done["done"][0]["wckeys"][0]["user"], &done["done"][1]["removed"]),
        (&json!("zoe"), &json!(["zoe"]))
    );
}

#[tokio::test]
async fn what_would_become_of_changes_is_told_without_them() {
    let world = World::new().await;
    let token = world.token("ada", 0);
    let credential = format!("Bearer {token}");
    let body = json!({ "rehearse": true, "changes": [{ "add_accounts": { "names": ["geo"] } }] }).to_string();
    let told =
        world.send("POST", "accounting", &[("Authorization", &credential)], &body).await.finish().await;
    assert_eq!(told.json()["done"][0]["accounts"], json!(["geo"]));
    let done = change(&world, "ada", json!([{ "remove_account": "geo" }])).await.json();
    assert_eq!(done["done"][0]["changed"], false);
}

#[tokio::test]
async fn qualities_of_service_and_coordinators_can_lose_what_they_had() {
    let world = World::new().await;
    let described = |coordinators: Value| {
        json!({ "account": {
            "name": "geo", "description": "d", "organization": "o", "coordinators": coordinators,
        }})
    };
    let made = json!([
        { "add_accounts": { "names": ["geo"] } },
        { "add_users": { "names": ["zoe"], "accounts": ["geo"] } },
        described(json!(["zoe"])),
        { "qos": { "name": "low" } },
        { "qos": { "name": "high", "preempt": ["low"], "limits": { "MaxTRESPerUser": { "cpu": 4 } } } },
    ]);
    assert_eq!(change(&world, "ada", made).await.status, 200);
    let lost = json!([
        described(json!([])),
        { "qos": { "name": "high", "preempt": [], "limits": { "MaxTRESPerUser": null } } },
    ]);
    let done = change(&world, "ada", lost.clone()).await.json();
    assert_eq!(done, json!({ "done": [{ "changed": true }, { "changed": true }] }));
    let again = change(&world, "ada", lost).await.json();
    assert_eq!(again, json!({ "done": [{ "changed": false }, { "changed": false }] }));
}

#[tokio::test]
async fn who_may_not_and_what_makes_no_sense_is_refused() {
    let world = World::new().await;
    let accounts = json!([{ "add_accounts": { "names": ["geo"] } }]);
    assert_eq!(change(&world, "bob", accounts).await.status, 403);
    let check = async |changes: Value, why: &str| {
        let (status, told) = change(&world, "ada", changes).await.refusal();
        assert_eq!(status, 422, "{told}");
        assert!(told.contains(why), "{told}");
    };
    check(json!([{ "frob": 1 }]), "unknown variant `frob`").await;
    check(json!([{ "qos": { "name": "x", "frob": 1 } }]), "unknown field `frob`").await;
    check(json!([{ "qos": { "name": "x", "flags": ["Frob"] } }]), "unknown variant `Frob`").await;
    let settings = json!({ "limits": { "Frob": 1 } });
    check(
        json!([{ "association": { "account": "root", "settings": settings } }]),
        "changes[0].limits.Frob: there is no such limit",
    )
    .await;
    let both = json!({ "qos": ["normal"], "more_qos": ["normal"] });
    check(json!([{ "association": { "account": "root", "settings": both } }]), "changes[0].qos").await;
    check(json!([{ "remove_wckeys": { "names": ["a", "b"] } }]), "changes[0].remove_wckeys.names").await;
}
