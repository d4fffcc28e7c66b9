//! `--step --sparam`: a step of a step job, and how those before it must have ended.
//!
//! A condition says when the step must *not* run; what is kept is when it may, in the words of dependencies.

use super::resources::digits;
use crate::nifcloud::to_wire::{NEVER_STARTED, SERVICE_CODES};
use domain::job::{ExitCodes, Outcome, Outcomes, Relation};

/// Which steps go when a step of a step job must not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Until {
    /// That one.
    One,
    /// That one, those that depend on it, and those that depend on these.
    #[default]
    After,
    /// That one, and all behind it.
    All,
}

/// A step of a step job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Steps {
    /// The step job it belongs to; `None` for a new one.
    pub(in super::super) of: Option<u32>,
    /// Its number; `None` for the next one.
    pub(in super::super) number: Option<u32>,
    /// How it depends on the steps before it: on all of them in each of these ways; empty for `afterany`.
    pub(in super::super) relations: Vec<String>,
    /// Which steps go with it when it must not run.
    pub(in super::super) until: Until,
    /// The steps it depends on; empty for the one before.
    pub(in super::super) depends_on: Vec<u32>,
}

/// Reads `jid=ID,sn=1,sd=ec!=0:all:0`, each part once. A condition may have several values: `sd=ec==3,4:one`.
pub(super) fn steps(list: &str) -> Option<Steps> {
    let mut parts: Vec<(&str, String)> = Vec::new();
    for item in list.split(',').map(str::trim) {
        match item.split_once('=') {
            Some((name @ ("jid" | "sn" | "sd"), value)) => {
                if parts.iter().any(|(other, _)| *other == name) {
                    return None;
                }
                parts.push((name, value.to_owned()));
            }
            // A further value of the condition before it.
            _ => match parts.last_mut()? {
                ("sd", value) if !value.contains(':') => *value = format!("{value},{item}"),
                _ => return None,
            },
        }
    }
    let mut steps = Steps::default();
    for (name, value) in &parts {
        match *name {
            "jid" => steps.of = Some(number(value.split_once('_').map_or(value, |(job, _)| job))?),
            "sn" => steps.number = Some(number(value)?),
            _ => {
                let mut parts = value.split(':');
                steps.relations = relations(parts.next()?)?;
                steps.until = match parts.next() {
                    None => Until::default(),
                    Some("one") => Until::One,
                    Some("after") => Until::After,
                    Some("all") => Until::All,
                    Some(_) => return None,
                };
                steps.depends_on = parts.map(number).collect::<Option<_>>()?;
            }
        }
    }
    Some(steps)
}

fn number(text: &str) -> Option<u32> {
    digits(text).filter(|_| !text.is_empty()).and_then(|number| u32::try_from(number).ok())
}

/// Reads when a step must not run, and returns how it depends on others so that it does not.
fn relations(form: &str) -> Option<Vec<String>> {
    if form == "NONE" {
        return Some(Vec::new());
    }
    let is_code = form.starts_with("ec");
    let rest = form.strip_prefix("ec").or_else(|| form.strip_prefix("pc"))?;
    let at = rest.find(|letter: char| !"=!<>".contains(letter))?;
    let (sign, values) = rest.split_at(at);
    let values: Vec<u64> =
        values.split(',').map(|value| digits(value).filter(|_| !value.is_empty())).collect::<Option<_>>()?;
    let only = |compare: fn(u64, u64) -> bool| match values.as_slice() {
        [only] => Some(Box::new(move |code: u64, _: &[u64]| compare(code, *only)) as Condition<'_>),
        _ => None,
    };
    let holds: Condition<'_> = match sign {
        "==" => Box::new(|code, values| values.contains(&code)),
        "!=" => Box::new(|code, values| !values.contains(&code)),
        "<" => only(|code, value| code < value)?,
        "<=" => only(|code, value| code <= value)?,
        ">" => only(|code, value| code > value)?,
        ">=" => only(|code, value| code >= value)?,
        _ => return None,
    };
    let may_run = |code: u64| !holds(code, &values);
    if is_code { by_exit_code(may_run) } else { by_service_code(may_run) }
}

type Condition<'a> = Box<dyn Fn(u64, &[u64]) -> bool + 'a>;

/// A step that has left no exit code was cancelled, or lost: it counts as one that went badly, and has no code that others
/// could be compared with.
fn by_exit_code(may_run: impl Fn(u64) -> bool) -> Option<Vec<String>> {
    let codes = ExitCodes::which(|code| may_run(code.into()));
    match codes.written().as_str() {
        // It could never run.
        "" => None,
        "0-255" => Some(Vec::new()),
        "0" => Some(vec![Relation::AfterOk.word().to_owned()]),
        "1-255" => Some(vec![Relation::AfterNotOk.word().to_owned()]),
        written => Some(vec![format!("afterexit.{written}")]),
    }
}

