//! A server that launches what it is told and then does nothing more, so that a test can kill it.
//! Arguments: folder, launcher's executable, then shell commands; each becomes the run of its number.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use supervise::{Launch, Report, RunId, Supervisor, SupervisorConfig};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (Some(dir), Some(exe)) = (args.next(), args.next()) else { return ExitCode::from(2) };
    let (sender, reports) = mpsc::channel();
    let mut config = SupervisorConfig::new(dir, 2, exe);
    config.linger = Duration::from_millis(50);
    let opened = Supervisor::open(config, move |batch| {
        let _ = sender.send(batch);
    });
    let supervisor = match opened {
        Ok((supervisor, _)) => supervisor,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let commands: Vec<OsString> = args.collect();
    for (key, command) in (0..).zip(&commands) {
        let argv = ["/bin/sh".into(), "-c".into(), command.clone()];
        supervisor.launch(Launch::new(RunId { key, attempt: 0 }, argv));
    }
    let mut started = 0;
    for report in reports.iter().flatten() {
        started += usize::from(matches!(report, Report::Started { .. }));
        if started == commands.len() {
            println!("all started");
        }
    }
    ExitCode::SUCCESS
}
