//! A fence between a control group of version 2 and devices: there is no file to write for that; the kernel asks a
//! small program that is attached to the group whenever somebody in it opens or makes a device file. Here the program
//! is put together, loaded and attached. Numbers and shapes are those of the kernel's header `linux/bpf.h`.
//! Which devices a run must not open is in `devices`.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use super::devices::{Device, Kind};

/// `BPF_PROG_LOAD` and `BPF_PROG_ATTACH`, what is asked of the call.
const LOAD: libc::c_long = 5;
const ATTACH: libc::c_long = 8;
/// `BPF_PROG_TYPE_CGROUP_DEVICE`, the kind of program.
const KIND_OF_PROGRAM: u32 = 15;
/// `BPF_CGROUP_DEVICE`, the occasion on which it is asked.
const OCCASION: u32 = 6;
/// `BPF_F_ALLOW_MULTI`: every program on the way up from a process is asked, and each can refuse.
const BESIDE_OTHERS: u32 = 2;
/// What the program is called in listings such as bpftool's; a zero ends it.
const NAME: &[u8; 16] = b"quintet_devices\0";
/// It calls nothing of the kernel's, so any licence will do.
const LICENCE: &std::ffi::CStr = c"Apache-2.0";
/// The kernel gives up checking a program if a signal comes; it may be asked again.
const ATTEMPTS: usize = 5;

/// `struct bpf_insn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Instruction {
    operation: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// A register of the program's machine.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Register {
    /// What the program answers.
    Answer = 0,
    /// Where it finds what it is asked about, `struct bpf_cgroup_dev_ctx`.
    Question = 1,
    Kind = 2,
    Major = 3,
    Minor = 4,
}

impl Instruction {
    fn new(operation: u8, to: Register, from: u8, offset: i16, immediate: i32) -> Self {
        // Two fields of four bits, which C orders as it does bytes.
        let registers =
            if cfg!(target_endian = "big") { (to as u8) << 4 | from } else { from << 4 | to as u8 };
        Self { operation, registers, offset, immediate }
    }

    /// Reads a word of the question, so many bytes from its beginning.
    fn read(to: Register, offset: i16) -> Self {
        Self::new(0x61, to, Register::Question as u8, offset, 0)
    }

    fn keep_bits(of: Register, mask: i32) -> Self {
        Self::new(0x54, of, 0, 0, mask)
    }

    /// Skips so many of the following unless a register's lower 32 bits are these.
    fn skip_unless(register: Register, value: u32, count: i16) -> Self {
        Self::new(0x56, register, 0, count, value.cast_signed())
    }

    fn answer(value: i32) -> [Self; 2] {
        [Self::new(0xb7, Register::Answer, 0, 0, value), Self::new(0x95, Register::Answer, 0, 0, 0)]
    }
}

/// Puts the program together that refuses these devices, whatever shall be done with them, and no other.
fn program(refused: &[Device]) -> Vec<Instruction> {
    let mut program = vec![
        // The upper half says what shall be done: make, read, write.
        Instruction::read(Register::Kind, 0),
        Instruction::keep_bits(Register::Kind, 0xffff),
        Instruction::read(Register::Major, 4),
        Instruction::read(Register::Minor, 8),
    ];
    for device in refused {
        let kind = match device.kind {
            Kind::Block => 1,
            Kind::Character => 2,
        };
        program.extend([
            Instruction::skip_unless(Register::Kind, kind, 4),
            Instruction::skip_unless(Register::Major, device.major, 3),
            Instruction::skip_unless(Register::Minor, device.minor, 2),
        ]);
        program.extend(Instruction::answer(0));
    }
    program.extend(Instruction::answer(1));
    program
}

