//! What ClusterCockpit's interface has around jobs: addresses it is asked from, tokens, what clients keep here, and our own
//! cluster as it changes.

use crate::clustercockpit::World;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::time::Duration;

/// Asks with a token of these roles of the user `tester`, and these headers besides; status and text.
async fn asked(
    world: &World,
    roles: &[&str],
    headers: &[(&'static str, &'static str)],
    (method, path, body): (&str, &str, &str),
) -> (u16, String) {
    let mut words = vec!["token", "tester", "--for", "clustercockpit"];
    roles.iter().for_each(|role| words.extend(["--role", role]));
    let token = world.quintet.ok(&words).trim().to_owned();
    let url = format!("http://{}/api{path}", world.quintet.address());
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = Client::new().request(method, url).header("X-Auth-Token", token).body(body.to_owned());
    if body.contains('=') {
        request = request.header("Content-Type", "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn users_are_managed_from_addresses_that_are_listed() {
    let users = ("GET", "/users/", "");
    let from = |address| vec![("X-Forwarded-For", address)];
    // An administrator from an address that is not listed (facts 8.2, 43), whatever it says of itself.
    let elsewhere = World::serving_with("[clustercockpit]\nallowed_ips = [\"192.0.2.0/24\"]\n[engine]\n");
    for headers in [vec![], from("192.0.2.7"), vec![("X-Real-Ip", "192.0.2.7")]] {
        assert_eq!(asked(&elsewhere, &["admin"], &headers, users).await.0, 403, "{headers:?}");
    }
    let body = "username=eve&role=api";
    assert_eq!(asked(&elsewhere, &["admin"], &[], ("POST", "/users/", body)).await.0, 403);
    assert_eq!(asked(&elsewhere, &["admin"], &[], ("GET", "/jwt/?username=tester", "")).await.0, 403);
    assert_eq!(asked(&elsewhere, &["api"], &[], ("GET", "/jobs/", "")).await.0, 200);
    // A proxy that is trusted says where requests come from.
    let behind = World::serving_with(
        "[clustercockpit]\nallowed_ips = [\"192.0.2.0/24\", \"2001:db8::/32\"]\ntrusted_proxies = [\"127.0.0.1\"]\n\
         [engine]\n",
    );
    for (address, status) in
        [("192.0.2.7", 200), ("2001:db8::5", 200), ("198.51.100.7", 403), ("nonsense", 403)]
    {
        assert_eq!(asked(&behind, &["admin"], &from(address), users).await.0, status, "{address}");
    }
}

#[tokio::test]
async fn tokens_are_made_for_those_who_may_have_them() {
    let world = World::serving();
    let ask = async |roles: &[&str], what| asked(&world, roles, &[], what).await;
    let add = ("POST", "/users/", "username=tester&role=user&password=x");
    assert_eq!(ask(&["admin"], add).await.0, 200);
    assert_eq!(ask(&["admin"], ("POST", "/users/", "username=robot&role=api")).await.0, 200);
    let token = |name: &'static str| ("GET", name, "");
    for (roles, path, status) in [
        (&["user"], "/jwt/?username=robot", 403),
        (&["api"], "/jwt/", 403),
        (&["admin"], "/jwt/?username=nobody", 422),
    ] {
        assert_eq!(ask(roles, token(path)).await.0, status, "{path}");
    }
    let (status, own) = ask(&["user"], token("/jwt/?username=tester")).await;
    assert_eq!(status, 200);
    let (status, robots) = ask(&["admin"], token("/jwt?username=robot")).await;
    assert_eq!(status, 200);
    let jobs = async |token: &str| {
        let url = format!("http://{}/api/jobs/", world.quintet.address());
        Client::new().get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    assert_eq!((jobs(&own).await, jobs(&robots).await), (403, 200));
    assert_eq!(ask(&["user"], ("GET", "/roles/", "")).await.0, 403);
    let (status, roles) = ask(&["admin"], ("GET", "/roles/", "")).await;
    let roles: Value = serde_json::from_str(&roles).unwrap();
    assert_eq!((status, roles), (200, json!(["api", "user", "manager", "support", "admin"])));
}

#[tokio::test]
async fn what_clients_keep_is_shown_to_them_again() {
    let world = World::serving();
    let ask = async |roles: &[&str], what| asked(&world, roles, &[], what).await;
    assert_eq!(ask(&["user"], ("POST", "/configuration/", "key=plots&value=3")).await.0, 200);
    assert_eq!(ask(&["user"], ("POST", "/configuration", "key=plots&value=[4]")).await.0, 200);
    assert_eq!(ask(&["user"], ("POST", "/configuration/", "value=[4]")).await.0, 422);
    let long = format!("key=long&value={}", "x".repeat(70_000));
    assert_eq!(ask(&["user"], ("POST", "/configuration/", &long)).await.0, 422);
    let (status, settings) = ask(&["user"], ("GET", "/configuration/", "")).await;
    assert_eq!((status, settings.as_str()), (200, "{\"plots\":\"[4]\"}\n"));
    let state = "/machine_state/testcluster/host123";
    for (roles, method, path, body, status) in [
        (&["api"], "GET", state, "", 404),
        (&["user"], "PUT", state, "{}", 403),
        (&["api"], "PUT", "/machine_state/testcluster/host9", "{}", 404),
        (&["api"], "PUT", "/machine_state/nope/host123", "{}", 404),
        (&["api"], "PUT", state, "no document", 400),
        (&["api"], "PUT", state, "{\"clock\": 2.5}", 201),
    ] {
        assert_eq!(ask(roles, (method, path, body)).await.0, status, "{method} {path} {body}");
    }
    assert_eq!(ask(&["api"], ("GET", state, "")).await, (200, "{\"clock\": 2.5}".to_owned()));
}

#[tokio::test]
async fn our_own_cluster_is_described_as_it_is_now() {
    let world =
        World::serving_with("[cluster]\nname = \"own\"\nmax_node_count = 64\n[clustercockpit]\n[engine]\n");
    let hosts = async || {
        let (status, described) = world.ask("GET", "/clusters/?cluster=own", "").await;
        assert_eq!(status, 200, "{described}");
        let subs = described["clusters"][0]["subClusters"].as_array().unwrap().clone();
        subs.iter().map(|sub| format!("{}:{}", sub["name"], sub["nodes"])).collect::<Vec<_>>()
    };
    let before = hosts().await;
    assert!(before.len() == 1 && before[0].starts_with("\"main\":"), "{before:?}");
    let token = world.quintet.ok(&["token", "root", "--for", "slurm"]).trim().to_owned();
    let slurm = async |method: Method, path: &str, body: Value| {
        let url = format!("http://{}/slurm/v0.0.44/{path}", world.quintet.address());
        let request = Client::new().request(method, url).header("X-SLURM-USER-TOKEN", &token).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let made =
        json!({"node_conf": "NodeName=extra[1-2] Sockets=2 CoresPerSocket=16 ThreadsPerCore=1 State=CLOUD"});
    let (status, text) = slurm(Method::POST, "new/node/", made).await;
    assert_eq!(status, 200, "{text}");
    let with = hosts().await;
    assert!(with.len() == 2 && with.contains(&"\"2x16x1\":\"extra1,extra2\"".to_owned()), "{with:?}");
    let (status, text) = slurm(Method::DELETE, "node/extra1", json!({})).await;
    assert_eq!(status, 200, "{text}");
    assert!(hosts().await.contains(&"\"2x16x1\":\"extra2\"".to_owned()));
    let (status, text) = slurm(Method::DELETE, "node/extra2", json!({})).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(hosts().await, before);
}

#[tokio::test]
async fn the_scheduler_tells_of_a_job_what_it_knows() {
    let world = World::serving();
    let id = world.quintet.submitted(&["--wrap", "sleep 60", "--job-name", "known"]);
    let told = async |state: &str| {
        for _ in 0..300 {
            let found = world.list(&format!("cluster=own&state={state}&with-metadata")).await;
            if let Some(told) = found.first().and_then(|job| job["metaData"]["slurmInfo"].as_str()) {
                return told.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nothing is told of it: {:?}", world.list("").await);
    };
    let running = told("running").await;
    assert!(running.starts_with(&format!("JobId={id} JobName=known\n   UserId=")), "{running}");
    assert!(running.contains("JobState=RUNNING Reason=None") && !running.contains("RunTime="), "{running}");
    world.quintet.ok(&["cancel", &id]);
    let ended = told("cancelled").await;
    assert!(ended.contains("JobState=CANCELLED") && ended.contains("RunTime="), "{ended}");
}
