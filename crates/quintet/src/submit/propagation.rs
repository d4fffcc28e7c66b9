//! What a job takes over from the process that submits it beside the environment: its soft limits and its file mode
//! mask. They go where sbatch puts them, in variables that the service takes out again.

use supervise::{Resource, current_rlimit};

/// The limits that sbatch passes on.
const LIMITS: &[Resource] = &[
    Resource::Cpu,
    Resource::Fsize,
    Resource::Data,
    Resource::Stack,
    Resource::Core,
    Resource::Rss,
    Resource::Nproc,
    Resource::Nofile,
    Resource::Memlock,
    Resource::As,
];

/// Reads `--propagate`: `ALL`, `NONE`, or names of limits.
pub(crate) fn limits_to_pass_on(written: &str) -> Result<Vec<&'static str>, String> {
    let all = || LIMITS.iter().map(|resource| resource.name()).collect();
    match written.to_ascii_uppercase().as_str() {
        "ALL" => return Ok(all()),
        "NONE" => return Ok(Vec::new()),
        _ => {}
    }
    let named = |name: &str| {
        let resource = Resource::from_name(name.trim()).filter(|resource| LIMITS.contains(resource));
        resource.map(Resource::name).ok_or_else(|| format!("there is no limit {name}"))
    };
    written.split(',').map(named).collect()
}

/// Returns the variables that tell of this process's limits and mask.
pub(crate) fn propagated(wish: Option<&str>) -> Result<Vec<String>, String> {
    let names = limits_to_pass_on(wish.unwrap_or("ALL"))?;
    let of_limit = |name: &str| {
        let (soft, _) = Resource::from_name(name).map(current_rlimit).unwrap_or_default();
        format!("SLURM_RLIMIT_{name}={}", soft.unwrap_or(u64::MAX))
    };
    let mut variables: Vec<String> = names.into_iter().map(of_limit).collect();
    variables.push(format!("SLURM_UMASK={:04o}", umask()));
    Ok(variables)
}

/// Returns this process's file mode mask.
pub(crate) fn umask() -> u32 {
    // It can only be read by setting it; nobody makes files meanwhile.
    let present = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    rustix::process::umask(present);
    present.bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_named() {
        assert_eq!(limits_to_pass_on("all").unwrap().len(), LIMITS.len());
        assert_eq!(limits_to_pass_on("NONE").unwrap().len(), 0);
        assert_eq!(limits_to_pass_on("stack,RLIMIT_CORE").unwrap(), ["STACK", "CORE"]);
        assert_eq!(limits_to_pass_on("STACK,FILES").unwrap_err(), "there is no limit FILES");
        assert_eq!(propagated(Some("NONE")).unwrap().len(), 1);
    }
}
