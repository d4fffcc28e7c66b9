//! Where the service is and how to prove who asks: arguments, environment, or the state directory of a service on this
//! machine.

use crate::config::default_state_dir;
use crate::state_dir::KEY_FILE;
use domain::Timestamp;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The file in the state directory that says where the service listens.
pub(crate) const ADDRESS_FILE: &str = "address";

/// The variable that names the state directory of a service on this machine.
pub(crate) const STATE_VARIABLE: &str = "QUINTET_STATE";

/// How long a token lives that is made on the spot.
const OWN_TOKEN: Duration = Duration::from_secs(3600);

/// Where the service is, and how answers are shown.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ClientArgs {
    /// Address of the service [default: as the service on this machine wrote it down, or http://127.0.0.1:6820]
    #[arg(
        long,
        env = "QUINTET_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Connection"
    )]
    pub(crate) url: Option<String>,
    /// State directory of a service on this machine; its key is used if QUINTET_TOKEN is not set and the key can be read
    #[arg(
        long,
        env = STATE_VARIABLE,
        hide_env_values = true,
        value_name = "DIR",
        help_heading = "Connection"
    )]
    pub(crate) state: Option<PathBuf>,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

impl ClientArgs {
    fn state_dir(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(default_state_dir)
    }

    /// Returns the words that say the same to another call of this program.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let url = self.url.iter().flat_map(|url| ["--url".into(), OsString::from(url)]);
        let state = self.state.iter().flat_map(|state| ["--state".into(), OsString::from(state)]);
        url.chain(state).collect()
    }

    /// Returns the address of the service.
    pub(crate) fn address(&self) -> String {
        let written = || std::fs::read_to_string(self.state_dir().join(ADDRESS_FILE)).ok();
        let given = self.url.clone().filter(|url| !url.is_empty());
        let found =
            given.or_else(|| written().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()));
        found.unwrap_or_else(|| "http://127.0.0.1:6820".to_owned())
    }

    /// Returns the credential: the one of the environment, or one made from the key of the service on this machine, with
    /// the user it was made for.
    pub(super) fn token(&self) -> (Option<String>, Option<String>) {
        if let Some(token) = std::env::var("QUINTET_TOKEN").ok().filter(|token| !token.is_empty()) {
            return (Some(token), None);
        }
        let made = || {
            let key = std::fs::read(self.state_dir().join(KEY_FILE)).ok()?;
            let user = present_user()?;
            Some((dialects::mint(&key, &user, now(), OWN_TOKEN)?, user))
        };
        made().unzip()
    }
}

/// Returns the name of the user who runs this program.
pub(crate) fn present_user() -> Option<String> {
    uzers::get_effective_username().and_then(|name| name.into_string().ok())
}

/// Returns the present moment.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
