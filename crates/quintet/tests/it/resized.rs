//! A job that is made smaller while it runs, with the whole program around it: what runs on the nodes that go is ended,
//! they are for others at once, and what was is history as a part of its own.

use crate::program::Program;
use crate::server::{ask, token};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const NODES: &str = "[cluster]\nmin_job_age = 3600\n\n[[nodes]]\nname = \"n[1-3]\"\ncpus = 2\nmemory = 1000\n\n\
                     [[partitions]]\nname = \"main\"\nnodes = \"n[1-3]\"\ndefault = true\n";

/// Each task says which process it is. Those of the first step are on all nodes, that of the second on the last.
const SCRIPT: &str = "#!/bin/sh\n\
    srun -N3 -n3 --overlap sh -c 'echo $$ > one.$SLURMD_NODENAME; exec sleep 1000' &\n\
    srun -N1 -n1 -w n3 --overlap sh -c 'echo $$ > two.$SLURMD_NODENAME; exec sleep 1000' &\n\
    wait\n";

fn is_alive(quintet: &Program, file: &str) -> bool {
    let number = quintet.read(file);
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", number.trim())).unwrap_or_default();
    // A zombie has ended, and only nobody has asked how.
    !stat.is_empty() && !stat.contains(") Z ")
}

fn shares(job: &Value) -> Vec<(&str, i64, i64)> {
    let shares = job["job_resources"]["nodes"]["allocation"].as_array().unwrap();
    let share = |share: &'_ Value| {
        let number = |value: &Value| value.as_i64().unwrap();
        (number(&share["cpus"]["count"]), number(&share["memory"]["allocated"]))
    };
    shares.iter().map(|one| (one["name"].as_str().unwrap(), share(one).0, share(one).1)).collect()
}

async fn job(client: &Client, quintet: &Program, token: &str, id: u32) -> Value {
    let url = format!("http://{}", quintet.address());
    let (_, answer) = ask(client, &url, token, Method::GET, &format!("/job/{id}"), None).await.unwrap();
    answer["jobs"][0].clone()
}

#[tokio::test]
async fn a_job_keeps_some_of_its_nodes() {
    let mut quintet = Program::serving(NODES);
    quintet.write("job.sh", SCRIPT);
    quintet.ok(&["submit", "-N", "3", "-n", "3", "--mem", "100", "-o", "out", "job.sh"]);
    let files = ["one.n1", "one.n2", "one.n3", "two.n3"];
    let has_begun = |name: &&str| quintet.work().join(name).metadata().is_ok_and(|file| file.len() > 1);
    quintet.until("all tasks have begun", || files.iter().all(has_begun));
    // Waits for what the first job is going to leave.
    quintet.write("next.sh", "#!/bin/sh\nsleep 1000\n");
    quintet.ok(&["submit", "-N", "2", "-n", "4", "--mem", "950", "next.sh"]);

    let (client, key) = (Client::new(), token(&quintet.state()));
    let url = format!("http://{}", quintet.address());
    let smaller = json!({"minimum_nodes": 1});
    let update = ask(&client, &url, &key, Method::POST, "/job/1", Some(&smaller)).await.unwrap();
    assert_eq!((update.0, &update.1["errors"]), (200, &json!([])), "{}", update.1);
    // Whatever the launcher was not told, it is told when the service is back.
    quintet.stop("KILL");
    quintet.serve_again();

    quintet.until("what ran elsewhere is ended", || files[1..].iter().all(|file| !is_alive(&quintet, file)));
    assert!(is_alive(&quintet, files[0]), "what runs on the node that is left goes on: {}", quintet.log());
    let shown = job(&client, &quintet, &key, 1).await;
    assert_eq!((&shown["nodes"], &shown["job_state"]), (&json!("n1"), &json!(["RUNNING"])));
    assert_eq!(shares(&shown), [("n1", 1, 100)]);
    assert_eq!((&shown["tasks"]["number"], &shown["node_count"]["number"]), (&json!(1), &json!(1)));
    assert_eq!(shown["tres_alloc_str"], "cpu=1,mem=100M,node=1,billing=1");
    let (resized, started) = (&shown["resize_time"]["number"], &shown["start_time"]["number"]);
    assert!(resized.as_i64().unwrap() >= started.as_i64().unwrap() && resized.as_i64().unwrap() > 0);
    let next = job(&client, &quintet, &key, 2).await;
    assert_eq!((&next["nodes"], &next["job_state"]), (&json!("n[2-3]"), &json!(["RUNNING"])));

    quintet.ok(&["cancel", "1"]);
    quintet.run(&["wait", "1"]);
    let url = format!("http://{}/slurmdb/v0.0.44/job/1", quintet.address());
    let answer = client.get(url).header("X-SLURM-USER-TOKEN", &key).send().await.unwrap();
    let recorded: Value = answer.json().await.unwrap();
    let parts = recorded["jobs"].as_array().unwrap();
    let told: Vec<_> = parts.iter().map(|part| (&part["state"]["current"], &part["nodes"])).collect();
    let (before, after) = (json!(["PENDING", "RESIZING"]), json!(["CANCELLED"]));
    assert_eq!(told, [(&before, &json!("n[1-3]")), (&after, &json!("n1"))], "{recorded}");
    let times = |part: &Value| (part["time"]["start"].clone(), part["time"]["end"].clone());
    assert_eq!(parts[0]["time"]["end"], *resized);
    assert_eq!((times(&parts[1]).0, &parts[1]["time"]["submission"]), (resized.clone(), resized));
    let steps = |part: &Value| -> Vec<String> {
        let steps = part["steps"].as_array().unwrap().iter();
        steps.map(|step| step["step"]["id"].as_str().unwrap().to_owned()).collect()
    };
    // Steps belong to the part in which they began; the script to the last one.
    assert_eq!(
        (steps(&parts[0]), steps(&parts[1])),
        (vec!["1.0".into(), "1.1".into()], vec!["1.batch".into()])
    );
    quintet.ok(&["cancel", "2"]);
}
