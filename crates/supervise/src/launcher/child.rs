//! The child's way from its birth to the program. Only bare system calls on what `plan.rs` made ready: nothing here
//! allocates, locks, panics or touches what belongs to a thread, as it may run in the launcher's own memory. A failure
//! goes through a pipe that closes itself when the program is reached.

use std::os::fd::RawFd;
use std::rc::Rc;

use super::bare;
use super::journal::StartLine;
use super::plan::{Opening, Plan};
use crate::report::{StartFailure, Step};

/// What else the child has to know.
pub(super) struct Surroundings {
    /// The pipe's end for failures.
    pub(super) failures: RawFd,
    /// Whose child this is meant to be.
    pub(super) launcher: libc::pid_t,
    /// Signals that the launcher ignores and the program shall not.
    pub(super) ignored: Rc<[libc::c_int]>,
}

/// What goes through the pipe: the step's number and the errno.
pub(super) const FAILURE_BYTES: usize = 5;

/// Reads what came through the pipe.
pub(super) fn read_failure(bytes: &[u8; FAILURE_BYTES]) -> Option<StartFailure> {
    let [step, errno @ ..] = *bytes;
    Some(StartFailure { step: Step::from_number(step)?, errno: i32::from_le_bytes(errno) })
}

/// Becomes the program, or says why not and ends.
///
/// To be called in a process that has just been made for it: forked from a single-threaded one, or born in its memory
/// with the plan to itself.
pub(super) fn become_program(plan: &mut Plan, around: &Surroundings) -> ! {
    let failure = attempt(plan, around);
    let errno = failure.errno.to_le_bytes();
    let bytes = [failure.step as u8, errno[0], errno[1], errno[2], errno[3]];
    // Nobody listens any more if this fails.
    let _ = bare::write(around.failures, &bytes);
    bare::leave(127)
}

/// Makes an error number a failure of this step.
fn failed(step: Step) -> impl Fn(i32) -> StartFailure {
    move |errno| StartFailure { step, errno }
}

/// Returns only if the program was not reached.
fn attempt(plan: &mut Plan, around: &Surroundings) -> StartFailure {
    let ready = start_session(plan, around)
        .and_then(|()| enter_groups(plan))
        .and_then(|()| lay_over(plan))
        .and_then(|()| set_priorities(plan))
        .and_then(|()| become_user(plan))
        .and_then(|()| open_files(plan))
        .and_then(|()| leave_launcher(plan, around));
    match ready {
        Err(failure) => failure,
        Ok(()) => execute(plan),
    }
}

/// A session of its own, default signals, and a line in the journal before anything can block.
fn start_session(plan: &mut Plan, around: &Surroundings) -> Result<(), StartFailure> {
    around.ignored.iter().for_each(|signal| bare::reset_signal(*signal));
    bare::begin_session().map_err(failed(Step::Session))?;
    bare::set_mask(plan.umask);
    plan.env.fill_own_pid();
    let Some(line) = plan.start_line.as_mut().map(StartLine::fill) else { return Ok(()) };
    match bare::write(plan.journal, line).map_err(failed(Step::Journal))? {
        count if count == line.len() => Ok(()),
        _ => Err(StartFailure { step: Step::Journal, errno: libc::ENOSPC }),
    }
}

/// Writes a few bytes to a file of the kernel's.
fn write_file(step: Step, path: &std::ffi::CStr, bytes: &[u8]) -> Result<(), StartFailure> {
    let file = bare::open(path, libc::O_WRONLY | libc::O_CLOEXEC, 0).map_err(failed(step))?;
    let written = bare::write(file, bytes).map_err(failed(step));
    // SAFETY: opened just now.
    unsafe { bare::close(file) };
    written.map(drop)
}

fn enter_groups(plan: &Plan) -> Result<(), StartFailure> {
    // Empty where the process has been born inside.
    let mut doors = plan.doors.unified.iter().chain(&plan.doors.files);
    doors.try_for_each(|door| write_file(Step::Cgroup, door, b"0"))
}

