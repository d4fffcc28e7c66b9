//! Limits as people write them: their names and short names, times and amounts of resources.

use super::words::{Word, is_short_for, list};
use domain::accounting::Limit;
use serde_json::{Map, Value, json};
use slurm_wire::NoVal;
use slurm_wire::time_text::{limit_minutes, show_seconds};
use std::collections::BTreeMap;

/// What a limit is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// Jobs, or a priority.
    Count,
    /// Minutes.
    Minutes,
    /// Resources.
    Amounts,
    /// One resource alone, as sacctmgr wrote it before there were others.
    One(&'static str),
}

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Of an association.
    Association,
    /// Of a quality of service.
    Qos,
}

/// A name of a limit.
struct Name {
    name: &'static str,
    /// Letters that must be given.
    least: usize,
    limit: Limit,
    measure: Measure,
}

const fn name(name: &'static str, least: usize, limit: Limit, measure: Measure) -> Name {
    Name { name, least, limit, measure }
}

use Measure::{Amounts, Count, Minutes, One};

/// What both have. Longer names stand before those they begin with only where fewer letters would do.
const BOTH: &[Name] = &[
    name("GrpJobs", 4, Limit::GrpJobs, Count),
    name("GrpJobsAccrue", 8, Limit::GrpJobsAccrue, Count),
    name("GrpSubmitJobs", 4, Limit::GrpSubmitJobs, Count),
    name("GrpWall", 4, Limit::GrpWall, Minutes),
    name("GrpTRES", 7, Limit::GrpTres, Amounts),
    name("GrpTRESMins", 8, Limit::GrpTresMins, Amounts),
    name("GrpTRESRunMins", 8, Limit::GrpTresRunMins, Amounts),
    name("GrpCPUs", 7, Limit::GrpTres, One("cpu")),
    name("GrpCPUMins", 8, Limit::GrpTresMins, One("cpu")),
    name("GrpCPURunMins", 8, Limit::GrpTresRunMins, One("cpu")),
    name("GrpNodes", 4, Limit::GrpTres, One("node")),
    name("GrpMemory", 4, Limit::GrpTres, One("mem")),
    name("MaxTRES", 7, Limit::MaxTresPerJob, Amounts),
    name("MaxTRESPerJob", 11, Limit::MaxTresPerJob, Amounts),
    name("MaxTRESPerNode", 11, Limit::MaxTresPerNode, Amounts),
    name("MaxTRESMinsPerJob", 8, Limit::MaxTresMinsPerJob, Amounts),
    name("MaxCPUMinsPerJob", 7, Limit::MaxTresMinsPerJob, One("cpu")),
    name("MaxCPUsPerJob", 7, Limit::MaxTresPerJob, One("cpu")),
    name("MaxNodesPerJob", 4, Limit::MaxTresPerJob, One("node")),
    name("MaxWallDurationPerJob", 4, Limit::MaxWallPerJob, Minutes),
    name("MinPrioThreshold", 4, Limit::MinPriorityThreshold, Count),
];

const ASSOCIATION: &[Name] = &[
    name("MaxJobs", 4, Limit::MaxJobs, Count),
    name("MaxJobsAccrue", 8, Limit::MaxJobsAccrue, Count),
    name("MaxSubmitJobs", 4, Limit::MaxSubmitJobs, Count),
    name("MaxTRESRunMins", 8, Limit::MaxTresRunMins, Amounts),
    name("MaxCPURunMins", 7, Limit::MaxTresRunMins, One("cpu")),
];

