//! Directories kept the same here and in an object store, which runs in this process: there and back, over a restart, and
//! what must not happen.

use crate::nifcloud::World;
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An object store with one bucket.
struct Store {
    place: tempfile::TempDir,
    address: std::net::SocketAddr,
}

impl Store {
    async fn open() -> Self {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("bucket")).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(place.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single("AK", "SK"));
        let service = builder.build();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = service.clone();
                tokio::spawn(async move {
                    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    drop(builder.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Store { place, address }
    }

    fn bucket(&self) -> PathBuf {
        self.place.path().join("bucket")
    }

    fn world(&self) -> World {
        std::fs::write(self.place.path().join("keys"), "AK SK\n").unwrap();
        World::serving(&format!(
            "max_requests = 0\n[nifcloud.online]\nendpoint = \"http://{}\"\nbucket = \"bucket\"\ncredentials = \"{}\"\n",
            self.address,
            self.place.path().join("keys").display()
        ))
    }
}

impl World {
    async fn sync(&self, body: &str) -> u64 {
        let reply = self.ask("POST", "/files/sync", body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json["requestid"].as_u64().unwrap()
    }

    async fn done(&self, number: u64) -> serde_json::Value {
        let end = std::time::Instant::now() + Duration::from_secs(120);
        loop {
            let reply = self.ask("GET", &format!("/files/sync/{number}"), "").await;
            assert_eq!(reply.status, 200, "{reply:?}");
            if reply.json["status"] != "waiting" {
                return reply.json;
            }
            assert!(std::time::Instant::now() < end, "{}", self.quintet.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn synced(&self, body: &str) {
        let number = self.sync(body).await;
        let done = self.done(number).await;
        assert_eq!(
            done,
            serde_json::json!({"status": "complete", "result": "0"}),
            "{body} {}",
            self.quintet.log()
        );
    }
}

/// Returns all files below a folder.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(folder_here) = open.pop() {
        for entry in std::fs::read_dir(folder_here).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    files
}

fn write(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_goes_there_and_comes_back() {
    let store = Store::open().await;
    let world = store.world();
    let data = world.home.join("data");
    let large: Vec<u8> = (0..40_u32 << 18).flat_map(u32::to_le_bytes).collect();
    for (name, content) in [
        ("a/b/c/deep.txt", &b"deep"[..]),
        ("empty", b""),
        ("with blanks # and % 100%.txt", b"blanks"),
        ("日本語/ファイル.txt", "\u{65e5}".as_bytes()),
        ("twelve.bin", &large[..12 << 20]),
        ("large.bin", &large),
    ] {
        write(&data, name, content);
    }
    let whole = tree(&data);
    std::fs::write(world.home.join("beside"), "secret").unwrap();
    std::os::unix::fs::symlink("../beside", data.join("out")).unwrap();
    std::os::unix::fs::symlink("/etc", data.join("etc")).unwrap();
    world.synced("{\"path\":\"data\",\"direction\":\"to_online\"}").await;
    assert_eq!(tree(&store.bucket().join(&world.user).join("data")), whole);
    // Wiped, and fetched again: the default direction.
    std::fs::remove_dir_all(&data).unwrap();
    world.synced("{\"path\":\"data\"}").await;
    assert_eq!(tree(&data), whole);
    write(&data, "extra/more.txt", b"extra");
    world.synced("{\"path\":\"./data/\",\"direction\":\"from_online\",\"delete\":false}").await;
    assert!(data.join("extra/more.txt").exists());
    world.synced("{\"path\":\"data\",\"delete\":true}").await;
    assert_eq!(tree(&data), whole);
    assert!(!data.join("extra").exists());
    // Changed and removed here, and so there.
    write(&data, "a/b/c/deep.txt", b"deeper");
    std::fs::remove_file(data.join("large.bin")).unwrap();
    world.synced("{\"path\":\"data\",\"direction\":\"to_online\"}").await;
    let bucket = store.bucket().join(&world.user).join("data");
    assert_eq!(std::fs::read(bucket.join("a/b/c/deep.txt")).unwrap(), b"deeper");
    assert!(bucket.join("large.bin").exists());
    world.synced("{\"path\":\"data\",\"direction\":\"to_online\",\"delete\":true}").await;
    assert_eq!(tree(&bucket), tree(&data));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_survive_a_restart_and_unfit_ones_are_told() {
    let store = Store::open().await;
    let mut world = store.world();
    for number in 0..60 {
        write(&world.home, &format!("many/{number}/file"), number.to_string().as_bytes());
    }
    let first = world.sync("{\"path\":\"many\",\"direction\":\"to_online\"}").await;
    let second = world.sync("{\"path\":\"many/3\",\"direction\":\"to_online\"}").await;
    assert_eq!(second, first + 1);
    world.quintet.stop("KILL");
    world.quintet.serve_again();
    for number in [first, second] {
        assert_eq!(world.done(number).await["result"], "0");
    }
    assert_eq!(tree(&store.bucket().join(&world.user).join("many")).len(), 60);
    std::fs::write(world.home.join("file"), "x").unwrap();
    let unfit = serde_json::json!({"status": "error: parameter error"});
    for (path, more) in [
        ("absent", ",\"direction\":\"to_online\""),
        ("file", ",\"direction\":\"to_online\""),
        ("../other", ",\"direction\":\"to_online\""),
        ("/etc", ",\"direction\":\"to_online\""),
        ("", ""),
        (".", ""),
        ("a/../../b", ""),
        // Nothing there is no copy of anything.
        ("many/nowhere", ",\"delete\":true"),
    ] {
        let number = world.sync(&format!("{{\"path\":\"{path}\"{more}}}")).await;
        assert_eq!(world.done(number).await, unfit, "{path}");
    }
    assert_eq!(tree(&world.home.join("many")).len(), 60);
    let number = world.sync("{\"path\":\"new/folder\"}").await;
    assert_eq!(world.done(number).await["result"], "0");
}
