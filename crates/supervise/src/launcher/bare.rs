//! System calls that leave no trace in the calling thread. The C library's put their errors into a place that belongs
//! to the thread, and a process that begins in the launcher's memory (`cradle.rs`) has no such place of its own.
//!
//! Errors are error numbers. Pointers must be good for what the kernel does with them. Who needs them: `child.rs`.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

/// Whether this machine's calls are made here, and not by the C library.
pub(super) const LEAVES_NO_TRACE: bool = cfg!(target_arch = "x86_64");

type Called<T = usize> = Result<T, i32>;

/// Calls the kernel.
///
/// # Safety
/// As the call itself.
#[cfg(target_arch = "x86_64")]
unsafe fn call(number: libc::c_long, arguments: [usize; 6]) -> Called {
    let [a, b, c, d, e, f] = arguments;
    let result: isize;
    // SAFETY: this is how the kernel is called on this machine; it changes the three registers named as changed, and
    // memory only as the caller allows.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            out("rcx") _, out("r11") _,
            options(nostack),
        );
    }
    // The last 4095 numbers are errors.
    if (-4095..0).contains(&result) { Err(-result as i32) } else { Ok(result as usize) }
}

/// Calls the kernel by way of the C library.
///
/// # Safety
/// As the call itself.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn call(number: libc::c_long, arguments: [usize; 6]) -> Called {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: as promised by the caller.
    match unsafe { libc::syscall(number, a, b, c, d, e, f) } {
        // SAFETY: the address of errno is always valid.
        -1 => Err(unsafe { *libc::__errno_location() }),
        result => Ok(result as usize),
    }
}

/// Relative paths begin at the working directory.
const HERE: usize = libc::AT_FDCWD as usize;

/// Opens a file; what is made gets this mode, less the mask.
pub(super) fn open(path: &CStr, flags: c_int, mode: u32) -> Called<c_int> {
    // SAFETY: a C string.
    let file = unsafe {
        call(libc::SYS_openat, [HERE, path.as_ptr() as usize, flags as usize, mode as usize, 0, 0])
    };
    file.map(|file| file as c_int)
}

/// Writes once; says how much was taken.
pub(super) fn write(file: c_int, bytes: &[u8]) -> Called {
    // SAFETY: the bytes are as long as we say.
    unsafe { call(libc::SYS_write, [file as usize, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0]) }
}

/// Closes a descriptor.
///
/// # Safety
/// It must be the caller's own.
pub(super) unsafe fn close(file: c_int) {
    // SAFETY: as promised by the caller. There is nothing to be done about a failure.
    let _ = unsafe { call(libc::SYS_close, [file as usize, 0, 0, 0, 0, 0]) };
}

/// Makes `number` lead where `file` leads, and stay open in the next program.
///
/// # Safety
/// What `number` was must be the caller's own.
pub(super) unsafe fn duplicate(file: c_int, number: c_int) -> Called {
    if file == number {
        // SAFETY: takes no pointers.
        return unsafe { call(libc::SYS_fcntl, [file as usize, libc::F_SETFD as usize, 0, 0, 0, 0]) };
    }
    // SAFETY: takes no pointers; as promised by the caller.
    unsafe { call(libc::SYS_dup3, [file as usize, number as usize, 0, 0, 0, 0]) }
}

/// Lets a descriptor stay open in the next program.
pub(super) fn keep_open(file: c_int) -> Called {
    // SAFETY: takes no pointers.
    unsafe { call(libc::SYS_fcntl, [file as usize, libc::F_SETFD as usize, 0, 0, 0, 0]) }
}

/// Marks all descriptors from this one on to be closed by the next program. Fails on kernels before 5.11.
pub(super) fn close_later_from(first: c_int) -> Called {
    let flag = libc::CLOSE_RANGE_CLOEXEC as usize;
    // SAFETY: takes no pointers.
    unsafe { call(libc::SYS_close_range, [first as usize, u32::MAX as usize, flag, 0, 0, 0]) }
}

/// Changes the working directory.
pub(super) fn change_directory(path: &CStr) -> Called {
    // SAFETY: a C string.
    unsafe { call(libc::SYS_chdir, [path.as_ptr() as usize, 0, 0, 0, 0, 0]) }
}

/// Makes a directory.
///
/// # Safety
/// The path must be a C string.
pub(super) unsafe fn make_directory(path: *const c_char, mode: u32) -> Called {
    // SAFETY: as promised by the caller.
    unsafe { call(libc::SYS_mkdirat, [HERE, path as usize, mode as usize, 0, 0, 0]) }
}

/// Whether a file is there.
pub(super) fn exists(path: &CStr) -> bool {
    // SAFETY: a C string.
    let looked =
        unsafe { call(libc::SYS_faccessat, [HERE, path.as_ptr() as usize, libc::F_OK as usize, 0, 0, 0]) };
    looked.is_ok()
}

/// Begins a session.
pub(super) fn begin_session() -> Called {
    // SAFETY: takes nothing.
    unsafe { call(libc::SYS_setsid, [0; 6]) }
}

/// Sets the mask for new files.
pub(super) fn set_mask(mask: libc::mode_t) {
    // SAFETY: takes no pointers, and cannot fail.
    let _ = unsafe { call(libc::SYS_umask, [mask as usize, 0, 0, 0, 0, 0]) };
}

/// Gives a signal its default disposition. The C library refuses two that it keeps for itself.
pub(super) fn reset_signal(signal: c_int) {
    // Longer than the kernel's struct, in which zeros mean the default.
    let default = [0u64; 8];
    let action = default.as_ptr() as usize;
    // SAFETY: the action is as long as the kernel's; the size is that of its signal set.
    let _ = unsafe { call(libc::SYS_rt_sigaction, [signal as usize, action, 0, size_of::<u64>(), 0, 0]) };
}

