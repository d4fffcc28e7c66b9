//! Which files the tasks of a step get as their streams, and what of them is passed on by this process.

use super::labels::label;
use super::pattern::{Names, Place, TaskNames, file_name};
use crate::watch::{self, Source};
use rustix::fs::{Mode, OFlags};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use supervise::steps::{MAX_FILES, StepLayout, TaskStreams};

/// What is wanted of streams.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) stdin: Place,
    pub(super) stdout: Place,
    /// As standard output where nothing is said.
    pub(super) stderr: Option<Place>,
    pub(super) label: bool,
    pub(super) unbuffered: bool,
    pub(super) append: bool,
}

/// Where this process writes what a task wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sink {
    Stdout,
    Stderr,
    /// One of the plan's files.
    File(usize),
}

/// A task's stream that this process passes on.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) source: OwnedFd,
    /// The task whose it is, and which.
    pub(super) task: u32,
    pub(super) place: watch::Place,
    pub(super) sink: Sink,
    pub(super) label: Option<String>,
}

/// The streams of a step.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What is passed to the launcher.
    pub(super) passed: Vec<OwnedFd>,
    /// Which of them each task gets.
    pub(super) streams: Vec<TaskStreams>,
    /// What is read here.
    pub(super) relays: Vec<Relay>,
    /// Those of the passed files whose other end that is.
    relayed: BTreeSet<u32>,
    /// The files of sinks.
    pub(super) files: Vec<File>,
    /// Where this process's own standard input is written, and whose it is.
    pub(super) inputs: Vec<(u32, OwnedFd)>,
}

impl Plan {
    /// Gives each task a file of its own, in their order.
    pub(super) fn add_channels(&mut self, channels: Vec<OwnedFd>) {
        for (streams, channel) in self.streams.iter_mut().zip(channels) {
            streams.channel = u32::try_from(self.passed.len()).ok();
            self.passed.push(channel);
        }
    }

    /// What can be shown of those streams that tasks write to without this process; and whether there are such as cannot.
    pub(super) fn sources(&self) -> (Vec<Source>, bool) {
        // Who writes to each file, and as what: several tasks may, and both streams of one.
        let mut writers: BTreeMap<u32, (watch::Place, BTreeSet<u32>)> = BTreeMap::new();
        for (task, streams) in (0_u32..).zip(&self.streams) {
            for (file, place) in
                [(streams.stdout, watch::Place::Output), (streams.stderr, watch::Place::Error)]
            {
                let Some(file) = file.filter(|file| !self.relayed.contains(file)) else { continue };
                writers.entry(file).or_insert((place, BTreeSet::new())).1.insert(task);
            }
        }
        let (mut sources, mut hidden) = (Vec::new(), false);
        for (file, (place, tasks)) in writers {
            let alone = tasks.first().copied().filter(|_| tasks.len() == 1);
            let source = self.passed.get(file as usize).and_then(|file| Source::of(file, alone, place));
            hidden |= source.is_none();
            let Some(source) = source else { continue };
            // Both streams may go into one file by ways of their own.
            match sources.iter_mut().find(|known: &&mut Source| known.is_of_same_file(&source)) {
                Some(known) => known.join(&source),
                None => sources.push(source),
            }
        }
        (sources, hidden)
    }

    /// The files to pass, as the launcher's interface wants them.
    pub(super) fn passed(&self) -> Vec<BorrowedFd<'_>> {
        self.passed.iter().map(AsFd::as_fd).collect()
    }
}

/// Why there are no streams.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoStreams {
    /// A file cannot be opened.
    #[error("Could not open {what} file {}: {source}", path.display())]
    File { what: &'static str, path: PathBuf, source: io::Error },
    /// A pipe cannot be made, or a descriptor copied.
    #[error("Could not make a pipe for the tasks: {0}")]
    Pipe(#[from] io::Error),
    /// There are too many of them.
    #[error(
        "too many files for one step: at most {MAX_FILES} are possible; use --unbuffered, or one file for all tasks"
    )]
    TooMany,
}

/// Opens and makes all that the tasks need. Relative names are under `dir`.
pub(super) fn plan(wish: &Wish, layout: &StepLayout, names: &Names, dir: &Path) -> Result<Plan, NoStreams> {
    let mut maker = Maker {
        wish,
        layout,
        names,
        dir,
        plan: Plan::default(),
        opened: HashMap::new(),
        own: HashMap::new(),
    };
    let tasks = u32::try_from(layout.tasks.len()).unwrap_or(u32::MAX);
    for task in 0..tasks {
        let stdin = maker.stdin(task, tasks)?;
        let stdout = maker.output(&wish.stdout, Own::Stdout, task, tasks)?;
        let stderr = maker.output(wish.stderr.as_ref().unwrap_or(&wish.stdout), Own::Stderr, task, tasks)?;
        maker.plan.streams.push(TaskStreams { stdin, stdout, stderr, channel: None });
        if maker.plan.passed.len() > MAX_FILES {
            return Err(NoStreams::TooMany);
        }
    }
    Ok(maker.plan)
}

