//! What orders jobs, as written and as meant: the scheduler, qualities of service, priorities, and who makes way for whom.

use super::ConfigError;
use super::units::{Limit, Wait, word, word_of};
use domain::cluster::{
    Backfill, PreemptMode, PreemptRules, PreemptType, Qos, QosFlags, SchedulerType, Scheduling,
};
use domain::job::PreemptionWarning;
use domain::priority::{PriorityFlags, PriorityType, Rules, Tres, TresWeight, UsageReset};
use domain::{Text, TimeLimit};
use serde::Deserialize;
use std::collections::BTreeMap;
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
    pub(crate) send_user_signal: bool,
    pub(crate) reclaim_licenses: bool,
}

impl Default for PreemptTable {
    fn default() -> Self {
        let rules = PreemptRules::default();
        PreemptTable {
            by: rules.by,
            mode: Some(rules.mode),
            exempt_time: Wait(rules.exempt_time),
            send_user_signal: rules.warning == PreemptionWarning::UserSignal,
            reclaim_licenses: rules.for_licenses,
        }
    }
}

/// `[scheduler]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SchedulerTable {
    #[serde(rename = "type", deserialize_with = "scheduler_type")]
    pub(crate) by: SchedulerType,
    pub(crate) default_queue_depth: usize,
    pub(crate) sched_interval: Wait,
    pub(crate) partition_job_depth: usize,
    pub(crate) assoc_limit_stop: bool,
    pub(crate) bf_interval: Wait,
    pub(crate) bf_window: Limit,
    pub(crate) bf_resolution: Wait,
    pub(crate) bf_max_job_test: usize,
    pub(crate) bf_max_job_part: usize,
    pub(crate) bf_max_job_user: usize,
    pub(crate) bf_max_job_start: usize,
    pub(crate) bf_max_job_array_resv: u32,
    pub(crate) bf_min_prio_reserve: u32,
    pub(crate) bf_min_age_reserve: Wait,
}

impl Default for SchedulerTable {
    fn default() -> Self {
        let scheduling = Scheduling::default();
        let backfill = scheduling.backfill;
        SchedulerTable {
            by: scheduling.by,
            default_queue_depth: scheduling.queue_depth,
            sched_interval: Wait(scheduling.whole_queue_after),
            partition_job_depth: scheduling.partition_depth,
            assoc_limit_stop: scheduling.stops_at_limits,
            bf_interval: Wait(backfill.interval),
            bf_window: Limit(TimeLimit::Unlimited),
            bf_resolution: Wait(backfill.resolution),
            bf_max_job_test: backfill.max_jobs,
            bf_max_job_part: backfill.max_jobs_of_partition,
            bf_max_job_user: backfill.max_jobs_of_user,
            bf_max_job_start: backfill.max_starts,
            bf_max_job_array_resv: backfill.max_tasks_of_array,
            bf_min_prio_reserve: backfill.least_priority,
            bf_min_age_reserve: Wait(backfill.least_age),
        }
    }
}

/// `[priority]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PriorityTable {
    #[serde(rename = "type", deserialize_with = "priority_type")]
    pub(crate) by: PriorityType,
    pub(crate) weight_age: u32,
    pub(crate) weight_assoc: u32,
    pub(crate) weight_fairshare: u32,
    pub(crate) weight_job_size: u32,
    pub(crate) weight_partition: u32,
    pub(crate) weight_qos: u32,
    pub(crate) weight_tres: BTreeMap<String, f64>,
    pub(crate) max_age: Wait,
    pub(crate) calc_period: Wait,
    pub(crate) decay_half_life: Wait,
    pub(crate) usage_reset_period: String,
    pub(crate) fair_share_dampening: u16,
    pub(crate) favor_small: bool,
    pub(crate) flags: Vec<String>,
}

impl Default for PriorityTable {
    fn default() -> Self {
        let rules = Rules::default();
        PriorityTable {
            by: rules.by,
            weight_age: rules.age,
            weight_assoc: rules.association,
            weight_fairshare: rules.fair_share,
            weight_job_size: rules.job_size,
            weight_partition: rules.partition,
            weight_qos: rules.qos,
            weight_tres: BTreeMap::new(),
            max_age: Wait(rules.max_age),
            calc_period: Wait(rules.calc_period),
            decay_half_life: Wait(rules.half_life.unwrap_or_default()),
            usage_reset_period: "none".to_owned(),
            fair_share_dampening: rules.dampening,
            favor_small: rules.favor_small,
            flags: Vec::new(),
        }
    }
}

