//! Every field of sacct that is known here.

use super::line::{Line, Sizes, amount, cpu_time, exit, in_units, moment, point, resources};
use crate::columns::Field;
use slurm_wire::NoVal;
use slurm_wire::accounting::step::{Step, StepTaskTres};
use slurm_wire::accounting::tres::Tres;
use slurm_wire::time_text::show_seconds;
use slurm_wire::words::{AccountingJobFlag, WckeyTagFlag};

/// What is shown where nothing is asked for.
pub(super) const USUAL: &str = "jobid,jobname,partition,account,alloccpus,state,exitcode";
/// What is shown in brief.
pub(super) const BRIEF: &str = "jobid,state,exitcode";
/// What is shown at length.
pub(super) const LONG: &str = "jobid,jobidraw,jobname,partition,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,\
    maxrss,maxrssnode,maxrsstask,averss,maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,mincputask,\
    avecpu,ntasks,alloccpus,elapsed,state,exitcode,avecpufreq,reqcpufreqmin,reqcpufreqmax,reqcpufreqgov,reqmem,\
    consumedenergy,maxdiskread,maxdiskreadnode,maxdiskreadtask,avediskread,maxdiskwrite,maxdiskwritenode,\
    maxdiskwritetask,avediskwrite,reqtres,alloctres,tresusageinave,tresusageinmax,tresusageinmaxnode,\
    tresusageinmaxtask,tresusageinmin,tresusageinminnode,tresusageinmintask,tresusageintot,tresusageoutmax,\
    tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutave,tresusageouttot";

const fn field(name: &'static [&'static str; 1], width: i32, value: fn(&Line) -> String) -> Field<Line> {
    Field { names: name, header: name[0], width, value }
}

fn shown<T: ToString>(value: T) -> String {
    value.to_string()
}

/// Finds one of a step's amounts, by kind.
fn of(list: &[StepTaskTres], kind: &str) -> Option<(u64, u32, String)> {
    let one = list.iter().find(|one| one.kind == kind)?;
    Some((u64::try_from(one.count.0).unwrap_or(0), one.task, one.node.to_string()))
}

/// Writes the size of one of the amounts that a step used.
fn size(line: &Line, list: fn(&Step) -> Option<u64>) -> String {
    line.step().and_then(list).map(|bytes| line.size(bytes)).unwrap_or_default()
}

/// Writes what was read or written, in megabytes.
fn megabytes(line: &Line, list: fn(&Step) -> Option<u64>) -> String {
    let bytes = line.step().and_then(list);
    let written = |bytes: u64| match line.sizes {
        Sizes::Exact => bytes.to_string(),
        Sizes::In(_) => line.size(bytes),
        // The nearest hundredth is as much as anybody wants to know.
        Sizes::Fitting => format!("{:.2}M", bytes as f64 / f64::from(1 << 20)),
    };
    bytes.map(written).unwrap_or_default()
}

/// Writes the node or the task that used most of something.
fn place(line: &Line, found: fn(&Step) -> Option<(u64, u32, String)>, is_task: bool) -> String {
    let found = line.step().and_then(found);
    found.map(|(_, task, node)| if is_task { task.to_string() } else { node }).unwrap_or_default()
}

fn seconds_of(milliseconds: u64) -> String {
    show_seconds(milliseconds / 1000)
}

/// Writes amounts that were used; time and sizes as such.
fn usage<'a>(amounts: impl Iterator<Item = (&'a str, &'a str, i64)>) -> String {
    let mut all: Vec<String> = amounts
        .map(|(kind, name, count)| {
            let count = u64::try_from(count).unwrap_or(0);
            match (kind, name) {
                ("cpu", _) => format!("cpu={}", seconds_of(count)),
                ("mem" | "vmem", _) => format!("{kind}={}", in_units(count, 0)),
                (_, "") => format!("{kind}={count}"),
                _ => format!("{kind}/{name}={count}"),
            }
        })
        .collect();
    all.sort();
    all.join(",")
}

