//! `instances/` and `instance/`: nodes of clouds. None of ours is in a cloud.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use slurm_wire::accounting::query::InstanceCondition;

/// Lists none.
pub(super) fn list(mut call: Call<'_>) -> Answer {
    if call.admitted().is_none() || call.read::<InstanceCondition>().is_none() {
        return call.fail();
    }
    call.report.warn("slurmdb_instances_get() found nothing", "_dump_instance_cond");
    call.fail()
}
