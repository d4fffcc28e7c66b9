//! `[waldur]`: how Waldur's interface is served.

use super::{Config, ConfigError};
use dialects::WaldurOptions;

/// Shorter tokens would end between two requests.
const SHORTEST: u64 = 60;

impl Config {
    /// Returns how Waldur's interface is served; `None` if it is not.
    ///
    /// # Errors
    /// If the address is none, the folder is not absolute, or tokens live too short.
    pub(crate) fn waldur(&self) -> Result<Option<WaldurOptions>, ConfigError> {
        let table = &self.file.waldur;
        if !table.serve {
            return Ok(None);
        }
        let unfit = |why: &str| Err(ConfigError::unfit("[waldur]", why));
        let is_address = |url: &String| {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains([',', '<', '>', '?', '#', ' ']))
        };
        if table.url.as_ref().is_some_and(|url| !is_address(url)) {
            return unfit("url must be the beginning of an address, such as \"https://hpc.example.com\"");
        }
        let work_dir = table.work_dir.clone().unwrap_or_default();
        if !work_dir.is_empty() && !work_dir.starts_with('/') {
            return unfit("work_dir must be an absolute path, in which %u is the user's name");
        }
        if table.token_lifetime.0.as_secs() < SHORTEST {
            return unfit("token_lifetime must be a minute at least");
        }
        Ok(Some(WaldurOptions {
            max_upload: table.max_upload.0 as u64,
            token_lifetime: table.token_lifetime.0,
            list_limit: table.list_limit,
            work_dir,
            url: table.url.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_cannot_be_is_refused() {
        let of = |text: &str| Config::parse("x", &format!("[waldur]\n{text}\n"), Path::new("/"));
        assert_eq!(of("serve = false").unwrap().waldur().unwrap(), None);
        let own =
            of("url = \"https://x:8443\"\nwork_dir = \"/scratch/%u\"").unwrap().waldur().unwrap().unwrap();
        assert_eq!((own.url.as_deref(), own.work_dir.as_str()), (Some("https://x:8443"), "/scratch/%u"));
        for wrong in ["url = \"x\"", "url = \"http://a,b\"", "work_dir = \"scratch\"", "token_lifetime = 5"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
