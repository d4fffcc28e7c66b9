//! `quintet attach JOB.STEP`: what the tasks of a step write, as its srun passes it on, and what is typed here for them.

use super::JobName;
use super::attach::StepView;
use super::follow::job;
use crate::client::{Client, ClientError};
use crate::srun::{Raw, Steps, label, labelled, own_input, steps_of};
use crate::terminal::remark;
use crate::usage::Usage;
use crate::watch::{Frame, Layout, Place, address, read, written};
use anyhow::{Context, bail};
use std::io::{self, IsTerminal, Write};
use std::os::unix::net::UnixStream as Stream;
use std::process::ExitCode;
use supervise::RunId;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::signal::unix::{SignalKind, signal};

/// Ctrl-], which nobody else wants: from a terminal that is passed on key by key there is no other way back.
const LEAVE: u8 = 0x1d;

/// Reads `12.3`, `12_4.3`, `12+1.3`; nothing of the name of a whole job.
pub(super) fn named(text: &str) -> Option<Result<(JobName, u32), Usage>> {
    let (job, step) = text.split_once('.')?;
    let whole = JobName::parse(job);
    Some(whole.and_then(|name| match step {
        "batch" => Err(Usage(format!("what the script of a job writes is shown by `quintet attach {name}`"))),
        "extern" => Err(Usage("there are no extern steps".into())),
        step => match step.parse() {
            Ok(step) if step < 0x8000_0000 => Ok((name, step)),
            _ => Err(Usage(format!("\"{step}\" is not the number of a step"))),
        },
    }))
}

/// Shows a step until it is over, or until Ctrl-C; the step goes on without being watched.
pub(super) async fn run(
    client: &Client,
    (name, step): (JobName, u32),
    view: &StepView,
    json: bool,
) -> anyhow::Result<ExitCode> {
    // Before anything is shown, so that whoever has seen something can leave.
    let mut interrupts = signal(SignalKind::interrupt()).context("listen for signals")?;
    let stream = connect(client, name, step).await?;
    let (from, to) = stream.into_split();
    let mut from = BufReader::new(from);
    let Some(Frame::Layout(layout)) = read(&mut from).await.context("look at the step")? else {
        bail!("step {name}.{step}: its srun shows it to nobody else");
    };
    if view.layout {
        print_layout(&layout)?;
        return Ok(ExitCode::SUCCESS);
    }
    if layout.hidden {
        remark("some tasks write to pipes or devices themselves; that cannot be shown");
    }
    let raw = (layout.terminal && io::stdin().is_terminal()).then(|| {
        remark("Ctrl-] leaves the step");
        Raw::enter()
    });
    let shown = show(&mut from, &layout, view, json);
    let code = tokio::select! {
        code = shown => code?,
        () = pass_on(to, &layout, view, raw.is_some()) => None,
        _ = interrupts.recv() => None,
    };
    drop(raw);
    if code.is_none() {
        remark(&format!("left; step {name}.{step} goes on"));
    }
    Ok(ExitCode::from(code.unwrap_or(0)))
}

/// Finds the srun of a step and makes sure that it is the one.
async fn connect(client: &Client, name: JobName, step: u32) -> anyhow::Result<UnixStream> {
    let own = rustix::process::geteuid().as_raw();
    let owner = match job(client, name).await.context("look at the job")? {
        Some(job) => Some(job.user_id),
        None => bail!("step {name}.{step}: Job/step already completing or completed"),
    };
    if own != 0 && owner != Some(own) {
        bail!("step {name}.{step}: Access/permission denied");
    }
    let Steps { run, folder, steps } = match steps_of(client, name.path()).await {
        Ok(found) => found,
        Err(error @ ClientError::Refused { .. }) if error.is_not_found() => {
            bail!("step {name}.{step}: Job is pending execution")
        }
        Err(error) => return Err(error).context(format!("look at the steps of job {name}")),
    };
    if !steps.iter().any(|live| live.step == step.to_string()) {
        bail!("step {name}.{step}: Job/step already completing or completed");
    }
    let run: RunId = run.parse().ok().with_context(|| format!("the service calls job {name} \"{run}\""))?;
    let stream = Stream::connect_addr(&address(&folder, run, step)?).with_context(|| {
        format!("step {name}.{step} cannot be attached to: its srun runs on another machine, or is of an older version")
    })?;
    let peer = rustix::net::sockopt::socket_peercred(&stream).context("find out who listens")?;
    // Anybody may listen at that name.
    let listens = peer.uid.as_raw();
    if listens != 0 && Some(listens) != owner {
        bail!("step {name}.{step}: who listens is not the step's user");
    }
    stream.set_nonblocking(true)?;
    Ok(UnixStream::from_std(stream)?)
}

