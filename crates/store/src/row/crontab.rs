//! Rows of crontabs.

use domain::cron::{Crontab, Installed};
use domain::job::Owner;
use domain::{JobId, Text};

rows! {
    Crontab => CrontabRow {
        owner = "o": Owner,
        text = "t": Text,
        installed = "i": Vec<Installed>,
    }
    Installed => InstalledRow {
        first_line = "f": u32,
        last_line = "l": u32,
        job = "j": JobId,
    }
}
