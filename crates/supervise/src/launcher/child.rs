//! The child's way from the fork to the program. Only async-signal-safe calls on what `plan.rs` made ready: nothing
//! here allocates, locks, or panics. A failure goes through a pipe that closes itself when the program is reached.

use std::os::fd::RawFd;

use super::journal::StartLine;
use super::plan::{Opening, Plan};
use crate::report::{StartFailure, Step};

/// What else the child has to know.
pub(super) struct Surroundings<'a> {
    /// The pipe's end for failures.
    pub(super) failures: RawFd,
    /// Whose child this is meant to be.
    pub(super) launcher: libc::pid_t,
    /// Signals that the launcher ignores and the program shall not.
    pub(super) ignored: &'a [libc::c_int],
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
/// # Safety
/// Must be called in a process that was forked from a single-threaded one.
pub(super) unsafe fn become_program(plan: &mut Plan, around: &Surroundings<'_>) -> ! {
    // SAFETY: as promised by the caller.
    let failure = unsafe { attempt(plan, around) };
    let errno = failure.errno.to_le_bytes();
    let bytes = [failure.step as u8, errno[0], errno[1], errno[2], errno[3]];
    // SAFETY: writes bytes of our own to our own pipe, then leaves without running any destructor.
    unsafe {
        libc::write(around.failures, bytes.as_ptr().cast(), bytes.len());
        libc::_exit(127)
    }
}

fn last_errno() -> i32 {
    // SAFETY: the address of errno is always valid.
    unsafe { *libc::__errno_location() }
}

/// Turns the kernel's -1 into a failure of this step.
fn check(step: Step, result: libc::c_int) -> Result<libc::c_int, StartFailure> {
    if result == -1 { Err(StartFailure { step, errno: last_errno() }) } else { Ok(result) }
}

/// Returns only if the program was not reached.
unsafe fn attempt(plan: &mut Plan, around: &Surroundings<'_>) -> StartFailure {
    // SAFETY: the caller's promise is passed on; see each step.
    let ready = unsafe {
        start_session(plan, around)
            .and_then(|()| enter_groups(plan))
            .and_then(|()| lay_over(plan))
            .and_then(|()| set_priorities(plan))
            .and_then(|()| become_user(plan))
            .and_then(|()| open_files(plan))
            .and_then(|()| leave_launcher(plan, around))
    };
    match ready {
        Err(failure) => failure,
        // SAFETY: the lists were made by `Pointers` and live as long as the plan.
        Ok(()) => unsafe { execute(plan) },
    }
}

/// A session of its own, default signals, and a line in the journal before anything can block.
unsafe fn start_session(plan: &mut Plan, around: &Surroundings<'_>) -> Result<(), StartFailure> {
    for signal in around.ignored {
        // By the bare call, as the C library refuses two signals that it keeps for itself.
        // SAFETY: the action is longer than the kernel's struct, and all zeros in it mean the default disposition.
        unsafe {
            let default = [0u64; 8];
            let nothing = std::ptr::null_mut::<u64>();
            libc::syscall(libc::SYS_rt_sigaction, *signal, default.as_ptr(), nothing, size_of::<u64>());
        }
    }
    // SAFETY: setsid and umask take no pointers.
    unsafe {
        check(Step::Session, libc::setsid())?;
        libc::umask(plan.umask);
    }
    plan.env.fill_own_pid();
    let Some(line) = plan.start_line.as_mut().map(StartLine::fill) else { return Ok(()) };
    // SAFETY: the line is ours and as long as we say; the descriptor is the journal's, open for appending.
    let written = unsafe { libc::write(plan.journal, line.as_ptr().cast(), line.len()) };
    match usize::try_from(written) {
        Ok(count) if count == line.len() => Ok(()),
        Ok(_) => Err(StartFailure { step: Step::Journal, errno: libc::ENOSPC }),
        Err(_) => Err(StartFailure { step: Step::Journal, errno: last_errno() }),
    }
}

/// Writes a few bytes to a file of the kernel's.
unsafe fn write_file(step: Step, path: *const libc::c_char, bytes: &[u8]) -> Result<(), StartFailure> {
    // SAFETY: the path is a C string that the plan (or the program) holds; the bytes are as long as we say.
    unsafe {
        let file = check(step, libc::open(path, libc::O_WRONLY | libc::O_CLOEXEC))?;
        let written = libc::write(file, bytes.as_ptr().cast(), bytes.len());
        let result = if written == -1 { Err(StartFailure { step, errno: last_errno() }) } else { Ok(()) };
        libc::close(file);
        result
    }
}

