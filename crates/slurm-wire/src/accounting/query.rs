//! Query parameters of accounting's operations. Some names have blanks in them.

use crate::flags::Flags;
use crate::list::{ConditionList, SelectedStepList};
use crate::no_val::UnixTime;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::{Checked, Switch, Text};
use crate::states::StateSets;
use crate::words::{AdminLevel, ClusterClassification, ClusterFlag, PreemptMode};

object! {
    /// Which jobs are asked for, and how much of them.
    request JobCondition = "job_condition" {
        account: ConditionList,
        association: ConditionList,
        cluster: ConditionList,
        constraints: ConditionList,
        scheduler_unset: Switch,
        scheduled_on_submit: Switch,
        scheduled_by_main: Switch,
        scheduled_by_backfill: Switch,
        job_started: Switch,
        job_altered: Switch,
        exit_code: Checked<u32>,
        show_duplicates: Switch,
        skip_steps: Switch,
        disable_truncate_usage_time: Switch,
        whole_hetjob: Switch,
        disable_whole_hetjob: Switch,
        disable_wait_for_result: Switch,
        usage_time_as_submit_time: Switch,
        show_batch_script: Switch,
        show_job_environment: Switch,
        format: ConditionList = deprecated,
        groups: ConditionList,
        job_name: ConditionList,
        partition: ConditionList,
        qos: ConditionList,
        reason: ConditionList,
        reservation: ConditionList,
        reservation_id: ConditionList,
        state: StateSets,
        step: SelectedStepList,
        end_time: UnixTime,
        start_time: UnixTime,
        node: Text,
        users: ConditionList,
        wckey: ConditionList,
    }
}

object! {
    /// Which associations are asked for, and how much of them.
    request AssocCondition = "assoc_condition" {
        account: ConditionList,
        cluster: ConditionList,
        default_qos: ConditionList,
        include_deleted "Include deleted associations": Switch,
        include_usage "Include usage": Switch,
        only_defaults "Filter to only defaults": Switch,
        raw_qos "Include the raw QOS or delta_qos": Switch,
        sub_accounts "Include sub acct information": Switch,
        without_parent "Exclude parent id/name": Switch,
        without_parent_limits "Exclude limits from parents": Switch,
        format: ConditionList = deprecated,
        id: ConditionList,
        parent_account: ConditionList,
        partition: ConditionList,
        qos: ConditionList,
        usage_end: UnixTime,
        usage_start: UnixTime,
        user: ConditionList,
    }
}

object! {
    /// Which accounts are asked for, and how much of them.
    request AccountCondition = "account_condition" {
        description: ConditionList,
        deleted "DELETED": Switch,
        with_associations "WithAssociations": Switch,
        with_coordinators "WithCoordinators": Switch,
        no_users_are_coords "NoUsersAreCoords": Switch,
        users_are_coords "UsersAreCoords": Switch,
    }
}

object! {
    /// How much of one account is asked for.
    request AccountQuery = "openapi_account_query" {
        with_assocs: bool,
        with_coords: bool,
        with_deleted: bool,
    }
}

object! {
    /// Which users are asked for, and how much of them.
    request UserCondition = "user_condition" {
        admin_level: Flags<AdminLevel>,
        default_account: ConditionList,
        default_wckey: ConditionList,
        with_assocs: bool,
        with_coords: bool,
        with_deleted: bool,
        with_wckeys: bool,
        without_defaults: bool,
    }
}

object! {
    /// How much of one user is asked for.
    request UserQuery = "openapi_user_query" {
        with_deleted: bool,
        with_assocs: bool,
        with_coords: bool,
        with_wckeys: bool,
    }
}

object! {
    /// Which qualities of service are asked for; the original looks at none of it.
    request QosCondition = "qos_condition" {
        description: ConditionList,
        include_deleted "Include deleted QOS": Switch,
        id: ConditionList,
        format: ConditionList = deprecated,
        name: ConditionList,
        preempt_mode: Flags<PreemptMode>,
    }
}

object! {
    /// How much of one quality of service is asked for.
    request QosQuery = "openapi_slurmdbd_qos_query" {
        with_deleted: bool,
    }
}

object! {
    /// Which clusters are asked for, and how much of them.
    request ClusterCondition = "cluster_condition" {
        classification: Flags<ClusterClassification>,
        cluster: ConditionList,
        federation: ConditionList,
        flags: Flags<ClusterFlag>,
        format: ConditionList = deprecated,
        rpc_version: ConditionList,
        usage_end: UnixTime,
        usage_start: UnixTime,
        with_deleted: bool,
        with_usage: bool,
    }
}

object! {
    /// Which workload keys are asked for, and how much of them.
    request WckeyCondition = "wckey_condition" {
        cluster: ConditionList,
        format: ConditionList = deprecated,
        id: ConditionList,
        name: ConditionList,
        only_defaults: bool,
        usage_end: UnixTime,
        usage_start: UnixTime,
        user: ConditionList,
        with_usage: bool,
        with_deleted: bool,
    }
}

object! {
    /// Which cloud instances are asked for.
    request InstanceCondition = "instance_condition" {
        cluster: ConditionList,
        extra: ConditionList,
        format: ConditionList = deprecated,
        instance_id: ConditionList,
        instance_type: ConditionList,
        node_list: Text,
        time_end: UnixTime,
        time_start: UnixTime,
    }
}
