//! The configuration: one TOML file, read once, turned into one small value per concern. Nothing else in the
//! binary knows keys or files of the configuration.

mod accounts;
mod cluster;
mod cockpit;
mod error;
mod et_engine;
mod file;
mod hardware;
mod history;
mod hostnames;
mod mail;
mod nifcloud;
mod people;
mod scheduling;
#[cfg(test)]
mod tests;
mod units;
mod upstream;
mod waldur;

pub(crate) use accounts::Account;
pub(crate) use cockpit::CockpitConfig;
pub(crate) use error::ConfigError;
pub(crate) use file::LogFormat;
pub(crate) use mail::{MailRelay, this_machine};
pub(crate) use nifcloud::NifcloudConfig;
pub(crate) use people::{KnownGroup, KnownUser};
pub(crate) use units::time_limit;
pub(crate) use upstream::{Showing, Upstream};

use domain::Timestamp;
use domain::cluster::{Cluster, Node};
use domain::ports::Clock;
use engine::local::{Around, PrivateTmp};
use file::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a configuration file says, checked as a whole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    file: File,
}

/// How jobs are run on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EngineConfig {
    /// Launcher processes; `None` for one each CPU.
    pub(crate) launchers: Option<usize>,
    /// Whether control groups are used where that is permitted.
    pub(crate) cgroups: bool,
    /// Whether jobs are held to the memory they were given.
    pub(crate) limit_memory: bool,
    /// Whether jobs are bound to the CPUs they were given.
    pub(crate) bind_cpus: bool,
    /// Where batch scripts are put, if the file says so.
    pub(crate) spool: Option<PathBuf>,
    /// What is around every job; without a folder for private ones if the file names none.
    pub(crate) around: Around,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// Levels by room, as `tracing` reads them.
    pub(crate) filter: String,
    /// How lines are written.
    pub(crate) format: LogFormat,
}

/// Who is told what becomes of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NoticeConfig {
    /// The program that sends mail, or that is given what the relay does not take.
    pub(crate) mail: Option<PathBuf>,
    /// The relay that mail is sent by.
    pub(crate) relay: Option<MailRelay>,
    /// What is put behind names without an `@`, after one; empty for nothing.
    pub(crate) domain: String,
    /// The program that is run for every job that has ended.
    pub(crate) completion: Option<PathBuf>,
}

impl NoticeConfig {
    /// Tells whether mail is sent at all.
    pub(crate) fn sends_mail(&self) -> bool {
        self.mail.is_some() || self.relay.is_some()
    }
}

impl Config {
    /// Returns what holds without a file.
    pub(crate) fn default_values() -> Self {
        Config { file: File::default() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, has an unknown key or a value of the wrong kind, or asks for what is not there.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        // A relative one would mean something else to the processes that change their directory.
        let whole = std::path::absolute(path).map_err(unreadable)?;
        let folder = whole.parent().unwrap_or(Path::new("/"));
        Self::parse(&path.display().to_string(), &text, folder)
    }

    /// Reads a text; relative paths in it are under `folder`.
    fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let mut file: File =
            toml::from_str(text).map_err(|error| ConfigError::from_toml(name, text, &error))?;
        let engine = &mut file.engine;
        let hooks = engine.prolog.iter_mut().chain(&mut engine.epilog);
        let single = [&mut engine.spool, &mut engine.task_prolog, &mut engine.task_epilog];
        let upstream = engine
            .slurm
            .iter_mut()
            .flat_map(|slurm| [&mut slurm.jwt_key, &mut slurm.token_file, &mut slurm.ca]);
        let nifcloud = &mut file.nifcloud;
        let keys = [&mut file.auth.jwt_key, &mut file.clustercockpit.private_key, &mut nifcloud.private_key];
        let online = nifcloud.online.as_mut().map(|online| &mut online.credentials);
        let more = [&mut engine.private_tmp_folder, &mut file.state, &mut file.et_engine.folder];
        let described = file.clustercockpit.clusters.iter_mut();
        let told = [&mut file.mail.program, &mut file.hooks.job_completion, &mut file.history.archive_dir];
        let single = single.into_iter().chain(more).chain(keys).chain(told).chain(upstream).flatten();
        for path in hooks.chain(single).chain(described).chain(online) {
            *path = folder.join(&*path);
        }
        let config = Config { file };
        config.check()?;
        Ok(config)
    }