/// This process's own output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Own {
    Stdout,
    Stderr,
}

impl Own {
    fn sink(self) -> Sink {
        if self == Own::Stdout { Sink::Stdout } else { Sink::Stderr }
    }

    fn place(self) -> watch::Place {
        if self == Own::Stdout { watch::Place::Output } else { watch::Place::Error }
    }

    fn is_terminal(self) -> bool {
        if self == Own::Stdout { io::stdout().is_terminal() } else { io::stderr().is_terminal() }
    }

    fn copied(self) -> io::Result<OwnedFd> {
        match self {
            Own::Stdout => io::stdout().as_fd().try_clone_to_owned(),
            Own::Stderr => io::stderr().as_fd().try_clone_to_owned(),
        }
    }
}

/// A file that was opened for output.
struct Opened {
    /// Its place among the files passed, if a task writes to it itself.
    passed: Option<u32>,
    /// Its place among the files of sinks.
    file: usize,
    /// Several tasks write to it.
    is_shared: bool,
}

struct Maker<'a> {
    wish: &'a Wish,
    layout: &'a StepLayout,
    names: &'a Names,
    dir: &'a Path,
    plan: Plan,
    opened: HashMap<PathBuf, Opened>,
    own: HashMap<Own, u32>,
}

impl Maker<'_> {
    fn pass(&mut self, file: impl Into<OwnedFd>) -> u32 {
        self.plan.passed.push(file.into());
        u32::try_from(self.plan.passed.len() - 1).unwrap_or(u32::MAX)
    }

    fn path(&self, pattern: &str, task: u32) -> PathBuf {
        let node = self.layout.tasks.get(task as usize).copied().unwrap_or(0);
        let node_name = self.layout.nodes.get(node as usize).map(String::as_str).unwrap_or_default();
        self.dir.join(file_name(pattern, self.names, TaskNames { task, node, node_name }))
    }

    fn stdin(&mut self, task: u32, tasks: u32) -> Result<Option<u32>, NoStreams> {
        let alone = match &self.wish.stdin {
            Place::Nowhere => return Ok(None),
            Place::OwnOf(wanted) if *wanted != task => return Ok(None),
            Place::OwnOf(_) => true,
            Place::Own => tasks == 1,
            Place::File(pattern) => {
                let path = self.path(pattern, task);
                let flags = OFlags::RDONLY | OFlags::CLOEXEC;
                let file = rustix::fs::open(&path, flags, Mode::empty()).map_err(io::Error::from);
                let file = file.map_err(|source| NoStreams::File { what: "stdin", path, source })?;
                return Ok(Some(self.pass(file)));
            }
        };
        let own = io::stdin();
        if is_null(own.as_fd()) {
            return Ok(None);
        }
        // A program that reads this terminal itself would take itself for an interactive one.
        if alone && !own.is_terminal() {
            let own = own.as_fd().try_clone_to_owned()?;
            return Ok(Some(self.pass(own)));
        }
        let (theirs, ours) = io::pipe()?;
        self.plan.inputs.push((task, ours.into()));
        Ok(Some(self.pass(theirs)))
    }

    fn output(&mut self, place: &Place, own: Own, task: u32, tasks: u32) -> Result<Option<u32>, NoStreams> {
        match place {
            Place::Nowhere => Ok(None),
            Place::OwnOf(wanted) if *wanted != task => Ok(None),
            Place::Own | Place::OwnOf(_) => {
                let alone = tasks == 1 || matches!(place, Place::OwnOf(_));
                if self.wish.label || own.is_terminal() || !(alone || self.wish.unbuffered) {
                    return self.relayed(own, own.sink(), task, tasks).map(Some);
                }
                if let Some(passed) = self.own.get(&own) {
                    return Ok(Some(*passed));
                }
                let passed = self.pass(own.copied()?);
                self.own.insert(own, passed);
                Ok(Some(passed))
            }
            Place::File(pattern) => self.file(pattern, own, task, tasks).map(Some),
        }
    }

    fn file(&mut self, pattern: &str, own: Own, task: u32, tasks: u32) -> Result<u32, NoStreams> {
        let path = self.path(pattern, task);
        if !self.opened.contains_key(&path) {
            let file = self.open(&path, own)?;
            let others = (0..tasks).filter(|other| *other != task);
            let is_shared = others.into_iter().any(|other| self.path(pattern, other) == path);
            self.plan.files.push(file);
            let opened = Opened { passed: None, file: self.plan.files.len() - 1, is_shared };
            self.opened.insert(path.clone(), opened);
        }
        let Some(opened) = self.opened.get(&path) else { return Err(NoStreams::TooMany) };
        let file = opened.file;
        if self.wish.label || (opened.is_shared && !self.wish.unbuffered) {
            return self.relayed(own, Sink::File(file), task, tasks);
        }
        if let Some(passed) = opened.passed {
            return Ok(passed);
        }
        let Some(copied) = self.plan.files.get(file) else { return Err(NoStreams::TooMany) };
        let copied = copied.try_clone()?;
        let passed = self.pass(copied);
        if let Some(opened) = self.opened.get_mut(&path) {
            opened.passed = Some(passed);
        }
        Ok(passed)
    }

    fn open(&self, path: &Path, own: Own) -> Result<File, NoStreams> {
        let mut how = File::options();
        how.create(true);
        match self.wish.append {
            true => how.append(true),
            false => how.write(true).truncate(true),
        };
        let what = if own == Own::Stdout { "stdout" } else { "stderr" };
        how.open(path).map_err(|source| NoStreams::File { what, path: path.to_owned(), source })
    }

    fn relayed(&mut self, own: Own, sink: Sink, task: u32, tasks: u32) -> Result<u32, NoStreams> {
        let (ours, theirs) = io::pipe()?;
        let label = self.wish.label.then(|| label(task, tasks));
        self.plan.relays.push(Relay { source: ours.into(), task, place: own.place(), sink, label });
        let passed = self.pass(theirs);
        self.plan.relayed.insert(passed);
        Ok(passed)
    }
}

