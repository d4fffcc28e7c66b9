//! How answers are put together from copies: whole, in parts, in other versions, compressed.

use super::pack::{self, Packed};
use super::picture::{Entry, Picture};
use super::request::{Reply, Request, Slice};
use super::split::{Around, Splitter};
use super::translate;
use super::transport::Answer;
use super::trouble::Trouble;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use slurm_wire::versions::Version;
use std::sync::Arc;

/// Answers shorter than this are not worth compressing.
pub(super) const SMALL: usize = 1024;

/// Answers with the jobs of one number out of the list.
pub(super) fn one_of_list(request: &Request, version: &'static Version, picture: &Picture, id: u32) -> Reply {
    let mut body = vec![picture.head()];
    for (place, job) in picture.family(id).iter().enumerate() {
        if place > 0 {
            body.push(Bytes::from_static(b","));
        }
        body.push(job.bytes.clone());
    }
    body.push(picture.tail(picture.told, None));
    let reply = Reply {
        status: StatusCode::OK,
        content_type: Some(HeaderValue::from_static("application/json")),
        body,
        is_gzip: false,
        age: Some(picture.checked.elapsed()),
        tag: None,
        next: None,
    };
    in_version(request, version, reply)
}

/// Writes a small answer in the version that was asked for.
pub(super) fn in_version(request: &Request, from: &'static Version, reply: Reply) -> Reply {
    if from.name == request.version.name {
        return reply;
    }
    let body = Bytes::from(reply.body.concat());
    let answer = Answer { status: reply.status, content_type: reply.content_type.clone(), body };
    Reply { body: vec![translate::answer(request, from, answer).body], ..reply }
}

/// Puts the whole list together, of pieces that are shared.
pub(super) async fn whole_list(
    request: &Request,
    picture: &Arc<Picture>,
    tail: Bytes,
    reply: Reply,
) -> Result<Reply, Trouble> {
    if !request.takes_gzip {
        let pages = picture.pages.iter().map(|page| page.bytes.clone());
        let body = std::iter::once(picture.head()).chain(pages).chain([tail]).collect();
        return Ok(Reply { body, ..reply });
    }
    let put_together = |picture: &Picture, tail: &[u8]| {
        let (head, tail) = (Packed::of(&picture.head()), Packed::of(tail));
        let pages = picture.pages.iter().map(|page| page.packed());
        pack::stream(std::iter::once(&head).chain(pages).chain([&tail]))
    };
    let body = if picture.pages.iter().all(|page| page.is_packed()) {
        put_together(picture, &tail)
    } else {
        let picture = Arc::clone(picture);
        blocking(move || put_together(&picture, &tail)).await?
    };
    Ok(Reply { body, is_gzip: true, ..reply })
}

/// Writes a part of the list of jobs, or all of it in another version.
pub(super) fn listed(
    request: &Request,
    version: &'static Version,
    picture: &Picture,
    tail: Bytes,
) -> (Vec<Bytes>, Option<u32>) {
    let slice = &request.slice;
    let mut jobs: Vec<&Arc<Entry>> = picture.entries().filter(|job| job.id >= slice.cursor).collect();
    let mut next = None;
    if slice.limit.is_some() || slice.cursor > 0 {
        jobs.sort_by_key(|job| job.id);
        let limit = slice.limit.unwrap_or(usize::MAX);
        next = jobs.get(limit).map(|job| job.id);
        jobs.truncate(limit);
    }
    let list = jobs.iter().map(|job| &*job.bytes).collect::<Vec<_>>().join(&b','.to_owned());
    let body = Bytes::from([&picture.head(), &list[..], &tail].concat());
    let answer = Answer { status: StatusCode::OK, content_type: None, body };
    let body = translate::answer(request, version, answer).body;
    if slice.fields.is_empty() {
        return (vec![body], next);
    }
    let all = Slice { fields: slice.fields.clone(), ..Slice::default() };
    (cut(&all, "jobs", &body).map_or_else(|| vec![body.clone()], |(body, _)| body), next)
}

/// Takes a slice of the list in an answer, by the places of its entries. `None` if there is no list in it.
pub(super) fn cut(slice: &Slice, list: &str, body: &[u8]) -> Option<(Vec<Bytes>, Option<u32>)> {
    let first = usize::try_from(slice.cursor).unwrap_or(usize::MAX);
    let end = first.saturating_add(slice.limit.unwrap_or(usize::MAX));
    let (mut splitter, mut place, mut written) = (Splitter::new(list), 0_usize, Vec::new());
    let told = splitter.feed(body, |entry| {
        if (first..end).contains(&place) {
            if !written.is_empty() {
                written.push(b',');
            }
            if slice.fields.is_empty() {
                written.extend_from_slice(entry);
            } else {
                slurm_wire::versions::write_only(entry, |name| slice.fields.contains(name), &mut written);
            }
        }
        place += 1;
    });
    told.ok()?;
    let Around { head, tail } = splitter.end().ok()?;
    let next = (place > end).then(|| u32::try_from(end).ok()).flatten();
    Some((vec![Bytes::from(head), Bytes::from(written), Bytes::from(tail)], next))
}

/// Compresses an answer for those who understand it.
pub(super) fn compressed(request: &Request, reply: Reply) -> Reply {
    let size: usize = reply.body.iter().map(Bytes::len).sum();
    if !request.takes_gzip || size < SMALL {
        return reply;
    }
    let packed: Vec<Packed> = reply.body.iter().map(|piece| Packed::of(piece)).collect();
    Reply { body: pack::stream(&packed), is_gzip: true, ..reply }
}

/// Does something that takes a while where it is in nobody's way.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Trouble::Garbage(format!("it cannot be read: {error}")))
}

/// Tells whether a client knows this state of a list.
pub(super) fn is_known(request: &Request, tag: &str) -> bool {
    let known = request.known.as_deref().unwrap_or_default();
    known.trim() == "*" || known.split(',').any(|known| known.trim() == tag)
}

/// Returns the last `update_time` of a request, 0 for none.
pub(super) fn since(request: &Request) -> i64 {
    let times = request.query.iter().filter(|(name, _)| name == "update_time");
    times.filter_map(|(_, value)| value.as_deref()?.parse().ok()).next_back().unwrap_or(0)
}

/// Writes a time as slurmrestd does.
pub(super) fn local_time(seconds: i64) -> String {
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
