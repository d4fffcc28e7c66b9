//! Makes a launch of a job: who, where, with what limits and files.

use super::around::Around;
use super::commands;
use super::environment::{self, Gpus};
use super::processes::Processes;
use super::report::run_of;
use domain::Text;
use domain::cluster::{Cluster, Node};
use domain::job::{Allocation, End, Job, NodeShare, OpenMode, Payload, Running};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use supervise::users::Users;
use supervise::{Credentials, Launch, Limits, Resource, Rlimit, Script, Stream, current_rlimit};

/// Slurm's file mode mask for jobs that give none.
const UMASK: u32 = 0o022;
const MEGABYTE: u64 = 1 << 20;

/// What of the machine and the configuration matters to every launch.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// Where scripts are written.
    pub(super) spool: PathBuf,
    /// The folder of commands that jobs find first on their `PATH`.
    pub(super) commands: Option<PathBuf>,
    /// The kernel holds jobs to their memory.
    pub(super) limit_memory: bool,
    /// The machine's CPUs, if jobs are bound to theirs.
    pub(super) bind_to: Option<Vec<u32>>,
    /// The server may start programs as other users.
    pub(super) may_switch_user: bool,
    /// Devices not given to a job are out of its sight.
    pub(super) hides_devices: bool,
    /// How far jobs may multiply.
    pub(super) processes: Processes,
    /// What is around every job.
    pub(super) around: Around,
    /// This service's own name for what it makes on the machine.
    pub(super) instance: String,
}

/// Why there is no launch, in words for the job's owner.
#[derive(Debug)]
pub(super) enum NoLaunch {
    /// The job asks for what there is not.
    Refused(String),
    /// It may be possible later: the machine does not know its user, perhaps because a directory cannot be asked now.
    NotNow(String),
}

impl NoLaunch {
    /// Says why.
    pub(super) fn why(self) -> String {
        match self {
            NoLaunch::Refused(why) | NoLaunch::NotNow(why) => why,
        }
    }

    /// Makes the end that this is of the attempt.
    pub(super) fn end(self) -> End {
        match self {
            NoLaunch::Refused(why) => End::NotStarted(Text::from(why)),
            NoLaunch::NotNow(why) => End::LaunchFailed(Text::from(why)),
        }
    }
}

impl From<&str> for NoLaunch {
    fn from(why: &str) -> Self {
        NoLaunch::Refused(why.to_owned())
    }
}

/// Makes the launch of a job's present attempt.
///
/// # Errors
/// If it cannot be started.
pub(super) fn launch(
    job: &Job,
    payload: &Payload,
    components: &[Arc<Job>],
    cluster: &Cluster,
    users: &Users,
    surroundings: &Surroundings,
) -> Result<Launch, NoLaunch> {
    let no_resources = || NoLaunch::from("the job has no resources");
    let run = job.run().ok_or_else(no_resources)?;
    let share = run.allocation.nodes.first().ok_or_else(no_resources)?;
    let node = cluster.node(share.node).ok_or_else(no_resources)?;
    let around = &surroundings.around;
    let uncommon = job.spec.uncommon();
    let folder = format!("job{:05}.{}", job.id.0, job.restarts);
    let script = surroundings.spool.join(folder).join("slurm_script");
    let arguments = payload.arguments.iter().map(|argument| OsString::from(argument.as_str()));
    let argv = std::iter::once(script.clone().into_os_string()).chain(arguments);
    let argv = around.of_script().into_iter().chain(argv);
    let id = run_of(job.id, job.restarts);
    if !job.runs_script() {
        let mut launch = Launch::place(id);
        launch.user = user(job, users, surroundings)?;
        launch.limits = limits(job, run, components, cluster, surroundings);
        launch.hooks = around.hooks(job, run, cluster, &Gpus::of(node, share, surroundings.hides_devices));
        launch.private = around.private(job, &surroundings.instance)?;
        return Ok(launch);
    }
    let mut launch = Launch::new(id, argv);
    let gpus = Gpus::of(node, share, surroundings.hides_devices);
    launch.env = environment::environment(job, run, payload, cluster, &gpus, components)
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    if let Some(commands) = &surroundings.commands {
        commands::put_first(commands, &mut launch.env);
    }
    launch.cwd = PathBuf::from(job.spec.work_dir.as_str());
    launch.refuge = Some(PathBuf::from("/tmp"));
    launch.user = user(job, users, surroundings)?;
    let mask = passed_on(payload, "SLURM_UMASK=").next().and_then(|mask| u32::from_str_radix(mask, 8).ok());
    launch.umask = uncommon.umask.or(mask).unwrap_or(UMASK) & 0o777;
    launch.rlimits = rlimits(payload, &uncommon.rlimits);
    surroundings.processes.lower(&mut launch.rlimits);
    (launch.stdin, launch.stdout, launch.stderr) = streams(job, node, cluster.limits.append_output);
    launch.script = Some(Script { path: script, content: payload.script.to_vec() });
    launch.limits = limits(job, run, components, cluster, surroundings);
    launch.hooks = around.hooks(job, run, cluster, &gpus);
    launch.private = around.private(job, &surroundings.instance)?;
    Ok(launch)
}

