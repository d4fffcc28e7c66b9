//! Query parameters of the controller's operations; [`crate::Value::from_query`] makes a document of a query string.

use crate::checked_text::SignalName;
use crate::flags::Flags;
use crate::list::SelectedJobs;
use crate::no_val::UnixTime;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::{KillFlag, ShowFlag};

object! {
    /// What is asked of jobs.
    request JobInfoQuery = "openapi_job_info_query" {
        update_time: UnixTime,
        flags: Flags<ShowFlag>,
    }
}

object! {
    /// How a job is cancelled or signalled; a body may say the same.
    request JobInfoDeleteQuery = "openapi_job_info_delete_query" {
        signal: SignalName,
        flags: Flags<KillFlag>,
    }
}

object! {
    /// Whose states are asked for.
    request JobStateQuery = "openapi_job_state_query" {
        job_id: SelectedJobs,
    }
}

object! {
    /// What is asked of nodes.
    request NodesQuery = "openapi_nodes_query" {
        update_time: UnixTime,
        flags: Flags<ShowFlag>,
    }
}

object! {
    /// What is asked of partitions.
    request PartitionsQuery = "openapi_partitions_query" {
        update_time: UnixTime,
        flags: Flags<ShowFlag>,
    }
}

object! {
    /// What is asked of reservations.
    request ReservationQuery = "openapi_reservation_query" {
        update_time: UnixTime,
    }
}

object! {
    /// Whose shares are asked for; unknown parameters pass in silence, so read it leniently.
    request SharesQuery = "shares_query" {
        accounts: Text,
        users: Text,
    }
}
