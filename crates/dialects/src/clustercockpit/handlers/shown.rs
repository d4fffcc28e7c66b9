//! A job with its series: a day of them has megabytes, which are sent while the rest is read.

use super::super::error::CockpitError;
use super::super::to_wire;
use super::Call;
use super::jobs::found;
use crate::http::answer::{Answer, Body, answer};
use bytes::Bytes;
use domain::monitoring::{DataWanted, JobMetric, Record};
use domain::service::{Monitoring, Which};
use futures_util::stream;
use hyper::StatusCode;
use std::sync::mpsc::sync_channel;
use std::thread;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Bytes that most values take with their comma, and more than the rest of most answers takes.
const A_VALUE: usize = 7;
const LITTLE: usize = 16 << 10;
/// Metrics that are read before those in front of them are written.
const AHEAD: usize = 4;
/// Bytes that are sent before the rest is there; a shorter answer goes out whole, with its length.
const PIECE: usize = 256 << 10;

/// Shows a job with the series that are wanted.
///
/// # Errors
/// If there is no such job, or its series cannot be read, as long as nothing has been sent.
pub(super) async fn shown(
    call: Call<'_>,
    wanted: DataWanted,
    resolution: Option<i64>,
) -> Result<Answer, CockpitError> {
    let which = Which::Id(call.id()?);
    let zone = call.site.zone.clone();
    let sight = call.sight();
    // Whoever reads slowly holds what would be in memory anyway, and no thread.
    let (pieces, mut sent) = unbounded_channel::<Bytes>();
    let work = Box::pin(call.apart(move |monitoring| {
        let (record, wanted) = found(monitoring, &which, &sight(monitoring)?, wanted, resolution)?;
        // The capitals are the original's.
        let mut bytes = br#"{"Meta":"#.to_vec();
        to_wire::write_plain(&to_wire::single(&record, monitoring.now(), false, &zone), &mut bytes);
        bytes.extend(br#","Data":"#);
        write_series(monitoring, &record, &wanted, &mut bytes, &pieces)?;
        bytes.extend(b"}\n");
        Ok(bytes)
    }));
    let Some(first) = sent.recv().await else {
        return Ok(answer(StatusCode::OK, "application/json", work.await?));
    };
    let rest = stream::once(async move {
        work.await.unwrap_or_else(|error| {
            // What was sent is no document without its end, and nobody takes it for one.
            tracing::error!(%error, "the series of a job broke off");
            Vec::new()
        })
    });
    let pieces = stream::unfold(sent, |mut sent| async move { Some((sent.recv().await?, sent)) });
    let rest = futures_util::StreamExt::map(rest, Bytes::from);
    let all = futures_util::StreamExt::chain(stream::iter([first]), pieces);
    let body = Body::pieces(futures_util::StreamExt::chain(all, rest));
    Ok(answer(StatusCode::OK, "application/json", body))
}

/// Writes the series of a job as a list, each metric while the next ones are read on another thread, and hands on what
/// is long enough.
fn write_series(
    monitoring: &Monitoring,
    record: &Record,
    wanted: &DataWanted,
    bytes: &mut Vec<u8>,
    pieces: &UnboundedSender<Bytes>,
) -> Result<(), CockpitError> {
    let (send, read) = sync_channel::<JobMetric>(AHEAD);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            // Nobody stops listening before the end.
            monitoring.each_metric(record, wanted, &mut |metric| drop(send.send(metric)))
        });
        let mut before = b'[';
        for metric in read {
            let values: usize = metric.series.iter().map(|one| one.values.len()).sum();
            bytes.reserve(LITTLE + values * A_VALUE);
            bytes.push(before);
            to_wire::write_measured(&to_wire::job_metric(&metric), bytes);
            before = b',';
            if bytes.len() >= PIECE {
                // Who has gone away needs nothing any more.
                let _ = pieces.send(Bytes::from(std::mem::take(bytes)));
            }
        }
        bytes.extend_from_slice(if before == b'[' { b"[]" } else { b"]" });
        let broken = || CockpitError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error");
        Ok(reader.join().map_err(|_| broken())??)
    })
}