/// Says whom a job's programs become; none where they are of the service's own user already. Without root nobody else's
/// job is run, but those of users that the configuration alone knows: whom they stand for is its author's affair.
///
/// # Errors
/// If the job cannot be run as its user.
pub(super) fn user(
    job: &Job,
    users: &Users,
    surroundings: &Surroundings,
) -> Result<Option<Credentials>, NoLaunch> {
    let (owner, known) = (&job.spec.owner, &surroundings.around.known_users);
    if surroundings.may_switch_user {
        return credentials(job, users, known).map(Some).map_err(NoLaunch::NotNow);
    }
    let is_own = owner.uid.0 == supervise::users::own_uid() || known.contains_key(&owner.uid.0);
    is_own.then_some(None).ok_or_else(|| {
        NoLaunch::Refused(format!(
            "this service does not run as root: it can run jobs of its own user only, not of {}",
            owner.name
        ))
    })
}

/// Says who the job is. A locked account or one without a shell does no harm to a job; an unknown number does: nobody
/// knows whose files it would reach.
fn credentials(job: &Job, users: &Users, known: &BTreeMap<u32, Vec<u32>>) -> Result<Credentials, String> {
    let owner = &job.spec.owner;
    let groups = match (users.by_uid(owner.uid.0), known.get(&owner.uid.0)) {
        (Some(user), _) => users.credentials(&user).groups,
        (None, Some(groups)) => {
            let mut groups: Vec<u32> = groups.iter().copied().chain([owner.gid.0]).collect();
            groups.sort_unstable();
            groups.dedup();
            groups
        }
        (None, None) => {
            return Err(format!("user {} ({}) is not known to this machine any more", owner.name, owner.uid));
        }
    };
    Ok(Credentials { uid: owner.uid.0, gid: owner.gid.0, groups })
}

fn streams(job: &Job, node: &Node, appends: bool) -> (Stream, Stream, Stream) {
    let path = |pattern: &str| PathBuf::from(job.stream_path(pattern, &node.name).as_str());
    let stdin = match job.spec.streams.input.as_str() {
        "" => Stream::Null,
        pattern => Stream::Read(path(pattern)),
    };
    let open = match job.spec.streams.open_mode {
        OpenMode::Append => Stream::Append,
        OpenMode::Truncate => Stream::Truncate,
        // What an earlier attempt has written is not lost.
        OpenMode::Default if appends || job.restarts > 0 => Stream::Append,
        OpenMode::Default => Stream::Truncate,
    };
    let output = path(job.output_pattern());
    let stderr = match job.spec.streams.error.as_str() {
        "" => Stream::SameAsStdout,
        pattern if path(pattern) == output => Stream::SameAsStdout,
        pattern => open(path(pattern)),
    };
    (stdin, open(output), stderr)
}

