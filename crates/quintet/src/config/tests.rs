//! The configuration: files that ship with the program, and what is said about files that are wrong.

use super::*;
use domain::TimeLimit;
use domain::accounting::Enforcement;
use domain::cluster::{Cluster, NodeFlags, PartitionState, PreemptMode, PreemptType, Topology};
use domain::priority::PriorityType;
use domain::who::AdminLevel;
use std::collections::BTreeSet;

const EXAMPLE: &str = include_str!("../../../../quintet.example.toml");
const TESTBED: &str = include_str!("../../../../conformance/slurm/testbed.toml");
const ENFORCED: &str = include_str!("../../../../conformance/slurm/testbed-enforce.toml");
const SUITE: &str = include_str!("../../../../conformance/slurm/suite.toml");

fn machine() -> Node {
    Node {
        name: "machine".into(),
        host: "machine.example".into(),
        address: "machine.example".into(),
        port: 0,
        topology: Topology { boards: 1, sockets: 1, cores: 2, threads: 2, cpus: 4 },
        memory: 8000,
        system: Default::default(),
        tmp_disk: 1000,
        weight: 1,
        features: Vec::new(),
        active_features: Vec::new(),
        gres: Vec::new(),
        flags: NodeFlags::default(),
        upkeep: Default::default(),
        reason: "".into(),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: "".into(),
        extra: "".into(),
        architecture: "x86_64".into(),
        operating_system: "Linux 6".into(),
        booted: Timestamp::from_seconds(1),
    }
}

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::parse("q.toml", text, Path::new("/etc"))
}

fn cluster_of(text: &str) -> Cluster {
    read(text).unwrap().cluster(&machine(), Timestamp::from_seconds(2)).unwrap()
}

/// Takes the `#` off lines that are keys or tables, not prose.
fn with_everything(example: &str) -> String {
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.is_empty() && !key.starts_with(' ') => key.to_owned(),
        _ => line.to_owned(),
    };
    example.lines().map(uncommented).collect::<Vec<_>>().join("\n")
}

#[test]
fn example_shows_the_defaults() {
    assert_eq!(read(EXAMPLE).unwrap(), Config::default_values());
}

#[test]
fn example_with_everything_switched_on_is_valid() {
    // A machine and a cluster cannot both be what jobs run on.
    let full = with_everything(EXAMPLE);
    let (before, rest) = full.split_once("[engine.slurm]\n").unwrap();
    let (_, after) = rest.split_once("\n[mail]").unwrap();
    let cluster = cluster_of(&format!("{before}\n[mail]{after}"));
    assert_eq!(cluster.nodes.len(), 4);
    assert_eq!(cluster.nodes[3].gres[0].kind, "a100");
    assert_eq!(cluster.partitions[0].default_time, Some(TimeLimit::Minutes(60)));
}

#[test]
fn example_shows_every_key() {
    let full = with_everything(EXAMPLE);
    let tables = [
        ("", "zzz = 1\n"),
        ("cluster", "[cluster]\nzzz = 1\n"),
        ("nodes", "[[nodes]]\nzzz = 1\n"),
        ("nodes.gres", "[[nodes]]\nname = \"n\"\ngres = [{ zzz = 1 }]\n"),
        ("partitions", "[[partitions]]\nzzz = 1\n"),
        ("switches", "[[switches]]\nzzz = 1\n"),
        ("qos", "[[qos]]\nzzz = 1\n"),
        ("scheduler", "[scheduler]\nzzz = 1\n"),
        ("preempt", "[preempt]\nzzz = 1\n"),
        ("priority", "[priority]\nzzz = 1\n"),
        ("users", "[[users]]\nzzz = 1\n"),
        ("groups", "[[groups]]\nzzz = 1\n"),
        ("accounts", "[[accounts]]\nzzz = 1\n"),
        ("accounting", "[accounting]\nzzz = 1\n"),
        ("auth", "[auth]\nzzz = 1\n"),
        ("nifcloud", "[nifcloud]\nzzz = 1\n"),
        ("nifcloud.online", "[nifcloud.online]\nzzz = 1\n"),
        ("engine", "[engine]\nzzz = 1\n"),
        ("engine.slurm", "[engine.slurm]\nzzz = 1\n"),
        ("mail", "[mail]\nzzz = 1\n"),
        ("hooks", "[hooks]\nzzz = 1\n"),
        ("history", "[history]\nzzz = 1\n"),
        ("log", "[log]\nzzz = 1\n"),
    ];
    let example: toml::Table = full.parse().unwrap();
    for (path, text) in tables {
        let Err(ConfigError::UnknownKey { known, .. }) = read(text) else { panic!("{path} takes any key") };
        let mut table = &example;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            let value = &table[step];
            table = value.as_array().map_or(value, |list| &list[0]).as_table().unwrap();
        }
        let shown: BTreeSet<&String> = table.keys().collect();
        assert_eq!(shown, known.iter().collect(), "[{path}]");
    }
}

