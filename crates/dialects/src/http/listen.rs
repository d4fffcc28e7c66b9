//! Accepts connections and runs each until it ends, is idle for too long, or the service stops.

use super::answer::Answer;
use super::connection::Patient;
use super::first_line;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How long a connection may be idle, and a request's head may take to arrive.
const IDLE: Duration = Duration::from_secs(300);
/// How long open requests have to end when the service stops.
const FAREWELL: Duration = Duration::from_secs(10);
/// Most connections at a time; more wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 20_000;
/// Most headers of a request.
const MOST_HEADERS: usize = 1000;
/// Most bytes of a request's head that are read at all; what is allowed is less, and answered properly.
const LARGEST_HEAD: usize = 512 << 10;

/// Serves until `stop` turns true, then lets open requests end. `respond` makes the answer to a request.
pub(crate) async fn listen<R, F>(listener: TcpListener, mut stop: watch::Receiver<bool>, respond: Arc<R>)
where
    R: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(run(stream, peer, stop.clone(), Arc::clone(&respond), place));
            }
            Err(error) => {
                // Out of descriptors, or the client has gone already: neither ends the service.
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    drop(listener);
    let all = u32::try_from(MOST_CONNECTIONS).unwrap_or(u32::MAX);
    if tokio::time::timeout(FAREWELL, places.acquire_many(all)).await.is_err() {
        tracing::info!("some requests did not end in time and are cut off");
    }
}

/// Waits until the service is to stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone cannot ask for more.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn run<R, F>(
    mut stream: TcpStream,
    peer: SocketAddr,
    mut stop: watch::Receiver<bool>,
    respond: Arc<R>,
    _place: OwnedSemaphorePermit,
) where
    R: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::trace!(%error, "a connection has no TCP_NODELAY");
    }
    let objection = tokio::select! {
        seen = tokio::time::timeout(IDLE, first_line::objection(&stream)) => seen,
        () = stopped(&mut stop) => return,
    };
    match objection {
        Ok(Ok(None)) => {}
        Ok(Ok(Some(text))) => {
            // The client may be gone; there is nobody to tell.
            let _ = stream.write_all(text).await;
            let _ = stream.shutdown().await;
            return;
        }
        Ok(Err(_)) | Err(_) => return,
    }
    let service = service_fn(move |request| {
        let answer = respond(request, peer);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEAD)
        .title_case_headers(true)
        .auto_date_header(false)
        .serve_connection(Patient::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, %peer, "a connection ended early");
    }
}
