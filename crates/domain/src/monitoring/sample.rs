//! A value that was measured, and what it is about.

use super::Scope;
use crate::{Text, Timestamp};

/// A part of a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Component {
    /// Which kind.
    pub scope: Scope,
    /// Which one: a number, or what names an accelerator; empty for the host itself.
    pub id: Text,
    /// A part of that, such as a file system or a network device: kind and name; usually empty.
    pub sub: Option<(Text, Text)>,
}

/// What a series is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey {
    /// The cluster.
    pub cluster: Text,
    /// The host. What a job of its own takes there is under its host, too.
    pub host: Text,
    /// The job, if it is about what one attempt of one of the engine's jobs takes on that host: number and attempt.
    /// Collectors from elsewhere tell of whole hosts only.
    pub job: Option<(u32, u32)>,
    /// The part.
    pub component: Component,
    /// The metric.
    pub metric: Text,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What it is about.
    pub key: SeriesKey,
    /// When.
    pub at: Timestamp,
    /// How much. Finite.
    pub value: f64,
}

impl Component {
    /// The host itself.
    pub const NODE: Component = Component { scope: Scope::Node, id: Text::const_new(""), sub: None };
}