fn used(list: &[Tres]) -> String {
    usage(list.iter().map(|one| (one.kind.as_str(), one.name.as_str(), one.count.0)))
}

fn used_of_task(list: &[StepTaskTres]) -> String {
    usage(list.iter().map(|one| (one.kind.as_str(), one.name.as_str(), one.count.0)))
}

/// Writes where most was used.
fn places(list: &[StepTaskTres], is_task: bool) -> String {
    let one = |one: &StepTaskTres| {
        let name =
            if one.name.is_empty() { one.kind.to_string() } else { format!("{}/{}", one.kind, one.name) };
        if is_task { format!("{name}={}", one.task) } else { format!("{name}={}", one.node) }
    };
    let mut all: Vec<String> = list.iter().map(one).collect();
    all.sort();
    all.join(",")
}

fn frequency(line: &Line, of_step: fn(&Step) -> NoVal<u32>) -> String {
    let told = |value: NoVal<u32>| value.number().map_or("Unknown".to_owned(), |number| number.to_string());
    line.of_either(|_| "Unknown".to_owned(), |step| told(of_step(step)))
}

fn uid(name: &str) -> String {
    uzers::get_user_by_name(name).map(|user| user.uid().to_string()).unwrap_or_default()
}

fn gid(name: &str) -> String {
    uzers::get_group_by_name(name).map(|group| group.gid().to_string()).unwrap_or_default()
}

/// Writes how the job came to its turn.
fn flags(line: &Line) -> String {
    let names = [
        (AccountingJobFlag::ClearScheduling, "ClearScheduling"),
        (AccountingJobFlag::StartedOnSubmit, "SchedSubmit"),
        (AccountingJobFlag::StartedOnSchedule, "SchedMain"),
        (AccountingJobFlag::StartedOnBackfill, "SchedBackfill"),
        (AccountingJobFlag::StartReceived, "StartReceived"),
        (AccountingJobFlag::JobAltered, "JobAltered"),
    ];
    let has = names.iter().filter(|(flag, _)| line.job.flags.contains(*flag));
    has.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
}

fn limit(minutes: NoVal<u32>) -> String {
    match minutes {
        NoVal::Set(minutes) => show_seconds(u64::from(minutes) * 60),
        NoVal::Infinite => "UNLIMITED".to_owned(),
        NoVal::Unset => "Partition_Limit".to_owned(),
    }
}

/// Writes CPU time, in the order of the wire: of the job and of a step.
fn times(line: &Line, of_job: fn(&Line) -> (i64, i64), of_step: fn(&Step) -> (i64, u32)) -> String {
    match line.step() {
        Some(step) => {
            let (seconds, microseconds) = of_step(step);
            cpu_time(seconds, i64::from(microseconds))
        }
        None => {
            let (seconds, microseconds) = of_job(line);
            cpu_time(seconds, microseconds)
        }
    }
}

fn planned(line: &Line) -> u64 {
    line.job.time.planned.number().unwrap_or(0)
}

