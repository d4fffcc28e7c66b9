//! The archive's files, in ClusterCockpit's layout: `CLUSTER/ID DIV 1000/ID MOD 1000/START/{meta.json,data.json.gz}`.

use domain::monitoring::{JobMetric, MonitoredCluster, Record};
use domain::ports::{Archive, StoreError};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Series of one job, uncompressed: what claims to be longer is not read.
const LONGEST: u64 = 1 << 30;
/// The file of a job's series, and its name where nobody has compressed it.
const SERIES: [&str; 2] = ["data.json.gz", "data.json"];

/// A folder with an archive.
pub(crate) struct Folder {
    path: PathBuf,
    /// Held while a file is written: drafts of the same file have the same name.
    writing: Mutex<()>,
}

impl Folder {
    /// Makes an archive in a folder, which need not be there.
    pub(crate) fn new(path: PathBuf) -> Self {
        Folder { path, writing: Mutex::new(()) }
    }

    fn place(&self, record: &Record) -> Result<PathBuf, StoreError> {
        place(&self.path, record).ok_or_else(|| StoreError::Failed {
            what: "archive a job",
            source: "its cluster, number or start is no name of a folder".into(),
        })
    }

    fn write(
        &self,
        record: &Record,
        cluster: Option<&MonitoredCluster>,
        series: &[u8],
    ) -> Result<(), StoreError> {
        let place = self.place(record)?;
        let done = || -> io::Result<()> {
            fs::create_dir_all(&place)?;
            self.write_description(cluster)?;
            // Readers take what has the name: it is whole from the first moment on.
            self.put(&place.join(SERIES[0]), &compressed(series)?)?;
            self.put(&place.join("meta.json"), &dialects::cockpit_meta(record))
        };
        done().map_err(|error| failed("write into the archive", &place, error))
    }

    /// Writes what does not change: the layout's version, and the cluster's description.
    fn write_description(&self, cluster: Option<&MonitoredCluster>) -> io::Result<()> {
        let version = self.path.join("version.txt");
        if !version.exists() {
            self.put(&version, b"1")?;
        }
        let Some(cluster) = cluster else { return Ok(()) };
        let file = self.path.join(cluster.name.as_str()).join("cluster.json");
        let text = dialects::cockpit_cluster_text(cluster);
        if fs::read(&file).is_ok_and(|known| known == text) {
            return Ok(());
        }
        self.put(&file, &text)
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let draft = path.with_extension("new");
        File::create(&draft)?.write_all(bytes)?;
        fs::rename(&draft, path)
    }
}

fn failed(what: &'static str, path: &Path, error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed { what, source: format!("{}: {error}", path.display()).into() }
}

impl Archive for Folder {
    fn keep(
        &self,
        record: &Record,
        cluster: Option<&MonitoredCluster>,
        series: &[JobMetric],
    ) -> Result<(), StoreError> {
        self.write(record, cluster, &dialects::cockpit_archive(record, series).1)
    }

    fn take_in(
        &self,
        record: &Record,
        cluster: Option<&MonitoredCluster>,
        series: &[u8],
    ) -> Result<(), StoreError> {
        dialects::cockpit_archived_series(series)
            .map_err(|error| StoreError::Failed { what: "read series", source: Box::new(error) })?;
        self.write(record, cluster, series)
    }

    fn describe(&self, record: &Record) -> Result<bool, StoreError> {
        let place = self.place(record)?;
        if !SERIES.iter().any(|name| place.join(name).exists()) {
            return Ok(false);
        }
        let written = self.put(&place.join("meta.json"), &dialects::cockpit_meta(record));
        written.map_err(|error| failed("write into the archive", &place, error))?;
        Ok(true)
    }

    fn series(&self, record: &Record) -> Result<Option<Vec<JobMetric>>, StoreError> {
        let Some(place) = place(&self.path, record) else { return Ok(None) };
        let what = "read the archive";
        let bytes = match read(&place) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error) => return Err(failed(what, &place, error)),
        };
        let series = dialects::cockpit_archived_series(&bytes);
        series.map(Some).map_err(|error| failed(what, &place, error))
    }
}