#[test]
fn the_enforcing_testbed_is_the_same_but_for_that() {
    let (enforced, plain) = (cluster_of(ENFORCED), cluster_of(TESTBED));
    let wanted = Enforcement { associations: true, limits: true, qos: true, ..Enforcement::default() };
    assert_eq!(enforced.enforcement, wanted);
    // How often the recorded controllers planned ahead is said where a conversation depends on it.
    let scheduling = plain.scheduling.clone();
    assert_eq!(Cluster { enforcement: Enforcement::default(), scheduling, ..enforced }, plain);
}

#[test]
fn testbed_is_like_the_recorded_one() {
    let cluster = cluster_of(TESTBED);
    assert_eq!(cluster.name, "testbed");
    let names: Vec<_> = cluster.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["n1", "n2", "n3", "n4"]);
    let node = &cluster.nodes[0];
    assert_eq!((node.topology.cpus, node.memory, node.tmp_disk), (8, 16_000, 10_000));
    assert_eq!((node.gres[0].name.as_str(), node.gres[0].count), ("gpu", 2));
    assert_eq!(node.features, ["fast", "intel"]);
    let debug = cluster.partition("debug").unwrap();
    assert!(debug.is_default && debug.nodes.len() == 4 && debug.nodes_written == "ALL");
    assert_eq!(debug.max_time, TimeLimit::Minutes(7 * 24 * 60));
    assert_eq!(debug.default_time, Some(TimeLimit::Minutes(60)));
    assert_eq!(debug.default_memory_per_cpu, Some(100));
    let long = cluster.partition("long").unwrap();
    assert_eq!((long.max_time, long.tier, long.nodes.len()), (TimeLimit::Unlimited, 2, 1));
    assert_eq!(cluster.partition("idle").unwrap().state, PartitionState::Down);
    assert_eq!(cluster.licenses["matlab"], 10);
    assert_eq!(cluster.books.default_account("alice").unwrap(), "physics");
    assert_eq!(cluster.level_of("slurm"), AdminLevel::Administrator);
    assert!(cluster.limits.track_wckeys);
    assert_eq!(cluster.limits.kill_wait.as_secs(), 5);
    let config = read(TESTBED).unwrap();
    let alice = &config.users().unwrap()[0];
    assert_eq!((alice.uid, alice.gid, alice.home.as_str()), (2001, 2001, "/home/alice"));
    let groups = config.groups().unwrap();
    assert!(groups.iter().any(|group| group.name == "hpc" && group.gid == 2100 && group.members.len() == 3));
    assert!(groups.iter().any(|group| group.name == "carol" && group.gid == 2003));
    assert_eq!(config.accounts().unwrap().len(), 2);
    assert!(!config.script_options().honored);
    let served = config.slurm().unwrap();
    assert_eq!(served.versions.iter().map(|version| version.name).collect::<Vec<_>>(), ["v0.0.44"]);
    assert_eq!(served.parts, [dialects::Part::Controller, dialects::Part::Database]);
}

#[test]
fn suite_is_what_the_clients_need() {
    let cluster = cluster_of(SUITE);
    assert_eq!(cluster.nodes.len(), 10);
    assert_eq!((cluster.nodes[9].name.as_str(), cluster.nodes[9].topology.cpus), ("node10", 2));
    assert!(cluster.partition("primary").unwrap().is_default);
    assert_eq!(cluster.level_of("root"), AdminLevel::Administrator);
    assert_eq!(cluster.level_of("atf"), AdminLevel::Administrator);
    assert!(cluster.limits.track_wckeys);
}

