//! `config`: all of accounting in one document, out and in.

use super::change::{carry_out_all, read, wished};
use super::cluster::{known, no_clusters};
use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire;
use crate::slurm::to_wire::accounting::{self as to_wire, AssociationShown, Groups, Shown};
use domain::Text;
use domain::accounting::{Books, Wish, trackables};
use slurm_wire::Report;
use slurm_wire::accounting::config::{SlurmdbdConfigResp, SlurmdbdConfigRespInput};
use slurm_wire::accounting::user::User;
use slurm_wire::error_number as number;

/// Writes everything, to operators: workload keys are in it.
pub(super) fn dump(mut call: Call<'_>) -> Answer {
    let Some(by) = call.admitted() else { return call.fail() };
    if !by.is_operator() {
        call.report.error(number::ACCESS_DENIED, "slurmdb_wckeys_get failed", "_dump");
        return call.fail();
    }
    let snapshot = call.site.jobs.snapshot();
    let books = &snapshot.cluster.books;
    let resources = trackables(&snapshot.cluster);
    let shown = Shown { associations: true, coordinators: true, wckeys: false };
    let groups = Groups::of(books, shown, |_| true);
    let living = |life: domain::accounting::Life| !life.deleted;
    let accounts = books.accounts().into_iter().filter(|account| living(account.life));
    let users = books.users().into_iter().filter(|user| living(user.life));
    let own = AssociationShown { own_limits: true, own_qos: false, without_parent: false };
    let associations = books.in_order(|one| living(one.life)).into_iter();
    let payload = SlurmdbdConfigResp {
        clusters: known(&call).into(),
        tres: to_wire::counted(&resources).into(),
        accounts: accounts.map(|account| to_wire::account(account, books, shown, &groups)).collect(),
        users: users.map(|user| whole_user(user, books, shown, &groups)).collect(),
        qos: books
            .all_qos()
            .filter(|qos| living(qos.life))
            .map(|qos| to_wire::qos(qos, &resources))
            .collect(),
        wckeys: books
            .wckeys()
            .into_iter()
            .filter(|key| living(key.life))
            .map(|key| to_wire::wckey(key))
            .collect(),
        associations: associations
            .map(|(line, one)| to_wire::association((line, one), books, &resources, own))
            .collect(),
        ..SlurmdbdConfigResp::default()
    };
    call.answer(payload)
}

/// Describes a user with the key of jobs that name none, though the keys themselves are in a list of their own.
fn whole_user(user: &domain::accounting::User, books: &Books, shown: Shown, groups: &Groups<'_>) -> User {
    let mut told = to_wire::user(user, books, shown, groups);
    told.default.wckey = user.default_wckey.clone();
    told
}

/// Takes a document in: all of it or nothing. The original answers so too, and keeps nothing of it.
pub(super) async fn load(mut call: Call<'_>) -> Answer {
    let Some((by, body)) = read::<SlurmdbdConfigRespInput>(&mut call) else { return call.fail() };
    let clusters = body.clusters.clone().unwrap_or_default();
    if clusters.is_empty() {
        no_clusters(&mut call, by.is_operator());
        return call.fail();
    }
    let coming: Vec<Text> = body.qos.iter().flatten().filter_map(|qos| qos.name.clone()).collect();
    let Some(wishes) = wished(&mut call, coming, |known, report| {
        // What a dump shows beside accounts and users is in its own list as well, and nothing to warn of.
        let mut aside = Report::lenient();
        let accounts = from_wire::accounting::accounts(body.accounts.iter().flatten(), &mut aside);
        let users = from_wire::accounting::users(body.users.iter().flatten(), &mut aside);
        let wckeys = from_wire::accounting::wckeys(body.wckeys.iter().flatten());
        let qos = from_wire::accounting::qualities(body.qos.iter().flatten(), known, report);
        let associations =
            from_wire::accounting::associations(body.associations.iter().flatten(), known, report);
        vec![
            (Wish::Clusters(from_wire::accounting::clusters(&clusters)), super::CLUSTERS_FAILED),
            (Wish::Qos(qos), super::QOS_FAILED),
            // Those who look after accounts must be known before.
            (Wish::Users(users), super::USERS_FAILED),
            (Wish::Accounts(accounts), super::ACCOUNTS_FAILED),
            (Wish::Wckeys(wckeys), super::WCKEYS_FAILED),
            (Wish::Associations(associations), super::ASSOCIATIONS_FAILED),
        ]
    }) else {
        return call.fail();
    };
    carry_out_all(&mut call, &by, wishes).await;
    call.fail()
}
