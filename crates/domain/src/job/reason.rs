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
}
