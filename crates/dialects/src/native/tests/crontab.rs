//! Crontabs: installed whole, shown with the jobs that stand for their entries, refused with the lines to blame.

use super::world::{Reply, World};
use serde_json::{Value, json};

const PATH: &str = "crontab";

async fn send(world: &World, user: &str, method: &str, path: &str, body: &str) -> Reply {
    let token = world.token(user, 0);
    world.send(method, path, &[("Authorization", &format!("Bearer {token}"))], body).await.finish().await
}

fn entry(fields: Value) -> Value {
    let mut job = json!({ "current_working_directory": "/tmp", "environment": ["A=1"] });
    job.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({ "script": "#!/bin/sh\ntrue", "job": job })
}

fn body(text: &str, entries: &[Value]) -> String {
    json!({ "text": text, "entries": entries }).to_string()
}

#[tokio::test]
async fn a_crontab_is_installed_shown_and_removed() {
    let world = World::new().await;
    assert_eq!(
        world.get("alice", PATH).await.json(),
        json!({ "user": "alice", "text": "", "entries": [] }),
        "there is none yet"
    );
    let text = "# mine\n#SCRON -t 5\n@daily true\n0 12 * * mon false\n";
    let entries = [entry(json!({ "name": "a", "time_limit": 5 })), entry(json!({ "name": "b" }))];
    let set = send(&world, "alice", "PUT", PATH, &body(text, &entries)).await;
    assert_eq!(set.status, 200);
    let shown = world.get("alice", PATH).await.json();
    assert_eq!(shown, set.json());
    assert_eq!((&shown["user"], &shown["text"]), (&json!("alice"), &json!(text)));
    let lines: Vec<_> = shown["entries"].as_array().unwrap().iter().collect();
    let told = |entry: &Value| (entry["first_line"].as_u64(), entry["last_line"].as_u64());
    assert_eq!((told(lines[0]), told(lines[1])), ((Some(2), Some(3)), (Some(4), Some(4))));
    assert_eq!(send(&world, "alice", "DELETE", PATH, "").await.status, 204);
    assert_eq!(world.get("alice", PATH).await.json()["text"], "");
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_lines() {
    let world = World::new().await;
    for (text, entries, status, told) in [
        (
            "junk\n",
            vec![],
            422,
            "line 1: five fields are needed: minute, hour, day of month, month, day of week",
        ),
        ("@daily a\n", vec![], 422, "invalid value for jobs"),
        (
            "A=1\n#SCRON -p nope\n@daily a\n",
            vec![entry(json!({ "partition": "nope" }))],
            422,
            "lines 2-3: unknown partition nope",
        ),
        ("@daily a\n", vec![json!({ "job": {} })], 422, "entries[0]: a job needs a script"),
        ("@daily a\n", vec![entry(json!({ "user_id": "bob" }))], 422, "invalid value for jobs"),
    ] {
        let refused = send(&world, "alice", "PUT", PATH, &body(text, &entries)).await;
        let (refused_status, why) = refused.refusal();
        assert_eq!((refused_status, why.as_str()), (status, told), "{text}");
    }
    assert_eq!(send(&world, "alice", "PUT", PATH, "{}").await.status, 422);
    assert_eq!(world.get("alice", PATH).await.json()["text"], "");
}

#[tokio::test]
async fn others_look_only_as_operators_and_change_only_as_administrators() {
    let world = World::new().await;
    let set = send(&world, "alice", "PUT", PATH, &body("# nothing\n", &[])).await;
    assert_eq!(set.status, 200);
    let of_alice = "crontab?user=alice";
    assert_eq!(world.get("bob", of_alice).await.status, 403);
    assert_eq!(world.get("olga", of_alice).await.json()["text"], "# nothing\n");
    assert_eq!(send(&world, "olga", "DELETE", of_alice, "").await.status, 403);
    assert_eq!(send(&world, "bob", "PUT", of_alice, &body("", &[])).await.status, 403);
    assert_eq!(send(&world, "ada", "DELETE", of_alice, "").await.status, 204);
    assert_eq!(world.get("alice", "crontab?user=nobody-at-all").await.status, 404);
}
