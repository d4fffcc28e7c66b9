//! Measured values come back: at once, after an end in good order, and after a crash; old ones in longer steps.

use domain::monitoring::{Component, Sample, Scope, SeriesKey, SeriesWanted};
use domain::ports::{Clock, SeriesRefused, SeriesStore};
use domain::{Text, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Measured, MeasuredOptions, Step, Thinning, Writer};

const NOW: i64 = 1_800_000_000;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(NOW)
    }
}

fn options() -> MeasuredOptions {
    MeasuredOptions {
        clock: Arc::new(Still),
        most_series: 100,
        checkpoint: Duration::from_secs(300),
        keep: Thinning::default(),
    }
}

fn open(directory: &Path, options: MeasuredOptions) -> (Writer, Measured) {
    let (writer, _) = store::open(directory, store::Options::default()).unwrap();
    let measured = Measured::open(&writer, options).unwrap();
    (writer, measured)
}

fn key(metric: &str, thread: u32) -> SeriesKey {
    let id = Text::from(thread.to_string());
    SeriesKey {
        cluster: Text::const_new("here"),
        host: Text::const_new("n1"),
        job: Some((7, 0)),
        component: Component { scope: Scope::HwThread, id, sub: None },
        metric: metric.into(),
    }
}

fn sample(key: &SeriesKey, at: i64, value: f64) -> Sample {
    Sample { key: key.clone(), at: Timestamp::from_seconds(at), value }
}

fn values(
    measured: &Measured,
    key: &SeriesKey,
    from: i64,
    until: i64,
    timestep: u32,
) -> Option<(u32, Vec<f64>)> {
    let (from, until) = (Timestamp::from_seconds(from), Timestamp::from_seconds(until));
    let wanted = SeriesWanted { key: key.clone(), from, until, timestep };
    let series = measured.read(&[wanted]).unwrap().pop().unwrap()?;
    // A gap is equal to itself here.
    Some((
        series.timestep,
        series.values.iter().map(|value| if value.is_nan() { -1.0 } else { *value }).collect(),
    ))
}

#[test]
fn values_come_back_at_once_and_after_an_end_in_good_order() {
    let place = tempfile::tempdir().unwrap();
    let (load, memory) = (key("cpu_load", 0), key("mem_used", 1));
    let wanted = Some((10, vec![1.5, -1.0, 2.5]));
    let (writer, measured) = open(place.path(), options());
    measured
        .write(&[
            sample(&load, NOW, 1.0),
            sample(&load, NOW + 20, 9.0),
            sample(&memory, NOW, 3.0),
            sample(&load, NOW + 20, 2.5),
            sample(&load, NOW + 5, 2.0),
        ])
        .unwrap();
    assert_eq!(values(&measured, &load, NOW, NOW + 60, 10), wanted);
    // What begins late begins with gaps.
    assert_eq!(values(&measured, &memory, NOW - 25, NOW + 60, 10), Some((10, vec![-1.0, -1.0, 3.0])));
    drop(measured);
    drop(writer);
    let (_writer, measured) = open(place.path(), options());
    assert_eq!(values(&measured, &load, NOW, NOW + 60, 10), wanted);
    assert_eq!(values(&measured, &load, NOW, NOW + 20, 0), Some((5, vec![1.0, 2.0])));
    assert_eq!(values(&measured, &load, NOW + 21, NOW + 60, 10), None);
    assert_eq!(values(&measured, &key("cpu_load", 1), NOW, NOW + 60, 10), None);
    // What comes later for the same second counts, wherever the earlier value lies by now.
    measured.write(&[sample(&load, NOW + 20, 4.0)]).unwrap();
    assert_eq!(values(&measured, &load, NOW, NOW + 60, 10), Some((10, vec![1.5, -1.0, 4.0])));
    let of = |metric, from| {
        let (from, until) = (Timestamp::from_seconds(from), Timestamp::from_seconds(NOW + 60));
        measured.components(&key(metric, 99), from, until).unwrap()
    };
    assert_eq!(of("mem_used", NOW), std::slice::from_ref(&memory.component));
    assert_eq!(of("cpu_load", NOW), std::slice::from_ref(&load.component));
    assert!(of("mem_used", NOW + 1).is_empty());
}