unsafe fn enter_groups(plan: &Plan) -> Result<(), StartFailure> {
    // Empty where the process has been born inside.
    for door in plan.doors.unified.iter().chain(&plan.doors.files) {
        // SAFETY: doors are C strings held by the plan.
        unsafe { write_file(Step::Cgroup, door.as_ptr(), b"0")? };
    }
    Ok(())
}

/// What may need the launcher's rights: limits above its own, nice values below zero.
unsafe fn set_priorities(plan: &Plan) -> Result<(), StartFailure> {
    // SAFETY: every pointer is into the plan and outlives the call.
    unsafe {
        set_limits(&plan.raised_limits)?;
        if plan.nice != 0 {
            check(Step::Priority, libc::setpriority(libc::PRIO_PROCESS, 0, plan.nice))?;
        }
        if let Some(score) = &plan.oom_score {
            write_file(Step::Priority, c"/proc/self/oom_score_adj".as_ptr(), score)?;
        }
        if let Some(cpus) = &plan.cpus {
            check(Step::Affinity, libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), cpus))?;
        }
    }
    Ok(())
}

unsafe fn set_limits(limits: &[(u32, libc::rlimit)]) -> Result<(), StartFailure> {
    for (resource, limit) in limits {
        // SAFETY: the limit is a valid rlimit.
        check(Step::Rlimit, unsafe { libc::setrlimit(*resource as _, limit) })?;
    }
    Ok(())
}

/// Groups first: whoever has become the user may change nothing any more.
///
/// By bare system calls: the C library's would try to tell threads that do not exist here.
unsafe fn become_user(plan: &Plan) -> Result<(), StartFailure> {
    let Some(user) = &plan.user else { return Ok(()) };
    let failed = |step| move |errno: rustix::io::Errno| StartFailure { step, errno: errno.raw_os_error() };
    rustix::thread::set_thread_groups(&user.groups).map_err(failed(Step::Groups))?;
    rustix::thread::set_thread_res_gid(user.gid, user.gid, user.gid).map_err(failed(Step::Gid))?;
    rustix::thread::set_thread_res_uid(user.uid, user.uid, user.uid).map_err(failed(Step::Uid))
}

/// The working directory and the three streams, with the user's rights.
unsafe fn open_files(plan: &Plan) -> Result<(), StartFailure> {
    // SAFETY: the paths are C strings held by the plan; descriptors are our own.
    unsafe {
        match plan.refuge {
            None => {
                check(Step::Directory, libc::chdir(plan.cwd.as_ptr()))?;
                open_streams(plan)?;
            }
            // What is said needs a place, and a folder made for it may be the one to go to.
            Some(_) => {
                open_streams(plan)?;
                enter_directory(plan)?;
            }
        }
        if !plan.prelude.is_empty() {
            // A full disk is the program's own matter.
            libc::write(1, plan.prelude.as_ptr().cast(), plan.prelude.len());
        }
        if plan.terminal {
            check(Step::Stdin, libc::ioctl(0, libc::TIOCSCTTY, 0))?;
        }
    }
    Ok(())
}

unsafe fn open_streams(plan: &Plan) -> Result<(), StartFailure> {
    // SAFETY: the paths are C strings held by the plan; descriptors are our own.
    unsafe {
        for (number, stream) in plan.streams.iter().enumerate() {
            let step = [Step::Stdin, Step::Stdout, Step::Stderr][number];
            let file = match stream {
                Opening::File { path, flags } => {
                    let mut file = libc::open(path.as_ptr(), *flags, 0o666);
                    let is_made = flags & libc::O_CREAT != 0 && plan.refuge.is_some();
                    if file == -1 && last_errno() == libc::ENOENT && is_made {
                        make_folders_above(path);
                        file = libc::open(path.as_ptr(), *flags, 0o666);
                    }
                    check(step, file)?
                }
                Opening::SameAsStdout => 1,
                Opening::Open(file) => *file,
            };
            check(step, libc::dup2(file, number as libc::c_int))?;
            if file > 2 && !matches!(stream, Opening::Open(_)) {
                libc::close(file);
            }
        }
    }
    Ok(())
}

/// Makes the folders above a file as far as they are missing. Whether that was of use is seen when the file is opened.
unsafe fn make_folders_above(path: &std::ffi::CStr) {
    let bytes = path.to_bytes();
    let mut above = [0u8; libc::PATH_MAX as usize];
    if bytes.len() >= above.len() {
        return;
    }
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'/' && at > 0 {
            // SAFETY: what was written so far is followed by a zero.
            unsafe { libc::mkdir(above.as_ptr().cast(), 0o755) };
        }
        above[at] = *byte;
    }
}

