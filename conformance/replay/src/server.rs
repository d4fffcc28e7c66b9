//! Starts a fresh service for one run and stops it afterwards.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// How long a first start may take.
const START: Duration = Duration::from_secs(60);

/// A service with a state directory of its own; dropping it ends the one and removes the other.
pub(crate) struct Server {
    child: Child,
    state: TempDir,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts `binary serve` on a free port and waits until it says where it listens.
    pub(crate) fn start(binary: &Path, config: &Path) -> Result<Self> {
        let state = tempfile::Builder::new().prefix("quintet-replay-").tempdir()?;
        // Jobs run as other users, who have to pass through here on the way to their scripts.
        std::fs::set_permissions(state.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let log = state.path().join("replay-server.log");
        let mut child = Command::new(binary)
            .arg("serve")
            .arg("--config")
            .arg(config)
            .arg("--state")
            .arg(state.path())
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let stdout = child.stdout.take().context("the server has no standard output")?;
        let (found, wait) = mpsc::channel();
        // Goes on reading for as long as the server lives, so that a full pipe never stops it.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("listening on http://") {
                    let _ = found.send(address.trim().to_owned());
                }
            }
        });
        let address = wait.recv_timeout(START).ok().and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            anyhow::bail!("the server did not come up; it said:\n{said}");
        };
        Ok(Self { child, state, address })
    }

    /// The key that it checks tokens with.
    pub(crate) fn key(&self) -> PathBuf {
        self.state.path().join("jwt_hs256.key")
    }

    /// Whether it has died meanwhile; then with the end of its log.
    pub(crate) fn epitaph(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        let log = std::fs::read_to_string(self.state.path().join("replay-server.log")).unwrap_or_default();
        let tail: Vec<_> = log.lines().rev().take(20).collect();
        Some(format!("{status}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Politely first: a stopped service leaves no launcher behind. KILL only if it does not follow.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        for _ in 0..100 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
