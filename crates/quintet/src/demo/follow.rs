//! Following the demo's jobs: each change of state is a line, and what is left is counted below them.

use super::plan::Plan;
use crate::client::{Client, Event, EventStream};
use crate::jobs::row::short_time;
use crate::sheet::local_time;
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use reqwest::Method;
use slurm_wire::job_change::{JobPostResponse, KillJobsMsg, KillJobsResp};
use slurm_wire::job_desc::JobDescMsg;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// What was seen while the jobs ran.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// When each job began to run, in the order of events.
    pub(super) started: BTreeMap<String, usize>,
    /// When each job ended.
    pub(super) ended: BTreeMap<String, usize>,
    /// Most tasks of the array that ran at once.
    pub(super) most_at_once: usize,
    /// When the held job was released.
    pub(super) released: Option<usize>,
    running_tasks: BTreeSet<String>,
    count: usize,
}

/// Follows until everything has ended; cancels and releases on the way.
pub(super) async fn follow(
    client: &Client,
    events: &mut EventStream,
    plan: &Plan,
    terminal: Terminal,
) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    let begin = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    let all = plan.expected.len();
    while plan.expected.iter().filter(|job| seen.ended.contains_key(&job.id)).count() < all {
        tokio::select! {
            event = events.next() => {
                let Some(event) = event.context("follow events")? else { bail!("the service ended the stream of events") };
                clear_status(terminal)?;
                terminal.print(&line(&event, terminal))?;
                seen.take_in(&event, plan);
                act(client, &event, plan, &mut seen).await?;
            }
            _ = ticks.tick() => {}
        }
        let done = plan.expected.iter().filter(|job| seen.ended.contains_key(&job.id)).count();
        status(terminal, done, all, begin.elapsed())?;
    }
    clear_status(terminal)?;
    Ok(seen)
}

/// Does what the plan wants done when something has happened.
async fn act(client: &Client, event: &Event, plan: &Plan, seen: &mut Seen) -> anyhow::Result<()> {
    if event.job_id == plan.cancelled && event.to == "RUNNING" {
        // Once it has written its line, so that there is something to see.
        let path = format!("{}/jobs/{}/stdout", crate::client::NATIVE, plan.cancelled);
        let mut output = client
            .send(Method::GET, &path, &[("follow", "1".to_owned())], None)
            .await
            .context("read its output")?;
        output.chunk().await.context("read its output")?;
        let jobs = Some([plan.cancelled.to_string()].into_iter().collect());
        let body = slurm_wire::to_json(&KillJobsMsg { jobs, ..KillJobsMsg::default() });
        let answer = client.slurm::<KillJobsResp>(Method::DELETE, "/jobs/", &[], Some(body)).await;
        if !answer.context("cancel a job")?.value.status.is_empty() {
            bail!("job {} could not be cancelled", plan.cancelled);
        }
    }
    let [.., last] = plan.chain;
    if event.job_id == last && seen.ended.contains_key(&last.to_string()) && seen.released.is_none() {
        seen.released = Some(seen.count);
        let body = slurm_wire::to_json(&JobDescMsg { hold: Some(false), ..JobDescMsg::default() });
        let path = format!("/job/{}", plan.held);
        client
            .slurm::<JobPostResponse>(Method::POST, &path, &[], Some(body))
            .await
            .context("release a job")?;
    }
    Ok(())
}

impl Seen {
    fn take_in(&mut self, event: &Event, plan: &Plan) {
        self.count += 1;
        let id = event.id();
        match event.to.as_str() {
            "PENDING" | "COMPLETING" | "STOPPED" | "SUSPENDED" => {}
            "RUNNING" => {
                self.started.insert(id.clone(), self.count);
                if event.array_job_id == Some(plan.array) {
                    self.running_tasks.insert(id);
                    self.most_at_once = self.most_at_once.max(self.running_tasks.len());
                }
            }
            _ => {
                self.running_tasks.remove(&id);
                self.ended.insert(id, self.count);
            }
        }
    }
}

fn line(event: &Event, terminal: Terminal) -> String {
    let time = local_time(event.at as i64);
    let clock = time.split('T').next_back().unwrap_or_default();
    let to = terminal.painted_state(&event.to);
    let waits = event.to == "PENDING" && !["", "None"].contains(&event.reason.as_str());
    let why = if waits { format!(" ({})", event.reason) } else { String::new() };
    let left = match (event.exit_code, event.signal) {
        (_, Some(signal)) if signal != 0 => format!(", signal {signal}"),
        (Some(code), _) if code != 0 => format!(", exit code {code}"),
        _ => String::new(),
    };
    let from = event.from.as_deref().unwrap_or("submitted");
    format!("{clock}  {:>5}  {:8}  {from:>10} → {to}{why}{left}", event.id(), event.name)
}

/// Writes a line that the next one takes the place of; only where somebody looks.
fn status(terminal: Terminal, done: usize, all: usize, since: Duration) -> std::io::Result<()> {
    if !terminal.is_terminal() {
        return Ok(());
    }
    let bar: String = (0..all).map(|at| if at < done { '█' } else { '░' }).collect();
    terminal.print_bytes(
        format!("\r\x1b[K{bar} {done} of {all} have ended, {} passed", short_time(since.as_secs()))
            .as_bytes(),
    )
}

fn clear_status(terminal: Terminal) -> std::io::Result<()> {
    if terminal.is_terminal() { terminal.print_bytes(b"\r\x1b[K") } else { Ok(()) }
}