/// Shows what comes until the step is over; returns its exit code, or nothing if its srun is gone.
async fn show(
    from: &mut BufReader<OwnedReadHalf>,
    layout: &Layout,
    view: &StepView,
    json: bool,
) -> anyhow::Result<Option<u8>> {
    let tasks = u32::try_from(layout.tasks.len()).unwrap_or(u32::MAX);
    loop {
        match read(from).await.context("look at the step")? {
            Some(Frame::Written { task, place, bytes }) => {
                let filter = if place == Place::Output { view.output_filter } else { view.error_filter };
                let is_wanted = filter.is_none_or(|wanted| task == Some(wanted));
                let bytes = match task.filter(|_| view.label) {
                    Some(task) => labelled(&label(task, tasks), &bytes),
                    None => bytes,
                };
                if is_wanted {
                    write(task, place, &bytes, json).context("write what the step writes")?;
                }
            }
            Some(Frame::Ended { task, how }) if !view.quiet => remark(&format!("error: task {task}: {how}")),
            Some(Frame::Over { code }) => return Ok(Some(code)),
            Some(_) => {}
            None => bail!("the step's srun has hung up: it has ended, or could not wait for this program"),
        }
    }
}

fn write(task: Option<u32>, place: Place, bytes: &[u8], json: bool) -> io::Result<()> {
    fn all(mut out: impl Write, bytes: &[u8]) -> io::Result<()> {
        out.write_all(bytes)?;
        out.flush()
    }
    match (json, place) {
        (false, Place::Output) => all(io::stdout().lock(), bytes),
        (false, Place::Error) => all(io::stderr().lock(), bytes),
        (true, place) => {
            let stream = if place == Place::Output { "stdout" } else { "stderr" };
            let text = String::from_utf8_lossy(bytes);
            let told = serde_json::json!({ "stream": stream, "task": task, "text": text });
            all(io::stdout().lock(), format!("{told}\n").as_bytes())
        }
    }
}

/// Passes on what is typed here, if anybody reads it; comes back only when this side is left.
async fn pass_on(mut to: OwnedWriteHalf, layout: &Layout, view: &StepView, is_raw: bool) {
    // Without a terminal here, the end of what is given is not the end of the looking.
    let forever = std::future::pending::<()>();
    if !layout.reads {
        return forever.await;
    }
    let mut pieces = own_input();
    while let Some(bytes) = pieces.recv().await {
        let leaves = if is_raw { bytes.iter().position(|byte| *byte == LEAVE) } else { None };
        let kept = bytes.get(..leaves.unwrap_or(bytes.len())).unwrap_or_default().to_vec();
        let frame = Frame::Typed { task: view.input_filter, bytes: kept };
        if to.write_all(&written(&frame)).await.is_err() {
            break;
        }
        if leaves.is_some() {
            return;
        }
    }
    // The connection is hung up on when this is dropped, so it is kept.
    let _to = to;
    forever.await;
}

/// Says which tasks are where, as sattach does.
fn print_layout(layout: &Layout) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (tasks, nodes) = (layout.tasks.len(), layout.nodes.len());
    let all = slurm_wire::hostlist::fold(layout.nodes.iter().map(String::as_str));
    writeln!(out, "Job step layout:\n\t{tasks} tasks, {nodes} nodes ({all})\n")?;
    for (at, name) in (0_u32..).zip(&layout.nodes) {
        let here: Vec<String> = (0_u32..)
            .zip(&layout.tasks)
            .filter(|(_, node)| **node == at)
            .map(|(task, _)| task.to_string())
            .collect();
        writeln!(out, "\tNode {at} ({name}), {} task(s): {} ", here.len(), here.join(" "))?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_named_by_job_and_number() {
        let check = |text: &str, told: Option<Result<(&str, u32), &str>>| {
            let named = named(text).map(|read| match read {
                Ok((name, step)) => Ok((name.to_string(), step)),
                Err(Usage(why)) => Err(why),
            });
            let told =
                told.map(|told| told.map(|(name, step)| (name.to_owned(), step)).map_err(str::to_owned));
            assert_eq!(named, told, "{text}");
        };
        check("12", None);
        check("12.0", Some(Ok(("12", 0))));
        check("12_4.3", Some(Ok(("12_4", 3))));
        check("12+1.3", Some(Ok(("12+1", 3))));
        check("12.x", Some(Err("\"x\" is not the number of a step")));
        check("12.-1", Some(Err("\"-1\" is not the number of a step")));
        check("12.batch", Some(Err("what the script of a job writes is shown by `quintet attach 12`")));
        check("x.0", Some(Err("\"x\" is not the number of a job, such as 12, 12_3 or 12+1")));
    }
}
