//! Texts in YAML, quoted and folded to the letter as the original's library does it: plain where that can be, else in
//! single quotes, else escaped; broken at the first blank beyond the width.

/// Lines are broken behind this column.
const WIDTH: usize = 80;

/// Where a text begins, and where its further lines do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The column of its first letter or quote.
    pub(crate) column: usize,
    /// The column of the lines that follow.
    pub(crate) indent: usize,
}

/// Writes a text; without `line`, as for keys, it is not broken.
pub(crate) fn write(text: &str, line: Option<Line>, out: &mut Vec<u8>) {
    let mut writer = Writer { out, column: line.map_or(0, |line| line.column), line };
    match style(text) {
        Style::Plain => writer.plain(text),
        Style::Single => writer.single(text),
        Style::Escaped => writer.escaped(text),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Escaped,
}

fn style(text: &str) -> Style {
    let is_special = |letter: char| !matches!(letter, ' '..='~' | '\n');
    if text.contains(is_special) || text.contains(" \n") || text.contains("\n ") {
        Style::Escaped
    } else if is_plain(text) {
        Style::Plain
    } else {
        Style::Single
    }
}

/// Outside of brackets, only the beginning and a few pairs of letters matter.
fn is_plain(text: &str) -> bool {
    let mut letters = text.chars();
    let starts_badly = match letters.next() {
        None => true,
        Some('-' | '?' | ':') => letters.next().is_none_or(|next| next == ' '),
        Some(first) => "#,[]{}&*!|>'\"%@` ".contains(first),
    };
    let marks_a_document = text.starts_with("---") || text.starts_with("...");
    !(starts_badly
        || marks_a_document
        || text.ends_with([' ', ':'])
        || text.contains(": ")
        || text.contains(" #")
        || text.contains('\n'))
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    column: usize,
    line: Option<Line>,
}

impl Writer<'_> {
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.len();
    }

    /// Fills the line up to where a further line begins.
    fn indent(&mut self) {
        let indent = self.line.map_or(0, |line| line.indent);
        while self.column < indent {
            self.put(" ");
        }
    }

    fn break_line(&mut self) {
        self.out.push(b'\n');
        self.column = 0;
    }

    /// Tells whether the line is so long that a blank becomes its end.
    fn is_full(&self) -> bool {
        self.line.is_some() && self.column > WIDTH
    }

    fn fold(&mut self) {
        self.break_line();
        self.indent();
    }

    fn plain(&mut self, text: &str) {
        let mut after_blank = false;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let is_blank = letter == ' ';
            if is_blank && !after_blank && self.is_full() && letters.peek() != Some(&' ') {
                self.fold();
            } else {
                self.put(letter.encode_utf8(&mut [0; 4]));
            }
            after_blank = is_blank;
        }
    }

    fn single(&mut self, text: &str) {
        self.put("'");
        let (mut is_first, mut after_blank, mut after_break) = (true, false, false);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                ' ' => {
                    let is_inside = !is_first && letters.peek().is_some_and(|next| *next != ' ');
                    if is_inside && !after_blank && self.is_full() {
                        self.fold();
                    } else {
                        self.put(" ");
                    }
                    after_blank = true;
                }
                '\n' => {
                    // One break would be read as a blank.
                    if !after_break {
                        self.break_line();
                    }
                    self.break_line();
                    after_break = true;
                }
                _ => {
                    if after_break {
                        self.indent();
                    }
                    match letter {
                        '\'' => self.put("''"),
                        letter => self.put(letter.encode_utf8(&mut [0; 4])),
                    }
                    (after_blank, after_break) = (false, false);
                }
            }
            is_first = false;
        }
        if after_break {
            self.indent();
        }
        self.put("'");
    }

    fn escaped(&mut self, text: &str) {
        self.put("\"");
        let (mut is_first, mut after_blank) = (true, false);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let is_inside = !is_first && letters.peek().is_some();
            if letter == ' ' && is_inside && !after_blank && self.is_full() {
                self.fold();
                // Blanks at the beginning of a line would be lost.
                if letters.peek() == Some(&' ') {
                    self.put("\\");
                }
            } else {
                self.escape(letter);
            }
            after_blank = letter == ' ';
            is_first = false;
        }
        self.put("\"");
    }

    fn escape(&mut self, letter: char) {
        let short = match letter {
            '\0' => "\\0",
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{b}' => "\\v",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            '\u{1b}' => "\\e",
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{85}' => "\\N",
            '\u{a0}' => "\\_",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            ' '..='~' => return self.put(letter.encode_utf8(&mut [0; 4])),
            other => {
                let code = u32::from(other);
                let long = match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                };
                return self.put(&long);
            }
        };
        self.put(short);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    const LONG: &str = "the quick brown fox jumps over the lazy dog and then some more words follow so that the line \
                        is long enough to fold twice or perhaps even three times over";

    /// As a comment in an entry of a list: seen with the original.
    #[track_caller]
    fn check(text: &str, written: &str) {
        let mut out = b"  !!str comment: !!str ".to_vec();
        let column = out.len();
        write(text, Some(Line { column, indent: 4 }), &mut out);
        let out = String::from_utf8(out.split_off(column)).unwrap();
        assert_eq!(out, written);
        let again = format!("  comment: {out}\n");
        let read = crate::yaml::parse(&again).unwrap();
        assert_eq!(read.get("comment").and_then(Value::as_str), Some(text), "{out}");
    }

    #[test]
    fn texts_are_quoted_where_they_must() {
        for text in
            ["cpu=8,mem=4G,node=1", "n[1-2]", "-x", "12:30", "null", "5", "=", "?a", ":a", "a, b", "a\\b"]
        {
            check(text, text);
        }
        for text in ["Linux #1", "a: b", "[a]", "{a}", "- x", "---", "--- a", "...", "x:", "&a", "*a", "!a"] {
            check(text, &format!("'{text}'"));
        }
        for text in ["|", "> x", "%a", "@a", "`a", "\"q\"", "? a", ": a", " lead", "trail "] {
            check(text, &format!("'{text}'"));
        }
        check("it's: so", "'it''s: so'");
    }

    #[test]
    fn what_is_not_ascii_is_escaped() {
        check("é accent", "\"\\xE9 accent\"");
        check("tab\there", "\"tab\\there\"");
        check("\u{7}bell", "\"\\abell\"");
        check("\u{2028}", "\"\\L\"");
        check("\u{a0}nbsp", "\"\\_nbsp\"");
        check("😀", "\"\\U0001F600\"");
        check("中\u{7f}", "\"\\u4E2D\\x7F\"");
    }

    #[test]
    fn lines_are_kept_where_that_can_be() {
        check("one\ntwo", "'one\n\n    two'");
        check("trailing nl\n", "'trailing nl\n\n    '");
        check("a\n\n b", "\"a\\n\\n b\"");
        check("a \n b", "\"a \\n b\"");
        check("\n lead", "\"\\n lead\"");
    }

    #[test]
    fn long_texts_are_folded() {
        check(
            LONG,
            "the quick brown fox jumps over the lazy dog and then some more\n    words follow so that the line is long \
             enough to fold twice or perhaps even three\n    times over",
        );
        check(
            &format!("it's: {LONG}"),
            "'it''s: the quick brown fox jumps over the lazy dog and then\n    some more words follow so that the line \
             is long enough to fold twice or perhaps\n    even three times over'",
        );
        check(
            &format!("é {LONG}"),
            "\"\\xE9 the quick brown fox jumps over the lazy dog and then\n    some more words follow so that the line \
             is long enough to fold twice or perhaps\n    even three times over\"",
        );
        check(
            &format!("{LONG}\n{LONG}"),
            "'the quick brown fox jumps over the lazy dog and then some\n    more words follow so that the line is long \
             enough to fold twice or perhaps even\n    three times over\n\n    the quick brown fox jumps over the lazy \
             dog and then some more words follow so\n    that the line is long enough to fold twice or perhaps even \
             three times over'",
        );
        let (xs, ys) = ("x".repeat(120), "y".repeat(100));
        check(&xs, &xs);
        check(&format!("{xs} {ys}  two spaces"), &format!("{xs}\n    {ys}  two\n    spaces"));
    }

    #[test]
    fn keys_stay_on_their_line() {
        let mut out = Vec::new();
        write(LONG, None, &mut out);
        assert_eq!(out, LONG.as_bytes());
    }
}