/// Copies what a process that is killed at this moment would leave behind.
fn copied(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "lock" {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_crash_takes_the_last_second_at_most() {
    let (place, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let load = key("cpu_load", 0);
    let (_writer, measured) = open(place.path(), options());
    let all: Vec<Sample> = (0..1000).map(|at| sample(&load, NOW + at, f64::from(at as i32))).collect();
    measured.write(&all).unwrap();
    let log_is_written = || {
        let logs = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap());
        logs.filter(|entry| entry.file_name().to_string_lossy().ends_with(".log"))
            .any(|entry| entry.metadata().unwrap().len() > 0)
    };
    let begun = Instant::now();
    while !log_is_written() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the log is not written");
        std::thread::sleep(Duration::from_millis(20));
    }
    copied(place.path(), copy.path());
    // The last piece of a log may be torn.
    let torn = std::fs::read_dir(copy.path()).unwrap().map(|entry| entry.unwrap().path());
    let torn = torn.filter(|path| path.extension().is_some_and(|end| end == "log")).last().unwrap();
    let mut bytes = std::fs::read(&torn).unwrap();
    bytes.extend([200, 0, 0, 0, 1, 2, 3, 4, 5]);
    std::fs::write(&torn, bytes).unwrap();
    let (_writer, again) = open(copy.path(), options());
    let (step, back) = values(&again, &load, NOW, NOW + 2000, 1).unwrap();
    assert_eq!((step, back.len(), back[999]), (1, 1000, 999.0));
    drop(again);
}

#[test]
fn values_move_while_others_come() {
    let place = tempfile::tempdir().unwrap();
    let load = key("cpu_load", 0);
    let (_writer, measured) = open(place.path(), MeasuredOptions { checkpoint: Duration::ZERO, ..options() });
    let begun = Instant::now();
    let mut at = 0;
    // Each turn of the keeper moves what there is: three turns, and nothing is missing at any moment.
    while begun.elapsed() < Duration::from_millis(3500) {
        measured.write(&[sample(&load, NOW + at, at as f64)]).unwrap();
        at += 1;
        let (_, all) = values(&measured, &load, NOW, NOW + at, 1).unwrap();
        assert!(all.len() as i64 == at && all.iter().all(|value| *value >= 0.0), "{at}: {all:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn there_are_not_more_series_than_there_may_be() {
    let place = tempfile::tempdir().unwrap();
    let (_writer, measured) = open(place.path(), options());
    let many: Vec<Sample> = (0..150).map(|thread| sample(&key("m", thread), NOW, 1.0)).collect();
    let refused = measured.write(&many).unwrap_err();
    assert!(matches!(refused, SeriesRefused::TooManySeries { refused: 50 }), "{refused}");
    assert_eq!(values(&measured, &key("m", 99), NOW, NOW + 1, 1), Some((1, vec![1.0])));
    assert_eq!(values(&measured, &key("m", 100), NOW, NOW + 1, 1), None);
}

#[test]
fn old_values_are_kept_in_longer_steps() {
    let place = tempfile::tempdir().unwrap();
    let load = key("cpu_load", 0);
    let old = NOW - 10_000;
    {
        let (_writer, measured) = open(place.path(), options());
        let all: Vec<Sample> = (0..120).map(|at| sample(&load, old + at, f64::from(at as i32 % 2))).collect();
        measured.write(&all).unwrap();
    }
    {
        // A stretch is as old as its last value.
        let (_writer, measured) = open(place.path(), options());
        measured.write(&[sample(&load, NOW - 5, 7.0)]).unwrap();
    }
    let minute = Step { age: Duration::from_secs(1000), step: 60 };
    let keep = Thinning { steps: vec![minute], forget: None };
    let (_writer, measured) = open(place.path(), MeasuredOptions { keep, ..options() });
    measured.tidy_now().unwrap();
    let (step, coarse) = values(&measured, &load, old - old % 60, old + 200, 10).unwrap();
    assert_eq!(step, 60);
    assert!(coarse.iter().all(|value| *value == 0.5), "{coarse:?}");
    assert_eq!(
        values(&measured, &load, NOW - 10, NOW, 1),
        Some((1, vec![-1.0, -1.0, -1.0, -1.0, -1.0, 7.0]))
    );
    drop(measured);
    drop(_writer);
    let keep = Thinning { steps: Vec::new(), forget: Some(Duration::from_secs(1000)) };
    let (_writer, measured) = open(place.path(), MeasuredOptions { keep, ..options() });
    measured.tidy_now().unwrap();
    assert_eq!(values(&measured, &load, old - 60, old + 200, 1), None);
    assert!(values(&measured, &load, NOW - 10, NOW, 1).is_some());
}
