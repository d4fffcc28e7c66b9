//! Jobs that run are measured: what one did is seen in its series through ClusterCockpit's interface, with control groups
//! and without, and what was measured outlives the service.

use crate::clustercockpit::World;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Two loops for some seconds, then memory, then files; at the end what the shell knows of the time they took. The first
/// value is that of a part of a second, so it begins with nothing.
const LIVELY: &str = r#"
burn() {
    end=$(($(date +%s) + 4))
    while [ "$(date +%s)" -lt $end ]; do i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done; done
}
sleep 2
burn & burn & wait
(head -c 536870912 /dev/zero; sleep 4) | tail > /dev/null
for part in 0 1 2 3; do
    dd if=/dev/zero of=written bs=1M count=50 seek=$((part * 50)) conv=notrunc 2> /dev/null
    sleep 0.6
done
sleep 2
rm written
times > times
"#;

fn config(engine: &str) -> String {
    format!("[cluster]\nname = \"own\"\n[clustercockpit]\n[engine]\n{engine}")
}

impl World {
    /// Waits for the record of a job of ours in this state, and returns it.
    async fn record(&self, job: &str, state: &str) -> Value {
        for _ in 0..600 {
            let found = self.list(&format!("cluster=own&state={state}")).await;
            let wanted = found.into_iter().find(|record| record["jobId"].as_u64() == job.parse().ok());
            if let Some(record) = wanted {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("job {job} is not {state}: {:?}\n{}", self.list("").await, self.quintet.log());
    }

    /// Reads a metric of a record at the scope of nodes: seconds between values, and the values.
    async fn series(&self, record: &Value, metric: &str) -> (u64, Vec<Option<f64>>) {
        let path = format!("/jobs/{}?scope=node", record["id"]);
        let (status, shown) = self.ask("POST", &path, &json!([metric]).to_string()).await;
        assert_eq!(status, 200, "{shown}");
        let Some(found) = shown["Data"].as_array().unwrap().first() else { return (0, Vec::new()) };
        assert_eq!((&found["name"], &found["scope"]), (&json!(metric), &json!("node")), "{shown}");
        let series = found["metric"]["series"].as_array().unwrap();
        assert_eq!(series.len(), 1, "{shown}");
        let values = series[0]["data"].as_array().unwrap().iter().map(Value::as_f64).collect();
        (found["metric"]["timestep"].as_u64().unwrap(), values)
    }
}

/// Adds up rates over time. One that comes after gaps holds for those, too: on a busy machine a second may be passed over.
fn sum(values: &[Option<f64>]) -> f64 {
    let mut seconds = 0.0;
    let each = values.iter().map(|value| {
        seconds += 1.0;
        value.map_or(0.0, |value| value * std::mem::take(&mut seconds))
    });
    each.sum()
}

fn largest(values: &[Option<f64>]) -> f64 {
    values.iter().flatten().copied().fold(0.0, f64::max)
}

fn close(what: &str, found: f64, wanted: f64) {
    assert!((found - wanted).abs() <= wanted * 0.1, "{what}: {found} instead of {wanted}");
}

/// Reads what `times` of a shell says: seconds of itself and of those it has waited for, in programs and in the kernel.
fn cpu_seconds(text: &str) -> f64 {
    let seconds = |word: &str| {
        let (minutes, seconds) = word.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    };
    text.split_ascii_whitespace().map(seconds).sum()
}

async fn a_lively_job_is_seen(engine: &str) {
    let world = World::serving_with(&config(engine));
    world.quintet.write("lively.sh", &format!("#!/bin/sh\n{LIVELY}"));
    let job = world.quintet.submitted(&["-c", "2", "--mem", "1500M", "lively.sh"]);
    let record = world.record(&job, "completed").await;
    let (step, load) = world.series(&record, "cpu_load").await;
    assert_eq!(step, 1, "a short job is shown second by second");
    let wanted = cpu_seconds(&world.quintet.read("times"));
    close("CPU seconds", sum(&load), wanted);
    let (_, memory) = world.series(&record, "mem_used").await;
    close("gigabytes", largest(&memory), 0.5);
    let (_, written) = world.series(&record, "file_write_bw").await;
    close("megabytes written", sum(&written), 200.0);
    assert!(load.len() >= 10 && memory.iter().flatten().count() >= 9, "{load:?} {memory:?}");
    // What happened when: first the loops, then memory, then files.
    let begin = |values: &[Option<f64>]| {
        let half = largest(values) / 2.0;
        values.iter().position(|value| value.is_some_and(|value| value >= half)).unwrap()
    };
    let (busy, full, writing) = (begin(&load), begin(&memory), begin(&written));
    assert!(busy < full && full < writing, "{load:?}\n{memory:?}\n{written:?}");
    archived(&world, &job).await;
}

/// Looks at what becomes of a job that is over.
async fn archived(world: &World, job: &str) {
    let mut record = world.record(job, "completed").await;
    for _ in 0..100 {
        if record["monitoringStatus"] == json!(3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        record = world.record(job, "completed").await;
    }
    let statistics = &record["statistics"];
    close("statistics", statistics["mem_used"]["max"].as_f64().unwrap(), 0.5);
    assert_eq!(record["footprint"]["mem_used_max"], statistics["mem_used"]["max"], "{record}");
    let hwthreads = record["resources"][0]["hwthreads"].as_array().unwrap();
    assert_eq!((hwthreads.len(), &record["numHwthreads"]), (2, &json!(2)), "{record}");
    // No counter of energy, no energy.
    let has_energy = Path::new("/sys/class/powercap/intel-rapl:0/energy_uj").exists();
    assert!(has_energy || record["energy"].as_f64().is_none_or(|energy| energy == 0.0), "{record}");
    let start = record["startTime"].as_i64().unwrap();
    let told = world.list("cluster=own&with-metadata=true").await;
    assert_eq!(told[0]["metaData"]["jobScript"], json!(format!("#!/bin/sh\n{LIVELY}")));
    let number: u64 = job.parse().unwrap();
    let folder =
        world.quintet.state().join(format!("archive/own/{}/{:03}/{start}", number / 1000, number % 1000));
    let packed = std::fs::File::open(folder.join("data.json.gz")).unwrap();
    let data: Value = serde_json::from_reader(flate2::read::GzDecoder::new(packed)).unwrap();
    let (_, load) = world.series(&record, "cpu_load").await;
    let kept = data["cpu_load"]["node"]["series"][0]["data"].as_array().unwrap();
    // On a busy machine the last value can come after the archive.
    let settled = load.len() - 2;
    assert!(settled >= 8 && kept.len() >= settled, "{kept:?}\n{load:?}");
    assert_eq!(kept.iter().take(settled).map(Value::as_f64).collect::<Vec<_>>(), load[..settled]);
}

#[tokio::test]
async fn what_a_job_does_is_seen() {
    a_lively_job_is_seen("").await;
}

#[tokio::test]
async fn what_a_job_does_is_seen_without_control_groups() {
    a_lively_job_is_seen("cgroups = false\n").await;
}

#[tokio::test]
async fn what_was_measured_outlives_the_service() {
    let mut world = World::serving_with(&config(""));
    let job = world.quintet.submitted(&["--wrap", "while :; do :; done"]);
    let record = world.record(&job, "running").await;
    let count = async |world: &World| world.series(&record, "cpu_load").await.1.iter().flatten().count();
    let at_least = async |world: &World, wanted: usize| {
        for _ in 0..300 {
            if count(world).await >= wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("there are {} values instead of {wanted}\n{}", count(world).await, world.quintet.log());
    };
    at_least(&world, 6).await;
    let before = count(&world).await;
    world.quintet.stop("KILL");
    world.quintet.serve_again();
    let kept = count(&world).await;
    assert!(kept + 3 >= before, "{kept} of {before}");
    // The job has gone on, and so does its series.
    at_least(&world, kept + 3).await;
    world.quintet.ok(&["cancel", &job]);
    let record = world.record(&job, "cancelled").await;
    assert!(record["duration"].as_i64().unwrap() >= 8, "{record}");
}

#[tokio::test]
async fn what_the_machine_has_is_described_and_nothing_else() {
    let world = World::serving_with(&config(""));
    let (_, answer) = world.ask("GET", "/clusters/?cluster=own", "").await;
    let metrics = answer["clusters"][0]["metricConfig"].as_array().unwrap();
    let has = |name: &str| metrics.iter().any(|metric| metric["name"] == json!(name));
    assert!(has("cpu_load") && has("mem_used") && has("processes"), "{answer}");
    assert_eq!(has("cpu_power"), Path::new("/sys/class/powercap/intel-rapl:0/energy_uj").exists());
    assert_eq!(has("clock"), Path::new("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").exists());
    assert_eq!(has("cpu_pressure"), Path::new("/proc/pressure/cpu").exists());
    assert!(Path::new("/dev/nvidiactl").exists() || !has("acc_power"), "{answer}");
}
