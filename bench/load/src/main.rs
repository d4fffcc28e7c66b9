//! Measures a Slurm REST service under load, beside a peer and beside what the bare machine can do.
//!
//! `bench/run` builds and calls it. The driver is one thread without a runtime, but for what it compares copies of files
//! with (`online`): server and load share the machine.

mod drive;
mod machine;
mod measure;
mod online;
mod process;
mod sample;
mod stamp;
mod table;
mod target;
mod wire;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use measure::associations::Site;
use measure::cluster::Front;
use measure::doors::{self, Door};
use measure::monitoring::Watched;
use measure::{
    Setting, associations, cluster, connections, idle, launches, monitoring, past, queue, reads, submissions,
    tables,
};
use online::Store;
use stamp::Clock;
use table::{Goal, Row, merge};
use target::{Recipe, Service, Target};

/// Measures the service, and beside it the peer that SLURM_REST_URL, SLURM_REST_USER and SLURM_REST_TOKEN name.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program to measure.
    #[arg(long, default_value = "target/release/quintet")]
    server: PathBuf,
    /// Its configuration.
    #[arg(long, default_value = "bench/bench.toml")]
    config: PathBuf,
    /// Where it keeps its state while it is measured; the disk counts.
    #[arg(long, default_value = "target")]
    folder: PathBuf,
    /// Measures only these: launches, submissions, lists, connections, associations, history, monitoring, doors,
    /// cluster.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How many finished jobs the history has that is measured; it is made once and kept beside the state.
    #[arg(long, default_value_t = 10_000_000)]
    jobs: u32,
    /// How many megabytes the large file has that is copied to the object store and back.
    #[arg(long, default_value_t = 5_000)]
    file_size: usize,
    /// Makes everything a hundred times smaller: tries the benchmark, not the service.
    #[arg(long)]
    glance: bool,
    /// Measures the peer alone.
    #[arg(long)]
    peer_only: bool,
    /// Keeps the table with a description of the machine in this file.
    #[arg(long)]
    save: Option<PathBuf>,
}

fn main() -> ExitCode {
    // First of all, for the job that says when it began.
    let began = stamp::now();
    let mut arguments = std::env::args_os().skip(1);
    let result = match (arguments.next(), arguments.next()) {
        (Some(mode), Some(script)) if mode == "stamp" => stamp::run_as_job(began, Path::new(&script)),
        (Some(mode), Some(folder)) if mode == "store" => online::serve(Path::new(&folder)),
        _ => measure_all(&Arguments::parse()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all(arguments: &Arguments) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&arguments.folder)?;
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let place = folder.path().canonicalize()?;
    let setting = Setting { folder: &place, divisor: if arguments.glance { 100 } else { 1 } };
    let bare = machine::bare(&place)?;
    let mut rows = vec![
        Row::new("bare machine: synced appends of 4 KB", "/s", Goal::None).of(false, bare.syncs),
        Row::new("bare machine: fork, exec, wait; one thread", "/s", Goal::None).of(false, bare.launches),
        Row::new("bare machine: the same on two threads", "/s", Goal::None).of(false, bare.launches_on_two),
    ];
    let peer = Target::peer()?;
    if peer.is_none() {
        eprintln!("no peer: SLURM_REST_URL is not set");
    }
    let suite = Suite { arguments, setting, clock: Clock::new(&place)?, peer };
    let mut broken = Vec::new();
    for (name, measure) in SECTIONS {
        if arguments.only.is_empty() || arguments.only.iter().any(|only| only == name) {
            eprintln!("measuring {name} ...");
            if let Err(error) = measure(&suite, &mut rows) {
                eprintln!("{name}: {error:#}");
                broken.push(name);
            }
        }
    }
    let drawn = table::draw(&rows);
    println!("{drawn}");
    if let Some(file) = &arguments.save {
        save(file, &drawn, &place)?;
    }
    ensure!(broken.is_empty(), "not measured to the end: {}", broken.join(", "));
    Ok(())
}

fn save(file: &Path, drawn: &str, place: &Path) -> Result<()> {
    let text = format!(
        "# Results\n\nWritten by `bench/run --save`. Server, load and jobs shared the machine: {}; load average at the end {}.\n\n\
         A ratio above one says how many times better than the peer; what the goals are is written down in \
         `bench/README.md`.\n\n{drawn}",
        machine::description(place),
        machine::load()
    );
    std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
}

/// What all sections share.
struct Suite<'a> {
    arguments: &'a Arguments,
    setting: Setting<'a>,
    clock: Clock,
    peer: Option<Target>,
}

