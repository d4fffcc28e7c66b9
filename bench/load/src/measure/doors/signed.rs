//! Requests with signatures a second. They are signed before: what is measured is their verification.

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::{Value, json};

use super::{Door, home};
use crate::drive::{Plan, exchange};
use crate::measure::{Setting, ms};
use crate::sample::Sample;
use crate::table::{Goal, Row};

/// Jobs that are asked for in turn.
const JOBS: usize = 100;
/// A script for a resource group that starts nothing.
const SCRIPT: &str = "#!/bin/sh\n#PJM -L \"node=1,rscgrp=down,elapse=01:00:00\"\n#PJM -N align -j\n\
    cd \"$PJM_O_WORKDIR\"\n./align reads/*.fastq.gz\n";

/// Signs requests as a user.
pub(crate) struct Signer<'a> {
    door: &'a Door<'a>,
    access_key: String,
    secret: String,
}

impl<'a> Signer<'a> {
    pub(crate) fn new(door: &'a Door<'a>) -> Result<Self> {
        let keys = door.credential("nifcloud")?;
        let (access_key, secret) = keys.split_once(' ').context("no access key and secret")?;
        Ok(Self { door, access_key: access_key.to_owned(), secret: secret.to_owned() })
    }

    /// Writes a signed request; it can be sent for a quarter of an hour.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
        let host = self.door.service.target.address.to_string();
        let identity = Credentials::new(&self.access_key, &self.secret, None, None, "bench").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("jp-east-1")
            .name("hpc-api")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let kind = (!body.is_empty()).then_some(("content-type", "application/json"));
        let headers: Vec<_> = std::iter::once(("host", host.as_str())).chain(kind).collect();
        let url = format!("http://{host}{path}");
        let signable = SignableRequest::new(
            method,
            &url,
            headers.iter().copied(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (signed, _) = sign(signable, &params)?.into_parts();
        let lines: String = headers
            .into_iter()
            .chain(signed.headers())
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!("{method} {path} HTTP/1.1\r\n{lines}content-length: {}\r\n\r\n", body.len());
        Ok([head.as_bytes(), body.as_bytes()].concat())
    }

    /// Asks once, and takes it that all is well.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let request = self.request(method, path, body)?;
        self.door.once(if (method, path) == ("POST", "/jobs") { 201 } else { 200 }, &request)
    }
}

/// Jobs read and submitted, and what is answered to a signature that is wrong.
pub(crate) fn requests(door: &Door<'_>, setting: Setting<'_>) -> Result<Vec<Row>> {
    let signer = Signer::new(door)?;
    let scripts = home(setting, door).join("scripts");
    std::fs::create_dir_all(&scripts)?;
    std::fs::write(scripts.join("align.sh"), SCRIPT)?;
    let body = json!({"jobfile": "scripts/align.sh", "qopt": ""}).to_string();
    let mut reads = Vec::new();
    for _ in 0..JOBS {
        let submitted = signer.ask("POST", "/jobs", &body)?;
        let job = submitted.get("job_id").and_then(Value::as_u64).context("no number of a job")?;
        reads.push(signer.request("GET", &format!("/jobs/{job}"), "")?);
    }
    refused(door, &signer)?;
    let single = door.many(200, Plan::closed(1, setting.size(5_000)), &reads)?;
    let read = door.many(200, Plan::closed(16, setting.size(50_000)), &reads)?;
    let submission = [signer.request("POST", "/jobs", &body)?];
    let submitted = door.many(201, Plan::closed(16, setting.size(20_000)), &submission)?;
    let latency = |sample: &Sample| {
        format!("p50 {:.2} ms, p99 {:.2} ms", ms(sample.within(0.5)), ms(sample.within(0.99)))
    };
    Ok(vec![
        Row::new("Nifcloud GET jobs/{id}, signed", "ms", Goal::None)
            .of(false, ms(single.within(0.5)))
            .note(format!("p99 {:.3} ms", ms(single.within(0.99)))),
        Row::new("Nifcloud GET jobs/{id}, signed, 16 connections", "/s", Goal::AtLeast(5_000.0))
            .of(false, read.rate())
            .note(latency(&read)),
        Row::new("Nifcloud POST jobs, body signed, 16 connections", "/s", Goal::AtLeast(5_000.0))
            .of(false, submitted.rate())
            .note(format!("{}; script read, job recorded", latency(&submitted))),
    ])
}

/// What is measured are signatures that are looked at: one that is wrong has to be refused.
fn refused(door: &Door<'_>, signer: &Signer<'_>) -> Result<()> {
    let right = signer.request("GET", "/jobs/1", "")?;
    let text = String::from_utf8(right)?;
    let (status, _) = exchange(door.service.target.address, text.replace("/jobs/1", "/jobs/2").as_bytes())?;
    ensure!(status == 401, "a signature of another request was answered with {status}");
    Ok(())
}
