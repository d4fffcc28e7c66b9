//! `wckeys/` and `wckey/{id}`, whose parameter is the key's name all the same.

use super::change::{carry_out, put, read};
use super::usage::used;
use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire;
use crate::slurm::to_wire::accounting::{self as to_wire, UsageTold};
use domain::Text;
use domain::accounting::{Done, Removal, Wckey, Wish, trackables};
use domain::history::{Grouping, UsageLine};
use slurm_wire::accounting::query::WckeyCondition;
use slurm_wire::accounting::wckey::{Wckey as WireWckey, WckeyRemovedResp, WckeyResp, WckeyRespInput};
use slurm_wire::error_number as number;
use slurm_wire::list::ConditionList;

/// Lists workload keys, to operators.
pub(super) async fn list(mut call: Call<'_>) -> Answer {
    if !may_look(&mut call) {
        return call.fail();
    }
    let Some(wanted) = call.read::<WckeyCondition>() else { return call.fail() };
    let has = |names: &Option<ConditionList>, name: &str| {
        let Some(names) = names.as_ref().filter(|names| !names.is_empty()) else { return true };
        names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    let with_deleted = wanted.with_deleted.unwrap_or_default();
    let only_defaults = wanted.only_defaults.unwrap_or_default();
    let mut lines = Vec::new();
    if wanted.with_usage.unwrap_or_default() {
        let time = (wanted.usage_start, wanted.usage_end);
        let by = Grouping { user: true, wckey: true, ..Grouping::default() };
        let Some(used) = used(&mut call, time, by, ("slurmdb_wckeys_get failed", "_dump_wckeys")).await
        else {
            return call.fail();
        };
        lines = used;
    }
    let snapshot = call.site.jobs.snapshot();
    let books = &snapshot.cluster.books;
    let is_default = |wckey: &Wckey| {
        books.user(&wckey.user).is_some_and(|user| user.default_wckey.eq_ignore_ascii_case(&wckey.name))
    };
    answer(call, &lines, |wckey| {
        (with_deleted || !wckey.life.deleted)
            && has(&wanted.cluster, &wckey.cluster)
            && has(&wanted.name, &wckey.name)
            && has(&wanted.user, &wckey.user)
            && has(&wanted.id, &wckey.id.to_string())
            && (!only_defaults || is_default(wckey))
    })
}

/// Shows those of a name; one that nobody knows is no error.
pub(super) fn show(mut call: Call<'_>) -> Answer {
    if !may_look(&mut call) {
        return call.fail();
    }
    let name = call.parameter;
    answer(call, &[], |wckey| !wckey.life.deleted && wckey.name.eq_ignore_ascii_case(name))
}

fn may_look(call: &mut Call<'_>) -> bool {
    let Some(by) = call.admitted() else { return false };
    if !by.is_operator() {
        call.report.error(number::ACCESS_DENIED, "slurmdb_wckeys_get failed", "_dump_wckeys");
    }
    by.is_operator()
}

fn answer(mut call: Call<'_>, used: &[UsageLine], passes: impl Fn(&Wckey) -> bool) -> Answer {
    let snapshot = call.site.jobs.snapshot();
    let (books, resources) = (&snapshot.cluster.books, trackables(&snapshot.cluster));
    let usage = UsageTold::of_wckeys(used, books, &resources);
    let all = books.wckeys().into_iter().filter(|wckey| passes(wckey));
    let told: Vec<_> =
        all.map(|key| WireWckey { accounting: usage.by(key.id).into(), ..to_wire::wckey(key) }).collect();
    if told.is_empty() {
        call.report.warn("slurmdb_wckeys_get() found nothing", "_dump_wckeys");
    }
    call.answer(WckeyResp { wckeys: told.into(), ..WckeyResp::default() })
}

/// Makes workload keys.
pub(super) async fn update(mut call: Call<'_>) -> Answer {
    let Some((by, body)) = read::<WckeyRespInput>(&mut call) else { return call.fail() };
    let all = body.wckeys.unwrap_or_default();
    if all.is_empty() {
        let why = "ignoring empty or non-existent wckeys array for update";
        call.report.warn(why, "_update_wckeys");
        return call.fail();
    }
    put(call, &by, Wish::Wckeys(from_wire::accounting::wckeys(&all)), super::WCKEYS_FAILED).await
}

/// Takes those of a name away.
pub(super) async fn delete(mut call: Call<'_>) -> Answer {
    let Some(by) = call.admitted() else { return call.fail() };
    let wish = Wish::Remove(Removal::Wckey(Text::from(call.parameter)));
    let done = carry_out(&mut call, &by, wish, ("slurmdb_wckeys_remove failed", "_delete_wckey")).await;
    let gone = match done {
        Some(Done::RemovedWckeys(gone)) => {
            if gone.is_empty() {
                call.report.warn("slurmdb_wckeys_remove() found nothing", "_delete_wckey");
            }
            gone
        }
        _ => Vec::new(),
    };
    let deleted_wckeys = gone.iter().map(|wckey| to_wire::removed_wckey(wckey)).collect();
    call.answer(WckeyRemovedResp { deleted_wckeys, ..WckeyRemovedResp::default() })
}