type Section = fn(&Suite<'_>, &mut Vec<Row>) -> Result<()>;

const SECTIONS: [(&str, Section); 9] = [
    ("launches", |suite, rows| suite.launches(rows)),
    ("submissions", |suite, rows| suite.submissions(rows)),
    ("lists", |suite, rows| suite.lists(rows)),
    ("connections", |suite, rows| suite.connections(rows)),
    ("associations", |suite, rows| suite.associations(rows)),
    ("history", |suite, rows| suite.history(rows)),
    ("monitoring", |suite, rows| suite.monitoring(rows)),
    ("doors", |suite, rows| suite.doors(rows)),
    ("cluster", |suite, rows| suite.cluster(rows)),
];

impl Suite<'_> {
    /// A service of our own on a state directory of its own, unless only the peer is wanted.
    fn service(&self) -> Result<Option<(Service, tempfile::TempDir)>> {
        self.service_with(self.arguments.config.clone())
    }

    /// The same with another configuration.
    fn service_with(&self, config: PathBuf) -> Result<Option<(Service, tempfile::TempDir)>> {
        if self.arguments.peer_only {
            return Ok(None);
        }
        let state = tempfile::Builder::new().prefix("state-").tempdir_in(self.setting.folder)?;
        let recipe = Recipe { config, ..self.recipe() };
        Ok(Some((recipe.start(state.path())?, state)))
    }

    fn recipe(&self) -> Recipe {
        Recipe { binary: self.arguments.server.clone(), config: self.arguments.config.clone() }
    }

    /// An idle service, and jobs that run.
    fn launches(&self, rows: &mut Vec<Row>) -> Result<()> {
        let Self { setting, clock, .. } = self;
        let both = |target: &Target, rows: &mut Vec<Row>| -> Result<()> {
            merge(rows, idle::cost(target, *setting)?);
            merge(rows, vec![reads::ping(target, *setting)?, launches::start(target, *setting, clock)?]);
            if !target.is_peer {
                merge(rows, vec![launches::next_start(target, *setting, clock)?]);
            }
            merge(rows, launches::throughput(target, *setting)?);
            Ok(())
        };
        if let Some((service, _state)) = self.service()? {
            merge(rows, vec![queue::empty_start(&service)]);
            both(&service.target, rows)?;
        }
        if let Some(peer) = &self.peer {
            peer.purge()?;
            both(peer, rows)?;
        }
        Ok(())
    }

    /// Submissions into an empty and into a full queue, and what a full queue means.
    fn submissions(&self, rows: &mut Vec<Row>) -> Result<()> {
        let Self { setting, .. } = self;
        if let Some((service, state)) = self.service()? {
            let target = &service.target;
            merge(rows, submissions::into_empty_queue(target, *setting)?);
            let jobs = queue::size(*setting);
            queue::fill(target, jobs)?;
            merge(rows, queue::memory(target, jobs).into_iter().collect());
            merge(rows, submissions::with_jobs_queued(target, *setting, jobs)?);
            let (service, row) = queue::restart(service, &self.recipe(), state.path(), jobs)?;
            merge(rows, vec![row, queue::array(&service.target)?]);
        }
        if let Some(peer) = &self.peer {
            merge(rows, submissions::into_empty_queue(peer, *setting)?);
            peer.purge()?;
        }
        Ok(())
    }

    /// Lists of a thousand, ten thousand and a hundred thousand jobs.
    fn lists(&self, rows: &mut Vec<Row>) -> Result<()> {
        let Self { setting, .. } = self;
        for (jobs, goals, states) in [
            (1_000, None, None),
            (10_000, Some((60.0, 60.0)), None),
            (100_000, Some((450.0, 200.0)), Some(60.0)),
        ] {
            let jobs = setting.size(jobs);
            if let Some((service, _state)) = self.service()? {
                let target = &service.target;
                queue::fill(target, jobs)?;
                merge(rows, reads::list(target, jobs, goals, Some(service.pid()))?);
                merge(rows, vec![reads::states(target, jobs, states)?]);
                if jobs == setting.size(100_000) {
                    merge(rows, reads::one_job(target, *setting, 5)?);
                }
            }
        }
        if let Some((service, _state)) = self.service_with(tables::configuration(*setting)?)? {
            merge(rows, tables::lists(&service.target, *setting)?);
        }
        // The peer needs two minutes and eight gigabytes for fifty thousand.
        if let Some(peer) = &self.peer {
            for (jobs, goals) in [(1_000, None), (10_000, Some((60.0, 60.0)))] {
                let jobs = setting.size(jobs);
                queue::fill(peer, jobs)?;
                merge(rows, reads::list(peer, jobs, goals, None)?);
                merge(rows, vec![reads::states(peer, jobs, None)?]);
            }
            let job = peer.submit(&measure::typical_job(measure::down(true)))?;
            merge(rows, reads::one_job(peer, *setting, job)?);
            peer.purge()?;
        }
        Ok(())
    }

    /// Many clients. The peer stalls from 128 connections on, so it is left alone.
    fn connections(&self, rows: &mut Vec<Row>) -> Result<()> {
        let Self { setting, .. } = self;
        if let Some((service, _state)) = self.service()? {
            let target = &service.target;
            queue::fill(target, 1_000)?;
            let jobs: Vec<u64> = (1..=1_000).collect();
            merge(rows, connections::polling(target, *setting, &jobs)?);
            merge(rows, connections::idle(target, *setting)?);
        }
        Ok(())
    }

    /// A hundred thousand associations, and more of them than anybody should send at once.
    fn associations(&self, rows: &mut Vec<Row>) -> Result<()> {
        let Self { setting, .. } = self;
        if let Some((service, state)) = self.service()? {
            let target = &service.target;
            let cluster = associations::cluster(target)?;
            // As many as the peer gets, to compare with; they are among the others.
            let few = Site::of(cluster.clone(), setting.size(1_000));
            let site = Site::of(cluster, setting.size(100_000));
            for site in [&few, &site] {
                merge(rows, vec![associations::load(target, site)?]);
                merge(rows, associations::lists(target, *setting, site)?);
            }
            merge(rows, associations::memory(target, &site).into_iter().collect());
            let (_service, more) = associations::restart(service, &self.recipe(), state.path(), &site)?;
            merge(rows, more);
        }
        if let Some((service, _state)) = self.service()? {
            merge(rows, associations::too_many(&service, *setting)?);
        }
        // The peer gets a hundredth.
        match self.peer.as_ref().map(Target::for_administrator) {
            Some(Some(peer)) => {
                let site = Site::of(associations::cluster(&peer)?, setting.size(1_000));
                merge(rows, vec![associations::load(&peer, &site)?]);
                let listed = associations::lists(&peer, *setting, &site);
                associations::clear(&peer, &site)?;
                merge(rows, listed?);
            }
            Some(None) => eprintln!("peer: associations skipped, SLURM_REST_ADMIN is not set"),
            None => {}
        }
        Ok(())
    }

    /// Jobs of other schedulers, and what collectors measure.
    fn monitoring(&self, rows: &mut Vec<Row>) -> Result<()> {
        let Self { setting, arguments, .. } = self;
        let config = monitoring::configuration(&arguments.config, *setting)?;
        if let Some((service, state)) = self.service_with(config.clone())? {
            let watched = Watched::new(&service.target, &arguments.server, &config, state.path())?;
            merge(rows, monitoring::jobs(&watched, *setting)?);
        }
        if let Some((service, state)) = self.service_with(config.clone())? {
            let watched = Watched::new(&service.target, &arguments.server, &config, state.path())?;
            merge(rows, monitoring::series(&watched, *setting)?);
        }
        if let Some((service, state)) = self.service_with(config.clone())? {
            let empty = monitoring::size(state.path())?;
            let watched = Watched::new(&service.target, &arguments.server, &config, state.path())?;
            monitoring::day(&watched)?;
            // What is in memory moves into the database at the end.
            drop(service);
            merge(rows, vec![monitoring::room(state.path(), empty)?]);
        }
        if !arguments.peer_only {
            let jobs = u32::try_from(setting.size(1_000_000))?;
            let state = arguments.folder.join(format!("monitored-{jobs}"));
            history::monitored::make(&state.join("store"), jobs)?;
            let service = Recipe { config: config.clone(), ..self.recipe() }.start(&state)?;
            let watched = Watched::new(&service.target, &arguments.server, &config, &state)?;
            merge(rows, monitoring::pages(&watched, *setting, jobs)?);
        }
        Ok(())
    }

    /// The other dialects of jobs: signatures, batches, records, and copies of files beside a plain client of the store.
    fn doors(&self, rows: &mut Vec<Row>) -> Result<()> {
        let Self { setting, arguments, .. } = self;
        if arguments.peer_only {
            return Ok(());
        }
        let store = Store::start(setting.folder.join("online"))?;
        let config = doors::configuration(&arguments.config, *setting, &store.endpoint)?;
        let recipe = Recipe { config, ..self.recipe() };
        let with = |measure: &dyn Fn(&Door<'_>) -> Result<Vec<Row>>| {
            let state = tempfile::Builder::new().prefix("state-").tempdir_in(setting.folder)?;
            let service = recipe.start(state.path())?;
            measure(&Door { service: &service, recipe: &recipe, state: state.path() })
        };
        merge(rows, with(&|door| doors::signed::requests(door, *setting))?);
        merge(rows, with(&|door| doors::batches::batches(door, *setting))?);
        merge(rows, with(&|door| doors::records::records(door, *setting))?);
        merge(rows, with(&|door| doors::copies::small_files(door, *setting, &store))?);
        let size = setting.size(arguments.file_size);
        merge(rows, with(&|door| doors::copies::large_file(door, *setting, &store, size))?);
        Ok(())
    }

    /// In front of the peer.
    fn cluster(&self, rows: &mut Vec<Row>) -> Result<()> {
        let Self { setting, arguments, .. } = self;
        let Some(peer) = &self.peer else {
            eprintln!("cluster: skipped, there is no peer to be put in front of");
            return Ok(());
        };
        if arguments.peer_only {
            return Ok(());
        }
        let config = cluster::configuration(peer, *setting)?;
        let state = tempfile::Builder::new().prefix("state-").tempdir_in(setting.folder)?;
        let service = Recipe { config, ..self.recipe() }.start_before(state.path(), peer)?;
        let front = Front { peer, service: &service };
        merge(rows, cluster::submissions(&front, *setting)?);
        let jobs = setting.size(10_000);
        queue::fill(peer, jobs)?;
        merge(rows, cluster::polling(&front, *setting, jobs)?);
        merge(rows, cluster::polling_changes(&front, *setting, jobs)?);
        peer.purge()
    }

    /// Millions of finished jobs.
    fn history(&self, rows: &mut Vec<Row>) -> Result<()> {
        let Self { setting, arguments, .. } = self;
        let jobs = history::whole(u32::try_from(setting.size(arguments.jobs as usize))?);
        if !arguments.peer_only {
            let state = arguments.folder.join(format!("history-{jobs}"));
            let store = state.join("store");
            std::fs::create_dir_all(&store).with_context(|| format!("make {}", store.display()))?;
            history::make(&store, jobs)?;
            merge(rows, past::store(&store, *setting)?);
            past::settle(&self.recipe(), *setting, &state)?;
            let config = past::configuration(*setting, 300)?;
            let service = Recipe { config: config.clone(), ..self.recipe() }.start(&state)?;
            past::is_there(&service.target)?;
            merge(rows, vec![past::start(&service, jobs)]);
            idle::rest(&service.target);
            merge(rows, past::pages(&service.target, *setting, jobs)?);
            merge(rows, past::reads(&service.target, *setting, jobs)?);
            if let Some((empty, _state)) = self.service_with(config)? {
                merge(rows, past::work(&empty.target, &service.target, *setting, jobs)?);
            }
        }
        if let Some(peer) = &self.peer {
            merge(rows, past::of_peer(peer, *setting)?);
        }
        Ok(())
    }
}
