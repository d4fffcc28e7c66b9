//! Slurm's REST types, version 0.0.44 and its neighbours, in both directions: for a server that speaks them and a client that asks for them.
//! One table per object (`object!`), from which come struct, reader, writer and description; a leaf of the wire is a type
//! that implements [`Wire`]. Nothing here knows a job's life, the web or a clock.

mod object;

pub mod accounting;
pub mod array_spec;
pub mod chain;
pub mod checked_number;
pub mod checked_text;
pub mod diag;
pub mod envelope;
pub mod error_number;
pub mod exit_code;
pub mod flags;
pub mod hostlist;
pub mod hostlist_reply;
pub mod job_change;
pub mod job_desc;
pub mod job_ids;
pub mod job_info;
pub mod job_resources;
pub mod json;
pub mod licenses;
pub mod list;
pub mod no_val;
pub mod node;
pub mod openapi;
pub mod operations;
pub mod out;
pub mod partition;
pub mod ping;
pub mod place;
pub mod query;
pub mod report;
pub mod requeue;
pub mod reservation;
pub mod scalar;
pub mod schema;
pub mod series;
pub mod shares;
pub mod signal;
pub mod size;
pub mod states;
pub mod submit;
pub mod time_text;
pub mod value;
pub mod versions;
pub mod wire;
pub mod words;
mod write_json;
pub mod yaml;
mod yaml_text;

pub use flags::{Flag, Flags};
pub use no_val::NoVal;
pub use report::{Report, Stop};
pub use scalar::Text;
pub use value::Value;
pub use versions::Version;
pub use wire::{Wire, parse, parse_reply, to_json, to_json_in};