    /// Returns how long history is kept by a service with its state in a folder.
    pub(crate) fn retention(&self, state: &Path, clock: Arc<dyn Clock>) -> store::Retention {
        history::retention(&self.file.history, state, clock)
    }

    fn check(&self) -> Result<(), ConfigError> {
        accounts::enforcement(&self.file.accounting.enforce)?;
        history::check(&self.file.history)?;
        self.check_engine()?;
        self.upstream()?;
        if self.file.engine.launchers == Some(0) {
            return Err(ConfigError::unfit("[engine]", "launchers must be at least 1"));
        }
        if self.file.log.filter.parse::<tracing_subscriber::filter::Targets>().is_err() {
            let why =
                format!("filter \"{}\" is not a list such as \"info,engine=debug\"", self.file.log.filter);
            return Err(ConfigError::unfit("[log]", why));
        }
        self.slurm()?;
        self.cockpit()?;
        self.et_engine()?;
        self.waldur()?;
        self.accounts()?;
        self.users()?;
        self.groups()?;
        mail::relay(&self.file)?;
        Ok(())
    }

    fn check_engine(&self) -> Result<(), ConfigError> {
        let engine = &self.file.engine;
        let unfit = |why: String| Err(ConfigError::unfit("[engine]", why));
        if engine.max_processes_per_job == Some(0) {
            return unfit("max_processes_per_job must be at least 1".to_owned());
        }
        if engine.private_tmp == PrivateTmp::Never {
            return Ok(());
        }
        if uzers::get_effective_uid() != 0 {
            return unfit("private_tmp needs root: only root can lay folders over /tmp".to_owned());
        }
        for folder in [&engine.spool, &engine.private_tmp_folder].into_iter().flatten() {
            if folder.starts_with("/tmp") || folder.starts_with("/dev/shm") {
                let folder = folder.display();
                return unfit(format!(
                    "{folder} would be out of sight of jobs that have /tmp for themselves"
                ));
            }
        }
        Ok(())
    }

    /// Returns which versions and parts of Slurm's interface are served.
    ///
    /// # Errors
    /// If one is named that there is not, or none.
    pub(crate) fn slurm(&self) -> Result<dialects::Served, ConfigError> {
        let table = &self.file.slurm;
        let unknown = |what: &str, name: &str, known: Vec<&str>| {
            let why = format!("there is no {what} \"{name}\"; there are {}", known.join(", "));
            ConfigError::unfit("[slurm]", why)
        };
        let versions = table.versions.iter().map(|name| {
            let known = || slurm_wire::versions::ALL.iter().map(|version| version.name).collect();
            slurm_wire::versions::named(name).ok_or_else(|| unknown("version", name, known()))
        });
        let parts = table.parts.iter().map(|name| {
            let known = || dialects::Part::ALL.iter().map(|(name, _)| *name).collect();
            let part = dialects::Part::ALL.iter().find(|(known, _)| known == name);
            part.map(|(_, part)| *part).ok_or_else(|| unknown("part", name, known()))
        });
        let served = dialects::Served {
            versions: versions.collect::<Result<_, _>>()?,
            parts: parts.collect::<Result<_, _>>()?,
        };
        match served.versions.is_empty() {
            true => Err(ConfigError::unfit("[slurm]", "versions must name one at least")),
            false => Ok(served),
        }
    }

