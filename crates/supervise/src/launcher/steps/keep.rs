//! What outlives the launcher's own program. One that executes itself anew keeps tasks, clients and all; they are
//! handed over in a file without a name. One that is killed leaves lines in the journal, and its successor ends what
//! it finds.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create};

use super::clients::Client;
use super::{Closing, Live, Step, StepState, Steps, Task};
use crate::cgroup::RunFolder;
use crate::launcher::journal::RememberedStep;
use crate::launcher::serve::Launcher;
use crate::report::{StartFailure, Status};
use crate::run::{RunId, UnixMicros};
use crate::steps::{StepCut, StepEnded, StepGrant, StepProgram, StepRequest, StepUsage};
use crate::wire::{Inbox, Reader};

/// Everything about steps, in a form that can be written down. Descriptors are numbers that stay open over `exec`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct KeptSteps {
    pub(crate) listener: Option<u32>,
    pub(crate) clients: Vec<KeptClient>,
    pub(crate) steps: Vec<KeptStep>,
    pub(crate) worst: Vec<(RunId, u32)>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct KeptClient {
    pub(crate) id: u64,
    pub(crate) descriptor: u32,
    pub(crate) uid: u32,
    pub(crate) run: Option<RunId>,
    pub(crate) ticket: Option<u64>,
    pub(crate) files: Vec<u32>,
    pub(crate) unread: Vec<u8>,
    pub(crate) unsaid: Vec<u8>,
    pub(crate) leaving: bool,
}

#[derive(Debug, PartialEq)]
pub(crate) struct KeptStep {
    pub(crate) ticket: u64,
    pub(crate) run: RunId,
    pub(crate) client: Option<u64>,
    pub(crate) state: KeptState,
}

#[derive(Debug, PartialEq)]
pub(crate) enum KeptState {
    Asked { uid: u32, request: Box<StepRequest> },
    Live(Box<KeptLive>),
    Over { number: u32, ended: Box<StepEnded> },
}

#[derive(Debug, PartialEq)]
pub(crate) struct KeptLive {
    pub(crate) grant: StepGrant,
    pub(crate) folder: Vec<(u32, PathBuf)>,
    pub(crate) program: Option<(StepProgram, Vec<u32>)>,
    pub(crate) tasks: Vec<(u32, Option<StartFailure>)>,
    pub(crate) started_at: Option<UnixMicros>,
    pub(crate) status: Option<Status>,
    pub(crate) cut: Option<StepCut>,
    pub(crate) usage: StepUsage,
    pub(crate) rss_sum: u64,
    pub(crate) deadline: Option<Duration>,
    pub(crate) kill_in: Option<Duration>,
    pub(crate) closing: bool,
}

