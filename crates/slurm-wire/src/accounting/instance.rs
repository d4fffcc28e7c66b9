//! Cloud instances.

use crate::envelope::{Errors, Meta, Warnings};
use crate::list::{lists, read_plain};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;

object! {
    /// Cloud instances.
    reply InstancesResp = "openapi_instances_resp" {
        instances: InstanceList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Part `time` of [`Instance`].
    both inline InstanceTime, InstanceTimeInput = "instance_time" {
        time_end: i64,
        time_start: i64,
    }
}

object! {
    /// A cloud instance.
    both Instance, InstanceInput = "instance" {
        cluster: Text,
        extra: Text,
        instance_id: Text,
        instance_type: Text,
        node_name: Text,
        time: InstanceTime,
    }
}

lists! {
    /// Cloud instances.
    InstanceList, InstanceListKind of Instance = "instance_list", read_plain;
}
