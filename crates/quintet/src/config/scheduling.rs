//! What orders jobs, as written and as meant: qualities of service, and who makes way for whom.

use super::ConfigError;
use super::units::{Wait, word, word_of};
use domain::Text;
use domain::cluster::{PreemptMode, PreemptRules, PreemptType, Qos, QosFlags};
use serde::Deserialize;
use std::time::Duration;

/// `[[qos]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QosTable {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) priority: u32,
    #[serde(default)]
    pub(crate) preempt: Vec<String>,
    #[serde(default, deserialize_with = "preempt_mode")]
    pub(crate) preempt_mode: Option<PreemptMode>,
    pub(crate) grace_time: Option<Wait>,
    pub(crate) preempt_exempt_time: Option<Wait>,
    pub(crate) usage_factor: Option<f64>,
    #[serde(default)]
    pub(crate) flags: Vec<String>,
}

/// `[preempt]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PreemptTable {
    #[serde(rename = "type", deserialize_with = "preempt_type")]
    pub(crate) by: PreemptType,
    #[serde(deserialize_with = "preempt_mode")]
    pub(crate) mode: Option<PreemptMode>,
    pub(crate) exempt_time: Wait,
}

impl Default for PreemptTable {
    fn default() -> Self {
        let rules = PreemptRules::default();
        PreemptTable { by: rules.by, mode: Some(rules.mode), exempt_time: Wait(rules.exempt_time) }
    }
}

/// Makes the qualities of service: those of the file, and `normal` before them if the file does not give it.
pub(super) fn qos(tables: &[QosTable]) -> Result<Vec<Qos>, ConfigError> {
    let unfit = |why: String| Err(ConfigError::unfit("[[qos]]", why));
    let mut all = tables.iter().map(one_qos).collect::<Result<Vec<Qos>, ConfigError>>()?;
    if !all.iter().any(|qos| qos.name == "normal") {
        all.insert(0, Qos::named(Text::const_new("normal")));
    }
    for (at, qos) in all.iter().enumerate() {
        if all.iter().take(at).any(|other| other.name == qos.name) {
            return unfit(format!("\"{}\" is given twice", qos.name));
        }
        if let Some(name) = qos.preempt.iter().find(|name| !all.iter().any(|other| other.name == **name)) {
            return unfit(format!("\"{}\" would preempt \"{name}\", which is not among them", qos.name));
        }
    }
    Ok(all)
}

fn one_qos(table: &QosTable) -> Result<Qos, ConfigError> {
    let unfit = |why: String| Err(ConfigError::unfit("[[qos]]", why));
    // Slurm keeps them in lower case.
    let lower = |name: &String| Text::from(name.to_lowercase());
    if table.name.is_empty() || table.name.contains([',', ' ']) {
        return unfit(format!("\"{}\" is not a name", table.name));
    }
    let usage_factor = table.usage_factor.unwrap_or(1.0);
    if !usage_factor.is_finite() || usage_factor < 0.0 {
        return unfit(format!("usage_factor of \"{}\" must be 0 or more", table.name));
    }
    Ok(Qos {
        name: lower(&table.name),
        description: Text::from(&table.description),
        priority: table.priority,
        preempt: table.preempt.iter().map(lower).collect(),
        preempt_mode: table.preempt_mode,
        grace_time: table.grace_time.map_or(Duration::ZERO, |wait| wait.0),
        preempt_exempt_time: table.preempt_exempt_time.map(|wait| wait.0),
        usage_factor,
        flags: qos_flags(table)?,
    })
}

fn qos_flags(table: &QosTable) -> Result<QosFlags, ConfigError> {
    let mut flags = QosFlags::default();
    for name in &table.flags {
        match name.to_lowercase().as_str() {
            "noreserve" => flags.no_reserve = true,
            "partitionmaxnodes" => flags.partition_max_nodes = true,
            "partitionminnodes" => flags.partition_min_nodes = true,
            "partitiontimelimit" => flags.partition_time_limit = true,
            _ => {
                let known = "NoReserve, PartitionMaxNodes, PartitionMinNodes, PartitionTimeLimit";
                let why = format!("\"{}\" has the flag \"{name}\"; known are {known}", table.name);
                return Err(ConfigError::unfit("[[qos]]", why));
            }
        }
    }
    Ok(flags)
}

/// Makes the rules of making way. As in Slurm, type and mode are given both or neither.
pub(super) fn preempt(table: &PreemptTable) -> Result<PreemptRules, ConfigError> {
    let mode = table.mode.unwrap_or_default();
    match (table.by, mode) {
        (PreemptType::None, PreemptMode::Off) => {}
        (PreemptType::None, _) => {
            return Err(ConfigError::unfit("[preempt]", "mode needs a type other than \"none\""));
        }
        (_, PreemptMode::Off) => {
            return Err(ConfigError::unfit("[preempt]", "type needs a mode other than \"off\""));
        }
        _ => {}
    }
    Ok(PreemptRules { by: table.by, mode, exempt_time: table.exempt_time.0 })
}

fn preempt_type<'de, D: serde::Deserializer<'de>>(from: D) -> Result<PreemptType, D::Error> {
    use PreemptType::{None, PartitionPriority, Qos};
    word(from, &[("none", None), ("partition_prio", PartitionPriority), ("qos", Qos)])
}

/// Reads how jobs make way.
pub(super) fn preempt_mode<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<PreemptMode>, D::Error> {
    use PreemptMode::{Cancel, Off, Requeue, Suspend};
    let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(from)?;
    if text.to_ascii_lowercase().contains("gang") {
        return Err(serde::de::Error::custom(
            "gang scheduling is not offered: jobs take no turns; \"suspend\" alone stops and resumes them",
        ));
    }
    word_of(&text, &[("off", Off), ("cancel", Cancel), ("requeue", Requeue), ("suspend", Suspend)]).map(Some)
}
