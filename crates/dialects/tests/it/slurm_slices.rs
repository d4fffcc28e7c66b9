//! Our own additions to long lists: some fields, some entries, and nothing at all if nothing is new.

use crate::harness::{Reply, Site, site};
use serde_json::json;

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let mut lines = reply.head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn numbers(reply: &Reply) -> Vec<u64> {
    let json = reply.json();
    json["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_piece_by_piece() {
    let site = site().await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(u64::from(site.job("alice", r#""hold":true"#).await));
    }
    let mut read = Vec::new();
    let mut cursor = String::from("0");
    for pieces in 1.. {
        let reply = site.slurm("alice", "GET", &format!("jobs/?limit=2&cursor={cursor}"), "").await;
        read.extend(numbers(&reply));
        match header(&reply, "x-next-cursor") {
            Some(next) => cursor = next.to_owned(),
            None => {
                assert_eq!(pieces, 3);
                break;
            }
        }
    }
    assert_eq!(read, all);
    for query in ["limit=0", "limit=x", "cursor=-1"] {
        let reply = site.slurm("alice", "GET", &format!("jobs/?{query}"), "").await;
        assert_eq!((reply.status, reply.errors()[0].0), (422, 9000), "{query}");
        assert_eq!(site.slurm("alice", "GET", &format!("nodes/?{query}"), "").await.status, 422, "{query}");
    }
    let nodes = site.slurm("alice", "GET", "nodes/?cursor=1", "").await;
    assert_eq!((nodes.status, &nodes.json()["nodes"]), (200, &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_fields_asked_for_are_sent() {
    let site = site().await;
    let id = site.job("alice", r#""hold":true,"name":"x""#).await;
    let reply = site.slurm("alice", "GET", "jobs/?fields=job_id,name&fields=bogus", "").await;
    assert_eq!(reply.json()["jobs"], json!([{"job_id": id, "name": "x"}]));
    assert_eq!(reply.warnings(), Vec::<String>::new());
    assert!(reply.json()["last_update"].is_object());
    let nodes = site.slurm("alice", "GET", "nodes/?fields=name%2Cstate", "").await.json();
    assert_eq!(nodes["nodes"][0].as_object().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_known_is_not_sent_again() {
    let site = site().await;
    site.job("alice", r#""hold":true"#).await;
    let ask = async |tag: &str| {
        let request = format!(
            "GET /slurm/v0.0.44/jobs/ HTTP/1.1\r\nConnection: close\r\nIf-None-Match: {tag}\r\n\
             X-SLURM-USER-TOKEN: {}\r\n\r\n",
            Site::token("alice")
        );
        site.raw(request.as_bytes()).await
    };
    // What moves by itself may make a new picture between two questions.
    let mut tag = header(&ask("\"x\"").await, "etag").unwrap().to_owned();
    let mut again = ask(&tag).await;
    for _ in 0..20 {
        if again.status == 304 {
            break;
        }
        tag = header(&again, "etag").unwrap().to_owned();
        again = ask(&tag).await;
    }
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(header(&again, "etag"), Some(tag.as_str()));
    site.job("alice", r#""hold":true"#).await;
    let changed = ask(&format!("\"other\", {tag}")).await;
    assert_eq!((changed.status, numbers(&changed).len()), (200, 2));
}
