//! Who answers: controllers and databases.

use crate::envelope::{Errors, Meta, Warnings};
use crate::list::{lists, read_plain};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;

object! {
    /// Whether the controllers answer.
    reply PingArrayResp = "openapi_ping_array_resp" {
        pings: ControllerPingArray = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Whether a controller answers.
    reply ControllerPing = "controller_ping" {
        hostname: Text,
        pinged: Text = deprecated,
        responding: bool = required,
        status: Text = later,
        latency: i64,
        mode: Text = deprecated,
        primary: bool = required,
    }
}

object! {
    /// Whether the database daemons answer.
    reply SlurmdbdPingResp = "openapi_slurmdbd_ping_resp" {
        pings: SlurmdbdPingArray = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Whether a database daemon answers.
    reply SlurmdbdPing = "slurmdbd_ping" {
        hostname: Text = required,
        responding: bool = required,
        status: Text = later,
        latency: i64 = required,
        primary: bool = required,
    }
}

lists! {
    /// Whether the controllers answer.
    ControllerPingArray, ControllerPingArrayKind of ControllerPing = "controller_ping_array", read_plain;
    /// Whether the database daemons answer.
    SlurmdbdPingArray, SlurmdbdPingArrayKind of SlurmdbdPing = "slurmdbd_ping_array", read_plain;
}
