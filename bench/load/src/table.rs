//! The figures beside the peer's and the goals, for people on a terminal and for RESULTS.md.

use std::fmt::Write as _;

/// What a figure should reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// A figure that explains others.
    None,
}

/// One figure.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: Option<f64>,
    pub(crate) peer: Option<f64>,
    pub(crate) goal: Goal,
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, goal: Goal) -> Self {
        Self { what: what.into(), unit, ours: None, peer: None, goal, note: String::new() }
    }

    /// Puts the figure into our column or the peer's.
    pub(crate) fn of(mut self, is_peer: bool, figure: f64) -> Self {
        *(if is_peer { &mut self.peer } else { &mut self.ours }) = Some(figure);
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// How many times better ours is: of rates more is better, of everything else less.
    fn ratio(&self) -> Option<f64> {
        let (ours, peer) = (self.ours?, self.peer?);
        let ratio = if self.unit.ends_with("/s") { ours / peer } else { peer / ours };
        ratio.is_finite().then_some(ratio)
    }

    fn verdict(&self) -> &'static str {
        match (self.goal, self.ours) {
            (Goal::AtLeast(goal), Some(ours)) if ours >= goal => "reached",
            (Goal::AtMost(goal), Some(ours)) if ours <= goal => "reached",
            (Goal::None, _) | (_, None) => "",
            _ => "missed",
        }
    }

    fn cells(&self) -> [String; 7] {
        let number = |figure: Option<f64>| figure.map_or("-".to_owned(), readable);
        let goal = match self.goal {
            Goal::AtLeast(goal) => format!(">= {}", readable(goal)),
            Goal::AtMost(goal) => format!("<= {}", readable(goal)),
            Goal::None => String::new(),
        };
        [
            self.what.clone(),
            number(self.ours),
            number(self.peer),
            self.ratio().map_or("-".to_owned(), |ratio| format!("{} x", readable(ratio))),
            goal,
            self.verdict().to_owned(),
            self.note.clone(),
        ]
        .map(|cell| cell.replace('|', "/"))
    }
}

const TITLES: [&str; 7] = ["measured", "quintet", "peer", "ratio", "goal", "", "remarks"];

/// Puts figures of the same thing from two targets into one row.
pub(crate) fn merge(rows: &mut Vec<Row>, more: Vec<Row>) {
    for row in more {
        match rows.iter_mut().find(|known| known.what == row.what && known.unit == row.unit) {
            Some(known) => {
                known.ours = known.ours.or(row.ours);
                known.peer = known.peer.or(row.peer);
                if known.note.is_empty() {
                    known.note = row.note;
                }
            }
            None => rows.push(row),
        }
    }
}

/// Draws a table of Markdown that reads well as plain text, too.
pub(crate) fn draw(rows: &[Row]) -> String {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let mut cells = row.cells();
            cells[0] = format!("{} ({})", cells[0], row.unit);
            cells
        })
        .collect();
    let width = |column: usize| {
        let widths = cells.iter().map(|row| row[column].chars().count());
        widths.chain([TITLES[column].len(), 3]).max().unwrap_or(3)
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    let mut line = |cells: &[String; 7]| {
        for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
            // Numbers stand at the right, so that they can be compared at a glance.
            let _ = match (1..=4).contains(&column) {
                true => write!(text, "| {cell:>width$} "),
                false => write!(text, "| {cell:<width$} "),
            };
        }
        text.push_str("|\n");
    };
    line(&TITLES.map(str::to_owned));
    line(&std::array::from_fn(|column| {
        let bar = "-".repeat(widths[column] - 1);
        if (1..=4).contains(&column) { format!("{bar}:") } else { format!("{bar}-") }
    }));
    cells.iter().for_each(&mut line);
    text
}

/// A number with as many digits as mean something.
fn readable(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => {
            let digits = format!("{number:.0}");
            let mut text = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at) % 3 == 0 && digit != '-' {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let numbers = [1_234_567.0, 999.4, 20.04, 1.234, 0.1234];
        assert_eq!(numbers.map(readable), ["1,234,567", "999", "20.0", "1.23", "0.123"]);
    }

    #[test]
    fn both_targets_share_a_row_and_better_is_more_than_one() {
        let mut rows = vec![Row::new("list", "ms", Goal::AtMost(60.0)).of(false, 50.0)];
        merge(&mut rows, vec![Row::new("list", "ms", Goal::AtMost(60.0)).of(true, 5_000.0)]);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].ratio(), Some(100.0));
        assert_eq!(rows[0].verdict(), "reached");
        assert_eq!(draw(&rows).lines().count(), 3);
    }
}
