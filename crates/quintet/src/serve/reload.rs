//! The configuration read anew while the service runs. What is looked at when it starts only must not have changed.

use super::clock::SystemClock;
use crate::config::Config;
use domain::Text;
use domain::cluster::Cluster;
use domain::ports::{Clock, Configuration, Misconfigured};
use std::path::PathBuf;

/// The file a service was started with.
pub(crate) struct Reload {
    path: PathBuf,
    first: Config,
}

impl Reload {
    /// Remembers the file, and what it said at the start.
    pub(crate) fn new(path: PathBuf, first: Config) -> Self {
        Reload { path, first }
    }
}

impl Configuration for Reload {
    fn read(&self) -> Result<Cluster, Misconfigured> {
        let wrong = |error: crate::config::ConfigError| Misconfigured::Wrong(Text::from(error.to_string()));
        let config = Config::read(&self.path).map_err(wrong)?;
        if let Some(table) = config.fixed_part_unlike(&self.first) {
            return Err(Misconfigured::NeedsRestart(Text::from(table)));
        }
        let now = SystemClock::default().now();
        config.cluster(&engine::machine::this_machine(), now).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_at_the_start_only_must_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quintet.toml");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("[licenses]\nmatlab = 1\n");
        let reload = Reload::new(path.clone(), Config::read(&path).unwrap());
        write("[licenses]\nmatlab = 5\n");
        assert_eq!(reload.read().unwrap().licenses.values().copied().collect::<Vec<_>>(), [5]);
        write("[engine]\ncgroups = false\n");
        assert_eq!(reload.read(), Err(Misconfigured::NeedsRestart(Text::const_new("[engine]"))));
        write("[licenses\n");
        assert!(matches!(reload.read(), Err(Misconfigured::Wrong(_))));
    }
}
