//! v0.0.45, of Slurm 26.05: what was deprecated is gone, and partitions say how they share and make way.
//! Properties that are new with it are in the tables of the types, marked `later`.

use super::{Fields, V0_0_44, Version, Words};
use crate::schema::Schema;

/// Differences from v0.0.44.
pub const V0_0_45: Version = Version {
    is_later: true,
    lacks: &[
        ("stats_msg", &["parts_packed"]),
        ("job_info", &["power"]),
        ("job_desc_msg", &["power_flags"]),
        ("node", &["external_sensors", "power", "tres_weighted"]),
        ("reservation_info", &["watts"]),
        ("controller_ping", &["mode", "pinged"]),
        ("assoc_condition", &["format"]),
        ("cluster_condition", &["format"]),
        ("instance_condition", &["format"]),
        ("job_condition", &["format"]),
        ("qos_condition", &["format"]),
        ("wckey_condition", &["format"]),
        ("cluster_rec", &["select_plugin"]),
        ("openapi_slurmdbd_config_resp", &["instances"]),
        ("step", &["pid"]),
    ],
    words: &[Words { enumeration: "CpuBindingFlag", lacks: &["CPU_BIND_RANK"], ..Words::NONE }],
    retyped: &[
        ("partition_info", "select_type", select_types),
        ("job_res", "select_type", select_types),
        ("partition_info_cpus", "task_binding", task_bindings),
    ],
    deprecation: &[
        ("job_info", "shared", true),
        ("partition_info_defaults", "memory_per_cpu", true),
        ("partition_info_maximums", "memory_per_cpu", true),
        ("partition_info_maximums", "shares", true),
        ("partition_info_maximums_oversubscribe", "flags", true),
        ("partition_info_maximums_oversubscribe", "jobs", true),
    ],
    required: &[("slurmdbd_ping", "status", true)],
    amended: &[
        ("partition_info", partition),
        ("partition_info_cpus", partition_cpus),
        ("partition_info_defaults", partition_defaults),
        ("partition_info_maximums", partition_maximums),
        ("partition_info_maximums_oversubscribe", partition_oversubscribe),
        ("job_res", job_resources),
    ],
    ..Version::same_as("v0.0.45", Some(&V0_0_44))
};

/// How the selection of resources is told.
const SELECT_TYPES: &[&str] = &[
    "NONE",
    "CR_CPU_MEMORY",
    "CR_CPU",
    "CR_CORE_MEMORY",
    "CR_CORE",
    "CR_SOCKET_MEMORY",
    "CR_SOCKET",
    "CR_MEMORY",
    "CR_ONE_TASK_PER_CORE",
    "CR_CORE_DEFAULT_DIST_BLOCK",
    "CR_NO_DIST_TOPO_BLOCK",
    "CR_LLN",
    "CR_PACK_NODES",
    "LL_SHARED_GRES",
    "MULTIPLE_SHARING_GRES_PJ",
    "ENFORCE_BINDING_GRES",
    "ONE_TASK_PER_SHARING_GRES",
];

fn select_types() -> Schema {
    Schema::Array(Box::new(Schema::Enumeration(SELECT_TYPES.to_vec())))
}

fn task_bindings() -> Schema {
    let words = [
        "CPU_BIND_TO_THREADS",
        "CPU_BIND_TO_CORES",
        "CPU_BIND_TO_SOCKETS",
        "CPU_BIND_TO_LDOMS",
        "CPU_BIND_NONE",
        "CPU_BIND_OFF",
        "VERBOSE",
    ];
    Schema::Array(Box::new(Schema::Enumeration(words.to_vec())))
}

/// Memory is always allocated beside cores, which the older words do not tell.
fn job_resources(fields: &mut Fields<'_>) {
    let told = match fields.get("select_type") {
        br#"["CORE"]"# => r#"["CR_CORE_MEMORY"]"#,
        br#"["CPU"]"# => r#"["CR_CPU_MEMORY"]"#,
        br#"["SOCKET"]"# => r#"["CR_SOCKET_MEMORY"]"#,
        _ => r#"["NONE"]"#,
    };
    fields.set("select_type", told);
}

/// Partitions do not choose for themselves how resources are selected.
fn partition(fields: &mut Fields<'_>) {
    fields.set("select_type", r#"["NONE"]"#);
}

/// Partitions have no binding of their own.
fn partition_cpus(fields: &mut Fields<'_>) {
    fields.set("task_binding", "[]");
}

// What is deprecated is not filled in any more.

fn partition_defaults(fields: &mut Fields<'_>) {
    fields.set("memory_per_cpu", "0");
}

fn partition_maximums(fields: &mut Fields<'_>) {
    fields.set("memory_per_cpu", "0");
    fields.set("shares", "0");
}

fn partition_oversubscribe(fields: &mut Fields<'_>) {
    fields.set("jobs", "0");
    fields.set("flags", "[]");
}
