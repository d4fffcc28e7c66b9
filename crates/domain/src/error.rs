//! What can go wrong, in words of the domain. Few kinds, named by what the caller can do about it;
//! the exact problem rides along so that each dialect can give its own number for it.

use crate::reservation::Fault;
use crate::{JobId, Text};

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(Problem),
    /// The request itself cannot be right, now or later.
    #[error("{0}")]
    Invalid(Problem),
    /// The request does not fit the present state.
    #[error("{0}")]
    Conflict(Problem),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(Problem),
    /// Try again later: the service is stopping, or its disk is full.
    #[error("service unavailable: {0}")]
    Unavailable(Text),
    /// A mistake of ours.
    #[error("internal error: {0}")]
    Bug(Text),
}

/// What a cluster that decides for itself says when it refuses something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words} ({number})")]
pub struct ClusterRefusal {
    /// Its own number for it.
    pub number: i32,
    /// Its own words.
    pub words: Text,
}

/// An account that should be above another, and on which cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{account}' on cluster '{cluster}'")]
pub struct ParentAccount {
    /// The account.
    pub account: Text,
    /// The cluster.
    pub cluster: Text,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident $(($field:ty))? => $kind:ident, $text:literal;)*) => {
        /// The exact thing that is wrong with a request.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum Problem {
            $($(#[$doc])* #[error($text)] $variant $(($field))?,)*
        }

        impl From<Problem> for Error {
            fn from(problem: Problem) -> Self {
                match &problem {
                    $(problems!(@pattern $variant $(($field))?) => Error::$kind(problem),)*
                }
            }
        }
    };
    (@pattern $variant:ident) => { Problem::$variant };
    (@pattern $variant:ident ($field:ty)) => { Problem::$variant(_) };
}

