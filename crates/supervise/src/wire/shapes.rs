//! The byte forms of messages and what is in them: one table of fields per struct, one of numbers per enum.
//! A change here is a new `PROTOCOL`, except to `Hello` and `Answer`, which never change.

use super::code::Bytes;
use super::{Answer, Code, ExecutableMark, Hello, Notice, Reader, Request, Whom};
use crate::launch::{
    Credentials, Hook, Hooks, Launch, Limits, Private, Resource, Rlimit, Script, Stream, Told,
};
use crate::launcher::{KeptClient, KeptLive, KeptState, KeptStep, KeptSteps};
use crate::report::{Ended, Found, FoundState, Report, StartFailure, Status, Step, Usage};
use crate::steps::{
    BindRule, CpuBind, Distribution, FoundStep, FoundStepState, Said, StepAnswer, StepCut, StepEnded,
    StepGrant, StepGres, StepLayout, StepMemory, StepPer, StepProgram, StepRequest, StepUsage, TaskGrant,
    TaskStreams,
};

macro_rules! fields {
    ($name:ident { $($field:ident),* }) => {
        impl Code for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }
            fn take(from: &mut Reader<'_>) -> Option<Self> {
                $(let $field = Code::take(from)?;)*
                Some(Self { $($field),* })
            }
        }
    };
}

macro_rules! variants {
    ($name:ident { $($number:literal = $variant:ident $(($inner:ident))? $({ $($field:ident),* })?),* }) => {
        impl Code for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self { $(
                    Self::$variant $(($inner))? $({ $($field),* })? => {
                        out.push($number);
                        $($inner.put(out);)?
                        $($($field.put(out);)*)?
                    }
                )* }
            }
            fn take(from: &mut Reader<'_>) -> Option<Self> {
                match u8::take(from)? {
                    $($number => {
                        $(let $inner = Code::take(from)?;)?
                        $($(let $field = Code::take(from)?;)*)?
                        Some(Self::$variant $(($inner))? $({ $($field),* })?)
                    })*
                    _ => None,
                }
            }
        }
    };
}

fields!(Hello { protocol, pid, executable });
fields!(ExecutableMark { device, inode, modified, size });
variants!(Answer { 0 = Serve { protocol }, 1 = Renew { exe, args } });

variants!(Request {
    0 = Launch(launch),
    1 = Signal { run, signal, whom },
    2 = Suspend(run),
    3 = Resume(run),
    4 = Forget(runs),
    5 = GrantStep { run, ticket, grant },
    6 = RefuseStep { ticket, why },
    7 = DelayStep { ticket, why },
    8 = SignalStep { run, step, signal },
    9 = ForgetSteps { run, steps },
    10 = Narrow { run, limits, nodes },
    11 = Expect
});
variants!(Whom { 0 = Leader, 1 = Group, 2 = All, 3 = Steps });
variants!(Notice { 0 = Found(found), 1 = Reports(reports) });

fields!(Launch {
    run,
    argv,
    program,
    env,
    cwd,
    refuge,
    user,
    umask,
    rlimits,
    stdin,
    stdout,
    stderr,
    script,
    limits,
    nice,
    oom_score,
    hooks,
    private,
    held
});
fields!(Hooks { before, task_after, after, told });
fields!(Told { status, code, worst_step, pid });
fields!(Hook { program, env, timeout });
fields!(Private { folders, lasting });
fields!(Credentials { uid, gid, groups });
variants!(Stream { 0 = Null, 1 = Read(path), 2 = Truncate(path), 3 = Append(path), 4 = SameAsStdout });
fields!(Limits { memory, cpus, cpu_quota, pids, deny_devices, die_together });
fields!(Rlimit { resource, soft, hard });

variants!(Report {
    0 = Started { run, pid, at },
    1 = FailedToStart { run, failure, hook_failed, at },
    2 = Ended { run, ended },
    3 = Vanished { run, at },
    4 = NotSignalled { run, signal, errno },
    5 = StepAsked { run, ticket, uid, request },
    6 = StepGone { run, ticket },
    7 = StepEnded { run, ticket, step, ended },
    8 = Steps { run, steps }
});
fields!(Ended { pid, started_at, at, status, usage, over_memory, left_behind, hook_failed });
variants!(Status { 0 = Exited(code), 1 = Signalled { signal, core } });
fields!(Usage { user, system, max_rss, memory_peak, read_bytes, written_bytes, energy });
fields!(StartFailure { step, errno });
fields!(Found { run, state, steps });
variants!(FoundState {
    0 = Starting,
    1 = Running { pid, at, suspended },
    2 = FailedToStart { failure, hook_failed, at },
    3 = Ended(ended),
    4 = Vanished { at }
});

