//! `tres/`: what is counted. It follows from the configuration; as in the original nothing can be added here.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::to_wire;
use domain::accounting::trackables;
use slurm_wire::accounting::tres::TresResp;
use slurm_wire::error_number as number;

/// Lists what is counted.
pub(super) fn list(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() {
        return call.fail();
    }
    let tres = to_wire::accounting::counted(&trackables(&call.site.jobs.snapshot().cluster));
    call.answer(TresResp { tres: tres.into(), ..TresResp::default() })
}

/// Refuses; the original does not look at what was sent either.
pub(super) fn add(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() {
        return call.fail();
    }
    let why = "Updating TRES is not currently supported";
    call.report.error(number::NOT_SUPPORTED, why, "op_handler_tres");
    call.fail()
}
