//! What is wrong, in Slurm's numbers; and the status each number goes out under (facts 2.3).

use domain::{Error, Problem};
use hyper::StatusCode;
use slurm_wire::envelope::ErrorEntry;
use slurm_wire::error_number as slurm;

/// `EAGAIN`: what the controller answers when its table of jobs is full.
pub(super) const TRY_AGAIN: i32 = 11;
/// The controller cannot be reached.
pub(super) const NO_CONTROLLER: i32 = 1800;
/// It was asked, and did not answer in time.
pub(super) const NO_REPLY: i32 = 5004;
/// The partition is closed to the user's groups.
const PARTITION_GROUP: i32 = 2003;
/// The most nodes are fewer than the least.
const NODE_COUNT: i32 = 2006;

/// A place among the switches that there is not.
const TOPOLOGY: i32 = 2178;
/// No more nodes can be made.
const NODE_TABLE_FULL: i32 = 2169;
/// Nodes are not switched on and off here.
const POWER_ACTION: i32 = 2187;
/// Jobs of crontabs are changed there.
const CRON_JOB: i32 = 2096;
/// A user's wish for a priority would not last.
const PRIORITY_OF_USER: i32 = 2095;
/// Jobs of crontabs are cancelled only where they are meant.
const CRON_JOB_NOT_MEANT: i32 = 2098;
/// The job waits, and cannot be put back where it is.
const JOB_PENDING: i32 = 2024;
/// A suspended job is left as it is.
const JOB_SUSPENDED: i32 = 2086;
/// The memory of a job is changed through its extern step.
const NEEDS_EXTERN_STEP: i32 = 2186;
/// The leader of a heterogeneous job is meant, and another component was named.
const NOT_LEADER: i32 = 2107;

/// Returns Slurm's number for what the domain refuses.
pub(super) fn number(error: &Error) -> i32 {
    match error {
        Error::NotFound(problem)
        | Error::Invalid(problem)
        | Error::Conflict(problem)
        | Error::Forbidden(problem) => problem_number(problem),
        Error::Unavailable(_) => NO_CONTROLLER,
        Error::Bug(_) => slurm::UNSPECIFIED,
    }
}

/// Returns the number under which the cancellation of one job of many is refused; some differ there.
pub(super) fn kill_number(error: &Error) -> i32 {
    match error {
        Error::Forbidden(Problem::NotOwner) => slurm::ACCESS_DENIED,
        Error::Conflict(Problem::AlreadyEnded(_) | Problem::AlreadyEnding(_)) => slurm::ALREADY_DONE,
        Error::Conflict(Problem::NotRunning(_)) => slurm::JOB_NOT_ALTERABLE_NOW,
        error => number(error),
    }
}

/// Returns the number under which a job is not put back into the queue.
pub(super) fn requeue_number(error: &Error) -> i32 {
    match error {
        Error::Forbidden(Problem::NotOwner) => slurm::ACCESS_DENIED,
        Error::Conflict(Problem::NotRunning(_)) => JOB_PENDING,
        error => number(error),
    }
}

