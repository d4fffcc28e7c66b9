//! What can be wrong with a configuration, told so that it can be put right.

use std::ops::Range;
use std::path::PathBuf;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("read configuration {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key nobody knows.
    #[error("{place}: unknown key `{key}` in {table}{}", did_you_mean(nearest, known))]
    UnknownKey {
        /// File, line and column.
        place: String,
        /// The key.
        key: String,
        /// The table it stands in.
        table: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
        /// All known keys.
        known: Vec<String>,
    },
    /// Not TOML, or a value of the wrong kind.
    #[error("{place}: {why}")]
    Malformed {
        /// File, line and column.
        place: String,
        /// What is wrong there.
        why: String,
    },
    /// The parts do not fit together.
    #[error("{table}: {why}")]
    Unfit {
        /// The table concerned.
        table: String,
        /// What is wrong with it.
        why: String,
    },
}

impl ConfigError {
    /// Says what is wrong with a table.
    pub(crate) fn unfit(table: impl Into<String>, why: impl Into<String>) -> Self {
        ConfigError::Unfit { table: table.into(), why: why.into() }
    }

    /// Turns a parser's complaint into one that names file, line and column, and the nearest known key.
    pub(crate) fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let place = place(file, text, &span);
        match unknown_field(error.message()) {
            Some((key, known)) => {
                let table = table_at(text, &span);
                let nearest = nearest(&key, &known);
                ConfigError::UnknownKey { place, key, table, nearest, known }
            }
            None => ConfigError::Malformed { place, why: error.message().trim_end().replace('\n', ", ") },
        }
    }
}

fn did_you_mean(nearest: &Option<String>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => format!("; known keys are {}", known.join(", ")),
    }
}

/// Takes apart what serde says about an unknown field: its name and the names known.
fn unknown_field(message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    // The names stand between backquotes: every second part.
    let known = rest.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Some((key.to_owned(), known))
}

fn nearest(key: &str, known: &[String]) -> Option<String> {
    let distance = |known: &String| strsim::damerau_levenshtein(key, known);
    let best = known.iter().min_by_key(|known| distance(known))?;
    // A name that shares less than half of its letters would not help anybody.
    (distance(best) * 2 <= key.len().max(best.len())).then(|| best.clone())
}

fn place(file: &str, text: &str, span: &Range<usize>) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    format!("{file}:{line}:{column}")
}

/// Returns the header of the table in which a place lies, as written.
fn table_at(text: &str, span: &Range<usize>) -> String {
    let before = text.get(..span.end).unwrap_or(text);
    let header = before.lines().rev().map(str::trim).find(|line| line.starts_with('['));
    let header = header.and_then(|line| line.split_inclusive(']').next().map(|name| (line, name)));
    match header {
        Some((line, name)) if line.starts_with("[[") => format!("{name}]"),
        Some((_, name)) => name.to_owned(),
        None => "the file".to_owned(),
    }
}
