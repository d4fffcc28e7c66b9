//! `[mail]`: where mail about jobs goes.

use super::ConfigError;
use super::file::File;
use lettre::message::Mailbox;

/// The port of SMTP.
const USUAL_PORT: u16 = 25;

/// A server that takes mail and passes it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailRelay {
    /// Name or address of its machine.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// Whom the mail is from.
    pub(crate) from: Mailbox,
}

/// Reads the relay of the file, if it names one.
pub(super) fn relay(file: &File) -> Result<Option<MailRelay>, ConfigError> {
    let unfit = |why: String| ConfigError::unfit("[mail]", why);
    let from = match file.mail.from.as_str() {
        "" => format!("quintet@{}", this_machine()),
        from => from.to_owned(),
    };
    let Some(written) = &file.mail.relay else { return Ok(None) };
    let from = from
        .parse::<Mailbox>()
        .map_err(|error| unfit(format!("from: \"{from}\" is not an address of mail: {error}")))?;
    let (host, port) = place(written).ok_or_else(|| {
        unfit(format!("relay \"{written}\" is not of the form smtp://HOST:PORT; a relay on this machine can speak TLS with others"))
    })?;
    Ok(Some(MailRelay { host, port, from }))
}

/// Reads `smtp://host`, `smtp://host:25` and `smtp://[::1]:25`.
fn place(written: &str) -> Option<(String, u16)> {
    let rest = written.strip_prefix("smtp://")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
    };
    let port = match port {
        "" => USUAL_PORT,
        port => port.strip_prefix(':')?.parse().ok().filter(|port| *port > 0)?,
    };
    let is_plain = |letter: char| letter.is_alphanumeric() || ".-_:".contains(letter);
    (!host.is_empty() && host.chars().all(is_plain)).then(|| (host.to_owned(), port))
}

/// Returns the name of this machine, which names have that are of no other.
pub(crate) fn this_machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_relays() {
        let check = |text: &str, told: Option<(&str, u16)>| {
            assert_eq!(place(text), told.map(|(host, port)| (host.to_owned(), port)), "{text}");
        };
        check("smtp://localhost", Some(("localhost", 25)));
        check("smtp://mail.example.org:2525/", Some(("mail.example.org", 2525)));
        check("smtp://[::1]:26", Some(("::1", 26)));
        for wrong in [
            "localhost:25",
            "smtps://a:465",
            "smtp://",
            "smtp://a:0",
            "smtp://a:x",
            "smtp://u@a",
            "smtp://[::1",
        ] {
            check(wrong, None);
        }
    }
}
