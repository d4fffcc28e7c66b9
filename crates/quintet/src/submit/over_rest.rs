//! `#SBATCH` lines of scripts that are sent over REST, read as `quintet submit` reads them.

use super::directives::directives;
use super::layers::combine_components;
use super::options::JobOptions;
use super::request::{Script, request};
use slurm_wire::job_desc::JobDescMsg;
use std::path::Path;

/// Returns what a script asks for, once for each component of a heterogeneous job. Options that say how `sbatch` itself
/// shall behave have no meaning here.
///
/// # Errors
/// If its lines cannot be read, or ask for an environment: that comes with the request.
pub(crate) fn options_of_script(script: &str) -> Result<Vec<JobDescMsg>, String> {
    let directives = directives(script).map_err(|error| error.to_string())?;
    let components =
        combine_components("script", &directives, |_| None, &[]).map_err(|error| error.to_string())?;
    components.iter().map(described).collect()
}

fn described(options: &JobOptions) -> Result<JobDescMsg, String> {
    if options.export.as_ref().is_some_and(|export| !(export.all && export.single.is_empty())) {
        return Err("--export cannot be honored here; send what the job shall have as environment".to_owned());
    }
    if options.test_only {
        return Err("--test-only cannot be honored here; send the header X-Test-Only".to_owned());
    }
    let request = request(options, &Script::default(), Path::new(""), Vec::new());
    let job = request.map_err(|error| error.to_string())?.job.unwrap_or_default();
    // What a request says by itself is no option of the script.
    Ok(JobDescMsg {
        environment: None,
        name: job.name.filter(|_| options.job_name.is_some()),
        current_working_directory: job.current_working_directory.filter(|_| options.chdir.is_some()),
        ..job
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(lines: &str) -> Result<Vec<serde_json::Value>, String> {
        let said = options_of_script(&format!("#!/bin/sh\n{lines}\ntrue\n"))?;
        Ok(said.iter().map(|job| serde_json::from_slice(&slurm_wire::to_json(job)).unwrap()).collect())
    }

    #[test]
    fn only_what_lines_say_is_said() {
        assert_eq!(json(""), Ok(vec![serde_json::json!({})]));
        let said = json("#SBATCH -J x -c 3 --chdir=/tmp\n#SBATCH --export=ALL --wait").unwrap();
        assert_eq!(
            said,
            [serde_json::json!({"name": "x", "cpus_per_task": 3, "current_working_directory": "/tmp"})]
        );
        let pair = json("#SBATCH -n 2\n#SBATCH hetjob\n#SBATCH -n 4").unwrap();
        assert_eq!(pair.iter().map(|job| job["tasks"].as_u64()).collect::<Vec<_>>(), [Some(2), Some(4)]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(json("#SBATCH --nonsense").unwrap_err().contains("line 2: unknown option '--nonsense'"));
        assert!(json("#SBATCH --export=NONE").unwrap_err().starts_with("--export"));
        assert_eq!(options_of_script("true\n").unwrap_err().split(' ').next(), Some("the"));
    }
}
