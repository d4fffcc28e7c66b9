//! To whom mail goes: names are given by users, and reach a program that may run as root.

use domain::job::Job;

/// Returns to whom mail about a job goes; `None` if a mail program might take the name for an option, a file or a
/// command.
pub(super) fn recipient(job: &Job, domain: &str) -> Option<String> {
    let wished = &job.spec.uncommon().mail_user;
    let user = if wished.is_empty() { &job.spec.owner.name } else { wished };
    let names = user.split(',').map(str::trim).map(|name| complete(name, domain));
    Some(names.collect::<Option<Vec<_>>>()?.join(","))
}

fn complete(name: &str, domain: &str) -> Option<String> {
    let is_plain = |letter: char| letter.is_alphanumeric() || "._%+-=@".contains(letter);
    let begins_well = name.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    if !begins_well || !name.chars().all(is_plain) {
        return None;
    }
    let bare = !name.contains('@') && !domain.is_empty();
    Some(if bare { format!("{name}@{domain}") } else { name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_the_domain_and_addresses_stay() {
        let done = |name, domain| complete(name, domain).unwrap_or_default();
        assert_eq!(done("alice", "example.org"), "alice@example.org");
        assert_eq!(done("alice", ""), "alice");
        assert_eq!(done("a.b+c@x.org", "example.org"), "a.b+c@x.org");
    }

    #[test]
    fn nothing_but_names_reaches_the_program() {
        for name in ["", "-oQ/tmp", "|sh", "/etc/passwd", "a/b", "+file", "a\nb", "a b", "`id`"] {
            assert_eq!(complete(name, ""), None, "{name:?}");
        }
    }
}
