//! The configuration file as written: every table and key with its default, and nothing else. What the keys
//! mean together is decided in `cluster.rs`.
//!
//! Each key is described in `quintet.example.toml`; a test compares the two.

use super::scheduling::{PreemptTable, PriorityTable, QosTable, SchedulerTable, preempt_mode};
use super::units::{Age, Bytes, Limit, Megabytes, OverSubscribe, Wait, word};
use dialects::EtDetail;
use domain::TimeLimit;
use domain::cluster::{Limits, PartitionState, PreemptMode};
use domain::who::AdminLevel;
use engine::local::PrivateTmp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) listen: SocketAddr,
    pub(crate) state: Option<PathBuf>,
    pub(crate) cluster: ClusterTable,
    pub(crate) nodes: Vec<NodeTable>,
    pub(crate) partitions: Vec<PartitionTable>,
    pub(crate) licenses: BTreeMap<String, u32>,
    pub(crate) switches: Vec<SwitchTable>,
    pub(crate) qos: Vec<QosTable>,
    pub(crate) scheduler: SchedulerTable,
    pub(crate) preempt: PreemptTable,
    pub(crate) priority: PriorityTable,
    pub(crate) users: Vec<UserTable>,
    pub(crate) groups: Vec<GroupTable>,
    pub(crate) accounts: Vec<AccountTable>,
    pub(crate) accounting: AccountingTable,
    pub(crate) auth: AuthTable,
    pub(crate) slurm: SlurmTable,
    pub(crate) clustercockpit: CockpitTable,
    pub(crate) et_engine: EtTable,
    pub(crate) waldur: WaldurTable,
    pub(crate) nifcloud: NifcloudTable,
    pub(crate) engine: EngineTable,
    pub(crate) mail: MailTable,
    pub(crate) hooks: HooksTable,
    pub(crate) history: HistoryTable,
    pub(crate) log: LogTable,
}

impl Default for File {
    fn default() -> Self {
        File {
            listen: SocketAddr::from(([127, 0, 0, 1], 6820)),
            state: None,
            cluster: ClusterTable::default(),
            nodes: Vec::new(),
            partitions: Vec::new(),
            licenses: BTreeMap::new(),
            switches: Vec::new(),
            qos: Vec::new(),
            scheduler: SchedulerTable::default(),
            preempt: PreemptTable::default(),
            priority: PriorityTable::default(),
            users: Vec::new(),
            groups: Vec::new(),
            accounts: Vec::new(),
            accounting: AccountingTable::default(),
            auth: AuthTable::default(),
            slurm: SlurmTable::default(),
            clustercockpit: CockpitTable::default(),
            et_engine: EtTable::default(),
            waldur: WaldurTable::default(),
            nifcloud: NifcloudTable::default(),
            engine: EngineTable::default(),
            mail: MailTable::default(),
            hooks: HooksTable::default(),
            history: HistoryTable::default(),
            log: LogTable::default(),
        }
    }
}

/// `[history]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HistoryTable {
    pub(crate) purge_job_after: Option<Age>,
    pub(crate) purge_step_after: Option<Age>,
    pub(crate) purge_usage_after: Option<Age>,
    pub(crate) purge_hourly_usage_after: Option<Age>,
    pub(crate) purge_daily_usage_after: Option<Age>,
    pub(crate) purge_event_after: Option<Age>,
    pub(crate) purge_resv_after: Option<Age>,
    pub(crate) purge_txn_after: Option<Age>,
    pub(crate) archive_dir: Option<PathBuf>,
    pub(crate) archive_jobs: bool,
    pub(crate) archive_steps: bool,
    pub(crate) archive_usage: bool,
    pub(crate) archive_events: bool,
    pub(crate) archive_resvs: bool,
    pub(crate) archive_txn: bool,
}

impl Default for HistoryTable {
    fn default() -> Self {
        HistoryTable {
            purge_job_after: None,
            purge_step_after: None,
            purge_usage_after: None,
            purge_hourly_usage_after: None,
            purge_daily_usage_after: None,
            purge_event_after: None,
            purge_resv_after: None,
            purge_txn_after: None,
            archive_dir: None,
            archive_jobs: true,
            archive_steps: true,
            archive_usage: true,
            archive_events: true,
            archive_resvs: true,
            archive_txn: true,
        }
    }
}

