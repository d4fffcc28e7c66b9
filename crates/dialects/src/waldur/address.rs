//! Where things of this API are: below the address that a request came to, or the one that the site has set.

use super::names::hex;
use hyper::HeaderMap;
use hyper::header::HOST;
use std::net::SocketAddr;

/// The beginning of every URL: scheme and host, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address(String);

impl Address {
    /// Finds out under which address the client knows this service: as configured, or as it says itself.
    pub(super) fn of_request(configured: Option<&str>, headers: &HeaderMap, listening: SocketAddr) -> Self {
        if let Some(configured) = configured {
            return Address(configured.trim_end_matches('/').to_owned());
        }
        let said = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = said.filter(|host| is_host(host)).map_or_else(|| listening.to_string(), str::to_owned);
        Address(format!("http://{host}"))
    }

    /// Returns the URL of a list.
    pub(super) fn of(&self, room: &str) -> String {
        format!("{}/api/{room}/", self.0)
    }

    /// Returns the URL of one thing.
    pub(super) fn to(&self, room: &str, id: u128) -> String {
        format!("{}/api/{room}/{}/", self.0, hex(id))
    }
}

/// Tells whether a text is a host with or without a port, and nothing else: it is written into URLs and headers.
fn is_host(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(is_sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_begin_with_what_the_client_knows() {
        let of = |configured: Option<&str>, host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            Address::of_request(configured, &headers, ([127, 0, 0, 1], 6820).into()).of("projects")
        };
        assert_eq!(of(None, "api.example.com:8000"), "http://api.example.com:8000/api/projects/");
        assert_eq!(of(None, "[::1]:80"), "http://[::1]:80/api/projects/");
        assert_eq!(of(None, "x>, <y"), "http://127.0.0.1:6820/api/projects/");
        assert_eq!(of(Some("https://hpc.example.com/"), "x"), "https://hpc.example.com/api/projects/");
    }
}
