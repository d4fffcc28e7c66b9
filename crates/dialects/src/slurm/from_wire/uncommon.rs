//! What few submissions say.

use super::binding::{self, bits, cpu_frequency};
use super::resources::number;
use super::{Refusal, request, tres};
use domain::job::{Constraint, Uncommon};
use domain::{Problem, Text};
use slurm_wire::error_number;
use slurm_wire::job_desc::JobDescMsg;

/// How long a job waits for the switches it asked for when it does not say, seconds.
const SWITCH_WAIT: u32 = 300;
/// Every how many seconds jobs are measured: none can ask for less.
const SAMPLED_EVERY: u32 = 5;

/// Reads them; `None` where everything is as usual.
pub(super) fn uncommon(job: &JobDescMsg) -> Result<Option<Box<Uncommon>>, Refusal> {
    let mut read = Uncommon::default();
    texts(&mut read, job);
    resources(&mut read, job)?;
    switches(&mut read, job);
    processes(&mut read, job)?;
    Ok((read != Uncommon::default()).then(|| Box::new(read)))
}

fn texts(read: &mut Uncommon, job: &JobDescMsg) {
    for (into, given) in [
        (&mut read.admin_comment, &job.admin_comment),
        (&mut read.extra, &job.extra),
        (&mut read.mail_user, &job.mail_user),
        (&mut read.reservation, &job.reservation),
        (&mut read.licenses, &job.licenses),
        (&mut read.batch_features, &job.batch_features),
        (&mut read.cluster_features, &job.cluster_constraint),
        (&mut read.clusters, &job.clusters),
        (&mut read.network, &job.network),
        (&mut read.burst_buffer, &job.burst_buffer),
        (&mut read.container, &job.container),
        (&mut read.container_id, &job.container_id),
        (&mut read.mcs_label, &job.mcs_label),
        (&mut read.selinux_context, &job.selinux_context),
        (&mut read.cpu_binding, &job.cpu_binding),
        (&mut read.memory_binding, &job.memory_binding),
    ] {
        *into = request::text(given.as_ref());
    }
    read.mail_types = job.mail_type.as_ref().map(request::mail_types).unwrap_or_default();
}

fn resources(read: &mut Uncommon, job: &JobDescMsg) -> Result<(), Refusal> {
    let shown = |list: &Option<Text>| tres::shown(list.as_deref().unwrap_or_default());
    read.tres_per_job = shown(&job.tres_per_job);
    read.tres_per_node = shown(&job.tres_per_node);
    read.tres_per_socket = shown(&job.tres_per_socket);
    read.tres_per_task = shown(&job.tres_per_task);
    read.cpus_per_tres = shown(&job.cpus_per_tres);
    read.memory_per_tres = shown(&job.memory_per_tres);
    read.tres_bind = request::text(job.tres_bind.as_ref());
    read.tres_freq = request::text(job.tres_freq.as_ref());
    tres::check_binding(&read.tres_bind)?;
    tres::check_frequency(&read.tres_freq)?;
    let prefer = request::constraint(job.prefer.as_deref().unwrap_or_default());
    read.prefer = prefer.map_err(|_| Problem::BadPreference(request::text(job.prefer.as_ref())))?;
    batch_features(job)?;
    read.core_spec = job.core_specification.map(|cores| cores.0 & 0x7fff).filter(|cores| *cores > 0);
    read.thread_spec =
        job.thread_specification.map(|threads| threads.0 & 0x7fff).filter(|threads| *threads > 0);
    read.tasks_per_tres = job.ntasks_per_tres.unwrap_or(0);
    read.segment_size = number(job.segment_size).unwrap_or(0);
    read.switches = number(job.required_switches).unwrap_or(0);
    read.switch_wait = match (read.switches, job.wait_for_switch) {
        (0, _) => 0,
        (_, seconds) => seconds.unwrap_or(SWITCH_WAIT),
    };
    Ok(())
}

/// The features of the first node must be among those of all.
fn batch_features(job: &JobDescMsg) -> Result<(), Refusal> {
    let written = job.batch_features.as_deref().unwrap_or_default();
    let Some(batch) = request::constraint(written)? else { return Ok(()) };
    let all = request::constraint(job.constraints.as_deref().unwrap_or_default())?;
    let all: Vec<&Text> = all.as_ref().map(Constraint::features).unwrap_or_default();
    if batch.features().iter().all(|feature| all.contains(feature)) {
        return Ok(());
    }
    Err(Refusal::Number(2114, "Job --batch option is invalid or not a subset of --constraint"))
}

fn switches(read: &mut Uncommon, job: &JobDescMsg) {
    read.reboot = job.reboot.unwrap_or(false);
    read.wait_all_nodes = job.wait_all_nodes.unwrap_or(false);
    read.oom_kill_step = job.oom_kill_step.is_some_and(|kill| kill != 0);
    read.delay_boot = job.delay_boot.unwrap_or(0);
    read.reserve_ports = job.reserve_ports.unwrap_or(0);
    read.site_factor = job.site_factor.unwrap_or(0);
    let narrow = |bits: u64| u16::try_from(bits).unwrap_or(0);
    read.profile = job.profile.as_ref().map_or(0, |profile| narrow(bits(profile)));
    read.memory_binding_flags = job.memory_binding_type.as_ref().map_or(0, |flags| narrow(bits(flags)));
    let wide = |bits: u64| u32::try_from(bits).unwrap_or(0);
    read.cpu_binding_flags = job.cpu_binding_flags.as_ref().map_or(0, |flags| wide(bits(flags)));
}

fn processes(read: &mut Uncommon, job: &JobDescMsg) -> Result<(), Refusal> {
    read.cpu_frequency = job.cpu_frequency.as_ref().and_then(|text| cpu_frequency(text));
    read.rlimits = job.rlimits.as_ref().map(binding::rlimits).unwrap_or_default();
    read.accounting_frequency = accounting_frequency(job)?;
    let plane = number(job.distribution_plane_size);
    read.distribution = match (&job.distribution, plane) {
        (Some(distribution), _) => distribution.0.clone(),
        (None, Some(size)) => Text::from(format!("plane={size}")),
        (None, None) => Text::default(),
    };
    Ok(())
}

/// A job cannot be measured less often than the service does, nor not at all.
fn accounting_frequency(job: &JobDescMsg) -> Result<Text, Refusal> {
    let written = request::text(job.account_gather_frequency.as_ref());
    let of_tasks = written.split(',').find_map(|part| match part.split_once('=') {
        Some((name, seconds)) => name.eq_ignore_ascii_case("task").then(|| seconds.parse().unwrap_or(0)),
        None => part.parse::<u32>().ok(),
    });
    match of_tasks {
        Some(seconds) if seconds == 0 || seconds > SAMPLED_EVERY => Err(Refusal::Number(
            error_number::ACCOUNTING_FREQUENCY,
            slurm_wire::error_number::text(error_number::ACCOUNTING_FREQUENCY),
        )),
        _ => Ok(written),
    }
}
