//! Lists that are read from disk, in parts: those that come next are made side by side on threads that may wait, while
//! the one before them is sent.

use super::{Around, Entries, SPARE, Style, Writer};
use crate::http::answer::{Answer, Body, answer};
use crate::slurm::call::{Call, Envelope};
use crate::slurm::error;
use crate::slurm::media::Format;
use bytes::Bytes;
use futures_util::stream;
use slurm_wire::out::Out;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

/// Most bytes that are made of a part before they are sent; the rest of it waits for that.
const PIECE: usize = 1 << 20;
/// Room for the first part: most answers are one job.
const FIRST: usize = 64 << 10;
/// Parts that are made ahead of the one that is needed.
const AHEAD: usize = 2;
/// Parts that are made before anything is sent.
const EARLY: usize = 8;

impl Call<'_> {
    /// Begins an answer with a list, the first field of `payload`, whose parts come one after the other; `None` if there
    /// is no list in it.
    pub(in crate::slurm) fn begin_list<T: Envelope, E: Entries>(
        &mut self,
        mut payload: T,
        parts: UnboundedReceiver<E>,
    ) -> Option<List<E>> {
        self.fill(&mut payload);
        let around = Arc::new(Around::of(&payload, self.version, self.format)?);
        let style = self.style();
        Some(List { parts, style, around, under_way: VecDeque::new(), stage: Stage::Nothing })
    }

    /// Answers with a list all of whose parts have come. A client that is slow holds no thread, and no more memory than
    /// the parts ahead take; one that goes away ends it.
    pub(in crate::slurm) async fn list_of_parts<E: Entries>(self, mut list: List<E>) -> Answer {
        let status = error::status(&self.report.errors);
        let first = list.next().await.unwrap_or_default();
        let body = match list.stage {
            Stage::Over => Body::from(first),
            Stage::Nothing | Stage::Begun => {
                let rest = stream::unfold(list, |mut list| async move { Some((list.next().await?, list)) });
                Body::pieces(futures_util::StreamExt::chain(stream::iter([first]), rest))
            }
        };
        let mut answer = answer(status, self.format.content_type(), body);
        self.slice.mark(answer.headers_mut());
        answer
    }
}

/// What has been sent of a list.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Nothing,
    Begun,
    Over,
}

/// Entries with the beginning of a list before them, and who writes more of the same part.
type Made<E> = (Out, Option<Writer<E>>);

/// A list on its way.
pub(in crate::slurm) struct List<E> {
    /// Those that nobody has begun.
    parts: UnboundedReceiver<E>,
    style: Style,
    around: Arc<Around>,
    under_way: VecDeque<JoinHandle<Made<E>>>,
    stage: Stage,
}

impl<E: Entries> List<E> {
    /// Waits for what finds the parts, and makes the first of them meanwhile.
    pub(in crate::slurm) async fn until<F: Future>(&mut self, search: F) -> F::Output {
        let mut search = pin!(search);
        loop {
            tokio::select! {
                biased;
                found = &mut search => return found,
                Some(part) = self.parts.recv(), if self.under_way.len() < EARLY => self.begin(part),
            }
        }
    }

    /// Tells whether there are no parts.
    pub(in crate::slurm) fn is_empty(&self) -> bool {
        self.under_way.is_empty() && self.parts.is_empty()
    }

    /// Returns what is to be sent next; `None` behind the end, and where making it failed, which ends the answer.
    async fn next(&mut self) -> Option<Bytes> {
        while self.stage != Stage::Over {
            self.begin_more();
            let mut piece = match self.under_way.pop_front() {
                None => self.around.begin(SPARE, self.style.version),
                Some(made) => match made.await {
                    Ok((piece, rest)) => {
                        if let Some(writer) = rest {
                            self.under_way.push_front(self.making(writer, PIECE + SPARE));
                        }
                        piece
                    }
                    Err(error) => {
                        tracing::error!(%error, "a list could not be made to its end");
                        self.stage = Stage::Over;
                        return None;
                    }
                },
            };
            self.begin_more();
            let is_last = self.under_way.is_empty();
            // All entries of a part may have been purged meanwhile.
            if self.around.is_all(&piece) && !is_last {
                continue;
            }
            let bytes = match self.stage {
                Stage::Nothing => {
                    if is_last {
                        self.around.end(&mut piece);
                    }
                    Bytes::from(piece.into_bytes())
                }
                Stage::Begun | Stage::Over => self.go_on(piece, is_last),
            };
            self.stage = if is_last { Stage::Over } else { Stage::Begun };
            return Some(bytes);
        }
        None
    }