/// What may need the launcher's rights: limits above its own, nice values below zero.
fn set_priorities(plan: &Plan) -> Result<(), StartFailure> {
    set_limits(&plan.raised_limits)?;
    if plan.nice != 0 {
        bare::set_nice(plan.nice).map_err(failed(Step::Priority))?;
    }
    if let Some(score) = &plan.oom_score {
        write_file(Step::Priority, c"/proc/self/oom_score_adj", score)?;
    }
    if let Some(cpus) = &plan.cpus {
        bare::set_cpus(cpus).map_err(failed(Step::Affinity))?;
    }
    Ok(())
}

fn set_limits(limits: &[(u32, libc::rlimit)]) -> Result<(), StartFailure> {
    limits
        .iter()
        .try_for_each(|(resource, limit)| bare::set_limit(*resource, limit).map(drop))
        .map_err(failed(Step::Rlimit))
}

/// Groups first: whoever has become the user may change nothing any more.
///
/// By bare system calls: the C library's would try to tell threads that do not exist here.
fn become_user(plan: &Plan) -> Result<(), StartFailure> {
    let Some(user) = &plan.user else { return Ok(()) };
    let failed = |step| move |errno: rustix::io::Errno| StartFailure { step, errno: errno.raw_os_error() };
    rustix::thread::set_thread_groups(&user.groups).map_err(failed(Step::Groups))?;
    rustix::thread::set_thread_res_gid(user.gid, user.gid, user.gid).map_err(failed(Step::Gid))?;
    rustix::thread::set_thread_res_uid(user.uid, user.uid, user.uid).map_err(failed(Step::Uid))
}

/// The working directory and the three streams, with the user's rights.
fn open_files(plan: &Plan) -> Result<(), StartFailure> {
    match plan.refuge {
        None => {
            bare::change_directory(&plan.cwd).map_err(failed(Step::Directory))?;
            open_streams(plan)?;
        }
        // What is said needs a place, and a folder made for it may be the one to go to.
        Some(_) => {
            open_streams(plan)?;
            enter_directory(plan)?;
        }
    }
    if plan.terminal {
        bare::take_terminal().map_err(failed(Step::Stdin))?;
    }
    Ok(())
}

fn open_streams(plan: &Plan) -> Result<(), StartFailure> {
    for (number, (stream, step)) in
        (0..).zip(plan.streams.iter().zip([Step::Stdin, Step::Stdout, Step::Stderr]))
    {
        let file = match stream {
            Opening::File { path, flags } => {
                let open = || bare::open(path, *flags, 0o666);
                let is_made = flags & libc::O_CREAT != 0 && plan.refuge.is_some();
                let opened = match open() {
                    Err(libc::ENOENT) if is_made => {
                        make_folders_above(path);
                        open()
                    }
                    opened => opened,
                };
                opened.map_err(failed(step))?
            }
            Opening::SameAsStdout => 1,
            Opening::Open(file) => *file,
        };
        // SAFETY: descriptors are this process's own.
        unsafe {
            bare::duplicate(file, number).map_err(failed(step))?;
            if file > 2 && !matches!(stream, Opening::Open(_)) {
                bare::close(file);
            }
        }
    }
    Ok(())
}

/// Makes the folders above a file as far as they are missing. Whether that was of use is seen when the file is opened.
fn make_folders_above(path: &std::ffi::CStr) {
    let bytes = path.to_bytes();
    let mut above = [0u8; libc::PATH_MAX as usize];
    if bytes.len() >= above.len() {
        return;
    }
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'/' && at > 0 {
            // SAFETY: what was written so far is followed by a zero.
            let _ = unsafe { bare::make_directory(above.as_ptr().cast(), 0o755) };
        }
        above[at] = *byte;
    }
}

