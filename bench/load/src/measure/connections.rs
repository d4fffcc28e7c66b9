//! Many clients at once: some that poll, and more that only keep their connection.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{Setting, ms};
use crate::drive::{Plan, drive};
use crate::measure::reads::successful;
use crate::table::{Goal, Row};
use crate::target::{SLURM, Target};
use crate::wire::request;

/// A thousand connections that ask for one job each, ten times a second.
pub(crate) fn polling(target: &Target, setting: Setting<'_>, jobs: &[u64]) -> Result<Vec<Row>> {
    let requests: Vec<_> =
        jobs.iter().map(|job| request(target, "GET", &format!("{SLURM}/job/{job}"), None)).collect();
    let write = |number: usize, into: &mut Vec<u8>| {
        if let Some(request) = requests.get(number % requests.len().max(1)) {
            into.extend_from_slice(request);
        }
    };
    let pace = Some(Duration::from_millis(100));
    let paced = Plan { pace, ..Plan::closed(1_000, setting.size(50_000)) };
    let paced = successful(drive(target.address, paced, write, |_| {})?)?;
    let closed = Plan::closed(1_000, setting.size(100_000));
    let closed = successful(drive(target.address, closed, write, |_| {})?)?;
    Ok(vec![
        Row::new("p99 of 1,000 clients polling, 10 requests/s each", "ms", Goal::AtMost(50.0))
            .of(target.is_peer, ms(paced.within(0.99)))
            .note(format!("p50 {:.2} ms at {:.0}/s", ms(paced.within(0.5)), paced.rate())),
        Row::new("p99 of 1,000 clients polling as fast as they can", "ms", Goal::AtMost(50.0))
            .of(target.is_peer, ms(closed.within(0.99)))
            .note(format!("p50 {:.2} ms at {:.0}/s", ms(closed.within(0.5)), closed.rate())),
    ])
}

/// Ten thousand connections that say nothing; the service has to go on answering, and them after it.
pub(crate) fn idle(target: &Target, setting: Setting<'_>) -> Result<Vec<Row>> {
    let wanted = setting.size(10_000);
    let room =
        rustix::process::Rlimit { current: Some(wanted as u64 + 500), maximum: Some(wanted as u64 + 500) };
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted as u64 + 500) {
        let room = match limit.maximum {
            Some(maximum) if maximum >= wanted as u64 + 500 => {
                rustix::process::Rlimit { maximum: limit.maximum, ..room }
            }
            None => rustix::process::Rlimit { maximum: None, ..room },
            Some(_) => room,
        };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, room)
            .context("allow more open files")?;
    }
    let before = target.processes.usage().map_or(0, |usage| usage.resident_kb);
    let began = Instant::now();
    let held: Vec<_> = (0..wanted).map_while(|_| TcpStream::connect(target.address).ok()).collect();
    let opened_in = began.elapsed();
    let sample = successful(target.get("/ping/", Plan::closed(1, 200))?)?;
    let after = target.processes.usage().map_or(0, |usage| usage.resident_kb);
    let alive = held.iter().filter(|stream| is_open(stream)).count();
    let note = format!(
        "opened in {:.1} s, ping meanwhile p99 {:.2} ms, {:.1} kB a connection",
        opened_in.as_secs_f64(),
        ms(sample.within(0.99)),
        after.saturating_sub(before) as f64 / held.len().max(1) as f64
    );
    Ok(vec![
        Row::new("idle connections held", "", Goal::AtLeast(wanted as f64))
            .of(target.is_peer, alive as f64)
            .note(note),
    ])
}

/// Whether the other side still keeps a connection on which nothing was ever said.
fn is_open(stream: &TcpStream) -> bool {
    let mut byte = [0];
    stream.set_nonblocking(true).is_ok()
        && matches!(stream.peek(&mut byte), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}
