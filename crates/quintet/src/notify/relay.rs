//! Sends mail by an SMTP relay, a few times if need be. It speaks no TLS: the relay is the site's own, in most cases on
//! this machine, and it is the one that speaks with the world.

use crate::config::MailRelay;
use lettre::address::AddressError;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::{SmtpTransport, Transport};
use std::time::Duration;

/// How long the relay may take for each of its answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before each further try.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Mail about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// Addresses, with commas between.
    pub(super) to: String,
    pub(super) subject: String,
    /// What is known of the job, by name.
    pub(super) facts: Vec<(String, String)>,
}

/// Why a letter is not on its way.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undelivered {
    /// It is for nobody that mail can be sent to.
    #[error("cannot send to \"{to}\"")]
    Address { to: String, source: AddressError },
    /// It cannot be written.
    #[error("cannot be written")]
    Letter(#[from] lettre::error::Error),
    /// The relay does not take it, or is not there.
    #[error("did not get it")]
    Relay(#[from] lettre::transport::smtp::Error),
}

/// Sends a letter; blocks for as long as that takes. What the relay refuses for good is not tried again.
pub(super) fn send(relay: &MailRelay, letter: &Letter) -> Result<(), Undelivered> {
    let message = message(relay, letter)?;
    let transport =
        SmtpTransport::builder_dangerous(&relay.host).port(relay.port).timeout(Some(PATIENCE)).build();
    let mut pauses = PAUSES.into_iter();
    loop {
        let Err(error) = transport.send(&message) else { return Ok(()) };
        match pauses.next().filter(|_| !error.is_permanent()) {
            Some(pause) => std::thread::sleep(pause),
            None => return Err(error.into()),
        }
    }
}

fn message(relay: &MailRelay, letter: &Letter) -> Result<Message, Undelivered> {
    let mut builder = Message::builder()
        .from(relay.from.clone())
        .subject(&letter.subject)
        // So that nobody's out-of-office notice is sent back.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".into(),
        ))
        .header(ContentType::TEXT_PLAIN);
    for address in letter.to.split(',') {
        let address =
            address.parse().map_err(|source| Undelivered::Address { to: address.to_owned(), source })?;
        builder = builder.to(Mailbox::new(None, address));
    }
    let lines = letter
        .facts
        .iter()
        .map(|(name, value)| format!("{name}={}\r\n", value.replace(char::is_control, " ")));
    Ok(builder.body(lines.collect::<String>())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_has_what_mail_needs_and_no_lines_of_others() {
        let relay = MailRelay { host: "localhost".into(), port: 25, from: "q@example.org".parse().unwrap() };
        let letter = Letter {
            to: "a@b.org,c@d.org".into(),
            subject: "Slurm Job_id=1 Name=ü".into(),
            facts: vec![("SLURM_JOB_NAME".into(), "x\r\n.\r\nQUIT".into())],
        };
        let written = String::from_utf8(message(&relay, &letter).unwrap().formatted()).unwrap();
        for line in [
            "From: q@example.org",
            "To: a@b.org, c@d.org",
            "Auto-Submitted: auto-generated",
            "SLURM_JOB_NAME=x  .  QUIT",
        ] {
            assert!(written.lines().any(|other| other == line), "{line}\n{written}");
        }
        let nobody = Letter { to: "alice".into(), ..letter };
        assert!(matches!(message(&relay, &nobody), Err(Undelivered::Address { .. })));
    }
}
