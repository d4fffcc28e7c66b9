//! `quintet token`: credentials, made from the keys in the state directory, and taken back.

use crate::client::{STATE_VARIABLE, now};
use crate::config::{Config, default_state_dir};
use crate::logins::LoginFile;
use crate::revoked::RevokedFile;
use crate::state_dir::{StateDir, StateError, read_key};
use crate::terminal::Terminal;
use crate::usage::Usage;
use anyhow::Context;
use domain::ports::Logins;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `quintet token`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TokenArgs {
    /// Whom the credential names
    #[arg(required_unless_present = "revoke")]
    pub(crate) name: Option<String>,
    /// What it is for
    #[arg(long = "for", value_name = "API")]
    pub(crate) api: Api,
    /// How long it lives
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..=3_153_600_000))]
    pub(crate) lifespan: u64,
    /// A role it carries, for ClusterCockpit [default: api]; others have none
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', value_parser = dialects::COCKPIT_ROLES)]
    pub(crate) roles: Vec<String>,
    /// Take a credential back instead of making one: an access key of Nifcloud, a key of ET Engine; it counts at once
    #[arg(long, value_name = "KEY", conflicts_with_all = ["name", "roles"])]
    pub(crate) revoke: Option<String>,
    /// The configuration the service runs with, if it names the key or the state directory
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The service's state directory
    #[arg(long, env = STATE_VARIABLE, hide_env_values = true, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

/// The interfaces credentials are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Api {
    /// Slurm REST: X-SLURM-USER-TOKEN
    Slurm,
    /// ClusterCockpit
    Clustercockpit,
    /// Waldur
    Waldur,
    /// Nifcloud HPC: an access key and its secret
    Nifcloud,
    /// ET Engine
    EtEngine,
}

/// Makes a credential and prints it.
pub(crate) fn run(args: TokenArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match args.api {
        Api::Slurm if !args.roles.is_empty() => {
            let why = "--role: a Slurm token has no roles; give the user an admin level instead";
            return Err(Usage(why.to_owned()).into());
        }
        Api::EtEngine if !args.roles.is_empty() => {
            return Err(Usage("--role: an ET Engine key has no roles".to_owned()).into());
        }
        Api::Waldur if !args.roles.is_empty() => {
            let why = "--role: a Waldur token has no roles; give the user an admin level instead";
            return Err(Usage(why.to_owned()).into());
        }
        Api::Nifcloud if !args.roles.is_empty() => {
            return Err(Usage("--role: an access key has no roles".to_owned()).into());
        }
        Api::Slurm | Api::Clustercockpit | Api::EtEngine | Api::Waldur | Api::Nifcloud => {}
    }
    let config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default_values(),
    };
    let state = || {
        let path = args
            .state
            .clone()
            .or_else(|| config.state().map(PathBuf::from))
            .unwrap_or_else(default_state_dir);
        StateDir::open(&path)
    };
    if let Some(key) = &args.revoke {
        return revoke(args.api, key, &config, state()?);
    }
    let name = args.name.as_deref().unwrap_or_default();
    let is_bad = |sign: char| sign.is_whitespace() || matches!(sign, ':' | '/');
    if name.is_empty() || name.contains(is_bad) {
        return Err(Usage(format!("\"{name}\" is not a user's name")).into());
    }
    let lifespan = Duration::from_secs(args.lifespan);
    let token = match args.api {
        Api::Clustercockpit => {
            // Without a role a token is good for nothing there.
            let roles = if args.roles.is_empty() { vec!["api".to_owned()] } else { args.roles.clone() };
            cockpit_keys(&config, state)?.mint(name, &roles, now(), Some(lifespan))
        }
        Api::EtEngine => Some(dialects::EtKeys::new(&state()?.et_key()?).mint(name, now(), lifespan)),
        Api::Waldur => {
            let mut state = state()?;
            let tokens = dialects::WaldurTokens::new(&state.waldur_key()?);
            let user = LoginFile::of(&state).number_of(name)?;
            Some(tokens.mint(user, now(), lifespan))
        }
        Api::Nifcloud => {
            let keys = nifcloud_keys(&config, state)?;
            let (access_key, secret) = keys.mint(name, now(), lifespan)?;
            terminal.print(&format!("{access_key} {secret}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {
            let key = match config.jwt_key() {
                Some(path) => read_key(path)?,
                None => state()?.key()?,
            };
            dialects::mint(&key, name, now(), lifespan)
        }
    };
    let token = token.context("make a token from the key")?;
    terminal.print(&token)?;
    Ok(ExitCode::SUCCESS)
}

/// Takes a credential back: from now on nobody gets in with it.
fn revoke(api: Api, key: &str, config: &Config, mut state: StateDir) -> anyhow::Result<ExitCode> {
    let revoked = RevokedFile::of(&state);
    let credential = match api {
        Api::Nifcloud => nifcloud_keys(config, || Ok(state))?.revocable(key),
        Api::EtEngine => dialects::EtKeys::new(&state.et_key()?).revocable(key),
        Api::Waldur => {
            let why = "--revoke: whoever has a Waldur token gives it back with POST /api-auth/logout/";
            return Err(Usage(why.to_owned()).into());
        }
        Api::Slurm | Api::Clustercockpit => {
            let why =
                "--revoke: such a token holds until its time is up; only another key of the service ends it";
            return Err(Usage(why.to_owned()).into());
        }
    };
    let credential = credential.context("it is no key of this service")?;
    revoked.add(&credential, now()).context("write down that it is revoked")?;
    Ok(ExitCode::SUCCESS)
}

fn nifcloud_keys(
    config: &Config,
    state: impl FnOnce() -> Result<StateDir, StateError>,
) -> anyhow::Result<dialects::NifcloudKeys> {
    let nifcloud =
        config.nifcloud()?.context("[nifcloud] of the configuration says that it is not served")?;
    let key = match &nifcloud.private_key {
        Some(path) => read_key(path)?,
        None => state()?.nifcloud_key()?,
    };
    dialects::NifcloudKeys::new(&key).context("use the key access keys are derived from")
}

fn cockpit_keys(
    config: &Config,
    state: impl FnOnce() -> Result<StateDir, StateError>,
) -> anyhow::Result<dialects::CockpitKeys> {
    let cockpit =
        config.cockpit()?.context("[clustercockpit] of the configuration says that it is not served")?;
    let key = match &cockpit.private_key {
        Some(path) => read_key(path)?,
        None => state()?.cockpit_key()?,
    };
    dialects::CockpitKeys::new(&key).context("use the key ClusterCockpit's tokens are signed with")
}

/// Makes a token for ClusterCockpit's interface that lives for a day, for a program of ours.
pub(crate) fn cockpit_token(config: &Config, state: Option<PathBuf>, name: &str) -> anyhow::Result<String> {
    let path = state.or_else(|| config.state().map(PathBuf::from)).unwrap_or_else(default_state_dir);
    let keys = cockpit_keys(config, || StateDir::open(&path))?;
    let lifespan = Some(Duration::from_secs(86_400));
    keys.mint(name, &["api".to_owned()], now(), lifespan).context("make a token from the key")
}
