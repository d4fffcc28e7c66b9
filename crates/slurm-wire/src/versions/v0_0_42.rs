//! v0.0.42, of Slurm 24.11: paths of a job's files are expanded in place, and reservations cannot be made.

use super::{Fields, V0_0_43, Version, Words};

/// Differences from v0.0.43.
pub const V0_0_42: Version = Version {
    is_deprecated: true,
    lacks_operations: &["slurm_post_reservation", "slurm_post_reservations"],
    lacks: &[
        (
            "job_info",
            &["licenses_allocated", "segment_size", "stderr_expanded", "stdin_expanded", "stdout_expanded"],
        ),
        ("node", &["cert_flags", "tls_cert_last_renewal", "topology"]),
        ("partition_info", &["topology"]),
        ("update_node_msg", &["topology_str"]),
        ("job", &["segment_size"]),
        ("job_reservation", &["requested"]),
        ("step_step", &["stderr", "stderr_expanded", "stdin", "stdin_expanded", "stdout", "stdout_expanded"]),
        ("step_time", &["limit"]),
    ],
    words: &[
        Words { enumeration: "JobFlag", lacks: &["EXTERNAL_JOB"], ..Words::NONE },
        Words { enumeration: "ClusterFlag", lacks: &["DELETED"], ..Words::NONE },
        Words { enumeration: "QosFlag", lacks: &["DELETED", "PARTITION_QOS"], ..Words::NONE },
    ],
    deprecation: &[("openapi_slurmdbd_config_resp", "instances", false)],
    amended: &[("job_info", job_info)],
    ..Version::same_as("v0.0.42", Some(&V0_0_43))
};

/// What became fields of their own afterwards is told as the paths themselves.
fn job_info(fields: &mut Fields<'_>) {
    for (told, expanded) in [
        ("standard_error", "stderr_expanded"),
        ("standard_input", "stdin_expanded"),
        ("standard_output", "stdout_expanded"),
    ] {
        let path = fields.get(expanded).to_vec();
        fields.set(told, path);
    }
}
