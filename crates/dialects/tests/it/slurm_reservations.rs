//! Reservations through the dialect of Slurm: as seen at the original.

use crate::harness::{Site, site};
use serde_json::{Value as Json, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment an hour ahead.
fn later() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600
}

/// Sends a wish of which these fields are other than usual; `null` leaves one out.
async fn put(site: &Site, user: &str, fields: Json) -> (u16, Vec<(i64, String)>, Json) {
    let usual =
        json!({"name": "r", "start_time": later(), "duration": 60, "node_list": ["n1"], "users": ["alice"]});
    let mut body = usual.as_object().unwrap().clone();
    for (field, value) in fields.as_object().unwrap() {
        body.insert(field.clone(), value.clone());
    }
    body.retain(|_, value| !value.is_null());
    let reply = site.slurm(user, "POST", "reservation", &Json::from(body).to_string()).await;
    (reply.status, reply.errors(), reply.json())
}

/// Changes `r`.
async fn change(site: &Site, fields: Json) -> (u16, Vec<(i64, String)>) {
    let mut body = fields.as_object().unwrap().clone();
    body.insert("name".into(), "r".into());
    let reply = site.slurm("root", "POST", "reservation", &Json::from(body).to_string()).await;
    (reply.status, reply.errors())
}

async fn seen(site: &Site) -> Json {
    site.slurm("alice", "GET", "reservation/r", "").await.json()["reservations"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_is_echoed_and_seen() {
    let site = site().await;
    let (status, _, answer) = put(&site, "root", json!({"comment": "c"})).await;
    let echo = &answer["reservations"][0];
    assert_eq!((status, &echo["duration"]["number"], &echo["comment"]), (200, &json!(60), &json!("c")));
    assert_eq!(echo["end_time"], json!({"set": true, "infinite": false, "number": 4_294_967_294_u64}));
    let seen = seen(&site).await;
    assert_eq!(
        (&seen["flags"], &seen["core_count"], &seen["tres"]),
        (&json!(["SPEC_NODES"]), &json!(8), &json!("cpu=8"))
    );
    assert_eq!(
        (&seen["users"], &seen["node_list"], &seen["watts"]),
        (&json!("alice"), &json!("n1"), &json!({}))
    );
    assert_eq!(seen["purge_completed"]["time"]["number"], 300);
    let length =
        seen["end_time"]["number"].as_u64().unwrap() - seen["start_time"]["number"].as_u64().unwrap();
    assert_eq!(length, 3600);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_as_the_original_does() {
    let site = site().await;
    const VALIDATE: &str = "validate_resv_create_desc";
    const CREATE: &str = "slurm_create_reservation";
    for (fields, status, number, source) in [
        (json!({"start_time": null}), 422, 2053, VALIDATE),
        (json!({"duration": null}), 422, 2053, VALIDATE),
        (json!({"duration": null, "end_time": 5}), 422, 2053, VALIDATE),
        (json!({"node_list": null}), 422, 2053, VALIDATE),
        (json!({"users": null}), 422, 2053, VALIDATE),
        (json!({"flags": ["PART_NODES"]}), 422, 2053, VALIDATE),
        (json!({"flags": ["FORCE_START"]}), 422, 2053, VALIDATE),
        (json!({"start_time": 1000}), 422, 2054, CREATE),
        (json!({"users": ["ghost"]}), 500, -1, CREATE),
        (json!({"users": ["-alice", "bob"]}), 500, -1, CREATE),
        (json!({"users": null, "groups": ["ghost"]}), 422, 2113, CREATE),
        (json!({"node_list": ["zz"]}), 422, 2018, CREATE),
        (json!({"partition": "nope"}), 422, 2000, CREATE),
        (json!({"licenses": ["matlab:99"]}), 422, 2048, CREATE),
        (json!({"flags": ["REOCCURRING"]}), 422, 2036, CREATE),
        (json!({"flags": ["DAILY", "WEEKLY"]}), 422, 2036, CREATE),
        (json!({"flags": ["REPLACE"]}), 422, 2018, CREATE),
        (json!({"node_list": null, "node_count": 9}), 422, 2016, CREATE),
        (json!({"node_list": null, "node_count": 1, "features": "nope"}), 422, 2014, CREATE),
        (json!({"node_list": null, "tres": [{"type": "foo", "count": 1}]}), 422, 2115, CREATE),
        (json!({"node_list": null, "tres": [{"type": "mem", "count": 1}]}), 422, 2018, CREATE),
        (json!({"name": null}), 422, 2053, "_mod_reservation"),
    ] {
        let (answered, errors, _) = put(&site, "root", fields.clone()).await;
        assert_eq!((answered, errors), (status, vec![(number, source.to_owned())]), "{fields}");
    }
    let (status, errors, _) = put(&site, "alice", json!({})).await;
    assert_eq!((status, errors), (422, vec![(2010, CREATE.to_owned())]));
    let (status, errors, _) = put(&site, "root", json!({"duration": "x"})).await;
    let wanted = [(9202, "#/duration/".to_owned()), (9000, "_parse_resv_desc".to_owned())];
    assert_eq!((status, errors.as_slice()), (422, wanted.as_slice()));
    assert_eq!(site.slurm("root", "GET", "reservations/", "").await.json()["reservations"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_is_changed() {
    let site = site().await;
    put(&site, "root", json!({})).await;
    const UPDATE: &str = "slurm_update_reservation";
    assert_eq!(
        change(&site, json!({"users": ["+bob"], "flags": ["MAINT"], "licenses": ["matlab:2"]})).await,
        (200, vec![])
    );
    let before = seen(&site).await;
    assert_eq!((&before["users"], &before["licenses"]), (&json!("alice,bob"), &json!("matlab:2")));
    assert_eq!(before["flags"], json!(["MAINT", "SPEC_NODES"]));
    for (fields, number) in [
        (json!({"users": ["ghost"]}), 2010),
        (json!({"users": [""]}), 2080),
        (json!({"groups": ["alice"]}), 2129),
        (json!({"node_list": ["zz"]}), 2053),
        (json!({"core_count": 4}), 2109),
        (json!({"features": "fast"}), 2036),
        (json!({"flags": ["SKIP"]}), 2128),
        (json!({"flags": ["REPLACE"]}), 2036),
        (json!({"end_time": 1000}), 2054),
        (json!({"licenses": ["matlab:99"]}), 2048),
        (json!({"partition": "nope"}), 2000),
    ] {
        assert_eq!(change(&site, fields.clone()).await, (422, vec![(number, UPDATE.to_owned())]), "{fields}");
    }
    assert_eq!(seen(&site).await, before);
    // A flag that nobody knows is an error, and the rest is done.
    assert_eq!(change(&site, json!({"flags": ["BOGUS", "NO_MAINT"]})).await.0, 500);
    assert_eq!(seen(&site).await["flags"], json!(["SPEC_NODES"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_worked_through_until_one_cannot_be() {
    let site = site().await;
    let one = |name: &str, node: &str| json!({"name": name, "start_time": later(), "duration": 5, "node_list": [node], "users": ["alice"], "flags": ["OVERLAP"]});
    let send = async |body: Json| site.slurm("root", "POST", "reservations/", &body.to_string()).await;
    let reply = send(json!({"reservations": [one("a", "n1"), one("b", "zz"), one("c", "n1")]})).await;
    assert_eq!((reply.status, reply.errors()[0].0), (422, 2018));
    let listed = site.slurm("alice", "GET", "reservations/", "").await.json();
    assert_eq!(listed["reservations"].as_array().unwrap().len(), 1);
    let unnamed = send(json!({"reservations": [one("d", "n1"), {"duration": 5}]})).await;
    assert_eq!(unnamed.errors(), [(2053, "_check_resv_name".to_owned())]);
    assert_eq!(send(json!({})).await.errors(), [(9000, "_parse_resv_desc_list".to_owned())]);
    let empty = send(json!({"reservations": []})).await;
    assert_eq!((empty.status, empty.warnings().len()), (200, 1));
    let generated = send(json!({"reservations": [one("", "n1")]})).await;
    assert_eq!(generated.status, 200);
    assert_eq!(site.slurm("root", "DELETE", "reservation/alice_2", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn cores_units_and_licences_are_shown() {
    let site = site().await;
    let cores = json!({"node_list": null, "core_count": 4, "node_count": 1, "licenses": ["matlab:3"], "accounts": ["physics"], "users": null});
    assert_eq!(put(&site, "root", cores).await.0, 200);
    let seen = seen(&site).await;
    assert_eq!(seen["core_specializations"], json!([{"node": "n1", "core": "0-3"}]));
    assert_eq!((&seen["partition"], &seen["accounts"]), (&json!("debug"), &json!("physics")));
    assert_eq!((&seen["tres"], &seen["licenses"]), (&json!("cpu=4"), &json!("matlab:3")));
    let (status, errors) = change(&site, json!({"node_list": ["n1"]})).await;
    assert_eq!((status, errors[0].0), (422, 2109));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_and_nodes_tell_of_reservations() {
    let site = site().await;
    put(&site, "root", json!({"start_time": later() - 3600, "flags": ["MAINT"]})).await;
    let node = site.slurm("alice", "GET", "node/n1", "").await.json()["nodes"][0].clone();
    assert_eq!(
        (&node["state"], &node["reservation"]),
        (&json!(["IDLE", "RESERVED", "MAINTENANCE"]), &json!("r"))
    );
    let refused = site.submit("bob", r#""reservation":"r""#).await;
    assert_eq!((refused.status, refused.errors()[0].0), (422, 2052));
    assert_eq!(site.submit("alice", r#""reservation":"s""#).await.errors()[0].0, 2053);
    let id = site.job("alice", r#""reservation":"r","hold":true"#).await;
    assert_eq!(site.shown(id).await["resv_name"], "r");
    let in_use = site.slurm("root", "DELETE", "reservation/r", "").await;
    assert_eq!(in_use.errors(), [(2055, "slurm_delete_reservation".to_owned())]);
    put(&site, "root", json!({"name": "next", "flags": ["OVERLAP"]})).await;
    let early = site.submit("alice", r#""reservation":"next","partition":"idle""#).await;
    assert_eq!(early.warnings()[1], "Requested reservation not usable now");
    let id = u32::try_from(early.json()["job_id"].as_u64().unwrap()).unwrap();
    assert_eq!(site.shown(id).await["state_reason"], "Reservation");
    let beyond = site.submit("alice", r#""reservation":"r","tasks":99"#).await;
    assert_eq!(beyond.errors()[0].0, 2014);
    let gone = site.slurm("root", "GET", "reservation/nope", "").await;
    assert_eq!((gone.status, gone.errors()), (200, vec![(0, "slurm_load_reservations()".to_owned())]));
    let bad = site.slurm("root", "GET", "reservations/?update_time=abc", "").await;
    assert_eq!((bad.status, bad.errors().len()), (500, 2));
}
