//! Sets of named switches on a job, as bits. The names on the wire are the dialect's matter; the order here is ours.

macro_rules! flags {
    ($(#[$doc:meta])* $name:ident($inner:ty) { $($(#[$flag_doc:meta])* $flag:ident = $bit:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub $inner);

        impl $name {
            $($(#[$flag_doc])* pub const $flag: $name = $name(1 << $bit);)*

            /// Every flag with its name, in order of bits.
            pub const ALL: &'static [(&'static str, $name)] = &[$((stringify!($flag), $name::$flag)),*];

            /// Tells whether all of `other` are set.
            pub const fn has(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }

            /// Returns the set with `other` added.
            #[must_use]
            pub const fn with(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }

            /// Returns the set with `other` taken away.
            #[must_use]
            pub const fn without(self, other: $name) -> $name {
                $name(self.0 & !other.0)
            }

            /// Returns the names of the flags that are set.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                Self::ALL.iter().filter(move |(_, flag)| self.has(*flag)).map(|(name, _)| *name)
            }
        }
    };
}

flags! {
    /// Slurm's job flags, as `job_desc_msg` takes and `job_info` shows them.
    JobFlags(u64) {
        /// Cancel the job when its dependency can never be met.
        KILL_INVALID_DEPENDENCY = 0;
        /// Keep the job when its dependency can never be met.
        NO_KILL_INVALID_DEPENDENCY = 1;
        /// Slurm's federation bookkeeping; kept and shown.
        HAS_STATE_DIRECTORY = 2;
        /// Tested by backfill; kept and shown.
        TESTING_BACKFILL = 3;
        /// Bind GRES to sockets.
        GRES_BINDING_ENFORCED = 4;
        /// Only for testing whether it could run.
        TEST_NOW_ONLY = 5;
        /// Send the job's environment to the controller.
        SEND_JOB_ENVIRONMENT = 6;
        /// Use spread-out placement.
        SPREAD_JOB = 7;
        /// Prefer the fewest nodes.
        PREFER_MINIMUM_NODE_COUNT = 8;
        /// Kill all tasks if a step fails.
        JOB_KILL_HURRY = 9;
        /// No usage in TRES accounting.
        SKIP_TRES_STRING_ACCOUNTING = 10;
        /// Sibling job in a federation only.
        SIBLING_CLUSTER_UPDATE_ONLY = 11;
        /// Part of a heterogeneous job.
        HETEROGENEOUS_JOB = 12;
        /// The task count was asked for exactly.
        EXACT_TASK_COUNT_REQUESTED = 13;
        /// The CPU count was asked for exactly.
        EXACT_CPU_COUNT_REQUESTED = 14;
        /// Whole nodes are tested.
        TESTING_WHOLE_NODE_BACKFILL = 15;
        /// A preemptor at the top of the queue.
        TOP_PRIORITY_JOB = 16;
        /// Time counts since eligibility.
        ACCRUE_COUNT_CLEARED = 17;
        /// GRES binding is off.
        GRES_BINDING_DISABLED = 18;
        /// The job has run.
        JOB_WAS_RUNNING = 19;
        /// The age of the job counts from its eligibility.
        JOB_ACCRUE_TIME_RESET = 20;
        /// A cron job.
        CRON_JOB = 21;
        /// Memory was asked for exactly.
        EXACT_MEMORY_REQUESTED = 22;
        /// An external job.
        EXTERNAL_JOB = 23;
        /// The account is the default one.
        USING_DEFAULT_ACCOUNT = 24;
        /// The partition is the default one.
        USING_DEFAULT_PARTITION = 25;
        /// The quality of service is the default one.
        USING_DEFAULT_QOS = 26;
        /// The workload key is the default one.
        USING_DEFAULT_WCKEY = 27;
        /// Waits for something.
        DEPENDENT = 28;
        /// A magnetic reservation was tried.
        MAGNETIC = 29;
        /// The partition was chosen by the controller.
        PARTITION_ASSIGNED = 30;
        /// Backfill looked at it in its last cycle.
        BACKFILL_ATTEMPTED = 31;
        /// The scheduler looked at it in its last cycle.
        SCHEDULING_ATTEMPTED = 32;
        /// The batch script is kept.
        STEPMGR_ENABLED = 33;
        /// Spread segments.
        SPREAD_SEGMENTS = 34;
        /// Consolidate segments.
        CONSOLIDATE_SEGMENTS = 35;
        /// Jobs expedited on requeue.
        EXPEDITED_REQUEUE = 36;
    }
}

flags! {
    /// When mail is wanted.
    MailTypes(u16) {
        /// At the start.
        BEGIN = 0;
        /// At the end.
        END = 1;
        /// At a failure.
        FAIL = 2;
        /// When put back into the queue.
        REQUEUE = 3;
        /// At the whole time limit.
        TIME_LIMIT = 4;
        /// At nine tenths of it.
        TIME_LIMIT_90 = 5;
        /// At eight tenths of it.
        TIME_LIMIT_80 = 6;
        /// At half of it.
        TIME_LIMIT_50 = 7;
        /// When stage-out is done.
        STAGE_OUT = 8;
        /// For each array task.
        ARRAY_TASKS = 9;
        /// When the dependency became invalid.
        INVALID_DEPENDENCY = 10;
    }
}

pub(crate) use flags as flag_set;
