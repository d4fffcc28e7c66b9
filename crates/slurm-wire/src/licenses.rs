//! Licences.

use crate::envelope::{Errors, Meta, Warnings};
use crate::list::{lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;

object! {
    /// Licences.
    reply LicensesResp = "openapi_licenses_resp" {
        licenses: Licenses = required,
        last_update: NoVal<u64> = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// A licence.
    reply License = "license" {
        license_name "LicenseName": Text,
        total "Total": u32,
        used "Used": u32,
        free "Free": u32,
        remote "Remote": bool,
        reserved "Reserved": u32,
        last_consumed "LastConsumed": u32,
        last_deficit "LastDeficit": u32,
        last_update "LastUpdate": i64,
        nodes "Nodes": Text,
    }
}

lists! {
    /// Licences.
    Licenses, LicensesKind of License = "licenses", read_plain;
}
