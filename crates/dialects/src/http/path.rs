//! Paths as the original reads them: repeated slashes and `.` segments collapse, a slash at the end does not
//! matter, percent-encoding is decoded within each segment, and a few raw letters make a path illegal (facts 2.1).

use smallvec::SmallVec;
use std::borrow::Cow;

/// A path that nothing can be found under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IllegalPath;

/// The segments of a path, decoded.
pub(crate) type Segments<'a> = SmallVec<[Cow<'a, str>; 6]>;

/// Divides a path.
pub(crate) fn segments(raw: &str) -> Result<Segments<'_>, IllegalPath> {
    let mut segments = Segments::new();
    for segment in raw.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        if segments.len() == 16 || segment.contains([',', '+', '[', ']']) {
            return Err(IllegalPath);
        }
        let segment = decoded(segment).ok_or(IllegalPath)?;
        if segment == ".." {
            return Err(IllegalPath);
        }
        segments.push(segment);
    }
    Ok(segments)
}

/// Decodes percent signs; `None` where one is not followed by two hexadecimal digits, or no text comes out.
pub(crate) fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('%') {
        return Some(Cow::Borrowed(raw));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |at: usize| digits.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        for (raw, wanted) in [
            ("/slurm/v0.0.44/ping/", vec!["slurm", "v0.0.44", "ping"]),
            ("//slurm/./v0.0.44///p%69ng//", vec!["slurm", "v0.0.44", "ping"]),
            ("/node/n%5B1-2%5D", vec!["node", "n[1-2]"]),
            ("/node/%20", vec!["node", " "]),
            ("/", vec![]),
        ] {
            let segments = segments(raw).unwrap();
            assert_eq!(segments.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), wanted, "{raw}");
        }
        for raw in ["/job/1,2", "/job/1+0", "/node/n[1-2]", "/a/%zz", "/a/%4", "/a/%ff", "/a/../b", "/%2e%2e"]
        {
            assert_eq!(segments(raw), Err(IllegalPath), "{raw}");
        }
    }
}