    /// Returns the first part that is read when the service starts only, and that the other configuration has
    /// otherwise.
    pub(crate) fn fixed_part_unlike(&self, other: &Config) -> Option<&'static str> {
        let (own, other) = (&self.file, &other.file);
        let known = |file: &File| (people::users(file).ok(), people::groups(file).ok());
        let parts = [
            ("listen", own.listen == other.listen),
            ("state", own.state == other.state),
            ("[auth]", own.auth == other.auth),
            ("[engine]", own.engine == other.engine),
            ("[mail]", own.mail == other.mail),
            ("[hooks]", own.hooks == other.hooks),
            ("[history]", own.history == other.history),
            ("[log]", own.log == other.log),
            ("[slurm]", own.slurm == other.slurm),
            ("[clustercockpit]", own.clustercockpit == other.clustercockpit),
            ("[et_engine]", own.et_engine == other.et_engine),
            ("[waldur]", own.waldur == other.waldur),
            ("who [[users]] and [[groups]] are", known(own) == known(other)),
        ];
        parts.into_iter().find(|(_, is_same)| !is_same).map(|(part, _)| part)
    }

    /// Returns how `#SBATCH` lines of scripts that come over REST are read, and whether they count.
    pub(crate) fn script_options(&self) -> dialects::ScriptOptions {
        dialects::ScriptOptions {
            read: crate::submit::options_of_script,
            honored: self.file.slurm.honor_sbatch_lines,
        }
    }

    /// Returns the address to listen on.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.file.listen
    }

    /// Returns the state directory, if the file names one.
    pub(crate) fn state(&self) -> Option<&Path> {
        self.file.state.as_deref()
    }

    /// Returns the file of the key that Slurm tokens are signed with, if it is not in the state directory.
    pub(crate) fn jwt_key(&self) -> Option<&Path> {
        let of_cluster = self.file.engine.slurm.as_ref().and_then(|slurm| slurm.jwt_key.as_deref());
        of_cluster.or(self.file.auth.jwt_key.as_deref())
    }

    /// Returns the Slurm cluster in front of which the service runs, if there is one.
    ///
    /// # Errors
    /// If it is described badly, or something is configured that is the cluster's business.
    pub(crate) fn upstream(&self) -> Result<Option<Upstream>, ConfigError> {
        upstream::upstream(&self.file)
    }

    /// Returns how jobs are run.
    pub(crate) fn engine(&self) -> EngineConfig {
        let engine = &self.file.engine;
        EngineConfig {
            launchers: engine.launchers,
            cgroups: engine.cgroups,
            limit_memory: engine.limit_memory,
            // Virtual nodes give out more CPUs than there are.
            bind_cpus: engine.bind_cpus.unwrap_or(self.file.nodes.is_empty()),
            spool: engine.spool.clone(),
            around: Around {
                prolog: engine.prolog.clone(),
                epilog: engine.epilog.clone(),
                task_prolog: engine.task_prolog.clone(),
                task_epilog: engine.task_epilog.clone(),
                hook_timeout: engine.prolog_epilog_timeout.map(|wait| wait.0),
                private_tmp: engine.private_tmp,
                private_folder: engine.private_tmp_folder.clone().unwrap_or_default(),
                max_processes: engine.max_processes_per_job,
                known_users: people::groups_of_users(&self.file),
            },
        }
    }

    /// Returns what is logged.
    pub(crate) fn log(&self) -> LogConfig {
        LogConfig { filter: self.file.log.filter.clone(), format: self.file.log.format }
    }

    /// Returns who is told what becomes of jobs.
    pub(crate) fn notices(&self) -> NoticeConfig {
        NoticeConfig {
            mail: self.file.mail.program.clone(),
            // It was looked at when the file was read.
            relay: mail::relay(&self.file).ok().flatten(),
            domain: self.file.mail.domain.clone(),
            completion: self.file.hooks.job_completion.clone(),
        }
    }

    /// Returns the accounts of the file.
    pub(crate) fn accounts(&self) -> Result<Vec<Account>, ConfigError> {
        accounts::accounts(&self.file)
    }

    /// Returns the users that the file gives numbers to.
    pub(crate) fn users(&self) -> Result<Vec<KnownUser>, ConfigError> {
        people::users(&self.file)
    }

    /// Returns the groups of the file.
    pub(crate) fn groups(&self) -> Result<Vec<KnownGroup>, ConfigError> {
        people::groups(&self.file)
    }

    /// Returns the cluster that the file and this machine, described as a node, make together.
    pub(crate) fn cluster(&self, machine: &Node, now: Timestamp) -> Result<Cluster, ConfigError> {
        cluster::cluster(&self.file, machine, now)
    }
}

/// Returns where state is kept if neither the command line nor the configuration says.
pub(crate) fn default_state_dir() -> PathBuf {
    if uzers::get_effective_uid() == 0 {
        return PathBuf::from("/var/lib/quintet");
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(base) = absolute("XDG_STATE_HOME") {
        return base.join("quintet");
    }
    let home = absolute("HOME").unwrap_or_else(|| PathBuf::from("/"));
    home.join(".local/state/quintet")
}
