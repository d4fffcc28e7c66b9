//! Nodes: what they are, how they are changed and made.

use crate::checked_text::Disregarded;
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{CsvString, HostlistString, lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::{Nothing, Text};
use crate::words::{CertFlag, NodeState};

object! {
    /// Nodes.
    reply NodesResp = "openapi_nodes_resp" {
        nodes: Nodes = required,
        last_update: NoVal<u64> = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// A node.
    reply listed Node = "node" {
        architecture: Text,
        burstbuffer_network_address: Text,
        boards: u32,
        boot_time: NoVal<u64>,
        tls_cert_last_renewal: NoVal<u64>,
        cert_flags: Flags<CertFlag>,
        cluster_name: Text,
        cores: u32,
        specialized_cores: u32,
        cpu_binding: u32,
        cpu_load: u32,
        free_mem: NoVal<u64>,
        cpus: u32,
        effective_cpus: u32,
        specialized_cpus: Text,
        energy: AcctGatherEnergy,
        external_sensors: Nothing = deprecated,
        extra: Text,
        power: Nothing = deprecated,
        features: CsvString,
        active_features: CsvString,
        gpu_spec: Text,
        gres: Text,
        gres_drained: Text,
        gres_used: Text,
        instance_id: Text,
        instance_type: Text,
        last_busy: NoVal<u64>,
        mcs_label: Text,
        specialized_memory: i64,
        name: Text,
        next_state_after_reboot: Flags<NodeState>,
        address: Text,
        hostname: Text,
        state: Flags<NodeState>,
        operating_system: Text,
        owner: Text,
        partitions: CsvString,
        port: u32,
        real_memory: i64,
        res_cores_per_gpu: u32,
        comment: Text,
        reason: Text,
        reason_changed_at: NoVal<u64>,
        reason_set_by_user: Text,
        resume_after: NoVal<u64>,
        reservation: Text,
        suspend_time: NoVal<u32> = later,
        alloc_memory: i64,
        alloc_cpus: u32,
        alloc_idle_cpus: u32,
        tres_used: Text,
        tres_weighted: f64 = deprecated,
        slurmd_start_time: NoVal<u64>,
        sockets: u32,
        threads: u32,
        temporary_disk: u32,
        weight: u32,
        topology: Text,
        tres: Text,
        version: Text,
    }
}

object! {
    /// The energy a node consumes.
    reply AcctGatherEnergy = "acct_gather_energy" {
        average_watts: u32,
        base_consumed_energy: i64,
        consumed_energy: i64,
        current_watts: NoVal<u32>,
        previous_consumed_energy: i64,
        last_collected: i64,
    }
}

object! {
    /// What shall become different about nodes.
    request UpdateNodeMsg = "update_node_msg" {
        comment: Text,
        cpu_bind: u32,
        extra: Text,
        features: CsvString,
        features_act: CsvString,
        gres: Text,
        address: HostlistString,
        hostname: HostlistString,
        name: HostlistString,
        state: Flags<NodeState>,
        reason: Text,
        reason_uid: Disregarded = deprecated,
        resume_after: NoVal<u32>,
        topology_str: Text,
        weight: NoVal<u32>,
    }
}

object! {
    /// A node to be made, as a line of the configuration.
    request CreateNodeReq = "openapi_create_node_req" {
        node_conf: Text = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

lists! {
    /// Nodes.
    Nodes, NodesKind of Node = "nodes", read_plain;
}
