//! The machine's clock behind the domain's port.

use crate::client;
use domain::Timestamp;
use domain::ports::Clock;
use std::sync::atomic::{AtomicI64, Ordering};

/// The machine's clock, which never goes back: set to an earlier time, it stands still until that has passed.
#[derive(Debug, Default)]
pub(crate) struct SystemClock {
    last: AtomicI64,
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let micros = client::now().micros();
        Timestamp::from_micros(self.last.fetch_max(micros, Ordering::Relaxed).max(micros))
    }
}
