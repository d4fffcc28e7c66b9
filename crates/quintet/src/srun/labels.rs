//! Puts what tasks write together line by line, with their numbers before it where that is wanted.

/// The bytes of one task's stream, cut into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    unfinished: Vec<u8>,
}

/// A line longer than this is passed on in parts: a task that never ends its line costs no more.
const LONGEST: usize = 64 << 10;

impl Lines {
    /// Takes in bytes and gives out what makes whole lines.
    pub(super) fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            out.append(&mut self.unfinished);
            out.extend_from_slice(line);
            rest = after;
        }
        self.unfinished.extend_from_slice(rest);
        if self.unfinished.len() > LONGEST {
            self.end(out);
        }
    }

    /// Gives out what is left when nothing more comes.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.unfinished);
    }
}

/// Puts a label before each line. One without its end gets one.
pub(crate) fn labelled(label: &str, lines: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(lines.len() + label.len());
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        out.extend_from_slice(label.as_bytes());
        out.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            out.push(b'\n');
        }
    }
    out
}

/// Returns the label of a task among so many: all are of one width.
pub(crate) fn label(task: u32, tasks: u32) -> String {
    let width = tasks.saturating_sub(1).to_string().len();
    format!("{task:>width$}: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_whole() {
        let check = |label: Option<&str>, pieces: &[&str], told: &str| {
            let mut lines = Lines::default();
            let mut out = Vec::new();
            pieces.iter().for_each(|piece| lines.take(piece.as_bytes(), &mut out));
            lines.end(&mut out);
            let out = label.map_or(out.clone(), |label| labelled(label, &out));
            assert_eq!(String::from_utf8(out).unwrap(), told, "{pieces:?}");
        };
        check(None, &["a\nb", "c\n", "d"], "a\nbc\nd");
        check(Some("1: "), &["a\nb", "c\n\n", "d"], "1: a\n1: bc\n1: \n1: d\n");
        check(Some("1: "), &[], "");
        check(None, &["\n\n"], "\n\n");
    }

    #[test]
    fn a_line_without_end_is_passed_on() {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for _ in 0..100 {
            lines.take(&[b'x'; 1000], &mut out);
        }
        assert!(out.len() > LONGEST);
    }

    #[test]
    fn labels_are_of_one_width() {
        assert_eq!((label(0, 1), label(9, 10), label(0, 11)), ("0: ".into(), "9: ".into(), " 0: ".into()));
    }
}
