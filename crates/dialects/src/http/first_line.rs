//! A look at the first line of a connection before hyper gets it: the original answers a foreign HTTP version with
//! status 500 and a text, where hyper would say 400 without one.

use tokio::net::TcpStream;

const ONLY_HTTP_1: &[u8] =
    b"HTTP/1.1 500 Internal Server Error\r\nConnection: Close\r\nContent-Length: 44\r\n\
Content-Type: text/plain\r\n\r\nOnly HTTP version 1.1 requests are supported";

/// Waits for the first bytes and looks at them; returns what is to be answered if the version is foreign.
pub(super) async fn objection(stream: &TcpStream) -> std::io::Result<Option<&'static [u8]>> {
    let mut start = [0u8; 1024];
    let length = stream.peek(&mut start).await?;
    let seen = start.get(..length).unwrap_or_default();
    let foreign = is_foreign(seen);
    Ok(foreign.then_some(ONLY_HTTP_1))
}

/// Tells whether a complete first line ends in an HTTP version other than 1.0 and 1.1.
fn is_foreign(seen: &[u8]) -> bool {
    let Some(end) = seen.iter().position(|byte| *byte == b'\n') else { return false };
    let line = seen.get(..end).unwrap_or_default().trim_ascii_end();
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    version.starts_with(b"HTTP/") && !matches!(version, b"HTTP/1.0" | b"HTTP/1.1")
}

#[cfg(test)]
mod tests {
    use super::is_foreign;

    #[test]
    fn foreign_versions_are_seen() {
        for (start, foreign) in [
            (&b"GET / HTTP/1.1\r\nHost: x"[..], false),
            (b"GET / HTTP/1.0\r\n", false),
            (b"GET / HTTP/2.0\r\n", true),
            (b"GET / HTTP/3.7\n", true),
            (b"GET / HTTP/3.7", false),
            (b"nonsense\r\n", false),
            (b"", false),
        ] {
            assert_eq!(is_foreign(start), foreign, "{}", String::from_utf8_lossy(start));
        }
    }
}