/// Makes the qualities of service: those of the file, and `normal` before them if the file does not give it.
pub(super) fn qos(tables: &[QosTable]) -> Result<Vec<Qos>, ConfigError> {
    let unfit = |why: String| Err(ConfigError::unfit("[[qos]]", why));
    let mut all = tables.iter().map(one_qos).collect::<Result<Vec<Qos>, ConfigError>>()?;
    if !all.iter().any(|qos| qos.name == "normal") {
        let description = Text::const_new("Normal QOS default");
        all.insert(0, Qos { description, ..Qos::named(Text::const_new("normal")) });
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
        ..Qos::named(lower(&table.name))
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
    let warning = match table.send_user_signal {
        true => PreemptionWarning::UserSignal,
        false => PreemptionWarning::Terminate,
    };
    Ok(PreemptRules {
        by: table.by,
        mode,
        exempt_time: table.exempt_time.0,
        warning,
        for_licenses: table.reclaim_licenses,
    })
}

/// Makes how the scheduler works.
pub(super) fn scheduler(table: &SchedulerTable) -> Result<Scheduling, ConfigError> {
    let unfit = |why: &str| Err(ConfigError::unfit("[scheduler]", why));
    if table.default_queue_depth == 0 || table.bf_max_job_test == 0 || table.bf_max_job_array_resv == 0 {
        return unfit("default_queue_depth, bf_max_job_test and bf_max_job_array_resv must be at least 1");
    }
    // Slurm's bounds: a month, three hours, and an hour.
    let window = match table.bf_window.0 {
        TimeLimit::Unlimited => None,
        TimeLimit::Minutes(minutes @ 1..=43_200) => Some(Duration::from_secs(u64::from(minutes) * 60)),
        TimeLimit::Minutes(_) => {
            return unfit("bf_window must be between 1 minute and 30 days, or unlimited");
        }
    };
    if table.sched_interval.0.is_zero() {
        return unfit("sched_interval must be at least 1 second");
    }
    if table.bf_interval.0.as_secs() > 10_800 {
        return unfit("bf_interval must be 3 hours at most");
    }
    if !(1..=3600).contains(&table.bf_resolution.0.as_secs()) {
        return unfit("bf_resolution must be between 1 second and 1 hour");
    }
    Ok(Scheduling {
        by: table.by,
        queue_depth: table.default_queue_depth,
        whole_queue_after: table.sched_interval.0,
        partition_depth: table.partition_job_depth,
        stops_at_limits: table.assoc_limit_stop,
        backfill: Backfill {
            interval: table.bf_interval.0,
            window,
            resolution: table.bf_resolution.0,
            max_jobs: table.bf_max_job_test,
            max_jobs_of_partition: table.bf_max_job_part,
            max_jobs_of_user: table.bf_max_job_user,
            max_starts: table.bf_max_job_start,
            max_tasks_of_array: table.bf_max_job_array_resv,
            least_priority: table.bf_min_prio_reserve,
            least_age: table.bf_min_age_reserve.0,
        },
    })
}

fn scheduler_type<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SchedulerType, D::Error> {
    word(from, &[("backfill", SchedulerType::Backfill), ("builtin", SchedulerType::Builtin)])
}

/// Makes the rules of ranking.
pub(super) fn priority(table: &PriorityTable) -> Result<Rules, ConfigError> {
    let unfit = |why: &str| Err(ConfigError::unfit("[priority]", why));
    if table.max_age.0.is_zero() || table.calc_period.0.is_zero() {
        return unfit("max_age and calc_period must be at least a second");
    }
    if table.fair_share_dampening == 0 {
        return unfit("fair_share_dampening must be at least 1");
    }
    Ok(Rules {
        by: table.by,
        age: table.weight_age,
        association: table.weight_assoc,
        fair_share: table.weight_fairshare,
        job_size: table.weight_job_size,
        partition: table.weight_partition,
        qos: table.weight_qos,
        tres: table.weight_tres.iter().map(tres_weight).collect::<Result<_, _>>()?,
        max_age: table.max_age.0,
        calc_period: table.calc_period.0,
        half_life: (!table.decay_half_life.0.is_zero()).then_some(table.decay_half_life.0),
        usage_reset: usage_reset(&table.usage_reset_period)?,
        dampening: table.fair_share_dampening,
        favor_small: table.favor_small,
        flags: priority_flags(&table.flags)?,
    })
}

fn usage_reset(word: &str) -> Result<Option<UsageReset>, ConfigError> {
    Ok(Some(match word.to_ascii_lowercase().as_str() {
        "none" => return Ok(None),
        "now" => UsageReset::Now,
        "daily" => UsageReset::Daily,
        "weekly" => UsageReset::Weekly,
        "monthly" => UsageReset::Monthly,
        "quarterly" => UsageReset::Quarterly,
        "yearly" => UsageReset::Yearly,
        _ => {
            let known = "none, now, daily, weekly, monthly, quarterly, yearly";
            let why = format!("unknown usage_reset_period \"{word}\"; known are {known}");
            return Err(ConfigError::unfit("[priority]", why));
        }
    }))
}

fn tres_weight((name, weight): (&String, &f64)) -> Result<TresWeight, ConfigError> {
    let unfit = |why: String| Err(ConfigError::unfit("[priority]", why));
    let Some(tres) = Tres::parse(name) else {
        return unfit(format!(
            "weight_tres names \"{name}\"; known are cpu, mem, node, gres/NAME, gres/NAME:TYPE, license/NAME"
        ));
    };
    if !weight.is_finite() || *weight < 0.0 {
        return unfit(format!("weight_tres of \"{name}\" must be 0 or more"));
    }
    Ok(TresWeight { tres, weight: *weight })
}

/// Makes the weights by which a partition's resources are charged.
pub(super) fn billing(
    weights: &BTreeMap<String, f64>,
    partition: &str,
) -> Result<Vec<TresWeight>, ConfigError> {
    let unfit =
        |why: String| ConfigError::unfit("[[partitions]]", format!("partition \"{partition}\": {why}"));
    let one = |(name, weight): (&String, &f64)| {
        let tres = Tres::parse(name).filter(|tres| !matches!(tres, Tres::License(_)));
        let tres = tres.ok_or_else(|| {
            unfit(format!("tres_billing_weights names \"{name}\"; known are cpu, mem, node, gres/NAME"))
        })?;
        match weight.is_finite() && *weight >= 0.0 {
            true => Ok(TresWeight { tres, weight: *weight }),
            false => Err(unfit(format!("the weight of \"{name}\" must be 0 or more"))),
        }
    };
    weights.iter().map(one).collect()
}

fn priority_flags(names: &[String]) -> Result<PriorityFlags, ConfigError> {
    let mut flags = PriorityFlags::default();
    for name in names {
        match name.to_uppercase().as_str() {
            "ACCRUE_ALWAYS" => flags.accrue_always = true,
            "INCR_ONLY" => flags.increase_only = true,
            "SMALL_RELATIVE_TO_TIME" => flags.small_relative_to_time = true,
            "MAX_TRES" => flags.max_tres = true,
            "NO_FAIR_TREE" => flags.classic_fair_share = true,
            "NO_NORMAL_ASSOC" => flags.plain_association = true,
            "NO_NORMAL_PART" => flags.plain_partition = true,
            "NO_NORMAL_QOS" => flags.plain_qos = true,
            "NO_NORMAL_TRES" => flags.plain_tres = true,
            "NO_NORMAL_ALL" => {
                (flags.plain_association, flags.plain_partition) = (true, true);
                (flags.plain_qos, flags.plain_tres) = (true, true);
            }
            _ => {
                let known = "ACCRUE_ALWAYS, INCR_ONLY, MAX_TRES, NO_FAIR_TREE, NO_NORMAL_ALL, NO_NORMAL_ASSOC, NO_NORMAL_PART, \
                             NO_NORMAL_QOS, NO_NORMAL_TRES, SMALL_RELATIVE_TO_TIME";
                let why = format!("unknown flag \"{name}\"; known are {known}");
                return Err(ConfigError::unfit("[priority]", why));
            }
        }
    }
    Ok(flags)
}

fn priority_type<'de, D: serde::Deserializer<'de>>(from: D) -> Result<PriorityType, D::Error> {
    word(from, &[("basic", PriorityType::Basic), ("multifactor", PriorityType::MultiFactor)])
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
