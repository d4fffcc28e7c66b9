//! Where a step of a step job belongs: its number, and for which jobs it waits.

use super::submission::StepPlace;
use crate::nifcloud::kept::{Kept, Step};
use crate::nifcloud::script::{BadScript, Steps};
use domain::job::Relation;
use domain::state::Snapshot;
use domain::{JobId, Text, Uid};

/// Finds the place of a step among the user's living jobs.
///
/// # Errors
/// If there is no such step job any more, or one of its steps is missing or there already.
pub(in super::super) fn place(
    snapshot: &Snapshot,
    owner: Uid,
    steps: &Steps,
) -> Result<StepPlace, BadScript> {
    const NO_STEP: BadScript = BadScript::Together("the step job has no step it could depend on");
    let Some(job) = steps.of else {
        if !steps.depends_on.is_empty() {
            return Err(NO_STEP);
        }
        let step =
            Step { of: None, number: steps.number.unwrap_or(0), after: Vec::new(), until: steps.until };
        return Ok(StepPlace { step, dependency: Text::default() });
    };
    let mut members: Vec<(u32, JobId)> = Vec::new();
    let mut is_alive = false;
    for other in snapshot.jobs.iter().filter(|other| other.spec.owner.uid == owner) {
        let Some(step) = Kept::of(&other.spec).step else { continue };
        if step.of.unwrap_or(other.id.0) == job {
            members.push((step.number, other.id));
            is_alive |= !other.is_final();
        }
    }
    if !is_alive {
        return Err(BadScript::Together("there is no such step job"));
    }
    let last = members.iter().map(|(number, _)| *number).max().unwrap_or(0);
    let number = steps.number.unwrap_or(last.saturating_add(1));
    if members.iter().any(|(taken, _)| *taken == number) {
        return Err(BadScript::Together("the step job has a step of this number"));
    }
    let after = match steps.depends_on.as_slice() {
        [] => members
            .iter()
            .map(|(other, _)| *other)
            .filter(|other| *other < number)
            .max()
            .into_iter()
            .collect(),
        named => named.to_vec(),
    };
    let mut jobs = String::new();
    for step in &after {
        let found = members.iter().find(|(other, _)| other == step);
        let (_, id) = found.ok_or(NO_STEP)?;
        jobs.push_str(&format!(":{id}"));
    }
    let any = [Relation::AfterAny.word().to_owned()];
    let relations = if steps.relations.is_empty() { &any[..] } else { &steps.relations };
    let dependency = match after.as_slice() {
        [] => String::new(),
        _ => relations.iter().map(|relation| format!("{relation}{jobs}")).collect::<Vec<_>>().join(","),
    };
    let step = Step { of: Some(job), number, after, until: steps.until };
    Ok(StepPlace { step, dependency: Text::from(dependency) })
}
