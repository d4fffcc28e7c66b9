//! The peer of synchronization: the `object_store` library used plainly, with as much under way at a time as the service has.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Sockets;
use hyper_util::rt::TokioExecutor;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::path::Path as Key;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use tokio::io::AsyncReadExt;
use tokio::runtime::Runtime;

use super::{ACCESS_KEY, BUCKET, REGION, SECRET_KEY};

/// Small files under way at a time.
const FILES_AT_ONCE: usize = 32;
/// Bytes of a piece of a large one.
const PIECE: usize = 16 << 20;
/// Pieces under way at a time.
const PIECES_AT_ONCE: usize = 4;

/// The client.
pub(crate) struct Plain {
    runtime: Runtime,
    store: Arc<AmazonS3>,
}

impl Plain {
    pub(crate) fn new(endpoint: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let store = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_bucket_name(BUCKET)
            .with_region(REGION)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .with_allow_http(true)
            .with_http_connector(Wire::new())
            .build()?;
        Ok(Self { runtime, store: Arc::new(store) })
    }

    /// Sends all files of a folder, and returns how long that took.
    pub(crate) fn send(&self, folder: &Path, prefix: &str) -> Result<Duration> {
        let began = Instant::now();
        self.runtime.block_on(async {
            let sent = stream::iter(files(folder)?).map(|name| {
                let (store, folder) = (Arc::clone(&self.store), folder.to_owned());
                let key = Key::parse(format!("{prefix}/{name}"));
                let sent = tokio::spawn(async move {
                    let content = tokio::fs::read(folder.join(name)).await?;
                    store.put(&key?, PutPayload::from(content)).await?;
                    anyhow::Ok(())
                });
                async { sent.await? }
            });
            sent.buffer_unordered(FILES_AT_ONCE).try_collect::<()>().await
        })?;
        Ok(began.elapsed())
    }

    /// Fetches everything below a prefix into a folder, and returns how long that took.
    pub(crate) fn fetch(&self, prefix: &str, folder: &Path) -> Result<Duration> {
        let began = Instant::now();
        self.runtime.block_on(async {
            let listed = self.store.list(Some(&Key::parse(prefix)?)).map_err(anyhow::Error::from);
            let fetched = listed.map_ok(|object| {
                let (store, folder, prefix) = (Arc::clone(&self.store), folder.to_owned(), prefix.to_owned());
                let fetched = tokio::spawn(async move {
                    let content = store.get(&object.location).await?.bytes().await?;
                    let name = object.location.as_ref().strip_prefix(&prefix).context("another prefix")?;
                    let path = folder.join(name.trim_start_matches('/'));
                    if let Some(above) = path.parent() {
                        tokio::fs::create_dir_all(above).await?;
                    }
                    tokio::fs::write(path, content).await?;
                    anyhow::Ok(())
                });
                async { fetched.await? }
            });
            fetched.try_buffer_unordered(FILES_AT_ONCE).try_collect::<()>().await
        })?;
        Ok(began.elapsed())
    }

    /// Sends one file in pieces.
    pub(crate) fn send_large(&self, path: &Path, key: &str) -> Result<Duration> {
        let began = Instant::now();
        self.runtime.block_on(async {
            let upload = self.store.put_multipart(&Key::parse(key)?).await?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PIECE);
            let mut file = tokio::fs::File::open(path).await?;
            file.set_max_buf_size(PIECE);
            loop {
                let mut piece = Vec::with_capacity(PIECE);
                (&mut file).take(PIECE as u64).read_to_end(&mut piece).await?;
                if piece.is_empty() {
                    break;
                }
                upload.wait_for_capacity(PIECES_AT_ONCE).await?;
                upload.put(piece.into());
            }
            anyhow::Ok(upload.finish().await?)
        })?;
        Ok(began.elapsed())
    }

    /// Fetches one file in pieces.
    pub(crate) fn fetch_large(&self, key: &str, path: &Path) -> Result<Duration> {
        let began = Instant::now();
        self.runtime.block_on(async {
            let key = Key::parse(key)?;
            let size = self.store.head(&key).await?.size;
            let file = Arc::new(std::fs::File::create(path)?);
            let pieces = (0..size).step_by(PIECE).map(|at| {
                let (store, key, file) = (Arc::clone(&self.store), key.clone(), Arc::clone(&file));
                let end = size.min(at + PIECE as u64);
                let fetched = tokio::spawn(async move {
                    let piece = store.get_range(&key, at..end).await?;
                    tokio::task::spawn_blocking(move || file.write_all_at(&piece, at)).await??;
                    anyhow::Ok(())
                });
                async { fetched.await? }
            });
            stream::iter(pieces).buffer_unordered(PIECES_AT_ONCE).try_collect::<()>().await
        })?;
        Ok(began.elapsed())
    }
}

/// The paths of all files in the folders of a folder.
fn files(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(above) = open.pop() {
        for entry in std::fs::read_dir(folder.join(&above))? {
            let entry = entry?;
            let path = above.join(entry.file_name());
            match entry.file_type()?.is_dir() {
                true => open.push(path),
                false => names.push(path.to_str().context("a name that is not UTF-8")?.to_owned()),
            }
        }
    }
    Ok(names)
}

/// A usual HTTP client without TLS. The library's own comes with a TLS library that the whole build would get.
#[derive(Clone, Debug)]
struct Wire(Client<Sockets, HttpRequestBody>);

impl Wire {
    fn new() -> Self {
        let mut sockets = Sockets::new();
        sockets.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).build(sockets))
    }
}

type Answering<'a> = std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for Wire {
    fn call<'own, 'answer>(&'own self, request: HttpRequest) -> Answering<'answer>
    where
        'own: 'answer,
        Self: 'answer,
    {
        Box::pin(async move {
            let answer = self.0.request(request).await;
            let answer = answer.map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
            let broken = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            Ok(answer.map(|body| HttpResponseBody::new(body.map_err(broken))))
        })
    }
}

impl HttpConnector for Wire {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}
