//! The job that says when it ran: this program itself, as the interpreter of a script `#!/path/load stamp`.
//!
//! A shell takes longer to start than what is measured here.

use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// When a job began and ended, by the wall clock that all processes of the machine share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
}

/// The time since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Runs as a job: reads whom to tell from the second line of its script and tells them.
pub(crate) fn run_as_job(began: Duration, script: &Path) -> Result<()> {
    let text = std::fs::read_to_string(script)?;
    let place =
        text.lines().nth(1).and_then(|line| line.strip_prefix("# ")).context("no address in the script")?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.send_to(format!("{} {}", began.as_nanos(), now().as_nanos()).as_bytes(), place)?;
    Ok(())
}

/// Hears from the jobs.
#[derive(Debug)]
pub(crate) struct Clock {
    socket: UdpSocket,
    program: PathBuf,
}

impl Clock {
    /// Copies this program to where jobs of any user can run it.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let program = folder.join("stamp");
        std::fs::copy(std::env::current_exe()?, &program)?;
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755))?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { socket, program })
    }

    /// The script of a job that reports here. A peer in a root directory of its own has only bash for it.
    pub(crate) fn script(&self, is_peer: bool) -> Result<String> {
        let address = self.socket.local_addr()?;
        Ok(match is_peer {
            false => format!("#!{} stamp\n# {address}\n", self.program.display()),
            true => format!(
                "#!/bin/bash\nt=${{EPOCHREALTIME/./}}000\nprintf '%s %s' $t $t >/dev/udp/127.0.0.1/{}\n",
                address.port()
            ),
        })
    }

    /// Waits for the next job to report.
    pub(crate) fn hear(&self) -> Result<Stamp> {
        let mut buffer = [0; 128];
        let count = self.socket.recv(&mut buffer).context("a job did not report")?;
        let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
        let mut times = text.split(' ').map(|word| word.parse::<u64>().map(Duration::from_nanos));
        match (times.next(), times.next()) {
            (Some(Ok(began)), Some(Ok(ended))) => Ok(Stamp { began, ended }),
            _ => anyhow::bail!("a job reported {text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_reports_when_it_ran() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::new(folder.path()).unwrap();
        let script = folder.path().join("script");
        std::fs::write(&script, clock.script(false).unwrap()).unwrap();
        let began = now();
        run_as_job(began, &script).unwrap();
        let stamp = clock.hear().unwrap();
        assert_eq!(stamp.began.as_nanos(), began.as_nanos());
        assert!(stamp.ended >= stamp.began);
    }
}
