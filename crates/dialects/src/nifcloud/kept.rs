//! What this dialect keeps with a job: what its script said that the job itself has no place for. Jobs of other dialects
//! have nothing of it.

use super::script::Until;
use domain::Text;
use domain::job::JobSpec;
use serde::{Deserialize, Serialize};

/// What it begins with.
const MARK: &str = "nifcloud:";

/// What is kept with a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// Nodes as shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nodes: Option<String>,
    /// The group named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    /// Virtual nodes, cores and memory of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) virtual_nodes: Option<VirtualNodes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) placement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) execution: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rank: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) priority: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) step: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) statistics: Option<Statistics>,
}

/// Virtual nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VirtualNodes {
    pub(super) count: u32,
    pub(super) cores: u16,
    /// Megabytes; `None` where nothing was said.
    pub(super) memory: Option<u64>,
}

/// Its place in a step job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    /// The step job's number; `None` for the job that began it, whose own number it is.
    pub(super) of: Option<u32>,
    /// Its own number.
    pub(super) number: u32,
    /// The steps it waits for.
    pub(super) after: Vec<u32>,
    /// Which go with it when it must not run.
    pub(super) until: Until,
}

/// The file of statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Statistics {
    /// Each node is listed.
    pub(super) long: bool,
    /// Where it goes, as a pattern.
    pub(super) path: String,
}

impl Kept {
    /// Returns what is kept with a job.
    pub(super) fn of(spec: &JobSpec) -> Self {
        let written = spec.uncommon().origin.strip_prefix(MARK);
        written.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Tells whether a job came this way.
    pub(super) fn is_with(spec: &JobSpec) -> bool {
        spec.uncommon().origin.starts_with(MARK)
    }

    /// Writes it down.
    pub(super) fn written(&self) -> Text {
        // Texts and numbers can always be written.
        Text::from(format!("{MARK}{}", serde_json::to_string(self).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let kept = Kept {
            nodes: Some("12:2x3x2".to_owned()),
            virtual_nodes: Some(VirtualNodes { count: 2, cores: 4, memory: None }),
            step: Some(Step { of: Some(7), number: 3, after: vec![1, 2], until: Until::All }),
            ..Kept::default()
        };
        let written = kept.written();
        assert_eq!(serde_json::from_str::<Kept>(&written["nifcloud:".len()..]).unwrap(), kept);
        assert_eq!(Kept::default().written(), "nifcloud:{}");
    }
}
