//! Sends requests byte for byte as recorded: one keep-alive connection, no header of our own but Content-Length.
//!
//! Hand-made, since a well-behaved client library would mend exactly the odd requests that are to be tried.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// An answer as it came; no status means that none came.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) status: Option<u16>,
    pub(crate) body: Vec<u8>,
}

/// Speaks with one server.
pub(crate) struct Exchange {
    address: SocketAddr,
    connection: Option<TcpStream>,
}

impl Exchange {
    pub(crate) fn with(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// Sends one request and reads its answer.
    ///
    /// A kept connection that the server has closed meanwhile is replaced once.
    pub(crate) fn ask(&mut self, request: &[u8], patience: Duration) -> Received {
        if let Some(connection) = self.connection.take() {
            match exchange(connection, request, patience) {
                Ok(answer) => return self.keep(answer),
                Err(error) if is_timeout(&error) => return Received::default(),
                Err(_) => {}
            }
        }
        let fresh = TcpStream::connect(self.address).map_err(anyhow::Error::from);
        match fresh.and_then(|connection| exchange(connection, request, patience)) {
            Ok(answer) => self.keep(answer),
            Err(_) => Received::default(),
        }
    }

    fn keep(&mut self, (received, connection): (Received, Option<TcpStream>)) -> Received {
        self.connection = connection;
        received
    }

    /// Sends bytes on a connection of their own and reads the status line, if one comes.
    pub(crate) fn shout(&self, request: &[u8], patience: Duration) -> Received {
        let status =
            TcpStream::connect(self.address).map_err(anyhow::Error::from).and_then(|mut connection| {
                connection.set_read_timeout(Some(patience))?;
                connection.write_all(request)?;
                let mut head = Vec::new();
                while !head.windows(2).any(|pair| pair == b"\r\n") {
                    let mut piece = [0; 4096];
                    match connection.read(&mut piece)? {
                        0 => break,
                        count => head.extend_from_slice(&piece[..count]),
                    }
                }
                status_of(&head)
            });
        Received { status: status.ok(), body: Vec::new() }
    }
}

/// Renders a request.
pub(crate) fn render(
    method: &str,
    path: &str,
    headers: impl Iterator<Item = (String, String)>,
    body: Option<&[u8]>,
    host: SocketAddr,
) -> Vec<u8> {
    let mut has_length = false;
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    let mut has_host = false;
    for (name, value) in headers {
        has_length |= name.eq_ignore_ascii_case("content-length");
        has_host |= name == "Host";
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !has_host {
        text.push_str(&format!("Host: {host}\r\n"));
    }
    if let (Some(body), false) = (body, has_length) {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body.unwrap_or_default());
    bytes
}

fn is_timeout(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
}

fn exchange(
    mut connection: TcpStream,
    request: &[u8],
    patience: Duration,
) -> Result<(Received, Option<TcpStream>)> {
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(patience))?;
    // A server that refuses early may close while a large body is still under way; its answer counts all the same.
    let written = connection.write_all(request);
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if !more(&mut connection, &mut bytes)? {
            written.context("send")?;
            bail!("closed without an answer");
        }
    };
    let status = status_of(&bytes)?;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let header =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let closes = header("connection").is_some_and(|value| value == "close");
    let length = header("content-length").and_then(|value| value.parse::<usize>().ok());
    let is_chunked = header("transfer-encoding").is_some_and(|value| value == "chunked");
    bytes.drain(..head);
    let body = match (is_chunked, length) {
        (true, _) => chunked(&mut connection, bytes)?,
        (false, Some(length)) => {
            while bytes.len() < length && more(&mut connection, &mut bytes)? {}
            // The original answers some bad requests twice before it closes; the first answer counts.
            bytes.truncate(length);
            bytes
        }
        (false, None) if matches!(status, 100..=199 | 204 | 304) => bytes,
        (false, None) => {
            while more(&mut connection, &mut bytes)? {}
            bytes
        }
    };
    let kept =
        (!closes && (is_chunked || length.is_some() || matches!(status, 204 | 304))).then_some(connection);
    Ok((Received { status: Some(status), body }, kept))
}

fn more(connection: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut piece = vec![0; 64 << 10];
    let count = connection.read(&mut piece)?;
    bytes.extend_from_slice(&piece[..count]);
    Ok(count > 0)
}

fn chunked(connection: &mut TcpStream, mut rest: Vec<u8>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let Some(end) = rest[at..].windows(2).position(|two| two == b"\r\n") else {
            anyhow::ensure!(more(connection, &mut rest)?, "the answer ended inside a chunk");
            continue;
        };
        let size = String::from_utf8_lossy(&rest[at..at + end]).into_owned();
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)?;
        let data = at + end + 2;
        while rest.len() < data + size + 2 {
            anyhow::ensure!(more(connection, &mut rest)?, "the answer ended inside a chunk");
        }
        body.extend_from_slice(&rest[data..data + size]);
        at = data + size + 2;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn status_of(head: &[u8]) -> Result<u16> {
    let line =
        String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    let mut words = line.split(' ');
    match (words.next(), words.next().map(str::parse)) {
        (Some(version), Some(Ok(status))) if version.starts_with("HTTP/") => Ok(status),
        _ => bail!("not a status line: {line:?}"),
    }
}
