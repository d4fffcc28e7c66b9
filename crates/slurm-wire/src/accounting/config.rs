//! The whole of accounting in one document.

use crate::accounting::account::AccountList;
use crate::accounting::association::AssocList;
use crate::accounting::cluster::ClusterRecList;
use crate::accounting::instance::InstanceList;
use crate::accounting::qos::QosList;
use crate::accounting::tres::TresList;
use crate::accounting::user::UserList;
use crate::accounting::wckey::WckeyList;
use crate::envelope::{Errors, Meta, Warnings};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};

object! {
    /// The whole of accounting.
    both SlurmdbdConfigResp, SlurmdbdConfigRespInput = "openapi_slurmdbd_config_resp" {
        clusters: ClusterRecList,
        tres: TresList,
        accounts: AccountList,
        users: UserList,
        qos: QosList,
        wckeys: WckeyList,
        associations: AssocList,
        instances: InstanceList = deprecated,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}