/// The beginning of `union bpf_attr` for `BPF_PROG_LOAD`; the kernel takes what follows as zero.
#[repr(C)]
struct LoadRequest {
    kind: u32,
    count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

/// The same for `BPF_PROG_ATTACH`.
#[repr(C)]
struct AttachRequest {
    folder: u32,
    program: u32,
    occasion: u32,
    flags: u32,
}

/// Has the kernel check and keep a program, as long as the descriptor is open or it is attached.
fn load(program: &[Instruction]) -> io::Result<OwnedFd> {
    let count = u32::try_from(program.len()).map_err(|_| io::ErrorKind::ArgumentListTooLong)?;
    let request = LoadRequest {
        kind: KIND_OF_PROGRAM,
        count,
        instructions: program.as_ptr().addr() as u64,
        licence: LICENCE.as_ptr().addr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
        name: *NAME,
    };
    for _ in 0..ATTEMPTS {
        // SAFETY: the request is of the shape that this command reads, without padding, and of the size given; the
        // instructions are as many as it says and, like the licence with its zero, outlive the call, which only reads.
        let result =
            unsafe { libc::syscall(libc::SYS_bpf, LOAD, &raw const request, size_of::<LoadRequest>()) };
        match outcome(result) {
            // SAFETY: the call has just made this descriptor, closed on exec, and nobody else knows it.
            Ok(descriptor) => return Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

/// Has the kernel ask a program about a folder's processes and those below, until the folder is removed.
fn attach(program: &OwnedFd, folder: &Path) -> io::Result<()> {
    let folder = File::open(folder)?;
    let request = AttachRequest {
        folder: folder.as_raw_fd().cast_unsigned(),
        program: program.as_raw_fd().cast_unsigned(),
        occasion: OCCASION,
        flags: BESIDE_OTHERS,
    };
    // SAFETY: the request is of the shape that this command reads, without padding, and of the size given; it has no
    // pointers, and both descriptors are open.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, ATTACH, &raw const request, size_of::<AttachRequest>()) };
    outcome(result).map(drop)
}

fn outcome(result: libc::c_long) -> io::Result<RawFd> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    RawFd::try_from(result).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Refuses these devices to whoever is in a folder of the unified tree and below it.
pub(super) fn around(folder: &Path, refused: &[Device]) -> io::Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    attach(&load(&program(refused))?, folder)
}

/// Whether fences can be made in a folder: it takes `CAP_BPF` with `CAP_NET_ADMIN`, or `CAP_SYS_ADMIN`, a kernel with
/// BPF for control groups, and nobody above whose own program allows no other.
pub(super) fn are_possible(instance: &Path) -> bool {
    // In a folder that goes away at once: nothing may stay behind where runs will be, even if we are killed here.
    let trial = instance.join(format!("fence-{}", std::process::id()));
    for _ in 0..ATTEMPTS {
        // The last launcher to leave may just be removing all that is empty.
        let made = super::make_folder(instance).and_then(|()| super::make_folder(&trial));
        let possible = made.and_then(|()| attach(&load(&program(&[]))?, &trial));
        let _ = fs::remove_dir(&trial);
        match possible {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other.is_ok(),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: Device = Device { kind: Kind::Block, major: 8, minor: 1 };
    const GPU: Device = Device { kind: Kind::Character, major: 195, minor: 0 };

    /// Does what the kernel would.
    fn ask(program: &[Instruction], kind: u32, access: u32, major: u32, minor: u32) -> i32 {
        let question = [kind | access << 16, major, minor];
        let mut registers = [0_u32; 5];
        let mut at = 0;
        loop {
            let Instruction { operation, registers: pair, offset, immediate } = program[at];
            let to = usize::from(if cfg!(target_endian = "big") { pair >> 4 } else { pair & 15 });
            at += 1;
            match operation {
                0x61 => registers[to] = question[offset as usize / 4],
                0x54 => registers[to] &= immediate as u32,
                0x56 if registers[to] != immediate as u32 => at += offset as usize,
                0x56 => {}
                0xb7 => registers[to] = immediate as u32,
                0x95 => return registers[0] as i32,
                other => panic!("operation {other:#x}"),
            }
        }
    }

    #[test]
    fn what_is_refused_is_refused_for_everything_and_nothing_else_is() {
        let both = program(&[DISK, GPU]);
        for access in [1, 2, 4, 6, 7] {
            assert_eq!(ask(&both, 1, access, 8, 1), 0);
            assert_eq!(ask(&both, 2, access, 195, 0), 0);
            for (kind, major, minor) in [(2, 8, 1), (1, 195, 0), (2, 195, 1), (2, 8, 0), (1, 8, 2), (2, 1, 3)]
            {
                assert_eq!(ask(&both, kind, access, major, minor), 1, "{kind} {major}:{minor}");
            }
        }
        assert_eq!(ask(&program(&[]), 2, 2, 195, 0), 1);
    }

    #[test]
    fn a_program_is_what_the_kernel_reads() {
        assert_eq!((size_of::<Instruction>(), size_of::<LoadRequest>()), (8, 64));
        let wanted: &[(u8, u8, i16, i32)] = &[
            (0x61, 0x12, 0, 0),
            (0x54, 0x02, 0, 0xffff),
            (0x61, 0x13, 4, 0),
            (0x61, 0x14, 8, 0),
            (0x56, 0x02, 4, 2),
            (0x56, 0x03, 3, 195),
            (0x56, 0x04, 2, 0),
            (0xb7, 0x00, 0, 0),
            (0x95, 0x00, 0, 0),
            (0xb7, 0x00, 0, 1),
            (0x95, 0x00, 0, 0),
        ];
        let swapped = |pair: u8| if cfg!(target_endian = "big") { pair.rotate_left(4) } else { pair };
        let found: Vec<_> = program(&[GPU])
            .into_iter()
            .map(|own| (own.operation, swapped(own.registers), own.offset, own.immediate))
            .collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_kernel_takes_programs_for_any_number_of_devices() {
        for count in [0, 1, 2, 16, 1000] {
            let kind = |n| if n % 2 == 0 { Kind::Block } else { Kind::Character };
            let devices: Vec<Device> =
                (0..count).map(|n| Device { kind: kind(n), major: n / 7, minor: u32::MAX - n }).collect();
            match load(&program(&devices)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    eprintln!("skipped: loading a program is not permitted here: {error}");
                    return;
                }
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS)) => {
                    eprintln!("skipped: this kernel takes no programs: {error}");
                    return;
                }
                Err(error) => panic!("{count} devices: {error}"),
            }
        }
    }
}
