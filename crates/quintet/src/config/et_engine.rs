//! `[et_engine]`: batches, and where their users' files are.

use super::{Config, ConfigError};
use dialects::EtSettings;
use std::path::{Path, PathBuf};

/// Most jobs a batch can have at all: what the service takes as one array.
const MOST_JOBS: u32 = 4_000_000;

/// How ET Engine's interface is served.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EtConfig {
    /// Where files are kept, if the file says so.
    folder: Option<PathBuf>,
    /// What can be set.
    pub(crate) settings: EtSettings,
}

impl EtConfig {
    /// Tells whether the file says where files are kept.
    pub(crate) fn names_folder(&self) -> bool {
        self.folder.is_some()
    }

    /// Returns where files are kept by a service with its state in a folder. Each user must be able to reach their own;
    /// into root's private state directory nobody else can, so that root's service keeps them beside it.
    pub(crate) fn folder(&self, state: &Path) -> PathBuf {
        let own = || match uzers::get_effective_uid() {
            0 => {
                let mut beside = state.as_os_str().to_owned();
                beside.push("-et-engine");
                PathBuf::from(beside)
            }
            _ => state.join("et-engine"),
        };
        self.folder.clone().unwrap_or_else(own)
    }
}

impl Config {
    /// Returns how ET Engine's interface is served; `None` if it is not.
    ///
    /// # Errors
    /// If a limit cannot be kept.
    pub(crate) fn et_engine(&self) -> Result<Option<EtConfig>, ConfigError> {
        let table = &self.file.et_engine;
        if !(1..=MOST_JOBS).contains(&table.max_jobs) {
            let why = format!("max_jobs must be between 1 and {MOST_JOBS}");
            return Err(ConfigError::unfit("[et_engine]", why));
        }
        let settings = EtSettings {
            max_jobs: table.max_jobs,
            max_tool: table.max_tool_size.0 as u64,
            max_file: table.max_file_size.0.saturating_mul(1 << 20),
            detail: table.detail_shape,
        };
        Ok(table.serve.then(|| EtConfig { folder: table.folder.clone(), settings }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<EtConfig>, ConfigError> {
        let file = toml::from_str(&format!("[et_engine]\n{text}")).unwrap();
        Config { file }.et_engine()
    }

    #[test]
    fn limits_and_shapes_are_read() {
        let usual = read("").unwrap().unwrap();
        assert_eq!((usual.settings.max_jobs, usual.settings.detail), (100_000, dialects::EtDetail::Array));
        let beside = if uzers::get_effective_uid() == 0 { "/s/q-et-engine" } else { "/s/q/et-engine" };
        assert_eq!(usual.folder(Path::new("/s/q")), PathBuf::from(beside));
        let own =
            read("folder = \"/x\"\nmax_tool_size = \"4M\"\ndetail_shape = \"object\"").unwrap().unwrap();
        assert_eq!((own.folder(Path::new("/s")), own.settings.max_tool), (PathBuf::from("/x"), 4 << 20));
        assert_eq!(own.settings.detail, dialects::EtDetail::Object);
        assert!(read("serve = false").unwrap().is_none());
        assert!(read("max_jobs = 0").is_err() && read("max_jobs = 5000000").is_err());
    }
}