fn problem_number(problem: &Problem) -> i32 {
    match problem {
        Problem::UnknownJob(_) | Problem::UnknownTask(_) => slurm::JOB_ID,
        Problem::UnknownPartition(_) => slurm::PARTITION,
        Problem::UnknownNode(_) => slurm::NODE_NAME,
        Problem::UnknownUser(_) => slurm::USER_UNKNOWN,
        Problem::UnknownGroup(_) => slurm::GROUP_UNKNOWN,
        Problem::BadConstraint(_) => slurm::FEATURE,
        Problem::BadPreference(_) => slurm::PREFER,
        Problem::BadLicense(_) => slurm::LICENSE,
        Problem::UnknownReservation(_) | Problem::BadReservation(_) => slurm::RESERVATION,
        Problem::ReservationForbidden(_) => slurm::RESERVATION_ACCESS,
        Problem::ReservationsForbidden => slurm::USER_ID,
        Problem::BadReservationTime => slurm::TIME_VALUE,
        Problem::ReservationOverlap => slurm::RESERVATION_OVERLAP,
        Problem::ReservationInUse(_) => slurm::RESERVATION_BUSY,
        Problem::ReservationBegun(_) => slurm::RESERVATION_BEGUN,
        Problem::ReservationForNobody => slurm::RESERVATION_EMPTY,
        Problem::ReservationForBoth => slurm::RESERVATION_USERS_AND_GROUPS,
        Problem::ReservationOfCores => slurm::RESERVATION_OF_CORES,
        Problem::NotSkippable(_) => slurm::RESERVATION_NOT_SKIPPABLE,
        Problem::BadCoreCount => slurm::CPU_COUNT,
        Problem::NodesBusy => slurm::NODES_BUSY,
        Problem::BadGres(_) => slurm::GRES,
        Problem::BadTres(_) => slurm::TRES,
        Problem::NodeConfiguration => slurm::NODE_CONFIGURATION,
        Problem::BadNodeCount => NODE_COUNT,
        Problem::BadTaskCount | Problem::TooManyNodes => slurm::TASKS,
        Problem::BadDependency(_) => slurm::DEPENDENCY,
        Problem::Unsupported(_) => slurm::NOT_SUPPORTED,
        Problem::BadArray(_) => slurm::ARRAY,
        Problem::BadDeadline | Problem::BadTimeLimit => slurm::TIME_LIMIT,
        Problem::BadTimeMinimum => slurm::TIME_MINIMUM,
        Problem::BadField(_) => slurm::INVALID_ARGUMENT,
        Problem::TooLong(_) => slurm::TOO_LONG,
        Problem::NoWorkDirectory => slurm::NO_WORKING_DIRECTORY,
        Problem::NoEnvironment => slurm::NO_ENVIRONMENT,
        Problem::BadNice => slurm::NICE,
        Problem::BadAccount(_) => slurm::ACCOUNT,
        Problem::BadQos(_) => slurm::QOS,
        Problem::BadWckey(_) => slurm::WCKEY,
        Problem::CannotStartNow => slurm::NOT_IMMEDIATE,
        Problem::PartitionDown(_) => slurm::PARTITION_DOWN,
        Problem::PartitionForbidden(_) => PARTITION_GROUP,
        Problem::NotOwner | Problem::NotThatUser(_) => slurm::USER_ID,
        Problem::OperatorOnly(_) => slurm::ACCESS_DENIED,
        Problem::AlreadyEnded(_) => slurm::FINISHED,
        Problem::AlreadyEnding(_) => slurm::ALREADY_DONE,
        Problem::NotPending(_) => slurm::NOT_PENDING,
        Problem::NotRunning(_) => slurm::NOT_RUNNING,
        Problem::Held(_) => slurm::HELD,
        Problem::NotWhileSuspended(_) => JOB_SUSPENDED,
        Problem::BadTime => slurm::TIME_VALUE,
        Problem::NoExternStep => NEEDS_EXTERN_STEP,
        Problem::PriorityOfUser => PRIORITY_OF_USER,
        Problem::NoFederation => slurm::UNSPECIFIED,
        Problem::BeyondPartition => slurm::PARTITION_CONFIGURATION_NOW,
        Problem::Unalterable(_)
        | Problem::Suspended(_)
        | Problem::NotSuspended(_)
        | Problem::NotAllocation(_) => slurm::JOB_NOT_ALTERABLE_NOW,
        Problem::WholeArrayOnly(_) | Problem::KeyReused => slurm::INVALID_QUERY,
        Problem::NotLeader(_) => NOT_LEADER,
        Problem::NotMeant(_) => slurm::CANNOT_SIGNAL,
        Problem::CronJob(_) => CRON_JOB,
        Problem::CronJobNotMeant(_) => CRON_JOB_NOT_MEANT,
        Problem::AdministratorOnly(_) => slurm::USER_ID,
        Problem::NodeExists(_) => slurm::NODE_EXISTS,
        Problem::NodeTableFull => NODE_TABLE_FULL,
        Problem::NotMade(_) | Problem::BadNodeKind(_) | Problem::NodeState(_) => slurm::NODE_STATE,
        Problem::NodeBusy(_) => slurm::NODES_BUSY,
        Problem::NodeTransition(_) => slurm::NODE_TRANSITION,
        Problem::NoPowerControl => POWER_ACTION,
        Problem::ActiveFeatures(_) => slurm::ACTIVE_FEATURES,
        Problem::BadTopology(_) => TOPOLOGY,
        Problem::BadConfiguration(_) => slurm::UNSPECIFIED,
        Problem::NeedsRestart(_) => slurm::NOT_SUPPORTED,
        Problem::OverLimit(_) => slurm::ACCOUNTING_POLICY,
        Problem::ClusterRefused(refusal) | Problem::ClusterForbids(refusal) => refusal.number,
        Problem::TooManyJobs => TRY_AGAIN,
        Problem::NoName => slurm::UNSPECIFIED,
        Problem::AmbiguousChange | Problem::AmbiguousRemoval => slurm::AMBIGUOUS_MODIFY,
        Problem::QosWithoutName | Problem::NoQosNumbered(_) => slurm::INVALID_QUERY,
        Problem::DefaultQosClosed(_) => slurm::DEFAULT_QOS,
        Problem::NoParentAccount(_) => slurm::PARENT_ACCOUNT,
        Problem::UnknownCluster(_) => slurm::CLUSTER,
        Problem::NothingToAdd => slurm::AMBIGUOUS_QUERY,
        Problem::OperatorsOnlyMade | Problem::RootAccount => slurm::ACCESS_DENIED,
        Problem::JobsActive => slurm::JOBS_ACTIVE,
    }
}

