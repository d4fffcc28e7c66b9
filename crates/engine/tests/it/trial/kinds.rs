//! What jobs ask for: a table of wishes, each with how often it comes. A job makes several at once; those that nothing
//! could ever meet are refused by the service, as they should be.

use super::dice::Dice;
use super::reservations::{ACCOUNTS, some_name};
use super::scene::Scene;
use domain::job::{
    Constraint, GresRequest, JobFlags, JobKind, JobSpec, Memory, Per, Resources, Sharing, Warning,
    WarningScope,
};
use domain::{Text, TimeLimit, Timestamp};

/// A job to be submitted, and how it will behave.
pub(crate) struct Wish {
    /// Its request.
    pub(crate) spec: JobSpec,
    /// Array expression.
    pub(crate) array: String,
    /// What it waits for: a word, and the numbers of the operations that submitted the others.
    pub(crate) after: Vec<(&'static str, usize)>,
    /// Held at first.
    pub(crate) hold: bool,
    /// Put back when its node fails.
    pub(crate) requeue: bool,
    /// How long it runs if nobody stops it, seconds.
    pub(crate) seconds: u32,
    /// How its processes end by themselves, and how they take SIGTERM.
    pub(crate) nature: Nature,
    /// When it is submitted.
    pub(crate) at: Timestamp,
    /// Its own number; it can wait only for smaller ones.
    pub(crate) number: usize,
}

/// How the processes of a job behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Nature {
    /// They end well, and at once when asked to.
    #[default]
    Good,
    /// They end with exit code 1.
    Fails,
    /// They cannot be started.
    Unstartable,
    /// They go on after SIGTERM.
    Stubborn,
    /// They use too much memory.
    Greedy,
    /// Their node loses them at the first attempt.
    Lost,
}

/// A wish in the table.
pub(crate) struct Kind {
    /// What it is called in a report.
    pub(crate) name: &'static str,
    /// One job in so many has it.
    pub(crate) odds: u32,
    /// Makes the wish.
    pub(crate) apply: fn(&mut Wish, &mut Dice, &Scene),
}

const fn kind(name: &'static str, odds: u32, apply: fn(&mut Wish, &mut Dice, &Scene)) -> Kind {
    Kind { name, odds, apply }
}

