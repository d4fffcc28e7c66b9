//! The engine of a service whose jobs all run on a cluster: it runs none here.

use domain::ports::{Engine, Order, Plan, Recovered};
use domain::state::State;
use domain::{JobId, Text, Timestamp};

/// Runs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Elsewhere;

impl Engine for Elsewhere {
    fn plan(&mut self, _: &State, _: Timestamp) -> Plan {
        Plan::default()
    }

    fn perform(&mut self, order: Order) {
        // Nothing is ever planned, so that there is nothing to do but for jobs of a time with another engine.
        tracing::debug!(?order, "not performed: no jobs run here");
    }

    fn boot(&self) -> Text {
        Text::const_new("")
    }

    fn recover(&mut self, running: &[(JobId, u32)]) -> Vec<Recovered> {
        running.iter().map(|_| Recovered::Unknown).collect()
    }
}
