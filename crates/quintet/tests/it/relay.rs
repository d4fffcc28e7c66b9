//! Mail by SMTP: a service, and a relay that takes letters, refuses them, or is not there.

use crate::program::Program;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A letter as the relay got it.
#[derive(Clone, Debug, Default)]
struct Letter {
    from: String,
    to: Vec<String>,
    text: String,
}

/// What the relay has seen, and how it answers the next letters.
#[derive(Clone, Debug, Default)]
struct Seen {
    letters: Vec<Letter>,
    tries: usize,
    refusals: Vec<&'static str>,
}

/// A relay that lives as long as the test does.
struct Relay {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Relay {
    /// Begins to take letters, after it has refused as many as are given with these words.
    fn start(refusals: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen { refusals: refusals.to_vec(), ..Seen::default() }));
        let for_thread = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let seen = Arc::clone(&for_thread);
                std::thread::spawn(move || talk(client, &seen));
            }
        });
        Relay { port, seen }
    }

    fn config(&self, more: &str) -> String {
        format!(
            "[mail]\nrelay = \"smtp://127.0.0.1:{}\"\nfrom = \"Quintet <q@example.org>\"\n{more}\n",
            self.port
        )
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

fn talk(client: TcpStream, seen: &Mutex<Seen>) {
    let mut out = client.try_clone().unwrap();
    let mut lines = BufReader::new(client).lines().map_while(Result::ok);
    let mut letter = Letter::default();
    let mut say = |words: &str| out.write_all(format!("{words}\r\n").as_bytes()).is_ok();
    say("220 relay ready");
    while let Some(line) = lines.next() {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" | "HELO" | "RSET" => say("250 relay"),
            "MAIL" => {
                letter.from = line;
                let mut seen = seen.lock().unwrap();
                seen.tries += 1;
                let refusal = if seen.refusals.is_empty() { "250 go on" } else { seen.refusals.remove(0) };
                say(refusal)
            }
            "RCPT" => {
                letter.to.push(line);
                say("250 known")
            }
            "DATA" => {
                say("354 go on");
                let text: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
                letter.text = text.join("\n");
                seen.lock().unwrap().letters.push(std::mem::take(&mut letter));
                say("250 taken")
            }
            "QUIT" => {
                say("221 bye");
                return;
            }
            _ => say("500 what"),
        };
    }
}

fn submit(quintet: &Program, name: &str, user: &str) {
    let user = format!("--mail-user={user}");
    quintet.ok(&["submit", "-Q", "-W", "-J", name, "-o", "out", "--mail-type=END", &user, "--wrap", "true"]);
}

#[test]
fn letters_go_to_the_relay_and_are_tried_again_where_that_may_help() {
    let relay = Relay::start(&["451 try later", "421 busy"]);
    let quintet = Program::serving(&relay.config("domain = \"example.org\""));
    submit(&quintet, "twice", "bob,carol@there.org");
    quintet.until("a letter has come", || relay.seen().letters.len() == 1);
    let Seen { letters, tries, .. } = relay.seen();
    let letter = &letters[0];
    assert_eq!(tries, 3);
    assert!(letter.from.contains("<q@example.org>"), "{letter:?}");
    assert_eq!(letter.to.len(), 2);
    assert!(
        letter.to[0].contains("<bob@example.org>") && letter.to[1].contains("<carol@there.org>"),
        "{letter:?}"
    );
    for line in ["From: Quintet <q@example.org>", "SLURM_JOB_NAME=twice", "SLURM_JOB_STATE=COMPLETED"] {
        assert!(letter.text.lines().any(|other| other == line), "{line}\n{}", letter.text);
    }
    assert!(letter.text.contains("Subject: Slurm Job_id=1 Name=twice Ended"), "{}", letter.text);
}

#[test]
fn what_is_refused_for_good_is_logged_and_harms_nobody() {
    let relay = Relay::start(&["550 not you"]);
    let quintet = Program::serving(&relay.config(""));
    submit(&quintet, "refused", "bob@example.org");
    quintet.until("it is in the log", || quintet.log().contains("a notice is lost: the relay"));
    submit(&quintet, "taken", "bob");
    quintet.until("the next one has come", || relay.seen().letters.len() == 1);
    let seen = relay.seen();
    assert_eq!(seen.tries, 2, "what is refused for good is not tried again");
    // Without a domain the relay is told this machine's name.
    assert!(seen.letters[0].to[0].contains("<bob@"), "{seen:?}");
}

#[test]
fn a_program_takes_what_no_relay_is_there_for() {
    use std::os::unix::fs::PermissionsExt;
    // Nobody listens there any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let (program, record) = (folder.path().join("mail"), folder.path().join("mail.log"));
    std::fs::write(&program, format!("#!/bin/sh\necho \"$*\" >> '{}'\n", record.display())).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let quintet = Program::serving(&format!(
        "[mail]\nrelay = \"smtp://127.0.0.1:{port}\"\nprogram = \"{}\"\ndomain = \"example.org\"\n",
        program.display()
    ));
    submit(&quintet, "kept", "bob");
    let told = || std::fs::read_to_string(&record).unwrap_or_default();
    quintet.until("the program has been called", || told().contains("Name=kept Ended"));
    assert!(told().ends_with(" bob@example.org\n"), "{}", told());
    assert!(
        quintet.log().contains("mail goes to the program instead: the relay did not get it"),
        "{}",
        quintet.log()
    );
}
