//! Domain → wire. Cannot fail: whatever the domain holds has a form.

pub(super) mod accounting;
mod allocation;
mod asked;
mod diag;
mod exit_code;
mod job;
mod kill;
mod layout;
mod license;
mod node;
mod partition;
mod ping;
mod reservation;
mod shares;
mod state;
mod tres;

pub(super) use diag::statistics;
pub(super) use job::{Jobs, job, without_detail};
pub(super) use kill::{kill_status, killed, why_not_meant, written_name};
pub(super) use layout::layout;
pub(super) use license::licenses;
pub(super) use node::{node, reserve_node};
pub(super) use partition::partition;
pub(super) use ping::pings;
pub(super) use reservation::{reservation, wished as wished_reservation};
pub(super) use shares::{Wanted as WantedShares, shares};
pub(super) use state::{job_states, selected_states};

use domain::{Text, Timestamp};
use slurm_wire::NoVal;

/// Writes a time as the triple; the epoch and the far end of time stand for none.
fn time(at: Timestamp) -> NoVal<u64> {
    let seconds = if at == Timestamp::NEVER { 0 } else { at.seconds() };
    NoVal::Set(u64::try_from(seconds).unwrap_or(0))
}

/// Writes a count of which zero means "not given".
fn given(count: u16) -> NoVal<u16> {
    if count == 0 { NoVal::Unset } else { NoVal::Set(count) }
}

/// Joins names with commas.
fn joined<'a>(names: impl IntoIterator<Item = &'a Text>) -> Text {
    let mut text = Text::default();
    for name in names {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
    }
    text
}

#[cfg(test)]
mod tests;