/// All fields, by name.
pub(super) const FIELDS: &[Field<Line>] = &[
    field(&["Account"], 10, |line| shown(&line.job.account)),
    field(&["AdminComment"], 15, |line| line.of_job(|job| shown(&job.comment.administrator))),
    field(&["AllocCPUS"], 10, |line| shown(line.cpus())),
    field(&["AllocNodes"], 10, |line| {
        line.of_either(|job| shown(job.allocation_nodes), |step| shown(step.nodes.count))
    }),
    field(&["AllocTRES"], 10, |line| resources(line.allocated(), line.sizes)),
    field(&["AssocID"], 7, |line| shown(line.job.association.id)),
    field(&["AveCPU"], 10, |line| {
        line.of_step(|step| amount(&step.tres.requested.average, "cpu").map(seconds_of).unwrap_or_default())
    }),
    field(&["AveCPUFreq"], 10, |line| line.of_step(|step| shown(step.statistics.cpu.actual_frequency))),
    field(&["AveDiskRead"], 14, |line| megabytes(line, |step| amount(&step.tres.requested.average, "fs"))),
    field(&["AveDiskWrite"], 14, |line| megabytes(line, |step| amount(&step.tres.consumed.average, "fs"))),
    field(&["AvePages"], 10, |line| {
        line.of_step(|step| amount(&step.tres.requested.average, "pages").map(shown).unwrap_or_default())
    }),
    field(&["AveRSS"], 10, |line| size(line, |step| amount(&step.tres.requested.average, "mem"))),
    field(&["AveVMSize"], 10, |line| size(line, |step| amount(&step.tres.requested.average, "vmem"))),
    field(&["BlockID"], 16, |line| line.of_job(|job| shown(&job.block))),
    field(&["Cluster"], 10, |line| shown(&line.job.cluster)),
    field(&["Comment"], 14, |line| line.of_job(|job| shown(&job.comment.job))),
    field(&["Constraints"], 19, |line| line.of_job(|job| shown(&job.constraints))),
    field(&["ConsumedEnergy"], 14, |line| {
        let of_job = |_: &_| shown(amount(line.allocated(), "energy").unwrap_or(0));
        line.of_either(of_job, |step| shown(step.statistics.energy.consumed.number().unwrap_or(0)))
    }),
    field(&["ConsumedEnergyRaw"], 17, |line| {
        let of_job = |_: &_| shown(amount(line.allocated(), "energy").unwrap_or(0));
        line.of_either(of_job, |step| shown(step.statistics.energy.consumed.number().unwrap_or(0)))
    }),
    field(&["Container"], 19, |line| line.of_job(|job| shown(&job.container))),
    field(&["CPUTime"], 10, |line| show_seconds(line.cpu_time())),
    field(&["CPUTimeRAW"], 10, |line| shown(line.cpu_time())),
    field(&["DerivedExitCode"], 15, |line| line.of_job(|job| exit(&job.derived_exit_code))),
    field(&["Elapsed"], 10, |line| show_seconds(line.elapsed())),
    field(&["ElapsedRaw"], 10, |line| shown(line.elapsed())),
    field(&["Eligible"], 19, |line| {
        line.of_either(|job| moment(job.time.eligible), |step| point(step.time.start))
    }),
    field(&["End"], 19, |line| line.of_either(|job| moment(job.time.end), |step| point(step.time.end))),
    field(&["Exclusive"], 14, |line| line.of_job(|job| shown(&job.exclusive))),
    field(&["ExitCode"], 8, |line| line.of_either(|job| exit(&job.exit_code), |step| exit(&step.exit_code))),
    field(&["Extra"], 14, |line| line.of_job(|job| shown(&job.extra))),
    field(&["FailedNode"], 8, |line| line.of_job(|job| shown(&job.failed_node))),
    field(&["Flags"], 19, |line| line.of_job(|_| flags(line))),
    field(&["GID"], 6, |line| line.of_job(|job| gid(&job.group))),
    field(&["Group"], 9, |line| line.of_job(|job| shown(&job.group))),
    field(&["JobID"], -12, Line::name),
    field(&["JobIDRaw"], -12, Line::number),
    field(&["JobName"], 10, |line| line.of_either(|job| shown(&job.name), |step| shown(&step.step.name))),
    field(&["Layout"], 9, |line| line.of_step(|step| shown(&step.task.distribution))),
    field(&["Licenses"], 10, |line| line.of_job(|job| shown(&job.licenses))),
    field(&["MaxDiskRead"], 12, |line| megabytes(line, |step| Some(of(&step.tres.requested.max, "fs")?.0))),
    field(&["MaxDiskReadNode"], 15, |line| place(line, |step| of(&step.tres.requested.max, "fs"), false)),
    field(&["MaxDiskReadTask"], 15, |line| place(line, |step| of(&step.tres.requested.max, "fs"), true)),
    field(&["MaxDiskWrite"], 12, |line| megabytes(line, |step| Some(of(&step.tres.consumed.max, "fs")?.0))),
    field(&["MaxDiskWriteNode"], 16, |line| place(line, |step| of(&step.tres.consumed.max, "fs"), false)),
    field(&["MaxDiskWriteTask"], 16, |line| place(line, |step| of(&step.tres.consumed.max, "fs"), true)),
    field(&["MaxPages"], 8, |line| {
        line.of_step(|step| of(&step.tres.requested.max, "pages").map(|one| shown(one.0)).unwrap_or_default())
    }),
    field(&["MaxPagesNode"], 12, |line| place(line, |step| of(&step.tres.requested.max, "pages"), false)),
    field(&["MaxPagesTask"], 14, |line| place(line, |step| of(&step.tres.requested.max, "pages"), true)),
    field(&["MaxRSS"], 10, |line| size(line, |step| Some(of(&step.tres.requested.max, "mem")?.0))),
    field(&["MaxRSSNode"], 10, |line| place(line, |step| of(&step.tres.requested.max, "mem"), false)),
    field(&["MaxRSSTask"], 10, |line| place(line, |step| of(&step.tres.requested.max, "mem"), true)),
    field(&["MaxVMSize"], 10, |line| size(line, |step| Some(of(&step.tres.requested.max, "vmem")?.0))),
    field(&["MaxVMSizeNode"], 14, |line| place(line, |step| of(&step.tres.requested.max, "vmem"), false)),
    field(&["MaxVMSizeTask"], 14, |line| place(line, |step| of(&step.tres.requested.max, "vmem"), true)),
    field(&["McsLabel"], 12, |line| line.of_job(|job| shown(&job.mcs.label))),
    field(&["MinCPU"], 10, |line| {
        line.of_step(|step| {
            of(&step.tres.requested.min, "cpu").map(|one| seconds_of(one.0)).unwrap_or_default()
        })
    }),
    field(&["MinCPUNode"], 10, |line| place(line, |step| of(&step.tres.requested.min, "cpu"), false)),
    field(&["MinCPUTask"], 10, |line| place(line, |step| of(&step.tres.requested.min, "cpu"), true)),
    field(&["NCPUS"], 10, |line| shown(line.cpus())),
    field(&["NNodes"], 8, |line| {
        line.of_either(|job| shown(job.allocation_nodes), |step| shown(step.nodes.count))
    }),
    field(&["NodeList"], 15, |line| line.of_either(|job| shown(&job.nodes), |step| shown(&step.nodes.range))),
    field(&["NTasks"], 8, |line| line.of_step(|step| shown(step.tasks.count))),
    field(&["OriginalSLUID"], 14, |line| shown(&line.job.original_sluid)),
    field(&["OverSubscribe"], 14, |line| line.of_job(|job| shown(&job.oversubscribe))),
    field(&["Partition"], 10, |line| line.of_job(|job| shown(&job.partition))),
    field(&["Planned"], 10, |line| line.of_job(|_| show_seconds(planned(line)))),
    field(&["PlannedCPU"], 10, |line| {
        line.of_job(|job| show_seconds(planned(line).saturating_mul(u64::from(job.required.cpus))))
    }),
    field(&["PlannedCPURAW"], 13, |line| {
        line.of_job(|job| shown(planned(line).saturating_mul(u64::from(job.required.cpus))))
    }),
    field(&["Priority"], 10, |line| line.of_job(|job| job.priority.number().map(shown).unwrap_or_default())),
    field(&["QOS"], 10, |line| line.of_job(|job| shown(&job.qos))),
    field(&["QOSRAW"], 6, |line| {
        line.of_job(|job| line.qos.get(&job.qos.to_string()).map(shown).unwrap_or_default())
    }),
    field(&["QOSREQ"], 10, |line| line.of_job(|job| shown(&job.qosreq))),
    field(&["Reason"], 22, |line| line.of_job(|job| shown(&job.state.reason))),
    field(&["ReqCPUFreq"], 10, |line| frequency(line, |step| step.cpu.requested_frequency.max)),
    field(&["ReqCPUFreqGov"], 13, |line| {
        line.of_either(|_| "Unknown".to_owned(), |step| shown(&step.cpu.governor))
    }),
    field(&["ReqCPUFreqMax"], 13, |line| frequency(line, |step| step.cpu.requested_frequency.max)),
    field(&["ReqCPUFreqMin"], 13, |line| frequency(line, |step| step.cpu.requested_frequency.min)),
    field(&["ReqCPUS"], 8, |line| line.of_either(|job| shown(job.required.cpus), |_| shown(line.cpus()))),
    field(&["ReqMem"], 10, |line| {
        line.of_job(|job| {
            amount(&job.tres.requested, "mem").map(|mb| line.sizes.written_or(mb, 2)).unwrap_or_default()
        })
    }),
    field(&["ReqNodes"], 8, |line| {
        let of_job = |job: &slurm_wire::accounting::job::Job| {
            shown(amount(&job.tres.requested, "node").unwrap_or(u64::from(job.allocation_nodes)))
        };
        line.of_either(of_job, |step| shown(step.nodes.count))
    }),
    field(&["ReqTRES"], 10, |line| line.of_job(|job| resources(&job.tres.requested, line.sizes))),
    field(&["Reservation"], 20, |line| line.of_job(|job| shown(&job.reservation.name))),
    field(&["ReservationId"], 8, |line| {
        line.of_job(|job| if job.reservation.id > 0 { shown(job.reservation.id) } else { String::new() })
    }),
    field(&["ReqReservation"], 20, |line| line.of_job(|job| shown(&job.reservation.requested))),
    field(&["Restarts"], 8, |line| line.of_job(|job| shown(job.restart_cnt))),
    field(&["SegmentSize"], 11, |line| {
        line.of_job(|job| if job.segment_size > 0 { shown(job.segment_size) } else { String::new() })
    }),
    field(&["SLUID"], 14, |line| shown(&line.job.sluid)),
    field(&["Start"], 19, Line::start),
    field(&["State"], 10, Line::state),
    field(&["StdErr"], 20, |line| line.of_job(|job| shown(&job.stderr))),
    field(&["StdIn"], 20, |line| line.of_job(|job| shown(&job.stdin))),
    field(&["StdOut"], 20, |line| line.of_job(|job| shown(&job.stdout))),
    field(&["Submit"], 19, |line| {
        line.of_either(|job| moment(job.time.submission), |step| point(step.time.start))
    }),
    field(&["SubmitLine"], 20, |line| {
        line.of_either(|job| shown(&job.submit_line), |step| shown(&step.submit_line))
    }),
    field(&["Suspended"], 10, |line| {
        let seconds = line.step().map_or(line.job.time.suspended, |step| step.time.suspended);
        show_seconds(u64::from(seconds))
    }),
    field(&["SystemComment"], 15, |line| line.of_job(|job| shown(&job.comment.system))),
    field(&["SystemCPU"], 10, |line| {
        let of_job = |line: &Line| (line.job.time.system.seconds, line.job.time.system.microseconds);
        times(line, of_job, |step| (step.time.system.seconds, step.time.system.microseconds))
    }),
    field(&["Timelimit"], 10, |line| line.of_job(|job| limit(job.time.limit))),
    field(&["TimelimitRaw"], 10, |line| {
        line.of_job(|job| job.time.limit.number().map_or_else(|| limit(job.time.limit), shown))
    }),
    field(&["TotalCPU"], 10, |line| {
        let of_job = |line: &Line| (line.job.time.total.seconds, line.job.time.total.microseconds);
        times(line, of_job, |step| (step.time.total.seconds, step.time.total.microseconds))
    }),
    field(&["TRESUsageInAve"], 14, |line| line.of_step(|step| used(&step.tres.requested.average))),
    field(&["TRESUsageInMax"], 14, |line| line.of_step(|step| used_of_task(&step.tres.requested.max))),
    field(&["TRESUsageInMaxNode"], 18, |line| line.of_step(|step| places(&step.tres.requested.max, false))),
    field(&["TRESUsageInMaxTask"], 18, |line| line.of_step(|step| places(&step.tres.requested.max, true))),
    field(&["TRESUsageInMin"], 14, |line| line.of_step(|step| used_of_task(&step.tres.requested.min))),
    field(&["TRESUsageInMinNode"], 18, |line| line.of_step(|step| places(&step.tres.requested.min, false))),
    field(&["TRESUsageInMinTask"], 18, |line| line.of_step(|step| places(&step.tres.requested.min, true))),
    field(&["TRESUsageInTot"], 14, |line| line.of_step(|step| used(&step.tres.requested.total))),
    field(&["TRESUsageOutAve"], 15, |line| line.of_step(|step| used(&step.tres.consumed.average))),
    field(&["TRESUsageOutMax"], 15, |line| line.of_step(|step| used_of_task(&step.tres.consumed.max))),
    field(&["TRESUsageOutMaxNode"], 19, |line| line.of_step(|step| places(&step.tres.consumed.max, false))),
    field(&["TRESUsageOutMaxTask"], 19, |line| line.of_step(|step| places(&step.tres.consumed.max, true))),
    field(&["TRESUsageOutMin"], 15, |line| line.of_step(|step| used_of_task(&step.tres.consumed.min))),
    field(&["TRESUsageOutMinNode"], 19, |line| line.of_step(|step| places(&step.tres.consumed.min, false))),
    field(&["TRESUsageOutMinTask"], 19, |line| line.of_step(|step| places(&step.tres.consumed.min, true))),
    field(&["TRESUsageOutTot"], 15, |line| line.of_step(|step| used(&step.tres.consumed.total))),
    field(&["UID"], 6, |line| line.of_job(|job| uid(&job.user))),
    field(&["User"], 9, |line| line.of_job(|job| shown(&job.user))),
    field(&["UserCPU"], 10, |line| {
        let of_job = |line: &Line| (line.job.time.user.seconds, line.job.time.user.microseconds);
        times(line, of_job, |step| (step.time.user.seconds, step.time.user.microseconds))
    }),
    field(&["WCKey"], 10, |line| {
        line.of_job(|job| {
            let sign = if job.wckey.flags.contains(WckeyTagFlag::AssignedDefault) { "*" } else { "" };
            format!("{sign}{}", job.wckey.wckey)
        })
    }),
    field(&["WorkDir"], 20, |line| line.of_job(|job| shown(&job.working_directory))),
];