/// `[cluster]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterTable {
    pub(crate) name: String,
    pub(crate) service_user: String,
    pub(crate) first_job_id: u32,
    pub(crate) max_job_count: usize,
    pub(crate) max_array_size: u32,
    pub(crate) max_script_size: Bytes,
    pub(crate) min_job_age: Wait,
    pub(crate) kill_wait: Wait,
    pub(crate) batch_sched_delay: Wait,
    pub(crate) job_requeue: bool,
    pub(crate) requeue_exit: String,
    pub(crate) requeue_exit_hold: String,
    pub(crate) max_batch_requeue: u32,
    pub(crate) nohold_on_prolog_fail: bool,
    pub(crate) over_time_limit: Limit,
    pub(crate) kill_invalid_depend: bool,
    pub(crate) job_file_append: bool,
    pub(crate) track_wckey: bool,
    pub(crate) explicit_scancel: bool,
    pub(crate) base_priority: u32,
    pub(crate) allow_spec_resources_usage: bool,
    pub(crate) max_switch_wait: Wait,
    pub(crate) inactive_limit: Wait,
    pub(crate) kept_changes: usize,
    pub(crate) max_node_count: Option<usize>,
    pub(crate) resv_over_run: Limit,
    pub(crate) return_to_service: u8,
    pub(crate) idempotency_keys: usize,
    pub(crate) idempotency_window: Wait,
}

impl Default for ClusterTable {
    fn default() -> Self {
        let limits = Limits::default();
        ClusterTable {
            name: "quintet".to_owned(),
            service_user: limits.service_user.to_string(),
            first_job_id: limits.first_job_id,
            max_job_count: limits.max_jobs,
            max_array_size: limits.max_array_size,
            max_script_size: Bytes(limits.max_script),
            min_job_age: Wait(limits.min_job_age),
            kill_wait: Wait(limits.kill_wait),
            batch_sched_delay: Wait(limits.batch_delay),
            job_requeue: limits.requeue,
            requeue_exit: String::new(),
            requeue_exit_hold: String::new(),
            max_batch_requeue: limits.max_requeue,
            nohold_on_prolog_fail: limits.retry_after_prolog,
            over_time_limit: Limit(TimeLimit::Minutes(0)),
            kill_invalid_depend: limits.kill_invalid_dependency,
            job_file_append: limits.append_output,
            track_wckey: limits.track_wckeys,
            explicit_scancel: limits.explicit_cron_cancel,
            base_priority: limits.base_priority,
            allow_spec_resources_usage: limits.allow_core_spec,
            max_switch_wait: Wait(limits.max_switch_wait),
            inactive_limit: Wait(limits.inactive_limit),
            kept_changes: limits.kept_changes,
            max_node_count: limits.max_nodes,
            resv_over_run: Limit(TimeLimit::Minutes(0)),
            return_to_service: 0,
            idempotency_keys: limits.kept_receipts,
            idempotency_window: Wait(limits.receipt_lifetime),
        }
    }
}

/// `[[nodes]]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeTable {
    pub(crate) name: String,
    pub(crate) cpus: Option<u32>,
    pub(crate) sockets: Option<u16>,
    pub(crate) cores_per_socket: Option<u16>,
    pub(crate) threads_per_core: Option<u16>,
    pub(crate) memory: Option<Megabytes>,
    pub(crate) tmp_disk: Option<Megabytes>,
    pub(crate) core_spec_count: Option<u16>,
    pub(crate) cpu_spec_list: Option<String>,
    pub(crate) mem_spec_limit: Option<Megabytes>,
    pub(crate) weight: Option<u32>,
    #[serde(default)]
    pub(crate) features: Vec<String>,
    pub(crate) gres: Option<Vec<GresTable>>,
    pub(crate) host: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) port: Option<u16>,
}

/// An entry of `gres` in `[[nodes]]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GresTable {
    pub(crate) name: String,
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    pub(crate) count: Option<u32>,
    #[serde(default)]
    pub(crate) files: Vec<String>,
    #[serde(default)]
    pub(crate) cores: String,
}

/// `[[switches]]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SwitchTable {
    pub(crate) name: String,
    pub(crate) nodes: String,
    pub(crate) switches: String,
}