/// Blocks no signal any more.
pub(super) fn unblock_signals() {
    let none = 0u64;
    let (how, set) = (libc::SIG_SETMASK as usize, ptr::from_ref(&none) as usize);
    // SAFETY: the set is as long as we say.
    let _ = unsafe { call(libc::SYS_rt_sigprocmask, [how, set, 0, size_of::<u64>(), 0, 0]) };
}

/// Sets a resource limit.
pub(super) fn set_limit(resource: u32, limit: &libc::rlimit) -> Called {
    // The call wants numbers of 64 bits, which these are on machines of 64 bits.
    let limit = [limit.rlim_cur, limit.rlim_max];
    // SAFETY: the struct is two numbers.
    unsafe { call(libc::SYS_prlimit64, [0, resource as usize, limit.as_ptr() as usize, 0, 0, 0]) }
}

/// Sets the nice value.
pub(super) fn set_nice(nice: c_int) -> Called {
    // SAFETY: takes no pointers.
    unsafe { call(libc::SYS_setpriority, [libc::PRIO_PROCESS as usize, 0, nice as usize, 0, 0, 0]) }
}

/// Binds to CPUs.
pub(super) fn set_cpus(cpus: &libc::cpu_set_t) -> Called {
    let set = ptr::from_ref(cpus) as usize;
    // SAFETY: the set is as long as we say.
    unsafe { call(libc::SYS_sched_setaffinity, [0, size_of::<libc::cpu_set_t>(), set, 0, 0, 0]) }
}

/// Gets a mount namespace of its own.
pub(super) fn leave_mounts() -> Called {
    // SAFETY: takes no pointers.
    unsafe { call(libc::SYS_unshare, [libc::CLONE_NEWNS as usize, 0, 0, 0, 0, 0]) }
}

/// Mounts something without a source of its own kind, or changes how a mount behaves.
pub(super) fn mount(source: Option<&CStr>, target: &CStr, flags: libc::c_ulong) -> Called {
    let source = source.map_or(0, |source| source.as_ptr() as usize);
    // SAFETY: C strings, or nothing where these flags want nothing.
    unsafe { call(libc::SYS_mount, [source, target.as_ptr() as usize, 0, flags as usize, 0, 0]) }
}

/// Makes standard input the terminal of the session.
pub(super) fn take_terminal() -> Called {
    // SAFETY: takes no pointers.
    unsafe { call(libc::SYS_ioctl, [0, libc::TIOCSCTTY as usize, 0, 0, 0, 0]) }
}

/// The process that this one's end is told.
pub(super) fn parent() -> libc::pid_t {
    // SAFETY: takes nothing, and cannot fail.
    unsafe { call(libc::SYS_getppid, [0; 6]) }.unwrap_or(0) as libc::pid_t
}

/// Becomes another program; returns why it did not.
///
/// # Safety
/// Both lists must be of C strings and end with a null pointer.
pub(super) unsafe fn execute(
    program: &CStr,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> i32 {
    let all = [program.as_ptr() as usize, arguments as usize, environment as usize, 0, 0, 0];
    // SAFETY: as promised by the caller.
    unsafe { call(libc::SYS_execve, all) }.err().unwrap_or(0)
}

/// Ends this process without running what belongs to anybody else.
pub(super) fn leave(code: c_int) -> ! {
    loop {
        // SAFETY: takes no pointers.
        let _ = unsafe { call(libc::SYS_exit_group, [code as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Makes a process whose life begins with `begin(with)` on the stack that `wanted` names, in the memory of this one.
/// Returns its number.
///
/// # Safety
/// The stack must be nobody else's and `with` good for `begin` until the process has left this memory. `begin` must not
/// touch what belongs to a thread, nor anything that this process changes meanwhile.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn clone_beside(
    wanted: &libc::clone_args,
    begin: unsafe extern "C" fn(*mut c_void) -> !,
    with: *mut c_void,
) -> Called<libc::pid_t> {
    let result: isize;
    // SAFETY: in this process it is a call as any other; the other one finds its stack as a called function does, and
    // never comes back.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 as isize => result,
            in("rdi") ptr::from_ref(wanted), in("rsi") size_of::<libc::clone_args>(),
            in("r12") with, in("r13") begin,
            out("rcx") _, out("r11") _,
        );
    }
    if result < 0 { Err(-result as i32) } else { Ok(result as libc::pid_t) }
}

/// Is not done on this machine; see [`LEAVES_NO_TRACE`].
///
/// # Safety
/// None is needed.
#[cfg(not(target_arch = "x86_64"))]
pub(super) unsafe fn clone_beside(
    _wanted: &libc::clone_args,
    _begin: unsafe extern "C" fn(*mut c_void) -> !,
    _with: *mut c_void,
) -> Called<libc::pid_t> {
    Err(libc::ENOSYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_and_not_left_behind() {
        // SAFETY: sets and reads the number of this thread's last error.
        unsafe { *libc::__errno_location() = 77 };
        assert_eq!(open(c"/no/such/file", libc::O_RDONLY, 0), Err(libc::ENOENT));
        if LEAVES_NO_TRACE {
            // SAFETY: as above.
            assert_eq!(unsafe { *libc::__errno_location() }, 77);
        }
        assert!(exists(c"/proc/self") && !exists(c"/no/such/file"));
        assert_eq!(change_directory(c"/dev/null"), Err(libc::ENOTDIR));
        assert_eq!(parent(), std::os::unix::process::parent_id() as libc::pid_t);
    }
}