/// Tells whether a file is `/dev/null`.
fn is_null(file: BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(file).is_ok_and(|stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode).is_char_device()
            && (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)) == (1, 3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(tasks: &[u32]) -> StepLayout {
        StepLayout {
            step: 3,
            nodes: vec!["n1".into(), "n2".into()],
            tasks: tasks.to_vec(),
            ..StepLayout::default()
        }
    }

    fn wish(stdout: &str) -> Wish {
        Wish {
            stdin: Place::Nowhere,
            stdout: Place::of(Some(stdout)),
            stderr: None,
            label: false,
            unbuffered: false,
            append: false,
        }
    }

    #[test]
    fn each_task_has_its_file_and_writes_there_itself() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(&wish("o.%t"), &layout(&[0, 1]), &Names::default(), dir.path()).unwrap();
        assert_eq!((plan.passed.len(), plan.relays.len()), (2, 0));
        let both: Vec<_> = plan.streams.iter().map(|streams| (streams.stdout, streams.stderr)).collect();
        assert_eq!(both, [(Some(0), Some(0)), (Some(1), Some(1))]);
        assert!(dir.path().join("o.1").is_file());
    }

    #[test]
    fn a_file_of_several_tasks_is_written_here_line_by_line() {
        let dir = tempfile::tempdir().unwrap();
        let shared = plan(&wish("o.%N"), &layout(&[0, 0, 1]), &Names::default(), dir.path()).unwrap();
        // Two tasks on the first node with two streams each; the third is alone on its node.
        assert_eq!((shared.relays.len(), shared.passed.len(), shared.files.len()), (4, 5, 2));
        let direct = Wish { unbuffered: true, ..wish("o.%N") };
        let direct = plan(&direct, &layout(&[0, 0, 1]), &Names::default(), dir.path()).unwrap();
        assert_eq!((direct.relays.len(), direct.passed.len()), (0, 2));
    }

    #[test]
    fn one_task_may_be_the_only_one_heard() {
        let dir = tempfile::tempdir().unwrap();
        let heard = Wish { label: true, ..wish("1") };
        let plan = plan(&heard, &layout(&[0, 0, 0]), &Names::default(), dir.path()).unwrap();
        assert_eq!(plan.relays.len(), 2);
        assert_eq!(plan.relays[0].label.as_deref(), Some("1: "));
        assert_eq!((plan.streams[0].stdout, plan.streams[1].stdout), (None, Some(0)));
    }

    #[test]
    fn files_that_cannot_be_opened_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let failed = plan(&wish("no/such"), &layout(&[0]), &Names::default(), dir.path()).unwrap_err();
        assert!(failed.to_string().starts_with("Could not open stdout file "), "{failed}");
        let input = Wish { stdin: Place::File("nothing".into()), ..wish("none") };
        let failed = plan(&input, &layout(&[0]), &Names::default(), dir.path()).unwrap_err();
        assert!(failed.to_string().starts_with("Could not open stdin file "), "{failed}");
    }
}
