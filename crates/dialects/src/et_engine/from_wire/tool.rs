//! A tool or a filesystem as it is described: the documented names of fields and those of the SDK 0.0.1 (facts C1).

use super::super::arguments::{self, Arguments};
use super::super::error::EtError;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A tool to be made.
#[derive(Debug, Deserialize)]
pub(in super::super) struct NewTool {
    #[serde(alias = "tool_name")]
    pub(in super::super) name: String,
    #[serde(default, alias = "tool_description")]
    pub(in super::super) description: String,
    /// Ours: what is run.
    #[serde(default)]
    entry: Option<Entry>,
    /// Ours: arguments that hold where a submission names no others.
    #[serde(default)]
    arguments: Option<Box<RawValue>>,
    /// Ours: the tool itself, if it is a script.
    #[serde(default)]
    pub(in super::super) script: Option<String>,
}

/// One word, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Entry {
    Word(String),
    Words(Vec<String>),
}

/// A filesystem to be made.
#[derive(Debug, Deserialize)]
pub(in super::super) struct NewFilesystem {
    #[serde(alias = "filesystem_name")]
    pub(in super::super) name: String,
}

/// Words of an entry, and bytes of one, at most.
const MOST_WORDS: usize = 100;
const LONGEST_WORD: usize = 4096;

impl NewTool {
    /// Returns what is run, if that is said.
    pub(in super::super) fn entry(&self) -> Result<Vec<String>, EtError> {
        match &self.entry {
            None => Ok(Vec::new()),
            Some(Entry::Word(word)) => entry(vec![word.clone()]),
            Some(Entry::Words(words)) => entry(words.clone()),
        }
    }

    /// Returns the arguments that hold by default.
    pub(in super::super) fn arguments(&self) -> Result<Arguments, EtError> {
        self.arguments
            .as_deref()
            .map_or_else(|| Ok(Arguments::new()), |raw| arguments::read("arguments", raw))
    }
}

/// Checks what shall be run.
pub(in super::super) fn entry(words: Vec<String>) -> Result<Vec<String>, EtError> {
    let is_word = |word: &String| word.len() <= LONGEST_WORD && !word.contains('\0');
    // In front of the command come arguments, which have a sign of equality.
    let is_command = |word: &String| !word.is_empty() && !word.contains('=') && !word.starts_with('-');
    let is_entry = words.len() <= MOST_WORDS && words.iter().all(is_word);
    match is_entry && words.first().is_none_or(is_command) {
        true => Ok(words),
        false => Err(EtError::body("entry is a command with its words")),
    }
}

/// Checks the name of a filesystem, which is that of a link in every job's folder.
pub(in super::super) fn filesystem_name(name: String) -> Result<String, EtError> {
    let is_name = !matches!(name.as_str(), "" | "." | "..")
        && name.len() <= 128
        && !name.chars().any(|letter| letter == '/' || letter.is_control());
    match is_name {
        true => Ok(name),
        false => Err(EtError::body("the name of a filesystem must be one of a folder")),
    }
}
