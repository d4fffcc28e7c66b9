//! `users/`, `user/{name}` and `users_association/`.

use super::change::{carry_out, put, read, remove, wished};
use crate::http::answer::{Answer, empty};
use crate::slurm::call::Call;
use crate::slurm::from_wire;
use crate::slurm::to_wire::accounting::{self as to_wire, Groups, Shown};
use domain::Text;
use domain::accounting::{Books, Done, Removal, User, Wish, folded};
use hyper::StatusCode;
use slurm_wire::accounting::query::{UserCondition, UserQuery};
use slurm_wire::accounting::user::{
    UsersAddCondResp, UsersAddCondRespStr, UsersRemovedResp, UsersResp, UsersRespInput,
};
use slurm_wire::list::ConditionList;

/// Lists users.
pub(super) fn list(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() {
        return call.fail();
    }
    let Some(wanted) = call.read::<UserCondition>() else { return call.fail() };
    let shown = Shown {
        associations: wanted.with_assocs.unwrap_or_default(),
        coordinators: wanted.with_coords.unwrap_or_default(),
        wckeys: wanted.with_wckeys.unwrap_or_default(),
    };
    let level = wanted.admin_level.as_ref().and_then(from_wire::accounting::level);
    let accounts = wanted.default_account.unwrap_or_default();
    let wckeys = wanted.default_wckey.unwrap_or_default();
    let has = |names: &ConditionList, name: Option<&Text>| {
        names.is_empty()
            || name.is_some_and(|name| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)))
    };
    answer(call, shown, wanted.with_deleted.unwrap_or_default(), |user, books| {
        level.is_none_or(|level| user.level == level)
            && (accounts.is_empty() || has(&accounts, books.default_account(&user.name)))
            && has(&wckeys, Some(&user.default_wckey))
    })
}

/// Shows one; one that nobody knows is no error.
pub(super) fn show(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() {
        return call.fail();
    }
    let Some(wanted) = call.read::<UserQuery>() else { return call.fail() };
    let shown = Shown {
        associations: wanted.with_assocs.unwrap_or_default(),
        coordinators: wanted.with_coords.unwrap_or_default(),
        wckeys: wanted.with_wckeys.unwrap_or_default(),
    };
    let name = folded(call.parameter);
    answer(call, shown, wanted.with_deleted.unwrap_or_default(), |user, _| folded(&user.name) == name)
}

fn answer(
    mut call: Call<'_>,
    shown: Shown,
    with_deleted: bool,
    passes: impl Fn(&User, &Books) -> bool,
) -> Answer {
    let snapshot = call.site.jobs.snapshot();
    let books = &snapshot.cluster.books;
    let chosen: Vec<_> = books
        .users()
        .into_iter()
        .filter(|user| (with_deleted || !user.life.deleted) && passes(user, books))
        .collect();
    if chosen.is_empty() {
        call.report.warn("slurmdb_users_get() found nothing", "_dump_users");
    }
    let only = if let [one] = &chosen[..] { Some(folded(&one.name)) } else { None };
    let groups =
        Groups::of(books, shown, |one| only.as_ref().is_none_or(|name| folded(&one.place.user) == *name));
    let users = chosen.into_iter().map(|user| to_wire::user(user, books, shown, &groups)).collect();
    call.answer(UsersResp { users, ..UsersResp::default() })
}

/// Makes or changes users, without associations.
pub(super) async fn update(mut call: Call<'_>) -> Answer {
    let Some((by, body)) = read::<UsersRespInput>(&mut call) else { return call.fail() };
    let all = body.users.unwrap_or_default();
    let Some(wish) = wished(&mut call, None, |_, report| from_wire::accounting::users(&all, report)) else {
        return call.fail();
    };
    put(call, &by, Wish::Users(wish), super::USERS_FAILED).await
}

/// Makes users with their associations.
pub(super) async fn add(mut call: Call<'_>) -> Answer {
    let Some((by, body)) = read::<UsersAddCondResp>(&mut call) else { return call.fail() };
    let Some(wish) =
        wished(&mut call, None, |known, report| from_wire::accounting::users_addition(&body, known, report))
    else {
        return call.fail();
    };
    let why = "Only admins/operators/coordinators can add accounts";
    let done =
        carry_out(&mut call, &by, Wish::AddUsers(Box::new(wish.clone())), (why, "_add_users_association"))
            .await;
    let added_users = match &done {
        Some(Done::AddedUsers { users, associations, wckeys, skipped }) => {
            to_wire::added_users(&wish, users, associations, wckeys, skipped)
        }
        Some(_) => return empty(StatusCode::NOT_MODIFIED),
        // Why somebody may not is told twice.
        None => {
            let first = call.report.errors.first().filter(|error| error.source == "slurmdb_users_add_cond");
            first.map(|error| error.description.clone()).unwrap_or_default()
        }
    };
    call.answer(UsersAddCondRespStr { added_users, ..UsersAddCondRespStr::default() })
}

/// Takes a user away.
pub(super) async fn delete(mut call: Call<'_>) -> Answer {
    let Some(by) = call.admitted() else { return call.fail() };
    let wish = Wish::Remove(Removal::User(Text::from(call.parameter)));
    remove(call, &by, wish, ("slurmdb_users_remove failed", "_delete_user"), |names| UsersRemovedResp {
        removed_users: names.into(),
        ..UsersRemovedResp::default()
    })
    .await
}
