//! The words of the interface: states, flags and choices, in the order in which answers list them.

use crate::flags::flags;

flags! {
    /// Marks of a job.
    JobFlag {
        KillInvalidDependency "KILL_INVALID_DEPENDENCY",
        NoKillInvalidDependency "NO_KILL_INVALID_DEPENDENCY",
        HasStateDirectory "HAS_STATE_DIRECTORY",
        TestingBackfill "TESTING_BACKFILL",
        GresBindingEnforced "GRES_BINDING_ENFORCED",
        TestNowOnly "TEST_NOW_ONLY",
        SendJobEnvironment "SEND_JOB_ENVIRONMENT",
        SpreadJob "SPREAD_JOB",
        PreferMinimumNodeCount "PREFER_MINIMUM_NODE_COUNT",
        JobKillHurry "JOB_KILL_HURRY",
        SkipTresStringAccounting "SKIP_TRES_STRING_ACCOUNTING",
        SiblingClusterUpdateOnly "SIBLING_CLUSTER_UPDATE_ONLY",
        HeterogeneousJob "HETEROGENEOUS_JOB",
        ExactTaskCountRequested "EXACT_TASK_COUNT_REQUESTED",
        ExactCpuCountRequested "EXACT_CPU_COUNT_REQUESTED",
        TestingWholeNodeBackfill "TESTING_WHOLE_NODE_BACKFILL",
        TopPriorityJob "TOP_PRIORITY_JOB",
        AccrueCountCleared "ACCRUE_COUNT_CLEARED",
        GresBindingDisabled "GRES_BINDING_DISABLED",
        JobWasRunning "JOB_WAS_RUNNING",
        JobAccrueTimeReset "JOB_ACCRUE_TIME_RESET",
        CronJob "CRON_JOB",
        ExactMemoryRequested "EXACT_MEMORY_REQUESTED",
        ExternalJob "EXTERNAL_JOB",
        UsingDefaultAccount "USING_DEFAULT_ACCOUNT",
        UsingDefaultPartition "USING_DEFAULT_PARTITION",
        UsingDefaultQos "USING_DEFAULT_QOS",
        UsingDefaultWckey "USING_DEFAULT_WCKEY",
        Dependent "DEPENDENT",
        Magnetic "MAGNETIC",
        PartitionAssigned "PARTITION_ASSIGNED",
        BackfillAttempted "BACKFILL_ATTEMPTED",
        SchedulingAttempted "SCHEDULING_ATTEMPTED",
        StepmgrEnabled "STEPMGR_ENABLED",
        SpreadSegments "SPREAD_SEGMENTS",
        ConsolidateSegments "CONSOLIDATE_SEGMENTS",
        ExpeditedRequeue "EXPEDITED_REQUEUE",
        JobImplicitMaxNodes "JOB_IMPLICIT_MAX_NODES" = later,
    }

    /// How tasks are bound to CPUs.
    CpuBindingFlag {
        CpuBindToThreads "CPU_BIND_TO_THREADS",
        CpuBindToCores "CPU_BIND_TO_CORES",
        CpuBindToSockets "CPU_BIND_TO_SOCKETS",
        CpuBindToLdoms "CPU_BIND_TO_LDOMS",
        CpuBindNone "CPU_BIND_NONE",
        CpuBindRank "CPU_BIND_RANK",
        CpuBindMap "CPU_BIND_MAP",
        CpuBindMask "CPU_BIND_MASK",
        CpuBindLdrank "CPU_BIND_LDRANK",
        CpuBindLdmap "CPU_BIND_LDMAP",
        CpuBindLdmask "CPU_BIND_LDMASK",
        Verbose "VERBOSE",
        CpuBindOneThreadPerCore "CPU_BIND_ONE_THREAD_PER_CORE",
    }

    /// When mail is sent.
    MailType {
        Begin "BEGIN",
        End "END",
        Fail "FAIL",
        Requeue "REQUEUE",
        Time100 "TIME=100%",
        Time90 "TIME=90%",
        Time80 "TIME=80%",
        Time50 "TIME=50%",
        StageOut "STAGE_OUT",
        ArrayTasks "ARRAY_TASKS",
        InvalidDependency "INVALID_DEPENDENCY",
    }

    /// How tasks are bound to memory.
    MemoryBindingFlag {
        None "NONE",
        Rank "RANK",
        Map "MAP",
        Mask "MASK",
        Local "LOCAL",
        Verbose "VERBOSE",
        Prefer "PREFER",
    }

    /// Whether output files are continued or begun anew.
    OpenMode {
        Append "APPEND",
        Truncate "TRUNCATE",
    }

    /// What is profiled.
    Profile {
        NotSet "NOT_SET",
        None "NONE",
        Energy "ENERGY",
        Lustre "LUSTRE",
        Network "NETWORK",
        Task "TASK",
    }

    /// With whom a job shares its nodes.
    JobShared {
        None "none",
        Oversubscribe "oversubscribe",
        User "user",
        Mcs "mcs",
        Topo "topo",
    }

    /// What a signal is for.
    KillFlag {
        BatchJob "BATCH_JOB",
        ArrayTask "ARRAY_TASK",
        FullStepsOnly "FULL_STEPS_ONLY",
        FullJob "FULL_JOB",
        FederationRequeue "FEDERATION_REQUEUE",
        Hurry "HURRY",
        OutOfMemory "OUT_OF_MEMORY",
        NoSiblingJobs "NO_SIBLING_JOBS",
        ReservationJob "RESERVATION_JOB",
        Verbose "VERBOSE",
        CronJobs "CRON_JOBS",
        WarningSent "WARNING_SENT",
    }

    /// Where X11 is forwarded to.
    X11Forward {
        ForwardAllNodes "FORWARD_ALL_NODES",
        BatchNode "BATCH_NODE",
        FirstNode "FIRST_NODE",
        LastNode "LAST_NODE",
    }

    /// Which fields of a cron entry are `*`.
    CronFlag {
        WildMinute "WILD_MINUTE",
        WildHour "WILD_HOUR",
        WildDayOfMonth "WILD_DAY_OF_MONTH",
        WildMonth "WILD_MONTH",
        WildDayOfWeek "WILD_DAY_OF_WEEK",
    }

    /// The state of a job: one of the first twelve, then whatever else holds.
    JobState {
        Pending "PENDING",
        Running "RUNNING",
        Suspended "SUSPENDED",
        Completed "COMPLETED",
        Cancelled "CANCELLED",
        Failed "FAILED",
        Timeout "TIMEOUT",
        NodeFail "NODE_FAIL",
        Preempted "PREEMPTED",
        BootFail "BOOT_FAIL",
        Deadline "DEADLINE",
        OutOfMemory "OUT_OF_MEMORY",
        LaunchFailed "LAUNCH_FAILED",
        Requeued "REQUEUED",
        RequeueHold "REQUEUE_HOLD",
        SpecialExit "SPECIAL_EXIT",
        Resizing "RESIZING",
        Configuring "CONFIGURING",
        Completing "COMPLETING",
        Stopped "STOPPED",
        ReconfigFail "RECONFIG_FAIL",
        PowerUpNode "POWER_UP_NODE",
        Revoked "REVOKED",
        RequeueFed "REQUEUE_FED",
        ResvDelHold "RESV_DEL_HOLD",
        Signaling "SIGNALING",
        StageOut "STAGE_OUT",
        Expediting "EXPEDITING",
    }

    /// How a process ended.
    ProcessStatus {
        Invalid "INVALID",
        Pending "PENDING",
        Success "SUCCESS",
        Error "ERROR",
        Signaled "SIGNALED",
        CoreDumped "CORE_DUMPED",
    }

    /// What a partition or job allocates.
    SelectType {
        Cpu "CPU",
        Socket "SOCKET",
        Core "CORE",
        Board "BOARD",
        Memory "MEMORY",
        OneTaskPerCore "ONE_TASK_PER_CORE",
        PackNodes "PACK_NODES",
        CoreDefaultDistBlock "CORE_DEFAULT_DIST_BLOCK",
        Lln "LLN",
        Linear "LINEAR",
    }

    /// How a job shares the rows of a partition.
    NodeSelectType {
        Available "AVAILABLE",
        OneRow "ONE_ROW",
        Reserved "RESERVED",
    }

    /// Whether a job holds a core.
    CoreStatus {
        Invalid "INVALID",
        Unallocated "UNALLOCATED",
        Allocated "ALLOCATED",
        InUse "IN_USE",
    }

    /// Marks of a node's certificate.
    CertFlag {
        TokenSet "TOKEN_SET",
    }

    /// The state of a node: one of the first eight, then whatever else holds.
    NodeState {
        Invalid "INVALID",
        Unknown "UNKNOWN",
        Down "DOWN",
        Idle "IDLE",
        Allocated "ALLOCATED",
        Error "ERROR",
        Mixed "MIXED",
        Future "FUTURE",
        External "EXTERNAL",
        Reserved "RESERVED",
        Undrain "UNDRAIN",
        Cloud "CLOUD",
        Resume "RESUME",
        Drain "DRAIN",
        Completing "COMPLETING",
        NotResponding "NOT_RESPONDING",
        PoweredDown "POWERED_DOWN",
        Fail "FAIL",
        PoweringUp "POWERING_UP",
        Maintenance "MAINTENANCE",
        RebootRequested "REBOOT_REQUESTED",
        RebootCanceled "REBOOT_CANCELED",
        PoweringDown "POWERING_DOWN",
        DynamicFuture "DYNAMIC_FUTURE",
        RebootIssued "REBOOT_ISSUED",
        Planned "PLANNED",
        InvalidReg "INVALID_REG",
        PowerDown "POWER_DOWN",
        PowerUp "POWER_UP",
        PowerDrain "POWER_DRAIN",
        DynamicNorm "DYNAMIC_NORM",
        Blocked "BLOCKED",
        PowerDownAsap "POWER_DOWN_ASAP" = later,
        PowerDownForce "POWER_DOWN_FORCE" = later,
    }

    /// Marks of a partition's sharing.
    OversubscribeFlag {
        Force "force",
    }

    /// The state of a partition.
    PartitionState {
        Inactive "INACTIVE",
        Unknown "UNKNOWN",
        Up "UP",
        Down "DOWN",
        Drain "DRAIN",
    }

    /// Marks of a partition.
    PartitionFlag {
        Default "DEFAULT",
        Hidden "HIDDEN",
        NoRoot "NO_ROOT",
        RootOnly "ROOT_ONLY",
        RequiresReservation "REQ_RESV",
        LeastLoadedNodes "LLN",
        ParallelDomain "PDOI",
        DefaultClear "DEFAULT_CLEAR",
        HiddenClear "HIDDEN_CLEAR",
        NoRootClear "NO_ROOT_CLEAR",
        RootOnlyClear "ROOT_ONLY_CLEAR",
        RequiresReservationClear "REQ_RESV_CLEAR",
        LeastLoadedNodesClear "LLN_CLEAR",
        ParallelDomainClear "PDOI_CLEAR",
    }

    /// How jobs of a partition make way.
    PartitionPreemptMode {
        ClusterGlobal "CLUSTER_GLOBAL",
        Disabled "DISABLED",
        Suspend "SUSPEND",
        Requeue "REQUEUE",
        Cancel "CANCEL",
        Priority "PRIORITY",
    }

    /// How jobs are put back into the queue.
    RequeueFlag {
        Incomplete "Incomplete",
        Hold "Hold",
        SpecialExit "SpecialExit",
    }

    /// Marks of a reservation.
    ReservationFlag {
        Maint "MAINT",
        NoMaint "NO_MAINT",
        Daily "DAILY",
        NoDaily "NO_DAILY",
        Weekly "WEEKLY",
        NoWeekly "NO_WEEKLY",
        IgnoreJobs "IGNORE_JOBS",
        NoIgnoreJobs "NO_IGNORE_JOBS",
        AnyNodes "ANY_NODES",
        NoAnyNodes "NO_ANY_NODES",
        Static "STATIC",
        NoStatic "NO_STATIC",
        PartNodes "PART_NODES",
        NoPartNodes "NO_PART_NODES",
        Overlap "OVERLAP",
        SpecNodes "SPEC_NODES",
        TimeFloat "TIME_FLOAT",
        Replace "REPLACE",
        AllNodes "ALL_NODES",
        PurgeComp "PURGE_COMP",
        Weekday "WEEKDAY",
        NoWeekday "NO_WEEKDAY",
        Weekend "WEEKEND",
        NoWeekend "NO_WEEKEND",
        Flex "FLEX",
        NoFlex "NO_FLEX",
        DurationPlus "DURATION_PLUS",
        DurationMinus "DURATION_MINUS",
        NoHoldJobsAfterEnd "NO_HOLD_JOBS_AFTER_END",
        ReplaceDown "REPLACE_DOWN",
        NoPurgeComp "NO_PURGE_COMP",
        Magnetic "MAGNETIC",
        NoMagnetic "NO_MAGNETIC",
        Skip "SKIP",
        Hourly "HOURLY",
        NoHourly "NO_HOURLY",
        UserDelete "USER_DELETE",
        ForceStart "FORCE_START",
        NoUserDelete "NO_USER_DELETE",
        Reoccurring "REOCCURRING",
        TresPerNode "TRES_PER_NODE",
    }

    /// Whether a share is a user's or an account's.
    SharesType {
        User "USER",
        Association "ASSOCIATION",
    }

    /// Marks of a job of accounting.
    AccountingJobFlag {
        None "NONE",
        ClearScheduling "CLEAR_SCHEDULING",
        NotSet "NOT_SET",
        StartedOnSubmit "STARTED_ON_SUBMIT",
        StartedOnSchedule "STARTED_ON_SCHEDULE",
        StartedOnBackfill "STARTED_ON_BACKFILL",
        StartReceived "START_RECEIVED",
        JobAltered "JOB_ALTERED",
    }

    /// Marks of a job's workload key.
    WckeyTagFlag {
        AssignedDefault "ASSIGNED_DEFAULT",
    }

    /// Marks of an account.
    AccountFlag {
        Deleted "DELETED",
        WithAssociations "WithAssociations",
        WithCoordinators "WithCoordinators",
        NoUsersAreCoords "NoUsersAreCoords",
        UsersAreCoords "UsersAreCoords",
    }

    /// What a user may do.
    AdminLevel {
        NotSet "Not Set",
        None "None",
        Operator "Operator",
        Administrator "Administrator",
    }

    /// Marks of a user.
    UserFlag {
        None "NONE",
        Deleted "DELETED",
    }

    /// Marks of an association.
    AssocFlag {
        Deleted "DELETED",
        NoUpdate "NoUpdate",
        Exact "Exact",
        NoUsersAreCoords "NoUsersAreCoords",
        UsersAreCoords "UsersAreCoords",
    }

    /// Marks of a quality of service.
    QosFlag {
        NotSet "NOT_SET",
        Add "ADD",
        Remove "REMOVE",
        Deleted "DELETED",
        PartitionMinimumNode "PARTITION_MINIMUM_NODE",
        PartitionMaximumNode "PARTITION_MAXIMUM_NODE",
        PartitionTimeLimit "PARTITION_TIME_LIMIT",
        EnforceUsageThreshold "ENFORCE_USAGE_THRESHOLD",
        NoReserve "NO_RESERVE",
        RequiredReservation "REQUIRED_RESERVATION",
        DenyLimit "DENY_LIMIT",
        OverridePartitionQos "OVERRIDE_PARTITION_QOS",
        PartitionQos "PARTITION_QOS",
        NoDecay "NO_DECAY",
        UsageFactorSafe "USAGE_FACTOR_SAFE",
        Relative "RELATIVE",
    }

    /// What happens to a job that is preempted.
    PreemptMode {
        Disabled "DISABLED",
        Suspend "SUSPEND",
        Requeue "REQUEUE",
        Cancel "CANCEL",
        Gang "GANG",
    }

    /// Marks of a workload key.
    WckeyFlag {
        Deleted "DELETED",
    }

    /// Marks of a cluster.
    ClusterFlag {
        Deleted "DELETED",
        Registering "REGISTERING",
        MultipleSlurmd "MULTIPLE_SLURMD",
        Federation "FEDERATION",
        External "EXTERNAL",
    }

    /// What a list shall contain.
    ShowFlag {
        All "ALL",
        Detail "DETAIL",
        Mixed "MIXED",
        Local "LOCAL",
        Sibling "SIBLING",
        Federation "FEDERATION",
        Future "FUTURE",
    }

    /// What a cluster is for.
    ClusterClassification {
        Unclassified "UNCLASSIFIED",
        Capability "CAPABILITY",
        Capacity "CAPACITY",
        Capapacity "CAPAPACITY",
    }
}
