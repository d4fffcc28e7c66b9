//! What people see: tables, colours, and where lines go. Colour is never the only carrier of anything.

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use std::io::{self, IsTerminal, Write};

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColourWish {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Standard output and how it may be written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terminal {
    colour: bool,
    is_terminal: bool,
}

impl Terminal {
    /// Looks at standard output and the environment.
    pub(crate) fn of(wish: ColourWish) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match wish {
            ColourWish::Always => true,
            ColourWish::Never => false,
            ColourWish::Auto => is_terminal && !no_colour,
        };
        Terminal { colour, is_terminal }
    }

    /// Tells whether somebody looks at it.
    pub(crate) fn is_terminal(self) -> bool {
        self.is_terminal
    }

    /// Returns a state in its colour.
    pub(crate) fn painted_state(self, state: &str) -> String {
        if !self.colour {
            return state.to_owned();
        }
        let code = match state_colour(state) {
            Color::Green => 32,
            Color::Cyan => 36,
            Color::Yellow => 33,
            Color::Magenta => 35,
            _ => 31,
        };
        format!("\x1b[1;{code}m{state}\x1b[0m")
    }

    /// Begins a table.
    pub(crate) fn table(self, header: &[&str]) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        // Colours are decided here, not by what the library finds out about the terminal.
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let bold = |text: &&str| Cell::new(*text).add_attribute(Attribute::Bold);
        table.set_header(header.iter().map(bold).collect::<Vec<_>>());
        table
    }

    /// Writes a table.
    pub(crate) fn print_table(self, table: &Table) -> io::Result<()> {
        self.print_lines(table.lines())
    }

    /// Writes a table without its header.
    pub(crate) fn print_rows(self, table: &Table) -> io::Result<()> {
        self.print_lines(table.lines().skip(1))
    }

    fn print_lines(self, lines: impl Iterator<Item = String>) -> io::Result<()> {
        // Where there are no borders, each line begins with a blank and is filled up with others.
        let trimmed = |line: String| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned() + "\n";
        let text: String = lines.map(trimmed).collect();
        if text.is_empty() { Ok(()) } else { self.print(&text) }
    }

    /// Writes a line, or several.
    pub(crate) fn print(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Writes bytes as they are.
    pub(crate) fn print_bytes(self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Writes an answer of the service as JSON, indented.
    pub(crate) fn print_json(self, text: &str) -> io::Result<()> {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) => self.print(&format!("{value:#}")),
            Err(_) => self.print(text),
        }
    }
}

/// Returns a cell for a state of a job or node, in the colour of good, bad or under way.
pub(crate) fn state_cell(state: &str) -> Cell {
    Cell::new(state).fg(state_colour(state)).add_attribute(Attribute::Bold)
}

/// Returns the colour of a state.
fn state_colour(state: &str) -> Color {
    let base = state.split(['+', ',', ' ']).next().unwrap_or(state);
    let drained =
        ["DRAIN", "DOWN", "FAIL"].iter().any(|word| state.split(['+', ',']).any(|part| part == *word));
    match base {
        _ if drained => Color::Red,
        "RUNNING" | "COMPLETED" | "ALLOCATED" | "MIXED" | "UP" => Color::Green,
        "IDLE" => Color::Cyan,
        "PENDING" | "COMPLETING" | "SUSPENDED" | "REQUEUED" => Color::Yellow,
        "CANCELLED" | "STOPPED" | "INACTIVE" => Color::Magenta,
        _ => Color::Red,
    }
}

/// Says something on standard error.
pub(crate) fn remark(text: &str) {
    // If nobody can be told, there is nobody to be told that.
    let _ = writeln!(io::stderr(), "quintet: {text}");
}
