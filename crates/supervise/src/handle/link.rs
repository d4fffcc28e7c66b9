//! Reaching a launcher: connect, or start it and connect; greet; renew it if it is of another build.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Error, SupervisorConfig};
use crate::launcher::{Options, executable_mark};
use crate::report::Found;
use crate::slot::Slot;
use crate::wire::{Answer, Code, Hello, Inbox, Notice, PROTOCOL, Unreadable, put_greeting};

/// For how long a launcher may be silent before it is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// A launcher that speaks with us.
pub(super) struct Greeted {
    pub(super) stream: UnixStream,
    /// What it has sent beyond the greeting.
    pub(super) inbox: Inbox,
    pub(super) hello: Hello,
    pub(super) found: Vec<Found>,
}

/// Connects to the launcher of a slot, whatever that takes.
pub(super) fn reach(config: &SupervisorConfig, slot: &Slot) -> Result<Greeted, Error> {
    let deadline = Instant::now() + PATIENCE;
    let mut may_renew = true;
    loop {
        let error = match slot.connect().and_then(|stream| greet(config, stream, &mut may_renew)) {
            Ok(Some(greeted)) => return Ok(greeted),
            // It is becoming a new one.
            Ok(None) => io::ErrorKind::ConnectionReset.into(),
            Err(error) => error,
        };
        if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) {
            start(config, slot)?;
        }
        if Instant::now() >= deadline {
            return Err(Error::Connect { slot: slot.number, source: error });
        }
        if error.kind() == io::ErrorKind::ConnectionReset {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Starts a launcher and waits until it is ready. If one is there already, nothing happens.
fn start(config: &SupervisorConfig, slot: &Slot) -> Result<(), Error> {
    let options = Options {
        dir: config.dir.clone(),
        slot: slot.number,
        linger: config.linger,
        cgroups: config.cgroups,
        steps: config.steps.clone(),
        kept: None,
        renewed: None,
    };
    // Nothing of the server's environment: a launcher needs none of it, and it may hold secrets.
    let output = Command::new(&config.exe)
        .args(&config.exe_args)
        .args(options.to_args())
        .env_clear()
        .envs(config.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|source| Error::Run { exe: config.exe.clone(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let said = if said.is_empty() { output.status.to_string() } else { said };
    Err(Error::NotStarted { slot: slot.number, said })
}

/// Exchanges greetings; `None` if the launcher was sent to renew itself.
fn greet(
    config: &SupervisorConfig,
    mut stream: UnixStream,
    may_renew: &mut bool,
) -> io::Result<Option<Greeted>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut inbox = Inbox::default();
    let hello: Hello = read_until(&mut stream, &mut inbox, Inbox::greeting)?;
    let is_ours = executable_mark(&config.exe).is_ok_and(|mark| mark == hello.executable);
    if hello.protocol != PROTOCOL || (!is_ours && *may_renew) {
        // Once: if it cannot execute the new program it stays what it is, and is good enough if it understands us.
        if !std::mem::take(may_renew) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        renew(config, &mut stream)?;
        return Ok(None);
    }
    send(&mut stream, &Answer::Serve { protocol: PROTOCOL })?;
    let found = match read_until(&mut stream, &mut inbox, Inbox::message)? {
        Notice::Found(found) => found,
        Notice::Reports(_) => return Err(io::ErrorKind::InvalidData.into()),
    };
    stream.set_nonblocking(true)?;
    Ok(Some(Greeted { stream, inbox, hello, found }))
}

/// Tells a launcher that has just been connected to that it shall execute the configured program.
fn renew(config: &SupervisorConfig, stream: &mut UnixStream) -> io::Result<()> {
    send(stream, &Answer::Renew { exe: config.exe.clone(), args: config.exe_args.clone() })?;
    // It hangs up before it does it.
    let mut rest = [0; 64];
    while stream.read(&mut rest).is_ok_and(|count| count > 0) {}
    Ok(())
}

/// Connects to a launcher for the only purpose of having it renewed.
pub(super) fn renew_now(config: &SupervisorConfig, slot: &Slot) -> io::Result<()> {
    let mut stream = slot.connect()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    renew(config, &mut stream)
}

fn send(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    let mut bytes = Vec::new();
    put_greeting(answer, &mut bytes);
    stream.write_all(&bytes)
}

/// Reads until a whole message is there.
fn read_until<T: Code>(
    stream: &mut UnixStream,
    inbox: &mut Inbox,
    take: impl Fn(&mut Inbox) -> Result<Option<T>, Unreadable>,
) -> io::Result<T> {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let message = take(inbox).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if let Some(message) = message {
            return Ok(message);
        }
        match stream.read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::ConnectionReset.into()),
            Ok(count) => inbox.extend(bytes.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::FoundState;
    use crate::run::{RunId, UnixMicros};
    use crate::wire::{ExecutableMark, put_frame};

    /// Says hello as a launcher would, and returns what is answered.
    fn answer(stream: &mut UnixStream, protocol: u32, executable: ExecutableMark) -> Answer {
        let mut bytes = Vec::new();
        put_greeting(&Hello { protocol, pid: 7, executable }, &mut bytes);
        stream.write_all(&bytes).unwrap();
        read_until(stream, &mut Inbox::default(), Inbox::greeting).unwrap()
    }

    #[test]
    fn a_launcher_of_another_protocol_is_renewed_and_reached_again() {
        let folder = tempfile::tempdir().unwrap();
        let exe = std::env::current_exe().unwrap();
        let config = SupervisorConfig::new(folder.path(), 1, &exe);
        let slot = Slot::new(folder.path(), 0);
        slot.make().unwrap();
        let listener = slot.listen().unwrap();
        listener.set_nonblocking(false).unwrap();
        let known = Found {
            run: RunId { key: 1, attempt: 2 },
            state: FoundState::Vanished { at: UnixMicros(3) },
            steps: Vec::new(),
        };
        let told = known.clone();
        let mark = executable_mark(&exe).unwrap();
        let launcher = thread::spawn(move || {
            let (mut old, _) = listener.accept().unwrap();
            let asked = answer(&mut old, PROTOCOL + 1, ExecutableMark::default());
            drop(old);
            let (mut new, _) = listener.accept().unwrap();
            assert_eq!(answer(&mut new, PROTOCOL, mark), Answer::Serve { protocol: PROTOCOL });
            let mut bytes = Vec::new();
            put_frame(&Notice::Found(vec![told]), &mut bytes);
            new.write_all(&bytes).unwrap();
            asked
        });
        let greeted = reach(&config, &slot).unwrap();
        assert_eq!(greeted.found, [known]);
        assert_eq!(launcher.join().unwrap(), Answer::Renew { exe, args: vec!["launcher".into()] });
    }

    #[test]
    fn nonsense_in_place_of_a_launcher_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let config = SupervisorConfig::new(folder.path(), 1, "/bin/true");
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
        assert!(
            greet(&config, ours, &mut true).is_err_and(|error| error.kind() == io::ErrorKind::InvalidData)
        );
    }
}