/// `[[partitions]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartitionTable {
    pub(crate) name: String,
    #[serde(default = "all")]
    pub(crate) nodes: String,
    #[serde(default)]
    pub(crate) default: bool,
    #[serde(default, deserialize_with = "partition_state")]
    pub(crate) state: PartitionState,
    #[serde(default = "unlimited")]
    pub(crate) max_time: Limit,
    pub(crate) default_time: Option<Limit>,
    pub(crate) max_nodes: Option<u32>,
    #[serde(default)]
    pub(crate) min_nodes: u32,
    pub(crate) max_cpus_per_node: Option<u32>,
    pub(crate) default_memory_per_cpu: Option<Megabytes>,
    pub(crate) default_memory_per_node: Option<Megabytes>,
    pub(crate) max_memory_per_cpu: Option<Megabytes>,
    pub(crate) max_memory_per_node: Option<Megabytes>,
    #[serde(default = "one")]
    pub(crate) priority_tier: u16,
    #[serde(default = "one")]
    pub(crate) priority_job_factor: u16,
    #[serde(default)]
    pub(crate) exclusive: bool,
    #[serde(default = "not_shared")]
    pub(crate) oversubscribe: OverSubscribe,
    #[serde(default)]
    pub(crate) exclusive_user: bool,
    pub(crate) max_cpus_per_socket: Option<u32>,
    pub(crate) default_cpus_per_gpu: Option<u32>,
    pub(crate) default_memory_per_gpu: Option<Megabytes>,
    #[serde(default)]
    pub(crate) root_only: bool,
    #[serde(default)]
    pub(crate) allow_groups: Vec<String>,
    #[serde(default)]
    pub(crate) allow_accounts: Vec<String>,
    #[serde(default)]
    pub(crate) deny_accounts: Vec<String>,
    #[serde(default)]
    pub(crate) allow_qos: Vec<String>,
    #[serde(default)]
    pub(crate) deny_qos: Vec<String>,
    #[serde(default = "no_wait")]
    pub(crate) grace_time: Wait,
    pub(crate) over_time_limit: Option<Limit>,
    #[serde(default, deserialize_with = "preempt_mode")]
    pub(crate) preempt_mode: Option<PreemptMode>,
    #[serde(default)]
    pub(crate) qos: String,
    #[serde(default)]
    pub(crate) tres_billing_weights: BTreeMap<String, f64>,
    #[serde(default)]
    pub(crate) hidden: bool,
}

impl PartitionTable {
    /// Returns a partition of this name over all nodes, everything else as by default.
    pub(crate) fn named(name: &str) -> Self {
        PartitionTable {
            name: name.to_owned(),
            nodes: all(),
            default: false,
            state: PartitionState::Up,
            max_time: unlimited(),
            default_time: None,
            max_nodes: None,
            min_nodes: 0,
            max_cpus_per_node: None,
            default_memory_per_cpu: None,
            default_memory_per_node: None,
            max_memory_per_cpu: None,
            max_memory_per_node: None,
            priority_tier: one(),
            priority_job_factor: one(),
            exclusive: false,
            oversubscribe: not_shared(),
            exclusive_user: false,
            max_cpus_per_socket: None,
            default_cpus_per_gpu: None,
            default_memory_per_gpu: None,
            root_only: false,
            allow_groups: Vec::new(),
            allow_accounts: Vec::new(),
            deny_accounts: Vec::new(),
            allow_qos: Vec::new(),
            deny_qos: Vec::new(),
            grace_time: no_wait(),
            over_time_limit: None,
            preempt_mode: None,
            qos: String::new(),
            tres_billing_weights: BTreeMap::new(),
            hidden: false,
        }
    }
}

fn all() -> String {
    "ALL".to_owned()
}

fn unlimited() -> Limit {
    Limit(TimeLimit::Unlimited)
}

fn one() -> u16 {
    1
}

fn not_shared() -> OverSubscribe {
    OverSubscribe::Jobs(1)
}

fn no_wait() -> Wait {
    Wait(std::time::Duration::ZERO)
}

/// `[[users]]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserTable {
    pub(crate) name: String,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) home: Option<String>,
    pub(crate) shell: Option<String>,
    #[serde(default, deserialize_with = "admin_level")]
    pub(crate) admin: AdminLevel,
    #[serde(default)]
    pub(crate) default_account: String,
    #[serde(default)]
    pub(crate) accounts: Vec<String>,
}

/// `[[groups]]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupTable {
    pub(crate) name: String,
    pub(crate) gid: u32,
    #[serde(default)]
    pub(crate) members: Vec<String>,
}

/// `[[accounts]]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountTable {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) organization: String,
}

/// `[accounting]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AccountingTable {
    pub(crate) enforce: Vec<String>,
}

/// `[auth]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuthTable {
    pub(crate) jwt_key: Option<PathBuf>,
}

/// `[slurm]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SlurmTable {
    pub(crate) versions: Vec<String>,
    pub(crate) parts: Vec<String>,
    pub(crate) honor_sbatch_lines: bool,
}

impl Default for SlurmTable {
    fn default() -> Self {
        let served = dialects::Served::default();
        let parts = dialects::Part::ALL.iter().map(|(name, _)| (*name).to_owned());
        SlurmTable {
            versions: served.versions.iter().map(|version| version.name.to_owned()).collect(),
            parts: parts.collect(),
            honor_sbatch_lines: false,
        }
    }
}

