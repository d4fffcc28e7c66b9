//! Why a job waits, or how it came to its end: Slurm's state reasons, by their names.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $(as $shown:literal)?;)*) => {
        /// Why a job waits, or how it came to its end.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),*];

            /// Returns the name Slurm shows.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Reason::$name => reasons!(@name $name $($shown)?),)*
                }
            }
        }
    };
    (@name $name:ident) => { stringify!($name) };
    (@name $name:ident $shown:literal) => { $shown };
}

reasons! {
    /// Nothing is in its way, or nobody has looked yet.
    #[default] None;
    /// Others come first.
    Priority;
    /// What it needs is in use.
    Resources;
    /// Waits for another job.
    Dependency;
    /// Waits for another job in vain.
    DependencyNeverSatisfied;
    /// Its time has not come.
    BeginTime;
    /// Its owner holds it.
    JobHeldUser;
    /// An operator holds it.
    JobHeldAdmin;
    /// The partition does not start jobs now.
    PartitionDown;
    /// The partition takes no new jobs.
    PartitionInactive;
    /// It asks for more nodes or CPUs than the partition has.
    PartitionConfig;
    /// It asks for more nodes than the partition gives.
    PartitionNodeLimit;
    /// It asks for more time than the partition gives.
    PartitionTimeLimit;
    /// The licences it needs are in use.
    Licenses;
    /// The array has as many tasks running as it may.
    JobArrayTaskLimit;
    /// A node it needs is down, drained or reserved.
    ReqNodeNotAvail;
    /// A reservation of others has nodes it needs, or will have them before it could be done.
    Reserved as "ReqNodeNotAvail";
    /// No node can do it as configured.
    BadConstraints;
    /// Its deadline has passed.
    DeadLine;
    /// It is being put back after it could not be launched.
    JobLaunchFailure;
    /// Held after it was put back.
    JobHoldMaxRequeue;
    /// It ended with an exit code that is not zero.
    NonZeroExitCode;
    /// It ended by a signal.
    RaisedSignal;
    /// It ran out of time.
    TimeLimit;
    /// The program it was made for has gone.
    InactiveLimit;
    /// A node of it failed.
    NodeDown;
    /// It used more memory than it had.
    OutOfMemory;
    /// The reservation it names is not open.
    Reservation;
    /// The reservation it named is gone, and it is held.
    ReservationDeleted;
    /// Its account is not there any more.
    InvalidAccount;
    /// Its quality of service is not there, or not open to it, any more.
    InvalidQos as "InvalidQOS";
    /// Its association, or an account above, runs as many jobs as it may.
    AssocGrpJobsLimit;
    /// Its association, or an account above, has used up its time.
    AssocGrpWallLimit;
    /// Its association runs as many jobs as it may.
    AssocMaxJobsLimit;
    /// It asks for more time than its association gives a job.
    AssocMaxWallDurationPerJobLimit;
    /// Its association, or an account above, has as many jobs as it may.
    AssocGrpSubmitJobsLimit;
    /// Its association has as many jobs as it may.
    AssocMaxSubmitJobLimit;
    /// As many jobs of its quality of service run as may.
    QosGrpJobsLimit as "QOSGrpJobsLimit";
    /// Its quality of service has used up its time.
    QosGrpWallLimit as "QOSGrpWallLimit";
    /// Its owner runs as many jobs as the quality of service gives a user.
    QosMaxJobsPerUserLimit as "QOSMaxJobsPerUserLimit";
    /// Its account runs as many jobs as the quality of service gives an account.
    MaxJobsPerAccount;
    /// It asks for more time than its quality of service gives a job.
    QosMaxWallDurationPerJobLimit as "QOSMaxWallDurationPerJobLimit";
    /// There are as many jobs of its quality of service as there may be.
    QosGrpSubmitJobsLimit as "QOSGrpSubmitJobsLimit";
    /// Its owner has as many jobs as the quality of service gives a user.
    QosMaxSubmitJobPerUserLimit as "QOSMaxSubmitJobPerUserLimit";
    /// Its account has as many jobs as the quality of service gives an account.
    MaxSubmitJobsPerAccount;
    /// Its association has used more of its share than its quality of service wants.
    QosUsageThreshold as "QOSUsageThreshold";
    /// Its association, or an account above, uses as much CPUs as it may.
    AssocGrpCpuLimit;
    /// Its association, or an account above, uses as much memory as it may.
    AssocGrpMemLimit;
    /// Its association, or an account above, uses as much nodes as it may.
    AssocGrpNodeLimit;
    /// Its association, or an account above, uses as much generic resources as it may.
    AssocGrpGres as "AssocGrpGRES";
    /// Its association, or an account above, uses as much billing as it may.
    AssocGrpBilling;
    /// Its association, or an account above, has used up its minutes of CPUs.
    AssocGrpCpuMinutesLimit as "AssocGrpCPUMinutesLimit";
    /// Its association, or an account above, has used up its minutes of memory.
    AssocGrpMemMinutes;
    /// Its association, or an account above, has used up its minutes of nodes.
    AssocGrpNodeMinutes;
    /// Its association, or an account above, has used up its minutes of generic resources.
    AssocGrpGresMinutes as "AssocGrpGRESMinutes";
    /// Its association, or an account above, has used up its minutes of billing.
    AssocGrpBillingMinutes;
    /// What its association runs will use as many minutes of CPUs as it may.
    AssocGrpCpuRunMinutesLimit as "AssocGrpCPURunMinutesLimit";
    /// What its association runs will use as many minutes of memory as it may.
    AssocGrpMemRunMinutes;
    /// What its association runs will use as many minutes of nodes as it may.
    AssocGrpNodeRunMinutes;
    /// What its association runs will use as many minutes of generic resources as it may.
    AssocGrpGresRunMinutes as "AssocGrpGRESRunMinutes";
    /// What its association runs will use as many minutes of billing as it may.
    AssocGrpBillingRunMinutes;
    /// It asks for more CPUs than its association gives a job.
    AssocMaxCpuPerJobLimit;
    /// It asks for more memory than its association gives a job.
    AssocMaxMemPerJob;
    /// It asks for more nodes than its association gives a job.
    AssocMaxNodePerJobLimit;
    /// It asks for more generic resources than its association gives a job.
    AssocMaxGresPerJob as "AssocMaxGRESPerJob";
    /// It asks for more billing than its association gives a job.
    AssocMaxBillingPerJob;
    /// It asks for more minutes of CPUs than its association gives a job.
    AssocMaxCpuMinutesPerJobLimit;
    /// It asks for more minutes of memory than its association gives a job.
    AssocMaxMemMinutesPerJob;
    /// It asks for more minutes of nodes than its association gives a job.
    AssocMaxNodeMinutesPerJob;
    /// It asks for more minutes of generic resources than its association gives a job.
    AssocMaxGresMinutesPerJob as "AssocMaxGRESMinutesPerJob";
    /// It asks for more minutes of billing than its association gives a job.
    AssocMaxBillingMinutesPerJob;
    /// It asks for more CPUs on a node than its association gives.
    AssocMaxCpuPerNode;
    /// It asks for more memory on a node than its association gives.
    AssocMaxMemPerNode;
    /// It asks for more generic resources on a node than its association gives.
    AssocMaxGresPerNode as "AssocMaxGRESPerNode";
    /// It asks for more billing on a node than its association gives.
    AssocMaxBillingPerNode;
    /// Jobs of its quality of service use as much CPUs as they may.
    QosGrpCpuLimit as "QOSGrpCpuLimit";
    /// Jobs of its quality of service use as much memory as they may.
    QosGrpMemLimit as "QOSGrpMemLimit";
    /// Jobs of its quality of service use as much nodes as they may.
    QosGrpNodeLimit as "QOSGrpNodeLimit";
    /// Jobs of its quality of service use as much generic resources as they may.
    QosGrpGres as "QOSGrpGRES";
    /// Jobs of its quality of service use as much billing as they may.
    QosGrpBilling as "QOSGrpBilling";
    /// Its quality of service has used up its minutes of CPUs.
    QosGrpCpuMinutesLimit as "QOSGrpCPUMinutesLimit";
    /// Its quality of service has used up its minutes of memory.
    QosGrpMemoryMinutes as "QOSGrpMemoryMinutes";
    /// Its quality of service has used up its minutes of nodes.
    QosGrpNodeMinutes as "QOSGrpNodeMinutes";
    /// Its quality of service has used up its minutes of generic resources.
    QosGrpGresMinutes as "QOSGrpGRESMinutes";
    /// Its quality of service has used up its minutes of billing.
    QosGrpBillingMinutes as "QOSGrpBillingMinutes";
    /// What runs under its quality of service will use as many minutes of CPUs as it may.
    QosGrpCpuRunMinutesLimit as "QOSGrpCPURunMinutesLimit";
    /// What runs under its quality of service will use as many minutes of memory as it may.
    QosGrpMemoryRunMinutes as "QOSGrpMemoryRunMinutes";
    /// What runs under its quality of service will use as many minutes of nodes as it may.
    QosGrpNodeRunMinutes as "QOSGrpNodeRunMinutes";
    /// What runs under its quality of service will use as many minutes of generic resources as it may.
    QosGrpGresRunMinutes as "QOSGrpGRESRunMinutes";
    /// What runs under its quality of service will use as many minutes of billing as it may.
    QosGrpBillingRunMinutes as "QOSGrpBillingRunMinutes";
    /// It asks for more CPUs than its quality of service gives a job.
    QosMaxCpuPerJobLimit as "QOSMaxCpuPerJobLimit";
    /// It asks for more memory than its quality of service gives a job.
    QosMaxMemoryPerJob as "QOSMaxMemoryPerJob";
    /// It asks for more nodes than its quality of service gives a job.
    QosMaxNodePerJobLimit as "QOSMaxNodePerJobLimit";
    /// It asks for more generic resources than its quality of service gives a job.
    QosMaxGresPerJob as "QOSMaxGRESPerJob";
    /// It asks for more billing than its quality of service gives a job.
    QosMaxBillingPerJob as "QOSMaxBillingPerJob";
    /// It asks for more minutes of CPUs than its quality of service gives a job.
    QosMaxCpuMinutesPerJobLimit as "QOSMaxCpuMinutesPerJobLimit";
    /// It asks for more minutes of memory than its quality of service gives a job.
    QosMaxMemoryMinutesPerJob as "QOSMaxMemoryMinutesPerJob";
    /// It asks for more minutes of nodes than its quality of service gives a job.
    QosMaxNodeMinutesPerJob as "QOSMaxNodeMinutesPerJob";
    /// It asks for more minutes of generic resources than its quality of service gives a job.
    QosMaxGresMinutesPerJob as "QOSMaxGRESMinutesPerJob";
    /// It asks for more minutes of billing than its quality of service gives a job.
    QosMaxBillingMinutesPerJob as "QOSMaxBillingMinutesPerJob";
    /// It asks for more CPUs on a node than its quality of service gives.
    QosMaxCpuPerNode as "QOSMaxCpuPerNode";
    /// It asks for more memory on a node than its quality of service gives.
    QosMaxMemoryPerNode as "QOSMaxMemoryPerNode";
    /// It asks for more generic resources on a node than its quality of service gives.
    QosMaxGresPerNode as "QOSMaxGRESPerNode";
    /// It asks for more billing on a node than its quality of service gives.
    QosMaxBillingPerNode as "QOSMaxBillingPerNode";
    /// Its owner uses as much CPUs as the quality of service gives a user.
    QosMaxCpuPerUserLimit as "QOSMaxCpuPerUserLimit";
    /// Its owner uses as much memory as the quality of service gives a user.
    QosMaxMemoryPerUser as "QOSMaxMemoryPerUser";
    /// Its owner uses as much nodes as the quality of service gives a user.
    QosMaxNodePerUserLimit as "QOSMaxNodePerUserLimit";
    /// Its owner uses as much generic resources as the quality of service gives a user.
    QosMaxGresPerUser as "QOSMaxGRESPerUser";
    /// Its owner uses as much billing as the quality of service gives a user.
    QosMaxBillingPerUser as "QOSMaxBillingPerUser";
    /// Its account uses as much CPUs as the quality of service gives an account.
    MaxCpuPerAccount;
    /// Its account uses as much memory as the quality of service gives an account.
    MaxMemoryPerAccount;
    /// Its account uses as much nodes as the quality of service gives an account.
    MaxNodePerAccount;
    /// Its account uses as much generic resources as the quality of service gives an account.
    MaxGresPerAccount as "MaxGRESPerAccount";
    /// Its account uses as much billing as the quality of service gives an account.
    MaxBillingPerAccount;
    /// What its owner runs will use as many minutes of CPUs as the quality of service gives a user.
    MaxCpuRunMinsPerUser;
    /// What its owner runs will use as many minutes of memory as the quality of service gives a user.
    MaxMemoryRunMinsPerUser;
    /// What its owner runs will use as many minutes of nodes as the quality of service gives a user.
    MaxNodeRunMinsPerUser;
    /// What its owner runs will use as many minutes of generic resources as the quality of service gives a user.
    MaxGresRunMinsPerUser as "MaxGRESRunMinsPerUser";
    /// What its owner runs will use as many minutes of billing as the quality of service gives a user.
    MaxBillingRunMinsPerUser;
    /// What its account runs will use as many minutes of CPUs as the quality of service gives an account.
    MaxCpuRunMinsPerAccount;
    /// What its account runs will use as many minutes of memory as the quality of service gives an account.
    MaxMemoryRunMinsPerAccount;
    /// What its account runs will use as many minutes of nodes as the quality of service gives an account.
    MaxNodeRunMinsPerAccount;
    /// What its account runs will use as many minutes of generic resources as the quality of service gives an account.
    MaxGresRunMinsPerAccount as "MaxGRESRunMinsPerAccount";
    /// What its account runs will use as many minutes of billing as the quality of service gives an account.
    MaxBillingRunMinsPerAccount;
    /// It asks for less CPUs than its quality of service wants.
    QosMinCpuNotSatisfied as "QOSMinCpuNotSatisfied";
    /// It asks for less memory than its quality of service wants.
    QosMinMemory as "QOSMinMemory";
    /// It asks for less nodes than its quality of service wants.
    QosMinNode as "QOSMinNode";
    /// It asks for less generic resources than its quality of service wants.
    QosMinGres as "QOSMinGRES";
    /// It asks for less billing than its quality of service wants.
    QosMinBilling as "QOSMinBilling";
}
