//! What goes back: small answers whole and with their length, long ones piece by piece.

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// An answer.
pub(crate) type Answer = Response<Body>;

/// The body of an answer.
pub(crate) enum Body {
    /// Known in full; `None` when it has been taken, or was never there.
    Whole(Option<Bytes>),
    /// Made while it is sent; with its length, if that is known.
    Pieces(Pin<Box<dyn Stream<Item = Bytes> + Send>>, Option<u64>),
}

impl Body {
    /// Makes a body from pieces, nobody knows how many.
    pub(crate) fn pieces(stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Body::Pieces(Box::pin(stream), None)
    }

    /// Makes a body from pieces, which make up `length` bytes if that is known.
    pub(crate) fn pieces_of(stream: impl Stream<Item = Bytes> + Send + 'static, length: Option<u64>) -> Self {
        Body::Pieces(Box::pin(stream), length)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Body::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Body::from(Bytes::from(bytes))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Body::from(Bytes::from_static(text.as_bytes()))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Body::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Pieces(stream, _) => {
                stream.as_mut().poll_next(cx).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Pieces(_, length) => length.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

/// Makes an answer. From 400 on the connection ends with it, as the original does (facts 2.1).
pub(crate) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status.as_u16() >= 400 {
        headers.insert(CONNECTION, HeaderValue::from_static("Close"));
    }
    answer
}

/// Makes an answer of plain text.
pub(crate) fn text(status: StatusCode, text: &'static str) -> Answer {
    answer(status, "text/plain", text)
}

/// Makes an answer without body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::Whole(None));
    *answer.status_mut() = status;
    answer
}
