//! Associations: who may use what under which limits.

use crate::accounting::tres::{AccountingList, TresList};
use crate::checked_number::AssocId;
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{QosStringIdList, StringList, lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::AssocFlag;

object! {
    /// Associations.
    both AssocsResp, AssocsRespInput = "openapi_assocs_resp" {
        associations: AssocList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Part `default` of [`Assoc`].
    both inline AssocDefault, AssocDefaultInput = "assoc_default" {
        qos: Text,
    }
}

object! {
    /// Part `max/jobs/per` of [`Assoc`].
    both inline AssocMaxJobsPer, AssocMaxJobsPerInput = "assoc_max_jobs_per" {
        count: NoVal<u32>,
        accruing: NoVal<u32>,
        submitted: NoVal<u32>,
        wall_clock: NoVal<u32>,
    }
}

object! {
    /// Part `max/jobs` of [`Assoc`].
    both inline AssocMaxJobs, AssocMaxJobsInput = "assoc_max_jobs" {
        per: AssocMaxJobsPer,
        active: NoVal<u32>,
        accruing: NoVal<u32>,
        total: NoVal<u32>,
    }
}

object! {
    /// Part `max/tres/group` of [`Assoc`].
    both inline AssocMaxTresGroup, AssocMaxTresGroupInput = "assoc_max_tres_group" {
        minutes: TresList,
        active: TresList,
    }
}

object! {
    /// Part `max/tres/minutes/per` of [`Assoc`].
    both inline AssocMaxTresMinutesPer, AssocMaxTresMinutesPerInput = "assoc_max_tres_minutes_per" {
        job: TresList,
    }
}

object! {
    /// Part `max/tres/minutes` of [`Assoc`].
    both inline AssocMaxTresMinutes, AssocMaxTresMinutesInput = "assoc_max_tres_minutes" {
        total: TresList,
        per: AssocMaxTresMinutesPer,
    }
}

object! {
    /// Part `max/tres/per` of [`Assoc`].
    both inline AssocMaxTresPer, AssocMaxTresPerInput = "assoc_max_tres_per" {
        job: TresList,
        node: TresList,
    }
}

object! {
    /// Part `max/tres` of [`Assoc`].
    both inline AssocMaxTres, AssocMaxTresInput = "assoc_max_tres" {
        total: TresList,
        group: AssocMaxTresGroup,
        minutes: AssocMaxTresMinutes,
        per: AssocMaxTresPer,
    }
}

object! {
    /// Part `max/per/account` of [`Assoc`].
    both inline AssocMaxPerAccount, AssocMaxPerAccountInput = "assoc_max_per_account" {
        wall_clock: NoVal<u32>,
    }
}

object! {
    /// Part `max/per` of [`Assoc`].
    both inline AssocMaxPer, AssocMaxPerInput = "assoc_max_per" {
        account: AssocMaxPerAccount,
    }
}

object! {
    /// Part `max` of [`Assoc`].
    both inline AssocMax, AssocMaxInput = "assoc_max" {
        jobs: AssocMaxJobs,
        tres: AssocMaxTres,
        per: AssocMaxPer,
    }
}

object! {
    /// Part `min` of [`Assoc`].
    both inline AssocMin, AssocMinInput = "assoc_min" {
        priority_threshold: NoVal<u32>,
    }
}

object! {
    /// An association: a user (or none) in an account on a cluster, and its limits.
    both Assoc, AssocInput = "assoc" {
        accounting: AccountingList,
        account: Text,
        cluster: Text,
        comment: Text,
        default: AssocDefault,
        flags: Flags<AssocFlag>,
        max: AssocMax,
        id: AssocId,
        is_default: bool,
        lineage: Text,
        min: AssocMin,
        parent_account: Text,
        partition: Text,
        priority: NoVal<u32>,
        qos: QosStringIdList,
        shares_raw: u32,
        user: Text = required,
    }
}

object! {
    /// An association by its parts.
    both AssocShort, AssocShortInput = "assoc_short" {
        account: Text,
        cluster: Text,
        partition: Text,
        user: Text = required,
        id: u32,
    }
}

object! {
    /// The limits of new associations.
    request AssocRecSet = "assoc_rec_set" {
        comment: Text,
        defaultqos: Text,
        grpjobs: NoVal<u32>,
        grpjobsaccrue: NoVal<u32>,
        grpsubmitjobs: NoVal<u32>,
        grptres: TresList,
        grptresmins: TresList,
        grptresrunmins: TresList,
        grpwall: NoVal<u32>,
        maxjobs: NoVal<u32>,
        maxjobsaccrue: NoVal<u32>,
        maxsubmitjobs: NoVal<u32>,
        maxtresminsperjob: TresList,
        maxtresrunmins: TresList,
        maxtresperjob: TresList,
        maxtrespernode: TresList,
        maxwalldurationperjob: NoVal<u32>,
        minpriothresh: NoVal<u32>,
        parent: Text,
        priority: NoVal<u32>,
        qoslevel: QosStringIdList,
        fairshare: u32,
    }
}

object! {
    /// The associations that were removed.
    reply AssocsRemovedResp = "openapi_assocs_removed_resp" {
        removed_associations: StringList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

lists! {
    /// Associations by their parts.
    AssocShortList, AssocShortListKind of AssocShort = "assoc_short_list", read_plain;
    /// Associations.
    AssocList, AssocListKind of Assoc = "assoc_list", read_plain;
}
