//! `quintet show`: everything about one job, node or partition that somebody may want to know.

use super::row::{base_state, elapsed, exit_code, is_over, job_id, short_time, state};
use super::{JobName, Part};
use crate::client::{Client, ClientArgs};
use crate::sheet::{Sheet, minutes, size, time};
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use reqwest::Method;
use slurm_wire::NoVal;
use slurm_wire::job_info::{JobInfo, JobInfoResp};
use slurm_wire::node::{Node, NodesResp};
use slurm_wire::partition::{PartitionInfo, PartitionResp};
use std::process::ExitCode;

/// Arguments of `quintet show`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ShowArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum What {
    /// A job, an array or one of its tasks
    Job(NamedArgs),
    /// A node
    Node(NamedArgs),
    /// A partition
    Partition(NamedArgs),
}

#[derive(clap::Args, Clone, Debug)]
struct NamedArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Its number or name
    #[arg(value_name = "ID")]
    id: String,
}

/// Shows it.
pub(crate) async fn run(args: ShowArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Job(args) => job(args, terminal).await,
        What::Node(args) => node(args, terminal).await,
        What::Partition(args) => partition(args, terminal).await,
    }
}

async fn job(args: NamedArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let id = JobName::parse(&args.id)?;
    let client = Client::open(&args.client)?;
    let answer = client.slurm::<JobInfoResp>(Method::GET, &format!("/job/{}", id.number), &[], None).await;
    let answer = match answer {
        Err(error) if error.is_not_found() => {
            return super::history::show(&client, &id, args.client.json, terminal).await;
        }
        other => other.with_context(|| format!("show job {}", args.id))?,
    };
    if args.client.json {
        terminal.print_json(&answer.text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = answer.value.last_update.unwrap_or(0);
    let wanted = |job: &&JobInfo| match id.part {
        Some(Part::Task(task)) => job.array_task_id.number() == Some(task),
        Some(Part::Component(offset)) => job.het_job_offset.number() == Some(offset),
        None => true,
    };
    let mut sheets: Vec<Sheet> =
        answer.value.jobs.iter().filter(wanted).map(|job| job_sheet(job, now)).collect();
    if sheets.is_empty() && matches!(id.part, Some(Part::Task(_))) {
        // A task that still waits has no record of its own, only its array has.
        sheets = answer
            .value
            .jobs
            .iter()
            .filter(|job| job.array_task_id.number().is_none())
            .map(|job| job_sheet(job, now))
            .collect();
    }
    if sheets.is_empty() {
        bail!("no job {}", args.id);
    }
    terminal.print(&sheets.iter().map(Sheet::written).collect::<Vec<_>>().join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn job_sheet(job: &JobInfo, now: u64) -> Sheet {
    let mut sheet = Sheet::new(&format!("Job {}", job_id(job)));
    sheet.add("Name", &job.name);
    sheet.add("State", &state(job));
    let waits = base_state(job) == "PENDING";
    if waits || job.state_reason != "None" {
        sheet.add("Reason", &job.state_reason);
    }
    sheet.add("Description", &job.state_description);
    if is_over(job) {
        sheet.add("Exit code", &exit_code(job));
    }
    sheet.add("User", &format!("{} ({})", job.user_name, job.user_id));
    sheet.add("Group", &format!("{} ({})", job.group_name, job.group_id));
    sheet.add("Account", &job.account);
    sheet.add("QOS", &job.qos);
    sheet.add("Wckey", &job.wckey);
    sheet.add("Partition", &job.partition);
    sheet.add("Reservation", &job.resv_name);
    sheet.add("Priority", &job.priority.unwrap_or(0).to_string());
    sheet.add("Nice", &if job.nice == 0 { String::new() } else { job.nice.to_string() });
    sheet.add("Dependency", &job.dependency);
    times(&mut sheet, job, now);
    resources(&mut sheet, job);
    sheet.add("Restarts", &if job.restart_cnt == 0 { String::new() } else { job.restart_cnt.to_string() });
    sheet.add("Command", &job.command);
    sheet.add("Submitted with", &job.submit_line);
    sheet.add("Directory", &job.current_working_directory);
    let expanded = |written: &str, expanded: &str| {
        if expanded.is_empty() { written.to_owned() } else { expanded.to_owned() }
    };
    sheet.add("Standard input", &expanded(&job.standard_input, &job.stdin_expanded));
    sheet.add("Standard output", &expanded(&job.standard_output, &job.stdout_expanded));
    sheet.add("Standard error", &expanded(&job.standard_error, &job.stderr_expanded));
    sheet.add("Comment", &job.comment);
    sheet.add("Remark of an administrator", &job.admin_comment);
    sheet.add("Extra", &job.extra);
    sheet.add("Mail", &job.mail_type.names().collect::<Vec<_>>().join(","));
    sheet.add("Mail to", &if job.mail_type.is_empty() { String::new() } else { job.mail_user.to_string() });
    sheet
}

fn times(sheet: &mut Sheet, job: &JobInfo, now: u64) {
    sheet.add("Submitted", &time(job.submit_time));
    sheet.add("Eligible", &time(job.eligible_time));
    let (over, waits) = (is_over(job), base_state(job) == "PENDING");
    sheet.add(if waits { "Expected start" } else { "Started" }, &time(job.start_time));
    if over {
        sheet.add("Ended", &time(job.end_time));
    } else if !waits {
        sheet.add("Ends at the latest", &time(job.end_time));
    }
    if !waits {
        sheet.add("Ran", &short_time(elapsed(job, now)));
    }
    sheet.add("Deadline", &time(job.deadline));
    sheet.add("Time limit", &minutes(job.time_limit));
    sheet.add(
        "Least time",
        &if job.time_minimum.is_given() { minutes(job.time_minimum) } else { String::new() },
    );
}

fn resources(sheet: &mut Sheet, job: &JobInfo) {
    sheet.add("Nodes", &job.nodes);
    sheet.add("Node count", &job.node_count.unwrap_or(0).to_string());
    sheet.add("CPUs", &job.cpus.unwrap_or(0).to_string());
    sheet.add("Tasks", &job.tasks.unwrap_or(0).to_string());
    sheet
        .add("CPUs per task", &job.cpus_per_task.number().map(|count| count.to_string()).unwrap_or_default());
    sheet.add("Memory per CPU", &memory(job.memory_per_cpu));
    sheet.add("Memory per node", &memory(job.memory_per_node));
    sheet.add("Asked for", &job.tres_req_str);
    sheet.add("Given", &job.tres_alloc_str);
    sheet.add(
        "Generic resources",
        &job.gres_detail.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    );
    sheet.add("Licences", &job.licenses);
    sheet.add("Features", &job.features);
    sheet.add("Nodes wanted", &job.required_nodes);
    sheet.add("Nodes not wanted", &job.excluded_nodes);
}

async fn node(args: NamedArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let client = Client::open(&args.client)?;
    let path = format!("/node/{}", path_part(&args.id));
    // An unknown node is an answer of status 200 with an error in it: the client makes that an error.
    let answer = client.slurm::<NodesResp>(Method::GET, &path, &[], None).await;
    let answer = answer.with_context(|| format!("show node {}", args.id))?;
    if args.client.json {
        terminal.print_json(&answer.text)?;
        return Ok(ExitCode::SUCCESS);
    }
    if answer.value.nodes.is_empty() {
        bail!("there is no node {}", args.id);
    }
    let sheets: Vec<String> = answer.value.nodes.iter().map(|node| node_sheet(node).written()).collect();
    terminal.print(&sheets.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn node_sheet(node: &Node) -> Sheet {
    let mut sheet = Sheet::new(&format!("Node {}", node.name));
    sheet.add("State", &node.state.names().collect::<Vec<_>>().join("+"));
    sheet.add("Reason", &node.reason);
    if !node.reason.is_empty() {
        sheet
            .add("Reason given", &format!("{} by {}", time(node.reason_changed_at), node.reason_set_by_user));
    }
    sheet.add("Partitions", &node.partitions.joined());
    sheet.add("CPUs", &format!("{} of {} in use", node.alloc_cpus, node.cpus));
    let shape = format!("{} sockets of {} cores of {} threads", node.sockets, node.cores, node.threads);
    sheet.add("Layout", &shape);
    let whole = |megabytes: i64| size(u64::try_from(megabytes).unwrap_or(0));
    sheet.add("Memory", &format!("{} of {} in use", whole(node.alloc_memory), whole(node.real_memory)));
    sheet.add("Temporary disk", &size(node.temporary_disk.into()));
    sheet.add("Generic resources", &node.gres);
    sheet.add("Of them in use", &node.gres_used);
    sheet.add("Features", &node.features.joined());
    sheet.add("Weight", &node.weight.to_string());
    sheet.add("Host", &node.hostname);
    sheet.add("Address", &node.address);
    sheet.add("System", &format!("{} {}", node.operating_system, node.architecture));
    sheet.add("Booted", &time(node.boot_time));
    sheet.add("Comment", &node.comment);
    sheet.add("Extra", &node.extra);
    sheet
}

async fn partition(args: NamedArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let client = Client::open(&args.client)?;
    let path = format!("/partition/{}", path_part(&args.id));
    let answer = client.slurm::<PartitionResp>(Method::GET, &path, &[], None).await;
    let answer = answer.with_context(|| format!("show partition {}", args.id))?;
    if args.client.json {
        terminal.print_json(&answer.text)?;
        return Ok(ExitCode::SUCCESS);
    }
    if answer.value.partitions.is_empty() {
        bail!("there is no partition {}", args.id);
    }
    let sheets: Vec<String> =
        answer.value.partitions.iter().map(|partition| partition_sheet(partition).written()).collect();
    terminal.print(&sheets.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn partition_sheet(partition: &PartitionInfo) -> Sheet {
    let mut sheet = Sheet::new(&format!("Partition {}", partition.name));
    sheet.add("State", &partition.partition.state.names().collect::<Vec<_>>().join("+"));
    sheet.add("Nodes", &partition.nodes.configured);
    sheet.add("Node count", &partition.nodes.total.to_string());
    sheet.add("CPUs", &partition.cpus.total.to_string());
    sheet.add("Longest run", &minutes(partition.maximums.time));
    sheet.add(
        "Default run",
        &if partition.defaults.time.is_given() { minutes(partition.defaults.time) } else { String::new() },
    );
    let count =
        |number: NoVal<u32>| number.number().map_or_else(|| "no limit".to_owned(), |count| count.to_string());
    sheet.add("Most nodes of a job", &count(partition.maximums.nodes));
    sheet.add("Fewest nodes of a job", &partition.minimums.nodes.to_string());
    sheet.add("Default memory per CPU", &memory(partition.defaults.partition_memory_per_cpu));
    sheet.add("Default memory per node", &memory(partition.defaults.partition_memory_per_node));
    sheet.add("Most memory per CPU", &memory(partition.maximums.partition_memory_per_cpu));
    sheet.add("Most memory per node", &memory(partition.maximums.partition_memory_per_node));
    sheet.add("Tier", &partition.priority.tier.to_string());
    sheet.add("Only groups", &partition.groups.allowed);
    sheet.add("Only accounts", &partition.accounts.allowed);
    sheet.add("Not accounts", &partition.accounts.deny);
    sheet.add("Only QOS", &partition.qos.allowed);
    sheet.add("Not QOS", &partition.qos.deny);
    sheet
}

/// Writes megabytes; where zero stands for "whatever there is", there is nothing to tell.
fn memory(megabytes: NoVal<u64>) -> String {
    megabytes.number().filter(|megabytes| *megabytes > 0).map(size).unwrap_or_default()
}

/// Encodes a name as one part of a path.
pub(crate) fn path_part(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
