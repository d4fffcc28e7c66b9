//! `quintet serve`: makes the state directory, wires the rooms together, and serves until told to stop.

mod calendar;
mod clock;
mod directory;
mod listen;
mod log;
mod reload;
mod service;
mod spool;
mod upstream;
mod wiring;

pub(crate) use calendar::LocalCalendar;
pub(crate) use clock::SystemClock;
pub(crate) use service::Service;

use crate::client::ADDRESS_FILE;
use crate::config::{Config, default_state_dir};
use crate::state_dir::{StateDir, write_private};
use crate::terminal::{Terminal, remark};
use anyhow::Context;
use reload::Reload;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Arguments of `quintet serve`.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ServeArgs {
    /// Configuration [default: none; quintet.example.toml shows every key]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where state is kept [default: $XDG_STATE_HOME/quintet; for root /var/lib/quintet]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:6820]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

/// Serves until SIGTERM or SIGINT. Jobs go on without the service.
pub(crate) fn run(args: ServeArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default_values(),
    };
    log::begin(&config.log())?;
    let state = args.state.or_else(|| config.state().map(Path::to_owned)).unwrap_or_else(default_state_dir);
    let mut state = StateDir::open(&state)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut service = {
        let _entered = runtime.enter();
        Service::open(&config, &mut state, args.listen)?
    };
    if let Some(path) = args.config {
        // A relative one would mean something else after a change of directory.
        service.reads_anew(Reload::new(std::path::absolute(path)?, config));
    }
    tell_state(&state);
    runtime.block_on(async {
        // From here on a signal stops the service in good order.
        let stop = stop_signal()?;
        let address = service.address();
        let address_file = state.path().join(ADDRESS_FILE);
        let reachable = format!("http://{}", reachable(address));
        write_private(&address_file, reachable.as_bytes())
            .with_context(|| format!("write {}", address_file.display()))?;
        tokio::spawn(let_go_of_start());
        terminal.print(&format!("listening on http://{address}"))?;
        service.run(stop).await?;
        // Nobody answers there any more. If the file cannot be removed, clients are told so by the connection.
        let _ = std::fs::remove_file(&address_file);
        tracing::info!("stopped; jobs go on");
        Ok(ExitCode::SUCCESS)
    })
}

/// How long after it is ready the last of the service has started.
const SETTLED: Duration = Duration::from_secs(3);

/// Lets go of the code that only the start needed, once it is over.
async fn let_go_of_start() {
    tokio::time::sleep(SETTLED).await;
    // It reads /proc, which takes a moment. There is nothing to be done should it fail.
    let _ = tokio::task::spawn_blocking(supervise::let_go_of_start).await;
}

fn tell_state(state: &StateDir) {
    remark(&format!("state is in {}", state.path().display()));
    for made in state.made() {
        remark(&format!("made {}", made.display()));
    }
}

/// Resolves when the service shall stop.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break tracing::info!("stopping: SIGTERM"),
                _ = interrupt.recv() => break tracing::info!("stopping: SIGINT"),
                // Neither the end of a terminal session nor a habit of other services may stop it.
                _ = hang_up.recv() => tracing::info!("SIGHUP has no effect: reconfigure/ of Slurm's dialect reads the configuration anew"),
            }
        }
    })
}

/// Returns an address that clients on this machine can use.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_everywhere_is_reached_locally() {
        for (given, told) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:2", "[::1]:2"), ("10.0.0.1:3", "10.0.0.1:3")]
        {
            assert_eq!(reachable(given.parse().unwrap()).to_string(), told);
        }
    }
}
