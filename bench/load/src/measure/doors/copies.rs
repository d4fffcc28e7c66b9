//! Directories copied to the object store and back, beside a plain client of the same store on the same files: both in
//! turn, and the better of their rounds, since the machine's disk has moods.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::signed::Signer;
use super::{Door, home};
use crate::measure::Setting;
use crate::online::{Plain, Store};
use crate::process;
use crate::table::{Goal, Row};

/// What of the plain client's rate is to be reached.
const SHARE: f64 = 0.8;
/// Files of a folder.
const OF_FOLDER: usize = 100;
/// Bytes of a small file.
const SMALL: usize = 4_096;
/// How long a copy may take.
const PATIENCE: Duration = Duration::from_secs(1_200);

/// A copy: how long it took, and the processor time of who made it.
#[derive(Clone, Copy)]
struct Turn {
    time: Duration,
    cpu: Duration,
}

impl Turn {
    /// Notes what a process used for a copy.
    fn of(pid: u32, copy: impl FnOnce() -> Result<Duration>) -> Result<Self> {
        settle();
        let used = || process::cpu(pid).unwrap_or_default();
        let before = used();
        let time = copy()?;
        Ok(Self { time, cpu: used() - before })
    }
}

/// The best turns of the service and of the plain client, there and back.
#[derive(Default)]
struct Best {
    ours: [Option<Turn>; 2],
    plain: [Option<Turn>; 2],
}

impl Best {
    /// A row for each direction, of an amount of something.
    fn rows(&self, amount: f64, unit: &'static str, what: &str) -> Result<Vec<Row>> {
        let row = |way: usize, verb: &str| -> Result<Row> {
            let (ours, plain) = (self.ours[way].context("no turn")?, self.plain[way].context("no turn")?);
            let rate = |turn: Turn| amount / turn.time.as_secs_f64().max(1e-9);
            let told = |turn: Turn| {
                format!("{:.1} s with {:.1} s of CPU", turn.time.as_secs_f64(), turn.cpu.as_secs_f64())
            };
            Ok(Row::new(format!("files/sync {verb} {what}"), unit, Goal::AtLeast(SHARE * rate(plain)))
                .of(false, rate(ours))
                .of(true, rate(plain))
                .note(format!("{}; the library object_store, used plainly, {}", told(ours), told(plain))))
        };
        Ok(vec![row(0, "to the store,")?, row(1, "from the store,")?])
    }
}

fn better(best: &mut Option<Turn>, turn: Turn) {
    if best.is_none_or(|best| turn.time < best.time) {
        *best = Some(turn);
    }
}

/// Ten thousand small files.
pub(crate) fn small_files(door: &Door<'_>, setting: Setting<'_>, store: &Store) -> Result<Vec<Row>> {
    let count = setting.size(10_000).max(OF_FOLDER);
    let (own, other) = (home(setting, door).join("small"), setting.folder.join("plain"));
    for number in 0..count {
        let folder = own.join(format!("folder-{:03}", number / OF_FOLDER));
        if number % OF_FOLDER == 0 {
            fs::create_dir_all(&folder)?;
        }
        let mut content = vec![b'x'; SMALL];
        content[..8].copy_from_slice(&(number as u64).to_le_bytes());
        fs::write(folder.join(format!("file-{number:06}.dat")), content)?;
    }
    let (signer, plain) = (Signer::new(door)?, Plain::new(&store.endpoint)?);
    let (service, driver) = (door.service.pid(), std::process::id());
    let mut best = Best::default();
    for _ in 0..3 {
        better(&mut best.plain[0], Turn::of(driver, || plain.send(&own, "plain"))?);
        better(&mut best.ours[0], Turn::of(service, || synchronized(&signer, "small", "to_online"))?);
        better(&mut best.plain[1], Turn::of(driver, || plain.fetch("plain", &other))?);
        fs::remove_dir_all(&own)?;
        better(&mut best.ours[1], Turn::of(service, || synchronized(&signer, "small", "from_online"))?);
        for folder in [&own, &other] {
            ensure!(files(folder)? == count, "not all files are in {}", folder.display());
        }
        fs::remove_dir_all(&other)?;
        store.clear()?;
    }
    fs::remove_dir_all(&own)?;
    best.rows(count as f64, "/s", &format!("{count} files of 4 KB"))
}

/// One large file of so many megabytes.
pub(crate) fn large_file(
    door: &Door<'_>,
    setting: Setting<'_>,
    store: &Store,
    megabytes: usize,
) -> Result<Vec<Row>> {
    let (own, other) = (home(setting, door).join("large"), setting.folder.join("plain.bin"));
    fs::create_dir_all(&own)?;
    let path = own.join("large.bin");
    let mut file = File::create(&path)?;
    let mut block = vec![b'x'; 1_000_000];
    for number in 0..megabytes as u64 {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block)?;
    }
    drop(file);
    let (signer, plain) = (Signer::new(door)?, Plain::new(&store.endpoint)?);
    let (service, driver) = (door.service.pid(), std::process::id());
    let mut best = Best::default();
    for round in 0..2 {
        // Who comes first finds other pages in memory than who comes second.
        for is_ours in [round == 0, round != 0] {
            store.clear()?;
            if is_ours {
                better(&mut best.ours[0], Turn::of(service, || synchronized(&signer, "large", "to_online"))?);
                fs::remove_file(&path)?;
                better(
                    &mut best.ours[1],
                    Turn::of(service, || synchronized(&signer, "large", "from_online"))?,
                );
                ensure!(fs::metadata(&path)?.len() == megabytes as u64 * 1_000_000, "not all came back");
            } else {
                let key = "plain/large.bin";
                better(&mut best.plain[0], Turn::of(driver, || plain.send_large(&path, key))?);
                better(&mut best.plain[1], Turn::of(driver, || plain.fetch_large(key, &other))?);
                fs::remove_file(&other)?;
            }
        }
    }
    store.clear()?;
    fs::remove_dir_all(&own)?;
    best.rows(megabytes as f64, "MB/s", &format!("one file of {megabytes} MB"))
}

/// Has the service copy a directory, and returns how long it was from the request to the end that it tells.
fn synchronized(signer: &Signer<'_>, path: &str, direction: &str) -> Result<Duration> {
    let began = Instant::now();
    let body = json!({"path": path, "direction": direction}).to_string();
    let number = signer.ask("POST", "/files/sync", &body)?;
    let number = number.get("requestid").and_then(Value::as_u64).context("no number of a request")?;
    loop {
        let told = signer.ask("GET", &format!("/files/sync/{number}"), "")?;
        if told.get("status").and_then(Value::as_str) != Some("waiting") {
            ensure!(told == json!({"status": "complete", "result": "0"}), "{direction}: {told}");
            return Ok(began.elapsed());
        }
        ensure!(began.elapsed() < PATIENCE, "{direction} takes longer than {} s", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the disk has what was written: nobody shall pay for somebody else's files.
fn settle() {
    rustix::fs::sync();
}

fn files(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() { files(&entry.path())? } else { 1 };
    }
    Ok(count)
}