#[test]
fn qualities_of_service_are_as_written() {
    let cluster = cluster_of("");
    let names = |cluster: &Cluster| -> Vec<String> {
        cluster.books.all_qos().map(|qos| qos.name.to_string()).collect()
    };
    assert_eq!(names(&cluster), ["normal"]);
    let cluster = cluster_of(
        "[preempt]\ntype = \"qos\"\nmode = \"requeue\"\nexempt_time = \"1m\"\n\
         [[qos]]\nname = \"High\"\npriority = 10\npreempt = [\"low\"]\nflags = [\"NoReserve\"]\n\
         [[qos]]\nname = \"low\"\npreempt_mode = \"cancel\"\ngrace_time = 30\nusage_factor = 0.5\n\
         [[partitions]]\nname = \"p\"\npreempt_mode = \"off\"\n",
    );
    assert_eq!(names(&cluster), ["normal", "high", "low"]);
    let high = cluster.qos("HIGH").unwrap();
    assert_eq!((high.priority, high.flags.no_reserve, high.may_preempt("LOW")), (10, true, true));
    assert_eq!(high.preempt_exempt_time, None);
    let low = cluster.qos("low").unwrap();
    assert_eq!((low.preempt_mode, low.grace_time.as_secs()), (Some(PreemptMode::Cancel), 30));
    assert!((low.usage_factor - 0.5).abs() < 1e-9 && !low.may_preempt("high"));
    assert_eq!((cluster.preempt.by, cluster.preempt.mode), (PreemptType::Qos, PreemptMode::Requeue));
    assert_eq!(cluster.preempt.exempt_time.as_secs(), 60);
    assert_eq!(cluster.partitions[0].preempt_mode, Some(PreemptMode::Off));
}

#[test]
fn priorities_are_as_written() {
    let rules = cluster_of(
        "[priority]\ntype = \"multifactor\"\nweight_age = 1000\nweight_tres = { cpu = 10, \"gres/gpu\" = 2.5 }\n\
         max_age = \"1d\"\nflags = [\"NO_NORMAL_ALL\", \"incr_only\"]\n",
    )
    .priority;
    assert_eq!((rules.by, rules.age, rules.max_age.as_secs()), (PriorityType::MultiFactor, 1000, 86_400));
    assert_eq!(rules.tres.len(), 2);
    assert!(rules.flags.plain_tres && rules.flags.plain_qos && rules.flags.increase_only);
    assert!(!rules.flags.accrue_always);
}

#[test]
fn without_a_file_this_machine_is_one_node() {
    let cluster = cluster_of("");
    assert_eq!(cluster.nodes.len(), 1);
    let node = &cluster.nodes[0];
    assert_eq!(
        (node.name.as_str(), node.topology.cpus, node.topology.threads, node.memory),
        ("machine", 4, 2, 8000)
    );
    let main = cluster.default_partition().unwrap();
    assert_eq!((main.name.as_str(), main.max_time, main.nodes.len()), ("main", TimeLimit::Unlimited, 1));
}

#[test]
fn the_first_partition_is_the_default_if_none_is_marked() {
    let cluster = cluster_of("[[partitions]]\nname = \"a\"\n[[partitions]]\nname = \"b\"\n");
    assert_eq!(cluster.default_partition().unwrap().name, "a");
}

#[test]
fn cpus_alone_make_one_socket_of_cores() {
    let check = |keys: &str, cpus, sockets, cores, threads| {
        let topology = cluster_of(&format!("[[nodes]]\nname = \"n\"\n{keys}")).nodes[0].topology;
        assert_eq!(
            (topology.cpus, topology.sockets, topology.cores, topology.threads),
            (cpus, sockets, cores, threads)
        );
    };
    check("cpus = 6", 6, 1, 6, 1);
    check("sockets = 2\ncores_per_socket = 4\nthreads_per_core = 2", 16, 2, 4, 2);
    check("cpus = 8\nthreads_per_core = 2", 8, 1, 4, 2);
    check("cpus = 7\nsockets = 2", 7, 2, 4, 1);
    check("sockets = 2", 2, 2, 1, 1);
}

#[test]
fn relative_paths_are_under_the_folder_of_the_file() {
    let config = read("state = \"var\"\n[auth]\njwt_key = \"/run/key\"").unwrap();
    assert_eq!(config.state(), Some(Path::new("/etc/var")));
    assert_eq!(config.jwt_key(), Some(Path::new("/run/key")));
}

