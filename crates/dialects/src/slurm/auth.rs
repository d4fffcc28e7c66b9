//! Slurm's credentials → who asks. A request without any is turned away at the door; one whose token does not hold
//! gets as far as the operation, which refuses it in its own words (facts 2.2).

use crate::site::Site;
use crate::tokens::{Caller, caller};
use domain::who::Principal;
use hyper::HeaderMap;

/// Who asks; `None` where the token does not hold.
pub(super) type Asker = Option<Principal>;

/// Finds out who asks; `None` where there are no credentials at all.
pub(super) fn asker(site: &Site, headers: &HeaderMap) -> Option<Asker> {
    let snapshot = site.jobs.snapshot();
    match caller(headers, &site.keys, &snapshot.cluster, site.jobs.clock().now()) {
        Caller::Nobody => None,
        Caller::Refused => Some(None),
        Caller::User(name) => Some(Some(site.jobs.principal(&name))),
    }
}
