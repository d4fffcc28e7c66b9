//! Rows of what submissions with a client's key were answered.

use domain::service::{ClientKey, Note, Receipt};
use domain::{JobId, Text, Timestamp};

rows! {
    Receipt => ReceiptRow {
        number = "i": u64,
        key = "k": ClientKey,
        at = "t": Timestamp,
        job = "j": JobId,
        notes = "n": Vec<Note>,
    }
    ClientKey => ClientKeyRow {
        user = "u": Text,
        key = "k": Text,
        content = "c": Text,
    }
}

codes! {
    Note, "remark on a submission" {
        Held = 0,
        PartitionConfiguration = 1,
        NodesUnavailable = 2,
        ReservationNotOpen = 3,
    }
}