#[test]
fn what_is_wrong_is_told() {
    let check = |text: &str, told: &str| {
        let result = read(text).and_then(|config| config.cluster(&machine(), Timestamp::EPOCH));
        assert_eq!(result.unwrap_err().to_string(), told, "{text}");
    };
    check(
        "[cluster]\nname = \"x\"\nmin_jobage = 5\n",
        "q.toml:3:1: unknown key `min_jobage` in [cluster]; did you mean `min_job_age`?",
    );
    check("lisen = 1", "q.toml:1:1: unknown key `lisen` in the file; did you mean `listen`?");
    check(
        "[[nodes]]\nname = \"a\"\n\n[[nodes]]\nname = \"b\"\ncpu = 4",
        "q.toml:6:1: unknown key `cpu` in [[nodes]]; did you mean `cpus`?",
    );
    check(
        "[auth]\nqqqqqqqqqqqq = 1",
        "q.toml:2:1: unknown key `qqqqqqqqqqqq` in [auth]; known keys are jwt_key",
    );
    check(
        "[cluster]\nkill_wait = \"soon\"",
        concat!(
            "q.toml:2:13: invalid value: string \"soon\", ",
            "expected seconds, or a duration such as \"30s\", \"5m\" or \"1h30m\""
        ),
    );
    check("[cluster]\nname = 5", "q.toml:2:8: invalid type: integer `5`, expected a string");
    check(
        "[engine]\nkind = \"cloud\"",
        "q.toml:2:8: unknown value \"cloud\"; known are \"local\", \"slurm\"",
    );
    check("listen = \"nowhere\"", "q.toml:1:10: invalid socket address syntax");
    check(
        "[accounting]\nenforce = [\"limit\"]",
        concat!(
            "[accounting]: enforce has \"limit\"; known are ",
            "associations, limits, qos, safe, wckeys, nojobs, nosteps, all, none"
        ),
    );
    check(
        "[slurm]\nversions = [\"v0.0.39\"]",
        "[slurm]: there is no version \"v0.0.39\"; there are v0.0.42, v0.0.43, v0.0.44, v0.0.45",
    );
    check("[slurm]\nversions = []", "[slurm]: versions must name one at least");
    check(
        "[slurm]\nparts = [\"slurmd\"]",
        "[slurm]: there is no part \"slurmd\"; there are slurmctld, slurmdbd, util",
    );
    check("[engine]\nlaunchers = 0", "[engine]: launchers must be at least 1");
    check("[[nodes]]\nname = \"n[2-1]\"", "[[nodes]]: \"n[2-1]\" is not a name or a list such as \"n[1-4]\"");
    check("[[nodes]]\nname = \"a\"\n[[nodes]]\nname = \"a\"", "[[nodes]]: node \"a\" is given twice");
    check(
        "[[nodes]]\nname = \"a\"\ncpus = 9\nsockets = 2\ncores_per_socket = 4",
        "[[nodes]]: node \"a\": 9 cpus are more than 2 sockets of 4 cores of 1 threads have",
    );
    check(
        "[[nodes]]\nname = \"a\"\ngres = [{ name = \"gpu\", count = 3, files = [\"/dev/null\"] }]",
        "[[nodes]]: node \"a\": gpu has 1 files for a count of 3",
    );
    check(
        "[[partitions]]\nname = \"p\"\nnodes = \"x\"",
        "[[partitions]]: partition \"p\": there is no node \"x\"",
    );
    check(
        "[[partitions]]\nname = \"p\"\n[[partitions]]\nname = \"P\"",
        "[[partitions]]: partition \"P\" is given twice",
    );
    check(
        "[[partitions]]\nname = \"p\"\nmax_time = 5\ndefault_time = 6",
        "[[partitions]]: default_time of partition \"p\" exceeds its max_time",
    );
    check(
        "[[users]]\nname = \"a\"\ngid = 5",
        "[[users]]: user \"a\" needs a uid if it has a gid, home or shell",
    );
    check(
        "[[users]]\nname = \"a\"\nuid = 5\n[[users]]\nname = \"b\"\nuid = 5",
        "[[users]]: the uid 5 of user \"b\" is given twice",
    );
    check(
        "[[accounts]]\nname = \"x\"\n[[users]]\nname = \"a\"\ndefault_account = \"y\"",
        "[[users]]: account \"y\" of user \"a\" is not in [[accounts]]",
    );
    check("[[qos]]\nname = \"a\"\n[[qos]]\nname = \"A\"", "[[qos]]: \"a\" is given twice");
    check(
        "[[qos]]\nname = \"a\"\npreempt = [\"b\"]",
        "[[qos]]: \"a\" would preempt \"b\", which is not among them",
    );
    check(
        "[[qos]]\nname = \"a\"\nflags = [\"Often\"]",
        concat!(
            "[[qos]]: \"a\" has the flag \"Often\"; known are ",
            "NoReserve, PartitionMaxNodes, PartitionMinNodes, PartitionTimeLimit"
        ),
    );
    check(
        "[preempt]\nmode = \"suspend,gang\"",
        "q.toml:2:8: gang scheduling is not offered: jobs take no turns; \"suspend\" alone stops and resumes them",
    );
    check(
        "[[partitions]]\nname = \"a\"\ntres_billing_weights = { fans = 1.0 }",
        "[[partitions]]: partition \"a\": tres_billing_weights names \"fans\"; known are cpu, mem, node, gres/NAME",
    );
    check(
        "[priority]\nusage_reset_period = \"hourly\"",
        concat!(
            "[priority]: unknown usage_reset_period \"hourly\"; known are ",
            "none, now, daily, weekly, monthly, quarterly, yearly"
        ),
    );
    check(
        "[scheduler]\nbf_window = 0",
        "[scheduler]: bf_window must be between 1 minute and 30 days, or unlimited",
    );
    check("[scheduler]\nbf_resolution = 0", "[scheduler]: bf_resolution must be between 1 second and 1 hour");
    check(
        "[scheduler]\nbf_max_job_test = 0",
        concat!(
            "[scheduler]: default_queue_depth, bf_max_job_test and bf_max_job_array_resv ",
            "must be at least 1"
        ),
    );
    check("[priority]\nmax_age = 0", "[priority]: max_age and calc_period must be at least a second");
    check(
        "[priority]\nweight_tres = { energy = 5 }",
        concat!(
            "[priority]: weight_tres names \"energy\"; ",
            "known are cpu, mem, node, gres/NAME, gres/NAME:TYPE, license/NAME"
        ),
    );
    check("[preempt]\nmode = \"cancel\"", "[preempt]: mode needs a type other than \"none\"");
    check("[preempt]\ntype = \"qos\"", "[preempt]: type needs a mode other than \"off\"");
    check("[cluster]\nfirst_job_id = 0", "[cluster]: first_job_id must be between 1 and 67108863");
    check(
        "[log]\nfilter = \"loud=very\"",
        "[log]: filter \"loud=very\" is not a list such as \"info,engine=debug\"",
    );
}

