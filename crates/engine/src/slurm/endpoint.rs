//! Where a slurmrestd listens, as a configuration writes it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// An address of slurmrestd: `http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Over TCP, with TLS or without: scheme, host and port, nothing behind them.
    Web(String),
    /// A socket of this machine.
    Socket(PathBuf),
}

/// A text that names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no endpoint such as \"http://HOST:6820\", \"https://HOST:6820\" or \"unix:/run/slurmrestd/socket\""
)]
pub struct NoEndpoint(String);

impl FromStr for Endpoint {
    type Err = NoEndpoint;

    fn from_str(text: &str) -> Result<Endpoint, NoEndpoint> {
        let refused = || NoEndpoint(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            // With two slashes, as a URL has them, or without.
            let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
            return if path.is_absolute() { Ok(Endpoint::Socket(path)) } else { Err(refused()) };
        }
        let uri: hyper::Uri = text.parse().map_err(|_| refused())?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        match (scheme, authority, uri.path(), uri.query()) {
            (Some(scheme), Some(authority), "" | "/", None) => {
                Ok(Endpoint::Web(format!("{scheme}://{authority}")))
            }
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Web(origin) => f.write_str(origin),
            Endpoint::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_shown() {
        for (text, shown) in [
            ("http://127.0.0.1:6820", Some("http://127.0.0.1:6820")),
            ("https://head.example:6820/", Some("https://head.example:6820")),
            ("unix:/run/rest", Some("unix:/run/rest")),
            ("unix:///run/rest", Some("unix:/run/rest")),
            ("unix:run/rest", None),
            ("http://head/slurm", None),
            ("http://a:b@head", None),
            ("ftp://head", None),
            ("head:6820", None),
            ("", None),
        ] {
            let read = text.parse::<Endpoint>().ok().map(|endpoint| endpoint.to_string());
            assert_eq!(read.as_deref(), shown, "{text}");
        }
    }
}
