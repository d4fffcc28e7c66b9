//! What a running job holds, node by node, in its two presentations.

use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::{CoreStatus, NodeSelectType, SelectType};

object! {
    /// Part `nodes` of [`JobRes`].
    reply inline JobResNodesPart = "job_res_nodes" {
        count: u32,
        select_type: Flags<NodeSelectType>,
        list: Text,
        whole: bool,
        allocation: JobResNodes,
    }
}

object! {
    /// What a running job holds.
    reply JobRes = "job_res" {
        select_type: Flags<SelectType> = required,
        nodes: JobResNodesPart,
        cpus: u32 = required,
        threads_per_core: NoVal<u16> = required,
    }
}

object! {
    /// Part `cpus` of [`JobResNode`].
    reply inline JobResNodeCpus = "job_res_node_cpus" {
        count: u32,
        used: u32,
    }
}

object! {
    /// Part `memory` of [`JobResNode`].
    reply inline JobResNodeMemory = "job_res_node_memory" {
        used: i64,
        allocated: i64,
    }
}

object! {
    /// What a running job holds of one node.
    reply JobResNode = "job_res_node" {
        index: u32 = required,
        name: Text = required,
        cpus: JobResNodeCpus,
        memory: JobResNodeMemory,
        sockets: JobResSocketArray = required,
    }
}

object! {
    /// What a running job holds of one socket.
    reply JobResSocket = "job_res_socket" {
        index: u32 = required,
        cores: JobResCoreArray = required,
    }
}

object! {
    /// Whether a running job holds one core.
    reply JobResCore = "job_res_core" {
        index: u32 = required,
        status: Flags<CoreStatus> = required,
    }
}

object! {
    /// What a running job holds on its nodes.
    reply ResourceLayoutResp = "openapi_resource_layout_resp" {
        nodes: NodeResourceLayoutList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// What a running job holds on one node.
    reply NodeResourceLayout = "node_resource_layout" {
        node: Text = required,
        sockets_per_node: u32,
        cores_per_socket: u32,
        mem_alloc: i64,
        core_bitmap: Text,
        channel: NoVal<u32>,
        gres: NodeGresLayoutList,
    }
}

object! {
    /// Generic resources that a job holds on a node.
    reply NodeGresLayout = "node_gres_layout" {
        name: Text = required,
        kind "type": Text,
        count: i64,
        index: Text,
    }
}

lists! {
    /// What a running job holds, node by node.
    JobResNodes, JobResNodesKind of JobResNode = "job_res_nodes", read_plain;
    /// What a running job holds of a node, socket by socket.
    JobResSocketArray, JobResSocketArrayKind of JobResSocket = "job_res_socket_array", read_plain;
    /// What a running job holds of a socket, core by core.
    JobResCoreArray, JobResCoreArrayKind of JobResCore = "job_res_core_array", read_plain;
    /// What a running job holds, node by node.
    NodeResourceLayoutList, NodeResourceLayoutListKind of NodeResourceLayout = "node_resource_layout_list", read_plain;
    /// The generic resources that a job holds on a node.
    NodeGresLayoutList, NodeGresLayoutListKind of NodeGresLayout = "node_gres_layout_list", read_plain;
}
