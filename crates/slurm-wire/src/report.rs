//! What reading a document brought to light: errors, warnings, and whether reading had to stop.
//! A server reports strictly, as the original words it; a client reads replies in silence and takes what it can.

use compact_str::{CompactString, format_compact};
use jiff::Zoned;

use crate::envelope::{ErrorEntry, WarningEntry};
use crate::error_number as number;
use crate::place::Place;
use crate::value::Value;
use crate::versions::{self, Version};

/// Reading stopped; the report knows why, or the original gives no reason either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// More diagnostics than this say nothing new, and cost memory.
const KEPT: usize = 1000;

/// Errors and warnings of one request.
#[derive(Debug)]
pub struct Report {
    /// What was wrong, in the order found.
    pub errors: Vec<ErrorEntry>,
    /// What was odd, in the order found.
    pub warnings: Vec<WarningEntry>,
    lenient: bool,
    version: &'static Version,
    now: Option<Zoned>,
    /// Set while an object is read that has keys outside its table.
    pub(crate) saw_unknown: bool,
}

impl Report {
    /// Starts the strict report of a server; `now` is what relative times in the document refer to.
    pub fn new(now: Zoned) -> Self {
        Report {
            errors: Vec::new(),
            warnings: Vec::new(),
            lenient: false,
            version: versions::CURRENT,
            now: Some(now),
            saw_unknown: false,
        }
    }

    /// Starts the silent report of a client that reads a reply: wrong types give defaults, unknown flags are kept.
    pub fn lenient() -> Self {
        Report {
            errors: Vec::new(),
            warnings: Vec::new(),
            lenient: true,
            version: versions::CURRENT,
            now: None,
            saw_unknown: false,
        }
    }

    /// Reads in that version from now on.
    #[must_use]
    pub fn in_version(mut self, version: &'static Version) -> Self {
        self.version = version;
        self
    }

    /// Returns the version that documents are read in.
    pub fn version(&self) -> &'static Version {
        self.version
    }

    /// Tells whether an object has that property in the version that is read.
    pub(crate) fn knows(&self, object: &str, property: &str, is_later: bool) -> bool {
        (self.version.is_later || !is_later) && !self.version.lacks(object, property)
    }

    /// Tells whether an object must have that property; `ordinarily` is what the types say.
    pub(crate) fn requires(&self, object: &str, property: &str, ordinarily: bool) -> bool {
        self.version.requirement(object, property).unwrap_or(ordinarily)
    }

    /// Returns whether nothing is reported and everything tolerated.
    pub fn is_lenient(&self) -> bool {
        self.lenient
    }

    /// Returns the time that relative times refer to.
    pub fn now(&self) -> Option<&Zoned> {
        self.now.as_ref()
    }

    /// Adds an error under its number's fixed text.
    pub fn error(
        &mut self,
        error_number: i32,
        description: impl Into<CompactString>,
        source: impl Into<CompactString>,
    ) {
        if self.errors.len() < KEPT {
            self.errors.push(ErrorEntry::new(error_number, description, source));
        }
    }

    /// Adds a warning.
    pub fn warn(&mut self, description: impl Into<CompactString>, source: impl Into<CompactString>) {
        if self.warnings.len() < KEPT {
            self.warnings.push(WarningEntry { description: description.into(), source: source.into() });
        }
    }

    /// Notes that a value has another type than documented; conversion is tried all the same.
    pub fn expected(&mut self, at: &Place<'_>, documented: &str, got: &Value<'_>) {
        if self.lenient || self.warnings.len() >= KEPT {
            return;
        }
        let description = format_compact!(
            "Expected OpenAPI type={documented} but got OpenAPI type={} (Slurm type={}): {got}",
            got.openapi_kind(),
            got.kind(),
        );
        self.warn(description, format_compact!("{at}"));
    }

    /// Refuses a value with an error; a lenient reader goes on without it.
    pub fn refuse<T>(
        &mut self,
        at: &Place<'_>,
        error_number: i32,
        description: impl FnOnce() -> CompactString,
    ) -> Result<Option<T>, Stop> {
        if self.lenient {
            return Ok(None);
        }
        self.error(error_number, description(), format_compact!("{at}"));
        Err(Stop)
    }

    /// Refuses a value without saying why, as the original does where a scalar cannot be converted.
    pub fn stop<T>(&self) -> Result<Option<T>, Stop> {
        if self.lenient { Ok(None) } else { Err(Stop) }
    }

    /// Refuses an object that lacks a field.
    pub(crate) fn missing(&mut self, at: &Place<'_>, field: &str) -> Result<(), Stop> {
        if self.lenient {
            return Ok(());
        }
        let description = format_compact!("Missing required field '{field}' in dictionary");
        self.error(number::PATH_UNRESOLVED, description, format_compact!("{}", at.key(field)));
        Err(Stop)
    }

    /// Warns of what no table knows; dictionaries are searched, so that each value is named.
    pub(crate) fn ignored(&mut self, value: &Value<'_>, at: &Place<'_>, field: &str, owner: &str) {
        if self.lenient || self.warnings.len() >= KEPT {
            return;
        }
        match value {
            Value::Dict(entries) => {
                for (key, value) in entries {
                    self.ignored(value, &at.key(key), key, owner);
                }
            }
            _ => {
                let description = format_compact!(
                    "Ignoring unknown field \"{field}\" of type {} in DATA_PARSER_{}",
                    value.kind(),
                    owner.to_ascii_uppercase(),
                );
                self.warn(description, format_compact!("{at}"));
            }
        }
    }
}