/// `[clustercockpit]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CockpitTable {
    pub(crate) serve: bool,
    pub(crate) private_key: Option<PathBuf>,
    pub(crate) clusters: Vec<PathBuf>,
    pub(crate) allowed_ips: Vec<String>,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) max_series: usize,
    pub(crate) keep: Vec<KeepStep>,
    pub(crate) forget_after: Age,
}

/// Of values older than `after` one is kept for each `step`, seconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeepStep {
    pub(crate) after: Age,
    pub(crate) step: u32,
}

impl Default for CockpitTable {
    fn default() -> Self {
        CockpitTable {
            serve: true,
            private_key: None,
            clusters: Vec::new(),
            allowed_ips: vec!["127.0.0.0/8".to_owned(), "::1".to_owned()],
            trusted_proxies: Vec::new(),
            max_series: 100_000,
            keep: vec![
                KeepStep { after: Age::days(14), step: 60 },
                KeepStep { after: Age::days(92), step: 600 },
            ],
            forget_after: Age::days(730),
        }
    }
}

/// `[et_engine]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EtTable {
    pub(crate) serve: bool,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) max_jobs: u32,
    pub(crate) max_tool_size: Bytes,
    pub(crate) max_file_size: Megabytes,
    #[serde(deserialize_with = "detail_shape")]
    pub(crate) detail_shape: EtDetail,
}

impl Default for EtTable {
    fn default() -> Self {
        EtTable {
            serve: true,
            folder: None,
            max_jobs: 100_000,
            max_tool_size: Bytes(64 << 20),
            max_file_size: Megabytes(64 << 10),
            detail_shape: EtDetail::Array,
        }
    }
}

/// `[nifcloud]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NifcloudTable {
    pub(crate) serve: bool,
    pub(crate) private_key: Option<PathBuf>,
    pub(crate) region: String,
    pub(crate) services: Vec<String>,
    pub(crate) clock_skew: Wait,
    pub(crate) unsigned_bodies: bool,
    pub(crate) max_requests: usize,
    pub(crate) timezone: Option<String>,
    pub(crate) aliases: bool,
    pub(crate) qopt: QoptWord,
    pub(crate) whole_nodes: bool,
    pub(crate) retention: Age,
    pub(crate) groups: Vec<String>,
    pub(crate) folders: Option<String>,
    pub(crate) online: Option<OnlineTable>,
}

/// What becomes of `qopt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum QoptWord {
    Ignore,
    Apply,
}

/// `[nifcloud.online]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnlineTable {
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    #[serde(default = "usual_region")]
    pub(crate) region: String,
    pub(crate) credentials: PathBuf,
    #[serde(default = "usual_prefix")]
    pub(crate) prefix: String,
}

fn usual_region() -> String {
    "jp-east-1".to_owned()
}

fn usual_prefix() -> String {
    "{user}/".to_owned()
}

impl Default for NifcloudTable {
    fn default() -> Self {
        NifcloudTable {
            serve: true,
            private_key: None,
            region: usual_region(),
            services: vec!["hpc-api".to_owned(), "hpc".to_owned()],
            clock_skew: Wait(std::time::Duration::from_secs(900)),
            unsigned_bodies: false,
            max_requests: 10,
            timezone: None,
            aliases: true,
            qopt: QoptWord::Ignore,
            whole_nodes: true,
            retention: Age::days(30),
            groups: Vec::new(),
            folders: None,
            online: None,
        }
    }
}

/// `[waldur]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WaldurTable {
    pub(crate) serve: bool,
    pub(crate) url: Option<String>,
    pub(crate) max_upload: Bytes,
    pub(crate) token_lifetime: Wait,
    pub(crate) list_limit: usize,
    pub(crate) work_dir: Option<String>,
}

impl Default for WaldurTable {
    fn default() -> Self {
        WaldurTable {
            serve: true,
            url: None,
            max_upload: Bytes(5 << 20),
            token_lifetime: Wait(Duration::from_secs(24 * 60 * 60)),
            list_limit: 100_000,
            work_dir: None,
        }
    }
}

fn detail_shape<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<EtDetail, D::Error> {
    word(deserializer, &[("array", EtDetail::Array), ("object", EtDetail::Object)])
}