const QOS: &[Name] = &[
    name("MaxJobs", 7, Limit::MaxJobsPerUser, Count),
    name("MaxJobsPU", 9, Limit::MaxJobsPerUser, Count),
    name("MaxJobsPA", 9, Limit::MaxJobsPerAccount, Count),
    name("MaxJobsPerUser", 11, Limit::MaxJobsPerUser, Count),
    name("MaxJobsPerAccount", 11, Limit::MaxJobsPerAccount, Count),
    name("MaxJobsAccruePU", 15, Limit::MaxJobsAccruePerUser, Count),
    name("MaxJobsAccruePA", 15, Limit::MaxJobsAccruePerAccount, Count),
    name("MaxJobsAccruePerUser", 17, Limit::MaxJobsAccruePerUser, Count),
    name("MaxJobsAccruePerAccount", 17, Limit::MaxJobsAccruePerAccount, Count),
    name("MaxSubmitJobs", 4, Limit::MaxSubmitJobsPerUser, Count),
    name("MaxSubmitJobsPU", 15, Limit::MaxSubmitJobsPerUser, Count),
    name("MaxSubmitJobsPA", 15, Limit::MaxSubmitJobsPerAccount, Count),
    name("MaxSubmitJobsPerUser", 17, Limit::MaxSubmitJobsPerUser, Count),
    name("MaxSubmitJobsPerAccount", 17, Limit::MaxSubmitJobsPerAccount, Count),
    name("MaxTRESPU", 9, Limit::MaxTresPerUser, Amounts),
    name("MaxTRESPA", 9, Limit::MaxTresPerAccount, Amounts),
    name("MaxTRESPerUser", 11, Limit::MaxTresPerUser, Amounts),
    name("MaxTRESPerAccount", 11, Limit::MaxTresPerAccount, Amounts),
    name("MaxTRESRunMinsPU", 16, Limit::MaxTresRunMinsPerUser, Amounts),
    name("MaxTRESRunMinsPA", 16, Limit::MaxTresRunMinsPerAccount, Amounts),
    name("MaxTRESRunMinsPerUser", 18, Limit::MaxTresRunMinsPerUser, Amounts),
    name("MaxTRESRunMinsPerAccount", 18, Limit::MaxTresRunMinsPerAccount, Amounts),
    name("MaxCPUsPerUser", 11, Limit::MaxTresPerUser, One("cpu")),
    name("MaxNodesPerUser", 12, Limit::MaxTresPerUser, One("node")),
    name("MinTRESPerJob", 7, Limit::MinTresPerJob, Amounts),
    name("MinCPUs", 6, Limit::MinTresPerJob, One("cpu")),
    name("MinNodes", 6, Limit::MinTresPerJob, One("node")),
];

/// Finds the limit that a word names: by its whole name before its beginning.
fn named(word: &str, whose: Whose) -> Option<&'static Name> {
    let own = match whose {
        Whose::Association => ASSOCIATION,
        Whose::Qos => QOS,
    };
    let all = || own.iter().chain(BOTH);
    let exact = all().find(|known| known.name.eq_ignore_ascii_case(word));
    exact.or_else(|| all().find(|known| is_short_for(word, known.name, known.least)))
}

/// Reads a word that sets a limit into `limits`; says how people write it. `None` if it names no limit.
///
/// # Errors
/// If the value is none.
pub(super) fn read(
    word: &Word,
    whose: Whose,
    limits: &mut Map<String, Value>,
) -> Option<Result<(&'static str, String), String>> {
    let known = named(&word.name, whose)?;
    let title = title(known.limit);
    let bad = || format!("Invalid value for {} ({})", known.name, word.value);
    let is_cleared = word.value.is_empty() || word.value == "-1";
    let amounts = match known.measure {
        Measure::Count => {
            let number = word.value.parse::<u32>().ok();
            if !is_cleared && number.is_none() {
                return Some(Err(bad()));
            }
            limits.insert(known.limit.name().to_owned(), json!(number));
            return Some(Ok((title, shown_count(number.map(u64::from)))));
        }
        Measure::Minutes => {
            let minutes = match limit_minutes(&word.value) {
                Ok(NoVal::Set(minutes)) => Some(u64::from(minutes)),
                Ok(_) => None,
                Err(_) if is_cleared => None,
                Err(_) => return Some(Err(format!("Bad {} time format: {}", known.name, word.raw))),
            };
            limits.insert(known.limit.name().to_owned(), json!(minutes));
            let shown =
                minutes.map_or_else(|| "-1".to_owned(), |minutes| show_seconds(minutes.saturating_mul(60)));
            return Some(Ok((title, shown)));
        }
        Measure::Amounts if is_cleared => {
            limits.insert(known.limit.name().to_owned(), Value::Null);
            return Some(Ok((title, "-1".to_owned())));
        }
        Measure::Amounts => amounts(&word.value),
        Measure::One(resource) => amounts(&format!("{resource}={}", word.value)),
    };
    let Some(amounts) = amounts else { return Some(Err(bad())) };
    let shown: Vec<String> = amounts.iter().map(|(name, most)| shown_amount(name, *most)).collect();
    let entry = limits.entry(known.limit.name()).or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    if let Some(entry) = entry.as_object_mut() {
        entry.extend(amounts.into_iter().map(|(name, most)| (name, json!(most))));
    }
    Some(Ok((title, shown.join(","))))
}

