//! The two forms of messages: version 1 has lines of words, version 2 counted texts of fields that end in semicolons.
//! Every conversation begins in the first form, whose `init` says which one follows.

/// The longest message that is taken in.
const LONGEST: usize = 1 << 20;
/// Digits before a message of version 2 that say how long it is.
const COUNT: usize = 6;

/// Which form is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    /// Lines.
    #[default]
    One,
    /// Counted texts.
    Two,
}

/// A message or an answer: fields in order, the command first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message(pub(super) Vec<(String, String)>);

impl Message {
    /// Begins one.
    pub(super) fn new(command: &str) -> Self {
        Message(vec![("cmd".to_owned(), command.to_owned())])
    }

    /// Adds a field.
    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    /// Returns a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Returns the command.
    pub(super) fn command(&self) -> &str {
        self.get("cmd").or_else(|| self.get("mcmd")).unwrap_or_default()
    }

    /// Writes it.
    pub(super) fn written(&self, version: Version) -> Vec<u8> {
        match version {
            Version::One => {
                let words: Vec<String> =
                    self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{}\n", words.join(" ")).into_bytes()
            }
            Version::Two => {
                let field =
                    |(name, value): &(String, String)| format!("{name}={};", value.replace(';', ";;"));
                let text: String = self.0.iter().map(field).collect();
                format!("{:>COUNT$}{text}", text.len()).into_bytes()
            }
        }
    }
}

/// What is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbled;

/// Puts bytes together to messages.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
}

impl Inbox {
    /// Takes in bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next whole message.
    pub(super) fn next(&mut self, version: Version) -> Result<Option<Message>, Garbled> {
        if self.bytes.len() > LONGEST {
            return Err(Garbled);
        }
        match version {
            Version::One => self.line(),
            Version::Two => self.counted(),
        }
    }

    fn line(&mut self) -> Result<Option<Message>, Garbled> {
        loop {
            let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = String::from_utf8(line).map_err(|_| Garbled)?;
            let fields: Vec<(String, String)> = line
                .split_whitespace()
                .map(|word| word.split_once('=').unwrap_or((word, "")))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            // What belongs to a message of several lines is read line by line, and its first line is answered.
            if fields.iter().any(|(name, _)| name == "cmd" || name == "mcmd") {
                return Ok(Some(Message(fields)));
            }
        }
    }

    fn counted(&mut self) -> Result<Option<Message>, Garbled> {
        let Some(count) = self.bytes.get(..COUNT) else { return Ok(None) };
        let count = std::str::from_utf8(count).ok().and_then(|count| count.trim().parse::<usize>().ok());
        let count = count.ok_or(Garbled)?;
        let Some(text) = self.bytes.get(COUNT..COUNT + count) else { return Ok(None) };
        let text = std::str::from_utf8(text).map_err(|_| Garbled)?;
        let message = fields(text);
        self.bytes.drain(..COUNT + count);
        Ok(Some(message))
    }
}

/// Reads `name=value;`; a semicolon in a value is doubled.
fn fields(text: &str) -> Message {
    let mut all = Vec::new();
    let mut field = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != ';' {
            field.push(letter);
        } else if letters.next_if_eq(&';').is_some() {
            field.push(';');
        } else {
            let whole = std::mem::take(&mut field);
            let (name, value) = whole.split_once('=').unwrap_or((&whole, ""));
            all.push((name.to_owned(), value.to_owned()));
        }
    }
    Message(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_in_any_pieces() {
        let text = "cmd=put kvsname=k key=a value=b=c\nmcmd=spawn\nnprocs=2\nendcmd\ncmd=barrier_in\n";
        for size in [1, 5, 1000] {
            let mut inbox = Inbox::default();
            let mut commands = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                inbox.add(piece);
                while let Some(message) = inbox.next(Version::One).unwrap() {
                    commands.push(message.command().to_owned() + message.get("value").unwrap_or(""));
                }
            }
            assert_eq!(commands, ["putb=c", "spawn", "barrier_in"], "{size}");
        }
    }

    #[test]
    fn counted_texts_survive() {
        let message = Message::new("kvs-put").with("key", "a;b").with("value", "c;;d;");
        let written = message.written(Version::Two);
        assert!(written.starts_with(b"    "));
        for size in [1, 7, 1000] {
            let mut inbox = Inbox::default();
            let mut read = Vec::new();
            for piece in written.chunks(size) {
                inbox.add(piece);
                read.extend(inbox.next(Version::Two).unwrap());
            }
            assert_eq!(read, std::slice::from_ref(&message), "{size}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let mut inbox = Inbox::default();
        inbox.add(b"nonsense cmd=x;");
        assert_eq!(inbox.next(Version::Two), Err(Garbled));
        let mut inbox = Inbox::default();
        inbox.add(&[0xff, b'\n']);
        assert_eq!(inbox.next(Version::One), Err(Garbled));
        let mut inbox = Inbox::default();
        inbox.add(&vec![b'x'; LONGEST + 1]);
        assert_eq!(inbox.next(Version::One), Err(Garbled));
    }
}
