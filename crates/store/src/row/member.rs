//! Rows of users added at run time.

use domain::Text;
use domain::who::{AdminLevel, Membership};

rows! {
    Membership => MembershipRow {
        name = "n": Text,
        level = "l": AdminLevel,
        default_account = "d": Text,
        accounts = "a": Vec<Text>,
    }
}

codes! {
    AdminLevel, "level of a user" {
        None = 0,
        Operator = 1,
        Administrator = 2,
    }
}
