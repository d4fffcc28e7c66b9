//! The answers to changes and cancellations of jobs, and what is to be cancelled.

use crate::checked_text::{SignalName, UserName};
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{HostlistString, KillJobsMsgJobsArray, lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::{JobState, KillFlag};

object! {
    /// The answer to a change of a job.
    reply JobPostResponse = "openapi_job_post_response" {
        results: Option<JobArrayResponseArray>,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// What became of the change for one task of an array.
    reply JobArrayResponseMsgEntry = "job_array_response_msg_entry" {
        job_id: u32,
        step_id: Text,
        error: Text,
        error_code: u32,
        why: Text,
    }
}

object! {
    /// Which jobs are to be signalled, by id or by filter.
    request KillJobsMsg = "kill_jobs_msg" {
        account: Text,
        flags: Flags<KillFlag>,
        job_name: Text,
        jobs: KillJobsMsgJobsArray,
        partition: Text,
        qos: Text,
        reservation: Text,
        signal: SignalName,
        job_state: Flags<JobState>,
        user_id: UserName,
        user_name: Text,
        wckey: Text,
        nodes: HostlistString,
    }
}

object! {
    /// The answer to the cancellation of many jobs.
    reply KillJobsResp = "openapi_kill_jobs_resp" {
        status: KillJobsRespMsg = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Part `error` of [`KillJobsRespJob`].
    reply inline KillJobsRespJobError = "kill_jobs_resp_job_error" {
        string: Text,
        code: u32,
        message: Text,
    }
}

object! {
    /// Part `federation` of [`KillJobsRespJob`].
    reply inline KillJobsRespJobFederation = "kill_jobs_resp_job_federation" {
        sibling: Text,
    }
}

object! {
    /// Why one job could not be cancelled.
    reply KillJobsRespJob = "kill_jobs_resp_job" {
        error: KillJobsRespJobError,
        step_id: Text = required,
        job_id: NoVal<u32> = required,
        federation: KillJobsRespJobFederation,
    }
}

object! {
    /// The answer to the cancellation of one job.
    reply KillJobResp = "openapi_kill_job_resp" {
        status: KillJobsRespMsg = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

lists! {
    /// The jobs that could not be cancelled.
    KillJobsRespMsg, KillJobsRespMsgKind of KillJobsRespJob = "kill_jobs_resp_msg", read_plain;
    /// What became of the change, task by task.
    JobArrayResponseArray, JobArrayResponseArrayKind of JobArrayResponseMsgEntry = "job_array_response_array", read_plain;
}
