//! How requests reach the object store: plain HTTP or TLS with the certificates this machine trusts. The library's usual
//! client would bring a second TLS library, and the one for our own command line would have to know of it.

use futures_util::TryFutureExt;
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Plain;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use std::io;
use std::pin::Pin;
use std::time::Duration;

/// How long the store may take to be reached.
const CONNECTS: Duration = Duration::from_secs(10);
/// How long it may take to answer a request that it has been sent.
const ANSWERS: Duration = Duration::from_secs(120);
/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(60);

/// Sends requests.
#[derive(Clone, Debug)]
pub(super) struct Wire(Client<HttpsConnector<Plain>, HttpRequestBody>);

impl Wire {
    /// Makes a client; fails where this machine trusts nobody and cannot say so.
    pub(super) fn new() -> io::Result<Self> {
        let mut plain = Plain::new();
        plain.set_connect_timeout(Some(CONNECTS));
        plain.set_nodelay(true);
        plain.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .wrap_connector(plain);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .build(connector);
        Ok(Wire(client))
    }

    /// Returns it as the library wants it.
    pub(super) fn client(&self) -> HttpClient {
        HttpClient::new(self.clone())
    }
}

type Answering<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for Wire {
    fn call<'own, 'answer>(&'own self, request: HttpRequest) -> Answering<'answer>
    where
        'own: 'answer,
        Self: 'answer,
    {
        Box::pin(async move {
            let sent = self.0.request(request).map_err(|error| {
                let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
                HttpError::new(kind, error)
            });
            let answer = tokio::time::timeout(ANSWERS, sent).await;
            let answer = answer.map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))??;
            let broken = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            Ok(answer.map(|body| HttpResponseBody::new(body.map_err(broken))))
        })
    }
}

impl HttpConnector for Wire {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.client())
    }
}