#[test]
fn associations_are_numbered_as_a_database_would() {
    let text = "[[accounts]]\nname = \"physics\"\n[[accounts]]\nname = \"chemistry\"\n\
                [[users]]\nname = \"alice\"\ndefault_account = \"physics\"\naccounts = [\"physics\", \"chemistry\"]\n\
                [[users]]\nname = \"bob\"\ndefault_account = \"chemistry\"\n";
    let config = Config::parse("test", text, Path::new("")).unwrap();
    let cluster = config.cluster(&engine::machine::this_machine(), Timestamp::EPOCH).unwrap();
    let number = |account: &str, user: &str| cluster.association(&account.into(), &user.into());
    assert_eq!(
        [number("root", ""), number("root", "root"), number("physics", ""), number("chemistry", "")],
        [1, 2, 3, 4]
    );
    assert_eq!(
        [number("physics", "alice"), number("chemistry", "alice"), number("chemistry", "bob")],
        [5, 6, 7]
    );
    assert_eq!(number("physics", "bob"), 0);
}

#[test]
fn history_is_kept_as_long_as_is_said() {
    let retention = |text: &str| {
        let clock = std::sync::Arc::new(crate::serve::SystemClock::default());
        read(text).unwrap().retention(Path::new("/state"), clock)
    };
    let nothing = retention("");
    assert!(nothing.is_for_ever());
    assert_eq!(nothing.archive, Path::new("/state/archive"));
    let some = retention(
        "[history]\npurge_job_after = \"12months\"\npurge_usage_after = \"10years\"\npurge_hourly_usage_after = \"90days\"\n\
         purge_event_after = \"2days\"\npurge_resv_after = \"3days\"\npurge_txn_after = \"4days\"\narchive_resvs = false\n\
         archive_usage = false\narchive_dir = \"/archive\"\n",
    );
    let hours = |keep: Option<store::Keep>| keep.map(|keep| (keep.age.as_secs() / 3_600, keep.archived));
    assert_eq!((hours(some.jobs), hours(some.steps)), (Some((12 * 744, true)), None));
    assert_eq!((hours(some.hours), hours(some.days)), (Some((2_160, false)), Some((10 * 366 * 24, false))));
    assert_eq!(
        (hours(some.events), hours(some.reservations), hours(some.transactions)),
        (Some((48, true)), Some((72, false)), Some((96, true)))
    );
    assert_eq!(some.archive, Path::new("/archive"));
    for text in ["purge_job_after = 12", "purge_job_after = \"12\"", "purge_job_after = \"0days\""] {
        assert!(
            matches!(read(&format!("[history]\n{text}\n")), Err(ConfigError::Malformed { .. })),
            "{text}"
        );
    }
    let longer = "[history]\npurge_usage_after = \"1day\"\npurge_hourly_usage_after = \"2days\"\n";
    assert!(read(longer).unwrap_err().to_string().contains("must not be kept longer"));
}

