//! Reservations. What is sent for a name that is taken changes the one that has it. The original's status follows from
//! the last thing that went wrong here, not from the first.

use super::jobs::{is_unchanged, last_update};
use crate::http::answer::{Answer, empty};
use crate::slurm::call::Call;
use crate::slurm::error;
use crate::slurm::from_wire;
use crate::slurm::to_wire;
use domain::reservation::{Fault, ReservationWish};
use domain::who::Principal;
use domain::{Error, Problem, Text};
use hyper::StatusCode;
use slurm_wire::error_number as number;
use slurm_wire::query::ReservationQuery;
use slurm_wire::reservation::{
    ReservationDescMsgInput, ReservationInfo, ReservationModReq, ReservationModResp, ReservationResp,
};

const UNABLE: &str = "Unable to query reservations";
const LOAD: &str = "slurm_load_reservations()";
const FAILED: &str = "Rejecting request. Failure parsing parameters";

/// Lists all reservations.
pub(super) fn reservations(call: Call<'_>) -> Answer {
    list(call, "_get_reservations", |_| true)
}

/// Shows one reservation.
pub(super) fn reservation(call: Call<'_>) -> Answer {
    let name = Text::from(call.parameter);
    list(call, "_get_reservation", move |known| *known == name)
}

fn list(mut call: Call<'_>, source: &'static str, is_meant: impl Fn(&Text) -> bool) -> Answer {
    let is_one = source == "_get_reservation";
    let Some(query) = call.read::<ReservationQuery>() else {
        call.report.error(number::INVALID_QUERY, "Rejecting request. Failure parsing query", source);
        return call.fail();
    };
    if call.trusted(UNABLE, LOAD).is_none() {
        return call.fail();
    }
    let snapshot = call.site.jobs.snapshot();
    if is_unchanged(query.update_time.map_or(0, |time| time.0), snapshot.reservations_changed) {
        return empty(StatusCode::NOT_MODIFIED);
    }
    let shown = |known: &std::sync::Arc<domain::reservation::Reservation>| {
        to_wire::reservation(known, &snapshot.cluster, call.now)
    };
    let meant = snapshot.reservations.iter().filter(|known| is_meant(&known.name));
    let reservations: Vec<ReservationInfo> = meant.map(shown).collect();
    if is_one && reservations.is_empty() {
        call.report.error(number::NONE, UNABLE, LOAD);
        return call.fail();
    }
    let last_update = last_update(call.now);
    call.answer(ReservationResp {
        reservations: reservations.into(),
        last_update,
        ..ReservationResp::default()
    })
}

/// Makes or changes a reservation.
pub(super) async fn put_one(mut call: Call<'_>) -> Answer {
    let Some(wanted) = call.read::<ReservationDescMsgInput>() else {
        return refuse(call, number::INVALID_QUERY, FAILED, "_parse_resv_desc");
    };
    if wanted.name.is_none() {
        return refuse(call, number::RESERVATION, "Reservation must be given.", "_mod_reservation");
    }
    put(call, vec![wanted]).await
}

/// Makes or changes several, one after the other, until one cannot be.
pub(super) async fn put_many(mut call: Call<'_>) -> Answer {
    const SOURCE: &str = "_parse_resv_desc_list";
    const NONE: &str = "No reservation descriptions specified in reservations array";
    let Some(request) = call.read::<ReservationModReq>() else {
        return refuse(call, number::INVALID_QUERY, FAILED, SOURCE);
    };
    let Some(wanted) = request.reservations else {
        return refuse(call, number::INVALID_QUERY, NONE, SOURCE);
    };
    let wanted: Vec<ReservationDescMsgInput> = wanted.iter().cloned().collect();
    if wanted.is_empty() {
        call.report.warn(NONE, SOURCE);
    }
    if wanted.iter().any(|wanted| wanted.name.is_none()) {
        return refuse(call, number::RESERVATION, "Reservation must be given", "_check_resv_name");
    }
    put(call, wanted).await
}

async fn put(mut call: Call<'_>, all: Vec<ReservationDescMsgInput>) -> Answer {
    let Some(by) = call.trusted(UNABLE, LOAD) else { return call.fail() };
    for wanted in &all {
        if let Err(Said { number, description, source }) = put_wish(&call, &by, wanted).await {
            return refuse(call, number, &description, source);
        }
    }
    if !call.report.errors.is_empty() {
        // Carried out all the same, and nothing is said of it, as in the original.
        return call.fail();
    }
    let reservations = all.iter().map(to_wire::wished_reservation).collect();
    call.answer(ReservationModResp { reservations, ..ReservationModResp::default() })
}

