//! What accounting remembers of a step.

use crate::accounting::tres::{TresList, head};
use crate::flags::Flags;
use crate::job_info::ProcessExitCodeVerbose;
use crate::list::{Hostlist, lists, read_plain, read_strict};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::out::Out;
use crate::scalar::{Checked, Text};
use crate::wire::Wire;
use crate::words::JobState;

object! {
    /// Part `time/system` of [`Step`].
    reply inline StepTimeSystem = "step_time_system" {
        seconds: i64,
        microseconds: u32,
    }
}

object! {
    /// Part `time/total` of [`Step`].
    reply inline StepTimeTotal = "step_time_total" {
        seconds: i64,
        microseconds: u32,
    }
}

object! {
    /// Part `time/user` of [`Step`].
    reply inline StepTimeUser = "step_time_user" {
        seconds: i64,
        microseconds: u32,
    }
}

object! {
    /// Part `time` of [`Step`].
    reply inline StepTime = "step_time" {
        elapsed: u32,
        end: NoVal<u64>,
        start: NoVal<u64>,
        suspended: u32,
        system: StepTimeSystem,
        limit: NoVal<u32>,
        total: StepTimeTotal,
        user: StepTimeUser,
    }
}

object! {
    /// Part `nodes` of [`Step`].
    reply inline StepNodes = "step_nodes" {
        count: u32,
        range: Text,
        list: Hostlist,
    }
}

object! {
    /// Part `tasks` of [`Step`].
    reply inline StepTasks = "step_tasks" {
        count: u32,
    }
}

object! {
    /// Part `CPU/requested_frequency` of [`Step`].
    reply inline StepCPURequestedFrequency = "step_CPU_requested_frequency" {
        min: NoVal<u32>,
        max: NoVal<u32>,
    }
}

object! {
    /// Part `CPU` of [`Step`].
    reply inline StepCPU = "step_CPU" {
        requested_frequency: StepCPURequestedFrequency,
        governor: Text,
    }
}

object! {
    /// Part `statistics/CPU` of [`Step`].
    reply inline StepStatisticsCPU = "step_statistics_CPU" {
        actual_frequency: i64,
    }
}

object! {
    /// Part `statistics/energy` of [`Step`].
    reply inline StepStatisticsEnergy = "step_statistics_energy" {
        consumed: NoVal<u64>,
    }
}

object! {
    /// Part `statistics` of [`Step`].
    reply inline StepStatistics = "step_statistics" {
        cpu "CPU": StepStatisticsCPU,
        energy: StepStatisticsEnergy,
    }
}

object! {
    /// Part `step` of [`Step`].
    reply inline StepStep = "step_step" {
        id: Text,
        name: Text,
        stderr: Text,
        stdin: Text,
        stdout: Text,
        stderr_expanded: Text,
        stdin_expanded: Text,
        stdout_expanded: Text,
    }
}

object! {
    /// Part `task` of [`Step`].
    reply inline StepTask = "step_task" {
        distribution: Text,
    }
}

object! {
    /// Part `tres/requested` of [`Step`].
    reply inline StepTresRequested = "step_tres_requested" {
        max: StepTresReqMax,
        min: StepTresReqMin,
        average: TresList,
        total: TresList,
    }
}

object! {
    /// Part `tres/consumed` of [`Step`].
    reply inline StepTresConsumed = "step_tres_consumed" {
        max: StepTresUsageMax,
        min: StepTresUsageMin,
        average: TresList,
        total: TresList,
    }
}

object! {
    /// Part `tres` of [`Step`].
    reply inline StepTres = "step_tres" {
        requested: StepTresRequested,
        consumed: StepTresConsumed,
        allocated: TresList,
    }
}

object! {
    /// A step of a job of accounting.
    reply Step = "step" {
        time: StepTime,
        exit_code: ProcessExitCodeVerbose,
        nodes: StepNodes,
        tasks: StepTasks,
        pid: Text = deprecated,
        cpu "CPU": StepCPU,
        kill_request_user: Text,
        state: Flags<JobState>,
        statistics: StepStatistics,
        step: StepStep,
        submit_line: Text = later,
        task: StepTask,
        tres: StepTres,
    }
}

object! {
    /// An amount of a trackable resource, and the task and node it was seen at, which the original sends undocumented.
    reply StepTaskTres = "tres" written by by_heart {
        kind "type": Text = required,
        name: Text,
        id: u32,
        count: Checked<i64>,
        task: u32 = undocumented,
        node: Text = undocumented,
    }
}

lists! {
    /// The steps of a job of accounting.
    StepList, StepListKind of Step = "step_list", read_plain;
    /// The largest requests of any task.
    StepTresReqMax, StepTresReqMaxKind of StepTaskTres = "step_tres_req_max", read_strict;
    /// The smallest requests of any task.
    StepTresReqMin, StepTresReqMinKind of StepTaskTres = "step_tres_req_min", read_strict;
    /// The largest consumption of any task.
    StepTresUsageMax, StepTresUsageMaxKind of StepTaskTres = "step_tres_usage_max", read_strict;
    /// The smallest consumption of any task.
    StepTresUsageMin, StepTresUsageMinKind of StepTaskTres = "step_tres_usage_min", read_strict;
}

fn by_heart(tres: &StepTaskTres, out: &mut Out) -> bool {
    let head = head(&tres.kind, &tres.name, tres.id);
    if let Some(head) = head {
        out.extend_from_slice(head);
        tres.count.write(out);
        out.extend_from_slice(json_key!(task));
        tres.task.write(out);
        out.extend_from_slice(json_key!(node));
        tres.node.write(out);
    }
    head.is_some()
}
