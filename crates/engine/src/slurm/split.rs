//! Takes an answer apart while it arrives: the entries of its list one by one, everything else aside, all without the
//! blanks it is indented with. What an entry means is not looked at.

use std::ops::Range;

/// Deeper nesting is nothing that slurmrestd says.
const DEEPEST: usize = 64;
/// The longest that an answer may be around its list, in bytes.
const MOST_AROUND: usize = 4 << 20;
/// The longest an entry may be.
const MOST_ENTRY: usize = 16 << 20;

/// Something that is no JSON object, or none of a bearable shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer;

/// Divides an answer whose object has a list under one name.
pub(super) struct Splitter {
    /// The name with its quotes.
    list: Vec<u8>,
    state: State,
    depth: usize,
    /// What is not an entry of the list.
    around: Vec<u8>,
    /// Where in it the entries belong.
    place: Option<usize>,
    is_inside: bool,
    entry: Vec<u8>,
    /// Where in `around` the last text of the outermost object began.
    last_text: usize,
    open: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Text,
    Escaped,
}

/// What is around the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Around {
    /// Up to and with the opening bracket.
    pub(super) head: Vec<u8>,
    /// From the closing bracket on.
    pub(super) tail: Vec<u8>,
}

impl Splitter {
    /// Begins; `list` is the name of the list in the outermost object.
    pub(super) fn new(list: &str) -> Self {
        Splitter {
            list: format!("\"{list}\"").into_bytes(),
            state: State::Between,
            depth: 0,
            around: Vec::new(),
            place: None,
            is_inside: false,
            entry: Vec::new(),
            last_text: 0,
            open: Vec::new(),
        }
    }

    /// Takes in a piece, and tells of each entry that is whole.
    pub(super) fn feed(&mut self, piece: &[u8], mut whole: impl FnMut(&[u8])) -> Result<(), NoAnswer> {
        let mut rest = piece;
        while let Some((&byte, behind)) = rest.split_first() {
            rest = behind;
            match self.state {
                State::Escaped => {
                    self.keep(byte);
                    self.state = State::Text;
                }
                State::Text => {
                    self.keep(byte);
                    match byte {
                        b'\\' => self.state = State::Escaped,
                        b'"' => self.state = State::Between,
                        _ => {
                            // Most of an answer is texts; they are taken as they are up to where something happens.
                            let plain = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                            let (plain, behind) = rest.split_at(plain);
                            self.keep_all(plain);
                            rest = behind;
                        }
                    }
                }
                State::Between => self.between(byte, &mut whole)?,
            }
            if self.around.len() > MOST_AROUND || self.entry.len() > MOST_ENTRY {
                return Err(NoAnswer);
            }
        }
        Ok(())
    }

    fn between(&mut self, byte: u8, whole: &mut impl FnMut(&[u8])) -> Result<(), NoAnswer> {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => return Ok(()),
            // Behind the document nothing may come; before it nothing but its opening brace.
            _ if self.depth == 0 && (byte != b'{' || !self.around.is_empty()) => return Err(NoAnswer),
            b'"' => {
                if self.depth == 1 {
                    self.last_text = self.around.len();
                }
                self.state = State::Text;
            }
            b'{' | b'[' => {
                if self.depth == DEEPEST {
                    return Err(NoAnswer);
                }
                self.depth += 1;
                self.open.push(byte);
                if byte == b'[' && self.depth == 2 && self.is_named() {
                    self.around.push(byte);
                    self.place = Some(self.around.len());
                    self.is_inside = true;
                    return Ok(());
                }
            }
            b'}' | b']' => {
                let opened = if byte == b'}' { b'{' } else { b'[' };
                if self.open.pop() != Some(opened) {
                    return Err(NoAnswer);
                }
                self.depth -= 1;
                if self.is_inside && self.depth == 1 {
                    self.ended(whole);
                    self.is_inside = false;
                }
            }
            b',' if self.is_inside && self.depth == 2 => {
                self.ended(whole);
                return Ok(());
            }
            b',' | b':' | b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {}
            _ => return Err(NoAnswer),
        }
        self.keep(byte);
        Ok(())
    }

    /// Tells whether the list's own name stands before the bracket.
    fn is_named(&self) -> bool {
        let before = self.around.get(self.last_text..).unwrap_or_default();
        self.place.is_none() && before.strip_suffix(b":").is_some_and(|name| name == self.list)
    }

    fn keep(&mut self, byte: u8) {
        if self.is_inside { self.entry.push(byte) } else { self.around.push(byte) }
    }

    fn keep_all(&mut self, bytes: &[u8]) {
        if self.is_inside {
            self.entry.extend_from_slice(bytes)
        } else {
            self.around.extend_from_slice(bytes)
        }
    }

    fn ended(&mut self, whole: &mut impl FnMut(&[u8])) {
        if !self.entry.is_empty() {
            whole(&self.entry);
            self.entry.clear();
        }
    }

    /// Ends; the document must be whole. Without the list everything is the head.
    pub(super) fn end(self) -> Result<Around, NoAnswer> {
        if self.depth != 0 || self.around.is_empty() || self.state != State::Between {
            return Err(NoAnswer);
        }
        let mut head = self.around;
        let tail = self.place.map_or_else(Vec::new, |place| head.split_off(place));
        Ok(Around { head, tail })
    }
}

