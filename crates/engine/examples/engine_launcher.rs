//! The launcher that tests start: what `quintet launcher` is in the binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    supervise::launcher::main(std::env::args_os().skip(2))
}
