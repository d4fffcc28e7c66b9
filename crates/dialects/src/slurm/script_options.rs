//! `#SBATCH` lines of scripts that come over REST. The original ignores them, and so does this service, unless its
//! configuration or the request says otherwise; then what the request says goes before what the script says.

use super::from_wire::Refusal;
use hyper::header::{HeaderMap, HeaderName};
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::{error_number as number, versions};

/// What a request may say of them: `honor` or `ignore`.
const HEADER: HeaderName = HeaderName::from_static("x-sbatch-lines");
/// Where it is told that something is wrong with them.
const PLACE: &str = "#SBATCH";

/// How options in scripts are read, and whether.
#[derive(Clone, Copy, Debug)]
pub struct ScriptOptions {
    /// Reads a script: returns what it asks for, once for each component of a heterogeneous job, or why it cannot be read.
    pub read: fn(&str) -> Result<Vec<JobDescMsg>, String>,
    /// Whether they count where the request does not say.
    pub honored: bool,
}

/// What a request says of the lines in its script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    #[default]
    Unsaid,
    Honor,
    Ignore,
    /// Something that is neither.
    Unreadable,
}

impl Wish {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        match headers.get(HEADER).map(|value| value.to_str().unwrap_or_default().trim()) {
            None => Wish::Unsaid,
            Some(word) if word.eq_ignore_ascii_case("honor") => Wish::Honor,
            Some(word) if word.eq_ignore_ascii_case("ignore") => Wish::Ignore,
            Some(_) => Wish::Unreadable,
        }
    }
}

/// Adds to the components of a job, one for a plain one, what their script says, where its lines count.
pub(super) fn add(
    options: Option<ScriptOptions>,
    wish: Wish,
    script: &str,
    jobs: &mut [JobDescMsg],
) -> Result<(), Refusal> {
    let refusal = |why: String| Refusal::Place(number::INVALID_QUERY, why, PLACE);
    let options = match (options, wish) {
        (_, Wish::Unreadable) => {
            return Err(refusal("Rejecting request. X-Sbatch-Lines must be honor or ignore".to_owned()));
        }
        (None, Wish::Honor) => {
            return Err(refusal("Rejecting request. #SBATCH lines cannot be read here".to_owned()));
        }
        (Some(options), Wish::Honor) => options,
        (Some(options), Wish::Unsaid) if options.honored => options,
        _ => return Ok(()),
    };
    let said = (options.read)(script).map_err(|why| refusal(format!("Rejecting request. {why}")))?;
    if said.len() > jobs.len() {
        let why = "Rejecting request. The script describes more components than the request has";
        return Err(refusal(why.to_owned()));
    }
    for (job, said) in jobs.iter_mut().zip(said) {
        *job = joined(job, said);
    }
    Ok(())
}

/// Takes over what the script says where the request says nothing.
fn joined(asked: &JobDescMsg, mut said: JobDescMsg) -> JobDescMsg {
    // Memory and nodes are asked for in several ways, of which the request has chosen one.
    if asked.memory_per_node.is_some() || asked.memory_per_cpu.is_some() || asked.memory_per_tres.is_some() {
        (said.memory_per_node, said.memory_per_cpu, said.memory_per_tres) = (None, None, None);
    }
    if asked.nodes.is_some() || asked.minimum_nodes.is_some() || asked.maximum_nodes.is_some() {
        said.nodes = None;
    }
    // A priority holds as well, and speaks later.
    if asked.priority.is_some() || asked.hold.is_some() {
        (said.priority, said.hold) = (None, None);
    }
    let mut both = Vec::new();
    versions::write_joined(&slurm_wire::to_json(asked), &slurm_wire::to_json(&said), &mut both);
    let text = slurm_wire::json::text(&both);
    // What this crate has written it can read.
    slurm_wire::json::parse(&text).map_or_else(|_| asked.clone(), |both| slurm_wire::parse_reply(&both))
}

#[cfg(test)]
mod tests {
    use super::*;
    use slurm_wire::Text;

    fn said(script: &str) -> Result<Vec<JobDescMsg>, String> {
        let one = |name: &str| JobDescMsg {
            name: Some(Text::from(name)),
            comment: Some(Text::from("of the script")),
            memory_per_cpu: Some(5_u64.into()),
            ..JobDescMsg::default()
        };
        match script {
            "bad" => Err("line 2: unknown option".to_owned()),
            script => Ok(script.split(':').map(one).collect()),
        }
    }

    fn options(honored: bool) -> Option<ScriptOptions> {
        Some(ScriptOptions { read: said, honored })
    }

    #[test]
    fn the_request_goes_before_the_script() {
        let asked = JobDescMsg {
            name: Some(Text::from("asked")),
            memory_per_node: Some(7_u64.into()),
            cpus_per_task: Some(2),
            ..JobDescMsg::default()
        };
        let mut jobs = [asked.clone()];
        add(options(true), Wish::Unsaid, "x", &mut jobs).unwrap();
        let wanted = JobDescMsg { comment: Some(Text::from("of the script")), ..asked.clone() };
        assert_eq!(jobs, [wanted]);
        for (default, wish) in [(false, Wish::Unsaid), (true, Wish::Ignore)] {
            let mut jobs = [asked.clone()];
            add(options(default), wish, "x", &mut jobs).unwrap();
            assert_eq!(jobs, std::slice::from_ref(&asked), "{wish:?}");
        }
        let mut pair = [JobDescMsg::default(), JobDescMsg::default()];
        add(options(false), Wish::Honor, "a:b", &mut pair).unwrap();
        assert_eq!(pair.map(|job| job.name.unwrap().to_string()), ["a", "b"]);
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        for (options, wish, script) in [
            (options(true), Wish::Unsaid, "bad"),
            (options(true), Wish::Unsaid, "a:b"),
            (options(true), Wish::Unreadable, "x"),
            (None, Wish::Honor, "x"),
        ] {
            let refused = add(options, wish, script, &mut [JobDescMsg::default()]);
            assert!(matches!(refused, Err(Refusal::Place(9000, _, "#SBATCH"))), "{wish:?} {script}");
        }
        assert_eq!(add(None, Wish::Unsaid, "bad", &mut []), Ok(()));
    }
}
