//! How a request reaches one slurmrestd: over TCP, TLS or a socket of the machine, within limits of time and size.

use super::endpoint::Endpoint;
use super::trouble::Lost;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::UnixStream;

/// How long slurmrestd may take to be reached.
const CONNECTS: Duration = Duration::from_secs(5);
/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(30);

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// How long the answer may take to begin, and each further piece of it to come.
    pub(super) patience: Duration,
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// The form of its body.
    pub content_type: Option<HeaderValue>,
    /// Its body.
    pub body: Bytes,
}

/// An answer that has begun.
pub(super) struct Arriving {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<HeaderValue>,
    body: Incoming,
    patience: Duration,
}

/// Speaks to one endpoint.
pub(super) struct Sender(Kind);

enum Kind {
    Web(String, Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
    Socket(Client<SocketConnector, Full<Bytes>>),
}

impl Sender {
    /// Makes one; `authority` is a file of certificates that is trusted instead of what the machine trusts.
    ///
    /// # Errors
    /// If there are no certificates to trust.
    pub(super) fn new(endpoint: &Endpoint, authority: Option<&Path>) -> io::Result<Self> {
        Ok(Sender(match endpoint {
            Endpoint::Web(origin) => Kind::Web(origin.clone(), client(web(authority)?)),
            Endpoint::Socket(path) => Kind::Socket(client(SocketConnector(path.clone()))),
        }))
    }

    /// Sends a request and waits for its answer to begin.
    pub(super) async fn send(&self, sent: &Sent) -> Result<Arriving, Lost> {
        let answer = match &self.0 {
            Kind::Web(origin, client) => client.request(request(origin, sent)?),
            Kind::Socket(client) => client.request(request("http://localhost", sent)?),
        };
        let answer = match tokio::time::timeout(sent.patience, answer).await {
            Ok(answer) => answer.map_err(|error| lost(&error))?,
            Err(_) => return Err(Lost::Unanswered(format!("no answer within {:?}", sent.patience))),
        };
        let content_type = answer.headers().get(CONTENT_TYPE).cloned();
        let (status, body) = (answer.status(), answer.into_body());
        Ok(Arriving { status, content_type, body, patience: sent.patience })
    }
}

impl Arriving {
    /// Returns the next piece of the body, `None` behind the last.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Lost> {
        loop {
            let frame = match tokio::time::timeout(self.patience, self.body.frame()).await {
                Ok(frame) => frame,
                Err(_) => return Err(Lost::Unanswered(format!("no more within {:?}", self.patience))),
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Lost::Unanswered(format!("broken off: {error}"))),
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    /// Reads the whole answer, of at most so many bytes.
    pub(super) async fn whole(mut self, most: usize) -> Result<Answer, Lost> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if body.len() + piece.len() > most {
                return Err(Lost::Garbage(format!("more than {most} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status: self.status, content_type: self.content_type, body: body.freeze() })
    }
}

fn client<C>(connector: C) -> Client<C, Full<Bytes>>
where
    C: hyper_util::client::legacy::connect::Connect + Clone,
{
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .build(connector)
}

fn web(authority: Option<&Path>) -> io::Result<HttpsConnector<HttpConnector>> {
    let mut plain = HttpConnector::new();
    plain.set_connect_timeout(Some(CONNECTS));
    plain.set_nodelay(true);
    plain.enforce_http(false);
    let builder = HttpsConnectorBuilder::new();
    let builder = match authority {
        None => builder.with_native_roots()?,
        Some(path) => builder.with_tls_config(trusting(path)?),
    };
    Ok(builder.https_or_http().enable_http1().wrap_connector(plain))
}

/// Trusts the certificates of a file, and nobody else.
fn trusting(path: &Path) -> io::Result<rustls::ClientConfig> {
    let unreadable = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut roots = RootCertStore::empty();
    let file = std::fs::read(path)?;
    for certificate in CertificateDer::pem_slice_iter(&file) {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unreadable("there is no certificate in it".to_owned()));
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unreadable(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn request(origin: &str, sent: &Sent) -> Result<Request<Full<Bytes>>, Lost> {
    let uri: Uri = format!("{origin}{}", sent.target)
        .parse()
        .map_err(|error| Lost::Unreached(format!("no address: {error}")))?;
    let mut request = Request::new(Full::new(sent.body.clone()));
    *request.method_mut() = sent.method.clone();
    if let Some(host) = uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        request.headers_mut().insert(HOST, host);
    }
    *request.uri_mut() = uri;
    request.headers_mut().extend(sent.headers.clone());
    Ok(request)
}

/// Tells what was never sent from what may have been carried out.
fn lost(error: &Error) -> Lost {
    let mut why = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        why = format!("{why}: {cause}");
        source = cause.source();
    }
    if error.is_connect() { Lost::Unreached(why) } else { Lost::Unanswered(why) }
}

/// Connects to a socket of this machine, whatever the address says.
#[derive(Clone)]
struct SocketConnector(PathBuf);

impl tower_service::Service<Uri> for SocketConnector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<UnixStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let path = self.0.clone();
        Box::pin(async move {
            let connected = tokio::time::timeout(CONNECTS, UnixStream::connect(path)).await;
            connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map(TokioIo::new)
        })
    }
}