/// Reads the series in a job's folder; `None` without any.
pub(crate) fn read(place: &Path) -> io::Result<Option<Vec<u8>>> {
    for name in SERIES {
        let file = match File::open(place.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        let mut source: Box<dyn Read> =
            if name.ends_with(".gz") { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
        source.by_ref().take(LONGEST).read_to_end(&mut bytes)?;
        return Ok(Some(bytes));
    }
    Ok(None)
}

/// Returns a job's folder; `None` if its cluster or numbers are no names of folders.
fn place(folder: &Path, record: &Record) -> Option<PathBuf> {
    let cluster = record.cluster.as_str();
    let is_name = !cluster.is_empty() && cluster != "." && cluster != ".." && !cluster.contains(['/', '\0']);
    let job = u64::try_from(record.job).ok()?;
    is_name.then(|| {
        let (thousands, rest) = (job / 1000, job % 1000);
        folder
            .join(cluster)
            .join(thousands.to_string())
            .join(format!("{rest:03}"))
            .join(record.start_time.to_string())
    })
}

fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::monitoring::{Metric, MonitoringStatus, Scope, ShownSeries};

    #[test]
    fn jobs_have_folders() {
        let of = |cluster: &'static str, job| {
            let record = Record { cluster: cluster.into(), job, start_time: 99, ..Record::default() };
            place(Path::new("/a"), &record).map(|place| place.display().to_string())
        };
        assert_eq!(of("c", 1_234_567).as_deref(), Some("/a/c/1234/567/99"));
        assert_eq!(of("c", 5).as_deref(), Some("/a/c/0/005/99"));
        for (cluster, job) in [("..", 1), ("", 1), ("a/b", 1), ("c", -1)] {
            assert_eq!(of(cluster, job), None, "{cluster} {job}");
        }
    }

    #[test]
    fn several_write_at_once() {
        let around = tempfile::tempdir().unwrap();
        let folder = Folder::new(around.path().join("archive"));
        let cluster = MonitoredCluster { name: "c".into(), ..MonitoredCluster::default() };
        std::thread::scope(|scope| {
            for job in 0..8 {
                let (folder, cluster) = (&folder, &cluster);
                scope.spawn(move || {
                    for start_time in 0..20 {
                        let record = Record { cluster: "c".into(), job, start_time, ..Record::default() };
                        folder.keep(&record, Some(cluster), &[]).unwrap();
                        fs::remove_file(folder.path.join("version.txt")).ok();
                        assert!(folder.describe(&record).unwrap());
                    }
                });
            }
        });
    }

    #[test]
    fn series_come_back_and_outlive_new_descriptions() {
        let around = tempfile::tempdir().unwrap();
        let folder = Folder::new(around.path().join("archive"));
        let mut record = Record { cluster: "c".into(), job: 7, start_time: 99, ..Record::default() };
        assert_eq!(folder.series(&record).unwrap(), None);
        assert!(!folder.describe(&record).unwrap());
        let one = ShownSeries { host: "h".into(), id: "".into(), statistics: None, values: vec![1.0, 2.5] };
        let metric = JobMetric {
            metric: Metric::plain("load".into(), Scope::Node, 60),
            scope: Scope::Node,
            timestep: 60,
            series: vec![one],
            statistics: None,
        };
        folder.keep(&record, None, std::slice::from_ref(&metric)).unwrap();
        assert_eq!(folder.series(&record).unwrap(), Some(vec![metric]));
        record.monitoring = MonitoringStatus::Archived;
        assert!(folder.describe(&record).unwrap());
        let meta = fs::read(around.path().join("archive/c/0/007/99/meta.json")).unwrap();
        assert_eq!(dialects::cockpit_archived_job(&meta).unwrap().monitoring, MonitoringStatus::Archived);
        assert!(folder.take_in(&record, None, b"no series").is_err());
        // As another archive has it.
        let place = around.path().join("archive/c/0/007/99");
        fs::remove_file(place.join("data.json.gz")).unwrap();
        fs::write(place.join("data.json"), br#"{"m": {"node": {"timestep": 1, "series": []}}}"#).unwrap();
        assert_eq!(folder.series(&record).unwrap().unwrap()[0].metric.name, "m");
    }
}
