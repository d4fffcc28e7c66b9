//! The little of HTTP that a load generator needs: requests as bytes made once, answers counted rather than kept.

use anyhow::{Context, Result, bail};

use crate::target::Target;

/// How much of an answer's body is kept unless somebody asks for all of it.
pub(crate) const SCRAP: usize = 4096;

/// Renders a request with the target's credentials.
pub(crate) fn request(target: &Target, method: &str, path: &str, body: Option<&str>) -> Vec<u8> {
    request_with(target, method, path, "", body)
}

/// The same with more headers, each with its line end.
pub(crate) fn request_with(
    target: &Target,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&str>,
) -> Vec<u8> {
    let Target { address, user, token, .. } = target;
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nX-SLURM-USER-NAME: {user}\r\nX-SLURM-USER-TOKEN: {token}\r\n\
         Accept: application/json\r\n{headers}"
    );
    if let Some(body) = body {
        text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body.unwrap_or_default());
    text.into_bytes()
}

/// What is being waited for within an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expecting {
    Head,
    /// So many bytes of the body.
    Body(usize),
    /// A chunk's size line, of which a part may have come.
    ChunkSize,
    /// So many bytes of a chunk, its line end included; whether it is the last one.
    Chunk(usize, bool),
    /// The body lasts until the connection ends.
    End,
}

/// Takes an answer apart as it arrives.
#[derive(Debug)]
pub(crate) struct Answer {
    expecting: Expecting,
    /// The head, or a chunk's size line, as far as it has come.
    partial: Vec<u8>,
    /// The HTTP status, once known.
    pub(crate) status: u16,
    /// How many bytes of body have come.
    pub(crate) size: usize,
    /// The beginning of the body.
    pub(crate) body: Vec<u8>,
    /// How much of the body is kept.
    pub(crate) keep: usize,
    /// Whether the server ends the connection after this answer.
    pub(crate) closes: bool,
}

impl Answer {
    pub(crate) fn expected() -> Self {
        Self {
            expecting: Expecting::Head,
            partial: Vec::new(),
            status: 0,
            size: 0,
            body: Vec::new(),
            keep: SCRAP,
            closes: false,
        }
    }

    /// Makes it ready for the next answer; what it has allocated is used again.
    pub(crate) fn reset(&mut self) {
        self.expecting = Expecting::Head;
        self.partial.clear();
        self.body.clear();
        (self.status, self.size, self.closes) = (0, 0, false);
    }

    /// Takes in what came; returns whether the answer is complete.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Result<bool> {
        loop {
            match self.expecting {
                Expecting::Head => {
                    let Some(rest) = self.line(bytes, b"\r\n\r\n") else { return Ok(false) };
                    bytes = rest;
                    if self.read_head()? {
                        return Ok(true);
                    }
                }
                Expecting::Body(left) => {
                    let count = left.min(bytes.len());
                    self.count(&bytes[..count]);
                    self.expecting = Expecting::Body(left - count);
                    return Ok(left == count);
                }
                Expecting::ChunkSize => {
                    let Some(rest) = self.line(bytes, b"\r\n") else { return Ok(false) };
                    bytes = rest;
                    let line = String::from_utf8_lossy(&self.partial).into_owned();
                    let digits = line.split(';').next().unwrap_or_default().trim();
                    let size = usize::from_str_radix(digits, 16).context("a chunk without a size")?;
                    self.partial.clear();
                    self.expecting = Expecting::Chunk(size + 2, size == 0);
                }
                Expecting::Chunk(left, is_last) => {
                    let count = left.min(bytes.len());
                    // The last two bytes are the line end.
                    self.count(&bytes[..count.min(left.saturating_sub(2))]);
                    bytes = &bytes[count..];
                    match (left == count, is_last) {
                        (true, true) => return Ok(true),
                        (true, false) => self.expecting = Expecting::ChunkSize,
                        (false, _) => {
                            self.expecting = Expecting::Chunk(left - count, is_last);
                            return Ok(false);
                        }
                    }
                }
                Expecting::End => {
                    self.count(bytes);
                    return Ok(false);
                }
            }
        }
    }

    /// Says whether the answer is complete now that the connection has ended.
    pub(crate) fn ended(&self) -> bool {
        self.expecting == Expecting::End
    }

    fn count(&mut self, bytes: &[u8]) {
        self.size += bytes.len();
        let wanted = self.keep.saturating_sub(self.body.len()).min(bytes.len());
        self.body.extend_from_slice(&bytes[..wanted]);
    }

    /// Collects up to a mark into `partial`; returns what is behind it.
    fn line<'a>(&mut self, bytes: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
        let before = self.partial.len();
        self.partial.extend_from_slice(bytes);
        let from = before.saturating_sub(mark.len());
        let at = self.partial[from..].windows(mark.len()).position(|part| part == mark)? + from;
        self.partial.truncate(at);
        Some(&bytes[at + mark.len() - before..])
    }

    /// Reads the head in `partial`; returns whether there is nothing behind it.
    fn read_head(&mut self) -> Result<bool> {
        let head = String::from_utf8_lossy(&self.partial).to_ascii_lowercase();
        self.partial.clear();
        self.status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        if self.status == 0 {
            bail!("not an answer: {head:.80}");
        }
        let header = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        self.closes = header("connection").is_some_and(|value| value == "close");
        let length = header("content-length").and_then(|value| value.parse().ok());
        self.expecting = match length {
            _ if header("transfer-encoding").is_some_and(|value| value == "chunked") => Expecting::ChunkSize,
            Some(length) => Expecting::Body(length),
            None if self.status == 204 || self.status == 304 => Expecting::Body(0),
            None => Expecting::End,
        };
        Ok(self.expecting == Expecting::Body(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds an answer in pieces of every size and checks what was understood.
    #[track_caller]
    fn check(wire: &str, status: u16, body: &str) {
        for piece in 1..=wire.len() {
            let mut answer = Answer::expected();
            let mut is_complete = false;
            for bytes in wire.as_bytes().chunks(piece) {
                assert!(!is_complete, "complete too early in pieces of {piece}");
                is_complete = answer.take(bytes).unwrap();
            }
            assert!(is_complete, "not complete in pieces of {piece}");
            assert_eq!((answer.status, answer.size), (status, body.len()));
            assert_eq!(String::from_utf8_lossy(&answer.body), body);
        }
    }

    #[test]
    fn a_body_of_known_length() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
    }

    #[test]
    fn a_body_in_chunks() {
        let wire = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n";
        check(wire, 200, "hello, world");
    }

    #[test]
    fn no_body_at_all() {
        check("HTTP/1.1 304 Not Modified\r\nX: y\r\n\r\n", 304, "");
        check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "");
    }

    #[test]
    fn what_is_not_an_answer_is_refused() {
        assert!(Answer::expected().take(b"SSH-2.0\r\n\r\n").is_err());
    }
}
