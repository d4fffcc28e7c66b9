//! The states of jobs where they appear outside of a job: in `jobs/state`, and as a condition of accounting.

use serde::Serialize;

use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::list::{lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::out::Out;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::schema::{Components, Schema};
use crate::value::Value;
use crate::wire::Wire;
use crate::words::JobState;

object! {
    /// The state of one job or array task, in the fields that the document gives jobs; `state` is what the original calls
    /// it in spite of that, beside an id that is a text such as `351_0`.
    reply JobStateEntry = "job_state_entry" {
        job_id: u32,
        array_job_id: NoVal<u32>,
        array_task_id: NoVal<u32>,
        job_state: Flags<JobState>,
        state: Flags<JobState>,
    }
}

lists! {
    /// The states of jobs.
    JobStateEntries, JobStateEntriesKind of JobStateEntry = "job_state_entries", read_plain;
}

object! {
    /// The answer to `jobs/state`, which is documented as jobs; the original leaves out the times.
    reply JobStatesResp = "job_states_resp" {
        jobs: JobStateEntries,
        last_backfill: NoVal<u64>,
        last_update: NoVal<u64>,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

/// States that a job may have, any of them; each parameter of a query adds its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct StateSets(pub Flags<JobState>);

impl Wire for StateSets {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        let one = std::slice::from_ref(value);
        let values = if let Value::List(values) = value { values.as_slice() } else { one };
        let mut states = Flags::NONE;
        for (index, value) in values.iter().enumerate() {
            let entry = Flags::<JobState>::parse(value, &at.index(index), report)?;
            for state in entry.iter().flat_map(Flags::iter) {
                states.insert(state);
            }
        }
        Ok(Some(StateSets(states)))
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::String
    }

    fn write(&self, out: &mut Out) {
        self.0.write(out);
    }
}
