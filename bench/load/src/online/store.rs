//! The store: `s3s-fs` on a folder, as a program of its own (`load store FOLDER`), so that whoever is measured meets it
//! over a socket and shares no thread with it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

use super::{ACCESS_KEY, BUCKET, SECRET_KEY};

/// Says where it listens, in the words of our own service.
const LISTENING: &str = "listening on ";

/// Serves a folder until it is killed.
pub(crate) fn serve(folder: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let files = FileSystem::new(folder).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{LISTENING}http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = service.clone();
            tokio::spawn(async move {
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                // A client that goes away is its own affair.
                drop(builder.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    })
}

/// A store that runs; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Store {
    child: Child,
    folder: PathBuf,
    pub(crate) endpoint: String,
}

impl Store {
    /// Starts one on a folder that is made for it.
    pub(crate) fn start(folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(folder.join(BUCKET))?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("store")
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the store")?;
        let said = child.stdout.take().map(BufReader::new).and_then(|mut lines| {
            let mut line = String::new();
            lines.read_line(&mut line).ok()?;
            line.strip_prefix(LISTENING).map(|endpoint| endpoint.trim().to_owned())
        });
        // From here on it is ended when this goes.
        let mut store = Self { child, folder, endpoint: String::new() };
        store.endpoint = said.context("the store did not come up")?;
        Ok(store)
    }

    /// Forgets everything it has, and what it notes about it beside the bucket.
    pub(crate) fn clear(&self) -> Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => std::fs::remove_dir_all(entry.path())?,
                false => std::fs::remove_file(entry.path())?,
            }
        }
        Ok(std::fs::create_dir(self.folder.join(BUCKET))?)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
