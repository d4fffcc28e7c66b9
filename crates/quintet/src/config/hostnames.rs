//! Lists of host names in the configuration: `n[1-4,7],login`.

/// Returns the names a list stands for, or `None` if it cannot be read, is absurdly long, or has a name no host can have.
pub(super) fn expand(list: &str) -> Option<Vec<String>> {
    let names = slurm_wire::hostlist::expand(list).ok()?;
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let all_fit = !names.is_empty() && names.iter().all(|name| is_name(name));
    all_fit.then(|| names.into_iter().map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_hosts() {
        for (list, names) in [
            ("n1", Some("n1")),
            ("n[01-03,7],login", Some("n01 n02 n03 n7 login")),
            ("r[1-2]n[1-2]", Some("r1n1 r1n2 r2n1 r2n2")),
            ("", None),
            ("n[", None),
            ("n[3-1]", None),
            ("n[1-60000][1-60000]", None),
            ("a b", None),
            ("a/b", None),
        ] {
            let names = names.map(|names| names.split(' ').map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(expand(list), names, "{list}");
        }
    }
}
