//! `qos/` and `qos/{qos}`.

use super::change::{carry_out, put, read, wished};
use crate::http::answer::{Answer, empty};
use crate::slurm::call::Call;
use crate::slurm::from_wire;
use crate::slurm::to_wire::accounting as to_wire;
use domain::Text;
use domain::accounting::{Done, Qos, Removal, Wish, trackables};
use hyper::StatusCode;
use slurm_wire::accounting::qos::{SlurmdbdQosRemovedResp, SlurmdbdQosResp, SlurmdbdQosRespInput};
use slurm_wire::accounting::query::QosQuery;

/// Lists all: as the original, whatever its parameters say.
pub(super) fn list(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() {
        return call.fail();
    }
    answer(call, |qos| !qos.life.deleted)
}

/// Shows one, by name or number; one that nobody knows is no error.
pub(super) fn show(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() {
        return call.fail();
    }
    let Some(wanted) = call.read::<QosQuery>() else { return call.fail() };
    let (name, number) = (call.parameter, call.parameter.parse::<u32>().ok());
    let with_deleted = wanted.with_deleted.unwrap_or_default();
    answer(call, |qos| {
        (with_deleted || !qos.life.deleted) && (qos.name.eq_ignore_ascii_case(name) || number == Some(qos.id))
    })
}

fn answer(mut call: Call<'_>, passes: impl Fn(&Qos) -> bool) -> Answer {
    let snapshot = call.site.jobs.snapshot();
    let resources = trackables(&snapshot.cluster);
    let chosen = snapshot.cluster.books.all_qos().filter(|qos| passes(qos));
    let told: Vec<_> = chosen.map(|qos| to_wire::qos(qos, &resources)).collect();
    if told.is_empty() {
        call.report.warn("slurmdb_qos_get() found nothing", "_op_handler_qos");
    }
    call.answer(SlurmdbdQosResp { qos: told.into(), ..SlurmdbdQosResp::default() })
}

/// Makes or changes qualities of service.
pub(super) async fn update(mut call: Call<'_>) -> Answer {
    let Some((by, body)) = read::<SlurmdbdQosRespInput>(&mut call) else { return call.fail() };
    let all = body.qos.unwrap_or_default();
    let coming: Vec<Text> = all.iter().filter_map(|qos| qos.name.clone()).collect();
    let Some(wish) =
        wished(&mut call, coming, |known, report| from_wire::accounting::qualities(&all, known, report))
    else {
        return call.fail();
    };
    put(call, &by, Wish::Qos(wish), super::QOS_FAILED).await
}

/// Takes one away.
pub(super) async fn delete(mut call: Call<'_>) -> Answer {
    let Some(by) = call.admitted() else { return call.fail() };
    let wish = Wish::Remove(Removal::Qos(Text::from(call.parameter)));
    let failure = ("slurmdb_qos_remove failed", "_op_handler_qos");
    let removed_qos = match carry_out(&mut call, &by, wish, failure).await {
        Some(Done::Removed(names)) => names.into(),
        Some(_) => return empty(StatusCode::NOT_MODIFIED),
        None => Vec::new().into(),
    };
    call.answer(SlurmdbdQosRemovedResp { removed_qos, ..SlurmdbdQosRemovedResp::default() })
}
