//! Where a process begins: in a copy of the launcher's memory, as after any fork, or in that memory itself, on a stack
//! of its own, until it has left it for its program. To make the copy, to write to both and to throw one away again
//! takes longer than many a program that is started.
//!
//! Sharing memory has a price where the kernel looks at memory and not at processes: what it kills for want of memory
//! goes together with all who share it, and so does a change of what it would kill first. Such runs get a copy, see
//! [`Nursery::may_share`]. Unlike after `vfork` the launcher goes on: a child may wait for ever where it opens a file.

use std::cell::RefCell;
use std::ffi::c_void;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::rc::Rc;

use rustix::fs::{Mode, OFlags};

use super::bare;
use super::child::{Surroundings, become_program};
use super::plan::Plan;
use crate::cgroup::Doors;
use crate::launch::Launch;

/// What a child's functions need at most is a path; in a build for debugging several times that.
const STACK: usize = 128 << 10;
/// Below each stack is a page that nobody can write to.
const GUARD: usize = 4 << 10;
/// Stacks kept for the next child.
const SPARE: usize = 8;
/// The least limit of memory under which sharing is safe: far more than what the kernel counts for a process before it
/// has reached its program, which are its arguments and what the kernel itself needs.
const ROOM: u64 = 64 << 20;

/// Begins the life of a process in the control group that the descriptor in `clone_args` names.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Makes processes.
pub(super) struct Nursery {
    /// Whether a child may begin in this memory at all.
    shares: bool,
    stacks: Rc<RefCell<Vec<Stack>>>,
}

impl Nursery {
    /// Looks what this machine allows.
    ///
    /// Before Linux 5.16 a process that dumped core took along all who shared its memory. And where programs that
    /// changed their user may be looked into (`fs.suid_dumpable` 1, meant for hunting bugs), a user could look into the
    /// launcher by way of a child that has become that user.
    pub(super) fn new() -> Self {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        let dumps = fs::read_to_string("/proc/sys/fs/suid_dumpable").unwrap_or_default();
        let shares = bare::LEAVES_NO_TRACE && is_at_least(&release, (5, 16)) && dumps.trim() != "1";
        Self { shares, stacks: Rc::default() }
    }

    /// Whether the process of a launch may begin in the launcher's memory.
    pub(super) fn may_share(&self, launch: &Launch) -> bool {
        self.shares
            && launch.oom_score == 0
            && !launch.limits.die_together
            && launch.limits.memory.is_none_or(|bytes| bytes >= ROOM)
            && launch.private.is_none()
    }

    /// Makes a process in a copy of this memory.
    ///
    /// # Safety
    /// The calling process must have one thread.
    pub(super) unsafe fn copy(&self, plan: &mut Plan, around: &Surroundings) -> io::Result<u32> {
        // SAFETY: as promised by the caller; the child does nothing but `become_program`.
        match unsafe { fork_into(&mut plan.doors) } {
            -1 => Err(io::Error::last_os_error()),
            0 => become_program(plan, around),
            pid => Ok(pid as u32),
        }
    }

    /// Makes a process in this memory. The cradle must be kept until it has left. Gives back what it was to have where
    /// that cannot be done: then a copy may do.
    pub(super) fn share(&self, mut occupant: Box<Occupant>) -> Result<(u32, Cradle), Box<Occupant>> {
        let Some(folder) = birthplace(&occupant.plan.doors) else { return Err(occupant) };
        let Some(stack) = self.stacks.borrow_mut().pop().or_else(Stack::new) else { return Err(occupant) };
        let entered = occupant.plan.doors.unified.take();
        let occupant = NonNull::from(Box::leak(occupant));
        let mut wanted = clone_args(folder.as_ref());
        wanted.flags |= libc::CLONE_VM as u64;
        wanted.stack = stack.lowest.as_ptr() as u64;
        wanted.stack_size = STACK as u64;
        // SAFETY: stack and occupant are this child's alone until the cradle is vacated, and `begin` only makes bare
        // calls.
        let result = unsafe { bare::clone_beside(&wanted, begin, occupant.as_ptr().cast()) };
        match result {
            Ok(pid) => Ok((pid as u32, Cradle { occupant, stack, stacks: Rc::clone(&self.stacks) })),
            Err(_) => {
                // SAFETY: nobody was born who could use it.
                let mut occupant = unsafe { Box::from_raw(occupant.as_ptr()) };
                occupant.plan.doors.unified = entered;
                keep(&self.stacks, stack);
                Err(occupant)
            }
        }
    }
}

/// What a process that has begun in this memory uses of it. It stays for ever unless it is vacated.
#[must_use = "the memory is lost if nobody says that the process has left it"]
pub(super) struct Cradle {
    occupant: NonNull<Occupant>,
    stack: Stack,
    stacks: Rc<RefCell<Vec<Stack>>>,
}

/// What a process has to know to find its program.
pub(super) struct Occupant {
    pub(super) plan: Plan,
    pub(super) around: Surroundings,
}