/// What is said of a wish that cannot be met.
struct Said {
    number: i32,
    description: String,
    source: &'static str,
}

async fn put_wish(call: &Call<'_>, by: &Principal, wanted: &ReservationDescMsgInput) -> Result<(), Said> {
    let jobs = &call.site.jobs;
    let name = wanted.name.clone().unwrap_or_default();
    let is_known = jobs.snapshot().reservation(&name).is_some();
    let is_listed = wanted.node_list.as_ref().is_some_and(|list| !list.is_empty());
    let wish: Result<ReservationWish, Error> = from_wire::reservation(wanted).map_err(Error::from);
    let outcome = match wish {
        Ok(wish) if is_known => jobs.change_reservation(by, wish).await,
        Ok(wish) => jobs.reserve(by, wish).await.map(|_| ()),
        Err(error) => Err(error),
    };
    outcome.map_err(|error| said_of(&error, &name, is_known, is_listed))
}

fn said_of(error: &Error, name: &Text, is_known: bool, is_listed: bool) -> Said {
    let problem = match error {
        Error::Invalid(problem) | Error::Conflict(problem) => Some(problem),
        _ => None,
    };
    if let Some(Problem::BadReservation(fault)) = problem {
        let description = sentence(*fault).to_owned();
        return Said { number: number::RESERVATION, description, source: "validate_resv_create_desc" };
    }
    let number = match problem {
        Some(Problem::UnknownUser(_)) if !is_known => number::UNSPECIFIED,
        Some(Problem::UnknownUser(_)) => number::USER_ID,
        Some(Problem::UnknownGroup(_)) => number::GROUP_ID,
        _ => error::number(error),
    };
    if is_known {
        let description = format!("Error updating reservation {name}");
        return Said { number, description, source: "slurm_update_reservation" };
    }
    let is_of_place = matches!(number, number::NODES_BUSY | number::NODE_CONFIGURATION);
    let description = match is_of_place && !is_listed {
        true => format!(
            "Error creating reservation {name}. Note, unless nodes are directly requested a reservation must \
             exist in a single partition. If no partition is requested the default partition is assumed."
        ),
        false => format!("Error creating reservation  {name}"),
    };
    Said { number, description, source: "slurm_create_reservation" }
}

fn sentence(fault: Fault) -> &'static str {
    match fault {
        Fault::NoStart => "A start time must be given.  No reservation created.",
        Fault::NoEnd => "An end time or duration must be given.  No reservation created.",
        Fault::EndBeforeStart => "Start time cannot be after end time.  No reservation created.",
        Fault::NotAllOfPartition => {
            "PART_NODES flag requires specifying a Partition and ALL nodes.  No reservation created."
        }
        Fault::ForcedOnce => "FORCE_START flag requires a reoccuring reservation. No reservation created.",
        Fault::NothingToReserve => {
            "CoreCnt, Nodes, NodeCnt, TRES or Watts must be specified.  No reservation created."
        }
        Fault::Nobody => {
            "Either Users/Groups, AllowedPartitions, QOS and/or Accounts must be specified.  No reservation created."
        }
        Fault::UsersAndGroups => {
            "Users and Groups are mutually exclusive.  You can have one or the other, but not both.  No reservation created."
        }
    }
}

/// Answers that a request is refused, under the status of this.
fn refuse(mut call: Call<'_>, number: i32, description: &str, source: &'static str) -> Answer {
    call.report.error(number, description, source);
    let last = call.report.errors.last().cloned();
    let status = error::status(last.as_slice());
    call.fail_with(status)
}

/// Deletes a reservation.
pub(super) async fn delete(mut call: Call<'_>) -> Answer {
    const SOURCE: &str = "slurm_delete_reservation";
    let name = Text::from(call.parameter);
    let failed = format!("Error deleting reservation {name}");
    let Some(by) = call.trusted(&failed, SOURCE) else { return call.fail() };
    if let Err(error) = call.site.jobs.delete_reservation(&by, name).await {
        call.refused(&error, &failed, SOURCE);
        return call.fail();
    }
    call.answer(slurm_wire::envelope::Resp::default())
}