/// Tells whether a body is one whole JSON object.
pub(super) fn is_object(body: &[u8]) -> bool {
    // The list is none there is, so that everything would be kept; entries are not of interest either.
    let mut nesting = Nesting::default();
    body.iter().all(|byte| nesting.take(*byte)) && nesting.is_over()
}

#[derive(Default)]
struct Nesting {
    open: Vec<u8>,
    is_text: bool,
    is_escaped: bool,
    is_begun: bool,
}

impl Nesting {
    fn take(&mut self, byte: u8) -> bool {
        if self.is_text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_text = false,
                _ => {}
            }
            return true;
        }
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => true,
            _ if self.open.is_empty() && (byte != b'{' || self.is_begun) => false,
            b'{' | b'[' => {
                self.is_begun = true;
                self.open.push(byte);
                self.open.len() <= DEEPEST
            }
            b'}' => self.open.pop() == Some(b'{'),
            b']' => self.open.pop() == Some(b'['),
            b'"' => {
                self.is_text = true;
                true
            }
            b',' | b':' | b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => true,
            _ => false,
        }
    }

    fn is_over(&self) -> bool {
        self.is_begun && self.open.is_empty() && !self.is_text
    }
}

/// Finds the value of a field of a compact object.
pub(super) fn field<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut at = 1;
    loop {
        let quoted = object.get(at..)?.strip_prefix(b"\"")?;
        let length = quoted.iter().position(|byte| *byte == b'"')?;
        let found = quoted.get(..length)?;
        let value = value_at(object, at + length + 3)?;
        if found == name.as_bytes() {
            return object.get(value);
        }
        at = value.end + 1;
    }
}

/// Returns where a value of a compact document lies that begins there.
fn value_at(document: &[u8], start: usize) -> Option<Range<usize>> {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in document.iter().enumerate().skip(start) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(start..at),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return Some(start..at),
            _ => {}
        }
    }
    None
}

/// Reads a number as it is written.
pub(super) fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Reads one of Slurm's numbers that may be unset or infinite: neither is one.
pub(super) fn set_number(value: &[u8]) -> Option<i64> {
    (field(value, "set")? == b"true").then(|| field(value, "number").and_then(number))?
}

/// Reads a text in which nothing is escaped.
pub(super) fn text(value: &[u8]) -> Option<&str> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (!inner.contains(&b'\\')).then(|| std::str::from_utf8(inner).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(document: &str, size: usize) -> Result<(Vec<String>, String, String), NoAnswer> {
        let (mut splitter, mut entries) = (Splitter::new("jobs"), Vec::new());
        for piece in document.as_bytes().chunks(size) {
            splitter.feed(piece, |entry| entries.push(String::from_utf8(entry.to_vec()).unwrap()))?;
        }
        let Around { head, tail } = splitter.end()?;
        Ok((entries, String::from_utf8(head).unwrap(), String::from_utf8(tail).unwrap()))
    }

    #[test]
    fn entries_come_out_whatever_the_pieces() {
        let document = "{\n  \"meta\": {\"jobs\": [7]},\n \"jobs\": [\n {\"a\": \"x \\\" ], \\\\\", \"b\": [1, 2]},\n {} ],\n \
                        \"errors\": [] }";
        for size in [1, 2, 3, 7, 1000] {
            let (entries, head, tail) = split(document, size).unwrap();
            assert_eq!(entries, [r#"{"a":"x \" ], \\","b":[1,2]}"#, "{}"]);
            assert_eq!(head, r#"{"meta":{"jobs":[7]},"jobs":["#);
            assert_eq!(tail, r#"],"errors":[]}"#);
        }
        assert_eq!(split(r#"{"jobs": []}"#, 9).unwrap().0, Vec::<String>::new());
        assert_eq!(split(r#"{"a": 1}"#, 9).unwrap(), (vec![], r#"{"a":1}"#.to_owned(), String::new()));
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for document in
            ["", "[]", "{", "{}}", "{]", "{} x", "<html>", r#"{"a": "b}"#, r#"{"jobs": [}"#, "null"]
        {
            assert_eq!(split(document, 3), Err(NoAnswer), "{document}");
            assert!(!is_object(document.as_bytes()), "{document}");
        }
        assert!(is_object(b" {\"a\": [{}, \"}\\\"\"]} \n"));
        let deep = "{\"a\":".repeat(100);
        assert_eq!(split(&deep, 100), Err(NoAnswer));
        assert!(!is_object(deep.as_bytes()));
    }

    #[test]
    fn fields_are_found() {
        let job = br#"{"a":"x,\"","n":{"set":true,"infinite":false,"number":12},"l":[{"a":1}],"z":-5}"#;
        assert_eq!(field(job, "a").and_then(text), None, "something is escaped in it");
        assert_eq!(field(job, "n").and_then(set_number), Some(12));
        assert_eq!(field(job, "l"), Some(&br#"[{"a":1}]"#[..]));
        assert_eq!(field(job, "z").and_then(number), Some(-5));
        assert_eq!(field(job, "none"), None);
        assert_eq!(field(b"{}", "a"), None);
        assert_eq!(field(br#"{"n":{"set":false,"number":3}}"#, "n").and_then(set_number), None);
    }
}