impl Cradle {
    /// Takes it back.
    ///
    /// # Safety
    /// The process must have reached its program or have ended.
    pub(super) unsafe fn vacated(self) {
        let Self { occupant, stack, stacks } = self;
        // SAFETY: made by `Box::leak`, and nobody else uses it any more.
        drop(unsafe { Box::from_raw(occupant.as_ptr()) });
        keep(&stacks, stack);
    }
}

/// Where the life of a child begins that shares this memory.
///
/// # Safety
/// `occupant` must be an [`Occupant`] that nobody else uses.
unsafe extern "C" fn begin(occupant: *mut c_void) -> ! {
    // SAFETY: as promised by the caller.
    let Occupant { plan, around } = unsafe { &mut *occupant.cast::<Occupant>() };
    become_program(plan, around)
}

/// Memory for the calls of one child, above a page that cannot be written to.
struct Stack {
    lowest: NonNull<c_void>,
}

impl Stack {
    fn new() -> Option<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: new memory, at a place that the kernel chooses.
        let whole = unsafe { libc::mmap(ptr::null_mut(), GUARD + STACK, access, kind, -1, 0) };
        if whole == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: the first page of what was mapped just now, which nobody uses.
        let guarded = unsafe { libc::mprotect(whole, GUARD, libc::PROT_NONE) };
        // SAFETY: within what was mapped.
        let stack = Self { lowest: NonNull::new(unsafe { whole.byte_add(GUARD) })? };
        (guarded == 0).then_some(stack)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the whole of what was mapped, which nobody uses any more.
        unsafe { libc::munmap(self.lowest.as_ptr().byte_sub(GUARD), GUARD + STACK) };
    }
}

fn keep(stacks: &RefCell<Vec<Stack>>, stack: Stack) {
    let mut stacks = stacks.borrow_mut();
    if stacks.len() < SPARE {
        stacks.push(stack);
    }
}

/// Opens the control group that a process shall begin in; without one it begins in the launcher's. `None` if there
/// should be one and is not.
fn birthplace(doors: &Doors) -> Option<Option<OwnedFd>> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match doors.birthplace.as_deref() {
        None => Some(None),
        Some(path) => rustix::fs::open(path, flags, Mode::empty()).ok().map(Some),
    }
}

fn clone_args(folder: Option<&OwnedFd>) -> libc::clone_args {
    // SAFETY: the struct is plain numbers, for which zeros are a value.
    let mut wanted: libc::clone_args = unsafe { std::mem::zeroed() };
    wanted.exit_signal = libc::SIGCHLD as u64;
    if let Some(folder) = folder {
        wanted.flags = CLONE_INTO_CGROUP;
        wanted.cgroup = folder.as_raw_fd() as u64;
    }
    wanted
}

/// Forks; if the kernel can do that, the child begins its life in the control group of the unified tree and needs not
/// enter it.
///
/// # Safety
/// As `fork`: the child may only do what is async-signal-safe, and the process must have one thread.
unsafe fn fork_into(doors: &mut Doors) -> libc::pid_t {
    if let Some(Some(folder)) = birthplace(doors) {
        let entered = doors.unified.take();
        let wanted = clone_args(Some(&folder));
        // SAFETY: without a stack of its own the child goes on from here in a copy of everything, as after a fork. What
        // the C library does around a fork is for its locks and its number of the thread, which the child does not use.
        let pid = unsafe { libc::syscall(libc::SYS_clone3, &wanted, size_of::<libc::clone_args>()) };
        if pid != -1 {
            return pid as libc::pid_t;
        }
        // Kernels before 5.7, and containers that forbid the call.
        doors.unified = entered;
    }
    // SAFETY: as promised by the caller.
    unsafe { libc::fork() }
}

/// Whether a kernel's release such as `6.1.0-18-amd64` is this version or a later one.
fn is_at_least(release: &str, wanted: (u32, u32)) -> bool {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    (next(), next()) >= wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::Private;
    use crate::run::RunId;

    #[test]
    fn releases_are_compared_as_numbers() {
        for (release, is_later) in [
            ("5.16.0", true),
            ("5.9.1", false),
            ("6.1.0-18-amd64", true),
            ("4.18.0-553.el8", false),
            ("", false),
        ] {
            assert_eq!(is_at_least(release, (5, 16)), is_later, "{release}");
        }
    }

    #[test]
    fn who_could_take_the_launcher_along_gets_a_copy() {
        let nursery = Nursery { shares: true, stacks: Rc::default() };
        let launch = Launch::new(RunId { key: 1, attempt: 0 }, ["/bin/true"]);
        assert!(nursery.may_share(&launch));
        type Change = fn(&mut Launch);
        let changes: [Change; 4] = [
            |launch| launch.oom_score = 500,
            |launch| launch.limits.die_together = true,
            |launch| launch.limits.memory = Some(16 << 20),
            |launch| launch.private = Some(Private { folders: Vec::new(), lasting: true }),
        ];
        for change in changes {
            let mut launch = launch.clone();
            change(&mut launch);
            assert!(!nursery.may_share(&launch), "{launch:?}");
        }
    }
}
