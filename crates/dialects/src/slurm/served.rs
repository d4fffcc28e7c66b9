//! Which versions of the interface are served, and which of its parts: all of them, unless the site says otherwise.

use slurm_wire::versions::{self, Version};

/// A part of the interface; the original has a plugin for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Jobs, nodes and what else the controller knows: `/slurm/`.
    Controller,
    /// Accounting: `/slurmdb/`.
    Database,
    /// What is answered without asking anybody: `/util/`.
    Util,
}

impl Part {
    /// All parts by the names of their plugins.
    pub const ALL: [(&'static str, Part); 3] =
        [("slurmctld", Part::Controller), ("slurmdbd", Part::Database), ("util", Part::Util)];

    /// Returns the first segment of its paths.
    pub(super) fn path(self) -> &'static str {
        match self {
            Part::Controller => "slurm",
            Part::Database => "slurmdb",
            Part::Util => "util",
        }
    }

    /// Returns the name of its plugin.
    pub(super) fn plugin(self) -> &'static str {
        Part::ALL.iter().find(|(_, part)| *part == self).map_or("", |(name, _)| name)
    }

    /// Returns the part whose paths begin with that segment.
    pub(super) fn named(segment: &str) -> Option<Part> {
        Part::ALL.iter().map(|(_, part)| *part).find(|part| part.path() == segment)
    }
}

/// What is served.
#[derive(Clone, Debug)]
pub struct Served {
    /// The versions.
    pub versions: Vec<&'static Version>,
    /// The parts.
    pub parts: Vec<Part>,
}

impl Default for Served {
    fn default() -> Self {
        Served { versions: versions::ALL.to_vec(), parts: Part::ALL.iter().map(|(_, part)| *part).collect() }
    }
}

impl Served {
    /// Returns the version of that name, if it is served.
    pub(super) fn version(&self, name: &str) -> Option<&'static Version> {
        self.versions.iter().find(|version| version.name == name).copied()
    }

    /// Tells whether a part is served.
    pub(super) fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}
