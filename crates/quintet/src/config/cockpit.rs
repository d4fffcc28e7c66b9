//! `[clustercockpit]`: monitoring, and who may ask for it.

use super::file::{CockpitTable, KeepStep};
use super::{Config, ConfigError};
use dialects::{Network, Origins};
use domain::monitoring::MonitoredCluster;
use std::path::PathBuf;
use store::Thinning;

/// How monitoring is served.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CockpitConfig {
    /// The private key of tokens, if it is not in the state directory.
    pub(crate) private_key: Option<PathBuf>,
    /// Clusters besides our own.
    pub(crate) clusters: Vec<MonitoredCluster>,
    /// From where users may be managed.
    pub(crate) origins: Origins,
    /// Series with new values at most.
    pub(crate) max_series: usize,
    /// How long values are kept, and in which steps.
    pub(crate) keep: Thinning,
}

impl Config {
    /// Returns how monitoring is served; `None` if it is not.
    ///
    /// # Errors
    /// If a description cannot be read, two clusters have one name, a network is none, or steps of what is kept do not grow.
    pub(crate) fn cockpit(&self) -> Result<Option<CockpitConfig>, ConfigError> {
        let table = &self.file.clustercockpit;
        if !table.serve {
            return Ok(None);
        }
        let unfit = |why: String| ConfigError::unfit("[clustercockpit]", why);
        let networks = |names: &[String]| {
            let network = |name: &String| {
                Network::parse(name).ok_or_else(|| unfit(format!("\"{name}\" is no address and no network")))
            };
            names.iter().map(network).collect::<Result<Vec<_>, _>>()
        };
        let mut clusters: Vec<MonitoredCluster> = Vec::new();
        for path in &table.clusters {
            let why = |error: String| unfit(format!("{}: {error}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| why(error.to_string()))?;
            let cluster = dialects::cockpit_cluster(&text).map_err(|error| why(error.to_string()))?;
            let is_taken = cluster.name == self.file.cluster.name.as_str()
                || clusters.iter().any(|other| other.name == cluster.name);
            if cluster.name.is_empty() || is_taken {
                return Err(why(format!("there is a cluster called \"{}\" already", cluster.name)));
            }
            clusters.push(cluster);
        }
        let allowed = match table.allowed_ips.first().map(String::as_str) {
            Some("*") => None,
            _ => Some(networks(&table.allowed_ips)?),
        };
        Ok(Some(CockpitConfig {
            private_key: table.private_key.clone(),
            clusters,
            origins: Origins { allowed, proxies: networks(&table.trusted_proxies)? },
            max_series: table.max_series,
            keep: thinning(table).map_err(unfit)?,
        }))
    }
}

/// Returns how long values are kept in which steps; or what is wrong with that.
fn thinning(table: &CockpitTable) -> Result<Thinning, String> {
    let mut steps: Vec<store::Step> = Vec::new();
    for KeepStep { after, step } in &table.keep {
        let (age, step) = (after.0, *step);
        if step == 0 || steps.last().is_some_and(|last| age <= last.age || step <= last.step) {
            return Err("keep: each step must come later and be longer than the one before".to_owned());
        }
        steps.push(store::Step { age, step });
    }
    if steps.last().is_some_and(|last| last.age >= table.forget_after.0) {
        return Err("forget_after must come after all steps of keep".to_owned());
    }
    Ok(Thinning { steps, forget: Some(table.forget_after.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_what_is_kept_grow() {
        let of = |text: &str| thinning(&toml::from_str(text).unwrap());
        let usual = of("").unwrap();
        assert_eq!(usual, Thinning::default());
        let own = of("keep = [{ after = \"2hours\", step = 30 }]\nforget_after = \"3days\"").unwrap();
        assert_eq!((own.steps.len(), own.steps[0].age.as_secs(), own.steps[0].step), (1, 7200, 30));
        assert_eq!(own.forget.map(|age| age.as_secs()), Some(3 * 86_400));
        assert!(of("keep = []").unwrap().steps.is_empty());
        for wrong in [
            "keep = [{ after = \"2days\", step = 0 }]",
            "keep = [{ after = \"2days\", step = 60 }, { after = \"2days\", step = 600 }]",
            "keep = [{ after = \"2days\", step = 60 }, { after = \"3days\", step = 60 }]",
            "forget_after = \"90days\"",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
