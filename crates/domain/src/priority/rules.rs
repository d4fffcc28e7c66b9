//! The rules of ranking as configured, with Slurm's names and defaults.

use super::UsageReset;
use crate::Text;
use std::time::Duration;

/// How jobs are ranked.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// What a priority is made of (`PriorityType`).
    pub by: PriorityType,
    /// Weight of the time a job has waited (`PriorityWeightAge`).
    pub age: u32,
    /// Weight of the association's priority (`PriorityWeightAssoc`).
    pub association: u32,
    /// Weight of fair share (`PriorityWeightFairshare`).
    pub fair_share: u32,
    /// Weight of the job's size (`PriorityWeightJobSize`).
    pub job_size: u32,
    /// Weight of the partition's job factor (`PriorityWeightPartition`).
    pub partition: u32,
    /// Weight of the quality of service's priority (`PriorityWeightQOS`).
    pub qos: u32,
    /// Weights of what a job asks for (`PriorityWeightTRES`).
    pub tres: Vec<TresWeight>,
    /// After this time a job has its whole share of age (`PriorityMaxAge`).
    pub max_age: Duration,
    /// How often priorities are worked out anew (`PriorityCalcPeriod`).
    pub calc_period: Duration,
    /// After this time use counts half as much (`PriorityDecayHalfLife`); `None` for always as much.
    pub half_life: Option<Duration>,
    /// When what was used is forgotten (`PriorityUsageResetPeriod`); `None` for never.
    pub usage_reset: Option<UsageReset>,
    /// By how much less use beyond the share counts by the classic rule (`FairShareDampeningFactor`); 1 for not at all.
    pub dampening: u16,
    /// Small jobs have the greater share of size (`PriorityFavorSmall`).
    pub favor_small: bool,
    /// Switches.
    pub flags: PriorityFlags,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            by: PriorityType::Basic,
            age: 0,
            association: 0,
            fair_share: 0,
            job_size: 0,
            partition: 0,
            qos: 0,
            tres: Vec::new(),
            max_age: Duration::from_secs(7 * 24 * 3600),
            calc_period: Duration::from_secs(300),
            half_life: Some(Duration::from_secs(7 * 24 * 3600)),
            usage_reset: None,
            dampening: 1,
            favor_small: false,
            flags: PriorityFlags::default(),
        }
    }
}

/// What a priority is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriorityType {
    /// The base priority less the nice value: who came first is first.
    #[default]
    Basic,
    /// Weighted factors (`priority/multifactor`).
    MultiFactor,
}

/// Switches of ranking, by Slurm's names (`PriorityFlags`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriorityFlags {
    /// Jobs grow older while held or waiting for others too (`ACCRUE_ALWAYS`).
    pub accrue_always: bool,
    /// Size is CPUs by time limit, not CPUs and nodes (`SMALL_RELATIVE_TO_TIME`).
    pub small_relative_to_time: bool,
    /// A waiting job's priority never falls (`INCR_ONLY`).
    pub increase_only: bool,
    /// The association's priority counts as it is (`NO_NORMAL_ASSOC`).
    pub plain_association: bool,
    /// The partition's job factor counts as it is (`NO_NORMAL_PART`).
    pub plain_partition: bool,
    /// The priority of the quality of service counts as it is (`NO_NORMAL_QOS`).
    pub plain_qos: bool,
    /// What a job asks for counts as it is (`NO_NORMAL_TRES`); memory in megabytes.
    pub plain_tres: bool,
    /// Of the resources of a node that are charged, the dearest alone counts (`MAX_TRES`).
    pub max_tres: bool,
    /// Fair share by use and shares of each alone, not along the tree (`NO_FAIR_TREE`).
    pub classic_fair_share: bool,
}

/// The weight of one thing a job can ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct TresWeight {
    /// What.
    pub tres: Tres,
    /// How much all of it is worth.
    pub weight: f64,
}

/// A thing a job can ask for, by the name it has in Slurm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tres {
    /// `cpu`
    Cpu,
    /// `mem`
    Memory,
    /// `node`
    Node,
    /// `gres/NAME` or `gres/NAME:TYPE`; an empty type stands for all.
    Gres {
        /// Name, such as `gpu`.
        name: Text,
        /// Type, such as `a100`.
        kind: Text,
    },
    /// `license/NAME`
    License(Text),
}

impl Tres {
    /// Reads a name. `None` for one that no job can ask for.
    pub fn parse(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "cpu" => return Some(Tres::Cpu),
            "mem" => return Some(Tres::Memory),
            "node" => return Some(Tres::Node),
            _ => {}
        }
        let (class, rest) = name.split_once('/').filter(|(_, rest)| !rest.is_empty())?;
        match class.to_ascii_lowercase().as_str() {
            "gres" => {
                let (name, kind) = rest.split_once(':').unwrap_or((rest, ""));
                (!name.is_empty()).then(|| Tres::Gres { name: name.into(), kind: kind.into() })
            }
            "license" => Some(Tres::License(rest.into())),
            _ => None,
        }
    }
}