/// Returns the text of numbers that the table of the wire does not have.
pub(super) fn own_text(number: i32) -> Option<&'static str> {
    match number {
        TRY_AGAIN => Some("Resource temporarily unavailable"),
        NO_CONTROLLER => Some("Unable to contact slurm controller (connect failure)"),
        NO_REPLY => Some("Socket timed out on send/recv operation"),
        NODE_TABLE_FULL => Some("Unable to add node, node table is full"),
        TOPOLOGY => Some("Requested topology configuration is not available"),
        POWER_ACTION => Some("Invalid power action"),
        CRON_JOB => Some("Cannot modify scrontab jobs through scontrol"),
        CRON_JOB_NOT_MEANT => Some("Cannot cancel scrontab jobs without --cron flag."),
        JOB_PENDING => Some("Job is pending execution"),
        PRIORITY_OF_USER => Some("Changes to job priority are not persistent, change nice instead"),
        JOB_SUSPENDED => Some("Job is currently suspended"),
        NEEDS_EXTERN_STEP => Some("Requested operation requires extern step"),
        NOT_LEADER => Some("Job not heterogeneous job leader"),
        NODE_COUNT => Some("Node count specification invalid"),
        PARTITION_GROUP => Some("User's group not permitted to use this partition"),
        _ => None,
    }
}

/// Returns the text of any number.
pub(super) fn text(number: i32) -> &'static str {
    own_text(number).unwrap_or_else(|| slurm::text(number))
}

/// Returns the status of an answer with these errors: the first with a number decides.
pub(super) fn status(errors: &[ErrorEntry]) -> StatusCode {
    let first = errors.iter().map(|error| error.error_number).find(|number| *number != slurm::NONE);
    first.map_or(StatusCode::OK, status_of)
}

fn status_of(number: i32) -> StatusCode {
    match number {
        slurm::JOB_ID => StatusCode::NOT_FOUND,
        slurm::PROTOCOL_AUTHENTICATION => StatusCode::NETWORK_AUTHENTICATION_REQUIRED,
        NO_CONTROLLER | TRY_AGAIN => StatusCode::SERVICE_UNAVAILABLE,
        slurm::DATABASE_CONNECTION => StatusCode::BAD_GATEWAY,
        slurm::CLUSTER | POWER_ACTION | NEEDS_EXTERN_STEP => StatusCode::INTERNAL_SERVER_ERROR,
        slurm::REQUIREMENTS => StatusCode::BAD_REQUEST,
        22 | 2000..=2999 | 7001..=9000 | 9200 | 9216 => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_out_under_their_status() {
        for (numbers, status_wanted) in [
            (&[][..], 200),
            (&[0], 200),
            (&[2017], 404),
            (&[2045], 422),
            (&[9202, 9000], 500),
            (&[9000], 422),
            (&[0, 2002], 422),
            (&[-1], 500),
            (&[4003], 500),
            (&[1007], 511),
        ] {
            let errors: Vec<_> = numbers.iter().map(|number| ErrorEntry::new(*number, "", "")).collect();
            assert_eq!(status(&errors).as_u16(), status_wanted, "{numbers:?}");
        }
    }
}
