//! The canonical forms of a request: what a client may have signed. Clients differ in path, query and host, so there are
//! several (facts B7: what was recorded of real ones).

use hyper::header::HeaderMap;
use std::fmt::Write;

/// The parts of a request that are signed.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// The path as received.
    pub(super) path: &'a str,
    /// The query as received, without its question mark.
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// Names of the signed headers.
    pub(super) signed: &'a [&'a str],
    /// The SHA-256 of the body, in hexadecimal digits.
    pub(super) body_hash: &'a str,
}

impl Request<'_> {
    /// Returns every canonical form, the usual one first; `None` where a signed header is not there or is no text.
    pub(super) fn canonical(&self) -> Option<Vec<String>> {
        let mut forms = Vec::new();
        let hosts = [self.header_lines(false)?, self.header_lines(true)?];
        let signed = self.signed.join(";");
        for path in paths(self.path) {
            for query in queries(self.query) {
                for headers in &hosts {
                    let form =
                        format!("{}\n{path}\n{query}\n{headers}\n{signed}\n{}", self.method, self.body_hash);
                    if !forms.contains(&form) {
                        forms.push(form);
                    }
                }
            }
        }
        Some(forms)
    }

    fn header_lines(&self, without_port: bool) -> Option<String> {
        let mut lines = String::new();
        for name in self.signed {
            let mut values = Vec::new();
            for value in self.headers.get_all(*name) {
                values.push(squeezed(std::str::from_utf8(value.as_bytes()).ok()?));
            }
            if values.is_empty() {
                return None;
            }
            let mut value = values.join(",");
            if without_port && *name == "host" {
                let host =
                    value.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
                value = host.map_or(value.clone(), |(host, _)| host.to_owned());
            }
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{name}:{value}");
        }
        Some(lines)
    }
}

/// Cuts spaces off both ends, and leaves one of each run of them within. Other blanks stay as they are.
fn squeezed(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The path as received, as the signature of most services has it: encoded once more; and each without empty segments
/// and dots.
fn paths(path: &str) -> Vec<String> {
    let path = if path.is_empty() { "/" } else { path };
    let plain = without_dots(path);
    let mut forms = vec![path.to_owned(), encoded(path.as_bytes(), true)];
    forms.extend([encoded(plain.as_bytes(), true), plain]);
    forms
}

fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let ends = path.ends_with('/') && !kept.is_empty();
    format!("/{}{}", kept.join("/"), if ends { "/" } else { "" })
}

/// The query in order, in the order sent, and as received.
fn queries(query: &str) -> Vec<String> {
    if query.is_empty() {
        return vec![String::new()];
    }
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (encoded(&decoded(name), false), encoded(&decoded(value), false))
    };
    let pairs: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    let mut sorted = pairs.clone();
    sorted.sort();
    let joined = |pairs: &[(String, String)]| {
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    };
    vec![joined(&sorted), joined(&pairs), query.to_owned()]
}

fn decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

fn encoded(bytes: &[u8], keeps_slashes: bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte))
            }
            b'/' if keeps_slashes => text.push('/'),
            // Writing to a string cannot fail.
            other => drop(write!(text, "%{other:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_have_several_forms() {
        assert_eq!(paths("/a%20b")[..2], ["/a%20b", "/a%2520b"]);
        assert_eq!(paths("/a//b/../c/")[3], "/a/c/");
        assert_eq!(paths("")[0], "/");
        assert_eq!(queries("b=2&a=%7e&a"), ["a=&a=~&b=2", "b=2&a=~&a=", "b=2&a=%7e&a"]);
        assert_eq!(queries("x=%zz%4")[0], "x=%25zz%254");
        assert_eq!(squeezed("  a \t  b   c "), "a \t b c");
    }
}