/// Reads `cpu=10,gres/gpu=2,mem=4G`; `-1` takes one away.
fn amounts(text: &str) -> Option<BTreeMap<String, Option<u64>>> {
    let one = |text: String| {
        let (name, value) = text.split_once('=')?;
        let most = if value == "-1" { None } else { Some(amount(name, value)?) };
        Some((name.to_lowercase(), most))
    };
    list(text).into_iter().map(one).collect()
}

/// Reads an amount: of memory in megabytes, or with a letter.
fn amount(name: &str, text: &str) -> Option<u64> {
    let is_memory = name.eq_ignore_ascii_case("mem") || name.to_lowercase().starts_with("bb/");
    let Some(letter) = text.chars().last().filter(char::is_ascii_alphabetic).filter(|_| is_memory) else {
        return text.parse().ok();
    };
    let number: u64 = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
    match letter.to_ascii_uppercase() {
        'K' => Some(number.div_ceil(1024)),
        'M' => Some(number),
        'G' => number.checked_mul(1 << 10),
        'T' => number.checked_mul(1 << 20),
        'P' => number.checked_mul(1 << 30),
        _ => None,
    }
}

fn shown_count(number: Option<u64>) -> String {
    number.map_or_else(|| "-1".to_owned(), |number| number.to_string())
}

fn shown_amount(name: &str, most: Option<u64>) -> String {
    match most {
        None => format!("{name}=-1"),
        Some(most) => format!("{name}={}", sized(name, most)),
    }
}

/// Writes an amount; memory in the largest unit that leaves nothing over.
pub(super) fn sized(name: &str, amount: u64) -> String {
    if name != "mem" {
        return amount.to_string();
    }
    let (mut value, mut unit) = (amount, "M");
    for larger in ["G", "T", "P"] {
        if value == 0 || value % 1024 != 0 {
            break;
        }
        (value, unit) = (value / 1024, larger);
    }
    format!("{value}{unit}")
}

/// Writes amounts, resources in the order of their names.
pub(super) fn listed(amounts: &BTreeMap<String, u64>) -> String {
    amounts
        .iter()
        .map(|(name, amount)| format!("{name}={}", sized(name, *amount)))
        .collect::<Vec<_>>()
        .join(",")
}

/// A limit that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// Jobs, minutes, a priority.
    Count(u64),
    /// Resources.
    Amounts(BTreeMap<String, u64>),
}

/// Limits that are set.
pub(super) type SetLimits = BTreeMap<Limit, Set>;

