//! Nifcloud's interface on this machine: its keys, users' folders and the object store behind it, and what follows when a
//! job of it is over.

mod aftermath;

pub(crate) use aftermath::Aftermath;

use crate::config::NifcloudConfig;
use crate::state_dir::{StateDir, read_key};
use anyhow::Context;
use dialects::{Nifcloud, NifcloudHabits, NifcloudKeys};
use domain::ports::{Directory, Revocations, Shelf};
use files::{Online, Places, Syncs};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// While a file of this name is in the state directory, the interface answers that the system is in maintenance.
const MAINTENANCE: &str = "nifcloud.maintenance";

/// What is to be served, checked as far as that can be done before.
pub(crate) struct Wanted {
    keys: NifcloudKeys,
    revocations: Arc<dyn Revocations>,
    config: NifcloudConfig,
    places: Places,
    maintenance: PathBuf,
}

impl Wanted {
    /// Reads the key, or makes it.
    pub(crate) fn new(
        config: NifcloudConfig,
        state: &mut StateDir,
        directory: Arc<dyn Directory>,
        revocations: Arc<dyn Revocations>,
    ) -> anyhow::Result<Self> {
        let key = match &config.private_key {
            Some(path) => read_key(path)?,
            None => state.nifcloud_key()?,
        };
        let keys = NifcloudKeys::new(&key).context("use the key Nifcloud's access keys are derived from")?;
        let places = Places::new(config.folders.clone(), directory);
        Ok(Wanted { keys, revocations, config, places, maintenance: state.path().join(MAINTENANCE) })
    }

    /// Goes on with synchronizations of an earlier life. Call it within the runtime.
    pub(crate) fn open(self, shelf: Arc<dyn Shelf>) -> anyhow::Result<Nifcloud> {
        let Wanted { keys, revocations, config, places, maintenance } = self;
        let online =
            config.online.map(Online::new).transpose().context("[nifcloud.online] of the configuration")?;
        let syncs = Syncs::open(shelf, places.clone(), online, Handle::current());
        let syncs = syncs.context("read the synchronizations that are to be done")?;
        let places_at_once = (config.max_requests > 0).then(|| Arc::new(Semaphore::new(config.max_requests)));
        Ok(Nifcloud {
            keys: Arc::new(keys),
            revocations,
            rules: config.signatures,
            homes: Arc::new(places),
            transfers: Arc::new(syncs),
            habits: NifcloudHabits {
                zone: config.zone,
                aliases: config.aliases,
                applies_qopt: config.applies_qopt,
                whole_nodes: config.whole_nodes,
                retention: config.retention,
                groups: config.groups,
                maintenance,
            },
            places: places_at_once,
        })
    }
}
