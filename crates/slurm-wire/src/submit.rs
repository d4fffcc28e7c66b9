//! Submitting and allocating: what is sent and what comes back. The job itself is in `job_desc.rs`.

use crate::envelope::{Errors, Meta, Warnings};
use crate::job_desc::{JobDescMsg, JobDescMsgList};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;

object! {
    /// A batch script and the job, or the components of a heterogeneous job, to run it in.
    request JobSubmitReq = "job_submit_req" {
        script: Text,
        jobs: JobDescMsgList,
        job: JobDescMsg,
    }
}

object! {
    /// The answer to a submission.
    reply JobSubmitResponse = "openapi_job_submit_response" {
        job_id: u32,
        step_id: Text,
        job_submit_user_msg: Text,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// A job, or the components of a heterogeneous job, that gets resources without a script.
    request JobAllocReq = "job_alloc_req" {
        hetjob: JobDescMsgList,
        job: JobDescMsg,
    }
}

object! {
    /// The answer to an allocation.
    reply JobAllocResp = "openapi_job_alloc_resp" {
        job_id: u32,
        job_submit_user_msg: Text,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}
