//! Where changes are handed in: several at once, all or none. Who sits at a terminal is shown what would become of them
//! and asked first.

use super::AccountArgs;
use super::words::Word;
use crate::client::Client;
use crate::columns::{Column, Field, Shape, chosen, written};
use crate::terminal::{Terminal, remark};
use anyhow::bail;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// What a verb works with.
pub(super) struct Desk<'a> {
    pub(super) client: Client,
    pub(super) args: &'a AccountArgs,
    pub(super) terminal: Terminal,
}

/// What became of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Done {
    pub(super) changed: bool,
    pub(super) accounts: Vec<String>,
    pub(super) users: Vec<String>,
    pub(super) associations: Vec<Place>,
    pub(super) wckeys: Vec<Wckey>,
    pub(super) skipped: Vec<Place>,
    pub(super) removed: Vec<String>,
}

/// What an association is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    pub(super) cluster: String,
    pub(super) account: String,
    pub(super) user: String,
    pub(super) partition: String,
    pub(super) parent: String,
}

/// A workload key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Wckey {
    pub(super) cluster: String,
    pub(super) name: String,
    pub(super) user: String,
}

#[derive(Deserialize)]
struct Answers {
    done: Vec<Done>,
}

/// What is told of changes.
pub(super) struct Told {
    /// In words.
    pub(super) text: String,
    /// Whether anything changes.
    pub(super) changed: bool,
}

impl Place {
    /// Writes it as sacctmgr does after a change.
    pub(super) fn written(&self) -> String {
        let Place { cluster, account, user, partition, parent } = self;
        if user.is_empty() {
            let of = if parent.is_empty() { String::new() } else { format!(" of {parent}") };
            return format!("  C = {cluster:<10} A = {account}{of}\n");
        }
        let partition = if partition.is_empty() { String::new() } else { format!(" P = {partition}") };
        format!("  C = {cluster:<10} A = {account:<20} U = {user:<9}{partition}\n")
    }
}

impl Desk<'_> {
    /// Returns how rows are written.
    pub(super) fn shape(&self) -> Shape {
        let bars = self.args.parsable || self.args.parsable2;
        Shape {
            between: bars.then(|| "|".to_owned()),
            behind: self.args.parsable,
            header: !self.args.no_header,
        }
    }

    /// Writes rows in the fields that were asked for, or in these.
    pub(super) fn print_rows<R>(
        &self,
        rows: &[R],
        format: Option<&str>,
        usual: &str,
        fields: &[Field<R>],
    ) -> anyhow::Result<ExitCode> {
        let columns = match chosen(format.unwrap_or(usual), fields) {
            Ok(columns) => columns,
            Err(unknown) => bail!("Unknown field '{unknown}'"),
        };
        self.print_columns(&columns, rows)
    }

    /// Writes rows in columns.
    pub(super) fn print_columns<R>(&self, columns: &[Column<'_, R>], rows: &[R]) -> anyhow::Result<ExitCode> {
        let text = written(columns, rows, &self.shape());
        if !text.is_empty() {
            self.terminal.print(&text)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Writes those entries of an answer's list that are kept, as JSON.
    pub(super) fn print_json(&self, text: &str, key: &str, keep: &[bool]) -> anyhow::Result<ExitCode> {
        let mut value: Value = serde_json::from_str(text)?;
        if let Some(Value::Array(entries)) = value.get_mut(key) {
            let mut keep = keep.iter();
            entries.retain(|_| keep.next().copied().unwrap_or(true));
        }
        self.terminal.print(&format!("{value:#}"))?;
        Ok(ExitCode::SUCCESS)
    }

    /// Hands changes in and tells what became of them.
    pub(super) async fn carry_out(
        &self,
        changes: Vec<Value>,
        told: impl Fn(&[Done]) -> Told,
    ) -> anyhow::Result<ExitCode> {
        if self.asks() {
            let told = told(&self.hand_in(&changes, true).await?.0);
            if !told.changed {
                return self.nothing(&told);
            }
            self.terminal.print(&told.text)?;
            if !agreed()? {
                remark("changes discarded");
                return Ok(ExitCode::SUCCESS);
            }
            self.hand_in(&changes, false).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let (done, text) = self.hand_in(&changes, false).await?;
        let told = told(&done);
        if self.args.client.json {
            self.terminal.print_json(&text)?;
        } else if !told.changed {
            return self.nothing(&told);
        } else if !self.args.quiet && !told.text.is_empty() {
            self.terminal.print(&told.text)?;
        }
        Ok(if told.changed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn nothing(&self, told: &Told) -> anyhow::Result<ExitCode> {
        if !told.text.is_empty() {
            remark(told.text.trim_end());
        }
        Ok(ExitCode::FAILURE)
    }

    /// Tells whether somebody sits here and can be asked.
    fn asks(&self) -> bool {
        !self.args.immediate && !self.args.client.json && std::io::stdin().is_terminal()
    }

    async fn hand_in(&self, changes: &[Value], rehearse: bool) -> anyhow::Result<(Vec<Done>, String)> {
        if changes.is_empty() {
            return Ok((Vec::new(), json!({ "done": [] }).to_string()));
        }
        let body = serde_json::to_vec(&json!({ "rehearse": rehearse, "changes": changes }))?;
        let answer = self.client.native::<Answers>(Method::POST, "/accounting", &[], Some(body)).await?;
        Ok((answer.value.done, answer.text))
    }
}

fn agreed() -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    write!(out, "Would you like to commit changes?\n(N/y): ")?;
    out.flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_lowercase().starts_with('y'))
}

/// A word that sets nothing here.
pub(super) fn unknown_option(word: &Word) -> anyhow::Error {
    anyhow::anyhow!("Unknown option: {} (use keyword 'where' to modify condition)", word.raw)
}

/// A word that is no condition here.
pub(super) fn unknown_condition(word: &Word) -> anyhow::Error {
    anyhow::anyhow!("Unknown condition: {} (use keyword 'set' to modify value)", word.raw)
}

/// Writes a title and names below it; nothing where there are none.
pub(super) fn named_lines(title: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let lines: String = names.iter().map(|name| format!("  {name}\n")).collect();
    format!(" {title}\n{lines}")
}

/// Writes a title and associations below it; nothing where there are none.
pub(super) fn place_lines(title: &str, places: &[Place]) -> String {
    if places.is_empty() {
        return String::new();
    }
    format!(" {title}\n{}", places.iter().map(Place::written).collect::<String>())
}
