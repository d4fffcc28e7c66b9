//! v0.0.43, of Slurm 25.05: without steps of jobs, layouts of resources, dynamic nodes and the newest words.

use super::{V0_0_44, Version, Words};

/// Differences from v0.0.44.
pub const V0_0_43: Version = Version {
    lacks_operations: &[
        "slurm_get_resources",
        "slurm_post_new_node",
        "slurmdb_post_job",
        "slurmdb_post_jobs",
        "util_post_hostlist",
        "util_post_hostnames",
    ],
    lacks: &[
        ("job_info", &["step_id", "submit_line"]),
        ("job_desc_msg", &["step_id"]),
        ("license", &["Nodes"]),
        ("user_default", &["qos"]),
        ("user_short", &["defaultqos"]),
        ("job_condition", &["job_altered"]),
    ],
    words: &[
        Words { enumeration: "JobState", lacks: &["EXPEDITING"], ..Words::NONE },
        Words {
            enumeration: "JobFlag",
            lacks: &["SPREAD_SEGMENTS", "CONSOLIDATE_SEGMENTS", "EXPEDITED_REQUEUE"],
            ..Words::NONE
        },
        Words { enumeration: "NodeState", lacks: &["EXTERNAL", "BLOCKED"], ..Words::NONE },
        Words {
            enumeration: "ReservationFlag",
            lacks: &["NO_ANY_NODES", "REPLACE_DOWN", "NO_MAGNETIC", "FORCE_START", "TRES_PER_NODE"],
            ..Words::NONE
        },
        Words { enumeration: "AccountingJobFlag", lacks: &["JOB_ALTERED"], ..Words::NONE },
        Words { enumeration: "MemoryBindingFlag", ignores: &["SORT"], ..Words::NONE },
    ],
    required: &[("openapi_accounts_add_cond_resp", "association_condition", false)],
    ..Version::same_as("v0.0.43", Some(&V0_0_44))
};
