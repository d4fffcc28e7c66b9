//! What became of the demo's jobs: the table, and whether it is what it should be.

use super::follow::Seen;
use super::plan::{AT_ONCE, Plan};
use crate::client::{Client, NATIVE};
use crate::jobs::row::{elapsed, exit_code, job_id, short_time, state};
use crate::terminal::{Terminal, state_cell};
use anyhow::Context;
use comfy_table::Cell;
use reqwest::Method;
use slurm_wire::job_info::JobInfoResp;

/// Prints the table and returns what differs from the plan.
pub(super) async fn check(
    client: &Client,
    plan: &Plan,
    seen: &Seen,
    terminal: Terminal,
) -> anyhow::Result<Vec<String>> {
    let answer = client.slurm::<JobInfoResp>(Method::GET, "/jobs/", &[], None).await.context("list jobs")?;
    let now = answer.value.last_update.unwrap_or(0);
    let mut table = terminal.table(&["ID", "NAME", "STATE", "EXIT", "ELAPSED", "OUTPUT"]);
    let mut differences = Vec::new();
    for expected in &plan.expected {
        let Some(job) = answer.value.jobs.iter().find(|job| job_id(job) == expected.id) else {
            differences.push(format!("job {} is not listed", expected.id));
            continue;
        };
        let path = format!("{NATIVE}/jobs/{}/stdout", expected.id);
        let output = client.text(Method::GET, &path, &[], None).await;
        let output = output.with_context(|| format!("read the output of job {}", expected.id))?;
        let output = output.trim_end().lines().collect::<Vec<_>>().join(" / ");
        let (state, exit) = (state(job), exit_code(job));
        for (what, got, wanted) in [
            ("state", state.as_str(), expected.state),
            ("exit code", exit.as_str(), expected.exit),
            ("output", output.as_str(), expected.output.as_str()),
        ] {
            if got != wanted {
                differences.push(format!(
                    "job {} ({}): {what} is {got:?}, not {wanted:?}",
                    expected.id, expected.name
                ));
            }
        }
        let time = short_time(elapsed(job, now));
        let cells = [Cell::new(&expected.id), Cell::new(expected.name), state_cell(&state), Cell::new(exit)];
        table.add_row(cells.into_iter().chain([Cell::new(time), Cell::new(output)]).collect::<Vec<_>>());
    }
    terminal.print("")?;
    terminal.print_table(&table)?;
    terminal.print("")?;
    differences.extend(order(plan, seen));
    Ok(differences)
}

/// Checks what happened before what.
fn order(plan: &Plan, seen: &Seen) -> Vec<String> {
    let mut differences = Vec::new();
    let started = |id: u32| seen.started.get(&id.to_string()).copied();
    let ended = |id: u32| seen.ended.get(&id.to_string()).copied();
    for pair in plan.chain.windows(2) {
        let [before, after] = pair else { continue };
        if started(*after) < ended(*before) {
            differences.push(format!("job {after} began before job {before} had ended"));
        }
    }
    if started(plan.held) < seen.released {
        differences.push(format!("job {} began before it was released", plan.held));
    }
    if seen.most_at_once > AT_ONCE {
        differences.push(format!("{} tasks of the array ran at once, not {AT_ONCE}", seen.most_at_once));
    }
    differences
}
