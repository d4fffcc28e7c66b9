//! The numbers of Slurm's errors and the fixed text of each.
//! Which number an operation answers with, and under which status, is its own affair.

macro_rules! error_numbers {
    ($($(#[$meta:meta])* $name:ident = $number:literal: $text:literal;)*) => {
        $(
            #[doc = $text]
            $(#[$meta])*
            pub const $name: i32 = $number;
        )*

        /// Returns the fixed text of a number.
        pub fn text(number: i32) -> &'static str {
            match number {
                $($number => $text,)*
                _ => "Unknown error",
            }
        }

        /// All numbers that have a text.
        pub const ALL: &[i32] = &[$($number),*];
    };
}

error_numbers! {
    UNSPECIFIED = -1: "Unspecified error";
    NONE = 0: "No error";
    INVALID_ARGUMENT = 22: "Invalid argument";
    PROTOCOL_AUTHENTICATION = 1007: "Protocol authentication error";
    PARTITION = 2000: "Invalid partition name specified";
    ACCESS_DENIED = 2002: "Access/permission denied";
    NO_SCRIPT = 2009: "Job script not specified";
    USER_ID = 2010: "Invalid user id";
    TOO_LONG = 2012: "Pathname of a file, directory or other parameter too long";
    NODE_CONFIGURATION = 2014: "Requested node configuration is not available";
    PARTITION_CONFIGURATION_NOW = 2015: "Requested partition configuration not available now";
    NODES_BUSY = 2016: "Requested nodes are busy";
    JOB_ID = 2017: "Invalid job id specified";
    NODE_NAME = 2018: "Invalid node name specified";
    JOB_NOT_ALTERABLE_NOW = 2020: "Job can not be altered now, try again later";
    ALREADY_DONE = 2021: "Job/step already completing or completed";
    DISTRIBUTION = 2023: "Task distribution specification invalid";
    TASKS = 2025: "Task count specification invalid";
    NODE_STATE = 2028: "Invalid node state specified";
    FEATURE = 2029: "Invalid feature specification";
    ACTIVE_FEATURES = 2031: "Active features not subset of available features";
    NOT_SUPPORTED = 2036: "Requested operation not supported on this system";
    DISABLED = 2037: "Requested operation is presently disabled";
    DEPENDENCY = 2038: "Job dependency problem";
    HELD = 2042: "Job is in held state, pending scheduler release";
    ACCOUNT = 2045: "Invalid account or account/partition combination specified";
    PARENT_ACCOUNT = 2046: "Invalid parent account specified";
    LICENSE = 2048: "Invalid license specification";
    ACCOUNTING_POLICY = 2050: "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)";
    TIME_LIMIT = 2051: "Requested time limit is invalid (missing or exceeds some limit)";
    RESERVATION_ACCESS = 2052: "Access denied to requested reservation";
    RESERVATION = 2053: "Requested reservation is invalid";
    TIME_VALUE = 2054: "Invalid time specified";
    RESERVATION_BUSY = 2055: "Requested reservation is in use";
    WCKEY = 2057: "Invalid wckey specification";
    RESERVATION_OVERLAP = 2058: "Requested reservation overlaps with another reservation";
    NO_WORKING_DIRECTORY = 2063: "Job cannot be submitted without the current working directory specified.";
    QOS = 2066: "Invalid qos specification";
    CPU_COUNT = 2069: "CPU count specification invalid";
    GRES = 2072: "Invalid generic resource (gres) specification";
    NOT_PENDING = 2073: "Job is no longer pending execution";
    NOT_IMMEDIATE = 2078: "Immediate execution impossible, insufficient resources available";
    RESERVATION_EMPTY = 2080: "Reservation request lacks users, groups or accounts";
    ARRAY = 2081: "Invalid job array specification";
    FINISHED = 2084: "Job has already finished";
    NOT_RUNNING = 2085: "Job/step is not running";
    PARTITION_DOWN = 2101: "Partition in DOWN state";
    RESERVATION_BEGUN = 2104: "Reservation already started";
    RESERVATION_OF_CORES = 2109: "Core-based reservation can not be updated";
    CORE_COUNT = 2111: "Core count for reservation node list is not consistent!";
    X11 = 2112: "X11 forwarding not available";
    GROUP_ID = 2113: "Invalid group id";
    TRES = 2115: "Invalid Trackable RESource (TRES) specification";
    NICE = 2123: "Invalid --nice value";
    TIME_MINIMUM = 2124: "Invalid time-min specification (exceeds job's time or other limits)";
    NO_ENVIRONMENT = 2127: "Environment is missing in job";
    RESERVATION_NOT_SKIPPABLE = 2128: "Reservation given is not skipable, try deleting instead";
    RESERVATION_USERS_AND_GROUPS = 2129: "Reservations can't have users and groups specified, only one or the other";
    THREADS = 2132: "Cannot request more threads per core than the job allocation";
    PREFER = 2133: "Invalid preferred feature specification";
    JOB_ID_EMPTY = 2136: "JobID must not be an empty string";
    JOB_ID_ZERO = 2137: "JobID can not be zero";
    JOB_ID_NEGATIVE = 2138: "JobID can not be a negative number";
    JOB_ID_TOO_LARGE = 2139: "JobID larger than acceptable range";
    JOB_ID_NO_NUMBER = 2140: "JobID includes unexpected non-numeric characters";
    TASK_EMPTY = 2141: "Job Array ID must not be an empty string";
    TASK_NEGATIVE = 2142: "Job Array ID can not be a negative number";
    TASK_NO_NUMBER = 2144: "Job Array ID includes unexpected non-numeric characters";
    TASK_OF_COMPONENT = 2145: "Unknown error 2145";
    COMPONENT_EMPTY = 2146: "HetJob component must not be an empty string";
    COMPONENT_NEGATIVE = 2147: "HetJob component can not be a negative number";
    COMPONENT_NO_NUMBER = 2149: "Unknown error 2149";
    STEP_EMPTY = 2150: "StepID must not be an empty string";
    STEP_NEGATIVE = 2151: "StepID can not be a negative number";
    STEP_TOO_LARGE = 2152: "StepID larger than acceptable range";
    STEP_NO_NUMBER = 2153: "StepID includes unexpected non-numeric characters";
    EMPTY_LIST = 2162: "Empty list";
    GROUP_ID_INVALID = 2163: "Invalid group ID";
    GROUP_UNKNOWN = 2164: "Unable to resolve group ID to group name";
    USER_ID_INVALID = 2165: "Invalid user ID";
    USER_UNKNOWN = 2166: "Unable to resolve user ID to user name";
    NODE_EXISTS = 2168: "Node already exists";
    CANNOT_SIGNAL = 2172: "Cannot signal job";
    KILL_NEEDS_FILTER = 2173: "Invalid signal jobs request, at least one job id or filter is required.";
    NODE_TRANSITION = 2180: "Invalid node state transition";
    SLUID = 2185: "SLUID is invalid";
    ACCOUNTING_FREQUENCY = 4003: "Invalid accounting frequency requested";
    DATABASE_CONNECTION = 7000: "Unable to connect to database";
    JOBS_ACTIVE = 7001: "Job(s) active, cancel job(s) before remove";
    DEFAULT_QOS = 7011: "This request would make it so some associations would not have access to their default qos.";
    CLUSTER = 7104: "Invalid cluster name";
    INVALID_QUERY = 9000: "Query empty or not RFC7320 compliant";
    REQUIREMENTS = 9009: "Query requirements not met";
    PATH_UNRESOLVED = 9200: "Unable to resolve path";
    NOT_CONVERTIBLE = 9202: "Unable to convert Data type";
    FLAGS_NOT_A_LIST = 9206: "Data parser expects flags to be a list";
    UNKNOWN_FLAG = 9207: "Data parser unable to parse invalid flag";
    LIST_EXPECTED = 9208: "Data parser expected a list";
    DICTIONARY_EXPECTED = 9209: "Data parser expected a dictionary or object";
    AMBIGUOUS_MODIFY = 9210: "Request matched more than one object to modify. Modifications must only apply to a single object. Try adding more properties to make update match a unique object.";
    AMBIGUOUS_QUERY = 9211: "Request matched more than one object to query. Request is limited to query of a single matching object.";
    INVALID_DATA = 9216: "Request to parse invalid data";
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_number_stands_once() {
        let mut numbers = super::ALL.to_vec();
        numbers.dedup();
        assert!(numbers.is_sorted() && numbers.len() == super::ALL.len());
        assert_eq!(super::text(2017), "Invalid job id specified");
        assert_eq!(super::text(31337), "Unknown error");
    }
}
