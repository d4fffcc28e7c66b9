//! What a script asks for by its `#SBATCH` lines alone, for dialects whose requests are a script and little more.

use super::from_wire::{self, Refusal, Wanted};
use crate::site::Site;
use domain::job::JobKind;
use domain::service::Submission;
use domain::who::Principal;
use slurm_wire::job_desc::JobDescMsg;

/// How many components a script may describe, as over REST.
const MOST_COMPONENTS: usize = 128;

/// Reads the submission that a script describes: one, or one for each component of a heterogeneous job, of which the first
/// has the script. Working directory and environment are missing where the script does not name them.
///
/// # Errors
/// Why the script cannot be taken, in words for its author.
pub(crate) fn of_script(site: &Site, by: &Principal, script: &str) -> Result<Vec<Submission>, String> {
    let described = match site.script_options {
        Some(options) => (options.read)(script)?,
        None => vec![JobDescMsg::default()],
    };
    if described.len() > MOST_COMPONENTS {
        return Err(format!("a heterogeneous job has at most {MOST_COMPONENTS} components"));
    }
    let (now, directory) = (site.jobs.clock().now(), site.jobs.directory());
    let scripts = std::iter::once(script).chain(std::iter::repeat(""));
    let submission = |(job, script): (&JobDescMsg, &str)| {
        let wanted = Wanted { by, kind: JobKind::Batch, script, now, directory: &**directory };
        from_wire::submission(&wanted, job).map_err(in_words)
    };
    described.iter().zip(scripts).map(submission).collect()
}

fn in_words(refusal: Refusal) -> String {
    match refusal {
        Refusal::Problem(error) => error.to_string(),
        Refusal::Number(_, text) => text.to_owned(),
        Refusal::Place(_, sentence, _) => sentence,
    }
}