impl Launcher {
    /// Opens the step socket in its folder, in place of one that a predecessor has left.
    pub(in crate::launcher) fn open_step_socket(&mut self) -> io::Result<()> {
        let Some(folder) = self.options.steps.clone() else { return Ok(()) };
        let name = format!("launcher-{}", self.options.slot);
        if self.steps.listener.is_none() {
            make_folder(&folder)?;
            let handle =
                rustix::fs::open(&folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            // A socket's address has room for a hundred bytes only; a folder may lie deeper than that.
            let short = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd())).join(&name);
            let _ = std::fs::remove_file(&short);
            let listener = UnixListener::bind(&short)?;
            std::fs::set_permissions(&short, std::fs::Permissions::from_mode(0o666))?;
            listener.set_nonblocking(true)?;
            self.steps.listener = Some(listener);
        }
        self.steps.socket = Some(folder.join(name));
        Ok(())
    }

    /// Removes the socket when the launcher leaves.
    pub(in crate::launcher) fn close_step_socket(&self) {
        if let Some(socket) = &self.steps.socket {
            let _ = std::fs::remove_file(socket);
        }
    }

    /// Writes all steps to a file that is open over `exec`; says which.
    pub(in crate::launcher) fn keep_steps(&self) -> io::Result<OwnedFd> {
        let mut file = File::from(memfd_create("steps", MemfdFlags::CLOEXEC)?);
        let mut bytes = Vec::new();
        crate::wire::Code::put(&self.steps.kept(), &mut bytes);
        file.write_all(&bytes)?;
        file.rewind()?;
        Ok(file.into())
    }

    /// Lets the descriptors of clients and their files live over `exec`, or not.
    pub(in crate::launcher) fn mark_step_descriptors(&self, kept: &OwnedFd, over_exec: bool) {
        let flags = if over_exec { 0 } else { libc::FD_CLOEXEC };
        for descriptor in self.steps.descriptors().chain([kept.as_raw_fd()]) {
            // SAFETY: changes a flag of our own descriptor.
            unsafe { libc::fcntl(descriptor, libc::F_SETFD, flags) };
        }
    }

    /// Takes over the steps of the program that was executed before this one in the same process.
    pub(in crate::launcher) fn take_over_steps(&mut self, descriptor: RawFd) -> io::Result<()> {
        let mut bytes = Vec::new();
        File::from(owned(descriptor)?).read_to_end(&mut bytes)?;
        let kept: KeptSteps = Reader::whole(&bytes).ok_or(io::ErrorKind::InvalidData)?;
        self.steps.restore(kept)
    }

    /// Takes over what the journal remembers of steps: ends are reported again, and whatever lived has lost its
    /// launcher and ends.
    pub(in crate::launcher) fn adopt_steps(&mut self, remembered: Vec<RememberedStep>) {
        for RememberedStep { run, ticket, step: number, ended } in remembered {
            if self.steps.table.contains_key(&ticket) || !self.runs.by_id.contains_key(&run) {
                continue;
            }
            self.steps.last_ticket = self.steps.last_ticket.max(ticket);
            let ended = ended.unwrap_or_else(|| {
                Box::new(StepEnded {
                    started_at: None,
                    at: UnixMicros::now(),
                    status: None,
                    cut: Some(StepCut::Lost),
                    over_memory: false,
                    usage: StepUsage::default(),
                })
            });
            self.conclude_step(run, ticket, number, ended);
        }
        let live: Vec<RunId> =
            self.runs.by_id.values().filter(|run| run.is_live()).map(|run| run.id).collect();
        for id in live {
            self.kill_orphaned_tasks(id);
        }
    }

    fn kill_orphaned_tasks(&self, id: RunId) {
        if self.steps.has_live(id) {
            return;
        }
        let Some(run) = self.runs.by_id.get(&id) else { return };
        let mark = self.task_mark(id);
        let deadline = Instant::now() + Duration::from_secs(1);
        // The dying need a moment; one that is stuck in the kernel is left to the end of the run.
        while super::end::kill_leftovers(run.folder.as_ref(), mark.as_bytes(), run.living_leader())
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Steps {
    fn descriptors(&self) -> impl Iterator<Item = RawFd> + '_ {
        let clients = self.clients.values();
        let of_clients = clients.flat_map(|client| {
            client.files.iter().map(AsRawFd::as_raw_fd).chain([client.stream.as_raw_fd()])
        });
        let programs = self.table.values().filter_map(|step| step.live()?.program.as_ref());
        let of_programs = programs.flat_map(|(_, files)| files.iter().map(AsRawFd::as_raw_fd));
        of_clients.chain(of_programs).chain(self.listener.as_ref().map(AsRawFd::as_raw_fd))
    }

    fn kept(&self) -> KeptSteps {
        let number = |descriptor: RawFd| u32::try_from(descriptor).unwrap_or(u32::MAX);
        let clients = self.clients.iter().map(|(id, client)| KeptClient {
            id: *id,
            descriptor: number(client.stream.as_raw_fd()),
            uid: client.uid,
            run: client.run,
            ticket: client.ticket,
            files: client.files.iter().map(|file| number(file.as_raw_fd())).collect(),
            unread: client.inbox.unread().to_vec(),
            unsaid: client.outbox.clone(),
            leaving: client.leaving,
        });
        let steps = self.table.iter().map(|(ticket, step)| KeptStep {
            ticket: *ticket,
            run: step.run,
            client: step.client,
            state: match &step.state {
                StepState::Asked { uid, request } => KeptState::Asked { uid: *uid, request: request.clone() },
                StepState::Over { number, ended } => {
                    KeptState::Over { number: *number, ended: ended.clone() }
                }
                StepState::Live(live) => KeptState::Live(Box::new(live.kept())),
            },
        });
        KeptSteps {
            listener: self.listener.as_ref().map(|listener| number(listener.as_raw_fd())),
            clients: clients.collect(),
            steps: steps.collect(),
            worst: self.worst.iter().map(|(run, code)| (*run, *code)).collect(),
        }
    }

    fn restore(&mut self, kept: KeptSteps) -> io::Result<()> {
        if let Some(descriptor) = kept.listener {
            self.listener = Some(UnixListener::from(taken(descriptor)?));
        }
        self.worst.extend(kept.worst);
        for kept in kept.clients {
            let stream = UnixStream::from(taken(kept.descriptor)?);
            let mut client = Client::new(stream, kept.uid);
            client.run = kept.run;
            client.ticket = kept.ticket;
            client.files = kept.files.into_iter().map(taken).collect::<io::Result<_>>()?;
            client.inbox = Inbox::default();
            client.inbox.extend(&kept.unread);
            client.outbox = kept.unsaid;
            client.leaving = kept.leaving;
            self.last_client = self.last_client.max(kept.id);
            self.clients.insert(kept.id, client);
        }
        for kept in kept.steps {
            let KeptStep { ticket, run, client, state } = kept;
            let state = match state {
                KeptState::Asked { uid, request } => StepState::Asked { uid, request },
                KeptState::Over { number, ended } => {
                    self.numbers.insert((run, number), ticket);
                    StepState::Over { number, ended }
                }
                KeptState::Live(live) => {
                    let live = Live::restored(*live)?;
                    self.numbers.insert((run, live.number()), ticket);
                    self.live.push(ticket);
                    let living = live.tasks.iter().enumerate().filter(|(_, task)| task.pid > 0);
                    self.by_pid.extend(living.map(|(number, task)| (task.pid, (ticket, number))));
                    StepState::Live(Box::new(live))
                }
            };
            self.last_ticket = self.last_ticket.max(ticket);
            self.table.insert(ticket, Step { run, client, state });
        }
        Ok(())
    }
}

