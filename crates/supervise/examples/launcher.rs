//! A program that is nothing but a launcher, for this crate's tests and measurements. The product has it as a hidden
//! subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    supervise::launcher::main(std::env::args_os().skip(2))
}