/// `[engine]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EngineTable {
    #[serde(deserialize_with = "engine_kind")]
    pub(crate) kind: EngineKind,
    pub(crate) launchers: Option<usize>,
    pub(crate) cgroups: bool,
    pub(crate) limit_memory: bool,
    pub(crate) bind_cpus: Option<bool>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) max_processes_per_job: Option<u64>,
    pub(crate) prolog: Vec<PathBuf>,
    pub(crate) epilog: Vec<PathBuf>,
    pub(crate) task_prolog: Option<PathBuf>,
    pub(crate) task_epilog: Option<PathBuf>,
    pub(crate) prolog_epilog_timeout: Option<Wait>,
    #[serde(deserialize_with = "private_tmp")]
    pub(crate) private_tmp: PrivateTmp,
    pub(crate) private_tmp_folder: Option<PathBuf>,
    pub(crate) slurm: Option<UpstreamTable>,
}

/// `[engine.slurm]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UpstreamTable {
    pub(crate) endpoints: Vec<String>,
    #[serde(deserialize_with = "identity")]
    pub(crate) identity: IdentityWord,
    pub(crate) jwt_key: Option<PathBuf>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) user: String,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) max_age: Wait,
    pub(crate) stale_for: Wait,
    pub(crate) timeout: Wait,
    pub(crate) longest_wait: Wait,
    pub(crate) private_data: bool,
    pub(crate) rate: f64,
    pub(crate) burst: u32,
}

impl Default for UpstreamTable {
    fn default() -> Self {
        UpstreamTable {
            endpoints: Vec::new(),
            identity: IdentityWord::Caller,
            jwt_key: None,
            token_file: None,
            user: "slurm".to_owned(),
            ca: None,
            max_age: Wait(Duration::from_secs(1)),
            stale_for: Wait(Duration::from_secs(60 * 60)),
            timeout: Wait(Duration::from_secs(30)),
            longest_wait: Wait(Duration::from_secs(5 * 60)),
            private_data: false,
            rate: 1000.0,
            burst: 5000,
        }
    }
}

/// As whom a cluster is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdentityWord {
    /// As the caller, by his own token.
    Caller,
    /// As the caller, by a token made from the site's key.
    Key,
    /// As a service that speaks for the caller.
    Service,
}

impl Default for EngineTable {
    fn default() -> Self {
        EngineTable {
            kind: EngineKind::Local,
            launchers: None,
            cgroups: true,
            limit_memory: true,
            bind_cpus: None,
            spool: None,
            max_processes_per_job: None,
            prolog: Vec::new(),
            epilog: Vec::new(),
            task_prolog: None,
            task_epilog: None,
            prolog_epilog_timeout: None,
            private_tmp: PrivateTmp::Never,
            private_tmp_folder: None,
            slurm: None,
        }
    }
}

/// `[mail]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MailTable {
    pub(crate) program: Option<PathBuf>,
    pub(crate) relay: Option<String>,
    pub(crate) from: String,
    pub(crate) domain: String,
}

/// `[hooks]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HooksTable {
    pub(crate) job_completion: Option<PathBuf>,
}

/// Which engine runs the jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EngineKind {
    /// This machine.
    Local,
    /// A Slurm cluster.
    Slurm,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogTable {
    pub(crate) filter: String,
    #[serde(deserialize_with = "log_format")]
    pub(crate) format: LogFormat,
}

impl Default for LogTable {
    fn default() -> Self {
        LogTable { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

fn partition_state<'de, D: serde::Deserializer<'de>>(from: D) -> Result<PartitionState, D::Error> {
    use PartitionState::{Down, Drain, Inactive, Up};
    word(from, &[("up", Up), ("down", Down), ("drain", Drain), ("inactive", Inactive)])
}

fn admin_level<'de, D: serde::Deserializer<'de>>(from: D) -> Result<AdminLevel, D::Error> {
    use AdminLevel::{Administrator, None, Operator};
    word(from, &[("none", None), ("operator", Operator), ("administrator", Administrator)])
}

fn engine_kind<'de, D: serde::Deserializer<'de>>(from: D) -> Result<EngineKind, D::Error> {
    word(from, &[("local", EngineKind::Local), ("slurm", EngineKind::Slurm)])
}

fn identity<'de, D: serde::Deserializer<'de>>(from: D) -> Result<IdentityWord, D::Error> {
    use IdentityWord::{Caller, Key, Service};
    word(from, &[("caller", Caller), ("key", Key), ("service", Service)])
}

fn private_tmp<'de, D: serde::Deserializer<'de>>(from: D) -> Result<PrivateTmp, D::Error> {
    use PrivateTmp::{Always, Never, OnRequest};
    word(from, &[("never", Never), ("on request", OnRequest), ("always", Always)])
}

fn log_format<'de, D: serde::Deserializer<'de>>(from: D) -> Result<LogFormat, D::Error> {
    word(from, &[("text", LogFormat::Text), ("json", LogFormat::Json)])
}
