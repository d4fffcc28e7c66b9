//! `GET shares`: fair shares.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::to_wire::{WantedShares, shares};
use domain::Text;
use slurm_wire::NoVal;
use slurm_wire::query::SharesQuery;
use slurm_wire::shares::SharesResp;

/// Lists the fair shares of accounts and users. Like the original it passes over parameters that nobody knows; unlike
/// it, it heeds those that are documented.
pub(super) fn list(mut call: Call<'_>) -> Answer {
    let known = call.report.warnings.len();
    let query = call.read::<SharesQuery>().unwrap_or_default();
    call.report.warnings.truncate(known);
    if call.trusted("slurm_associations_get_shares() failed", "op_handler_shares").is_none() {
        return call.fail();
    }
    let names = |list: Option<Text>| {
        let list = list.unwrap_or_default();
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(Text::from).collect::<Vec<_>>()
    };
    let wanted = WantedShares { accounts: names(query.accounts), users: names(query.users) };
    let snapshot = call.site.jobs.snapshot();
    let cluster = &snapshot.cluster;
    let has_accounts = cluster.books.has_accounts();
    let mut answer = SharesResp::default();
    if has_accounts {
        let told = shares(cluster, &snapshot.shares, &wanted);
        for _ in told.iter().filter(|entry| matches!(entry.fairshare.level, NoVal::Set(_))) {
            call.report.warn("Dumping (0xffffffffffffffff) as place holder for Infinity", "");
        }
        answer.shares.shares = told.into();
    } else {
        call.report.warn("Shares list is empty because slurm accounting storage is disabled.", "");
    }
    call.answer(answer)
}
