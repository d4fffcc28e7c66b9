//! Jobs of accounting through the dialect of Slurm.

use crate::harness::{Reply, Site, site};
use serde_json::{Value, json};

async fn ask(site: &Site, path: &str) -> Reply {
    site.ask("bob", "GET", &format!("/slurmdb/v0.0.44/{path}"), "").await
}

fn ids(listed: &Value) -> Vec<u64> {
    listed["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].as_u64().unwrap()).collect()
}

/// One that failed with code 3, one that runs, and one that is held.
async fn three(site: &Site) -> [u64; 3] {
    let failed = site.job("alice", r#""name":"broken","constraints":"""#).await;
    site.until(failed, "RUNNING").await;
    site.end(failed, 3);
    site.until(failed, "FAILED").await;
    let runs = site.job("alice", r#""name":"busy""#).await;
    site.until(runs, "RUNNING").await;
    let held = site.job("bob", r#""name":"patient","hold":true"#).await;
    [failed, runs, held].map(u64::from)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_listed_among_what_lives() {
    let site = site().await;
    let [failed, runs, held] = three(&site).await;
    let check = async |query: &str, wanted: &[u64]| {
        let reply = ask(&site, &format!("jobs/?{query}")).await;
        assert_eq!((reply.status, ids(&reply.json())), (200, wanted.to_vec()), "{query}");
        let nothing = vec!["slurmdb_jobs_get() found nothing".to_owned()];
        assert_eq!(reply.warnings(), if wanted.is_empty() { nothing } else { Vec::new() }, "{query}");
    };
    // One that never could run is there only if it is named.
    check("", &[failed, runs]).await;
    check(&format!("step={held}"), &[held]).await;
    check(&format!("step={failed}&step={runs}"), &[failed, runs]).await;
    check("state=FAILED&start_time=1&end_time=2", &[]).await;
    check(&format!("state=RUNNING&step={failed}&step={runs}"), &[runs]).await;
    check("state=failed&start_time=now-1hour&end_time=now", &[failed]).await;
    check("state=failed&start_time=now-1hour", &[]).await;
    check(&format!("state=FAILED&step={failed}"), &[failed]).await;
    check("start_time=4000000000&end_time=1", &[]).await;
    check("start_time=now-1hour&end_time=now%2B1hour&usage_time_as_submit_time=true", &[failed, runs, held])
        .await;
    check("job_name=broken%2Cpatient", &[failed]).await;
    check("partition=debug", &[failed, runs]).await;
    check("partition=nope", &[]).await;
    check("node=zz", &[]).await;
    check("cluster=nope", &[]).await;
    check("qos=1", &[failed, runs]).await;
    check("qos=99", &[]).await;
    check("users=", &[]).await;
    check("account=", &[failed, runs]).await;
    check("scheduled_by_main=true", &[failed, runs]).await;
    check("scheduled_by_backfill=true", &[]).await;
    check("job_altered=true", &[]).await;
    check("show_batch_script=true", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_shown_with_its_steps() {
    let site = site().await;
    let [failed, runs, held] = three(&site).await;
    let shown = ask(&site, &format!("job/{failed}")).await.json();
    assert_eq!(shown["meta"]["plugin"]["type"], "openapi/slurmdbd");
    let job = &shown["jobs"][0];
    assert_eq!(job["state"]["current"][0], "FAILED");
    assert_eq!(job["exit_code"]["return_code"]["number"], 3);
    assert_eq!(job["steps"][0]["step"]["id"], format!("{failed}.batch"));
    assert_eq!(job["steps"][0]["exit_code"]["return_code"]["number"], 3);
    assert!(job["time"]["end"].as_i64().unwrap() >= job["time"]["start"].as_i64().unwrap());
    let bare = ask(&site, &format!("jobs/?skip_steps=true&step={failed}")).await.json();
    assert_eq!(bare["jobs"][0]["steps"].as_array().unwrap().len(), 0);
    let running = ask(&site, &format!("job/{runs}")).await.json();
    assert_eq!(running["jobs"][0]["steps"][0]["state"][0], "RUNNING");
    assert_eq!(running["jobs"][0]["time"]["end"], 0);
    let waiting = ask(&site, &format!("job/{held}")).await.json();
    let job = &waiting["jobs"][0];
    assert_eq!((&job["nodes"], &job["allocation_nodes"]), (&"None assigned".into(), &0.into()));
    assert_eq!((&job["hold"], &job["time"]["eligible"]), (&true.into(), &0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_for_their_owners() {
    let site = site().await;
    let [failed, ..] = three(&site).await;
    let path = format!("/slurmdb/v0.0.44/jobs/?show_batch_script=true&step={failed}");
    let script = async |user: &str| {
        let shown = site.ask(user, "GET", &path, "").await.json();
        shown["jobs"][0]["script"].as_str().unwrap().len()
    };
    assert!(script("alice").await > 0 && script("root").await > 0);
    assert_eq!(script("bob").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_as_the_original_does() {
    let site = site().await;
    three(&site).await;
    let unreadable = |source: &str| (9000, source.to_owned());
    for (path, status, errors) in [
        ("job/abc", 422, vec![unreadable("op_handler_job")]),
        ("job/0", 422, vec![unreadable("op_handler_job")]),
        ("job/9_%5B0-2%5D", 422, vec![unreadable("op_handler_job")]),
        ("jobs/?step=x", 422, vec![unreadable("op_handler_jobs")]),
        ("jobs/?users=nobody9", 422, vec![(2166, "#/users[0]/".to_owned()), unreadable("op_handler_jobs")]),
        ("jobs/?groups=nope", 422, vec![(2164, "#/groups[0]/".to_owned()), unreadable("op_handler_jobs")]),
        ("jobs/?qos=normal", 500, vec![(-1, "_dump_jobs".to_owned())]),
        ("jobs/?association=x", 500, vec![(-1, "_dump_jobs".to_owned())]),
        ("jobs/?node=n%5B1-", 500, vec![(22, "_dump_jobs".to_owned())]),
        ("jobs/?limit=0", 422, vec![unreadable("op_handler_jobs")]),
    ] {
        let reply = ask(&site, path).await;
        assert_eq!((reply.status, reply.errors()), (status, errors), "{path}");
    }
}

/// Returns what to add to the question for the next page.
fn next_page(reply: &Reply) -> Option<String> {
    let head = reply.head.to_lowercase();
    let next = head.lines().find_map(|line| line.strip_prefix("x-next-cursor: "))?;
    Some(format!("&cursor={}", next.trim()))
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_through_what_is_over_and_then_through_what_lives() {
    let site = site().await;
    let [failed, runs, _] = three(&site).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for _ in 0..5 {
        let reply = ask(&site, &format!("jobs/?limit=1{cursor}")).await;
        seen.extend(ids(&reply.json()));
        match next_page(&reply) {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert_eq!(seen, [failed, runs]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_for_owners_and_operators() {
    let site = site().await;
    let [_, runs, held] = three(&site).await;
    let post = async |user: &str, path: &str, body: &str| {
        site.ask(user, "POST", &format!("/slurmdb/v0.0.44/{path}"), body).await
    };
    let comment = r#"{"comment":{"job":"noted"}}"#;
    let done = post("alice", &format!("job/{runs}"), comment).await;
    assert_eq!(done.status, 200);
    let results = done.json()["results"][0].as_str().unwrap().to_owned();
    assert!(results.starts_with(&format!("{runs} submitted at 2")), "{results}");
    assert_eq!(ask(&site, &format!("job/{runs}")).await.json()["jobs"][0]["comment"]["job"], "noted");
    let refused = post("bob", &format!("job/{runs}"), comment).await;
    let denied = vec![(2002, "_job_post_update".to_owned()), (0, "slurmdb_job_modify()".to_owned())];
    assert_eq!((refused.status, refused.errors()), (422, denied.clone()));
    let charged = r#"{"tres":{"allocated":[{"type":"cpu","count":1}]}}"#;
    for body in [r#"{"comment":{"administrator":"x"}}"#, r#"{"comment":{"system":"x"}}"#, charged] {
        let refused = post("bob", &format!("job/{held}"), body).await;
        assert_eq!((refused.status, refused.errors()), (422, denied.clone()), "{body}");
    }
    assert_eq!(post("bob", &format!("job/{held}"), r#"{"extra":"x"}"#).await.status, 200);
    let nothing = r#"{"tres":{"allocated":[]}}"#;
    for (path, body) in [
        ("job/999", comment),
        ("job/99999999", comment),
        ("job/1", "{}"),
        ("job/1", r#"{"bogus":1}"#),
        ("job/1", nothing),
    ] {
        assert_eq!(post("root", path, body).await.status, 304, "{path} {body}");
    }
    let unreadable = post("root", "jobs", r#"{"job_id_list":["1,2"],"job_rec":{"extra":"x"}}"#).await;
    assert_eq!(unreadable.errors(), [(9000, "_jobs_post_update".to_owned())]);
    // The original's database ends of resources that nobody knows.
    for (tres, why) in [
        (r#"{"type":"foo","count":1}"#, "Unable to resolve TRES: foo"),
        (r#"{"type":"gres","name":"nope","count":1}"#, "Unable to resolve TRES: gres/nope"),
        (r#"{"type":"","id":77777,"count":1}"#, "Unable to resolve TRES: 77777"),
        (r#"{"type":"cpu","count":-1}"#, "Invalid count of TRES: -1"),
    ] {
        let reply = post("root", "job/1", &format!(r#"{{"tres":{{"allocated":[{tres}]}}}}"#)).await;
        let error = &reply.json()["errors"][0];
        assert_eq!((error["error_number"].as_i64(), error["description"].as_str()), (Some(2115), Some(why)));
    }
    // The original changes all jobs, or ends.
    for body in [r#"{"job_rec":{"comment":{"job":"x"}}}"#, r#"{"job_id_list":["1"]}"#, "{}"] {
        assert_eq!(post("root", "jobs", body).await.status, 422, "{body}");
    }
    let body = format!(
        r#"{{"job_id_list":["{runs}","{held}","999"],"job_rec":{{"comment":{{"administrator":"a"}}}}}}"#
    );
    let both = post("root", "jobs", &body).await;
    assert_eq!((both.status, both.json()["results"].as_array().unwrap().len()), (200, 2));
}

/// Some hundred attempts are read and written in several parts at once; they follow each other as in one.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_put_together_from_parts() {
    let site = site().await;
    let mut all = Vec::new();
    for at in 0..320 {
        let hold = format!(r#""hold":true,"name":"part{at}""#);
        all.push(u64::from(site.job("alice", &hold).await));
    }
    // Some of them are over, and read from history.
    for at in [0, 24, 25, 149, 150, 151, 319] {
        let cancelled = site.slurm("alice", "DELETE", &format!("job/{}", all[at]), "").await;
        assert_eq!(cancelled.status, 200);
        site.until_settled(u32::try_from(all[at]).unwrap()).await;
    }
    let any = "usage_time_as_submit_time=true&start_time=now-1hour&end_time=now%2B1hour";
    let whole = ask(&site, &format!("jobs/?{any}")).await.json();
    assert_eq!(ids(&whole), all);
    let listed = whole["jobs"].as_array().unwrap();
    assert_eq!(listed.iter().filter(|job| job["state"]["current"][0] == "CANCELLED").count(), 7);
    for job in listed.iter().step_by(29) {
        let alone = ask(&site, &format!("job/{}", job["job_id"])).await.json();
        assert_eq!(&alone["jobs"][0], job);
    }
    let named = ask(&site, &format!("jobs/?{any}&fields=job_id,name")).await.json();
    let pairs = all.iter().enumerate().map(|(at, id)| json!({"job_id": id, "name": format!("part{at}")}));
    assert_eq!(named["jobs"], Value::Array(pairs.collect()));
    assert!(named["meta"].is_object());
    let page = ask(&site, &format!("jobs/?{any}&limit=200&fields=job_id")).await.json();
    assert_eq!(page["jobs"].as_array().unwrap().len(), 200);
    // Pages, of which small ones are kept as they are found and large ones read once more, have what is over first.
    let in_order = |list: &Value| -> Vec<Value> { list["jobs"].as_array().unwrap().clone() };
    let over = |job: &&Value| job["state"]["current"][0] == "CANCELLED";
    let mut expected: Vec<Value> = listed.iter().filter(over).cloned().collect();
    expected.extend(listed.iter().filter(|job| !over(job)).cloned());
    for limit in [3, 100, 320, 5_000] {
        let (mut pages, mut cursor) = (Vec::new(), String::new());
        loop {
            let reply = ask(&site, &format!("jobs/?{any}&limit={limit}{cursor}")).await;
            let some = in_order(&reply.json());
            assert!(!some.is_empty() && some.len() <= limit, "{limit}");
            pages.extend(some);
            match next_page(&reply) {
                Some(next) => cursor = next,
                None => break,
            }
        }
        assert_eq!(pages, expected, "{limit}");
    }
    let request = format!(
        "GET /slurmdb/v0.0.44/jobs/?{any} HTTP/1.1\r\nConnection: close\r\nAccept: application/yaml\r\n\
         X-SLURM-USER-TOKEN: {}\r\n\r\n",
        Site::token("bob")
    );
    let yaml = site.raw(request.as_bytes()).await.body;
    assert_eq!(yaml.matches("\n  !!str name: !!str part").count(), 320);
    assert!(yaml.ends_with("...\n"));
}
