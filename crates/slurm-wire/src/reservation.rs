//! Reservations: what there is, and what is asked for.

use crate::accounting::tres::TresList;
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{CsvString, HostlistString, lists, read_plain};
use crate::no_val::{NoVal, TimeNoVal};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::{Obsolete, Text};
use crate::words::ReservationFlag;

object! {
    /// Reservations.
    reply ReservationResp = "openapi_reservation_resp" {
        reservations: ReservationInfoMsg = required,
        last_update: NoVal<u64> = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Part `purge_completed` of [`ReservationInfo`].
    reply inline ReservationInfoPurgeCompleted = "reservation_info_purge_completed" {
        time: NoVal<u32>,
    }
}

object! {
    /// A reservation.
    reply ReservationInfo = "reservation_info" {
        accounts: Text,
        burst_buffer: Text,
        core_count: u32,
        core_specializations: ReservationInfoCoreSpec,
        end_time: NoVal<u64>,
        features: Text,
        flags: Flags<ReservationFlag>,
        groups: Text,
        licenses: Text,
        max_start_delay: u32,
        name: Text,
        node_count: u32,
        node_list: Text,
        partition: Text,
        purge_completed: ReservationInfoPurgeCompleted,
        start_time: NoVal<u64>,
        watts: Obsolete = deprecated,
        tres: Text,
        users: Text,
    }
}

object! {
    /// The reserved cores of one node.
    reply ReservationCoreSpec = "reservation_core_spec" {
        node: Text,
        core: Text,
    }
}

object! {
    /// Part `purge_completed` of [`ReservationDescMsg`].
    both inline ReservationDescMsgPurgeCompleted, ReservationDescMsgPurgeCompletedInput = "reservation_desc_msg_purge_completed" {
        time: NoVal<u32>,
    }
}

object! {
    /// A reservation as it is asked for.
    both ReservationDescMsg, ReservationDescMsgInput = "reservation_desc_msg" {
        accounts: CsvString,
        burst_buffer: Text,
        comment: Text,
        core_count: NoVal<u32>,
        duration: NoVal<u32>,
        end_time: TimeNoVal,
        features: Text,
        flags: Flags<ReservationFlag>,
        groups: CsvString,
        licenses: CsvString,
        max_start_delay: NoVal<u32>,
        name: Text,
        node_count: NoVal<u32>,
        node_list: HostlistString,
        partition: Text,
        purge_completed: ReservationDescMsgPurgeCompleted,
        start_time: TimeNoVal,
        tres: TresList,
        users: CsvString,
    }
}

object! {
    /// Reservations to be made or changed.
    request ReservationModReq = "reservation_mod_req" {
        reservations: ReservationDescMsgList,
    }
}

object! {
    /// The answer to making or changing reservations.
    reply ReservationModResp = "openapi_reservation_mod_resp" {
        reservations: ReservationDescMsgList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

lists! {
    /// Reservations.
    ReservationInfoMsg, ReservationInfoMsgKind of ReservationInfo = "reservation_info_msg", read_plain;
    /// The reserved cores, node by node.
    ReservationInfoCoreSpec, ReservationInfoCoreSpecKind of ReservationCoreSpec = "reservation_info_core_spec", read_plain;
    /// Reservations as they are asked for.
    ReservationDescMsgList, ReservationDescMsgListKind of ReservationDescMsg = "reservation_desc_msg_list", read_plain;
}
