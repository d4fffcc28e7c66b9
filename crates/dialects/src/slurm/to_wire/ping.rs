//! Whether the controller answers: it is in the same process.

use domain::Text;
use slurm_wire::ping::ControllerPing;

/// Describes the only controller there is; to whoever holds no valid token it seems down, as with the original.
pub(in crate::slurm) fn pings(host: &Text, answers: bool, micros: i64) -> Vec<ControllerPing> {
    vec![ControllerPing {
        hostname: host.clone(),
        pinged: Text::const_new(if answers { "UP" } else { "DOWN" }),
        responding: answers,
        status: Text::const_new(if answers { "No error" } else { "Protocol authentication error" }),
        latency: micros,
        mode: Text::const_new("primary"),
        primary: true,
    }]
}