/// The service's code stands for how a job ended. Where one end has several codes, of which only some are meant, it cannot
/// be asked for.
fn by_service_code(may_run: impl Fn(u64) -> bool) -> Option<Vec<String>> {
    let verdict = |outcome: Outcome| -> Option<bool> {
        let (_, codes) = SERVICE_CODES.iter().find(|(own, _)| *own == outcome)?;
        let mut verdicts = codes.iter().map(|code| may_run(u64::from(*code)));
        let first = verdicts.next()?;
        verdicts.all(|other| other == first).then_some(first)
    };
    let (ended, never_started) = (may_run(0), NEVER_STARTED.map(|code| may_run(u64::from(code))));
    // Of what failed, some has never started.
    let starts = match never_started {
        [one, other] if one == other => one,
        _ => return None,
    };
    let mut wanted: Vec<Outcome> = Vec::new();
    for (outcome, _) in SERVICE_CODES {
        let may = if outcome == Outcome::Failed { ended } else { verdict(outcome)? };
        wanted.extend(may.then_some(outcome));
    }
    let outcomes = Outcomes::which(|outcome| wanted.contains(&outcome)).written();
    let relation = format!("afterend.{outcomes}");
    if ended == starts {
        let is_all = wanted.len() == SERVICE_CODES.len();
        return (!wanted.is_empty()).then(|| if is_all { Vec::new() } else { vec![relation] });
    }
    // Only what ended by itself left a code of its own; of that, what never started has a signal nobody else has.
    let is_by_itself = wanted == [Outcome::Completed, Outcome::Failed];
    (is_by_itself && !starts).then(|| vec![relation, "afterexit.0-180.182-255".to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_become_dependencies() {
        for (form, wanted) in [
            ("NONE", &[][..]),
            ("ec!=0", &["afterok"]),
            ("ec>0", &["afterok"]),
            ("ec>=1", &["afterok"]),
            ("ec==0", &["afternotok"]),
            ("ec<=0", &["afternotok"]),
            ("ec==4", &["afterexit.0-3.5-255"]),
            ("ec==3,4,9", &["afterexit.0-2.5-8.10-255"]),
            ("ec!=2,3", &["afterexit.2-3"]),
            ("ec>=3", &["afterexit.0-2"]),
            ("ec<3", &["afterexit.3-255"]),
            ("ec==256", &[]),
            ("pc!=0", &["afterend.COMPLETED.FAILED", "afterexit.0-180.182-255"]),
            ("pc>0", &["afterend.COMPLETED.FAILED", "afterexit.0-180.182-255"]),
            ("pc==11", &["afterend.COMPLETED.FAILED.CANCELLED.NODE_FAIL.OUT_OF_MEMORY.DEADLINE.PREEMPTED"]),
            ("pc==11,12", &["afterend.COMPLETED.FAILED.CANCELLED.NODE_FAIL.DEADLINE.PREEMPTED"]),
            ("pc!=11", &["afterend.TIMEOUT"]),
            ("pc>=30", &[]),
        ] {
            assert_eq!(relations(form).unwrap_or_else(|| panic!("{form}")), wanted, "{form}");
        }
        for form in [
            "", "ec", "ec=0", "ec==", "ec==x", "ec==1,", "ec>1,2", "ec=>1", "sn==1", "ec>=0", "pc>=0",
            "pc==0", "pc==1", "pc==16", "pc>=11", "none",
        ] {
            assert_eq!(relations(form), None, "{form}");
        }
    }

    #[test]
    fn parameters_are_read_once_each() {
        let read = steps("jid=12_0,sn=3,sd=ec==3,4:all:1:2").unwrap();
        assert_eq!((read.of, read.number, read.until), (Some(12), Some(3), Until::All));
        assert_eq!((read.relations, read.depends_on), (vec!["afterexit.0-2.5-255".to_owned()], vec![1, 2]));
        assert_eq!(steps("sd=ec!=0").unwrap().until, Until::After);
        for list in [
            "",
            "jid",
            "jid=x",
            "jid=1,jid=2",
            "sd=ec==1,sd=ec==2",
            "sd=ec!=0:some",
            "jid=1,5",
            "sd=ec==1:one,5",
        ] {
            assert_eq!(steps(list), None, "{list}");
        }
    }
}
