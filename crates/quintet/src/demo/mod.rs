//! `quintet demo`: the main job from end to end, by itself. A service of its own on a free port, some jobs sent to it
//! over HTTP, followed live, checked, and everything cleared away.

mod check;
mod follow;
mod plan;

use crate::client::{Client, EventStream, now, present_user};
use crate::config::Config;
use crate::serve::Service;
use crate::state_dir::StateDir;
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use plan::Plan;
use reqwest::Method;
use slurm_wire::job_change::{KillJobsMsg, KillJobsResp};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::oneshot;

/// Arguments of `quintet demo`.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct DemoArgs {}

/// The longest the demo may take; its longest job takes a minute.
const PATIENCE: Duration = Duration::from_secs(150);

/// Nodes that are not really there: the demo wants to show more than small machines have, and its jobs mostly sleep.
const CONFIGURATION: &str = "
[cluster]
name = \"demo\"
kill_wait = 2
[[nodes]]
name = \"n[1-2]\"
cpus = 4
memory = 1000
gres = []
[[partitions]]
name = \"main\"
default_memory_per_cpu = 50
[engine]
launchers = 2
limit_memory = false
spool = \"spool\"
";

/// Runs the demo. The exit code says whether everything went as it should.
pub(crate) fn run(_: DemoArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let around =
        tempfile::Builder::new().prefix("quintet-demo-").tempdir().context("make a temporary directory")?;
    let folder = around.path().canonicalize()?;
    let config = folder.join("demo.toml");
    std::fs::write(&config, CONFIGURATION).with_context(|| format!("write {}", config.display()))?;
    let config = Config::read(&config)?;
    let mut state = StateDir::open(&folder.join("state"))?;
    let service = Service::open(&config, &mut state, Some(SocketAddr::from(([127, 0, 0, 1], 0))))?;
    let user = present_user().context("find the name of the present user")?;
    let key = state.key()?;
    let token = dialects::mint(&key, &user, now(), Duration::from_secs(3600)).context("make a token")?;
    let client = Client::new(format!("http://{}", service.address()), Some(token))?;
    terminal.print(&format!(
        "A service is listening on {}; its state is in {}.",
        client.base(),
        folder.display()
    ))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let verdict = runtime.block_on(async {
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(service.run(async {
            // Whether told to stop or forgotten: it stops.
            let _ = stopped.await;
        }));
        let verdict = tokio::select! {
            verdict = show(&client, &folder, terminal) => verdict,
            () = tokio::time::sleep(PATIENCE) => Err(anyhow::anyhow!("not done after {} s", PATIENCE.as_secs())),
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        };
        if verdict.is_err() {
            end_all(&client, &user).await;
        }
        // Whoever receives it may be gone already if serving has failed; that is told below.
        let _ = stop.send(());
        serving.await.context("the service ended badly")??;
        verdict
    });
    drop(runtime);
    around.close().with_context(|| format!("remove {}", folder.display()))?;
    let differences = verdict?;
    if !differences.is_empty() {
        bail!("not everything went as it should: {}", differences.join("; "));
    }
    terminal.print("Everything went as it should. The service is stopped and its state removed.")?;
    Ok(ExitCode::SUCCESS)
}

/// Submits, follows and checks; returns what differed.
async fn show(client: &Client, folder: &Path, terminal: Terminal) -> anyhow::Result<Vec<String>> {
    let work = folder.join("work");
    std::fs::create_dir(&work).with_context(|| format!("make directory {}", work.display()))?;
    let mut events = EventStream::open(client).await.context("follow events")?;
    let plan = Plan::submit(client, &work).await?;
    terminal.print(&plan.told())?;
    let seen = follow::follow(client, &mut events, &plan, terminal).await?;
    check::check(client, &plan, &seen, terminal).await
}

/// Cancels whatever is left, so that nothing outlives the demo.
async fn end_all(client: &Client, user: &str) {
    let all = KillJobsMsg { user_name: Some(user.into()), ..KillJobsMsg::default() };
    let cancelled =
        client.slurm::<KillJobsResp>(Method::DELETE, "/jobs/", &[], Some(slurm_wire::to_json(&all))).await;
    if cancelled.is_ok() {
        // The engine is told within the answer; a moment lets it pass that on before the service stops.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
