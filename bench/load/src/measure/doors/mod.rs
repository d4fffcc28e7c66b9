//! The dialects of jobs that are neither Slurm's nor monitoring's: Nifcloud's with its signatures and copies, ET Engine's
//! batches, Waldur's records.

pub(crate) mod batches;
pub(crate) mod copies;
pub(crate) mod records;
pub(crate) mod signed;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Setting;
use crate::drive::{Plan, drive, exchange};
use crate::online::{ACCESS_KEY, BUCKET, REGION, SECRET_KEY};
use crate::sample::Sample;
use crate::target::{Recipe, Service};

/// A service, and what makes credentials for it.
pub(crate) struct Door<'a> {
    pub(crate) service: &'a Service,
    pub(crate) recipe: &'a Recipe,
    pub(crate) state: &'a Path,
}

impl Door<'_> {
    /// Makes a credential of the user who runs this.
    fn credential(&self, dialect: &str) -> Result<String> {
        let made = Command::new(&self.recipe.binary)
            .args(["token", &self.service.target.user, "--for", dialect, "--config"])
            .arg(&self.recipe.config)
            .arg("--state")
            .arg(self.state)
            .output()?;
        ensure!(made.status.success(), "no credential: {}", String::from_utf8_lossy(&made.stderr));
        Ok(String::from_utf8(made.stdout)?.trim().to_owned())
    }

    /// Writes a request with a credential in its header.
    fn request(&self, method: &str, path: &str, authorization: &str, body: &str) -> Vec<u8> {
        let (host, length) = (self.service.target.address, body.len());
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\nContent-Length: {length}\r\n\r\n\
             {body}"
        )
        .into_bytes()
    }

    /// Sends a request once; takes it that it is answered with this status, and returns the JSON or text.
    fn once(&self, status: u16, request: &[u8]) -> Result<Value> {
        let (answered, body) = exchange(self.service.target.address, request)?;
        let text = String::from_utf8_lossy(&body);
        ensure!(answered == status, "status {answered} instead of {status}: {text:.400}");
        Ok(serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned())))
    }

    /// Sends the requests in turn, and takes it that all of them are answered with this status.
    fn many(&self, status: u16, plan: Plan, requests: &[Vec<u8>]) -> Result<Sample> {
        ensure!(!requests.is_empty(), "nothing to send");
        let mut other = None;
        let write = |at: usize, into: &mut Vec<u8>| into.extend_from_slice(&requests[at % requests.len()]);
        let sample = drive(self.service.target.address, plan, write, |answer| {
            if answer.status != status && other.is_none() {
                other = Some(format!("{}: {:.400}", answer.status, String::from_utf8_lossy(&answer.body)));
            }
        })?;
        ensure!(other.is_none(), "{}", other.unwrap_or_default());
        Ok(sample)
    }
}

/// Writes the configuration: that of the other measurements; users' folders in `homes`, the store behind them, and as many
/// requests in flight as there are connections.
pub(crate) fn configuration(base: &Path, setting: Setting<'_>, endpoint: &str) -> Result<PathBuf> {
    let base = std::fs::read_to_string(base).with_context(|| format!("read {}", base.display()))?;
    let credentials = setting.folder.join("online.key");
    std::fs::write(&credentials, format!("{ACCESS_KEY} {SECRET_KEY}\n"))?;
    let text = format!(
        "{base}\n[nifcloud]\nmax_requests = 0\nfolders = \"{}/{{user}}\"\n\n[nifcloud.online]\nendpoint = \"{endpoint}\"\n\
         bucket = \"{BUCKET}\"\nregion = \"{REGION}\"\ncredentials = \"{}\"\n",
        homes(setting).display(),
        credentials.display()
    );
    let path = setting.folder.join("doors.toml");
    std::fs::write(&path, text)?;
    Ok(path)
}

/// Where users' folders are.
fn homes(setting: Setting<'_>) -> PathBuf {
    setting.folder.join("homes")
}

/// The folder of the user who runs this.
fn home(setting: Setting<'_>, door: &Door<'_>) -> PathBuf {
    homes(setting).join(&door.service.target.user)
}
