//! Which bytes are meant: of a piece that is sent, and of a file that is wanted.

use super::super::error::EtError;
use super::super::uuid;
use hyper::HeaderMap;
use hyper::header::{CONTENT_RANGE, RANGE};

/// A piece of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Piece {
    /// Number of the upload.
    pub(in super::super) upload: u128,
    /// Its first byte.
    pub(in super::super) from: u64,
    /// The byte behind its last.
    pub(in super::super) to: u64,
}

/// Reads `Content-Range: [UPLOAD]:FROM-TO`, the byte behind the last being named (facts C4).
pub(in super::super) fn piece(headers: &HeaderMap) -> Result<Piece, EtError> {
    let wrong = || EtError::Bad("Content-Range must be [UPLOAD_ID]:FIRST-BEHIND_LAST".to_owned());
    let text = headers.get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).ok_or_else(wrong)?;
    let (upload, range) =
        text.trim().strip_prefix('[').and_then(|text| text.split_once("]:")).ok_or_else(wrong)?;
    let (from, to) = range.split_once('-').ok_or_else(wrong)?;
    let upload = uuid::read(upload).ok_or(EtError::NotFound("Upload"))?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    let (from, to) = (number(from)?, number(to)?);
    if from > to { Err(wrong()) } else { Ok(Piece { upload, from, to }) }
}

/// What of a file is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Wanted {
    /// All of it.
    All,
    /// From a byte to the one behind the last, or less if there is less; asked for in this dialect's way.
    Part(u64, u64),
    /// The same, asked for as HTTP has it.
    Range(u64, u64),
    /// So many bytes at its end.
    Last(u64),
}

/// Reads which bytes are wanted: `Content-Range: FROM-TO` as the SDK sends it, the byte behind the last being named, or
/// HTTP's own `Range: bytes=FROM-LAST`.
pub(in super::super) fn wanted(headers: &HeaderMap) -> Result<Wanted, EtError> {
    let wrong = || EtError::Bad("Content-Range must be FIRST-BEHIND_LAST".to_owned());
    let number = |text: &str| text.trim().parse::<u64>().ok();
    if let Some(range) = headers.get(CONTENT_RANGE) {
        let (from, to) = range.to_str().ok().and_then(|range| range.split_once('-')).ok_or_else(wrong)?;
        let (from, to) = (number(from).ok_or_else(wrong)?, number(to).ok_or_else(wrong)?);
        return if from > to { Err(wrong()) } else { Ok(Wanted::Part(from, to)) };
    }
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
    // Several ranges, and what cannot be read, may be taken for none (RFC 9110, section 14.2).
    let Some((from, to)) = range.and_then(|range| range.split_once('-')) else { return Ok(Wanted::All) };
    Ok(match (number(from), number(to)) {
        (Some(from), Some(last)) if from <= last => Wanted::Range(from, last.saturating_add(1)),
        (Some(from), None) if to.is_empty() => Wanted::Range(from, u64::MAX),
        (None, Some(count)) if from.is_empty() => Wanted::Last(count),
        _ => Wanted::All,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        [(name, HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn pieces_are_read() {
        let of = |text: &str| piece(&headers(CONTENT_RANGE, text));
        let found = of("[00000000-0000-0000-0000-000000000007]:8-16").unwrap();
        assert_eq!(found, Piece { upload: 7, from: 8, to: 16 });
        for text in [
            "",
            "8-16",
            "[7]:8-16",
            "[00000000-0000-0000-0000-000000000007]:16-8",
            "[00000000-0000-0000-0000-000000000007]:8",
            "[00000000-0000-0000-0000-000000000007]:-1-8",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
        assert!(piece(&HeaderMap::new()).is_err());
    }

    #[test]
    fn what_is_wanted_is_read() {
        let own = |text: &str| wanted(&headers(CONTENT_RANGE, text));
        assert_eq!(own("0-8388608").unwrap(), Wanted::Part(0, 8_388_608));
        assert!(own("5-1").is_err() && own("x").is_err() && own("bytes 0-1/2").is_err());
        for (text, meant) in [
            ("bytes=0-9", Wanted::Range(0, 10)),
            ("bytes=5-", Wanted::Range(5, u64::MAX)),
            ("bytes=-5", Wanted::Last(5)),
            ("bytes=9-0", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("lines=0-9", Wanted::All),
        ] {
            assert_eq!(wanted(&headers(RANGE, text)).unwrap(), meant, "{text}");
        }
        assert_eq!(wanted(&HeaderMap::new()).unwrap(), Wanted::All);
    }
}
