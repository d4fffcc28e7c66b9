//! Accounts.

use crate::accounting::association::{AssocRecSet, AssocShortList};
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{StringList, lists, read_plain};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::AccountFlag;

object! {
    /// Accounts.
    both AccountsResp, AccountsRespInput = "openapi_accounts_resp" {
        accounts: AccountList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// An account.
    both Account, AccountInput = "account" {
        associations: AssocShortList,
        coordinators: CoordList,
        description: Text = required,
        name: Text = required,
        organization: Text = required,
        flags: Flags<AccountFlag>,
    }
}

object! {
    /// A coordinator of an account.
    both Coord, CoordInput = "coord" {
        name: Text = required,
        direct: bool,
    }
}

object! {
    /// The accounts that were removed.
    reply AccountsRemovedResp = "openapi_accounts_removed_resp" {
        removed_accounts: StringList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Accounts to be made together with their associations.
    request AccountsAddCondResp = "openapi_accounts_add_cond_resp" {
        association_condition: AccountsAddCond = required,
        account: AccountShort,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// What was made.
    reply AccountsAddCondRespStr = "openapi_accounts_add_cond_resp_str" {
        added_accounts: Text = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// The accounts to be made and where.
    request AccountsAddCond = "accounts_add_cond" {
        accounts: StringList = required,
        association: AssocRecSet,
        clusters: StringList,
    }
}

object! {
    /// What the new accounts are called.
    request AccountShort = "account_short" {
        description: Text,
        organization: Text,
    }
}

lists! {
    /// Accounts.
    AccountList, AccountListKind of Account = "account_list", read_plain;
    /// The coordinators of an account, or the accounts somebody coordinates.
    CoordList, CoordListKind of Coord = "coord_list", read_plain;
}