    /// Takes the beginning away from a piece that goes on with a list, and adds its end if it is the last.
    fn go_on(&self, mut piece: Out, is_last: bool) -> Bytes {
        let mut from = self.around.head.len();
        if self.style.format == Format::Json
            && !self.around.is_all(&piece)
            && let Some(last) = from.checked_sub(1)
            && let Some(byte) = piece.get_mut(last)
        {
            *byte = b',';
            from = last;
        }
        if is_last {
            piece.extend_from_slice(&self.around.tail);
        }
        Bytes::from(piece.into_bytes()).split_off(from)
    }

    fn begin_more(&mut self) {
        while self.under_way.len() <= AHEAD
            && let Ok(part) = self.parts.try_recv()
        {
            self.begin(part);
        }
    }

    fn begin(&mut self, part: E) {
        let is_first = self.stage == Stage::Nothing && self.under_way.is_empty();
        let room = if is_first { FIRST } else { PIECE + SPARE };
        let writer = Writer::of(part, self.style.clone());
        self.under_way.push_back(self.making(writer, room));
    }

    /// Makes a piece where waiting is allowed.
    fn making(&self, mut writer: Writer<E>, room: usize) -> JoinHandle<Made<E>> {
        let (around, version) = (Arc::clone(&self.around), self.style.version);
        tokio::task::spawn_blocking(move || {
            let mut piece = around.begin(room, version);
            let goes_on = writer.fill(&mut piece, true, PIECE);
            (piece, goes_on.then_some(writer))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slurm_wire::accounting::job::SlurmdbdJobsResp;
    use slurm_wire::versions;
    use tokio::sync::mpsc::unbounded_channel;

    /// Entries `{"at":1}` and so on, each with so many spaces behind the brace.
    fn part(ats: &'static [u32], spaces: usize) -> impl Entries {
        let mut ats = ats.iter();
        move |out: &mut Out| {
            let at = ats.next();
            let spaces = " ".repeat(spaces);
            out.extend_from_slice(
                at.map(|at| format!("{{{spaces}\"at\":{at}}}")).unwrap_or_default().as_bytes(),
            );
            at.is_some()
        }
    }

    async fn check(parts: Vec<&'static [u32]>, spaces: usize, least: usize) {
        let all: Vec<u32> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let style = Style { fields: Arc::default(), format: Format::Json, version: versions::CURRENT };
        let around = Around::of(&SlurmdbdJobsResp::default(), style.version, style.format).unwrap();
        let (to, come) = unbounded_channel();
        let (around, under_way) = (Arc::new(around), VecDeque::new());
        let mut list = List { parts: come, style, around, under_way, stage: Stage::Nothing };
        list.until(async {
            for ats in parts {
                to.send(part(ats, spaces)).ok().unwrap();
                tokio::task::yield_now().await;
            }
        })
        .await;
        let (mut whole, mut pieces) = (Vec::new(), 0);
        while let Some(piece) = list.next().await {
            assert!(!piece.is_empty() && piece.len() <= PIECE + spaces + 1024);
            whole.extend_from_slice(&piece);
            pieces += 1;
        }
        let json: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        let found: Vec<u64> =
            json["jobs"].as_array().unwrap().iter().map(|job| job["at"].as_u64().unwrap()).collect();
        assert_eq!(found, all.into_iter().map(u64::from).collect::<Vec<_>>());
        assert!(json["meta"].is_object() && pieces >= least, "{pieces} pieces");
    }

    #[tokio::test]
    async fn parts_follow_each_other_whatever_has_become_of_some() {
        check(Vec::new(), 0, 1).await;
        check(vec![&[]], 0, 1).await;
        check(vec![&[], &[], &[]], 0, 1).await;
        check(vec![&[1]], 0, 1).await;
        check(vec![&[], &[1, 2], &[], &[], &[3], &[]], 0, 2).await;
        check(vec![&[1, 2], &[3], &[4, 5], &[6], &[7]], 0, 5).await;
    }

    #[tokio::test]
    async fn a_part_that_is_too_long_is_sent_in_pieces() {
        check(vec![&[1], &[2, 3, 4, 5, 6, 7], &[], &[8]], 400_000, 4).await;
    }
}
