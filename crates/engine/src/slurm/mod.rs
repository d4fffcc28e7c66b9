//! A real Slurm cluster, reached through slurmrestd. It decides everything; here is how it is asked (`link`, over
//! `failover` and `transport`), as whom (`identity`, `verdict`), in which version (`versions`, `translate`), and what
//! is kept so that it is asked seldom (`jobs` the list of all jobs, `document` all other answers, each read by one
//! `flight` at a time). `relay` puts it together for requests of Slurm's own interface, with `copies` and `lists` that
//! tell what is kept, in the `shape` that is wanted; `model` is the job model, on which the other interfaces stand, and
//! reads the same copies (`shared`).

mod copies;
mod counters;
mod document;
mod elsewhere;
mod endpoint;
mod failover;
mod flight;
mod identity;
mod jobs;
mod kinds;
mod link;
mod lists;
mod mark;
pub mod model;
mod pack;
mod patience;
mod picture;
mod rate;
mod relay;
mod request;
mod shape;
mod shared;
mod split;
mod submissions;
mod submit;
#[cfg(test)]
mod tests;
mod translate;
mod transport;
mod trouble;
mod verdict;
mod versions;

pub use counters::Count;
pub use elsewhere::Elsewhere;
pub use endpoint::{Endpoint, NoEndpoint};
pub use identity::{As, Identity};
pub use rate::Rate;
pub use relay::{Upstream, UpstreamConfig};
pub use request::{Caller, Reply, Request, Slice};
pub use submissions::{ClientKey, Memory};
pub use transport::Answer;
pub use trouble::Trouble;