impl Live {
    fn kept(&self) -> KeptLive {
        let from_now = |at: Instant| at.saturating_duration_since(Instant::now());
        let number = |file: &OwnedFd| u32::try_from(file.as_raw_fd()).unwrap_or(u32::MAX);
        KeptLive {
            grant: self.grant.clone(),
            folder: self.folder.as_ref().map(RunFolder::places).unwrap_or_default(),
            program: self
                .program
                .as_ref()
                .map(|(program, files)| ((**program).clone(), files.iter().map(number).collect())),
            tasks: self.tasks.iter().map(|task| (task.pid, task.failed)).collect(),
            started_at: self.started_at,
            status: self.status,
            cut: self.cut,
            usage: self.usage,
            rss_sum: self.rss_sum,
            deadline: self.deadline.map(from_now),
            kill_in: self.kill_at.map(from_now),
            closing: self.closing.is_some(),
        }
    }

    fn restored(kept: KeptLive) -> io::Result<Self> {
        let now = Instant::now();
        let program = match kept.program {
            None => None,
            Some((program, files)) => {
                let files = files.into_iter().map(taken).collect::<io::Result<_>>()?;
                Some((Rc::new(program), files))
            }
        };
        let mut live = Self::new(kept.grant, RunFolder::at_places(kept.folder));
        live.program = program;
        live.tasks = kept
            .tasks
            .into_iter()
            .map(|(pid, failed)| Task { pid, failures: None, failed, early: Vec::new() })
            .collect();
        live.running = live.tasks.iter().filter(|task| task.pid > 0).count();
        live.started_at = kept.started_at;
        live.status = kept.status;
        live.cut = kept.cut;
        live.usage = kept.usage;
        live.rss_sum = kept.rss_sum;
        live.deadline = kept.deadline.and_then(|wait| now.checked_add(wait));
        live.kill_at = kept.kill_in.and_then(|wait| now.checked_add(wait));
        live.closing =
            kept.closing.then(|| Closing { tries: 0, next: now, give_up: now + Duration::from_secs(30) });
        Ok(live)
    }
}

fn taken(descriptor: u32) -> io::Result<OwnedFd> {
    owned(i32::try_from(descriptor).map_err(|_| io::ErrorKind::InvalidInput)?)
}

/// Takes a descriptor that the program before us left open.
fn owned(descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl on a number is harmless if it is no descriptor: then it fails.
    if descriptor < 3 || unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the descriptor is open, and was passed on by the program before us for this purpose alone.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Makes the folder of sockets, which everybody may look into.
fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        match std::fs::create_dir(folder) {
            Ok(()) => std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?,
            // Another launcher was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
