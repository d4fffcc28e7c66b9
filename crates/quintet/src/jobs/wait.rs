//! Waiting for a job to end.

use super::row::{base_state, is_over};
use crate::client::{Client, ClientError};
use reqwest::Method;
use slurm_wire::job_info::{JobInfo, JobInfoResp};
use std::process::ExitCode;
use std::time::Duration;

/// Waits until a job, or all tasks of an array, have ended, and returns the exit code sbatch would: the job's own, the
/// largest one of an array's tasks, 1 for whatever did not end by itself.
pub(crate) async fn wait_for(client: &Client, id: u32) -> anyhow::Result<ExitCode> {
    let mut pause = Duration::from_millis(100);
    let mut worst = 0;
    loop {
        let answer = client.slurm::<JobInfoResp>(Method::GET, &format!("/job/{id}"), &[], None).await;
        match answer {
            Ok(answer) => {
                let jobs = &answer.value.jobs;
                worst = jobs.iter().filter(|job| is_over(job)).map(code_of).fold(worst, u8::max);
                if jobs.iter().all(is_over) {
                    return Ok(ExitCode::from(worst));
                }
            }
            // It has been over for so long that it is history.
            Err(error) if error.is_not_found() => return Ok(ExitCode::from(worst)),
            // The service may be restarting; the job goes on meanwhile.
            Err(ClientError::Unreachable { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

fn code_of(job: &JobInfo) -> u8 {
    let code = job.exit_code.return_code.number().unwrap_or(0);
    let code = u8::try_from(code).unwrap_or(u8::MAX);
    if code == 0 && base_state(job) != "COMPLETED" { 1 } else { code }
}
