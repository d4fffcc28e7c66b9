//! A full disk refuses a batch whole, and nothing else.

use crate::samples::*;
use domain::JobId;
use domain::job::{Job, Payload};
use domain::ports::{Batch, History, Store, StoreError};
use std::sync::Arc;
use store::Options;

/// A script that neither compression nor comparison makes smaller.
fn noise(seed: u32) -> Arc<Payload> {
    let mut state = u64::from(seed) + 1;
    let script = (0..20_000).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    Arc::new(Payload { script: script.collect(), ..Payload::default() })
}

fn submission(ids: std::ops::Range<u32>) -> Batch {
    let payloads = ids.clone().map(|id| (JobId(id), noise(id))).collect();
    Batch { payloads, next_id: Some(JobId(ids.end)), ..batch_of(ids.map(waiting)) }
}

#[test]
fn a_batch_that_does_not_fit_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { most_queue_pages: Some(100), ..Options::default() };
    let (mut writer, reader) = store::open(directory.path(), options).unwrap();
    writer.commit(&submission(1..4)).unwrap();
    assert!(matches!(writer.commit(&submission(4..40)), Err(StoreError::Full)));
    for id in 4..40 {
        assert!(matches!(writer.payload(JobId(id)), Err(StoreError::Missing(_))));
        assert!(matches!(reader.payload(JobId(id)), Err(StoreError::Missing(_))));
    }

    // What was refused can be tried again in smaller pieces, and room that becomes free is used.
    writer.commit(&submission(4..6)).unwrap();
    assert_eq!(writer.payload(JobId(4)).unwrap(), noise(4));
    assert!(matches!(writer.commit(&submission(6..40)), Err(StoreError::Full)));
    writer.commit(&Batch { gone: (1..6).map(JobId).collect(), ..Batch::default() }).unwrap();
    writer.commit(&submission(6..11)).unwrap();
    drop(writer);

    let (mut writer, _) = open(directory.path());
    let saved = writer.load().unwrap();
    assert_eq!(saved.jobs, (6..11).map(waiting).collect::<Vec<Job>>());
    assert_eq!(saved.next_id, Some(JobId(11)));
    for id in 6..11 {
        assert_eq!(writer.payload(JobId(id)).unwrap(), noise(id));
    }
}

#[test]
fn a_job_keeps_its_old_request_when_the_new_one_does_not_fit() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { most_queue_pages: Some(60), ..Options::default() };
    let (mut writer, _) = store::open(directory.path(), options).unwrap();
    let job = waiting(1);
    writer.commit(&batch_of([job.clone()])).unwrap();
    let mut spec = small_spec("other");
    spec.comment = text(&"x".repeat(1_000_000));
    let larger = Job { spec: Arc::new(spec), ..job.clone() };
    assert!(matches!(writer.commit(&batch_of([larger])), Err(StoreError::Full)));
    // A small change of the old record finds its request where it was.
    let moved = Job { priority: 5, ..job };
    writer.commit(&batch_of([moved.clone()])).unwrap();
    drop(writer);
    assert_eq!(saved(directory.path()).jobs, [moved]);
}