/// Goes to the working directory, or says why not and goes to the refuge.
unsafe fn enter_directory(plan: &Plan) -> Result<(), StartFailure> {
    // SAFETY: the paths are C strings held by the plan; what is written is as long as we say.
    unsafe {
        if libc::chdir(plan.cwd.as_ptr()) == 0 {
            return Ok(());
        }
        let Some((refuge, [before, behind])) = &plan.refuge else { return Ok(()) };
        let why: &[u8] = match last_errno() {
            libc::ENOENT => b"No such file or directory",
            libc::EACCES => b"Permission denied",
            libc::ENOTDIR => b"Not a directory",
            _ => b"it cannot be entered",
        };
        for part in [before.as_slice(), why, behind.as_slice()] {
            libc::write(2, part.as_ptr().cast(), part.len());
        }
        check(Step::Directory, libc::chdir(refuge.as_ptr()))?;
    }
    Ok(())
}

/// Gives the process a view of its own on some folders. What the machine mounts later is still seen.
unsafe fn lay_over(plan: &Plan) -> Result<(), StartFailure> {
    if plan.overlays.is_empty() {
        return Ok(());
    }
    const MOST: usize = 8;
    let nothing = std::ptr::null();
    // SAFETY: every path is a C string that the plan holds or a literal; descriptors are our own.
    unsafe {
        check(Step::Private, libc::unshare(libc::CLONE_NEWNS))?;
        let slave = libc::MS_REC | libc::MS_SLAVE;
        check(Step::Private, libc::mount(nothing, c"/".as_ptr(), nothing, slave, nothing.cast()))?;
        // All are opened before any is laid over: one may lie in what another covers.
        let mut folders = [-1; MOST];
        for (slot, (folder, _)) in folders.iter_mut().zip(&plan.overlays) {
            let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
            *slot = check(Step::Private, libc::open(folder.as_ptr(), flags))?;
        }
        if plan.overlays.len() > MOST {
            return Err(StartFailure { step: Step::Private, errno: libc::E2BIG });
        }
        for (folder, (_, over)) in folders.iter().zip(&plan.overlays) {
            let mut path = *b"/proc/self/fd/0000000000\0";
            let digits = path.len() - 11;
            let mut number = *folder as u32;
            for at in (digits..digits + 10).rev() {
                path[at] = b'0' + (number % 10) as u8;
                number /= 10;
            }
            // Leading zeros are no part of a descriptor's name.
            let skip = path[digits..digits + 9].iter().take_while(|digit| **digit == b'0').count();
            path.copy_within(digits + skip.., digits);
            let bound =
                libc::mount(path.as_ptr().cast(), over.as_ptr(), nothing, libc::MS_BIND, nothing.cast());
            check(Step::Private, bound)?;
            libc::close(*folder);
        }
    }
    Ok(())
}

/// Nothing of the launcher's is left to the program.
unsafe fn leave_launcher(plan: &Plan, around: &Surroundings<'_>) -> Result<(), StartFailure> {
    // SAFETY: no pointers but to the limits and to a signal set of our own.
    unsafe {
        // On kernels before 5.11 this fails; all our descriptors are marked one by one as well.
        libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
        if let Some(file) = plan.kept {
            check(Step::Stdin, libc::fcntl(file, libc::F_SETFD, 0))?;
        }
        set_limits(&plan.lowered_limits)?;
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
        // A launcher that died meanwhile may have been replaced by one that knows nothing of this child.
        if libc::getppid() != around.launcher {
            libc::_exit(127);
        }
    }
    Ok(())
}

/// Tries one file after the other, as a shell would.
unsafe fn execute(plan: &Plan) -> StartFailure {
    let mut errno = libc::ENOENT;
    for program in &plan.programs {
        // SAFETY: the program is a C string, the lists end with null pointers; all are held by the plan.
        unsafe { libc::execve(program.as_ptr(), plan.argv.as_ptr(), plan.env.as_ptr()) };
        match last_errno() {
            libc::ENOENT if exists(program) => {
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

/// Whether the file is there, which means that it was its interpreter which was not.
fn exists(program: &std::ffi::CStr) -> bool {
    // SAFETY: a C string.
    unsafe { libc::access(program.as_ptr(), libc::F_OK) == 0 }
}
