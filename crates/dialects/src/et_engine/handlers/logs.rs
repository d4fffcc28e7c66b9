//! What a job has written.

use super::super::batches::{self, Member};
use super::super::error::EtError;
use super::super::reply;
use super::{World, blocking};
use crate::http::answer::Answer;
use crate::ids::Kind;
use crate::output::{Closed, Reader, open_output};
use bytes::Bytes;
use hyper::body::Incoming;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// So much is read at once.
const PIECE: u64 = 256 << 10;
/// Lines are looked for no further back than this.
const FAR_BACK: u64 = 64 << 20;

/// Sends what a job has written so far, or the last lines of it. A job that has written nothing has an empty log.
pub(in super::super) async fn show(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let lines = world.number("tail")?;
    let opened = world.apart(move |world| {
        let Some(file) = open(world, &id)? else { return Ok(None) };
        let failed = |error: io::Error| {
            tracing::warn!(%error, "the log of a job cannot be read");
            EtError::Internal
        };
        let length = file.metadata().map_err(failed)?.len();
        let from = lines.map_or(Ok(0), |lines| last_lines(&file, length, lines)).map_err(failed)?;
        Ok(Some((Arc::new(file), from, length)))
    });
    let Some((file, from, to)) = opened.await? else {
        return Ok(reply::plain(hyper::StatusCode::OK, String::new()));
    };
    Ok(reply::stream("text/plain; charset=utf-8", pieces(file, from, to), Some(to - from)))
}

/// Opens the file a job writes to, on behalf of the job's user; `None` where there is none yet. Blocks.
fn open(world: &World, id: &str) -> Result<Option<File>, EtError> {
    let none = || EtError::NotFound("Log");
    let (found, task) = batches::find_job(world, Kind::EtLog, id).map_err(|error| match error {
        EtError::NotFound(_) => none(),
        error => error,
    })?;
    let Member::Known { job, nodes } = found.member(world, task)?.ok_or_else(none)? else { return Ok(None) };
    if job.run().is_none() || !job.runs_script() {
        return Ok(None);
    }
    let path = job.output_path(nodes.first().map(String::as_str).unwrap_or_default());
    let reader = Reader::of(&job.spec.owner, &**world.site.jobs.directory());
    match open_output(&path, &reader) {
        Ok(file) => Ok(Some(file)),
        Err(Closed::Missing) => Ok(None),
        Err(Closed::Refused(_)) => Err(none()),
        Err(Closed::Failed(error)) => {
            tracing::warn!(%error, "the log of a job cannot be opened");
            Err(EtError::Internal)
        }
    }
}

/// Returns where the last lines begin; a last line without an end counts as one.
fn last_lines(file: &File, length: u64, lines: u64) -> io::Result<u64> {
    let floor = length.saturating_sub(FAR_BACK);
    let (mut ends, mut upto) = (0, length);
    if lines == 0 {
        return Ok(length);
    }
    while upto > floor {
        let from = upto.saturating_sub(PIECE).max(floor);
        let mut bytes = vec![0; usize::try_from(upto - from).unwrap_or(0)];
        file.read_exact_at(&mut bytes, from)?;
        for (at, _) in bytes.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = from + at as u64 + 1;
            // The end of the last line is not the end of one before it.
            if after < length {
                ends += 1;
                if ends == lines {
                    return Ok(after);
                }
            }
        }
        upto = from;
    }
    Ok(floor)
}

fn pieces(file: Arc<File>, from: u64, to: u64) -> impl futures_util::Stream<Item = Bytes> + Send + 'static {
    futures_util::stream::unfold((file, from), move |(file, at)| async move {
        if at >= to {
            return None;
        }
        let read = blocking(move || {
            let mut bytes = vec![0; usize::try_from((to - at).min(PIECE)).unwrap_or(0)];
            let read = file.read_at(&mut bytes, at).map_err(|_| EtError::Internal)?;
            bytes.truncate(read);
            Ok((bytes, file))
        });
        let (bytes, file) = read.await.ok()?;
        let next = at + bytes.len() as u64;
        (!bytes.is_empty()).then(|| (Bytes::from(bytes), (file, next)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_last_lines_are_found() {
        for (content, lines, wanted) in [
            ("", 3, ""),
            ("a\nb\nc\n", 0, ""),
            ("a\nb\nc\n", 1, "c\n"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\nb\nc\n", 9, "a\nb\nc\n"),
            ("a\n\n\n", 2, "\n\n"),
        ] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(content.as_bytes()).unwrap();
            let from = last_lines(&file, content.len() as u64, lines).unwrap();
            assert_eq!(&content[usize::try_from(from).unwrap()..], wanted, "{lines} of {content:?}");
        }
    }
}
