//! The service under measurement: ours, started for the purpose, or a peer that already runs.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::drive::{Plan, drive, exchange};
use crate::process;
use crate::sample::Sample;
use crate::wire::request;

/// Where the endpoints are.
pub(crate) const SLURM: &str = "/slurm/v0.0.44";
/// Where those of accounting are.
pub(crate) const SLURMDB: &str = "/slurmdb/v0.0.44";

/// A service, and who asks it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) user: String,
    pub(crate) token: String,
    /// Whether it is the peer, which gets smaller loads: it would take hours with ours.
    pub(crate) is_peer: bool,
    /// The processes that make it up; all of them count for memory and CPU.
    pub(crate) processes: process::Family,
}

impl Target {
    /// The peer that the environment names: `SLURM_REST_URL`, `SLURM_REST_USER`, `SLURM_REST_TOKEN`, and
    /// `SLURM_REST_INIT` for the number of the process whose PID namespace its daemons live in.
    pub(crate) fn peer() -> Result<Option<Self>> {
        let Ok(url) = std::env::var("SLURM_REST_URL") else { return Ok(None) };
        let variable = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
        let place = url.trim_start_matches("http://").trim_end_matches('/');
        let address = place.to_socket_addrs()?.next().context("SLURM_REST_URL has no address")?;
        let processes = match variable("SLURM_REST_INIT") {
            Ok(init) => {
                process::Family::NamespaceOf(init.trim().parse().context("SLURM_REST_INIT is not a number")?)
            }
            Err(_) => process::Family::Unknown,
        };
        Ok(Some(Self {
            address,
            user: variable("SLURM_REST_USER")?,
            token: variable("SLURM_REST_TOKEN")?,
            is_peer: true,
            processes,
        }))
    }

    /// The peer as one sees it who may change its accounting: `SLURM_REST_ADMIN` with `SLURM_REST_ADMIN_TOKEN`.
    pub(crate) fn for_administrator(&self) -> Option<Self> {
        let (user, token) =
            std::env::var("SLURM_REST_ADMIN").ok().zip(std::env::var("SLURM_REST_ADMIN_TOKEN").ok())?;
        Some(Self { user, token, ..self.clone() })
    }

    /// Asks once and returns status and JSON.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Result<(u16, Value)> {
        self.ask_at(method, &format!("{SLURM}{path}"), body)
    }

    /// The same of the whole path.
    pub(crate) fn ask_at(&self, method: &str, path: &str, body: Option<&str>) -> Result<(u16, Value)> {
        let bytes = request(self, method, path, body);
        let (status, body) = exchange(self.address, &bytes)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// Gets a path many times.
    pub(crate) fn get(&self, path: &str, plan: Plan) -> Result<Sample> {
        self.get_at(&format!("{SLURM}{path}"), plan)
    }

    /// The same of the whole path.
    pub(crate) fn get_at(&self, path: &str, plan: Plan) -> Result<Sample> {
        let bytes = request(self, "GET", path, None);
        drive(self.address, plan, |_, into| into.extend_from_slice(&bytes), |_| {})
    }

    /// Submits a job and returns its number.
    pub(crate) fn submit(&self, body: &str) -> Result<u64> {
        let (status, answer) = self.ask("POST", "/job/submit", Some(body))?;
        match answer.get("job_id").and_then(Value::as_u64) {
            Some(job) if status == 200 => Ok(job),
            _ => bail!("submit: status {status}: {answer}"),
        }
    }

    /// Submits the same job many times.
    pub(crate) fn submit_many(&self, body: &str, connections: usize, jobs: usize) -> Result<Sample> {
        let bytes = request(self, "POST", &format!("{SLURM}/job/submit"), Some(body));
        let mut refused = None;
        let plan = Plan::closed(connections, jobs);
        let sample = drive(
            self.address,
            plan,
            |_, into| into.extend_from_slice(&bytes),
            |answer| {
                if answer.status != 200 && refused.is_none() {
                    refused =
                        Some(format!("{}: {:.400}", answer.status, String::from_utf8_lossy(&answer.body)));
                }
            },
        )?;
        match refused {
            Some(refused) => {
                bail!("{} refused, the first with {refused}", sample.failures().unwrap_or_default())
            }
            None => Ok(sample),
        }
    }

    /// Counts jobs that have not ended.
    pub(crate) fn unfinished(&self) -> Result<usize> {
        let (status, answer) = self.ask("GET", "/jobs/state/", None)?;
        anyhow::ensure!(status == 200, "jobs/state: status {status}");
        let jobs = answer.get("jobs").and_then(Value::as_array).context("jobs/state: no jobs")?;
        let is_unfinished = |job: &&Value| {
            let states = job.get("state").or(job.get("job_state")).and_then(Value::as_array);
            states.into_iter().flatten().any(|state| {
                matches!(
                    state.as_str(),
                    Some("PENDING" | "RUNNING" | "COMPLETING" | "CONFIGURING" | "SUSPENDED")
                )
            })
        };
        Ok(jobs.iter().filter(is_unfinished).count())
    }

    /// Waits until every job has ended. Looks the less often the more are left: to list them takes the time of service
    /// and driver, which is the jobs'.
    pub(crate) fn drain(&self, patience: Duration, glance: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        loop {
            let left = self.unfinished()?;
            if left == 0 {
                return Ok(());
            }
            anyhow::ensure!(
                Instant::now() < end,
                "{left} jobs have not ended after {} s",
                patience.as_secs()
            );
            // No service that this measures ends three thousand jobs a second.
            std::thread::sleep(glance.max(Duration::from_secs(left as u64) / 3_000));
        }
    }

    /// Cancels every job of the user.
    pub(crate) fn purge(&self) -> Result<()> {
        let body = serde_json::json!({ "user_name": self.user }).to_string();
        self.ask("DELETE", "/jobs/", Some(&body)).map(drop)
    }
}

