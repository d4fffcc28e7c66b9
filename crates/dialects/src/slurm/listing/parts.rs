//! Lists that are read from disk, in parts: those that come next are made side by side on threads that may wait, while
//! the one before them is sent.

use super::{Around, Entries, SPARE, Style, Writer};
use crate::http::answer::{Answer, Body, answer};
use crate::slurm::call::{Call, Envelope, written};
use crate::slurm::error;
use crate::slurm::media::Format;
use bytes::Bytes;
use futures_util::stream;
use slurm_wire::out::Out;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Most bytes that are made of a part before they are sent; the rest of it waits for that.
const PIECE: usize = 1 << 20;
/// Parts that are made ahead of the one that is needed.
const AHEAD: usize = 2;

impl Call<'_> {
    /// Answers with a list, the first field of `payload`, whose parts follow each other. A client that is slow holds no
    /// thread, and no more memory than the parts ahead take; one that goes away ends it.
    pub(in crate::slurm) async fn list_of_parts<T: Envelope, E: Entries>(
        mut self,
        mut payload: T,
        parts: impl Iterator<Item = E> + Send + 'static,
    ) -> Answer {
        let status = error::status(&self.report.errors);
        self.fill(&mut payload);
        let Some(around) = Around::of(&payload, self.version, self.format) else {
            return written(status, self.format, slurm_wire::to_json_in(self.version, &payload));
        };
        let mut list = List {
            parts,
            style: self.style(),
            around: Arc::new(around),
            under_way: VecDeque::new(),
            stage: Stage::Nothing,
        };
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

struct List<I, E> {
    /// Those that nobody has begun.
    parts: I,
    style: Style,
    around: Arc<Around>,
    under_way: VecDeque<JoinHandle<Made<E>>>,
    stage: Stage,
}

impl<E: Entries, I: Iterator<Item = E>> List<I, E> {
    /// Returns what is to be sent next; `None` behind the end, and where making it failed, which ends the answer.
    async fn next(&mut self) -> Option<Bytes> {
        while self.stage != Stage::Over {
            self.begin_more();
            let mut piece = match self.under_way.pop_front() {
                None => self.around.begin(SPARE, self.style.version),
                Some(made) => match made.await {
                    Ok((piece, rest)) => {
                        if let Some(writer) = rest {
                            self.under_way.push_front(self.making(writer));
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
            && let Some(part) = self.parts.next()
        {
            let writer = Writer::of(part, self.style.clone());
            self.under_way.push_back(self.making(writer));
        }
    }

    /// Makes a piece where waiting is allowed.
    fn making(&self, mut writer: Writer<E>) -> JoinHandle<Made<E>> {
        let (around, version) = (Arc::clone(&self.around), self.style.version);
        tokio::task::spawn_blocking(move || {
            let mut piece = around.begin(PIECE + SPARE, version);
            let goes_on = writer.fill(&mut piece, true, PIECE);
            (piece, goes_on.then_some(writer))
        })
    }
}
