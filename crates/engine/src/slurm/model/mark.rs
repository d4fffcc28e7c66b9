//! The mark by which a submission is known again is carried by the job's `extra`, behind what the submission keeps there:
//! the controller and accounting both show it. It has the form of the marks of submissions under clients' keys, which
//! nobody is shown over Slurm's own interface.

use domain::Text;

const SIGN: &str = "quintet:";
/// How many hexadecimal digits follow.
const DIGITS: usize = 32;

/// Returns what stands in `extra` with the mark.
pub(super) fn with_mark(extra: &str, mark: &str) -> Text {
    match (extra, mark) {
        (extra, "") => Text::from(extra),
        ("", mark) => Text::from(format!("{SIGN}{mark}")),
        (extra, mark) => Text::from(format!("{extra} {SIGN}{mark}")),
    }
}

/// Returns what stands in `extra` without the mark, and the mark.
pub(super) fn split(extra: &str) -> (Text, Text) {
    let Some((before, mark)) = extra.rsplit_once(SIGN) else { return (Text::from(extra), Text::default()) };
    let is_mark = mark.len() == DIGITS && mark.bytes().all(|byte| byte.is_ascii_hexdigit());
    let own = before.strip_suffix(' ').unwrap_or(before);
    match is_mark && (before.is_empty() || before.ends_with(' ')) {
        true => (Text::from(own), Text::from(mark)),
        false => (Text::from(extra), Text::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_keeps_there_comes_back_as_it_was() {
        for own in ["", "x", "two words", "quintet:", "ends in space ", "quintet:zz"] {
            let mark = "0123456789abcdef0123456789abcdef";
            assert_eq!(split(&with_mark(own, mark)), (Text::from(own), Text::from(mark)), "{own:?}");
            assert_eq!(split(own), (Text::from(own), Text::default()));
        }
    }
}
