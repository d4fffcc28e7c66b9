//! Starts the real program on a state directory, asks it over HTTP, and kills it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_quintet");

/// A running service. Dropping it kills it without notice, like everything in these tests.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts the service with this configuration; its log is kept in the state directory over all its lives.
    pub(crate) fn start(config: &Path, state: &Path) -> Self {
        Self::start_on("127.0.0.1:0", config, state)
    }

    /// Starts the service on an address that is known to be free.
    pub(crate) fn start_on(address: &str, config: &Path, state: &Path) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(state.join("test.log")).unwrap();
        let mut child = Command::new(BINARY)
            .args(["serve", "--listen", address, "--config"])
            .arg(config)
            .arg("--state")
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (found, wait) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    let _ = found.send(url.trim().to_owned());
                }
            }
        });
        match wait.recv_timeout(Duration::from_secs(60)) {
            Ok(url) => Self { child, url },
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the service did not come up; its log ends with\n{}", tail(state));
            }
        }
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Sends a signal, waits for the end and returns the exit code; none if a signal ended it.
    pub(crate) fn signal(mut self, name: &str) -> Option<i32> {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().code()
    }

    /// Bytes of memory that it holds.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// The last lines of the service's log.
pub(crate) fn tail(state: &Path) -> String {
    let Ok(file) = File::open(state.join("test.log")) else { return String::new() };
    let lines: Vec<_> = BufReader::new(file).lines().map_while(Result::ok).collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// A credential for the user who runs the tests.
pub(crate) fn token(state: &Path) -> String {
    let user = Command::new("id").arg("-un").output().unwrap();
    token_of(String::from_utf8(user.stdout).unwrap().trim(), state)
}

/// A credential for any user.
pub(crate) fn token_of(user: &str, state: &Path) -> String {
    let made =
        Command::new(BINARY).args(["token", user, "--for", "slurm", "--state"]).arg(state).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// Asks the Slurm dialect; none when the service is gone before it has answered.
pub(crate) async fn ask(
    client: &reqwest::Client,
    url: &str,
    token: &str,
    method: reqwest::Method,
    path: &str,
    body: Option<&Value>,
) -> Option<(u16, Value)> {
    let mut request =
        client.request(method, format!("{url}/slurm/v0.0.44{path}")).header("X-SLURM-USER-TOKEN", token);
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let text = response.text().await.ok()?;
    Some((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
}

/// A folder that jobs of any user can enter and write in.
pub(crate) fn open_folder(parent: &Path, name: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = parent.join(name);
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
    folder
}

/// Waits until something holds, and says what when it never does.
pub(crate) async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + patience;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if Instant::now() > end => panic!("waited {patience:?} for {what}; last seen: {seen}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