fields!(StepRequest {
    name,
    command,
    min_nodes,
    max_nodes,
    tasks,
    tasks_per_node,
    cpus_per_task,
    memory,
    gres,
    nodes,
    excluded,
    relative,
    distribution,
    exact,
    overlap,
    overcommit,
    immediate,
    bind,
    time_limit,
    die_together,
    component,
    further
});
variants!(StepMemory { 0 = Default, 1 = PerNode(megabytes), 2 = PerCpu(megabytes), 3 = PerGpu(megabytes) });
fields!(StepGres { name, kind, count, per });
variants!(StepPer { 0 = Step, 1 = Node, 2 = Task });
variants!(Distribution { 0 = Default, 1 = Block, 2 = Cyclic, 3 = Plane(size) });
fields!(CpuBind { rule, written, verbose });
variants!(BindRule {
    0 = Default,
    1 = None,
    2 = Cores,
    3 = Threads,
    4 = Sockets,
    5 = Rank,
    6 = MapCpu(cpus),
    7 = MaskCpu(masks)
});
fields!(StepLayout { step, nodes, tasks, cpus_per_task, parts, env });
fields!(StepProgram {
    argv,
    env,
    cwd,
    umask,
    rlimits,
    streams,
    terminal,
    argv_by_task,
    env_by_task,
    channel_variable
});
fields!(TaskStreams { stdin, stdout, stderr, channel });
variants!(Said {
    0 = Hello { key, attempt },
    1 = Ask(request),
    2 = Files { count },
    3 = Start(program),
    4 = Signal { signal }
});
variants!(StepAnswer {
    0 = Waiting { why },
    1 = Refused { why },
    2 = Granted(layout),
    3 = TaskStarted { task, pid },
    4 = TaskFailed { task, failure },
    5 = TaskEnded { task, status },
    6 = Ended(ended)
});
fields!(StepGrant { layout, user, limits, private, env, tasks, pid_variable, around, time_limit, kill_wait });
fields!(TaskGrant { env, cpus });
fields!(StepEnded { started_at, at, status, cut, over_memory, usage });
variants!(StepCut {
    0 = ClientGone,
    1 = TimeLimit,
    2 = Killed,
    3 = RunEnded,
    4 = Lost,
    5 = NotStarted
});
fields!(StepUsage { user, system, max_rss, max_rss_task, mean_rss, read, written });
fields!(KeptSteps { listener, clients, steps, worst });
fields!(KeptClient { id, descriptor, uid, run, ticket, files, unread, unsaid, leaving });
fields!(KeptStep { ticket, run, client, state });
variants!(KeptState { 0 = Asked { uid, request }, 1 = Live(live), 2 = Over { number, ended } });
fields!(KeptLive {
    grant,
    folder,
    program,
    tasks,
    started_at,
    status,
    cut,
    usage,
    rss_sum,
    deadline,
    kill_in,
    closing
});
fields!(FoundStep { ticket, state });
variants!(FoundStepState { 0 = Asked { uid, request }, 1 = Granted { step }, 2 = Ended { step, ended } });

impl Code for Script {
    fn put(&self, out: &mut Vec<u8>) {
        self.path.put(out);
        // The content may be large; it goes as a block.
        u32::try_from(self.content.len()).unwrap_or(u32::MAX).put(out);
        out.extend_from_slice(&self.content);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self { path: Code::take(from)?, content: Bytes::take(from)?.0 })
    }
}

impl Code for Step {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Self::from_number(u8::take(from)?)
    }
}

impl Code for Resource {
    fn put(&self, out: &mut Vec<u8>) {
        self.raw().put(out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let raw = u32::take(from)?;
        Self::ALL.iter().copied().find(|resource| resource.raw() == raw)
    }
}
