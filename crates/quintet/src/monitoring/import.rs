//! `quintet import-archive`: hands the jobs of another ClusterCockpit's archive to the service, folder by folder. What it has
//! already is left alone, so that whoever was interrupted begins anew.

use super::folder;
use crate::client::ClientArgs;
use crate::config::Config;
use crate::terminal::{Terminal, remark};
use crate::token::cockpit_token;
use anyhow::{Context, bail};
use futures_util::StreamExt;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Jobs under way at once.
const AT_ONCE: usize = 8;
/// How often it is told how far the import is.
const BETWEEN_REMARKS: Duration = Duration::from_secs(2);
/// The latest layout of an archive that is known (ClusterCockpit 1.5).
const LATEST: u32 = 3;

/// Arguments of `quintet import-archive`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ImportArgs {
    /// The folder of the archive, in which version.txt is
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The configuration the service runs with, if it names the key of ClusterCockpit's tokens
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    client: ClientArgs,
}

/// What became of the jobs.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
struct Counts {
    imported: usize,
    known: usize,
    refused: usize,
}

/// What became of a job.
enum Outcome {
    Imported,
    Known,
    Refused(String),
}

/// The service, and what proves who asks.
struct Service {
    http: Client,
    base: String,
    token: String,
}

/// Imports an archive.
pub(crate) async fn run(args: ImportArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    check_version(&args.folder)?;
    let config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default_values(),
    };
    let token = cockpit_token(&config, args.client.state.clone(), "import-archive")?;
    let http = Client::builder().no_proxy().build()?;
    let service = Service { http, base: args.client.address(), token };
    let watched = service.clusters().await?;
    let mut counts = Counts::default();
    let mut jobs = Vec::new();
    for cluster in folders(&args.folder)? {
        let name = cluster.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let found = jobs_of(&cluster)?;
        if watched.contains(&name) {
            jobs.extend(found);
        } else if !found.is_empty() {
            let description = cluster.join("cluster.json");
            remark(&format!(
                "{}: {} jobs are left out: add {} to [clustercockpit] clusters of the configuration",
                cluster.display(),
                found.len(),
                description.display()
            ));
            counts.refused += found.len();
        }
    }
    import(&service, jobs, &mut counts).await?;
    let told = match args.client.json {
        true => serde_json::to_string(&counts)?,
        false => counts_text(&counts),
    };
    terminal.print(&told)?;
    Ok(if counts.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn counts_text(counts: &Counts) -> String {
    let Counts { imported, known, refused } = counts;
    format!("{imported} jobs imported, {known} were there already, {refused} refused")
}

async fn import(service: &Service, jobs: Vec<PathBuf>, counts: &mut Counts) -> anyhow::Result<()> {
    let total = jobs.len();
    let mut told = Instant::now();
    let mut outcomes = futures_util::stream::iter(jobs)
        .map(async |job| service.import(&job).await.map(|outcome| (job, outcome)))
        .buffer_unordered(AT_ONCE);
    let mut done = 0_usize;
    while let Some(outcome) = outcomes.next().await {
        let (job, outcome) = outcome?;
        done += 1;
        match outcome {
            Outcome::Imported => counts.imported += 1,
            Outcome::Known => counts.known += 1,
            Outcome::Refused(why) => {
                counts.refused += 1;
                remark(&format!("refused {}: {why}", job.display()));
            }
        }
        if told.elapsed() >= BETWEEN_REMARKS {
            told = Instant::now();
            remark(&format!("{done} of {total}: {}", counts_text(counts)));
        }
    }
    Ok(())
}

impl Service {
    async fn clusters(&self) -> anyhow::Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        #[derive(Deserialize)]
        struct Clusters {
            clusters: Vec<Named>,
        }
        let url = format!("{}/api/clusters/", self.base);
        let asked = self.http.get(&url).header("X-Auth-Token", &self.token).send().await;
        let answer = asked.with_context(|| format!("ask the service at {}", self.base))?;
        if !answer.status().is_success() {
            bail!("{url}: {}: {}", answer.status(), answer.text().await.unwrap_or_default().trim());
        }
        let clusters: Clusters = answer.json().await.with_context(|| format!("read the answer of {url}"))?;
        Ok(clusters.clusters.into_iter().map(|cluster| cluster.name).collect())
    }

    /// Hands a job to the service.
    async fn import(&self, job: &Path) -> anyhow::Result<Outcome> {
        let place = job.to_path_buf();
        let body = match tokio::task::spawn_blocking(move || body(&place)).await? {
            Ok(body) => body,
            Err(error) => return Ok(Outcome::Refused(format!("{error:#}"))),
        };
        let request = self.http.post(format!("{}/api/jobs/import_job/", self.base));
        let sent = request.header("X-Auth-Token", &self.token).body(body).send().await;
        let answer = sent.with_context(|| format!("hand {} to the service", job.display()))?;
        match answer.status() {
            StatusCode::CREATED => Ok(Outcome::Imported),
            StatusCode::UNPROCESSABLE_ENTITY => Ok(Outcome::Known),
            status if status.is_client_error() && status != StatusCode::UNAUTHORIZED => {
                #[derive(Deserialize)]
                struct Refusal {
                    error: String,
                }
                let text = answer.text().await.unwrap_or_default();
                let why = serde_json::from_str::<Refusal>(&text).map(|refusal| refusal.error).unwrap_or(text);
                Ok(Outcome::Refused(why))
            }
            status => {
                bail!("{}: {status}: {}", job.display(), answer.text().await.unwrap_or_default().trim())
            }
        }
    }
}

/// Reads a job's two files.
fn body(job: &Path) -> anyhow::Result<Vec<u8>> {
    let meta = std::fs::read(job.join("meta.json")).context("meta.json")?;
    let series =
        folder::read(job).context("its series")?.context("it has neither data.json nor data.json.gz")?;
    let mut body = Vec::with_capacity(meta.len() + series.len() + 20);
    body.extend(b"{\"meta\":");
    body.extend(meta);
    body.extend(b",\"data\":");
    body.extend(series);
    body.push(b'}');
    Ok(body)
}

fn check_version(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("version.txt");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let version: u32 =
        text.trim().parse().with_context(|| format!("{}: it has no number", path.display()))?;
    if !(1..=LATEST).contains(&version) {
        bail!("{}: layout {version} of an archive is not known; 1 to {LATEST} are", path.display());
    }
    Ok(())
}

/// Returns the folders in a folder, in order.
fn folders(within: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(within)? {
            let path = entry?.path();
            if path.is_dir() {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    };
    read().with_context(|| format!("read {}", within.display()))
}

/// Returns the folders of a cluster's jobs: `ID DIV 1000/ID MOD 1000/START`.
fn jobs_of(cluster: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut jobs = Vec::new();
    for thousands in folders(cluster)? {
        for rest in folders(&thousands)? {
            jobs.extend(folders(&rest)?);
        }
    }
    Ok(jobs)
}
