//! How fast a submission is read and a job is written: `cargo bench -p slurm-wire`.

use std::hint::black_box;
use std::time::Instant;

use slurm_wire::job_info::JobInfo;
use slurm_wire::submit::JobSubmitReq;
use slurm_wire::words::{JobFlag, JobState};
use slurm_wire::{NoVal, Report, Wire, json, parse};

fn main() {
    let body = submission();
    let now = jiff::Zoned::default();
    measure("parse a submission", body.len(), 20_000, || {
        let document = json::parse(black_box(&body)).ok();
        let mut report = Report::new(now.clone());
        black_box(document.map(|document| parse::<JobSubmitReq>(&document, &mut report)));
    });
    let job = job();
    let mut out = Vec::with_capacity(8192);
    job.write_json(&mut out);
    let size = out.len();
    measure("write a job", size, 100_000, || {
        out.clear();
        black_box(&job).write_json(&mut out);
        black_box(&out);
    });
    measure("write a job by serde", size, 100_000, || {
        out.clear();
        black_box(serde_json::to_writer(&mut out, black_box(&job)).ok());
    });
    measure("clone a job", size, 100_000, || {
        black_box(black_box(&job).clone());
    });
}

fn measure(what: &str, bytes: usize, rounds: u32, mut work: impl FnMut()) {
    (0..rounds / 10).for_each(|_| work());
    let start = Instant::now();
    (0..rounds).for_each(|_| work());
    let each = start.elapsed().as_secs_f64() / f64::from(rounds);
    println!("{what:24} {bytes:6} bytes {:8.2} µs {:8.2} GB/s", each * 1e6, bytes as f64 / each / 1e9);
}

fn submission() -> String {
    let environment: Vec<String> =
        (0..12).map(|index| format!("\"VARIABLE_{index}=/some/where/or/other/{index}\"")).collect();
    format!(
        r##"{{"script":"#!/bin/bash\nset -e\nmodule load gcc\nsrun ./program --input data.h5 --steps 1000 --output result.h5\n","job":{{"name":"simulation","partition":"long","account":"physics","current_working_directory":"/home/alice/simulation","environment":[{}],"tasks":4,"cpus_per_task":2,"time_limit":{{"set":true,"infinite":false,"number":120}},"memory_per_node":{{"set":true,"number":4000}},"standard_output":"/home/alice/simulation/out-%j.txt","standard_error":"/home/alice/simulation/err-%j.txt","constraints":"fast","dependency":"afterok:123","mail_type":["END","FAIL"],"mail_user":"alice@example.org","flags":["SPREAD_JOB"],"hold":false,"nice":10,"priority":{{"set":false,"number":0}},"qos":"normal","tres_per_node":"gres/gpu:1","comment":"second try"}}}}"##,
        environment.join(",")
    )
}

fn job() -> JobInfo {
    JobInfo {
        account: "physics".into(),
        job_id: 123_456,
        name: "simulation".into(),
        partition: "long".into(),
        user_name: "alice".into(),
        current_working_directory: "/home/alice/simulation".into(),
        standard_output: "/home/alice/simulation/out-%j.txt".into(),
        job_state: JobState::Running.into(),
        flags: [JobFlag::SpreadJob, JobFlag::UsingDefaultQos, JobFlag::PartitionAssigned].into(),
        submit_time: NoVal::Set(1_795_255_200),
        start_time: NoVal::Set(1_795_255_300),
        end_time: NoVal::Set(1_795_259_300),
        time_limit: NoVal::Set(120),
        tasks: NoVal::Set(4),
        cpus: NoVal::Set(8),
        node_count: NoVal::Set(1),
        nodes: "n01".into(),
        tres_alloc_str: "cpu=8,mem=4000M,node=1,billing=8".into(),
        ..JobInfo::default()
    }
}
