//! Putting jobs back into the queue, an operation of its own since v0.0.45.

use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::job_change::JobArrayResponseArray;
use crate::list::{SelectedStepList, lists, read_plain};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::words::RequeueFlag;

object! {
    /// How one job is put back.
    request JobRequeueQuery = "openapi_job_requeue_query" {
        incomplete "Incomplete": bool,
        hold "Hold": bool,
        special_exit "SpecialExit": bool,
    }
}

object! {
    /// Which jobs are put back, and how.
    request JobsRequeueQuery = "openapi_jobs_requeue_query" {
        flags: Flags<RequeueFlag>,
        jobs: SelectedStepList,
    }
}

object! {
    /// What became of one job, record by record if it is an array's.
    reply JobRequeueResp = "openapi_job_requeue_resp" {
        status: JobArrayResponseArray = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// What became of the jobs that are arrays.
    reply JobsRequeueResp = "openapi_jobs_requeue_resp" {
        status: JobArrayResponseMsgPtrList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

lists! {
    /// What became of each array.
    JobArrayResponseMsgPtrList, JobArrayResponseMsgPtrListKind of JobArrayResponseArray =
        "job_array_response_msg_ptr_list", read_plain;
}