/// Every kind of wish of plain trials.
pub(crate) const KINDS: &[Kind] = &[
    // Counts of nodes, tasks and CPUs.
    kind("nodes", 5, |wish, dice, scene| {
        wish.spec.resources.min_nodes =
            dice.up_to(u32::try_from(scene.cluster.nodes.len()).unwrap().div_ceil(2));
    }),
    kind("few nodes", 4, |wish, dice, _| wish.spec.resources.min_nodes = dice.up_to(3)),
    kind("node range", 12, |wish, dice, _| {
        let min = wish.spec.resources.min_nodes;
        wish.spec.resources.max_nodes = min + dice.below(4);
    }),
    kind("tasks", 3, |wish, dice, _| wish.spec.resources.tasks = Some(dice.up_to(24))),
    kind("cpus per task", 4, |wish, dice, _| wish.spec.resources.cpus_per_task = dice.few(6)),
    kind("tasks per node", 8, |wish, dice, _| wish.spec.resources.tasks_per_node = dice.few(4)),
    kind("tasks per socket", 20, |wish, dice, _| wish.spec.resources.tasks_per_socket = dice.few(2)),
    kind("tasks per core", 20, |wish, dice, _| wish.spec.resources.tasks_per_core = dice.few(2)),
    kind("min cpus", 12, |wish, dice, _| wish.spec.resources.min_cpus = dice.up_to(12)),
    kind("cpus per node", 15, |wish, dice, _| wish.spec.resources.min_cpus_per_node = dice.few(8)),
    kind("overcommit", 25, |wish, _, _| wish.spec.resources.overcommit = true),
    // What nodes must be like.
    kind("sockets", 25, |wish, _, _| wish.spec.resources.sockets_per_node = 2),
    kind("threads", 25, |wish, _, _| wish.spec.resources.threads_per_core = 2),
    kind("feature", 8, |wish, dice, _| {
        let written = dice.one_of(&["fast", "big", "fast&big", "fast|big", "new&(fast|big)", "any"]);
        wish.spec.resources.constraint = Constraint::parse(written).ok();
    }),
    kind("prefer", 20, |wish, dice, _| {
        wish.spec.uncommon_mut().prefer = Constraint::parse(dice.one_of(&["fast", "big&new"])).ok();
    }),
    kind("required node", 20, |wish, dice, scene| {
        wish.spec.resources.required_nodes = vec![some_node(dice, scene)]
    }),
    kind("excluded nodes", 15, |wish, dice, scene| {
        wish.spec.resources.excluded_nodes = vec![some_node(dice, scene), some_node(dice, scene)];
    }),
    kind("contiguous", 20, |wish, _, _| wish.spec.resources.contiguous = true),
    // Memory and generic resources.
    kind("memory per node", 4, |wish, dice, _| {
        wish.spec.resources.memory =
            Memory::PerNode(u64::from(dice.one_of(&[0u32, 500, 2_000, 4_000, 12_000])));
    }),
    kind("memory per cpu", 5, |wish, dice, _| {
        wish.spec.resources.memory = Memory::PerCpu(u64::from(dice.one_of(&[50u32, 250, 1_000, 2_000])));
    }),
    kind("gpus per node", 10, |wish, dice, _| gres(wish, dice, "gpu", Per::Node)),
    kind("gpus per job", 12, |wish, dice, _| gres(wish, dice, "gpu", Per::Job)),
    kind("gpus per task", 15, |wish, dice, _| gres(wish, dice, "gpu", Per::Task)),
    kind("gpus per socket", 30, |wish, dice, _| {
        wish.spec.resources.sockets_per_node = dice.few(2);
        gres(wish, dice, "gpu", Per::Socket);
    }),
    kind("disks", 20, |wish, dice, _| gres(wish, dice, "disk", Per::Node)),
    kind("licences", 10, |wish, dice, _| {
        let (name, most) = dice.one_of(&[("matlab", 3), ("ansys", 10)]);
        wish.spec.resources.licenses.push((name.into(), dice.up_to(most)));
    }),
    // Who is beside it.
    kind("exclusive", 12, |wish, _, _| wish.spec.resources.sharing = Sharing::Exclusive),
    kind("same user", 15, |wish, _, _| wish.spec.resources.sharing = Sharing::SameUser),
    kind("oversubscribe", 6, |wish, _, _| wish.spec.resources.sharing = Sharing::Oversubscribe),
    // Where, how long, when.
    kind("partition", 2, |wish, dice, _| {
        wish.spec.partitions = vec![dice.one_of(&["main", "short", "wide", "alone"]).into()];
    }),
    kind("all partitions", 10, |wish, _, _| {
        wish.spec.partitions = ["short", "main", "alone"].map(Text::from).into()
    }),
    kind("short", 3, |wish, dice, _| wish.spec.time_limit = TimeLimit::Minutes(dice.up_to(10))),
    kind("long", 8, |wish, dice, _| wish.spec.time_limit = TimeLimit::Minutes(100 + dice.below(400))),
    kind("endless", 30, |wish, _, _| wish.spec.time_limit = TimeLimit::Unlimited),
    kind("least time", 12, |wish, dice, _| wish.spec.time_minimum = dice.up_to(5)),
    kind("begin", 12, |wish, dice, _| wish.spec.begin = Some(later(wish.at, dice.below(2_000)))),
    kind("deadline", 20, |wish, dice, _| wish.spec.deadline = Some(later(wish.at, 600 + dice.below(20_000)))),
    kind("nice", 4, |wish, dice, _| wish.spec.nice = i32::try_from(dice.below(10) * 100).unwrap()),
    kind("held", 25, |wish, _, _| wish.hold = true),
    // Several, and one after another.
    kind("array", 8, |wish, dice, _| wish.array = format!("0-{}", dice.below(12))),
    kind("array with throttle", 14, |wish, dice, _| {
        wish.array = format!("{}-{}%{}", dice.below(3), 3 + dice.below(12), dice.up_to(3));
    }),
    kind("after", 30, |wish, dice, _| after(wish, dice, "after")),
    kind("afterany", 12, |wish, dice, _| after(wish, dice, "afterany")),
    kind("afterok", 12, |wish, dice, _| after(wish, dice, "afterok")),
    kind("afternotok", 25, |wish, dice, _| after(wish, dice, "afternotok")),
    kind("singleton", 25, |wish, dice, _| {
        wish.spec.name = dice.one_of(&["one", "two"]).into();
        wish.after.push(("singleton", 0));
    }),
    kind("hopeless ones go", 2, |wish, _, _| {
        wish.spec.flags = wish.spec.flags.with(JobFlags::KILL_INVALID_DEPENDENCY);
    }),
    // How it runs.
    kind("quick", 4, |wish, dice, _| wish.seconds = dice.up_to(20)),
    kind("runs out of time", 10, |wish, _, _| wish.seconds = 100_000),
    kind("no requeue", 4, |wish, _, _| wish.requeue = false),
    kind("fails", 10, |wish, _, _| wish.nature = Nature::Fails),
    kind("cannot start", 40, |wish, _, _| wish.nature = Nature::Unstartable),
    kind("stubborn", 15, |wish, _, _| wish.nature = Nature::Stubborn),
    kind("greedy", 40, |wish, _, _| wish.nature = Nature::Greedy),
    kind("lost by its node", 30, |wish, _, _| wish.nature = Nature::Lost),
];

