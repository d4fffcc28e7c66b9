//! How long the texts of a job may be. Lists are read item by item and compared with one another, and every text is kept
//! with its job and shown with it: without a bound one request could keep the service busy, or fill its memory.

use domain::{Problem, Text};
use slurm_wire::job_desc::JobDescMsg;

/// Words and lists, in bytes (asked of Slurm 26.05).
const LIST: usize = 1024;
/// Names of files, in bytes (asked as well).
const PATH: usize = 4096;
/// Wishes for burst buffers, in bytes (asked as well).
const BUFFER: usize = 8192;
/// What the original takes at any length, or finds another fault with first; in bytes.
const ANY: usize = 16 << 10;

/// Checks that no text of a job is longer than it may be, before any of them is read.
///
/// # Errors
/// [`Problem::TooLong`] with the name of the first that is.
pub(super) fn check(job: &JobDescMsg) -> Result<(), Problem> {
    let texts: [(&'static str, &Option<Text>, usize); 30] = [
        ("partition", &job.partition, LIST),
        ("constraints", &job.constraints, LIST),
        ("prefer", &job.prefer, LIST),
        ("reservation", &job.reservation, LIST),
        ("cluster_constraint", &job.cluster_constraint, LIST),
        ("tres_per_job", &job.tres_per_job, LIST),
        ("tres_per_node", &job.tres_per_node, LIST),
        ("tres_per_socket", &job.tres_per_socket, LIST),
        ("tres_per_task", &job.tres_per_task, LIST),
        ("cpus_per_tres", &job.cpus_per_tres, LIST),
        ("memory_per_tres", &job.memory_per_tres, LIST),
        ("tres_bind", &job.tres_bind, LIST),
        ("tres_freq", &job.tres_freq, LIST),
        ("extra", &job.extra, LIST),
        ("network", &job.network, LIST),
        ("standard_input", &job.standard_input, PATH),
        ("standard_output", &job.standard_output, PATH),
        ("standard_error", &job.standard_error, PATH),
        ("current_working_directory", &job.current_working_directory, PATH),
        ("burst_buffer", &job.burst_buffer, BUFFER),
        ("licenses", &job.licenses, ANY),
        ("batch_features", &job.batch_features, ANY),
        ("clusters", &job.clusters, ANY),
        ("container", &job.container, ANY),
        ("container_id", &job.container_id, ANY),
        ("cpu_binding", &job.cpu_binding, ANY),
        ("memory_binding", &job.memory_binding, ANY),
        ("account_gather_frequency", &job.account_gather_frequency, ANY),
        ("selinux_context", &job.selinux_context, ANY),
        ("admin_comment", &job.admin_comment, ANY),
    ];
    let is_too_long = |(_, text, most): &&(&str, &Option<Text>, usize)| {
        text.as_ref().is_some_and(|text| text.len() > *most)
    };
    match texts.iter().find(is_too_long) {
        Some((name, ..)) => Err(Problem::TooLong(Text::const_new(name))),
        None => Ok(()),
    }
}
