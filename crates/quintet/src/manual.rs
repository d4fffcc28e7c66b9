//! What describes the command line: completions, manual pages, the command reference.

use crate::cli::Cli;
use crate::terminal::Terminal;
use anyhow::Context;
use clap::{Command, CommandFactory};
use std::path::Path;
use std::process::ExitCode;

/// Prints what makes a shell complete the commands.
pub(crate) fn completions(shell: clap_complete::Shell, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "quintet", &mut script);
    terminal.print_bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page of the program, or writes one for each command into a directory.
pub(crate) fn man(out: Option<&Path>, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match out {
        Some(dir) => {
            std::fs::create_dir_all(dir).with_context(|| format!("make directory {}", dir.display()))?;
            clap_mangen::generate_to(Cli::command(), dir)
                .with_context(|| format!("write into {}", dir.display()))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            terminal.print_bytes(&page)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the reference of all commands: `docs/commands.md`.
#[cfg_attr(not(test), expect(dead_code, reason = "the reference is a file that a test keeps true"))]
pub(crate) fn reference() -> String {
    let mut text = String::from(
        "# Commands\n\nWhat `quintet` and each of its commands say with `--help`. A test keeps this page true.\n",
    );
    let mut program = Cli::command().term_width(100);
    program.build();
    describe(&mut program, "quintet", &mut text);
    text
}

fn describe(command: &mut Command, name: &str, text: &mut String) {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    text.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end()));
    for inner in
        command.get_subcommands_mut().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        let name = format!("{name} {}", inner.get_name());
        describe(inner, &name, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// `UPDATE_DOCS=1` writes the page anew.
    #[test]
    fn the_command_reference_is_true() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
        let written = reference();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        let shown = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            shown == written,
            "docs/commands.md is not what the program says; run the test with UPDATE_DOCS=1"
        );
    }

    #[test]
    fn there_is_a_page_for_each_command() {
        let dir = tempfile::tempdir().unwrap();
        man(Some(dir.path()), Terminal::default()).unwrap();
        for page in ["quintet.1", "quintet-submit.1", "quintet-show-job.1", "quintet-user-add.1"] {
            assert!(dir.path().join(page).is_file(), "{page}");
        }
    }
}