problems! {
    /// A record without a name.
    NoName => Invalid, "a name is missing";
    /// A change that could mean several records.
    AmbiguousChange => Invalid, "it is not said what shall be changed";
    /// A removal that could mean several records.
    AmbiguousRemoval => Invalid, "more than one association would be removed";
    /// The default quality of service of an association would not be open to it.
    DefaultQosClosed(Text) => Invalid, "{0} would have no access to its default quality of service";
    /// A quality of service that shall be made has no name.
    QosWithoutName => Invalid, "a quality of service needs a name";
    /// No quality of service has this number.
    NoQosNumbered(u32) => Invalid, "no quality of service {0}";
    /// An account that should be above another is not there, or is below it.
    NoParentAccount(ParentAccount) => Invalid, "no parent account {0}";
    /// A cluster that accounting does not know.
    UnknownCluster(Text) => Invalid, "unknown cluster {0}";
    /// Neither accounts nor workload keys were named for new users.
    NothingToAdd => Invalid, "names of accounts or workload keys are missing";
    /// Only operators say what new users may do.
    OperatorsOnlyMade => Forbidden, "only operators say what users may do";
    /// The account above all cannot be removed.
    RootAccount => Forbidden, "the root account stays";
    /// Jobs still use it.
    JobsActive => Conflict, "jobs are active";
    /// No live job has this number.
    UnknownJob(JobId) => NotFound, "no job {0}";
    /// The array has no such task.
    UnknownTask(Text) => NotFound, "no array task {0}";
    /// A partition that is not configured.
    UnknownPartition(Text) => Invalid, "unknown partition {0}";
    /// A node that is not configured.
    UnknownNode(Text) => Invalid, "unknown node {0}";
    /// A user neither the system nor the configuration knows.
    UnknownUser(Text) => Invalid, "unknown user {0}";
    /// A group the system does not know.
    UnknownGroup(Text) => Invalid, "unknown group {0}";
    /// A feature no node has, or a constraint that cannot be read.
    BadConstraint(Text) => Invalid, "invalid feature specification {0}";
    /// As above, in `prefer`.
    BadPreference(Text) => Invalid, "invalid preferred features {0}";
    /// A licence that is not configured, or more than there are.
    BadLicense(Text) => Invalid, "invalid licence specification {0}";
    /// A reservation that does not exist.
    UnknownReservation(Text) => Invalid, "unknown reservation {0}";
    /// The caller may not use a reservation.
    ReservationForbidden(Text) => Forbidden, "reservation {0} is not open to this user";
    /// The caller may not make, change or delete reservations.
    ReservationsForbidden => Forbidden, "reservations are made by operators";
    /// A reservation lacks something.
    BadReservation(Fault) => Invalid, "the reservation {0}";
    /// A time of a reservation that makes no sense, or lies in the past.
    BadReservationTime => Invalid, "invalid time of a reservation";
    /// Another reservation has the same at the same time.
    ReservationOverlap => Conflict, "the reservation overlaps with another one";
    /// Jobs name the reservation or run in it.
    ReservationInUse(Text) => Conflict, "reservation {0} is in use";
    /// What can be changed before the reservation has begun only.
    ReservationBegun(Text) => Conflict, "reservation {0} has already begun";
    /// Nobody could use the reservation any more.
    ReservationForNobody => Invalid, "a reservation needs users, groups or accounts";
    /// Users and groups exclude one another.
    ReservationForBoth => Invalid, "a reservation is for users or for groups";
    /// Nodes and cores of a reservation of cores stay what they are.
    ReservationOfCores => Conflict, "a reservation of cores keeps its nodes";
    /// Only a turn of a reservation that comes back can be left out.
    NotSkippable(Text) => Conflict, "reservation {0} does not come back";
    /// A count of cores that cannot be.
    BadCoreCount => Invalid, "invalid count of cores";
    /// The nodes are in use, or there are too few.
    NodesBusy => Conflict, "not enough nodes are free";
    /// A generic resource that cannot be read or that no node has.
    BadGres(Text) => Invalid, "invalid generic resource {0}";
    /// A trackable resource that cannot be read.
    BadTres(Text) => Invalid, "invalid trackable resource {0}";
    /// No node, or no set of nodes, could ever satisfy the request.
    NodeConfiguration => Invalid, "no node has what is asked for";
    /// Fewest and most nodes contradict each other.
    BadNodeCount => Invalid, "the most nodes are fewer than the least";
    /// Each node of a job has a task, so there are as many at least.
    BadTaskCount => Invalid, "fewer tasks than nodes";
    /// More nodes are asked for than the request can ever get, and it would not wait.
    TooManyNodes => Invalid, "more nodes requested than there are";
    /// A dependency that cannot be read or names an unknown job.
    BadDependency(Text) => Invalid, "invalid dependency {0}";
    /// Something Slurm knows and this service refuses.
    Unsupported(Text) => Invalid, "{0} is not supported";
    /// An array expression that cannot be read, or an index beyond the limit.
    BadArray(Text) => Invalid, "invalid array specification {0}";
    /// The deadline cannot be met.
    BadDeadline => Invalid, "the deadline cannot be met";
    /// The minimum time limit exceeds the time limit.
    BadTimeMinimum => Invalid, "the minimum time limit exceeds the time limit";
    /// A time limit that is not allowed.
    BadTimeLimit => Invalid, "invalid time limit";
    /// A field has a value that makes no sense; the name of the field.
    BadField(Text) => Invalid, "invalid value for {0}";
    /// A script or a text is too long; the name of the field.
    TooLong(Text) => Invalid, "{0} is too long";
    /// No working directory.
    NoWorkDirectory => Invalid, "no working directory given";
    /// An empty or missing environment.
    NoEnvironment => Invalid, "no environment given";
    /// A nice value a plain user may not use.
    BadNice => Forbidden, "a negative nice value needs an operator";
    /// An account the user may not charge.
    BadAccount(Text) => Invalid, "invalid account {0}";
    /// A quality of service the user may not use.
    BadQos(Text) => Invalid, "invalid quality of service {0}";
    /// A workload key that does not exist.
    BadWckey(Text) => Invalid, "invalid wckey {0}";
    /// The job would have to wait, and it said it would not.
    CannotStartNow => Conflict, "the job cannot start at once";
    /// The partition is not up, and the job would not wait.
    PartitionDown(Text) => Conflict, "partition {0} is not up";
    /// The partition takes no jobs from this caller or group.
    PartitionForbidden(Text) => Forbidden, "partition {0} is not open to this user";
    /// The caller is neither owner nor operator; acting on another's job by updating it.
    NotOwner => Forbidden, "this job belongs to somebody else";
    /// The caller may not act for this user.
    NotThatUser(Text) => Forbidden, "may not act as user {0}";
    /// A field only operators may change or set; its name.
    OperatorOnly(Text) => Forbidden, "{0} may be set by an operator only";
    /// A client's key that has named another submission before.
    KeyReused => Conflict, "the key has named another submission before";
    /// The job is over.
    AlreadyEnded(JobId) => Conflict, "job {0} has already ended";
    /// The job is over, or ending.
    AlreadyEnding(JobId) => Conflict, "job {0} is already ending";
    /// The job does not wait any more; the name of the field that could be changed only then.
    NotPending(Text) => Conflict, "{0} can be changed only while the job waits";
    /// The job has no processes to signal.
    NotRunning(JobId) => Conflict, "job {0} is not running";
    /// The job is suspended already.
    Suspended(JobId) => Conflict, "job {0} is already suspended";
    /// The job is not suspended.
    NotSuspended(JobId) => Conflict, "job {0} is not suspended";
    /// What a suspended job has cannot be changed.
    NotWhileSuspended(JobId) => Conflict, "job {0} is suspended";
    /// A time that has passed.
    BadTime => Invalid, "this time has passed";
    /// The memory of a job that runs is held by a step that there is not.
    NoExternStep => Conflict, "the memory of a running job cannot be changed";
    /// A user may raise his job's nice value, not its priority.
    PriorityOfUser => Forbidden, "change the nice value instead of the priority";
    /// Clusters are named, and this one stands alone.
    NoFederation => Invalid, "this cluster belongs to no federation";
    /// No partition of the job could ever give it so much.
    BeyondPartition => Conflict, "no partition of the job has so much";
    /// The job is held, and a priority cannot be given.
    Held(JobId) => Conflict, "job {0} is held";
    /// The job cannot be altered in its state.
    Unalterable(JobId) => Conflict, "job {0} cannot be altered now";
    /// A single array task was named where only the whole array can be changed.
    WholeArrayOnly(JobId) => Invalid, "update the array {0} as a whole";
    /// What can be done with a heterogeneous job as a whole only, by the leader's number.
    NotLeader(JobId) => Conflict, "job {0} is not the leader of its heterogeneous job";
    /// Nobody but its script knows when it is complete.
    NotAllocation(JobId) => Conflict, "job {0} is not an allocation";
    /// What the crontab has made is changed there.
    CronJob(JobId) => Conflict, "job {0} is changed in the crontab it comes from";
    /// The job was named, and is not of those that are meant.
    NotMeant(JobId) => Conflict, "job {0} is not of those that are meant";
    /// The job recurs, and was not named as one that does.
    CronJobNotMeant(JobId) => Conflict, "job {0} comes from a crontab, and was not named as such";
    /// The caller is no administrator; what would take one.
    AdministratorOnly(Text) => Forbidden, "{0} takes an administrator";
    /// A node cannot be brought into this state, or not from the one it is in.
    NodeTransition(Text) => Conflict, "node {0} cannot be brought into this state";
    /// A node in its state cannot be given another by that word.
    NodeState(Text) => Conflict, "node {0} cannot be given that state";
    /// A node to be made has the name of one that is there.
    NodeExists(Text) => Conflict, "there is a node {0} already";
    /// There would be more nodes than there may be.
    NodeTableFull => Conflict, "there may not be more nodes";
    /// A node to be taken away is one of the configuration.
    NotMade(Text) => Conflict, "node {0} is one of the configuration";
    /// A node to be made is of no kind that can be made.
    BadNodeKind(Text) => Invalid, "a node cannot be made in state {0}";
    /// A node to be taken away has jobs or belongs to a reservation.
    NodeBusy(Text) => Conflict, "node {0} is in use";
    /// Nodes are not switched on and off here.
    NoPowerControl => Invalid, "nodes are not switched on and off";
    /// A node has not all the features that shall be active.
    ActiveFeatures(Text) => Invalid, "active features that node {0} does not have";
    /// A place among the switches that there is not.
    BadTopology(Text) => Invalid, "no such place among the switches: {0}";
    /// The configuration is wrong; how.
    BadConfiguration(Text) => Invalid, "the configuration is wrong: {0}";
    /// Something has changed in the configuration that takes a restart.
    NeedsRestart(Text) => Conflict, "{0} cannot change while the service runs";
    /// Accounting limits how much or how many a user, an account or a quality of service may have; the limit by its name.
    OverLimit(Text) => Conflict, "an accounting limit is exceeded: {0}";
    /// The cluster behind has refused it.
    ClusterRefused(ClusterRefusal) => Invalid, "the cluster refuses it: {0}";
    /// The cluster behind does not let the user do it.
    ClusterForbids(ClusterRefusal) => Forbidden, "the cluster forbids it: {0}";
    /// The table of jobs is full.
    TooManyJobs => Conflict, "too many jobs";
}

/// An event did not fit the state of the job it was applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} does not fit a job that is {state}")]
pub struct Refused {
    /// The event's name.
    pub event: &'static str,
    /// The state's name.
    pub state: &'static str,
}
