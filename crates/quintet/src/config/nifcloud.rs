//! `[nifcloud]`: jobs by script and files in an object store, and who may ask for them.

use super::file::QoptWord;
use super::{Config, ConfigError};
use dialects::NifcloudSignatures;
use domain::Text;
use files::OnlineConfig;
use jiff::tz::TimeZone;
use std::path::PathBuf;
use std::time::Duration;

/// How Nifcloud's interface is served.
#[derive(Clone)]
pub(crate) struct NifcloudConfig {
    /// The key access keys are derived from, if it is not in the state directory.
    pub(crate) private_key: Option<PathBuf>,
    /// What a signature must be made for.
    pub(crate) signatures: NifcloudSignatures,
    /// Requests in flight at most; zero for any number.
    pub(crate) max_requests: usize,
    /// The zone of times; `None` for this machine's.
    pub(crate) zone: Option<TimeZone>,
    /// The list has both spellings.
    pub(crate) aliases: bool,
    /// `qopt` counts.
    pub(crate) applies_qopt: bool,
    /// Nodes are given as a whole.
    pub(crate) whole_nodes: bool,
    /// How long jobs can be read after their end.
    pub(crate) retention: Duration,
    /// Groups whose members may use it; empty for everybody.
    pub(crate) groups: Vec<Text>,
    /// The pattern of users' folders; `None` for their home directories.
    pub(crate) folders: Option<String>,
    /// The object store, if there is one.
    pub(crate) online: Option<OnlineConfig>,
}

impl Config {
    /// Returns how Nifcloud's interface is served; `None` if it is not.
    ///
    /// # Errors
    /// If a zone is unknown, folders are no pattern, or the keys of the object store cannot be read.
    pub(crate) fn nifcloud(&self) -> Result<Option<NifcloudConfig>, ConfigError> {
        let table = &self.file.nifcloud;
        if !table.serve {
            return Ok(None);
        }
        let unfit = |why: String| ConfigError::unfit("[nifcloud]", why);
        let zone = table.timezone.as_deref().map(TimeZone::get).transpose();
        let zone = zone.map_err(|error| unfit(format!("timezone: {error}")))?;
        if let Some(folders) = &table.folders
            && (!folders.starts_with('/') || !folders.contains("{user}"))
        {
            return Err(unfit(format!("folders: \"{folders}\" is no absolute path with {{user}} in it")));
        }
        if table.services.is_empty() {
            return Err(unfit("services: no name of the service would be accepted".to_owned()));
        }
        let online = table.online.as_ref().map(|online| {
            let path = online.credentials.display();
            let text = std::fs::read_to_string(&online.credentials)
                .map_err(|error| unfit(format!("online.credentials: {path}: {error}")))?;
            let mut words = text.split_whitespace();
            let (Some(access_key), Some(secret_key), None) = (words.next(), words.next(), words.next())
            else {
                return Err(unfit(format!(
                    "online.credentials: {path} does not hold an access key and its secret"
                )));
            };
            if !online.endpoint.starts_with("http://") && !online.endpoint.starts_with("https://") {
                return Err(unfit(format!("online.endpoint: \"{}\" is no address of HTTP", online.endpoint)));
            }
            Ok(OnlineConfig {
                endpoint: online.endpoint.clone(),
                bucket: online.bucket.clone(),
                region: online.region.clone(),
                access_key: access_key.to_owned(),
                secret_key: secret_key.to_owned(),
                prefix: online.prefix.clone(),
            })
        });
        Ok(Some(NifcloudConfig {
            private_key: table.private_key.clone(),
            signatures: NifcloudSignatures {
                region: table.region.clone(),
                services: table.services.clone(),
                clock_skew: table.clock_skew.0,
                unsigned_bodies: table.unsigned_bodies,
            },
            max_requests: table.max_requests,
            zone,
            aliases: table.aliases,
            applies_qopt: table.qopt == QoptWord::Apply,
            whole_nodes: table.whole_nodes,
            retention: table.retention.0,
            groups: table.groups.iter().map(Text::from).collect(),
            folders: table.folders.clone(),
            online: online.transpose()?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, named) in [
            ("timezone = \"Moon/Base\"", "timezone"),
            ("folders = \"home\"", "folders"),
            ("folders = \"/srv/hpc\"", "folders"),
            ("services = []", "services"),
            (
                "online = { endpoint = \"http://x\", bucket = \"b\", credentials = \"/nowhere/at/all\" }",
                "credentials",
            ),
        ] {
            let config = Config::parse("test", &format!("[nifcloud]\n{text}\n"), Path::new(".")).unwrap();
            let error = config.nifcloud().err().unwrap().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
        let off = Config::parse("test", "[nifcloud]\nserve = false\n", Path::new(".")).unwrap();
        assert!(off.nifcloud().unwrap().is_none());
    }
}
