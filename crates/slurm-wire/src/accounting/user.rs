//! Users.

use crate::accounting::account::CoordList;
use crate::accounting::association::{AssocRecSet, AssocShortList};
use crate::accounting::wckey::WckeyList;
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{StringList, lists, read_plain};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::{AdminLevel, UserFlag};

object! {
    /// Users.
    both UsersResp, UsersRespInput = "openapi_users_resp" {
        users: UserList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Part `default` of [`User`].
    both inline UserDefault, UserDefaultInput = "user_default" {
        qos: u32,
        account: Text,
        wckey: Text,
    }
}

object! {
    /// A user.
    both User, UserInput = "user" {
        administrator_level: Flags<AdminLevel>,
        associations: AssocShortList,
        coordinators: CoordList,
        default: UserDefault,
        flags: Flags<UserFlag>,
        name: Text = required,
        old_name: Text,
        wckeys: WckeyList,
    }
}

object! {
    /// Users to be made together with their associations.
    request UsersAddCondResp = "openapi_users_add_cond_resp" {
        association_condition: UsersAddCond = required,
        user: UserShort = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// What was made.
    reply UsersAddCondRespStr = "openapi_users_add_cond_resp_str" {
        added_users: Text = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// The users to be made and where.
    request UsersAddCond = "users_add_cond" {
        accounts: StringList,
        association: AssocRecSet,
        clusters: StringList,
        partitions: StringList,
        users: StringList = required,
        wckeys: StringList,
    }
}

object! {
    /// What the new users have in common.
    request UserShort = "user_short" {
        adminlevel: Flags<AdminLevel>,
        defaultqos: u32,
        defaultaccount: Text,
        defaultwckey: Text,
    }
}

object! {
    /// The users that were removed; documented as an answer without content.
    reply UsersRemovedResp = "openapi_users_removed_resp" {
        removed_users: StringList,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

lists! {
    /// Users.
    UserList, UserListKind of User = "user_list", read_plain;
}
