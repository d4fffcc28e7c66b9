//! Signals by name and number, as Linux numbers them.

/// The signals of Slurm's commands and their numbers; of two names for one number the first is shown.
const SIGNALS: &[(&str, u16)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// The signals that replies call by name; the others appear as their number.
const NAMED_IN_REPLIES: &[u16] = &[1, 2, 3, 6, 9, 10, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24];

/// Returns the number that a text means: a name with or without `SIG`, or a number.
pub fn number(text: &str) -> Option<u16> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let name = match text.get(..3) {
        Some(head) if head.eq_ignore_ascii_case("SIG") => text.get(3..)?,
        _ => text,
    };
    SIGNALS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
}

/// Returns the name of a number, without `SIG`.
pub fn name(number: u16) -> Option<&'static str> {
    SIGNALS.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
}

/// Returns what an exit code in a reply calls the signal: its name if it is a common one, else the number.
pub fn shown(number: u16) -> String {
    match name(number).filter(|_| NAMED_IN_REPLIES.contains(&number)) {
        Some(name) => name.to_owned(),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_understood() {
        for (text, expected) in [
            ("USR1", Some(10)),
            ("SIGUSR1", Some(10)),
            ("sigterm", Some(15)),
            ("9", Some(9)),
            ("99", Some(99)),
            ("0", Some(0)),
            ("BOGUS", None),
            ("B:USR1@60", None),
            ("SIG", None),
            ("", None),
            ("99999999", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn core_dumping_signals_are_shown_as_numbers() {
        assert_eq!(shown(15), "TERM");
        assert_eq!(shown(11), "11");
    }
}
