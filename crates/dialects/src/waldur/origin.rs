//! What this dialect keeps with a job that came through it: in the job itself, so that it is there as long as the job is.

use domain::Text;
use domain::job::JobSpec;
use serde::{Deserialize, Serialize};

/// What stands before it.
const PREFIX: &str = "waldur:";

/// What was said of a job when it was submitted here and what it has no other place for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// What it is for, in words.
    #[serde(default)]
    pub(super) description: String,
    /// The name of its script's file.
    #[serde(default)]
    pub(super) file: String,
}

impl Origin {
    /// Writes it as it is kept.
    pub(super) fn written(&self) -> Text {
        Text::from(format!("{PREFIX}{}", serde_json::to_string(self).unwrap_or_default()))
    }

    /// Reads what is kept with a job; `None` for one that came another way.
    pub(super) fn of(spec: &JobSpec) -> Option<Self> {
        let written = spec.uncommon.as_ref()?.origin.strip_prefix(PREFIX)?;
        serde_json::from_str(written).ok()
    }
}
