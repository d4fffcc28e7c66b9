//! What was used within a time.

use super::world::{World, owner};
use serde_json::json;

#[tokio::test]
async fn what_runs_counts_until_now() {
    let world = World::new().await;
    world.submit(|_| {}).await;
    world.submit(|submission| submission.spec.owner = owner("bob")).await;
    world.advance(90);
    let told = world.get("bob", "usage?since=1799999000&until=now&by=user&every=day").await.json();
    let line = |user: &str| {
        json!({
            "start": 1_799_971_200, "end": 1_800_057_600, "user": user,
            "seconds": { "cpu": 0, "mem": 900, "node": 90, "billing": 0 },
        })
    };
    assert_eq!(told, json!({ "usage": [line("alice"), line("bob")] }));
    let one = world.get("bob", "usage?since=1799999000&until=now&user=bob").await.json();
    assert_eq!(one["usage"][0]["seconds"]["node"], 90);
    assert_eq!(one["usage"].as_array().unwrap().len(), 1);
    let before = world.get("bob", "usage?since=1&until=3600").await.json();
    assert_eq!(before, json!({ "usage": [] }));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new().await;
    for query in ["until=now", "since=now&until=1", "since=1&until=2&by=name", "since=1&until=2&frob=1"] {
        assert_eq!(world.get("bob", &format!("usage?{query}")).await.status, 422, "{query}");
    }
}