/// Wishes of trials that are not plain.
const MORE_KINDS: &[Kind] = &[
    kind("quality of service", 2, |wish, dice, _| {
        wish.spec.qos = dice.one_of(&["high", "low", "low", "normal"]).into();
    }),
    kind("allocation", 12, |wish, _, _| {
        wish.spec.kind = JobKind::Allocation;
        wish.array = String::new();
        wish.requeue = false;
    }),
    kind("little", 3, |wish, dice, _| {
        let partitions = std::mem::take(&mut wish.spec.partitions);
        wish.spec.resources = Resources {
            min_nodes: 1,
            tasks: Some(dice.up_to(3)),
            cpus_per_task: dice.few(2),
            ..Resources::default()
        };
        wish.spec.partitions = partitions;
    }),
    kind("much more time", 15, |wish, dice, _| {
        wish.spec.time_limit = TimeLimit::Minutes(60 + dice.below(600));
        wish.seconds = 60 * dice.up_to(300);
    }),
    kind("least time and deadline", 15, |wish, dice, _| {
        wish.spec.time_minimum = dice.up_to(3);
        wish.spec.deadline = Some(later(wish.at, 300 + dice.below(3_000)));
    }),
    kind("name of singletons", 15, |wish, dice, _| wish.spec.name = dice.one_of(&["one", "two"]).into()),
];

/// Wishes of trials with reservations.
const RESERVED_KINDS: &[Kind] = &[
    kind("account", 3, |wish, dice, _| wish.spec.account = dice.one_of(&ACCOUNTS).into()),
    kind("in a reservation", 4, |wish, dice, _| wish.spec.uncommon_mut().reservation = some_name(dice)),
    kind("in one of two", 25, |wish, dice, _| {
        wish.spec.uncommon_mut().reservation = format!("{},{}", some_name(dice), some_name(dice)).into();
    }),
    kind("leaves a reservation", 4, |wish, dice, _| {
        // `--signal=R:USR1@LEAD`: the ninth switch of the wire.
        let lead = dice.one_of(&[0, 10, 30, 60]);
        wish.spec.warning = Some(Warning { signal: 10, lead, scope: WarningScope::Steps, flags: 1 << 8 });
    }),
];

/// Returns the wish at a place: those of [`KINDS`], those of trials that are not plain, those of trials with reservations.
pub(crate) fn kind_at(place: usize) -> &'static Kind {
    KINDS.iter().chain(MORE_KINDS).chain(RESERVED_KINDS).nth(place).unwrap()
}

/// Returns the places of the wishes that make a trial one that is not plain.
pub(crate) fn more_places() -> std::ops::Range<usize> {
    KINDS.len()..KINDS.len() + MORE_KINDS.len()
}

/// Returns the places of the wishes that have to do with reservations.
pub(crate) fn reserved_places() -> std::ops::Range<usize> {
    more_places().end..more_places().end + RESERVED_KINDS.len()
}

fn later(at: Timestamp, seconds: u32) -> Timestamp {
    Timestamp::from_seconds(at.seconds() + i64::from(seconds))
}

fn some_node(dice: &mut Dice, scene: &Scene) -> Text {
    let nodes = &scene.cluster.nodes;
    nodes[dice.below(u32::try_from(nodes.len()).unwrap()) as usize].name.clone()
}

fn gres(wish: &mut Wish, dice: &mut Dice, name: &'static str, per: Per) {
    let kind = if name == "gpu" { dice.one_of(&["", "", "a100", "v100"]) } else { "" };
    let count = u64::from(dice.up_to(3));
    wish.spec.resources.gres.push(GresRequest { name: name.into(), kind: kind.into(), count, per });
}

fn after(wish: &mut Wish, dice: &mut Dice, word: &'static str) {
    if wish.number > 0 {
        let back = dice.up_to(u32::try_from(wish.number).unwrap().min(30)) as usize;
        wish.after.push((word, wish.number - back));
    }
}
