//! Workload characterisation keys.

use crate::accounting::tres::AccountingList;
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{StringList, lists, read_plain};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::WckeyFlag;

object! {
    /// Workload keys.
    both WckeyResp, WckeyRespInput = "openapi_wckey_resp" {
        wckeys: WckeyList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// A workload key.
    both Wckey, WckeyInput = "wckey" {
        accounting: AccountingList,
        cluster: Text = required,
        id: u32,
        name: Text = required,
        user: Text = required,
        flags: Flags<WckeyFlag>,
    }
}

object! {
    /// The workload keys that were removed.
    reply WckeyRemovedResp = "openapi_wckey_removed_resp" {
        deleted_wckeys: StringList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

lists! {
    /// Workload keys.
    WckeyList, WckeyListKind of Wckey = "wckey_list", read_plain;
}
