//! `POST hostlist` and `POST hostnames` of `/util/`: a host list from names, and the names of a host list.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::served::Part;
use slurm_wire::error_number as number;
use slurm_wire::hostlist;
use slurm_wire::hostlist_reply::{
    HostExpression, HostlistReqResp, HostlistReqRespInput, HostnamesReqResp, HostnamesReqRespInput,
};

const SOURCE: &str = "_convert_hostnames_hostlist";

/// Gathers names into a host list.
pub(super) fn hostlist(mut call: Call<'_>) -> Answer {
    call.part = Part::Util;
    let Some(request) = call.read::<HostnamesReqRespInput>() else { return unread(call) };
    let given = request.hostnames.unwrap_or_default().0;
    let mut names = Vec::with_capacity(given.len());
    for name in given {
        let room = hostlist::MOST_HOSTS.saturating_sub(names.len());
        match hostlist::expand(&name) {
            // Names that are no lists need no bound: they were sent one by one.
            Ok(expanded) if expanded.len() == 1 || expanded.len() <= room => names.extend(expanded),
            _ => {
                let why = format!("Invalid host string: {name}");
                call.report.error(number::INVALID_DATA, why, "#/hostnames/");
                return unread(call);
            }
        }
    }
    let hostlist = HostExpression(hostlist::gather(names).into());
    call.answer(HostlistReqResp { hostlist, ..HostlistReqResp::default() })
}

/// Expands a host list into names.
pub(super) fn hostnames(mut call: Call<'_>) -> Answer {
    call.part = Part::Util;
    let Some(request) = call.read::<HostlistReqRespInput>() else { return unread(call) };
    // What was read stands for no more names than can be told.
    let names = hostlist::expand(&request.hostlist.unwrap_or_default().0).unwrap_or_default();
    let hostnames = names.into_iter().collect();
    call.answer(HostnamesReqResp { hostnames, ..HostnamesReqResp::default() })
}

fn unread(mut call: Call<'_>) -> Answer {
    call.report.error(number::INVALID_QUERY, "Rejecting request. Failure parsing request", SOURCE);
    call.fail_with(hyper::StatusCode::UNPROCESSABLE_ENTITY)
}
