//! `quintet submit`: sbatch's options, script and environment become one request.
//!
//! - `directives.rs` cuts `#SBATCH` lines into words
//! - `options.rs` lists the options, `values.rs` reads their values
//! - `layers.rs` lays script, environment and command line over one another
//! - `environment.rs` picks what a job's environment is
//! - `request.rs` writes all of it as a request
//! - `over_rest.rs` reads scripts that the service is sent by others

mod command;
mod directives;
pub(crate) mod environment;
pub(crate) mod layers;
mod options;
mod over_rest;
pub(crate) mod propagation;
pub(crate) mod request;
pub(crate) mod test_only;
#[cfg(test)]
mod tests;
pub(crate) mod values;

pub(crate) use command::{SubmitArgs, run, send, whole_request};
pub(crate) use directives::options_of_lines;
pub(crate) use layers::combine;
pub(crate) use options::JobOptions;
pub(crate) use over_rest::options_of_script;
pub(crate) use request::Script;

/// Tells whether an error is a mistake in script or options, and not something that went wrong.
pub(crate) fn is_wrong_usage(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<command::BadScript>()
        || error.is::<layers::OptionError>()
        || error.is::<request::RequestError>()
}