/// The rest of the lines of a submitted environment that begin like this.
fn passed_on<'a>(payload: &'a Payload, start: &'a str) -> impl Iterator<Item = &'a str> {
    payload.environment.iter().filter_map(move |line| line.strip_prefix(start))
}

/// The limits a job was sent with, by variables as sbatch sends them or by name, which counts more.
fn rlimits(payload: &Payload, named: &[(Text, Option<u64>)]) -> Vec<Rlimit> {
    let sent = passed_on(payload, "SLURM_RLIMIT_").filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let soft: u64 = value.parse().ok()?;
        rlimit(name, (soft != u64::MAX).then_some(soft))
    });
    let mut limits: Vec<Rlimit> = named.iter().filter_map(|(name, soft)| rlimit(name, *soft)).collect();
    for limit in sent {
        if !limits.iter().any(|known| known.resource == limit.resource) {
            limits.push(limit);
        }
    }
    limits
}

/// Makes a soft limit, kept within the hard one in force.
fn rlimit(name: &str, soft: Option<u64>) -> Option<Rlimit> {
    let Some(resource) = Resource::from_name(name) else {
        tracing::debug!(name, "unknown resource limit");
        return None;
    };
    let (_, hard) = current_rlimit(resource);
    let soft = match (soft, hard) {
        (Some(soft), Some(hard)) => Some(soft.min(hard)),
        (None, hard) => hard,
        (soft, None) => soft,
    };
    Some(Rlimit { resource, soft, hard })
}

/// What a run may take: what the job has on all its nodes together, as its steps run there too; a leader's run what all
/// components have.
pub(super) fn limits(
    job: &Job,
    run: &Running,
    components: &[Arc<Job>],
    cluster: &Cluster,
    surroundings: &Surroundings,
) -> Limits {
    let others = components.iter().skip(1).filter_map(|job| job.held_resources());
    let allocations: Vec<&Arc<Allocation>> = std::iter::once(&run.allocation).chain(others).collect();
    let shares: Vec<&NodeShare> = allocations.iter().flat_map(|allocation| &allocation.nodes).collect();
    let memory: u64 = allocations.iter().map(|allocation| allocation.memory()).sum();
    let counted = surroundings.limit_memory && shares.iter().all(|share| share.memory > 0);
    let bound = surroundings.bind_to.as_ref().map(|machine| {
        let cpus = shares.iter().flat_map(|share| share.cpus.iter());
        let mut cpus: Vec<u32> = cpus.filter_map(|cpu| machine.get(cpu as usize).copied()).collect();
        cpus.sort_unstable();
        cpus.dedup();
        cpus
    });
    Limits {
        memory: counted.then(|| memory.saturating_mul(MEGABYTE)),
        cpus: bound.filter(|cpus| !cpus.is_empty()),
        pids: surroundings.processes.of_job,
        deny_devices: denied(&shares, cluster),
        die_together: job.spec.uncommon().oom_kill_step,
        ..Limits::default()
    }
}

/// Returns the device files of all nodes that were not given to the job: nodes may be virtual, and the machine is one.
fn denied(shares: &[&NodeShare], cluster: &Cluster) -> Vec<PathBuf> {
    let mut given: BTreeSet<&str> = BTreeSet::new();
    for share in shares {
        let Some(node) = cluster.node(share.node) else { continue };
        for (gres, units) in share.gres.iter().filter_map(|part| Some((node.gres.get(part.at)?, &part.units)))
        {
            given.extend(units.iter().filter_map(|unit| gres.files.get(unit as usize)).map(Text::as_str));
        }
    }
    let all = cluster.nodes.iter().flat_map(|node| &node.gres).flat_map(|gres| &gres.files);
    let denied: BTreeSet<&str> = all.map(Text::as_str).filter(|file| !given.contains(file)).collect();
    denied.into_iter().map(PathBuf::from).collect()
}