/// Goes to the working directory, or says why not and goes to the refuge.
fn enter_directory(plan: &Plan) -> Result<(), StartFailure> {
    let Err(errno) = bare::change_directory(&plan.cwd) else { return Ok(()) };
    let Some((refuge, [before, behind])) = &plan.refuge else { return Ok(()) };
    let why: &[u8] = match errno {
        libc::ENOENT => b"No such file or directory",
        libc::EACCES => b"Permission denied",
        libc::ENOTDIR => b"Not a directory",
        _ => b"it cannot be entered",
    };
    for part in [before.as_slice(), why, behind.as_slice()] {
        let _ = bare::write(2, part);
    }
    bare::change_directory(refuge).map(drop).map_err(failed(Step::Directory))
}

/// Gives the process a view of its own on some folders. What the machine mounts later is still seen.
fn lay_over(plan: &Plan) -> Result<(), StartFailure> {
    if plan.overlays.is_empty() {
        return Ok(());
    }
    const MOST: usize = 8;
    let failed = failed(Step::Private);
    bare::leave_mounts().map_err(&failed)?;
    bare::mount(None, c"/", libc::MS_REC | libc::MS_SLAVE).map_err(&failed)?;
    // All are opened before any is laid over: one may lie in what another covers.
    let mut folders = [-1; MOST];
    for (slot, (folder, _)) in folders.iter_mut().zip(&plan.overlays) {
        let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        *slot = bare::open(folder, flags, 0).map_err(&failed)?;
    }
    if plan.overlays.len() > MOST {
        return Err(failed(libc::E2BIG));
    }
    for (folder, (_, over)) in folders.iter().zip(&plan.overlays) {
        let path = descriptor_path(*folder);
        let path = std::ffi::CStr::from_bytes_until_nul(&path).unwrap_or(c"");
        bare::mount(Some(path), over, libc::MS_BIND).map_err(&failed)?;
        // SAFETY: opened above.
        unsafe { bare::close(*folder) };
    }
    Ok(())
}

/// The name by which a descriptor of this process can be opened, followed by a zero.
fn descriptor_path(file: RawFd) -> [u8; 25] {
    let mut path = *b"/proc/self/fd/0000000000\0";
    let digits = path.len() - 11;
    let mut number = file as u32;
    for at in (digits..digits + 10).rev() {
        path[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    // Leading zeros are no part of a descriptor's name.
    let skip = path[digits..digits + 9].iter().take_while(|digit| **digit == b'0').count();
    path.copy_within(digits + skip.., digits);
    path
}

/// Nothing of the launcher's is left to the program.
fn leave_launcher(plan: &Plan, around: &Surroundings) -> Result<(), StartFailure> {
    // On kernels before 5.11 this fails; all our descriptors are marked one by one as well.
    let _ = bare::close_later_from(3);
    if let Some(file) = plan.kept {
        bare::keep_open(file).map_err(failed(Step::Stdin))?;
    }
    set_limits(&plan.lowered_limits)?;
    bare::unblock_signals();
    // A launcher that died meanwhile may have been replaced by one that knows nothing of this child.
    if bare::parent() != around.launcher {
        bare::leave(127);
    }
    Ok(())
}

/// Tries one file after the other, as a shell would.
fn execute(plan: &Plan) -> StartFailure {
    let mut errno = libc::ENOENT;
    for program in &plan.programs {
        // SAFETY: the lists were made by `Pointers`, end with null pointers and live as long as the plan.
        match unsafe { bare::execute(program, plan.argv.as_ptr(), plan.env.as_ptr()) } {
            libc::ENOENT if bare::exists(program) => {
                return StartFailure { step: Step::Interpreter, errno: libc::ENOENT };
            }
            libc::ENOENT | libc::ENOTDIR => {}
            // Remembered, as a later folder may have one that we may execute.
            libc::EACCES => errno = libc::EACCES,
            other => return StartFailure { step: Step::Program, errno: other },
        }
    }
    StartFailure { step: Step::Program, errno }
}