/// The table of a cluster as the example has it, switched on.
fn cluster_table() -> String {
    let full = with_everything(EXAMPLE);
    let (_, rest) = full.split_once("[engine.slurm]\n").unwrap();
    let (table, _) = rest.split_once("\n[mail]").unwrap();
    format!("[engine]\nkind = \"slurm\"\n[engine.slurm]\n{table}")
}

#[test]
fn a_cluster_is_described_by_its_table() {
    let example = cluster_table();
    let lines =
        example.lines().filter(|line| !line.starts_with("token_file") && !line.starts_with("jwt_key"));
    let example = lines.collect::<Vec<_>>().join("\n");
    let shown = read(&example).unwrap().upstream().unwrap().unwrap();
    let plain = "[engine]\nkind = \"slurm\"\n[engine.slurm]\nendpoints = [\"http://127.0.0.1:6820\"]\n";
    let usual = read(plain).unwrap().upstream().unwrap().unwrap();
    assert_eq!(Upstream { authority: None, ..shown }, usual, "the example shows the defaults");
    assert_eq!(usual.showing, Showing::Caller { has_key: false });
    assert_eq!(read("").unwrap().upstream().unwrap(), None);
    let key = format!("{plain}identity = \"key\"\njwt_key = \"key\"\n");
    let key = read(&key).unwrap();
    assert_eq!(key.jwt_key(), Some(Path::new("/etc/key")));
    assert_eq!(key.upstream().unwrap().unwrap().showing, Showing::Key { user: "slurm".to_owned() });
    let service = format!("{plain}identity = \"service\"\ntoken_file = \"/t\"\nrate = 0.0\n");
    let service = read(&service).unwrap().upstream().unwrap().unwrap();
    assert_eq!(service.showing, Showing::Service { file: "/t".into(), user: "slurm".to_owned() });
    assert_eq!(service.rate, None);
}

#[test]
fn what_makes_no_sense_with_a_cluster_is_refused_by_name() {
    let plain = "[engine.slurm]\nendpoints = [\"http://127.0.0.1:6820\"]\n";
    let on = format!("[engine]\nkind = \"slurm\"\n{plain}");
    for (text, place) in [
        (plain.to_owned(), "[engine.slurm]"),
        ("[engine]\nkind = \"slurm\"\n".to_owned(), "[engine]"),
        ("[engine]\nkind = \"slurm\"\n[engine.slurm]\n".to_owned(), "[engine.slurm]"),
        (on.replace("http:", "ftp:"), "[engine.slurm]"),
        (format!("{on}identity = \"key\"\n"), "[engine.slurm]"),
        (format!("{on}identity = \"service\"\n"), "[engine.slurm]"),
        (format!("{on}token_file = \"t\"\n"), "[engine.slurm]"),
        (format!("{on}rate = -1.0\n"), "[engine.slurm]"),
        (format!("{on}[[nodes]]\nname = \"n1\"\n"), "[[nodes]]"),
        (format!("{on}[[partitions]]\nname = \"p\"\n"), "[[partitions]]"),
        (format!("{on}[licenses]\nmatlab = 1\n"), "[licenses]"),
        (format!("{on}[cluster]\nname = \"mine\"\n"), "[cluster]"),
        (format!("{on}[hooks]\njob_completion = \"/bin/true\"\n"), "[hooks]"),
        (on.replace("kind", "cgroups = false\nkind"), "[engine]"),
        (format!("{on}[slurm]\nhonor_sbatch_lines = true\n"), "[slurm] honor_sbatch_lines"),
    ] {
        match read(&text) {
            Err(ConfigError::Unfit { table, .. }) => assert_eq!(table, place, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert!(read(&format!("{on}[cluster]\nidempotency_keys = 7\n")).is_ok());
}