/// Returns a limit's name as it is told when it was set.
fn title(limit: Limit) -> &'static str {
    match limit {
        Limit::MaxWallPerJob => "MaxWall",
        Limit::MaxTresMinsPerJob => "MaxTRESMins",
        Limit::MaxTresPerJob => "MaxTRES",
        Limit::MinPriorityThreshold => "MinPrioThresh",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let check = |raw: &str, whose: Whose, wanted: Value, told: &str| {
            let mut limits = Map::new();
            let (title, shown) = read(&Word::read(raw), whose, &mut limits).unwrap().unwrap();
            assert_eq!((Value::Object(limits), format!("{title}={shown}").as_str()), (wanted, told), "{raw}");
        };
        use Whose::{Association, Qos};
        check("MaxJobs=3", Association, json!({"MaxJobs": 3}), "MaxJobs=3");
        check("maxj=-1", Association, json!({"MaxJobs": null}), "MaxJobs=-1");
        check("MaxJobs=3", Qos, json!({"MaxJobsPerUser": 3}), "MaxJobsPerUser=3");
        check("MaxJobsPA=3", Qos, json!({"MaxJobsPerAccount": 3}), "MaxJobsPerAccount=3");
        check("MaxSubmit=9", Association, json!({"MaxSubmitJobs": 9}), "MaxSubmitJobs=9");
        check("MaxSubmitJobsPU=9", Qos, json!({"MaxSubmitJobsPerUser": 9}), "MaxSubmitJobsPerUser=9");
        check("grpwall=90", Association, json!({"GrpWall": 90}), "GrpWall=01:30:00");
        check("MaxWall=1-02:00:00", Qos, json!({"MaxWallDurationPerJob": 1560}), "MaxWall=1-02:00:00");
        check("MaxWall=-1", Qos, json!({"MaxWallDurationPerJob": null}), "MaxWall=-1");
        check(
            "GrpTRES=cpu=10,gres/gpu=2,mem=4G",
            Association,
            json!({"GrpTRES": {"cpu": 10, "gres/gpu": 2, "mem": 4096}}),
            "GrpTRES=cpu=10,gres/gpu=2,mem=4G",
        );
        check("GrpTRES=cpu=-1", Association, json!({"GrpTRES": {"cpu": null}}), "GrpTRES=cpu=-1");
        check("GrpTRES=-1", Association, json!({"GrpTRES": null}), "GrpTRES=-1");
        check("MaxTRES=node=2", Association, json!({"MaxTRESPerJob": {"node": 2}}), "MaxTRES=node=2");
        check("MaxTRESPerJob=node=2", Qos, json!({"MaxTRESPerJob": {"node": 2}}), "MaxTRES=node=2");
        check("MaxTRESPU=cpu=4", Qos, json!({"MaxTRESPerUser": {"cpu": 4}}), "MaxTRESPerUser=cpu=4");
        check("MaxNodes=4", Association, json!({"MaxTRESPerJob": {"node": 4}}), "MaxTRES=node=4");
        check("GrpCPUMins=5", Qos, json!({"GrpTRESMins": {"cpu": 5}}), "GrpTRESMins=cpu=5");
        check("MinTRES=cpu=1", Qos, json!({"MinTRESPerJob": {"cpu": 1}}), "MinTRESPerJob=cpu=1");
        check("MinPrioThres=7", Qos, json!({"MinPrioThreshold": 7}), "MinPrioThresh=7");
    }

    #[test]
    fn two_words_about_one_limit_add_up() {
        let mut limits = Map::new();
        for raw in ["MaxCPUs=4", "MaxNodes=2"] {
            read(&Word::read(raw), Whose::Association, &mut limits).unwrap().unwrap();
        }
        assert_eq!(Value::Object(limits), json!({"MaxTRESPerJob": {"cpu": 4, "node": 2}}));
    }

    #[test]
    fn what_is_no_limit_or_no_value_is_told() {
        let check = |raw: &str, whose: Whose, wanted: Option<&str>| {
            let read = read(&Word::read(raw), whose, &mut Map::new());
            assert_eq!(read.map(|read| read.unwrap_err()).as_deref(), wanted, "{raw}");
        };
        use Whose::{Association, Qos};
        check("frob=3", Association, None);
        check("MaxTRESPU=cpu=1", Association, None);
        check("MaxJobs=abc", Association, Some("Invalid value for MaxJobs (abc)"));
        check("MaxJobs=-2", Association, Some("Invalid value for MaxJobs (-2)"));
        check("MaxWall=xx", Qos, Some("Bad MaxWallDurationPerJob time format: MaxWall=xx"));
        check("GrpTRES=cpu", Association, Some("Invalid value for GrpTRES (cpu)"));
        check("GrpTRES=cpu=x", Association, Some("Invalid value for GrpTRES (cpu=x)"));
        check(
            "GrpTRES=mem=99999999999999P",
            Association,
            Some("Invalid value for GrpTRES (mem=99999999999999P)"),
        );
    }

    #[test]
    fn memory_is_written_in_units() {
        for (amount, written) in [(0, "0M"), (100, "100M"), (1536, "1536M"), (4096, "4G"), (1 << 21, "2T")] {
            assert_eq!(sized("mem", amount), written);
        }
        assert_eq!(sized("cpu", 4096), "4096");
    }
}