/// Our service with a state directory of its own; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    pub(crate) target: Target,
    /// From the start of the process to the line that says where it listens.
    pub(crate) started_in: Duration,
}

/// How a service is started.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) binary: PathBuf,
    pub(crate) config: PathBuf,
}

impl Recipe {
    /// Starts the service on a free port with its state in `state`, asked by whoever runs this.
    pub(crate) fn start(&self, state: &Path) -> Result<Service> {
        self.start_for(state, || {
            let user = process::user_name()?;
            let token = Command::new(&self.binary)
                .args(["token", &user, "--for", "slurm", "--state"])
                .arg(state)
                .output()
                .context("make a token")?;
            anyhow::ensure!(token.status.success(), "no token: {}", String::from_utf8_lossy(&token.stderr));
            Ok((user, String::from_utf8_lossy(&token.stdout).trim().to_owned()))
        })
    }

    /// The same in front of a peer, asked by whoever asks the peer.
    pub(crate) fn start_before(&self, state: &Path, peer: &Target) -> Result<Service> {
        self.start_for(state, || Ok((peer.user.clone(), peer.token.clone())))
    }

    fn start_for(
        &self,
        state: &Path,
        credentials: impl FnOnce() -> Result<(String, String)>,
    ) -> Result<Service> {
        std::fs::set_permissions(state, PermissionsExt::from_mode(0o755))?;
        let log = state.join("bench-server.log");
        let began = Instant::now();
        let mut child = Command::new(&self.binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&self.config)
            .arg("--state")
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("start {}", self.binary.display()))?;
        let stdout = child.stdout.take().context("the service has no standard output")?;
        let (found, wait) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("listening on http://") {
                    let _ = found.send((address.trim().to_owned(), Instant::now()));
                }
            }
        });
        let Ok((address, ready)) = wait.recv_timeout(Duration::from_secs(120)) else {
            let _ = child.kill();
            let _ = child.wait();
            bail!("the service did not come up: {}", std::fs::read_to_string(&log).unwrap_or_default());
        };
        let address = address.parse().with_context(|| format!("{address} is not an address"))?;
        let (user, token) = credentials()?;
        let processes = process::Family::Tree(child.id());
        let target = Target { address, user, token, is_peer: false, processes };
        Ok(Service { child, target, started_in: ready - began })
    }
}

impl Service {
    /// The server's own process, without its launchers.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Politely first, so that the launchers end too.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        for _ in 0..200 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
