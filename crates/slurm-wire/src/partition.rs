//! Partitions.

use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::{OversubscribeFlag, PartitionFlag, PartitionPreemptMode, PartitionState, SelectType};

object! {
    /// Partitions.
    reply PartitionResp = "openapi_partition_resp" {
        partitions: PartitionInfoMsg = required,
        last_update: NoVal<u64> = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Part `nodes` of [`PartitionInfo`].
    reply inline PartitionInfoNodes = "partition_info_nodes" {
        allowed_allocation: Text,
        configured: Text,
        total: u32,
    }
}

object! {
    /// Part `accounts` of [`PartitionInfo`].
    reply inline PartitionInfoAccounts = "partition_info_accounts" {
        allowed: Text,
        deny: Text,
    }
}

object! {
    /// Part `groups` of [`PartitionInfo`].
    reply inline PartitionInfoGroups = "partition_info_groups" {
        allowed: Text,
    }
}

object! {
    /// Part `qos` of [`PartitionInfo`].
    reply inline PartitionInfoQos = "partition_info_qos" {
        allowed: Text,
        deny: Text,
        assigned: Text,
    }
}

object! {
    /// Part `tres` of [`PartitionInfo`].
    reply inline PartitionInfoTres = "partition_info_tres" {
        billing_weights: Text,
        configured: Text,
    }
}

object! {
    /// Part `cpus` of [`PartitionInfo`].
    reply inline PartitionInfoCpus = "partition_info_cpus" {
        task_binding: u32,
        total: u32,
    }
}

object! {
    /// Part `defaults` of [`PartitionInfo`].
    reply inline PartitionInfoDefaults = "partition_info_defaults" {
        memory_per_cpu: i64,
        partition_memory_per_cpu: NoVal<u64>,
        partition_memory_per_node: NoVal<u64>,
        time: NoVal<u32>,
        job: Text,
    }
}

object! {
    /// Part `maximums/oversubscribe` of [`PartitionInfo`].
    reply inline PartitionInfoMaximumsOversubscribe = "partition_info_maximums_oversubscribe" {
        jobs: u32,
        flags: Flags<OversubscribeFlag>,
    }
}

object! {
    /// Part `maximums` of [`PartitionInfo`].
    reply inline PartitionInfoMaximums = "partition_info_maximums" {
        cpus_per_node: NoVal<u32>,
        cpus_per_socket: NoVal<u32>,
        memory_per_cpu: i64,
        partition_memory_per_cpu: NoVal<u64>,
        partition_memory_per_node: NoVal<u64>,
        nodes: NoVal<u32>,
        shares: u32,
        oversubscribe: PartitionInfoMaximumsOversubscribe,
        time: NoVal<u32>,
        over_time_limit: NoVal<u16>,
    }
}

object! {
    /// Part `minimums` of [`PartitionInfo`].
    reply inline PartitionInfoMinimums = "partition_info_minimums" {
        nodes: u32,
    }
}

object! {
    /// Part `priority` of [`PartitionInfo`].
    reply inline PartitionInfoPriority = "partition_info_priority" {
        job_factor: u32,
        tier: u32,
    }
}

object! {
    /// Part `timeouts` of [`PartitionInfo`].
    reply inline PartitionInfoTimeouts = "partition_info_timeouts" {
        resume: NoVal<u16>,
        suspend: NoVal<u16>,
    }
}

object! {
    /// Part `partition` of [`PartitionInfo`].
    reply inline PartitionInfoPartition = "partition_info_partition" {
        exclusive: Text = later,
        oversubscribe: Text = later,
        state: Flags<PartitionState>,
    }
}

object! {
    /// A partition.
    reply PartitionInfo = "partition_info" {
        nodes: PartitionInfoNodes,
        accounts: PartitionInfoAccounts,
        groups: PartitionInfoGroups,
        qos: PartitionInfoQos,
        alternate: Text,
        tres: PartitionInfoTres,
        cluster: Text,
        select_type: Flags<SelectType>,
        cpus: PartitionInfoCpus,
        defaults: PartitionInfoDefaults,
        flags: Flags<PartitionFlag> = later,
        grace_time: u32,
        maximums: PartitionInfoMaximums,
        minimums: PartitionInfoMinimums,
        name: Text,
        node_sets: Text,
        preempt_mode: Flags<PartitionPreemptMode> = later,
        priority: PartitionInfoPriority,
        timeouts: PartitionInfoTimeouts,
        topology: Text,
        partition: PartitionInfoPartition,
        suspend_time: NoVal<u32>,
    }
}

lists! {
    /// Partitions.
    PartitionInfoMsg, PartitionInfoMsgKind of PartitionInfo = "partition_info_msg", read_plain;
}
