//! Which versions of the interface a cluster offers, and which of them a request is asked in.

use slurm_wire::versions::{self, Version};

/// The versions that are offered, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offered(Vec<&'static str>);

impl Offered {
    /// Reads them from the description of the interface: from the paths that it names.
    pub(super) fn of_description(description: &[u8]) -> Self {
        let is_named = |version: &&&Version| {
            // JSON as slurmrestd writes it has a backslash before each slash.
            let forms = [format!("/slurm/{}/", version.name), format!("/slurm\\/{}\\/", version.name)];
            forms.iter().any(|form| contains(description, form.as_bytes()))
        };
        Offered(versions::ALL.iter().filter(is_named).map(|version| version.name).collect())
    }

    /// Tells whether there is none that is known here.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the version to ask in for one that is wanted: itself, else the next newer one, else the next older one.
    pub(super) fn nearest(&self, wanted: &'static Version) -> Option<&'static Version> {
        let place = |name: &str| versions::ALL.iter().position(|version| version.name == name);
        let wanted = place(wanted.name)?;
        let offered = || self.0.iter().filter_map(|name| place(name));
        let newer = offered().filter(|at| *at >= wanted).min();
        versions::ALL.get(newer.or_else(|| offered().max())?).copied()
    }
}

impl std::fmt::Display for Offered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(text, wanted).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_version_is_asked() {
        let offered = Offered::of_description(
            br#"{"paths":{"\/slurm\/v0.0.43\/jobs\/":{},"/slurm/v0.0.44/jobs/":{},"\/slurmdb\/v0.0.45\/jobs\/":{}}}"#,
        );
        assert_eq!(offered.to_string(), "v0.0.43, v0.0.44");
        for (wanted, asked) in
            [("v0.0.42", "v0.0.43"), ("v0.0.43", "v0.0.43"), ("v0.0.44", "v0.0.44"), ("v0.0.45", "v0.0.44")]
        {
            let wanted = versions::named(wanted).unwrap();
            assert_eq!(offered.nearest(wanted).map(|version| version.name), Some(asked));
        }
        let none = Offered::of_description(b"<html>");
        assert!(none.is_empty());
        assert_eq!(none.nearest(versions::CURRENT).map(|version| version.name), None);
    }
}
