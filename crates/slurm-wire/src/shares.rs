//! Fair shares.

use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::{LongDouble, Text};
use crate::words::SharesType;

object! {
    /// The fair shares of all associations.
    reply SharesResp = "openapi_shares_resp" {
        shares: SharesRespMsg = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// The fair shares and their sum.
    reply SharesRespMsg = "shares_resp_msg" {
        shares: AssocSharesObjList,
        total_shares: i64,
    }
}

object! {
    /// Part `tres` of [`AssocSharesObjWrap`].
    reply inline AssocSharesObjWrapTres = "assoc_shares_obj_wrap_tres" {
        run_seconds: SharesUint64TresList,
        group_minutes: SharesUint64TresList,
        usage: SharesFloat128TresList,
    }
}

object! {
    /// Part `fairshare` of [`AssocSharesObjWrap`].
    reply inline AssocSharesObjWrapFairshare = "assoc_shares_obj_wrap_fairshare" {
        factor: NoVal<f64>,
        level: NoVal<f64>,
    }
}

object! {
    /// The fair share of one association.
    reply AssocSharesObjWrap = "assoc_shares_obj_wrap" {
        id: u32,
        cluster: Text,
        name: Text,
        parent: Text,
        partition: Text,
        shares_normalized: NoVal<f64>,
        shares: NoVal<u32>,
        tres: AssocSharesObjWrapTres,
        effective_usage: NoVal<f64>,
        usage_normalized: NoVal<f64>,
        usage: i64,
        fairshare: AssocSharesObjWrapFairshare,
        kind "type": Flags<SharesType>,
    }
}

object! {
    /// An amount of one TRES.
    reply SharesUint64Tres = "shares_uint64_tres" {
        name: Text,
        value: NoVal<u64>,
    }
}

object! {
    /// The usage of one TRES.
    reply SharesFloat128Tres = "shares_float128_tres" {
        name: Text,
        value: LongDouble,
    }
}

lists! {
    /// The fair shares, association by association.
    AssocSharesObjList, AssocSharesObjListKind of AssocSharesObjWrap = "assoc_shares_obj_list", read_plain;
    /// Amounts, TRES by TRES.
    SharesUint64TresList, SharesUint64TresListKind of SharesUint64Tres = "shares_uint64_tres_list", read_plain;
    /// The usage, TRES by TRES.
    SharesFloat128TresList, SharesFloat128TresListKind of SharesFloat128Tres = "shares_float128_tres_list", read_plain;
}
