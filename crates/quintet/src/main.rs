//! The binary: configuration, wiring, command line. Knows everybody, decides nothing.
//!
//! - `config/` reads the configuration
//! - `cli.rs` lists the commands; each is in the file or folder of its name
//! - `client/` is how commands talk with the service

mod account;
mod alloc;
mod allocation;
mod archive;
mod cli;
mod client;
mod columns;
mod config;
mod crontab;
mod demo;
mod jobs;
mod logins;
mod manual;
mod monitoring;
mod nifcloud;
mod nodes;
mod notify;
mod report;
mod revoked;
mod run;
mod serve;
mod sheet;
mod srun;
mod state_dir;
mod submit;
mod terminal;
mod token;
mod top;
mod usage;
mod users;
mod watch;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A launcher must stay small and single-threaded: nothing else may come first.
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "launcher") {
        return supervise::launcher::main(words);
    }
    let words = cli::words(std::env::args_os().collect());
    let is_srun = words.get(1).is_some_and(|word| word == "srun");
    let (cli, matches) = match cli::read(words) {
        Ok(read) => read,
        Err(error) if is_srun => return srun::refuse(&error),
        Err(error) => {
            // What was asked for (help, version) goes to standard output, what is wrong to standard error.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match cli::run(cli, &matches) {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}

/// Tells what went wrong, in one line, and what can be done about it in another.
fn report(error: &anyhow::Error) -> ExitCode {
    let caused_by = |kind: std::io::ErrorKind| {
        error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == kind))
    };
    // Whoever read the output has seen enough: `quintet ps | head`.
    if caused_by(std::io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    terminal::remark(&format!("error: {error:#}"));
    let advice = error.chain().find_map(|cause| cause.downcast_ref::<client::ClientError>()?.advice());
    if let Some(advice) = advice {
        terminal::remark(&advice);
    }
    let wrong_usage = error.chain().any(|cause| cause.is::<usage::Usage>() || submit::is_wrong_usage(cause));
    ExitCode::from(if wrong_usage { 2 } else { 1 })
}
