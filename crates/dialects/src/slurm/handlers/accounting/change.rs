//! What all changes of the books have in common: who may come in, what cannot be read, and how a refusal is told.

use crate::http::answer::{Answer, empty};
use crate::slurm::call::{Call, Envelope};
use crate::slurm::from_wire::accounting::Known;
use domain::accounting::{Done, Wish};
use domain::who::Principal;
use domain::{Error, Problem, Text};
use hyper::StatusCode;
use slurm_wire::{Report, Wire};

/// How the original names what it could not do, and where.
pub(super) type Failure = (&'static str, &'static str);

/// Lets somebody in and reads what they send; `None` if the request must be refused.
pub(super) fn read<T: Wire + Default>(call: &mut Call<'_>) -> Option<(Principal, T)> {
    let by = call.admitted()?;
    let body = call.read::<T>()?;
    call.report.errors.is_empty().then_some((by, body))
}

/// Makes wishes of what was sent, with the names that are known now.
/// `coming` are names of qualities of service that the request itself makes.
pub(super) fn wished<T>(
    call: &mut Call<'_>,
    coming: impl IntoIterator<Item = Text>,
    make: impl FnOnce(&Known<'_>, &mut Report) -> T,
) -> Option<T> {
    let snapshot = call.site.jobs.snapshot();
    let wish = make(&Known::of(&snapshot.cluster).with(coming), &mut call.report);
    call.report.errors.is_empty().then_some(wish)
}

/// Carries out one wish; what is wrong is noted under `failure`.
pub(super) async fn carry_out(
    call: &mut Call<'_>,
    by: &Principal,
    wish: Wish,
    failure: Failure,
) -> Option<Done> {
    let outcome = carry_out_all(call, by, vec![(wish, failure)]).await?;
    Some(outcome.into_iter().next().unwrap_or(Done::Nothing))
}

/// Carries out several, all or none.
pub(super) async fn carry_out_all(
    call: &mut Call<'_>,
    by: &Principal,
    wishes: Vec<(Wish, Failure)>,
) -> Option<Vec<Done>> {
    let (wishes, failures): (Vec<Wish>, Vec<Failure>) = wishes.into_iter().unzip();
    let outcome = call.site.jobs.account(by, wishes).await;
    match outcome {
        Ok(Ok(done)) => Some(done),
        Ok(Err((at, error))) => {
            let (description, source) = failures.get(at).copied().unwrap_or_default();
            refuse(call, &error, description, source);
            None
        }
        Err(error) => {
            let (description, source) = failures.first().copied().unwrap_or_default();
            refuse(call, &error, description, source);
            None
        }
    }
}

/// Notes why a wish cannot be carried out; some things the original tells in words of their own.
fn refuse(call: &mut Call<'_>, error: &Error, description: &str, source: &str) {
    let description = match error {
        Error::Invalid(Problem::QosWithoutName) => "Cannot create a QOS without a name",
        Error::Invalid(Problem::NoQosNumbered(_)) => "QOS was not found for the requested ID",
        Error::Invalid(Problem::AmbiguousChange) => "ambiguous user modify request",
        Error::Invalid(Problem::AmbiguousRemoval) => {
            "ambiguous request: More than 1 association would have been deleted."
        }
        Error::Invalid(Problem::NothingToAdd) => "Need name of account(s) or wckey(s) to add",
        Error::Forbidden(Problem::OperatorsOnlyMade) => "Only admins/operators can add an admin/operator",
        _ => description,
    };
    let source = match error {
        Error::Forbidden(_) if source == "_add_users_association" => "slurmdb_users_add_cond",
        _ => source,
    };
    call.refused(error, description, source);
}

/// Carries out a wish of which nothing but success is told.
pub(super) async fn put(mut call: Call<'_>, by: &Principal, wish: Wish, failure: Failure) -> Answer {
    carry_out(&mut call, by, wish, failure).await;
    call.fail()
}

/// Takes something away and tells what; where there was nothing the answer is empty.
pub(super) async fn remove<T: Envelope>(
    mut call: Call<'_>,
    by: &Principal,
    wish: Wish,
    failure: Failure,
    told: impl FnOnce(Vec<Text>) -> T,
) -> Answer {
    match carry_out(&mut call, by, wish, failure).await {
        Some(Done::Removed(names)) => call.answer(told(names)),
        Some(_) => empty(StatusCode::NOT_MODIFIED),
        None => call.fail(),
    }
}