/// Writes the names of all fields, four a line.
pub(super) fn names() -> String {
    let names: Vec<&str> = FIELDS.iter().filter_map(|field| field.names.first().copied()).collect();
    names
        .chunks(4)
        .map(|row| row.iter().map(|name| format!("{name:<19} ")).collect::<String>() + "\n")
        .collect()
}

/// Writes the names of all fields as a format.
pub(super) fn all() -> String {
    FIELDS.iter().filter_map(|field| field.names.first().copied()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::chosen;

    #[test]
    fn fields_that_are_shown_together_exist() {
        for format in [USUAL, BRIEF, LONG, &all()] {
            assert!(chosen(format, FIELDS).is_ok(), "{format}");
        }
        assert_eq!(chosen(&all(), FIELDS).unwrap().len(), FIELDS.len());
    }

    #[test]
    fn limits_have_words() {
        assert_eq!(limit(NoVal::Set(90)), "01:30:00");
        assert_eq!(
            (limit(NoVal::Infinite).as_str(), limit(NoVal::Unset).as_str()),
            ("UNLIMITED", "Partition_Limit")
        );
    }

    #[test]
    fn usage_is_written_by_kind() {
        let all = [("cpu", "", 61_000), ("fs", "disk", 2074), ("mem", "", 935_936), ("energy", "", 0)];
        assert_eq!(usage(all.into_iter()), "cpu=00:01:01,energy=0,fs/disk=2074,mem=914K");
    }
}
