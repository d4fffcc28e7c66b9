//! `accounts/`, `account/{name}` and `accounts_association/`.

use super::change::{put, read, remove, wished};
use crate::http::answer::{Answer, empty};
use crate::slurm::call::Call;
use crate::slurm::from_wire;
use crate::slurm::to_wire::accounting::{self as to_wire, Groups, Shown};
use domain::accounting::{Account, Done, Removal, Wish, folded};
use domain::{Error, Problem, Text};
use hyper::StatusCode;
use slurm_wire::accounting::account::{
    AccountsAddCondResp, AccountsAddCondRespStr, AccountsRemovedResp, AccountsResp, AccountsRespInput,
};
use slurm_wire::accounting::query::{AccountCondition, AccountQuery};
use slurm_wire::error_number as number;
use slurm_wire::scalar::Switch;

/// Lists accounts.
pub(super) fn list(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() {
        return call.fail();
    }
    let Some(wanted) = call.read::<AccountCondition>() else { return call.fail() };
    let is_on = |switch: Option<Switch>| switch.is_some_and(|switch| switch.0);
    let shown = Shown {
        associations: is_on(wanted.with_associations),
        coordinators: is_on(wanted.with_coordinators),
        ..Shown::default()
    };
    let descriptions = wanted.description.unwrap_or_default();
    let coordinated = match (is_on(wanted.users_are_coords), is_on(wanted.no_users_are_coords)) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    };
    let passes = |account: &Account| {
        let is_described = descriptions.is_empty()
            || descriptions.iter().any(|wanted| wanted.eq_ignore_ascii_case(&account.description));
        is_described && (coordinated.is_none() || account.users_are_coordinators == coordinated)
    };
    answer(call, shown, is_on(wanted.deleted), passes)
}

/// Shows one; one that nobody knows is no error.
pub(super) fn show(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() {
        return call.fail();
    }
    let Some(wanted) = call.read::<AccountQuery>() else { return call.fail() };
    let shown = Shown {
        associations: wanted.with_assocs.unwrap_or_default(),
        coordinators: wanted.with_coords.unwrap_or_default(),
        ..Shown::default()
    };
    let name = folded(call.parameter);
    answer(call, shown, wanted.with_deleted.unwrap_or_default(), |account| folded(&account.name) == name)
}

fn answer(mut call: Call<'_>, shown: Shown, with_deleted: bool, passes: impl Fn(&Account) -> bool) -> Answer {
    let snapshot = call.site.jobs.snapshot();
    let books = &snapshot.cluster.books;
    let chosen: Vec<_> = books
        .accounts()
        .into_iter()
        .filter(|account| (with_deleted || !account.life.deleted) && passes(account))
        .collect();
    if chosen.is_empty() {
        call.report.warn("slurmdb_accounts_get() found nothing", "_dump_accounts");
    }
    // Of one account only its own associations need be looked up.
    let only = if let [one] = &chosen[..] { Some(folded(&one.name)) } else { None };
    let groups =
        Groups::of(books, shown, |one| only.as_ref().is_none_or(|name| folded(&one.place.account) == *name));
    let accounts =
        chosen.into_iter().map(|account| to_wire::account(account, books, shown, &groups)).collect();
    call.answer(AccountsResp { accounts, ..AccountsResp::default() })
}

/// Makes or changes accounts, without associations.
pub(super) async fn update(mut call: Call<'_>) -> Answer {
    let Some((by, body)) = read::<AccountsRespInput>(&mut call) else { return call.fail() };
    let all = body.accounts.unwrap_or_default();
    let Some(wish) = wished(&mut call, None, |_, report| from_wire::accounting::accounts(&all, report))
    else {
        return call.fail();
    };
    put(call, &by, Wish::Accounts(wish), super::ACCOUNTS_FAILED).await
}

/// Makes accounts with their associations.
pub(super) async fn add(mut call: Call<'_>) -> Answer {
    let Some((by, body)) = read::<AccountsAddCondResp>(&mut call) else { return call.fail() };
    let Some(wish) = wished(&mut call, None, |known, report| {
        from_wire::accounting::accounts_addition(&body, known, report)
    }) else {
        return call.fail();
    };
    let failure = ("slurmdb_accounts_add_cond() failed", "_add_accounts_association");
    if wish.accounts.is_empty() {
        call.numbered(number::EMPTY_LIST, failure.0, failure.1);
        let added_accounts = Text::const_new("Empty list");
        return call.answer(AccountsAddCondRespStr { added_accounts, ..AccountsAddCondRespStr::default() });
    }
    let outcome = call.site.jobs.account(&by, vec![Wish::AddAccounts(Box::new(wish.clone()))]).await;
    let added_accounts = match outcome.map(|done| done.map_err(|(_, error)| error)) {
        Ok(Ok(done)) => match done.first() {
            Some(Done::AddedAccounts { accounts, associations }) => {
                to_wire::added_accounts(&wish, accounts, associations)
            }
            _ => return empty(StatusCode::NOT_MODIFIED),
        },
        Ok(Err(error)) | Err(error) => {
            let told = refusal(&error);
            call.refused(&error, failure.0, failure.1);
            told
        }
    };
    call.answer(AccountsAddCondRespStr { added_accounts, ..AccountsAddCondRespStr::default() })
}

/// Says in sacctmgr's words why accounts cannot be made.
fn refusal(error: &Error) -> Text {
    match error {
        Error::Invalid(Problem::NoParentAccount(parent)) => format!("No parent account {parent}").into(),
        Error::Invalid(Problem::UnknownCluster(name)) => format!(
            "Cluster '{name}' has not been added yet, please contact your admin before adding accounts to it"
        )
        .into(),
        Error::Forbidden(_) => Text::const_new("Your user doesn't have privilege to perform this action\n"),
        error => Text::from(error.to_string()),
    }
}

/// Takes an account away.
pub(super) async fn delete(mut call: Call<'_>) -> Answer {
    let Some(by) = call.admitted() else { return call.fail() };
    let wish = Wish::Remove(Removal::Account(Text::from(call.parameter)));
    let failure = ("slurmdb_accounts_remove failed", "_delete_account");
    remove(call, &by, wish, failure, |names| AccountsRemovedResp {
        removed_accounts: names.into(),
        ..AccountsRemovedResp::default()
    })
    .await
}
