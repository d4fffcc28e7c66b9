//! Qualities of service.

use crate::accounting::tres::TresList;
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{QosPreemptList, StringList, lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::{PreemptMode, QosFlag};

object! {
    /// Qualities of service.
    both SlurmdbdQosResp, SlurmdbdQosRespInput = "openapi_slurmdbd_qos_resp" {
        qos: QosList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Part `limits/max/active_jobs` of [`Qos`].
    both inline QosLimitsMaxActiveJobs, QosLimitsMaxActiveJobsInput = "qos_limits_max_active_jobs" {
        accruing: NoVal<u32>,
        count: NoVal<u32>,
    }
}

object! {
    /// Part `limits/max/jobs/active_jobs/per` of [`Qos`].
    both inline QosLimitsMaxJobsActiveJobsPer, QosLimitsMaxJobsActiveJobsPerInput = "qos_limits_max_jobs_active_jobs_per" {
        account: NoVal<u32>,
        user: NoVal<u32>,
    }
}

object! {
    /// Part `limits/max/jobs/active_jobs` of [`Qos`].
    both inline QosLimitsMaxJobsActiveJobs, QosLimitsMaxJobsActiveJobsInput = "qos_limits_max_jobs_active_jobs" {
        per: QosLimitsMaxJobsActiveJobsPer,
    }
}

object! {
    /// Part `limits/max/jobs/per` of [`Qos`].
    both inline QosLimitsMaxJobsPer, QosLimitsMaxJobsPerInput = "qos_limits_max_jobs_per" {
        account: NoVal<u32>,
        user: NoVal<u32>,
    }
}

object! {
    /// Part `limits/max/jobs` of [`Qos`].
    both inline QosLimitsMaxJobs, QosLimitsMaxJobsInput = "qos_limits_max_jobs" {
        count: NoVal<u32>,
        active_jobs: QosLimitsMaxJobsActiveJobs,
        per: QosLimitsMaxJobsPer,
    }
}

object! {
    /// Part `limits/max/tres/minutes/per` of [`Qos`].
    both inline QosLimitsMaxTresMinutesPer, QosLimitsMaxTresMinutesPerInput = "qos_limits_max_tres_minutes_per" {
        qos: TresList,
        job: TresList,
        account: TresList,
        user: TresList,
    }
}

object! {
    /// Part `limits/max/tres/minutes` of [`Qos`].
    both inline QosLimitsMaxTresMinutes, QosLimitsMaxTresMinutesInput = "qos_limits_max_tres_minutes" {
        total: TresList,
        per: QosLimitsMaxTresMinutesPer,
    }
}

object! {
    /// Part `limits/max/tres/per` of [`Qos`].
    both inline QosLimitsMaxTresPer, QosLimitsMaxTresPerInput = "qos_limits_max_tres_per" {
        account: TresList,
        job: TresList,
        node: TresList,
        user: TresList,
    }
}

object! {
    /// Part `limits/max/tres` of [`Qos`].
    both inline QosLimitsMaxTres, QosLimitsMaxTresInput = "qos_limits_max_tres" {
        total: TresList,
        minutes: QosLimitsMaxTresMinutes,
        per: QosLimitsMaxTresPer,
    }
}

object! {
    /// Part `limits/max/wall_clock/per` of [`Qos`].
    both inline QosLimitsMaxWallClockPer, QosLimitsMaxWallClockPerInput = "qos_limits_max_wall_clock_per" {
        qos: NoVal<u32>,
        job: NoVal<u32>,
    }
}

object! {
    /// Part `limits/max/wall_clock` of [`Qos`].
    both inline QosLimitsMaxWallClock, QosLimitsMaxWallClockInput = "qos_limits_max_wall_clock" {
        per: QosLimitsMaxWallClockPer,
    }
}

object! {
    /// Part `limits/max/accruing/per` of [`Qos`].
    both inline QosLimitsMaxAccruingPer, QosLimitsMaxAccruingPerInput = "qos_limits_max_accruing_per" {
        account: NoVal<u32>,
        user: NoVal<u32>,
    }
}

object! {
    /// Part `limits/max/accruing` of [`Qos`].
    both inline QosLimitsMaxAccruing, QosLimitsMaxAccruingInput = "qos_limits_max_accruing" {
        per: QosLimitsMaxAccruingPer,
    }
}

object! {
    /// Part `limits/max` of [`Qos`].
    both inline QosLimitsMax, QosLimitsMaxInput = "qos_limits_max" {
        active_jobs: QosLimitsMaxActiveJobs,
        jobs: QosLimitsMaxJobs,
        tres: QosLimitsMaxTres,
        wall_clock: QosLimitsMaxWallClock,
        accruing: QosLimitsMaxAccruing,
    }
}

object! {
    /// Part `limits/min/tres/per` of [`Qos`].
    both inline QosLimitsMinTresPer, QosLimitsMinTresPerInput = "qos_limits_min_tres_per" {
        job: TresList,
    }
}

object! {
    /// Part `limits/min/tres` of [`Qos`].
    both inline QosLimitsMinTres, QosLimitsMinTresInput = "qos_limits_min_tres" {
        per: QosLimitsMinTresPer,
    }
}

object! {
    /// Part `limits/min` of [`Qos`].
    both inline QosLimitsMin, QosLimitsMinInput = "qos_limits_min" {
        priority_threshold: NoVal<u32>,
        tres: QosLimitsMinTres,
    }
}

object! {
    /// Part `limits` of [`Qos`].
    both inline QosLimits, QosLimitsInput = "qos_limits" {
        grace_time: u32,
        max: QosLimitsMax,
        factor: NoVal<f64>,
        min: QosLimitsMin,
    }
}

object! {
    /// Part `preempt` of [`Qos`].
    both inline QosPreempt, QosPreemptInput = "qos_preempt" {
        list: QosPreemptList,
        mode: Flags<PreemptMode>,
        exempt_time: NoVal<u32>,
    }
}

object! {
    /// A quality of service.
    both Qos, QosInput = "qos" {
        description: Text,
        flags: Flags<QosFlag>,
        id: u32,
        limits: QosLimits,
        name: Text,
        preempt: QosPreempt,
        priority: NoVal<u32>,
        usage_factor: NoVal<f64>,
        usage_threshold: NoVal<f64>,
    }
}

object! {
    /// The qualities of service that were removed.
    reply SlurmdbdQosRemovedResp = "openapi_slurmdbd_qos_removed_resp" {
        removed_qos: StringList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

lists! {
    /// Qualities of service.
    QosList, QosListKind of Qos = "qos_list", read_plain;
}
