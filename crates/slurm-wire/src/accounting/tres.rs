//! Trackable resources, and what was used of them.

use crate::envelope::{Errors, Meta, Warnings};
use crate::list::{lists, read_plain, read_strict};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::{Checked, Text};

object! {
    /// Trackable resources.
    both TresResp, TresRespInput = "openapi_tres_resp" {
        tres "TRES": TresList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// An amount of a trackable resource.
    both Tres, TresInput = "tres" {
        kind "type": Text = required,
        name: Text,
        id: u32,
        count: Checked<i64>,
    }
}

object! {
    /// Part `allocated` of [`Accounting`].
    both inline AccountingAllocated, AccountingAllocatedInput = "accounting_allocated" {
        seconds: i64,
    }
}

object! {
    /// What was used of a trackable resource.
    both Accounting, AccountingInput = "accounting" {
        allocated: AccountingAllocated,
        id: u32,
        id_alt: u32,
        start: i64,
        tres "TRES": Tres,
    }
}

lists! {
    /// Amounts of trackable resources.
    TresList, TresListKind of Tres = "tres_list", read_strict;
    /// What was used.
    AccountingList, AccountingListKind of Accounting = "accounting_list", read_plain;
}
